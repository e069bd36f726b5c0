/** What a responder can do, as rows: the H100's own flags, and everything of SPDM 1.1 and 1.2 that makes sense for a GPU. */
import type { ResponderFlags } from '../messages/capabilities.ts';
import { MUTUAL_AUTH } from '../messages/key-exchange.ts';
import type { SpdmVersion } from '../messages/header.ts';
import { LAST_SEQUENCE } from '../session/secured-message.ts';
import { MAILBOX_HEAD, MAILBOX_SIZE } from '../transport/mailbox.ts';

/** One responder. */
export interface ResponderProfile {
  readonly name: string;
  /** In order, lowest first. */
  readonly versions: readonly SpdmVersion[];
  readonly flags: ResponderFlags;
  /** Cryptography takes up to 2 to this power microseconds. */
  readonly ctExponent: number;
  /** Seconds between heartbeats; a session that is silent for twice as long is over. 0 for none. */
  readonly heartbeatPeriod: number;
  /** Sessions at a time. */
  readonly maxSessions: number;
  /** Longest message that is taken or sent, in bytes. */
  readonly maxMessageSize: number;
  /** How a requester that can is asked to authenticate itself: one of `MUTUAL_AUTH`. */
  readonly mutualAuth: number;
  /** Whether a requester that can is challenged in turn after CHALLENGE_AUTH; deprecated. */
  readonly basicMutualAuth: boolean;
  /** Codes of requests that are not answered at once, but with ResponseNotReady. */
  readonly deferred: ReadonlySet<number>;
  /** Last sequence number that a key is used with. */
  readonly lastSequence: bigint;
}

/**
 * An H100: flags 0x73F2, no CHALLENGE, a heartbeat of 4 seconds, the mailbox's size.
 *
 * The flags and the period are what NVIDIA's driver insists on; SPDM 1.1 is the version of genuine attestation reports. That it holds one
 * session is what the driver asks of it.
 */
export const H100_PROFILE: ResponderProfile = {
  name: 'h100',
  versions: [0x11],
  flags: { cert: 1, meas: 2, measFresh: 1, encrypt: 1, mac: 1, mutAuth: 1, keyEx: 1, encap: 1, hbeat: 1, keyUpd: 1 },
  ctExponent: 31,
  heartbeatPeriod: 4,
  maxSessions: 1,
  maxMessageSize: MAILBOX_SIZE - MAILBOX_HEAD.size,
  mutualAuth: MUTUAL_AUTH.encapsulated,
  basicMutualAuth: false,
  deferred: new Set(),
  lastSequence: LAST_SEQUENCE,
};

/**
 * Everything that SPDM 1.1 and 1.2 offer a GPU: challenge and a handshake in the clear too, four sessions. Left out: pre-shared keys and
 * provisioned public keys (the link knows certificates only), chunks, and the installation of certificates.
 */
export const FULL_PROFILE: ResponderProfile = {
  ...H100_PROFILE,
  name: 'full',
  versions: [0x11, 0x12],
  flags: { ...H100_PROFILE.flags, chal: 1, handshakeInTheClear: 1 },
  ctExponent: 20,
  heartbeatPeriod: 60,
  maxSessions: 4,
};

/** Every profile, by name. */
export const RESPONDER_PROFILES: Readonly<Record<'h100' | 'full', ResponderProfile>> = { h100: H100_PROFILE, full: FULL_PROFILE };
