/** What is wrong with a quote or its signatures: one row each. */
import { createHash } from 'node:crypto';
import { mapQuote } from '../../../../emulator/tdx/quote/quote.ts';
import { BODY_DESCRIPTOR, CERTIFICATION_HEAD, type EnclaveReport, QE_CERTIFICATION_HEAD, QUOTE_HEADER, SIGNATURE_HEAD, type TdBody } from '../../../../emulator/tdx/quote/tables.ts';
import type { QuoteParts } from '../../../../emulator/tdx/quoting/quoting-enclave.ts';
import { tdxPlatform } from '../../../../emulator/tdx/platform/platform.ts';
import { authority, type Edits, type Evidence, evidence, type Machine, V4, V5, withChain } from '../evidence.ts';
import { other, type Rejection, STRANGER, type Unusual } from './rejection.ts';

/** A change of the body, signed afterwards. */
export const body = (change: (body: TdBody) => Partial<TdBody>): Edits => ({ quote: (parts) => ({ ...parts, body: { ...parts.body, ...change(parts.body) } }) });
/** A change of the quoting enclave's report, signed by the PCK afterwards. */
export const qeReport = (change: (report: EnclaveReport) => Partial<EnclaveReport>): Edits => ({ quote: (parts) => ({ ...parts, qeReport: { ...parts.qeReport, ...change(parts.qeReport) } }) });
const header = (change: Partial<QuoteParts['header']>): Edits => ({ quote: (parts) => ({ ...parts, header: { ...parts.header, ...change } }) });
/** A change that nobody signed. */
const signed = (change: (src: Uint8Array) => void): Edits => ({ signed: change });
const presentedQuote = (change: (src: Uint8Array) => Uint8Array): Edits => ({ presented: (e: Evidence) => ({ ...e, quote: change(e.quote) }) });

/** Where a table lies in a quote. */
function partAt(machine: Machine, name: string): number {
  const part = mapQuote(evidence(machine).quote).parts.find((p) => p.name === name);
  if (!part) throw new Error(`no ${name}`);
  return part.at;
}
const AT = {
  signature: partAt(V4, 'signature'),
  certification: partAt(V4, 'certification'),
  qe: partAt(V4, 'qe'),
  inner: partAt(V4, 'qe.certification'),
  descriptor: partAt(V5, 'descriptor'),
};
const LENGTH_AT = AT.signature - 4;
const KEY_AT = AT.signature + SIGNATURE_HEAD.locate('attestationKey').at;
const QE_SIGNATURE_AT = AT.qe + QE_CERTIFICATION_HEAD.locate('qeReportSignature').at;
const AUTH_LENGTH_AT = AT.qe + QE_CERTIFICATION_HEAD.size;
const CHAIN_AT = AT.inner + CERTIFICATION_HEAD.size;
const u16 = (at: number, value: number) => (src: Uint8Array) => new DataView(src.buffer, src.byteOffset).setUint16(at, value, true);
const u32 = (at: number, value: number) => (src: Uint8Array) => new DataView(src.buffer, src.byteOffset).setUint32(at, value, true);
const moreOf = (at: number, by: number) => (src: Uint8Array) => {
  const view = new DataView(src.buffer, src.byteOffset);
  view.setUint32(at, view.getUint32(at, true) + by, true);
};
const flip = (at: number) => (src: Uint8Array) => {
  src[at] = (src[at] ?? 0) ^ 1;
};
const zero = (at: number, size: number) => (src: Uint8Array) => void src.fill(0, at, at + size);
const headerAt = (field: 'version' | 'attestationKeyType' | 'teeType' | 'reserved8'): number => QUOTE_HEADER.locate(field).at;

/** A point that is not on the curve, bound as the attestation key. */
const OFF_CURVE = new Uint8Array(64).fill(1);
const bound = (key: Uint8Array, auth: Uint8Array): Uint8Array => Uint8Array.from([...createHash('sha256').update(key).update(auth).digest(), ...new Uint8Array(32)]);
const TYPE_3: Machine = { certificationType: 3 };
const TYPE_4: Machine = { certificationType: 4 };

