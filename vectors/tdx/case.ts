/** What a TDX case is: a quote with its collateral and event log, one thing changed, the verdict, and why. */
import type { Json, Manifest } from '../../emulator/bundle.ts';
import type { EcSigner } from '../../emulator/crypto/sign.ts';
import type { TdxEdits } from '../../emulator/tdx/evidence/edits.ts';
import type { TdxOptionsInput } from '../../emulator/tdx/evidence/options.ts';
import type { Platform } from '../../emulator/tdx/platform/platform.ts';
import type { World } from '../../emulator/world.ts';
import type { CaseBase, Files, Severity, Stage } from '../model.ts';
import type { BugClass } from '../subject.ts';

/** Who makes the evidence, for changes that need keys or certificates of their own. */
export interface TdxMaker {
  readonly world: World;
  /** Another world of the same names and times, whose Intel has other keys. */
  readonly stranger: () => World;
  /** The machine that the case starts from. */
  readonly platform: Platform;
  /** Signs quotes, and signs the quoting enclave's report. */
  readonly keys: { readonly attestation: EcSigner; readonly pck: EcSigner };
}

/** Changes before signing, or what comes to them for a maker. */
export type EditsIn = TdxEdits | ((maker: TdxMaker) => TdxEdits);
type Request = Readonly<Record<string, Json>>;

/** One change of evidence, and what is asked for. What is left out is as in the base. */
export interface TdxChange {
  /** The machine and its TD; the usual ones unless given. */
  readonly options?: TdxOptionsInput;
  /** Those of the good twin, where they differ. */
  readonly goodOptions?: TdxOptionsInput;
  /** Changes before signing of the good twin, too. */
  readonly base?: EditsIn;
  /** Changes before signing, on top of those. */
  readonly edits?: EditsIn;
  /** Changes of the quote after it was signed. */
  readonly after?: (quote: Uint8Array, maker: TdxMaker) => Uint8Array;
  /** Changes of the files of the bundle, last of all. */
  readonly files?: (files: Files, maker: TdxMaker) => Files;
  /** When the verifier looks, in milliseconds after the evidence was made. */
  readonly later?: number;
  /** Whom the relying party trusts, where that is not the root presented: another world's, of the same name, the good twin's, or its own and another world's. */
  readonly trusted?: 'foreign' | 'twin' | 'both';
  /** What is asked for, in the words of a subject's request; of the good twin's claims where only they tell. */
  readonly request?: Request | ((good: Manifest) => Request);
  readonly policy?: string;
  readonly bug?: BugClass;
}

/** Evidence that a verifier must refuse. */
export interface TdxRejectCase extends CaseBase, Omit<TdxChange, 'policy' | 'bug'> {
  readonly expect: 'must-reject';
  readonly stage: Stage;
  /** The reference verifier's code. */
  readonly reason: string;
}

/** Unusual evidence that a verifier must accept. */
export interface TdxAcceptCase extends CaseBase, Omit<TdxChange, 'policy' | 'bug'> {
  readonly expect: 'must-accept';
}

/** One case of a quote or an event log. */
export type TdxCase = TdxRejectCase | TdxAcceptCase;

/** A row of what must be refused. @param verdict stage and reason */
export function refused(id: string, verdict: readonly [stage: Stage, reason: string], severity: Severity, ref: string, why: string, change: TdxChange): TdxRejectCase {
  const [stage, reason] = verdict;
  return { id, expect: 'must-reject', stage, reason, severity, ref, why, ...change };
}

/** A row of what must be accepted. */
export function accepted(id: string, severity: Severity, ref: string, why: string, change: TdxChange): TdxAcceptCase {
  return { id, expect: 'must-accept', severity, ref, why, ...change };
}
