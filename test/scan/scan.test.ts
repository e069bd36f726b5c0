/** `teemu scan` finds test material in every form in which it gets into products, and nothing else. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { crc32, deflateRawSync, gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { AmdAuthority } from '../../emulator/snp/authority.ts';
import { fixedClock, seededWorld } from '../../emulator/world.ts';
import { PATTERNS } from '../../harness/scan/marks.ts';
import { scan } from '../../harness/scan/scan.ts';
import { Search } from '../../harness/scan/search.ts';
import { call, json, scratch } from '../cli/call.ts';

const folder = mkdtempSync(join(tmpdir(), 'teemu-scan-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const { der, pem } = new AmdAuthority(seededWorld('scan', fixedClock(Date.UTC(2026, 5, 1))), 'Milan').certificate('ARK');
const filler = (n: number): Buffer => Buffer.alloc(n, 0x61);

function put(name: string, contents: string | Uint8Array): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, contents);
  return path;
}

/** A zip archive of one entry, deflated. */
function zip(name: string, contents: Uint8Array): Buffer {
  const packed = deflateRawSync(contents);
  const common = Buffer.alloc(26);
  common.writeUInt16LE(20, 0);
  common.writeUInt16LE(8, 4);
  common.writeUInt32LE(typeof crc32 === 'function' ? crc32(contents) : 0, 10);
  common.writeUInt32LE(packed.length, 14);
  common.writeUInt32LE(contents.length, 18);
  common.writeUInt16LE(name.length, 22);
  const local = Buffer.concat([Buffer.from('504b0304', 'hex'), common, Buffer.from(name), packed]);
  const entry = Buffer.concat([Buffer.from('504b01021400', 'hex'), common, Buffer.alloc(14), Buffer.from(name)]);
  const end = Buffer.alloc(22);
  end.write('504b0506', 'hex');
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(entry.length, 12);
  end.writeUInt32LE(local.length, 16);
  return Buffer.concat([local, entry, end]);
}

function tar(files: Readonly<Record<string, Uint8Array>>): Buffer {
  const dir = mkdtempSync(join(folder, 'tar-'));
  for (const [name, contents] of Object.entries(files)) writeFileSync(join(dir, name), contents);
  const archive = execFileSync('tar', ['--format=ustar', '-cf', '-', '-C', dir, ...Object.keys(files)], { maxBuffer: 1 << 28 });
  rmSync(dir, { recursive: true });
  return archive;
}

const MARKER = 'the marker of a test root';
const forms: readonly (readonly [string, () => string | Uint8Array, string])[] = [
  ['a certificate in DER', () => der, 'bytes'],
  ['a certificate in PEM', () => pem, 'base64'],
  ['PEM with Windows line ends', () => pem.replaceAll('\n', '\r\n'), 'base64'],
  ['PEM in a string of JSON', () => JSON.stringify({ root: pem }), 'base64'],
  ['PEM indented in YAML', () => pem.replaceAll('\n', '\n      '), 'base64'],
  ['base64url', () => Buffer.from(der).toString('base64url'), 'base64'],
  ['base64, one byte later', () => Buffer.concat([Buffer.from([1]), der]).toString('base64'), 'base64'],
  ['base64, two bytes later', () => Buffer.concat([Buffer.from([1, 2]), der]).toString('base64'), 'base64'],
  ['hexadecimal', () => Buffer.from(der).toString('hex'), 'hexadecimal'],
  ['hexadecimal in capitals, in columns', () => Buffer.from(der).toString('hex').toUpperCase().replaceAll(/.{4}/g, '$& '), 'hexadecimal'],
  ['a trust store of many', () => Buffer.concat([filler(70_000), der, filler(70_000)]), 'bytes'],
];

