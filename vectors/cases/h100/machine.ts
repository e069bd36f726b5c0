/** What stands around reports, what relying parties forbid, and machines of several GPUs and switches. */
import { h100Evidence } from '../../../emulator/h100/evidence/evidence.ts';
import type { H100OptionsInput } from '../../../emulator/h100/evidence/options.ts';
import type { OpaqueField } from '../../../emulator/h100/report/opaque.ts';
import { numberBytes } from '../../../emulator/h100/report/values.ts';
import { field, other, reportOf, withField } from '../../edits/nvidia.ts';
import { OF_THE_GOOD_TWIN } from '../../model.ts';
import { CRASH, type DeviceText, type H100Case, type H100Maker, type More, refused } from './row.ts';

const EVIDENCE = 'NVIDIA attestation SDK, serialized evidence';
const JSON_FORM = ['parse', 'evidence-json'] as const;
const NVML = 'NVML, confidential compute system state';
const ASKED = 'the relying party asked for it';
const PPCIE_REF = 'NVIDIA protected PCIe verifier, topology; confidential-containers/trustee@7445685d';
const first = (change: (device: DeviceText, maker: H100Maker) => Record<string, unknown>): More => ({ devices: ([device, ...rest], maker) => [device && { ...device, ...change(device, maker) }, ...rest] });
const text = (make: (json: string) => string): More => ({
  files: (files) => new Map([...files, ['evidence.json', Uint8Array.from(Buffer.from(make(Buffer.from(files.get('evidence.json') ?? []).toString()), 'latin1'))]]),
});

const EVIDENCE_CASES: readonly H100Case[] = [
  refused('evidence/missing', ['parse', 'evidence-incomplete'], 'high', EVIDENCE, 'There is no evidence.', {
    files: (files) => new Map([...files].filter(([name]) => !['evidence.json', 'report.bin', 'cert_chain.pem'].includes(name))),
  }),
  refused('evidence/no-device', ['parse', 'evidence-incomplete'], 'critical', EVIDENCE, 'The list of devices is empty: nothing in it is wrong.', { bug: 'authentication-bypass', devices: () => [] }),
  refused('evidence/truncated', JSON_FORM, 'medium', EVIDENCE, 'The JSON ends in the middle.', { ...CRASH, ...text((json) => json.slice(0, json.length / 2)) }),
  refused(
    'evidence/no-utf-8',
    JSON_FORM,
    'low',
    'RFC 8259 §8.1',
    'The JSON is no UTF-8.',
    text((json) => json.replace('HOPPER', 'HOPPER\xff')),
  ),
  refused('evidence/deep', JSON_FORM, 'high', 'CWE-674', 'Lists stand in one another, many thousands deep.', { ...CRASH, ...text(() => `${'['.repeat(100_000)}${']'.repeat(100_000)}`) }),
  refused('evidence/no-list', JSON_FORM, 'medium', EVIDENCE, 'A device stands there without a list around it.', { devices: ([device]) => device }),
  refused('evidence/null-device', JSON_FORM, 'medium', EVIDENCE, 'A device is null.', { ...CRASH, devices: (list) => [...list, null] }),
  refused('evidence/number-for-text', JSON_FORM, 'medium', EVIDENCE, 'The report is a number.', { ...CRASH, ...first(() => ({ evidence: 1 })) }),
  refused(
    'evidence/no-report',
    JSON_FORM,
    'high',
    EVIDENCE,
    'A device has no report.',
    first(() => ({ evidence: undefined })),
  ),
  refused(
    'evidence/no-certificates',
    JSON_FORM,
    'high',
    EVIDENCE,
    'A device has no certificates.',
    first(() => ({ certificate: undefined })),
  ),
  refused(
    'evidence/no-base64',
    JSON_FORM,
    'medium',
    EVIDENCE,
    'The report is no base64.',
    first(() => ({ evidence: '***' })),
  ),
  refused('evidence/error-result', JSON_FORM, 'medium', EVIDENCE, 'The tool that collected the evidence says that it failed.', { devices: (evidences) => ({ evidences, result_code: 3, result_message: 'failed' }) }),
  refused('evidence/65-devices', JSON_FORM, 'medium', 'CWE-400', 'There are more devices than any machine has.', { ...CRASH, devices: ([device]) => Array.from({ length: 65 }, () => device) }),
  refused(
    'evidence/unknown-architecture',
    ['parse', 'evidence-architecture'],
    'medium',
    EVIDENCE,
    'The architecture is one that attests nothing.',
    first(() => ({ arch: 'AMPERE' })),
  ),
  refused('evidence/architecture-in-small-letters', ['parse', 'evidence-architecture'], 'low', EVIDENCE, 'The architecture is in small letters.', {
    policy: 'names of architectures are as NVIDIA’s tools write them',
    ...first(() => ({ arch: 'hopper' })),
  }),
  refused(
    'evidence/architecture-of-another-chip',
    ['policy', 'architecture-mismatch'],
    'high',
    EVIDENCE,
    'A Hopper GPU is presented as one of Blackwell.',
    first(() => ({ arch: 'BLACKWELL' })),
  ),
  refused(
    'evidence/other-nonce-beside',
    ['binding', 'nonce-document'],
    'medium',
    EVIDENCE,
    'The nonce beside the report is another than the one in it.',
    first(() => ({ nonce: '00'.repeat(32) })),
  ),
  refused('evidence/challenge-beside-old-report', ['binding', 'nonce-document'], 'critical', EVIDENCE, 'An old report, with the new challenge written beside it.', {
    bug: 'binding-bypass',
    options: { nonce: '01' },
    goodOptions: {},
    devices: ([device, ...rest], { world }) => [device && { ...device, nonce: Buffer.from(world.derive('nvidia/evidence/nonce', 32)).toString('hex') }, ...rest],
  }),
  refused('evidence/driver-version-beside', ['binding', 'version-mismatch'], 'medium', 'NVML, driver version', 'The system names another driver than the report.', {
    goodDevice: { driver_version: '550.90.07' },
    ...first(() => ({ driver_version: '550.90.12' })),
  }),
  refused('evidence/vbios-version-beside', ['binding', 'version-mismatch'], 'medium', 'NVML, VBIOS version', 'The system names another VBIOS than the report.', {
    goodDevice: { vbios_version: '96.00.9F.00.01' },
    ...first(() => ({ vbios_version: '96.00.9F.00.02' })),
  }),
];

