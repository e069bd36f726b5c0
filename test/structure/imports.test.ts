/** Imports only point one way: emulator ← vectors ← harness ← bench, test. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { importsOf, packageOf, parse, ROOT, type Source, sources } from './source.ts';

/** What each floor may import besides itself. */
const FLOORS: Readonly<Record<string, readonly string[]>> = {
  emulator: [],
  vectors: ['emulator'],
  harness: ['emulator', 'vectors'],
  bench: ['emulator', 'vectors', 'harness'],
  test: ['emulator', 'vectors', 'harness', 'bench'],
};
/** What a published file may import from elsewhere: what its users get installed. */
const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { dependencies: Record<string, string> };
/** The one published file for users of a test runner, which they bring along. */
const PEERS: Readonly<Record<string, readonly string[]>> = { 'harness/vitest.ts': ['vitest'] };
/** The one file that imports what it finds: it documents every table, and isn't published. */
const SEARCHES_TABLES = 'harness/docs/wire.ts';
/** What signs or issues: a verifier that imported it could accept its own mistakes. */
const SIGNING_PATH = [
  'emulator/world.ts',
  'emulator/world-folder.ts',
  'emulator/crypto/sign.ts',
  'emulator/pki/issue.ts',
  'emulator/pki/revoke.ts',
  'emulator/pki/ocsp/issue.ts',
  'emulator/crypto/jws.ts',
  'emulator/h100/device/gpu.ts',
  'emulator/h100/device/nvswitch.ts',
  'emulator/h100/device/responder.ts',
  'emulator/h100/evidence/evidence.ts',
  'emulator/h100/pki/authority.ts',
  'emulator/h100/platform/golden.ts',
  'emulator/h100/rim/library.ts',
  'emulator/h100/rim/write.ts',
  'emulator/services/nvidia/nras/tokens.ts',
  'emulator/snp/authority.ts',
  'emulator/snp/platform/chip.ts',
  'emulator/snp/secure-processor/secure-processor.ts',
  'emulator/tdx/authority.ts',
  'emulator/tdx/collateral/collateral.ts',
  'emulator/tdx/module/tdx-module.ts',
  'emulator/tdx/platform/id.ts',
  'emulator/tdx/quoting/quoting-enclave.ts',
];

function wrongWay(source: Source): string[] {
  const floor = source.path.split('/')[0] ?? '';
  return importsOf(source).flatMap(({ specifier, target, line }) => {
    const where = `${source.path}:${line}: `;
    if (specifier === '?') return floor === 'test' || source.path === SEARCHES_TABLES ? [] : [`${where}imports something computed`];
    if (target === undefined) {
      const name = packageOf(specifier);
      const known = name === undefined || floor === 'test' || floor === 'bench' || name in dependencies || (PEERS[source.path] ?? []).includes(name);
      return known ? [] : [`${where}imports ${name}, which is no dependency of the package`];
    }
    const other = target.split('/')[0] ?? '';
    if (other !== floor && !(FLOORS[floor] ?? []).includes(other)) return [`${where}${floor} imports ${other}`];
    return target.endsWith('.ts') || floor === 'test' ? [] : [`${where}imports ${specifier}, which does not end in .ts`];
  });
}

/** Files that a run-time import leads to, with the way there. */
function reached(from: readonly string[], all: ReadonlyMap<string, Source>): Map<string, string> {
  const ways = new Map<string, string>(from.map((path) => [path, path]));
  for (const [path, way] of ways) {
    const source = all.get(path);
    if (source) for (const { target, typeOnly } of importsOf(source)) if (!typeOnly && target !== undefined && !ways.has(target)) ways.set(target, `${way} → ${target}`);
  }
  return ways;
}

/** Circles of run-time imports: one walk down, which reports every import that leads back to a file it came through. */
function circles(all: ReadonlyMap<string, Source>): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const walk = (path: string, through: readonly string[]): void => {
    const began = through.indexOf(path);
    if (began >= 0) found.push([...through.slice(began), path].join(' → '));
    const source = all.get(path);
    if (began >= 0 || !source || done.has(path)) return;
    for (const { target, typeOnly } of importsOf(source)) if (!typeOnly && target !== undefined) walk(target, [...through, path]);
    done.add(path);
  };
  for (const path of all.keys()) walk(path, []);
  return found;
}

