/** Event logs of confidential guests and the ACPI table that says where they lie. */
import { dump } from '../../codec/dump.ts';
import { TeemuError } from '../../errors.ts';
import { CCEL_TABLE, decodeCcelTable } from '../../tdx/boot/log/ccel-table.ts';
import { decodeEventLog, encodeEvent, encodeHeader, EVENT_HEAD, type EventLog, HEADER_EVENT, type LogEvent, MR_NAMES, SPEC_ID } from '../../tdx/boot/log/event-log.ts';
import { EVENT, EVENT_TYPES, eventTypeName } from '../../tdx/boot/log/event-types.ts';
import { contradictsData, eventDigest, replayEventLog } from '../../tdx/boot/log/replay.ts';
import { decodeVariable } from '../../tdx/boot/uefi/variables.ts';
import { fromDump, type InspectLine, type Note, type Recogniser, type Section } from '../inspection.ts';

const TABLE_SIGNATURE = 'CCEL';
const LOG_SIGNATURE = 'Spec ID Event03';
const textAt = (src: Uint8Array, at: number, length: number): string => Buffer.from(src.subarray(at, at + length)).toString('latin1');

export const EVENT_LOG_RECOGNISERS: readonly Recogniser[] = [
  {
    format: 'ccel-table',
    title: 'ACPI table CCEL',
    refuse: (src) => (src.length === CCEL_TABLE.size && textAt(src, 0, 4) === TABLE_SIGNATURE ? undefined : `is ${CCEL_TABLE.size} bytes long and begins with '${TABLE_SIGNATURE}'`),
    inspect: (src) => [tableSection(src)],
  },
  {
    format: 'ccel-log',
    title: 'event log of a confidential guest (CCEL)',
    refuse: (src) => (textAt(src, HEADER_EVENT.size, LOG_SIGNATURE.length) === LOG_SIGNATURE ? undefined : `has '${LOG_SIGNATURE}' at byte ${HEADER_EVENT.size}`),
    inspect: logSections,
  },
];

function tableSection(src: Uint8Array): Section {
  return { name: 'acpi.ccel', title: 'ACPI table CCEL: where the event log lies', at: 0, size: src.length, notes: tableNotes(src), lines: dump(CCEL_TABLE, src).map(fromDump) };
}

function tableNotes(src: Uint8Array): Note[] {
  try {
    decodeCcelTable(src);
    return [];
  } catch (error) {
    if (!(error instanceof TeemuError)) throw error;
    return [{ kind: 'broken', text: error.message }];
  }
}

function logSections(src: Uint8Array): Section[] {
  const log = decodeEventLog(src, { reserved: 'keep' });
  const head = encodeHeader(log.header);
  return [
    {
      name: 'ccel.header',
      title: 'event log: what it begins with',
      at: 0,
      size: head.length,
      notes: [],
      lines: [...dump(HEADER_EVENT, src), ...dump(SPEC_ID, src, HEADER_EVENT.size, 1, 'specId.')].map(fromDump),
    },
    registersSection(log),
    eventsSection(log, head.length),
  ];
}

/** What the events say the registers hold: to be compared with those in a quote. */
function registersSection(log: EventLog): Section {
  const registers = replay(log);
  return {
    name: 'ccel.registers',
    title: 'registers by replay of the log, to be compared with those of a quote',
    size: 0,
    notes: registers ? [] : [{ kind: 'broken', text: 'An event has no digest of SHA-384, so the log can not be replayed.' }],
    lines: (registers ?? []).map((value, i) => ({
      path: `rtmr.${i}`,
      depth: 0,
      value: Buffer.from(value).toString('hex'),
      doc: `runtime measurement register ${i}, after ${log.events.filter(({ mrIndex }) => mrIndex === i + 1).length} events`,
    })),
  };
}

function replay(log: EventLog): Uint8Array[] | undefined {
  try {
    return replayEventLog(log);
  } catch (error) {
    if (error instanceof TeemuError) return undefined;
    throw error;
  }
}

function eventsSection({ events, trailing }: EventLog, begin: number): Section {
  let at = begin;
  const lines = events.flatMap((event, i): InspectLine[] => {
    const here = at - begin;
    const size = encodeEvent(event).length;
    at += size;
    return eventLines(event, i, here, size);
  });
  const fill = trailing.length === 0 ? 'no fill behind the last' : `${trailing.length} bytes of fill behind the last`;
  return { name: 'ccel.events', title: `${events.length} events, ${fill}`, at: begin, size: at - begin, notes: [], lines };
}

function eventLines(event: LogEvent, i: number, at: number, size: number): InspectLine[] {
  const { mrIndex, eventType, data } = event;
  const register = MR_NAMES[mrIndex as keyof typeof MR_NAMES];
  const path = `event.${i}`;
  const dataAt = at + size - data.length;
  return [
    { at, path, depth: 0, value: `${register} ${eventTypeName(eventType)}`, doc: EVENT_TYPES.get(eventType)?.doc ?? 'unknown kind of event' },
    {
      at: at + EVENT_HEAD.size + 2,
      size: 48,
      path: `${path}.digest`,
      depth: 1,
      value: Buffer.from(eventDigest(event) ?? []).toString('hex'),
      doc: 'SHA-384 that the register is extended with',
      ...(contradictsData(event) ? { broken: 'is not that of the data' } : {}),
    },
    { at: dataAt, size: data.length, path: `${path}.data`, depth: 1, value: dataText(event), doc: `${data.length} bytes` },
  ];
}

const SHOWN = 120;

/** Data as a person reads them: a variable's name, a text, or hexadecimal. */
function dataText({ eventType, data }: LogEvent): string {
  const variable = [EVENT.variableBoot, EVENT.variableDriverConfig, EVENT.variableAuthority].some((type) => type === eventType) ? variableText(data) : undefined;
  if (variable !== undefined) return variable;
  const text = Buffer.from(data).toString('utf8').replace(/\0$/, '');
  const shown = /^[\x20-\x7e\n]+$/.test(text) ? JSON.stringify(text) : Buffer.from(data.subarray(0, SHOWN)).toString('hex');
  return shown.length > 2 * SHOWN || (data.length > SHOWN && !shown.startsWith('"')) ? `${shown.slice(0, 2 * SHOWN)}…` : shown;
}

function variableText(data: Uint8Array): string | undefined {
  try {
    const { name, contents } = decodeVariable(data);
    const shown = Buffer.from(contents.subarray(0, SHOWN)).toString('hex');
    return `${JSON.stringify(name)} = ${shown || 'nothing'}${contents.length > SHOWN ? '…' : ''}`;
  } catch (error) {
    if (error instanceof TeemuError) return undefined;
    throw error;
  }
}
