/** A session, as both ends have it: its transcript, its secrets, and its two directions. */
import { createECDH } from 'node:crypto';
import { scalarFromSeed } from '../../../crypto/sign.ts';
import type { World } from '../../../world.ts';
import { sameBytes } from '../bytes.ts';
import type { SpdmVersion } from '../messages/header.ts';
import { SpdmError } from '../spdm-error.ts';
import { type HandshakeSecrets, handshakeSecrets, hmac, sessionSecrets } from './key-schedule.ts';
import { Direction, LAST_SEQUENCE, type SequenceLength } from './secured-message.ts';
import type { Transcript } from './transcript.ts';

/** An ephemeral key on secp384r1. */
export class ExchangeKey {
  readonly #ecdh = createECDH('secp384r1');
  /** X ‖ Y, 96 bytes, big-endian. */
  readonly share: Uint8Array;

  /** @param label under which the World draws it */
  constructor(world: World, label: string) {
    this.#ecdh.setPrivateKey(scalarFromSeed('P-384', world.random(label, 72)));
    this.share = new Uint8Array(this.#ecdh.getPublicKey()).slice(1);
  }

  /** X coordinate of the shared point, 48 bytes. @param share of the other side @throws {SpdmError} spdm-response for one that is no point of the curve */
  shared(share: Uint8Array): Uint8Array {
    try {
      return new Uint8Array(this.#ecdh.computeSecret(Buffer.concat([Buffer.of(4), share])));
    } catch (cause) {
      throw new SpdmError('spdm-response', 'the exchange data is no point of secp384r1', { cause });
    }
  }
}

/** How a session begins. */
export interface SessionStart {
  readonly version: SpdmVersion;
  /** Half of the requester, half of the responder above it. */
  readonly id: number;
  /** Transcript up to and with the signature of KEY_EXCHANGE_RSP; the session goes on with it. */
  readonly transcript: Transcript;
  /** X coordinate of the shared point, 48 bytes. */
  readonly shared: Uint8Array;
  /** Last sequence number of a key. */
  readonly lastSequence?: bigint;
}

/** Keys and state that requester and responder have in common. */
export class Session {
  readonly id: number;
  readonly version: SpdmVersion;
  /** Everything that was signed and is to be: TH. */
  readonly transcript: Transcript;
  readonly #handshake: HandshakeSecrets;
  readonly #lastSequence: bigint;
  #request: Direction;
  #response: Direction;
  #exportMasterSecret: Uint8Array | undefined;
  #phase: 'handshake' | 'application' | 'over' = 'handshake';

  constructor({ version, id, transcript, shared, lastSequence = LAST_SEQUENCE }: SessionStart) {
    this.id = id;
    this.version = version;
    this.transcript = transcript;
    this.#lastSequence = lastSequence;
    this.#handshake = handshakeSecrets(version, shared, transcript.hash());
    this.#request = new Direction(version, this.#handshake.request, lastSequence);
    this.#response = new Direction(version, this.#handshake.response, lastSequence);
  }

  /** `handshake` until FINISH_RSP, then `application` until the session is over. */
  get phase(): 'handshake' | 'application' | 'over' {
    return this.#phase;
  }

  /** The direction of requests. @throws {SpdmError} spdm-session-state when the session is over */
  get request(): Direction {
    this.#requireAlive();
    return this.#request;
  }

  /** The direction of responses. @throws {SpdmError} spdm-session-state when the session is over */
  get response(): Direction {
    this.#requireAlive();
    return this.#response;
  }

  /** Verify data of the transcript as it is: 48 bytes. */
  verifyData(of: 'requester' | 'responder'): Uint8Array {
    return hmac(of === 'requester' ? this.#handshake.requestFinished : this.#handshake.responseFinished, this.transcript.hash());
  }

  /** Whether verify data of the other side is right for the transcript as it is. */
  verifyDataHolds(of: 'requester' | 'responder', verifyData: Uint8Array): boolean {
    return sameBytes(this.verifyData(of), verifyData);
  }

  /** The handshake is done, and the transcript goes up to FINISH_RSP: the keys of the session come into force. */
  establish(): void {
    this.#requireAlive();
    const secrets = sessionSecrets(this.version, this.#handshake.handshakeSecret, this.transcript.hash());
    this.#request = new Direction(this.version, secrets.request, this.#lastSequence);
    this.#response = new Direction(this.version, secrets.response, this.#lastSequence);
    this.#exportMasterSecret = secrets.exportMasterSecret;
    this.#phase = 'application';
  }

  /**
   * The export master secret, 48 bytes, once: then it is gone, as in the driver.
   * @throws {SpdmError} spdm-ems-second-export the second time, spdm-session-state before the session is set up or after it is over
   */
  exportMasterSecret(): Uint8Array {
    if (this.#phase !== 'application') throw new SpdmError('spdm-session-state', `no export in the phase '${this.#phase}'`);
    const secret = this.#exportMasterSecret;
    if (!secret) throw new SpdmError('spdm-ems-second-export', 'the export master secret was exported before');
    this.#exportMasterSecret = undefined;
    return secret;
  }

  /** Ends the session: its keys are gone. */
  end(): void {
    this.#phase = 'over';
    this.#exportMasterSecret = undefined;
  }

  /** Seals a message of one direction for a transport. */
  seal(direction: 'request' | 'response', sequenceLength: SequenceLength, application: Uint8Array, padding: Uint8Array): Uint8Array {
    return this[direction].seal(this.id, sequenceLength, application, padding);
  }

  /** Opens a message of one direction. @throws {SpdmError} @throws {CodecError} as {@link Direction.open} does */
  open(direction: 'request' | 'response', sequenceLength: SequenceLength, record: Uint8Array): Uint8Array {
    return this[direction].open(this.id, sequenceLength, record);
  }

  #requireAlive(): void {
    if (this.#phase === 'over') throw new SpdmError('spdm-session-state', 'the session is over');
  }
}
