/** TDREPORTs. */
import { dump } from '../../codec/dump.ts';
import { decodeTdReport, REPORT_TYPE_TDX, TD_REPORT_10, TD_REPORT_SIZE, tdReportHashesHold, tdReportLayoutOf } from '../../tdx/module/tdreport.ts';
import { fromDump, type Note, type Recogniser, type Section } from '../inspection.ts';

const TYPE_AT = TD_REPORT_10.locate('reportMac.type').at;

export const TD_REPORT_RECOGNISERS: readonly Recogniser[] = [
  {
    format: 'tdx-report',
    title: 'TDREPORT',
    refuse: (src) => {
      if (src.length !== TD_REPORT_SIZE) return `is ${TD_REPORT_SIZE} bytes long, these are ${src.length}`;
      return src[TYPE_AT] === REPORT_TYPE_TDX ? undefined : `begins with 0x${REPORT_TYPE_TDX.toString(16)}, this with 0x${(src[TYPE_AT] ?? 0).toString(16)}`;
    },
    inspect: (src) => [reportSection(src)],
  },
];

function reportSection(src: Uint8Array): Section {
  const layout = tdReportLayoutOf(src);
  return { name: 'tdx.td-report', title: 'TDREPORT, to be checked on its own platform', at: 0, size: TD_REPORT_SIZE, notes: reportNotes(src), lines: dump(layout, src).map(fromDump) };
}

function reportNotes(src: Uint8Array): Note[] {
  const { tdInfo } = decodeTdReport(src, { reserved: 'keep' });
  return [
    tdReportHashesHold(src)
      ? { kind: 'info', text: 'The hashes of TEE_TCB_INFO and TDINFO hold; only the platform can check the MAC over them.' }
      : { kind: 'broken', text: 'A hash that the report states is not that of its part.' },
    ...debugNote(tdInfo.attributes.debug),
  ];
}

/** A TD that the host can read is no confidential one. */
export function debugNote(debug: number): Note[] {
  return debug === 0 ? [] : [{ kind: 'broken', text: 'The TD is debuggable: the host can read it.' }];
}
