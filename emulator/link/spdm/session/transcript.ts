/**
 * Transcripts: the messages of an exchange, byte for byte, that a signature or a key is over.
 *
 * Source: DMTF DSP0274 1.1 and 1.2, the rules for A, B, C (M1/M2), L1/L2 and TH.
 */
import { createHash } from 'node:crypto';
import { joined } from '../bytes.ts';

/** Messages one after the other. */
export class Transcript {
  #parts: Uint8Array[];

  constructor(parts: readonly Uint8Array[] = []) {
    this.#parts = [...parts];
  }

  /** Appends copies of messages, or of parts of them. */
  add(...parts: readonly Uint8Array[]): void {
    this.#parts.push(...parts.map((part) => part.slice()));
  }

  clear(): void {
    this.#parts = [];
  }

  /** Everything so far. */
  bytes(): Uint8Array {
    return joined(this.#parts);
  }

  /** SHA-384 of everything so far: 48 bytes. */
  hash(): Uint8Array {
    const hash = createHash('sha384');
    for (const part of this.#parts) hash.update(part);
    return new Uint8Array(hash.digest());
  }
}
