/** ATTESTATION_REPORT: 1184 bytes, of which the first 672 are signed. Versions 2 to 5, each a patch of the one before. */
import { createHash } from 'node:crypto';
import { Layout } from '../codec/layout.ts';
import { bit, bitRange, bits, bytes, reserved, reservedBits, struct, u8, u32, u64, type ValueOf } from '../codec/rows.ts';
import type { EcSigner } from '../crypto/sign.ts';
import { CodecError } from '../errors.ts';
import { lineOfCpu } from './platform/products.ts';
import { TCB_MILAN_GENOA, TCB_TURIN } from './platform/tcb.ts';

const SOURCE = 'AMD 56860 SEV-SNP Firmware ABI, ATTESTATION_REPORT';
/** Length of a report in bytes. */
export const REPORT_SIZE = 0x4a0;
/** SIGNATURE_ALGO of the only algorithm there is. */
export const ECDSA_P384_SHA384 = 1;
/** VMPL of a report that the host asked for. */
export const VMPL_HOST = 0xffffffff;
/** SIGNING_KEY in KEY_INFO. */
export const SIGNING_KEY = { vcek: 0, vlek: 1, none: 7 } as const;

/** GUEST_POLICY, as the launch command, the ID block and the report state it. */
export const POLICY_FIELDS = {
  abiMinor: bitRange(0, 8, 'lowest minor ABI version the guest accepts'),
  abiMajor: bitRange(8, 8, 'lowest major ABI version the guest accepts'),
  smt: bit(16, 'SMT allowed'),
  reserved17: bit(17, 'must be one'),
  migrateMa: bit(18, 'association with a migration agent allowed'),
  debug: bit(19, 'debugging allowed: the host can read the guest'),
  singleSocket: bit(20, 'guest runs on one socket only'),
  cxlAllow: bit(21, 'CXL devices may be populated'),
  memAes256Xts: bit(22, 'AES-256-XTS memory encryption required'),
  raplDis: bit(23, 'RAPL must be off'),
  ciphertextHidingDram: bit(24, 'ciphertext hiding required'),
  pageSwapDisable: bit(25, 'page swap commands refused'),
  reserved26: reservedBits(26, 38),
} as const;

/** PLATFORM_INFO. */
const PLATFORM_INFO_FIELDS = {
  smtEn: bit(0, 'SMT is on'),
  tsmeEn: bit(1, 'transparent memory encryption is on'),
  eccEn: bit(2, 'memory is ECC'),
  raplDis: bit(3, 'RAPL is off'),
  ciphertextHidingDramEn: bit(4, 'ciphertext hiding is on'),
  aliasCheckComplete: bit(5, 'no memory alias was found since the last reset'),
  reserved6: bit(6, 'set on genuine Turin reports; unnamed in public documents'),
  tioEn: bit(7, 'trusted I/O is on'),
  reserved8: reservedBits(8, 53),
  reserved61: reservedBits(61, 3),
} as const;

/** ECDSA signature: two little-endian numbers in 72 bytes each, of which a P-384 number takes 48. */
export const SIGNATURE = new Layout('snp.signature', 512, `${SOURCE}, signature format`, {
  r: bytes(0x000, 72, 'r, little-endian, zero-padded'),
  s: bytes(0x048, 72, 's, little-endian, zero-padded'),
  reserved: reserved(0x090, 368),
});

