/** DER pieces: of exactly the bytes that they are made of, whatever kind of array those are in. */
import { describe, expect, test } from 'vitest';
import { ecdsaSignatureValue, serialNumber, toBuffer } from '../../emulator/pki/der.ts';

const BYTES = [1, 2, 3, 4, 5, 6, 7, 8];

describe.each([
  ['an array of its own', Uint8Array.from(BYTES)],
  ['a view into a larger one', Uint8Array.from([9, 9, ...BYTES, 9]).subarray(2, 10)],
  ['a Buffer from the pool', Buffer.from(BYTES)],
  ['a view of such a Buffer', Buffer.from([9, ...BYTES, 9]).subarray(1, 9)],
])('of %s', (_, src) => {
  test('a copy has those bytes and no others', () => {
    expect([...new Uint8Array(toBuffer(src))]).toEqual(BYTES);
  });
  test('a serial number has those bytes', () => {
    expect([...new Uint8Array(serialNumber(src))]).toEqual(BYTES);
  });
  test('a signature is two numbers of half of them each', () => {
    expect([...ecdsaSignatureValue(src)]).toEqual([0x30, 12, 2, 4, 1, 2, 3, 4, 2, 4, 5, 6, 7, 8]);
  });
});
