import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dump } from '../../emulator/codec/dump.ts';
import { Layout } from '../../emulator/codec/layout.ts';
import { markdown } from '../../emulator/codec/markdown.ts';
import { array, bit, bitRange, bits, bytes, reserved, reservedBits, struct, u16, u32, u64 } from '../../emulator/codec/rows.ts';
import { samples } from './tables.ts';

const LAYOUT = new Layout('t', 64, 'Some Standard 1.0', {
  version: u32(0, 'version', { names: { 2: 'the second' } }),
  flags: bits(4, 2, 'flags', { on: bit(0, 'is on'), level: bitRange(1, 3, 'level'), zero: reservedBits(4, 12) }),
  big: u16(6, 'big', { be: true }),
  count: u64(8, 'count'),
  inner: struct(16, new Layout('inner', 4, 'nowhere', { low: u16(0, 'low'), zero: reserved(2, 2) }), 'a structure'),
  list: array(20, 2, u16(0, 'member'), 'a list'),
  short: bytes(24, 4, 'one | two'),
  long: bytes(28, 32, 'many bytes'),
  gap: reserved(60, 4),
});
const SRC = Uint8Array.of(2, 0, 0, 0, 0x0b, 0, 1, 2, ...[8, 0, 0, 0, 0, 0, 0, 0], 0x34, 0x12, 0, 0, 1, 0, 2, 0, 0xde, 0xad, 0xbe, 0xef, ...new Array(32).fill(0xff), 0, 0, 0, 0);

describe('an annotated dump', () => {
  const lines = dump(LAYOUT, SRC).map(({ at, path, depth, value }) => [at, path, depth, value]);
  test('shows every field with offset, depth and value', () => {
    expect(lines).toEqual([
      [0, 'version', 0, '0x2 (2) the second'],
      [4, 'flags', 0, '0xb'],
      [4, 'flags.on', 1, '1'],
      [4, 'flags.level', 1, '5'],
      [6, 'big', 0, '0x102 (258)'],
      [8, 'count', 0, '0x8 (8)'],
      [16, 'inner', 0, '34120000'],
      [16, 'inner.low', 1, '0x1234 (4660)'],
      [20, 'list', 0, '2 entries'],
      [20, 'list.0', 1, '0x1 (1)'],
      [22, 'list.1', 1, '0x2 (2)'],
      [24, 'short', 0, 'deadbeef'],
      [28, 'long', 0, 'ff × 32'],
    ]);
  });

  test('says what each field and bit means', () => {
    const docs = Object.fromEntries(dump(LAYOUT, SRC).map(({ path, doc }) => [path, doc]));
    expect(docs).toMatchObject({ version: 'version', 'flags.on': 'bit 0: is on', 'flags.level': 'bits 3:1: level', short: 'one | two' });
  });

  test.each([
    ['bytes', 63, 1, 'gap'],
    ['bits', 5, 0x80, 'flags.zero'],
    ['bytes of a nested structure', 18, 1, 'inner.zero'],
  ])('marks %s that must be zero and are not', (_, at, value, path) => {
    const broken = dump(LAYOUT, SRC.with(at, value)).filter((line) => line.broken !== undefined);
    expect(broken).toMatchObject([{ path, broken: 'must be zero' }]);
  });

  test('of any bytes shows no field twice and never throws', () => {
    fc.assert(
      fc.property(samples, fc.infiniteStream(fc.integer({ min: 0, max: 255 })), ({ layout }, stream) => {
        const paths = dump(
          layout,
          Uint8Array.from({ length: layout.size }, () => stream.next().value as number),
        ).map((line) => line.path);
        expect(new Set(paths).size).toBe(paths.length);
      }),
    );
  });

  test('of any bytes accounts for each of them at depth 0, but for zeros that must be', () => {
    fc.assert(
      fc.property(samples, ({ layout, raw }) => {
        const seen = new Set(
          dump(layout, raw)
            .filter((line) => line.depth === 0)
            .flatMap((line) => Array.from({ length: line.size }, (_, i) => line.at + i)),
        );
        raw.forEach((b, i) => {
          if (b !== 0) expect(seen.has(i)).toBe(true);
        });
      }),
    );
  });
});

describe('the documentation of a table', () => {
  const text = markdown(LAYOUT);
  test.each([
    ['its name, size and source', '## t\n\n64 bytes (0x40), little-endian unless said otherwise. Source: Some Standard 1.0.'],
    ['a field with the names of its values', '| 0x000 | 4 | `version` | unsigned | version; 2 = the second |'],
    ['a big-endian field', '| 0x006 | 2 | `big` | unsigned, big-endian | big |'],
    ['a bit below its field', '| | bit 0 | `flags.on` |  | is on |'],
    ['reserved bits', '| | bits 15:4 | `flags.zero` | reserved | must be zero |'],
    ['a nested structure by name', '| 0x010 | 4 | `inner` | `inner` | a structure |'],
    ['a list', '| 0x014 | 4 | `list` | 2 × 2 bytes | a list |'],
    ['a bar that would end the cell', '| 0x018 | 4 | `short` | bytes | one \\| two |'],
    ['reserved bytes', '| 0x03c | 4 | `gap` | reserved | must be zero |'],
  ])('has %s', (_, line) => {
    expect(text).toContain(line);
  });

  test('has a row for each field of any table', () => {
    fc.assert(
      fc.property(samples, ({ layout }) => {
        const doc = markdown(layout);
        for (const key of Object.keys(layout.rows)) expect(doc).toContain(`\`${key}\``);
      }),
    );
  });
});
