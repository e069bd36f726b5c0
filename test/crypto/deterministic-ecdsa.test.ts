/** RFC 6979: the RFC's own signatures, and those of an independent implementation. */
import { p256, p384 } from '@noble/curves/nist.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deterministicEcdsa } from '../../emulator/crypto/deterministic-ecdsa.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex').toUpperCase();
const ascii = (text: string): Uint8Array => Buffer.from(text, 'ascii');

const ANSWERS = [
  {
    source: 'RFC 6979 A.2.5, SHA-256',
    curve: 'P-256',
    key: 'C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721',
    sample: 'EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8',
    test: 'F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083',
  },
  {
    source: 'RFC 6979 A.2.6, SHA-384',
    curve: 'P-384',
    key: '6B9D3DAD2E1B8C1C05B19875B6659F4DE23C3B667BF297BA9AA47740787137D896D5724E4C70A825F872C9EA60D2EDF5',
    sample: '94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C81A648152E44ACF96E36DD1E80FABE46' + '99EF4AEB15F178CEA1FE40DB2603138F130E740A19624526203B6351D0A3A94FA329C145786E679E7B82C71A38628AC8',
    test: '8203B63D3C853E8D77227FB377BCF7B7B772E97892A80F36AB775D509D7A5FEB0542A7F0812998DA8F1DD3CA3CF023DB' + 'DDD0760448D42D8A43AF45AF836FCE4DE8BE06B485E9B61B827C2F13173923E06A739F040649A667BF3B828246BAA5A5',
  },
] as const;

describe.each(ANSWERS)('$source', ({ curve, key, ...answers }) => {
  const sign = deterministicEcdsa(curve, Buffer.from(key, 'hex'));
  test.each(['sample', 'test'] as const)('the message "%s"', (message) => {
    expect(hex(sign(ascii(message)))).toBe(answers[message]);
  });
});

test.each([
  ['P-256', p256],
  ['P-384', p384],
] as const)('%s: any key and message, as another implementation signs', (curve, noble) => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 72, maxLength: 72 }), fc.uint8Array({ maxLength: 200 }), (seed, message) => {
      const scalar = noble.utils.randomSecretKey(seed.subarray(0, curve === 'P-256' ? 48 : 72));
      expect(hex(deterministicEcdsa(curve, scalar)(message))).toBe(hex(noble.sign(message, scalar, { lowS: false })));
    }),
    { numRuns: 40 },
  );
});
