/**
 * The strict reference verifier of TDX evidence. It shares nothing with what makes evidence but the tables of the structures, so that a
 * mistake on one side is not repeated on the other.
 */
import { ConfigError } from '../../emulator/errors.ts';
import type { SgxExtension } from '../../emulator/pki/sgx-extension.ts';
import { pemBlocks, sameBytes } from '../../emulator/pki/read.ts';
import type { QuoteHeader, TdBody } from '../../emulator/tdx/quote/tables.ts';
import { checkCrlDates, checkNotRevoked } from './crl.ts';
import { COLLATERAL_FILES, type CollateralDocuments, type CollateralKeys, type CollateralLists, PreparedCollateral, type PresentedCollateral } from './tdx/collateral/collateral.ts';
import { checkExpectations, type TdxExpectations } from './tdx/expectations.ts';
import { checkDates } from './tdx/pki/certificate.ts';
import { type PckCa, PATH, type VerifiedPck, verifyPck } from './tdx/pki/chains.ts';
import { checkBinding, checkPolicy } from './tdx/policy.ts';
import { checkEventLog, type PresentedEventLog, readEventLog } from './tdx/quote/event-log.ts';
import { type ReadQuote, readQuote } from './tdx/quote/read.ts';
import { checkSignatures } from './tdx/quote/signatures.ts';
import { checkTdReport, readTdReport } from './tdx/quote/td-report.ts';
import { TDX_PASSES, TDX_REASONS, type TdxAppraisal, type TdxReason } from './tdx/reasons.ts';
import { checkTcb, type TcbFacts } from './tdx/tcb/tcb.ts';
import { Appraisal, judge, type Verdict } from './verdict.ts';

export { COLLATERAL_FILES, PreparedCollateral, type PresentedCollateral } from './tdx/collateral/collateral.ts';
export type { AcceptableStatus, ConfigurationFlag, TdxExpectations } from './tdx/expectations.ts';
export type { PckCa } from './tdx/pki/chains.ts';
export { TdxTrust } from './tdx/pki/trust.ts';
export type { AttributeFlag, XfamFeature } from './tdx/policy.ts';
export type { PresentedEventLog } from './tdx/quote/event-log.ts';
export { TDX_REASONS, type TdxReason } from './tdx/reasons.ts';
export { TCB_STATUSES, type TcbStatus } from './tdx/tcb/levels.ts';
export type { TcbEvaluation } from './tdx/tcb/tcb.ts';

/** Evidence to be verified. */
export interface PresentedTdx {
  /** The quote, and whatever follows it in its buffer. */
  readonly quote: Uint8Array;
  /** As it is presented, or prepared by {@link TdxTrust.prepare} with the trust of the expectations. */
  readonly collateral: PresentedCollateral | PreparedCollateral;
  /** The TDREPORT that the quote was made from, 1024 bytes. Without one, nothing is missing. */
  readonly tdReport?: Uint8Array;
  /** What the TD logged of its boot. Without it, nothing is missing. */
  readonly eventLog?: PresentedEventLog;
}

/** What accepted evidence states. */
export interface TdxFacts extends TcbFacts {
  readonly quoteVersion: number;
  /** Every field of the quote's header. */
  readonly header: QuoteHeader;
  /** Every field of the quote's body. */
  readonly body: TdBody;
  /** Of the quoting enclave. */
  readonly qeIsvSvn: number;
  /** What the PCK certificate says of the platform. */
  readonly platform: SgxExtension;
  readonly pckCa: PckCa;
  /** Milliseconds since 1970: when the first of the certificates, lists and documents expires. */
  readonly validUntil: number;
}

/** What {@link verifyTdx} answers. */
export type TdxVerdict = Verdict<TdxFacts, TdxReason>;

/**
 * Verifies TDX evidence, stage by stage, up to the first thing that is wrong.
 * @throws {ConfigError} for expectations that no evidence could meet, or collateral that was prepared with another trust; whatever the evidence is, that is a verdict
 */
