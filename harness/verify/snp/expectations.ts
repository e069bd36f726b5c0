/** What a relying party expects of SEV-SNP evidence. */
import { ConfigError } from '../../../emulator/errors.ts';
import type { Tcb } from '../../../emulator/snp/platform/tcb.ts';
import type { Signer } from './chain.ts';
import type { PlatformFlag, PolicyFlag, Wish } from './policy.ts';
import type { SnpTrust } from './trust.ts';

/** A version of the SEV firmware, or of its ABI. */
export interface Version {
  readonly major: number;
  readonly minor: number;
  readonly build?: number;
}

/** One value, or any of several. */
export type OneOf<T> = T | readonly T[];

/**
 * What evidence must be to be accepted. Only `trust` and `now` are needed: without more, that is a report signed by a chip under a trusted
 * root, of a guest that neither its host nor a migration agent can read, on firmware that is committed. It says nothing about which guest
 * unless `measurement` is given, nor that it is alive unless `reportData` is.
 */
export interface SnpExpectations {
  readonly trust: SnpTrust;
  /** Milliseconds since 1970. */
  readonly now: number;

  // Binding
  /** 64 bytes. */
  readonly reportData?: OneOf<Uint8Array>;
  /** 48 bytes. */
  readonly measurement?: OneOf<Uint8Array>;
  /** 32 bytes. */
  readonly hostData?: OneOf<Uint8Array>;
  /** The chip: 64 bytes, on Turin also its 8. */
  readonly chipId?: OneOf<Uint8Array>;
  /** Accept a report that states no chip (all zero), though a VCEK signed it. */
  readonly allowMaskedChipId?: boolean;

  // Policy
  /** Per flag of the guest policy: refused, allowed or required. Debugging, migration and CXL are refused, everything else allowed unless said here. */
  readonly policy?: Readonly<Partial<Record<PolicyFlag, Wish>>>;
  /** The ABI version that the guest policy must ask for at least. */
  readonly minimumAbi?: Version;
  /** Per flag of the platform: must be on (`true`) or off. */
  readonly platform?: Readonly<Partial<Record<PlatformFlag, boolean>>>;
  /** Mitigations that must have been on at launch and be on still. Reports before version 5 state none. */
  readonly mitigations?: bigint;
  /** VMPLs 0 to 3 that may have asked for the report; any of them unless said here, never the host. */
  readonly vmpl?: OneOf<number>;
  readonly signer?: OneOf<Signer>;
  /** Provider whose VLEK signs, as in the certificate: `CN=cc-us-east-2.amazonaws.com`. */
  readonly cspId?: OneOf<string>;
  /** Accept a report of a chip whose key is masked. */
  readonly allowMaskedChipKey?: boolean;
  /** 48 bytes. */
  readonly idKeyDigest?: OneOf<Uint8Array>;
  /** 48 bytes. */
  readonly authorKeyDigest?: OneOf<Uint8Array>;
  /** 16 bytes. */
  readonly familyId?: Uint8Array;
  /** 16 bytes. */
  readonly imageId?: Uint8Array;
  readonly minimumGuestSvn?: number;

  // TCB
  /** The lowest level of each component, in all four TCBs of the report. */
  readonly minimumTcb?: Readonly<Partial<Tcb>>;
  /** The oldest committed firmware. */
  readonly minimumFirmware?: Version;
  /** Accept firmware that could still be rolled back: committed is below current. */
  readonly allowProvisionalFirmware?: boolean;

  // Chain and revocation
  /** Refuse evidence without a revocation list. One that is there is always checked. */
  readonly requireCrl?: boolean;
  /** Accept a VCEK or VLEK with extensions that genuine ones do not have. */
  readonly allowOtherExtensions?: boolean;
  /** Accept reserved bytes that are not zero, but in the guest policy, in KEY_INFO and in the signature's numbers. */
  readonly allowReserved?: boolean;

  // Freshness
  /** Longest time since the VCEK or VLEK was issued, in milliseconds. */
  readonly maximumLeafAge?: number;
  /** Longest time since the revocation list was issued, in milliseconds. */
  readonly maximumCrlAge?: number;
}

/** The values that a wish allows. */
export function anyOf<T>(wish: OneOf<T>): readonly T[] {
  return Array.isArray(wish) ? (wish as readonly T[]) : [wish as T];
}

const LENGTHS: Readonly<Partial<Record<keyof SnpExpectations, readonly number[]>>> = {
  reportData: [64],
  measurement: [48],
  hostData: [32],
  chipId: [64, 8],
  idKeyDigest: [48],
  authorKeyDigest: [48],
  familyId: [16],
  imageId: [16],
};

/** Refuses expectations that no evidence could ever meet. @throws {ConfigError} naming the member @throws {RangeError} for a time that is none */
export function checkExpectations(expectations: SnpExpectations): void {
  if (!Number.isFinite(expectations.now)) throw new RangeError(`now must be milliseconds since 1970, is ${expectations.now}`);
  for (const [key, lengths] of Object.entries(LENGTHS)) {
    const wish = expectations[key as keyof typeof LENGTHS] as OneOf<Uint8Array> | undefined;
    if (wish === undefined) continue;
    for (const bytes of anyOf(wish)) if (!lengths.includes(bytes.length)) throw new ConfigError(key, `must be ${lengths.join(' or ')} bytes, is ${bytes.length}`);
  }
}

/** Everything that a relying party can ask for but whom it trusts and when, for those who get it from outside. */
export const SNP_WISHES: Readonly<Record<Exclude<keyof SnpExpectations, 'trust' | 'now'>, true>> = {
  reportData: true,
  measurement: true,
  hostData: true,
  chipId: true,
  allowMaskedChipId: true,
  policy: true,
  minimumAbi: true,
  platform: true,
  mitigations: true,
  vmpl: true,
  signer: true,
  cspId: true,
  allowMaskedChipKey: true,
  idKeyDigest: true,
  authorKeyDigest: true,
  familyId: true,
  imageId: true,
  minimumGuestSvn: true,
  minimumTcb: true,
  minimumFirmware: true,
  allowProvisionalFirmware: true,
  requireCrl: true,
  allowOtherExtensions: true,
  allowReserved: true,
  maximumLeafAge: true,
  maximumCrlAge: true,
};
