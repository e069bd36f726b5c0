/**
 * One declarative offset table per wire structure. Decode, encode, hole and overlap check, annotated dump, docs and field-level mutants
 * come from the same rows, so no offset is written twice.
 */
import { CodecError } from '../errors.ts';
import type { BitField, BitsRow, Row, Rows, UintRow, ValueOf } from './rows.ts';

/** What to do with bytes that must be zero and are not: refuse them, or keep them in the decoded value. */
export interface DecodeOptions {
  readonly reserved?: 'reject' | 'keep';
}

type Values = Record<string, unknown>;
const hex = (n: number | bigint): string => `0x${n.toString(16)}`;

/** The table of one wire structure. `R` is its rows; {@link ValueOf} is what it decodes to. */
export class Layout<R extends Rows = Rows> {
  /** Dotted name of the structure, the first part of every field path. */
  readonly name: string;
  /** Length of the structure in bytes. */
  readonly size: number;
  readonly rows: R;
  /** Where the structure is specified. */
  readonly source: string;

  /** @throws {RangeError} when the rows leave a hole, overlap, or do not end at `size`; the message names the row. */
  constructor(name: string, size: number, source: string, rows: R) {
    this.name = name;
    this.size = size;
    this.source = source;
    this.rows = rows;
    let end = 0;
    for (const [key, row] of Object.entries(rows as Record<string, Row>)) {
      if (row.at !== end) throw new RangeError(`layout ${name}: ${key} begins at ${hex(row.at)}, but the row before it ends at ${hex(end)}`);
      if (row.kind === 'bits') checkBits(`${name}.${key}`, row);
      end = row.at + row.size;
    }
    if (end !== size) throw new RangeError(`layout ${name}: the rows end at ${hex(end)}, the structure at ${hex(size)}`);
  }

  /**
   * A new version of this table: `rows` replace those of the same name or are added, `without` are left out. Rows are put in order of offset.
   */
  patch<P extends Rows, const W extends keyof R = never>(name: string, source: string, rows: P, without: readonly W[] = []): Layout<Omit<R, keyof P | W> & P> {
    const merged = { ...this.rows, ...rows } as Record<string, Row>;
    for (const key of without) delete merged[key as string];
    const ordered = Object.fromEntries(Object.entries(merged).sort(([, a], [, b]) => a.at - b.at));
    return new Layout(name, this.size, source, ordered as unknown as Omit<R, keyof P | W> & P);
  }

  /**
   * @param src exactly `size` bytes
   * @throws {CodecError} ERR_CODEC_TRUNCATED, ERR_CODEC_LENGTH, or ERR_CODEC_RESERVED unless reserved bytes are kept
   */
  decode(src: Uint8Array, { reserved = 'reject' }: DecodeOptions = {}): ValueOf<R> {
    if (src.length < this.size) {
      const [key, row] = Object.entries(this.rows as Record<string, Row>).find(([, r]) => r.at + r.size > src.length) ?? ['', { at: src.length, size: 0 }];
      throw new CodecError('ERR_CODEC_TRUNCATED', `${this.name}.${key}`, row.at, `needs ${row.size} bytes up to ${hex(row.at + row.size)}, but the input ends at ${hex(src.length)}`);
    }
    if (src.length > this.size) throw new CodecError('ERR_CODEC_LENGTH', this.name, this.size, `the structure ends here, but ${src.length - this.size} more bytes follow`);
    const view = new DataView(src.buffer, src.byteOffset, src.byteLength);
    return readRows(this as unknown as Layout, src, view, 0, reserved === 'keep', this.name) as ValueOf<R>;
  }

  /**
   * @param values fields left out are written as zero (or as the row's initial value)
   * @returns `size` bytes
   * @throws {CodecError} ERR_CODEC_FIELD for a name that the table lacks, ERR_CODEC_RANGE for a value that does not fit
   */
  encode(values: Partial<ValueOf<R>>): Uint8Array {
    const dst = new Uint8Array(this.size);
    writeRows(this as unknown as Layout, dst, new DataView(dst.buffer), 0, values as Values, this.name);
    return dst;
  }

  /**
   * Where a field lies, by dotted path (`policy`, `currentTcb.snp`, `rtmr.2`); a run of bits answers with the integer that holds it.
   * @throws {CodecError} ERR_CODEC_FIELD when there is no such field
   */
  locate(path: string): { readonly at: number; readonly size: number; readonly row: Row; readonly bits?: BitField } {
    return locateIn(this as unknown as Layout, `${this.name}.${path}`, path.split('.'), 0);
  }
}

