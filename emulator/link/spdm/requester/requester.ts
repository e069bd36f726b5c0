/** An SPDM requester: the driver's side of the link. Everything that is signed is verified, in the order in which it comes. */
import type { KeyObject } from 'node:crypto';
import type { World } from '../../../world.ts';
import { joined, sameBytes } from '../bytes.ts';
import { HASH_SIZE, RANDOM_SIZE, SIGNATURE_SIZE } from '../messages/algorithms.ts';
import { CERTIFICATE_HEAD, type CertificateChain, ChainCollector, decodeCertificate, decodeChain, decodeDigests, DIGESTS_HEAD, GET_CERTIFICATE, GET_DIGESTS, sha384 } from '../messages/certificates.ts';
import { CHALLENGE, type ChallengeAuth, decodeChallengeAuth, SUMMARY } from '../messages/challenge.ts';
import { RESPONSE } from '../messages/header.ts';
import { MUTUAL_AUTH } from '../messages/key-exchange.ts';
import { decodeMeasurements, encodeGetMeasurements, type MeasurementsResponse } from '../messages/measurements.ts';
import type { Session } from '../session/session.ts';
import { leafKey, signatureHolds } from '../session/signature.ts';
import { Transcript } from '../session/transcript.ts';
import { SpdmError } from '../spdm-error.ts';
import { Conversation } from './conversation.ts';
import { publicIdentity, type RequesterIdentity } from './identity.ts';
import type { SpdmLink } from './link.ts';
import { type Negotiated, negotiate } from './negotiation.ts';
import { DRIVER_PROFILE, type RequesterProfile } from './profile.ts';
import { answerEncapsulated } from './encapsulated.ts';
import { type RequesterSession, startSession } from './session.ts';

/** The responder's chain of one slot, and the key that signs with it. */
export interface PeerChain {
  readonly slot: number;
  /** The chain as it came. */
  readonly bytes: Uint8Array;
  readonly chain: CertificateChain;
  readonly key: KeyObject;
}

/** Which measurements, and how. */
export interface MeasurementsQuery {
  /** 0 for how many there are, 1 to 0xfe for one, 0xff for all. */
  readonly operation: number;
  /** Slot that is to sign; undefined for no signature. */
  readonly slot?: number;
  /** 32 bytes; drawn from the World where it is left out. */
  readonly nonce?: Uint8Array;
}

/** A MEASUREMENTS response with what it answers. */
export interface MeasurementsAnswer extends MeasurementsResponse {
  readonly request: Uint8Array;
  /** The whole response, signature included. */
  readonly response: Uint8Array;
}

/** One requester at one link. */
export class Requester {
  readonly world: World;
  readonly profile: RequesterProfile;
  readonly identity: RequesterIdentity;
  readonly conversation: Conversation;
  #negotiated: Negotiated | undefined;
  readonly #chains = new Map<number, PeerChain>();
  #digests: ReadonlyMap<number, Uint8Array> = new Map();
  /** B of M1/M2: what was said about certificates since the last CHALLENGE. */
  readonly #certificates = new Transcript();
  readonly #measurements = new Transcript();
  #authenticated = false;

  constructor(world: World, link: SpdmLink, { profile = DRIVER_PROFILE, identity }: { profile?: RequesterProfile; identity?: RequesterIdentity } = {}) {
    this.world = world;
    this.profile = profile;
    this.identity = identity ?? publicIdentity(world);
    this.conversation = new Conversation(world, link);
  }

