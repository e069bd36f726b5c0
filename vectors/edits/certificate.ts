/** Changes of a certificate before it is signed, for rows of cases. */
import { sign } from 'node:crypto';
import { AlgorithmIdentifier } from '@peculiar/asn1-x509';
import type { Edit } from '../../emulator/snp/authority.ts';
import { type CertificateSpec, type ExtensionSpec, type IssuedCertificate, issueCertificate } from '../../emulator/pki/issue.ts';
import type { Maker } from '../model.ts';

/** OIDs of AMD's extensions. Source: AMD 57230. */
export const AMD_OID = {
  bootLoader: '1.3.6.1.4.1.3704.1.3.1',
  tee: '1.3.6.1.4.1.3704.1.3.2',
  snp: '1.3.6.1.4.1.3704.1.3.3',
  microcode: '1.3.6.1.4.1.3704.1.3.8',
  productName: '1.3.6.1.4.1.3704.1.2',
  hwid: '1.3.6.1.4.1.3704.1.4',
  cspId: '1.3.6.1.4.1.3704.1.5',
  fmc: '1.3.6.1.4.1.3704.1.3.9',
  spl4: '1.3.6.1.4.1.3704.1.3.4',
  spl5: '1.3.6.1.4.1.3704.1.3.5',
  spl6: '1.3.6.1.4.1.3704.1.3.6',
  spl7: '1.3.6.1.4.1.3704.1.3.7',
} as const;

/** Another value for an extension, or none: then it is left out. */
export function extension(oid: string, change: (value: Uint8Array) => Uint8Array | undefined): Edit<CertificateSpec> {
  return replaced(oid, (old) => {
    const value = change(old.value);
    return value ? [{ ...old, value }] : [];
  });
}

/** Other extensions in the place of one. */
export function replaced(oid: string, by: (old: ExtensionSpec) => readonly ExtensionSpec[]): Edit<CertificateSpec> {
  return (spec) => ({ ...spec, extensions: spec.extensions.flatMap((e) => (e.oid === oid ? by(e) : [e])) });
}

/** One more extension, at the end. */
export function added(more: Omit<ExtensionSpec, 'critical'> & Partial<ExtensionSpec>): Edit<CertificateSpec> {
  return (spec) => ({ ...spec, extensions: [...spec.extensions, { critical: false, ...more }] });
}

/** Another lifetime. @param shift milliseconds by which it is moved, back if negative */
export function shifted(shift: number): Edit<CertificateSpec> {
  return (spec) => ({ ...spec, notBefore: spec.notBefore + shift, notAfter: spec.notAfter + shift });
}

/** Another common name. */
export function named(commonName: string): Edit<CertificateSpec> {
  return (spec) => ({ ...spec, subject: spec.subject.map(([type, text], i, all) => [type, i === all.length - 1 ? commonName : text] as const) });
}

/** Another issuer's common name. */
export function issuedBy(commonName: string): Edit<CertificateSpec> {
  return (spec) => ({ ...spec, issuer: spec.issuer.map(([type, text], i, all) => [type, i === all.length - 1 ? commonName : text] as const) });
}

/** Extensions that are left out. */
export function lacking(...oids: readonly string[]): Edit<CertificateSpec> {
  return (spec) => ({ ...spec, extensions: spec.extensions.filter(({ oid }) => !oids.includes(oid)) });
}

/** sha384WithRSAEncryption (RFC 8017 §A.2.4): PKCS #1 v1.5. */
export const PKCS1_SHA384: AlgorithmIdentifier = new AlgorithmIdentifier({ algorithm: '1.2.840.113549.1.1.12', parameters: Uint8Array.of(5, 0).buffer });

/** The certificate, signed by PKCS #1 v1.5 in place of PSS. @param label of the RSA key above it */
export function signedByPkcs1(label: string): (issued: IssuedCertificate, maker: Maker) => Uint8Array {
  return ({ spec }, { world }) => {
    const signer = world.rsaKey(label);
    return issueCertificate({ ...spec, signatureAlgorithm: PKCS1_SHA384 }, { ...signer, sign: (message) => new Uint8Array(sign('sha384', message, signer.privateKey)) }).der;
  };
}

/** A bit of the signature, which ends the certificate or list, turned over. */
export function signatureFlipped(signed: Uint8Array): Uint8Array {
  return signed.with(signed.length - 1, (signed.at(-1) ?? 0) ^ 1);
}

/** The last byte of an extension's value changed in a certificate that was signed before. */
export function changedAfterSigning(oid: string): (issued: IssuedCertificate) => Uint8Array {
  return ({ der, spec }) => {
    const value = spec.extensions.find((extension) => extension.oid === oid)?.value ?? new Uint8Array();
    const at = Buffer.from(der).lastIndexOf(value) + value.length - 1;
    return der.with(at, (der[at] ?? 0) ^ 1);
  };
}