/** Version 2: what firmware 1.51 to 1.54 writes. */
export const REPORT_V2 = new Layout('snp.report.v2', REPORT_SIZE, SOURCE, {
  version: u32(0x000, 'version of this structure', { initial: 2 }),
  guestSvn: u32(0x004, 'security version of the guest, from its ID block'),
  policy: bits(0x008, 8, 'GUEST_POLICY given at launch', POLICY_FIELDS),
  familyId: bytes(0x010, 16, 'family id from the ID block'),
  imageId: bytes(0x020, 16, 'image id from the ID block'),
  vmpl: u32(0x030, 'VMPL of the caller: 0 to 3, or all ones when the host asked', { names: { [VMPL_HOST]: 'host' } }),
  signatureAlgo: u32(0x034, 'signature algorithm', { names: { [ECDSA_P384_SHA384]: 'ECDSA P-384 with SHA-384' }, initial: ECDSA_P384_SHA384 }),
  currentTcb: struct(0x038, TCB_MILAN_GENOA, 'TCB that is running'),
  platformInfo: bits(0x040, 8, 'how the platform is set up', PLATFORM_INFO_FIELDS),
  keyInfo: bits(0x048, 4, 'which keys are involved', {
    authorKeyEn: bit(0, 'the ID key was signed by an author key'),
    maskChipKey: bit(1, 'the chip key is masked: reports are unsigned'),
    signingKey: bitRange(2, 3, '0 VCEK, 1 VLEK, 7 none'),
    reserved5: reservedBits(5, 27),
  }),
  reserved0x4c: reserved(0x04c, 4),
  reportData: bytes(0x050, 64, 'what the guest wants to have attested'),
  measurement: bytes(0x090, 48, 'launch digest'),
  hostData: bytes(0x0c0, 32, 'what the host gave at launch'),
  idKeyDigest: bytes(0x0e0, 48, 'SHA-384 of the ID key that signed the ID block'),
  authorKeyDigest: bytes(0x110, 48, 'SHA-384 of the author key that signed the ID key'),
  reportId: bytes(0x140, 32, 'id of this guest, drawn at launch'),
  reportIdMa: bytes(0x160, 32, 'id of its migration agent; all ones without one'),
  reportedTcb: struct(0x180, TCB_MILAN_GENOA, 'TCB for which the signing key was derived'),
  reserved0x188: reserved(0x188, 24),
  chipId: bytes(0x1a0, 64, 'id of the chip; zero when masked'),
  committedTcb: struct(0x1e0, TCB_MILAN_GENOA, 'TCB below which the firmware can no longer be rolled back'),
  currentBuild: u8(0x1e8, 'build of the running firmware'),
  currentMinor: u8(0x1e9, 'minor version of the running firmware'),
  currentMajor: u8(0x1ea, 'major version of the running firmware'),
  reserved0x1eb: reserved(0x1eb, 1),
  committedBuild: u8(0x1ec, 'build of the committed firmware'),
  committedMinor: u8(0x1ed, 'minor version of the committed firmware'),
  committedMajor: u8(0x1ee, 'major version of the committed firmware'),
  reserved0x1ef: reserved(0x1ef, 1),
  launchTcb: struct(0x1f0, TCB_MILAN_GENOA, 'current TCB when the guest was launched or imported'),
  reserved0x1f8: reserved(0x1f8, 168),
  signature: struct(0x2a0, SIGNATURE, 'signature over all bytes before it'),
});

/** Version 3 adds the CPU's family, model and stepping. */
export const REPORT_V3 = REPORT_V2.patch(
  'snp.report.v3',
  SOURCE,
  {
    version: u32(0x000, 'version of this structure', { initial: 3 }),
    cpuidFamId: u8(0x188, 'CPUID family, extended and base added up'),
    cpuidModId: u8(0x189, 'CPUID model, extended and base combined'),
    cpuidStep: u8(0x18a, 'CPUID stepping'),
    reserved0x18b: reserved(0x18b, 21),
  },
  ['reserved0x188'],
);

/** Version 4 is laid out like version 3. */
export const REPORT_V4 = REPORT_V3.patch('snp.report.v4', SOURCE, { version: u32(0x000, 'version of this structure', { initial: 4 }) });

/** Version 5 adds the mitigation vectors. */
export const REPORT_V5 = REPORT_V4.patch(
  'snp.report.v5',
  SOURCE,
  {
    version: u32(0x000, 'version of this structure', { initial: 5 }),
    launchMitVector: u64(0x1f8, 'mitigations that were on when the guest was launched'),
    currentMitVector: u64(0x200, 'mitigations that are on'),
    reserved0x208: reserved(0x208, 152),
  },
  ['reserved0x1f8'],
);

/** Turin's TCB is laid out differently; everything else is the same. */
const TURIN_TCBS = {
  currentTcb: struct(0x038, TCB_TURIN, 'TCB that is running'),
  reportedTcb: struct(0x180, TCB_TURIN, 'TCB for which the signing key was derived'),
  committedTcb: struct(0x1e0, TCB_TURIN, 'TCB below which the firmware can no longer be rolled back'),
  launchTcb: struct(0x1f0, TCB_TURIN, 'current TCB when the guest was launched or imported'),
} as const;
export const REPORT_V3_TURIN = REPORT_V3.patch('snp.report.v3.turin', SOURCE, TURIN_TCBS);
export const REPORT_V4_TURIN = REPORT_V4.patch('snp.report.v4.turin', SOURCE, TURIN_TCBS);
export const REPORT_V5_TURIN = REPORT_V5.patch('snp.report.v5.turin', SOURCE, TURIN_TCBS);

/** Versions that the table knows. */
export const REPORT_VERSIONS = [2, 3, 4, 5] as const;
export type ReportVersion = (typeof REPORT_VERSIONS)[number];

