/** GUIDs between text and the 16 bytes that stand for them. */
import { ConfigError } from '../errors.ts';

/**
 * How the bytes lie: with the first three groups little-endian, as UEFI and Microsoft store them, or in the order in which the text is written
 * (RFC 9562).
 */
export type GuidOrder = 'little-endian' | 'textual';

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** Where the three groups lie that one order turns round. */
const GROUPS = [
  [0, 4],
  [4, 6],
  [6, 8],
] as const;

/**
 * The 16 bytes of a GUID.
 * @param text `96b582de-1fb2-45f7-baea-a366c55a082d`, in either case
 * @throws {ConfigError} for a text that is no GUID
 */
export function guidBytes(text: string, order: GuidOrder = 'little-endian'): Uint8Array {
  if (!GUID.test(text)) throw new ConfigError('guid', `must look like 96b582de-1fb2-45f7-baea-a366c55a082d, is '${text.slice(0, 40)}'`);
  return turned(Uint8Array.from(Buffer.from(text.replaceAll('-', ''), 'hex')), order);
}

/** The GUID as lower-case text. @param raw 16 bytes as {@link guidBytes} gives them @throws {RangeError} for another length */
export function guidText(raw: Uint8Array, order: GuidOrder = 'little-endian'): string {
  if (raw.length !== 16) throw new RangeError(`a GUID is 16 bytes, not ${raw.length}`);
  const hex = Buffer.from(turned(Uint8Array.from(raw), order)).toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** Turns the groups of `raw` in place; twice gives the same again. */
function turned(raw: Uint8Array, order: GuidOrder): Uint8Array {
  if (order === 'little-endian') for (const [from, to] of GROUPS) raw.subarray(from, to).reverse();
  return raw;
}
