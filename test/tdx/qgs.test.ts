/** The quote generation service: its messages byte for byte, its answers, and how it finds a request in what a client sends. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CodecError } from '../../emulator/errors.ts';
import { decodeQuote } from '../../emulator/tdx/quote/quote.ts';
import { answerQgs, answerQgsInput, answerRawReport, frameQgs, MAX_QGS_REQUEST, type QgsService, readQgsInput } from '../../emulator/tdx/quoting/qgs.ts';
import { decodeQgsMessage, encodeQgsMessage, QGS_ERRORS, QGS_MESSAGES, type QgsKind, type QgsMessage, qgsErrorOf } from '../../emulator/tdx/quoting/qgs-messages.ts';
import { REPORT_DATA, tdxMachine } from './machine.ts';

const hex = (b: Uint8Array | undefined): string => Buffer.from(b ?? []).toString('hex');
const { quotingEnclave, launch } = tdxMachine();
const service: QgsService = { quotingEnclave };
const report = launch().report(REPORT_DATA);
const u32 = (...values: readonly number[]): Buffer => {
  const out = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => void out.writeUInt32LE(value, 4 * i));
  return out;
};
/** A message written by hand: version 1.1, type, length, error code, then the rest. */
const byHand = (type: number, errorCode: number, ...rest: readonly Uint8Array[]): Uint8Array => {
  const body = Buffer.concat(rest);
  return Uint8Array.from(Buffer.concat([Uint8Array.of(1, 0, 1, 0), u32(type, 16 + body.length, errorCode), body]));
};
const id = Uint8Array.of(1, 2, 3);

describe('messages', () => {
  const parts7 = { pckCrlIssuerChain: id, rootCaCrl: id, pckCrl: id, tcbInfoIssuerChain: id, tcbInfo: id, qeIdentityIssuerChain: id, qeIdentity: Uint8Array.of(9) };
  test.each<[QgsMessage, Uint8Array]>([
    [{ kind: 'getQuoteRequest', parts: { report } }, byHand(0, 0, u32(1024, 0), report)],
    [{ kind: 'getQuoteRequest', parts: { report, idList: id } }, byHand(0, 0, u32(1024, 3), report, id)],
    [{ kind: 'getQuoteResponse', parts: { quote: id } }, byHand(1, 0, u32(0, 3), id)],
    [{ kind: 'getQuoteResponse', errorCode: QGS_ERRORS.UNEXPECTED }, byHand(1, 0x12001, u32(0, 0))],
    [{ kind: 'getCollateralRequest', parts: { fmspc: id, pckCa: Buffer.from('platform') } }, byHand(2, 0, u32(3, 8), id, Buffer.from('platform'))],
    [{ kind: 'getCollateralResponse', numbers: { majorVersion: 3, minorVersion: 1 }, parts: parts7 }, byHand(3, 0, Uint8Array.of(3, 0, 1, 0), u32(3, 3, 3, 3, 3, 3, 1), id, id, id, id, id, id, Uint8Array.of(9))],
    [{ kind: 'getPlatformInfoRequest' }, byHand(4, 0)],
    [
      { kind: 'getPlatformInfoResponse', numbers: { tdqeIsvSvn: 7, pceIsvSvn: 13 }, parts: { platformId: new Uint8Array(16).fill(1), cpuSvn: new Uint8Array(16).fill(2) } },
      byHand(5, 0, Uint8Array.of(7, 0, 13, 0), u32(16, 16), new Uint8Array(16).fill(1), new Uint8Array(16).fill(2), new Uint8Array(4)),
    ],
    [{ kind: 'getPlatformInfoResponse', errorCode: QGS_ERRORS.UNEXPECTED }, byHand(5, 0x12001, new Uint8Array(12))],
  ])('of kind $kind are written as Intel’s library does', (message, expected) => {
    expect(hex(encodeQgsMessage(message))).toBe(hex(expected));
    const decoded = decodeQgsMessage(expected);
    expect(decoded.kind).toBe(message.kind);
    expect(decoded.errorCode).toBe(message.errorCode ?? 0);
    for (const [name, value] of Object.entries(message.parts ?? {})) expect(hex(decoded.parts[name])).toBe(hex(value));
    for (const [name, value] of Object.entries(message.numbers ?? {})) expect(decoded.numbers[name]).toBe(value);
  });

  const whole = fc.constantFrom(...(Object.keys(QGS_MESSAGES) as QgsKind[])).chain((kind) => {
    const { parts, head } = QGS_MESSAGES[kind];
    const lengths: readonly string[] = Object.values(parts);
    return fc.record({
      kind: fc.constant(kind),
      minorVersion: fc.nat(0xffff),
      errorCode: fc.constant(0),
      numbers: fc.record(Object.fromEntries(Object.keys(head.rows).flatMap((name) => (lengths.includes(name) ? [] : [[name, fc.nat(0xffff)]])))),
      parts: fc.record(Object.fromEntries(Object.keys(parts).map((name) => [name, fc.uint8Array({ minLength: 1, maxLength: 60 })]))),
    });
  });
  test('come back with everything that was put into them', () => {
    fc.assert(
      fc.property(whole, (message) => {
        expect(decodeQgsMessage(encodeQgsMessage(message))).toEqual(message);
      }),
      { numRuns: 200 },
    );
  });

  test('have no part that their kind lacks', () => {
    expect(() => encodeQgsMessage({ kind: 'getPlatformInfoRequest', parts: { report } })).toThrow(expect.objectContaining({ code: 'ERR_CODEC_FIELD' }));
    expect(() => encodeQgsMessage({ kind: 'getPlatformInfoRequest', numbers: { tdqeIsvSvn: 1 } })).toThrow(expect.objectContaining({ code: 'ERR_CODEC_FIELD' }));
  });

  const good = byHand(0, 0, u32(1024, 0), report);
  test.each<[string, Uint8Array, string]>([
    ['shorter than a header', good.slice(0, 15), 'INVALID_PARAMETER'],
    ['of another major version', good.with(0, 2), 'INVALID_VERSION'],
    ['of no kind that there is', good.with(4, 6), 'INVALID_TYPE'],
    ['that say another length', good.with(8, 0), 'INVALID_SIZE'],
    ['that end inside their head', byHand(0, 0, u32(0)), 'INVALID_SIZE'],
    ['without a report', byHand(0, 0, u32(0, 3), id), 'INVALID_SIZE'],
    ['whose parts are longer than they are', byHand(0, 0, u32(0xffff_ffff, 0xffff_ffff), id), 'INVALID_SIZE'],
    ['whose parts are shorter than they are', byHand(0, 0, u32(1, 0), id), 'INVALID_SIZE'],
    ['that report an error though they ask', good.with(12, 1), 'INVALID_CODE'],
    ['that report an error which is none', byHand(1, 0x12008, u32(0, 0)), 'INVALID_CODE'],
    ['that report an error and hold a quote', byHand(1, 0x12001, u32(0, 3), id), 'INVALID_SIZE'],
    ['that report no error and hold no quote', byHand(1, 0, u32(0, 0)), 'INVALID_SIZE'],
    ['about a platform without the bytes that the library counts twice', byHand(5, 0, new Uint8Array(4), u32(1, 1), Uint8Array.of(1, 2)), 'INVALID_SIZE'],
  ])('%s are refused', (_, src, error) => {
    let thrown: unknown;
    try {
      decodeQgsMessage(src);
    } catch (caught) {
      thrown = caught;
    }
    expect(thrown).toBeInstanceOf(CodecError);
    expect(qgsErrorOf(thrown as CodecError)).toBe(error);
  });
});

