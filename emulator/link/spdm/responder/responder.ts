/**
 * An SPDM responder: one request in, one response out. Whatever comes in, ERROR is the worst that goes out, and it goes on answering.
 *
 * Source: DMTF DSP0274 1.1 and 1.2, the order of messages and "ERROR response message".
 */
import { ByteReader } from '../../../codec/stream.ts';
import { CodecError, TeemuError } from '../../../errors.ts';
import type { World } from '../../../world.ts';
import { encodeChain } from '../messages/certificates.ts';
import { codeName, MESSAGE_HEADER, REQUEST, RESPOND_IF_READY, RESPONSE_NOT_READY, SPDM_VERSION } from '../messages/header.ts';
import type { Session } from '../session/session.ts';
import { answerVersion } from './answers/negotiation.ts';
import { keyUpdatePending } from './answers/control.ts';
import { Connection, type Exchange, type ResponderSession } from './connection.ts';
import type { ResponderIdentity } from './identity.ts';
import type { ResponderProfile } from './profile.ts';
import { Refusal } from './refusal.ts';
import { capable, REQUESTS, type RequestRow } from './requests.ts';

/** An answer, and what is to be done once it is on its way. */
export interface Answered {
  readonly response: Uint8Array;
  /** Ends or sets up the session; called by whoever seals the response, after that. */
  readonly sent: () => void;
}

/** Encapsulated requests that are under way hold back everything but themselves. */
const ENCAPSULATION: readonly number[] = [REQUEST.GET_ENCAPSULATED_REQUEST, REQUEST.DELIVER_ENCAPSULATED_RESPONSE];
/** What a request that is put off costs: 2 to this power microseconds, and the answer is kept so many times as long. */
const NOT_READY = { rdtExponent: 1, rdtm: 1 };

/** One device at one end of one link. Synchronous and pure but for the World. */
export class Responder {
  readonly world: World;
  readonly identity: ResponderIdentity;
  readonly profile: ResponderProfile;
  readonly #chains: ReadonlyMap<number, Uint8Array>;
  readonly #sessions = new Map<number, ResponderSession>();
  #connection = new Connection();
  /** While `busy` or `lost`, every request but GET_VERSION gets Busy or RequestResynch. */
  #condition: 'normal' | 'busy' | 'lost' = 'normal';
  #deferred: { readonly token: number; readonly request: Uint8Array; readonly sessionId: number | undefined } | undefined;
  #tokens = 0;

  /** @throws {RangeError} for an identity whose slots hold chains of more than 65535 bytes, or none in slot 0 */
  constructor(world: World, identity: ResponderIdentity, profile: ResponderProfile) {
    if (!identity.slots.has(0)) throw new RangeError('slot 0 must hold a chain');
    this.world = world;
    this.identity = identity;
    this.profile = profile;
    this.#chains = new Map([...identity.slots].toSorted(([a], [b]) => a - b).map(([slot, { certificates, root }]) => [slot, encodeChain(certificates, root)]));
  }

  /** A session that is alive. Whoever was silent for two heartbeat periods is not. */
  session(id: number): Session | undefined {
    this.#expire();
    return this.#sessions.get(id)?.session;
  }

