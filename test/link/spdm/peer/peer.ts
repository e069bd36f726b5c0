/** A requester that says what a rule wants it to say, and checks every signature and MAC that comes back. */
import { createECDH, createHash, verify, X509Certificate } from 'node:crypto';
import { AGREED_ALGORITHMS, certificatesOf, signedData } from './chain.ts';
import {
  CAP,
  type CapabilitiesFields,
  getCapabilities,
  getCertificate,
  getVersion,
  type KeyExchangeFields,
  keyExchange,
  message,
  negotiateAlgorithms,
  REQUEST,
  REQUESTER_FLAGS,
  RESPONSE,
  type Version,
} from './requests.ts';
import { type Binding, hmac384, Session, sha384 } from './session.ts';
import { trimmed } from './trimmed.ts';

/** One message on a transport, sealed or in the clear. */
export interface Carried {
  readonly secured: boolean;
  readonly bytes: Uint8Array;
}

/** A responder behind some transport. */
export interface Wire {
  readonly binding: Binding;
  /** @returns undefined when nothing is answered */
  send(message: Carried): Promise<Carried | undefined>;
}

const HASH_SIZE = 48;
const SIGNATURE_SIZE = 96;

/** How far a connection is. */
export const PHASES = ['start', 'version', 'capabilities', 'algorithms', 'digests', 'certificate', 'handshake', 'session'] as const;
export type Phase = (typeof PHASES)[number];

/** A requester on one wire. */
export class Peer {
  readonly wire: Wire;
  readonly version: Version;
  requesterFlags: number;
  /** Flags of CAPABILITIES. */
  flags = 0;
  session: Session | undefined;
  chain: Uint8Array = new Uint8Array();
  slotMask = 0;
  /** Digest of each slot's chain, by slot. */
  readonly digests = new Map<number, Uint8Array>();
  /** GET_VERSION to ALGORITHMS. */
  vca: Uint8Array[] = [];
  /** GET_DIGESTS to the last CERTIFICATE. */
  private identity: Uint8Array[] = [];
  private measured: Uint8Array[] = [];
  private counter = 0;

  constructor(wire: Wire, version: Version, requesterFlags: number = REQUESTER_FLAGS) {
    this.wire = wire;
    this.version = version;
    this.requesterFlags = requesterFlags;
  }

  /** Thirty-two bytes that are never the same in one connection. */
  nonce(): Uint8Array {
    return createHash('sha256')
      .update(`nonce ${this.counter++}`)
      .digest();
  }

  /** Says something in the clear. */
  async say(bytes: Uint8Array): Promise<Uint8Array | undefined> {
    const answer = await this.wire.send({ secured: false, bytes });
    if (answer?.secured) throw new Error('a request in the clear was answered with a secured message');
    return answer?.bytes;
  }

  /** Says something in the session; the answer may be an ERROR in the clear. */
  async sayIn(bytes: Uint8Array, session: Session = this.open()): Promise<Uint8Array | undefined> {
    const answer = await this.wire.send({ secured: true, bytes: session.seal(bytes) });
    return answer?.secured ? session.open(answer.bytes) : answer?.bytes;
  }

  /** The session there must be. */
  open(): Session {
    if (!this.session) throw new Error('no session yet');
    return this.session;
  }

  private async expectAnswer(request: Uint8Array, code: number, inSession = false): Promise<Uint8Array> {
    const answer = await (inSession ? this.sayIn(request) : this.say(request));
    if (answer?.[1] !== code) throw new Error(`request 0x${request[1]?.toString(16)} answered with ${answer ? Buffer.from(answer.subarray(0, 8)).toString('hex') : 'nothing'}, not 0x${code.toString(16)}`);
    return trimmed(answer);
  }

  /** Goes to a phase, from the start. */
  async reach(phase: Phase): Promise<void> {
    const steps: readonly (() => Promise<unknown>)[] = [
      async () => undefined,
      () => this.sayVersion(),
      () => this.sayCapabilities(),
      () => this.sayAlgorithms(),
      () => this.sayDigests(),
      () => this.sayCertificate(),
      () => this.sayKeyExchange(),
      () => this.sayFinish(),
    ];
    for (const step of steps.slice(0, PHASES.indexOf(phase) + 1)) await step();
  }

