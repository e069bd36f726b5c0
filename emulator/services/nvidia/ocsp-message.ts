/** OCSP requests and responses as HTTP carries them (RFC 6960 appendix A). */
import { TeemuError } from '../../errors.ts';
import { ocspErrorResponse } from '../../pki/ocsp/issue.ts';
import { readOcspRequest, type ReadOcspRequest } from '../../pki/ocsp/request.ts';
import type { OcspStatus } from '../../pki/ocsp/response.ts';
import type { Reply } from '../http/message.ts';

const HEADERS = { 'Content-Type': 'application/ocsp-response' } as const;

/** An answer as the responder sends it. */
export function ocspReply(body: Uint8Array): Reply {
  return { status: 200, headers: HEADERS, body };
}

/** An answer that says why there is none. */
export function ocspErrorReply(status: Exclude<OcspStatus, 'successful'>): Reply {
  return ocspReply(ocspErrorResponse(status));
}

/** What was asked, or undefined for bytes that are no request. */
export function requestOf(src: Uint8Array): ReadOcspRequest | undefined {
  try {
    return readOcspRequest(src);
  } catch (cause) {
    if (cause instanceof TeemuError) return undefined;
    throw cause;
  }
}
