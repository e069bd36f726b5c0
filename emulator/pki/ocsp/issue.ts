/** Issues OCSP responses (RFC 6960 §4.2). The same inputs give the same bytes; only the signer may choose a nonce of its own. */
import * as asn1js from 'asn1js';
import { createHash } from 'node:crypto';
import { refuseGenuine } from '../../crypto/genuine.ts';
import type { EcSigner } from '../../crypto/sign.ts';
import { der, ecdsaSignatureValue, OID } from '../der.ts';
import { TAG, tlv } from '../tlv.ts';
import { publicKeyBits } from './cert-id.ts';
import { nonceExtension } from './request.ts';
import { BASIC_RESPONSE_OID, CERT_STATUS_TAG, type CertificateStatus, OCSP_STATUSES, type OcspStatus, REVOCATION_REASONS } from './response.ts';

/** What is said of one certificate. Times are milliseconds since 1970; fractions of a second are cut off. */
export interface SingleResponseSpec {
  /** DER CertID, as it was asked for. */
  readonly certId: Uint8Array;
  readonly status: CertificateStatus;
  readonly thisUpdate: number;
  readonly nextUpdate?: number;
}

/** Everything that stands in a successful response but its signature. */
export interface OcspSpec {
  /** SHA-1 of the bits of the responder's key: 20 bytes. */
  readonly responder: Uint8Array;
  /** Milliseconds since 1970. */
  readonly producedAt: number;
  readonly responses: readonly SingleResponseSpec[];
  readonly nonce?: Uint8Array;
  /** DER of the certificates that it brings along. */
  readonly certificates: readonly Uint8Array[];
}

/** A signed response without what is around it. */
interface SignedParts {
  /** DER ResponseData. */
  readonly tbs: Uint8Array;
  /** DER AlgorithmIdentifier. */
  readonly signatureAlgorithm: Uint8Array;
  readonly signature: Uint8Array;
  readonly certificates: readonly Uint8Array[];
}

const oid = (value: string): Uint8Array => der(new asn1js.ObjectIdentifier({ value }));
const BASIC = oid(BASIC_RESPONSE_OID);
const ECDSA: Readonly<Record<EcSigner['curve'], Uint8Array>> = { 'P-256': tlv(TAG.sequence, oid(OID.ecdsaWithSha256)), 'P-384': tlv(TAG.sequence, oid(OID.ecdsaWithSha384)) };
const enumerated = (value: number): Uint8Array => tlv(TAG.enumerated, Uint8Array.of(value));
const WHOLE_BYTES = Uint8Array.of(0);

/** SHA-1 of the bits of a key: how a response names its responder. @param spki DER SubjectPublicKeyInfo @returns 20 bytes */
export function responderKeyHash(spki: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha1').update(publicKeyBits(spki)).digest());
}

function generalizedTime(at: number): Uint8Array {
  const text = new Date(Math.floor(at / 1000) * 1000).toISOString();
  return tlv(TAG.generalizedTime, Buffer.from(`${text.slice(0, 19).replace(/[-T:]/g, '')}Z`, 'latin1'));
}

function certStatus(status: CertificateStatus): Uint8Array {
  if (status.kind !== 'revoked') return tlv(CERT_STATUS_TAG[status.kind]);
  const { at, reason } = status;
  return tlv(CERT_STATUS_TAG.revoked, generalizedTime(at), ...(reason === undefined ? [] : [tlv(TAG.explicit(0), enumerated(REVOCATION_REASONS[reason]))]));
}

function singleResponse({ certId, status, thisUpdate, nextUpdate }: SingleResponseSpec): Uint8Array {
  return tlv(TAG.sequence, certId, certStatus(status), generalizedTime(thisUpdate), ...(nextUpdate === undefined ? [] : [tlv(TAG.explicit(0), generalizedTime(nextUpdate))]));
}

/** ResponseData: what is signed. @returns DER */
export function responseData({ responder, producedAt, responses, nonce }: Omit<OcspSpec, 'certificates'>): Uint8Array {
  return tlv(
    TAG.sequence,
    tlv(TAG.explicit(2), tlv(TAG.octetString, responder)),
    generalizedTime(producedAt),
    tlv(TAG.sequence, ...responses.map(singleResponse)),
    ...(nonce === undefined ? [] : [tlv(TAG.explicit(1), tlv(TAG.sequence, nonceExtension(nonce)))]),
  );
}

/** Puts a successful response together. @returns DER */
export function successfulResponse({ tbs, signatureAlgorithm, signature, certificates }: SignedParts): Uint8Array {
  const certs = certificates.length === 0 ? [] : [tlv(TAG.explicit(0), tlv(TAG.sequence, ...certificates))];
  const basic = tlv(TAG.sequence, tbs, signatureAlgorithm, tlv(TAG.bitString, WHOLE_BYTES, signature), ...certs);
  return tlv(TAG.sequence, enumerated(OCSP_STATUSES.successful), tlv(TAG.explicit(0), tlv(TAG.sequence, BASIC, tlv(TAG.octetString, basic))));
}

/** Signs a response. @returns DER @throws {TeemuError} ERR_KEY_NOT_TEST when the signer is a vendor's genuine key */
export function issueOcspResponse(spec: OcspSpec, signer: EcSigner): Uint8Array {
  refuseGenuine(signer.spki);
  const tbs = responseData(spec);
  return successfulResponse({ tbs, signatureAlgorithm: ECDSA[signer.curve], signature: ecdsaSignatureValue(signer.sign(tbs)), certificates: spec.certificates });
}

/** A response that says why there is none; it is not signed. @returns DER, 5 bytes */
export function ocspErrorResponse(status: Exclude<OcspStatus, 'successful'>): Uint8Array {
  return tlv(TAG.sequence, enumerated(OCSP_STATUSES[status]));
}
