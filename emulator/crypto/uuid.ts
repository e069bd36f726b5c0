/** UUIDs out of bytes that somebody else has drawn. */

/** The text of a version 4 UUID (RFC 9562 §5.4). @param bytes 16; version and variant are put in */
export function uuidText(bytes: Uint8Array): string {
  const marked = Buffer.from(bytes);
  marked[6] = ((marked[6] ?? 0) & 0x0f) | 0x40;
  marked[8] = ((marked[8] ?? 0) & 0x3f) | 0x80;
  const text = marked.toString('hex');
  return `${text.slice(0, 8)}-${text.slice(8, 12)}-${text.slice(12, 16)}-${text.slice(16, 20)}-${text.slice(20, 32)}`;
}
