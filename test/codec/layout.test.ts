import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Layout } from '../../emulator/codec/layout.ts';
import { array, bit, bitRange, bits, bytes, reserved, reservedBits, type Rows, struct, u8, u16, u24, u32, u64 } from '../../emulator/codec/rows.ts';
import { CodecError, TeemuError } from '../../emulator/errors.ts';
import { samples } from './tables.ts';

const INNER = new Layout('inner', 4, 'nowhere', { low: u16(0, 'low'), zero: reserved(2, 2) });
const TABLE = new Layout('t', 32, 'nowhere', {
  version: u32(0, 'version', { initial: 7 }),
  flags: bits(4, 2, 'flags', { on: bit(0, 'on'), level: bitRange(1, 3, 'level'), zero: reservedBits(4, 12) }),
  gap: reserved(6, 2),
  count: u64(8, 'count'),
  inner: struct(16, INNER, 'a structure'),
  list: array(20, 2, u16(0, 'member', { be: true }), 'a list'),
  tail: bytes(24, 8, 'bytes'),
});
const BYTES = Uint8Array.from(Buffer.from('07000000' + '0b00' + '0000' + '8877665544332211' + '34120000' + '00010203' + 'a0a1a2a3a4a5a6a7', 'hex'));
const VALUES = { version: 7, flags: { on: 1, level: 5, zero: 0 }, count: 0x1122334455667788n, inner: { low: 0x1234 }, list: [1, 0x0203], tail: Uint8Array.of(0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7) };

/** What is thrown, which must be a CodecError, as plain data. */
function failure(run: () => unknown): { code: string; path: string; at: number } {
  try {
    run();
  } catch (error) {
    if (!(error instanceof CodecError)) throw error;
    return { code: error.code, path: error.path, at: error.at };
  }
  throw new Error('nothing was thrown');
}

