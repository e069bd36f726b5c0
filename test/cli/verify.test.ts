import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { AmdAuthority } from '../../emulator/snp/authority.ts';
import { fixedClock, seededWorld } from '../../emulator/world.ts';
import { call, json, scratch } from './call.ts';

const AT = 1_772_323_200;
const cwd = scratch();
const MEASUREMENT = (): string => (JSON.parse(readFileSync(join(cwd, 'good', 'bundle.json'), 'utf8')) as { measurement: string }).measurement;
const evidence = (out: string, ...args: string[]): Promise<unknown> => call(['evidence', 'snp', '--seed', 'x', '--at', String(AT), '--out', out, '--report-data', 'c0ffee', ...args], { cwd });
const verify = (...args: string[]): ReturnType<typeof call> => call(['verify', ...args], { cwd });
const ark = (line: 'Milan' | 'Genoa'): Uint8Array => new AmdAuthority(seededWorld('x', fixedClock(AT * 1000)), line).certificate('ARK').der;

beforeAll(async () => {
  await evidence('good');
  await evidence('debug', '--set', 'policy.debug=1');
  await evidence('genoa', '--product', 'genoa');
  await evidence('aws', '--preset', 'aws');
  await evidence('broken');
  const report = readFileSync(join(cwd, 'broken', 'report.bin'));
  report[0x90] = (report[0x90] ?? 0) ^ 1;
  writeFileSync(join(cwd, 'broken', 'report.bin'), report);
  writeFileSync(join(cwd, 'milan.der'), ark('Milan'));
  writeFileSync(join(cwd, 'genoa.der'), ark('Genoa'));
  writeFileSync(join(cwd, 'long.pem'), new Uint8Array(256 * 1024 + 1));
});

describe('teemu verify', () => {
  test('accepts good evidence: exit 0, every stage, and whose root it was', async () => {
    const { code, stdout, stderr } = await verify('good');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ACCEPTED {2}snp evidence at 2026-03-01T00:00:00\.000Z, root of the bundle's own\n/);
    for (const stage of ['parse', 'chain', 'revocation', 'signature', 'tcb', 'policy', 'binding']) expect(stdout).toMatch(new RegExp(`\n {2}${stage} +ok {5}\\d+ checks?`));
    expect(stderr).toMatch(/The root came from the bundle itself[\s\S]*Not asked: which guest it is \(--measurement\), whether it was made for you \(--report-data\)/);
  });

  test.each<[string, string[], string, string, string]>([
    ['a guest that the host can read', ['debug'], 'policy', 'policy-debug', 'policy.debug'],
    ['a changed measurement', ['broken'], 'signature', 'report-signature', ''],
    ['other report data', ['good', '--report-data', 'c0ffef'], 'binding', 'report-data-mismatch', 'reportData'],
    ['another nonce', ['good', '--nonce', '01'], 'binding', 'report-data-mismatch', 'reportData'],
    ['another measurement', ['good', '--measurement', '00'.repeat(48)], 'binding', 'measurement-mismatch', 'measurement'],
    ['other host data', ['good', '--host-data', '01'], 'binding', 'host-data-mismatch', 'hostData'],
    ['a policy that allows more than it may', ['good', '--policy', '0x20000'], 'policy', 'policy-smt', 'policy.smt'],
    ['a TCB below the minimum', ['good', '--min-tcb', 'bootLoader=4,snp=0x18'], 'tcb', 'tcb-below-minimum', 'reportedTcb.snp'],
    ['another VMPL', ['good', '--vmpl', '1'], 'policy', 'vmpl-refused', 'vmpl'],
    ['another signer', ['good', '--signer', 'vlek'], 'policy', 'signer-refused', 'keyInfo.signingKey'],
    ['firmware that can be rolled back', ['aws'], 'tcb', 'firmware-provisional', ''],
    ['a root of another line', ['good', '--root', 'genoa.der'], 'chain', 'root-untrusted', ''],
    ['evidence that has expired', ['good', '--at', '2040-01-01'], 'chain', 'certificate-expired', ''],
  ])('refuses %s: exit 1 with stage, reason, and the rule', async (_, args, stage, reason, path) => {
    const called = await verify(...args, '--json');
    expect(called.code).toBe(1);
    expect(json(called)).toMatchObject({ accepted: false, stage, reason, rule: expect.any(String) as unknown, ref: expect.any(String) as unknown, ...(path === '' ? {} : { path }) });
    const text = await verify(...args);
    expect([text.code, text.stdout]).toEqual([1, expect.stringContaining(`REFUSED at ${stage}: ${reason}`)]);
    expect(text.stdout).toMatch(new RegExp(`\n {2}${stage} +wrong {2}${reason}`));
  });

  test('accepts what is asked for and so', async () => {
    const asked = ['--report-data', '0xC0FFEE', '--measurement', MEASUREMENT(), '--host-data', '00', '--policy', '30000', '--min-tcb', 'bootLoader=4,snp=23', '--vmpl', '0', '--signer', 'vcek', '--require-crl'];
    const { code, stderr } = await verify('good', '--root', 'milan.der', ...asked);
    expect([code, stderr]).toEqual([0, '']);
    expect((await verify('aws', '--allow-provisional-firmware')).code).toBe(0);
  });

  test('trusts any of several roots', async () => {
    expect((await verify('good', '--root', 'genoa.der', '--root', 'milan.der')).code).toBe(0);
    expect((await verify('genoa', '--root', 'genoa.der', '--root', 'milan.der')).code).toBe(0);
  });

  test('with --seed trusts the roots of that seed’s world', async () => {
    expect(json(await verify('good', '--seed', 'x', '--at', String(AT), '--json'))).toMatchObject({ accepted: true, rootSource: 'given' });
  });

  test('gives what the report states with --json, long numbers in hexadecimal', async () => {
    const { facts, now, rootSource, checks } = json(await verify('good', '--json')) as { facts: { report: Record<string, unknown> }; now: number; rootSource: string; checks: unknown[] };
    expect(facts.report).toMatchObject({ version: 3, measurement: MEASUREMENT(), vmpl: 0 });
    expect([now, rootSource]).toEqual([AT * 1000, 'bundle']);
    expect(checks.length).toBeGreaterThan(50);
  });

  test('keeps the verdict with --out, also a refusal', async () => {
    expect((await verify('debug', '--out', 'kept')).code).toBe(1);
    expect(JSON.parse(readFileSync(join(cwd, 'kept', 'verify.json'), 'utf8'))).toMatchObject({ reason: 'policy-debug' });
  });
});

