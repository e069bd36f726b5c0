import { createCipheriv, createDecipheriv } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CodecError, FirmwareError, TeemuError } from '../../../emulator/errors.ts';
import { decodeReport, REPORT_SIZE } from '../../../emulator/snp/report.ts';
import { GUEST_MESSAGE_HEADER, type GuestMessage, MAX_PAYLOAD, MESSAGE_TYPES, openMessage, readHeader, sealMessage } from '../../../emulator/snp/secure-processor/messages/guest-message.ts';
import { REPORT_REQUEST, REPORT_RESPONSE } from '../../../emulator/snp/secure-processor/messages/payloads.ts';
import { keyOf, launched, type Machine, machine, statusOf } from './guests.ts';

const REPORT_DATA = Uint8Array.from({ length: 64 }, (_, i) => i);
const KEY = new Uint8Array(32).fill(0x11);
const MESSAGE: GuestMessage = { type: MESSAGE_TYPES.reportRequest, version: 1, sequence: 1n, vmpck: 0 };

const reportRequest = (vmpl = 0, keySelect = 0): Uint8Array => REPORT_REQUEST.encode({ reportData: REPORT_DATA, vmpl, key: { keySelect, reserved2: 0 } });

describe('a guest message', () => {
  test('lies on the wire as the ABI draws it', () => {
    const page = sealMessage(KEY, { type: 5, version: 1, sequence: 0x0102n, vmpck: 3 }, Uint8Array.of(1, 2, 3));
    const view = new DataView(page.buffer);
    const header = {
      sequence: view.getBigUint64(0x20, true),
      algorithm: view.getUint8(0x30),
      headerVersion: view.getUint8(0x31),
      headerSize: view.getUint16(0x32, true),
      type: view.getUint8(0x34),
      version: view.getUint8(0x35),
      size: view.getUint16(0x36, true),
      vmpck: view.getUint8(0x3c),
    };
    expect(header).toEqual({ sequence: 0x0102n, algorithm: 1, headerVersion: 1, headerSize: 0x60, type: 5, version: 1, size: 3, vmpck: 3 });
    expect(page).toHaveLength(4096);
    // The IV is the sequence number, little-endian, in 12 bytes; bytes 0x30 to 0x5f are authenticated.
    const iv = Uint8Array.of(0x02, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    const decipher = createDecipheriv('aes-256-gcm', KEY, iv);
    decipher.setAAD(page.subarray(0x30, 0x60));
    decipher.setAuthTag(page.subarray(0, 16));
    expect([...decipher.update(page.subarray(0x60, 0x63)), ...decipher.final()]).toEqual([1, 2, 3]);
  });

  test('sealed by anybody else to that drawing is opened', () => {
    const page = new Uint8Array(4096);
    page.set([9, 0, 0, 0, 0, 0, 0, 0], 0x20);
    page.set([1, 1, 0x60, 0, 5, 1, 4, 0], 0x30);
    page[0x3c] = 2;
    const cipher = createCipheriv('aes-256-gcm', KEY, Uint8Array.of(9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0));
    cipher.setAAD(page.subarray(0x30, 0x60));
    page.set(cipher.update(Uint8Array.of(4, 5, 6, 7)), 0x60);
    cipher.final();
    page.set(cipher.getAuthTag(), 0);
    expect(readHeader(page)).toEqual({ type: 5, version: 1, sequence: 9n, vmpck: 2, size: 4 });
    expect(openMessage(KEY, page)).toEqual(Uint8Array.of(4, 5, 6, 7));
  });

  test('comes back as it went, of any size', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.uint8Array({ maxLength: MAX_PAYLOAD }),
        fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
        fc.nat(255),
        fc.nat(3),
        (key, payload, sequence, type, vmpck) => {
          const page = sealMessage(key, { type, version: 1, sequence, vmpck }, payload);
          expect(readHeader(page)).toEqual({ type, version: 1, sequence, vmpck, size: payload.length });
          expect(openMessage(key, page)).toEqual(payload);
        },
      ),
    );
  });

  test('does not open under another key', () => {
    expect(() => openMessage(new Uint8Array(32), sealMessage(KEY, MESSAGE, reportRequest()))).toThrow(expect.toSatisfy((error) => error instanceof TeemuError && error.code === 'ERR_SEAL'));
  });

  test('with any byte of header or payload changed is refused, and changed after them is the same message', () => {
    const payload = reportRequest();
    const page = sealMessage(KEY, MESSAGE, payload);
    const end = GUEST_MESSAGE_HEADER.size + payload.length;
    for (let at = 0; at < end + 16; at++) {
      const changed = page.slice();
      changed[at] = (changed[at] ?? 0) ^ 0x40;
      if (at >= end) expect(openMessage(KEY, changed)).toEqual(payload);
      else expect(() => openMessage(KEY, changed), `byte ${at}`).toThrow(expect.toSatisfy((error) => error instanceof TeemuError && (error.code === 'ERR_SEAL' || error instanceof CodecError)));
    }
  });

  test('is sealed under one of four keys', () => {
    expect(() => readHeader(sealMessage(KEY, { ...MESSAGE, vmpck: 4 }, reportRequest()))).toThrow(CodecError);
  });

  test('has room for 4000 bytes', () => {
    expect(MAX_PAYLOAD).toBe(4000);
    expect(() => sealMessage(KEY, MESSAGE, new Uint8Array(4001))).toThrow(RangeError);
  });
});

