/** Measures events into the RTMRs of a TD and writes its log of them: whoever replays the log must come to the same registers. */
import { ConfigError } from '../../errors.ts';
import type { TrustDomain } from '../module/trust-domain.ts';
import { logged, type MeasuredEvent } from './events.ts';
import { ccelTable } from './log/ccel-table.ts';
import { emptyEventLog, encodeEventLog, type EventLog, fillArea, type LogEvent } from './log/event-log.ts';

/** Length of OVMF's area for the log. */
export const LOG_AREA = 0x1_0000;
/** Longest area that a log gets: 16 MiB. */
const LARGEST_AREA = 1 << 24;
/** Where the area lies in guests with 2 GiB of memory. */
const LOG_ADDRESS = 0x7d64_9000n;

/** What a TD is asked to do: extend an RTMR. */
export type Extends = Pick<TrustDomain, 'extendRtmr'>;

/** One boot, being measured. */
export class MeasuredBoot {
  readonly #td: Extends;
  readonly #events: LogEvent[] = [];

  constructor(td: Extends) {
    this.#td = td;
  }

  /** Extends the RTMR with the event's digest, and logs it. @throws {FirmwareError} when the TD can't be extended */
  measure(event: MeasuredEvent): void {
    this.#td.extendRtmr(event.rtmr, event.digest);
    this.#events.push(logged(event));
  }

  /** The log so far, without the fill of its area. */
  get log(): EventLog {
    return { ...emptyEventLog(), events: [...this.#events] };
  }

  /** The ACPI table and the area of the log, as a guest reads them. @throws {ConfigError} for a log of more than 16 MiB */
  ccel(): { readonly table: Uint8Array; readonly data: Uint8Array } {
    return ccelOf(this.log);
  }
}

/** A log as a guest finds it: the ACPI table (56 bytes), and the area, at least 64 KiB long, as large as it must be. @throws {ConfigError} for a log of more than 16 MiB */
export function ccelOf(log: EventLog): { readonly table: Uint8Array; readonly data: Uint8Array } {
  const written = encodeEventLog({ ...log, trailing: new Uint8Array(0) }).length;
  let length = LOG_AREA;
  while (length < written) length *= 2;
  if (length > LARGEST_AREA) throw new ConfigError('events', `the log would be longer than ${LARGEST_AREA} bytes`);
  return { table: ccelTable(length, LOG_ADDRESS), data: encodeEventLog(fillArea(log, length)) };
}
