/** Every engine against published answers, against `emulator/crypto/seal.ts`, and against the other engines. */
import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { open, seal } from '../../../emulator/crypto/seal.ts';
import { chooseEngine, ENGINES, engineTitle } from '../../../emulator/link/engine/choose.ts';
import { copyBytes } from '../../../emulator/link/engine/copy.ts';
import type { GcmEngine } from '../../../emulator/link/engine/engine.ts';
import { nativeObstacle } from '../../../emulator/link/engine/native.ts';
import { nodeEngine } from '../../../emulator/link/engine/node.ts';
import { findKoffi } from './koffi.ts';
import { KNOWN_ANSWERS } from './known-answers.ts';

const hex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));
/** Bytes that others of the process can write too, as all slots of the link are. */
const shared = (length: number): Uint8Array => new Uint8Array(new SharedArrayBuffer(length));
const EMPTY = new Uint8Array(0);
/** Lengths around blocks, around the slices of the node engine, and the largest slot. */
const LENGTHS = [0, 1, 15, 16, 17, 4095, 4096, 262143, 262144, 262145, 2097152];

const koffi = findKoffi();
afterAll(koffi.remove);
const engines: readonly (readonly [name: string, open: () => GcmEngine])[] = [
  ['node', nodeEngine],
  ...(koffi.folder === undefined ? [] : [koffi.folder]).map((from) => ['native', () => chooseEngine('native', { from })] as const),
];
if (koffi.folder === undefined) process.stderr.write('skipped: the native engine (needs koffi, or TEEMU_INTEROP=1 and npm)\n');

describe.each(engines)('the %s engine', (name, openEngine) => {
  const engine = openEngine();

  test('says what it is', () => {
    expect(engine.name).toBe(name);
    expect(engineTitle(engine)).toMatch(new RegExp(`^${name} \\(OpenSSL 3\\.\\d+\\.\\d+\\)$`));
  });

  test.each(KNOWN_ANSWERS)('gives the answer of $source', ({ key, iv, aad, plaintext, ciphertext, tag }) => {
    const [sealed, made, opened] = [shared(plaintext.length / 2), shared(16), shared(plaintext.length / 2)];
    engine.seal(engine.key(hex(key)), hex(iv), hex(aad), hex(plaintext), sealed, made);
    expect(Buffer.from(sealed).toString('hex')).toBe(ciphertext);
    expect(Buffer.from(made).toString('hex')).toBe(tag);
    expect(engine.open(engine.key(hex(key)), hex(iv), hex(aad), hex(ciphertext), hex(tag), opened)).toBe(true);
    expect(Buffer.from(opened).toString('hex')).toBe(plaintext);
  });

  test.each(LENGTHS)('seals %i bytes as the seal of single messages does, and opens them, in place and across', (length) => {
    const src = shared(length);
    for (let i = 0; i < length; i += 97) src[i] = i >> 3;
    const [key, iv, aad] = [new Uint8Array(32).fill(7), new Uint8Array(12).fill(9), new Uint8Array(5).fill(1)];
    const expected = seal({ key, iv, aad }, src);
    const [dst, tag] = [shared(length), shared(16)];
    const own = engine.key(key);
    engine.seal(own, iv, aad, src, dst, tag);
    expect(Buffer.compare(dst, expected.ciphertext)).toBe(0);
    expect(Buffer.compare(tag, expected.tag)).toBe(0);
    expect(engine.open(own, iv, aad, dst, tag, dst)).toBe(true);
    expect(Buffer.compare(dst, src)).toBe(0);
    engine.seal(own, iv, aad, dst, dst, tag);
    expect(Buffer.compare(dst, expected.ciphertext)).toBe(0);
    expect(Buffer.compare(tag, expected.tag)).toBe(0);
  });

  test('uses keys in turn without mixing them up', () => {
    const keys = [1, 2, 3].map((fill) => new Uint8Array(32).fill(fill));
    const held = keys.map((bytes) => engine.key(bytes));
    const [iv, text, dst, tag] = [new Uint8Array(12), hex('00112233'), shared(4), shared(16)];
    for (const i of [0, 1, 0, 2, 2, 1]) {
      engine.seal(held[i] as (typeof held)[0], iv, EMPTY, text, dst, tag);
      expect(Buffer.from(open({ key: keys[i] as Uint8Array, iv, aad: EMPTY }, { ciphertext: dst, tag }))).toEqual(Buffer.from(text));
    }
  });

  test('keeps a key as it was given', () => {
    const bytes = new Uint8Array(32).fill(5);
    const key = engine.key(bytes);
    bytes.fill(0);
    const [dst, tag] = [shared(3), shared(16)];
    engine.seal(key, new Uint8Array(12), EMPTY, hex('010203'), dst, tag);
    expect(Buffer.compare(tag, seal({ key: new Uint8Array(32).fill(5), iv: new Uint8Array(12), aad: EMPTY }, hex('010203')).tag)).toBe(0);
  });

  test.each([
    ['a bit of the ciphertext', 'src'],
    ['a bit of the tag', 'tag'],
    ['a bit of the AAD', 'aad'],
    ['a bit of the IV', 'iv'],
  ] as const)('refuses what was changed in %s and leaves no plaintext behind', (_, what) => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 9000 }), fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.nat(), (text, aad, at) => {
        const key = engine.key(new Uint8Array(32).fill(3));
        const parts = { src: new Uint8Array(text.length), tag: new Uint8Array(16), aad, iv: new Uint8Array(12) };
        engine.seal(key, parts.iv, parts.aad, text, parts.src, parts.tag);
        const changed = Uint8Array.from(parts[what]);
        const bit = at % (changed.length * 8);
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const given = { ...parts, [what]: changed };
        const dst = new Uint8Array(text.length).fill(0xee);
        expect(engine.open(key, given.iv, given.aad, given.src, given.tag, dst)).toBe(false);
        expect(dst.every((byte) => byte === 0)).toBe(true);
        // The good twin: the same call with nothing changed.
        expect(engine.open(key, parts.iv, parts.aad, parts.src, parts.tag, dst)).toBe(true);
        expect(Buffer.compare(dst, text)).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  test.each([
    ['a key of 16 bytes', () => engine.key(new Uint8Array(16))],
    ['an IV of 8 bytes', () => engine.seal(engine.key(new Uint8Array(32)), new Uint8Array(8), EMPTY, EMPTY, EMPTY, new Uint8Array(16))],
    ['a tag of 12 bytes', () => engine.open(engine.key(new Uint8Array(32)), new Uint8Array(12), EMPTY, EMPTY, new Uint8Array(12), EMPTY)],
    ['a destination that is too short', () => engine.seal(engine.key(new Uint8Array(32)), new Uint8Array(12), EMPTY, new Uint8Array(5), new Uint8Array(4), new Uint8Array(16))],
  ])('refuses %s', (_, call) => {
    expect(call).toThrow(RangeError);
  });

  test('refuses the key of another engine', () => {
    expect(() => engine.seal({ engine: 'other' }, new Uint8Array(12), EMPTY, EMPTY, EMPTY, new Uint8Array(16))).toThrow(TypeError);
  });

  test('gives the same bytes as the node engine', () => {
    const node = nodeEngine();
    const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
    fc.assert(
      fc.property(bytes(32), bytes(12), fc.uint8Array({ maxLength: 64 }), fc.uint8Array({ maxLength: 5000 }), (key, iv, aad, text) => {
        const made = [node, engine].map((one) => {
          const [dst, tag] = [shared(text.length), shared(16)];
          one.seal(one.key(key), iv, aad, text, dst, tag);
          return Buffer.concat([dst, tag]).toString('hex');
        });
        expect(made[1]).toBe(made[0]);
      }),
    );
  });
});

