/** PyPI's nv-local-gpu-verifier 2.7.3 over our GPUs, with manifests and OCSP answers from the emulated services: what it accepts, what it refuses, and what it can't notice. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { H100Edits } from '../../../emulator/h100/evidence/evidence.ts';
import type { H100OptionsInput } from '../../../emulator/h100/evidence/options.ts';
import { type Services, startServices } from '../../../emulator/services/start.ts';
import type { Revocable } from '../../../emulator/services/vendors.ts';
import { type Subject, subjectOf, world } from './subject.ts';
import { type Answer, type NvmlMachine, type NvVerifier, nvVerifier } from './verifier.ts';

let services: Services;
let verifier: NvVerifier;

beforeAll(async () => {
  services = await startServices({ world: world() });
  verifier = await nvVerifier(services.vendors.h100.roots);
}, 600_000);
afterAll(async () => {
  await verifier?.close();
  await services?.stop();
});
afterEach(() => services.reset());

function ask({ machine, nonce }: Subject, change: { machine?: Partial<NvmlMachine>; nonce?: string; arguments?: string[] } = {}): Promise<Answer> {
  return verifier.ask({
    mode: 'local',
    machine: { ...machine, ...change.machine },
    nonce: change.nonce ?? nonce,
    rim: `${services.url.rim}/v1/rim/`,
    ocsp: `${services.url.ocsp}/`,
    ...(change.arguments && { arguments: change.arguments }),
  });
}

const said = ({ accepted, log }: Answer): string => (accepted ? 'accepted' : `refused:\n${log.slice(-1500)}`);

const MACHINES: readonly (readonly [string, H100OptionsInput])[] = [
  ['H100 PCIe, driver 535.86.09, VBIOS 96.00.5E.00.01', { gpu: 'h100-pcie', driver: '535.86.09', vbios: '96.00.5E.00.01' }],
  ['H100 PCIe, driver 550.90.07, VBIOS 96.00.9F.00.01', { gpu: 'h100-pcie', driver: '550.90.07', vbios: '96.00.9F.00.01' }],
  ['H100 PCIe, driver 580.95.05, VBIOS 96.00.AF.00.01', { gpu: 'h100-pcie', driver: '580.95.05', vbios: '96.00.AF.00.01' }],
  ['H100 SXM, driver 590.12, VBIOS 96.00.A5.00.01', { gpu: 'h100-sxm', driver: '590.12', vbios: '96.00.A5.00.01' }],
  ['H100 SXM, driver 570.124.06, VBIOS 96.00.74.00.01', { gpu: 'h100-sxm', driver: '570.124.06', vbios: '96.00.74.00.01' }],
  ['H200, driver 595.71.05, VBIOS 96.00.D9.00.02', { gpu: 'h200', driver: '595.71.05', vbios: '96.00.D9.00.02' }],
  ['B200, driver 590.48.01', { gpu: 'b200', driver: '590.48.01' }],
  ['RTX PRO 6000, driver 595.71.05', { gpu: 'rtx-pro-6000', driver: '595.71.05' }],
  ['two GPUs', { gpu: 'h100-pcie', count: 2 }],
  ['eight GPUs on an HGX board', { gpu: 'h100-sxm', count: 8 }],
  ['two GPUs that work together', { gpu: 'b200', count: 2, mode: 'mpt' }],
];

describe('accepts', () => {
  test.each(MACHINES)('%s', { timeout: 120_000 }, async (_, options) => {
    const answer = await ask(subjectOf(options));
    expect(said(answer)).toBe('accepted');
    expect(answer.ready).toBe(1);
  });

  test('claims of version 3, and OCSP without nonces', async () => {
    expect(said(await ask(subjectOf(), { arguments: ['--claims_version', '3.0', '--ocsp_nonce_disabled'] }))).toBe('accepted');
  });

  test('a certificate on hold, when it is told to', async () => {
    services.revoke({ authority: 'rim-l4/driver/GH100', reason: 'certificateHold' });
    expect(said(await ask(subjectOf(), { arguments: ['--allow_hold_cert'] }))).toBe('accepted');
    expect((await ask(subjectOf())).accepted).toBe(false);
  });
});

const flipped = (report: Uint8Array, at: number): Uint8Array => report.with(at < 0 ? report.length + at : at, (report.at(at) ?? 0) ^ 1);
/** Byte offsets: a nonce, a measurement, and the signature from the end. */
const NONCE = 4;
const MEASUREMENT = 45 + 55 * 4 + 10;

