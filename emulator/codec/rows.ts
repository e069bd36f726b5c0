/**
 * The kinds of row an offset table is made of. A row says everything about one field once: where it lies, how long it is, how it is
 * read, and what it means; decode, encode, dump, docs and mutants all come from it.
 */
import type { Layout } from './layout.ts';

declare const VALUE: unique symbol;

interface Common<T> {
  /** Byte offset from the start of the structure. */
  readonly at: number;
  /** Length in bytes. */
  readonly size: number;
  /** What the field means, for the docs and the annotated dump. */
  readonly doc: string;
  /** Carries the TypeScript type of the decoded value; never present at run time. */
  readonly [VALUE]?: T;
}

/** An unsigned integer of up to 4 bytes, decoded to a `number`. */
export interface UintRow extends Common<number> {
  readonly kind: 'uint';
  readonly bigEndian: boolean;
  /** Names of known values, shown beside the number. */
  readonly names: Readonly<Record<number, string>>;
  /** Value written when the caller gives none. */
  readonly initial: number;
}

/** An unsigned integer of 8 bytes, decoded to a `bigint`. */
export interface U64Row extends Common<bigint> {
  readonly kind: 'u64';
  readonly bigEndian: boolean;
}

/** Bytes as they lie, decoded to a copy. */
export interface BytesRow extends Common<Uint8Array> {
  readonly kind: 'bytes';
}

/** Bytes that must be zero. Absent from decoded values unless they are kept although not zero. */
export interface ReservedRow extends Common<Uint8Array> {
  readonly kind: 'reserved';
}

/** One named run of bits: least significant bit first. */
export interface BitField {
  readonly shift: number;
  readonly width: number;
  readonly doc: string;
  /** Bits that must be zero. */
  readonly reserved: boolean;
}

/** A little-endian integer of 1 to 8 bytes cut into named runs of bits, decoded to an object of numbers. */
export interface BitsRow<F extends Record<string, BitField> = Record<string, BitField>> extends Common<{ [K in keyof F]: number }> {
  readonly kind: 'bits';
  readonly fields: F;
}

/** A nested structure. */
export interface StructRow<R extends Rows = Rows> extends Common<ValueOf<R>> {
  readonly kind: 'struct';
  readonly layout: Layout<R>;
}

/** A fixed number of equal rows, one after the other; `item.at` is 0. */
export interface ArrayRow<T = unknown> extends Common<T[]> {
  readonly kind: 'array';
  readonly count: number;
  readonly item: Row;
}

export type Row = UintRow | U64Row | BytesRow | ReservedRow | BitsRow | StructRow<Rows> | ArrayRow;
/** Name → row, in order of offset. */
// biome-ignore lint/suspicious/noExplicitAny: nested rows of any shape; `unknown` would make every StructRow invariant.
export type Rows = { readonly [name: string]: Common<any> & { readonly kind: Row['kind'] } };

type ValueOfRow<R> = R extends Common<infer T> ? T : never;
/** The type that a table of rows decodes to: reserved rows are optional, everything else is there. */
export type ValueOf<R extends Rows> = { -readonly [K in keyof R as R[K] extends ReservedRow ? never : K]: ValueOfRow<R[K]> } & {
  -readonly [K in keyof R as R[K] extends ReservedRow ? K : never]?: Uint8Array;
};

type UintOptions = { be?: boolean; names?: Readonly<Record<number, string>>; initial?: number };
const uint =
  (size: number) =>
  (at: number, doc: string, { be = false, names = {}, initial = 0 }: UintOptions = {}): UintRow => ({ kind: 'uint', at, size, doc, bigEndian: be, names, initial });

/** An unsigned integer of 1 byte. */
export const u8 = uint(1);
/** An unsigned integer of 2 bytes, little-endian unless `be`. */
export const u16 = uint(2);
/** An unsigned integer of 3 bytes, little-endian unless `be`. */
export const u24 = uint(3);
/** An unsigned integer of 4 bytes, little-endian unless `be`. */
export const u32 = uint(4);

/** An unsigned integer of 8 bytes, little-endian unless `be`. */
export function u64(at: number, doc: string, { be = false }: { be?: boolean } = {}): U64Row {
  return { kind: 'u64', at, size: 8, doc, bigEndian: be };
}

/** `size` bytes as they lie. */
export function bytes(at: number, size: number, doc: string): BytesRow {
  return { kind: 'bytes', at, size, doc };
}

/** `size` bytes that must be zero. */
export function reserved(at: number, size: number, doc = 'must be zero'): ReservedRow {
  return { kind: 'reserved', at, size, doc };
}

/** One bit. */
export function bit(shift: number, doc: string): BitField {
  return { shift, width: 1, doc, reserved: false };
}

/** The bits `shift` to `shift + width - 1`. */
export function bitRange(shift: number, width: number, doc: string): BitField {
  return { shift, width, doc, reserved: false };
}

/** Bits that must be zero. */
export function reservedBits(shift: number, width: number, doc = 'must be zero'): BitField {
  return { shift, width, doc, reserved: true };
}

/** An integer of `size` bytes cut into runs of bits, which must cover it without hole or overlap. */
export function bits<const F extends Record<string, BitField>>(at: number, size: number, doc: string, fields: F): BitsRow<F> {
  return { kind: 'bits', at, size, doc, fields };
}

/** A nested structure at `at`. */
export function struct<R extends Rows>(at: number, layout: Layout<R>, doc: string): StructRow<R> {
  return { kind: 'struct', at, size: layout.size, doc, layout };
}

/** `count` rows like `item`, one after the other. @param item a row with offset 0 @throws {RangeError} for another offset */
export function array<T>(at: number, count: number, item: Common<T>, doc: string): ArrayRow<T> {
  if (item.at !== 0) throw new RangeError(`the row that a list repeats begins at 0, not at ${item.at}`);
  return { kind: 'array', at, size: count * item.size, doc, count, item: item as unknown as Row };
}