/** @param path the whole path, with the outermost structure's name, for the error; `parts` are what is left of it */
function locateIn(layout: Layout, path: string, parts: readonly string[], base: number): { at: number; size: number; row: Row; bits?: BitField } {
  const [head = '', ...rest] = parts;
  const row = Object.hasOwn(layout.rows, head) ? (layout.rows[head] as Row) : undefined;
  if (!row) throw new CodecError('ERR_CODEC_FIELD', path, base, `no such field; there are: ${Object.keys(layout.rows).join(', ')}`);
  return locateRow(row, path, rest, base + row.at);
}

function locateRow(row: Row, path: string, rest: readonly string[], at: number): { at: number; size: number; row: Row; bits?: BitField } {
  const [next, ...more] = rest;
  if (next === undefined) return { at, size: row.size, row };
  if (row.kind === 'struct') return locateIn(row.layout as unknown as Layout, path, rest, at);
  if (row.kind === 'array') {
    const index = /^\d{1,4}$/.test(next) ? Number(next) : row.count;
    if (index < row.count) return locateRow(row.item, path, more, at + index * row.item.size);
  }
  if (row.kind === 'bits' && more.length === 0 && Object.hasOwn(row.fields, next)) return { at, size: row.size, row, bits: row.fields[next] as BitField };
  throw new CodecError('ERR_CODEC_FIELD', path, at, row.kind === 'bits' ? `no such bits; there are: ${Object.keys(row.fields).join(', ')}` : 'no such field');
}

function checkBits(path: string, row: BitsRow): void {
  let end = 0;
  for (const [key, field] of Object.entries(row.fields)) {
    if (field.shift !== end) throw new RangeError(`layout ${path}: bits ${key} begin at ${field.shift}, but those before end at ${end}`);
    if (field.width > 53) throw new RangeError(`layout ${path}: bits ${key} are wider than a number holds exactly`);
    end = field.shift + field.width;
  }
  if (end !== row.size * 8) throw new RangeError(`layout ${path}: the bits end at ${end}, the field at ${row.size * 8}`);
}

/** Reads a little-endian integer of 1 to 8 bytes. */
export function readLittleEndian(src: Uint8Array, at: number, size: number): bigint {
  let value = 0n;
  for (let i = size - 1; i >= 0; i--) value = (value << 8n) | BigInt(src[at + i] ?? 0);
  return value;
}

function readRows(layout: Layout, src: Uint8Array, view: DataView, base: number, keep: boolean, path: string): Values {
  const out: Values = {};
  for (const key in layout.rows) {
    const row = layout.rows[key] as Row;
    const value = readRow(row, src, view, base + row.at, keep, path, key);
    if (value !== undefined) out[key] = value;
  }
  return out;
}

function readRow(row: Row, src: Uint8Array, view: DataView, at: number, keep: boolean, path: string, key: string): unknown {
  switch (row.kind) {
    case 'uint':
      return readUint(view, at, row);
    case 'u64':
      return view.getBigUint64(at, !row.bigEndian);
    case 'bytes':
      return src.slice(at, at + row.size);
    case 'reserved': {
      for (let i = at; i < at + row.size; i++) {
        if (src[i] === 0) continue;
        if (keep) return src.slice(at, at + row.size);
        throw new CodecError('ERR_CODEC_RESERVED', `${path}.${key}`, i, `must be zero, is ${hex(src[i] ?? 0)}`);
      }
      return undefined;
    }
    case 'bits':
      return readBits(row, src, at, keep, `${path}.${key}`);
    case 'struct':
      return readRows(row.layout as unknown as Layout, src, view, at, keep, `${path}.${key}`);
    case 'array':
      return Array.from({ length: row.count }, (_, i) => readRow(row.item, src, view, at + i * row.item.size, keep, `${path}.${key}`, String(i)));
  }
}

function readUint(view: DataView, at: number, row: UintRow): number {
  switch (row.size) {
    case 1:
      return view.getUint8(at);
    case 2:
      return view.getUint16(at, !row.bigEndian);
    case 3:
      return row.bigEndian ? (view.getUint16(at, false) << 8) | view.getUint8(at + 2) : view.getUint16(at, true) | (view.getUint8(at + 2) << 16);
    default:
      return view.getUint32(at, !row.bigEndian);
  }
}

