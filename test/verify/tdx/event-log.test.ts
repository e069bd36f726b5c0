/** Whole bundles of emulated evidence, and the event logs in them: each bad log beside the good one that lacks only what is wrong with it. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type Bundle, withFiles } from '../../../emulator/bundle.ts';
import { BOOTS } from '../../../emulator/tdx/boot/boots.ts';
import { withAcpiChecksum } from '../../../emulator/tdx/boot/log/ccel-table.ts';
import { decodeEventLog, encodeEventLog, type EventLog, type LogEvent } from '../../../emulator/tdx/boot/log/event-log.ts';
import { EVENT } from '../../../emulator/tdx/boot/log/event-types.ts';
import { tdxEvidence } from '../../../emulator/tdx/evidence/evidence.ts';
import type { TdxOptionsInput } from '../../../emulator/tdx/evidence/options.ts';
import { PLATFORM_MODELS } from '../../../emulator/tdx/platform/models.ts';
import { fixedClock, seededWorld } from '../../../emulator/world.ts';
import { type BundleWishes, TCB_STATUSES, TDX_REASONS, type TdxReason, verifyBundle } from '../../../harness/verify/index.ts';
import { NOW } from './evidence.ts';

const world = seededWorld('event logs', fixedClock(NOW));
const bundle = (options: TdxOptionsInput = {}): Bundle => tdxEvidence(world, { runtimeEvent: ['test op content'], ...options }).bundle;
const GOOD = bundle();
const { trailing, ...LOG } = decodeEventLog(GOOD.files.get('ccel.bin') ?? new Uint8Array());
const TABLE = GOOD.files.get('ccel_table.bin') ?? new Uint8Array();
const written = (log: Omit<EventLog, 'trailing'>): Uint8Array => encodeEventLog({ ...log, trailing: new Uint8Array(0) });
const withLog = (log: Uint8Array, table: Uint8Array = TABLE): Bundle =>
  withFiles(
    GOOD,
    new Map([
      ['ccel.bin', log],
      ['ccel_table.bin', table],
    ]),
  );
const events = (edit: (events: readonly LogEvent[]) => readonly LogEvent[]): Bundle => withLog(written({ ...LOG, events: edit(LOG.events) }));
/** Changes the first event that is of a type, or about a register. */
const changed = (which: (event: LogEvent) => boolean, edit: (event: LogEvent) => LogEvent): Bundle => {
  const at = LOG.events.findIndex(which);
  return events((list) => list.map((event, i) => (i === at ? edit(event) : event)));
};
const sha384 = (src: Uint8Array): Uint8Array => new Uint8Array(createHash('sha384').update(src).digest());
const flip = (src: Uint8Array): Uint8Array => src.with(0, (src[0] ?? 0) ^ 1);
const ofType =
  (type: number) =>
  (event: LogEvent): boolean =>
    event.eventType === type;
const about =
  (mrIndex: number) =>
  (event: LogEvent): boolean =>
    event.mrIndex === mrIndex;
const digest = (value: Uint8Array): LogEvent['digests'] => [{ algorithm: 0x0c, value }];
const tableWith = (at: number, value: number): Uint8Array => withAcpiChecksum(TABLE.with(at, value));

describe('bundles of emulated evidence are accepted', () => {
  test.each(Object.keys(PLATFORM_MODELS).flatMap((platform) => [4, 5].map((quoteVersion) => ({ platform, quoteVersion }))))('%j', (options) => {
    expect(verifyBundle(bundle(options))).toMatchObject({ accepted: true, facts: { status: 'UpToDate' } });
  });
  test.each(TCB_STATUSES.filter((s) => s !== 'Revoked'))('with the TCB status %s', (tcbStatus) => {
    expect(verifyBundle(bundle({ tcbStatus }), { tcbStatuses: [tcbStatus] })).toMatchObject({ accepted: true, facts: { status: tcbStatus } });
  });
  test.each<TdxOptionsInput>([
    ...Object.keys(BOOTS).map((boot) => ({ boot })),
    ...[1, 2, 3, 4, 5].map((certificationType) => ({ certificationType })),
    { pckCa: 'processor' },
    { tcbEvaluation: 'early' },
    { reportData: 'ab', mrConfigId: '01', mrOwner: '02', mrOwnerConfig: '03' },
    { quoteVersion: 5, bodyType: 'td10' },
    { addOrder: 'twoPass' },
    { runtimeEvent: [] },
  ])('%j', (options) => {
    expect(verifyBundle(bundle(options))).toMatchObject({ accepted: true });
  });
});