  async sayVersion(): Promise<Uint8Array> {
    const request = getVersion();
    const answer = await this.expectAnswer(request, RESPONSE.VERSION);
    this.vca = [request, answer];
    this.identity = [];
    this.measured = [];
    this.session = undefined;
    return answer;
  }

  async sayCapabilities(fields: CapabilitiesFields = {}): Promise<Uint8Array> {
    const request = getCapabilities(this.version, { flags: this.requesterFlags, ...fields });
    const answer = await this.expectAnswer(request, RESPONSE.CAPABILITIES);
    this.flags = Buffer.from(answer).readUInt32LE(8);
    this.vca.push(request, answer);
    return answer;
  }

  async sayAlgorithms(request: Uint8Array = negotiateAlgorithms(this.version)): Promise<Uint8Array> {
    const answer = await this.expectAnswer(request, RESPONSE.ALGORITHMS);
    this.vca.push(request, answer);
    return answer;
  }

  async sayDigests(): Promise<Uint8Array> {
    const request = message(this.version, REQUEST.GET_DIGESTS);
    const answer = await this.expectAnswer(request, RESPONSE.DIGESTS);
    this.slotMask = answer[3] ?? 0;
    let at = 4;
    for (let slot = 0; slot < 8; slot++) {
      if ((this.slotMask & (1 << slot)) === 0) continue;
      this.digests.set(slot, answer.slice(at, at + HASH_SIZE));
      at += HASH_SIZE;
    }
    this.identity.push(request, answer);
    return answer;
  }

  /** The whole chain of a slot, portion by portion. @returns every CERTIFICATE */
  async sayCertificate(slot = 0, length = 0x400): Promise<readonly Uint8Array[]> {
    const portions: Uint8Array[] = [];
    const chain: Uint8Array[] = [];
    for (let offset = 0, left = 1; left > 0; ) {
      const request = getCertificate(this.version, slot, offset, length);
      const answer = await this.expectAnswer(request, RESPONSE.CERTIFICATE);
      const portion = Buffer.from(answer).readUInt16LE(4);
      if (portion === 0) throw new Error('an empty portion of a certificate chain');
      left = Buffer.from(answer).readUInt16LE(6);
      chain.push(answer.subarray(8, 8 + portion));
      portions.push(answer);
      offset += portion;
      this.identity.push(request, answer);
    }
    this.chain = Buffer.concat(chain);
    return portions;
  }

  /** Whether both sides go without encryption until FINISH_RSP. */
  get clear(): boolean {
    return (this.requesterFlags & this.flags & CAP.HANDSHAKE_IN_THE_CLEAR) !== 0;
  }

  async sayKeyExchange(fields: Partial<KeyExchangeFields> = {}): Promise<Uint8Array> {
    const ecdh = createECDH('secp384r1');
    const request = keyExchange(this.version, { random: this.nonce(), exchangeData: ecdh.generateKeys().subarray(1), ...fields });
    const answer = Buffer.from(await this.expectAnswer(request, RESPONSE.KEY_EXCHANGE_RSP));
    const summary = request[2] === 0 ? 0 : HASH_SIZE;
    const opaqueAt = 40 + 96 + summary;
    const signatureAt = opaqueAt + 2 + answer.readUInt16LE(opaqueAt);
    const signed = Buffer.concat([...this.vca, sha384(this.chain), request, answer.subarray(0, signatureAt)]);
    const signature = answer.subarray(signatureAt, signatureAt + SIGNATURE_SIZE);
    this.checkSignature('responder-key_exchange_rsp signing', signed, signature);
    const shared = ecdh.computeSecret(Buffer.concat([Uint8Array.of(4), answer.subarray(40, 136)]));
    const id = (answer.readUInt16LE(4) << 16) | Buffer.from(request).readUInt16LE(4);
    const session = new Session(this.version, this.wire.binding, id >>> 0, shared, Buffer.concat([signed, signature]));
    const end = signatureAt + SIGNATURE_SIZE + (this.clear ? 0 : HASH_SIZE);
    if (answer.length < end) throw new Error(`KEY_EXCHANGE_RSP has ${answer.length} bytes, not ${end}`);
    if (!this.clear) {
      const verifyData = answer.subarray(signatureAt + SIGNATURE_SIZE, end);
      if (!verifyData.equals(hmac384(session.response.finishedKey, sha384(session.transcript)))) throw new Error('KEY_EXCHANGE_RSP: wrong ResponderVerifyData');
      session.transcript = Buffer.concat([session.transcript, verifyData]);
    }
    this.session = session;
    return answer;
  }