  /** Ids of the sessions that are alive. */
  get sessionIds(): number[] {
    this.#expire();
    return [...this.#sessions.keys()];
  }

  /** Something other than SPDM was heard in a session, which counts as a heartbeat. @returns whether the session takes it: not while new keys wait to be verified */
  touch(id: number): boolean {
    const session = this.#sessions.get(id);
    if (!session || keyUpdatePending(session)) return false;
    session.lastHeard = this.world.now();
    return true;
  }

  /** Makes the device busy, or ready again. */
  setBusy(busy: boolean): void {
    this.#condition = busy ? 'busy' : 'normal';
  }

  /** The device was reset: negotiated state, sessions and their keys are gone, and the requester is told to begin anew. */
  reset(): void {
    this.#begin();
    this.#condition = 'lost';
  }

  /** Ends a session at once, as a device does that meets a fatal error: no answer in it goes out any more. */
  drop(id: number): void {
    this.#sessions.get(id)?.session.end();
    this.#sessions.delete(id);
  }

  /**
   * Answers a request.
   * @param request a message, in the clear @param sessionId of the session that it came in
   * @returns the response; whoever seals it calls {@link answer} instead
   */
  handle(request: Uint8Array, sessionId?: number): Uint8Array {
    const { response, sent } = this.answer(request, sessionId);
    sent();
    return response;
  }

  /** As {@link handle}, for whoever seals the response before its session changes keys or ends. */
  answer(request: Uint8Array, sessionId?: number): Answered {
    this.#expire();
    const afterwards: (() => void)[] = [];
    const sent = (): void => {
      for (const action of afterwards) action();
    };
    try {
      return { response: this.#bounded(this.#dispatch(request, sessionId, afterwards)), sent };
    } catch (error) {
      if (!(error instanceof TeemuError)) throw error;
      const refusal = error instanceof Refusal ? error : new Refusal(error instanceof CodecError ? 'InvalidRequest' : 'Unspecified', error.message);
      this.world.note(`spdm: ${codeName(request[1] ?? 0)}: ${refusal.message}`);
      return { response: this.refusal(refusal), sent };
    }
  }

  /** The ERROR message of a refusal, of the version of this connection. */
  refusal(refusal: Refusal): Uint8Array {
    return refusal.encode(this.#connection.errorVersion);
  }

  #dispatch(request: Uint8Array, sessionId: number | undefined, afterwards: (() => void)[]): Uint8Array {
    const head = new ByteReader(request, MESSAGE_HEADER.name).layout(MESSAGE_HEADER);
    if (sessionId !== undefined && !this.#sessions.has(sessionId)) throw new Refusal('InvalidSession', 'there is no such session');
    if (head.code === REQUEST.GET_VERSION) {
      if (sessionId !== undefined) throw new Refusal('UnexpectedRequest', 'does not belong into a session');
      return this.#version(request, head.spdmVersion, afterwards);
    }
    if (this.#condition === 'lost') throw new Refusal('RequestResynch', 'the negotiated state is lost');
    if (this.#condition === 'busy') throw new Refusal('Busy', 'the device is busy');
    const connection = this.#connection;
    if (connection.stage === 'fresh') throw new Refusal('UnexpectedRequest', 'a connection begins with GET_VERSION');
    if (connection.stage !== 'version' && head.spdmVersion !== connection.version) throw new Refusal('VersionMismatch', `the connection is of version 0x${connection.errorVersion.toString(16)}`);
    if (request.length > this.profile.maxMessageSize) throw new Refusal(head.spdmVersion >= SPDM_VERSION.v12 ? 'RequestTooLarge' : 'InvalidRequest', `${request.length} bytes are too many`);
    if (head.code === REQUEST.RESPOND_IF_READY) return this.#ready(request, sessionId, afterwards);
    this.#deferred = undefined;
    const row = REQUESTS.get(head.code);
    if (!row) throw new Refusal('UnsupportedRequest', 'is not known', { errorData: head.code });
    const exchange = this.#exchange(request, sessionId, afterwards);
    requirePlace(row, exchange, head.code);
    if (this.profile.deferred.has(head.code)) throw this.#putOff(head.code, request, sessionId);
    return this.#answered(row, exchange, head.code);
  }

  #answered(row: RequestRow, exchange: Exchange, code: number): Uint8Array {
    const { connection, session } = exchange;
    if (code !== REQUEST.GET_MEASUREMENTS) (session ?? connection).measurements.clear();
    if (row.endsChallenge && !connection.authenticated) connection.certificates.clear();
    const response = row.answer(exchange);
    if (session) session.lastHeard = this.world.now();
    return response;
  }

  #version(request: Uint8Array, spdmVersion: number, afterwards: (() => void)[]): Uint8Array {
    if (spdmVersion !== SPDM_VERSION.v10) {
      throw new Refusal('VersionMismatch', 'GET_VERSION is always of version 1.0', { version: SPDM_VERSION.v10 });
    }
    this.#begin();
    this.#condition = 'normal';
    return answerVersion(this.#exchange(request, undefined, afterwards));
  }

  #exchange(request: Uint8Array, sessionId: number | undefined, afterwards: (() => void)[]): Exchange {
    const session = sessionId === undefined ? undefined : this.#sessions.get(sessionId);
    return { world: this.world, identity: this.identity, profile: this.profile, chains: this.#chains, connection: this.#connection, sessions: this.#sessions, request, session, afterwards };
  }

  /** ResponseNotReady; the request is kept for RESPOND_IF_READY. */
  #putOff(requestCode: number, request: Uint8Array, sessionId: number | undefined): Refusal {
    const token = this.#tokens++ & 0xff;
    this.#deferred = { token, request: request.slice(), sessionId };
    return new Refusal('ResponseNotReady', 'is answered later', { extended: RESPONSE_NOT_READY.encode({ ...NOT_READY, requestCode, token }) });
  }

  #ready(request: Uint8Array, sessionId: number | undefined, afterwards: (() => void)[]): Uint8Array {
    const { requestCode, token } = new ByteReader(request, RESPOND_IF_READY.name).layout(RESPOND_IF_READY);
    const deferred = this.#deferred;
    if (!deferred || deferred.sessionId !== sessionId) throw new Refusal('UnexpectedRequest', 'nothing was put off');
    const row = REQUESTS.get(deferred.request[1] ?? 0);
    if (!row || requestCode !== deferred.request[1] || token !== deferred.token) throw new Refusal('InvalidRequest', 'names another request than the one that was put off');
    this.#deferred = undefined;
    return this.#answered(row, this.#exchange(deferred.request, sessionId, afterwards), requestCode);
  }

  /** A requester of SPDM 1.2 says how much it takes. */
  #bounded(response: Uint8Array): Uint8Array {
    if (response.length <= this.#connection.maxMessageSize) return response;
    const actual = new Uint8Array(4);
    new DataView(actual.buffer).setUint32(0, response.length, true);
    throw new Refusal('ResponseTooLarge', `the response has ${response.length} bytes`, { extended: actual });
  }

  /** A new connection: everything before is forgotten. */
  #begin(): void {
    for (const { session } of this.#sessions.values()) session.end();
    this.#sessions.clear();
    this.#connection = new Connection();
    this.#deferred = undefined;
  }

  #expire(): void {
    const now = this.world.now();
    for (const [id, { session, heartbeatPeriod, lastHeard }] of this.#sessions) {
      if (heartbeatPeriod === 0 || session.phase !== 'application' || now - lastHeard <= 2000 * heartbeatPeriod) continue;
      this.world.note(`spdm: session 0x${id.toString(16)}: no heartbeat for ${now - lastHeard} ms`);
      session.end();
      this.#sessions.delete(id);
    }
  }
}

/** Whether a request may come here and now: capabilities, order, session and phase. @throws {Refusal} */
function requirePlace(row: RequestRow, exchange: Exchange, code: number): void {
  const { connection, session, profile } = exchange;
  if (row.negotiated && connection.stage !== 'negotiated') throw new Refusal('UnexpectedRequest', 'no algorithms are negotiated yet');
  if (row.negotiated && !capable(row, profile.flags, connection.requesterFlags)) throw new Refusal('UnsupportedRequest', 'one of the ends cannot do this', { errorData: code });
  const asking = session ?? connection;
  const place = session === undefined ? 'clear' : session.session.phase;
  const answersBack = place === 'clear' && connection.encapsulation !== undefined && ENCAPSULATION.includes(code);
  const clearHandshake = place === 'clear' && row.places.includes('handshake') && profile.flags.handshakeInTheClear === 1 && connection.requesterFlags.handshakeInTheClear === 1;
  if (place === 'clear' && !row.places.includes('clear') && !clearHandshake && !answersBack) {
    throw new Refusal(connection.version === SPDM_VERSION.v12 ? 'SessionRequired' : 'UnexpectedRequest', 'belongs in a session');
  }
  if (place !== 'clear' && !row.places.some((one) => one === place)) throw new Refusal('UnexpectedRequest', `does not belong into the phase '${place}' of a session`);
  if (asking.encapsulation && !ENCAPSULATION.includes(code)) throw new Refusal('RequestInFlight', 'an encapsulated request waits for its answer');
  if (session && keyUpdatePending(session) && code !== REQUEST.KEY_UPDATE) throw new Refusal('UnexpectedRequest', 'new keys are to be verified first');
}
