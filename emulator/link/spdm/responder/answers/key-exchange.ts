/** KEY_EXCHANGE and FINISH. */
import { joined } from '../../bytes.ts';
import { RANDOM_SIZE } from '../../messages/algorithms.ts';
import { SLOT_COUNT, sha384 } from '../../messages/certificates.ts';
import { decodeFinish, decodeKeyExchange, encodeKeyExchangeRsp, FINISH_RSP_HEAD, finishIsSigned, MUTUAL_AUTH } from '../../messages/key-exchange.ts';
import type { SpdmVersion } from '../../messages/header.ts';
import { decodeSupportedVersions, encodeSelectedVersion, SECURED_VERSIONS } from '../../messages/opaque-data.ts';
import { ExchangeKey, Session } from '../../session/session.ts';
import { signatureHolds, signedMessage } from '../../session/signature.ts';
import { Transcript } from '../../session/transcript.ts';
import { SpdmError } from '../../spdm-error.ts';
import type { Answer, Exchange, ResponderSession } from '../connection.ts';
import { Refusal } from '../refusal.ts';
import { chainOf } from './certificates.ts';
import { beginEncapsulation } from './encapsulation.ts';
import { summaryHash } from './measurements.ts';

const HIGHEST_HALF = 0xffff;

/** Lowest place that is free; a handshake that was never finished makes room. @returns upper half of the session id: from 0xffff down */
function allocate({ sessions, profile }: Exchange): number {
  if (sessions.size >= profile.maxSessions) {
    const stale = [...sessions.values()].find(({ session }) => session.phase === 'handshake');
    if (!stale) throw new Refusal('SessionLimitExceeded', `there are ${sessions.size} sessions`);
    stale.session.end();
    sessions.delete(stale.session.id);
  }
  const taken = new Set([...sessions.keys()].map((id) => id >>> 16));
  let half = HIGHEST_HALF;
  while (taken.has(half)) half--;
  return half;
}

/** The highest version of secured messages that both have, as opaque data; none for a requester that names none. */
function selection(version: SpdmVersion, opaque: Uint8Array): Uint8Array {
  if (opaque.length === 0) return opaque;
  const offered = decodeSupportedVersions(version, opaque);
  const best = SECURED_VERSIONS.findLast((one) => offered.includes(one));
  if (best === undefined) throw new Refusal('InvalidRequest', 'no version of secured messages in common');
  return encodeSelectedVersion(version, best);
}

/** How this requester is asked to authenticate itself. */
function mutualAuthOf({ profile, connection: { requesterFlags } }: Exchange): number {
  if (profile.flags.mutAuth !== 1 || requesterFlags.mutAuth !== 1 || requesterFlags.encap !== 1 || requesterFlags.cert !== 1) return MUTUAL_AUTH.none;
  return profile.mutualAuth;
}

