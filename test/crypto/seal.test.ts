import { describe, expect, test } from 'vitest';
import { TeemuError } from '../../emulator/errors.ts';
import { open, type SealContext, type Sealed, seal } from '../../emulator/crypto/seal.ts';

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));

/** McGrew and Viega, "The Galois/Counter Mode of Operation", test case 16: AES-256 with additional data. */
const CONTEXT: SealContext = {
  key: bytes('feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308'),
  iv: bytes('cafebabefacedbaddecaf888'),
  aad: bytes('feedfacedeadbeeffeedfacedeadbeefabaddad2'),
};
const PLAIN = bytes('d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39');
const SEALED: Sealed = {
  ciphertext: bytes('522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662'),
  tag: bytes('76fc6ece0f4e1768cddf8853bb2d551b'),
};
const flipped = (b: Uint8Array): Uint8Array => b.with(0, (b[0] ?? 0) ^ 1);

describe('AES-256-GCM', () => {
  test("seals as GCM's own test case 16 has it", () => {
    expect(seal(CONTEXT, PLAIN)).toEqual(SEALED);
  });

  test('opens it again', () => {
    expect(open(CONTEXT, SEALED)).toEqual(PLAIN);
  });

  test('seals nothing, which has a tag all the same', () => {
    const { ciphertext, tag } = seal(CONTEXT, new Uint8Array());
    expect([ciphertext.length, tag.length]).toEqual([0, 16]);
    expect(open(CONTEXT, { ciphertext, tag })).toEqual(new Uint8Array());
  });

  test.each<[string, Partial<SealContext>, Partial<Sealed>]>([
    ['another key', { key: flipped(CONTEXT.key) }, {}],
    ['another IV', { iv: flipped(CONTEXT.iv) }, {}],
    ['other additional data', { aad: flipped(CONTEXT.aad) }, {}],
    ['another byte', {}, { ciphertext: flipped(SEALED.ciphertext) }],
    ['a byte less', {}, { ciphertext: SEALED.ciphertext.subarray(1) }],
    ['another tag', {}, { tag: flipped(SEALED.tag) }],
    ['a tag cut short', {}, { tag: SEALED.tag.subarray(0, 12) }],
    ['no tag', {}, { tag: new Uint8Array() }],
  ])('does not open with %s', (_, context, sealed) => {
    expect(() => open({ ...CONTEXT, ...context }, { ...SEALED, ...sealed })).toThrow(expect.toSatisfy((error) => error instanceof TeemuError && error.code === 'ERR_SEAL'));
  });

  test.each<[string, Partial<SealContext>]>([
    ['a key of 16 bytes', { key: CONTEXT.key.subarray(16) }],
    ['no IV', { iv: new Uint8Array() }],
  ])("takes %s for its caller's mistake", (_, context) => {
    expect(() => seal({ ...CONTEXT, ...context }, PLAIN)).toThrow(/Invalid (key length|initialization vector)/);
  });
});
