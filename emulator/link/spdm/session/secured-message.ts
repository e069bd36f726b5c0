/**
 * Secured messages: what goes over the wire once there are keys.
 *
 * Source: DMTF DSP0277 1.1, "Secured Messages format"; the length of the sequence number is the transport's (DSP0276: 2 over MCTP;
 * none over PCI DOE, and none over the mailbox of a GPU).
 */
import { Layout } from '../../../codec/layout.ts';
import { u16, u32 } from '../../../codec/rows.ts';
import { ByteReader } from '../../../codec/stream.ts';
import { open, seal, TAG_SIZE } from '../../../crypto/seal.ts';
import { CodecError, TeemuError } from '../../../errors.ts';
import { joined, u16Bytes } from '../bytes.ts';
import type { SpdmVersion } from '../messages/header.ts';
import { SpdmError } from '../spdm-error.ts';
import { type TrafficKey, trafficKey, updatedSecret } from './key-schedule.ts';

const SESSION_ID = u32(0, 'Session ID: the responder’s half above, the requester’s below');

/** What a secured message begins with where the sequence number is on the wire. The ciphertext and a tag of 16 bytes follow. */
export const SECURED_HEAD_SEQUENCED = new Layout('spdm.securedMessage.sequenced', 8, 'DSP0277 1.1.0, Secured Messages format; DSP0276 1.0.0', {
  sessionId: SESSION_ID,
  sequence: u16(4, 'Sequence number: the low 16 bits of it'),
  length: u16(6, 'Length: bytes of ciphertext and tag'),
});

/** What a secured message begins with where it is not. */
export const SECURED_HEAD_BARE = new Layout('spdm.securedMessage.bare', 6, 'DSP0277 1.1.0, Secured Messages format; PCI DOE and the GPU mailbox', {
  sessionId: SESSION_ID,
  length: u16(4, 'Length: bytes of ciphertext and tag'),
});

/** Bytes of the sequence number on the wire. */
export type SequenceLength = 0 | 2;
/** The last sequence number that a key may be used with. */
export const LAST_SEQUENCE = 0xffff_ffff_ffff_fffen;

/** Session id of a secured message. @throws {CodecError} for one that ends before it */
export function recordSessionId(record: Uint8Array): number {
  return new ByteReader(record, SECURED_HEAD_BARE.name).u32('sessionId');
}

/** IV of one message: the sequence number, little-endian, over the first 8 bytes of the direction's IV. */
function ivOf({ iv }: TrafficKey, sequence: bigint): Uint8Array {
  const mixed = iv.slice();
  const view = new DataView(mixed.buffer, mixed.byteOffset);
  view.setBigUint64(0, view.getBigUint64(0, true) ^ sequence, true);
  return mixed;
}

/** One direction under one secret: its key and the next sequence number. */
class Epoch {
  readonly secret: Uint8Array;
  readonly key: TrafficKey;
  sequence = 0n;

  constructor(version: SpdmVersion, secret: Uint8Array) {
    this.secret = secret;
    this.key = trafficKey(version, secret);
  }
}

/** One direction of a session. */
export class Direction {
  readonly #version: SpdmVersion;
  readonly #lastSequence: bigint;
  #current: Epoch;
  #next: Epoch | undefined;
  #newKeyUsed = false;

  /** @param secret 48 bytes @param lastSequence the last sequence number that is used; then nothing is sealed or opened any more */
  constructor(version: SpdmVersion, secret: Uint8Array, lastSequence: bigint = LAST_SEQUENCE) {
    this.#version = version;
    this.#lastSequence = lastSequence;
    this.#current = new Epoch(version, secret);
  }

  /** Whether the message that was opened last was under the new key of an update that is not confirmed yet. */
  get newKeyUsed(): boolean {
    return this.#newKeyUsed;
  }

  /** Begins an update of a direction that is received: from now on both keys open messages, the new one first. */
  prepareUpdate(): void {
    this.#next ??= new Epoch(this.#version, updatedSecret(this.#version, this.#current.secret));
  }

