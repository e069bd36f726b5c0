/** Names and lengths of files, and what no file may mention. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { files, ROOT } from './source.ts';

const MOST_LINES = 400;
const FOLDERS = ['emulator', 'vectors', 'harness', 'bench', 'test', 'docs', '.ci'];
const TEXT = /\.(ts|json|md|go|mod|py|rs|toml|sh|txt|yaml|yml|svg|pem)$|\/run$/;
/** Everything written by hand below the folders, and the files at the top. */
const tree = [
  ...files(FOLDERS, (path) => TEXT.test(path) && !/(^|\/)(node_modules|target)\//.test(path)),
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'CHANGELOG.md',
  'package.json',
  'biome.json',
  'knip.json',
  'vitest.config.ts',
  'tsconfig.json',
  'tsconfig.build.json',
];
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** A file named after what it is good for, not after what it holds. */
const vague = (path: string): boolean => /(^|\/)(utils?|helpers?|common|misc)(\.[a-z.]+)?(\/|$)/i.test(path);
const tooLong = (text: string): boolean => text.split('\n').length - 1 > MOST_LINES;
/** Folders of one machine: a home, a work folder, a temporary one with a name of its own. */
const MACHINE = /(?<![\w.~-])\/(?:home|Users|root|work|mnt|private|var\/folders)\/[\w.-]+|[A-Z]:\\\\?Users|\.\.\/shared(?![\w-])/;

describe('files', () => {
  test('the search sees the tree', () => {
    expect(tree.length).toBeGreaterThan(40);
  });

  test('are named after the noun they hold', () => {
    expect(tree.filter(vague)).toEqual([]);
  });

  test(`have at most ${MOST_LINES} lines of source`, () => {
    expect(tree.filter((path) => path.endsWith('.ts') && tooLong(read(path)))).toEqual([]);
  });

  test('mention no folder of the machine that they were written on', () => {
    const found = tree
      .filter((path) => path !== 'test/structure/files.test.ts')
      .flatMap((path) =>
        read(path)
          .split('\n')
          .flatMap((line, i) => (MACHINE.test(line) ? [`${path}:${i + 1}: ${line.trim()}`] : [])),
      );
    expect(found).toEqual([]);
  });
});

describe('the search over files', () => {
  test.each(['emulator/utils.ts', 'emulator/snp/helpers/a.ts', 'harness/common.ts', 'emulator/util.test.ts'])('finds the vague name %s', (path) => {
    expect(vague(path)).toBe(true);
  });
  test.each(['emulator/world.ts', 'emulator/snp/launch/common-page.ts', 'test/structure/files.test.ts'])('lets the name %s pass', (path) => {
    expect(vague(path)).toBe(false);
  });
  test('finds a file of one line too many, and lets the last one pass', () => {
    expect(tooLong('x\n'.repeat(MOST_LINES + 1))).toBe(true);
    expect(tooLong('x\n'.repeat(MOST_LINES))).toBe(false);
  });
  test.each(["'/home/ann/x'", 'see /root/go', 'C:\\Users\\ann', ['..', 'shared'].join('/'), '/Users/ann'])('finds the place %s', (line) => {
    expect(MACHINE.test(line)).toBe(true);
  });
  test.each(['https://example.org/home/page', '/vcek/v1/Milan/crl', '~/work/x', 'docs/root/x', '/tmp/evidence'])('lets %s pass', (line) => {
    expect(MACHINE.test(line)).toBe(false);
  });
});
