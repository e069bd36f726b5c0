/** Logs that do not lead to what the quote's registers hold, or do so by saying what was not measured. */
import { createHash } from 'node:crypto';
import { EVENT } from '../../../emulator/tdx/boot/log/event-types.ts';
import { type LogEvent, SHA_384 } from '../../../emulator/tdx/boot/log/event-log.ts';
import { type MeasuredEvent, measuredEvent, runtimeEvent } from '../../../emulator/tdx/boot/events.ts';
import { tdxEvidence } from '../../../emulator/tdx/evidence/evidence.ts';
import { eventOf, LOG_FILE, logged, measured } from '../../edits/event-log.ts';
import { accepted, refused, type TdxCase, type TdxChange, type TdxRejectCase } from '../../tdx/case.ts';

const UEFI = 'UEFI 2.10, 38 Confidential Computing';
const TCG = 'TCG PC Client Platform Firmware Profile 1.06, event types';
const FORGED = 'confidential-containers/trustee#875';
const NEAR = 'near/mpc#735';
const RETYPED = 'tpm2-tools#2247';
const KNOWN = 'registers are known';

const replay = (slug: string, severity: TdxRejectCase['severity'], ref: string, why: string, change: TdxChange): TdxRejectCase =>
  refused(`ccel/replay/${slug}`, ['binding', 'event-log-replay'], severity, ref, why, change);
const forged = (slug: string, why: string, change: TdxChange): TdxRejectCase => refused(`ccel/data/${slug}`, ['binding', 'event-log-data'], 'high', FORGED, why, change);
const typed = (slug: string, why: string, change: TdxChange, ref = RETYPED): TdxRejectCase => refused(`ccel/type/${slug}`, ['binding', 'event-log-type'], 'high', ref, why, change);
const known = (slug: string, register: number, severity: TdxRejectCase['severity'], ref: string, why: string, change: TdxChange): TdxRejectCase =>
  refused(`ccel/replay/${slug}`, ['binding', 'rtmr-mismatch'], severity, ref, why, { ...change, request: ({ rtmrs }) => ({ [`rtmr${register}`]: Array.isArray(rtmrs) ? String(rtmrs[register]) : '' }), policy: KNOWN });

const flipped = (bytes: Uint8Array): Uint8Array => bytes.with(0, (bytes[0] ?? 0) ^ 1);
const withDigest = (event: LogEvent, change: (value: Uint8Array) => Uint8Array): LogEvent => ({ ...event, digests: event.digests.map(({ algorithm, value }) => ({ algorithm, value: change(value) })) });
const hashed = (data: Uint8Array): LogEvent['digests'] => [{ algorithm: SHA_384, value: new Uint8Array(createHash('sha384').update(data).digest()) }];
const RUNTIME = { runtimeEvent: ['app start one', 'app start two'] };
/** Other contents of a measured event that only names what was hashed. */
const contents = (type: number, n: number, change: (event: MeasuredEvent) => MeasuredEvent): TdxChange => ({
  edits: measured((events) => {
    let seen = -1;
    return events.map((event) => {
      if (event.eventType !== type) return event;
      seen++;
      return seen === n ? change(event) : event;
    });
  }),
});
const asText = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'utf8'));

/** Events whose digest is one of their data, each with its data changed. */
const OF_DATA: readonly (readonly [slug: string, type: number, why: string])[] = [
  ['secure-boot', EVENT.variableDriverConfig, 'What the log says of a variable of Secure Boot is not what was measured.'],
  ['separator', EVENT.separator, 'What the log says of a separator is not what was measured.'],
  ['authority', EVENT.variableAuthority, 'What the log says of the authority over an image is not what was measured.'],
  ['partitions', EVENT.gpt, 'What the log says of the table of partitions is not what was measured.'],
  ['action', EVENT.efiAction, 'What the log says that firmware did is not what was measured.'],
];

