/** Bad evidence by name: each row is made as good evidence is, with one thing wrong. */
import { intelAuthorityOf } from '../../../emulator/tdx/authority.ts';
import type { TdxEdits } from '../../../emulator/tdx/evidence/edits.ts';
import { tdxPlatform } from '../../../emulator/tdx/platform/platform.ts';
import { mapQuote } from '../../../emulator/tdx/quote/quote.ts';
import { pcsDate } from '../../../emulator/tdx/tcb/evaluations.ts';
import { OID } from '../../../emulator/pki/der.ts';
import { basicConstraintsLeaf } from '../../../emulator/pki/extensions.ts';
import type { CertificateSpec } from '../../../emulator/pki/issue.ts';
import type { CrlSpec } from '../../../emulator/pki/revoke.ts';
import { AT, fileOf, type Subject, subjectOf, withFiles, world } from './subject.ts';

const DAY = 86_400_000;
const QUOTE = 'quote.bin';
const TCB_INFO = 'collateral/tcb_info.json';
const QE_IDENTITY = 'collateral/qe_identity.json';
const stranger = world('somebody else').ecKey('stranger', 'P-256');

/** Good evidence with one bit of its quote changed after it was signed. */
function quoteFlip(part: string, offset: number): Subject {
  const good = subjectOf();
  const quote = fileOf(good, QUOTE);
  const at = (mapQuote(quote).parts.find(({ name }) => name === part)?.at ?? 0) + offset;
  return withFiles(good, { [QUOTE]: quote.with(at, (quote[at] ?? 0) ^ 1) });
}

/** Good evidence with a text in a document replaced after it was signed. @throws {Error} when there is no such text */
function rewritten(name: string, from: RegExp, to: string | ((found: string) => string)): Subject {
  const good = subjectOf();
  const text = Buffer.from(fileOf(good, name)).toString('utf8');
  if (!from.test(text)) throw new Error(`${name} has nothing like ${from.source}`);
  return withFiles(good, { [name]: new TextEncoder().encode(text.replace(from, typeof to === 'string' ? () => to : to)) });
}

const edited = (edits: TdxEdits): Subject => subjectOf({}, edits);
const set = (...settings: readonly string[]): Subject => subjectOf({ set: [...settings] });
const expired = (spec: CertificateSpec): CertificateSpec => ({ ...spec, notAfter: AT - DAY });
const future = (spec: CertificateSpec): CertificateSpec => ({ ...spec, notBefore: AT + DAY });
const noAuthority = (spec: CertificateSpec): CertificateSpec => ({ ...spec, extensions: spec.extensions.map((e) => (e.oid === OID.basicConstraints ? basicConstraintsLeaf() : e)) });
const named =
  (commonName: string) =>
  (spec: CertificateSpec): CertificateSpec => ({ ...spec, subject: spec.subject.map(([oid, text]) => [oid, oid === OID.commonName ? commonName : text] as const) });
const stale = (spec: CrlSpec): CrlSpec => ({ ...spec, thisUpdate: AT - 60 * DAY, nextUpdate: AT - 30 * DAY });
const listing =
  (serial: Uint8Array) =>
  (spec: CrlSpec): CrlSpec => ({ ...spec, revoked: [...spec.revoked, { serial, at: AT - DAY }] });
const old = <T extends { issueDate: string; nextUpdate: string }>(document: T): T => ({ ...document, issueDate: pcsDate(AT - 60 * DAY), nextUpdate: pcsDate(AT - 30 * DAY) });

const serials = (): Readonly<Record<'pck' | 'intermediate' | 'tcbSigning', Uint8Array>> => {
  const authority = intelAuthorityOf(world());
  return { pck: authority.pck(tdxPlatform()).spec.serial, intermediate: authority.certificate('PLATFORM').spec.serial, tcbSigning: authority.certificate('TCB_SIGNING').spec.serial };
};

