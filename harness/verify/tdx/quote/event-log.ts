/** The event log of the TD's boot, where the evidence brings it: that it is the one which the quote's registers were extended by. */
import { createHash } from 'node:crypto';
import { CC_TYPES, decodeCcelTable } from '../../../../emulator/tdx/boot/log/ccel-table.ts';
import { decodeEventLog, type EventLog, type LogEvent, SHA_384 } from '../../../../emulator/tdx/boot/log/event-log.ts';
import { EVENT, EVENT_TYPES } from '../../../../emulator/tdx/boot/log/event-types.ts';
import type { TdxExpectations } from '../expectations.ts';
import type { TdxAppraisal } from '../reasons.ts';
import type { ReadQuote } from './read.ts';

/** What a guest finds in its ACPI tables and in its memory. */
export interface PresentedEventLog {
  /** The area of the log, or as much of it as there are events. */
  readonly log: Uint8Array;
  /** The ACPI table that says where the log lies, 56 bytes. */
  readonly table?: Uint8Array;
}

const MEASUREMENT = 48;
/** The register that is extended at run time, not only by what boots. */
const RUNTIME = 3;
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const sha384 = (...parts: readonly Uint8Array[]): Buffer => parts.reduce((hash, part) => hash.update(part), createHash('sha384')).digest();
const digestOf = ({ digests }: LogEvent): Uint8Array | undefined => digests.find(({ algorithm }) => algorithm === SHA_384)?.value;

/** Reads a log and its table, and checks their form. */
export function readEventLog(appraisal: TdxAppraisal, { log, table }: PresentedEventLog): EventLog {
  if (table) {
    const { ccType, logAreaMinimumLength } = appraisal.attempt('ccel-table-malformed', () => decodeCcelTable(new Uint8Array(table)));
    appraisal.check('ccel-table-malformed', ccType === CC_TYPES.tdx, () => ({ message: `is for confidential computing of type ${ccType}, not for a TD`, path: 'ccel_table.bin' }));
    appraisal.check('event-log-malformed', BigInt(log.length) <= logAreaMinimumLength, () => ({ message: `is ${log.length} bytes, and the table says ${logAreaMinimumLength}`, path: 'ccel.bin' }));
  }
  return appraisal.attempt('event-log-malformed', () => decodeEventLog(new Uint8Array(log)));
}

/** Checks each event, and that all of them lead to what the quote's registers hold. */
export function checkEventLog(appraisal: TdxAppraisal, { events }: EventLog, { body }: ReadQuote, { allowUnloggedRuntime = false }: Pick<TdxExpectations, 'allowUnloggedRuntime'>): void {
  const registers: Uint8Array[] = body.rtmr.map(() => new Uint8Array(MEASUREMENT));
  events.forEach((event, i) => {
    const digest = checkEvent(appraisal, event, `ccel.bin, event ${i + 1}`);
    const before = registers[event.mrIndex - 1];
    if (before && event.eventType !== EVENT.noAction) registers[event.mrIndex - 1] = sha384(before, digest);
  });
  const logged = events.some(({ mrIndex }) => mrIndex - 1 === RUNTIME);
  for (const [i, stated] of body.rtmr.entries()) {
    if (i === RUNTIME && !logged && allowUnloggedRuntime) continue;
    const replayed = registers[i] ?? stated;
    appraisal.check('event-log-replay', Buffer.compare(replayed, stated) === 0, () => ({ message: `is ${hex(stated)}, and the log leads to ${hex(replayed)}`, path: `body.rtmr.${i}` }));
  }
}

/** Checks one event by itself. @returns what its register is extended with */
function checkEvent(appraisal: TdxAppraisal, event: LogEvent, path: string): Uint8Array {
  const { mrIndex, eventType, data } = event;
  // MRTD is measured before anything runs that could log.
  appraisal.check('event-log-register', mrIndex >= 1, () => ({ message: `is about register ${mrIndex}, which nothing in the TD can extend`, path }));
  const digest = digestOf(event) ?? appraisal.fail('event-log-malformed', { message: 'has no digest of SHA-384', path });
  const type = EVENT_TYPES.get(eventType);
  appraisal.check('event-log-type', type !== undefined, () => ({ message: `is of the unknown type 0x${eventType.toString(16)}`, path }));
  const inert = eventType === EVENT.noAction;
  appraisal.check('event-log-type', !inert || digest.every((byte) => byte === 0), () => ({ message: 'is of a type that extends nothing, and has a digest', path }));
  const holds = inert || type?.ofData !== true || Buffer.compare(sha384(data), digest) === 0;
  appraisal.check('event-log-data', holds, () => ({ message: `its digest must be over its data, and is not: ${hex(digest)}`, path }));
  return digest;
}
