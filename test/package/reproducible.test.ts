/** `teemu evidence` writes the same bytes for the same seed and clock, in any folder, time zone and language. Needs `npm run build`. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const CLI = fileURLToPath(new URL('../../dist/harness/cli.js', import.meta.url));
/** Half the world apart, one with letters that lower-case oddly, one in another folder. */
const PLACES = [
  { TZ: 'Pacific/Kiritimati', LANG: 'tr_TR.UTF-8', LC_ALL: 'tr_TR.UTF-8' },
  { TZ: 'America/St_Johns', LANG: 'C', LC_ALL: 'C' },
] as const;

let parent: string;
beforeAll(() => {
  parent = mkdtempSync(join(tmpdir(), 'teemu-reproducible-'));
});
afterAll(() => rmSync(parent, { recursive: true, force: true }));

/** Runs the command line in a folder of its own; the evidence's files by SHA-256. */
async function evidence(args: readonly string[], env: Record<string, string>): Promise<Record<string, string>> {
  const cwd = mkdtempSync(join(parent, 'somewhere-'));
  const child = spawn(process.execPath, [CLI, 'evidence', 'snp', '--out', 'evidence', ...args], { cwd, env: { PATH: process.env.PATH ?? '', ...env }, stdio: ['ignore', 'ignore', 'pipe'] });
  let talk = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    talk += text;
  });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  expect(code, talk).toBe(0);
  return Object.fromEntries(
    readdirSync(join(cwd, 'evidence'), { recursive: true }).map((name) => [
      String(name),
      createHash('sha256')
        .update(readFileSync(join(cwd, 'evidence', String(name))))
        .digest('hex'),
    ]),
  );
}

describe('the same seed and clock give the same files', () => {
  const AT = ['--at', '2026-01-02T03:04:05Z'];
  test.each([
    ['nothing else said', []],
    ...['genoa', 'siena', 'turin'].map((name): [string, string[]] => [`the product ${name}`, ['--product', name]]),
    ...['azure-cvm', 'aws', 'gce'].map((name): [string, string[]] => [`the preset ${name}`, ['--preset', name]]),
    ['report version 2', ['--report-version', '2']],
    ['report version 5', ['--report-version', '5']],
    ['report data, host data and a field set', ['--report-data', 'aabb', '--host-data', 'cc', '--set', 'policy.debug=1']],
  ])('for %s', async (_, args) => {
    const [there, here] = await Promise.all(PLACES.map((env) => evidence(['--seed', 'x', ...AT, ...args], env)));
    expect(Object.keys(there ?? {})).toEqual(expect.arrayContaining(['bundle.json', 'report.bin', 'crl.der', 'certs.bin', 'ark.pem']));
    expect(there).toEqual(here);
  });

  test('another seed gives another report and other certificates', async () => {
    const [one, other] = await Promise.all([evidence(['--seed', 'x', ...AT], PLACES[0]), evidence(['--seed', 'y', ...AT], PLACES[0])]);
    for (const name of ['report.bin', 'vcek.pem', 'certs.bin']) expect(one[name], name).not.toBe(other[name]);
  });
});
