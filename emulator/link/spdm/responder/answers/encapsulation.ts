/** GET_ENCAPSULATED_REQUEST and DELIVER_ENCAPSULATED_RESPONSE: the responder reads the requester's certificate chain. */
import { ByteReader } from '../../../../codec/stream.ts';
import { TeemuError } from '../../../../errors.ts';
import { joined, sameBytes } from '../../bytes.ts';
import { CERTIFICATE_HEAD, ChainCollector, decodeCertificate, decodeChain, decodeDigests, GET_CERTIFICATE, GET_DIGESTS, sha384 } from '../../messages/certificates.ts';
import { ACK_PAYLOAD, DELIVER_ENCAPSULATED_RESPONSE, ENCAPSULATED_REQUEST, ENCAPSULATED_RESPONSE_ACK_11, ENCAPSULATED_RESPONSE_ACK_12 } from '../../messages/control.ts';
import { HEADER_SIZE, MESSAGE_HEADER, RESPONSE, SPDM_VERSION, type SpdmVersion } from '../../messages/header.ts';
import { MUTUAL_AUTH } from '../../messages/key-exchange.ts';
import { leafKey } from '../../session/signature.ts';
import type { Answer, Encapsulation, Exchange, ResponderSession } from '../connection.ts';
import { Refusal } from '../refusal.ts';

/** What there is to ask for after a KEY_EXCHANGE_RSP. @param mutualAuth one of `MUTUAL_AUTH`, not none */
export function beginEncapsulation(mutualAuth: number): Encapsulation {
  // With `digests`, the response to a GET_DIGESTS that nobody sent comes first.
  const assumed = mutualAuth === MUTUAL_AUTH.digests;
  return { requestId: 0, step: 'digests', pending: assumed ? GET_DIGESTS.encode({}) : undefined, digests: undefined, chain: undefined };
}

function encapsulationOf({ session, sessions }: Exchange): { state: ResponderSession; encapsulation: Encapsulation } {
  const state = session ?? [...sessions.values()].findLast((one) => one.clear && one.session.phase === 'handshake');
  if (!state?.encapsulation) throw new Refusal('UnexpectedRequest', 'nothing is asked of the requester');
  return { state, encapsulation: state.encapsulation };
}

/** The next request: a new id, and the digests or the next portion of the chain. */
function nextRequest({ connection, profile }: Exchange, encapsulation: Encapsulation): Uint8Array {
  const spdmVersion = connection.version as SpdmVersion;
  const { step, chain } = encapsulation;
  const most = Math.min(profile.maxMessageSize - DELIVER_ENCAPSULATED_RESPONSE.size, 0xffff) - CERTIFICATE_HEAD.size;
  const request = step === 'digests' || !chain ? GET_DIGESTS.encode({ spdmVersion }) : GET_CERTIFICATE.encode({ spdmVersion, slot: chain.slot, offset: chain.size, length: most });
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
function take({ connection }: Exchange, state: ResponderSession, encapsulation: Encapsulation, response: Uint8Array): void {
  const { spdmVersion, code } = new ByteReader(response, MESSAGE_HEADER.name).layout(MESSAGE_HEADER);
  const wanted = encapsulation.step === 'digests' ? RESPONSE.DIGESTS : RESPONSE.CERTIFICATE;
  if (spdmVersion !== connection.version || code !== wanted) throw new Refusal('InvalidResponseCode', 'is no answer to the encapsulated request');
  encapsulation.pending = undefined;
  if (encapsulation.step === 'digests') {
    const digests = decodeDigests(response);
    const [slot] = digests.keys();
    if (slot === undefined) throw new Refusal('InvalidResponseCode', 'the requester has no chain');
    encapsulation.digests = digests;
    encapsulation.chain = new ChainCollector(slot);
    encapsulation.step = 'certificate';
    return;
  }
  const { chain: collector, digests } = encapsulation;
  const chain = collector?.add(decodeCertificate(response));
  if (!collector || !chain) return;
  const chainHash = sha384(chain);
  if (!sameBytes(chainHash, digests?.get(collector.slot) ?? new Uint8Array(0))) throw new Refusal('InvalidResponseCode', 'the chain is not that of the digest');
  state.peer = { slot: collector.slot, chainHash, key: leafKey(decodeChain(chain), 'RSA-3072') };
  state.encapsulation = undefined;
}