describe('the service', () => {
  const ask = (message: QgsMessage, from: QgsService = service): Required<QgsMessage> => decodeQgsMessage(answerQgs(from, encodeQgsMessage(message)) ?? new Uint8Array(0));

  test('answers a TDREPORT with its quote, in a buffer that one of version 5 would fit into', () => {
    const { kind, errorCode, parts } = ask({ kind: 'getQuoteRequest', parts: { report } });
    expect([kind, errorCode]).toEqual(['getQuoteResponse', 0]);
    const quote = parts.quote ?? new Uint8Array(0);
    expect(hex(quote)).toBe(hex(quotingEnclave.quote(report)) + '00'.repeat(70));
    expect(decodeQuote(quote).trailing).toEqual(new Uint8Array(70));
    expect(parts.selectedId).toHaveLength(0);
  });

  test('answers with a quote of version 5 as it is', () => {
    const { parts } = ask({ kind: 'getQuoteRequest', parts: { report } }, { quotingEnclave, quoteOptions: { version: 5 } });
    expect(hex(parts.quote)).toBe(hex(quotingEnclave.quote(report, { version: 5 })));
  });

  test('ignores the list of key ids, as there is one key only', () => {
    expect(hex(ask({ kind: 'getQuoteRequest', parts: { report, idList: id } }).parts.quote)).toBe(hex(ask({ kind: 'getQuoteRequest', parts: { report } }).parts.quote));
  });

  test('tells SVNs, id and CPUSVN of its platform', () => {
    const { platform } = quotingEnclave;
    const { numbers, parts } = ask({ kind: 'getPlatformInfoRequest' });
    expect(numbers).toEqual({ tdqeIsvSvn: 7, pceIsvSvn: 13 });
    expect([hex(parts.platformId), hex(parts.cpuSvn)]).toEqual([hex(platform.qeId), hex(platform.cpuSvn)]);
  });

  test('hands on the collateral that it is given, for an FMSPC and a CA', () => {
    const asked: [string, string][] = [];
    const contents = { pckCrlIssuerChain: id, rootCaCrl: id, pckCrl: id, tcbInfoIssuerChain: id, tcbInfo: id, qeIdentityIssuerChain: id, qeIdentity: id };
    const collateral = (fmspc: Uint8Array, pckCa: string): ReturnType<NonNullable<QgsService['collateral']>> => {
      asked.push([hex(fmspc), pckCa]);
      return pckCa === 'platform' ? { majorVersion: 3, minorVersion: 1, ...contents } : undefined;
    };
    const request = (pckCa: string): QgsMessage => ({ kind: 'getCollateralRequest', parts: { fmspc: id, pckCa: Buffer.from(pckCa) } });
    const { numbers, parts } = ask(request('platform\0'), { quotingEnclave, collateral });
    expect(numbers).toEqual({ majorVersion: 3, minorVersion: 1 });
    expect(parts).toEqual(contents);
    expect(ask(request('processor'), { quotingEnclave, collateral }).errorCode).toBe(QGS_ERRORS.UNEXPECTED);
    expect(ask(request('platform')).errorCode).toBe(QGS_ERRORS.UNEXPECTED);
    expect(asked).toEqual([
      ['010203', 'platform'],
      ['010203', 'processor'],
    ]);
  });

  test.each<[string, Uint8Array]>([
    ['a report with another MAC', byHand(0, 0, u32(1024, 0), report.with(224, (report[224] ?? 0) ^ 1))],
    ['a report of another length', byHand(0, 0, u32(1023, 0), report.subarray(1))],
    ['a request that reports an error', byHand(0, 1, u32(1024, 0), report)],
    ['a request whose lengths do not fit', byHand(0, 0, u32(1024, 1), report)],
  ])('calls %s unexpected, as the genuine one does', (_, request) => {
    expect(hex(answerQgs(service, request))).toBe(hex(byHand(1, 0x12001, u32(0, 0))));
  });

  test.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array(0)],
    ['less than a header', new Uint8Array(15)],
    ['another major version', byHand(4, 0).with(0, 2)],
    ['a kind that there is not', byHand(6, 0)],
    ['an answer', byHand(1, 0, u32(0, 3), id)],
  ])('has no answer to %s', (_, request) => {
    expect(answerQgs(service, request)).toBeUndefined();
  });

  test('reports the error that it is told to', () => {
    for (const fault of ['UNEXPECTED', 'OUT_OF_MEMORY', 'INVALID_CODE'] as const) {
      const faulty: QgsService = { quotingEnclave, fault };
      expect(ask({ kind: 'getQuoteRequest', parts: { report } }, faulty).errorCode).toBe(QGS_ERRORS[fault]);
      expect(ask({ kind: 'getPlatformInfoRequest' }, faulty).errorCode).toBe(QGS_ERRORS[fault]);
      expect(answerRawReport(faulty, report)).toBeUndefined();
    }
  });

  test('answers a bare report with a bare quote, and a bad one not at all', () => {
    expect(hex(answerRawReport(service, report))).toBe(hex(quotingEnclave.quote(report)) + '00'.repeat(70));
    expect(answerRawReport(service, report.with(224, (report[224] ?? 0) ^ 1))).toBeUndefined();
  });
});

