/** Contents of opaque fields between bytes and what they mean: texts, versions of firmware, numbers. */
import { ConfigError } from '../../errors.ts';
import { type OpaqueField, opaqueRowOf } from './opaque.ts';

const VBIOS_VERSION = /^[0-9A-F]{2}(?:\.[0-9A-F]{2}){4}$/i;
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Text with a zero byte behind it. @param size filled up with zeros to so many bytes, if given @throws {RangeError} for text that is longer */
export function textBytes(text: string, size: number = Buffer.byteLength(text) + 1): Uint8Array {
  const raw = Buffer.from(text, 'latin1');
  if (raw.length > size) throw new RangeError(`'${text}' has no room in ${size} bytes`);
  const padded = new Uint8Array(size);
  padded.set(raw);
  return padded;
}

/** Text up to the first zero byte; undefined when it is not printable ASCII or something stands behind the zero byte. */
export function textOf(data: Uint8Array): string | undefined {
  const end = data.indexOf(0);
  const text = Buffer.from(end === -1 ? data : data.subarray(0, end)).toString('latin1');
  return /^[\x20-\x7e]*$/.test(text) && (end === -1 || data.subarray(end).every((b) => b === 0)) ? text : undefined;
}

/**
 * A firmware version as a GPU writes it: `96.00.9F.00.01` is 0x96009f00 and 0x01, 32 bits each, little-endian.
 * @returns 8 bytes @throws {ConfigError} for a text that is no such version
 */
export function vbiosVersionBytes(version: string): Uint8Array {
  if (!VBIOS_VERSION.test(version)) throw new ConfigError('vbios', `must look like 96.00.9F.00.01, is '${version.slice(0, 40)}'`);
  const [a = 0, b = 0, c = 0, d = 0, e = 0] = version.split('.').map((part) => Number.parseInt(part, 16));
  return Uint8Array.of(d, c, b, a, e, 0, 0, 0);
}

/** A firmware version as text, upper case: from 8 bytes of a GPU, or from a switch's text. Undefined for anything else. */
export function vbiosVersionText(data: Uint8Array): string | undefined {
  if (data.length === 14) {
    const text = textOf(data);
    return text !== undefined && VBIOS_VERSION.test(text) ? text.toUpperCase() : undefined;
  }
  const [d = 0, c = 0, b = 0, a = 0, e = 0, ...rest] = data;
  if (data.length !== 8 || rest.some((byte) => byte !== 0)) return undefined;
  return hex(Uint8Array.of(a, b, c, d, e))
    .toUpperCase()
    .replace(/..(?=.)/g, '$&.');
}

/** A little-endian number of up to 8 bytes. */
export function numberOf(data: Uint8Array): bigint {
  return BigInt(`0x${hex(data.toReversed()) || '0'}`);
}

/** A little-endian number in `size` bytes. @throws {RangeError} for one that does not fit */
export function numberBytes(value: number | bigint, size: number): Uint8Array {
  const text = BigInt(value)
    .toString(16)
    .padStart(size * 2, '0');
  if (text.length > size * 2) throw new RangeError(`${value} has no room in ${size} bytes`);
  return Uint8Array.from(Buffer.from(text, 'hex')).reverse();
}

/** Numbers of 32 bits, little-endian. */
export function countsBytes(counts: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(counts.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [i, count] of counts.entries()) view.setUint32(i * 4, count, true);
  return bytes;
}

/** Numbers of 32 bits, little-endian; what is left over at the end is left out. */
export function countsOf(data: Uint8Array): number[] {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Array.from({ length: data.length >> 2 }, (_, i) => view.getUint32(i * 4, true));
}

/** The contents of a field as a person reads them. */
export function opaqueText({ type, data }: OpaqueField): string {
  switch (opaqueRowOf(type)?.kind) {
    case 'text':
      return textOf(data) ?? hex(data);
    case 'version':
      return vbiosVersionText(data) ?? hex(data);
    case 'number':
      return data.length <= 8 ? `0x${numberOf(data).toString(16)}` : hex(data);
    case 'numbers':
      return data.length % 4 === 0 ? countsOf(data).join(' ') : hex(data);
    case 'ids':
      return hex(data).replace(/.{16}(?=.)/g, '$& ');
    case 'status':
      return data.length === 1 && (data[0] === 0xaa || data[0] === 0x55) ? (data[0] === 0xaa ? 'on' : 'off') : hex(data);
    default:
      return hex(data);
  }
}
