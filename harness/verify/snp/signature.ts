/** The signature of a report. */
import { type KeyObject, verify } from 'node:crypto';
import { ECDSA_P384_SHA384, REPORT_V2, type SnpReport } from '../../../emulator/snp/report.ts';
import type { SnpAppraisal } from './reasons.ts';

const R = REPORT_V2.locate('signature.r');
const S = REPORT_V2.locate('signature.s');
/** Bytes of a number of P-384. */
const NUMBER = 48;
/** The order of P-384 (SP 800-186 §3.2.1.4), big-endian. */
const ORDER = Buffer.from('ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973', 'hex');

/** Checks the signature's form, and that it is over everything before it. @param src the report, 1184 bytes */
export function checkSignature(appraisal: SnpAppraisal, src: Uint8Array, report: SnpReport, key: KeyObject): void {
  appraisal.check('signature-algorithm', report.signatureAlgo === ECDSA_P384_SHA384, () => ({ message: `is ${report.signatureAlgo}`, path: 'signatureAlgo' }));
  const raw = new Uint8Array(2 * NUMBER);
  for (const [i, path, { at, size }] of [
    [0, 'signature.r', R],
    [1, 'signature.s', S],
  ] as const) {
    const field = src.subarray(at, at + size);
    appraisal.check('signature-padding', field.subarray(NUMBER).every(isZero), () => ({ message: `its last ${size - NUMBER} bytes are not all zero`, path, at: at + NUMBER }));
    const number = raw.subarray(i * NUMBER, (i + 1) * NUMBER);
    number.set(field.subarray(0, NUMBER));
    number.reverse();
    appraisal.check('signature-range', !number.every(isZero) && Buffer.compare(number, ORDER) < 0, () => ({ message: "is 0, or not below the curve's order", path, at }));
  }
  appraisal.check('report-signature', verify('sha384', src.subarray(0, R.at), { key, dsaEncoding: 'ieee-p1363' }, raw), () => ({
    message: 'the signature does not verify with the certified key',
    path: 'signature',
    at: R.at,
  }));
}

const isZero = (byte: number): boolean => byte === 0;
