/** What a responder remembers of a connection and of its sessions. */
import type { KeyObject } from 'node:crypto';
import type { World } from '../../../world.ts';
import type { RequesterFlags } from '../messages/capabilities.ts';
import type { ChainCollector } from '../messages/certificates.ts';
import { SPDM_VERSION, type SpdmVersion } from '../messages/header.ts';
import type { Session } from '../session/session.ts';
import { Transcript } from '../session/transcript.ts';
import type { ResponderIdentity } from './identity.ts';
import type { ResponderProfile } from './profile.ts';

/** How far a connection is: nothing heard, then up to VERSION, CAPABILITIES, ALGORITHMS. */
export const STAGES = ['fresh', 'version', 'capabilities', 'negotiated'] as const;
export type Stage = (typeof STAGES)[number];

/** Who a requester is, as far as it was asked. */
export interface Asking {
  /** What is being asked. */
  encapsulation: Encapsulation | undefined;
  /** What the requester says it is: proved with FINISH, or with CHALLENGE_AUTH. */
  peer: { readonly slot: number; readonly chainHash: Uint8Array; readonly key: KeyObject } | undefined;
}

/** One connection: from GET_VERSION to the next. */
export class Connection implements Asking {
  encapsulation: Encapsulation | undefined;
  /** Whoever answered a CHALLENGE. */
  peer: Asking['peer'];
  stage: Stage = 'fresh';
  /** Set with GET_CAPABILITIES; another one may come while that is refused. */
  version: SpdmVersion | undefined;
  requesterFlags: RequesterFlags = {};
  /** Longest message that the requester takes, in one transfer and at all; SPDM 1.1 doesn't say. */
  transferSize: number = Number.POSITIVE_INFINITY;
  maxMessageSize: number = Number.POSITIVE_INFINITY;
  /** Whether the requester takes opaque data in format 1; in SPDM 1.1 there is but one format. */
  opaqueData = true;
  /** Whether the measurement specification was agreed on. */
  measures = false;
  /** Whether a CHALLENGE was answered. */
  authenticated = false;
  /** GET_VERSION to ALGORITHMS. */
  readonly vca = new Transcript();
  /** GET_DIGESTS to CERTIFICATE since the last CHALLENGE. */
  readonly certificates = new Transcript();
  /** Measurements outside sessions since the last signature. */
  readonly measurements = new Transcript();
  /** The last negotiation, for a requester that did not get the answer. */
  last: { readonly request: Uint8Array; readonly response: Uint8Array } | undefined;

  /** Version that an ERROR message has. */
  get errorVersion(): number {
    return this.version ?? SPDM_VERSION.v10;
  }
}

/** Encapsulated requests of a handshake, or after a CHALLENGE. */
export interface Encapsulation {
  /** Whether a CHALLENGE follows on the certificates. */
  readonly challenges: boolean;
  /** What that is to be signed over: everything so far. */
  readonly transcript: Transcript;
  requestId: number;
  /** What was asked for and is not answered yet. */
  step: 'digests' | 'certificate' | 'challenge';
  /** The request, once it was handed out. */
  pending: Uint8Array | undefined;
  digests: Map<number, Uint8Array> | undefined;
  chain: ChainCollector | undefined;
}

/** One session at the responder. */
export interface ResponderSession extends Asking {
  readonly session: Session;
  /** Seconds. */
  readonly heartbeatPeriod: number;
  /** Bit 0: the session lives on when the measured state changes. */
  readonly policy: number;
  /** One of `MUTUAL_AUTH`. */
  readonly mutualAuth: number;
  /** Whether the handshake is in the clear. */
  readonly clear: boolean;
  /** Measurements in the session since the last signature. */
  readonly measurements: Transcript;
  /** Milliseconds since 1970 of the last message in it. */
  lastHeard: number;
  /** The last KEY_UPDATE that was done. */
  keyUpdate: { readonly operation: number; readonly tag: number } | undefined;
}

/** Everything that an answer can look at. */
export interface Exchange {
  readonly world: World;
  readonly identity: ResponderIdentity;
  readonly profile: ResponderProfile;
  /** Chains as they are sent, by slot. */
  readonly chains: ReadonlyMap<number, Uint8Array>;
  readonly connection: Connection;
  /** Every session, by id. */
  readonly sessions: Map<number, ResponderSession>;
  /** The request; a transport may have padded it. */
  readonly request: Uint8Array;
  /** The session that it came in. */
  readonly session: ResponderSession | undefined;
  /** Done once the answer is sealed. */
  readonly afterwards: (() => void)[];
}

/** Answers one request. @throws {Refusal} for what is answered with ERROR @throws {CodecError} for what is malformed: InvalidRequest */
export type Answer = (exchange: Exchange) => Uint8Array;
