import { describe, expect, test } from 'vitest';
import { decodeCertificateTable, encodeCertificateTable } from '../../../emulator/snp/certificate-table.ts';
import { decodeReport, REPORT_SIZE } from '../../../emulator/snp/report.ts';
import { type Errno, GuestDriver, GuestDriverError } from '../../../emulator/snp/secure-processor/messages/guest-driver.ts';
import { type GuestHost, guestHost, type HostAnswer } from '../../../emulator/snp/secure-processor/messages/guest-host.ts';
import { type GuestMessage, MESSAGE_TYPES, readHeader, sealMessage } from '../../../emulator/snp/secure-processor/messages/guest-message.ts';
import { REPORT_RESPONSE } from '../../../emulator/snp/secure-processor/messages/payloads.ts';
import { SECRETS_PAGE } from '../../../emulator/snp/secure-processor/messages/secrets-page.ts';
import { keyOf, type Machine, machine, secretsOf, statusOf } from './guests.ts';

const REPORT_DATA = Uint8Array.from({ length: 64 }, (_, i) => i);
const KEY = new Uint8Array(32).fill(0x11);
const MESSAGE: GuestMessage = { type: MESSAGE_TYPES.reportRequest, version: 1, sequence: 1n, vmpck: 0 };

const CERTIFICATES = encodeCertificateTable([
  { kind: 'VCEK', contents: new Uint8Array(3000).fill(1) },
  { kind: 'ASK', contents: new Uint8Array(2000).fill(2) },
]);
const failure = (call: () => unknown): unknown => {
  try {
    return call();
  } catch (error) {
    return error;
  }
};
const errno = (call: () => unknown): Errno | undefined => {
  const error = failure(call);
  return error instanceof GuestDriverError ? error.errno : undefined;
};