export function verifyTdx(evidence: PresentedTdx, expectations: TdxExpectations): TdxVerdict {
  checkExpectations(expectations);
  const { trust, now } = expectations;
  const { collateral: presented } = evidence;
  const collateral = presented instanceof PreparedCollateral ? presented : trust.prepare(presented);
  if (collateral.trust !== trust) throw new ConfigError('collateral', 'was prepared with another trust than the expectations name');
  return judge(new Appraisal(TDX_REASONS, TDX_PASSES), (appraisal) => {
    appraisal.pass('evidence-incomplete');
    // Copies: nobody can change the bytes between one check and the next.
    const quote = readQuote(appraisal, new Uint8Array(evidence.quote), expectations);
    const pckChain = pckChainOf(appraisal, quote, collateral);
    const reportBytes = evidence.tdReport && new Uint8Array(evidence.tdReport);
    const report = reportBytes && readTdReport(appraisal, reportBytes);
    const log = evidence.eventLog && readEventLog(appraisal, evidence.eventLog);
    collateral.open(appraisal);

    const keys = collateral.keys(appraisal);
    const pck = verifyPck(appraisal, trust, pckChain, keys.pckAuthority, expectations.allowOtherExtensions === true);
    checkSamePlatform(appraisal, quote, pck, keys);
    checkChainDates(appraisal, pck, keys, now);

    const lists = collateral.lists(appraisal);
    checkRevocation(appraisal, pck, keys, lists, now);

    const documents = collateral.documents(appraisal);
    checkSignatures(appraisal, quote, pck.key);
    const tcb = checkTcb(appraisal, quote, pck, documents, expectations);
    checkPolicy(appraisal, quote.body, pck, expectations);
    if (reportBytes && report) checkTdReport(appraisal, reportBytes, report, quote);
    if (log) checkEventLog(appraisal, log, quote, expectations);
    checkBinding(appraisal, quote.body, expectations);
    checkFreshness(appraisal, pck, lists, documents, expectations);

    const { header, body, certification } = quote;
    const parts = { platform: pck.platform, pckCa: pck.authority.ca, validUntil: validUntil(pck, keys, lists, documents) };
    return { quoteVersion: header.version, header, body, qeIsvSvn: certification.qeReport.isvSvn, ...parts, ...tcb };
  });
}

/** The chain of the PCK: the quote's own, or that of the collateral where the quote does not hold it. */
function pckChainOf(appraisal: TdxAppraisal, { pck }: ReadQuote, { pckChain: given }: PreparedCollateral): readonly Uint8Array[] {
  if ('chain' in pck) return pck.chain;
  const text = given ?? appraisal.fail('pck-chain-missing', { message: 'the quote has no PCK certificate chain, and neither has the collateral', path: COLLATERAL_FILES.pckChain });
  appraisal.pass('pck-chain-missing');
  return appraisal.attempt('certificate-malformed', () => pemBlocks(text, 'CERTIFICATE', COLLATERAL_FILES.pckChain));
}

/** Whether a PCK certificate is the one that the quote holds, or for the platform and the TCB that it names. */
function isQuoted(quoted: ReadQuote['pck'], { leaf, platform }: VerifiedPck): boolean {
  if ('chain' in quoted) return true;
  if ('certificate' in quoted) return sameBytes(quoted.certificate, leaf.der);
  const { type, ppid, cpuSvn, pceSvn, pceId } = quoted.named;
  const [low = 0, high = 0] = platform.pceId;
  // Encrypted, the platform's id says nothing to anybody but Intel.
  return sameBytes(cpuSvn, platform.cpuSvn) && pceSvn === platform.pceSvn && pceId === low + 256 * high && (type !== 1 || sameBytes(ppid, platform.ppid));
}

/** Checks that the PCK certificate is for the quote's platform, and that the collateral is about its authority. */
function checkSamePlatform(appraisal: TdxAppraisal, quote: ReadQuote, pck: VerifiedPck, { pckAuthority, root }: CollateralKeys): void {
  const { authority } = pck;
  appraisal.check('root-mixed', sameBytes(authority.root.der, root.certificate.der), () => ({ message: 'the chain of the PCK ends at another trusted root than those of the collateral', path: PATH.pck }));
  if (!('chain' in quote.pck))
    appraisal.check('pck-platform-mismatch', isQuoted(quote.pck, pck), () => ({ message: 'the PCK certificate is for another platform, or another TCB of it, than the quote names', path: PATH.pck }));
  const { certificate } = authority;
  const same = sameBytes(certificate.subject, pckAuthority.certificate.subject) && sameBytes(certificate.spki, pckAuthority.certificate.spki);
  appraisal.check('pck-crl-authority', same, () => ({ message: "the list of revoked PCKs is that of another authority than the quote's", path: COLLATERAL_FILES.pckCrlIssuerChain }));
}