describe('a copy', () => {
  test.each([0, 1, 4095, 4096, 4097, 300_000])('of %i bytes is the same, and leaves what is around it alone', (length) => {
    const src = Uint8Array.from({ length }, (_, i) => i * 7 + 1);
    for (const buffer of [new ArrayBuffer(length + 20), new SharedArrayBuffer(length + 20)]) {
      const all = new Uint8Array(buffer).fill(0xee);
      copyBytes(all.subarray(10, 10 + length), src);
      expect(Buffer.compare(all.subarray(10, 10 + length), src)).toBe(0);
      expect([...all.subarray(0, 10), ...all.subarray(10 + length)]).toEqual(Array.from({ length: 20 }, () => 0xee));
    }
  });

  test('of another length is refused', () => {
    expect(() => copyBytes(new Uint8Array(3), new Uint8Array(4))).toThrow(RangeError);
  });
});

describe('the choice of an engine', () => {
  test('is node unless something else is asked for', () => {
    expect(chooseEngine().name).toBe('node');
  });

  test('knows no other name', () => {
    expect(() => chooseEngine('gpu')).toThrow(`'gpu' is none of ${[...ENGINES.keys()].join(', ')}`);
  });

  test('says what to install for the native one', () => {
    // A folder without koffi; where teemu's own place has it, the library is what is missing.
    expect(() => chooseEngine('native', { from: '/nowhere', libcrypto: 'libno-such-crypto.so' })).toThrow(/npm install koffi|libno-such-crypto/);
  });

  test('every file of the room is an engine, the interface, the choice or the copy', () => {
    expect(readdirSync(new URL('../../../emulator/link/engine', import.meta.url)).sort()).toEqual(['choose.ts', 'copy.ts', 'engine.ts', 'native.ts', 'node.ts']);
  });
});

describe('the native engine', () => {
  const tried = { platform: 'linux', node: 20, glibc: '2.36', libcrypto: 'OpenSSL 3.0.19 27 Jan 2026' };
  test.each([
    ['runs where it was tried', {}, undefined],
    ['runs under Node 22', { node: 22 }, undefined],
    ['runs under Node 24', { node: 24 }, undefined],
    ['runs with a newer OpenSSL 3', { libcrypto: 'OpenSSL 3.5.8 1 Sep 2026' }, undefined],
    ['is refused under a Node that nobody has tried', { node: 23 }, 'tried with Node 20, 22, 24, not with 23'],
    ['is refused without the GNU C library, where two OpenSSLs clash', { glibc: undefined }, 'RTLD_DEEPBIND'],
    ['is refused on a Mac', { platform: 'darwin', glibc: undefined }, 'Linux only'],
    ['is refused with OpenSSL 1.1', { libcrypto: 'OpenSSL 1.1.1w  11 Sep 2023' }, 'needs a libcrypto of OpenSSL 3'],
    ['is refused with a library of somebody else', { libcrypto: 'AWS-LC 1.40' }, 'needs a libcrypto of OpenSSL 3'],
  ] as const)('%s', (_, machine, reason) => {
    const obstacle = nativeObstacle({ ...tried, ...machine });
    if (reason === undefined) expect(obstacle).toBeUndefined();
    else expect(obstacle).toContain(reason);
  });
});
