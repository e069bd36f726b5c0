/**
 * NRAS's errors, as a table: those about one device stand in its token, those about a request are the answer.
 *
 * Source: a genuine token (nonce-mismatch, to the letter); NVIDIA's attestation SDK for the codes of `nonce`, chains and signatures. Rows with
 * `assumed` are not on record: the code is made up, near those that are alike.
 */
import type { ErrorDetails } from '../../../h100/eat/claims.ts';
import type { AppraisalFailure } from './appraise.ts';

/** One error. */
export interface NrasErrorRow extends ErrorDetails {
  readonly assumed?: true;
}

const BAD_REQUEST = '400 BAD_REQUEST';

/** Errors about a device's evidence. */
export const DEVICE_ERRORS: Readonly<Record<AppraisalFailure, NrasErrorRow>> = {
  'nonce-mismatch': { code: 4010, fieldName: 'nonce', httpStatus: BAD_REQUEST, description: 'Nonce from request is not matching with evidence nonce ', message: 'NONCE_NOT_MATCHING' },
  'certificate-chain': { code: 4007, fieldName: 'certificate', httpStatus: BAD_REQUEST, description: 'Invalid Certificate', message: 'INVALID_CERTIFICATE_CHAIN' },
  'attestation-chain': { code: 4014, fieldName: 'certificate', httpStatus: BAD_REQUEST, description: 'Attestation certificate chain verification failed', message: 'INVALID_ATTESTATION_CERTIFICATE_CHAIN' },
  evidence: { code: 4008, fieldName: 'evidence', httpStatus: BAD_REQUEST, description: 'Invalid evidence', message: 'INVALID_EVIDENCE', assumed: true },
  'evidence-signature': { code: 4013, fieldName: 'evidence', httpStatus: BAD_REQUEST, description: 'Evidence signature verification failed', message: 'INVALID_EVIDENCE_SIGNATURE' },
  rim: { code: 5011, fieldName: 'rim', httpStatus: '500 INTERNAL_SERVER_ERROR', description: 'RIM could not be fetched or read', message: 'RIM_NOT_FOUND', assumed: true },
  'rim-chain': { code: 4015, fieldName: 'rim', httpStatus: BAD_REQUEST, description: 'RIM certificate chain verification failed', message: 'INVALID_RIM_CERTIFICATE_CHAIN' },
  'rim-signature': { code: 5013, fieldName: 'rim', httpStatus: '500 INTERNAL_SERVER_ERROR', description: 'RIM signature verification failed', message: 'INVALID_RIM_SIGNATURE' },
};

/** Errors about a request. */
export const REQUEST_ERRORS = {
  nonce: { code: 4003, fieldName: 'nonce', httpStatus: BAD_REQUEST, description: 'Nonce must be 32 bytes in hexadecimal', message: 'INVALID_NONCE' },
  body: { code: 4000, fieldName: 'body', httpStatus: BAD_REQUEST, description: 'Request body is not readable', message: 'INVALID_REQUEST', assumed: true },
  arch: { code: 4004, fieldName: 'arch', httpStatus: BAD_REQUEST, description: 'Architecture is not supported', message: 'INVALID_ARCH', assumed: true },
  claimsVersion: { code: 4005, fieldName: 'claims_version', httpStatus: BAD_REQUEST, description: 'Claims version is not supported', message: 'INVALID_CLAIMS_VERSION', assumed: true },
  evidenceList: { code: 4006, fieldName: 'evidence_list', httpStatus: BAD_REQUEST, description: 'Evidence list is missing, empty, too long or not readable', message: 'INVALID_EVIDENCE_LIST', assumed: true },
} as const satisfies Readonly<Record<string, NrasErrorRow>>;
export type RequestError = keyof typeof REQUEST_ERRORS;
