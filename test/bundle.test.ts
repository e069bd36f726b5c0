import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Bundle, checkManifest, isFileName, makeBundle, withFiles, withServices } from '../emulator/bundle.ts';
import { readBundle } from '../emulator/disk/bundle-folder.ts';
import { writeBundle } from '../emulator/disk/bundle-writer.ts';
import { LATEST_TIME } from '../emulator/world.ts';

const bytes = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text));
const bundle = (files: Record<string, string>): Bundle => makeBundle({ tee: 'snp', verifyAt: 1_772_323_200, services: {} }, new Map(Object.entries(files).map(([name, text]) => [name, bytes(text)])));
const refused = (rule: RegExp): Record<string, unknown> => ({ code: 'ERR_FILE', message: expect.stringMatching(rule) as unknown });

let root = '';
const at = (...path: string[]): string => join(root, ...path);
/** Every path below a folder, with the text of files. */
function tree(dir: string, prefix = ''): Record<string, string> {
  return Object.fromEntries(
    readdirSync(dir).flatMap((name): [string, string][] => {
      const path = join(dir, name);
      return lstatSync(path).isDirectory() ? Object.entries(tree(path, `${prefix}${name}/`)) : [[`${prefix}${name}`, lstatSync(path).isSymbolicLink() ? '→' : readFileSync(path, 'utf8')]];
    }),
  );
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'teemu-bundle-'));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

describe('a bundle written and read back', () => {
  test('is the same', async () => {
    const written = bundle({ 'report.bin': 'r', 'collateral/deep/tcb.json': '{}' });
    await writeBundle(written, at('new'));
    const read = await readBundle(at('new'));
    expect(read.manifest).toEqual(written.manifest);
    expect([...read.files].map(([name, contents]) => [name, Buffer.from(contents).toString()])).toEqual([
      ['report.bin', 'r'],
      ['collateral/deep/tcb.json', '{}'],
    ]);
  });

  test('goes into folders that are not there yet, and leaves nothing beside them', async () => {
    await writeBundle(bundle({ a: '1' }), at('x', 'y', 'z'));
    expect(Object.keys(tree(root))).toEqual(['x/y/z/a', 'x/y/z/bundle.json']);
  });

  test('goes into an empty folder', async () => {
    mkdirSync(at('empty'));
    await writeBundle(bundle({ 'a/b': '1' }), at('empty'));
    expect(Object.keys(tree(at('empty')))).toEqual(['a/b', 'bundle.json']);
  });

  test('lists the files it has, whatever the manifest said before', async () => {
    const { manifest } = bundle({ a: '1' });
    await writeBundle({ manifest: { ...manifest, files: ['gone'] }, files: new Map([['a', bytes('1')]]) }, at('new'));
    expect((await readBundle(at('new'))).manifest.files).toEqual(['a']);
  });

  test('has more files when some are added', () => {
    const more = withFiles(
      bundle({ a: '1', b: '2' }),
      new Map([
        ['b', bytes('3')],
        ['c', bytes('4')],
      ]),
    );
    expect(more.manifest.files).toEqual(['a', 'b', 'c']);
    expect(Buffer.from(more.files.get('b') ?? []).toString()).toBe('3');
  });
});