type CommonReport = Omit<ValueOf<typeof REPORT_V2.rows>, 'currentTcb' | 'reportedTcb' | 'committedTcb' | 'launchTcb' | 'reserved0x188' | 'reserved0x1f8'>;
type ReportTcb = ValueOf<typeof TCB_MILAN_GENOA.rows> & { fmc?: number; reserved4?: Uint8Array };
/** A decoded report of any version: what only some versions have is optional. */
export interface SnpReport extends CommonReport {
  currentTcb: ReportTcb;
  reportedTcb: ReportTcb;
  committedTcb: ReportTcb;
  launchTcb: ReportTcb;
  cpuidFamId?: number;
  cpuidModId?: number;
  cpuidStep?: number;
  launchMitVector?: bigint;
  currentMitVector?: bigint;
}

const TABLES: Readonly<Record<ReportVersion, { readonly usual: Layout; readonly turin: Layout }>> = {
  2: { usual: REPORT_V2 as unknown as Layout, turin: REPORT_V2 as unknown as Layout },
  3: { usual: REPORT_V3 as unknown as Layout, turin: REPORT_V3_TURIN as unknown as Layout },
  4: { usual: REPORT_V4 as unknown as Layout, turin: REPORT_V4_TURIN as unknown as Layout },
  5: { usual: REPORT_V5 as unknown as Layout, turin: REPORT_V5_TURIN as unknown as Layout },
};

/** The table of a report version, with the TCB laid out as on Turin or as on the lines before it. */
export function reportLayout(version: ReportVersion, turin: boolean): Layout {
  return TABLES[version][turin ? 'turin' : 'usual'];
}

const VERSION = REPORT_V2.locate('version');
const CPU_FAMILY = REPORT_V3.locate('cpuidFamId').at;
const CPU_MODEL = REPORT_V3.locate('cpuidModId').at;
/** Bytes covered by the signature: everything before it. */
export const SIGNED_SIZE = REPORT_V2.locate('signature').at;

/**
 * The table that fits these bytes, by version and CPUID. A report of version 2 states no CPU; those exist for Milan and Genoa only.
 * @throws {CodecError} ERR_CODEC_TRUNCATED, or ERR_CODEC_RANGE for a version that the table does not know
 */
export function reportLayoutOf(src: Uint8Array): Layout {
  if (src.length < REPORT_SIZE) throw new CodecError('ERR_CODEC_TRUNCATED', 'snp.report', src.length, `a report is ${REPORT_SIZE} bytes, the input ends here`);
  const version = new DataView(src.buffer, src.byteOffset).getUint32(VERSION.at, true);
  if (!isReportVersion(version)) throw new CodecError('ERR_CODEC_RANGE', 'snp.report.version', VERSION.at, `version ${version} is none of ${REPORT_VERSIONS.join(', ')}`);
  return reportLayout(version, lineOfCpu({ family: src[CPU_FAMILY] ?? 0, model: src[CPU_MODEL] ?? 0 }) === 'Turin');
}

function isReportVersion(version: number): version is ReportVersion {
  return (REPORT_VERSIONS as readonly number[]).includes(version);
}

/**
 * @param src exactly 1184 bytes
 * @param reserved what to do with bytes that must be zero and are not
 * @throws {CodecError} with the field's path and offset
 */
export function decodeReport(src: Uint8Array, reserved: 'reject' | 'keep' = 'reject'): SnpReport {
  return reportLayoutOf(src).decode(src, { reserved }) as unknown as SnpReport;
}

/** @returns 1184 bytes @throws {CodecError} when a value does not fit, or its version lacks the field */
export function encodeReport(report: SnpReport): Uint8Array {
  if (!isReportVersion(report.version)) throw new CodecError('ERR_CODEC_RANGE', 'snp.report.version', VERSION.at, `version ${report.version} is none of ${REPORT_VERSIONS.join(', ')}`);
  return reportLayout(report.version, report.currentTcb.fmc !== undefined).encode(report as unknown as Record<string, unknown>);
}

/** Writes `r ‖ s` (96 bytes, big-endian) as AMD does: little-endian, zero-padded to 72 bytes each. @returns 512 bytes */
export function amdSignature(raw: Uint8Array): Uint8Array {
  const number = (at: number): Uint8Array => {
    const padded = new Uint8Array(72);
    padded.set(raw.subarray(at, at + 48).toReversed());
    return padded;
  };
  return SIGNATURE.encode({ r: number(0), s: number(48) });
}

/** Signs an encoded report: a copy with the signature in its place. @param src 1184 bytes @param key P-384 */
export function signReport(src: Uint8Array, key: EcSigner): Uint8Array {
  const signed = src.slice();
  signed.set(amdSignature(key.sign(src.subarray(0, SIGNED_SIZE))), SIGNED_SIZE);
  return signed;
}

/** SHA-384 of the signed part: what the signature is over. */
export function reportDigest(src: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha384').update(src.subarray(0, SIGNED_SIZE)).digest());
}
