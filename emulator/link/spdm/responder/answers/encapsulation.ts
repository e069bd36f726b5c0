/** GET_ENCAPSULATED_REQUEST and DELIVER_ENCAPSULATED_RESPONSE: the responder reads the requester's certificate chain. */
import { ByteReader } from '../../../../codec/stream.ts';
import { TeemuError } from '../../../../errors.ts';
import { joined, sameBytes } from '../../bytes.ts';
import { HASH_SIZE, RANDOM_SIZE, REQUESTER_SIGNATURE_SIZE } from '../../messages/algorithms.ts';
import { CERTIFICATE_HEAD, ChainCollector, decodeCertificate, decodeChain, decodeDigests, DIGESTS_HEAD, GET_CERTIFICATE, GET_DIGESTS, sha384 } from '../../messages/certificates.ts';
import { CHALLENGE, decodeChallengeAuth } from '../../messages/challenge.ts';
import { ACK_PAYLOAD, DELIVER_ENCAPSULATED_RESPONSE, ENCAPSULATED_REQUEST, ENCAPSULATED_RESPONSE_ACK_11, ENCAPSULATED_RESPONSE_ACK_12 } from '../../messages/control.ts';
import { HEADER_SIZE, MESSAGE_HEADER, RESPONSE, SPDM_VERSION, type SpdmVersion } from '../../messages/header.ts';
import { MUTUAL_AUTH } from '../../messages/key-exchange.ts';
import { leafKey, signatureHolds } from '../../session/signature.ts';
import { Transcript } from '../../session/transcript.ts';
import type { Answer, Asking, Encapsulation, Exchange } from '../connection.ts';
import { Refusal } from '../refusal.ts';

/** What answers each step. */
const WANTED = { digests: RESPONSE.DIGESTS, certificate: RESPONSE.CERTIFICATE, challenge: RESPONSE.CHALLENGE_AUTH } as const;

/** What there is to ask for after a KEY_EXCHANGE_RSP or CHALLENGE_AUTH. @param mutualAuth one of `MUTUAL_AUTH`, not none @param challenges whether a CHALLENGE comes last */
export function beginEncapsulation(mutualAuth: number, challenges = false): Encapsulation {
  // With `digests`, the response to a GET_DIGESTS that nobody sent comes first.
  const assumed = mutualAuth === MUTUAL_AUTH.digests;
  return { challenges, transcript: new Transcript(), requestId: 0, step: 'digests', pending: assumed ? GET_DIGESTS.encode({}) : undefined, digests: undefined, chain: undefined };
}

/** In a session it is that one; in the clear the connection, or the handshake that is in the clear too. */
function encapsulationOf({ session, sessions, connection }: Exchange): { state: Asking; encapsulation: Encapsulation } {
  const clear = connection.encapsulation ? connection : [...sessions.values()].findLast((one) => one.clear && one.session.phase === 'handshake');
  const state: Asking | undefined = session ?? clear;
  if (!state?.encapsulation) throw new Refusal('UnexpectedRequest', 'nothing is asked of the requester');
  return { state, encapsulation: state.encapsulation };
}

/** The next request: a new id, and the digests or the next portion of the chain. */
function nextRequest({ connection, profile, world }: Exchange, encapsulation: Encapsulation): Uint8Array {
  const spdmVersion = connection.version as SpdmVersion;
  const { step, chain } = encapsulation;
  const most = Math.min(profile.maxMessageSize - DELIVER_ENCAPSULATED_RESPONSE.size, 0xffff) - CERTIFICATE_HEAD.size;
  const slot = chain?.slot ?? 0;
  const requests = {
    digests: () => GET_DIGESTS.encode({ spdmVersion }),
    certificate: () => GET_CERTIFICATE.encode({ spdmVersion, slot, offset: chain?.size ?? 0, length: most }),
    challenge: () => CHALLENGE.encode({ spdmVersion, slot, nonce: world.random('spdm/challenge-nonce', RANDOM_SIZE) }),
  };
  const request = requests[step]();
  encapsulation.requestId = (encapsulation.requestId + 1) & 0xff;
  encapsulation.pending = request;
  return request;
}

/** ENCAPSULATED_REQUEST; asked again, the same one. */
export const answerGetEncapsulated: Answer = (exchange) => {
  const { encapsulation } = encapsulationOf(exchange);
  const request = encapsulation.pending ?? nextRequest(exchange, encapsulation);
  return joined([ENCAPSULATED_REQUEST.encode({ spdmVersion: exchange.connection.version as SpdmVersion, requestId: encapsulation.requestId }), request]);
};

