/**
 * Sessions of DMTF's own requester and responder, recorded with their secrets: the same frames through our codecs, key schedule, secured
 * messages and signatures. Nothing of them is ours, so agreement is no accident.
 */
import { beforeAll, expect, test } from 'vitest';
import { joined } from '../../../emulator/link/spdm/bytes.ts';
import { SIGNATURE_SIZE } from '../../../emulator/link/spdm/messages/algorithms.ts';
import { CERTIFICATE_HEAD, ChainCollector, decodeCertificate, decodeChain, decodeDigests, sha384 } from '../../../emulator/link/spdm/messages/certificates.ts';
import { KEY_OPERATION, KEY_UPDATE } from '../../../emulator/link/spdm/messages/control.ts';
import { REQUEST, RESPONSE, type SpdmVersion } from '../../../emulator/link/spdm/messages/header.ts';
import { decodeFinish, decodeKeyExchange, decodeKeyExchangeRsp } from '../../../emulator/link/spdm/messages/key-exchange.ts';
import { decodeMeasurements } from '../../../emulator/link/spdm/messages/measurements.ts';
import { decodeSelectedVersion, decodeSupportedVersions } from '../../../emulator/link/spdm/messages/opaque-data.ts';
import { handshakeSecrets, sessionSecrets, trafficKey, updatedSecret } from '../../../emulator/link/spdm/session/key-schedule.ts';
import { Session } from '../../../emulator/link/spdm/session/session.ts';
import { leafKey, signatureHolds } from '../../../emulator/link/spdm/session/signature.ts';
import { Transcript } from '../../../emulator/link/spdm/session/transcript.ts';
import type { Binding } from '../../../emulator/link/spdm/transport/binding.ts';
import { DOE } from '../../../emulator/link/spdm/transport/doe.ts';
import { MCTP } from '../../../emulator/link/spdm/transport/mctp.ts';
import { describeReal, realSample } from '../../real-samples.ts';
import { hex, unhex } from './devices.ts';

interface Frame {
  readonly n: number;
  readonly dir: 'req' | 'rsp';
  readonly cmdName: string;
  readonly payload: string;
}
interface Secrets {
  readonly sessions: readonly { readonly dheSecret: string; readonly ordered: readonly (readonly [string, string])[] }[];
}
/** Name, version, transport, and how many secured messages there are: 152 in all. Over MCTP an application message goes along in each session. */
const RECORDINGS: readonly (readonly [string, SpdmVersion, Binding, number])[] = [
  ['gh100_v11', 0x11, MCTP, 40],
  ['gh100_v12', 0x12, MCTP, 40],
  ['gh100_v11_doe', 0x11, DOE, 36],
  ['gh100_v12_doe', 0x12, DOE, 36],
];

/** What a replay found. */
interface Found {
  secured: number;
  readonly signatures: string[];
  readonly verifyData: string[];
  readonly sessions: { readonly ours: [string, string][]; readonly theirs: readonly (readonly [string, string])[] }[];
}

/** Messages end where their own lengths say; what DOE pads them with is no part of a transcript. */
class Replay {
  readonly version: SpdmVersion;
  readonly binding: Binding;
  readonly frames: readonly Frame[];
  readonly secrets: Secrets;
  readonly found: Found = { secured: 0, signatures: [], verifyData: [], sessions: [] };
  readonly vca = new Transcript();
  readonly log = new Transcript();
  readonly chains = new Map<string, Uint8Array>();
  at = 0;

