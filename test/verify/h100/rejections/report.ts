/** What is wrong with evidence and reports, one row each. */
import { type OpaqueField, opaqueEntry, opaqueRowNamed } from '../../../../emulator/h100/report/opaque.ts';
import type { GpuReport } from '../../../../emulator/h100/report/report.ts';
import { countsBytes, countsOf, numberBytes, textBytes } from '../../../../emulator/h100/report/values.ts';
import { device, type Edits, evidence, NOW } from '../evidence.ts';
import { other, type Rejection, STRANGER, type Unusual } from './rejection.ts';

/** Before the report of the first GPU is signed. */
const report = (edit: (report: GpuReport) => Partial<GpuReport>): Edits => ({ report: (r, { kind, index }) => (kind === 'gpu' && index === 0 ? { ...r, ...edit(r) } : r) });
const opaque = (edit: (fields: readonly OpaqueField[]) => readonly OpaqueField[]): Edits => report((r) => ({ opaque: edit(r.opaque) }));
const without = (name: string): Edits => opaque((fields) => fields.filter((f) => f.name !== name));
const field = (name: string, data: Uint8Array): Edits => opaque((fields) => (fields.some((f) => f.name === name) ? fields.map((f) => (f.name === name ? { ...f, data } : f)) : [...fields, opaqueEntry(name, data)]));
const measurement = (index: number, edit: (value: Uint8Array) => Uint8Array): Edits => report((r) => ({ measurements: r.measurements.map((m) => (m.index === index ? { ...m, value: edit(m.value) } : m)) }));
const bytes = (edit: (report: Uint8Array) => Uint8Array): Edits => ({ signedReport: (r, { kind, index }) => (kind === 'gpu' && index === 0 ? edit(r) : r) });
const UNKNOWN: OpaqueField = { type: 200, name: 'UNKNOWN_200', data: Uint8Array.of(1, 2, 3) };
const LATEST = { driver: '595.71.05' } as const;

export const EVIDENCE_REJECTIONS: readonly Rejection[] = [
  { name: 'it holds no device', reason: 'evidence-incomplete', edits: { presented: () => ({ evidence: [] }) } },
  { name: 'its architecture is none', reason: 'evidence-architecture', edits: device(() => ({ architecture: 'AMPERE' })), path: 'devices.0.arch' },
  { name: 'its architecture is in small letters', reason: 'evidence-architecture', edits: device(() => ({ architecture: 'hopper' })) },
  { name: 'its architecture is that of another chip', reason: 'architecture-mismatch', edits: device(() => ({ architecture: 'BLACKWELL' })), wishes: { allowNoRims: true } },
  { name: 'its nonce differs from that in the report', reason: 'nonce-document', edits: device(() => ({ nonce: '00'.repeat(32) })), path: 'devices.0.nonce' },
  {
    name: 'its driver version differs from that in the report',
    reason: 'version-mismatch',
    both: device(() => ({ driverVersion: '550.90.07' })),
    edits: device(() => ({ driverVersion: '550.90.12' })),
    path: 'devices.0.driver_version',
  },
  {
    name: 'its VBIOS version differs from that in the report',
    reason: 'version-mismatch',
    both: device(() => ({ vbiosVersion: '96.00.9F.00.01' })),
    edits: device(() => ({ vbiosVersion: '96.00.9F.00.02' })),
    path: 'devices.0.vbios_version',
  },
];

