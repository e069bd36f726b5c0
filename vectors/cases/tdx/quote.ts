/** Quotes that are none, or that state what no quoting enclave states. */
import { mapQuote } from '../../../emulator/tdx/quote/quote.ts';
import { cutAt, flipped, header, little, overwritten, parts, qeReport, resigned, written } from '../../edits/quote.ts';
import { accepted, refused, type TdxCase, type TdxChange, type TdxRejectCase } from '../../tdx/case.ts';

const FORMAT = 'Intel TDX DCAP Quote Generation Library, quote format';
const TRUNCATED = 'Phala-Network/dcap-qvl@7172b15';
const HUGE = 'Phala-Network/dcap-qvl#129';
const AUTOMATA = 'automata-network/automata-dcap-attestation@044ae31';
const RESERVED = 'bytes that must be zero are';
const EXACT = 'nothing may follow a quote';

type Marks = Parameters<Parameters<typeof cutAt>[0]>[0];
const number = (slug: string, field: string, size: number, value: number, reason: string, why: string, ref: string, severity: TdxRejectCase['severity'] = 'medium'): TdxRejectCase =>
  refused(`tdx/quote/${slug}`, ['parse', reason], severity, ref, why, { after: resigned(written(['header', field], little(value, size))) });

/** Where a quote may break off: one byte before each thing is whole, or right behind it. */
const CUTS: readonly (readonly [slug: string, place: (marks: Marks) => number, why: string])[] = [
  ['empty', () => 0, 'There is no quote.'],
  ['cut-to-a-byte', () => 1, 'One byte of a quote.'],
  ['cut-in-the-header', () => 47, 'The last byte of the header is missing.'],
  ['cut-behind-the-header', () => 48, 'Nothing but the header.'],
  ['cut-in-the-body', () => 300, 'The body breaks off.'],
  ['cut-behind-the-body', ({ signed }) => signed, 'Everything that is signed, and no signature.'],
  ['cut-in-the-length', ({ length }) => length + 3, 'The length of the signature data breaks off.'],
  ['cut-behind-the-length', ({ signatureData }) => signatureData, 'A length, and nothing behind it.'],
  ['cut-in-the-signature', ({ signatureData }) => signatureData + 63, 'The last byte of the signature is missing.'],
  ['cut-behind-the-signature', ({ signatureData }) => signatureData + 64, 'The attestation key is missing.'],
  ['cut-behind-the-key', ({ signatureData }) => signatureData + 128, 'Signature and key, and nothing that vouches for them.'],
  ['cut-in-the-enclave-report', ({ qe }) => qe + 200, 'The report of the quoting enclave breaks off.'],
  ['cut-behind-the-enclave-report', ({ qeSignature }) => qeSignature, 'The signature of the quoting enclave’s report is missing.'],
  ['cut-in-the-authentication-data', ({ authData }) => authData + 16, 'The authentication data break off.'],
  ['cut-behind-the-authentication-data', ({ inner }) => inner, 'The certification data are missing.'],
  ['cut-in-the-chain', ({ chain }) => chain + 900, 'The chain of the PCK breaks off.'],
  ['cut-by-a-byte', ({ end }) => end - 1, 'The last byte is missing.'],
];

/** The quote broken off, with a length that says that it is whole. */
const shortened =
  (place: (marks: Marks) => number): TdxChange['after'] =>
  (quote) => {
    const cut = cutAt(place)(quote);
    const at = mapQuote(quote).signatureData.at;
    return overwritten(() => at - 4, [...little(cut.length - at, 4)()])(Uint8Array.of(...cut, ...quote.subarray(cut.length))).slice(0, cut.length);
  };

const SHORTENED: readonly (readonly [slug: string, place: (marks: Marks) => number, why: string])[] = [
  ['whole-without-a-chain', ({ chain }) => chain, 'The lengths outside agree with a quote that ends before the chain.'],
  ['whole-without-certification', ({ signatureData }) => signatureData + 128, 'The length agrees with a quote that ends behind the attestation key.'],
  ['whole-in-the-enclave-report', ({ qe }) => qe + 200, 'The length agrees with a quote that ends within the quoting enclave’s report.'],
];

/** Lengths inside a quote that say too much, too little, or four gigabytes. */
const LENGTHS: readonly (readonly [slug: string, place: (marks: Marks) => number, bytes: readonly number[], why: string])[] = [
  ['length-zero', ({ length }) => length, [0, 0, 0, 0], 'The signature data have no length.'],
  ['length-4gib', ({ length }) => length, [0xff, 0xff, 0xff, 0xff], 'The signature data claim four gigabytes.'],
  ['length-2gib', ({ length }) => length, [0xff, 0xff, 0xff, 0x7f], 'The signature data claim two gigabytes.'],
  ['certification-4gib', ({ qe }) => qe - 4, [0xff, 0xff, 0xff, 0xff], 'The certification data claim four gigabytes.'],
  ['certification-zero', ({ qe }) => qe - 4, [0, 0, 0, 0], 'The certification data have no length.'],
  ['authentication-data-64kib', ({ authLength }) => authLength, [0xff, 0xff], 'The authentication data claim more than the quote has.'],
  ['authentication-data-one-less', ({ authLength }) => authLength, [31, 0], 'The authentication data are said to be a byte shorter than they are.'],
  ['chain-4gib', ({ chain }) => chain - 4, [0xff, 0xff, 0xff, 0xff], 'The chain of the PCK claims four gigabytes.'],
  ['chain-zero', ({ chain }) => chain - 4, [0, 0, 0, 0], 'The chain of the PCK has no length, and follows all the same.'],
];

