/** Standard certificate extensions (RFC 5280 §4.2.1), as rows of a certificate profile. */
import { createHash } from 'node:crypto';
import { AsnConvert } from '@peculiar/asn1-schema';
import {
  AccessDescription,
  AuthorityInfoAccessSyntax,
  AuthorityKeyIdentifier,
  BasicConstraints,
  CRLDistributionPoints,
  CRLNumber,
  CRLReason,
  CRLReasons,
  DistributionPoint,
  DistributionPointName,
  ExtendedKeyUsage,
  GeneralName,
  KeyIdentifier,
  KeyUsage,
  KeyUsageFlags,
  SubjectKeyIdentifier,
  SubjectPublicKeyInfo,
} from '@peculiar/asn1-x509';
import * as asn1js from 'asn1js';
import { der, derIa5String, OID, toBuffer } from './der.ts';
import { type ExtensionSpec, TEST_MARKER } from './issue.ts';

const bytesOf = (value: unknown): Uint8Array => new Uint8Array(AsnConvert.serialize(value));

/** SHA-1 of the public key's bits (RFC 5280 §4.2.1.2, method 1): 20 bytes. @param spki DER SubjectPublicKeyInfo */
export function keyIdentifier(spki: Uint8Array): Uint8Array {
  const { subjectPublicKey } = AsnConvert.parse(toBuffer(spki), SubjectPublicKeyInfo);
  return new Uint8Array(createHash('sha1').update(new Uint8Array(subjectPublicKey)).digest());
}

/** Names the certified key. @param spki DER SubjectPublicKeyInfo @param identify how the vendor names a key */
export function subjectKeyIdentifier(spki: Uint8Array, identify: (spki: Uint8Array) => Uint8Array = keyIdentifier): ExtensionSpec {
  return { oid: OID.subjectKeyIdentifier, critical: false, value: bytesOf(new SubjectKeyIdentifier(toBuffer(identify(spki)))) };
}

/** Names the key that signs. @param issuerSpki DER SubjectPublicKeyInfo @param identify how the vendor names a key */
export function authorityKeyIdentifier(issuerSpki: Uint8Array, identify: (spki: Uint8Array) => Uint8Array = keyIdentifier): ExtensionSpec {
  return { oid: OID.authorityKeyIdentifier, critical: false, value: bytesOf(new AuthorityKeyIdentifier({ keyIdentifier: new KeyIdentifier(toBuffer(identify(issuerSpki))) })) };
}

/** Critical: what the key may do. @param usages names of the bits that are set */
export function keyUsage(...usages: readonly (keyof typeof KeyUsageFlags)[]): ExtensionSpec {
  return { oid: OID.keyUsage, critical: true, value: bytesOf(new KeyUsage(usages.reduce((flags, name) => flags | KeyUsageFlags[name], 0))) };
}

/** Critical: this is an authority, over at most `pathLength` authorities below it. */
export function basicConstraintsCa(pathLength?: number): ExtensionSpec {
  return { oid: OID.basicConstraints, critical: true, value: bytesOf(new BasicConstraints({ cA: true, ...(pathLength === undefined ? {} : { pathLenConstraint: pathLength }) })) };
}

/** Critical: this is no authority. */
export function basicConstraintsLeaf(): ExtensionSpec {
  return { oid: OID.basicConstraints, critical: true, value: bytesOf(new BasicConstraints({ cA: false })) };
}

/** Where the list of revoked certificates is served: one URL. */
export function crlDistributionPoint(url: string): ExtensionSpec {
  const point = new DistributionPoint({ distributionPoint: new DistributionPointName({ fullName: [new GeneralName({ uniformResourceIdentifier: url })] }) });
  return { oid: OID.crlDistributionPoints, critical: false, value: bytesOf(new CRLDistributionPoints([point])) };
}

/** Where the state of the certificate can be asked for (RFC 6960 §3.1): one URL. */
export function ocspAccess(url: string): ExtensionSpec {
  const access = new AccessDescription({ accessMethod: OID.ocsp, accessLocation: new GeneralName({ uniformResourceIdentifier: url }) });
  return { oid: OID.authorityInfoAccess, critical: false, value: bytesOf(new AuthorityInfoAccessSyntax([access])) };
}

/** What the key may do besides. @param purposes object identifiers, in order */
export function extendedKeyUsage(...purposes: readonly string[]): ExtensionSpec {
  return { oid: OID.extendedKeyUsage, critical: false, value: bytesOf(new ExtendedKeyUsage([...purposes])) };
}

/** Nobody need ask whether this OCSP responder is revoked (RFC 6960 §4.2.2.2.1). */
export function ocspNoCheck(): ExtensionSpec {
  return { oid: OID.ocspNoCheck, critical: false, value: der(new asn1js.Null()) };
}

/** Another name of the subject, of a kind of its own: one otherName with a UTF8String (RFC 5280 §4.2.1.6). */
export function otherName(type: string, text: string): ExtensionSpec {
  const tagged = (value: asn1js.BaseBlock[]): asn1js.BaseBlock => new asn1js.Constructed({ idBlock: { tagClass: 3, tagNumber: 0 }, value });
  const name = tagged([new asn1js.ObjectIdentifier({ value: type }), tagged([new asn1js.Utf8String({ value: text })])]);
  return { oid: OID.subjectAltName, critical: false, value: der(new asn1js.Sequence({ value: [name] })) };
}

/** Number of a revocation list; a later list has a higher one (RFC 5280 §5.2.3). */
export function crlNumber(value: number): ExtensionSpec {
  return { oid: OID.crlNumber, critical: false, value: bytesOf(new CRLNumber(value)) };
}

/** Why an entry of a revocation list was revoked (RFC 5280 §5.3.1). */
export function crlReason(reason: keyof typeof CRLReasons): ExtensionSpec {
  return { oid: OID.crlReason, critical: false, value: bytesOf(new CRLReason(CRLReasons[reason])) };
}

/** The words that say a root is a test root. */
export function testMarker(): ExtensionSpec {
  return { oid: OID.netscapeComment, critical: false, value: derIa5String(TEST_MARKER) };
}
