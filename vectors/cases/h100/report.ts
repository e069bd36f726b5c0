/** Reports that are not as SPDM and NVIDIA's devices write them, and signatures that do not vouch for them. */
import { h100Evidence } from '../../../emulator/h100/evidence/evidence.ts';
import { mapGpuReport, REPORT_SIGNATURE_SIZE } from '../../../emulator/h100/report/report.ts';
import { MEASUREMENTS_HEAD_11, GET_MEASUREMENTS_11 } from '../../../emulator/link/spdm/messages/measurements.ts';
import { report, resigned, signatureNumbers, signedReport } from '../../edits/nvidia.ts';
import { CRASH, type H100Case, refused } from './row.ts';

const SPDM = 'DSP0274 1.1.3, MEASUREMENTS';
const REQUEST = 'DSP0274 1.1.3, GET_MEASUREMENTS';
const FORM = ['parse', 'report-malformed'] as const;
const SIGNATURE = ['signature', 'report-signature'] as const;
const BLOCKS = ['parse', 'report-blocks'] as const;
const ASKED = ['parse', 'report-request'] as const;
const REQUEST_SIZE = GET_MEASUREMENTS_11.size;
const RESPONSE_CODE = REQUEST_SIZE + MEASUREMENTS_HEAD_11.locate('responseCode').at;
const NONCE = GET_MEASUREMENTS_11.locate('nonce').at;
const turned =
  (at: (report: Uint8Array) => number) =>
  (r: Uint8Array): Uint8Array =>
    r.with(at(r), (r[at(r)] ?? 0) ^ 1);

const SIGNATURE_CASES: readonly H100Case[] = [
  refused('signature/flipped', SIGNATURE, 'critical', 'Bluethroat audit of Phala trust-center, finding 6', 'One bit of s is turned over.', { edits: signedReport(turned((r) => r.length - 1)) }),
  refused('signature/flipped-r', SIGNATURE, 'critical', SPDM, 'One bit of r is turned over.', { edits: signedReport(turned((r) => r.length - REPORT_SIGNATURE_SIZE)) }),
  refused('signature/zero', SIGNATURE, 'critical', 'FIPS 186-5 §6.4.2', 'r and s are zero: the equation of ECDSA holds for them in verifiers that do not look.', { edits: signatureNumbers(() => [0n, 0n]) }),
  refused('signature/order', SIGNATURE, 'critical', 'FIPS 186-5 §6.4.2', 'r and s are the order of the group, which is zero for whoever reduces them.', { edits: signatureNumbers((_, __, order) => [order, order]) }),
  refused('signature/r-zero', SIGNATURE, 'critical', 'FIPS 186-5 §6.4.2', 'r is zero.', { edits: signatureNumbers((_, s) => [0n, s]) }),
  refused('signature/s-zero', SIGNATURE, 'critical', 'FIPS 186-5 §6.4.2', 's is zero.', { edits: signatureNumbers((r) => [r, 0n]) }),
  refused('signature/ones', SIGNATURE, 'high', 'FIPS 186-5 §6.4.2', 'Every bit of the signature is one: both numbers are beyond the order.', {
    edits: signedReport((r) => r.map((b, i) => (i < r.length - REPORT_SIGNATURE_SIZE ? b : 0xff))),
  }),
  refused('signature/halves-swapped', SIGNATURE, 'high', SPDM, 'r and s have changed places.', { edits: signatureNumbers((r, s) => [s, r]) }),
  refused('signature/little-endian', SIGNATURE, 'medium', SPDM, 'r and s are little-endian, as AMD writes them.', {
    edits: signedReport((r) => Uint8Array.of(...r.slice(0, -96), ...r.slice(-96, -48).reverse(), ...r.slice(-48).reverse())),
  }),
  refused('signature/other-key', SIGNATURE, 'critical', SPDM, 'A key that nobody vouches for signed the report.', { edits: ({ stranger }) => ({ reportSigner: stranger }) }),
  refused('signature/authority-key', SIGNATURE, 'critical', SPDM, "The key above the leaf's signed the report, which is in the chain too.", {
    edits: ({ authority }) => ({ reportSigner: authority.key('provisioner/GH100') }),
  }),
  refused('signature/other-gpu', SIGNATURE, 'critical', SPDM, 'The GPU of another machine signed the report.', {
    devices: (list, { world }) => list.map((device) => ({ ...device, evidence: otherMachine(world, device.evidence) })),
  }),
  refused('signature/response-only', SIGNATURE, 'high', `${SPDM}: L2 begins with the request`, 'The signature is over the response alone, so that no challenge is in it.', {
    after: (r, key) => resigned(r, key, (all) => all.slice(REQUEST_SIZE)),
  }),
  refused('signature/request-only', SIGNATURE, 'critical', SPDM, 'The signature is over the request alone, so that nothing measured is in it.', {
    after: (r, key) => resigned(r, key, (all) => all.slice(0, REQUEST_SIZE)),
  }),
  refused('signature/without-opaque', SIGNATURE, 'high', SPDM, 'The signature is over everything before the opaque data.', { after: (r, key) => resigned(r, key, (all) => all.slice(0, mapGpuReport(r).opaque)) }),
  refused('signature/spdm-12-prefix', SIGNATURE, 'medium', 'DSP0274 1.2.2, signature generation', 'What is signed begins with the prefix of SPDM 1.2, and the messages are of 1.1.', {
    after: (r, key) => resigned(r, key, (all) => Uint8Array.of(...Buffer.from(`${'dmtf-spdm-v1.2.*'.repeat(4)}`.padEnd(100, '\0'), 'latin1'), ...all)),
  }),
  refused('signature/measurement-changed', SIGNATURE, 'critical', SPDM, 'A byte of a measurement is changed after signing.', { edits: signedReport(turned((r) => (mapGpuReport(r).blocks[3] ?? 0) + 7)) }),
  refused('signature/nonce-changed', SIGNATURE, 'critical', SPDM, 'The nonce in the request is changed after signing.', { edits: signedReport(turned(() => NONCE)) }),
  refused('signature/responder-nonce-changed', SIGNATURE, 'high', SPDM, "The responder's nonce is changed after signing.", { edits: signedReport(turned((r) => mapGpuReport(r).responderNonce)) }),
  refused('signature/driver-version-changed', SIGNATURE, 'critical', SPDM, 'The driver version is raised after signing: 550.90.07 says 550.90.08.', {
    edits: signedReport((r) => {
      const at = mapGpuReport(r).fields.find(({ name }) => name === 'DRIVER_VERSION')?.at ?? 0;
      return r.with(at + 4 + 8, 0x38);
    }),
  }),
];

