/**
 * The strict reference verifier of SEV-SNP evidence. It shares nothing with what makes evidence but the tables of the structures, so that a
 * mistake on one side is not repeated on the other.
 */
import type { TeemuError } from '../../emulator/errors.ts';
import { LINES, type Line, lineOfCpu } from '../../emulator/snp/platform/products.ts';
import { decodeReport, type SnpReport, VMPL_HOST } from '../../emulator/snp/report.ts';
import type { Tcb } from '../../emulator/snp/platform/tcb.ts';
import { checkRevocation } from './crl.ts';
import { checkBinding } from './snp/binding.ts';
import { checkDates, type PresentedChain, type Signer, type VerifiedChain } from './snp/chain.ts';
import { checkExpectations, type SnpExpectations } from './snp/expectations.ts';
import { checkPolicy, checkSigningKey } from './snp/policy.ts';
import { SNP_PASSES, SNP_REASONS, type SnpAppraisal, type SnpReason } from './snp/reasons.ts';
import { checkSignature } from './snp/signature.ts';
import { checkTcb } from './snp/tcb.ts';
import { Appraisal, judge, type Verdict } from './verdict.ts';

export type { PresentedChain, Signer } from './snp/chain.ts';
export type { OneOf, SnpExpectations, Version } from './snp/expectations.ts';
export { maximumPolicy, type PlatformFlag, type PolicyFlag, type Wish } from './snp/policy.ts';
export { SNP_REASONS, type SnpReason } from './snp/reasons.ts';
export { SnpTrust } from './snp/trust.ts';

/** Evidence to be verified. */
export interface PresentedSnp extends PresentedChain {
  /** ATTESTATION_REPORT, 1184 bytes. */
  readonly report: Uint8Array;
  /** The ARK's revocation list, DER. */
  readonly crl?: Uint8Array;
  /** The TCB that the host's certificate cache says its VCEK is for (`tcbm` of Azure's THIM). */
  readonly endorsedTcb?: Tcb;
}

/** What accepted evidence states. */
export interface SnpFacts {
  readonly line: Line;
  readonly signer: Signer;
  /** Every field of the report. */
  readonly report: SnpReport;
  /** The chip whose VCEK signed: 64 bytes, on Turin 8. */
  readonly hwid?: Uint8Array;
  /** The provider whose VLEK signed. */
  readonly cspId?: string;
  /** Whether a revocation list was there. */
  readonly revocationChecked: boolean;
  /** Milliseconds since 1970: when the first of the certificates and the list expires. */
  readonly validUntil: number;
}

/** What {@link verifySnp} answers. */
export type SnpVerdict = Verdict<SnpFacts, SnpReason>;

/**
 * Verifies SEV-SNP evidence, stage by stage, up to the first thing that is wrong.
 * @throws {ConfigError} for expectations that no evidence could meet; whatever the evidence is, that is a verdict
 */
export function verifySnp(evidence: PresentedSnp, expectations: SnpExpectations): SnpVerdict {
  checkExpectations(expectations);
  const { trust, now } = expectations;
  return judge(new Appraisal(SNP_REASONS, SNP_PASSES), (appraisal) => {
    // A copy: nobody can change the bytes between one check and the next.
    const src = new Uint8Array(evidence.report);
    const report = readReport(appraisal, src, expectations);
    const chain = trust.chain(appraisal, evidence);
    checkLine(appraisal, report, chain, expectations);
    checkDates(appraisal, chain, now);

    if (expectations.requireCrl) appraisal.check('crl-missing', evidence.crl !== undefined, () => ({ message: 'there is no revocation list', path: 'crl' }));
    const crl = evidence.crl && trust.crl(appraisal, evidence.crl, chain);
    if (crl) checkRevocation(appraisal, crl, chain, now);

    checkSigningKey(appraisal, report, chain.signer);
    checkSignature(appraisal, src, report, chain.key);
    checkTcb(appraisal, report, chain, evidence.endorsedTcb, expectations);
    checkPolicy(appraisal, report, chain, expectations);
    checkBinding(appraisal, report, chain, expectations);
    checkAge(appraisal, 'leaf-too-old', chain.signer, now - chain.leaf.notBefore, expectations.maximumLeafAge);
    if (crl) checkAge(appraisal, 'crl-too-old', 'crl', now - crl.thisUpdate, expectations.maximumCrlAge);

    const { line, signer, identity, root, intermediate, leaf } = chain;
    const { hwid, cspId } = identity;
    const validUntil = Math.min(root.notAfter, intermediate.notAfter, leaf.notAfter, crl?.nextUpdate ?? Number.POSITIVE_INFINITY);
    return { line, signer, report, ...(hwid ? { hwid } : {}), ...(cspId === undefined ? {} : { cspId }), revocationChecked: crl !== undefined, validUntil };
  });
}