  constructor(name: string, version: SpdmVersion, binding: Binding) {
    this.version = version;
    this.binding = binding;
    const text = (suffix: string): string => Buffer.from(realSample(`spdm/${name}.${suffix}`)).toString('utf8');
    this.frames = text('frames.jsonl')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Frame)
      .filter(({ cmdName, payload }) => cmdName === 'NORMAL' && binding.unframe(unhex(payload)).kind !== 'discovery');
    this.secrets = JSON.parse(text('secrets.json')) as Secrets;
  }

  /** The next exchange in the clear; undefined at the end, or when a session goes on. */
  next(session?: Session): { request: Uint8Array; response: Uint8Array } | undefined {
    const [request, response] = [this.frames[this.at], this.frames[this.at + 1]];
    if (!request || !response) return undefined;
    this.at += 2;
    return { request: this.message(request, session), response: this.message(response, session) };
  }

  message({ dir, payload }: Frame, session: Session | undefined): Uint8Array {
    const frame = this.binding.unframe(unhex(payload));
    if (frame.kind !== 'secured') return frame.payload;
    this.found.secured++;
    if (!session) throw new Error('a secured message without a session');
    return this.binding.inside(session.open(dir === 'req' ? 'request' : 'response', this.binding.sequenceLength, frame.payload)).payload;
  }

  run(): Found {
    for (let exchange = this.next(); exchange; exchange = this.next()) {
      const { request, response } = exchange;
      switch (request[1]) {
        case REQUEST.GET_VERSION:
        case REQUEST.GET_CAPABILITIES:
        case REQUEST.NEGOTIATE_ALGORITHMS:
          this.vca.add(this.trimmed(request), this.trimmed(response));
          break;
        case REQUEST.GET_DIGESTS:
          expect(decodeDigests(response).size).toBe(2);
          break;
        case REQUEST.GET_CERTIFICATE:
          this.takeChain('responder', response);
          break;
        case REQUEST.GET_MEASUREMENTS:
          this.checkMeasurements(request, response);
          break;
        case REQUEST.KEY_EXCHANGE:
          this.session(request, response);
          break;
        default:
          throw new Error(`request 0x${request[1]?.toString(16)} was not expected`);
      }
    }
    return this.found;
  }

  /** Negotiation messages by their stated or fixed lengths. */
  trimmed(message: Uint8Array): Uint8Array {
    const fixed: Readonly<Record<number, number>> = {
      [REQUEST.GET_VERSION]: 4,
      [RESPONSE.VERSION]: 6 + 2 * (message[5] ?? 0),
      [REQUEST.GET_CAPABILITIES]: this.version === 0x12 ? 20 : 12,
      [RESPONSE.CAPABILITIES]: this.version === 0x12 ? 20 : 12,
    };
    return message.subarray(0, fixed[message[1] ?? 0] ?? (message[4] ?? 0) + 256 * (message[5] ?? 0));
  }

  takeChain(whose: string, response: Uint8Array): void {
    const portion = decodeCertificate(response);
    const bytes = new ChainCollector(portion.slot).add(portion);
    if (!bytes) throw new Error('the recorded chains come in one portion');
    expect(response.length - CERTIFICATE_HEAD.size - bytes.length).toBeLessThan(4);
    this.chains.set(`${whose} ${portion.slot}`, bytes);
  }

  key(chain: string, kind: 'P-384' | 'RSA-3072') {
    return leafKey(decodeChain(this.chains.get(chain) ?? new Uint8Array(0)), kind);
  }

  checkMeasurements(request: Uint8Array, response: Uint8Array): void {
    const signed = ((request[2] ?? 0) & 1) === 1;
    const answer = decodeMeasurements(response, signed ? SIGNATURE_SIZE : 0);
    this.log.add(request.subarray(0, signed ? 37 : 4), answer.signed);
    if (!signed) return;
    const transcript = this.version === 0x12 ? joined([this.vca.bytes(), this.log.bytes()]) : this.log.bytes();
    expect(signatureHolds(this.key(`responder ${answer.slot}`, 'P-384'), this.version, 'measurements', transcript, answer.signature)).toBe(true);
    expect(signatureHolds(this.key(`responder ${answer.slot}`, 'P-384'), this.version, 'measurements', transcript, answer.signature.with(5, (answer.signature[5] ?? 0) ^ 1))).toBe(false);
    this.found.signatures.push('measurements');
    this.log.clear();
  }

  session(request: Uint8Array, response: Uint8Array): void {
    const { version } = this;
    const secrets = this.secrets.sessions[this.found.sessions.length];
    if (!secrets) throw new Error('more sessions than secrets');
    const asked = decodeKeyExchange(request);
    const answer = decodeKeyExchangeRsp(response, asked.summary !== 0);
    expect(decodeSupportedVersions(version, asked.opaque)).toContain(decodeSelectedVersion(version, answer.opaque));
    const chain = `responder ${asked.slot}`;
    const transcript = new Transcript([this.vca.bytes(), sha384(this.chains.get(chain) as Uint8Array), request.subarray(0, asked.length), answer.signed]);
    expect(signatureHolds(this.key(chain, 'P-384'), version, 'keyExchangeRsp', transcript.bytes(), answer.signature)).toBe(true);
    this.found.signatures.push('keyExchangeRsp');
    transcript.add(answer.signature);
    const th1 = transcript.hash();
    const shared = unhex(secrets.dheSecret);
    const id = ((answer.responderSessionId << 16) | asked.requesterSessionId) >>> 0;
    const session = new Session({ version, id, transcript, shared });
    expect(session.verifyDataHolds('responder', answer.verifyData)).toBe(true);
    this.found.verifyData.push('responder');
    transcript.add(answer.verifyData);
    const handshake = handshakeSecrets(version, shared, th1);
    this.handshake(session);
    const application = sessionSecrets(version, handshake.handshakeSecret, transcript.hash());
    session.establish();
    expect(hex(session.exportMasterSecret())).toBe(hex(application.exportMasterSecret));
    const pairs = (secret: Uint8Array): [string, string][] => Object.entries(trafficKey(version, secret)).map(([name, bytes]) => [name, hex(bytes as Uint8Array)]);
    const ours: [string, string][] = [
      ['handshake_secret', hex(handshake.handshakeSecret)],
      ['request_handshake_secret', hex(handshake.request)],
      ['response_handshake_secret', hex(handshake.response)],
      ['finished_key', hex(handshake.requestFinished)],
      ['finished_key', hex(handshake.responseFinished)],
      ...pairs(handshake.request),
      ...pairs(handshake.response),
      ['master_secret', hex(application.masterSecret)],
      ['request_data_secret', hex(application.request)],
      ['response_data_secret', hex(application.response)],
      ['export_master_secret', hex(application.exportMasterSecret)],
      ...pairs(application.request),
      ...pairs(application.response),
    ];
    this.found.sessions.push({ ours, theirs: secrets.ordered });
    this.application(session, { request: application.request, response: application.response }, (secret) => ours.push(...pairs(secret)));
    expect(session.phase).toBe('over');
  }

  /** Encapsulated requests, then FINISH. */
  handshake(session: Session): void {
    const { version } = this;
    for (let exchange = this.next(session); exchange; exchange = this.next(session)) {
      const { request, response } = exchange;
      if (request[1] === REQUEST.DELIVER_ENCAPSULATED_RESPONSE && request[5] === RESPONSE.CERTIFICATE) this.takeChain('requester', request.subarray(4));
      if (request[1] !== REQUEST.FINISH) continue;
      const { head, signature, verifyData, requesterSlot } = decodeFinish(request);
      const chain = `requester ${requesterSlot}`;
      session.transcript.add(sha384(this.chains.get(chain) as Uint8Array), head);
      expect(signatureHolds(this.key(chain, 'RSA-3072'), version, 'finish', session.transcript.bytes(), signature)).toBe(true);
      expect(signatureHolds(this.key(chain, 'RSA-3072'), version, 'finish', session.transcript.bytes(), signature.with(100, (signature[100] ?? 0) ^ 1))).toBe(false);
      this.found.signatures.push('finish');
      session.transcript.add(signature);
      expect(session.verifyDataHolds('requester', verifyData)).toBe(true);
      this.found.verifyData.push('requester');
      session.transcript.add(verifyData, response.subarray(0, 4));
      return;
    }
  }

  /** Everything up to END_SESSION; `updated` hears of every new secret. */
  application(session: Session, secrets: { request: Uint8Array; response: Uint8Array }, updated: (secret: Uint8Array) => void): void {
    while (session.phase === 'application') {
      const [request, response] = [this.frames[this.at], this.frames[this.at + 1]];
      if (!request || !response) throw new Error('the recording ends inside a session');
      this.at += 2;
      const asked = this.message(request, session);
      let operation = 0;
      if (asked[0] === this.version && asked[1] === REQUEST.KEY_UPDATE) {
        ({ operation } = KEY_UPDATE.decode(asked));
        // The recorded requester makes the new response key before the new request key.
        if (operation === KEY_OPERATION.updateAllKeys) {
          session.response.commitUpdate();
          secrets.response = updatedSecret(this.version, secrets.response);
          updated(secrets.response);
        }
        if (operation === KEY_OPERATION.verifyNewKey) session.request.commitUpdate();
        else {
          session.request.prepareUpdate();
          secrets.request = updatedSecret(this.version, secrets.request);
          updated(secrets.request);
        }
      }
      const answer = this.message(response, session);
      if (asked[0] === this.version && asked[1] === REQUEST.GET_MEASUREMENTS) this.checkMeasurements(asked, answer);
      if (answer[0] === this.version && answer[1] === RESPONSE.END_SESSION_ACK) session.end();
    }
  }
}

describeReal.each(RECORDINGS)('the recording %s', (name, version, binding, secured) => {
  let found: Found;
  beforeAll(() => {
    found = new Replay(name, version, binding).run();
  });

  test('holds two sessions, each of them to its end', () => {
    expect(found.sessions).toHaveLength(2);
  });

  test('every secured message opens', () => {
    expect(found.secured).toBe(secured);
  });

  test('every signature verifies: measurements, key exchange, and the requester’s own', () => {
    expect(found.signatures.toSorted()).toEqual(['finish', 'finish', 'keyExchangeRsp', 'keyExchangeRsp', 'measurements', 'measurements', 'measurements']);
  });

  test('both verify data of both sessions are what the keys give', () => {
    expect(found.verifyData.toSorted()).toEqual(['requester', 'requester', 'responder', 'responder']);
  });

  test('every secret is the one that the requester made, in its order', () => {
    for (const { ours, theirs } of found.sessions) expect(ours).toEqual(theirs.filter(([what]) => !what.endsWith(' hash')));
  });
});