  /** Ends an update, or makes one at once: the new key, and only it. */
  commitUpdate(): void {
    this.prepareUpdate();
    if (this.#next) this.#current = this.#next;
    this.#next = undefined;
    this.#newKeyUsed = false;
  }

  /**
   * Seals a message under the current key.
   * @param application what is to arrive @param padding random bytes that hide its length
   * @throws {SpdmError} spdm-sequence-exhausted @throws {RangeError} for a message that a 2-byte length cannot tell
   */
  seal(sessionId: number, sequenceLength: SequenceLength, application: Uint8Array, padding: Uint8Array): Uint8Array {
    const { key, sequence } = this.#take(this.#current);
    const plaintext = joined([u16Bytes(application.length), application, padding]);
    const length = plaintext.length + TAG_SIZE;
    if (length > 0xffff) throw new RangeError(`a secured message of ${length} bytes is longer than its length can tell`);
    const aad = sequenceLength === 2 ? SECURED_HEAD_SEQUENCED.encode({ sessionId, sequence: Number(sequence & 0xffffn), length }) : SECURED_HEAD_BARE.encode({ sessionId, length });
    const { ciphertext, tag } = seal({ key: key.key, iv: ivOf(key, sequence), aad }, plaintext);
    return joined([aad, ciphertext, tag]);
  }

  /**
   * Opens a message; the sequence number moves on only if that succeeds.
   * @param record all of it; bytes behind its stated length, which a transport may pad with, are left out
   * @throws {SpdmError} spdm-secured-message, spdm-sequence-exhausted @throws {CodecError} for a record that ends too early
   */
  open(sessionId: number, sequenceLength: SequenceLength, record: Uint8Array): Uint8Array {
    const reader = new ByteReader(record, sequenceLength === 2 ? SECURED_HEAD_SEQUENCED.name : SECURED_HEAD_BARE.name);
    const head: { sessionId: number; length: number; sequence?: number } = sequenceLength === 2 ? reader.layout(SECURED_HEAD_SEQUENCED) : reader.layout(SECURED_HEAD_BARE);
    const aad = record.slice(0, reader.at);
    if (head.length < TAG_SIZE + 2) throw new CodecError('ERR_CODEC_RANGE', `${reader.name}.length`, reader.at - 2, `must be at least ${TAG_SIZE + 2}, is ${head.length}`);
    const ciphertext = reader.bytes(head.length - TAG_SIZE, 'ciphertext');
    const tag = reader.bytes(TAG_SIZE, 'tag');
    if (head.sessionId !== sessionId) throw new SpdmError('spdm-secured-message', 'is of another session');
    let failure: unknown;
    for (const epoch of this.#next ? [this.#next, this.#current] : [this.#current]) {
      if (epoch.sequence > this.#lastSequence) throw exhausted();
      if (head.sequence !== undefined && head.sequence !== Number(epoch.sequence & 0xffffn)) continue;
      try {
        const plaintext = open({ key: epoch.key.key, iv: ivOf(epoch.key, epoch.sequence), aad }, { ciphertext, tag });
        epoch.sequence++;
        this.#newKeyUsed = epoch === this.#next;
        const inner = new ByteReader(plaintext, `${reader.name}.plaintext`);
        return inner.bytes(inner.u16('applicationLength'), 'application');
      } catch (error) {
        if (!(error instanceof TeemuError)) throw error;
        failure = error;
      }
    }
    throw new SpdmError('spdm-secured-message', failure === undefined ? 'its sequence number is not the next one' : 'does not open: forged, out of order, or under another key', { cause: failure });
  }

  #take(epoch: Epoch): { key: TrafficKey; sequence: bigint } {
    if (epoch.sequence > this.#lastSequence) throw exhausted();
    return { key: epoch.key, sequence: epoch.sequence++ };
  }
}

function exhausted(): SpdmError {
  return new SpdmError('spdm-sequence-exhausted', 'no sequence number is left under this key');
}
