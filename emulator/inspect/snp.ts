/** What SEV-SNP's files look like. */
import { dump } from '../codec/dump.ts';
import { guidBytes, type GuidOrder } from '../codec/guid.ts';
import type { TeemuError } from '../errors.ts';
import { sameBytes } from '../pki/read.ts';
import { CERTIFICATE_GUIDS, CERTIFICATE_TABLE_ENTRY, type CertificateTableEntry, decodeCertificateTable } from '../snp/certificate-table.ts';
import { CHIP_MARKER } from '../snp/platform/chip.ts';
import { lineOfCpu } from '../snp/platform/products.ts';
import { decodeReport, REPORT_SIZE, REPORT_VERSIONS, reportDigest, reportLayoutOf } from '../snp/report.ts';
import { componentAbove } from '../snp/platform/tcb.ts';
import { derSection } from './certificates.ts';
import { fromDump, type InspectContext, type Note, type Recogniser, type Section } from './inspection.ts';

export const SNP_RECOGNISERS: readonly Recogniser[] = [
  {
    format: 'snp-report',
    title: 'SEV-SNP attestation report',
    refuse: (src) => (src.length === REPORT_SIZE ? refuseReport(src) : `is ${REPORT_SIZE} bytes long, these are ${src.length}`),
    inspect: (src) => [reportSection(src)],
  },
  {
    format: 'snp-extended-report',
    title: 'SEV-SNP extended report (report and certificate table)',
    refuse: (src) => (src.length > REPORT_SIZE ? refuseReport(src) : `is longer than ${REPORT_SIZE} bytes, these are ${src.length}`),
    inspect: (src, context) => [reportSection(src.subarray(0, REPORT_SIZE)), ...tableSections(src.subarray(REPORT_SIZE), context, REPORT_SIZE)],
  },
  {
    format: 'snp-certificate-table',
    title: 'SEV-SNP certificate table',
    refuse: (src) => (tableOrder(src) === undefined ? 'begins with the GUID of a certificate or list of AMD’s' : undefined),
    inspect: (src, context) => tableSections(src, context),
  },
];

const VERSION_SIZE = 4;

function refuseReport(src: Uint8Array): string | undefined {
  const version = src.length < VERSION_SIZE ? -1 : new DataView(src.buffer, src.byteOffset).getUint32(0, true);
  return (REPORT_VERSIONS as readonly number[]).includes(version) ? undefined : `begins with a version of ${REPORT_VERSIONS.join(', ')}, this is 0x${version.toString(16)}`;
}

function reportSection(src: Uint8Array): Section {
  const layout = reportLayoutOf(src);
  return { name: 'snp.report', title: `SEV-SNP attestation report, version ${decodeReport(src, 'keep').version}`, at: 0, size: REPORT_SIZE, notes: reportNotes(src), lines: dump(layout, src).map(fromDump) };
}

/** What no single field says. */
function reportNotes(src: Uint8Array): Note[] {
  const report = decodeReport(src, 'keep');
  const { cpuidFamId: family, cpuidModId: model } = report;
  const notes: Note[] = [];
  if (CHIP_MARKER.every((b, i) => report.chipId[i] === b)) notes.push({ kind: 'test', text: 'The chip id says that teemu made this report: it proves nothing.' });
  if (family !== undefined && model !== undefined) notes.push({ kind: 'info', text: `The CPU is of the line ${lineOfCpu({ family, model }) ?? 'of no known keys'}.` });
  if (report.chipId.every((b) => b === 0)) notes.push({ kind: 'info', text: 'The chip id is masked.' });
  if (report.policy.debug === 1) notes.push({ kind: 'broken', text: 'Debugging is allowed: the host can read this guest.' });
  if (report.policy.reserved17 !== 1) notes.push({ kind: 'broken', text: 'Bit 17 of the policy must be one.' });
  for (const [lower, upper] of TCB_ORDER) {
    const component = componentAbove(report[lower], report[upper]);
    if (component) notes.push({ kind: 'broken', text: `${lower}.${component} is above ${upper}.${component}.` });
  }
  notes.push({ kind: 'info', text: `SHA-384 of the signed bytes: ${Buffer.from(reportDigest(src)).toString('hex')}` });
  return notes;
}

