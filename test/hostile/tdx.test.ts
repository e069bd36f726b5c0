/** What anybody can send in place of a quote, a TDREPORT, firmware or a message to the quote generation service: only typed errors come out. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CodecError, FirmwareError } from '../../emulator/errors.ts';
import { syntheticFirmware } from '../../emulator/snp/launch/firmware.ts';
import { decodeTdReport, encodeTdReport, tdReportHashesHold } from '../../emulator/tdx/module/tdreport.ts';
import { buildSteps, parseTdvf } from '../../emulator/tdx/module/tdvf.ts';
import { chainText } from '../../emulator/tdx/quote/certification.ts';
import { decodeQuote, encodeQuote, mapQuote, signedPart } from '../../emulator/tdx/quote/quote.ts';
import { answerQgs, answerQgsInput, readQgsInput } from '../../emulator/tdx/quoting/qgs.ts';
import { decodeQgsMessage, encodeQgsMessage, qgsErrorOf } from '../../emulator/tdx/quoting/qgs-messages.ts';
import { REPORT_DATA, tdxMachine } from '../tdx/machine.ts';
import { iterations } from './iterations.ts';

const { quotingEnclave, launch } = tdxMachine();
const report = launch().report(REPORT_DATA);
const QUOTES = [quotingEnclave.quote(report), quotingEnclave.quote(report, { version: 5 }), quotingEnclave.quote(report, { version: 5, bodyType: 2, certificationType: 3 })];

/** Runs `call`; whatever it throws must be of `type`. */
function only<T>(type: new (...given: never[]) => Error, call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (!(error instanceof type)) throw error;
    return undefined;
  }
}

/** An edit of a few bytes, mostly at places that matter. */
const edits = (reach: number, places: readonly number[]): fc.Arbitrary<[number, number][]> =>
  fc.array(fc.tuple(fc.oneof({ weight: 2, arbitrary: fc.constantFrom(...places) }, { weight: 1, arbitrary: fc.nat(reach - 1) }), fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255))), {
    minLength: 1,
    maxLength: 8,
  });
/** Some bytes of `src` changed, or the whole cut or drawn out. */
function mangled(src: Uint8Array, places: readonly number[]): fc.Arbitrary<Uint8Array> {
  const changed = edits(src.length, places).map((list) => {
    const copy = src.slice();
    for (const [at, value] of list) copy[at] = value;
    return copy;
  });
  return fc.oneof(
    { weight: 8, arbitrary: changed },
    { weight: 1, arbitrary: fc.tuple(changed, fc.nat(src.length)).map(([bytes, end]) => bytes.slice(0, end)) },
    { weight: 1, arbitrary: fc.tuple(changed, fc.uint8Array({ maxLength: 64 })).map(([bytes, tail]) => Uint8Array.from([...bytes, ...tail])) },
  );
}
const range = (at: number, size: number): number[] => Array.from({ length: size }, (_, i) => at + i);
/** Versions, types and lengths of a quote. */
function places(quote: Uint8Array): number[] {
  const { parts, signatureData } = mapQuote(quote);
  const heads = parts.filter(({ name }) => /descriptor|certification$/.test(name)).flatMap(({ at, layout }) => range(at, layout.size));
  const qe = parts.find(({ name }) => name === 'qe');
  return [...range(0, 12), ...heads, ...range(signatureData.at - 4, 4), ...range((qe?.at ?? 0) + 448, 2)];
}
/** Bytes in everything that a decoded value holds. */
function held(value: unknown): number {
  if (value instanceof Uint8Array) return value.length;
  return typeof value === 'object' && value !== null ? Object.values(value).reduce((sum: number, part) => sum + held(part), 0) : 0;
}

