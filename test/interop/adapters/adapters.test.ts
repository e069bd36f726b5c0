/** The adapters of docs/adapters.md, each in its language, run as they stand there. A toolchain missing is a failure: nothing is skipped. */
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkVerifier, jsonLinesAdapter, type RunReport } from '../../../harness/check.ts';
import { blockOf } from './blocks.ts';

const run = promisify(execFile);
const MOST_LINES = 30;
const here = fileURLToPath(new URL('.', import.meta.url));
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'teemu-adapters-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Each language: the block's name, and how its text becomes a command. */
const LANGUAGES: readonly (readonly [language: string, build: (source: string) => Promise<string[]>])[] = [
  ['python', (source) => written('adapter.py', source).then((path) => ['python3', path])],
  ['js', (source) => written('adapter.mjs', source).then((path) => [process.execPath, path])],
  [
    'go',
    async (source) => {
      const program = join(folder, 'go-adapter');
      await run('go', ['build', '-o', program, await written('adapter.go', source)], { cwd: folder, env: { ...process.env, GO111MODULE: 'off', CGO_ENABLED: '0' }, timeout: 300_000 });
      return [program];
    },
  ],
  [
    'rust',
    async (source) => {
      await mkdir(join(folder, 'src'), { recursive: true });
      await written('src/main.rs', source);
      for (const name of ['Cargo.toml', 'Cargo.lock']) await copyFile(join(here, name), join(folder, name));
      await run('cargo', ['build', '--locked', '--quiet'], { cwd: folder, env: { ...process.env, CARGO_TARGET_DIR: join(folder, 'target') }, timeout: 600_000, maxBuffer: 16 << 20 });
      return [join(folder, 'target', 'debug', 'adapter')];
    },
  ],
];

async function written(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

const outcomes = ({ results }: RunReport): Record<string, string> => Object.fromEntries(results.map(({ id, outcome }) => [id, outcome]));

describe.each(LANGUAGES)('the adapter in %s', (language, build) => {
  let command: string[];
  const source = blockOf('adapters.md', language);
  beforeAll(async () => {
    command = await build(source);
  }, 900_000);

  test(`has at most ${MOST_LINES} lines of code`, () => {
    expect(source.split('\n').filter((line) => line.trim() !== '').length).toBeLessThanOrEqual(MOST_LINES);
  });

  test('gets right what it looks at, and wrong what it does not', async () => {
    const report = await checkVerifier(jsonLinesAdapter({ command }), { suite: ['snp/ok/base', 'snp/policy/debug-allowed', 'snp/binding/report-data-zero', 'snp/signature/host-data-changed'] });
    expect(report.verifier).toMatchObject({ name: 'my-verifier', version: '0.1', adapter: 'json-lines' });
    expect(outcomes(report)).toEqual({
      'snp/ok/base': 'pass',
      'snp/policy/debug-allowed': 'pass',
      'snp/binding/report-data-zero': 'pass',
      'snp/signature/host-data-changed': 'fail',
    });
  });

  test('is still there at the end of a hundred questions', async () => {
    const { results } = await checkVerifier(jsonLinesAdapter({ command }), { suite: ['snp/policy/*', 'snp/tcb/*'] });
    expect(results.length).toBeGreaterThan(50);
    expect(results.filter(({ answer, twin }) => [answer, twin].some((one) => one !== undefined && one.verdict !== 'accept' && one.verdict !== 'reject'))).toEqual([]);
  });
});