/** Named changes of the evidence: before it is signed (options, edits of certificates) and after. */
const CHANGES: readonly [name: string, options: H100OptionsInput, edits?: H100Edits][] = [
  ['a bit of the signature turned', {}, { signedReport: (report) => flipped(report, -1) }],
  ['a bit of r turned', {}, { signedReport: (report) => flipped(report, -96) }],
  ['a signature of zeros', {}, { signedReport: (report) => Uint8Array.of(...report.subarray(0, -96), ...new Uint8Array(96)) }],
  ['a bit of a measurement turned after signing', {}, { signedReport: (report) => flipped(report, MEASUREMENT) }],
  ['a bit of the nonce turned after signing', {}, { signedReport: (report) => flipped(report, NONCE) }],
  ['the signature of a stranger', {}, { reportSigner: world().ecKey('nvidia/test/stranger', 'P-384') }],
  ['the report cut short', {}, { signedReport: (report) => report.subarray(0, -1) }],
  ['the report cut short in the measurements', {}, { signedReport: (report) => report.subarray(0, 1000) }],
  ['an empty report', {}, { signedReport: () => new Uint8Array(0) }],
  ['bytes behind the signature', {}, { signedReport: (report) => Uint8Array.of(...report, 0) }],
  ['another FWID than in the certificate', { set: [`opaque.fwid=${'ab'.repeat(48)}`] }],
  ['a measurement of the driver that no manifest has', { set: [`measurements.8=${'ab'.repeat(48)}`] }],
  ['a measurement of the firmware that no manifest has', { set: [`measurements.2=${'ab'.repeat(48)}`] }],
  ['a leaf that a stranger issued', {}, { certificates: { attestation: { signedBy: world().ecKey('nvidia/test/stranger', 'P-384') } } }],
  ['a boot ROM certificate that has ended', {}, { certificates: { bootRom: { edit: (spec) => ({ ...spec, notAfter: Date.UTC(2023, 0, 1) }) } } }],
];

describe('refuses', () => {
  test.each(CHANGES)('%s', async (_: string, options: H100OptionsInput, edits: H100Edits = {}) => {
    expect((await ask(subjectOf(options, edits))).accepted).toBe(false);
    // The same by the same way without the change.
    expect(said(await ask(subjectOf()))).toBe('accepted');
  });

  test('another nonce than it asked with', async () => {
    expect((await ask(subjectOf(), { nonce: '11'.repeat(32) })).accepted).toBe(false);
  });

  test('evidence of another world', async () => {
    expect((await ask(subjectOf({}, {}, world('another')))).accepted).toBe(false);
  });

  test.each<[string, Partial<NvmlMachine>]>([
    ['a driver that the report does not name', { driverVersion: '550.90.08' }],
    ['confidential compute that is off', { ccFeature: 0 }],
    ['protected PCIe, for which it is not made', { multiGpuMode: 1 }],
    ['no GPU', { gpus: [] }],
  ])('%s', async (_, machine) => {
    expect((await ask(subjectOf(), { machine })).accepted).toBe(false);
  });

  test('firmware that the report does not name', async () => {
    const { machine, ...subject } = subjectOf();
    const gpus = machine.gpus.map((gpu) => ({ ...gpu, vbiosVersion: '96.00.9F.00.02' }));
    expect((await ask({ ...subject, machine: { ...machine, gpus } })).accepted).toBe(false);
  });

  test.each(['provisioner/GH100', 'identity/GH100', 'rim-l4/driver/GH100', 'rim-l4/vbios/GH100', 'rim-l3/GH100', 'rim-ca/GH100'] as const)('a revoked certificate: %s', async (authority) => {
    services.revoke({ authority, reason: 'keyCompromise' } as Revocable);
    expect((await ask(subjectOf())).accepted).toBe(false);
  });

  test('a revoked GPU', async () => {
    const subject = subjectOf();
    const [gpu] = subject.evidence.machine.gpus;
    services.revoke({ device: Buffer.from(gpu?.identity.pdi ?? []).toString('hex') });
    expect((await ask(subject)).accepted).toBe(false);
  });

  test.each([
    ...['malformed-request', 'internal-error', 'try-later', 'sig-required', 'unauthorized'].map((status) => `ocsp-${status}`),
    ...['ocsp-unknown', 'ocsp-revoked', 'ocsp-wrong-nonce', 'ocsp-missing-nonce', 'ocsp-unsigned', 'ocsp-rogue-responder', 'ocsp-no-certificate'],
    ...['rim-not-found', 'rim-no-base64', 'rim-other-manifest', 'rim-other-version', 'rim-other-value', 'rim-signed-by-stranger', 'rim-rogue-chain', 'rim-expired'],
    ...['rim-altered', 'rim-unsigned', 'rim-truncated', 'rim-leaf-alone'],
  ])('an answer of the services with the fault %s', { timeout: 120_000 }, async (fault) => {
    services.fault({ match: fault.startsWith('ocsp') ? 'ocsp.*' : 'rim.get', fault });
    expect((await ask(subjectOf())).accepted).toBe(false);
    services.clearFaults();
    expect(said(await ask(subjectOf()))).toBe('accepted');
  });
});

/** Each of these is refused by our own verifier, or by a client that compares what stands beside a manifest. */
describe('does not look at, and so accepts,', () => {
  test.each(['rim-wrong-sha256', 'rim-other-id', 'rim-other-format'])('what stands beside a manifest: %s', async (fault) => {
    services.fault({ match: 'rim.get', fault });
    expect(said(await ask(subjectOf()))).toBe('accepted');
  });

  test('the last certificate that a GPU presents, in whose place it has its own root', async () => {
    const { machine, ...subject } = subjectOf();
    const root = /-----BEGIN CERTIFICATE-----(?:(?!-----BEGIN)[\s\S])*$/;
    const [other] = root.exec(subjectOf({}, {}, world('another')).machine.gpus[0]?.certificate ?? '') ?? [];
    const gpus = machine.gpus.map((gpu) => ({ ...gpu, certificate: gpu.certificate.replace(root, other ?? '') }));
    expect(gpus[0]?.certificate).not.toBe(machine.gpus[0]?.certificate);
    expect(said(await ask({ ...subject, machine: { ...machine, gpus } }))).toBe('accepted');
  });
});