describe(`${iterations} hostile inputs`, { timeout: 900_000 }, () => {
  test('as quotes: read and written back the same, or a typed error with a place inside', () => {
    const hostile = fc.oneof(...QUOTES.map((quote) => mangled(quote, places(quote))), fc.uint8Array({ maxLength: 1400 }));
    fc.assert(
      fc.property(hostile, fc.constantFrom('reject', 'keep'), (src, reserved) => {
        try {
          const quote = decodeQuote(src, { reserved });
          expect(held(quote)).toBeLessThanOrEqual(src.length);
          expect(Buffer.compare(encodeQuote(quote), src)).toBe(0);
          expect(mapQuote(src).bodyType).toBe(quote.bodyType);
          chainText(quote.certification);
        } catch (error) {
          if (!(error instanceof CodecError)) throw error;
          expect(error.path).toMatch(/^(tdx\.quote|sgx\.report-body)/);
          expect(error.at).toBeGreaterThanOrEqual(0);
          expect(error.at).toBeLessThanOrEqual(src.length);
          only(CodecError, () => mapQuote(src));
        }
        only(CodecError, () => signedPart(src));
      }),
      { numRuns: iterations },
    );
  });

  test('as TDREPORTs to the codec and the quoting enclave: no quote comes of them', () => {
    fc.assert(
      fc.property(mangled(report, [...range(0, 16), ...range(224, 32), ...range(256, 8), ...range(495, 17)]), (src) => {
        const decoded = only(CodecError, () => decodeTdReport(src, { reserved: 'keep' }));
        if (decoded) expect(Buffer.compare(encodeTdReport(decoded), src)).toBe(0);
        if (src.length === report.length) tdReportHashesHold(src);
        fc.pre(Buffer.compare(src, report) !== 0);
        expect(() => quotingEnclave.quote(src)).toThrow(FirmwareError);
      }),
      { numRuns: iterations },
    );
  });

  test('as firmware: sections within bounds, or a typed error', () => {
    const image = syntheticFirmware({ size: 8192 });
    const metadata = Buffer.from(image).indexOf('TDVF');
    const table = range(8192 - 32 - 140, 140);
    fc.assert(
      fc.property(mangled(image, [...range(metadata, 16 + 4 * 32), ...table]), (src) => {
        const sections = only(CodecError, () => parseTdvf(src));
        if (!sections) return;
        const total = sections.reduce((sum, { size }) => sum + size, 0);
        expect(total).toBeLessThanOrEqual(64 << 20);
        // The first commands are enough: all the others are made alike.
        const steps = buildSteps(sections);
        for (let i = 0; i < 40 && !steps.next().done; i++);
      }),
      { numRuns: iterations },
    );
  });

  test('as messages to the quote generation service: an answer, or none', () => {
    const request = encodeQgsMessage({ kind: 'getQuoteRequest', parts: { report: report.with(224, (report[224] ?? 0) ^ 1), idList: new Uint8Array(16) } });
    const information = encodeQgsMessage({ kind: 'getPlatformInfoRequest' });
    const collateral = encodeQgsMessage({ kind: 'getCollateralRequest', parts: { fmspc: new Uint8Array(6), pckCa: new Uint8Array(9) } });
    const answer = encodeQgsMessage({ kind: 'getPlatformInfoResponse', numbers: { tdqeIsvSvn: 7, pceIsvSvn: 13 }, parts: { platformId: new Uint8Array(16), cpuSvn: new Uint8Array(16) } });
    fc.assert(
      fc.property(fc.oneof(...[request, information, collateral, answer].map((message) => mangled(message, range(0, Math.min(28, message.length)))), fc.uint8Array({ maxLength: 64 })), (src) => {
        try {
          expect(held(decodeQgsMessage(src))).toBeLessThanOrEqual(src.length);
        } catch (error) {
          if (!(error instanceof CodecError)) throw error;
          qgsErrorOf(error);
        }
        const answered = answerQgs({ quotingEnclave }, src);
        if (answered) decodeQgsMessage(answered);
        const framed = Uint8Array.from([0, 0, src.length >> 8, src.length & 0xff, ...src]);
        for (const sent of [src, framed]) {
          const input = readQgsInput(sent);
          if (input.state === 'message' || input.state === 'report') answerQgsInput({ quotingEnclave }, input);
        }
      }),
      { numRuns: iterations },
    );
  });
});

test('lengths that lie cost no more memory than the quote has', () => {
  const quote = QUOTES[0] ?? new Uint8Array(0);
  const { signatureData, parts } = mapQuote(quote);
  const at = (name: string): number => parts.find((part) => part.name === name)?.at ?? 0;
  const lies: readonly (readonly [number, number])[] = [
    [signatureData.at - 4, 4],
    [at('certification') + 2, 4],
    [at('qe') + 448, 2],
    [at('qe.certification') + 2, 4],
  ];
  const liars = lies.flatMap(([place, size]) =>
    [0xff, 0x7f].map((byte) => {
      const copy = quote.slice();
      copy.fill(byte, place, place + size);
      return copy;
    }),
  );
  const used = (): number => process.memoryUsage().arrayBuffers;
  let most = 0;
  for (const liar of liars) {
    const before = used();
    expect(() => decodeQuote(liar)).toThrow(CodecError);
    most = Math.max(most, used() - before);
  }
  expect(most).toBeLessThanOrEqual(2 * quote.length);
});