const POLICY_CASES: readonly H100Case[] = [
  refused('policy/confidential-computing-off', ['policy', 'confidential-computing-off'], 'high', 'Datura-ai/lium-io#1106', 'The system says that confidential computing is off.', {
    system: { confidentialComputing: false },
  }),
  refused('policy/developer-tools', ['policy', 'developer-tools'], 'high', 'Dstack-TEE/dstack#778', 'The system says that developer tools are on.', { policy: 'production only', system: { developerTools: true } }),
  refused('policy/system-says-protected-pcie', ['policy', 'system-mode'], 'medium', NVML, 'The system says that protected PCIe is on, and the report that it is off.', {
    goodSystem: { protectedPcie: false },
    system: { protectedPcie: true },
  }),
  refused('policy/system-unreadable', JSON_FORM, 'medium', NVML, 'What the system says of itself can’t be read.', {
    system: {},
    files: (files) => new Map([...files, ['system.json', Uint8Array.from(Buffer.from('{"confidentialComputing": 1}'))]]),
  }),
  refused('policy/system-more', JSON_FORM, 'low', NVML, 'The system says more of itself than anybody knows.', {
    system: {},
    files: (files) => new Map([...files, ['system.json', Uint8Array.from(Buffer.from('{"confidentialComputing": true, "developerTools": false, "mode": 1}'))]]),
  }),
  refused('policy/chip', ['policy', 'device-kind'], 'medium', ASKED, 'It is a Hopper GPU, and one of Blackwell is expected.', {
    policy: 'Blackwell only',
    goodOptions: { gpu: 'b200' },
    request: { chips: ['GB100', 'GB202'] },
  }),
  refused('policy/mode', ['policy', 'mode-refused'], 'medium', ASKED, 'The GPU works alone, and one of several is expected.', { policy: 'several GPUs only', goodOptions: { gpu: 'b200' }, request: { modes: ['mpt'] } }),
  refused('policy/driver-too-old', ['tcb', 'driver-below-minimum'], 'high', ASKED, 'The driver is older than the relying party allows.', {
    policy: 'driver 550.144.03 at least',
    goodOptions: { driver: '550.144.03' },
    request: { minimumDriver: '550.144.03' },
  }),
  refused('policy/driver-compared-as-text', ['tcb', 'driver-below-minimum'], 'high', ASKED, 'As a text, 550.90.07 is later than 550.144.03; as a version it is older.', {
    policy: 'driver 550.100 at least',
    goodOptions: { driver: '550.144.03' },
    request: { minimumDriver: '550.100' },
  }),
  refused('policy/vbios-too-old', ['tcb', 'vbios-below-minimum'], 'high', ASKED, 'The VBIOS is older than the relying party allows.', {
    policy: 'VBIOS 96.00.A5.00.01 at least',
    goodOptions: { gpu: 'h100-sxm' },
    request: { minimumVbios: '96.00.A5.00.01' },
  }),
  refused('policy/other-device', ['binding', 'device-unexpected'], 'critical', ASKED, 'It is a sound GPU, and not the one that is expected.', {
    policy: 'known devices only',
    options: { machine: 1 },
    goodOptions: {},
    request: { ueids: OF_THE_GOOD_TWIN },
  }),
  refused('policy/too-few-devices', ['binding', 'device-count'], 'high', ASKED, 'Two GPUs are expected, and one is there.', {
    policy: 'two GPUs',
    options: { gpu: 'h100-sxm', count: 1 },
    goodOptions: { gpu: 'h100-sxm', count: 2 },
    request: { deviceCount: 2 },
  }),
];