const lengthBy = (slug: string, difference: number, why: string): TdxRejectCase =>
  refused(`tdx/quote/${slug}`, ['parse', 'quote-length'], 'medium', AUTOMATA, why, {
    after: (quote) => {
      const { at, size } = mapQuote(quote).signatureData;
      return overwritten(() => at - 4, [...little(size + difference, 4)()])(quote);
    },
  });

const V5 = { quoteVersion: 5 } as const;
const descriptor = (slug: string, type: number, size: number, why: string, options: TdxChange['options'] = V5): TdxRejectCase =>
  refused(`tdx/quote/${slug}`, ['parse', 'quote-body-type'], 'high', 'confidential-dot-ai/attestation-rs@febfdb9', why, {
    options: { ...options },
    after: resigned((quote) => written(['descriptor'], () => Uint8Array.of(...little(type, 2)(), ...little(size, 4)()))(quote)),
    bug: size > 0xffff ? 'denial-of-service' : 'parser-differential',
  });

const certification = (slug: string, place: (marks: Marks) => number, type: number, reason: string, why: string): TdxRejectCase =>
  refused(`tdx/quote/${slug}`, ['parse', reason], 'medium', FORMAT, why, { after: overwritten(place, [type, 0]) });

const reservedHeader = refused('tdx/quote/header-reserved', ['parse', 'quote-reserved'], 'low', FORMAT, 'Bytes of the header that must be zero are set, and signed.', {
  edits: header({ reserved8: Uint8Array.of(1, 0, 1, 0) } as object),
  policy: RESERVED,
});
const trailing = (slug: string, why: string, bytes: Uint8Array): TdxRejectCase =>
  refused(`tdx/quote/${slug}`, ['parse', 'quote-trailing'], 'low', FORMAT, why, { after: (quote) => Uint8Array.of(...quote, ...bytes), policy: EXACT, request: { exactLength: true } });
const ZEROS = trailing('zeros-behind', 'Zeros follow the quote, as in buffers of the kernel.', new Uint8Array(64));
const REST = trailing(
  'garbage-behind',
  'Left over bytes follow the quote.',
  Uint8Array.from({ length: 64 }, (_, i) => (i * 37) & 0xff),
);