/** Everything that is wrong, by name. */
export const VARIANTS: Readonly<Record<string, () => Subject>> = {
  'quote/version-3': () => withFiles(subjectOf(), { [QUOTE]: fileOf(subjectOf(), QUOTE).with(0, 3) }),
  'quote/about-an-sgx-enclave': () => withFiles(subjectOf(), { [QUOTE]: fileOf(subjectOf(), QUOTE).with(4, 0) }),
  'quote/other-kind-of-key': () => withFiles(subjectOf(), { [QUOTE]: fileOf(subjectOf(), QUOTE).with(2, 3) }),
  'quote/truncated': () => withFiles(subjectOf(), { [QUOTE]: fileOf(subjectOf(), QUOTE).slice(0, 1500) }),
  'quote/empty': () => withFiles(subjectOf(), { [QUOTE]: new Uint8Array(0) }),
  'quote/measurement-changed': () => quoteFlip('body', 136),
  'quote/report-data-changed': () => quoteFlip('body', 520),
  'quote/header-changed': () => quoteFlip('header', 30),
  'quote/signature-changed': () => quoteFlip('signature', 10),
  'quote/signature-zero': () => set('signature.signature=00*'),
  'quote/other-signer': () => edited({ quoteSigner: stranger }),
  'quote/attestation-key-replaced': () => subjectOf({ set: [`signature.attestationKey=${Buffer.from(stranger.publicPoint.subarray(1)).toString('hex')}`] }, { quoteSigner: stranger }),
  'quote/other-vendor': () => set('header.qeVendorId=01*'),
  'qe/report-changed': () => quoteFlip('qe', 64),
  'qe/report-signed-by-another-key': () => edited({ qeReportSigner: stranger }),
  'qe/authentication-data-changed': () => quoteFlip('qe', 450),
  'qe/other-signer-of-the-enclave': () => set('qeReport.mrSigner=01*'),
  'qe/other-product': () => set('qeReport.isvProdId=1'),
  'qe/debuggable': () => set('qeReport.attributes.debug=1'),
  'qe/svn-below-every-level': () => set('qeReport.isvSvn=1'),
  'chain/foreign-root': () => withFiles(subjectOf(), { 'root_ca.pem': fileOf(subjectOf({}, {}, { seed: 'somebody else' }), 'root_ca.pem') }),
  'chain/intermediate-signed-by-another-key': () => edited({ intermediate: { signedBy: stranger } }),
  'chain/pck-signed-by-another-key': () => edited({ pck: { signedBy: stranger } }),
  'chain/pck-expired': () => edited({ pck: { edit: expired } }),
  'chain/pck-not-yet-valid': () => edited({ pck: { edit: future } }),
  'chain/intermediate-expired': () => edited({ intermediate: { edit: expired } }),
  'chain/root-expired': () => edited({ root: { edit: expired } }),
  'chain/intermediate-no-authority': () => edited({ intermediate: { edit: noAuthority } }),
  'chain/pck-of-another-name': () => edited({ pck: { edit: named('Intel SGX PCK') } }),
  'chain/pck-without-sgx-extension': () => edited({ pck: { edit: (spec) => ({ ...spec, extensions: spec.extensions.slice(0, -1) }) } }),
  'revocation/pck-revoked': () => edited({ pckCrl: { edit: listing(serials().pck) } }),
  'revocation/intermediate-revoked': () => edited({ rootCaCrl: { edit: listing(serials().intermediate) } }),
  'revocation/tcb-signing-revoked': () => edited({ rootCaCrl: { edit: listing(serials().tcbSigning) } }),
  'revocation/pck-list-stale': () => edited({ pckCrl: { edit: stale } }),
  'revocation/root-list-stale': () => edited({ rootCaCrl: { edit: stale } }),
  'revocation/pck-list-signed-by-another-key': () => edited({ pckCrl: { signedBy: stranger } }),
  'revocation/root-list-signed-by-another-key': () => edited({ rootCaCrl: { signedBy: stranger } }),
  'tcb-info/changed': () => rewritten(TCB_INFO, /"pcesvn":\d+/, '"pcesvn":1'),
  'tcb-info/signature-changed': () => rewritten(TCB_INFO, /[0-9a-f]"\}$/, (end) => (end.startsWith('0') ? '1"}' : '0"}')),
  'tcb-info/signed-by-another-key': () => edited({ tcbInfo: { signedBy: stranger } }),
  'tcb-info/stale': () => edited({ tcbInfo: { edit: old } }),
  'tcb-info/of-another-platform': () => edited({ tcbInfo: { edit: (info) => ({ ...info, fmspc: '00806f050000' }) } }),
  'tcb-info/of-another-pce': () => edited({ tcbInfo: { edit: (info) => ({ ...info, pceId: '0001' }) } }),
  'tcb-info/for-sgx': () => edited({ tcbInfo: { edit: (info) => ({ ...info, id: 'SGX' }) } }),
  'tcb-info/of-version-2': () => edited({ tcbInfo: { edit: (info) => ({ ...info, version: 2 }) } }),
  'tcb-info/without-levels': () => edited({ tcbInfo: { edit: (info) => ({ ...info, tcbLevels: [] }) } }),
  'tcb-info/signing-certificate-expired': () => edited({ tcbSigning: { edit: expired } }),
  'tcb-info/signing-certificate-signed-by-another-key': () => edited({ tcbSigning: { signedBy: stranger } }),
  'tcb-info/signing-certificate-of-another-name': () => edited({ tcbSigning: { edit: named('Intel SGX Signing') } }),
  'qe-identity/changed': () => rewritten(QE_IDENTITY, /"isvprodid":2/, '"isvprodid":3'),
  'qe-identity/signed-by-another-key': () => edited({ qeIdentity: { signedBy: stranger } }),
  'qe-identity/stale': () => edited({ qeIdentity: { edit: old } }),
  'qe-identity/of-the-sgx-enclave': () => edited({ qeIdentity: { edit: (identity) => ({ ...identity, id: 'QE' }) } }),
  'qe-identity/of-another-signer': () => edited({ qeIdentity: { edit: (identity) => ({ ...identity, mrsigner: '00'.repeat(32) }) } }),
  'module/unknown': () => set('teeTcbSvn=0d090400000000000000000000000000'),
  'module/of-another-signer': () => set('mrSignerSeam=01*'),
  'module/attributes': () => set('seamAttributes=1'),
  'module/svn-below-every-level': () => set('teeTcbSvn=01010400000000000000000000000000'),
  'tcb/out-of-date': () => subjectOf({ tcbStatus: 'OutOfDate' }),
  'tcb/out-of-date-configuration-needed': () => subjectOf({ tcbStatus: 'OutOfDateConfigurationNeeded' }),
  'tcb/revoked': () => subjectOf({ tcbStatus: 'Revoked' }),
  'policy/debuggable': () => set('tdAttributes.debug=1'),
  'policy/reserved-attribute': () => set('tdAttributes.hgsPlusProf=1'),
  'policy/xfam-without-sse': () => set('xfam.sse=0'),
};
