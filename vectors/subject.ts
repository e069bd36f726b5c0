/** What every case comes to, whatever its TEE: what a verifier is handed, and what it must make of it. Adapters, scores and published vectors know nothing else. */
import type { Bundle, Json } from '../emulator/bundle.ts';
import type { Severity, Stage } from './model.ts';

/**
 * What a correct verifier does. Where a verdict follows from a relying party's policy alone, {@link CaseInfo.policy} names it, and the request holds it.
 */
export type Expectation = 'must-reject' | 'must-accept';

/** What kind of mistake a verifier makes that gets the case wrong. */
export const BUG_CLASSES = {
  'authentication-bypass': 'evidence that nobody vouches for is believed',
  'binding-bypass': 'evidence of another session, guest or machine is believed',
  'stale-platform': 'a platform that is outdated, revoked or downgraded passes',
  'policy-gap': 'something that the relying party forbids passes',
  'parser-differential': 'malformed bytes are read as something',
  'denial-of-service': 'bytes from a peer make the verifier crash, hang or use up memory',
  'wrong-reject': 'good evidence is refused',
} as const;
export type BugClass = keyof typeof BUG_CLASSES;

/** What a verifier suffers from that misses a case of a stage, where its row does not say otherwise. */
export const STAGE_BUGS: Readonly<Record<Stage, BugClass>> = {
  parse: 'parser-differential',
  chain: 'authentication-bypass',
  revocation: 'stale-platform',
  signature: 'authentication-bypass',
  tcb: 'stale-platform',
  policy: 'policy-gap',
  binding: 'binding-bypass',
  freshness: 'stale-platform',
};

/** What is known of a case before it is built. */
export interface CaseInfo {
  /** `tee/area/slug`. It never changes its meaning: a case that must change gets a new id. */
  readonly id: string;
  readonly tee: string;
  readonly expect: Expectation;
  /** Where a strict verifier notices; only for what must be refused. */
  readonly stage?: Stage;
  /** The reference verifier's code; only for what must be refused. */
  readonly reason?: string;
  readonly severity: Severity;
  readonly bug: BugClass;
  /** The policy under which the verdict holds, for cases that a relying party may see otherwise. */
  readonly policy?: string;
  /** The specification, or the public defect that it repeats. */
  readonly ref: string;
  /** One sentence, for whoever reads a failure. */
  readonly why: string;
  /** What a verifier that fetches must have asked for before it may accept: `kds/crl`, `pcs/pckcrl`, `ocsp`. */
  readonly mustFetch?: readonly string[];
  /** What a verifier must have for the case to say anything of it: one that asks no services skips what only they can get wrong. */
  readonly needs?: readonly 'services'[];
}

/** The state of the services that a verifier can ask while it looks at the evidence. */
export interface ServiceView {
  /** What is revoked, in the words of the control port (`POST /revoke`). */
  readonly revoke?: readonly Json[];
  /** Faults, in the words of the control port (`POST /faults`). */
  readonly faults?: readonly Json[];
}

/** Everything that a verifier is handed. */
export interface Subject {
  /** The evidence and all that is delivered with it, as a bundle on disk. The services of the case answer with what is in it. */
  readonly bundle: Bundle;
  /** The roots that the relying party trusts, by file name (`ark.pem`, `root_ca.pem`, `root.pem`, `rim_root.pem`); PEM. */
  readonly roots: ReadonlyMap<string, Uint8Array>;
  /** When the verifier looks, in milliseconds since 1970. */
  readonly now: number;
  /**
   * What the relying party asks for, in the words of `teemu verify`: `reportData`, `measurement`, `nonce`, `policy`, `minTcb`, … Binary values are
   * hexadecimal.
   */
  readonly request: Readonly<Record<string, Json>>;
  readonly services: ServiceView;
}

/** A case ready for a verifier. */
export interface BuiltCase {
  readonly info: CaseInfo;
  readonly subject: Subject;
  /** Made by the same path without the case's one change. Unless it is accepted, a rejection of the subject means nothing. */
  readonly twin: Subject;
}

/** The corpus of one TEE. Building depends on the case and the setting only. */
export interface CaseSource {
  readonly tee: string;
  readonly cases: readonly CaseInfo[];
  /** @throws {RangeError} for an id of no case of this source */
  build(id: string, setting: { readonly seed: string; readonly at: number }): BuiltCase;
}