export const QUOTE_CASES: readonly TdxCase[] = [
  ...[0, 2, 3, 6].map((version) => number(`version-${version}`, 'version', 2, version, 'quote-version', `A well-signed quote of version ${version}, which is none of a TD.`, AUTOMATA)),
  number('key-type-p384', 'attestationKeyType', 2, 3, 'quote-key-type', 'The quote claims a key on P-384, and has one on P-256.', AUTOMATA),
  number('key-type-zero', 'attestationKeyType', 2, 0, 'quote-key-type', 'The quote claims a kind of key that there is not.', AUTOMATA),
  number('tee-type-sgx', 'teeType', 4, 0, 'quote-tee-type', 'The quote is about an SGX enclave.', 'confidential-dot-ai/attestation-rs@febfdb9', 'high'),
  number('tee-type-unknown', 'teeType', 4, 0x1234, 'quote-tee-type', 'The quote is about no TEE that there is.', 'confidential-dot-ai/attestation-rs@febfdb9', 'high'),
  number('tee-type-beyond-a-byte', 'teeType', 4, 0x10081, 'quote-tee-type', 'The lowest byte of the TEE’s type is that of a TD, the others are not zero.', FORMAT, 'high'),
  refused('tdx/quote/vendor', ['parse', 'qe-vendor'], 'medium', 'Phala-Network/dcap-qvl#127', 'The quoting enclave’s vendor is not Intel, and the quote is signed.', {
    edits: header({ qeVendorId: new Uint8Array(16).fill(1) }),
  }),
  refused('tdx/quote/vendor-zero', ['parse', 'qe-vendor'], 'medium', 'Phala-Network/dcap-qvl#134', 'The quoting enclave has no vendor.', { edits: header({ qeVendorId: new Uint8Array(16) }) }),
  reservedHeader,
  accepted('tdx/quote/header-reserved-allowed', 'low', FORMAT, 'The same header for a relying party that looks only at what it knows.', {
    edits: header({ reserved8: Uint8Array.of(1, 0, 1, 0) } as object),
    policy: 'reserved bytes may be set',
    request: { allowReserved: true },
  }),
  refused('tdx/quote/enclave-report-reserved', ['parse', 'quote-reserved'], 'low', FORMAT, 'Bytes of the quoting enclave’s report that must be zero are set, and signed by the PCK.', {
    edits: qeReport({ reserved96: new Uint8Array(32).fill(1) } as object),
    policy: RESERVED,
  }),
  descriptor('body-of-an-enclave', 1, 384, 'The body of a quote of version 5 is said to be an SGX enclave’s.'),
  descriptor('body-type-unknown', 4, 648, 'The body is said to be of a type that there is not.'),
  descriptor('body-type-zero', 0, 648, 'The body is said to be of no type.'),
  descriptor('body-size-of-tdx-10', 3, 584, 'The body is said to be of TDX 1.5, and as long as one of TDX 1.0.'),
  descriptor('body-size-of-tdx-15', 2, 648, 'The body is said to be of TDX 1.0, and as long as one of TDX 1.5.', { ...V5, bodyType: 'td10' }),
  descriptor('body-size-zero', 3, 0, 'The body is said to have no length.'),
  descriptor('body-size-4gib', 3, 0xffffffff, 'The body claims four gigabytes.'),
  ...CUTS.map(([slug, place, why]) => refused(`tdx/quote/${slug}`, ['parse', 'quote-length'], 'high', TRUNCATED, why, { after: cutAt(place), bug: 'denial-of-service' })),
  refused('tdx/quote/cut-in-version-5', ['parse', 'quote-length'], 'high', TRUNCATED, 'In version 5, the description of the body breaks off.', {
    options: V5,
    after: (quote) => quote.slice(0, 51),
    bug: 'denial-of-service',
  }),
  ...SHORTENED.map(([slug, place, why]) =>
    refused(`tdx/quote/${slug}`, ['parse', 'quote-length'], 'high', 'confidential-dot-ai/attestation-rs@85e3bfd', why, { after: shortened(place) ?? ((quote) => quote), bug: 'denial-of-service' }),
  ),
  ...LENGTHS.map(([slug, place, bytes, why]) => refused(`tdx/quote/${slug}`, ['parse', 'quote-length'], 'high', HUGE, why, { after: overwritten(place, bytes), bug: 'denial-of-service' })),
  refused('tdx/quote/length-4gib-of-nothing', ['parse', 'quote-length'], 'high', 'Phala-Network/dcap-qvl#133', 'Header, body, and a length of four gigabytes, behind which nothing comes.', {
    after: (quote) => overwritten(({ length }) => length, [0xff, 0xff, 0xff, 0xff])(quote).slice(0, mapQuote(quote).signatureData.at),
    bug: 'denial-of-service',
  }),
  lengthBy('length-one-more', 1, 'The signature data are said to be a byte longer than they are.'),
  lengthBy('length-one-less', -1, 'The signature data are said to be a byte shorter than they are.'),
  certification('certification-type-5-outside', ({ qe }) => qe - 6, 5, 'certification-type', 'The data that hold the quoting enclave’s report are said to be a chain of certificates.'),
  certification('certification-type-zero-outside', ({ qe }) => qe - 6, 0, 'certification-type', 'The data that hold the quoting enclave’s report are of no type.'),
  certification('certification-type-6-inside', ({ inner }) => inner, 6, 'certification-type', 'The chain is said to be another report of a quoting enclave.'),
  certification('certification-type-7-inside', ({ inner }) => inner, 7, 'certification-type', 'The chain is said to be of a type that there is not.'),
  certification('certification-type-1-inside', ({ inner }) => inner, 1, 'quote-length', 'The chain is said to be the id of a platform, which is much shorter.'),
  ZEROS,
  REST,
  accepted('tdx/quote/zeros-behind-allowed', 'low', FORMAT, 'Zeros follow the quote, which most relying parties do not mind.', {
    after: (quote) => Uint8Array.of(...quote, ...new Uint8Array(64)),
    policy: 'a quote may be followed by anything',
  }),
  accepted('tdx/quote/garbage-behind-allowed', 'low', FORMAT, 'Left over bytes follow the quote, which most relying parties do not mind.', {
    after: (quote) => Uint8Array.of(...quote, 1, 2, 3),
    policy: 'a quote may be followed by anything',
  }),
  refused('tdx/quote/two-things-wrong', ['parse', 'quote-version'], 'medium', FORMAT, 'Of a quote of an unknown version nothing else can be said, not even that it was tampered with.', {
    after: (quote) => written(['header', 'version'], little(9, 2))(flipped(['body', 'mrTd'])(quote)),
  }),
  refused('tdx/quote/certification-of-an-empty-chain', ['chain', 'certificate-chain-length'], 'high', 'Phala-Network/dcap-qvl@309f891', 'The quote has a chain of no certificates.', {
    edits: parts(() => ({ certification: { kind: 'raw', type: 5, data: Uint8Array.of(0) } })),
    bug: 'denial-of-service',
  }),
];
