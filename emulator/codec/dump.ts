/** The annotated dump: every field of a structure with its offset, bytes, value and meaning, as data. Colours and columns are the terminal's affair. */
import type { Layout } from './layout.ts';
import { readLittleEndian } from './layout.ts';
import type { Row } from './rows.ts';

/** One line of an annotated dump. */
export interface DumpLine {
  /** Byte offset from the start of the outermost structure. */
  readonly at: number;
  readonly size: number;
  /** Dotted path below the structure; a run of bits follows its field. */
  readonly path: string;
  /** How deep the line is nested: 0 for a field of the structure itself. */
  readonly depth: number;
  /** The value as a person reads it: hexadecimal for bytes, hexadecimal and decimal for numbers. */
  readonly value: string;
  readonly doc: string;
  /** Set where bytes or bits that must be zero are not. */
  readonly broken?: string;
}

/** Every line of `src` by `layout`. Reserved bytes are shown only where they are not zero. `src` must be at least as long as the layout. */
export function dump(layout: Layout, src: Uint8Array, base = 0, depth = 0, prefix = ''): DumpLine[] {
  return Object.entries(layout.rows as Record<string, Row>).flatMap(([key, row]) => dumpRow(row, src, base + row.at, depth, `${prefix}${key}`));
}

function dumpRow(row: Row, src: Uint8Array, at: number, depth: number, path: string): DumpLine[] {
  const raw = src.subarray(at, at + row.size);
  const line = { at, size: row.size, path, depth, doc: row.doc };
  switch (row.kind) {
    case 'uint':
    case 'u64': {
      const value = readLittleEndian(row.bigEndian ? raw.toReversed() : raw, 0, row.size);
      const name = row.kind === 'uint' ? row.names[Number(value)] : undefined;
      return [{ ...line, value: `0x${value.toString(16)} (${value})${name ? ` ${name}` : ''}` }];
    }
    case 'bytes':
      return [{ ...line, value: hexText(raw) }];
    case 'reserved':
      return raw.every((b) => b === 0) ? [] : [{ ...line, value: hexText(raw), broken: 'must be zero' }];
    case 'bits': {
      const value = readLittleEndian(raw, 0, row.size);
      const parts = Object.entries(row.fields).flatMap(([key, f]): DumpLine[] => {
        const part = (value >> BigInt(f.shift)) & ((1n << BigInt(f.width)) - 1n);
        if (f.reserved && part === 0n) return [];
        return [
          {
            at,
            size: row.size,
            path: `${path}.${key}`,
            depth: depth + 1,
            value: part.toString(),
            doc: `${f.width === 1 ? `bit ${f.shift}` : `bits ${f.shift + f.width - 1}:${f.shift}`}: ${f.doc}`,
            ...(f.reserved ? { broken: 'must be zero' } : {}),
          },
        ];
      });
      return [{ ...line, value: `0x${value.toString(16)}` }, ...parts];
    }
    case 'struct':
      return [{ ...line, value: hexText(raw) }, ...dump(row.layout as unknown as Layout, src, at, depth + 1, `${path}.`)];
    case 'array':
      return [{ ...line, value: `${row.count} entries` }, ...Array.from({ length: row.count }, (_, i) => dumpRow(row.item, src, at + i * row.item.size, depth + 1, `${path}.${i}`)).flat()];
  }
}

function hexText(raw: Uint8Array): string {
  if (raw.length > 16 && raw.every((b) => b === raw[0])) return `${Buffer.from(raw.subarray(0, 1)).toString('hex')} × ${raw.length}`;
  return Buffer.from(raw).toString('hex');
}