describe('a bundle written over an earlier one', () => {
  test('replaces its files, removes those it no longer has, and keeps what is not its own', async () => {
    await writeBundle(bundle({ 'report.bin': 'old', 'old/deep/a': 'old', 'old/b': 'old' }), at('dir'));
    writeFileSync(at('dir', 'notes.txt'), 'mine');
    writeFileSync(at('dir', 'old', 'mine.txt'), 'mine');
    await writeBundle(bundle({ 'report.bin': 'new', 'x/y': 'new' }), at('dir'));
    const { 'bundle.json': manifest = '', ...rest } = tree(at('dir'));
    expect(rest).toEqual({ 'report.bin': 'new', 'x/y': 'new', 'notes.txt': 'mine', 'old/mine.txt': 'mine' });
    expect(JSON.parse(manifest)).toMatchObject({ files: ['report.bin', 'x/y'] });
    expect(JSON.parse(manifest)).not.toHaveProperty('incomplete');
    expect(existsSync(at('dir', 'old', 'deep'))).toBe(false);
  });

  test('never takes the place of a file that is not the bundle’s', async () => {
    await writeBundle(bundle({ a: 'old' }), at('dir'));
    writeFileSync(at('dir', 'b'), 'mine');
    await expect(writeBundle(bundle({ a: 'new', b: 'new' }), at('dir'))).rejects.toMatchObject(refused(/b: is in the way/));
    expect(tree(at('dir'))).toMatchObject({ a: 'old', b: 'mine' });
  });

  test('replaces a symbolic link only where it may, and never writes through one', async () => {
    await writeBundle(bundle({ a: 'old', 'd/e': 'old' }), at('dir'));
    writeFileSync(at('precious'), 'mine');
    rmSync(at('dir', 'a'));
    symlinkSync(at('precious'), at('dir', 'a'));
    await expect(writeBundle(bundle({ a: 'new' }), at('dir'))).rejects.toMatchObject(refused(/in the way/));
    expect(readFileSync(at('precious'), 'utf8')).toBe('mine');
  });

  test('does not follow a linked folder, neither to write nor to remove', async () => {
    mkdirSync(at('elsewhere'));
    writeFileSync(at('elsewhere', 'e'), 'mine');
    await writeBundle(bundle({ 'd/e': 'old' }), at('dir'));
    rmSync(at('dir', 'd'), { recursive: true });
    symlinkSync(at('elsewhere'), at('dir', 'd'));
    await expect(writeBundle(bundle({ 'd/f': 'new' }), at('dir'))).rejects.toMatchObject(refused(/is no folder/));
    await writeBundle(bundle({ z: 'new' }), at('dir'));
    expect(tree(at('elsewhere'))).toEqual({ e: 'mine' });
  });

  test('can be written again after a run that was cut off', async () => {
    await writeBundle(bundle({ a: 'old' }), at('dir'));
    // What a run leaves that ends between its first and its last manifest.
    writeFileSync(at('dir', 'b'), 'half');
    writeFileSync(at('dir', 'bundle.json'), JSON.stringify({ ...bundle({ a: '', b: '' }).manifest, incomplete: true }));
    await expect(readBundle(at('dir'))).rejects.toMatchObject(refused(/not written to its end/));
    await writeBundle(bundle({ a: 'new', b: 'new' }), at('dir'));
    expect((await readBundle(at('dir'))).files.size).toBe(2);
  });
});

describe('a folder that is no bundle is left alone', () => {
  test.each<[string, () => void, RegExp]>([
    ['one with other files', () => writeFileSync(at('dir', 'thesis.tex'), 'mine'), /holds something else/],
    ['one with a bundle.json of another kind', () => writeFileSync(at('dir', 'bundle.json'), '{"name":"webpack"}'), /not that of an evidence bundle/],
    ['one with a bundle.json that is no JSON', () => writeFileSync(at('dir', 'bundle.json'), 'x'), /not that of an evidence bundle/],
    ['one with a bundle.json that is a folder', () => mkdirSync(at('dir', 'bundle.json')), /not that of an evidence bundle/],
    [
      'one with a bundle.json that is a link',
      () => {
        writeFileSync(at('other.json'), JSON.stringify(bundle({}).manifest));
        symlinkSync(at('other.json'), at('dir', 'bundle.json'));
      },
      /symbolic link/,
    ],
  ])('%s', async (_, prepare, rule) => {
    mkdirSync(at('dir'));
    prepare();
    const before = tree(root);
    await expect(writeBundle(bundle({ a: '1' }), at('dir'))).rejects.toMatchObject(refused(rule));
    expect(tree(root)).toEqual(before);
  });

  test('a file in its place', async () => {
    writeFileSync(at('dir'), 'mine');
    await expect(writeBundle(bundle({ a: '1' }), at('dir'))).rejects.toMatchObject(refused(/is no folder/));
    expect(readFileSync(at('dir'), 'utf8')).toBe('mine');
  });

  test('a link to a folder in its place', async () => {
    mkdirSync(at('real'));
    symlinkSync(at('real'), at('dir'));
    await expect(writeBundle(bundle({ a: '1' }), at('dir'))).rejects.toMatchObject(refused(/links are not followed/));
    expect(readdirSync(at('real'))).toEqual([]);
  });
});

describe('names of files', () => {
  test.each(['report.bin', 'collateral/tcb_info.json', 'a-b_c.d', `trustee/vcek/${'0'.repeat(128)}/bl04_tee00_snp24_ucode219_vcek.der`])('%s can be one', (name) => {
    expect(isFileName(name)).toBe(true);
  });
  test.each(['', '.', '..', '../a', 'a/../b', '/etc/passwd', 'a//b', 'a/', './a', '.hidden', 'a/.b', 'a\\b', 'C:a', 'a b', 'a\0b', 'bundle.json', `${'a'.repeat(300)}`, 'a/b/c/d/e/f/g/h/i', 7, null])(
    '%j cannot',
    async (name) => {
      expect(isFileName(name)).toBe(false);
      const files = new Map([[name as string, bytes('1')]]);
      await expect(writeBundle({ ...bundle({}), files }, at('dir'))).rejects.toMatchObject(refused(/./));
      expect(readdirSync(root)).toEqual([]);
    },
  );
  test('a name that is a file and a folder cannot be written', async () => {
    await expect(writeBundle(bundle({ a: '1', 'a/b': '2' }), at('dir'))).rejects.toMatchObject(refused(/a file and a folder/));
  });
});

