import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Layout } from '../../emulator/codec/layout.ts';
import { reserved, u8, u16 } from '../../emulator/codec/rows.ts';
import { ByteReader } from '../../emulator/codec/stream.ts';
import { CodecError } from '../../emulator/errors.ts';

const PAIR = new Layout('pair', 4, 'here', { a: u8(0, 'a'), zero: reserved(1, 1), b: u16(2, 'b') });
const src = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const thrown = (run: () => unknown): CodecError => {
  try {
    run();
  } catch (error) {
    if (error instanceof CodecError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
};

describe('a reader', () => {
  test('reads integers in either order of bytes', () => {
    const reader = new ByteReader(src, 's');
    expect(reader.u16('x')).toBe(0x0201);
    expect(reader.u16('x', { be: true })).toBe(0x0304);
    expect(reader.u32('x', { be: true })).toBe(0x05060708);
    expect(new ByteReader(src, 's').u32('x')).toBe(0x04030201);
  });

  test('hands out copies, and parts that end where they are said to', () => {
    const reader = new ByteReader(src, 's');
    const copy = reader.bytes(2, 'x');
    copy.fill(0xff);
    expect(src[0]).toBe(1);
    const part = reader.part(3, 'inner');
    expect(part.bytes(3, 'all')).toEqual(Uint8Array.of(3, 4, 5));
    expect(thrown(() => part.bytes(1, 'more'))).toMatchObject({ code: 'ERR_CODEC_TRUNCATED', path: 's.inner.more', at: 5 });
    expect(reader.at).toBe(5);
    expect(reader.left).toBe(3);
  });

  test.each([
    ['u16', (r: ByteReader) => r.u16('f')],
    ['u32', (r: ByteReader) => r.u32('f')],
    ['bytes', (r: ByteReader) => r.bytes(2, 'f')],
    ['part', (r: ByteReader) => r.part(0xffff_ffff, 'f')],
    ['layout', (r: ByteReader) => r.layout(PAIR)],
  ])('refuses %s beyond its end, and says where', (_, read) => {
    const error = thrown(() => read(new ByteReader(src, 's', 2, 3)));
    expect(error.code).toBe('ERR_CODEC_TRUNCATED');
    expect(error.at).toBeGreaterThanOrEqual(2);
    expect(error.at).toBeLessThanOrEqual(4);
  });

  test('counts the offsets of a table from the start of the input', () => {
    const dirty = Uint8Array.of(9, 9, 9, 1, 7, 2, 0);
    const error = thrown(() => new ByteReader(dirty, 's', 3).layout(PAIR));
    expect(error).toMatchObject({ code: 'ERR_CODEC_RESERVED', path: 'pair.zero', at: 4 });
    expect(error.message).toBe('pair.zero (0x4): must be zero, is 0x7');
    expect(error.rule).toBe('must be zero, is 0x7');
    expect(new ByteReader(dirty, 's', 3).layout(PAIR, { reserved: 'keep' })).toEqual({ a: 1, zero: Uint8Array.of(7), b: 2 });
  });

  test('keeps the whole rule of a table whose name looks like the end of a path', () => {
    const odd = new Layout('odd (0x0): name', 1, 'here', { zero: reserved(0, 1) });
    const error = thrown(() => new ByteReader(src, 's', 1).layout(odd));
    expect(error).toMatchObject({ at: 1, path: 'odd (0x0): name.zero', rule: 'must be zero, is 0x2' });
    expect(error.message).toBe('odd (0x0): name.zero (0x1): must be zero, is 0x2');
  });

  test('says when bytes are left over', () => {
    const reader = new ByteReader(src, 's', 0, 4);
    expect(thrown(() => reader.end())).toMatchObject({ code: 'ERR_CODEC_LENGTH', at: 0 });
    reader.bytes(4, 'x');
    expect(() => reader.end()).not.toThrow();
  });

  test('is refused a place that is no part of its input', () => {
    expect(() => new ByteReader(src, 's', 2, 1)).toThrow(RangeError);
    expect(() => new ByteReader(src, 's', 0, 9)).toThrow(RangeError);
  });

  test('never moves past its end, whatever is asked of it', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20), { maxLength: 10 }), fc.nat(8), (lengths, end) => {
        const reader = new ByteReader(src, 's', 0, end);
        for (const length of lengths) {
          if (length > reader.left) expect(thrown(() => reader.bytes(length, 'x')).code).toBe('ERR_CODEC_TRUNCATED');
          else expect(reader.bytes(length, 'x')).toHaveLength(length);
          expect(reader.at + reader.left).toBe(end);
        }
      }),
    );
  });
});
