/** Unusual evidence that must be accepted. */
import { countsBytes, countsOf } from '../../../emulator/h100/report/values.ts';
import { basicConstraintsCa } from '../../../emulator/pki/extensions.ts';
import { and, certificate, field, instead, manifest, measurement, ocsp, ocspStatus, opaque, other, report, rimRow, signatureNumbers, withField } from '../../edits/nvidia.ts';
import { accepted, type H100Case } from './row.ts';

const OPAQUE = 'NVIDIA attestation SDK, opaque data of the report';
const SWID = 'TCG Reference Integrity Manifest Information Model';
const EDGE = 'automata-network/automata-dcap-attestation@d0ac9fd; RFC 5280 §4.1.2.5';
const DAY = 86_400_000;
const UNKNOWN = { type: 200, name: 'UNKNOWN_200', data: Uint8Array.of(1, 2, 3) };
const WHOLE = { gpu: 'h100-sxm', mode: 'ppcie', count: 8 } as const;

export const OK_CASES: readonly H100Case[] = [
  accepted('ok/h100-sxm', 'high', OPAQUE, 'An H100 of an HGX board, with a newer driver.', { options: { gpu: 'h100-sxm' } }),
  accepted('ok/h200', 'high', OPAQUE, 'An H200, whose driver states version and feature flag of the opaque data.', { options: { gpu: 'h200' } }),
  accepted('ok/eight-gpus', 'high', OPAQUE, 'Eight GPUs, each alone.', { options: { gpu: 'h100-sxm', count: 8 }, request: { deviceCount: 8 }, goodOptions: { gpu: 'h200', count: 8 } }),
  accepted('ok/protected-pcie', 'high', 'NVIDIA protected PCIe verifier', 'Eight GPUs and four switches, all of one machine.', { options: WHOLE, request: { deviceCount: 12 }, goodOptions: { ...WHOLE, machine: 1 } }),
  accepted('ok/one-of-protected-pcie', 'low', 'NVIDIA local GPU verifier', 'One GPU in protected PCIe mode, where the rest is looked at elsewhere.', {
    policy: 'a part of a machine is accepted',
    options: { ...WHOLE, count: 1, switches: 0 },
    request: { allowIncompleteMachine: true },
  }),
  accepted('ok/blackwell', 'high', 'confidential-containers/trustee#1551', 'A Blackwell GPU: DiceTcbInfo in its leaf, the chip’s name in its opaque data.', { options: { gpu: 'b200' } }),
  accepted('ok/blackwell-of-another-chip', 'medium', 'confidential-containers/trustee#1551', 'A Blackwell GPU of another chip.', { options: { gpu: 'rtx-pro-6000' } }),
  accepted('ok/multi-gpu-mode', 'medium', 'nv-local-gpu-verifier 2.6.2 to 2.7.3', 'Two GPUs that work together.', { options: { gpu: 'b200', count: 2 }, request: { modes: ['mpt'] }, goodOptions: { gpu: 'b200' } }),
  accepted('ok/old-driver', 'medium', OPAQUE, 'A driver that states no firmware, where that is accepted.', { policy: 'the FWID may be absent', options: { driver: '535.86.09' }, request: { allowNoFwid: true } }),
  accepted('ok/video-decoder-off', 'medium', 'NVIDIA attestation SDK, NVDEC0_STATUS', 'The video decoder is off, and its firmware’s measurement differs.', { edits: measurement(35, other) }),
  accepted('ok/video-decoder-on', 'medium', 'NVIDIA attestation SDK, NVDEC0_STATUS', 'The video decoder is on, and its firmware is as it should be.', { options: { decoder: 'on' } }),
  accepted('ok/measurement-that-nobody-speaks-for', 'low', SWID, 'A measurement differs for which no manifest speaks.', {
    edits: report((r) => ({ measurements: r.measurements.map((m) => (m.index === 63 ? { ...m, value: other(m.value) } : m)), opaque: withField(r.opaque, 'MSRSCNT', (data) => countsBytes(countsOf(data).with(63, 1))) })),
  }),
  accepted('ok/other-counts', 'low', 'NVIDIA attestation SDK, MSRSCNT', 'Measurements were extended more often, and are the same.', {
    edits: field('MSRSCNT', (data) => countsBytes(countsOf(data).map((count) => (count === 0 ? 0 : count + 1)))),
  }),
  accepted('ok/opaque-order', 'medium', OPAQUE, 'The opaque fields stand in another order.', { edits: opaque((fields) => fields.toReversed()) }),
  accepted('ok/opaque-unknown-field', 'medium', 'confidential-containers/trustee@a7e43264', 'A field of a type that nobody knows, where that is accepted.', {
    policy: 'unknown opaque fields are passed over',
    edits: opaque((fields) => [UNKNOWN, ...fields]),
    request: { allowUnknownFields: true },
  }),
  accepted('ok/opaque-unknown-field-last', 'medium', 'confidential-containers/trustee@a7e43264', 'Such a field at the end.', {
    policy: 'unknown opaque fields are passed over',
    edits: opaque((fields) => [...fields, UNKNOWN]),
    request: { allowUnknownFields: true },
  }),
  accepted('ok/rim-alternatives', 'high', 'NVIDIA/nvtrust#28, #38', 'The right value stands among several.', {
    edits: manifest(
      'driverRim',
      rimRow(25, ({ alternatives }) => ({ alternatives: [new Uint8Array(48), ...alternatives.map(other), ...alternatives] })),
    ),
  }),
  accepted('ok/rim-sixteen-alternatives', 'low', SWID, 'The right value is the last of sixteen.', {
    edits: manifest(
      'driverRim',
      rimRow(25, ({ alternatives: [value = new Uint8Array(48)] }) => ({ alternatives: [...Array.from({ length: 15 }, (_, i) => new Uint8Array(48).fill(i)), value] })),
    ),
  }),
  accepted('ok/rim-inactive', 'high', 'NVIDIA/nvtrust#28, #38', 'Other values where a manifest does not speak.', {
    edits: manifest(
      'vbiosRim',
      rimRow(25, () => ({ alternatives: [new Uint8Array(48).fill(1)] })),
    ),
  }),
  accepted('ok/rim-one-measurement', 'low', SWID, 'A manifest speaks for one measurement only.', {
    edits: manifest('driverRim', ({ measurements }) => ({ measurements: measurements.map((m) => ({ ...m, active: m.index === 25 })) })),
  }),
  accepted('ok/no-rims', 'low', SWID, 'There are no manifests, where the relying party does without.', {
    policy: 'firmware is looked at elsewhere',
    files: (files) => new Map([...files].filter(([name]) => !/rim\.xml$|^rims\//.test(name))),
    request: { allowNoRims: true },
  }),
  accepted('ok/no-ocsp', 'low', 'RFC 6960 §2.2', 'There are no OCSP responses, where the relying party does without.', {
    policy: 'revocation is looked at elsewhere',
    files: (files) => new Map([...files].filter(([name]) => !name.startsWith('ocsp/'))),
    request: { allowNoOcsp: true },
  }),
  accepted('ok/ocsp-within-grace', 'low', 'RFC 6960 §3.2', 'Responses that ended an hour ago, where a day is forgiven.', {
    policy: 'a day of grace',
    edits: ({ at }) => ocspStatus((single) => ({ ...single, thisUpdate: at - DAY, nextUpdate: at - 3_600_000 })),
    request: { ocspGrace: DAY },
  }),
  accepted('ok/ocsp-nonce', 'medium', 'RFC 6960 §4.4.1', 'Responses with the nonce that was asked with.', {
    edits: ocsp((spec) => ({ ...spec, nonce: new Uint8Array(32).fill(9) })),
    request: { ocspNonce: '09'.repeat(32) },
    both: ocsp((spec) => ({ ...spec, nonce: new Uint8Array(32).fill(9) })),
  }),
  accepted('ok/ocsp-unasked-nonce', 'low', 'RFC 6960 §4.4.1', 'Responses with a nonce, and nobody says what it should be.', { edits: ocsp((spec) => ({ ...spec, nonce: new Uint8Array(32).fill(9) })) }),
  accepted('ok/ocsp-one-of-two', 'medium', 'RFC 6960 §3.2', 'A response of last week beside the one that counts.', {
    files: (files) => new Map([...files, ...[...files].flatMap(([name, der]): [string, Uint8Array][] => (name.startsWith('ocsp/boot-rom') ? [[name.replace('.der', '-again.der'), der]] : []))]),
  }),
  accepted('ok/last-second-of-ocsp', 'high', EDGE, 'OCSP responses end in the second in which the verifier looks.', { edits: ({ at }) => ocspStatus((single) => ({ ...single, nextUpdate: at })) }),
  accepted('ok/last-second-of-certificate', 'high', EDGE, 'A certificate ends in the second in which the verifier looks.', { edits: ({ at }) => certificate('bootRom', (spec) => ({ ...spec, notAfter: at })) }),
  accepted('ok/first-second-of-certificate', 'high', EDGE, 'A certificate begins in the second in which the verifier looks.', { edits: ({ at }) => certificate('bootRom', (spec) => ({ ...spec, notBefore: at })) }),
  accepted('ok/unknown-extension', 'medium', 'RFC 5280 §4.2', 'The leaf has an extension that nobody knows, and that is not critical.', {
    edits: certificate('attestation', and({ oid: '1.2.3.4', critical: false, value: Uint8Array.of(5, 0) })),
  }),
  accepted('ok/path-length', 'medium', 'RFC 5280 §4.2.1.9', 'The identity authority allows just as many authorities below it as there are.', { edits: certificate('identity', instead(basicConstraintsCa(2))) }),
  accepted('ok/no-nonce-beside', 'medium', 'NVIDIA attestation SDK, serialized evidence', 'No nonce stands beside the report.', { devices: (list) => list.map(({ nonce: _, ...device }) => device) }),
  accepted('ok/nonce-in-capitals', 'low', 'NVIDIA attestation SDK, serialized evidence', 'The nonce beside the report is in capitals.', {
    devices: (list) => list.map((device) => ({ ...device, nonce: String(device.nonce).toUpperCase() })),
  }),
  accepted('ok/versions-beside', 'medium', 'NVIDIA attestation SDK, serialized evidence', 'Form, driver and VBIOS stand beside the report, as newer tools write them.', {
    devices: (list) => list.map((device) => ({ ...device, version: '1.0', driver_version: '550.90.07', vbios_version: '96.00.9F.00.01' })),
  }),
  accepted('ok/collected', 'medium', 'nvattest collect-evidence', 'The evidence is wrapped, as the command line of NVIDIA’s SDK prints it.', {
    devices: (evidences) => ({ evidences, result_code: 0, result_message: 'Ok' }),
  }),
  accepted('ok/minimum-met', 'medium', 'the relying party asked for it', 'Driver and VBIOS are just as new as is asked for.', {
    policy: 'minimum versions',
    request: { minimumDriver: '550.90.07', minimumVbios: '96.00.9F.00.01' },
    options: { machine: 1 },
  }),
  accepted('ok/system', 'medium', 'NVML, confidential compute system state', 'The system says that all is as it should be.', { system: { protectedPcie: false } }),
  accepted('ok/high-s', 'low', 'FIPS 186-5 §6.4', 'GPUs do not choose the lower of the two values of s.', { edits: signatureNumbers((r, s, order) => [r, s > order / 2n ? s : order - s]) }),
  accepted('ok/low-s', 'low', 'FIPS 186-5 §6.4', 'Nor the higher.', { edits: signatureNumbers((r, s, order) => [r, s > order / 2n ? order - s : s]) }),
];
