/** Signatures that do not hold: of the quote, of its quoting enclave's report, and of the documents of the collateral. */
import { CURVES } from '../../../emulator/crypto/sign.ts';
import { extended, rewritten } from '../../edits/files.ts';
import { signedByStranger } from '../../edits/intel.ts';
import { ATTESTATION_KEY, binding, flipped, numbers, parts, SIGNATURE, written } from '../../edits/quote.ts';
import { accepted, refused, type TdxCase, type TdxChange, type TdxRejectCase } from '../../tdx/case.ts';

const QUOTE = 'Intel TDX DCAP Quote Generation Library, quote format';
const QVL = 'Intel DCAP Quote Verification Library';
const FIPS = 'FIPS 186-5 §6.4.2';
const ORDER = CURVES['P-256'].noble.Point.Fn.ORDER;
const TCB_INFO = 'collateral/tcb_info.json';
const QE_IDENTITY = 'collateral/qe_identity.json';
const QE_SIGNATURE = ['qe', 'qeReportSignature'] as const;

const signature = (slug: string, reason: string, ref: string, why: string, change: TdxChange): TdxRejectCase => refused(`tdx/signature/${slug}`, ['signature', reason], 'critical', ref, why, change);
const replaced = (file: string, from: RegExp, to: (found: string) => string): NonNullable<TdxChange['files']> =>
  rewritten(file, (contents) => {
    const text = Buffer.from(contents).toString('utf8');
    if (!from.test(text)) throw new RangeError(`${file} has nothing like ${from.source}`);
    return Uint8Array.from(Buffer.from(text.replace(from, to), 'utf8'));
  });

/** Numbers that no signature has, or that are those of another. */
const NUMBERS: readonly (readonly [slug: string, why: string, change: (r: bigint, s: bigint) => readonly [bigint, bigint]])[] = [
  ['zero', 'is zero', () => [0n, 0n]],
  ['r-zero', 'has no r', (_, s) => [0n, s]],
  ['s-zero', 'has no s', (r) => [r, 0n]],
  ['r-is-the-order', 'has the order of the curve for r, which is zero where it counts', (_, s) => [ORDER, s]],
  ['all-ones', 'is all ones', () => [(1n << 256n) - 1n, (1n << 256n) - 1n]],
  ['halves-swapped', 'has r and s exchanged', (r, s) => [s, r]],
  ['r-bit-flipped', 'has a bit of r flipped', (r, s) => [r ^ 1n, s]],
  ['s-bit-flipped', 'has a bit of s flipped', (r, s) => [r, s ^ 1n]],
];
const numberCases: readonly TdxCase[] = [
  ...NUMBERS.map(([slug, why, change]) => signature(`quote-${slug}`, 'quote-signature', FIPS, `The signature of the quote ${why}.`, { after: numbers(SIGNATURE, change) })),
  ...NUMBERS.filter(([slug]) => slug !== 'r-zero' && slug !== 's-zero').map(([slug, why, change]) =>
    signature(`enclave-report-${slug}`, 'qe-report-signature', FIPS, `The signature of the quoting enclave’s report ${why}.`, { after: numbers(QE_SIGNATURE, change) }),
  ),
];

/** Signed fields, of which the first or the last byte is changed after signing. */
const CHANGED: readonly (readonly [slug: string, field: string, byte: number, what: string])[] = [
  ['mr-td', 'mrTd', 0, 'The measurement of the TD'],
  ['report-data', 'reportData', 63, 'The last byte of the report data'],
  ['rtmr0', 'rtmr.0', 0, 'The first runtime measurement'],
  ['rtmr3', 'rtmr.3', 47, 'The last byte of the last runtime measurement'],
  ['td-attributes', 'tdAttributes', 3, 'An attribute of the TD'],
  ['tee-tcb-svn', 'teeTcbSvn', 0, 'The level of the TDX module'],
  ['mr-config-id', 'mrConfigId', 5, 'The configuration of the TD'],
];
const other = (change: TdxChange['after']): TdxChange => (change ? { after: change } : {});