describe("the guest's driver", () => {
  const driverOf = (m: Machine, host: GuestHost = guestHost(m.on, m.guest, { certificates: CERTIFICATES }), vmpl = 0): GuestDriver => new GuestDriver(m.secrets, host, { vmpl });

  test('gets a report, and another, and another', () => {
    const m = machine();
    const driver = driverOf(m);
    for (const fill of [1, 2, 3]) {
      const reportData = new Uint8Array(64).fill(fill);
      expect(decodeReport(driver.getReport(reportData)).reportData).toEqual(reportData);
    }
  });

  test('writes requests 1, 3, 5, and keeps its page to itself', () => {
    const m = machine();
    const sequences: bigint[] = [];
    const honest = guestHost(m.on, m.guest);
    const driver = driverOf(m, {
      ...honest,
      request: (page) => {
        sequences.push(readHeader(page).sequence);
        return honest.request(page);
      },
    });
    for (let i = 0; i < 3; i++) driver.getReport(REPORT_DATA);
    expect(sequences).toEqual([1n, 3n, 5n]);
    expect(m.secrets).toEqual(secretsOf(m.on, m.guest));
  });

  test('at VMPL 2 states VMPL 2 unless told otherwise', () => {
    const m = machine();
    const driver = driverOf(m, undefined, 2);
    expect([driver.getReport(REPORT_DATA), driver.getReport(REPORT_DATA, { vmpl: 3 })].map((r) => decodeReport(r).vmpl)).toEqual([2, 3]);
  });

  test('hands on a refusal of the firmware, and goes on after it', () => {
    const m = machine();
    const driver = driverOf(m, undefined, 1);
    expect(statusOf(() => driver.getReport(REPORT_DATA, { vmpl: 0 }))).toBe('INVALID_PARAM');
    expect(statusOf(() => driver.getReport(REPORT_DATA, { keySelect: 2 }))).toBe('INVALID_KEY');
    expect(driver.getReport(REPORT_DATA)).toHaveLength(REPORT_SIZE);
  });

  test('gets the certificates with an extended report, without the padding', () => {
    const m = machine();
    const padded = new Uint8Array(8192);
    padded.set(CERTIFICATES);
    const { report, certificates } = driverOf(m, guestHost(m.on, m.guest, { certificates: padded })).getExtendedReport(REPORT_DATA);
    expect(decodeReport(report).reportData).toEqual(REPORT_DATA);
    expect(certificates).toEqual(CERTIFICATES);
    expect(decodeCertificateTable(certificates)).toHaveLength(2);
  });

  test('gets no certificates where it wants none, or the host has none', () => {
    const m = machine();
    expect(driverOf(m).getExtendedReport(REPORT_DATA, { room: 0 }).certificates).toHaveLength(0);
    const bare = machine();
    expect(driverOf(bare, guestHost(bare.on, bare.guest)).getExtendedReport(REPORT_DATA).certificates).toHaveLength(0);
  });

  test('told that the room is too small uses up the sequence number with a plain request, and goes on', () => {
    const m = machine();
    const seen: string[] = [];
    const honest = guestHost(m.on, m.guest, { certificates: CERTIFICATES });
    const driver = driverOf(m, {
      request: (page) => {
        seen.push(`plain ${readHeader(page).sequence}`);
        return honest.request(page);
      },
      extendedRequest: (page, pages) => {
        seen.push(`extended ${readHeader(page).sequence}, ${pages} pages`);
        return honest.extendedRequest(page, pages);
      },
    });
    const error = failure(() => driver.getExtendedReport(REPORT_DATA, { room: 4096 }));
    expect(error).toBeInstanceOf(GuestDriverError);
    expect(error).toMatchObject({ errno: 'EIO', exitInfo2: 1n << 32n, certificatesSize: 8192 });
    expect(driver.getExtendedReport(REPORT_DATA, { room: 8192 }).certificates).toEqual(CERTIFICATES);
    expect(seen).toEqual(['extended 1, 1 pages', 'plain 1', 'extended 3, 2 pages']);
  });

  test.each([1, 4095, 4097, 0x5000, -4096, 0.5, Number.NaN])('refuses room of %d bytes with EINVAL, and keeps its key', (room) => {
    const driver = driverOf(machine());
    expect(errno(() => driver.getExtendedReport(REPORT_DATA, { room }))).toBe('EINVAL');
    expect(driver.getReport(REPORT_DATA)).toHaveLength(REPORT_SIZE);
  });

  type Fault = (answer: HostAnswer, page: Uint8Array, m: Machine) => HostAnswer;
  test.each<[string, Errno, bigint, Fault]>([
    ['the firmware refuses', 'EIO', 0x16n, () => ({ firmwareError: 0x16, hostError: 0 })],
    ['the host refuses', 'EIO', 2n << 32n, () => ({ firmwareError: 0, hostError: 2 })],
    ['the host has no page', 'EIO', 0n, () => ({ firmwareError: 0, hostError: 0 })],
    ['the host says a plain request needs more room', 'EIO', 1n << 32n, () => ({ firmwareError: 0, hostError: 1, pagesNeeded: 4 })],
    ['the answer is the request', 'EBADMSG', 0n, (answer, page) => ({ ...answer, page })],
    ['the answer is changed', 'EBADMSG', 0n, ({ page, ...rest }) => ({ ...rest, page: page?.with(0x60, (page[0x60] ?? 0) ^ 1) })],
    ['the answer is cut short', 'EBADMSG', 0n, ({ page, ...rest }) => ({ ...rest, page: page?.subarray(1) })],
    ['the answer is sealed under another key', 'EBADMSG', 0n, (answer) => ({ ...answer, page: sealMessage(KEY, { ...MESSAGE, type: 6, sequence: 2n }, new Uint8Array(REPORT_RESPONSE.size)) })],
    ['the answer is one to another request', 'EBADMSG', 0n, (answer, _, m) => ({ ...answer, page: sealMessage(keyOf(m, 0), { ...MESSAGE, type: 4, sequence: 2n }, new Uint8Array(REPORT_RESPONSE.size)) })],
    ['the answer has another length', 'EBADMSG', 0n, (answer, _, m) => ({ ...answer, page: sealMessage(keyOf(m, 0), { ...MESSAGE, type: 6, sequence: 2n }, new Uint8Array(64)) })],
    ['the answer has another version', 'EBADMSG', 0n, (answer, _, m) => ({ ...answer, page: sealMessage(keyOf(m, 0), { ...MESSAGE, type: 6, version: 2, sequence: 2n }, new Uint8Array(REPORT_RESPONSE.size)) })],
    ['the answer skips a number', 'EBADMSG', 0n, (answer, _, m) => ({ ...answer, page: sealMessage(keyOf(m, 0), { ...MESSAGE, type: 6, sequence: 4n }, new Uint8Array(REPORT_RESPONSE.size)) })],
  ])('throws its key away when %s', (_, expected, exitInfo2, fault) => {
    const m = machine();
    const honest = guestHost(m.on, m.guest);
    let faulty = true;
    const driver = driverOf(m, { ...honest, request: (page) => (faulty ? fault(honest.request(page), page, m) : honest.request(page)) });
    expect(failure(() => driver.getReport(REPORT_DATA))).toMatchObject({ errno: expected, exitInfo2 });
    faulty = false;
    expect(errno(() => driver.getReport(REPORT_DATA))).toBe('ENOTTY');
    expect(errno(() => driver.getDerivedKey())).toBe('ENOTTY');
  });

  test('refuses an answer of before', () => {
    const m = machine();
    const honest = guestHost(m.on, m.guest);
    let first: HostAnswer | undefined;
    const driver = driverOf(m, { ...honest, request: (page) => (first ??= honest.request(page)) });
    driver.getReport(REPORT_DATA);
    expect(errno(() => driver.getReport(REPORT_DATA))).toBe('EBADMSG');
  });

  test('of one VMPL loses no other key', () => {
    const m = machine();
    const driver = driverOf(m, { request: () => ({ firmwareError: 0x16, hostError: 0 }), extendedRequest: () => ({ firmwareError: 0, hostError: 0 }) });
    expect(errno(() => driver.getReport(REPORT_DATA))).toBe('EIO');
    expect(driverOf(m, undefined, 1).getReport(REPORT_DATA)).toHaveLength(REPORT_SIZE);
  });

  test('stops before its counter of 32 bits wraps, and keeps its key', () => {
    const m = machine();
    const at = SECRETS_PAGE.locate('osArea.messageSequence.0').at;
    new DataView(m.secrets.buffer).setUint32(at, 0xffff_fffe, true);
    const driver = driverOf(m);
    expect([errno(() => driver.getReport(REPORT_DATA)), errno(() => driver.getReport(REPORT_DATA))]).toEqual(['EIO', 'EIO']);
  });

  test('of a page without keys is ENOTTY', () => {
    const m = machine();
    expect(errno(() => new GuestDriver(SECRETS_PAGE.encode({}), guestHost(m.on, m.guest)).getReport(REPORT_DATA))).toBe('ENOTTY');
  });

  test('with two of them on one counter: the second is refused', () => {
    const m = machine();
    driverOf(m).getReport(REPORT_DATA);
    expect(errno(() => driverOf(m).getReport(REPORT_DATA))).toBe('EIO');
  });

  test('is made for VMPLs 0 to 3', () => {
    const m = machine();
    expect(() => driverOf(m, undefined, 4)).toThrow(RangeError);
  });
});