describe('what a client sends', () => {
  const request = encodeQgsMessage({ kind: 'getQuoteRequest', parts: { report } });

  test('is a message where its frame and its header state the same length', () => {
    expect(hex(frameQgs(request).subarray(0, 4))).toBe('00000418');
    expect(readQgsInput(frameQgs(request))).toEqual({ state: 'message', bytes: request });
  });

  test('is a bare report where it is no message', () => {
    expect(readQgsInput(report)).toEqual({ state: 'report', bytes: report });
  });

  test.each([
    ['a message', frameQgs(request)],
    ['a report', report],
  ])('is nothing whole while parts of %s are missing', (_, whole) => {
    for (let size = 0; size < whole.length; size++) expect(readQgsInput(whole.subarray(0, size))).toEqual({ state: 'more' });
  });

  test('is refused when it is longer than a report, or a message longer than the service reads', () => {
    expect(readQgsInput(Uint8Array.from([...report, 0]))).toEqual({ state: 'refused' });
    const long = encodeQgsMessage({ kind: 'getQuoteRequest', parts: { report, idList: new Uint8Array(MAX_QGS_REQUEST) } });
    expect(readQgsInput(frameQgs(long).subarray(0, 40))).toEqual({ state: 'refused' });
    const longest = encodeQgsMessage({ kind: 'getQuoteRequest', parts: { report, idList: new Uint8Array(MAX_QGS_REQUEST - 4 - request.length) } });
    expect(readQgsInput(frameQgs(longest)).state).toBe('message');
  });

  test('is answered framed as it came', () => {
    const answer = answerQgsInput(service, { state: 'message', bytes: request }) ?? new Uint8Array(0);
    expect(Buffer.from(answer).readUInt32BE(0)).toBe(answer.length - 4);
    expect(decodeQgsMessage(answer.subarray(4)).kind).toBe('getQuoteResponse');
    expect(hex(answerQgsInput(service, { state: 'report', bytes: report }))).toBe(hex(answerRawReport(service, report)));
  });
});