export const REPORT_REJECTIONS: readonly Rejection[] = [
  { name: 'a report is empty', reason: 'report-malformed', edits: device(() => ({ report: new Uint8Array() })) },
  { name: 'a report is cut off', reason: 'report-malformed', edits: bytes((r) => r.slice(0, -1)) },
  { name: 'a report is cut off inside its measurements', reason: 'report-malformed', edits: bytes((r) => r.slice(0, 500)) },
  { name: 'a byte follows the report', reason: 'report-malformed', edits: bytes((r) => Uint8Array.from([...r, 0])) },
  { name: 'the number of blocks lies', reason: 'report-malformed', edits: report(() => ({ stated: { numberOfBlocks: 63 } })) },
  { name: 'the length of the record lies', reason: 'report-malformed', edits: report(() => ({ stated: { recordLength: 3519 } })) },
  { name: 'the length of the opaque data is too small', reason: 'report-malformed', edits: report(() => ({ stated: { opaqueLength: 400 } })) },
  { name: 'the length of the opaque data is too large', reason: 'report-malformed', edits: report(() => ({ stated: { opaqueLength: 0xffff } })) },
  { name: 'SPDM 1.2 is stated', reason: 'report-malformed', edits: report((r) => ({ request: { ...r.request, spdmVersion: 0x12 }, response: { ...r.response, spdmVersion: 0x12 } })) },
  { name: 'no signature was asked for', reason: 'report-malformed', edits: report((r) => ({ request: { ...r.request, attributes: { ...r.request.attributes, signatureRequested: 0 } } })) },
  { name: 'one measurement was asked for', reason: 'report-request', edits: report((r) => ({ request: { ...r.request, operation: 1 } })) },
  { name: 'the key in another slot was asked for', reason: 'report-request', edits: report((r) => ({ request: { ...r.request, slot: { ...r.request.slot, slotId: 1 } } })) },
  { name: 'there is one measurement less', reason: 'report-blocks', edits: report((r) => ({ measurements: r.measurements.slice(0, -1) })) },
  { name: 'there is one measurement', reason: 'report-blocks', edits: report((r) => ({ measurements: r.measurements.slice(0, 1) })) },
  { name: 'a measurement is a raw value', reason: 'report-blocks', edits: report((r) => ({ measurements: r.measurements.map((m, i) => (i === 3 ? { ...m, type: 0x81 } : m)) })) },
  { name: 'an opaque field stands there twice', reason: 'opaque-field-twice', edits: opaque((fields) => [...fields, ...fields.filter((f) => f.name === 'DRIVER_VERSION')]) },
  { name: 'an opaque field stands there twice, with other contents', reason: 'opaque-field-twice', edits: opaque((fields) => [...fields, opaqueEntry('FWID', new Uint8Array(48))]) },
  { name: 'an opaque field is unknown', reason: 'opaque-field-unknown', edits: opaque((fields) => [...fields, UNKNOWN]) },
  { name: 'an unknown opaque field stands there twice', reason: 'opaque-field-twice', edits: opaque((fields) => [...fields, UNKNOWN, UNKNOWN]) },
  ...['VBIOS_VERSION', 'DRIVER_VERSION', 'CHIP_SKU', 'PROJECT', 'PROJECT_SKU', 'MSRSCNT', 'NVDEC0_STATUS'].map(
    (name): Rejection => ({ name: `there is no ${name}`, reason: 'opaque-field-missing', edits: without(name) }),
  ),
  { name: 'an opaque field is of a length that it never has', reason: 'opaque-field-malformed', edits: field('FWID', new Uint8Array(47)) },
  { name: 'the driver is no version', reason: 'opaque-field-malformed', edits: field('DRIVER_VERSION', textBytes('five')) },
  { name: 'the zero byte behind the driver version is missing', reason: 'opaque-field-malformed', edits: field('DRIVER_VERSION', Buffer.from('550.90.07')) },
  { name: 'the project would lead elsewhere', reason: 'opaque-field-malformed', edits: field('PROJECT', textBytes('../X')) },
  { name: 'the VBIOS version has bits set that none has', reason: 'opaque-field-malformed', edits: field('VBIOS_VERSION', Uint8Array.of(0, 0x9f, 0, 0x96, 1, 0, 0, 1)) },
  { name: 'counts are of half the measurements', reason: 'opaque-field-malformed', edits: opaque((fields) => fields.map((f) => (f.name === 'MSRSCNT' ? { ...f, data: f.data.slice(0, 128) } : f))) },
  { name: 'a list of switches is no list', reason: 'opaque-field-malformed', edits: field('SWITCH_PDI', new Uint8Array(9)) },
  { name: 'the opaque data are of version 2', reason: 'opaque-data-version', machine: LATEST, edits: field('OPAQUE_DATA_VERSION', numberBytes(2, 2)) },
  { name: 'the video decoder is neither on nor off', reason: 'nvdec-status', edits: field('NVDEC0_STATUS', Uint8Array.of(0)) },
  { name: 'protected PCIe is neither on nor off', reason: 'protected-pcie-status', edits: field('PROTECTED_PCIE_STATUS', Uint8Array.of(1)) },
  { name: 'the feature flag is unknown', reason: 'feature-flag', machine: LATEST, edits: field('FEATURE_FLAG', numberBytes(3, 2)) },
  { name: 'the feature flag says that protected PCIe is on, and it is off', reason: 'feature-flag', machine: LATEST, edits: field('FEATURE_FLAG', numberBytes(2, 2)) },
  { name: 'protected PCIe is on, and the feature flag says otherwise', reason: 'feature-flag', machine: LATEST, edits: field('PROTECTED_PCIE_STATUS', Uint8Array.of(0xaa)) },

  { name: 'a report is signed by another key', reason: 'report-signature', edits: { reportSigner: STRANGER } },
  { name: 'the signature is another', reason: 'report-signature', edits: bytes(other) },
  { name: 'the signature is zero', reason: 'report-signature', edits: bytes((r) => r.map((b, i) => (i < r.length - 96 ? b : 0))) },
  { name: 'a measurement is changed after it was signed', reason: 'report-signature', edits: bytes((r) => r.with(200, (r[200] ?? 0) ^ 1)) },
  { name: 'the nonce is changed after it was signed', reason: 'report-signature', edits: bytes((r) => r.with(4, (r[4] ?? 0) ^ 1)) },

  { name: "a measurement of the driver's manifest differs", reason: 'measurement-mismatch', edits: measurement(25, other), path: 'devices.0.report.measurements.25' },
  { name: "a measurement of the VBIOS's manifest differs", reason: 'measurement-mismatch', edits: measurement(1, other), path: 'devices.0.report.measurements.1' },
  { name: 'a measurement is zero though it was extended', reason: 'measurement-count', edits: measurement(1, (value) => new Uint8Array(value.length)) },
  { name: 'a measurement is there though it was never extended', reason: 'measurement-count', edits: measurement(63, other) },
  { name: 'all measurements are zero', reason: 'measurement-count', edits: report((r) => ({ measurements: r.measurements.map((m) => ({ ...m, value: new Uint8Array(48) })) })) },
  {
    name: 'all measurements are zero, and so are their counts',
    reason: 'measurement-mismatch',
    edits: report((r) => ({ measurements: r.measurements.map((m) => ({ ...m, value: new Uint8Array(48) })), opaque: r.opaque.map((f) => (f.name === 'MSRSCNT' ? { ...f, data: new Uint8Array(256) } : f)) })),
  },
  {
    name: 'the video decoder is on, and its measurement differs',
    reason: 'measurement-mismatch',
    both: field('NVDEC0_STATUS', Uint8Array.of(0xaa)),
    edits: report((r) => ({
      opaque: r.opaque.map((f) => (f.name === 'NVDEC0_STATUS' ? { ...f, data: Uint8Array.of(0xaa) } : f)),
      measurements: r.measurements.map((m) => (m.index === 35 ? { ...m, value: other(m.value) } : m)),
    })),
  },
  { name: 'developer tools are on', reason: 'measurement-mismatch', machine: {}, edits: measurement(36, (value) => value.map((b) => b ^ 0xff)) },

  { name: 'the firmware in the report is not that in the leaf', reason: 'fwid-mismatch', edits: field('FWID', new Uint8Array(48).fill(7)) },
  { name: 'the report says nothing of its firmware', reason: 'fwid-absent', edits: without('FWID') },
  { name: 'the driver is too old to state its firmware', reason: 'fwid-absent', machine: { driver: '535.86.09' }, good: { allowNoFwid: true } },
  { name: 'another nonce was asked with', reason: 'nonce-mismatch', wishes: { nonce: new Uint8Array(32) }, good: { nonce: evidence().evidence[0]?.report.slice(4, 36) ?? new Uint8Array() } },

  { name: 'the driver is older than the minimum', reason: 'driver-below-minimum', wishes: { minimumDriver: '550.90.08' }, good: { minimumDriver: '550.90.07' } },
  { name: 'the driver is of an older branch than the minimum', reason: 'driver-below-minimum', wishes: { minimumDriver: '1000.1' }, good: { minimumDriver: '99.999.99' } },
  { name: 'the VBIOS is older than the minimum', reason: 'vbios-below-minimum', wishes: { minimumVbios: '96.00.A0.00.00' }, good: { minimumVbios: '96.00.9F.00.01' } },
];

