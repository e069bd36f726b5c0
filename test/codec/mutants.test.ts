import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Layout } from '../../emulator/codec/layout.ts';
import { type Mutant, mutants } from '../../emulator/codec/mutants.ts';
import { array, bit, bitRange, bits, bytes, reserved, reservedBits, struct, u16, u32 } from '../../emulator/codec/rows.ts';
import { CodecError } from '../../emulator/errors.ts';
import { samples } from './tables.ts';

const inField = (m: Mutant): boolean => !/\/(cut-here|one-byte-more)$/.test(m.id);

/** Every leaf of a decoded value by its dotted path; bytes count as one leaf. */
function leaves(value: unknown, path = ''): [string, string][] {
  if (value instanceof Uint8Array) return [[path, Buffer.from(value).toString('hex')]];
  if (typeof value !== 'object' || value === null) return [[path, String(value)]];
  return Object.entries(value).flatMap(([key, member]) => leaves(member, path === '' ? key : `${path}.${key}`));
}

function changedLeaves(layout: Layout, before: Uint8Array, after: Uint8Array): string[] {
  const [old, next] = [before, after].map((src) => new Map(leaves(layout.decode(src, { reserved: 'keep' })))) as [Map<string, string>, Map<string, string>];
  return [...new Set([...old.keys(), ...next.keys()])].filter((path) => old.get(path) !== next.get(path));
}

describe('the mutants of any table', () => {
  test('have ids of their own', () => {
    fc.assert(
      fc.property(samples, ({ layout, raw }) => {
        const ids = mutants(layout, raw).map((m) => m.id);
        expect(new Set(ids).size).toBe(ids.length);
      }),
    );
  });

  test('each change exactly the field that they name, and leave their input alone', () => {
    fc.assert(
      fc.property(samples, fc.infiniteStream(fc.integer({ min: 0, max: 255 })), ({ layout }, stream) => {
        const src = Uint8Array.from({ length: layout.size }, () => stream.next().value as number);
        const kept = src.slice();
        for (const mutant of mutants(layout, src).filter(inField)) {
          expect(changedLeaves(layout, src, mutant.apply(src))).toEqual([mutant.path]);
          expect(src).toEqual(kept);
        }
      }),
    );
  });

  test('touch no byte outside the place that they name', () => {
    fc.assert(
      fc.property(samples, ({ layout, raw }) => {
        for (const m of mutants(layout, raw).filter(inField)) {
          const after = m.apply(raw);
          expect(after.length).toBe(raw.length);
          after.forEach((b, i) => {
            if (i < m.at || i >= m.at + m.size) expect(b).toBe(raw[i]);
          });
        }
      }),
    );
  });

  test('reach every field', () => {
    fc.assert(
      fc.property(samples, ({ layout, raw }) => {
        const paths = mutants(layout, raw).map((m) => m.path.split('.')[0]);
        for (const key of Object.keys(layout.rows)) expect(paths).toContain(key);
      }),
    );
  });

  test('that cut or lengthen are refused by decode, at the place that they name', () => {
    fc.assert(
      fc.property(samples, ({ layout, raw }) => {
        for (const m of mutants(layout, raw).filter((each) => !inField(each))) {
          try {
            layout.decode(m.apply(raw));
            expect.unreachable(m.id);
          } catch (error) {
            expect(error).toBeInstanceOf(CodecError);
            expect((error as CodecError).at).toBe(m.at);
          }
        }
      }),
    );
  });
});

describe('the mutants of a table', () => {
  const layout = new Layout('t', 16, 'nowhere', {
    version: u32(0, 'version'),
    flags: bits(4, 2, 'flags', { on: bit(0, 'on'), level: bitRange(1, 9, 'level'), zero: reservedBits(10, 6) }),
    big: u16(6, 'big', { be: true }),
    inner: struct(8, new Layout('inner', 4, 'nowhere', { low: u16(0, 'low'), zero: reserved(2, 2) }), 'inner'),
    list: array(12, 2, bytes(0, 2, 'member'), 'list'),
  });
  const src = Uint8Array.of(2, 0, 0, 0, 0, 0, 0x00, 0xff, 1, 0, 0, 0, 0, 0, 0xff, 0xff);
  const ids = mutants(layout, src).map((m) => m.id);
  const apply = (id: string): number[] => [
    ...(mutants(layout, src)
      .find((m) => m.id === id)
      ?.apply(src) ?? []),
  ];

  test.each([
    ['version/zero', 0, [0, 0, 0, 0]],
    ['version/max', 0, [0xff, 0xff, 0xff, 0xff]],
    ['version/plus-one', 0, [3, 0, 0, 0]],
    ['version/low-bit', 0, [3, 0, 0, 0]],
    ['flags.on/toggle', 4, [1, 0]],
    ['flags.level/toggle', 4, [2, 0]],
    ['flags.zero/toggle', 4, [0, 4]],
    ['big/plus-one', 6, [1, 0]],
    ['big/low-bit', 6, [0, 0xfe]],
    ['inner.low/low-bit', 8, [0, 0]],
    ['inner.zero/dirty-first', 10, [1, 0]],
    ['inner.zero/dirty-last', 10, [0, 0x80]],
    ['list.0/ones', 12, [0xff, 0xff]],
    ['list.1/first-bit', 14, [0xfe, 0xff]],
    ['list.1/last-bit', 14, [0xff, 0x7f]],
  ])('%s', (id, at, expected) => {
    expect(apply(id).slice(at, at + expected.length)).toEqual(expected);
  });

  test.each(['list.0/zero', 'list.1/ones'])('that would change nothing are left out: %s', (id) => {
    expect(ids).not.toContain(id);
  });

  test('cut at the start of each field, and add a byte at the end', () => {
    expect(ids.filter((id) => id.endsWith('/cut-here'))).toEqual(['version', 'flags', 'big', 'inner', 'list'].map((key) => `${key}/cut-here`));
    expect(apply('big/cut-here')).toHaveLength(6);
    expect(apply('end/one-byte-more')).toHaveLength(17);
  });
});
