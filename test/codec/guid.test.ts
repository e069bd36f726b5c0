import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { guidBytes, guidText } from '../../emulator/codec/guid.ts';

const TEXT = '00112233-4455-6677-8899-aabbccddeeff';

describe('GUIDs', () => {
  test.each([
    ['with their first three groups little-endian, unless told otherwise', undefined, '33221100554477668899aabbccddeeff'],
    ['so too when told so', 'little-endian', '33221100554477668899aabbccddeeff'],
    ['in the order of their text', 'textual', '00112233445566778899aabbccddeeff'],
  ] as const)('are stored %s', (_, order, expected) => {
    expect(Buffer.from(guidBytes(TEXT, order)).toString('hex')).toBe(expected);
  });

  test('read back as lower-case text, in either order', () => {
    fc.assert(
      fc.property(fc.uuid(), fc.constantFrom('little-endian' as const, 'textual' as const), (text, order) => {
        expect(guidText(guidBytes(text.toUpperCase(), order), order)).toBe(text);
      }),
    );
  });

  test('are read without a change to the bytes, wherever in a buffer they lie', () => {
    const whole = Uint8Array.of(9, ...guidBytes(TEXT), 9);
    const before = whole.slice();
    expect(guidText(whole.subarray(1, 17))).toBe(TEXT);
    expect(whole).toEqual(before);
  });

  test.each(['', '{00112233}', TEXT.replaceAll('-', ''), `${TEXT}0`, `{${TEXT}}`, TEXT.replace('a', 'g'), `${TEXT}\n`])('of another form are refused: %j', (text) => {
    expect(() => guidBytes(text)).toThrow(expect.objectContaining({ code: 'ERR_CONFIG', key: 'guid' }));
  });

  test.each([0, 15, 17])('are 16 bytes, not %i', (length) => {
    expect(() => guidText(new Uint8Array(length))).toThrow(RangeError);
  });
});
