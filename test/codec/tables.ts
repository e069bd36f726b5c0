/** Arbitrary offset tables, each with arbitrary values for it and the bytes that those values must become, worked out on the side. */
import fc from 'fast-check';
import { Layout } from '../../emulator/codec/layout.ts';
import { array, type BitField, bits, bytes, reserved, type Row, type Rows, struct, type U64Row, u8, u16, u24, u32, u64 } from '../../emulator/codec/rows.ts';

/** One field: its row, once it is known where it lies, and a value with the bytes it stands for. */
interface Field {
  readonly size: number;
  readonly row: (at: number) => Row;
  /** Undefined for bytes that must be zero. */
  readonly value: unknown;
  readonly raw: Uint8Array;
}

/** A table, values for all of it, and their bytes. */
export interface Sample {
  readonly layout: Layout;
  readonly values: Record<string, unknown>;
  readonly raw: Uint8Array;
}

/** A number as `size` bytes, by arithmetic of its own. */
function numberBytes(value: bigint, size: number, bigEndian: boolean): Uint8Array {
  const hex = value.toString(16).padStart(size * 2, '0');
  const raw = Uint8Array.from(Buffer.from(hex, 'hex'));
  return bigEndian ? raw : raw.toReversed();
}

const UINTS = { 1: u8, 2: u16, 3: u24, 4: u32 } as const;
const uint = fc
  .tuple(fc.constantFrom<1 | 2 | 3 | 4>(1, 2, 3, 4), fc.boolean())
  .chain(([size, be]) => fc.bigInt(0n, (1n << BigInt(8 * size)) - 1n).map((value): Field => ({ size, row: (at) => UINTS[size](at, 'a number', { be }), value: Number(value), raw: numberBytes(value, size, be) })));
const long = fc.tuple(fc.bigInt(0n, (1n << 64n) - 1n), fc.boolean()).map(([value, be]): Field => ({ size: 8, row: (at) => u64(at, 'a long number', { be }), value, raw: numberBytes(value, 8, be) }));
const byteField = fc.uint8Array({ minLength: 1, maxLength: 9 }).map((value): Field => ({ size: value.length, row: (at) => bytes(at, value.length, 'some bytes'), value, raw: value }));
const zeros = fc.integer({ min: 1, max: 9 }).map((size): Field => ({ size, row: (at) => reserved(at, size), value: undefined, raw: new Uint8Array(size) }));
const bitField = fc.integer({ min: 1, max: 8 }).chain((size) =>
  fc.tuple(fc.uniqueArray(fc.integer({ min: 1, max: size * 8 - 1 }), { maxLength: 6 }), fc.bigInt(0n, (1n << BigInt(8 * size)) - 1n), fc.infiniteStream(fc.boolean())).map(([cuts, number, coins]): Field => {
    // No run is wider than a JavaScript number holds exactly.
    const edges = [...new Set([0, ...cuts, ...(size > 6 ? [16, 48] : []), size * 8])].sort((a, b) => a - b);
    let raw = 0n;
    const fields: Record<string, BitField> = {};
    const value: Record<string, number> = {};
    edges.slice(1).forEach((end, i) => {
      const shift = edges[i] ?? 0;
      const zero = coins.next().value as boolean;
      const part = zero ? 0n : (number >> BigInt(shift)) & ((1n << BigInt(end - shift)) - 1n);
      fields[`b${i}`] = { shift, width: end - shift, doc: 'a run of bits', reserved: zero };
      value[`b${i}`] = Number(part);
      raw |= part << BigInt(shift);
    });
    return { size, row: (at) => bits(at, size, 'bits', fields), value, raw: numberBytes(raw, size, false) };
  }),
);
const plain = fc.oneof(uint, long, byteField, bitField);
const list = plain.chain((field) =>
  fc.integer({ min: 1, max: 3 }).map(
    (count): Field => ({
      size: field.size * count,
      row: (at) => array(at, count, field.row(0) as U64Row, 'a list'),
      value: Array.from({ length: count }, () => field.value),
      raw: Uint8Array.from(Array.from({ length: count }, () => [...field.raw]).flat()),
    }),
  ),
);

function sampleOf(name: string, fields: readonly Field[]): Sample {
  const rows: Record<string, Row> = {};
  const values: Record<string, unknown> = {};
  let at = 0;
  fields.forEach((field, i) => {
    rows[`f${i}`] = field.row(at);
    if (field.value !== undefined) values[`f${i}`] = field.value;
    at += field.size;
  });
  return { layout: new Layout(name, at, 'nowhere', rows as Rows) as unknown as Layout, values, raw: Uint8Array.from(fields.flatMap((field) => [...field.raw])) };
}

const nested = fc.array(fc.oneof(plain, zeros), { minLength: 1, maxLength: 4 }).map((fields): Field => {
  const { layout, values, raw } = sampleOf('inner', fields);
  return { size: layout.size, row: (at) => struct(at, layout, 'a structure'), value: values, raw };
});

/** A table of 1 to 8 fields of every kind. */
export const samples: fc.Arbitrary<Sample> = fc.array(fc.oneof(plain, zeros, list, nested), { minLength: 1, maxLength: 8 }).map((fields) => sampleOf('outer', fields));
