/**
 * TDREPORT: what TDG.MR.REPORT writes, 1024 bytes. A MAC under a key of the CPU covers its first part, which holds hashes of the two others:
 * only the same platform can check it, which is what the quoting enclave does.
 */
import { createHmac, hash, timingSafeEqual } from 'node:crypto';
import { type DecodeOptions, Layout } from '../../codec/layout.ts';
import { array, bits, bytes, reserved, struct, u8, u64, type ValueOf } from '../../codec/rows.ts';
import { CodecError } from '../../errors.ts';
import { TD_ATTRIBUTE_FIELDS, XFAM_FIELDS } from './attributes.ts';

const ABI = 'Intel TDX Module 1.5 ABI, TDREPORT_STRUCT';
/** Length of a TDREPORT in bytes. */
export const TD_REPORT_SIZE = 1024;
const MEASUREMENT = 48;

/** TYPE of a TD's report. */
export const REPORT_TYPE_TDX = 0x81;
/** VERSION of the report's type: 1 where service TDs are bound, and SERVTD_HASH counts. */
export const REPORT_VERSIONS = { plain: 0, serviceTds: 1 } as const;
/** VALID in TEE_TCB_INFO: which fields are there. TDX 1.5 adds TEE_TCB_SVN2. */
export const TCB_INFO_VALID = { tdx10: 0x1ffn, tdx15: 0x3_01ffn } as const;

/** REPORTMACSTRUCT. */
export const REPORT_MAC = new Layout('tdx.report-mac', 256, `${ABI}, REPORTMACSTRUCT`, {
  type: u8(0, 'kind of TEE', { initial: REPORT_TYPE_TDX, names: { 0: 'SGX', [REPORT_TYPE_TDX]: 'TDX' } }),
  subtype: u8(1, 'must be 0'),
  version: u8(2, 'version of the report', { names: { 0: 'no service TD', 1: 'service TDs bound' } }),
  reserved3: reserved(3, 13),
  cpuSvn: bytes(16, 16, 'SVNs of the CPU'),
  teeTcbInfoHash: bytes(32, MEASUREMENT, 'SHA-384 of TEE_TCB_INFO'),
  teeInfoHash: bytes(80, MEASUREMENT, 'SHA-384 of TDINFO'),
  reportData: bytes(128, 64, 'data given by the guest'),
  reserved192: reserved(192, 32),
  mac: bytes(224, 32, 'HMAC-SHA-256 over what stands before, under a key of the CPU'),
});

/** TEE_TCB_INFO of TDX 1.0. */
export const TEE_TCB_INFO_10 = new Layout('tdx.tee-tcb-info.1.0', 239, `${ABI}, TEE_TCB_INFO`, {
  valid: u64(0, 'bit n: the field that begins at byte 8 n is there'),
  teeTcbSvn: bytes(8, 16, 'SVNs of the TDX module that the TD was started with'),
  mrSeam: bytes(24, MEASUREMENT, 'measurement of that module'),
  mrSignerSeam: bytes(72, MEASUREMENT, "signer of that module; zero for Intel's"),
  attributes: u64(120, "attributes of that module; zero for Intel's"),
  reserved128: reserved(128, 111),
});

/** TEE_TCB_INFO of TDX 1.5: the module can be updated under a running TD. */
export const TEE_TCB_INFO_15 = TEE_TCB_INFO_10.patch('tdx.tee-tcb-info.1.5', `${ABI}, TEE_TCB_INFO`, { teeTcbSvn2: bytes(128, 16, 'SVNs of the TDX module that runs now'), reserved144: reserved(144, 95) }, [
  'reserved128',
]);

/** TDINFO where no service TD is bound. */
export const TD_INFO_10 = new Layout('tdx.td-info.1.0', 512, `${ABI}, TDINFO_STRUCT`, {
  attributes: bits(0, 8, 'ATTRIBUTES of the TD', TD_ATTRIBUTE_FIELDS),
  xfam: bits(8, 8, 'extended CPU state that the TD may use', XFAM_FIELDS),
  mrTd: bytes(16, MEASUREMENT, 'measurement of the initial contents of the TD'),
  mrConfigId: bytes(64, MEASUREMENT, 'configuration of the TD, set by the host before launch'),
  mrOwner: bytes(112, MEASUREMENT, 'owner of the TD, set by the host before launch'),
  mrOwnerConfig: bytes(160, MEASUREMENT, "owner's configuration, set by the host before launch"),
  rtmr: array(208, 4, bytes(0, MEASUREMENT, 'runtime measurement'), 'runtime measurement registers'),
  reserved400: reserved(400, 112),
});

