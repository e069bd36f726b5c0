/** OCSP requests (RFC 6960 §4.1): strict and bounded reading, and writing. Whatever the bytes are, only a {@link CodecError} is thrown. */
import * as asn1js from 'asn1js';
import { OID } from '../der.ts';
import { type ReadExtension, readExtensions } from '../read.ts';
import { boundedCopy, TAG, tlv, TlvReader } from '../tlv.ts';
import { type CertId, readCertId } from './cert-id.ts';

/** Longest request that is read, in bytes. */
export const MAX_OCSP_REQUEST = 16 * 1024;
/** Most certificates that one request asks about. */
export const MAX_OCSP_CERTIFICATES = 64;
/** Most certificates beside a signature. */
const MAX_SIGNER_CERTIFICATES = 8;
/** Bounds of a nonce in bytes (RFC 9654 §2.1, which made it 128 where RFC 8954 had 32). */
export const NONCE_BYTES = { least: 1, most: 128 } as const;
/** id-pkix-ocsp-nonce. */
export const NONCE_OID = '1.3.6.1.5.5.7.48.1.2';

/** One certificate that is asked about. */
export interface ReadOcspSingleRequest {
  readonly certId: CertId;
  readonly extensions: readonly ReadExtension[];
}

/** A request taken apart. All members are parts of one private copy of the input. */
export interface ReadOcspRequest {
  readonly der: Uint8Array;
  /** DER GeneralName of whoever asks. */
  readonly requestorName?: Uint8Array;
  /** At least one. */
  readonly requests: readonly ReadOcspSingleRequest[];
  /** 1 to 128 bytes. */
  readonly nonce?: Uint8Array;
  readonly extensions: readonly ReadExtension[];
  /** Whether there is a signature; its form is checked, it is not verified. */
  readonly signed: boolean;
}

/**
 * Takes a request apart. Only version 1 exists. A nonce must have 1 to 128 bytes (RFC 9654), and a critical extension that teemu does not know is
 * refused (RFC 6960 §4.1.2).
 * @param src DER, at most 16 KiB; copied
 * @throws {CodecError} ERR_PKI_PARSE with the part and its offset
 */
export function readOcspRequest(src: Uint8Array, path = 'ocspRequest'): ReadOcspRequest {
  const der = boundedCopy(src, path, MAX_OCSP_REQUEST);
  const whole = new TlvReader(der, path);
  const outer = whole.enter(TAG.sequence, 'sequence');
  whole.end();
  const tbs = outer.enter(TAG.sequence, 'tbsRequest');
  if (tbs.next === TAG.explicit(0)) throw tbs.fail('version', 'must be 1, which as the default value is left out');
  const requestorName = tbs.next === TAG.explicit(1) ? tbs.read(TAG.explicit(1), 'requestorName') : undefined;
  const requests = readList(tbs.enter(TAG.sequence, 'requestList'));
  const extensions = tbs.next === TAG.explicit(2) ? readExtensions(tbs.enter(TAG.explicit(2), 'requestExtensions')) : [];
  tbs.end();
  const signed = outer.next !== undefined;
  if (signed) checkSignature(outer);
  outer.end();
  refuseUnknownCritical(extensions, tbs);
  const nonce = readNonce(extensions, tbs);
  return { der, ...(requestorName ? { requestorName } : {}), requests, ...(nonce ? { nonce } : {}), extensions, signed };
}

function readList(list: TlvReader): ReadOcspSingleRequest[] {
  const requests: ReadOcspSingleRequest[] = [];
  do {
    if (requests.length >= MAX_OCSP_CERTIFICATES) throw list.fail('request', `more than ${MAX_OCSP_CERTIFICATES} of them`);
    const request = list.enter(TAG.sequence, 'request');
    const certId = readCertId(request, 'reqCert');
    const extensions = request.next === TAG.explicit(0) ? readExtensions(request.enter(TAG.explicit(0), 'singleRequestExtensions')) : [];
    request.end();
    refuseUnknownCritical(extensions, list);
    requests.push({ certId, extensions });
  } while (list.next !== undefined);
  return requests;
}

/** Signature (RFC 6960 §4.1.1): whoever requires none may ignore it, so only its form counts. */
function checkSignature(outer: TlvReader): void {
  const wrapped = outer.enter(TAG.explicit(0), 'optionalSignature');
  const signature = wrapped.enter(TAG.sequence, 'signature');
  wrapped.end();
  signature.read(TAG.sequence, 'signatureAlgorithm');
  if (signature.read(TAG.bitString, 'signature')[0] !== 0) throw signature.fail('signature', 'must be whole bytes');
  if (signature.next !== undefined) {
    const list = signature.enter(TAG.explicit(0), 'certs');
    const certs = list.enter(TAG.sequence, 'list');
    list.end();
    for (let n = 0; certs.next !== undefined; n++) {
      if (n >= MAX_SIGNER_CERTIFICATES) throw certs.fail('certificate', `more than ${MAX_SIGNER_CERTIFICATES} of them`);
      certs.read(TAG.sequence, 'certificate');
    }
  }
  signature.end();
}

/** What a request may have beside the nonce, critical or not: acceptable responses, archive cutoff, service locator, preferred algorithms. */
const KNOWN = new Set([NONCE_OID, `${OID.ocsp}.4`, `${OID.ocsp}.6`, `${OID.ocsp}.7`, `${OID.ocsp}.8`]);

function refuseUnknownCritical(extensions: readonly ReadExtension[], where: TlvReader): void {
  for (const { oid, critical, at } of extensions) if (critical && !KNOWN.has(oid)) throw where.fail('extensions', `${oid} is critical, and not known`, at);
}

/**
 * The nonce among extensions, if there is one.
 * @returns 1 to 128 bytes
 * @throws {CodecError} ERR_PKI_PARSE for a nonce of another length, one that is no OCTET STRING, or two of them
 */
export function readNonce(extensions: readonly ReadExtension[], where: TlvReader): Uint8Array | undefined {
  const [first, second] = extensions.filter(({ oid }) => oid === NONCE_OID);
  if (!first) return undefined;
  if (second) throw where.fail('nonce', 'there are two of them', second.at);
  const inner = new TlvReader(first.value, 'nonce');
  const nonce = inner.read(TAG.octetString, 'value');
  inner.end();
  const { least, most } = NONCE_BYTES;
  if (nonce.length < least || nonce.length > most) throw where.fail('nonce', `must have ${least} to ${most} bytes, has ${nonce.length}`, first.at);
  return nonce;
}

const NONCE_TYPE = new Uint8Array(new asn1js.ObjectIdentifier({ value: NONCE_OID }).toBER());
const TRUE = tlv(TAG.boolean, Uint8Array.of(0xff));

/** The nonce as an extension, DER. @param nonce as many bytes as it is meant to have, also 0 or more than 128 */
export function nonceExtension(nonce: Uint8Array, critical = false): Uint8Array {
  return tlv(TAG.sequence, NONCE_TYPE, ...(critical ? [TRUE] : []), tlv(TAG.octetString, tlv(TAG.octetString, nonce)));
}

/** Writes a request without a signature. @param certIds DER CertIDs @param extensions DER Extensions of the whole request, in order @returns DER */
export function writeOcspRequest(certIds: readonly Uint8Array[], extensions: readonly Uint8Array[] = []): Uint8Array {
  const list = tlv(TAG.sequence, ...certIds.map((id) => tlv(TAG.sequence, id)));
  return tlv(TAG.sequence, tlv(TAG.sequence, list, ...(extensions.length === 0 ? [] : [tlv(TAG.explicit(2), tlv(TAG.sequence, ...extensions))])));
}
