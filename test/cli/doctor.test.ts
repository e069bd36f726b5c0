import { chmodSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { environment, nodeVersion, platform } from '../../harness/cli/doctor/machine.ts';
import { call, json, scratch } from './call.ts';

const cwd = scratch();
type Check = { name: string; status: string; text: string };
const doctor = async (...args: string[]): Promise<{ code: number; checks: Record<string, Check>; stdout: string }> => {
  const called = await call(['doctor', '--json', ...args], { cwd });
  const { checks } = json(called) as { checks: Check[] };
  return { ...called, checks: Object.fromEntries(checks.map((check) => [check.name, check])) };
};

describe('doctor', () => {
  test('looks at everything, finds this machine fit, and makes nothing', async () => {
    const { code, checks } = await doctor();
    expect(code).toBe(0);
    expect(Object.keys(checks)).toEqual(expect.arrayContaining(['node', 'platform', 'cryptography', 'clock', 'loopback', 'environment', 'world', 'go', 'python3', 'openssl', 'rustc']));
    expect(checks).toMatchObject({ node: { status: 'ok' }, cryptography: { status: 'ok' }, loopback: { status: 'ok' }, world: { status: 'info' } });
    expect(readdirSync(cwd)).toEqual([]);
  });

  test('prints one line a check', async () => {
    const { code, stdout } = await call(['doctor', '--seed', 'x'], { cwd });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^teemu \d+\.\d+\.\d+\nok {7}node /);
    expect(stdout).toMatch(/\nok {7}world +the world of the seed 'x' at /);
  });

  test('tries the world of a seed at the time of --at', async () => {
    expect((await doctor('--seed', 'x', '--at', '2031-05-06')).checks.world).toMatchObject({ status: 'ok', text: expect.stringContaining('2031-05-06T00:00:00.000Z') as unknown });
  });

  test.skipIf(process.platform === 'win32').each<[string, string, (dir: string) => void, RegExp]>([
    ['a folder that others can read', 'open', (dir) => mkdirSync(dir, { mode: 0o755 }), /others can read/],
    [
      'a key that others can read',
      'leak',
      (dir) => {
        mkdirSync(dir, { mode: 0o700 });
        writeFileSync(join(dir, 'secret'), 'x');
        chmodSync(join(dir, 'secret'), 0o644);
      },
      /others can read or change .*secret/,
    ],
    ['a file in its place', 'file', (dir) => writeFileSync(dir, ''), /is no folder/],
    ['a link in its place', 'link', (dir) => symlinkSync(cwd, dir), /is no folder/],
  ])('has a problem with %s for a private world, and exits with 2', async (_, name, prepare, rule) => {
    prepare(join(cwd, name));
    const { code, checks } = await doctor('--world', name);
    expect(code).toBe(2);
    expect(checks.world).toMatchObject({ status: 'problem', text: expect.stringMatching(rule) as unknown });
  });
});

describe('Node', () => {
  test.each([
    ['20.18.3', 'problem'],
    ['18.20.0', 'problem'],
    ['20.19.0', 'ok'],
    ['22.1.0', 'ok'],
    ['24.0.0', 'ok'],
  ])('%s is %s', (version, status) => {
    expect(nodeVersion(version).status).toBe(status);
  });
});

describe('the platform', () => {
  test.each([
    ['linux', 'ok', /everything works/],
    ['darwin', 'info', /Go programs do not read SSL_CERT_FILE/],
    ['win32', 'info', /file modes do not exist/],
    ['aix', 'warning', /never tried/],
  ])('%s: %s, and says what works', (system, status, rule) => {
    expect(platform(system, 'x64')).toMatchObject({ status, text: expect.stringMatching(rule) as unknown });
  });
});

test('variables are named without their values, which can hold passwords', () => {
  expect(environment({ HTTPS_PROXY: 'http://ann:secret@proxy', PATH: '/bin' }).text).toBe('set here, and read by what you test: HTTPS_PROXY');
});