/** KEY_EXCHANGE_RSP; a session in its handshake. */
export const answerKeyExchange: Answer = (exchange) => {
  const { world, identity, profile, connection, request, sessions } = exchange;
  const { requesterFlags } = connection;
  const version = connection.version as SpdmVersion;
  if (!connection.opaqueData) throw new Refusal('InvalidRequest', 'no format of opaque data was agreed on');
  const { length, ...asked } = decodeKeyExchange(request);
  const chain = chainOf(exchange, asked.slot);
  const summary = summaryHash(exchange, asked.summary);
  const opaque = selection(version, asked.opaque);
  const key = new ExchangeKey(world, 'spdm/responder-exchange');
  const shared = sharedSecret(key, asked.exchange);
  const responderSessionId = allocate(exchange);
  const heartbeatPeriod = profile.flags.hbeat === 1 && requesterFlags.hbeat === 1 ? profile.heartbeatPeriod : 0;
  const clear = profile.flags.handshakeInTheClear === 1 && requesterFlags.handshakeInTheClear === 1;
  const mutualAuth = mutualAuthOf(exchange);
  const random = world.random('spdm/key-exchange-random', RANDOM_SIZE);
  const unsigned = encodeKeyExchangeRsp(version, { heartbeatPeriod, responderSessionId, mutualAuth, requesterSlot: 0, random, exchange: key.share, summary, opaque });
  const transcript = new Transcript([connection.vca.bytes(), sha384(chain), request.slice(0, length), unsigned]);
  const signature = identity.sign(asked.slot, signedMessage(version, 'keyExchangeRsp', transcript.bytes()));
  transcript.add(signature);
  const id = ((responderSessionId << 16) | asked.requesterSessionId) >>> 0;
  const session = new Session({ version, id, transcript, shared, lastSequence: profile.lastSequence });
  const verifyData = clear ? new Uint8Array(0) : session.verifyData('responder');
  transcript.add(verifyData);
  const encapsulation = mutualAuth === MUTUAL_AUTH.none ? undefined : beginEncapsulation(mutualAuth);
  sessions.set(id, {
    session,
    heartbeatPeriod,
    policy: asked.terminationPolicy,
    mutualAuth,
    clear,
    measurements: new Transcript(),
    lastHeard: world.now(),
    encapsulation,
    peer: undefined,
    keyUpdate: undefined,
  });
  return joined([unsigned, signature, verifyData]);
};

function sharedSecret(key: ExchangeKey, share: Uint8Array): Uint8Array {
  try {
    return key.shared(share);
  } catch (error) {
    throw error instanceof SpdmError ? new Refusal('InvalidRequest', error.message) : error;
  }
}

/** The session whose handshake a FINISH ends. */
function finishing({ session, sessions }: Exchange): ResponderSession {
  // In the clear nothing names the session: it is the one that was begun last.
  const found = session ?? [...sessions.values()].findLast((one) => one.clear && one.session.phase === 'handshake');
  if (found?.session.phase !== 'handshake') throw new Refusal('UnexpectedRequest', 'there is no handshake to finish');
  if (found.clear !== (session === undefined)) throw new Refusal(found.session.version >= 0x12 ? 'SessionRequired' : 'UnexpectedRequest', 'the handshake goes on where it began');
  return found;
}

/** FINISH_RSP; the session is set up. */
export const answerFinish: Answer = (exchange) => {
  const { request, connection, world, sessions } = exchange;
  const state = finishing(exchange);
  const { session, peer } = state;
  const wantsSignature = state.mutualAuth !== MUTUAL_AUTH.none;
  if (finishIsSigned(request) !== wantsSignature) throw new Refusal('InvalidRequest', wantsSignature ? 'must be signed' : 'must not be signed');
  const { head, requesterSlot, signature, verifyData } = decodeFinish(request);
  if (wantsSignature && (requesterSlot >= SLOT_COUNT || requesterSlot !== peer?.slot)) throw new Refusal('InvalidRequest', `slot ${requesterSlot} was not authenticated`);
  const failed = (rule: string): Refusal => {
    const end = (): void => {
      session.end();
      sessions.delete(session.id);
    };
    exchange.afterwards.push(end);
    return new Refusal('DecryptError', rule);
  };
  if (peer) session.transcript.add(peer.chainHash);
  session.transcript.add(head);
  if (peer && !signatureHolds(peer.key, session.version, 'finish', session.transcript.bytes(), signature)) throw failed('the signature does not verify');
  session.transcript.add(signature);
  if (!session.verifyDataHolds('requester', verifyData)) throw failed('the verify data is wrong');
  session.transcript.add(verifyData);
  const response = FINISH_RSP_HEAD.encode({ spdmVersion: connection.version as SpdmVersion });
  session.transcript.add(response);
  const mine = state.clear ? session.verifyData('responder') : new Uint8Array(0);
  session.transcript.add(mine);
  exchange.afterwards.push(() => {
    session.establish();
    state.lastHeard = world.now();
  });
  return joined([response, mine]);
};
