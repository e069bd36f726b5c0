/** What every certificate of Intel's must be, whatever its place, and how one vouches for another. */
import type { KeyObject } from 'node:crypto';
import { type ReadCertificate, readName, sameBytes } from '../../../../emulator/pki/read.ts';
import { type Authority, authorityKeyId, authorityOf, DIGITAL_SIGNATURE, doubleExtension, EXTENSION, extensionOf, KEY_CERT_SIGN, subjectKeyId } from '../../x509.ts';
import type { TdxAppraisal } from '../reasons.ts';
import { isEcdsaSha256, p256Key, verifyDer } from './p256.ts';

/** Common names, by place. */
export const COMMON_NAME = { root: 'Intel SGX Root CA', platform: 'Intel SGX PCK Platform CA', processor: 'Intel SGX PCK Processor CA', pck: 'Intel SGX PCK Certificate', tcbSigning: 'Intel SGX TCB Signing' } as const;

/** A certificate whose key vouches for others. */
export interface Issuer {
  readonly certificate: ReadCertificate;
  readonly key: KeyObject;
  /** How messages call it. */
  readonly path: string;
}

/** Attributes of every name of Intel's behind its common name: O, L, ST, C. */
const INTEL_NAME = [
  ['2.5.4.10', 'Intel Corporation'],
  ['2.5.4.7', 'Santa Clara'],
  ['2.5.4.8', 'CA'],
  ['2.5.4.6', 'US'],
] as const;
const COMMON_NAME_OID = '2.5.4.3';
/** Extensions that every one has. */
const REQUIRED = [EXTENSION.authorityKeyIdentifier, EXTENSION.crlDistributionPoints, EXTENSION.subjectKeyIdentifier, EXTENSION.keyUsage, EXTENSION.basicConstraints] as const;
/** Critical extensions that the checks below take into account. */
const KNOWN_CRITICAL: readonly string[] = [EXTENSION.keyUsage, EXTENSION.basicConstraints];

/** Names met before, with their common names: there are few, and every certificate has one. */
const names: { readonly der: Uint8Array; readonly commonName: string }[] = [];
const MAX_NAMES = 16;

/** The common name of a subject, if all else of it is as in all names of Intel's. @throws {CodecError} ERR_PKI_PARSE */
export function commonNameOf({ subject }: ReadCertificate, path: string): string | undefined {
  const known = names.find(({ der }) => sameBytes(der, subject));
  if (known) return known.commonName;
  const [first, ...rest] = readName(subject, `${path}.subject`);
  const usual = rest.length === INTEL_NAME.length && INTEL_NAME.every(([oid, text], i) => rest[i]?.[0] === oid && rest[i]?.[1] === text);
  if (!usual || first?.[0] !== COMMON_NAME_OID) return undefined;
  if (names.length < MAX_NAMES) names.push({ der: subject.slice(), commonName: first[1] });
  return first[1];
}

/** Checks that a certificate bears one of these names. @returns which */
export function checkName<N extends string>(appraisal: TdxAppraisal, certificate: ReadCertificate, path: string, allowed: readonly N[]): N {
  const stated = appraisal.attempt('certificate-malformed', () => commonNameOf(certificate, path));
  const name = allowed.find((n) => n === stated);
  if (name === undefined) return appraisal.fail('certificate-name', { message: `the subject must be Intel's ${allowed.join(' or ')}`, path });
  appraisal.pass('certificate-name');
  return name;
}

/** Checks what no certificate may lack or have. */
export function checkForm(appraisal: TdxAppraisal, certificate: ReadCertificate, path: string): void {
  const { version, signatureAlgorithm, extensions } = certificate;
  appraisal.check('certificate-version', version === 3, () => ({ message: `is of version ${version}`, path }));
  appraisal.check('certificate-algorithm', isEcdsaSha256(signatureAlgorithm), () => ({ message: 'is not signed with ECDSA and SHA-256', path }));
  const double = doubleExtension(certificate);
  appraisal.check('certificate-extension-twice', double === undefined, () => ({ message: `the extension ${double?.oid} stands there twice`, path, at: double?.at ?? 0 }));
  const unknown = extensions.find((e) => e.critical && !KNOWN_CRITICAL.includes(e.oid));
  appraisal.check('certificate-extension-critical', unknown === undefined, () => ({ message: `the extension ${unknown?.oid} is critical and unknown`, path, at: unknown?.at ?? 0 }));
  const missing = REQUIRED.find((oid) => !extensionOf(certificate, oid));
  appraisal.check('certificate-extension-missing', missing === undefined, () => ({ message: `has no extension ${missing}`, path }));
}