const REJECTIONS: readonly (readonly [name: string, reason: TdxReason, bundle: Bundle])[] = [
  ['is empty', 'event-log-malformed', withLog(new Uint8Array())],
  ['ends in the middle of an event', 'event-log-malformed', withLog(written(LOG).slice(0, -5))],
  ['has something other than fill behind it', 'event-log-malformed', withLog(Uint8Array.from([...written(LOG), ...new Uint8Array(20).fill(0xff), 7]))],
  ['is longer than its table says', 'event-log-malformed', withLog(Uint8Array.from([...written(LOG), ...trailing, ...trailing.fill(0xff)]))],
  ['has a length that lies', 'event-log-malformed', withLog(written(LOG).with(28, 0xff).with(31, 0xff))],
  ['has a register that there is not', 'event-log-malformed', events((list) => list.map((event, i) => (i === 3 ? { ...event, mrIndex: 5 } : event)))],
  ['has a table that does not add up', 'ccel-table-malformed', withLog(written(LOG), TABLE.with(44, 1))],
  ['has a table for SEV', 'ccel-table-malformed', withLog(written(LOG), tableWith(36, 1))],
  ['has a table that is another', 'ccel-table-malformed', withLog(written(LOG), tableWith(0, 0x44))],
  ['has a table that is cut short', 'ccel-table-malformed', withLog(written(LOG), TABLE.slice(0, 55))],
  ['has an event about MRTD', 'event-log-register', changed(about(1), (event) => ({ ...event, mrIndex: 0 }))],
  ['has an event of an unknown type', 'event-log-type', changed(about(2), (event) => ({ ...event, eventType: 0x1234 }))],
  ['has an event retyped as one that extends nothing', 'event-log-type', changed(ofType(EVENT.variableBoot), (event) => ({ ...event, eventType: EVENT.noAction }))],
  ['has other data than Secure Boot was measured with', 'event-log-data', changed(ofType(EVENT.variableDriverConfig), (event) => ({ ...event, data: flip(event.data) }))],
  ['has a separator with other data', 'event-log-data', changed(ofType(EVENT.separator), (event) => ({ ...event, data: Uint8Array.of(1, 0, 0, 0) }))],
  ['has no events', 'event-log-replay', events(() => [])],
  ['lacks an event', 'event-log-replay', events((list) => list.slice(0, -1))],
  ['lacks the first event', 'event-log-replay', events((list) => list.slice(1))],
  ['has one event more', 'event-log-replay', events((list) => [...list, list.at(-1) as LogEvent])],
  ['has two events in another order', 'event-log-replay', events(([first, second, ...rest]) => [second as LogEvent, first as LogEvent, ...rest])],
  ['has an event under another register', 'event-log-replay', changed(about(3), (event) => ({ ...event, mrIndex: 2 }))],
  ['has another digest', 'event-log-replay', changed(ofType(EVENT.bootServicesApplication), (event) => ({ ...event, digests: digest(flip(event.digests[0]?.value ?? new Uint8Array(48))) }))],
  ['has other data with their own digest', 'event-log-replay', changed(ofType(EVENT.separator), (event) => ({ ...event, data: Uint8Array.of(1, 0, 0, 0), digests: digest(sha384(Uint8Array.of(1, 0, 0, 0))) }))],
  ['is that of another boot', 'event-log-replay', withLog(bundle({ append: 'another command line' }).files.get('ccel.bin') ?? new Uint8Array())],
];

describe('evidence is refused whose event log', () => {
  test('is good to begin with', () => {
    expect(verifyBundle(GOOD)).toMatchObject({ accepted: true });
    expect(verifyBundle(withLog(written(LOG)))).toMatchObject({ accepted: true });
  });
  test.each(REJECTIONS)('%s', (_, reason, bad) => {
    expect(verifyBundle(bad)).toMatchObject({ accepted: false, reason, stage: TDX_REASONS[reason].stage });
  });
  test('has a test for each reason', () => {
    const tested = new Set(REJECTIONS.map(([, reason]) => reason));
    expect(Object.keys(TDX_REASONS).filter((reason) => /^(event-log|ccel)/.test(reason) && !tested.has(reason as TdxReason))).toEqual([]);
  });
});

describe('a register for run time', () => {
  const unlogged = events((list) => list.filter(({ mrIndex }) => mrIndex !== 4));
  test.each<readonly [BundleWishes, boolean]>([
    [{}, false],
    [{ allowUnloggedRuntime: true }, true],
  ])('that the log has no events for, with %j', (wishes, accepted) => {
    expect(verifyBundle(unlogged, wishes)).toMatchObject(accepted ? { accepted } : { accepted, reason: 'event-log-replay', path: 'body.rtmr.3' });
  });
  test('counts as soon as the log has one', () => {
    const one = events((list) => [...list.filter(({ mrIndex }) => mrIndex !== 4), { mrIndex: 4, eventType: EVENT.eventTag, digests: digest(new Uint8Array(48)), data: new Uint8Array(8) }]);
    expect(verifyBundle(one, { allowUnloggedRuntime: true })).toMatchObject({ accepted: false, reason: 'event-log-replay' });
  });
  test('is the only one that may be left out', () => {
    const two = events((list) => list.filter(({ mrIndex }) => mrIndex !== 3));
    expect(verifyBundle(two, { allowUnloggedRuntime: true })).toMatchObject({ accepted: false, reason: 'event-log-replay', path: 'body.rtmr.2' });
  });
});

test('without its table a log is as good, and without both nothing is missing', () => {
  const without = (...names: readonly string[]): Bundle => ({ manifest: GOOD.manifest, files: new Map([...GOOD.files].filter(([name]) => !names.includes(name))) });
  expect(verifyBundle(without('ccel_table.bin'))).toMatchObject({ accepted: true });
  expect(verifyBundle(without('ccel_table.bin', 'ccel.bin'))).toMatchObject({ accepted: true });
});