describe('a request to the firmware', () => {
  test('for a report is answered: the type and the sequence number are one up, the report is that of the request', () => {
    const m = machine();
    const page = m.on.guestRequest(m.guest, sealMessage(keyOf(m, 0), MESSAGE, reportRequest(1)));
    expect(readHeader(page)).toEqual({ type: MESSAGE_TYPES.reportResponse, version: 1, sequence: 2n, vmpck: 0, size: 0x20 + REPORT_SIZE });
    const { status, reportSize, report } = REPORT_RESPONSE.decode(openMessage(keyOf(m, 0), page));
    expect([status, reportSize]).toEqual([0, REPORT_SIZE]);
    expect(decodeReport(report)).toMatchObject({ reportData: REPORT_DATA, vmpl: 1, measurement: m.guest.measurement });
  });

  const size = REPORT_REQUEST.size;
  test.each<[string, Partial<GuestMessage>, Uint8Array, string]>([
    ['a sequence number of 0', { sequence: 0n }, reportRequest(), 'INVALID_PARAM'],
    ['a sequence number that skips one', { sequence: 2n }, reportRequest(), 'INVALID_PARAM'],
    ['the highest sequence number', { sequence: 2n ** 64n - 1n }, reportRequest(), 'INVALID_PARAM'],
    ["another VMPL's key", { vmpck: 1 }, reportRequest(1), 'BAD_MEASUREMENT'],
    ['a payload one byte short', {}, reportRequest().subarray(1), 'INVALID_PARAM'],
    ['a payload one byte long', {}, new Uint8Array(size + 1), 'INVALID_PARAM'],
    ['no payload', {}, new Uint8Array(), 'INVALID_PARAM'],
    ['version 0', { version: 0 }, reportRequest(), 'INVALID_PARAM'],
    ['version 2 of a report request', { version: 2 }, reportRequest(), 'INVALID_PARAM'],
    ['an answer', { type: MESSAGE_TYPES.reportResponse }, reportRequest(), 'INVALID_PARAM'],
    ['a type that does not exist', { type: 99 }, reportRequest(), 'INVALID_PARAM'],
    ['CPUID', { type: MESSAGE_TYPES.cpuidRequest }, reportRequest(), 'UNSUPPORTED'],
    ['export', { type: MESSAGE_TYPES.exportRequest }, reportRequest(), 'UNSUPPORTED'],
    ['import', { type: MESSAGE_TYPES.importRequest }, reportRequest(), 'UNSUPPORTED'],
    ['absorb', { type: MESSAGE_TYPES.absorbRequest }, reportRequest(), 'UNSUPPORTED'],
    ['VMRK', { type: MESSAGE_TYPES.vmrkRequest }, reportRequest(), 'UNSUPPORTED'],
    ['TSC info', { type: MESSAGE_TYPES.tscInfoRequest }, reportRequest(), 'UNSUPPORTED'],
  ])('is refused for %s, and the count stands still', (_, change, payload, status) => {
    const m = machine();
    expect(statusOf(() => m.on.guestRequest(m.guest, sealMessage(keyOf(m, 0), { ...MESSAGE, ...change }, payload)))).toBe(status);
    expect(statusOf(() => m.on.guestRequest(m.guest, sealMessage(keyOf(m, 0), MESSAGE, reportRequest())))).toHaveProperty('returned');
  });

  test.each<[string, (page: Uint8Array) => Uint8Array]>([
    ['a page cut short', (page) => page.subarray(1)],
    ['a page and a byte', (page) => Uint8Array.of(...page, 0)],
    ['another algorithm', (page) => page.with(0x30, 2)],
    ['another header version', (page) => page.with(0x31, 2)],
    ['another header size', (page) => page.with(0x32, 0x61)],
    ['a payload larger than the page', (page) => page.with(0x37, 0xff)],
    ['a fifth key', (page) => page.with(0x3c, 4)],
    ['a tag longer than 16 bytes', (page) => page.with(0x10, 1)],
    ['reserved bytes after the sequence number', (page) => page.with(0x28, 1)],
    ['reserved bytes after the size', (page) => page.with(0x38, 1)],
    ['reserved bytes at the end of the header', (page) => page.with(0x5f, 1)],
  ])('is INVALID_PARAM for %s', (_, change) => {
    const m = machine();
    expect(statusOf(() => m.on.guestRequest(m.guest, change(sealMessage(keyOf(m, 0), MESSAGE, reportRequest()))))).toBe('INVALID_PARAM');
  });

  test('is refused when it is sent again', () => {
    const m = machine();
    const page = sealMessage(keyOf(m, 0), MESSAGE, reportRequest());
    m.on.guestRequest(m.guest, page);
    expect(statusOf(() => m.on.guestRequest(m.guest, page))).toBe('INVALID_PARAM');
  });

  test('with its sequence number raised by the host is BAD_MEASUREMENT', () => {
    const m = machine();
    const page = sealMessage(keyOf(m, 0), MESSAGE, reportRequest());
    m.on.guestRequest(m.guest, page);
    expect(statusOf(() => m.on.guestRequest(m.guest, page.with(0x20, 3)))).toBe('BAD_MEASUREMENT');
  });

  test('of another guest is BAD_MEASUREMENT', () => {
    const m = machine();
    const other = launched(m.on);
    expect(statusOf(() => m.on.guestRequest(other, sealMessage(keyOf(m, 0), MESSAGE, reportRequest())))).toBe('BAD_MEASUREMENT');
  });

  test('of each key has a count of its own: 1, 3, 5 and so on', () => {
    const m = machine();
    const counts: bigint[] = [];
    for (const vmpck of [0, 3, 0, 1, 3, 3, 2]) {
      const used = counts[vmpck] ?? 0n;
      counts[vmpck] = used + 2n;
      const page = m.on.guestRequest(m.guest, sealMessage(keyOf(m, vmpck), { ...MESSAGE, sequence: used + 1n, vmpck }, reportRequest(vmpck)));
      expect(readHeader(page).sequence).toBe(used + 2n);
    }
  });

  const payloadStatus = (m: Machine, vmpck: number, payload: Uint8Array): number => {
    const answer = m.on.guestRequest(m.guest, sealMessage(keyOf(m, vmpck), { ...MESSAGE, vmpck }, payload));
    const { status, reportSize, report } = REPORT_RESPONSE.decode(openMessage(keyOf(m, vmpck), answer));
    if (status !== 0) expect([reportSize, report]).toEqual([0, new Uint8Array(REPORT_SIZE)]);
    return status;
  };
  const vmpls = [0, 1, 2, 3].flatMap((caller) => [0, 1, 2, 3, 4, 0xffff_ffff].map((vmpl) => ({ caller, vmpl, status: vmpl >= caller && vmpl <= 3 ? 0 : 0x16 })));
  test.each(vmpls)('from VMPL $caller for VMPL $vmpl is answered with status $status', ({ caller, vmpl, status }) => {
    expect(payloadStatus(machine(), caller, reportRequest(vmpl))).toBe(status);
  });

  test.each([
    { what: 'reserved bytes that are not zero', payload: reportRequest().with(0x5f, 1), status: 0x16 },
    { what: 'reserved bits that are not zero', payload: reportRequest().with(0x44, 4), status: 0x16 },
    { what: 'a key selection that does not exist', payload: reportRequest(0, 3), status: 0x16 },
    { what: 'a VLEK where none is loaded', payload: reportRequest(0, 2), status: 0x27 },
  ])('with $what is answered with status $status', ({ payload, status }) => {
    expect(payloadStatus(machine(), 0, payload)).toBe(status);
  });

  test('with any bytes changed is a refusal of the firmware, and never anything else', () => {
    const m = machine();
    const good = sealMessage(keyOf(m, 0), MESSAGE, reportRequest());
    const significant = GUEST_MESSAGE_HEADER.size + REPORT_REQUEST.size;
    fc.assert(
      fc.property(fc.uniqueArray(fc.tuple(fc.nat(significant - 1), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 8, selector: ([at]) => at }), (changes) => {
        const page = good.slice();
        for (const [at, mask] of changes) page[at] = (page[at] ?? 0) ^ mask;
        expect(() => m.on.guestRequest(m.guest, page)).toThrow(FirmwareError);
      }),
      { numRuns: 500 },
    );
    expect(statusOf(() => m.on.guestRequest(m.guest, good))).toHaveProperty('returned');
  });
});
