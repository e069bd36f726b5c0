/** Setting up a session as a requester, and what can be done in it. */
import { ByteReader } from '../../../codec/stream.ts';
import { TeemuError } from '../../../errors.ts';
import { joined } from '../bytes.ts';
import { HASH_SIZE, RANDOM_SIZE } from '../messages/algorithms.ts';
import { encodeChain, sha384 } from '../messages/certificates.ts';
import { SUMMARY } from '../messages/challenge.ts';
import { END_SESSION, HEARTBEAT, KEY_OPERATION, KEY_UPDATE, KEY_UPDATE_ACK } from '../messages/control.ts';
import { ERROR_CODE, RESPONSE } from '../messages/header.ts';
import { decodeKeyExchangeRsp, encodeKeyExchange, FINISH_HEAD, FINISH_RSP_HEAD, MUTUAL_AUTH } from '../messages/key-exchange.ts';
import { decodeSelectedVersion, encodeSupportedVersions, SECURED_VERSIONS } from '../messages/opaque-data.ts';
import { ExchangeKey, Session } from '../session/session.ts';
import { signatureHolds, signedMessage } from '../session/signature.ts';
import { Transcript } from '../session/transcript.ts';
import { SpdmError } from '../spdm-error.ts';
import { answerEncapsulated } from './encapsulated.ts';
import type { MeasurementsAnswer, MeasurementsQuery, PeerChain, Requester } from './requester.ts';

/** Lower half of the session id, as the driver's library has it. */
const SESSION_HALF = 0xffff;

/** A session that is set up. After anything that goes wrong in it, it is over. */
export class RequesterSession {
  /** Seconds; 0 for no heartbeat. */
  readonly heartbeatPeriod: number;
  readonly #requester: Requester;
  readonly #session: Session;
  readonly #measurements = new Transcript();
  #tag = 0;

  constructor(requester: Requester, session: Session, heartbeatPeriod: number) {
    this.#requester = requester;
    this.#session = session;
    this.heartbeatPeriod = heartbeatPeriod;
  }

  get id(): number {
    return this.#session.id;
  }

  /** Whether it can still be used. */
  get alive(): boolean {
    return this.#session.phase === 'application';
  }

  /** The export master secret, 48 bytes, once. @throws {SpdmError} spdm-ems-second-export */
  exportMasterSecret(): Uint8Array {
    return this.#session.exportMasterSecret();
  }

  /** HEARTBEAT. */
  heartbeat(): void {
    this.#ask(HEARTBEAT.encode({ spdmVersion: this.#session.version }), RESPONSE.HEARTBEAT_ACK);
  }

  /** KEY_UPDATE, of requests only or of both directions, and its confirmation under the new key. @throws {SpdmError} spdm-response for an answer to another operation or tag, or under the old key */
  updateKeys(operation: 'updateKey' | 'updateAllKeys' = 'updateAllKeys'): void {
    const session = this.#session;
    this.#keyUpdate(KEY_OPERATION[operation], () => {
      if (operation === 'updateAllKeys') session.response.prepareUpdate();
    });
    if (operation === 'updateAllKeys') {
      if (!session.response.newKeyUsed) throw this.#fail(new SpdmError('spdm-response', 'the new response key is not in use'));
      session.response.commitUpdate();
    }
    session.request.commitUpdate();
    this.#keyUpdate(KEY_OPERATION.verifyNewKey);
  }

  /** GET_MEASUREMENTS in the session. */
  measurements(query: MeasurementsQuery): MeasurementsAnswer {
    return this.#guarded(() => this.#requester.measure(query, this.#measurements, this.#session));
  }

  /** END_SESSION. The driver never sends it. */
  end(): void {
    this.#ask(END_SESSION.encode({ spdmVersion: this.#session.version }), RESPONSE.END_SESSION_ACK);
    this.#session.end();
  }

  #keyUpdate(operation: number, before: () => void = () => undefined): void {
    const tag = this.#tag++ & 0xff;
    const answer = this.#ask(KEY_UPDATE.encode({ spdmVersion: this.#session.version, operation, tag }), RESPONSE.KEY_UPDATE_ACK, before);
    const ack = new ByteReader(answer, KEY_UPDATE_ACK.name).layout(KEY_UPDATE_ACK);
    if (ack.operation !== operation || ack.tag !== tag) throw this.#fail(new SpdmError('spdm-response', 'another key update is acknowledged'));
  }

  #ask(request: Uint8Array, wanted: number, before: () => void = () => undefined): Uint8Array {
    this.#measurements.clear();
    this.#requester.dropChallenge();
    return this.#guarded(() => {
      before();
      return this.#requester.conversation.ask(request, wanted, this.#session);
    });
  }

  #guarded<T>(action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw error instanceof TeemuError ? this.#fail(error) : error;
    }
  }

  /** An ERROR in the session is an answer; anything else means that somebody meddled. */
  #fail(error: TeemuError): TeemuError {
    const answered = error instanceof SpdmError && error.reason === 'spdm-peer-error' && error.errorCode !== ERROR_CODE.DecryptError && error.errorCode !== ERROR_CODE.InvalidSession;
    if (!answered) this.#session.end();
    return error;
  }
}

