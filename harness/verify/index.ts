/** The registry of reference verifiers: the one place that knows which there are. A new TEE is one verifier and one row. */
import type { Bundle } from '../../emulator/bundle.ts';
import { ConfigError } from '../../emulator/errors.ts';
import { type BundleWishes, verifySnpBundle } from './snp/bundle.ts';
import { SNP_REASONS } from './snp/reasons.ts';
import type { ReasonTable, Verdict } from './verdict.ts';

export type { BundleWishes } from './snp/bundle.ts';
export * from './snp.ts';
export { type Accepted, type Check, type Detail, type ReasonRow, type ReasonTable, type Rejected, type Stage, STAGES, type Verdict } from './verdict.ts';

/** Where the root came from that the evidence was verified with: one out of the bundle itself proves nothing about who made it. */
export type RootSource = 'bundle' | 'given';

/** A verdict on a bundle. */
export type BundleVerdict = Verdict<Readonly<Record<string, unknown>>> & {
  readonly tee: string;
  readonly rootSource: RootSource;
  /** Milliseconds since 1970: the time of verification. */
  readonly now: number;
};

/** A reference verifier of one TEE. */
export interface Verifier {
  readonly tee: string;
  /** Every reason for which it refuses evidence. */
  readonly reasons: ReasonTable;
  /** @throws {ConfigError} for wishes that no evidence could meet */
  readonly verifyBundle: (bundle: Bundle, wishes: BundleWishes & { readonly now: number }) => Verdict<object>;
}

/** Every reference verifier, by TEE. */
export const VERIFIERS: ReadonlyMap<string, Verifier> = new Map([{ tee: 'snp', reasons: SNP_REASONS, verifyBundle: verifySnpBundle }].map((verifier) => [verifier.tee, verifier]));

/** The verifier of a TEE. @throws {ConfigError} naming the ones there are */
export function verifierOf(tee: string): Verifier {
  const verifier = VERIFIERS.get(tee);
  if (!verifier) throw new ConfigError('tee', `there is no verifier for '${tee}', only for ${[...VERIFIERS.keys()].join(', ')}`);
  return verifier;
}

/**
 * Verifies a bundle, whatever TEE its manifest names. Without `roots`, the bundle's own root is taken: that says whether the bundle agrees with
 * itself, not who made it. Without `now`, it is verified at the time that the bundle names.
 * @throws {ConfigError} for a TEE without a verifier, or for wishes that no evidence could meet
 */
export function verifyBundle(bundle: Bundle, wishes: BundleWishes = {}): BundleVerdict {
  const { tee, verifyAt } = bundle.manifest;
  const now = wishes.now ?? verifyAt * 1000;
  const verdict = verifierOf(tee).verifyBundle(bundle, { ...wishes, now }) as Verdict<Readonly<Record<string, unknown>>>;
  return { ...verdict, tee, rootSource: wishes.roots ? 'given' : 'bundle', now };
}