describe('test material is found', () => {
  test.each(forms)('%s', async (name, contents, writing) => {
    const path = put(`forms/${name}`, contents());
    const { findings } = await scan(path);
    expect(findings.filter(({ what }) => what === MARKER)).toEqual([{ path, at: expect.any(Number) as unknown, what: MARKER, writing }]);
  });

  test('at the byte where it begins', async () => {
    const path = put('place', Buffer.concat([filler(123_456), Buffer.from('TEEMU TEST KEY - DO NOT TRUST')]));
    expect((await scan(path)).findings).toEqual([{ path, at: 123_456, what: MARKER, writing: 'bytes' }]);
  });

  test('by its published key, where somebody cut the marker out', async () => {
    const at = Buffer.from(der).indexOf('TEEMU TEST KEY');
    const cut = Buffer.concat([der.subarray(0, at), Buffer.from('NOTHING'), der.subarray(at + 29)]);
    expect((await scan(put('cut.der', cut))).findings.map(({ what }) => what)).toEqual([expect.stringMatching(/^the published RSA key \d+ of seeded worlds$/)]);
  });

  test.each<[string, () => Uint8Array, string]>([
    ['gzip', () => gzipSync(pem), '!gunzip'],
    ['zip', () => zip('certs/root.pem', Buffer.from(pem)), '!certs/root.pem'],
    ['tar', () => tar({ 'root.pem': Buffer.from(pem) }), ''],
    ['a layer of an image: gzip in tar', () => tar({ first: filler(3), 'layer.tgz': gzipSync(tar({ 'root.pem': Buffer.from(pem) })) }), '!layer.tgz!gunzip'],
    ['a jar in a tar', () => tar({ 'lib.jar': zip('root.der', der) }), '!lib.jar!root.der'],
    ['behind the end of a gzip that is damaged', () => Buffer.concat([gzipSync('x').subarray(0, 12), filler(2000), der]), ''],
  ])('in %s', async (name, contents, inside) => {
    const path = put(`packed/${name}`, contents());
    const { findings } = await scan(path);
    expect(findings.filter(({ what }) => what === MARKER).map((f) => f.path)).toContain(`${path}${inside}`);
  });

  test('in a bundle that teemu wrote', async () => {
    const cwd = scratch();
    await call(['evidence', 'snp', '--seed', 'x', '--out', 'b'], { cwd });
    const called = await call(['scan', 'b', '--json'], { cwd });
    expect(called.code).toBe(1);
    expect(JSON.stringify(json(called))).toContain('the manifest of an emulated bundle');
  });
});

describe('nothing else is', () => {
  test.each<[string, () => Uint8Array | string]>([
    ['random bytes', () => randomBytes(1 << 20)],
    ['the name alone', () => 'teemu TEEMU test key do not trust'],
    ['an empty file', () => ''],
    ['one byte', () => 'T'],
  ])('%s', async (name, contents) => {
    expect(await scan(put(`clean/${name}`, contents()))).toMatchObject({ findings: [], unread: [], files: 1 });
  });

  test('and links are not followed', async () => {
    const at = mkdtempSync(join(folder, 'links-'));
    symlinkSync(put('elsewhere.pem', pem), join(at, 'link'));
    symlinkSync(at, join(at, 'loop'));
    expect(await scan(at)).toMatchObject({ findings: [], files: 0 });
  });
});

describe('what was not looked into is said', () => {
  test.each<[string, Uint8Array, RegExp]>([
    ['zstd', Buffer.from('28b52ffd0000', 'hex'), /zstd/],
    ['xz', Buffer.from('fd377a585a0000', 'hex'), /xz/],
    ['a damaged gzip', gzipSync(randomBytes(5000)).subarray(0, 600), /./],
    ['a zip without a directory', Buffer.from('504b03040000', 'hex'), /without a directory/],
  ])('%s', async (name, contents, why) => {
    const { unread } = await scan(put(`closed/${name}`, contents));
    expect(unread.map((u) => u.why)).toEqual([expect.stringMatching(why)]);
  });

  test('gzip in gzip in gzip without end', async () => {
    let bomb: Uint8Array = Buffer.from(pem);
    for (let i = 0; i < 20; i++) bomb = gzipSync(bomb);
    expect((await scan(put('bomb.gz', bomb))).unread).toMatchObject([{ why: expect.stringMatching(/more than 8 deep/) as unknown }]);
  });
});

describe('the search', () => {
  test('finds the same however the bytes are cut into pieces', () => {
    const bytes = Buffer.concat([filler(50), der, Buffer.from(pem), filler(5), Buffer.from(Buffer.from(der).toString('hex'))]);
    const all = new Search(PATTERNS).push(bytes);
    expect(all.length).toBeGreaterThan(3);
    for (const size of [1, 7, 64, 1000]) {
      const search = new Search(PATTERNS);
      const found = [];
      for (let i = 0; i < bytes.length; i += size) found.push(...search.push(bytes.subarray(i, i + size)));
      expect(found.sort((a, b) => a.at - b.at)).toEqual(all);
    }
  });
});

describe('the command', () => {
  test.each<[string, string[], number]>([
    ['nothing', ['clean-folder'], 0],
    ['a root', ['dirty'], 1],
    ['something closed', ['closed-folder'], 0],
    ['something closed, with --strict', ['closed-folder', '--strict'], 1],
    ['what is not there', ['nowhere'], 2],
    ['one of two', ['clean-folder', 'dirty'], 1],
  ])('%s', async (_, args, code) => {
    put('clean-folder/a', 'a');
    put('dirty/root.pem', pem);
    put('closed-folder/a.zst', Buffer.from('28b52ffd0000', 'hex'));
    expect((await call(['scan', ...args], { cwd: folder })).code).toBe(code);
  });
});