/** TDINFO where service TDs are bound. */
export const TD_INFO_15 = TD_INFO_10.patch('tdx.td-info.1.5', `${ABI}, TDINFO_STRUCT`, { servTdHash: bytes(400, MEASUREMENT, 'hash over the service TDs bound to the TD'), reserved448: reserved(448, 64) }, [
  'reserved400',
]);

/** The whole report of TDX 1.0. */
export const TD_REPORT_10 = new Layout('tdx.td-report.1.0', TD_REPORT_SIZE, ABI, {
  reportMac: struct(0, REPORT_MAC, 'what the MAC covers, and the MAC'),
  teeTcbInfo: struct(256, TEE_TCB_INFO_10, 'what the TD runs on'),
  reserved495: reserved(495, 17),
  tdInfo: struct(512, TD_INFO_10, 'what the TD is'),
});

const TCB_15 = { teeTcbInfo: struct(256, TEE_TCB_INFO_15, 'what the TD runs on') } as const;
const INFO_15 = { tdInfo: struct(512, TD_INFO_15, 'what the TD is') } as const;
/** The report of TDX 1.5 about a TD without service TDs. */
export const TD_REPORT_15 = TD_REPORT_10.patch('tdx.td-report.1.5', ABI, TCB_15);
/** The report of TDX 1.5 about a TD with service TDs. */
export const TD_REPORT_15_SERVICE = TD_REPORT_10.patch('tdx.td-report.1.5.service', ABI, { ...TCB_15, ...INFO_15 });
/** A TD with service TDs on a module that can't be updated under it. */
const TD_REPORT_10_SERVICE = TD_REPORT_10.patch('tdx.td-report.1.0.service', ABI, INFO_15);

type Info10 = Omit<ValueOf<typeof TD_INFO_10.rows>, 'reserved400'>;
type Tcb10 = Omit<ValueOf<typeof TEE_TCB_INFO_10.rows>, 'reserved128'>;
/** A decoded report of any version: what only some have is optional. */
export interface TdReport {
  reportMac: ValueOf<typeof REPORT_MAC.rows>;
  teeTcbInfo: Tcb10 & { teeTcbSvn2?: Uint8Array; reserved128?: Uint8Array; reserved144?: Uint8Array };
  reserved495?: Uint8Array;
  tdInfo: Info10 & { servTdHash?: Uint8Array; reserved400?: Uint8Array; reserved448?: Uint8Array };
}

const VERSION_AT = TD_REPORT_10.locate('reportMac.version').at;
const VALID_AT = TD_REPORT_10.locate('teeTcbInfo.valid').at;
const TCB_INFO = TD_REPORT_10.locate('teeTcbInfo');
const TD_INFO = TD_REPORT_10.locate('tdInfo');
const TCB_INFO_HASH = TD_REPORT_10.locate('reportMac.teeTcbInfoHash');
const TD_INFO_HASH = TD_REPORT_10.locate('reportMac.teeInfoHash');
const MAC = TD_REPORT_10.locate('reportMac.mac');

/** The table of a report by its version and VALID. */
function layoutFor(version: number, valid: bigint): Layout | undefined {
  const service = version === REPORT_VERSIONS.serviceTds;
  if (version !== REPORT_VERSIONS.plain && !service) return undefined;
  switch (valid) {
    case TCB_INFO_VALID.tdx10:
      return (service ? TD_REPORT_10_SERVICE : TD_REPORT_10) as unknown as Layout;
    case TCB_INFO_VALID.tdx15:
      return (service ? TD_REPORT_15_SERVICE : TD_REPORT_15) as unknown as Layout;
    default:
      return undefined;
  }
}