export const QUOTE_REJECTIONS: readonly Rejection[] = [
  ...[
    0,
    1,
    headerAt('reserved8'),
    47,
    48,
    100,
    LENGTH_AT,
    LENGTH_AT + 3,
    AT.signature,
    KEY_AT,
    AT.certification,
    AT.certification + 5,
    AT.qe,
    QE_SIGNATURE_AT,
    AUTH_LENGTH_AT,
    AUTH_LENGTH_AT + 1,
    AT.inner,
    AT.inner + 5,
    CHAIN_AT,
    CHAIN_AT + 100,
  ].map((size): Rejection => ({ name: `the quote ends after ${size} bytes`, reason: 'quote-length', edits: presentedQuote((q) => q.slice(0, size)) })),
  ...[1, -1, 0xffffffff - 4300].map((by): Rejection => ({ name: `the length of the signature data is ${by} bytes off`, reason: 'quote-length', edits: signed(moreOf(LENGTH_AT, by)) })),
  ...[1, -1, 0x7fffffff].map((by): Rejection => ({ name: `the length of the certification data is ${by} bytes off`, reason: 'quote-length', edits: signed(moreOf(AT.certification + 2, by)) })),
  ...[1, -1, 0x7fffffff].map((by): Rejection => ({ name: `the length of the PCK chain is ${by} bytes off`, reason: 'quote-length', edits: signed(moreOf(AT.inner + 2, by)) })),
  ...[0xffff, 31, 33].map((length): Rejection => ({ name: `the length of the authentication data is ${length}`, reason: 'quote-length', edits: signed(u16(AUTH_LENGTH_AT, length)) })),
  ...[0, 2, 3, 6].map((version): Rejection => ({ name: `the version is ${version}`, reason: 'quote-version', edits: signed(u16(headerAt('version'), version)) })),
  { name: 'the version is 5, and the rest is as in version 4', reason: 'quote-body-type', edits: signed(u16(headerAt('version'), 5)) },
  { name: 'the attestation key is said to be for P-384', reason: 'quote-key-type', edits: signed(u16(headerAt('attestationKeyType'), 3)) },
  ...[0, 0x1234].map((tee): Rejection => ({ name: `the TEE is 0x${tee.toString(16)}`, reason: 'quote-tee-type', edits: signed(u32(headerAt('teeType'), tee)) })),
  ...[0, 1, 4].map((type): Rejection => ({ name: `the body is of type ${type}`, reason: 'quote-body-type', machine: V5, edits: signed(u16(AT.descriptor + BODY_DESCRIPTOR.locate('bodyType').at, type)) })),
  ...[0, 584, 649, 0xffffffff].map(
    (size): Rejection => ({ name: `the body is said to be ${size} bytes`, reason: 'quote-body-type', machine: V5, edits: signed(u32(AT.descriptor + BODY_DESCRIPTOR.locate('bodySize').at, size)) }),
  ),
  { name: 'reserved bytes of the header are not zero', reason: 'quote-reserved', edits: header({ reserved8: Uint8Array.of(0, 1, 0, 0) }), path: 'tdx.quote.header.reserved8' },
  {
    name: "reserved bytes of the quoting enclave's report are not zero",
    reason: 'quote-reserved',
    edits: qeReport(() => ({ reserved96: new Uint8Array(32).fill(1) })),
    path: 'tdx.quote.qe-certification.qeReport.reserved96',
  },
  ...[false, true].flatMap((allowReserved): Rejection[] => {
    const also = allowReserved ? ', whatever is allowed' : '';
    const wishes = { allowReserved };
    return [
      { name: `a reserved attribute of the TD is set${also}`, reason: 'quote-reserved', wishes, edits: body((b) => ({ tdAttributes: { ...b.tdAttributes, reserved17: 1 } })) },
      { name: `a reserved bit of XFAM is set${also}`, reason: 'quote-reserved', wishes, edits: body((b) => ({ xfam: { ...b.xfam, reserved3: 1 } })) },
      { name: `a reserved attribute of the quoting enclave is set${also}`, reason: 'quote-reserved', wishes, edits: qeReport((r) => ({ attributes: { ...r.attributes, reserved11: 1 } })) },
    ];
  }),
  { name: 'a byte follows the quote, and none may', reason: 'quote-trailing', wishes: { exactLength: true }, edits: presentedQuote((q) => Uint8Array.of(...q, 0)) },
  { name: "the quoting enclave's vendor is not Intel", reason: 'qe-vendor', edits: header({ qeVendorId: new Uint8Array(16).fill(7) }) },
  { name: 'the certification data are of type 5', reason: 'certification-type', edits: signed(u16(AT.certification, 5)), path: 'certification.type' },
  { name: 'the inner certification data are of an unknown type', reason: 'certification-type', edits: signed(u16(AT.inner, 7)), path: 'certification.certification.type' },
  {
    name: 'the quote names its platform, and nobody brings the PCK chain',
    reason: 'pck-chain-missing',
    machine: TYPE_3,
    edits: { presented: ({ collateral: { pckChain: _, ...collateral }, ...e }) => ({ ...e, collateral }) },
  },
  {
    name: 'the quote has the PCK certificate without its chain, and nobody brings that',
    reason: 'pck-chain-missing',
    machine: TYPE_4,
    edits: { presented: ({ collateral: { pckChain: _, ...collateral }, ...e }) => ({ ...e, collateral }) },
  },
  {
    name: 'the chain that is brought begins with another PCK certificate than the quote',
    reason: 'pck-platform-mismatch',
    machine: TYPE_4,
    edits: { presented: (e) => ({ ...e, collateral: { ...e.collateral, pckChain: authority.pckChain(tdxPlatform(undefined, { index: 1 })) } }) },
  },
  { name: 'the quote has two PCK certificates where one must be', reason: 'certificate-malformed', machine: TYPE_4, edits: { quote: (parts) => withChain(parts, authority.pckIssuerChain('platform')) } },
  { name: 'the PCK chain in the quote is no PEM', reason: 'certificate-malformed', edits: signed(flip(CHAIN_AT + 3)) },
  { name: 'the TDREPORT is too short', reason: 'td-report-malformed', edits: { presented: (e) => ({ ...e, tdReport: new Uint8Array(1023) }) } },
  { name: 'the TDREPORT is too long', reason: 'td-report-malformed', edits: { presented: (e) => ({ ...e, tdReport: Uint8Array.of(...(e.tdReport ?? []), 0) }) } },

  { name: "the signature of the quoting enclave's report was changed", reason: 'qe-report-signature', edits: signed(flip(QE_SIGNATURE_AT)) },
  { name: "the signature of the quoting enclave's report is all zero", reason: 'qe-report-signature', edits: signed(zero(QE_SIGNATURE_AT, 64)) },
  { name: "the quoting enclave's report was changed after it was signed", reason: 'qe-report-signature', edits: signed(flip(AT.qe)) },
  { name: 'the attestation key was exchanged', reason: 'qe-report-data', edits: signed((src) => src.set(STRANGER.publicPoint.subarray(1), KEY_AT)) },
  { name: 'the authentication data were changed', reason: 'qe-report-data', edits: signed(flip(AUTH_LENGTH_AT + 2)) },
  { name: 'the enclave binds another key', reason: 'qe-report-data', edits: { quote: (parts) => ({ ...parts, qeReport: { ...parts.qeReport, reportData: bound(STRANGER.publicPoint.subarray(1), parts.qeAuthData) } }) } },
  { name: 'something stands behind the hash in the enclave’s report data', reason: 'qe-report-data', edits: qeReport((r) => ({ reportData: other(r.reportData) })) },
  {
    name: 'the attestation key is no point on the curve',
    reason: 'attestation-key',
    edits: { quote: (parts) => ({ ...parts, qeReport: { ...parts.qeReport, reportData: bound(OFF_CURVE, parts.qeAuthData) } }), signed: (src) => src.set(OFF_CURVE, KEY_AT) },
  },
  { name: 'another key signed the quote', reason: 'quote-signature', edits: { quoteKey: STRANGER } },
  { name: 'the signature was changed', reason: 'quote-signature', edits: signed(flip(AT.signature)) },
  { name: 'the signature is all zero', reason: 'quote-signature', edits: signed(zero(AT.signature, 64)) },
  { name: 'the body was changed after it was signed', reason: 'quote-signature', edits: signed(flip(48 + 136)) },
  { name: "the header's user data were changed after they were signed", reason: 'quote-signature', edits: signed(flip(30)) },
  {
    name: 'the signature is that of a quote of version 4 about the same TD',
    reason: 'quote-signature',
    machine: V5,
    edits: { signed: (src) => void src.set(evidence(V4).quote.subarray(AT.signature, AT.signature + 64), AT.signature + 70) },
  },
];

