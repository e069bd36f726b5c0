/** The responder's own requests, answered by a requester: who it is, and with a CHALLENGE, that it has the key. */
import { ByteReader } from '../../../codec/stream.ts';
import { joined } from '../bytes.ts';
import { RANDOM_SIZE } from '../messages/algorithms.ts';
import { encodeCertificate, encodeChain, encodeDigests, GET_CERTIFICATE, GET_DIGESTS, sha384 } from '../messages/certificates.ts';
import { CHALLENGE, encodeChallengeAuth, SUMMARY } from '../messages/challenge.ts';
import { ACK_PAYLOAD, DELIVER_ENCAPSULATED_RESPONSE, ENCAPSULATED_REQUEST, ENCAPSULATED_RESPONSE_ACK_11, ENCAPSULATED_RESPONSE_ACK_12, GET_ENCAPSULATED_REQUEST } from '../messages/control.ts';
import { ERROR, ERROR_CODE, MESSAGE_HEADER, REQUEST, RESPONSE, SPDM_VERSION } from '../messages/header.ts';
import { MUTUAL_AUTH } from '../messages/key-exchange.ts';
import type { Session } from '../session/session.ts';
import { signedMessage } from '../session/signature.ts';
import { Transcript } from '../session/transcript.ts';
import { SpdmError } from '../spdm-error.ts';
import type { Requester } from './requester.ts';

/** Most encapsulated requests in a row: a chain of 64 KiB in small portions. */
const MOST_ENCAPSULATED = 2048;

/** A request of the responder's, with its id. */
interface Asked {
  readonly id: number;
  readonly request: Uint8Array;
}

/**
 * Answers the responder's own requests until it has no more.
 * @param mutualAuth how it asks: one of `MUTUAL_AUTH` @param session in which that happens; none for the clear
 */
export function answerEncapsulated(requester: Requester, mutualAuth: number, session: Session | undefined): void {
  const { conversation, negotiated } = requester;
  const spdmVersion = negotiated.version;
  if (mutualAuth === MUTUAL_AUTH.direct) return;
  const answers = new Answers(requester);
  let next: Asked | undefined;
  if (mutualAuth === MUTUAL_AUTH.digests) next = { id: 0, request: GET_DIGESTS.encode({ spdmVersion }) };
  else {
    const reader = new ByteReader(conversation.ask(GET_ENCAPSULATED_REQUEST.encode({ spdmVersion }), RESPONSE.ENCAPSULATED_REQUEST, session), ENCAPSULATED_REQUEST.name);
    const { requestId } = reader.layout(ENCAPSULATED_REQUEST);
    next = { id: requestId, request: reader.bytes(reader.left, 'request') };
  }
  for (let count = 0; next; count++) {
    if (count >= MOST_ENCAPSULATED) throw new SpdmError('spdm-response', 'the responder asks without end');
    const delivered = joined([DELIVER_ENCAPSULATED_RESPONSE.encode({ spdmVersion, requestId: next.id }), answers.answer(next.request)]);
    next = following(conversation.ask(delivered, RESPONSE.ENCAPSULATED_RESPONSE_ACK, session), spdmVersion);
  }
}

/** The request in an acknowledgement, if there is one. */
function following(ack: Uint8Array, spdmVersion: number): Asked | undefined {
  const reader = new ByteReader(ack, ENCAPSULATED_RESPONSE_ACK_11.name);
  const { payload, requestId } = spdmVersion >= SPDM_VERSION.v12 ? reader.layout(ENCAPSULATED_RESPONSE_ACK_12, { reserved: 'keep' }) : reader.layout(ENCAPSULATED_RESPONSE_ACK_11);
  if (payload === ACK_PAYLOAD.request) return { id: requestId, request: reader.bytes(reader.left, 'request') };
  if (payload === ACK_PAYLOAD.slot && reader.bytes(1, 'slot')[0] !== 0) throw new SpdmError('spdm-response', 'the responder wants a slot that holds no chain');
  return undefined;
}

/** Answers of one exchange: a requester has one chain, in slot 0, and no measurements. */
class Answers {
  readonly #requester: Requester;
  readonly #chain: Uint8Array;
  /** What a CHALLENGE signs behind the negotiation: everything about certificates. */
  readonly #certificates = new Transcript();

  constructor(requester: Requester) {
    this.#requester = requester;
    this.#chain = encodeChain(requester.identity.certificates);
  }

  answer(request: Uint8Array): Uint8Array {
    const spdmVersion = this.#requester.negotiated.version;
    const { code } = new ByteReader(request, MESSAGE_HEADER.name).layout(MESSAGE_HEADER);
    switch (code) {
      case REQUEST.GET_DIGESTS:
        return this.#said(request.subarray(0, GET_DIGESTS.size), encodeDigests(spdmVersion, new Map([[0, sha384(this.#chain)]])));
      case REQUEST.GET_CERTIFICATE:
        return this.#certificate(request);
      case REQUEST.CHALLENGE:
        return this.#challenge(request);
      default:
        return this.#refuse('UnsupportedRequest', code);
    }
  }

  #certificate(request: Uint8Array): Uint8Array {
    const { negotiated, profile } = this.#requester;
    const { slot, offset, length } = new ByteReader(request, GET_CERTIFICATE.name).layout(GET_CERTIFICATE);
    if (slot !== 0 || offset >= this.#chain.length || length === 0) return this.#refuse('InvalidRequest');
    const most = Math.min(profile.maxMessageSize, negotiated.maxMessageSize) - DELIVER_ENCAPSULATED_RESPONSE.size - GET_CERTIFICATE.size;
    return this.#said(request.subarray(0, GET_CERTIFICATE.size), encodeCertificate(negotiated.version, this.#chain, { slot, offset, length }, most));
  }

  #challenge(request: Uint8Array): Uint8Array {
    const { world, negotiated, identity } = this.#requester;
    const { version, vca } = negotiated;
    const { slot, summary } = new ByteReader(request, CHALLENGE.name).layout(CHALLENGE);
    if (slot !== 0 || summary !== SUMMARY.none) return this.#refuse('InvalidRequest');
    const nonce = world.random('spdm/requester-challenge-nonce', RANDOM_SIZE);
    const none = new Uint8Array(0);
    const response = encodeChallengeAuth(version, { slot, slotMask: 1, basicMutualAuth: false, chainHash: sha384(this.#chain), nonce, summary: none, opaque: none });
    // In SPDM 1.1 the negotiation is no part of what a requester signs, though it is of what a responder does.
    const transcript = joined([...(version >= SPDM_VERSION.v12 ? [vca.bytes()] : []), this.#certificates.bytes(), request.subarray(0, CHALLENGE.size), response]);
    return joined([response, identity.sign(signedMessage(version, 'requesterChallengeAuth', transcript))]);
  }

  #said(request: Uint8Array, response: Uint8Array): Uint8Array {
    this.#certificates.add(request, response);
    return response;
  }

  #refuse(name: 'InvalidRequest' | 'UnsupportedRequest', errorData = 0): Uint8Array {
    return ERROR.encode({ spdmVersion: this.#requester.negotiated.version, errorCode: ERROR_CODE[name], errorData });
  }
}
