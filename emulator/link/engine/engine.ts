/**
 * AES-256-GCM for many megabytes a second: one interface, several engines. `emulator/crypto/seal.ts` is for single messages; this is for
 * the copies between a CPU and a GPU, where every allocation is felt.
 */

/** Bytes of a key, an initialisation vector and a tag; NIST SP 800-38D with the lengths that the link uses. */
export const GCM_KEY_SIZE = 32;
export const GCM_IV_SIZE = 12;
export const GCM_TAG_SIZE = 16;

/** A key as one engine holds it. Another engine refuses it. */
export interface GcmKey {
  /** Name of the engine that made it. */
  readonly engine: string;
}

/**
 * An engine. Synchronous: 2 MiB take a thread about half a millisecond, so large copies belong into workers. All engines give the same bytes.
 *
 * `src` and `dst` are of the same length, and are either the same bytes (in place) or do not overlap. Every argument may lie in a
 * `SharedArrayBuffer`. AES-GCM as libraries do it goes over ciphertext twice, for the tag and for the text. Where it lies in shared memory it goes
 * through memory of the engine's own, slice by slice: `open` reads each byte once, and `seal` never reads back what it wrote. What somebody else can
 * read must not be `dst` of `open`: its bytes are there before the tag is known to be right.
 */
export interface GcmEngine {
  /** As users choose it: `node` or `native`. */
  readonly name: string;
  /** The library that does the work, with its version: `OpenSSL 3.0.19`. */
  readonly library: string;
  /** Takes a key. @param bytes 32; they are copied @throws {RangeError} for another length */
  key(bytes: Uint8Array): GcmKey;
  /**
   * Encrypts `src` into `dst` and writes the tag.
   * @param iv 12 bytes, never twice under one key @param aad bytes that are authenticated beside, may be empty @param tag 16 bytes, written
   * @throws {RangeError} for wrong lengths @throws {TypeError} for a key of another engine
   */
  seal(key: GcmKey, iv: Uint8Array, aad: Uint8Array, src: Uint8Array, dst: Uint8Array, tag: Uint8Array): void;
  /**
   * Decrypts `src` into `dst`, if the tag is right.
   * @returns false when key, IV, AAD, bytes or tag are not those that it was sealed with; `dst` is all zero then
   * @throws {RangeError} for wrong lengths @throws {TypeError} for a key of another engine
   */
  open(key: GcmKey, iv: Uint8Array, aad: Uint8Array, src: Uint8Array, tag: Uint8Array, dst: Uint8Array): boolean;
}

/** Refuses what no engine takes. @throws {RangeError} */
export function requireSizes(iv: Uint8Array, src: Uint8Array, dst: Uint8Array, tag: Uint8Array): void {
  if (iv.length !== GCM_IV_SIZE) throw new RangeError(`an IV is ${GCM_IV_SIZE} bytes, not ${iv.length}`);
  if (tag.length !== GCM_TAG_SIZE) throw new RangeError(`a tag is ${GCM_TAG_SIZE} bytes, not ${tag.length}`);
  if (src.length !== dst.length) throw new RangeError(`source and destination differ in length: ${src.length} and ${dst.length} bytes`);
}

/** Refuses a key of a wrong length. @throws {RangeError} */
export function requireKeySize(bytes: Uint8Array): void {
  if (bytes.length !== GCM_KEY_SIZE) throw new RangeError(`an AES-256 key is ${GCM_KEY_SIZE} bytes, not ${bytes.length}`);
}

/** Whether somebody else may write these bytes meanwhile. */
export function isShared(bytes: Uint8Array): boolean {
  return bytes.buffer instanceof SharedArrayBuffer;
}