/** ENCAPSULATED_RESPONSE_ACK, with the next request in it. */
export const answerDeliver: Answer = (exchange) => {
  const { state, encapsulation } = encapsulationOf(exchange);
  const reader = new ByteReader(exchange.request, DELIVER_ENCAPSULATED_RESPONSE.name);
  const { requestId } = reader.layout(DELIVER_ENCAPSULATED_RESPONSE);
  if (reader.left < HEADER_SIZE) throw new Refusal('InvalidRequest', 'no response is in it');
  if (encapsulation.pending === undefined || requestId !== encapsulation.requestId) throw new Refusal('InvalidRequest', `answers request ${requestId}, not ${encapsulation.requestId}`);
  const response = reader.bytes(reader.left, 'response');
  try {
    take(exchange, state, encapsulation, response);
  } catch (error) {
    if (!(error instanceof TeemuError)) throw error;
    // Whoever does not say who he is does not get a session: FINISH finds nobody who was authenticated.
    state.encapsulation = undefined;
    throw new Refusal('InvalidResponseCode', error.message);
  }
  if (!state.encapsulation) return ack(exchange, requestId, 0, state.peer?.slot);
  const next = nextRequest(exchange, encapsulation);
  return joined([ack(exchange, requestId, encapsulation.requestId, undefined), next]);
};

function ack({ connection }: Exchange, ackRequestId: number, requestId: number, slot: number | undefined): Uint8Array {
  const spdmVersion = connection.version as SpdmVersion;
  const payload = requestId !== 0 ? ACK_PAYLOAD.request : slot ? ACK_PAYLOAD.slot : ACK_PAYLOAD.absent;
  const head = spdmVersion >= SPDM_VERSION.v12 ? ENCAPSULATED_RESPONSE_ACK_12.encode({ spdmVersion, requestId, payload, ackRequestId }) : ENCAPSULATED_RESPONSE_ACK_11.encode({ spdmVersion, requestId, payload });
  return payload === ACK_PAYLOAD.slot ? joined([head, Uint8Array.of(slot ?? 0)]) : head;
}

/** Takes a response in. @throws {TeemuError} for one that is not what was asked for */
function take(exchange: Exchange, state: Asking, encapsulation: Encapsulation, response: Uint8Array): void {
  const { connection } = exchange;
  const { spdmVersion, code } = new ByteReader(response, MESSAGE_HEADER.name).layout(MESSAGE_HEADER);
  if (spdmVersion !== connection.version || code !== WANTED[encapsulation.step]) throw new Refusal('InvalidResponseCode', 'is no answer to the encapsulated request');
  const asked = encapsulation.pending ?? new Uint8Array(0);
  encapsulation.pending = undefined;
  if (encapsulation.step === 'challenge') {
    takeChallenge(exchange, state, encapsulation, asked, response);
    return;
  }
  if (encapsulation.step === 'digests') {
    const digests = decodeDigests(response);
    encapsulation.transcript.add(asked, response.subarray(0, DIGESTS_HEAD.size + HASH_SIZE * digests.size));
    const [slot] = digests.keys();
    if (slot === undefined) throw new Refusal('InvalidResponseCode', 'the requester has no chain');
    encapsulation.digests = digests;
    encapsulation.chain = new ChainCollector(slot);
    encapsulation.step = 'certificate';
    return;
  }
  const { chain: collector, digests } = encapsulation;
  const portion = decodeCertificate(response);
  encapsulation.transcript.add(asked, response.subarray(0, CERTIFICATE_HEAD.size + portion.portion.length));
  const chain = collector?.add(portion);
  if (!collector || !chain) return;
  const chainHash = sha384(chain);
  if (!sameBytes(chainHash, digests?.get(collector.slot) ?? new Uint8Array(0))) throw new Refusal('InvalidResponseCode', 'the chain is not that of the digest');
  state.peer = { slot: collector.slot, chainHash, key: leafKey(decodeChain(chain), 'RSA-3072') };
  if (encapsulation.challenges) encapsulation.step = 'challenge';
  else state.encapsulation = undefined;
}

/** Without the right signature nobody was authenticated. */
function takeChallenge({ connection }: Exchange, state: Asking, { transcript }: Encapsulation, asked: Uint8Array, response: Uint8Array): void {
  const version = connection.version as SpdmVersion;
  const { peer } = state;
  state.peer = undefined;
  const { slot, chainHash, signed, signature } = decodeChallengeAuth(response, false, REQUESTER_SIGNATURE_SIZE);
  if (!peer || slot !== peer.slot || !sameBytes(chainHash, peer.chainHash)) throw new Refusal('InvalidResponseCode', 'answers for another chain');
  // In SPDM 1.1 the negotiation is no part of what a requester signs.
  const whole = joined([...(version >= SPDM_VERSION.v12 ? [connection.vca.bytes()] : []), transcript.bytes(), asked, signed]);
  if (!signatureHolds(peer.key, version, 'requesterChallengeAuth', whole, signature)) throw new Refusal('InvalidResponseCode', 'the signature does not verify');
  state.peer = peer;
  state.encapsulation = undefined;
}
