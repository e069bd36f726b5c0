/** Hostile TDX evidence: whatever a quote, a document, a chain or a list holds, the answer is a verdict, and lengths that lie cost nothing. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CodecError } from '../../emulator/errors.ts';
import { pem } from '../../emulator/pki/der.ts';
import { readSgxExtension, SGX_EXTENSION_OID } from '../../emulator/pki/sgx-extension.ts';
import { pemBlocks } from '../../emulator/pki/read.ts';
import { chainText, type QeCertification } from '../../emulator/tdx/quote/certification.ts';
import { decodeQuote, mapQuote, signedPart } from '../../emulator/tdx/quote/quote.ts';
import { ENCLAVE_REPORT } from '../../emulator/tdx/quote/tables.ts';
import { TDX_REASONS, type TdxVerdict, verifyTdx } from '../../harness/verify/index.ts';
import { openQeIdentity, openTcbInfo } from '../../harness/verify/tdx/collateral/documents.ts';
import { MAX_DOCUMENT_SIZE, readJson } from '../../harness/verify/tdx/collateral/json.ts';
import { authority, evidence, NOW, platformOf, TRUST, V4, V5, withChain } from '../verify/tdx/evidence.ts';
import { iterations } from './iterations.ts';

const GOOD = evidence(V4);
const QUOTES = [GOOD.quote, evidence(V5).quote, evidence({ certificationType: 3 }).quote];
const COLLATERAL = TRUST.prepare({ ...GOOD.collateral, pckChain: authority.pckChain(platformOf(V4)) });

/** A verdict is one of two, a refusal's reason is in the table, and its place is a sane one. */
function checkVerdict(verdict: TdxVerdict): void {
  if (verdict.accepted) return;
  expect(TDX_REASONS[verdict.reason].stage).toBe(verdict.stage);
  expect(verdict.message.length).toBeLessThan(2000);
}

/** Some bytes changed, mostly at places that matter; or the whole cut, drawn out, or with a part of itself put elsewhere. */
function mangled(src: Uint8Array, places: readonly number[]): fc.Arbitrary<Uint8Array> {
  const at = fc.oneof({ weight: 2, arbitrary: fc.constantFrom(...places) }, { weight: 1, arbitrary: fc.nat(src.length - 1) });
  const edits = fc.array(fc.tuple(at, fc.oneof(fc.constantFrom(0, 1, 0x30, 0x7f, 0x80, 0xff, 0x22, 0x5b, 0x5d, 0x7b, 0x7d, 0x5c, 0x2c), fc.nat(255))), { minLength: 1, maxLength: 6 });
  const changed = edits.map((list) => {
    const copy = new Uint8Array(src);
    for (const [place, value] of list) copy[place] = value;
    return copy;
  });
  const cut = fc.tuple(changed, fc.nat(src.length)).map(([bytes, end]) => bytes.slice(0, end));
  const spliced = fc
    .tuple(fc.nat(src.length), fc.nat(src.length), fc.nat(src.length))
    .map(([from, to, into]) => Uint8Array.from([...src.subarray(0, into), ...src.subarray(Math.min(from, to), Math.max(from, to)), ...src.subarray(into)]));
  const longer = fc.tuple(changed, fc.uint8Array({ maxLength: 64 })).map(([bytes, tail]) => Uint8Array.from([...bytes, ...tail]));
  return fc.oneof({ weight: 8, arbitrary: changed }, { weight: 1, arbitrary: cut }, { weight: 1, arbitrary: spliced }, { weight: 1, arbitrary: longer });
}
const range = (at: number, size: number): number[] => Array.from({ length: size }, (_, i) => at + i);
const heads = (quote: Uint8Array): number[] => [...range(0, 12), ...mapQuote(quote).parts.flatMap(({ at, layout, name }) => (/descriptor|certification$/.test(name) ? range(at, layout.size) : [at]))];
const text = (value: Uint8Array | string): Uint8Array => (typeof value === 'string' ? Buffer.from(value) : value);

