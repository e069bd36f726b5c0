/** Issues certificates: the to-be-signed part from the ASN.1 library, the signature from our own signer, so the same inputs give the same bytes. */
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import { type AlgorithmIdentifier, Certificate, Extension, Extensions, SubjectPublicKeyInfo, TBSCertificate, Validity, Version } from '@peculiar/asn1-x509';
import { refuseGenuine } from '../crypto/genuine.ts';
import type { Signer } from '../crypto/sign.ts';
import { TeemuError } from '../errors.ts';
import { derIa5String, distinguishedName, type NameAttribute, OID, pem, serialNumber, signatureValue, time, toBuffer } from './der.ts';

/** One extension: `value` is the DER inside the OCTET STRING. */
export interface ExtensionSpec {
  readonly oid: string;
  readonly critical: boolean;
  readonly value: Uint8Array;
}

/** Everything that stands in a certificate but its signature. */
export interface CertificateSpec {
  /** 3 unless given: RFC 5280 §4.1.2.1 asks for it where there are extensions. */
  readonly version?: 1 | 2;
  /** Unsigned, big-endian. */
  readonly serial: Uint8Array;
  readonly issuer: readonly NameAttribute[];
  readonly subject: readonly NameAttribute[];
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  /** Milliseconds since 1970. */
  readonly notAfter: number;
  /** GeneralizedTime also for years before 2050, which RFC 5280 §4.1.2.5 does not allow. */
  readonly timeForm?: 'generalized';
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly extensions: readonly ExtensionSpec[];
}

/** A certificate that teemu issued. */
export interface IssuedCertificate {
  readonly der: Uint8Array;
  readonly pem: string;
  readonly spec: CertificateSpec;
}

/** What says on every root, in words, that it is no vendor's: shown by `openssl x509 -text` as a Netscape Comment. */
export const TEST_MARKER = 'TEEMU TEST KEY - DO NOT TRUST';

/**
 * Signs a certificate. One that its own key signs is a root, and a root without {@link TEST_MARKER} is not made, whoever edited it.
 * @throws {TeemuError} ERR_KEY_NOT_TEST when the signer or the certified key is a vendor's genuine one, or for a root without the marker
 */
export function issueCertificate(spec: CertificateSpec, signer: Signer): IssuedCertificate {
  refuseGenuine(signer.spki);
  refuseGenuine(spec.spki);
  if (Buffer.from(signer.spki).equals(spec.spki) && !spec.extensions.some(isTestMarker)) throw new TeemuError('ERR_KEY_NOT_TEST', `a root must say '${TEST_MARKER}'; this one does not`);
  const tbsCertificate = new TBSCertificate({
    version: spec.version === undefined ? Version.v3 : spec.version === 2 ? Version.v2 : Version.v1,
    serialNumber: serialNumber(spec.serial),
    signature: spec.signatureAlgorithm,
    issuer: distinguishedName(spec.issuer),
    validity: validity(spec),
    subject: distinguishedName(spec.subject),
    subjectPublicKeyInfo: AsnConvert.parse(toBuffer(spec.spki), SubjectPublicKeyInfo),
    extensions: new Extensions(spec.extensions.map((e) => new Extension({ extnID: e.oid, critical: e.critical, extnValue: new OctetString(toBuffer(e.value)) }))),
  });
  const tbs = new Uint8Array(AsnConvert.serialize(tbsCertificate));
  const certificate = new Certificate({ tbsCertificate, signatureAlgorithm: spec.signatureAlgorithm, signatureValue: signatureValue(signer, tbs) });
  const der = new Uint8Array(AsnConvert.serialize(certificate));
  return { der, pem: pem('CERTIFICATE', der), spec };
}

function validity({ notBefore, notAfter, timeForm }: CertificateSpec): Validity {
  return Object.assign(new Validity(), { notBefore: time(notBefore, timeForm), notAfter: time(notAfter, timeForm) });
}

function isTestMarker({ oid, value }: ExtensionSpec): boolean {
  return oid === OID.netscapeComment && Buffer.from(value).equals(derIa5String(TEST_MARKER));
}