/** The report of the same kind of device in another machine. */
function otherMachine(world: Parameters<typeof h100Evidence>[0], own: unknown): string {
  const [device] = h100Evidence(world, { machine: 1 }).devices;
  return device ? Buffer.from(device.report).toString('base64') : String(own);
}

const LENGTH_CASES: readonly H100Case[] = [
  refused('report/empty', FORM, 'high', SPDM, 'There is no report.', { ...CRASH, devices: ([first, ...rest]) => [{ ...first, evidence: Buffer.from([0]).toString('base64') }, ...rest] }),
  refused('report/request-only', FORM, 'high', SPDM, 'The report ends with the request.', { ...CRASH, edits: signedReport((r) => r.slice(0, REQUEST_SIZE)) }),
  refused('report/truncated-head', FORM, 'high', SPDM, 'The report ends in the head of the response.', { ...CRASH, edits: signedReport((r) => r.slice(0, REQUEST_SIZE + 3)) }),
  refused('report/truncated-measurements', FORM, 'high', SPDM, 'The report ends inside its measurements.', { ...CRASH, edits: signedReport((r) => r.slice(0, 500)) }),
  refused('report/truncated-block-head', FORM, 'high', SPDM, 'The report ends in the head of a measurement.', { ...CRASH, edits: signedReport((r) => r.slice(0, (mapGpuReport(r).blocks[10] ?? 0) + 2)) }),
  refused('report/truncated-nonce', FORM, 'high', SPDM, "The report ends in the responder's nonce.", { ...CRASH, edits: signedReport((r) => r.slice(0, mapGpuReport(r).responderNonce + 16)) }),
  refused('report/truncated-opaque', FORM, 'high', SPDM, 'The report ends inside its opaque data.', { ...CRASH, edits: signedReport((r) => r.slice(0, mapGpuReport(r).opaque + 40)) }),
  refused('report/truncated-signature', FORM, 'high', SPDM, 'The last byte of the signature is missing.', { ...CRASH, edits: signedReport((r) => r.slice(0, -1)) }),
  refused('report/without-signature', FORM, 'critical', SPDM, 'There is no signature at all.', { bug: 'authentication-bypass', edits: signedReport((r) => r.slice(0, -REPORT_SIGNATURE_SIZE)) }),
  refused('report/trailing-byte', FORM, 'low', SPDM, 'A byte follows the signature.', { edits: signedReport((r) => Uint8Array.of(...r, 0)) }),
  refused('report/trailing-signature', FORM, 'high', SPDM, 'A second signature follows: it depends on the reader which one counts.', {
    edits: signedReport((r) => Uint8Array.of(...r, ...r.slice(-REPORT_SIGNATURE_SIZE))),
  }),
  refused('report/twice', FORM, 'medium', SPDM, 'The whole report stands there twice.', { edits: signedReport((r) => Uint8Array.of(...r, ...r)) }),
  refused('report/oversize', FORM, 'medium', 'NVML, nvmlConfComputeGpuAttestationReport_t: 8192 bytes', 'The report is longer than anything that a driver hands out.', {
    ...CRASH,
    edits: signedReport((r) => Uint8Array.of(...r, ...new Uint8Array(20_000))),
  }),
  refused('report/fewer-blocks-stated', FORM, 'medium', SPDM, 'NumberOfBlocks says 63, and there are 64.', { edits: report(() => ({ stated: { numberOfBlocks: 63 } })) }),
  refused('report/more-blocks-stated', FORM, 'medium', SPDM, 'NumberOfBlocks says 65, and there are 64.', { ...CRASH, edits: report(() => ({ stated: { numberOfBlocks: 65 } })) }),
  refused('report/no-blocks-stated', FORM, 'high', SPDM, 'NumberOfBlocks says that there are none.', { edits: report(() => ({ stated: { numberOfBlocks: 0 } })) }),
  refused('report/shorter-record', FORM, 'high', SPDM, 'The stated length of the record is one byte short.', { ...CRASH, edits: report(() => ({ stated: { recordLength: 3519 } })) }),
  refused('report/longer-record', FORM, 'high', SPDM, 'The stated length of the record is one byte too long.', { ...CRASH, edits: report(() => ({ stated: { recordLength: 3521 } })) }),
  refused('report/record-of-16-mib', FORM, 'high', SPDM, 'The record says that it is 16 MiB long.', { ...CRASH, edits: report(() => ({ stated: { recordLength: 0xffffff } })) }),
  refused('report/shorter-opaque', FORM, 'high', SPDM, 'The opaque data say that they are shorter than they are.', { ...CRASH, edits: report(() => ({ stated: { opaqueLength: 400 } })) }),
  refused('report/no-opaque-stated', FORM, 'high', SPDM, 'The opaque data say that they are empty.', { ...CRASH, edits: report(() => ({ stated: { opaqueLength: 0 } })) }),
  refused('report/longer-opaque', FORM, 'high', SPDM, 'The opaque data say that they go on into the signature.', {
    ...CRASH,
    edits: report((r) => ({ stated: { opaqueLength: r.opaque.reduce((sum, { data }) => sum + 4 + data.length, 0) + 10 } })),
  }),
  refused('report/opaque-of-64-kib', FORM, 'high', SPDM, 'The opaque data say that they are 64 KiB long.', { ...CRASH, edits: report(() => ({ stated: { opaqueLength: 0xffff } })) }),
];