export const REPLAY_CASES: readonly TdxCase[] = [
  replay('first-event-missing', 'critical', 'confidential-dot-ai/attestation-go#19', 'The first event that was measured is not in the log.', { edits: logged((events) => events.slice(1)) }),
  replay('last-event-missing', 'critical', 'confidential-dot-ai/attestation-go#19', 'The last event that was measured is not in the log.', { edits: logged((events) => events.slice(0, -1)) }),
  replay('event-added', 'critical', UEFI, 'The log has an event that was not measured.', {
    edits: logged((events) => [...events, { mrIndex: 3, eventType: EVENT.ipl, digests: hashed(asText('evil')), data: asText('evil') }]),
  }),
  replay('event-twice', 'critical', UEFI, 'The log has an event twice that was measured once.', { edits: eventOf(EVENT.ipl, (event) => [event, event]) }),
  replay('events-exchanged', 'critical', UEFI, 'Two events of a register stand in another order than they were measured in.', {
    edits: logged((events) => {
      const digest = ({ digests: [first] }: LogEvent): string => Buffer.from(first?.value ?? []).toString('hex');
      const a = events.findIndex(({ mrIndex }) => mrIndex === 3);
      const b = events.findIndex((event) => event.mrIndex === 3 && events[a] && digest(event) !== digest(events[a]));
      return events.map((event, i) => (i === a ? (events[b] ?? event) : i === b ? (events[a] ?? event) : event));
    }),
  }),
  replay('digest-changed', 'critical', UEFI, 'A digest in the log is another than was measured.', { edits: eventOf(EVENT.ipl, (event) => withDigest(event, flipped)) }),
  replay('digest-and-data-changed', 'critical', UEFI, 'An event of the log is another than was measured, with a digest that fits it.', {
    edits: eventOf(EVENT.efiAction, (event) => ({ ...event, data: asText('Nothing'), digests: hashed(asText('Nothing')) })),
  }),
  replay('event-moved', 'high', UEFI, 'An event is logged under another register than it was measured into.', { edits: eventOf(EVENT.ipl, (event) => ({ ...event, mrIndex: 2 })) }),
  replay('registers-exchanged', 'high', UEFI, 'What was measured into two registers is logged the other way round.', {
    edits: logged((events) => events.map((event) => ({ ...event, mrIndex: event.mrIndex === 2 ? 3 : event.mrIndex === 3 ? 2 : event.mrIndex }))),
  }),
  replay('register-without-events', 'medium', 'agentrust-io/cmcp#443', 'A register holds something, and the log has no event for it.', { edits: logged((events) => events.filter(({ mrIndex }) => mrIndex !== 3)) }),
  replay('no-events', 'critical', 'agentrust-io/cmcp#443', 'The log has nothing but its head.', { edits: logged(() => []) }),
  replay('log-of-another-boot', 'critical', 'confidential-dot-ai/attestation-go#19', 'The log is that of another boot, with another command line.', {
    options: { append: 'init=/bin/sh' },
    goodOptions: { append: 'init=/bin/sh' },
    files: (files, { world }) => new Map([...files].map(([name, own]) => [name, name === LOG_FILE ? tdxEvidence(world, { append: 'quiet' }).ccel.data.slice(0, 16_384) : own] as const)),
  }),
  replay('quote-of-another-boot', 'critical', 'Dstack-TEE/dstack#1294', 'The registers of the quote are others than those that the log leads to.', { options: { set: [`rtmr.2=${'5d'.repeat(48)}`] }, goodOptions: {} }),
  replay('runtime-event-unlogged', 'medium', UEFI, 'Something was measured while the TD ran, and is logged nowhere.', {
    options: RUNTIME,
    edits: logged((events) => events.filter(({ mrIndex }) => mrIndex !== 4)),
    policy: 'everything measured is logged',
  }),
  accepted('ccel/replay/runtime-event-unlogged-allowed', 'medium', UEFI, 'What is measured while a TD runs is often logged elsewhere, which the relying party accepts.', {
    options: RUNTIME,
    goodOptions: RUNTIME,
    edits: logged((events) => events.filter(({ mrIndex }) => mrIndex !== 4)),
    request: { allowUnloggedRuntime: true },
    policy: 'what happens at run time is logged elsewhere',
  }),
  replay('runtime-event-half-logged', 'high', UEFI, 'Of two things measured while the TD ran one is logged: that is no log from elsewhere.', {
    options: RUNTIME,
    edits: logged((events) => events.slice(0, -1)),
    request: { allowUnloggedRuntime: true },
  }),
  ...OF_DATA.map(([slug, type, why]) => forged(`${slug}-forged`, why, { edits: eventOf(type, (event) => ({ ...event, data: event.data.length > 0 ? flipped(event.data) : Uint8Array.of(1) })) })),
  forged('secure-boot-emptied', 'The log says nothing of Secure Boot where something was measured.', { edits: eventOf(EVENT.variableDriverConfig, (event) => ({ ...event, data: new Uint8Array() })) }),
  forged('action-longer', 'Behind what was measured, the log says something more.', { edits: eventOf(EVENT.efiAction, (event) => ({ ...event, data: Uint8Array.of(...event.data, 0x21) })) }),
  forged('secure-boot-switched-on', 'Secure Boot was off, and the log says that it was on.', {
    options: { boot: 'direct' },
    edits: eventOf(EVENT.variableDriverConfig, (event) => ({ ...event, data: Uint8Array.of(...event.data.subarray(0, 24), 1, ...event.data.subarray(25), 1) })),
  }),
  typed('retyped-no-action', 'An event is logged as one that extends nothing, with the digest that was measured.', { edits: eventOf(EVENT.ipl, (event) => ({ ...event, eventType: EVENT.noAction })) }),
  typed('all-retyped-unknown', 'Every event of a register is logged as one of an unknown type: all digests fit, and nothing is known of any.', {
    edits: logged((events) => events.map((event) => (event.mrIndex === 3 ? { ...event, eventType: 0x7fff_0001 } : event))),
  }),
  typed('retyped-unknown', 'One event is logged as one of an unknown type.', { edits: eventOf(EVENT.separator, (event) => ({ ...event, eventType: 0x8000_1234 })) }, 'safeboot#139'),
  replay('retyped-and-emptied', 'high', RETYPED, 'An event is logged as one that extends nothing, without a digest; the registers tell.', {
    edits: eventOf(EVENT.ipl, (event) => withDigest({ ...event, eventType: EVENT.noAction }, (value) => new Uint8Array(value.length))),
  }),
  known('secure-boot-off', 0, 'high', TCG, 'Secure Boot was off when the TD booted, and the log says so; the relying party knows the register with Secure Boot on.', { options: { boot: 'direct' }, goodOptions: {} }),
  known(
    'acpi-tables-changed',
    0,
    'medium',
    'BadAML',
    'The host gave the TD other ACPI tables; the log names them alike, and the register is known.',
    contents(EVENT.platformConfigFlags, 2, (event) => measuredEvent(event.rtmr, event.eventType, event.data, asText('other tables'))),
  ),
  known(
    'boot-loader-changed',
    1,
    'critical',
    TCG,
    'Another application was started, which the log names alike; the register is known.',
    contents(EVENT.bootServicesApplication, 0, (event) => measuredEvent(event.rtmr, event.eventType, event.data, asText('another application'))),
  ),
  known(
    'kernel-changed',
    2,
    'critical',
    TCG,
    'Another kernel was read, which the log names alike; the register is known.',
    contents(EVENT.ipl, 9, (event) => measuredEvent(event.rtmr, event.eventType, event.data, asText('another kernel'))),
  ),
  known('runtime-event-in-another-register', 3, 'high', NEAR, 'What should have been measured at run time was measured into the register of the boot.', {
    options: {},
    goodOptions: { runtimeEvent: ['app start one'] },
    edits: measured((events) => [...events, { ...runtimeEvent('app start one'), rtmr: 2 }]),
  }),
  known('runtime-event-twice', 3, 'high', 'near/mpc#795', 'The same thing was measured twice at run time.', {
    options: { runtimeEvent: ['app start one', 'app start one'] },
    goodOptions: { runtimeEvent: ['app start one'] },
  }),
];
