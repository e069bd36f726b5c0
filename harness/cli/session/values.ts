/** Values of options as users write them. */
import { ConfigError } from '../../../emulator/errors.ts';

/**
 * Bytes in hexadecimal, `0x` in front or not.
 * @param size how many they must be; with `padded`, how many they may be, zeros filling up at the end
 * @throws {ConfigError}
 */
export function parseHex(flag: string, text: string, size: number, { padded = false }: { padded?: boolean } = {}): Uint8Array {
  const plain = text.replace(/^0x/i, '');
  const length = plain.length / 2;
  if (!/^([0-9a-f]{2})*$/i.test(plain) || (padded ? length > size : length !== size)) throw new ConfigError(flag, `must be ${padded ? 'at most ' : ''}${size} bytes in hexadecimal`);
  const bytes = new Uint8Array(size);
  bytes.set(Buffer.from(plain, 'hex'));
  return bytes;
}

/** A whole number, decimal or `0x` hexadecimal. @throws {ConfigError} */
export function parseInteger(flag: string, text: string, least: number, most: number): number {
  const value = /^(\d{1,15}|0x[0-9a-f]{1,12})$/i.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= most)) throw new ConfigError(flag, `must be a whole number from ${least} to ${most}, is '${text.slice(0, 40)}'`);
  return value;
}

/** The parser of an option that holds a port; 0 takes any free one. */
export function portParser(flag: string): (text: string) => number {
  return (text) => parseInteger(flag, text, 0, 65535);
}

/** The parser of an option that can be given several times: every value, in order. */
export function repeated(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}
