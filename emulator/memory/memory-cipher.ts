/** The cipher of a memory controller: AES-256-XTS, tweaked by the physical address, so the same text reads differently everywhere. */
import { createCipheriv, createDecipheriv } from 'node:crypto';

const ALGORITHM = 'aes-256-xts';

/**
 * One key of a memory controller. There is no tag and no counter: the same bytes at the same address are always the same ciphertext, old
 * ciphertext put back at its address is valid again, and changed ciphertext becomes other plaintext, 16 bytes at a time.
 */
export class MemoryCipher {
  readonly #key: Uint8Array;

  /** @param key 64 bytes: two AES-256 keys @throws {RangeError} for another length */
  constructor(key: Uint8Array) {
    if (key.length !== 64) throw new RangeError(`an AES-256-XTS key is 64 bytes, not ${key.length}`);
    this.#key = Uint8Array.from(key);
  }

  /** Encrypts what lies at the physical `address`. @param bytes at least 16, as long as the unit that is always written whole */
  encrypt(address: number, bytes: Uint8Array): Uint8Array {
    const cipher = createCipheriv(ALGORITHM, this.#key, tweak(address));
    return new Uint8Array(Buffer.concat([cipher.update(bytes), cipher.final()]));
  }

  /** The reverse of {@link encrypt}. */
  decrypt(address: number, bytes: Uint8Array): Uint8Array {
    const decipher = createDecipheriv(ALGORITHM, this.#key, tweak(address));
    return new Uint8Array(Buffer.concat([decipher.update(bytes), decipher.final()]));
  }
}

function tweak(address: number): Uint8Array {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(address), true);
  return bytes;
}