/** Firmware keeps these in order, component by component. */
const TCB_ORDER = [
  ['reportedTcb', 'committedTcb'],
  ['committedTcb', 'currentTcb'],
] as const;

const GUID_ORDERS: readonly GuidOrder[] = ['textual', 'little-endian'];

/** Which way round the GUIDs of the table are written, by the first one; undefined when it is none of AMD's. */
function tableOrder(src: Uint8Array): GuidOrder | undefined {
  const first = src.subarray(0, 16);
  return GUID_ORDERS.find((order) => Object.values(CERTIFICATE_GUIDS).some((guid) => sameBytes(guidBytes(guid, order), first)));
}

/** @param base where the table begins in the file */
function tableSections(src: Uint8Array, context: InspectContext, base = 0): Section[] {
  const order = tableOrder(src) ?? 'textual';
  const entries = decodeCertificateTable(src, { guidOrder: order });
  const { size } = CERTIFICATE_TABLE_ENTRY;
  const rows = entries.map((entry, i) => ({ entry, lines: dump(CERTIFICATE_TABLE_ENTRY, src.subarray(i * size, (i + 1) * size), i * size, 1, `${kindOf(entry, i)}.`) }));
  const table: Section = {
    name: 'snp.certificate-table',
    title: `SEV-SNP certificate table, ${entries.length} ${entries.length === 1 ? 'entry' : 'entries'}`,
    at: base,
    size: src.length,
    notes: order === 'textual' ? [] : [{ kind: 'info', text: 'The GUIDs are written with their first three groups little-endian; most tools expect them as they are spelt.' }],
    lines: rows.flatMap(({ entry, lines }, i) => [{ at: i * size, size, path: kindOf(entry, i), depth: 0, value: guidOf(entry), doc: `${entry.contents.length} bytes` }, ...lines.map(fromDump)]),
  };
  return [table, ...entries.map((entry, i) => contentsSection(entry, i, context, base + offsetOf(src, i)))];
}

function offsetOf(src: Uint8Array, i: number): number {
  const { size } = CERTIFICATE_TABLE_ENTRY;
  return CERTIFICATE_TABLE_ENTRY.decode(src.subarray(i * size, (i + 1) * size)).offset;
}

function kindOf(entry: CertificateTableEntry, i: number): string {
  return entry.kind === 'other' ? `other${i}` : entry.kind;
}

function guidOf(entry: CertificateTableEntry): string {
  return entry.kind === 'other' ? entry.guid : CERTIFICATE_GUIDS[entry.kind];
}

function contentsSection(entry: CertificateTableEntry, i: number, context: InspectContext, at: number): Section {
  const name = kindOf(entry, i);
  const read = derSection(entry.contents, context);
  if ('section' in read) return { ...read.section, title: `${name}: ${read.section.title}`, at };
  return opaqueSection(name, entry.contents, at, read.error);
}

function opaqueSection(name: string, contents: Uint8Array, at: number, error: TeemuError): Section {
  const known = name === 'VCEK' || name === 'VLEK' || name === 'ASK' || name === 'ARK' || name === 'CRL';
  const shown = Buffer.from(contents.subarray(0, 64)).toString('hex') + (contents.length > 64 ? '…' : '');
  return {
    name,
    title: `${name}: ${contents.length} bytes`,
    at,
    size: contents.length,
    notes: known ? [{ kind: 'broken', text: `no certificate or list: ${error.message}` }] : [],
    lines: [{ path: 'contents', depth: 0, value: shown, doc: 'no certificate or list' }],
  };
}
