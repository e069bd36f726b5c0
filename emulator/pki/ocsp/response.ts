/** Reading OCSP responses (RFC 6960 §4.2): strict and bounded. Who may sign what, and which times count, is for the verifier to say. */
import { CodecError } from '../../errors.ts';
import { type ReadExtension, readExtensions, readOid, readTime } from '../read.ts';
import { boundedCopy, TAG, TlvReader } from '../tlv.ts';
import { type CertId, readCertId } from './cert-id.ts';
import { MAX_OCSP_CERTIFICATES, readNonce } from './request.ts';

/** Longest response that is read, in bytes: NVIDIA's are below 2 KiB. */
export const MAX_OCSP_RESPONSE = 64 * 1024;
/** Most certificates that a response brings along. */
const MAX_CERTIFICATES = 8;
/** id-pkix-ocsp-basic. */
export const BASIC_RESPONSE_OID = '1.3.6.1.5.5.7.48.1.1';

/** OCSPResponseStatus by its value; 4 is not used. */
export const OCSP_STATUSES = { successful: 0, malformedRequest: 1, internalError: 2, tryLater: 3, sigRequired: 5, unauthorized: 6 } as const;
export type OcspStatus = keyof typeof OCSP_STATUSES;

/** CRLReason by its value (RFC 5280 §5.3.1); 7 is not used. */
export const REVOCATION_REASONS = {
  unspecified: 0,
  keyCompromise: 1,
  cACompromise: 2,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  certificateHold: 6,
  removeFromCRL: 8,
  privilegeWithdrawn: 9,
  aACompromise: 10,
} as const;
export type ReasonName = keyof typeof REVOCATION_REASONS;

/** What is said of one certificate. `at`: milliseconds since 1970. */
export type CertificateStatus = { readonly kind: 'good' } | { readonly kind: 'unknown' } | { readonly kind: 'revoked'; readonly at: number; readonly reason?: ReasonName };

/** SingleResponse. Times are milliseconds since 1970. */
export interface ReadSingleResponse {
  readonly certId: CertId;
  readonly status: CertificateStatus;
  readonly thisUpdate: number;
  readonly nextUpdate?: number;
  readonly extensions: readonly ReadExtension[];
}

/** BasicOCSPResponse taken apart. */
export interface ReadBasicResponse {
  /** ResponseData, DER: what the signature is over. */
  readonly tbs: Uint8Array;
  /** Who signed: DER Name, or SHA-1 of the key's bits (20 bytes). */
  readonly responder: { readonly name: Uint8Array } | { readonly keyHash: Uint8Array };
  /** Milliseconds since 1970. */
  readonly producedAt: number;
  /** At least one. */
  readonly responses: readonly ReadSingleResponse[];
  /** 1 to 128 bytes. */
  readonly nonce?: Uint8Array;
  readonly extensions: readonly ReadExtension[];
  /** DER AlgorithmIdentifier. */
  readonly signatureAlgorithm: Uint8Array;
  readonly signature: Uint8Array;
  /** DER of each, in order. */
  readonly certificates: readonly Uint8Array[];
}

/** A response taken apart. All members are parts of one private copy of the input. */
export interface ReadOcspResponse {
  readonly der: Uint8Array;
  readonly status: OcspStatus;
  /** There when the status is `successful`. */
  readonly basic?: ReadBasicResponse;
}

const STATUS_NAMES = new Map(Object.entries(OCSP_STATUSES).map(([name, value]) => [value as number, name as OcspStatus]));
const REASON_NAMES = new Map(Object.entries(REVOCATION_REASONS).map(([name, value]) => [value as number, name as ReasonName]));
const KEY_HASH_LENGTH = 20;

/**
 * Takes a response apart.
 * @param src DER, at most 64 KiB; copied
 * @throws {CodecError} ERR_PKI_PARSE with the part and its offset
 */
export function readOcspResponse(src: Uint8Array, path = 'ocspResponse'): ReadOcspResponse {
  const der = boundedCopy(src, path, MAX_OCSP_RESPONSE);
  const whole = new TlvReader(der, path);
  const outer = whole.enter(TAG.sequence, 'sequence');
  whole.end();
  const status = readEnumerated(outer, 'responseStatus', STATUS_NAMES);
  if (status !== 'successful') {
    outer.end();
    return { der, status };
  }
  const wrapped = outer.enter(TAG.explicit(0), 'responseBytes');
  outer.end();
  const bytes = wrapped.enter(TAG.sequence, 'sequence');
  wrapped.end();
  const { at } = bytes;
  if (readOid(bytes, 'responseType') !== BASIC_RESPONSE_OID) throw bytes.fail('responseType', 'must be id-pkix-ocsp-basic', at);
  const basic = bytes.read(TAG.octetString, 'response');
  bytes.end();
  return { der, status, basic: readBasic(basic, path, der.byteOffset) };
}

function readBasic(src: Uint8Array, path: string, base: number): ReadBasicResponse {
  const whole = new TlvReader(src, path, base);
  const outer = whole.enter(TAG.sequence, 'basicResponse');
  whole.end();
  const tbs = outer.whole(TAG.sequence, 'tbsResponseData');
  const signatureAlgorithm = outer.whole(TAG.sequence, 'signatureAlgorithm');
  const bits = outer.read(TAG.bitString, 'signature');
  if (bits[0] !== 0) throw outer.fail('signature', 'must be whole bytes');
  const certificates = outer.next === undefined ? [] : readCertificates(outer.enter(TAG.explicit(0), 'certs'));
  outer.end();
  return { ...readResponseData(new TlvReader(tbs, path, base)), tbs, signatureAlgorithm, signature: bits.subarray(1), certificates };
}

