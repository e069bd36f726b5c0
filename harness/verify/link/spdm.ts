/** An SPDM connection with one session, judged from what went over the wire and the shared secret. */
import { TeemuError } from '../../../emulator/errors.ts';
import { joined } from '../../../emulator/link/spdm/bytes.ts';
import { SIGNATURE_SIZE } from '../../../emulator/link/spdm/messages/algorithms.ts';
import { ChainCollector, decodeCertificate, decodeChain, sha384 } from '../../../emulator/link/spdm/messages/certificates.ts';
import { DELIVER_ENCAPSULATED_RESPONSE, KEY_OPERATION, KEY_UPDATE } from '../../../emulator/link/spdm/messages/control.ts';
import { REQUEST, RESPONSE, type SpdmVersion } from '../../../emulator/link/spdm/messages/header.ts';
import { decodeFinish, decodeKeyExchange, decodeKeyExchangeRsp, FINISH_RSP_HEAD } from '../../../emulator/link/spdm/messages/key-exchange.ts';
import { decodeMeasurements } from '../../../emulator/link/spdm/messages/measurements.ts';
import { leafKey, signatureHolds } from '../../../emulator/link/spdm/session/signature.ts';
import { Transcript } from '../../../emulator/link/spdm/session/transcript.ts';
import { SpdmError } from '../../../emulator/link/spdm/spdm-error.ts';
import type { Binding } from '../../../emulator/link/spdm/transport/binding.ts';
import { DOE } from '../../../emulator/link/spdm/transport/doe.ts';
import { MAILBOX } from '../../../emulator/link/spdm/transport/mailbox.ts';
import { MCTP } from '../../../emulator/link/spdm/transport/mctp.ts';
import type { SpdmTranscript } from '../../../emulator/link/transcript.ts';
import { sameBytes } from '../../../emulator/pki/read.ts';
import { SessionKeys } from './keys.ts';
import type { LinkAppraisal, LinkReason } from './reasons.ts';

const BINDINGS: Readonly<Record<SpdmTranscript['binding'], Binding>> = { mctp: MCTP, doe: DOE, mailbox: MAILBOX };
const EMK_SIZE = 32;
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));

/** What an accepted transcript comes to. */
export interface SpdmFacts {
  readonly version: SpdmVersion;
  readonly secured: number;
  readonly mutual: boolean;
}

/** Judges a connection. */
export function playSpdm(appraisal: LinkAppraisal, transcript: SpdmTranscript): SpdmFacts {
  return appraisal.attempt('spdm-malformed', () => new Replay(appraisal, transcript).run());
}

class Replay {
  readonly #appraisal: LinkAppraisal;
  readonly #binding: Binding;
  readonly #transcript: SpdmTranscript;
  readonly #vca = new Transcript();
  /** What was measured since the last signature. */
  readonly #log = new Transcript();
  #responder: Uint8Array | undefined;
  #collector: ChainCollector | undefined;
  #requester: Uint8Array | undefined;
  #ownCollector: ChainCollector | undefined;
  #session: SessionKeys | undefined;
  #updating = false;
  #secured = 0;
  #mutual = false;
  #path = '';

  constructor(appraisal: LinkAppraisal, transcript: SpdmTranscript) {
    this.#appraisal = appraisal;
    this.#transcript = transcript;
    this.#binding = BINDINGS[transcript.binding];
  }