/** Sets up a session. @param summary measurement summary hash type @throws {SpdmError} */
export function startSession(requester: Requester, peer: PeerChain, summary: number): RequesterSession {
  const { world, negotiated, profile, conversation } = requester;
  const { version, flags, vca } = negotiated;
  const key = new ExchangeKey(world, 'spdm/requester-exchange');
  const clear = profile.flags.handshakeInTheClear === 1 && flags.handshakeInTheClear === 1;
  const request = encodeKeyExchange(version, {
    summary,
    slot: peer.slot,
    requesterSessionId: SESSION_HALF,
    terminationPolicy: 0,
    random: world.random('spdm/key-exchange-random', RANDOM_SIZE),
    exchange: key.share,
    opaque: encodeSupportedVersions(version),
  });
  const response = decodeKeyExchangeRsp(conversation.ask(request, RESPONSE.KEY_EXCHANGE_RSP), summary !== SUMMARY.none, !clear);
  if (!SECURED_VERSIONS.includes(decodeSelectedVersion(version, response.opaque))) throw new SpdmError('spdm-response', 'the responder takes a version of secured messages that was not offered');
  if (profile.demandedHeartbeat !== undefined && response.heartbeatPeriod !== profile.demandedHeartbeat)
    throw new SpdmError('spdm-heartbeat-period', `must be ${profile.demandedHeartbeat} seconds, is ${response.heartbeatPeriod}`);
  const transcript = new Transcript([vca.bytes(), sha384(peer.bytes), request, response.signed]);
  if (!signatureHolds(peer.key, version, 'keyExchangeRsp', transcript.bytes(), response.signature)) throw new SpdmError('spdm-signature', 'KEY_EXCHANGE_RSP is not signed by the leaf’s key');
  transcript.add(response.signature);
  const id = ((response.responderSessionId << 16) | SESSION_HALF) >>> 0;
  const session = new Session({ version, id, transcript, shared: key.shared(response.exchange), lastSequence: profile.lastSequence });
  if (!clear && !session.verifyDataHolds('responder', response.verifyData)) throw new SpdmError('spdm-verify-data', 'the verify data of KEY_EXCHANGE_RSP is wrong');
  transcript.add(response.verifyData);
  const inSession = clear ? undefined : session;
  const authenticate = response.mutualAuth !== MUTUAL_AUTH.none;
  if (authenticate) answerEncapsulated(requester, response.mutualAuth, inSession);
  finish(requester, session, inSession, authenticate);
  return new RequesterSession(requester, session, response.heartbeatPeriod);
}

/** FINISH: signed if the responder wants to know who this is. */
function finish({ conversation, identity, negotiated: { version } }: Requester, session: Session, inSession: Session | undefined, authenticate: boolean): void {
  const { transcript } = session;
  const head = FINISH_HEAD.encode({ spdmVersion: version, signed: authenticate ? 1 : 0 });
  if (authenticate) transcript.add(sha384(encodeChain(identity.certificates)));
  transcript.add(head);
  const signature = authenticate ? identity.sign(signedMessage(version, 'finish', transcript.bytes())) : new Uint8Array(0);
  transcript.add(signature);
  const verifyData = session.verifyData('requester');
  transcript.add(verifyData);
  const response = conversation.ask(joined([head, signature, verifyData]), RESPONSE.FINISH_RSP, inSession);
  transcript.add(response.subarray(0, FINISH_RSP_HEAD.size));
  if (!inSession) {
    const theirs = response.subarray(FINISH_RSP_HEAD.size, FINISH_RSP_HEAD.size + HASH_SIZE);
    if (!session.verifyDataHolds('responder', theirs)) throw new SpdmError('spdm-verify-data', 'the verify data of FINISH_RSP is wrong');
    transcript.add(theirs);
  }
  session.establish();
}
