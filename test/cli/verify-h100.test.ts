/** `teemu verify` of NVIDIA evidence: what can be asked of it, and what can't. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { nvidiaAuthorityOf } from '../../emulator/h100/pki/authority.ts';
import { fixedClock, seededWorld } from '../../emulator/world.ts';
import { call, json, scratch } from './call.ts';

const AT = 1_772_323_200;
const NONCE = 'c0ffee'.padEnd(64, '0');
const cwd = scratch();
const evidence = (out: string, ...args: string[]): Promise<unknown> => call(['evidence', 'h100', '--seed', 'x', '--at', String(AT), '--out', out, '--nonce', NONCE, ...args], { cwd });
const verify = (...args: string[]): ReturnType<typeof call> => call(['verify', ...args], { cwd });

beforeAll(async () => {
  await evidence('good');
  await evidence('two', '--gpu', 'h100-sxm', '--count', '2');
  const authority = nvidiaAuthorityOf(seededWorld('x', fixedClock(AT * 1000)));
  for (const which of ['device', 'rim'] as const) writeFileSync(join(cwd, `${which}.pem`), authority.root(which).pem);
  await call(['evidence', 'snp', '--seed', 'x', '--at', String(AT), '--out', 'snp'], { cwd });
});

describe('teemu verify of GPU evidence', () => {
  test('accepts it: exit 0, every stage, what it is and what was not asked', async () => {
    const { code, stdout, stderr } = await verify('good');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ACCEPTED {2}h100 evidence at 2026-03-01T00:00:00\.000Z, root of the bundle's own\n/);
    for (const stage of ['parse', 'chain', 'revocation', 'signature', 'tcb', 'policy', 'binding']) expect(stdout).toMatch(new RegExp(`\n {2}${stage} +ok {5}\\d+ checks?`));
    expect(stdout).toMatch(/\n {2}driverVersion +550\.90\.07\n/);
    expect(stderr).toMatch(/Not asked: whether it was made for you \(--nonce\)\./);
  });

  test.each([
    ['the roots of devices and of manifests', ['good', '--root', 'device.pem', '--root', 'rim.pem']],
    ["the roots of a seed's world", ['good', '--seed', 'x']],
    ['its nonce', ['good', '--nonce', NONCE]],
    ['lowest versions, a mode and a number of devices', ['two', '--min-driver', '550.90.07', '--min-vbios', '96.00.00.00.00', '--gpu-mode', 'spt,mpt', '--devices', '2']],
    ['certificates on hold being let pass', ['good', '--allow-hold']],
  ])('accepts it with %s', async (_, args) => {
    const { code, stdout } = await verify(...args);
    expect([code, stdout.split(' ')[0]]).toEqual([0, 'ACCEPTED']);
  });

  test.each<[string, string[], string, string]>([
    ['another nonce', ['good', '--nonce', '01'.repeat(32)], 'binding', 'nonce-mismatch'],
    ['an older driver', ['good', '--min-driver', '560.1'], 'tcb', 'driver-below-minimum'],
    ['an older VBIOS', ['good', '--min-vbios', '97.00.00.00.00'], 'tcb', 'vbios-below-minimum'],
    ['another mode', ['good', '--gpu-mode', 'ppcie'], 'policy', 'mode-refused'],
    ['a missing device', ['two', '--devices', '8'], 'binding', 'device-count'],
    ['one root of the two', ['good', '--root', 'device.pem'], 'chain', 'root-untrusted'],
    ["another world's roots", ['good', '--seed', 'y'], 'chain', 'root-untrusted'],
    ['stale OCSP responses', ['good', '--at', '2026-03-03'], 'revocation', 'ocsp-stale'],
  ])('refuses %s: exit 1 with stage, reason, and the rule', async (_, args, stage, reason) => {
    const called = await verify(...args, '--json');
    expect(called.code).toBe(1);
    expect(json(called)).toMatchObject({ accepted: false, stage, reason, rule: expect.any(String) as unknown, ref: expect.any(String) as unknown });
  });

  test.each<[string, string[]]>([
    ['a nonce of three bytes', ['good', '--nonce', 'c0ffee']],
    ['report data, which GPUs have not', ['good', '--report-data', '01']],
    ['a measurement of the launch', ['good', '--measurement', '00'.repeat(48)]],
    ['an unknown mode', ['good', '--gpu-mode', 'sli']],
    ['no devices', ['good', '--devices', '0']],
    ['a driver that is no version', ['good', '--min-driver', 'new']],
    ['a driver of a processor', ['snp', '--min-driver', '550.90.07']],
  ])('does not take %s: exit 2', async (_, args) => {
    expect((await verify(...args)).code).toBe(2);
  });
});
