/** Setting a field by its dotted path from text, as `--set policy.debug=1` does. */
import { CodecError } from '../errors.ts';
import type { Layout } from './layout.ts';
import type { Row, Rows, ValueOf } from './rows.ts';

/**
 * Returns a copy of `values` in which the field at `path` holds `text`: numbers in decimal or `0x` hexadecimal, byte fields in
 * hexadecimal of exactly the field's length (or one byte, `00`, repeated with `*`: `ff*`).
 *
 * A whole bit field (`policy=0x30000`) is set from one number.
 * @throws {CodecError} ERR_CODEC_FIELD for an unknown path, ERR_CODEC_RANGE for a text that is no such value
 */
export function setField<R extends Rows>(layout: Layout<R>, values: Partial<ValueOf<R>>, path: string, text: string): Partial<ValueOf<R>> {
  const { at, row, bits: field } = layout.locate(path);
  const name = `${layout.name}.${path}`;
  const value = field ? Number(integer(text, field.width, name, at)) : parse(row, text, name, at);
  return put(values as Record<string, unknown>, path.split('.'), value) as Partial<ValueOf<R>>;
}

function put(target: unknown, [head = '', ...rest]: readonly string[], value: unknown): unknown {
  const copy: Record<string, unknown> | unknown[] = Array.isArray(target) ? [...target] : { ...(target as Record<string, unknown> | undefined) };
  const slot = copy as Record<string, unknown>;
  slot[head] = rest.length === 0 ? value : put(slot[head], rest, value);
  return copy;
}

function parse(row: Row, text: string, name: string, at: number): unknown {
  switch (row.kind) {
    case 'uint':
      return Number(integer(text, row.size * 8, name, at));
    case 'u64':
      return integer(text, 64, name, at);
    case 'bytes':
    case 'reserved':
      return hexBytes(text, row.size, name, at);
    case 'bits': {
      const raw = integer(text, row.size * 8, name, at);
      return Object.fromEntries(Object.entries(row.fields).map(([key, f]) => [key, Number((raw >> BigInt(f.shift)) & ((1n << BigInt(f.width)) - 1n))]));
    }
    case 'struct':
      return (row.layout as unknown as Layout).decode(hexBytes(text, row.size, name, at), { reserved: 'keep' });
    case 'array':
      throw new CodecError('ERR_CODEC_RANGE', name, at, `is a list of ${row.count}; set one member: ${name}.0`);
  }
}

function integer(text: string, width: number, name: string, at: number): bigint {
  if (!/^(0x[0-9a-fA-F]{1,16}|[0-9]{1,20})$/.test(text)) throw new CodecError('ERR_CODEC_RANGE', name, at, `must be a number, decimal or 0x hexadecimal, is '${text.slice(0, 40)}'`);
  const value = BigInt(text);
  if (value >> BigInt(width) !== 0n) throw new CodecError('ERR_CODEC_RANGE', name, at, `must fit into ${width} bits, is ${text}`);
  return value;
}

function hexBytes(text: string, size: number, name: string, at: number): Uint8Array {
  const plain = text.replace(/^0x/, '');
  if (/^[0-9a-fA-F]{2}\*$/.test(plain)) return new Uint8Array(size).fill(Number.parseInt(plain, 16));
  if (!/^[0-9a-fA-F]*$/.test(plain) || plain.length !== size * 2)
    throw new CodecError('ERR_CODEC_RANGE', name, at, `must be ${size} bytes as ${size * 2} hexadecimal digits (or one byte and *), is ${plain.length} characters`);
  return Uint8Array.from(Buffer.from(plain, 'hex'));
}