const TWO: H100OptionsInput = { gpu: 'h100-sxm', count: 2 };
const WHOLE: H100OptionsInput = { gpu: 'h100-sxm', mode: 'ppcie', count: 8 };
const swapped = (data: Uint8Array, at: number): Uint8Array => data.with(at, (data[at] ?? 0) ^ 1);
const turned =
  (name: string, at: number) =>
  ({ opaque: fields }: { readonly opaque: readonly OpaqueField[] }) => ({ opaque: withField(fields, name, (data) => swapped(data, at)) });

const SEVERAL_CASES: readonly H100Case[] = [
  refused('machine/gpu-twice', ['binding', 'device-twice'], 'high', EVIDENCE, 'The same GPU’s evidence stands there twice.', { options: TWO, devices: ([device]) => [device, device] }),
  refused('machine/second-nonce', ['binding', 'nonce-mismatch'], 'critical', EVIDENCE, 'The second GPU answers to another challenge.', {
    options: TWO,
    devices: ([device], { world }) => [device, otherDevice(world, TWO, 1, '01')],
  }),
  refused('machine/nonces-differ', ['binding', 'nonce-mixed'], 'high', 'teemu: one challenge for one machine', 'Two GPUs answer to two nonces, both of which the relying party has given out.', {
    options: TWO,
    devices: ([device], { world }) => [device, otherDevice(world, TWO, 1, '01')],
    request: { nonce: [OF_THE_GOOD_TWIN, `01${'00'.repeat(31)}`] },
  }),
  refused('machine/second-signature', ['signature', 'report-signature'], 'critical', EVIDENCE, 'The second GPU’s report is not signed by its key.', {
    options: TWO,
    edits: { signedReport: (r, { index }) => (index === 1 ? other(r) : r) },
  }),
  refused('machine/second-measurement', ['tcb', 'measurement-mismatch'], 'critical', EVIDENCE, 'The second GPU runs other firmware.', {
    options: TWO,
    edits: reportOf('gpu', 1, ({ measurements }) => ({ measurements: measurements.map((m) => (m.index === 1 ? { ...m, value: other(m.value) } : m)) })),
  }),
  refused('machine/last-of-eight', ['signature', 'report-signature'], 'critical', EVIDENCE, 'Seven GPUs are sound, and the last one’s signature is not.', {
    options: { gpu: 'h100-sxm', count: 8 },
    edits: { signedReport: (r, { index }) => (index === 7 ? other(r) : r) },
  }),
  refused('machine/modes-differ', ['policy', 'mode-mixed'], 'medium', 'NVIDIA local GPU verifier, uniform mode', 'One GPU works alone, another with several.', {
    policy: 'one mode for all',
    options: { ...TWO, driver: '595.71.05' },
    edits: reportOf('gpu', 1, ({ opaque: fields }) => ({ opaque: withField(fields, 'FEATURE_FLAG', numberBytes(1, 2)) })),
  }),
  refused('machine/switch-missing', ['binding', 'topology'], 'high', PPCIE_REF, 'Eight GPUs and three switches in protected PCIe mode.', { options: WHOLE, devices: (list) => list.slice(0, -1) }),
  refused('machine/gpu-missing', ['binding', 'topology'], 'high', PPCIE_REF, 'Seven GPUs and four switches in protected PCIe mode.', { options: WHOLE, devices: (list) => list.slice(1) }),
  refused('machine/switches-alone', ['binding', 'topology'], 'high', PPCIE_REF, 'A GPU in protected PCIe mode, and no switch at all.', { options: { ...WHOLE, count: 1, switches: 0 }, goodOptions: WHOLE }),
  refused('machine/foreign-switch', ['binding', 'topology'], 'high', PPCIE_REF, 'A GPU names a switch that is not there.', { options: WHOLE, edits: reportOf('gpu', 3, turned('SWITCH_PDI', 0)) }),
  refused('machine/three-switches-named', ['binding', 'topology'], 'high', PPCIE_REF, 'A GPU names three switches.', {
    options: WHOLE,
    edits: reportOf('gpu', 3, ({ opaque: fields }) => ({ opaque: withField(fields, 'SWITCH_PDI', threeOnly) })),
  }),
  refused('machine/foreign-gpu', ['binding', 'topology'], 'high', PPCIE_REF, 'A switch names a GPU that is not there.', { options: WHOLE, edits: reportOf('switch', 2, turned('GPU_PDIS', 8)) }),
  refused('machine/switch-of-another-board', ['binding', 'topology'], 'critical', PPCIE_REF, 'One switch is that of another board, sound in itself.', {
    options: WHOLE,
    devices: (list, { world }) => [...list.slice(0, -1), otherDevice(world, { ...WHOLE, machine: 1 }, 11)],
    request: { allowNoOcsp: true },
  }),
  refused('machine/switch-identifier', ['binding', 'pdi-mismatch'], 'high', PPCIE_REF, 'A switch names itself otherwise than its certificates.', { options: WHOLE, edits: reportOf('switch', 0, turned('SWITCH_PDI', 7)) }),
  refused('machine/switch-as-gpu', ['parse', 'report-blocks'], 'high', EVIDENCE, 'A switch is presented as a GPU.', {
    options: WHOLE,
    devices: (list) => list.map((device, i) => (i === 8 ? { ...device, arch: 'HOPPER' } : device)),
  }),
  refused('machine/switch-firmware', ['tcb', 'measurement-mismatch'], 'critical', EVIDENCE, 'A switch runs other firmware.', {
    options: WHOLE,
    edits: reportOf('switch', 1, ({ measurements }) => ({ measurements: measurements.map((m) => (m.index === 3 ? { ...m, value: other(m.value) } : m)) })),
  }),
  refused('machine/blackwell-chip-unknown', ['parse', 'opaque-field-malformed'], 'medium', EVIDENCE, 'A Blackwell GPU names its chip so that its manifest would lead elsewhere.', {
    options: { gpu: 'b200' },
    edits: field('CHIP_INFO', Uint8Array.from(Buffer.from('../B\0'))),
  }),
];

/** A device of another piece of evidence. */
function otherDevice(world: H100Maker['world'], options: H100OptionsInput, index: number, nonce?: string): unknown {
  const { bundle } = h100Evidence(world, { ...options, ...(nonce === undefined ? {} : { nonce }) });
  const list = JSON.parse(Buffer.from(bundle.files.get('evidence.json') ?? []).toString()) as unknown[];
  return list[index];
}

/** Eighteen links to three of the four switches. */
function threeOnly(data: Uint8Array): Uint8Array {
  const ids = Array.from({ length: data.length / 8 }, (_, i) => Buffer.from(data.slice(8 * i, 8 * i + 8)).toString('hex'));
  const three = [...new Set(ids)].slice(0, 3);
  return Uint8Array.from(Buffer.from(ids.map((_, i) => three[i % 3] ?? '').join(''), 'hex'));
}

export const MACHINE_CASES: readonly H100Case[] = [...EVIDENCE_CASES, ...POLICY_CASES, ...SEVERAL_CASES];
