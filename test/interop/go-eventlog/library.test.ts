/** go-eventlog, unmodified: our log replays to the registers of our quote; with one event changed, it does not. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeEventLog, encodeEventLog, type EventLog } from '../../../emulator/tdx/boot/log/event-log.ts';
import { eventTypeName } from '../../../emulator/tdx/boot/log/event-types.ts';
import { withAcpiChecksum } from '../../../emulator/tdx/boot/log/ccel-table.ts';
import { tdxEvidence, type TdxEvidence } from '../../../emulator/tdx/evidence/evidence.ts';
import type { TdxOptionsInput } from '../../../emulator/tdx/evidence/options.ts';
import { decodeQuote } from '../../../emulator/tdx/quote/quote.ts';
import { fixedClock, seededWorld } from '../../../emulator/world.ts';
import { answers, buildModule, type Folder, programFolder } from '../go.ts';

interface Question {
  readonly id: string;
  readonly table: string;
  readonly log: string;
  readonly rtmrs: readonly string[];
  readonly loader: string;
}
interface Answer {
  readonly id: string;
  readonly verdict: 'accept' | 'reject';
  readonly detail?: string;
  readonly events: number;
  readonly secureBoot: boolean;
  readonly apps: number;
  readonly commandLine?: string;
}

const make = (options: TdxOptionsInput = {}): TdxEvidence => tdxEvidence(seededWorld('go-eventlog', fixedClock(Date.UTC(2026, 5, 1))), options);
const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const ask = (id: string, { quote, ccel }: Pick<TdxEvidence, 'quote' | 'ccel'>, loader = 'grub'): Question => ({
  id,
  table: base64(ccel.table),
  log: base64(ccel.data),
  rtmrs: decodeQuote(quote).body.rtmr.map(base64),
  loader,
});

let folder: Folder;
let program = '';
beforeAll(async () => {
  folder = await programFolder('go-eventlog-v0.0.2');
  program = await buildModule(import.meta.url, folder);
}, 600_000);
afterAll(() => folder?.remove());

async function answer(question: Question): Promise<Answer | undefined> {
  return (await answers<Answer>(program, [question])).get(question.id);
}

describe('replays our log to the registers in the quote', () => {
  test.each<[string, TdxOptionsInput]>([
    ['of version 4', {}],
    ['of version 5', { quoteVersion: 5 }],
    ['of another machine', { platform: 'sapphire-rapids-2s', tcbStatus: 'OutOfDate' }],
    ['with events in RTMR3', { runtimeEvent: ['teemu start a', 'teemu stop b'] }],
  ])('%s', async (_, options) => {
    const evidence = make({ ...options, append: 'console=ttyS0 ro' });
    const { events } = decodeEventLog(evidence.ccel.data);
    expect(await answer(ask('x', evidence))).toMatchObject({ verdict: 'accept', events: events.length, secureBoot: true, apps: 2, commandLine: '/boot/vmlinuz console=ttyS0 ro\0' });
  });
});

/** What the library makes of a kernel given to QEMU: registers replay, but it can't say what was booted, of genuine logs neither. */
test('takes no log of a kernel given to QEMU: its SecureBoot variable is empty there, as in genuine logs of that kind', async () => {
  const got = await answer(ask('x', make({ boot: 'direct' }), ''));
  expect(got).toMatchObject({ verdict: 'reject', detail: expect.stringMatching(/SecureBoot data len is 0, expected 1[\s\S]*before CallingEFIApp event/) });
  expect(got?.detail).not.toContain('failed to replay');
});

describe('refuses our log with one event changed', () => {
  const evidence = make({ runtimeEvent: ['teemu start a', 'teemu stop a'] });
  const log = decodeEventLog(evidence.ccel.data);
  const flip = (bytes: Uint8Array): Uint8Array => bytes.with(0, (bytes[0] ?? 0) ^ 1);
  const withLog = (changed: EventLog): Pick<TdxEvidence, 'quote' | 'ccel'> => ({ ...evidence, ccel: { ...evidence.ccel, data: encodeEventLog(changed) } });
  const cases = log.events.flatMap((event, i) => {
    const name = `${i} ${eventTypeName(event.eventType)}`;
    const changed = { ...event, digests: event.digests.map(({ algorithm, value }) => ({ algorithm, value: flip(value) })) };
    const register = `registers failed to replay: [${event.mrIndex}]`;
    const others = log.events.filter((_, at) => at !== i);
    return [
      { id: `${name}: its digest`, changed: { ...log, events: log.events.with(i, changed) }, register },
      { id: `${name}: left out`, changed: { ...log, events: others }, register },
      { id: `${name}: twice`, changed: { ...log, events: log.events.toSpliced(i, 0, event) }, register },
    ];
  });
  let got: ReadonlyMap<string, Answer>;
  beforeAll(async () => {
    got = await answers<Answer>(
      program,
      cases.map(({ id, changed }) => ask(id, withLog(changed))),
    );
  });

  test('in each of its events', () => {
    expect(cases.length).toBeGreaterThan(100);
  });

  test.each(cases.map(({ id, register }) => [id, register] as const))('%s', (id, register) => {
    expect(got.get(id)).toMatchObject({ verdict: 'reject', detail: expect.stringContaining(register) });
  });
});

test('does not notice when every event of a register is gone: it replays no register without events', async () => {
  const evidence = make({ runtimeEvent: ['teemu start a'] });
  const log = decodeEventLog(evidence.ccel.data);
  const without = encodeEventLog({ ...log, events: log.events.filter(({ mrIndex }) => mrIndex !== 4) });
  expect(await answer(ask('x', { ...evidence, ccel: { ...evidence.ccel, data: without } }))).toMatchObject({ verdict: 'accept' });
});

describe('refuses', () => {
  const evidence = make();
  const table = (at: number, value: number): Uint8Array => withAcpiChecksum(evidence.ccel.table.with(at, value));
  test.each<[string, Pick<TdxEvidence, 'quote' | 'ccel'>, string]>([
    ['the log of another guest', { ...evidence, ccel: make({ append: 'other' }).ccel }, 'registers failed to replay: [3]'],
    ['a table of another kind of guest', { ...evidence, ccel: { ...evidence.ccel, table: table(36, 1) } }, 'only TDX Confidential Computing event logs are supported'],
    ['another table', { ...evidence, ccel: { ...evidence.ccel, table: table(0, 0x44) } }, 'invalid signature'],
    ['a cut table', { ...evidence, ccel: { ...evidence.ccel, table: evidence.ccel.table.slice(0, 55) } }, 'smaller CCEL ACPI Table size'],
  ])('%s', async (_, subject, detail) => {
    expect(await answer(ask('x', subject))).toMatchObject({ verdict: 'reject', detail: expect.stringContaining(detail) });
  });
});
