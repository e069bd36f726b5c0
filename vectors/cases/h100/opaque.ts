/** Opaque data that are not as devices write them, or that say what no good device says. */
import { opaqueEntry, type OpaqueField } from '../../../emulator/h100/report/opaque.ts';
import { mapGpuReport } from '../../../emulator/h100/report/report.ts';
import { numberBytes, textBytes } from '../../../emulator/h100/report/values.ts';
import { field, inField, opaque, report, resigned, withoutField } from '../../edits/nvidia.ts';
import { CRASH, type H100Case, refused } from './row.ts';

const OPAQUE = 'NVIDIA attestation SDK, opaque data of the report';
const TWICE = ['parse', 'opaque-field-twice'] as const;
const MALFORMED = ['parse', 'opaque-field-malformed'] as const;
const FORM = ['parse', 'report-malformed'] as const;
/** A driver that states version and feature flag. */
const LATEST = { driver: '595.71.05' } as const;
const UNKNOWN: OpaqueField = { type: 200, name: 'UNKNOWN_200', data: Uint8Array.of(1, 2, 3) };
const REQUIRED = ['VBIOS_VERSION', 'DRIVER_VERSION', 'CHIP_SKU', 'PROJECT', 'PROJECT_SKU', 'MSRSCNT', 'NVDEC0_STATUS'] as const;
const slug = (name: string): string => name.toLowerCase().replaceAll('_', '-');