describe('any table', () => {
  test('encodes its values to the bytes worked out by other means', () => {
    fc.assert(
      fc.property(samples, ({ layout, values, raw }) => {
        expect(layout.encode(values)).toEqual(raw);
      }),
      { numRuns: 500 },
    );
  });

  test('decodes those bytes to the same values', () => {
    fc.assert(
      fc.property(samples, ({ layout, values, raw }) => {
        expect(layout.decode(raw)).toEqual(values);
      }),
      { numRuns: 500 },
    );
  });

  test('keeps every bit of any bytes, must-be-zero or not, over decode and encode', () => {
    fc.assert(
      fc.property(samples, fc.infiniteStream(fc.integer({ min: 0, max: 255 })), ({ layout }, stream) => {
        const src = Uint8Array.from({ length: layout.size }, () => stream.next().value as number);
        expect(layout.encode(layout.decode(src, { reserved: 'keep' }))).toEqual(src);
      }),
      { numRuns: 500 },
    );
  });

  test('decodes a part of a larger buffer as it does a buffer of its own', () => {
    fc.assert(
      fc.property(samples, fc.uint8Array({ maxLength: 9 }), ({ layout, values, raw }, before) => {
        const whole = Uint8Array.of(...before, ...raw, 0xff);
        expect(layout.decode(whole.subarray(before.length, before.length + raw.length))).toEqual(values);
      }),
    );
  });

  test('hands out copies: changing a decoded value leaves the input alone', () => {
    const src = BYTES.slice();
    TABLE.decode(src).tail.fill(0);
    expect(src).toEqual(BYTES);
  });

  test('answers bytes of any length with a value or a CodecError, nothing else', () => {
    fc.assert(
      fc.property(samples, fc.uint8Array({ maxLength: 80 }), ({ layout }, src) => {
        try {
          layout.decode(src);
        } catch (error) {
          expect(error).toBeInstanceOf(CodecError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('a table of every kind of row', () => {
  test('decodes as written by hand', () => {
    expect(TABLE.decode(BYTES)).toEqual(VALUES);
  });
  test('encodes as written by hand', () => {
    expect(TABLE.encode(VALUES)).toEqual(BYTES);
  });
  test('writes zeros and initial values for what is left out', () => {
    expect(TABLE.encode({})).toEqual(Uint8Array.of(7, ...new Array(31).fill(0)));
  });
  test('writes initial values in lists and in structures too', () => {
    const part = new Layout('part', 2, 'nowhere', { a: u8(0, 'a', { initial: 5 }), b: u8(1, 'b') });
    const layout = new Layout('whole', 9, 'nowhere', { one: struct(0, part, 'one'), several: array(2, 2, struct(0, part, 'each'), 'several'), numbers: array(6, 3, u8(0, 'n', { initial: 9 }), 'numbers') });
    expect(layout.encode({})).toEqual(Uint8Array.of(5, 0, 5, 0, 5, 0, 9, 9, 9));
    expect(layout.encode({ numbers: [1, 2, 3] })).toEqual(Uint8Array.of(5, 0, 5, 0, 5, 0, 1, 2, 3));
  });
  test('reads big-endian numbers of every size', () => {
    const layout = new Layout('be', 18, 'nowhere', { a: u8(0, 'a', { be: true }), b: u16(1, 'b', { be: true }), c: u24(3, 'c', { be: true }), d: u32(6, 'd', { be: true }), e: u64(10, 'e', { be: true }) });
    expect(layout.decode(Uint8Array.from({ length: 18 }, (_, i) => 0xf0 + i))).toEqual({ a: 0xf0, b: 0xf1f2, c: 0xf3f4f5, d: 0xf6f7f8f9, e: 0xfafbfcfdfeff0001n });
  });
});

describe('a table is refused when it is made', () => {
  const table = (size: number, rows: Rows) => (): unknown => new Layout('bad', size, 'nowhere', rows);
  test.each([
    ['with a list of rows that begin later', () => array(4, 2, u8(1, 'a'), 'list'), /begins at 0, not at 1/],
    ['with a hole', table(4, { a: u8(0, 'a'), b: u16(2, 'b') }), /bad: b begins at 0x2.*ends at 0x1/],
    ['with an overlap', table(4, { a: u16(0, 'a'), b: u16(1, 'b') }), /bad: b begins at 0x1.*ends at 0x2/],
    ['that does not begin at 0', table(4, { a: u16(2, 'a') }), /a begins at 0x2/],
    ['with rows out of order', table(4, { a: u16(2, 'a'), b: u16(0, 'b') }), /a begins at 0x2/],
    ['that ends before the structure', table(4, { a: u16(0, 'a') }), /rows end at 0x2, the structure at 0x4/],
    ['that ends after the structure', table(4, { a: u64(0, 'a') }), /rows end at 0x8, the structure at 0x4/],
    ['with a hole between bits', table(1, { a: bits(0, 1, 'a', { x: bit(0, 'x'), y: bitRange(2, 6, 'y') }) }), /bad\.a: bits y begin at 2.*end at 1/],
    ['with bits on bits', table(1, { a: bits(0, 1, 'a', { x: bitRange(0, 4, 'x'), y: bitRange(3, 5, 'y') }) }), /bits y begin at 3.*end at 4/],
    ['with bits that leave some over', table(1, { a: bits(0, 1, 'a', { x: bitRange(0, 7, 'x') }) }), /bits end at 7, the field at 8/],
    ['with more bits than the field', table(1, { a: bits(0, 1, 'a', { x: bitRange(0, 9, 'x') }) }), /bits end at 9, the field at 8/],
    ['with bits wider than a number', table(8, { a: bits(0, 8, 'a', { x: bitRange(0, 54, 'x'), y: bitRange(54, 10, 'y') }) }), /wider than a number/],
  ])('%s', (_, make, message) => {
    expect(make).toThrow(RangeError);
    expect(make).toThrow(message);
  });

  test('whichever of its rows is moved by whatever', () => {
    fc.assert(
      fc.property(
        samples,
        fc.nat(),
        fc.integer({ min: -4, max: 4 }).filter((n) => n !== 0),
        ({ layout }, pick, by) => {
          const entries = Object.entries(layout.rows);
          const moved = pick % entries.length;
          const rows = Object.fromEntries(entries.map(([key, row], i) => [key, i === moved ? { ...row, at: row.at + by } : row]));
          expect(() => new Layout('bad', layout.size, 'nowhere', rows)).toThrow(RangeError);
        },
      ),
    );
  });
});

describe('a version of a table', () => {
  const NEXT = TABLE.patch('t2', 'somewhere', { version: u32(0, 'version', { initial: 8 }), extra: u16(6, 'extra') }, ['gap']);
  test('replaces rows of the same name, adds new ones in their place and leaves others out', () => {
    expect(Object.keys(NEXT.rows)).toEqual(['version', 'flags', 'extra', 'count', 'inner', 'list', 'tail']);
    expect(NEXT.encode({ ...VALUES, version: 8, extra: 0x0102 }).subarray(0, 8)).toEqual(Uint8Array.of(8, 0, 0, 0, 0x0b, 0, 2, 1));
  });
  test('leaves the table it comes from as it was', () => {
    expect(TABLE.decode(BYTES)).toEqual(VALUES);
    expect(Object.keys(TABLE.rows)).toContain('gap');
  });
  test('has a name and a source of its own', () => {
    expect([NEXT.name, NEXT.source, NEXT.size]).toEqual(['t2', 'somewhere', 32]);
  });
  test('is refused when it leaves a hole', () => {
    expect(() => TABLE.patch('t3', 'nowhere', {}, ['gap'])).toThrow(/count begins at 0x8, but the row before it ends at 0x6/);
  });
  test('is refused when it overlaps', () => {
    expect(() => TABLE.patch('t3', 'nowhere', { extra: u16(6, 'extra') })).toThrow(RangeError);
  });
});

describe('a refusal names code, field and offset', () => {
  const changed = (at: number, value: number): Uint8Array => BYTES.with(at, value);
  test.each([
    ['of nothing', () => TABLE.decode(new Uint8Array()), 'ERR_CODEC_TRUNCATED', 't.version', 0],
    ['of bytes that end within a field', () => TABLE.decode(BYTES.subarray(0, 13)), 'ERR_CODEC_TRUNCATED', 't.count', 8],
    ['of bytes that end at the last field', () => TABLE.decode(BYTES.subarray(0, 24)), 'ERR_CODEC_TRUNCATED', 't.tail', 24],
    ['of a byte too many', () => TABLE.decode(Uint8Array.of(...BYTES, 0)), 'ERR_CODEC_LENGTH', 't', 32],
    ['of a reserved byte, at the byte itself', () => TABLE.decode(changed(7, 1)), 'ERR_CODEC_RESERVED', 't.gap', 7],
    ['of a reserved byte in a nested structure', () => TABLE.decode(changed(19, 0x80)), 'ERR_CODEC_RESERVED', 't.inner.zero', 19],
    ['of reserved bits', () => TABLE.decode(changed(5, 0x80)), 'ERR_CODEC_RESERVED', 't.flags.zero', 4],
    ['of a number too large', () => TABLE.encode({ version: 2 ** 32 }), 'ERR_CODEC_RANGE', 't.version', 0],
    ['of a negative number', () => TABLE.encode({ version: -1 }), 'ERR_CODEC_RANGE', 't.version', 0],
    ['of a fraction', () => TABLE.encode({ version: 1.5 }), 'ERR_CODEC_RANGE', 't.version', 0],
    ['of NaN', () => TABLE.encode({ version: Number.NaN }), 'ERR_CODEC_RANGE', 't.version', 0],
    ['of a long number too large', () => TABLE.encode({ count: 1n << 64n }), 'ERR_CODEC_RANGE', 't.count', 8],
    ['of a number where a bigint belongs', () => TABLE.encode({ count: 1 as unknown as bigint }), 'ERR_CODEC_RANGE', 't.count', 8],
    ['of bits too wide for their run', () => TABLE.encode({ flags: { on: 0, level: 8, zero: 0 } }), 'ERR_CODEC_RANGE', 't.flags.level', 4],
    ['of a run of bits that is not there', () => TABLE.encode({ flags: { on: 0, level: 0, zero: 0, other: 1 } as never }), 'ERR_CODEC_FIELD', 't.flags.other', 4],
    ['of a number where bits belong', () => TABLE.encode({ flags: 3 as never }), 'ERR_CODEC_RANGE', 't.flags', 4],
    ['of bytes of another length', () => TABLE.encode({ tail: new Uint8Array(7) }), 'ERR_CODEC_RANGE', 't.tail', 24],
    ['of a text where bytes belong', () => TABLE.encode({ tail: 'abcdefgh' as never }), 'ERR_CODEC_RANGE', 't.tail', 24],
    ['of a list of another length', () => TABLE.encode({ list: [1] }), 'ERR_CODEC_RANGE', 't.list', 20],
    ['of a member of a list', () => TABLE.encode({ list: [1, 0x10000] }), 'ERR_CODEC_RANGE', 't.list.1', 22],
    ['of null where a structure belongs', () => TABLE.encode({ inner: null as never }), 'ERR_CODEC_RANGE', 't.inner', 16],
    ['of a field of a nested structure', () => TABLE.encode({ inner: { low: 0x10000 } }), 'ERR_CODEC_RANGE', 't.inner.low', 16],
    ['of an unknown field', () => TABLE.encode({ colour: 1 } as never), 'ERR_CODEC_FIELD', 't.colour', 0],
    ['of an unknown field of a nested structure', () => TABLE.encode({ inner: { low: 1, high: 1 } as never }), 'ERR_CODEC_FIELD', 't.inner.high', 16],
    ['of an inherited name', () => TABLE.encode({ toString: 1 } as never), 'ERR_CODEC_FIELD', 't.toString', 0],
    ['of a path to nothing', () => TABLE.locate('colour'), 'ERR_CODEC_FIELD', 't.colour', 0],
    ['of a path to nothing in a nested structure', () => TABLE.locate('inner.high'), 'ERR_CODEC_FIELD', 't.inner.high', 16],
    ['of a path to no bits', () => TABLE.locate('flags.off'), 'ERR_CODEC_FIELD', 't.flags.off', 4],
    ['of a path below a run of bits', () => TABLE.locate('flags.on.more'), 'ERR_CODEC_FIELD', 't.flags.on.more', 4],
    ['of a path past the end of a list', () => TABLE.locate('list.2'), 'ERR_CODEC_FIELD', 't.list.2', 20],
    ['of a path below a number', () => TABLE.locate('version.major'), 'ERR_CODEC_FIELD', 't.version.major', 0],
    ['of an inherited path', () => TABLE.locate('__proto__'), 'ERR_CODEC_FIELD', 't.__proto__', 0],
    ['of an empty path', () => TABLE.locate(''), 'ERR_CODEC_FIELD', 't.', 0],
  ])('%s', (_, run, code, path, at) => {
    expect(failure(run)).toEqual({ code, path, at });
  });

  test('in the message too, and is a TeemuError', () => {
    const run = (): unknown => TABLE.decode(changed(7, 0xab));
    expect(run).toThrow(TeemuError);
    expect(run).toThrow('t.gap (0x7): must be zero, is 0xab');
  });
});

describe('a place in a table', () => {
  test.each([
    ['version', 0, 4],
    ['flags', 4, 2],
    ['flags.level', 4, 2],
    ['inner', 16, 4],
    ['inner.low', 16, 2],
    ['inner.zero', 18, 2],
    ['list', 20, 4],
    ['list.1', 22, 2],
    ['tail', 24, 8],
  ])('%s', (path, at, size) => {
    expect(TABLE.locate(path)).toMatchObject({ at, size });
  });
  test('of a run of bits says which bits', () => {
    expect(TABLE.locate('flags.level').bits).toMatchObject({ shift: 1, width: 3 });
  });
});
