/** Published vectors read without Node: by the readers that the documentation shows, and judged by a JSON Schema validator of somebody else's. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readVectors } from '../../../vectors/publish/read.ts';
import type { Subject } from '../../../vectors/subject.ts';
import { buildModule, type Folder, programFolder } from '../go.ts';
import { type Python, pythonWith } from '../python.ts';

const run = promisify(execFile);
const ROOT = new URL('../../../', import.meta.url).pathname;
const READERS = join(ROOT, 'docs/vectors/readers');
const PUBLISHED = join(ROOT, 'vectors/published');
const SCHEMA = join(ROOT, 'vectors/schema/vectors.json');
const files = readdirSync(PUBLISHED).filter((name) => name.endsWith('.json') && name !== 'index.json');
const scratch = mkdtempSync(join(tmpdir(), 'teemu-readers-'));

let go: Folder;
let python: Python;
const commands: Record<string, readonly [program: string, ...args: string[]]> = {};

/** A toolchain missing, or a build failing, is a failure: nothing is skipped. */
beforeAll(async () => {
  go = await programFolder('vectors-reader');
  commands.Go = [await buildModule(pathToFileURL(join(READERS, 'go/main.go')).href, go)];
  const target = process.env.TEEMU_INTEROP_CACHE === undefined ? scratch : join(process.env.TEEMU_INTEROP_CACHE, 'vectors-reader-rust');
  await run('cargo', ['build', '--release', '--locked', '--quiet'], { cwd: join(READERS, 'rust'), env: { ...process.env, CARGO_TARGET_DIR: target }, timeout: 900_000, maxBuffer: 16 << 20 });
  commands.Rust = [join(target, 'release', 'teemu-vectors')];
  commands.Python = ['python3', '-B', join(READERS, 'python/main.py')];
  python = await pythonWith('vectors-schema', join(import.meta.dirname, 'requirements.txt'));
}, 900_000);
afterAll(async () => {
  await go?.remove();
  await python?.remove();
  rmSync(scratch, { recursive: true, force: true });
});

/** As the readers do it: over everything that a verifier is handed. */
function digest({ bundle, roots }: Subject, manifest: Uint8Array): string {
  const total = createHash('sha256');
  for (const [part, contents] of [
    ['files', new Map([...bundle.files, ['bundle.json', manifest] as const])],
    ['roots', roots],
  ] as const) {
    for (const name of [...contents.keys()].toSorted()) {
      const bytes = contents.get(name) ?? new Uint8Array();
      total.update(`${part}/${name}\0${bytes.length}\0`).update(bytes);
    }
  }
  return total.digest('hex');
}

function expected(name: string): string[] {
  const { cases, build } = readVectors(readFileSync(join(PUBLISHED, name), 'utf8'), name);
  const written = (subject: Subject): string => digest(subject, Buffer.from(`${JSON.stringify(subject.bundle.manifest, undefined, 2)}\n`));
  return cases.map(({ id, expect: verdict }) => {
    const { subject, twin } = build(id);
    return [id, verdict, subject.now / 1000, written(subject), written(twin)].join(' ');
  });
}

describe.each(files)('%s', (name) => {
  test.each(['Go', 'Rust', 'Python'])('is read in %s as it is in TypeScript', async (language) => {
    const [program, ...args] = commands[language] ?? ['false'];
    const { stdout } = await run(program, [...args, join(PUBLISHED, name)], { maxBuffer: 16 << 20 });
    expect(stdout.trimEnd().split('\n')).toEqual(expected(name));
  });
});

describe('the schema', () => {
  const validate = (...paths: string[]): Promise<{ stdout: string }> => run(python.program, ['-B', join(import.meta.dirname, 'validate.py'), SCHEMA, ...paths], { timeout: 300_000 });

  test('is one, and every published file holds to it', { timeout: 300_000 }, async () => {
    const paths = files.map((name) => join(PUBLISHED, name));
    expect((await validate(...paths)).stdout.trimEnd().split('\n')).toEqual(paths);
  });

  test('refuses a file with a verdict that there is not', async () => {
    const wrong = join(scratch, 'wrong.json');
    writeFileSync(wrong, readFileSync(join(PUBLISHED, 'ccel.json'), 'utf8').replace('"must-reject"', '"may-reject"'));
    await expect(validate(wrong)).rejects.toThrow(/may-reject/);
  });
});
