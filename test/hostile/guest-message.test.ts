/** What a hostile guest or host can put into a guest message page or a certificate table: only typed errors come out. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FirmwareError, TeemuError } from '../../emulator/errors.ts';
import { certificateTableSize, decodeCertificateTable, encodeCertificateTable } from '../../emulator/snp/certificate-table.ts';
import { GuestDriver } from '../../emulator/snp/secure-processor/messages/guest-driver.ts';
import { guestHost, type HostAnswer } from '../../emulator/snp/secure-processor/messages/guest-host.ts';
import { MAX_PAYLOAD, MESSAGE_TYPES, openMessage, readHeader, sealMessage } from '../../emulator/snp/secure-processor/messages/guest-message.ts';
import { KEY_REQUEST, KEY_REQUEST_V2, KEY_RESPONSE, REPORT_REQUEST, REPORT_RESPONSE } from '../../emulator/snp/secure-processor/messages/payloads.ts';
import { SECRETS_PAGE } from '../../emulator/snp/secure-processor/messages/secrets-page.ts';
import { launched, processor, secretsOf } from '../snp/secure-processor/guests.ts';
import { iterations } from './iterations.ts';

const on = processor({ reportVersion: 5 });
const guest = launched(on);
const secrets = secretsOf(on, guest);
const key = SECRETS_PAGE.decode(secrets).vmpcks[0] ?? new Uint8Array();
const payload = REPORT_REQUEST.encode({ reportData: new Uint8Array(64) });
const request = { type: MESSAGE_TYPES.reportRequest, version: 1, sequence: 1n, vmpck: 0 };
const good = sealMessage(key, request, payload);
const SIGNIFICANT = 0x60 + payload.length;

/** Whatever `call` throws must be an error of teemu's. */
function onlyTyped(call: () => unknown, type: new (...given: never[]) => TeemuError = TeemuError): void {
  try {
    call();
  } catch (error) {
    if (!(error instanceof type)) throw error;
  }
}

/** Some bytes of `src` changed, or the whole cut or drawn out. */
const mangled = (src: Uint8Array, reach = src.length): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    { weight: 8, arbitrary: fc.array(fc.tuple(fc.nat(reach - 1), fc.nat(255)), { minLength: 1, maxLength: 12 }).map((edits) => edits.reduce((bytes, [at, value]) => bytes.with(at, value), src)) },
    { weight: 1, arbitrary: fc.nat(src.length).map((end) => src.slice(0, end)) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 64 }).map((tail) => Uint8Array.of(...src, ...tail)) },
  );

describe(`${iterations} hostile inputs`, { timeout: 900_000 }, () => {
  test('as message pages to the firmware: refused with a status, and the guest can go on', () => {
    fc.assert(
      fc.property(mangled(good, SIGNIFICANT), (page) => {
        fc.pre(page.length !== good.length || !Buffer.from(page.subarray(0, SIGNIFICANT)).equals(good.subarray(0, SIGNIFICANT)));
        expect(() => on.guestRequest(guest, page)).toThrow(FirmwareError);
      }),
      { numRuns: iterations },
    );
    expect(readHeader(on.guestRequest(guest, good)).sequence).toBe(2n);
  });

  test('as headers and sealed pages: read, or a typed error', () => {
    fc.assert(
      fc.property(mangled(good, 0x60), (page) => {
        onlyTyped(() => readHeader(page));
        onlyTyped(() => openMessage(key, page));
      }),
      { numRuns: iterations },
    );
  });

  test('as payloads sealed by a guest that owns its key: answered, or refused with a status', () => {
    const kinds = fc.constantFrom(REPORT_REQUEST.encode({ vmpl: 9 }), KEY_REQUEST.encode({}), KEY_REQUEST_V2.encode({}));
    const sealedKey = SECRETS_PAGE.decode(secrets).vmpcks[1] ?? new Uint8Array();
    let sequence = 1n;
    fc.assert(
      fc.property(
        // Reports that would be signed are left out by a VMPL that no caller may ask for: the signature is not what is tested here.
        fc.oneof(
          kinds.chain((bytes) => mangled(bytes)).map((bytes) => (bytes.length === REPORT_REQUEST.size ? bytes.with(0x43, 0xff) : bytes)),
          fc.uint8Array({ maxLength: 130 }).filter((bytes) => bytes.length !== REPORT_REQUEST.size),
          fc.constant(new Uint8Array(MAX_PAYLOAD)),
        ),
        fc.nat(20),
        fc.nat(3),
        (bytes, type, version) => {
          onlyTyped(() => {
            on.guestRequest(guest, sealMessage(sealedKey, { type, version, sequence, vmpck: 1 }, bytes));
            sequence += 2n;
          }, FirmwareError);
        },
      ),
      { numRuns: iterations },
    );
    // Had any answer moved the count on without being noticed, this would be refused.
    const last = on.guestRequest(guest, sealMessage(sealedKey, { type: MESSAGE_TYPES.keyRequest, version: 1, sequence, vmpck: 1 }, KEY_REQUEST.encode({ vmpl: 1 })));
    expect(KEY_RESPONSE.decode(openMessage(sealedKey, last)).status).toBe(0);
  });

  test('as answers and certificates of a host to a guest: a typed error, or the report that the firmware made', () => {
    const report = new Uint8Array(1184).fill(7);
    const answer = sealMessage(key, { ...request, type: MESSAGE_TYPES.reportResponse, sequence: 2n }, REPORT_RESPONSE.encode({ reportSize: 1184, report }));
    const table = encodeCertificateTable([{ kind: 'VCEK', contents: new Uint8Array(40) }]);
    fc.assert(
      fc.property(
        fc.option(mangled(answer, 0x60 + REPORT_RESPONSE.size), { nil: undefined }),
        fc.option(mangled(table), { nil: undefined }),
        fc.constantFrom(0, 0, 0, 1, 2, 0xffff_ffff),
        fc.constantFrom(0, 0, 0, 0x16),
        (page, certificates, hostError, firmwareError) => {
          const given: HostAnswer = { page, certificates, hostError, firmwareError, pagesNeeded: 1 };
          const driver = new GuestDriver(secrets, { ...guestHost(on, guest), request: () => given, extendedRequest: () => given });
          onlyTyped(() => {
            expect(driver.getExtendedReport(new Uint8Array(64)).report).toEqual(report);
          });
        },
      ),
      { numRuns: iterations },
    );
  });

  test('as certificate tables: read, or a typed error, and never more bytes than there were', () => {
    const table = encodeCertificateTable([
      { kind: 'VCEK', contents: new Uint8Array(9).fill(1) },
      { kind: 'ASK', contents: new Uint8Array(5).fill(2) },
      { kind: 'ARK', contents: new Uint8Array(3).fill(3) },
    ]);
    fc.assert(
      fc.property(fc.oneof(mangled(table), fc.uint8Array({ maxLength: 200 })), (bytes) => {
        onlyTyped(() => certificateTableSize(bytes));
        onlyTyped(() => {
          const total = decodeCertificateTable(bytes).reduce((sum, { contents }) => sum + contents.length, 0);
          expect(total).toBeLessThanOrEqual(bytes.length);
        });
      }),
      { numRuns: iterations },
    );
  });
});