function readCertificates(wrapped: TlvReader): Uint8Array[] {
  const list = wrapped.enter(TAG.sequence, 'list');
  wrapped.end();
  const certificates: Uint8Array[] = [];
  while (list.next !== undefined) {
    if (certificates.length >= MAX_CERTIFICATES) throw list.fail('certificate', `more than ${MAX_CERTIFICATES} of them`);
    certificates.push(list.whole(TAG.sequence, 'certificate'));
  }
  return certificates;
}

type ResponseData = Pick<ReadBasicResponse, 'responder' | 'producedAt' | 'responses' | 'extensions' | 'nonce'>;

function readResponseData(whole: TlvReader): ResponseData {
  const data = whole.enter(TAG.sequence, 'responseData');
  if (data.next === TAG.explicit(0)) throw data.fail('version', 'must be 1, which as the default value is left out');
  const responder = readResponder(data);
  const producedAt = readGeneralizedTime(data, 'producedAt');
  const list = data.enter(TAG.sequence, 'responses');
  const responses: ReadSingleResponse[] = [];
  do {
    if (responses.length >= MAX_OCSP_CERTIFICATES) throw list.fail('response', `more than ${MAX_OCSP_CERTIFICATES} of them`);
    responses.push(readSingle(list.enter(TAG.sequence, 'response')));
  } while (list.next !== undefined);
  const extensions = data.next === TAG.explicit(1) ? readExtensions(data.enter(TAG.explicit(1), 'responseExtensions')) : [];
  data.end();
  const nonce = readNonce(extensions, data);
  return { responder, producedAt, responses, extensions, ...(nonce ? { nonce } : {}) };
}

function readResponder(data: TlvReader): ReadBasicResponse['responder'] {
  const byName = data.next === TAG.explicit(1);
  const { at } = data;
  const inner = data.enter(TAG.explicit(byName ? 1 : 2), 'responderID');
  const responder = byName ? { name: inner.whole(TAG.sequence, 'byName') } : { keyHash: inner.read(TAG.octetString, 'byKey') };
  inner.end();
  if (responder.keyHash && responder.keyHash.length !== KEY_HASH_LENGTH) throw data.fail('responderID', `a key's hash has ${KEY_HASH_LENGTH} bytes`, at);
  return responder;
}

function readSingle(single: TlvReader): ReadSingleResponse {
  const certId = readCertId(single, 'certID');
  const status = readStatus(single);
  const thisUpdate = readGeneralizedTime(single, 'thisUpdate');
  let nextUpdate: number | undefined;
  if (single.next === TAG.explicit(0)) {
    const wrapped = single.enter(TAG.explicit(0), 'nextUpdate');
    nextUpdate = readGeneralizedTime(wrapped, 'time');
    wrapped.end();
  }
  const extensions = single.next === TAG.explicit(1) ? readExtensions(single.enter(TAG.explicit(1), 'singleExtensions')) : [];
  single.end();
  return { certId, status, thisUpdate, ...(nextUpdate === undefined ? {} : { nextUpdate }), extensions };
}

/** Tags of CertStatus: `[0] IMPLICIT NULL`, `[1] IMPLICIT RevokedInfo`, `[2] IMPLICIT NULL`. */
export const CERT_STATUS_TAG = { good: 0x80, revoked: 0xa1, unknown: 0x82 } as const;

function readStatus(single: TlvReader): CertificateStatus {
  if (single.next === CERT_STATUS_TAG.revoked) {
    const info = single.enter(CERT_STATUS_TAG.revoked, 'revoked');
    const at = readGeneralizedTime(info, 'revocationTime');
    let reason: ReasonName | undefined;
    if (info.next !== undefined) {
      const wrapped = info.enter(TAG.explicit(0), 'revocationReason');
      reason = readEnumerated(wrapped, 'reason', REASON_NAMES);
      wrapped.end();
    }
    info.end();
    return { kind: 'revoked', at, ...(reason === undefined ? {} : { reason }) };
  }
  const kind = single.next === CERT_STATUS_TAG.unknown ? 'unknown' : 'good';
  if (single.read(CERT_STATUS_TAG[kind], 'certStatus').length > 0) throw single.fail('certStatus', 'must be empty');
  return { kind };
}

function readGeneralizedTime(reader: TlvReader, field: string): number {
  if (reader.next !== TAG.generalizedTime) throw reader.fail(field, 'must be a GeneralizedTime');
  return readTime(reader, field);
}

function readEnumerated<T>(reader: TlvReader, field: string, names: ReadonlyMap<number, T>): T {
  const { at } = reader;
  const contents = reader.read(TAG.enumerated, field);
  const name = contents.length === 1 ? names.get(contents[0] ?? -1) : undefined;
  if (name === undefined) throw reader.fail(field, 'is no value that it can have', at);
  return name;
}

/** The parts of a successful response. @throws {CodecError} ERR_PKI_PARSE, also for a response of another status */
export function readSuccessful(src: Uint8Array, path = 'ocspResponse'): ReadBasicResponse {
  const { status, basic } = readOcspResponse(src, path);
  if (!basic) throw new CodecError('ERR_PKI_PARSE', `${path}.responseStatus`, 0, `is ${status}`);
  return basic;
}
