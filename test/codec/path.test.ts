import { describe, expect, test } from 'vitest';
import { Layout } from '../../emulator/codec/layout.ts';
import { setField } from '../../emulator/codec/path.ts';
import { array, bit, bitRange, bits, bytes, reserved, reservedBits, struct, u8, u16, u64 } from '../../emulator/codec/rows.ts';
import { CodecError } from '../../emulator/errors.ts';

const LAYOUT = new Layout('t', 24, 'nowhere', {
  version: u16(0, 'version'),
  flags: bits(2, 2, 'flags', { on: bit(0, 'on'), level: bitRange(1, 3, 'level'), zero: reservedBits(4, 12) }),
  inner: struct(4, new Layout('inner', 2, 'nowhere', { low: u8(0, 'low'), high: u8(1, 'high') }), 'inner'),
  gap: reserved(6, 2),
  count: u64(8, 'count'),
  list: array(16, 2, u16(0, 'member'), 'list'),
  tail: bytes(20, 4, 'tail'),
});
const BASE = LAYOUT.decode(Uint8Array.of(1, 0, 0x03, 0, 4, 5, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 7, 0, 8, 0, 9, 9, 9, 9));
/** The bytes after one field was set, and where they differ from those before. */
function differences(path: string, text: string): [at: number, byte: number][] {
  const before = LAYOUT.encode(BASE);
  return [...LAYOUT.encode(setField(LAYOUT, BASE, path, text))].flatMap((b, at): [number, number][] => (b === before[at] ? [] : [[at, b]]));
}

describe('a field set from text changes that field only', () => {
  test.each<[string, string, string, [number, number][]]>([
    [
      'a decimal number',
      'version',
      '258',
      [
        [0, 2],
        [1, 1],
      ],
    ],
    [
      'a hexadecimal number',
      'version',
      '0x102',
      [
        [0, 2],
        [1, 1],
      ],
    ],
    ['one bit', 'flags.on', '0', [[2, 0x02]]],
    ['a run of bits', 'flags.level', '7', [[2, 0x0f]]],
    ['reserved bits, because a test may want them wrong', 'flags.zero', '0x800', [[3, 0x80]]],
    ['all bits from one number', 'flags', '0x10', [[2, 0x10]]],
    ['a member of a nested structure', 'inner.high', '255', [[5, 255]]],
    [
      'a whole nested structure',
      'inner',
      '0a0b',
      [
        [4, 0x0a],
        [5, 0x0b],
      ],
    ],
    ['reserved bytes', 'gap', '0001', [[7, 1]]],
    ['a long number', 'count', '0x8000000000000006', [[15, 0x80]]],
    ['a member of a list', 'list.1', '9', [[18, 9]]],
    ['bytes', 'tail', '090909ff', [[23, 0xff]]],
    ['bytes after 0x', 'tail', '0x09090900', [[23, 0]]],
    [
      'one byte repeated',
      'tail',
      '00*',
      [
        [20, 0],
        [21, 0],
        [22, 0],
        [23, 0],
      ],
    ],
  ])('%s', (_, path, text, expected) => {
    expect(differences(path, text)).toEqual(expected);
  });

  test('and leaves the values that it was given alone', () => {
    const before = structuredClone(BASE);
    setField(LAYOUT, BASE, 'inner.high', '1');
    setField(LAYOUT, BASE, 'list.0', '1');
    setField(LAYOUT, BASE, 'flags.on', '1');
    expect(BASE).toEqual(before);
  });

  test('also where the field had no value yet', () => {
    expect([...LAYOUT.encode(setField(LAYOUT, {}, 'inner.high', '3'))].indexOf(3)).toBe(5);
    expect([...LAYOUT.encode(setField(LAYOUT, {}, 'flags.on', '1'))].indexOf(1)).toBe(2);
  });
});

describe('a field is not set from', () => {
  test.each([
    ['a path to nothing', 'colour', '1', 'ERR_CODEC_FIELD', 't.colour', 0],
    ['a path into a prototype', '__proto__.polluted', '1', 'ERR_CODEC_FIELD', 't.__proto__.polluted', 0],
    ['a number too large', 'version', '65536', 'ERR_CODEC_RANGE', 't.version', 0],
    ['a number too large for its bits', 'flags.level', '8', 'ERR_CODEC_RANGE', 't.flags.level', 2],
    ['a long number too large', 'count', '18446744073709551616', 'ERR_CODEC_RANGE', 't.count', 8],
    ['a negative number', 'version', '-1', 'ERR_CODEC_RANGE', 't.version', 0],
    ['no number', 'version', 'one', 'ERR_CODEC_RANGE', 't.version', 0],
    ['nothing', 'version', '', 'ERR_CODEC_RANGE', 't.version', 0],
    ['a number too long to read', 'count', `0x${'0'.repeat(17)}1`, 'ERR_CODEC_RANGE', 't.count', 8],
    ['a byte too few', 'tail', '010203', 'ERR_CODEC_RANGE', 't.tail', 20],
    ['a byte too many', 'tail', '0102030405', 'ERR_CODEC_RANGE', 't.tail', 20],
    ['half a byte', 'tail', '0102030', 'ERR_CODEC_RANGE', 't.tail', 20],
    ['what is not hexadecimal', 'tail', '0102030g', 'ERR_CODEC_RANGE', 't.tail', 20],
    ['one text for a whole list', 'list', '0102', 'ERR_CODEC_RANGE', 't.list', 16],
  ])('%s', (_, path, text, code, where, at) => {
    try {
      setField(LAYOUT, BASE, path, text);
      expect.unreachable('nothing was thrown');
    } catch (error) {
      expect(error).toBeInstanceOf(CodecError);
      expect(error).toMatchObject({ code, path: where, at });
    }
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});
