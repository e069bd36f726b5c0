/** The quote's codec: where everything lies, what comes back, what is refused and how. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CodecError } from '../../emulator/errors.ts';
import { bitFields, TD_ATTRIBUTE_FIELDS, XFAM_FIELDS } from '../../emulator/tdx/module/attributes.ts';
import { chainText, type CertificationData, type InnerCertification, type QeCertification } from '../../emulator/tdx/quote/certification.ts';
import { decodeQuote, encodeQuote, mapQuote, signedPart, signedSize, type TdxQuote } from '../../emulator/tdx/quote/quote.ts';
import { BODY_DESCRIPTOR, CERTIFICATION_HEAD, ENCLAVE_REPORT, PPID_CERTIFICATION, QE_CERTIFICATION_HEAD, QUOTE_HEADER, SIGNATURE_HEAD, TD10_BODY, TD15_BODY } from '../../emulator/tdx/quote/tables.ts';

const bytes = (size: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: size, maxLength: size });
const some = (most: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength: most });
const mask = <F extends Parameters<typeof bitFields>[0]>(fields: F): fc.Arbitrary<ReturnType<typeof bitFields<F>>> => {
  const allowed = Object.values(fields).reduce((sum, { reserved, shift, width }) => (reserved ? sum : sum | (((1n << BigInt(width)) - 1n) << BigInt(shift))), 0n);
  return fc.bigInt(0n, (1n << 64n) - 1n).map((value) => bitFields(fields, value & allowed));
};

const header = (version: number): fc.Arbitrary<TdxQuote['header']> =>
  fc.record({ version: fc.constant(version), attestationKeyType: fc.constant(2), teeType: fc.constant(0x81), qeVendorId: bytes(16), userData: bytes(20) });
const body10 = {
  teeTcbSvn: bytes(16),
  mrSeam: bytes(48),
  mrSignerSeam: bytes(48),
  seamAttributes: fc.bigInt(0n, (1n << 64n) - 1n),
  tdAttributes: mask(TD_ATTRIBUTE_FIELDS),
  xfam: mask(XFAM_FIELDS),
  mrTd: bytes(48),
  mrConfigId: bytes(48),
  mrOwner: bytes(48),
  mrOwnerConfig: bytes(48),
  rtmr: fc.array(bytes(48), { minLength: 4, maxLength: 4 }),
  reportData: bytes(64),
};
const body15 = { ...body10, teeTcbSvn2: bytes(16), mrServiceTd: bytes(48) };
const enclaveReport = fc.record({
  cpuSvn: bytes(16),
  miscSelect: fc.nat(0xffff_ffff),
  attributes: mask(ENCLAVE_REPORT.rows.attributes.fields),
  xfrm: fc.bigInt(0n, (1n << 64n) - 1n),
  mrEnclave: bytes(32),
  mrSigner: bytes(32),
  isvProdId: fc.nat(0xffff),
  isvSvn: fc.nat(0xffff),
  reportData: bytes(64),
});
const ppid = (type: 1 | 2 | 3, size: number): fc.Arbitrary<InnerCertification> =>
  fc.record({ kind: fc.constant('ppid' as const), type: fc.constant(type), ppid: bytes(size), cpuSvn: bytes(16), pceSvn: fc.nat(0xffff), pceId: fc.nat(0xffff) });
const raw = (types: readonly number[]): fc.Arbitrary<InnerCertification> => fc.record({ kind: fc.constant('raw' as const), type: fc.constantFrom(...types), data: some(300) });
// Type 6 inside type 6 is no structure that exists: it stays as it lies.
const inner = fc.oneof(ppid(1, 16), ppid(2, 256), ppid(3, 384), raw([0, 4, 5, 6, 7, 0xffff]));
const qe: fc.Arbitrary<CertificationData> = fc.record({
  kind: fc.constant('qe' as const),
  type: fc.constant(6 as const),
  qeReport: enclaveReport,
  qeReportSignature: bytes(64),
  qeAuthData: some(100),
  certification: inner,
});
const certification = fc.oneof({ weight: 3, arbitrary: qe }, fc.oneof(ppid(1, 16), ppid(3, 384), raw([0, 4, 5, 7])));
const rest = { signature: bytes(64), attestationKey: bytes(64), certification, trailing: some(80) };
const quotes: fc.Arbitrary<TdxQuote> = fc.oneof(
  fc.record({ header: header(4), bodyType: fc.constant(2 as const), body: fc.record(body10), ...rest }),
  fc.record({ header: header(5), bodyType: fc.constant(2 as const), body: fc.record(body10), ...rest }),
  fc.record({ header: header(5), bodyType: fc.constant(3 as const), body: fc.record(body15), ...rest }),
);
/** One quote that is always the same. */
const sample = (version: 4 | 5, bodyType: 2 | 3 = version === 5 ? 3 : 2): TdxQuote => {
  const zero48 = new Uint8Array(48);
  const attributes = bitFields(ENCLAVE_REPORT.rows.attributes.fields, 0x15n);
  const qeReport = { cpuSvn: new Uint8Array(16), miscSelect: 0, attributes, xfrm: 0xe7n, mrEnclave: new Uint8Array(32), mrSigner: new Uint8Array(32), isvProdId: 2, isvSvn: 6, reportData: new Uint8Array(64) };
  const data = Buffer.from('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n\0');
  return {
    header: { version, attestationKeyType: 2, teeType: 0x81, qeVendorId: new Uint8Array(16), userData: new Uint8Array(20) },
    bodyType,
    body: {
      teeTcbSvn: new Uint8Array(16),
      mrSeam: zero48,
      mrSignerSeam: zero48,
      seamAttributes: 0n,
      tdAttributes: bitFields(TD_ATTRIBUTE_FIELDS, 1n << 28n),
      xfam: bitFields(XFAM_FIELDS, 0x602e7n),
      mrTd: zero48,
      mrConfigId: zero48,
      mrOwner: zero48,
      mrOwnerConfig: zero48,
      rtmr: [zero48, zero48, zero48, zero48],
      reportData: new Uint8Array(64),
      ...(bodyType === 3 ? { teeTcbSvn2: new Uint8Array(16), mrServiceTd: zero48 } : {}),
    },
    signature: new Uint8Array(64).fill(1),
    attestationKey: new Uint8Array(64).fill(2),
    certification: {
      kind: 'qe',
      type: 6,
      qeReport,
      qeReportSignature: new Uint8Array(64).fill(3),
      qeAuthData: Uint8Array.from({ length: 32 }, (_, i) => i),
      certification: { kind: 'raw', type: 5, data: Uint8Array.from(data) },
    },
    trailing: new Uint8Array(0),
  };
};
const thrown = (src: Uint8Array): CodecError => {
  try {
    decodeQuote(src);
  } catch (error) {
    if (error instanceof CodecError) return error;
    throw error;
  }
  throw new Error('it was decoded');
};
const put = (src: Uint8Array, at: number, ...values: readonly number[]): Uint8Array => {
  const copy = src.slice();
  copy.set(values, at);
  return copy;
};