function layoutOrRefuse(version: number, valid: bigint): Layout {
  const layout = layoutFor(version, valid);
  if (layout) return layout;
  if (version > REPORT_VERSIONS.serviceTds) throw new CodecError('ERR_CODEC_RANGE', 'tdx.td-report.reportMac.version', VERSION_AT, `version ${version} is none of 0, 1`);
  throw new CodecError('ERR_CODEC_RANGE', 'tdx.td-report.teeTcbInfo.valid', VALID_AT, `0x${valid.toString(16)} is none of 0x1ff, 0x301ff`);
}

/**
 * The table that fits these bytes.
 * @throws {CodecError} ERR_CODEC_TRUNCATED, or ERR_CODEC_RANGE for a version or VALID that no module writes
 */
export function tdReportLayoutOf(src: Uint8Array): Layout {
  if (src.length < TD_REPORT_SIZE) throw new CodecError('ERR_CODEC_TRUNCATED', 'tdx.td-report', src.length, `a report is ${TD_REPORT_SIZE} bytes, the input ends here`);
  return layoutOrRefuse(src[VERSION_AT] ?? 0, new DataView(src.buffer, src.byteOffset).getBigUint64(VALID_AT, true));
}

/** @param src exactly 1024 bytes @throws {CodecError} with the field's path and offset */
export function decodeTdReport(src: Uint8Array, options: DecodeOptions = {}): TdReport {
  return tdReportLayoutOf(src).decode(src, options) as unknown as TdReport;
}

/** Writes a report as its values are, hashes and MAC included. @returns 1024 bytes @throws {CodecError} when a value does not fit */
export function encodeTdReport(report: TdReport): Uint8Array {
  return layoutOrRefuse(report.reportMac.version, report.teeTcbInfo.valid).encode(report as unknown as Record<string, unknown>);
}

// One call in place of an object for each hash: it takes half the time, and every quote needs two.
const sha384 = (src: Uint8Array): Uint8Array => new Uint8Array(hash('sha384', src, 'buffer'));

/** SHA-384 of TEE_TCB_INFO and of TDINFO as they lie in a report: what REPORTMACSTRUCT must state. @param src 1024 bytes */
export function tdReportHashes(src: Uint8Array): { readonly teeTcbInfoHash: Uint8Array; readonly teeInfoHash: Uint8Array } {
  return { teeTcbInfoHash: sha384(src.subarray(TCB_INFO.at, TCB_INFO.at + TCB_INFO.size)), teeInfoHash: sha384(src.subarray(TD_INFO.at, TD_INFO.at + TD_INFO.size)) };
}

/** Whether both hashes that a report states are those of its parts. @param src 1024 bytes */
export function tdReportHashesHold(src: Uint8Array): boolean {
  const { teeTcbInfoHash, teeInfoHash } = tdReportHashes(src);
  const states = (field: { at: number; size: number }, hash: Uint8Array): boolean => timingSafeEqual(src.subarray(field.at, field.at + field.size), hash);
  return states(TCB_INFO_HASH, teeTcbInfoHash) && states(TD_INFO_HASH, teeInfoHash);
}

/** HMAC-SHA-256 over REPORTMACSTRUCT up to the MAC. @param src a report, or its first 256 bytes @param key 32 bytes */
export function tdReportMac(src: Uint8Array, key: Uint8Array): Uint8Array {
  return new Uint8Array(createHmac('sha256', key).update(src.subarray(0, MAC.at)).digest());
}

/** Whether the MAC is that of the key's CPU. @param src a report, or its first 256 bytes */
export function tdReportMacHolds(src: Uint8Array, key: Uint8Array): boolean {
  return timingSafeEqual(src.subarray(MAC.at, MAC.at + MAC.size), tdReportMac(src, key));
}

/** A copy of a report with the hashes of its parts and the MAC put in. @param src 1024 bytes @param key 32 bytes */
export function sealTdReport(src: Uint8Array, key: Uint8Array): Uint8Array {
  const sealed = src.slice();
  const { teeTcbInfoHash, teeInfoHash } = tdReportHashes(sealed);
  sealed.set(teeTcbInfoHash, TCB_INFO_HASH.at);
  sealed.set(teeInfoHash, TD_INFO_HASH.at);
  sealed.set(tdReportMac(sealed, key), MAC.at);
  return sealed;
}