  /** What was negotiated. @throws {SpdmError} spdm-session-state before {@link connect} */
  get negotiated(): Negotiated {
    if (!this.#negotiated) throw new SpdmError('spdm-session-state', 'nothing is negotiated yet');
    return this.#negotiated;
  }

  /** GET_VERSION to ALGORITHMS. @throws {SpdmError} spdm-version, spdm-capabilities, spdm-algorithms … */
  connect(): Negotiated {
    this.#chains.clear();
    this.#digests = new Map();
    this.#certificates.clear();
    this.#measurements.clear();
    this.#authenticated = false;
    this.#negotiated = negotiate(this.conversation, this.profile);
    return this.#negotiated;
  }

  /** GET_DIGESTS: slot → SHA-384 of its chain. */
  digests(): Map<number, Uint8Array> {
    const request = GET_DIGESTS.encode({ spdmVersion: this.negotiated.version });
    this.#measurements.clear();
    const response = this.conversation.ask(request, RESPONSE.DIGESTS);
    const digests = decodeDigests(response);
    this.#digests = digests;
    this.#certificates.clear();
    this.#certificates.add(request, response.subarray(0, DIGESTS_HEAD.size + HASH_SIZE * digests.size));
    return digests;
  }

  /** GET_CERTIFICATE, portion by portion. @throws {SpdmError} spdm-certificate-chain for a leaf whose key is not on P-384, or a chain that is not that of its digest @throws {CodecError} */
  certificate(slot = 0): PeerChain {
    const { version } = this.negotiated;
    const collector = new ChainCollector(slot);
    this.#measurements.clear();
    let bytes: Uint8Array | undefined;
    while (!bytes) {
      const length = Math.min(this.profile.maxMessageSize, 0xffff) - CERTIFICATE_HEAD.size;
      const request = GET_CERTIFICATE.encode({ spdmVersion: version, slot, offset: collector.size, length });
      const response = this.conversation.ask(request, RESPONSE.CERTIFICATE);
      const portion = decodeCertificate(response);
      this.#certificates.add(request, response.subarray(0, CERTIFICATE_HEAD.size + portion.portion.length));
      bytes = collector.add(portion);
    }
    const digest = this.#digests.get(slot);
    if (digest && !sameBytes(digest, sha384(bytes))) throw new SpdmError('spdm-certificate-chain', 'the chain is not that of the digest');
    const chain = decodeChain(bytes);
    const peer = { slot, bytes, chain, key: leafKey(chain, 'P-384') };
    this.#chains.set(slot, peer);
    return peer;
  }

  /** The chain of a slot; asked for if it is not known yet. */
  chain(slot: number): PeerChain {
    return this.#chains.get(slot) ?? this.certificate(slot);
  }

  /** CHALLENGE; if the responder challenges in turn, that too. @throws {SpdmError} spdm-signature; spdm-certificate-chain when the key is that of another chain than was read */
  challenge(slot = 0, summary: number = SUMMARY.none): ChallengeAuth {
    const peer = this.chain(slot);
    const { version, vca } = this.negotiated;
    const request = CHALLENGE.encode({ spdmVersion: version, slot, summary, nonce: this.world.random('spdm/requester-nonce', RANDOM_SIZE) });
    this.#measurements.clear();
    const answer = decodeChallengeAuth(this.conversation.ask(request, RESPONSE.CHALLENGE_AUTH), summary !== SUMMARY.none);
    if (answer.slot !== slot || !sameBytes(answer.chainHash, sha384(peer.bytes))) throw new SpdmError('spdm-certificate-chain', 'answers for another chain than was read');
    const transcript = joined([vca.bytes(), this.#certificates.bytes(), request, answer.signed]);
    if (!signatureHolds(peer.key, version, 'challengeAuth', transcript, answer.signature)) throw new SpdmError('spdm-signature', 'CHALLENGE_AUTH is not signed by the leaf’s key');
    this.#certificates.clear();
    this.#authenticated = true;
    if (answer.basicMutualAuth) answerEncapsulated(this, MUTUAL_AUTH.encapsulated, undefined);
    return answer;
  }

  /** GET_MEASUREMENTS outside of sessions. @throws {SpdmError} spdm-signature */
  measurements(query: MeasurementsQuery): MeasurementsAnswer {
    this.dropChallenge();
    return this.measure(query, this.#measurements);
  }

  /** GET_MEASUREMENTS, in a session or not. @param log what was asked since the last signature */
  measure({ operation, slot, nonce }: MeasurementsQuery, log: Transcript, session?: Session): MeasurementsAnswer {
    const { version: spdmVersion, vca } = this.negotiated;
    const signed = slot !== undefined;
    const peer = signed ? this.chain(slot) : undefined;
    const request = encodeGetMeasurements(spdmVersion, operation, signed ? { slot, nonce: nonce ?? this.world.random('spdm/requester-nonce', RANDOM_SIZE) } : undefined);
    const whole = this.conversation.ask(request, RESPONSE.MEASUREMENTS, session);
    const answer = decodeMeasurements(whole, signed ? SIGNATURE_SIZE : 0);
    log.add(request, answer.signed);
    if (peer) {
      const transcript = joined([...(spdmVersion === 0x12 ? [vca.bytes()] : []), log.bytes()]);
      log.clear();
      if (answer.slot !== slot || !signatureHolds(peer.key, spdmVersion, 'measurements', transcript, answer.signature)) throw new SpdmError('spdm-signature', 'MEASUREMENTS are not signed by the leaf’s key');
    }
    return { ...answer, request, response: joined([answer.signed, answer.signature]) };
  }

  /** KEY_EXCHANGE to FINISH_RSP, mutual authentication in between. @throws {SpdmError} spdm-signature, spdm-verify-data, spdm-heartbeat-period … */
  startSession({ slot = 0, summary = SUMMARY.none as number } = {}): RequesterSession {
    const peer = this.chain(slot);
    this.#measurements.clear();
    this.dropChallenge();
    return startSession(this, peer, summary);
  }

  /** What belongs into a session ends what a CHALLENGE would sign, if none was answered yet. */
  dropChallenge(): void {
    if (!this.#authenticated) this.#certificates.clear();
  }
}
