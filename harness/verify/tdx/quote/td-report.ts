/** The TDREPORT that a quote was made from, where the evidence brings it. Its MAC can be checked by its own platform only. */
import { createHash } from 'node:crypto';
import { decodeTdReport, TD_REPORT_10, type TdReport } from '../../../../emulator/tdx/module/tdreport.ts';
import type { TdxAppraisal } from '../reasons.ts';
import type { ReadQuote } from './read.ts';

const TCB_INFO = TD_REPORT_10.locate('teeTcbInfo');
const TD_INFO = TD_REPORT_10.locate('tdInfo');
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const sha384 = (src: Uint8Array, { at, size }: { readonly at: number; readonly size: number }): Buffer =>
  createHash('sha384')
    .update(src.subarray(at, at + size))
    .digest();

/** Reads a report and checks its form. */
export function readTdReport(appraisal: TdxAppraisal, src: Uint8Array): TdReport {
  return appraisal.attempt('td-report-malformed', () => decodeTdReport(src));
}

/** Checks that a report is whole, and that the quote says what it says. */
export function checkTdReport(appraisal: TdxAppraisal, src: Uint8Array, report: TdReport, { body }: ReadQuote): void {
  const { reportMac, teeTcbInfo, tdInfo } = report;
  appraisal.check('td-report-hashes', sha384(src, TCB_INFO).equals(reportMac.teeTcbInfoHash) && sha384(src, TD_INFO).equals(reportMac.teeInfoHash), () => ({
    message: 'the hashes that it states are not those of its parts',
    path: 'tdreport.bin',
  }));
  const fields: readonly (readonly [name: string, quoted: string, reported: string])[] = [
    ...(['teeTcbSvn', 'mrSeam', 'mrSignerSeam'] as const).map((name) => [name, hex(body[name]), hex(teeTcbInfo[name])] as const),
    ['seamAttributes', String(body.seamAttributes), String(teeTcbInfo.attributes)],
    ...(['mrTd', 'mrConfigId', 'mrOwner', 'mrOwnerConfig'] as const).map((name) => [name, hex(body[name]), hex(tdInfo[name])] as const),
    ['tdAttributes', JSON.stringify(body.tdAttributes), JSON.stringify(tdInfo.attributes)],
    ['xfam', JSON.stringify(body.xfam), JSON.stringify(tdInfo.xfam)],
    ['rtmr', body.rtmr.map(hex).join(), tdInfo.rtmr.map(hex).join()],
    ['reportData', hex(body.reportData), hex(reportMac.reportData)],
    ...(body.teeTcbSvn2 ? [['teeTcbSvn2', hex(body.teeTcbSvn2), hex(teeTcbInfo.teeTcbSvn2 ?? teeTcbInfo.teeTcbSvn)] as const] : []),
    ...(body.mrServiceTd ? [['mrServiceTd', hex(body.mrServiceTd), hex(tdInfo.servTdHash ?? new Uint8Array(body.mrServiceTd.length))] as const] : []),
  ];
  const differs = fields.find(([, quoted, reported]) => quoted !== reported);
  appraisal.check('td-report-mismatch', differs === undefined, () => ({ message: `the quote says ${differs?.[1].slice(0, 200)}, the TDREPORT ${differs?.[2].slice(0, 200)}`, path: `body.${differs?.[0]}` }));
}