export const OPAQUE_CASES: readonly H100Case[] = [
  refused('opaque/field-twice', TWICE, 'medium', OPAQUE, 'The driver version stands there twice, alike.', { edits: opaque((fields) => [...fields, ...fields.filter((f) => f.name === 'DRIVER_VERSION')]) }),
  refused('opaque/driver-twice', TWICE, 'high', OPAQUE, 'A second driver version says something else: it depends on the reader which one counts.', {
    edits: opaque((fields) => [...fields, opaqueEntry('DRIVER_VERSION', textBytes('999.99.99'))]),
  }),
  refused('opaque/driver-twice-first', TWICE, 'high', OPAQUE, 'Another driver version stands before the true one.', { edits: opaque((fields) => [opaqueEntry('DRIVER_VERSION', textBytes('999.99.99')), ...fields]) }),
  refused('opaque/fwid-twice', TWICE, 'high', OPAQUE, 'A second FWID says something else.', { edits: opaque((fields) => [...fields, opaqueEntry('FWID', new Uint8Array(48))]) }),
  refused('opaque/unknown-field', ['parse', 'opaque-field-unknown'], 'low', OPAQUE, 'A field is of a type that nobody knows.', {
    policy: 'unknown fields are not accepted',
    edits: opaque((fields) => [...fields, UNKNOWN]),
  }),
  refused('opaque/invalid-field', ['parse', 'opaque-field-unknown'], 'low', OPAQUE, 'A field is of the type 255, which says that it is none.', {
    edits: opaque((fields) => [...fields, { type: 255, name: 'INVALID', data: new Uint8Array() }]),
  }),
  refused('opaque/unknown-field-twice', TWICE, 'low', OPAQUE, 'An unknown field stands there twice.', { edits: opaque((fields) => [...fields, UNKNOWN, UNKNOWN]), request: { allowUnknownFields: false } }),
  ...REQUIRED.map((name) => refused(`opaque/no-${slug(name)}`, ['parse', 'opaque-field-missing'], 'medium', OPAQUE, `There is no ${name}, which every GPU states.`, { edits: withoutField(name) })),
  refused('opaque/no-fields', ['parse', 'opaque-field-missing'], 'high', OPAQUE, 'There are no opaque data.', { edits: opaque(() => []) }),
  refused('opaque/past-the-end', FORM, 'high', OPAQUE, 'The last field says that it goes on beyond the opaque data.', { ...CRASH, after: (r, key) => resigned(inField(r, lastOf(r), [[3, 0x10]]), key) }),
  refused('opaque/field-of-64-kib', FORM, 'high', OPAQUE, 'A field in the middle says that it has 64 KiB.', {
    ...CRASH,
    after: (r, key) =>
      resigned(
        inField(r, 'PROJECT', [
          [2, 0xff],
          [3, 0xff],
        ]),
        key,
      ),
  }),
  refused('opaque/half-a-head', FORM, 'high', OPAQUE, 'The opaque data end in the head of a field.', {
    ...CRASH,
    edits: report((r) => ({ stated: { opaqueLength: r.opaque.reduce((sum, { data }) => sum + 4 + data.length, 0) + 2 } })),
  }),
  refused('opaque/fwid-short', MALFORMED, 'high', OPAQUE, 'The FWID has 47 bytes.', { edits: field('FWID', new Uint8Array(47)) }),
  refused('opaque/fwid-empty', MALFORMED, 'high', OPAQUE, 'The FWID has no bytes: nothing equals the beginning of anything.', { edits: field('FWID', new Uint8Array()) }),
  refused('opaque/counts-short', MALFORMED, 'medium', OPAQUE, 'There are counts for half the measurements.', { edits: field('MSRSCNT', (data) => data.slice(0, 128)) }),
  refused('opaque/driver-no-version', MALFORMED, 'medium', OPAQUE, 'The driver version is a word.', { edits: field('DRIVER_VERSION', textBytes('five')) }),
  refused('opaque/driver-unterminated', MALFORMED, 'medium', OPAQUE, 'The zero byte behind the driver version is missing.', { edits: field('DRIVER_VERSION', Uint8Array.from(Buffer.from('550.90.07'))) }),
  refused('opaque/driver-hidden-text', MALFORMED, 'medium', OPAQUE, 'Behind the zero byte there is more text.', { edits: field('DRIVER_VERSION', Uint8Array.from(Buffer.from('550.90.07\0x\0'))) }),
  refused('opaque/driver-path', MALFORMED, 'high', OPAQUE, 'The driver version would lead a reader of files elsewhere.', { edits: field('DRIVER_VERSION', textBytes('../../1')) }),
  refused('opaque/project-path', MALFORMED, 'high', OPAQUE, 'The project would lead a reader of files elsewhere.', { edits: field('PROJECT', textBytes('../X')) }),
  refused('opaque/project-url', MALFORMED, 'high', OPAQUE, 'The project would change the address that a manifest is fetched from.', { edits: field('PROJECT', textBytes('a?b#')) }),
  refused('opaque/chip-sku-control', MALFORMED, 'medium', OPAQUE, 'The variant of the chip holds a line break.', { edits: field('CHIP_SKU', textBytes('8\n2')) }),
  refused('opaque/vbios-bits', MALFORMED, 'medium', OPAQUE, 'The VBIOS version has bits set that none has.', { edits: field('VBIOS_VERSION', Uint8Array.of(0, 0x9f, 0, 0x96, 1, 0, 0, 1)) }),
  refused('opaque/switches-odd-length', MALFORMED, 'medium', OPAQUE, 'The list of switches ends inside an identifier.', { edits: field('SWITCH_PDI', new Uint8Array(9)) }),
  refused('opaque/data-version-2', ['parse', 'opaque-data-version'], 'low', OPAQUE, 'The opaque data are of version 2.', {
    policy: 'unknown versions are refused',
    options: LATEST,
    edits: field('OPAQUE_DATA_VERSION', numberBytes(2, 2)),
  }),
  refused('opaque/nvdec-unknown', ['parse', 'nvdec-status'], 'medium', OPAQUE, 'The video decoder is neither on nor off: a reader that takes it for off leaves a measurement out.', {
    edits: field('NVDEC0_STATUS', Uint8Array.of(0)),
  }),
  refused('opaque/protected-pcie-unknown', ['parse', 'protected-pcie-status'], 'medium', OPAQUE, 'Protected PCIe is neither on nor off.', { edits: field('PROTECTED_PCIE_STATUS', Uint8Array.of(1)) }),
  refused('opaque/feature-flag-unknown', ['parse', 'feature-flag'], 'medium', OPAQUE, 'The feature flag is 3.', { options: LATEST, edits: field('FEATURE_FLAG', numberBytes(3, 2)) }),
  refused('opaque/feature-flag-says-ppcie', ['parse', 'feature-flag'], 'high', OPAQUE, 'The feature flag says protected PCIe, and its status says off.', {
    options: LATEST,
    edits: field('FEATURE_FLAG', numberBytes(2, 2)),
  }),
  refused('opaque/status-says-ppcie', ['parse', 'feature-flag'], 'high', OPAQUE, 'Protected PCIe is on, says its status, and the feature flag says otherwise.', {
    options: LATEST,
    edits: field('PROTECTED_PCIE_STATUS', Uint8Array.of(0xaa)),
  }),

  refused('binding/fwid-differs', ['binding', 'fwid-mismatch'], 'critical', 'TCG DICE Attestation Architecture 1.1', 'The report names other firmware than the certificate of its key.', {
    edits: field('FWID', new Uint8Array(48).fill(7)),
  }),
  refused('binding/fwid-zero', ['binding', 'fwid-mismatch'], 'critical', 'TCG DICE Attestation Architecture 1.1', 'The firmware in the report is all zero.', { edits: field('FWID', new Uint8Array(48)) }),
  refused('binding/fwid-absent', ['binding', 'fwid-absent'], 'medium', OPAQUE, 'The report does not say which firmware its key was made for.', { policy: 'the FWID is required', edits: withoutField('FWID') }),
  refused('binding/fwid-absent-old-driver', ['binding', 'fwid-absent'], 'medium', OPAQUE, 'The driver is too old to state the firmware.', {
    policy: 'the FWID is required',
    options: { driver: '535.86.09' },
    goodOptions: {},
  }),
  refused('binding/nonce', ['binding', 'nonce-mismatch'], 'critical', 'NVIDIA nvtrust, nonce', 'The report answers another challenge.', { options: { nonce: '01' }, goodOptions: {} }),
  refused('binding/nonce-prefix', ['binding', 'nonce-mismatch'], 'critical', 'NVIDIA nvtrust, nonce', 'The nonce differs in its last byte alone.', {
    edits: report((r) => ({ request: { ...r.request, nonce: r.request.nonce.with(31, (r.request.nonce[31] ?? 0) ^ 1) } })),
    devices: withoutNonce,
  }),
  refused('binding/nonce-derived', ['binding', 'nonce-mismatch'], 'medium', 'Dstack-TEE/private-ai-gateway#48', 'The nonce is a digest of the challenge, and the relying party has agreed on no such thing.', {
    policy: 'the challenge itself is the nonce',
    edits: report((r) => ({ request: { ...r.request, nonce: r.request.nonce.toReversed() } })),
    devices: withoutNonce,
  }),
  refused('binding/responder-nonce-is-nonce', ['binding', 'nonce-mismatch'], 'critical', 'NVIDIA nvtrust, nonce', "The responder's nonce is what was asked with; the requester's is another.", {
    edits: report((r) => ({ request: { ...r.request, nonce: r.responderNonce }, responderNonce: r.request.nonce })),
    devices: withoutNonce,
  }),
];

function withoutNonce(devices: readonly { readonly nonce?: unknown }[]): unknown {
  return devices.map(({ nonce: _, ...device }) => device);
}

function lastOf(r: Uint8Array): string {
  return mapGpuReport(r).fields.at(-1)?.name ?? '';
}