const FIELD_CASES: readonly H100Case[] = [
  refused('report/spdm-12', FORM, 'low', SPDM, 'Both messages say SPDM 1.2, and are laid out as those of 1.1.', {
    policy: 'only versions whose layout is known',
    edits: report((r) => ({ request: { ...r.request, spdmVersion: 0x12 }, response: { ...r.response, spdmVersion: 0x12 } })),
  }),
  refused('report/spdm-10', FORM, 'medium', SPDM, 'Both messages say SPDM 1.0.', { edits: report((r) => ({ request: { ...r.request, spdmVersion: 0x10 }, response: { ...r.response, spdmVersion: 0x10 } })) }),
  refused('report/spdm-versions-differ', FORM, 'medium', SPDM, 'The request says SPDM 1.1 and the response 1.2.', { edits: report((r) => ({ response: { ...r.response, spdmVersion: 0x12 } })) }),
  refused('report/request-code', FORM, 'high', REQUEST, 'The request is GET_CERTIFICATE, says its code.', { edits: report((r) => ({ request: { ...r.request, requestCode: 0x82 } })) }),
  refused('report/response-error', FORM, 'high', SPDM, 'The response is ERROR, says its code.', { after: (r, key) => resigned(r.with(RESPONSE_CODE, 0x7f), key) }),
  refused('report/unsigned-request', FORM, 'high', REQUEST, 'The request asks for no signature: then it has no nonce either.', {
    edits: report((r) => ({ request: { ...r.request, attributes: { ...r.request.attributes, signatureRequested: 0 } } })),
  }),
  refused('report/request-reserved-bits', FORM, 'low', REQUEST, 'Reserved bits of the request are set.', { edits: report((r) => ({ request: { ...r.request, attributes: { ...r.request.attributes, reserved: 1 } } })) }),
  refused('report/one-measurement-asked', ASKED, 'high', REQUEST, 'One measurement was asked for, and all are there.', { edits: report((r) => ({ request: { ...r.request, operation: 1 } })) }),
  refused('report/count-asked', ASKED, 'high', REQUEST, 'The number of measurements was asked for, and no measurement.', { edits: report((r) => ({ request: { ...r.request, operation: 0 } })) }),
  refused('report/other-slot', ASKED, 'high', REQUEST, 'The key in another slot was asked to sign.', { edits: report((r) => ({ request: { ...r.request, slot: { ...r.request.slot, slotId: 1 } } })) }),
  refused('report/block-index-swapped', FORM, 'critical', SPDM, 'Two blocks have exchanged their indices, so that each value stands for the other.', {
    edits: report((r) => ({ measurements: r.measurements.map((m, i, all) => (i === 1 || i === 2 ? { ...m, index: all[3 - i]?.index ?? 0 } : m)) })),
  }),
  refused('report/block-index-twice', FORM, 'critical', SPDM, 'Two blocks have the same index: it depends on the reader which one counts.', {
    edits: report((r) => ({ measurements: r.measurements.map((m, i) => (i === 2 ? { ...m, index: 1 } : m)) })),
  }),
  refused('report/block-specification', FORM, 'medium', SPDM, 'A block is not of the DMTF specification.', { after: (r, key) => resigned(r.with((mapGpuReport(r).blocks[0] ?? 0) + 1, 0), key) }),
  refused('report/block-size', FORM, 'high', SPDM, 'A block says that it is shorter than it is.', { ...CRASH, after: (r, key) => resigned(r.with((mapGpuReport(r).blocks[0] ?? 0) + 2, 50), key) }),
  refused('report/block-value-size', FORM, 'high', SPDM, 'The value in a block says that it is longer than its block.', { ...CRASH, after: (r, key) => resigned(r.with((mapGpuReport(r).blocks[0] ?? 0) + 5, 200), key) }),
  refused('report/measurement-short', FORM, 'high', SPDM, 'A measurement has 32 bytes, as of SHA-256.', {
    edits: report((r) => ({ measurements: r.measurements.map((m, i) => (i === 1 ? { ...m, value: m.value.slice(0, 32) } : m)) })),
  }),
  refused('report/one-block-less', BLOCKS, 'high', SPDM, 'There are 63 measurements.', { edits: report((r) => ({ measurements: r.measurements.slice(0, -1) })) }),
  refused('report/one-block', BLOCKS, 'high', SPDM, 'There is one measurement.', { edits: report((r) => ({ measurements: r.measurements.slice(0, 1) })) }),
  refused('report/no-block', BLOCKS, 'critical', SPDM, 'There is no measurement: nothing that could differ from a golden value.', { edits: report(() => ({ measurements: [] })) }),
  refused('report/one-block-more', BLOCKS, 'medium', SPDM, 'There are 65 measurements.', { edits: report((r) => ({ measurements: [...r.measurements, { index: 64, type: 1, value: new Uint8Array(48) }] })) }),
  refused('report/raw-value', BLOCKS, 'high', SPDM, 'A measurement says that it is a raw value and no digest.', {
    edits: report((r) => ({ measurements: r.measurements.map((m, i) => (i === 3 ? { ...m, type: 0x81 } : m)) })),
  }),
  refused('report/other-value-type', BLOCKS, 'medium', SPDM, 'A measurement says that it is of immutable ROM.', {
    edits: report((r) => ({ measurements: r.measurements.map((m, i) => (i === 3 ? { ...m, type: 0 } : m)) })),
  }),
];

export const REPORT_CASES: readonly H100Case[] = [...SIGNATURE_CASES, ...LENGTH_CASES, ...FIELD_CASES];