const REASON_OF_CODE: Readonly<Partial<Record<TeemuError['code'], SnpReason>>> = {
  ERR_CODEC_TRUNCATED: 'report-size',
  ERR_CODEC_LENGTH: 'report-size',
  ERR_CODEC_RESERVED: 'report-reserved',
};

function readReport(appraisal: SnpAppraisal, src: Uint8Array, { allowReserved }: SnpExpectations): SnpReport {
  const report = appraisal.attempt(
    ({ code }) => REASON_OF_CODE[code] ?? 'report-version',
    () => decodeReport(src, allowReserved ? 'keep' : 'reject'),
  );
  for (const reason of ['report-size', 'report-version'] as const) appraisal.pass(reason);
  // These may never be other than zero, whatever the caller allows: they would change what the fields mean.
  const { policy, keyInfo } = report;
  appraisal.check('report-reserved', policy.reserved26 === 0 && keyInfo.reserved5 === 0, () => ({ message: 'reserved bits are set', path: policy.reserved26 === 0 ? 'keyInfo.reserved5' : 'policy.reserved26' }));
  appraisal.check('vmpl-range', report.vmpl <= 3 || report.vmpl === VMPL_HOST, () => ({ message: `is ${report.vmpl}`, path: 'vmpl' }));
  if (report.version > 2) appraisal.check('cpu-unknown', lineOf(report) !== undefined, () => ({ message: `family 0x${report.cpuidFamId?.toString(16)}, model 0x${report.cpuidModId?.toString(16)}`, path: 'cpuidModId' }));
  return report;
}

function lineOf({ cpuidFamId = 0, cpuidModId = 0 }: SnpReport): Line | undefined {
  return lineOfCpu({ family: cpuidFamId, model: cpuidModId });
}

/** Checks that report and chain are of one line. Reports of version 2 name no CPU: there, the chain says it. */
function checkLine(appraisal: SnpAppraisal, report: SnpReport, { line, signer, identity }: VerifiedChain, { allowOtherExtensions }: SnpExpectations): void {
  const { productName, stranger } = identity;
  appraisal.check('leaf-extension', stranger === undefined || allowOtherExtensions === true, () => ({ message: `has the extension ${stranger}`, path: signer }));
  const stated = report.version > 2 ? lineOf(report) : line === 'Turin' ? undefined : line;
  appraisal.check('product-line', stated === line, () => ({
    message: stated ? `the report is of a ${stated} part, the chain is ${line}'s` : `a report of version ${report.version} cannot be of a ${line} part`,
    path: signer,
  }));
  if (report.version > 2) return;
  const known = LINES.find((l) => productName === l || productName?.startsWith(`${l}-`));
  appraisal.check('product-name', known === line, () => ({ message: `the certificate is for the product '${productName?.slice(0, 40)}', its authorities are ${line}'s`, path: signer }));
}

function checkAge(appraisal: SnpAppraisal, reason: SnpReason, path: string, age: number, most: number | undefined): void {
  if (most !== undefined) appraisal.check(reason, age <= most, () => ({ message: `was issued ${Math.floor(age / 1000)} s ago, may be ${Math.floor(most / 1000)} s`, path }));
}