const byPath = (list: readonly Source[]): Map<string, Source> => new Map(list.map((source) => [source.path, source]));
const tree = sources(...Object.keys(FLOORS).filter((floor) => existsSync(join(ROOT, floor))));
const verifier = tree.filter(({ path }) => path.startsWith('harness/verify/')).map(({ path }) => path);

describe('imports', () => {
  test('the search sees the tree', () => {
    expect(tree.length).toBeGreaterThan(30);
    expect(tree.flatMap(importsOf).length).toBeGreaterThan(100);
  });

  test('point one way only, at files or at dependencies of the package', () => {
    expect(tree.flatMap(wrongWay)).toEqual([]);
  });

  test('never go in a circle at run time', () => {
    expect(circles(byPath(tree.filter(({ path }) => !path.startsWith('test/'))))).toEqual([]);
  });

  test('lead from the verifier to the tables of structures, never to what signs', () => {
    const all = byPath(tree);
    expect(SIGNING_PATH.filter((path) => !all.has(path))).toEqual([]);
    expect(verifier.length).toBeGreaterThan(10);
    const ways = reached(verifier, all);
    expect(SIGNING_PATH.flatMap((path) => ways.get(path) ?? [])).toEqual([]);
  });
});

describe('the search for wrong imports', () => {
  test.each([
    ['a harness import in the emulator', 'emulator/snp/a.ts', "import { x } from '../../harness/cli.ts';"],
    ['a type import of the harness in the emulator', 'emulator/a.ts', "import type { X } from '../harness/cli.ts';"],
    ['an import() of the vectors in the emulator', 'emulator/a.ts', "const x = await import('../vectors/model.ts');"],
    ['an export from the harness in the vectors', 'vectors/a.ts', "export * from '../harness/cli.ts';"],
    ['a side-effect import of the test folder', 'harness/a.ts', "import '../test/a.ts';"],
    ['an import of the benches', 'harness/a.ts', "import { x } from '../bench/a.ts';"],
    ['an import() of something computed', 'emulator/a.ts', 'const x = await import(name);'],
    ['a package that only developers have', 'emulator/a.ts', "import fc from 'fast-check';"],
    ['a file without its extension', 'emulator/a.ts', "import { x } from './b';"],
  ])('finds %s', (_, path, text) => {
    expect(wrongWay(parse(path, text))).toHaveLength(1);
  });

  test.each([
    ['Node itself', 'emulator/a.ts', "import { readFileSync } from 'node:fs';"],
    ['a dependency by a path inside it', 'emulator/a.ts', "import { p384 } from '@noble/curves/nist.js';"],
    ['a floor below', 'harness/a.ts', "import { x } from '../emulator/index.ts';"],
    ['the test runner in the fixtures for its users', 'harness/vitest.ts', "import { test } from 'vitest';"],
    ['an import that only stands in a comment or text', 'emulator/a.ts', "// import '../harness/cli.ts'\nexport const x = \"import '../harness/cli.ts'\";"],
  ])('lets %s pass', (_, path, text) => {
    expect(wrongWay(parse(path, text))).toEqual([]);
  });

  test('finds a circle over three files, and none through types', () => {
    const a = parse('emulator/a.ts', "import { b } from './b.ts';");
    const b = parse('emulator/b.ts', "import { c } from './c.ts';");
    expect(circles(byPath([a, b, parse('emulator/c.ts', "import { a } from './a.ts';")]))).toEqual(['emulator/a.ts → emulator/b.ts → emulator/c.ts → emulator/a.ts']);
    expect(circles(byPath([a, b, parse('emulator/c.ts', "import type { A } from './a.ts';")]))).toEqual([]);
  });

  test('finds a signer two imports away', () => {
    const all = byPath([parse('harness/verify/a.ts', "import { b } from '../../emulator/b.ts';"), parse('emulator/b.ts', "import { World } from './world.ts';")]);
    expect(reached(['harness/verify/a.ts'], all).get('emulator/world.ts')).toBe('harness/verify/a.ts → emulator/b.ts → emulator/world.ts');
  });
});
