/** The keys of a session as whoever has the shared secret derives them: verify data, both directions, and the export. */
import { type HandshakeSecrets, handshakeSecrets, hmac, sessionSecrets } from '../../../emulator/link/spdm/session/key-schedule.ts';
import { Direction } from '../../../emulator/link/spdm/session/secured-message.ts';
import type { Transcript } from '../../../emulator/link/spdm/session/transcript.ts';
import type { SpdmVersion } from '../../../emulator/link/spdm/messages/header.ts';
import { sameBytes } from '../../../emulator/pki/read.ts';

/** One session. */
export class SessionKeys {
  readonly version: SpdmVersion;
  readonly id: number;
  /** TH: everything that was signed and is to be. */
  readonly transcript: Transcript;
  readonly #handshake: HandshakeSecrets;
  request: Direction;
  response: Direction;
  /** Whether FINISH_RSP came. */
  established = false;
  #export: Uint8Array | undefined;

  /** @param transcript up to and with the signature of KEY_EXCHANGE_RSP @param shared X coordinate, 48 bytes */
  constructor(version: SpdmVersion, id: number, transcript: Transcript, shared: Uint8Array) {
    this.version = version;
    this.id = id;
    this.transcript = transcript;
    this.#handshake = handshakeSecrets(version, shared, transcript.hash());
    this.request = new Direction(version, this.#handshake.request);
    this.response = new Direction(version, this.#handshake.response);
  }

  /** Whether verify data are right for the transcript as it is. */
  holds(of: 'requester' | 'responder', verifyData: Uint8Array): boolean {
    return sameBytes(hmac(of === 'requester' ? this.#handshake.requestFinished : this.#handshake.responseFinished, this.transcript.hash()), verifyData);
  }

  /** The keys of the session come into force. */
  establish(): void {
    const { request, response, exportMasterSecret } = sessionSecrets(this.version, this.#handshake.handshakeSecret, this.transcript.hash());
    this.request = new Direction(this.version, request);
    this.response = new Direction(this.version, response);
    this.#export = exportMasterSecret;
    this.established = true;
  }

  /** The export master secret, 48 bytes, once. */
  takeExport(): Uint8Array | undefined {
    const secret = this.#export;
    this.#export = undefined;
    return secret;
  }
}
