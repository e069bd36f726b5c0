/** What a case is: evidence with one thing changed, the verdict that a correct verifier gives, and why. */
import type { Json } from '../emulator/bundle.ts';
import type { EcSigner } from '../emulator/crypto/sign.ts';
import type { IssuedCertificate } from '../emulator/pki/issue.ts';
import type { SnpEdits } from '../emulator/snp/evidence/evidence.ts';
import type { SnpOptionsInput } from '../emulator/snp/evidence/options.ts';
import type { World } from '../emulator/world.ts';
import { type BugClass, type CaseInfo, STAGE_BUGS } from './subject.ts';

/** Where a strict verifier notices. The reference verifier's stages have the same names and order. */
export const STAGES = ['parse', 'chain', 'revocation', 'signature', 'tcb', 'policy', 'binding', 'freshness'] as const;
export type Stage = (typeof STAGES)[number];
export type Severity = 'critical' | 'high' | 'medium' | 'low';

/** Stands for a value that only the good twin's evidence tells. */
export const OF_THE_GOOD_TWIN = 'of the good twin';

/** What the relying party asks for besides a valid chain and signature. A revocation list is always at hand, and always checked. */
export interface RelyingParty {
  /** The most that GUEST_POLICY may allow, and the least that it must demand; default 0x30000: SMT, nothing else. */
  readonly maximumPolicy?: bigint;
  /** Hexadecimal, filled up with zero bytes at the end. */
  readonly reportData?: string;
  /** Hexadecimal of 48 bytes, or {@link OF_THE_GOOD_TWIN}. */
  readonly measurement?: string;
  /** Hexadecimal, filled up with zero bytes at the end. */
  readonly hostData?: string;
  readonly vmpl?: number;
  readonly minimumTcb?: { readonly bootLoader: number; readonly tee: number; readonly snp: number; readonly microcode: number };
  /** Committed firmware may be older than the running one. */
  readonly allowProvisionalFirmware?: boolean;
  /** Longest time since the revocation list was issued, in milliseconds. */
  readonly maximumCrlAge?: number;
  /** What else is asked for, in the words of a subject's request: binary values in hexadecimal. */
  readonly more?: Readonly<Record<string, Json>>;
}

/** Who made the evidence, for changes that need a signature of their own. */
export interface Maker {
  readonly world: World;
  /** The key that signed the report: of the VCEK, or of the VLEK. */
  readonly key: EcSigner;
}

/** Contents of a bundle's files, by name. */
export type Files = ReadonlyMap<string, Uint8Array>;

/** Changes of certificates and of the list after they were signed; what comes out is DER. */
export interface SignedEdits {
  readonly leaf?: (issued: IssuedCertificate, maker: Maker) => Uint8Array;
  readonly intermediate?: (issued: IssuedCertificate, maker: Maker) => Uint8Array;
  readonly ark?: (issued: IssuedCertificate, maker: Maker) => Uint8Array;
  readonly crl?: (crl: Uint8Array, maker: Maker) => Uint8Array;
}

/** What every row has, whatever its TEE. */
export interface CaseBase {
  /** `tee/area/slug`. */
  readonly id: string;
  readonly severity: Severity;
  /** One sentence, for whoever reads a failure. */
  readonly why: string;
  /** The specification, or the public defect that it repeats. */
  readonly ref: string;
  /** What a verifier suffers from that gets it wrong, where the stage does not say it. */
  readonly bug?: BugClass;
  /** The policy under which the verdict holds, for what a relying party may see otherwise. */
  readonly policy?: string;
  /** What a verifier that fetches must have asked for. */
  readonly mustFetch?: readonly string[];
  /** What a verifier must have for the case to say anything of it. */
  readonly needs?: CaseInfo['needs'];
}