describe('nothing to verify, or nothing that could be asked: exit 2', () => {
  test.each<[string, string[], RegExp]>([
    ['no folder', ['nowhere'], /nowhere\/bundle\.json: there is no such file/],
    ['a folder without a bundle', ['.'], /bundle\.json: there is no such file/],
    ['a root that is none', ['good', '--root', 'good/report.bin'], /root/],
    ['a root longer than a verifier reads', ['good', '--root', 'long.pem'], /long\.pem: is 262145 bytes long, more than the 262144 that are read/],
    ['a root that is not there', ['good', '--root', 'none.pem'], /none\.pem: there is no such file/],
    ['report data that is no hexadecimal', ['good', '--report-data', 'xyz'], /--report-data: must be at most 64 bytes/],
    ['a measurement too short', ['good', '--measurement', '00'], /--measurement: must be 48 bytes/],
    ['the same thing asked twice', ['good', '--report-data', '00', '--nonce', '01'], /--nonce: says again/],
    ['a component that is none', ['good', '--min-tcb', 'snp=1,nope=2'], /--min-tcb: 'nope' is none of fmc, bootLoader/],
    ['a level that is none', ['good', '--min-tcb', 'snp=256'], /--min-tcb: must be a whole number from 0 to 255/],
    ['a level left out', ['good', '--min-tcb', 'snp'], /--min-tcb: must be a whole number/],
    ['a VMPL that is none', ['good', '--vmpl', '4'], /--vmpl: must be a whole number from 0 to 3/],
    ['a signer that is none', ['good', '--signer', 'vpek'], /--signer: is vcek or vlek/],
    ['a policy that is none', ['good', '--policy', 'x'], /--policy: must be hexadecimal/],
  ])('%s', async (_, args, message) => {
    const { code, stdout, stderr } = await verify(...args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
  });

  test('a bundle of a TEE without a verifier', async () => {
    await evidence('other');
    const path = join(cwd, 'other', 'bundle.json');
    writeFileSync(path, readFileSync(path, 'utf8').replace('"tee": "snp"', '"tee": "cca"'));
    const { code, stderr } = await verify('other');
    expect(code).toBe(2);
    expect(stderr).toMatch(/there is no verifier for 'cca'/);
  });
});

test('nothing is written without --out', () => {
  expect(existsSync(join(cwd, 'verify.json'))).toBe(false);
});

describe('teemu verify of TDX evidence', () => {
  beforeAll(async () => {
    await call(['evidence', 'tdx', '--seed', 'x', '--at', String(AT), '--out', 'old', '--tcb-status', 'OutOfDate'], { cwd });
  });

  test.each<[string, string[], number, object]>([
    ['refuses a status that nobody said is good enough', [], 1, { accepted: false, stage: 'tcb', reason: 'tcb-status-refused' }],
    ['accepts one that is', ['--tcb-status', 'UpToDate,OutOfDate'], 0, { accepted: true }],
    ['with --seed trusts that world’s root', ['--tcb-status', 'OutOfDate', '--seed', 'x'], 0, { accepted: true, rootSource: 'given' }],
    ['with another seed trusts another root', ['--tcb-status', 'OutOfDate', '--seed', 'another'], 1, { accepted: false, stage: 'chain', reason: 'root-untrusted' }],
  ])('%s', async (_, args, code, verdict) => {
    const called = await verify('old', ...args, '--json');
    expect([called.code, json(called)]).toEqual([code, expect.objectContaining(verdict)]);
  });

  test('names the statuses there are, and none that is revoked', async () => {
    expect(await verify('old', '--tcb-status', 'Revoked')).toMatchObject({ code: 2, stderr: expect.stringContaining('--tcb-status') as unknown });
  });
});
