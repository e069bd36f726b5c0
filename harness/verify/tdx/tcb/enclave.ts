/** The quoting enclave against its identity. */
import { ENCLAVE_REPORT, type EnclaveReport } from '../../../../emulator/tdx/quote/tables.ts';
import type { IsvLevel, QeIdentity } from '../collateral/documents.ts';
import type { TdxAppraisal } from '../reasons.ts';
import { isvLevel } from './levels.ts';

const MISC_SELECT = ENCLAVE_REPORT.locate('miscSelect');
const FLAGS = ENCLAVE_REPORT.locate('attributes');
const XFRM = ENCLAVE_REPORT.locate('xfrm');
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Whether a field is what is wanted, under a mask: what is wanted outside of the mask can't be met. */
const isUnder = (mask: Uint8Array, wanted: Uint8Array, field: Uint8Array): boolean => field.every((byte, i) => (byte & (mask[i] ?? 0)) === wanted[i]);

/** Checks the enclave. @param bytes its report as it lies, 384 bytes @returns its level */
export function checkEnclave(appraisal: TdxAppraisal, report: EnclaveReport, bytes: Uint8Array, identity: QeIdentity): IsvLevel {
  const path = (field: string): string => `certification.qeReport.${field}`;
  appraisal.check('qe-debug', report.attributes.debug === 0, () => ({ message: 'the quoting enclave may be debugged', path: path('attributes.debug') }));
  // MISCSELECT is written highest byte first in the identity, lowest first in the report.
  const miscSelect = bytes.slice(MISC_SELECT.at, MISC_SELECT.at + MISC_SELECT.size).reverse();
  appraisal.check('qe-misc-select', isUnder(identity.miscselectMask, identity.miscselect, miscSelect), () => ({
    message: `is ${hex(miscSelect)}, must be ${hex(identity.miscselect)} under ${hex(identity.miscselectMask)}`,
    path: path('miscSelect'),
  }));
  const attributes = bytes.subarray(FLAGS.at, XFRM.at + XFRM.size);
  appraisal.check('qe-attributes', isUnder(identity.attributesMask, identity.attributes, attributes), () => ({
    message: `are ${hex(attributes)}, must be ${hex(identity.attributes)} under ${hex(identity.attributesMask)}`,
    path: path('attributes'),
  }));
  appraisal.check('qe-signer', Buffer.compare(report.mrSigner, identity.mrsigner) === 0, () => ({ message: `is ${hex(report.mrSigner)}, must be ${hex(identity.mrsigner)}`, path: path('mrSigner') }));
  appraisal.check('qe-product', report.isvProdId === identity.isvprodid, () => ({ message: `is ${report.isvProdId}, must be ${identity.isvprodid}`, path: path('isvProdId') }));
  const level = isvLevel(identity.tcbLevels, report.isvSvn);
  if (!level) return appraisal.fail('qe-tcb-unsupported', { message: `is ${report.isvSvn}, below every level of the identity`, path: path('isvSvn') });
  appraisal.pass('qe-tcb-unsupported');
  return level;
}