const system = (state: { confidentialComputing?: boolean; developerTools?: boolean; protectedPcie?: boolean }): Edits => ({
  presented: () => ({ system: { confidentialComputing: true, developerTools: false, ...state } }),
});

export const POLICY_REJECTIONS: readonly Rejection[] = [
  { name: 'the chip is not one of those expected', reason: 'device-kind', wishes: { chips: ['GB100', 'GB202'] }, good: { chips: 'GH100' } },
  { name: 'the mode is not one of those expected', reason: 'mode-refused', wishes: { modes: 'ppcie' }, good: { modes: ['spt', 'mpt'] } },
  { name: 'the system says that confidential computing is off', reason: 'confidential-computing-off', both: system({}), edits: system({ confidentialComputing: false }) },
  { name: 'the system says that developer tools are on', reason: 'developer-tools', both: system({}), edits: system({ developerTools: true }) },
  { name: 'the system says that protected PCIe is on, and the report that it is off', reason: 'system-mode', both: system({ protectedPcie: false }), edits: system({ protectedPcie: true }) },
];

const PPCIE = { gpu: 'h100-sxm', mode: 'ppcie', count: 8 } as const;
const devices = (edit: (list: ReturnType<typeof evidence>['evidence']) => ReturnType<typeof evidence>['evidence']): Edits => ({ presented: ({ evidence: list }) => ({ evidence: edit(list) }) });
/** Of one device of a machine, before its report is signed. */
const one = (kind: 'gpu' | 'switch', index: number, name: string, edit: (data: Uint8Array) => Uint8Array): Edits => ({
  report: (r, place) => (place.kind === kind && place.index === index ? { ...r, opaque: r.opaque.map((f) => (f.type === opaqueRowNamed(name)?.type ? { ...f, data: edit(f.data) } : f)) } : r),
});