function readBits(row: BitsRow, src: Uint8Array, at: number, keep: boolean, path: string): Record<string, number> {
  const raw = readLittleEndian(src, at, row.size);
  const out: Record<string, number> = {};
  for (const key in row.fields) {
    const field = row.fields[key] as BitField;
    const value = Number((raw >> BigInt(field.shift)) & ((1n << BigInt(field.width)) - 1n));
    if (field.reserved && value !== 0 && !keep) throw new CodecError('ERR_CODEC_RESERVED', `${path}.${key}`, at, `bits ${field.shift} to ${field.shift + field.width - 1} must be zero, are ${hex(value)}`);
    out[key] = value;
  }
  return out;
}

function writeRows(layout: Layout, dst: Uint8Array, view: DataView, base: number, values: Values, path: string): void {
  for (const key in values) {
    if (!Object.hasOwn(layout.rows, key)) throw new CodecError('ERR_CODEC_FIELD', `${path}.${key}`, base, `no such field; there are: ${Object.keys(layout.rows).join(', ')}`);
  }
  for (const key in layout.rows) {
    const row = layout.rows[key] as Row;
    const value = values[key];
    if (value !== undefined) writeRow(row, dst, view, base + row.at, value, `${path}.${key}`);
    else writeInitial(row, dst, view, base + row.at, `${path}.${key}`);
  }
}

function writeInitial(row: Row, dst: Uint8Array, view: DataView, at: number, path: string): void {
  if (row.kind === 'uint' && row.initial !== 0) writeRow(row, dst, view, at, row.initial, path);
  else if (row.kind === 'struct') writeRows(row.layout as unknown as Layout, dst, view, at, {}, path);
  else if (row.kind === 'array') for (let i = 0; i < row.count; i++) writeInitial(row.item, dst, view, at + i * row.item.size, `${path}.${i}`);
}

function writeRow(row: Row, dst: Uint8Array, view: DataView, at: number, value: unknown, path: string): void {
  switch (row.kind) {
    case 'uint': {
      if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value >= 2 ** (row.size * 8)) throw outOfRange(path, at, value, `an integer of ${row.size} bytes`);
      for (let i = 0; i < row.size; i++) dst[at + (row.bigEndian ? row.size - 1 - i : i)] = (value / 2 ** (8 * i)) & 0xff;
      return;
    }
    case 'u64':
      if (typeof value !== 'bigint' || value < 0n || value >= 1n << 64n) throw outOfRange(path, at, value, 'a bigint of 8 bytes');
      view.setBigUint64(at, value, !row.bigEndian);
      return;
    case 'bytes':
    case 'reserved':
      if (!(value instanceof Uint8Array) || value.length !== row.size) throw outOfRange(path, at, value, `${row.size} bytes`);
      dst.set(value, at);
      return;
    case 'bits':
      writeBits(row, dst, at, value, path);
      return;
    case 'struct':
      if (typeof value !== 'object' || value === null) throw outOfRange(path, at, value, 'an object');
      writeRows(row.layout as unknown as Layout, dst, view, at, value as Values, path);
      return;
    case 'array':
      if (!Array.isArray(value) || value.length !== row.count) throw outOfRange(path, at, value, `a list of ${row.count}`);
      value.forEach((item, i) => {
        writeRow(row.item, dst, view, at + i * row.item.size, item, `${path}.${i}`);
      });
  }
}

function writeBits(row: BitsRow, dst: Uint8Array, at: number, value: unknown, path: string): void {
  if (typeof value !== 'object' || value === null) throw outOfRange(path, at, value, 'an object of numbers');
  let raw = 0n;
  for (const [key, part] of Object.entries(value)) {
    const field = Object.hasOwn(row.fields, key) ? row.fields[key] : undefined;
    if (!field) throw new CodecError('ERR_CODEC_FIELD', `${path}.${key}`, at, `no such bits; there are: ${Object.keys(row.fields).join(', ')}`);
    if (typeof part !== 'number' || !Number.isInteger(part) || part < 0 || part >= 2 ** field.width) throw outOfRange(`${path}.${key}`, at, part, `an integer of ${field.width} bits`);
    raw |= BigInt(part) << BigInt(field.shift);
  }
  for (let i = 0; i < row.size; i++) dst[at + i] = Number((raw >> BigInt(8 * i)) & 0xffn);
}

function outOfRange(path: string, at: number, value: unknown, wanted: string): CodecError {
  const shown = value instanceof Uint8Array ? `${value.length} bytes` : Array.isArray(value) ? `a list of ${value.length}` : typeof value === 'object' ? 'an object' : String(value);
  return new CodecError('ERR_CODEC_RANGE', path, at, `must be ${wanted}, is ${shown}`);
}