interface SnpCaseBase extends CaseBase {
  /** The machine that the case starts from; that of `qemu` unless given. */
  readonly options?: SnpOptionsInput;
  /** The machine of the good twin, where it differs from that of the case. */
  readonly goodOptions?: SnpOptionsInput;
  /** Changes before signing: they test what a verifier makes of well-signed evidence. */
  readonly edits?: SnpEdits | ((world: World) => SnpEdits);
  /** Changes after signing: they test cryptography and parsing. */
  readonly after?: (report: Uint8Array, maker: Maker) => Uint8Array;
  /** Changes of certificates and list after they were signed. */
  readonly signed?: SignedEdits;
  /** Changes of the files of the bundle, last of all. */
  readonly files?: (files: Files) => Files;
  /** The intermediate that AMD has put on the revocation list. */
  readonly revoke?: 'ASK' | 'ASVK';
  /** The certificates are presented as those of the other kind of key. */
  readonly presentAs?: 'vcek' | 'vlek';
  /** When the verifier looks, in milliseconds after the evidence was made. */
  readonly later?: number;
  /** Whom the relying party trusts, where that is not the root presented: another world's, of the same name, or the good twin's. */
  readonly trusted?: 'foreign' | 'twin';
  readonly request?: RelyingParty;
}

/** Evidence that a verifier must refuse, at a stage; its good twin, made the same way without the change, must be accepted. */
export interface SnpRejectCase extends SnpCaseBase {
  readonly expect: 'must-reject';
  readonly stage: Stage;
  /** The reference verifier's code. */
  readonly reason: string;
}

/** Unusual evidence that a verifier must accept, and a usual twin. */
export interface SnpAcceptCase extends SnpCaseBase {
  readonly expect: 'must-accept';
}

/** One SNP case. What a row leaves out is as in its base. */
export type SnpCase = SnpRejectCase | SnpAcceptCase;

const ID = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\/[a-z0-9]+(?:-[a-z0-9]+)*){2}$/;

/**
 * A table of cases, checked when it is loaded.
 * @throws {RangeError} for an id that is not `tee/area/slug`, or that two rows have
 */
export function cases<C extends CaseBase>(tee: string, rows: readonly C[]): readonly C[] {
  const seen = new Set<string>();
  for (const { id } of rows) {
    if (!ID.test(id) || !id.startsWith(`${tee}/`)) throw new RangeError(`'${id}' is no id of a case: ${tee}/area/slug`);
    if (seen.has(id)) throw new RangeError(`two cases are called ${id}`);
    seen.add(id);
  }
  return rows;
}

/** What a row must say of its verdict. */
type Judged = { readonly expect: 'must-accept' } | { readonly expect: 'must-reject'; readonly stage: Stage; readonly reason: string };

/** What a row says of its case before it is built. */
export function caseInfo(tee: string, row: CaseBase & Judged): CaseInfo {
  const { id, severity, ref, why, bug, policy, mustFetch, needs } = row;
  const verdict = row.expect === 'must-reject' ? ({ expect: row.expect, stage: row.stage, reason: row.reason } as const) : ({ expect: row.expect } as const);
  const usual: BugClass = row.expect === 'must-reject' ? STAGE_BUGS[row.stage] : 'wrong-reject';
  return { id, tee, ...verdict, severity, bug: bug ?? usual, ...(policy === undefined ? {} : { policy }), ref, why, ...(mustFetch === undefined ? {} : { mustFetch }), ...(needs === undefined ? {} : { needs }) };
}

/** A row of what must be refused, as {@link allowed} takes one. */
interface Refused extends CaseBase {
  readonly expect: 'must-reject';
  readonly stage: Stage;
  readonly reason: string;
  readonly options?: object;
  readonly goodOptions?: object;
}

/**
 * The same evidence for a relying party that allows what it holds: it must be accepted.
 * @param why one sentence @param changes of the row; its request replaces that of the row, and without an id its own ends with `-allowed`
 */
export function allowed<R extends Refused, C extends object>(row: R, why: string, changes: C): Omit<R, 'expect' | 'stage' | 'reason' | 'bug'> & { readonly id: string; readonly expect: 'must-accept' } & C {
  const { stage: _, reason: __, bug: ___, ...rest } = row;
  const goodOptions = row.goodOptions ?? row.options;
  return { ...rest, ...(goodOptions ? { goodOptions } : {}), id: `${row.id}-allowed`, expect: 'must-accept', why, ...changes };
}
