/** The codec of event logs and of their ACPI table, and what a replay makes of them. */
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CodecError, ConfigError } from '../../../emulator/errors.ts';
import { ccelTable, decodeCcelTable } from '../../../emulator/tdx/boot/log/ccel-table.ts';
import { decodeEventLog, emptyEventLog, encodeEventLog, type EventLog, fillArea, type LogEvent } from '../../../emulator/tdx/boot/log/event-log.ts';
import { EVENT, eventTypeName } from '../../../emulator/tdx/boot/log/event-types.ts';
import { contradictsData, replayEventLog } from '../../../emulator/tdx/boot/log/replay.ts';
import { ccelOf, LOG_AREA } from '../../../emulator/tdx/boot/measured-boot.ts';

const hex = (b: Uint8Array): string => Buffer.from(b).toString('hex');
const sha384 = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(createHash('sha384').update(Buffer.concat(parts)).digest());
const event = (mrIndex: number, eventType: number, data: string, digest = sha384(Buffer.from(data))): LogEvent => ({
  mrIndex,
  eventType,
  digests: [{ algorithm: 12, value: digest }],
  data: Uint8Array.from(Buffer.from(data)),
});
const log = (...events: readonly LogEvent[]): EventLog => ({ ...emptyEventLog(), events });

const anyEvent = fc.record({
  mrIndex: fc.nat(4),
  eventType: fc.integer({ min: 1, max: 0xffff_ffff }),
  digests: fc.constantFrom(48).chain((size) => fc.uint8Array({ minLength: size, maxLength: size }).map((value) => [{ algorithm: 12, value }])),
  data: fc.uint8Array({ maxLength: 80 }),
});

describe('an event log', () => {
  test('is written as the specification says, byte by byte', () => {
    const header = `01000000 03000000 ${'00'.repeat(20)} 21000000`;
    const specId = `53706563204944204576656e74303300 00000000 00 02 00 02 01000000 0c00 3000 00`;
    const separator = `02000000 04000000 01000000 0c00 ${hex(sha384(new Uint8Array(4)))} 04000000 00000000`;
    expect(hex(encodeEventLog(log(event(2, EVENT.separator, '\0\0\0\0'))))).toBe(`${header}${specId}${separator}`.replaceAll(' ', ''));
  });

  test('comes back the same, with any events and any fill', () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 8 }), fc.nat(300), fc.constantFrom(0, 0xff), fc.uint8Array({ maxLength: 20 }), (events, fill, byte, vendorInfo) => {
        const { header } = emptyEventLog();
        // A fill of zeros is only told from an event when it is as long as one's register and kind.
        const trailing = new Uint8Array(fill).fill(byte);
        const written = encodeEventLog({ header: { ...header, specId: { ...header.specId, vendorInfo } }, events, trailing });
        const read = decodeEventLog(written);
        expect(read).toEqual({ header: { ...header, specId: { ...header.specId, vendorInfo } }, events, trailing });
        expect(hex(encodeEventLog(read))).toBe(hex(written));
      }),
    );
  });

  test('may have several digests an event, of algorithms that it names first', () => {
    const { header } = emptyEventLog();
    const algorithms = [...header.specId.algorithms, { id: 11, size: 32 }];
    const two = {
      ...event(1, EVENT.separator, 'x'),
      digests: [
        { algorithm: 11, value: new Uint8Array(32).fill(1) },
        { algorithm: 12, value: new Uint8Array(48).fill(2) },
      ],
    };
    const both = { header: { ...header, specId: { ...header.specId, algorithms } }, events: [two], trailing: new Uint8Array(0) };
    expect(decodeEventLog(encodeEventLog(both))).toEqual(both);
  });

  const written = encodeEventLog(fillArea(log(event(1, EVENT.separator, 'abcd')), 256));
  const first = 65;
  const changed = (at: number, ...values: readonly number[]): Uint8Array => {
    const copy = written.slice();
    copy.set(values, at);
    return copy;
  };
  test.each<[string, Uint8Array, string, number]>([
    ['nothing at all', new Uint8Array(0), 'ERR_CODEC_TRUNCATED', 0],
    ['a first event of another kind', changed(4, 4), 'ERR_CODEC_RANGE', 4],
    ['a first event longer than the log', changed(28, 0xff, 0xff, 0xff, 0xff), 'ERR_CODEC_TRUNCATED', 32],
    ['another Spec ID', changed(32, 0x54), 'ERR_CODEC_RANGE', 32],
    ['no algorithm', changed(56, 0), 'ERR_CODEC_RANGE', 56],
    ['more algorithms than there are', changed(56, 17), 'ERR_CODEC_RANGE', 56],
    ['SHA-384 of another length', changed(62, 32), 'ERR_CODEC_RANGE', 56],
    ['vendor information longer than the Spec ID', changed(64, 1), 'ERR_CODEC_TRUNCATED', 65],
    ['a register that there is not', changed(first, 5), 'ERR_CODEC_RANGE', first],
    ['no digest', changed(first + 8, 0), 'ERR_CODEC_RANGE', first + 8],
    ['billions of digests', changed(first + 8, 0xff, 0xff, 0xff, 0xff), 'ERR_CODEC_RANGE', first + 8],
    ['a digest of an algorithm not named before', changed(first + 12, 0x0b), 'ERR_CODEC_RANGE', first + 12],
    ['data longer than the log', changed(first + 62, 0xff, 0xff, 0xff, 0xff), 'ERR_CODEC_TRUNCATED', first + 66],
    ['something in the fill', changed(200, 1), 'ERR_CODEC_RESERVED', 200],
    ['half an event', written.slice(0, first + 30), 'ERR_CODEC_TRUNCATED', first + 14],
  ])('with %s is refused at its place', (_, src, code, at) => {
    expect(() => decodeEventLog(src)).toThrow(expect.objectContaining({ code, at, name: 'CodecError' }));
  });

  test('with something in the fill can be kept', () => {
    const odd = changed(200, 1);
    expect(hex(encodeEventLog(decodeEventLog(odd, { reserved: 'keep' })))).toBe(hex(odd));
  });

  test('with vendor information of more than 255 bytes is not written', () => {
    const { header } = emptyEventLog();
    expect(() => encodeEventLog({ ...log(), header: { ...header, specId: { ...header.specId, vendorInfo: new Uint8Array(256) } } })).toThrow(CodecError);
  });
});

