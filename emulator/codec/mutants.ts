/** Field-level mutants of a structure, from its table: the smallest edits that change one field, one at a time. */
import type { Layout } from './layout.ts';
import type { Row } from './rows.ts';

/** One edit of one field. `apply` returns a changed copy and leaves its input alone. */
export interface Mutant {
  /** Unique within the structure: path and what is done to it (`policy.debug/toggle`). */
  readonly id: string;
  readonly path: string;
  /** Offset and length of the bytes touched; a truncation touches everything from `at` on. */
  readonly at: number;
  readonly size: number;
  readonly apply: (src: Uint8Array) => Uint8Array;
}

/** Every mutant of a structure that is `src` long and begins at its first byte. Edits that change nothing in `src` are left out. */
export function mutants(layout: Layout, src: Uint8Array): Mutant[] {
  const fields = fieldMutants(layout, 0, '').filter((m) => !equal(m.apply(src), src));
  const cuts = Object.entries(layout.rows).map(([key, row]): Mutant => ({ id: `${key}/cut-here`, path: key, at: row.at, size: layout.size - row.at, apply: (s) => s.slice(0, row.at) }));
  const longer: Mutant = { id: 'end/one-byte-more', path: '', at: layout.size, size: 1, apply: (s) => Uint8Array.from([...s, 0]) };
  return [...fields, ...cuts, longer];
}

const equal = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((x, i) => x === b[i]);

function fieldMutants(layout: Layout, base: number, prefix: string): Mutant[] {
  return Object.entries(layout.rows as Record<string, Row>).flatMap(([key, row]) => rowMutants(row, base + row.at, `${prefix}${key}`));
}

function rowMutants(row: Row, at: number, path: string): Mutant[] {
  const edit = (what: string, change: (field: Uint8Array) => void): Mutant => ({
    id: `${path}/${what}`,
    path,
    at,
    size: row.size,
    apply: (src) => {
      const copy = src.slice();
      change(copy.subarray(at, at + row.size));
      return copy;
    },
  });
  switch (row.kind) {
    case 'uint':
    case 'u64': {
      const least = row.bigEndian ? row.size - 1 : 0;
      return [edit('zero', (f) => f.fill(0)), edit('max', (f) => f.fill(0xff)), edit('plus-one', (f) => increment(f, row.bigEndian)), edit('low-bit', (f) => flip(f, least, 0x01))];
    }
    case 'bytes':
      return [edit('zero', (f) => f.fill(0)), edit('ones', (f) => f.fill(0xff)), edit('first-bit', (f) => flip(f, 0, 0x01)), edit('last-bit', (f) => flip(f, f.length - 1, 0x80))];
    case 'reserved':
      return [edit('dirty-first', (f) => flip(f, 0, 0x01)), ...(row.size > 1 ? [edit('dirty-last', (f) => flip(f, f.length - 1, 0x80))] : [])];
    case 'bits':
      return Object.entries(row.fields).map(([key, field]) => ({ ...edit('toggle', (f) => flip(f, field.shift >> 3, 1 << (field.shift & 7))), id: `${path}.${key}/toggle`, path: `${path}.${key}` }));
    case 'struct':
      return fieldMutants(row.layout as unknown as Layout, at, `${path}.`);
    case 'array':
      return Array.from({ length: row.count }, (_, i) => rowMutants(row.item, at + i * row.item.size, `${path}.${i}`)).flat();
  }
}

function flip(field: Uint8Array, index: number, mask: number): void {
  field[index] = (field[index] ?? 0) ^ mask;
}

function increment(field: Uint8Array, bigEndian: boolean): void {
  for (let n = 0; n < field.length; n++) {
    const i = bigEndian ? field.length - 1 - n : n;
    const next = ((field[i] ?? 0) + 1) & 0xff;
    field[i] = next;
    if (next !== 0) return;
  }
}
