/** The registry of reference verifiers: the one place that knows which there are. A new TEE is one verifier and one row. */
import type { Bundle } from '../../emulator/bundle.ts';
import { ConfigError } from '../../emulator/errors.ts';
import { H100_BUNDLE_WISHES, type H100BundleWishes, verifyH100Bundle } from './h100/bundle.ts';
import { H100_REASONS } from './h100/reasons.ts';
import { LINK_REASONS, verifyLinkBundle } from './link.ts';
import { MACHINE_WISHES, type MachineWishes, verifyMachineBundle } from './machine/bundle.ts';
import { MACHINE_REASONS } from './machine/reasons.ts';
import { NRAS_BUNDLE_WISHES, type NrasBundleWishes, verifyNrasBundle } from './nras/bundle.ts';
import { NRAS_REASONS } from './nras/reasons.ts';
import { type BundleWishes as SnpBundleWishes, verifySnpBundle } from './snp/bundle.ts';
import { SNP_WISHES } from './snp/expectations.ts';
import { SNP_REASONS } from './snp/reasons.ts';
import { TDX_BUNDLE_WISHES, type TdxBundleWishes, verifyTdxBundle } from './tdx/bundle.ts';
import { TDX_REASONS } from './tdx/reasons.ts';
import type { ReasonTable, Verdict } from './verdict.ts';

export * from './h100.ts';
export * from './link.ts';
export * from './nras.ts';
export * from './snp.ts';
export * from './tdx.ts';
export { type Accepted, type Check, type Detail, type ReasonRow, type ReasonTable, type Rejected, type Stage, STAGES, type Verdict } from './verdict.ts';

/** Where the root came from that the evidence was verified with: one out of the bundle itself proves nothing about who made it. */
export type RootSource = 'bundle' | 'given';

/** What a relying party can expect of a bundle of any TEE. What means nothing for the bundle's own TEE is refused, not ignored. */
export type BundleWishes = SnpBundleWishes & TdxBundleWishes & H100BundleWishes & NrasBundleWishes & Pick<MachineWishes, 'binding'>;

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
  /** What can be asked of its evidence. */
  readonly wishes: Readonly<Record<string, true>>;
  /** @throws {ConfigError} for wishes that no evidence could meet */
  readonly verifyBundle: (bundle: Bundle, wishes: BundleWishes & { readonly now: number }) => Verdict<object>;
}

/** Every reference verifier, by TEE. */
export const VERIFIERS: ReadonlyMap<string, Verifier> = new Map(
  [
    { tee: 'snp', reasons: SNP_REASONS, wishes: SNP_WISHES, verifyBundle: verifySnpBundle },
    { tee: 'tdx', reasons: TDX_REASONS, wishes: TDX_BUNDLE_WISHES, verifyBundle: verifyTdxBundle },
    { tee: 'h100', reasons: H100_REASONS, wishes: H100_BUNDLE_WISHES, verifyBundle: verifyH100Bundle },
    { tee: 'ncc-h100-v5', reasons: MACHINE_REASONS, wishes: MACHINE_WISHES, verifyBundle: verifyMachineBundle },
    { tee: 'nras', reasons: NRAS_REASONS, wishes: NRAS_BUNDLE_WISHES, verifyBundle: verifyNrasBundle },
    { tee: 'link', reasons: LINK_REASONS, wishes: {}, verifyBundle: verifyLinkBundle },
  ].map((verifier) => [verifier.tee, verifier]),
);

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
  const verifier = verifierOf(tee);
  checkWishes(verifier, wishes);
  const verdict = verifier.verifyBundle(bundle, { ...wishes, now }) as Verdict<Readonly<Record<string, unknown>>>;
  return { ...verdict, tee, rootSource: wishes.roots ? 'given' : 'bundle', now };
}

/** @throws {ConfigError} for a wish that the TEE's evidence can't meet, however good it is: to leave it out would be to accept too much */
function checkWishes({ tee, wishes: known }: Verifier, { roots: _, now: __, ...wishes }: BundleWishes): void {
  const unknown = Object.entries(wishes).find(([name, value]) => value !== undefined && !Object.hasOwn(known, name));
  if (unknown) throw new ConfigError(unknown[0], `means nothing for ${tee} evidence`);
}