describe('the area of a log', () => {
  test('is filled with 0xff, and the table names its length', () => {
    const { table, data } = ccelOf(log(event(1, EVENT.separator, 'abcd')));
    expect(data).toHaveLength(LOG_AREA);
    expect(new Set(decodeEventLog(data).trailing)).toEqual(new Set([0xff]));
    expect(decodeCcelTable(table).logAreaMinimumLength).toBe(BigInt(LOG_AREA));
  });

  test('grows with the log, up to a bound', () => {
    const large = event(1, EVENT.ipl, 'x'.repeat(LOG_AREA));
    expect(ccelOf(log(large)).data).toHaveLength(2 * LOG_AREA);
    expect(() => ccelOf(log(...Array.from({ length: 256 }, () => large)))).toThrow(ConfigError);
    expect(() => fillArea(log(large), LOG_AREA)).toThrow(RangeError);
  });
});

describe('a CCEL table', () => {
  const table = ccelTable(0x10000, 0x7d64_9000n);
  test('has bytes that add up to 0, and comes back', () => {
    expect(table).toHaveLength(56);
    expect(table.reduce((sum, byte) => (sum + byte) & 0xff, 0)).toBe(0);
    expect(decodeCcelTable(table)).toMatchObject({ ccType: 2, ccSubtype: 0, logAreaMinimumLength: 0x10000n, logAreaStartAddress: 0x7d64_9000n });
  });

  test.each<[string, (copy: Uint8Array) => void, string, number]>([
    ['another signature', (copy) => copy.set([0x44]), 'ERR_CODEC_RANGE', 0],
    ['another length', (copy) => copy.set([57], 4), 'ERR_CODEC_RANGE', 4],
    ['a wrong checksum', (copy) => copy.set([(copy[9] ?? 0) ^ 1], 9), 'ERR_CODEC_RANGE', 9],
    ['reserved bytes set', (copy) => copy.set([1], 38), 'ERR_CODEC_RESERVED', 38],
  ])('with %s is refused at its place', (_, change, code, at) => {
    const copy = table.slice();
    change(copy);
    expect(() => decodeCcelTable(copy)).toThrow(expect.objectContaining({ code, at }));
  });

  test.each([55, 57])('of %i bytes is refused', (length) => {
    expect(() => decodeCcelTable(Uint8Array.from([...table, 0]).slice(0, length))).toThrow(CodecError);
  });
});

describe('a replay', () => {
  test('extends each register with the digests of its own events, in order', () => {
    const [a, b, c] = ['a', 'b', 'c'].map((text) => sha384(Buffer.from(text))) as [Uint8Array, Uint8Array, Uint8Array];
    const zero = new Uint8Array(48);
    const events = [event(1, EVENT.ipl, '', a), event(4, EVENT.ipl, '', b), event(1, EVENT.ipl, '', c)];
    expect(replayEventLog({ events }).map(hex)).toEqual([sha384(sha384(zero, a), c), zero, zero, sha384(zero, b)].map(hex));
  });

  test('passes over what extends nothing: EV_NO_ACTION, and events about MRTD', () => {
    expect(replayEventLog({ events: [event(1, EVENT.noAction, 'x'), event(0, EVENT.ipl, 'x')] }).every((register) => register.every((byte) => byte === 0))).toBe(true);
  });

  test('refuses an event that RTMRs can not have been extended with', () => {
    expect(() => replayEventLog({ events: [{ ...event(1, EVENT.ipl, 'x'), digests: [{ algorithm: 11, value: new Uint8Array(32) }] }] })).toThrow(CodecError);
  });

  test.each([
    ['data that were changed after they were measured', { ...event(2, EVENT.efiAction, 'Exit'), data: Uint8Array.from(Buffer.from('Stay')) }, true],
    ['data as they were measured', event(2, EVENT.efiAction, 'Exit'), false],
    ['data that only name what was measured', event(3, EVENT.ipl, 'file', new Uint8Array(48)), false],
  ])('notices %s', (_, measured, contradicts) => {
    expect(contradictsData(measured)).toBe(contradicts);
  });
});

test('kinds of event have their names, and unknown ones their number', () => {
  expect([eventTypeName(4), eventTypeName(0x8000_0003), eventTypeName(0xdead)]).toEqual(['EV_SEPARATOR', 'EV_EFI_BOOT_SERVICES_APPLICATION', '0x0000dead']);
});