describe('live services', () => {
  test('are added to the manifest, but replace none that it names itself, and nothing else changes', () => {
    const own = { ...bundle({ a: '1' }), manifest: { ...bundle({ a: '1' }).manifest, services: { kds: 'http://own' } } };
    const with_ = withServices(own, { kds: 'http://other', pcs: 'http://pcs' });
    expect(with_).toEqual({ ...own, manifest: { ...own.manifest, services: { kds: 'http://own', pcs: 'http://pcs' } } });
    expect(own.manifest.services).toEqual({ kds: 'http://own' });
    expect(checkManifest(JSON.parse(JSON.stringify(with_.manifest)), 'm')).toBeDefined();
  });
});

describe('reading refuses', () => {
  const good = bundle({ a: '1' }).manifest;
  test.each<[string, unknown, RegExp]>([
    ['a list', [], /no JSON object/],
    ['no tee', { ...good, tee: undefined }, /'tee'/],
    ['a tee that is a path', { ...good, tee: '../x' }, /'tee'/],
    ['a time that is no number', { ...good, verifyAt: '1' }, /'verifyAt'/],
    ['a time before 1970', { ...good, verifyAt: -1 }, /'verifyAt'/],
    ['a time that no world can have', { ...good, verifyAt: LATEST_TIME / 1000 + 1 }, /'verifyAt'/],
    ['services that are a list', { ...good, services: [] }, /'services'/],
    ['a service that is no text', { ...good, services: { kds: 1 } }, /'services'/],
    ['files that are no list', { ...good, files: {} }, /'files'/],
    ['too many files', { ...good, files: Array.from({ length: 1001 }, (_, i) => `f${i}`) }, /'files'/],
    ['a name that leads out', { ...good, files: ['../a'] }, /can't be a file/],
    ['a name twice', { ...good, files: ['a', 'a'] }, /twice/],
    ['deep nesting', { ...good, x: JSON.parse('['.repeat(17) + ']'.repeat(17)) as unknown }, /nested/],
  ])('a manifest with %s', (_, value, rule) => {
    expect(() => checkManifest(JSON.parse(JSON.stringify(value)), 'm')).toThrow(expect.objectContaining(refused(rule)) as Error);
  });

  test('a manifest that is no JSON, or too long', async () => {
    mkdirSync(at('dir'));
    writeFileSync(at('dir', 'bundle.json'), '['.repeat(200_000));
    await expect(readBundle(at('dir'))).rejects.toMatchObject(refused(/no JSON/));
    truncateSync(at('dir', 'bundle.json'), 300 * 1024);
    await expect(readBundle(at('dir'))).rejects.toMatchObject(refused(/bytes long, more than/));
  });

  test.each<[string, () => void, RegExp]>([
    ['a missing file', () => rmSync(at('dir', 'a')), /no such file/],
    [
      'a folder for a file',
      () => {
        rmSync(at('dir', 'a'));
        mkdirSync(at('dir', 'a'));
      },
      /no regular file|is a folder/,
    ],
    [
      'a linked file',
      () => {
        rmSync(at('dir', 'a'));
        symlinkSync('/etc/hosts', at('dir', 'a'));
      },
      /symbolic link/,
    ],
    [
      'a linked folder',
      () => {
        rmSync(at('dir', 'd'), { recursive: true });
        symlinkSync('/etc', at('dir', 'd'));
      },
      /is no folder/,
    ],
    [
      'a FIFO, which would never end',
      () => {
        rmSync(at('dir', 'a'));
        execFileSync('mkfifo', [at('dir', 'a')]);
      },
      /no regular file/,
    ],
    ['a file that is too large', () => truncateSync(at('dir', 'a'), 129 * 1024 * 1024), /bytes long, more than/],
  ])('%s', async (_, spoil, rule) => {
    await writeBundle(bundle({ a: '1', 'd/hosts': '2' }), at('dir'));
    spoil();
    await expect(readBundle(at('dir'))).rejects.toMatchObject(refused(rule));
  });

  test('no folder at all', async () => {
    await expect(readBundle(at('nowhere'))).rejects.toMatchObject(refused(/no such file or folder/));
  });
});