  run(): SpdmFacts {
    const { events } = this.#transcript;
    for (let i = 0; i < events.length; i++) {
      const event = events[i];
      this.#path = `events.${i}`;
      if (event?.do === 'export') this.#export(bytes(event.emk));
      else if (event?.do === 'request') {
        const request = this.#message('request', event.frame);
        const answer = events[++i];
        this.#path = `events.${i}`;
        if (answer?.do !== 'response') return this.#fail('spdm-malformed', 'a request without its response');
        // Keys change between a request and what answers it.
        if (request[1] === REQUEST.KEY_UPDATE) this.#prepare(request);
        this.#exchange(request, this.#message('response', answer.frame));
      } else return this.#fail('spdm-malformed', 'a response without its request');
    }
    if (!this.#session?.established) return this.#fail('spdm-no-session', 'ends before the session is set up');
    return { version: this.#session.version, secured: this.#secured, mutual: this.#mutual };
  }

  #fail(reason: LinkReason, message: string): never {
    return this.#appraisal.fail(reason, { message, path: this.#path });
  }

  /** What can't be read, or does not hold by itself. */
  #read<T>(read: () => T, reason: LinkReason = 'spdm-malformed'): T {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof TeemuError)) throw error;
      return this.#fail(error instanceof SpdmError && error.reason === 'spdm-certificate-chain' ? 'spdm-chain' : reason, error.message);
    }
  }

  #message(direction: 'request' | 'response', frame: string): Uint8Array {
    const { kind, payload } = this.#read(() => this.#binding.unframe(bytes(frame)));
    if (kind !== 'secured') return payload.length >= 4 ? payload : this.#fail('spdm-malformed', 'is shorter than a message');
    const session = this.#session;
    if (!session) return this.#fail('spdm-no-session', 'a secured message without a session');
    this.#secured++;
    const inside = this.#read(() => this.#binding.inside(session[direction].open(session.id, this.#binding.sequenceLength, payload)).payload, 'spdm-record');
    this.#appraisal.pass('spdm-record');
    return inside.length >= 4 ? inside : this.#fail('spdm-malformed', 'is shorter than a message');
  }

  #exchange(request: Uint8Array, response: Uint8Array): void {
    switch (request[1]) {
      case REQUEST.GET_VERSION:
      case REQUEST.GET_CAPABILITIES:
      case REQUEST.NEGOTIATE_ALGORITHMS:
        this.#vca.add(this.#trimmed(request), this.#trimmed(response));
        return;
      case REQUEST.GET_DIGESTS:
      case REQUEST.HEARTBEAT:
      case REQUEST.GET_ENCAPSULATED_REQUEST:
        return;
      case REQUEST.GET_CERTIFICATE:
        this.#certificate(response);
        return;
      case REQUEST.KEY_EXCHANGE:
        this.#keyExchange(request, response);
        return;
      case REQUEST.DELIVER_ENCAPSULATED_RESPONSE:
        this.#delivered(request.subarray(DELIVER_ENCAPSULATED_RESPONSE.size));
        return;
      case REQUEST.FINISH:
        this.#finish(request, response);
        return;
      case REQUEST.KEY_UPDATE:
        this.#updated(request);
        return;
      case REQUEST.GET_MEASUREMENTS:
        this.#measurements(request, response);
        return;
      default:
        this.#fail('spdm-malformed', `request 0x${request[1]?.toString(16)} has no place here`);
    }
  }

  /** Negotiation messages by their stated or fixed lengths: what a transport pads them with is no part of a transcript. */
  #trimmed(message: Uint8Array): Uint8Array {
    const long = message[0] === 0x12 ? 20 : 12;
    const fixed: Readonly<Record<number, number>> = { [REQUEST.GET_VERSION]: 4, [RESPONSE.VERSION]: 6 + 2 * (message[5] ?? 0), [REQUEST.GET_CAPABILITIES]: long, [RESPONSE.CAPABILITIES]: long };
    return message.subarray(0, fixed[message[1] ?? 0] ?? (message[4] ?? 0) + 256 * (message[5] ?? 0));
  }

  #certificate(response: Uint8Array): void {
    const portion = this.#read(() => decodeCertificate(response));
    this.#collector ??= new ChainCollector(portion.slot);
    const collector = this.#collector;
    const whole = this.#read(() => collector.add(portion));
    this.#responder = whole ?? this.#responder;
  }

  /** The requester's own certificates, as it tells them. */
  #delivered(answer: Uint8Array): void {
    if (answer[1] !== RESPONSE.CERTIFICATE) return;
    const portion = this.#read(() => decodeCertificate(answer));
    this.#ownCollector ??= new ChainCollector(portion.slot);
    const collector = this.#ownCollector;
    this.#requester = this.#read(() => collector.add(portion)) ?? this.#requester;
  }

  #chain(): Uint8Array {
    return this.#responder ?? this.#fail('spdm-chain', 'no certificate chain was read');
  }

  #keyExchange(request: Uint8Array, response: Uint8Array): void {
    const version = response[0] === 0x12 ? 0x12 : 0x11;
    const asked = this.#read(() => decodeKeyExchange(request));
    const answer = this.#read(() => decodeKeyExchangeRsp(response, asked.summary !== 0));
    const chain = this.#chain();
    const key = this.#read(() => leafKey(decodeChain(chain), 'P-384'), 'spdm-chain');
    this.#appraisal.pass('spdm-chain');
    const transcript = new Transcript([this.#vca.bytes(), sha384(chain), request.subarray(0, asked.length), answer.signed]);
    this.#appraisal.check('spdm-signature', signatureHolds(key, version, 'keyExchangeRsp', transcript.bytes(), answer.signature), () => ({
      message: 'KEY_EXCHANGE_RSP is not signed over what was said',
      path: this.#path,
    }));
    transcript.add(answer.signature);
    const id = ((answer.responderSessionId << 16) | asked.requesterSessionId) >>> 0;
    const session = new SessionKeys(version, id, transcript, bytes(this.#transcript.shared));
    this.#appraisal.check('spdm-verify-data', session.holds('responder', answer.verifyData), () => ({ message: 'the verify data of KEY_EXCHANGE_RSP is wrong', path: this.#path }));
    transcript.add(answer.verifyData);
    this.#session = session;
    this.#mutual = answer.mutualAuth !== 0;
  }

  #finish(request: Uint8Array, response: Uint8Array): void {
    const session = this.#session ?? this.#fail('spdm-no-session', 'FINISH without KEY_EXCHANGE');
    const { head, signature, verifyData } = this.#read(() => decodeFinish(request));
    const { transcript } = session;
    if (this.#mutual) {
      const chain = this.#requester ?? this.#fail('spdm-requester-signature', 'the requester did not tell its certificates');
      transcript.add(sha384(chain), head);
      const key = this.#read(() => leafKey(decodeChain(chain), 'RSA-3072'), 'spdm-chain');
      const holds = signature.length > 0 && signatureHolds(key, session.version, 'finish', transcript.bytes(), signature);
      this.#appraisal.check('spdm-requester-signature', holds, () => ({ message: 'FINISH is not signed by the requester', path: this.#path }));
      transcript.add(signature);
    } else transcript.add(head);
    this.#appraisal.check('spdm-verify-data', session.holds('requester', verifyData), () => ({ message: 'the verify data of FINISH is wrong', path: this.#path }));
    transcript.add(verifyData, response.subarray(0, FINISH_RSP_HEAD.size));
    session.establish();
  }

  #prepare(request: Uint8Array): void {
    const session = this.#session ?? this.#fail('spdm-no-session', 'KEY_UPDATE without a session');
    const { operation } = this.#read(() => KEY_UPDATE.decode(request.subarray(0, KEY_UPDATE.size)));
    if (operation === KEY_OPERATION.updateAllKeys) session.response.prepareUpdate();
  }

  #updated(request: Uint8Array): void {
    const session = this.#session ?? this.#fail('spdm-no-session', 'KEY_UPDATE without a session');
    const { operation } = KEY_UPDATE.decode(request.subarray(0, KEY_UPDATE.size));
    if (operation === KEY_OPERATION.verifyNewKey) {
      if (!this.#updating) this.#fail('spdm-malformed', 'a key is verified that was not updated');
      this.#updating = false;
      return;
    }
    if (operation === KEY_OPERATION.updateAllKeys) session.response.commitUpdate();
    session.request.commitUpdate();
    this.#updating = true;
  }

  #measurements(request: Uint8Array, response: Uint8Array): void {
    if (this.#updating) this.#fail('spdm-malformed', 'new keys are to be verified first');
    const signed = ((request[2] ?? 0) & 1) === 1;
    const answer = this.#read(() => decodeMeasurements(response, signed ? SIGNATURE_SIZE : 0));
    this.#log.add(request.subarray(0, signed ? 37 : 4), answer.signed);
    if (!signed) return;
    const version = response[0] === 0x12 ? 0x12 : 0x11;
    const transcript = version === 0x12 ? joined([this.#vca.bytes(), this.#log.bytes()]) : this.#log.bytes();
    const key = this.#read(() => leafKey(decodeChain(this.#chain()), 'P-384'), 'spdm-chain');
    this.#appraisal.check('spdm-signature', signatureHolds(key, version, 'measurements', transcript, answer.signature), () => ({ message: 'MEASUREMENTS are not signed by the key of the chain', path: this.#path }));
    this.#log.clear();
  }

  #export(emk: Uint8Array): void {
    const session = this.#session;
    if (!session?.established) this.#fail('spdm-no-session', 'there is nothing to be exported yet');
    const secret = session.takeExport() ?? this.#fail('spdm-second-export', 'the export master secret was taken before');
    this.#appraisal.pass('spdm-second-export');
    this.#appraisal.check('message-differs', sameBytes(secret.subarray(0, EMK_SIZE), emk), () => ({ message: 'another export master key comes out', path: this.#path }));
  }
}
