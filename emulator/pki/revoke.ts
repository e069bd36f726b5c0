/** Issues certificate revocation lists. */
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import { type AlgorithmIdentifier, CertificateList, Extension, RevokedCertificate, TBSCertList, Version } from '@peculiar/asn1-x509';
import { refuseGenuine } from '../crypto/genuine.ts';
import type { Signer } from '../crypto/sign.ts';
import { distinguishedName, type NameAttribute, serialNumber, signatureValue, time, toBuffer } from './der.ts';
import type { ExtensionSpec } from './issue.ts';

/** One revoked certificate. */
export interface Revocation {
  /** Unsigned, big-endian. */
  readonly serial: Uint8Array;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Why, for a list whose entries say so (RFC 5280 §5.3.1). */
  readonly reason?: ExtensionSpec;
}

/** Everything that stands in a CRL but its signature. */
export interface CrlSpec {
  /** 2 unless given: RFC 5280 §5.1.2.1 asks for it where there are extensions. */
  readonly version?: 1;
  readonly issuer: readonly NameAttribute[];
  /** Milliseconds since 1970. */
  readonly thisUpdate: number;
  /** Milliseconds since 1970; left out when undefined. */
  readonly nextUpdate?: number;
  readonly revoked: readonly Revocation[];
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly extensions: readonly ExtensionSpec[];
}

/**
 * Signs a CRL. An empty list of revoked certificates or extensions is left out, as RFC 5280 §5.1.2.6 and §5.1.2.7 ask.
 * @returns DER
 * @throws {TeemuError} ERR_KEY_NOT_TEST when the signer is a vendor's genuine key
 */
export function issueCrl(spec: CrlSpec, signer: Signer): Uint8Array {
  refuseGenuine(signer.spki);
  const tbsCertList = new TBSCertList({
    ...(spec.version === 1 ? {} : { version: Version.v2 }),
    signature: spec.signatureAlgorithm,
    issuer: distinguishedName(spec.issuer),
    thisUpdate: time(spec.thisUpdate),
    ...(spec.nextUpdate === undefined ? {} : { nextUpdate: time(spec.nextUpdate) }),
    ...(spec.revoked.length === 0 ? {} : { revokedCertificates: spec.revoked.map(entry) }),
    ...(spec.extensions.length === 0 ? {} : { crlExtensions: spec.extensions.map(extension) }),
  });
  const tbs = new Uint8Array(AsnConvert.serialize(tbsCertList));
  return new Uint8Array(AsnConvert.serialize(new CertificateList({ tbsCertList, signatureAlgorithm: spec.signatureAlgorithm, signature: signatureValue(signer, tbs) })));
}

function extension({ oid, critical, value }: ExtensionSpec): Extension {
  return new Extension({ extnID: oid, critical, extnValue: new OctetString(toBuffer(value)) });
}

function entry({ serial, at, reason }: Revocation): RevokedCertificate {
  return new RevokedCertificate({ userCertificate: serialNumber(serial), revocationDate: time(at), ...(reason ? { crlEntryExtensions: [extension(reason)] } : {}) });
}
