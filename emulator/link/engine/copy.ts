/** Copying bytes at the speed of memory, shared memory too. */

/**
 * Copies `src` over `dst`. `set` copies to and from a `SharedArrayBuffer` word by word, as its memory model wants it; where nothing depends on the
 * order in which others see the bytes, Node's `fill` is half as fast again.
 * @throws {RangeError} for different lengths
 */
export function copyBytes(dst: Uint8Array, src: Uint8Array): void {
  if (src.length !== dst.length) throw new RangeError(`source and destination differ in length: ${src.length} and ${dst.length} bytes`);
  // Of nothing, fill would make zeros; for a little, a view costs more than the words.
  if (src.length < 4096) dst.set(src);
  else Buffer.from(dst.buffer, dst.byteOffset, dst.length).fill(src);
}
