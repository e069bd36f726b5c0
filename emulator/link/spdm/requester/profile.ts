/** What a requester can do and insists on, as rows: NVIDIA's driver, and everything of SPDM 1.1 and 1.2. */
import type { RequesterFlags, ResponderFlags } from '../messages/capabilities.ts';
import type { SpdmVersion } from '../messages/header.ts';
import { H100_PROFILE } from '../responder/profile.ts';
import { LAST_SEQUENCE } from '../session/secured-message.ts';
import { MAILBOX_HEAD, MAILBOX_SIZE } from '../transport/mailbox.ts';

/** One requester. */
export interface RequesterProfile {
  readonly name: string;
  /** Those that it speaks; the highest in common is taken. */
  readonly versions: readonly SpdmVersion[];
  readonly flags: RequesterFlags;
  readonly ctExponent: number;
  /** Longest message that is taken, in bytes. */
  readonly maxMessageSize: number;
  /** Flags that the responder must have, these and no others. */
  readonly demandedFlags?: ResponderFlags;
  /** Heartbeat period in seconds that the responder must ask for. */
  readonly demandedHeartbeat?: number;
  /** Last sequence number that a key is used with. */
  readonly lastSequence: bigint;
}

/** NVIDIA's driver: flags 0x73C2; it takes nothing but an H100's flags (0x73F2) and a heartbeat of 4 seconds. */
export const DRIVER_PROFILE: RequesterProfile = {
  name: 'driver',
  versions: [0x11, 0x12],
  flags: { cert: 1, encrypt: 1, mac: 1, mutAuth: 1, keyEx: 1, encap: 1, hbeat: 1, keyUpd: 1 },
  ctExponent: 0,
  maxMessageSize: MAILBOX_SIZE - MAILBOX_HEAD.size,
  demandedFlags: H100_PROFILE.flags,
  demandedHeartbeat: H100_PROFILE.heartbeatPeriod,
  lastSequence: LAST_SEQUENCE,
};

/** A requester that takes every responder whose algorithms it knows. */
export const OPEN_PROFILE: RequesterProfile = {
  name: 'open',
  versions: [0x11, 0x12],
  flags: { ...DRIVER_PROFILE.flags, chal: 1 },
  ctExponent: 0,
  maxMessageSize: MAILBOX_SIZE - MAILBOX_HEAD.size,
  lastSequence: LAST_SEQUENCE,
};
