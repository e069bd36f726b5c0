/** PyPI's nv-attestation-sdk 2.7.3: evidence to the emulated NRAS, the tokens that it answers checked with its key set and appraised by a policy. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { H100Edits } from '../../../emulator/h100/evidence/evidence.ts';
import type { H100OptionsInput } from '../../../emulator/h100/evidence/options.ts';
import { type Services, startServices } from '../../../emulator/services/start.ts';
import { AdjustableClock, seededWorld, type World } from '../../../emulator/world.ts';
import { h100Appraiser } from '../../../harness/verify/h100.ts';
import { subjectOf } from './subject.ts';
import { type Answer, type NvVerifier, nvVerifier } from './verifier.ts';

const HOUR = 3_600_000;
const clock = new AdjustableClock();
let here: World;
let services: Services;
let verifier: NvVerifier;

beforeAll(async () => {
  here = seededWorld('nv-sdk', clock);
  services = await startServices({ world: here, nras: { appraise: h100Appraiser() } });
  verifier = await nvVerifier(services.vendors.h100.roots);
}, 600_000);
afterAll(async () => {
  await verifier?.close();
  await services?.stop();
});
afterEach(() => {
  services.reset();
  clock.set(systemNow(), true);
});

/** The time that the SDK's own clock shows. */
function systemNow(): number {
  return new AdjustableClock().now();
}

/** What a relying party wants of the claims; the SDK comes with policies of this form. The issuer is the service by the name that the client has for it. */
function policy(): object {
  return {
    version: '4.0',
    'authorization-rules': {
      type: 'JWT',
      'overall-claims': { iss: services.url.nras, 'x-nvidia-overall-att-result': true },
      'detached-claims': {
        measres: 'success',
        'x-nvidia-gpu-arch-check': true,
        'x-nvidia-gpu-attestation-report-nonce-match': true,
        'x-nvidia-gpu-attestation-report-signature-verified': true,
        'x-nvidia-gpu-driver-rim-signature-verified': true,
        'x-nvidia-gpu-vbios-rim-signature-verified': true,
        'x-nvidia-gpu-vbios-index-no-conflict': true,
        secboot: true,
        dbgstat: 'disabled',
      },
    },
  };
}

async function remote(options: H100OptionsInput = {}, edits: H100Edits = {}, more: { claimsVersion?: string; version?: string; nonce?: string } = {}): Promise<Answer> {
  const { machine, nonce } = subjectOf(options, edits, here);
  return verifier.ask({
    mode: 'remote',
    machine,
    nonce: more.nonce ?? nonce,
    nras: `${services.url.nras}/${more.version ?? 'v3'}/attest/gpu`,
    policy: policy(),
    ...(more.claimsVersion && { claimsVersion: more.claimsVersion }),
  });
}

/** What the SDK says later of a token that it was given. */
async function later(token: string): Promise<Answer> {
  const { machine, nonce } = subjectOf({}, {}, here);
  return verifier.ask({ mode: 'validate', machine, nonce, nras: `${services.url.nras}/v3/attest/gpu`, policy: policy(), token });
}

const said = ({ accepted, attested, validated, log }: Answer): string => (accepted ? 'accepted' : `attested ${attested}, validated ${validated}: ${log.slice(-2000)}`);

describe('the remote flow passes', () => {
  test.each<[string, H100OptionsInput, { claimsVersion?: string; version?: string }]>([
    ['claims 2.0', {}, { claimsVersion: '2.0' }],
    ['claims 3.0', {}, { claimsVersion: '3.0' }],
    ['version 4 of the service', {}, { claimsVersion: '3.0', version: 'v4' }],
    ['four GPUs', { gpu: 'h100-sxm', count: 4 }, {}],
    ['another driver and firmware', { driver: '570.124.06', vbios: '96.00.AF.00.01' }, {}],
    ['B200', { gpu: 'b200' }, {}],
  ])('%s', async (_, options, more) => {
    expect(said(await remote(options, {}, more))).toBe('accepted');
  });

  test('and its token can be looked at again', async () => {
    const { token = '' } = await remote();
    expect(said(await later(token))).toBe('accepted');
  });
});

describe('the service finds', () => {
  test.each<[string, H100OptionsInput, H100Edits?]>([
    ['a broken signature', {}, { signedReport: (report: Uint8Array) => report.with(report.length - 1, (report.at(-1) ?? 0) ^ 1) }],
    ['a measurement that no manifest has', { set: [`measurements.8=${'ab'.repeat(48)}`] }],
    ['the development tools', { ccMode: 'devtools' }],
    ['a report cut short', {}, { signedReport: (report: Uint8Array) => report.subarray(0, 500) }],
  ])('%s', async (_: string, options: H100OptionsInput, edits: H100Edits = {}) => {
    expect(await remote(options, edits)).toMatchObject({ attested: false });
  });

  test('evidence for another nonce', async () => {
    expect(await remote({}, {}, { nonce: '22'.repeat(32) })).toMatchObject({ attested: false });
  });

  test('a revoked certificate', async () => {
    services.revoke({ authority: 'provisioner/GH100', reason: 'keyCompromise' });
    expect(await remote()).toMatchObject({ attested: false });
  });
});

describe('the SDK refuses', () => {
  test.each([
    'nras-expired',
    'nras-signed-by-stranger',
    'nras-unknown-key',
    'nras-unsigned',
    'nras-overall-false',
    'nras-measurements-fail',
    'nras-debug',
    'nras-device-signature',
    'nras-other-issuer',
    'nras-keys-empty',
    'nras-keys-without-certificates',
  ])('an answer with the fault %s', async (fault) => {
    services.fault({ match: 'nras.*', fault });
    expect((await remote()).accepted).toBe(false);
    services.clearFaults();
    expect(said(await remote())).toBe('accepted');
  });

  test('a token that has expired since', async () => {
    clock.advance(-2 * HOUR);
    const { token = '', attested } = await remote();
    expect(attested).toBe(false);
    expect((await later(token)).accepted).toBe(false);
  });

  test.each(['server-error', 'html-page', 'truncated-body', 'reset'])('an answer that is no token: %s', async (fault) => {
    services.fault({ match: 'nras.*', fault });
    expect((await remote()).accepted).toBe(false);
  });
});