export const SIGNATURE_CASES: readonly TdxCase[] = [
  ...numberCases,
  ...CHANGED.map(([slug, field, byte, what]) => signature(`${slug}-changed`, 'quote-signature', QUOTE, `${what} was changed after signing.`, other(flipped(['body', field], byte, field === 'tdAttributes' ? 0x40 : 1)))),
  signature('header-changed', 'quote-signature', QUOTE, 'The quoting enclave’s id of the platform was changed after signing.', { after: flipped(['header', 'userData'], 3) }),
  signature('service-td-changed', 'quote-signature', QUOTE, 'In version 5, the last byte that is signed was changed.', {
    options: { quoteVersion: 5 },
    after: flipped(['body', 'mrServiceTd'], 47),
    request: { allowServiceTd: true },
  }),
  signature('quote-by-another-key', 'quote-signature', QUOTE, 'Another key than the one stated signed the quote.', { edits: ({ world }) => ({ quoteSigner: world.ecKey('vectors/stranger', 'P-256') }) }),
  signature('quote-by-the-pck', 'quote-signature', QUOTE, 'The PCK signed the quote in place of the attestation key.', { edits: ({ keys }) => ({ quoteSigner: keys.pck }) }),
  signature('key-replaced', 'qe-report-data', 'cyntrisec/confidential-ml-transport#14', 'Another key signed the quote, and stands in it; no quoting enclave vouches for it.', {
    edits: ({ world }) => ({ quoteSigner: world.ecKey('vectors/stranger', 'P-256') }),
    after: (quote, { world }) => written(ATTESTATION_KEY, () => world.ecKey('vectors/stranger', 'P-256').publicPoint.slice(1))(quote),
  }),
  signature('key-changed', 'qe-report-data', QUOTE, 'A bit of the attestation key is flipped.', { after: flipped(ATTESTATION_KEY, 0) }),
  signature('key-off-the-curve', 'attestation-key', 'agentrust-io/agent-manifest#445', 'The quoting enclave vouches for a key that is no point of the curve.', {
    edits: parts(({ qeReport, qeAuthData }) => ({ qeReport: { ...qeReport, reportData: binding(new Uint8Array(64).fill(1), qeAuthData) } })),
    after: written(ATTESTATION_KEY, () => new Uint8Array(64).fill(1)),
    bug: 'denial-of-service',
  }),
  signature('key-zero', 'attestation-key', 'agentrust-io/agent-manifest#445', 'The quoting enclave vouches for a key of zeros.', {
    edits: parts(({ qeReport, qeAuthData }) => ({ qeReport: { ...qeReport, reportData: binding(new Uint8Array(64), qeAuthData) } })),
    after: written(ATTESTATION_KEY, () => new Uint8Array(64)),
    bug: 'denial-of-service',
  }),
  signature('enclave-report-by-another-key', 'qe-report-signature', 'canvasxyz/teekit#24', 'Another key than the PCK signed the quoting enclave’s report.', {
    edits: ({ world }) => ({ qeReportSigner: world.ecKey('vectors/stranger', 'P-256') }),
  }),
  signature('enclave-report-by-the-attestation-key', 'qe-report-signature', 'canvasxyz/teekit#27', 'The attestation key vouches for itself.', { edits: ({ keys }) => ({ qeReportSigner: keys.attestation }) }),
  signature('enclave-report-changed', 'qe-report-signature', 'canvasxyz/teekit#24', 'The quoting enclave’s signer was changed after signing.', { after: flipped(['qe', 'qeReport.mrSigner'], 0) }),
  signature('enclave-svn-changed', 'qe-report-signature', 'canvasxyz/teekit#24', 'The quoting enclave’s SVN was raised after signing.', { after: flipped(['qe', 'qeReport.isvSvn'], 0, 8) }),
  signature('authentication-data-changed', 'qe-report-data', QUOTE, 'The authentication data are others than the quoting enclave’s report binds.', {
    edits: parts(({ qeAuthData }) => ({ qeAuthData: qeAuthData.with(31, 0x55) })),
  }),
  signature('authentication-data-dropped', 'qe-report-data', 'Phala-Network/dcap-qvl@dc51565', 'The authentication data that the quoting enclave’s report binds are left out.', {
    edits: parts(() => ({ qeAuthData: new Uint8Array() })),
  }),
  signature('enclave-report-data-tail', 'qe-report-data', `${QVL} 4.1.2.5.14`, 'The second half of the quoting enclave’s report data is not zero.', {
    edits: parts(({ qeReport }) => ({ qeReport: { ...qeReport, reportData: qeReport.reportData.with(63, 1) } })),
  }),
  signature('tcb-info-changed', 'tcb-info-signature', 'confidential-dot-ai/attestation-rs#90', 'A level of the TCB info was lowered after signing.', { files: replaced(TCB_INFO, /"pcesvn":\d+/, () => '"pcesvn":1') }),
  signature('tcb-info-refreshed', 'tcb-info-signature', 'Intel PCS v4, TCB info', 'The TCB info was made to count longer after signing.', { files: replaced(TCB_INFO, /"nextUpdate":"20/, () => '"nextUpdate":"21') }),
  signature('tcb-info-reformatted', 'tcb-info-signature', 'Intel PCS v4, TCB info', 'The TCB info says the same in other bytes: a space was put into it.', {
    files: replaced(TCB_INFO, /"version":3/, () => '"version": 3'),
  }),
  signature('tcb-info-signature-flipped', 'tcb-info-signature', 'confidential-dot-ai/attestation-rs#90', 'A digit of the signature of the TCB info is another.', {
    files: replaced(TCB_INFO, /[0-9a-f]"\}$/, (end) => (end.startsWith('0') ? '1"}' : '0"}')),
  }),
  signature('tcb-info-signature-zero', 'tcb-info-signature', 'confidential-dot-ai/attestation-rs#90', 'The signature of the TCB info is zero.', {
    files: replaced(TCB_INFO, /"signature":"[0-9a-f]+"/, () => `"signature":"${'0'.repeat(128)}"`),
  }),
  signature('tcb-info-by-another-key', 'tcb-info-signature', 'confidential-dot-ai/attestation-rs#90', 'A key that nobody knows signed the TCB info.', { edits: signedByStranger('tcbInfo') }),
  signature('tcb-info-by-the-pck', 'tcb-info-signature', 'Intel PCS v4, TCB info', 'The platform’s own PCK, which Intel certifies, signed the TCB info.', { edits: ({ keys }) => ({ tcbInfo: { signedBy: keys.pck } }) }),
  signature('identity-changed', 'qe-identity-signature', 'CVE-2026-22696', 'The identity of the quoting enclave was changed after signing.', { files: replaced(QE_IDENTITY, /"isvprodid":2/, () => '"isvprodid":3') }),
  signature('identity-signature-flipped', 'qe-identity-signature', 'CVE-2026-22696', 'A digit of the signature of the identity is another.', {
    files: replaced(QE_IDENTITY, /[0-9a-f]"\}$/, (end) => (end.startsWith('0') ? '1"}' : '0"}')),
  }),
  signature('identity-by-another-key', 'qe-identity-signature', 'CVE-2026-22696', 'A key that nobody knows signed the identity.', { edits: signedByStranger('qeIdentity') }),
  signature('identity-by-the-pck', 'qe-identity-signature', 'CVE-2026-22696', 'The platform’s own PCK signed the identity.', { edits: ({ keys }) => ({ qeIdentity: { signedBy: keys.pck } }) }),
  accepted('tdx/ok/high-s', 'low', 'FIPS 186-5 §6.4', 'Intel does not choose the lower of the two values of s.', { after: numbers(SIGNATURE, (r, s) => [r, s > ORDER / 2n ? s : ORDER - s]) }),
  accepted('tdx/ok/low-s', 'low', 'FIPS 186-5 §6.4', 'Nor the higher.', { after: numbers(SIGNATURE, (r, s) => [r, s > ORDER / 2n ? ORDER - s : s]) }),
  accepted('tdx/ok/signature-in-capitals', 'low', 'Intel PCS v4, TCB info', 'The signature of the TCB info is written in capitals.', {
    files: replaced(TCB_INFO, /"signature":"[0-9a-f]+"/, (text) => `"signature":"${text.slice(13, -1).toUpperCase()}"`),
  }),
  accepted('tdx/ok/space-around-documents', 'low', 'Intel PCS v4, TCB info', 'White space stands behind the TCB info, outside of what is signed.', { files: extended(TCB_INFO, '\n') }),
];
