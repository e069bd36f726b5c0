/** What ties a report to a chip, to a guest, and to the one who asked. */
import type { SnpReport } from '../../../emulator/snp/report.ts';
import type { VerifiedChain } from './chain.ts';
import { anyOf, type SnpExpectations } from './expectations.ts';
import { bytesOneOf } from './policy.ts';
import type { SnpAppraisal } from './reasons.ts';

/** Bytes of CHIP_ID that identify a Turin part. */
const TURIN_ID = 8;
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const isZero = (bytes: Uint8Array): boolean => bytes.every((b) => b === 0);

/** Checks whom and what the report speaks of. */
export function checkBinding(appraisal: SnpAppraisal, report: SnpReport, { line, signer, identity }: VerifiedChain, wishes: SnpExpectations): void {
  const { chipId } = report;
  if (line === 'Turin') appraisal.check('chip-id-tail', isZero(chipId.subarray(TURIN_ID)), () => ({ message: `is ${hex(chipId)}`, path: 'chipId' }));
  const masked = isZero(chipId);
  const { hwid } = identity;
  if (hwid && !(masked && wishes.allowMaskedChipId)) {
    appraisal.check('chip-id-masked', !masked, () => ({ message: `is all zero, and the ${signer} names a chip`, path: 'chipId' }));
    appraisal.check('chip-id-mismatch', Buffer.compare(chipId.subarray(0, hwid.length), hwid) === 0, () => ({ message: `is ${hex(chipId)}, the ${signer} is that of ${hex(hwid)}`, path: 'chipId' }));
  }
  const { chipId: wanted } = wishes;
  if (wanted !== undefined) {
    const known = anyOf(wanted).some((id) => Buffer.compare(chipId.subarray(0, id.length), id) === 0 && isZero(chipId.subarray(id.length)));
    appraisal.check('chip-id-unexpected', known, () => ({ message: `is ${hex(chipId)}, must be ${anyOf(wanted).map(hex).join(' or ')}`, path: 'chipId' }));
  }
  bytesOneOf(appraisal, 'report-data-mismatch', 'reportData', report.reportData, wishes.reportData);
  bytesOneOf(appraisal, 'measurement-mismatch', 'measurement', report.measurement, wishes.measurement);
  bytesOneOf(appraisal, 'host-data-mismatch', 'hostData', report.hostData, wishes.hostData);
}