describe(`${iterations} hostile inputs`, { timeout: 900_000 }, () => {
  test('as quotes: a verdict, and that of the good one only for all that is signed of it', () => {
    const good = new Set(QUOTES.map(signedOf));
    fc.assert(
      fc.property(fc.oneof(...QUOTES.map((quote) => mangled(quote, heads(quote))), fc.uint8Array({ maxLength: 1400 })), fc.boolean(), (quote, allowReserved) => {
        const verdict = verifyTdx({ quote, collateral: COLLATERAL }, { trust: TRUST, now: NOW, allowReserved });
        checkVerdict(verdict);
        if (verdict.accepted) expect(good).toContain(signedOf(quote));
      }),
      { numRuns: iterations },
    );
  });

  test('as documents: the values that are signed, or a typed error with a place inside', () => {
    const sources = [text(GOOD.collateral.tcbInfo), text(GOOD.collateral.qeIdentity)];
    const words = fc.constantFrom('{', '}', '[', ']', '"', ',', ':', '\\', '\\u0022', '"id"', '"TDX"', 'null', 'true', '1e999', '-0', '0x', ' ', '\n', '\u{1f642}', '__proto__', '"__proto__":', 'ÿ');
    const soup = fc.array(words, { maxLength: 60 }).map((parts) => Buffer.from(parts.join('')));
    const json = fc.json({ maxDepth: 6 }).map((value) => Buffer.from(`{"tcbInfo":${value},"signature":"${'0'.repeat(128)}"}`));
    fc.assert(
      fc.property(
        fc.oneof(
          { weight: 6, arbitrary: fc.oneof(...sources.map((src) => mangled(src, range(0, 60)))) },
          { weight: 1, arbitrary: soup },
          { weight: 1, arbitrary: json },
          { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
        ),
        (src) => {
          for (const open of [openTcbInfo, openQeIdentity]) {
            try {
              const { signed, read } = open(src, 'document');
              expect(signed.length).toBeLessThan(src.length);
              read();
            } catch (error) {
              if (!(error instanceof CodecError)) throw error;
              expect(error.path).toMatch(/^document/);
              expect(error.at).toBeLessThanOrEqual(src.length);
            }
          }
        },
      ),
      { numRuns: iterations },
    );
  });

  test('as JSON: each member as the parser reads it, from exactly the bytes that it stands in', () => {
    const object = fc.dictionary(fc.string({ maxLength: 6 }), fc.jsonValue({ maxDepth: 4 }), { maxKeys: 8 });
    fc.assert(
      fc.property(object, fc.constantFrom(0, 1, '\t'), (value, indent) => {
        // What JavaScript's own writer makes can hold no member twice.
        const { value: read, raw } = readJson(Buffer.from(JSON.stringify(value, null, indent)), 'json');
        expect([...raw.keys()].sort()).toEqual(Object.keys(value).sort());
        for (const [name, bytes] of raw) expect(JSON.parse(Buffer.from(bytes).toString('utf8'))).toEqual(read[name]);
      }),
      { numRuns: Math.ceil(iterations / 10) },
    );
  });

  test('as SGX extensions: values of the right lengths, or a typed error', () => {
    const pck = authority.pck(platformOf(V4)).spec.extensions.find(({ oid }) => oid === SGX_EXTENSION_OID)?.value ?? new Uint8Array();
    fc.assert(
      fc.property(fc.oneof(mangled(pck, range(0, 60)), fc.uint8Array({ maxLength: 600 })), (src) => {
        try {
          const { ppid, components, cpuSvn, fmspc, pceId } = readSgxExtension(src);
          expect([ppid, components, cpuSvn, fmspc, pceId].map(({ length }) => length)).toEqual([16, 16, 16, 6, 2]);
        } catch (error) {
          if (!(error instanceof CodecError)) throw error;
        }
      }),
      { numRuns: iterations },
    );
  });

  test('as parts of the collateral, or certificates in a quote: a verdict', () => {
    const parts = ['tcbInfo', 'qeIdentity', 'tcbInfoIssuerChain', 'qeIdentityIssuerChain', 'pckCrlIssuerChain', 'pckCrl', 'rootCaCrl'] as const;
    const certificates = [authority.pck(platformOf(V4)), authority.certificate('PLATFORM'), authority.certificate('ROOT')].map(({ der }) => der);
    const arbitrary = fc.oneof(
      ...parts.map((part) => mangled(text(GOOD.collateral[part]), range(0, 40)).map((src) => ({ ...GOOD, collateral: { ...GOOD.collateral, [part]: src } }))),
      ...certificates.map((der, i) => mangled(der, range(0, 40)).map((src) => ({ ...GOOD, quote: withCertificates(certificates.map((c, n) => (n === i ? src : c))) }))),
    );
    fc.assert(
      fc.property(arbitrary, (presented) => checkVerdict(verifyTdx(presented, { trust: TRUST, now: NOW }))),
      // Each is a whole verification: a tenth as many.
      { numRuns: Math.ceil(iterations / 10) },
    );
  });
});

/** What somebody vouches for in a quote: all but what follows it, white space in its chain, and the name of a platform whose chain comes from elsewhere. */
function signedOf(quote: Uint8Array): string {
  const { signature, attestationKey, certification } = decodeQuote(quote, { reserved: 'keep' });
  const { qeReport, qeReportSignature, qeAuthData, certification: inner } = certification as QeCertification;
  const chain = inner.kind === 'raw' ? pemBlocks(chainText(inner) ?? '', 'CERTIFICATE') : [];
  const reports = [signedPart(quote), ENCLAVE_REPORT.encode(qeReport), signature, attestationKey, qeReportSignature, qeAuthData];
  return [...reports, ...chain].map((part) => Buffer.from(part).toString('base64')).join(' ');
}

function withCertificates(ders: readonly Uint8Array[]): Uint8Array {
  const chain = ders.map((der) => pem('CERTIFICATE', der)).join('');
  return evidence(V4, { quote: (parts) => withChain(parts, chain) }).quote;
}

describe('bounds', () => {
  test.each([
    ['lists', '['.repeat(100_000)],
    ['closed lists', '['.repeat(100_000) + ']'.repeat(100_000)],
    ['objects', '{"a":'.repeat(50_000)],
    ['strings that do not end', `"${'\\"'.repeat(100_000)}`],
    ['backslashes', `"${'\\'.repeat(200_000)}"`],
    ['one long number', '9'.repeat(200_000)],
    ['members without end', `{${Array.from({ length: 20_000 }, (_, i) => `"${i}":0`).join()}}`],
    ['elements without end', `[${'0,'.repeat(100_000)}0]`],
    ['white space', ' '.repeat(MAX_DOCUMENT_SIZE - 1000)],
  ])('a document of many %s is refused with a typed error, in time in proportion to its length', (_, inner) => {
    const src = Buffer.from(`{"tcbInfo":${inner},"signature":"${'0'.repeat(128)}"}`);
    expect(() => openTcbInfo(src, 'document').read()).toThrow(CodecError);
  });

  test('a document that is too long is not looked into', () => {
    expect(() => readJson(Buffer.alloc(MAX_DOCUMENT_SIZE + 1, 0x5b), 'document')).toThrow(CodecError);
  });

  test.each(['__proto__', 'constructor', 'toString'])('a member called %s is nothing special', (name) => {
    const src = Buffer.from(String(GOOD.collateral.tcbInfo).replace('"id":', `"${name}":{"version":2},"id":`));
    expect(openTcbInfo(src, 'document').read()).toMatchObject({ id: 'TDX', version: 3 });
  });

  test('lengths that lie cost no more memory than the evidence has', () => {
    const [quote = new Uint8Array()] = QUOTES;
    const { signatureData, parts } = mapQuote(quote);
    const at = (name: string): number => parts.find((part) => part.name === name)?.at ?? 0;
    const lies: readonly (readonly [number, number])[] = [
      [signatureData.at - 4, 4],
      [at('certification') + 2, 4],
      [at('qe') + 448, 2],
      [at('qe.certification') + 2, 4],
    ];
    const used = (): number => process.memoryUsage().arrayBuffers;
    let most = 0;
    for (const [place, size] of lies) {
      for (const byte of [0xff, 0x7f]) {
        const liar = quote.slice().fill(byte, place, place + size);
        const before = used();
        expect(verifyTdx({ quote: liar, collateral: COLLATERAL }, { trust: TRUST, now: NOW })).toMatchObject({ accepted: false, reason: 'quote-length' });
        most = Math.max(most, used() - before);
      }
    }
    expect(most).toBeLessThanOrEqual(3 * quote.length);
  });
});