/** Unusual quotes that are as good as any. */
export const UNUSUAL_QUOTES: readonly Unusual[] = [
  ...[0, 31, 33, 64, 300].map((length) => ({
    name: `authentication data of ${length} bytes`,
    edits: {
      quote: (parts: QuoteParts): QuoteParts => {
        const qeAuthData = new Uint8Array(length).fill(0xaa);
        return { ...parts, qeAuthData, qeReport: { ...parts.qeReport, reportData: bound(attestationKey(parts), qeAuthData) } };
      },
    },
  })),
  { name: 'a buffer longer than the quote, filled up with zeros', edits: presentedQuote((q) => Uint8Array.of(...q, ...new Uint8Array(3000))) },
  { name: 'a buffer longer than the quote, with leftovers', edits: presentedQuote((q) => Uint8Array.of(...q, 1, 2, 3)) },
  { name: 'a buffer exactly as long, where it must be', edits: {}, wishes: { exactLength: true } },
  { name: 'reserved bytes that are not zero, where they are allowed', edits: header({ reserved8: Uint8Array.of(1, 2, 3, 4) }), wishes: { allowReserved: true } },
  { name: 'user data of any kind', edits: header({ userData: new Uint8Array(20).fill(9) }) },
  { name: 'a part of a larger buffer', edits: presentedQuote((q) => Buffer.concat([Buffer.alloc(7, 1), q]).subarray(7)) },
  { name: 'no TDREPORT', edits: { presented: ({ tdReport: _, ...e }) => e } },
];

/** The key is the enclave's own, which parts of a quote do not hold. */
function attestationKey(_: QuoteParts): Uint8Array {
  return evidence(V4).quote.slice(KEY_AT, KEY_AT + 64);
}