  /** FINISH without a signature, with the right verify data. */
  finish(session: Session = this.open()): Uint8Array {
    const head = message(this.version, REQUEST.FINISH);
    return Buffer.concat([head, hmac384(session.request.finishedKey, sha384(session.transcript, head))]);
  }

  async sayFinish(): Promise<Uint8Array> {
    const session = this.open();
    const request = this.finish(session);
    const answer = await this.expectAnswer(request, RESPONSE.FINISH_RSP, !this.clear);
    if (this.clear) {
      const expected = hmac384(session.response.finishedKey, sha384(session.transcript, request, answer.subarray(0, 4)));
      if (!Buffer.from(answer.subarray(4, 4 + HASH_SIZE)).equals(expected)) throw new Error('FINISH_RSP: wrong ResponderVerifyData');
    }
    session.establish(Buffer.concat([session.transcript, request, answer]));
    return answer;
  }

  /** KEY_UPDATE with the keys changed when the specification changes them. */
  async sayKeyUpdate(operation: number, tag: number): Promise<Uint8Array> {
    const session = this.open();
    const answer = await this.wire.send({ secured: true, bytes: session.seal(message(this.version, REQUEST.KEY_UPDATE, operation, tag)) });
    if (!answer?.secured) throw new Error('KEY_UPDATE was not answered in the session');
    if (operation === 2) session.response.update();
    const opened = session.open(answer.bytes);
    if (operation !== 3) session.request.update();
    return opened;
  }

  /** Checks a signature of the chain's last certificate. @throws {Error} when it is wrong */
  checkSignature(context: string, signed: Uint8Array, signature: Uint8Array): void {
    const leaf = certificatesOf(this.chain).at(-1);
    if (!leaf) throw new Error('no chain was read');
    const data = signedData(this.version, context, signed);
    const key = new X509Certificate(leaf).publicKey;
    if (!verify(AGREED_ALGORITHMS.hash, data, { key, dsaEncoding: 'ieee-p1363' }, signature)) throw new Error(`wrong signature (${context})`);
  }

  /** Checks CHALLENGE_AUTH over everything since GET_VERSION. */
  checkChallenge(request: Uint8Array, answer: Uint8Array): void {
    const whole = trimmed(answer, { summary: request[3] !== 0 });
    this.checkSignature('responder-challenge_auth signing', Buffer.concat([...this.vca, ...this.identity, request, whole.subarray(0, -SIGNATURE_SIZE)]), whole.subarray(-SIGNATURE_SIZE));
  }

  /** Forgets what measurements were asked for: another request came between. */
  forgetMeasurements(): void {
    this.measured = [];
  }

  /** Keeps an unsigned pair for the next signature. */
  keepMeasurements(request: Uint8Array, answer: Uint8Array): void {
    this.measured.push(request, trimmed(answer));
  }

  /** Checks a signed MEASUREMENTS over every one since the last signature. */
  checkMeasurements(request: Uint8Array, answer: Uint8Array): void {
    const whole = trimmed(answer, { signed: true });
    const l1 = Buffer.concat([...(this.version === 0x11 ? [] : this.vca), ...this.measured, request, whole.subarray(0, -SIGNATURE_SIZE)]);
    this.checkSignature('responder-measurements signing', l1, whole.subarray(-SIGNATURE_SIZE));
    this.measured = [];
  }
}
