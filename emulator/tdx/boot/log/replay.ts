/** What a log says the registers must hold, and whether its events fit the data that stand beside them. */
import { hash } from 'node:crypto';
import { CodecError } from '../../../errors.ts';
import { type EventLog, type LogEvent, SHA_384 } from './event-log.ts';
import { EVENT, EVENT_TYPES } from './event-types.ts';

const SIZE = 48;
/** How many runtime measurement registers there are. */
const RTMRS = 4;
const sha384 = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(hash('sha384', Buffer.concat(parts), 'buffer'));

/** The SHA-384 digest of an event, 48 bytes, or undefined where it has none. */
export function eventDigest({ digests }: LogEvent): Uint8Array | undefined {
  return digests.find(({ algorithm }) => algorithm === SHA_384)?.value;
}

/**
 * RTMR0 to RTMR3 as the events extend them one after the other, 48 bytes each. Events that extend nothing, and those about MRTD, which is
 * measured before the guest runs, are passed over.
 * @throws {CodecError} ERR_CODEC_RANGE for an event without a digest of SHA-384
 */
export function replayEventLog({ events }: Pick<EventLog, 'events'>): Uint8Array[] {
  const registers: Uint8Array[] = Array.from({ length: RTMRS }, () => new Uint8Array(SIZE));
  events.forEach((event, i) => {
    const before = registers[event.mrIndex - 1];
    if (!before || event.eventType === EVENT.noAction) return;
    const digest = eventDigest(event);
    if (!digest) throw new CodecError('ERR_CODEC_RANGE', `ccel.event.${i}.digests`, 0, 'has none of SHA-384, which RTMRs are extended with');
    registers[event.mrIndex - 1] = sha384(before, digest);
  });
  return registers;
}

/** Whether an event's digest is not that of its data although its kind says that it is: the data then prove nothing. */
export function contradictsData(event: LogEvent): boolean {
  const digest = eventDigest(event);
  return EVENT_TYPES.get(event.eventType)?.ofData === true && digest !== undefined && Buffer.compare(sha384(event.data), digest) !== 0;
}
