/** Changes of an event log, for rows of cases: of what is measured, of the log of it, and of its bytes. */
import type { EventLog, LogEvent } from '../../emulator/tdx/boot/log/event-log.ts';
import { ALGORITHM, encodeHeader, emptyEventLog, EVENT_HEAD, HEADER_EVENT, SPEC_ID } from '../../emulator/tdx/boot/log/event-log.ts';
import type { MeasuredEvent } from '../../emulator/tdx/boot/events.ts';
import type { EditsIn, TdxChange } from '../tdx/case.ts';
import { rewritten } from './files.ts';

type Files = NonNullable<TdxChange['files']>;
export const LOG_FILE = 'ccel.bin';
export const TABLE_FILE = 'ccel_table.bin';

/** Other events in the log, to which the registers do not follow. */
export function logged(change: (events: readonly LogEvent[]) => readonly LogEvent[]): EditsIn {
  return { log: (log) => ({ ...log, events: change(log.events) }) };
}

/** Another head of the log. */
export function headed(change: (log: EventLog) => EventLog): EditsIn {
  return { log: change };
}

/** Other events, measured and logged. */
export function measured(change: (events: readonly MeasuredEvent[]) => readonly MeasuredEvent[]): EditsIn {
  return { events: change };
}

/** One event of a kind in the log changed: the n-th of them, from 0. @throws {RangeError} when there is none */
export function eventOf(type: number, change: (event: LogEvent) => LogEvent | readonly LogEvent[], n = 0): EditsIn {
  return logged((events) => {
    const index = events.map((event, i) => (event.eventType === type ? i : -1)).filter((i) => i >= 0)[n];
    if (index === undefined) throw new RangeError(`the log has no event ${n} of type 0x${type.toString(16)}`);
    return events.flatMap((event, i) => (i === index ? change(event) : event));
  });
}

/** Length of the head of every emulated log. */
const HEAD_SIZE = encodeHeader(emptyEventLog().header).length;
/** Where things stand in the bytes of a log: in its head, and in the first event behind it. */
export const LOG_PLACES = {
  headType: HEADER_EVENT.locate('eventType').at,
  headSize: HEADER_EVENT.locate('eventSize').at,
  signature: HEADER_EVENT.size + SPEC_ID.locate('signature').at,
  algorithms: HEADER_EVENT.size + SPEC_ID.locate('algorithms').at,
  algorithmId: HEADER_EVENT.size + SPEC_ID.size + ALGORITHM.locate('id').at,
  algorithmSize: HEADER_EVENT.size + SPEC_ID.size + ALGORITHM.locate('size').at,
  vendorInfoSize: HEADER_EVENT.size + SPEC_ID.size + ALGORITHM.size,
  register: HEAD_SIZE + EVENT_HEAD.locate('mrIndex').at,
  digests: HEAD_SIZE + EVENT_HEAD.locate('digests').at,
  digestAlgorithm: HEAD_SIZE + EVENT_HEAD.size,
  /** Behind one digest of SHA-384. */
  eventSize: HEAD_SIZE + EVENT_HEAD.size + 2 + 48,
} as const;

/** Bytes written over the log at a place. */
export function overwrittenLog(at: number, bytes: readonly number[]): Files {
  return rewritten(LOG_FILE, (log) => {
    const copy = Uint8Array.from(log);
    copy.set(bytes, at);
    return copy;
  });
}

/** The log without the fill behind its last event, whole or up to some bytes before its end. */
export function withoutFill(log: Uint8Array): Uint8Array {
  return log.slice(0, log.findLastIndex((byte) => byte !== 0xff) + 1);
}
