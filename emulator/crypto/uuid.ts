/** UUIDs out of bytes that somebody else has drawn. */

/** The text of a version 4 UUID (RFC 9562 §5.4). @param bytes 16; version and variant are put in */
export function uuidText(bytes: Uint8Array): string {
  const text = Buffer.from(Uint8Array.from(bytes, (byte, i) => (i === 6 ? (byte & 0x0f) | 0x40 : i === 8 ? (byte & 0x3f) | 0x80 : byte))).toString('hex');
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20, 32)].join('-');
}
