/** AES-256-GCM: sealing bytes so that nobody without the key can read or change them. */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { TeemuError } from '../errors.ts';

const ALGORITHM = 'aes-256-gcm';
/** Length of an authentication tag in bytes; shorter tags are neither made nor taken. */
export const TAG_SIZE = 16;

/** What both sides of a seal must agree on. */
export interface SealContext {
  /** 32 bytes. */
  readonly key: Uint8Array;
  /** 12 bytes, never twice under one key. */
  readonly iv: Uint8Array;
  /** Bytes that are authenticated beside the sealed ones. */
  readonly aad: Uint8Array;
}

/** Sealed bytes: as long as the plain ones, and their tag of 16 bytes. */
export interface Sealed {
  readonly ciphertext: Uint8Array;
  readonly tag: Uint8Array;
}

/** Seals `plaintext`. @throws {RangeError} when key or IV have another length */
export function seal({ key, iv, aad }: SealContext, plaintext: Uint8Array): Sealed {
  const cipher = createCipheriv(ALGORITHM, key, iv, { authTagLength: TAG_SIZE });
  cipher.setAAD(aad);
  const ciphertext = new Uint8Array(Buffer.concat([cipher.update(plaintext), cipher.final()]));
  return { ciphertext, tag: new Uint8Array(cipher.getAuthTag()) };
}

/**
 * Opens what {@link seal} made.
 * @throws {TeemuError} ERR_SEAL when key, IV, bytes or tag are not those that it was sealed with
 * @throws {RangeError} when key or IV have another length
 */
export function open({ key, iv, aad }: SealContext, { ciphertext, tag }: Sealed): Uint8Array {
  if (tag.length !== TAG_SIZE) throw new TeemuError('ERR_SEAL', `a tag is ${TAG_SIZE} bytes, not ${tag.length}`);
  const decipher = createDecipheriv(ALGORITHM, key, iv, { authTagLength: TAG_SIZE });
  decipher.setAAD(aad);
  decipher.setAuthTag(tag);
  const plaintext = decipher.update(ciphertext);
  try {
    decipher.final();
  } catch (error) {
    throw new TeemuError('ERR_SEAL', 'the seal is broken: another key, or changed on the way', { cause: error });
  }
  return new Uint8Array(plaintext);
}