/** Certificates with how messages call them, from the leaf up. */
function certificatesOf({ leaf, authority }: VerifiedPck, { pckAuthority, tcbInfoSigner, qeIdentitySigner, root }: CollateralKeys): readonly (readonly [path: string, certificate: VerifiedPck['leaf']])[] {
  return [
    [PATH.pck, leaf],
    [PATH.pckCa, authority.certificate],
    ...(authority === pckAuthority ? [] : [[PATH.pckCa, pckAuthority.certificate] as const]),
    [PATH.tcbSigning, tcbInfoSigner.certificate],
    ...(tcbInfoSigner === qeIdentitySigner ? [] : [[PATH.tcbSigning, qeIdentitySigner.certificate] as const]),
    [PATH.root, root.certificate],
  ];
}

function checkChainDates(appraisal: TdxAppraisal, pck: VerifiedPck, keys: CollateralKeys, now: number): void {
  for (const [path, certificate] of certificatesOf(pck, keys)) checkDates(appraisal, certificate, path, now);
}

const REVOKED_BY_ROOT: Readonly<Record<string, TdxReason>> = { [PATH.pckCa]: 'intermediate-revoked', [PATH.tcbSigning]: 'tcb-signing-revoked', [PATH.root]: 'root-revoked' };

/** Checks that both lists count, and that they name nobody who signed. */
function checkRevocation(appraisal: TdxAppraisal, pck: VerifiedPck, keys: CollateralKeys, { rootCaCrl, pckCrl }: CollateralLists, now: number): void {
  checkCrlDates(appraisal, rootCaCrl, now, COLLATERAL_FILES.rootCaCrl);
  checkCrlDates(appraisal, pckCrl, now, COLLATERAL_FILES.pckCrl);
  for (const [path, certificate] of certificatesOf(pck, keys)) {
    const reason = REVOKED_BY_ROOT[path];
    if (reason) checkNotRevoked(appraisal, reason, rootCaCrl, certificate, path, COLLATERAL_FILES.rootCaCrl);
    else checkNotRevoked(appraisal, 'leaf-revoked', pckCrl, certificate, path, COLLATERAL_FILES.pckCrl);
  }
}

const iso = (at: number): string => new Date(at).toISOString();

/** Checks that TCB info and identity count at the time of verification, and that nothing is older than the caller allows. */
function checkFreshness(appraisal: TdxAppraisal, { leaf }: VerifiedPck, lists: CollateralLists, { tcbInfo, qeIdentity }: CollateralDocuments, wishes: TdxExpectations): void {
  const { now, maximumCollateralAge, maximumLeafAge, maximumCrlAge } = wishes;
  for (const [kind, path, { issueDate, nextUpdate }] of [
    ['tcb-info', COLLATERAL_FILES.tcbInfo, tcbInfo],
    ['qe-identity', COLLATERAL_FILES.qeIdentity, qeIdentity],
  ] as const) {
    appraisal.check(`${kind}-future`, issueDate <= now, () => ({ message: `was issued at ${iso(issueDate)}, after the time of verification, ${iso(now)}`, path }));
    appraisal.check(`${kind}-stale`, now <= nextUpdate, () => ({ message: `counted until ${iso(nextUpdate)}, and the time of verification is ${iso(now)}`, path }));
    checkAge(appraisal, `${kind}-too-old`, path, now - issueDate, maximumCollateralAge);
  }
  checkAge(appraisal, 'leaf-too-old', PATH.pck, now - leaf.notBefore, maximumLeafAge);
  for (const name of ['rootCaCrl', 'pckCrl'] as const) checkAge(appraisal, 'crl-too-old', COLLATERAL_FILES[name], now - lists[name].thisUpdate, maximumCrlAge);
}

function checkAge(appraisal: TdxAppraisal, reason: TdxReason, path: string, age: number, most: number | undefined): void {
  if (most !== undefined) appraisal.check(reason, age <= most, () => ({ message: `was issued ${Math.floor(age / 1000)} s ago, may be ${Math.floor(most / 1000)} s`, path }));
}

function validUntil(pck: VerifiedPck, keys: CollateralKeys, { rootCaCrl, pckCrl }: CollateralLists, { tcbInfo, qeIdentity }: CollateralDocuments): number {
  const certificates = certificatesOf(pck, keys).map(([, { notAfter }]) => notAfter);
  const lists = [rootCaCrl, pckCrl].map(({ nextUpdate }) => nextUpdate ?? 0);
  return Math.min(...certificates, ...lists, tcbInfo.nextUpdate, qeIdentity.nextUpdate);
}