// Offsets as the quote generation library's headers have them, written here once more so that the tables are not checked against themselves.
describe('fields of a quote', () => {
  test.each([
    ['header', QUOTE_HEADER, { version: 0, attestationKeyType: 2, teeType: 4, reserved8: 8, qeVendorId: 12, userData: 28 }],
    [
      'body of TDX 1.0',
      TD10_BODY,
      { teeTcbSvn: 0, mrSeam: 16, mrSignerSeam: 64, seamAttributes: 112, tdAttributes: 120, xfam: 128, mrTd: 136, mrConfigId: 184, mrOwner: 232, mrOwnerConfig: 280, 'rtmr.0': 328, 'rtmr.3': 472, reportData: 520 },
    ],
    ['body of TDX 1.5', TD15_BODY, { reportData: 520, teeTcbSvn2: 584, mrServiceTd: 600 }],
    ['descriptor of a body', BODY_DESCRIPTOR, { bodyType: 0, bodySize: 2 }],
    ['signature data', SIGNATURE_HEAD, { signature: 0, attestationKey: 64 }],
    ['certification data', CERTIFICATION_HEAD, { type: 0, size: 2 }],
    ['QE certification', QE_CERTIFICATION_HEAD, { qeReport: 0, qeReportSignature: 384 }],
    ['report of an enclave', ENCLAVE_REPORT, { cpuSvn: 0, miscSelect: 16, attributes: 48, xfrm: 56, mrEnclave: 64, mrSigner: 128, isvProdId: 256, isvSvn: 258, reportData: 320 }],
    ['clear platform id', PPID_CERTIFICATION[1], { ppid: 0, cpuSvn: 16, pceSvn: 32, pceId: 34 }],
    ['platform id under RSA-2048', PPID_CERTIFICATION[2], { ppid: 0, cpuSvn: 256, pceSvn: 272, pceId: 274 }],
    ['platform id under RSA-3072', PPID_CERTIFICATION[3], { ppid: 0, cpuSvn: 384, pceSvn: 400, pceId: 402 }],
  ])('of the %s lie where the specification says', (_, layout, fields) => {
    for (const [path, at] of Object.entries(fields)) expect({ path, at: layout.locate(path).at }).toEqual({ path, at });
  });

  test.each([
    [4, 2, 632],
    [5, 2, 638],
    [5, 3, 702],
  ] as const)('version %i with body type %i: %i bytes are signed', (version, bodyType, size) => {
    const src = encodeQuote(sample(version, bodyType));
    expect(signedSize(version, bodyType)).toBe(size);
    expect(signedPart(src)).toHaveLength(size);
    expect(mapQuote(src).signatureData.at).toBe(size + 4);
  });

  test.each([
    ['quote signature', 4, 636, 64, 1],
    ['attestation key', 4, 700, 64, 2],
    ['QE report signature', 4, 636 + 518, 64, 3],
    ['quote signature', 5, 706, 64, 1],
    ['attestation key', 5, 770, 64, 2],
    ['QE report signature', 5, 706 + 518, 64, 3],
  ] as const)('the %s of version %i lies at %i', (_, version, at, size, value) => {
    expect(encodeQuote(sample(version)).subarray(at, at + size)).toEqual(new Uint8Array(size).fill(value));
  });

  test('the chain follows 622 bytes into the signature data, as PEM with a NUL', () => {
    const src = encodeQuote(sample(4));
    expect(Buffer.from(src.subarray(636 + 622)).toString('latin1')).toBe('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n\0');
    expect(chainText(decodeQuote(src).certification)).toBe('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
  });

  test('certification data without a chain have no text of one', () => {
    expect(chainText({ kind: 'raw', type: 7, data: new Uint8Array(3) })).toBeUndefined();
    expect(chainText({ kind: 'ppid', type: 1, ppid: new Uint8Array(16), cpuSvn: new Uint8Array(16), pceSvn: 0, pceId: 0 })).toBeUndefined();
  });
});

describe('a quote', () => {
  test('comes back with every value that it was given', () => {
    fc.assert(
      fc.property(quotes, (quote) => {
        expect(decodeQuote(encodeQuote(quote))).toEqual(quote);
      }),
      { numRuns: 200 },
    );
  });

  test('comes back byte for byte', () => {
    fc.assert(
      fc.property(quotes, (quote) => {
        const src = encodeQuote(quote);
        expect(encodeQuote(decodeQuote(src))).toEqual(src);
      }),
      { numRuns: 100 },
    );
  });

  test('is mapped to parts that decode to what the whole decodes to', () => {
    fc.assert(
      fc.property(quotes, (quote) => {
        const src = encodeQuote(quote);
        const { parts, signed, signatureData, trailing, version, bodyType } = mapQuote(src);
        const decoded = Object.fromEntries(parts.map(({ name, layout, at }) => [name, layout.decode(src.subarray(at, at + layout.size))]));
        expect(decoded.header).toEqual(quote.header);
        expect(decoded.body).toEqual(quote.body);
        expect(decoded.signature).toEqual({ signature: quote.signature, attestationKey: quote.attestationKey });
        expect((decoded.qe as QeCertification | undefined)?.qeReport).toEqual(quote.certification.kind === 'qe' ? quote.certification.qeReport : undefined);
        expect([version, bodyType]).toEqual([quote.header.version, quote.bodyType]);
        expect(signed.size + 4).toBe(signatureData.at);
        expect(src.subarray(trailing.at)).toEqual(quote.trailing);
      }),
      { numRuns: 100 },
    );
  });

  test.each([4, 5] as const)('of version %i keeps reserved bytes only where it is asked to', (version) => {
    const dirty = put(encodeQuote(sample(version)), 9, 0x80);
    expect(thrown(dirty)).toMatchObject({ code: 'ERR_CODEC_RESERVED', path: 'tdx.quote.header.reserved8', at: 9 });
    const kept = decodeQuote(dirty, { reserved: 'keep' });
    expect(kept.header.reserved8).toEqual(Uint8Array.of(0, 0x80, 0, 0));
    expect(encodeQuote(kept)).toEqual(dirty);
  });

  test('of version 4 has no field of TDX 1.5', () => {
    const quote = sample(4);
    expect(() => encodeQuote({ ...quote, body: { ...quote.body, teeTcbSvn2: new Uint8Array(16) } })).toThrow(expect.objectContaining({ code: 'ERR_CODEC_FIELD' }));
  });

  test('takes no more QE authentication data than its length can say', () => {
    const quote = sample(4);
    const qeAuthData = new Uint8Array(0x1_0000);
    expect(() => encodeQuote({ ...quote, certification: { ...(quote.certification as QeCertification), qeAuthData } })).toThrow(expect.objectContaining({ code: 'ERR_CODEC_RANGE' }));
  });
});

const v4 = encodeQuote(sample(4));
const v5 = encodeQuote(sample(5));
const QE_AT = 636 + 134;
describe('a quote is refused', () => {
  test.each<[string, Uint8Array, string, string, number]>([
    ['that is empty', new Uint8Array(0), 'ERR_CODEC_TRUNCATED', 'tdx.quote.header.version', 0],
    ['of version 3', put(v4, 0, 3), 'ERR_CODEC_RANGE', 'tdx.quote.header.version', 0],
    ['of version 6', put(v4, 0, 6), 'ERR_CODEC_RANGE', 'tdx.quote.header.version', 0],
    ['of SGX', put(v4, 4, 0), 'ERR_CODEC_RANGE', 'tdx.quote.header.teeType', 4],
    ['with a P-384 key', put(v4, 2, 3), 'ERR_CODEC_RANGE', 'tdx.quote.header.attestationKeyType', 2],
    ['with the body of an enclave', put(v5, 48, 1), 'ERR_CODEC_RANGE', 'tdx.quote.body-descriptor.bodyType', 48],
    ['with a body of unknown type', put(v5, 48, 4), 'ERR_CODEC_RANGE', 'tdx.quote.body-descriptor.bodyType', 48],
    ['whose body has another length than its type', put(v5, 50, 72, 2), 'ERR_CODEC_LENGTH', 'tdx.quote.body-descriptor.bodySize', 50],
    ['that ends inside its body', v4.slice(0, 631), 'ERR_CODEC_TRUNCATED', 'tdx.quote.body.1.0.reportData', 48 + 520],
    ['that ends before the length of its signature data', v4.slice(0, 634), 'ERR_CODEC_TRUNCATED', 'tdx.quote.signatureDataLength', 632],
    ['that says more signature data follow than do', put(v4, 632, 0xff, 0xff, 0xff, 0xff), 'ERR_CODEC_TRUNCATED', 'tdx.quote.signatureDataLength', 632],
    ['that says less signature data follow than do', put(v4, 632, 100, 0, 0, 0), 'ERR_CODEC_TRUNCATED', 'tdx.quote.signature.attestationKey', 700],
    ['whose certification data are longer than the signature data', put(v4, 636 + 130, 0xff, 0xff, 0xff, 0x7f), 'ERR_CODEC_TRUNCATED', 'tdx.quote.signatureData.certification', 636 + 134],
    ['whose certification data are said to be empty', put(v4, 636 + 130, 0, 0, 0, 0), 'ERR_CODEC_TRUNCATED', 'tdx.quote.qe-certification.qeReport', QE_AT],
    ['whose QE authentication data are longer than what is left', put(v4, QE_AT + 448, 0xff, 0xff), 'ERR_CODEC_TRUNCATED', 'tdx.quote.signatureData.certification.qeAuthData', QE_AT + 450],
    ['whose chain is longer than what is left', put(v4, 636 + 618, 0xff, 0xff, 0xff, 0xff), 'ERR_CODEC_TRUNCATED', 'tdx.quote.signatureData.certification.certification', 636 + 622],
    ['whose chain leaves bytes of the certification data', put(v4, 636 + 618, 5, 0, 0, 0), 'ERR_CODEC_LENGTH', 'tdx.quote.signatureData.certification', 636 + 627],
    ['with reserved bits in its ATTRIBUTES', put(v4, 48 + 121, 1), 'ERR_CODEC_RESERVED', 'tdx.quote.body.1.0.tdAttributes.reserved7', 48 + 120],
    ['with reserved bytes in its QE report', put(v4, QE_AT + 20, 1), 'ERR_CODEC_RESERVED', 'tdx.quote.qe-certification.qeReport.reserved20', QE_AT + 20],
  ])('%s', (_, src, code, path, at) => {
    expect(thrown(src)).toMatchObject({ code, path, at });
  });

  test('when anything is cut off it, by an error that names a place inside', () => {
    for (let size = 0; size < v5.length; size++) {
      const error = thrown(v5.slice(0, size));
      expect(error.code).toBe('ERR_CODEC_TRUNCATED');
      expect(error.at).toBeLessThanOrEqual(size);
    }
  });
});
