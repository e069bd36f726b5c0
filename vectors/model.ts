/** What a case is: evidence with one thing changed, the verdict that a correct verifier gives, and why. */
import type { SnpEdits } from '../emulator/snp/evidence.ts';
import type { SnpOptionsInput } from '../emulator/snp/options.ts';
import type { World } from '../emulator/world.ts';

/** Where a strict verifier notices. The reference verifier's stages have the same names. */
export type Stage = 'parse' | 'chain' | 'revocation' | 'signature' | 'tcb' | 'policy' | 'binding' | 'freshness';
export type Severity = 'critical' | 'high' | 'medium' | 'low';

/** What the relying party asks for besides a valid chain and signature. */
export interface RelyingParty {
  /** The most that GUEST_POLICY may allow; default 0x30000: SMT, nothing else. */
  readonly maximumPolicy?: bigint;
  /** Hexadecimal. */
  readonly reportData?: string;
  readonly measurement?: string;
  readonly hostData?: string;
  readonly vmpl?: number;
  readonly minimumTcb?: { readonly bootLoader: number; readonly tee: number; readonly snp: number; readonly microcode: number };
  /** Committed firmware may be older than the running one. */
  readonly allowProvisionalFirmware?: boolean;
}

/** One SNP case. What a row leaves out is as in its base. */
export interface SnpCase {
  readonly id: string;
  readonly expect: 'must-reject' | 'must-accept';
  readonly stage?: Stage;
  readonly severity: Severity;
  readonly why: string;
  readonly ref: string;
  /** The honest machine that the case starts from; its good twin is made from the same options, unless `goodOptions` differ. */
  readonly options?: SnpOptionsInput;
  readonly goodOptions?: SnpOptionsInput;
  /** Changes before signing: they test what a verifier makes of well-signed evidence. */
  readonly edits?: SnpEdits;
  /** Changes after signing: they test cryptography and parsing. */
  readonly after?: (report: Uint8Array, world: World) => Uint8Array;
  /** The serial that AMD has put on the revocation list. */
  readonly revoke?: 'ASK' | 'ASVK';
  /** When the verifier looks, in milliseconds after the evidence was made. */
  readonly later?: number;
  /** The relying party trusts another world's root. */
  readonly foreignRoot?: boolean;
  readonly request?: RelyingParty;
}
