/** Genuine event logs: decoded, encoded back, replayed to the registers in the quote beside them; our own boots follow them event by event. */
import { hash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { BOOTS } from '../../emulator/tdx/boot/boots.ts';
import { grubCommand, kernelCommandLine } from '../../emulator/tdx/boot/events.ts';
import { ccelTable, decodeCcelTable } from '../../emulator/tdx/boot/log/ccel-table.ts';
import { decodeEventLog, emptyEventLog, encodeEventLog, encodeHeader, type LogEvent } from '../../emulator/tdx/boot/log/event-log.ts';
import { EVENT, eventTypeName } from '../../emulator/tdx/boot/log/event-types.ts';
import { contradictsData, eventDigest, replayEventLog } from '../../emulator/tdx/boot/log/replay.ts';
import { decodeVariable } from '../../emulator/tdx/boot/uefi/variables.ts';
import { decodeQuote } from '../../emulator/tdx/quote/quote.ts';
import { bootInputs } from '../tdx/boot/inputs.ts';
import { describeReal, REAL_SAMPLES, realSample } from '../real-samples.ts';

const LOGS = REAL_SAMPLES === undefined ? [] : readdirSync(join(REAL_SAMPLES, 'tdx')).filter((name) => /\.ccel-data\..*bin$/.test(name));
const TABLES = LOGS.length === 0 ? [] : ['v4-gcp-cos113.ccel-table.bin', 'ubuntu.ccel-table.bin'];
const sample = (name: string): Uint8Array => realSample(`tdx/${name}`);
const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex');
const sha384 = (bytes: Uint8Array): string => hash('sha384', bytes, 'hex');
/** `RTMR0 EV_SEPARATOR`, one for a run of what a boot loader does. */
const kinds = (events: readonly LogEvent[]): string[] =>
  events.map(({ mrIndex, eventType }) => `RTMR${mrIndex - 1} ${eventTypeName(eventType)}`).filter((kind, i, all) => !(kind.endsWith('EV_IPL') && all[i - 1] === kind));

describeReal('genuine event logs', () => {
  test('are all found', () => {
    expect(LOGS).toHaveLength(8);
  });

  test.each(LOGS)('%s comes back byte for byte', (name) => {
    expect(hex(encodeEventLog(decodeEventLog(sample(name))))).toBe(hex(sample(name)));
  });

  test.each([
    ['v4-gcp-cos113.ccel-data.bin', 'v4-gcp-cos113.quote.bin'],
    ['lunal-live2.ccel-data.bin', 'lunal-live.quote.bin'],
  ])('%s replays to the registers of %s', (log, quote) => {
    expect(replayEventLog(decodeEventLog(sample(log))).map(hex)).toEqual(decodeQuote(sample(quote)).body.rtmr.map(hex));
  });

  test('with one digest changed replay to something else, in that register only', () => {
    const log = decodeEventLog(sample('v4-gcp-cos113.ccel-data.bin'));
    const before = replayEventLog(log).map(hex);
    log.events.forEach((event, i) => {
      const changed = { ...event, digests: event.digests.map(({ algorithm, value }) => ({ algorithm, value: value.with(0, (value[0] ?? 0) ^ 1) })) };
      const after = replayEventLog({ events: log.events.with(i, changed) }).map(hex);
      expect(after.map((value, rtmr) => value !== before[rtmr])).toEqual(before.map((_, rtmr) => rtmr === event.mrIndex - 1));
    });
  });

  test.each(LOGS)('%s has no event whose kind says that its digest is of its data, and is not', (name) => {
    expect(decodeEventLog(sample(name)).events.filter(contradictsData)).toEqual([]);
  });

  test.each(LOGS.filter((name) => !name.startsWith('tdshim')))('%s begins as an emulated one', (name) => {
    expect(hex(encodeHeader(decodeEventLog(sample(name)).header))).toBe(hex(encodeHeader(emptyEventLog().header)));
  });

  test.each(TABLES)('%s is what the emulator writes for its log area', (name) => {
    const { logAreaMinimumLength, logAreaStartAddress } = decodeCcelTable(sample(name));
    expect(hex(ccelTable(Number(logAreaMinimumLength), logAreaStartAddress))).toBe(hex(sample(name)));
  });

  test.each(LOGS)('%s hashes the contents of boot variables, not the whole event', (name) => {
    for (const event of decodeEventLog(sample(name)).events.filter(({ eventType }) => eventType === EVENT.variableBoot)) expect(hex(eventDigest(event))).toBe(sha384(decodeVariable(event.data).contents));
  });

  test('hash commands of GRUB as the emulator does', () => {
    const text = ({ data }: LogEvent): string => Buffer.from(data).toString('utf8').replace(/\0$/, '');
    const loader = decodeEventLog(sample('v4-gcp-cos113.ccel-data.bin')).events.filter(({ eventType }) => eventType === EVENT.ipl);
    const commands = loader.filter((event) => text(event).startsWith('grub_cmd: '));
    expect(commands.length).toBeGreaterThan(10);
    for (const event of commands) expect(grubCommand(text(event).slice(10))).toEqual({ rtmr: 2, eventType: event.eventType, data: event.data, digest: eventDigest(event) });
    const lines = loader.filter((event) => text(event).startsWith('kernel_cmdline: '));
    expect(lines).toHaveLength(1);
    for (const event of lines) expect(kernelCommandLine(text(event).slice(16))).toEqual({ rtmr: 2, eventType: event.eventType, data: event.data, digest: eventDigest(event) });
  });

  test.each([
    ['grub', 'v4-gcp-cos113.ccel-data.bin'],
    ['direct', 'lunal-live2.ccel-data.bin'],
  ] as const)('are followed by the boot %s, event by event: %s', (boot, name) => {
    const own = BOOTS[boot].events(bootInputs(BOOTS[boot].secureBoot)).map(({ rtmr, eventType, data }) => ({ mrIndex: rtmr + 1, eventType, digests: [], data }));
    const { events } = decodeEventLog(sample(name));
    expect(kinds(own)).toEqual(kinds(events));
    // What says nothing of the machine is the same to the byte.
    const same = [EVENT.separator, EVENT.efiAction, EVENT.platformConfigFlags, EVENT.handoffTables2] as number[];
    const fixed = (list: readonly LogEvent[]): string[] => list.filter(({ eventType }) => same.includes(eventType)).map(({ data }) => hex(data));
    expect(fixed(own)).toEqual(fixed(events));
    const names = (list: readonly LogEvent[]): string[] =>
      list.filter(({ eventType }) => [EVENT.variableBoot, EVENT.variableDriverConfig, EVENT.variableAuthority].some((type) => type === eventType)).map(({ data }) => decodeVariable(data).name);
    expect(names(own)).toEqual(names(events));
  });

  test('of a kernel given to QEMU have the same Secure Boot variables, menu, tags and device path as the boot direct', () => {
    const { events } = decodeEventLog(sample('lunal-live2.ccel-data.bin'));
    const own = BOOTS.direct.events(bootInputs(false));
    const pathOf = (data: Uint8Array): string => hex(data.subarray(32));
    own.forEach(({ eventType, data }, i) => {
      const genuine = events[i]?.data ?? new Uint8Array(0);
      if (eventType === EVENT.bootServicesApplication) expect(pathOf(data)).toBe(pathOf(genuine));
      else if (eventType !== EVENT.firmwareBlob2) expect(hex(data)).toBe(hex(genuine));
    });
  });
});
