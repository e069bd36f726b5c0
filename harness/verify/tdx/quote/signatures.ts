/** The signatures of a quote: the PCK signs the quoting enclave's report, which binds the attestation key, which signs header and body. */
import { createHash, type KeyObject } from 'node:crypto';
import { p256Point, verifyRaw } from '../pki/p256.ts';
import type { TdxAppraisal } from '../reasons.ts';
import type { ReadQuote } from './read.ts';

/** Checks all of them. @param pck the certified key */
export function checkSignatures(appraisal: TdxAppraisal, quote: ReadQuote, pck: KeyObject): void {
  const { certification, attestationKey, signature, signedBytes, qeReportBytes } = quote;
  const { qeReport, qeReportSignature, qeAuthData } = certification;
  appraisal.check('qe-report-signature', verifyRaw(pck, qeReportBytes, qeReportSignature), () => ({
    message: "the signature of the quoting enclave's report does not verify with the certified key",
    path: 'certification.qeReportSignature',
  }));
  const bound = createHash('sha256').update(attestationKey).update(qeAuthData).digest();
  const { reportData } = qeReport;
  const holds = bound.equals(reportData.subarray(0, bound.length)) && reportData.subarray(bound.length).every((byte) => byte === 0);
  appraisal.check('qe-report-data', holds, () => ({ message: `is ${Buffer.from(reportData).toString('hex')}, must be ${bound.toString('hex')} and zeros`, path: 'certification.qeReport.reportData' }));
  const key = p256Point(attestationKey) ?? appraisal.fail('attestation-key', { message: 'is no point on P-256', path: 'attestationKey' });
  appraisal.pass('attestation-key');
  appraisal.check('quote-signature', verifyRaw(key, signedBytes, signature), () => ({ message: 'the signature does not verify with the attestation key', path: 'signature' }));
}
