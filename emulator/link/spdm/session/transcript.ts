/**
 * Transcripts: the messages of an exchange, byte for byte, that a signature or a key is over.
 *
 * Source: DMTF DSP0274 1.1 and 1.2, the rules for A, B, C (M1/M2), L1/L2 and TH.
 */
import { createHash } from 'node:crypto';
import { joined } from '../bytes.ts';
import { SpdmError } from '../spdm-error.ts';

/** Most bytes that anybody keeps: many times what a session needs, and no more than a peer may cost. */
const MOST_BYTES = 1 << 20;

/** Messages one after the other. */
export class Transcript {
  #parts: Uint8Array[];
  #size: number;

  constructor(parts: readonly Uint8Array[] = []) {
    this.#parts = [...parts];
    this.#size = parts.reduce((sum, part) => sum + part.length, 0);
  }

  /** Appends copies of messages, or of parts of them. @throws {SpdmError} spdm-transcript-too-long beyond 1 MiB; nothing is appended then */
  add(...parts: readonly Uint8Array[]): void {
    const size = parts.reduce((sum, part) => sum + part.length, this.#size);
    if (size > MOST_BYTES) throw new SpdmError('spdm-transcript-too-long', `more than ${MOST_BYTES} bytes are to be signed`);
    this.#parts.push(...parts.map((part) => part.slice()));
    this.#size = size;
  }

  clear(): void {
    this.#parts = [];
    this.#size = 0;
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