/** Checks that a certificate may sign what `usage` says. @param usage bits of the first byte of KeyUsage */
export function checkAuthority(appraisal: TdxAppraisal, certificate: ReadCertificate, path: string, usage: number): Authority {
  const authority = appraisal.attempt('certificate-extension-malformed', () => authorityOf(certificate));
  appraisal.check('authority-not-ca', authority.ca, () => ({ message: 'is not marked as an authority', path }));
  appraisal.check('authority-key-usage', ((authority.keyUsage ?? 0) & usage) === usage, () => ({
    message: `its key usage must have the bits 0x${usage.toString(16)}, has 0x${(authority.keyUsage ?? 0).toString(16)}`,
    path,
  }));
  return authority;
}

/** Checks that a certificate is for signing, but not certificates. @returns its key */
export function leafKey(appraisal: TdxAppraisal, certificate: ReadCertificate, path: string): KeyObject {
  const { ca, keyUsage = 0 } = appraisal.attempt('certificate-extension-malformed', () => authorityOf(certificate));
  appraisal.check('leaf-authority', !ca && (keyUsage & KEY_CERT_SIGN) === 0, () => ({ message: 'the certificate says that its key may sign certificates', path }));
  appraisal.check('leaf-key-usage', (keyUsage & DIGITAL_SIGNATURE) !== 0, () => ({ message: `its key usage must have the bit 0x${DIGITAL_SIGNATURE.toString(16)}, has 0x${keyUsage.toString(16)}`, path }));
  const key = p256Key(certificate.spki);
  if (!key) return appraisal.fail('leaf-key', { message: 'its key is no point on P-256', path });
  appraisal.pass('leaf-key');
  return key;
}

/** The key of an authority. */
export function authorityKey(appraisal: TdxAppraisal, certificate: ReadCertificate, path: string): KeyObject {
  const key = p256Key(certificate.spki);
  if (!key) return appraisal.fail('authority-key', { message: 'its key is no point on P-256', path });
  appraisal.pass('authority-key');
  return key;
}

/** Checks that a certificate is issued by another, by its name, the identifier of its key, and its signature. */
export function checkIssued(appraisal: TdxAppraisal, certificate: ReadCertificate, path: string, issuer: Issuer): void {
  appraisal.check('certificate-issuer', sameBytes(certificate.issuer, issuer.certificate.subject), () => ({ message: `the issuer is not the subject of ${issuer.path}`, path }));
  const named = appraisal.attempt('certificate-extension-malformed', () => ({ above: authorityKeyId(certificate, path), own: subjectKeyId(issuer.certificate, issuer.path) }));
  appraisal.check('certificate-key-identifier', named.above !== undefined && named.own !== undefined && sameBytes(named.above, named.own), () => ({ message: `does not name the key of ${issuer.path}`, path }));
  appraisal.check('certificate-signature', verifyDer(issuer.key, certificate.tbs, certificate.signature), () => ({ message: 'its signature does not verify with the key above it', path }));
}

const iso = (at: number): string => new Date(at).toISOString();

/** Checks that a certificate is valid at `now` (milliseconds since 1970). */
export function checkDates(appraisal: TdxAppraisal, { notBefore, notAfter }: ReadCertificate, path: string, now: number): void {
  appraisal.check('certificate-not-yet-valid', notBefore <= now, () => ({ message: `valid from ${iso(notBefore)}, and the time of verification is ${iso(now)}`, path }));
  appraisal.check('certificate-expired', now <= notAfter, () => ({ message: `valid until ${iso(notAfter)}, and the time of verification is ${iso(now)}`, path }));
}
