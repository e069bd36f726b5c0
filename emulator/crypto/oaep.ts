/** RSA-OAEP with SHA-256, deterministic: its seed is given, where Node's own draws one. */
import { constants, createHash, type KeyObject, privateDecrypt, publicEncrypt } from 'node:crypto';
import { TeemuError } from '../errors.ts';

const HASH_SIZE = 32;
const sha256 = (...parts: readonly Uint8Array[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest();

/** MGF1 with SHA-256 (RFC 8017 B.2.1), put over `dst`. */
function maskWith(dst: Uint8Array, seed: Uint8Array): void {
  for (let counter = 0, at = 0; at < dst.length; counter++) {
    const mask = sha256(seed, Uint8Array.of(counter >>> 24, counter >>> 16, counter >>> 8, counter));
    for (let i = 0; i < mask.length && at < dst.length; i++, at++) dst[at] = (dst[at] ?? 0) ^ (mask[i] ?? 0);
  }
}

/**
 * RSAES-OAEP-ENCRYPT (RFC 8017 §7.1.1) with an empty label.
 * @param key RSA @param message at most 66 bytes shorter than the modulus @param seed 32 bytes
 * @returns as many bytes as the modulus has
 */
export function oaepEncrypt(key: KeyObject, message: Uint8Array, seed: Uint8Array): Uint8Array {
  const size = (key.asymmetricKeyDetails?.modulusLength ?? 0) / 8;
  if (key.asymmetricKeyType !== 'rsa' || message.length > size - 2 * HASH_SIZE - 2) throw new RangeError(`${message.length} bytes do not fit into an RSA key of ${size} bytes`);
  if (seed.length !== HASH_SIZE) throw new RangeError(`an OAEP seed is ${HASH_SIZE} bytes, not ${seed.length}`);
  const block = new Uint8Array(size);
  const masked = block.subarray(1, 1 + HASH_SIZE);
  const data = block.subarray(1 + HASH_SIZE);
  data.set(sha256());
  data[data.length - message.length - 1] = 1;
  data.set(message, data.length - message.length);
  masked.set(seed);
  maskWith(data, seed);
  maskWith(masked, data);
  return new Uint8Array(publicEncrypt({ key, padding: constants.RSA_NO_PADDING }, block));
}

/** Undoes {@link oaepEncrypt}. @param key private RSA @throws {TeemuError} ERR_SEAL for what was not encrypted to this key */
export function oaepDecrypt(key: KeyObject, ciphertext: Uint8Array): Uint8Array {
  try {
    return new Uint8Array(privateDecrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }, ciphertext));
  } catch (cause) {
    throw new TeemuError('ERR_SEAL', 'the ciphertext is not encrypted to this key', { cause });
  }
}
