/**
 * What the quoting enclave makes of a TDREPORT: which reports it takes, in which version it quotes them, and the quote's body.
 *
 * Source: intel/SGXDataCenterAttestationPrimitives, quoting_enclave_tdqe.cpp.
 */
import type { Layout } from '../../codec/layout.ts';
import type { Row } from '../../codec/rows.ts';
import { CodecError } from '../../errors.ts';
import { qeRefusal } from '../module/status.ts';
import { REPORT_TYPE_TDX, REPORT_VERSIONS, TCB_INFO_VALID, TD_REPORT_10, TD_REPORT_15_SERVICE, TD_REPORT_SIZE, tdReportLayoutOf } from '../module/tdreport.ts';
import { bodyLayout, type TdBodyType } from './quote.ts';
import { BODY_TYPES, type QuoteVersion, TD15_BODY } from './tables.ts';

/** Fields of a body, and those of a report that they are copied from. MRSIGNERSEAM and SEAMATTRIBUTES stay zero, as the genuine enclave leaves them. */
export const COPIED: readonly (readonly [string, string])[] = [
  ['teeTcbSvn', 'teeTcbInfo.teeTcbSvn'],
  ['mrSeam', 'teeTcbInfo.mrSeam'],
  ['tdAttributes', 'tdInfo.attributes'],
  ['xfam', 'tdInfo.xfam'],
  ['mrTd', 'tdInfo.mrTd'],
  ['mrConfigId', 'tdInfo.mrConfigId'],
  ['mrOwner', 'tdInfo.mrOwner'],
  ['mrOwnerConfig', 'tdInfo.mrOwnerConfig'],
  ['rtmr', 'tdInfo.rtmr'],
  ['reportData', 'reportMac.reportData'],
];

interface Span {
  readonly at: number;
  readonly end: number;
}

/** The table with every field that a report can have. */
function spanOf(path: string): Span {
  const { at, size } = TD_REPORT_15_SERVICE.locate(path);
  return { at, end: at + size };
}

const SPANS = COPIED.map(([to, from]) => ({ to: TD15_BODY.locate(to).at, ...spanOf(from) }));
const TCB_SVN = spanOf('teeTcbInfo.teeTcbSvn');
const TCB_SVN2 = spanOf('teeTcbInfo.teeTcbSvn2');
const SERVTD_HASH = spanOf('tdInfo.servTdHash');
const TYPE = TD_REPORT_10.locate('reportMac.type').at;
const SUBTYPE = TD_REPORT_10.locate('reportMac.subtype').at;
const VERSION = TD_REPORT_10.locate('reportMac.version').at;
const VALID = TD_REPORT_10.locate('teeTcbInfo.valid').at;

/** Where the bytes that must be zero lie, by table. */
const reserved = new Map<Layout, readonly Span[]>();

function reservedSpans(layout: Layout): readonly Span[] {
  const known = reserved.get(layout);
  if (known) return known;
  const spansIn = ({ rows }: Layout, base: number): Span[] =>
    Object.values(rows as Record<string, Row>).flatMap((row) => {
      if (row.kind === 'struct') return spansIn(row.layout as unknown as Layout, base + row.at);
      return row.kind === 'reserved' ? [{ at: base + row.at, end: base + row.at + row.size }] : [];
    });
  const spans = spansIn(layout, 0);
  reserved.set(layout, spans);
  return spans;
}

/**
 * Refuses reports that the enclave does not know, whatever their MAC.
 * @throws {FirmwareError} TDQE_ERROR_INVALID_PARAMETER for anything but 1024 bytes, TDQE_REPORT_FORMAT_NOT_SUPPORTED
 */
export function checkReportFormat(report: Uint8Array): void {
  if (report.length !== TD_REPORT_SIZE) throw qeRefusal('TDQE_ERROR_INVALID_PARAMETER', `a report is ${TD_REPORT_SIZE} bytes, not ${report.length}`);
  if (report[TYPE] !== REPORT_TYPE_TDX || report[SUBTYPE] !== 0) throw qeRefusal('TDQE_REPORT_FORMAT_NOT_SUPPORTED', 'it is no report about a TD');
  const layout = knownLayout(report);
  for (const { at, end } of reservedSpans(layout)) {
    for (let i = at; i < end; i++) if (report[i] !== 0) throw qeRefusal('TDQE_REPORT_FORMAT_NOT_SUPPORTED', `byte 0x${i.toString(16)} of the report must be zero`);
  }
}

function knownLayout(report: Uint8Array): Layout {
  try {
    return tdReportLayoutOf(report);
  } catch (cause) {
    throw cause instanceof CodecError ? qeRefusal('TDQE_REPORT_FORMAT_NOT_SUPPORTED', cause.message) : cause;
  }
}

/** Whether the report's module can be updated under running TDs, and says which one runs. */
function hasSvn2(report: Uint8Array): boolean {
  return new DataView(report.buffer, report.byteOffset).getBigUint64(VALID, true) === TCB_INFO_VALID.tdx15;
}

/** The version in which the enclave quotes a report: 5 where 4 can't say everything, because service TDs are bound or the module was updated under the TD. */
export function quoteVersionOf(report: Uint8Array): QuoteVersion {
  const updated = hasSvn2(report) && Buffer.compare(report.subarray(TCB_SVN.at, TCB_SVN.end), report.subarray(TCB_SVN2.at, TCB_SVN2.end)) !== 0;
  return updated || report[VERSION] === REPORT_VERSIONS.serviceTds ? 5 : 4;
}

/** The body of a quote over a report. @param report 1024 bytes, checked @returns 584 or 648 bytes */
export function bodyOfReport(report: Uint8Array, type: TdBodyType): Uint8Array {
  const body = new Uint8Array(bodyLayout(type).size);
  for (const { at, end, to } of SPANS) body.set(report.subarray(at, end), to);
  if (type === BODY_TYPES.td10) return body;
  const running = hasSvn2(report) ? TCB_SVN2 : TCB_SVN;
  body.set(report.subarray(running.at, running.end), TD15_BODY.locate('teeTcbSvn2').at);
  if (report[VERSION] === REPORT_VERSIONS.serviceTds) body.set(report.subarray(SERVTD_HASH.at, SERVTD_HASH.end), TD15_BODY.locate('mrServiceTd').at);
  return body;
}