export const MACHINE_REJECTIONS: readonly Rejection[] = [
  { name: 'a GPU is there twice', reason: 'device-twice', machine: { gpu: 'h100-sxm', count: 2 }, edits: devices(([first]) => (first ? [first, first] : [])), path: 'devices.1' },
  {
    name: 'the second GPU answers to another nonce',
    reason: 'nonce-mixed',
    machine: { gpu: 'h100-sxm', count: 2 },
    edits: devices(([first, second]) => [...(first ? [first] : []), ...(second ? [{ ...second, ...withNonce(1) }] : [])]),
    path: 'devices.1',
  },
  {
    name: 'the second GPU is not signed by its key',
    reason: 'report-signature',
    machine: { gpu: 'h100-sxm', count: 2 },
    edits: { signedReport: (r, { index }) => (index === 1 ? other(r) : r) },
    path: 'devices.1.report.signature',
  },
  { name: 'there is one GPU less than expected', reason: 'device-count', machine: { gpu: 'h100-sxm', count: 2 }, wishes: { deviceCount: 3 }, good: { deviceCount: 2 } },
  { name: 'it is another device than expected', reason: 'device-unexpected', wishes: { ueids: ['123'] }, good: { ueids: [ueidOf()] } },
  {
    name: 'GPUs run in different modes',
    reason: 'mode-mixed',
    machine: { gpu: 'h100-sxm', count: 2, driver: '595.71.05' },
    edits: { report: (r, { index }) => (index === 1 ? { ...r, opaque: r.opaque.map((f) => (f.name === 'FEATURE_FLAG' ? { ...f, data: numberBytes(1, 2) } : f)) } : r) },
  },
  { name: 'a switch of a machine in protected PCIe mode is missing', reason: 'topology', machine: PPCIE, edits: devices((list) => list.slice(0, -1)) },
  { name: 'a GPU of a machine in protected PCIe mode is missing', reason: 'topology', machine: PPCIE, edits: devices((list) => list.slice(1)) },
  { name: 'a GPU in protected PCIe mode comes alone', reason: 'topology', machine: { ...PPCIE, count: 1 }, wishes: {}, good: { allowIncompleteMachine: true } },
  { name: 'a GPU names a switch that is not there', reason: 'topology', machine: PPCIE, edits: one('gpu', 3, 'SWITCH_PDI', (data) => data.with(0, (data[0] ?? 0) ^ 1)), path: 'devices.3' },
  {
    name: 'a GPU names three switches',
    reason: 'topology',
    machine: PPCIE,
    edits: one('gpu', 3, 'SWITCH_PDI', (data) => Uint8Array.from(Buffer.concat(Array.from({ length: 18 }, (_, i) => distinct(data)[i % 3] ?? data)))),
  },
  { name: 'a switch names a GPU that is not there', reason: 'topology', machine: PPCIE, edits: one('switch', 2, 'GPU_PDIS', (data) => data.with(8, (data[8] ?? 0) ^ 1)), path: 'devices.10' },
  { name: 'a switch names itself otherwise than its certificates', reason: 'pdi-mismatch', machine: PPCIE, edits: one('switch', 0, 'SWITCH_PDI', (data) => data.with(7, (data[7] ?? 0) ^ 1)) },
];

