/** The recipes of docs/ci.md for other languages, run as they stand there: with their own test runners over the published vectors, with a verifier that is right and one that is not. */
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { blockOf } from '../adapters/blocks.ts';
import { type Python, pythonWith } from '../python.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../..', import.meta.url));
const readers = join(root, 'docs/vectors/readers');
let scratch = '';
let python: Python;

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'teemu-recipes-'));
  python = await pythonWith('recipes', fileURLToPath(new URL('requirements.txt', import.meta.url)));
}, 600_000);
afterAll(async () => {
  await python?.remove();
  await rm(scratch, { recursive: true, force: true });
});

/** A recipe: where its block goes, what stands beside it, by where it is from, and the test runner. */
interface Recipe {
  readonly block: string;
  readonly beside: Readonly<Record<string, string>>;
  readonly more?: Readonly<Record<string, string>>;
  readonly command: () => readonly [program: string, ...args: string[]];
}

const RECIPES: Readonly<Record<string, Recipe>> = {
  python: { block: 'test_verifier.py', beside: { 'vectors.py': join(readers, 'python/vectors.py') }, command: () => [python.program, '-B', '-m', 'pytest', '-q', '-p', 'no:cacheprovider'] },
  go: {
    block: 'verifier_test.go',
    beside: { 'vectors.go': join(readers, 'go/vectors.go'), 'go.mod': join(readers, 'go/go.mod') },
    more: { 'main.go': 'package main\n\nfunc main() {}\n' },
    command: () => ['go', 'test', '-count=1', '-v', '.'],
  },
  rust: {
    block: 'tests/verifier.rs',
    beside: { 'tests/vectors/mod.rs': join(readers, 'rust/src/vectors.rs'), 'Cargo.toml': join(root, 'test/interop/adapters/Cargo.toml'), 'Cargo.lock': join(root, 'test/interop/adapters/Cargo.lock') },
    more: { 'src/main.rs': 'fn main() {}\n' },
    command: () => ['cargo', 'test', '--locked', '--quiet'],
  },
};

/** Runs a recipe. @returns exit code and what was said */
async function ran(language: string, { block, beside, more = {}, command }: Recipe, edit: (source: string) => string): Promise<{ readonly code: number; readonly said: string }> {
  const folder = await mkdtemp(join(scratch, `${language}-`));
  const put = async (name: string, write: (path: string) => Promise<void>): Promise<void> => {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await write(join(folder, name));
  };
  for (const [name, from] of Object.entries({ 'snp.json': join(root, 'vectors/published/snp.json'), ...beside })) await put(name, (path) => copyFile(from, path));
  for (const [name, text] of Object.entries({ ...more, [block]: edit(blockOf('ci.md', language)) })) await put(name, (path) => writeFile(path, text));
  const [program, ...args] = command();
  const env = { ...process.env, CARGO_TARGET_DIR: join(scratch, 'target'), GOFLAGS: '-mod=mod', CGO_ENABLED: '0' };
  return run(program, args, { cwd: folder, env, timeout: 600_000, maxBuffer: 16 << 20 }).then(
    ({ stdout, stderr }) => ({ code: 0, said: stdout + stderr }),
    (error: { code?: number; stdout?: string; stderr?: string }) => ({ code: error.code ?? -1, said: `${error.stdout}${error.stderr}` }),
  );
}

describe.each(Object.entries(RECIPES))('the recipe for %s', (language, recipe) => {
  test('passes with a verifier that is right', async () => {
    const { code, said } = await ran(language, recipe, (source) => source);
    expect(code, said).toBe(0);
    if (language !== 'rust') expect(said).toMatch(/[1-9]\d* passed|--- PASS: TestCases\/snp\/policy\/debug/);
  });

  test('fails with one that accepts what it must not, and says which', async () => {
    const { code, said } = await ran(language, recipe, (source) => source.replace('& 8 == 0', '& 0 == 0').replace('&8 == 0', '&0 == 0'));
    expect(code, said).not.toBe(0);
    expect(said).toContain('debug-allowed');
  });

  test('fails with one that refuses everything', async () => {
    const { code, said } = await ran(language, recipe, (source) => source.replace('& 8 == 0', '& 8 == 1').replace('&8 == 0', '&8 == 1'));
    expect(code, said).not.toBe(0);
    expect(said).toContain('the good twin is refused');
  });
});
