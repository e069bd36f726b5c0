/** The program as users start it: built, in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { scratch } from './call.ts';

const PROGRAM = join(import.meta.dirname, '../../dist/harness/cli.js');
const cwd = scratch();

beforeAll(() => {
  if (!existsSync(PROGRAM)) throw new Error('the program is not built: npm run build');
});

type Ended = { code: number | null; signal: string | null; stdout: string; stderr: string };
function start(args: readonly string[], env: Record<string, string> = {}): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [PROGRAM, ...args], { cwd, env: { ...process.env, FORCE_COLOR: undefined, ...env } });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) child[name].on('data', (chunk: Buffer) => (texts[name] += chunk.toString()));
  return { child, ended: once(child, 'close').then(([code, signal]) => ({ code: code as number | null, signal: signal as string | null, ...texts })) };
}

test('results go to stdout, talk to stderr', async () => {
  const { code, stdout, stderr } = await start(['evidence', 'snp', '--seed', 'x', '--json', '--out', 'e']).ended;
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ manifest: { tee: 'snp' } });
  expect(stderr).toMatch(/The world of a seed is public/);
  expect(`${stdout}${stderr}`).not.toContain('\u001b');
});

test.each([
  [['--version'], 0],
  [['doctor', '--frob'], 2],
  [['inspect', 'nowhere'], 2],
])('%j exits with %d', async (args, code) => {
  expect((await start(args).ended).code).toBe(code);
});

test('standard input is read for -', async () => {
  const { child, ended } = start(['inspect', '-']);
  child.stdin?.end('no attestation structure');
  expect(await ended).toMatchObject({ code: 2, stderr: expect.stringMatching(/^teemu: -: 24 bytes of no known kind/) as unknown });
});

test('standard input without end is not swallowed whole', async () => {
  const { child, ended } = start(['inspect', '-']);
  child.stdin?.on('error', () => undefined);
  const megabyte = new Uint8Array(1 << 20);
  for (let i = 0; i < 20; i++) child.stdin?.write(megabyte);
  expect(await ended).toMatchObject({ code: 2, stderr: expect.stringMatching(/longer than the 16777216 bytes/) as unknown });
});

test('a reader that goes away is no error', async () => {
  const { child, ended } = start(['evidence', 'snp', '--help']);
  child.stdout?.destroy();
  expect(await ended).toMatchObject({ code: 0, stderr: '' });
});

describe('an interrupt', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('by %s stops the services: ports closed, temporary files gone, exit code 130', async (signal) => {
    const { child, ended } = start(['serve', '--seed', 'x', '--proxy', '--json']);
    const [line] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
    const urls = JSON.parse(line.toString()) as Record<string, string>;
    expect(Object.keys(urls)).toEqual(expect.arrayContaining(['kds', 'pcs', 'pccs', 'ocsp', 'crl', 'proxy', 'control', 'caFile']));
    child.kill(signal);
    expect(await ended).toMatchObject({ code: 130, signal: null });
    await expect(fetch(urls.kds ?? '')).rejects.toThrow();
    expect(existsSync(urls.caFile ?? '')).toBe(false);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('by %s ends with 130 and leaves nothing half made', async (signal) => {
    const world = `world-${signal}`;
    const { child, ended } = start(['evidence', 'snp', '--world', world, '--out', `cut-${signal}`]);
    // Making keys takes seconds; the first word about them says that it has begun.
    await once(child.stderr as NodeJS.ReadableStream, 'data');
    child.kill(signal);
    expect(await ended).toMatchObject({ code: 130, signal: null });
    expect(existsSync(join(cwd, `cut-${signal}`))).toBe(false);
    expect(readdirSync(join(cwd, world)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});