/** The different identifiers in a list. */
function distinct(data: Uint8Array): Uint8Array[] {
  const all = Array.from({ length: data.length / 8 }, (_, i) => data.slice(8 * i, 8 * i + 8));
  return all.filter((id, i) => all.findIndex((o) => Buffer.compare(o, id) === 0) === i);
}

function withNonce(index: number): { readonly report: Uint8Array; readonly nonce: string } {
  const nonce = '77'.repeat(32);
  const made = evidence({ gpu: 'h100-sxm', count: 2, nonce }).evidence[index];
  if (!made) throw new Error('no such device');
  return { report: made.report, nonce };
}

function ueidOf(): string {
  const [line = ''] = Buffer.from(evidence().evidence[0]?.certificateChain ?? [])
    .toString('latin1')
    .split('-----END');
  const der = Buffer.from(line.replace(/-----.*-----/, ''), 'base64');
  // The serial number, 20 bytes, is the first INTEGER behind the version.
  const at = der.indexOf(Uint8Array.of(2, 20), 0);
  return BigInt(`0x${der.subarray(at + 2, at + 22).toString('hex')}`).toString();
}

export const UNUSUAL_REPORTS: readonly Unusual[] = [
  { name: 'the measurement of the video decoder differing while it is off', edits: measurement(35, other) },
  {
    name: 'a measurement that no manifest speaks for',
    edits: report((r) => ({
      measurements: r.measurements.map((m) => (m.index === 63 ? { ...m, value: other(m.value) } : m)),
      opaque: r.opaque.map((f) => (f.name === 'MSRSCNT' ? { ...f, data: countsBytes(countsOf(f.data).with(63, 1)) } : f)),
    })),
  },
  {
    name: 'counts differing where something was extended',
    edits: opaque((fields) => fields.map((f) => (f.name === 'MSRSCNT' ? { ...f, data: countsBytes(countsOf(f.data).map((count) => (count === 0 ? 0 : count + 1))) } : f))),
  },
  { name: 'opaque fields in another order', edits: opaque((fields) => fields.toReversed()) },
  { name: 'an unknown opaque field, where that is allowed', edits: opaque((fields) => [UNKNOWN, ...fields]), wishes: { allowUnknownFields: true } },
  {
    name: 'no nonce beside the report',
    edits: { presented: ({ evidence: [first] }) => (first ? { evidence: [{ architecture: first.architecture, certificateChain: first.certificateChain, report: first.report }] } : {}) },
  },
  { name: 'a nonce in capitals beside the report', edits: device(({ nonce = '' }) => ({ nonce: nonce.toUpperCase() })) },
  { name: 'one of several nonces that were asked with', wishes: { nonce: [new Uint8Array(32), evidence().evidence[0]?.report.slice(4, 36) ?? new Uint8Array()] } },
  { name: 'eight GPUs and four switches in protected PCIe mode', machine: PPCIE, wishes: { modes: 'ppcie', deviceCount: 12 } },
  { name: 'a Blackwell GPU', machine: { gpu: 'b200' }, wishes: { chips: 'GB100', modes: 'mpt' } },
  { name: 'a Blackwell GPU of another chip', machine: { gpu: 'rtx-pro-6000' }, wishes: { chips: 'GB202' } },
  { name: 'everything at the last moment of its OCSP responses', wishes: { now: NOW + 86_400_000 } },
];
