/** AMD's certificates: a trusted ARK, the ASK or ASVK below it, and the VCEK or VLEK that signs reports. */
import type { KeyObject } from 'node:crypto';
import { type ReadCertificate, readCertificate, readName, sameBytes } from '../../../emulator/pki/read.ts';
import { LINES, type Line } from '../../../emulator/snp/platform/products.ts';
import type { Rejected } from '../verdict.ts';
import { type Authority, authorityOf, CRL_SIGN, doubleExtension, EXTENSION, isPssSha384, KEY_CERT_SIGN, p384Key, rsa4096Key, verifyPssSha384 } from '../x509.ts';
import { type LeafIdentity, leafIdentity } from './leaf.ts';
import type { SnpAppraisal, SnpReason } from './reasons.ts';

/** Kinds of key that sign reports, with what their certificates and those above them are called. */
export const SIGNERS = {
  vcek: { leaf: 'SEV-VCEK', authority: 'ask', authorityName: (line: Line): string => `SEV-${line}` },
  vlek: { leaf: 'SEV-VLEK', authority: 'asvk', authorityName: (line: Line): string => `SEV-VLEK-${line}` },
} as const;
export type Signer = keyof typeof SIGNERS;

/** Certificates as they are presented, each in DER. */
export interface PresentedChain {
  readonly vcek?: Uint8Array;
  readonly vlek?: Uint8Array;
  readonly ask?: Uint8Array;
  readonly asvk?: Uint8Array;
  /** If present, it must be byte for byte a trusted one: it is never trusted for itself. */
  readonly ark?: Uint8Array;
}

/** A chain whose signatures, names and shapes hold. What depends on the time or on the caller's wishes is not in it. */
export interface VerifiedChain {
  readonly line: Line;
  readonly signer: Signer;
  readonly root: ReadCertificate;
  readonly rootKey: KeyObject;
  readonly intermediate: ReadCertificate;
  readonly leaf: ReadCertificate;
  readonly identity: LeafIdentity;
  /** P-384. */
  readonly key: KeyObject;
}

/** A root that the caller trusts. */
export interface TrustedRoot {
  readonly line: Line;
  readonly certificate: ReadCertificate;
  /** The key, or what is wrong with the root. */
  readonly outcome: { readonly accepted: true; readonly facts: KeyObject } | Rejected<SnpReason>;
}

/** Attributes of every name of AMD's but its common name: OU, C, L, ST, O. */
const AMD_NAME = [
  ['2.5.4.11', 'Engineering'],
  ['2.5.4.6', 'US'],
  ['2.5.4.7', 'Santa Clara'],
  ['2.5.4.8', 'CA'],
  ['2.5.4.10', 'Advanced Micro Devices'],
] as const;
const COMMON_NAME = '2.5.4.3';
/** Critical extensions that the checks below take into account. */
const KNOWN_CRITICAL: readonly string[] = [EXTENSION.keyUsage, EXTENSION.basicConstraints];

/** The line whose ARK bears this name. @throws {CodecError} ERR_PKI_PARSE */
export function lineOfRoot({ subject }: ReadCertificate): Line | undefined {
  const name = commonName(subject, 'ark.subject');
  return LINES.find((line) => name === `ARK-${line}`);
}

/** Checks a root by itself: a self-signed ARK. @returns its key */
export function verifyRoot(appraisal: SnpAppraisal, root: ReadCertificate): KeyObject {
  checkForm(appraisal, root, 'ark');
  appraisal.check('certificate-issuer', sameBytes(root.issuer, root.subject), () => ({ message: 'the root is not issued by itself', path: 'ark' }));
  const authority = checkAuthority(appraisal, root, 'ark', KEY_CERT_SIGN | CRL_SIGN);
  appraisal.check('authority-path-length', authority.pathLength !== 0, () => ({ message: 'the root allows no authority below it', path: 'ark' }));
  const key = authorityKey(appraisal, root, 'ark');
  checkSignature(appraisal, root, key, 'ark');
  return key;
}

/** Verifies a presented chain up to one of the roots, but for what depends on the time. */
export function verifyChain(appraisal: SnpAppraisal, presented: PresentedChain, roots: readonly TrustedRoot[]): VerifiedChain {
  const parts = partsOf(appraisal, presented);
  const { signer } = parts;
  const { leaf: leafName, authority: authorityPath, authorityName } = SIGNERS[signer];
  const leaf = appraisal.attempt('certificate-malformed', () => readCertificate(parts.leaf, signer));
  const intermediate = appraisal.attempt('certificate-malformed', () => readAuthority(parts.intermediate, authorityPath));

  const stated = appraisal.attempt('certificate-malformed', () => ({ leaf: commonName(leaf.subject, `${signer}.subject`), intermediate: commonName(intermediate.subject, `${authorityPath}.subject`) }));
  const other = SIGNERS[signer === 'vcek' ? 'vlek' : 'vcek'];
  appraisal.check('leaf-kind', stated.leaf !== other.leaf && !LINES.some((line) => stated.intermediate === other.authorityName(line)), () => ({
    message: `what is presented as ${leafName} is named ${stated.leaf}, under ${stated.intermediate}`,
    path: signer,
  }));
  appraisal.check('certificate-name', stated.leaf === leafName, () => ({ message: `the subject must be AMD's ${leafName}`, path: signer }));
  const line = LINES.find((l) => stated.intermediate === authorityName(l));
  if (line === undefined) return appraisal.fail('certificate-name', { message: `the subject must be AMD's ${LINES.map(authorityName).join(', ')}`, path: authorityPath });

  checkForm(appraisal, leaf, signer);
  checkForm(appraisal, intermediate, authorityPath);
  appraisal.check('certificate-issuer', sameBytes(leaf.issuer, intermediate.subject), () => ({ message: `the issuer is not the subject of the ${authorityPath}`, path: signer }));
  const leafAuthority = appraisal.attempt('certificate-extension-malformed', () => authorityOf(leaf));
  appraisal.check('leaf-authority', !leafAuthority.ca && ((leafAuthority.keyUsage ?? 0) & KEY_CERT_SIGN) === 0, () => ({ message: 'the certificate of the signing key says that it may sign certificates', path: signer }));
  const authority = checkAuthority(appraisal, intermediate, authorityPath, KEY_CERT_SIGN);
  appraisal.check('authority-path-length', authority.pathLength === 0, () => ({ message: `the ${authorityPath} must allow no authority below it, allows ${authority.pathLength ?? 'any number'}`, path: authorityPath }));

  const { root, key: rootKey } = rootOf(appraisal, parts.ark, intermediate, authorityPath, roots);
  appraisal.check('certificate-issuer', sameBytes(intermediate.issuer, root.subject), () => ({ message: 'the issuer is not the subject of the ark', path: authorityPath }));
  checkSignature(appraisal, intermediate, rootKey, authorityPath);
  checkSignature(appraisal, leaf, authorityKey(appraisal, intermediate, authorityPath), signer);
  const key = p384Key(leaf.spki);
  if (!key) return appraisal.fail('leaf-key', { message: 'the signing key is no point on P-384', path: signer });
  appraisal.pass('leaf-key');
  return { line, signer, root, rootKey, intermediate, leaf, identity: leafIdentity(appraisal, leaf, signer, line), key };
}

/** Checks that every certificate of a chain is valid at `now` (milliseconds since 1970). */
export function checkDates(appraisal: SnpAppraisal, { root, intermediate, leaf, signer }: VerifiedChain, now: number): void {
  for (const [path, { notBefore, notAfter }] of [
    ['ark', root],
    [SIGNERS[signer].authority, intermediate],
    [signer, leaf],
  ] as const) {
    appraisal.check('certificate-not-yet-valid', notBefore <= now, () => ({ message: `valid from ${iso(notBefore)}, and the time of verification is ${iso(now)}`, path }));
    appraisal.check('certificate-expired', now <= notAfter, () => ({ message: `valid until ${iso(notAfter)}, and the time of verification is ${iso(now)}`, path }));
  }
}

const iso = (at: number): string => new Date(at).toISOString();

/** One signing key's certificate, and the one above it. */
function partsOf(appraisal: SnpAppraisal, { vcek, vlek, ask, asvk, ark }: PresentedChain): { signer: Signer; leaf: Uint8Array; intermediate: Uint8Array; ark: Uint8Array | undefined } {
  if (vcek && vlek) return appraisal.fail('evidence-incomplete', { message: 'there is a VCEK and a VLEK, and a report is signed by one of them' });
  const signer = vlek ? 'vlek' : 'vcek';
  const [leaf, intermediate] = vlek ? [vlek, asvk] : [vcek, ask];
  if (!leaf) return appraisal.fail('evidence-incomplete', { message: 'there is neither a VCEK nor a VLEK' });
  if (!intermediate) return appraisal.fail('evidence-incomplete', { message: `there is a ${signer.toUpperCase()}, but no ${SIGNERS[signer].authority.toUpperCase()}`, path: SIGNERS[signer].authority });
  appraisal.pass('evidence-incomplete');
  return { signer, leaf, intermediate, ark };
}

/** Authorities met before, taken apart: AMD has six. What they say and who signed them is checked each time. */
const authorities: ReadCertificate[] = [];
const MAX_AUTHORITIES = 16;

function readAuthority(src: Uint8Array, path: string): ReadCertificate {
  const known = authorities.find(({ der }) => sameBytes(der, src));
  if (known) return known;
  const certificate = readCertificate(src, path);
  if (authorities.length >= MAX_AUTHORITIES) authorities.shift();
  authorities.push(certificate);
  return certificate;
}

/** Names met before, with their common names: there are few, and every certificate has one. */
const names: { readonly der: Uint8Array; readonly commonName: string }[] = [];
const MAX_NAMES = 16;

/** The common name, if everything before it is as in all names of AMD's. */
function commonName(name: Uint8Array, path: string): string | undefined {
  const known = names.find(({ der }) => sameBytes(der, name));
  if (known) return known.commonName;
  const attributes = readName(name, path);
  const last = attributes[AMD_NAME.length];
  const usual = attributes.length === AMD_NAME.length + 1 && AMD_NAME.every(([oid, text], i) => attributes[i]?.[0] === oid && attributes[i]?.[1] === text);
  if (!usual || last?.[0] !== COMMON_NAME) return undefined;
  if (names.length < MAX_NAMES) names.push({ der: name.slice(), commonName: last[1] });
  return last[1];
}

/** What every certificate of AMD's must be, whatever its place. */
function checkForm(appraisal: SnpAppraisal, certificate: ReadCertificate, path: string): void {
  appraisal.check('certificate-version', certificate.version === 3, () => ({ message: `is of version ${certificate.version}`, path }));
  appraisal.check('certificate-algorithm', isPssSha384(certificate.signatureAlgorithm), () => ({ message: 'is not signed with RSASSA-PSS, SHA-384 and a salt of 48 bytes', path }));
  const double = doubleExtension(certificate);
  appraisal.check('certificate-extension-twice', double === undefined, () => ({ message: `the extension ${double?.oid} stands there twice`, path, at: double?.at ?? 0 }));
  const unknown = certificate.extensions.find((e) => e.critical && !KNOWN_CRITICAL.includes(e.oid));
  appraisal.check('certificate-extension-critical', unknown === undefined, () => ({ message: `the extension ${unknown?.oid} is critical and unknown`, path, at: unknown?.at ?? 0 }));
}

function checkAuthority(appraisal: SnpAppraisal, certificate: ReadCertificate, path: string, usage: number): Authority {
  const authority = appraisal.attempt('certificate-extension-malformed', () => authorityOf(certificate));
  appraisal.check('authority-not-ca', authority.ca, () => ({ message: 'is not marked as an authority', path }));
  appraisal.check('authority-key-usage', ((authority.keyUsage ?? 0) & usage) === usage, () => ({
    message: `its key usage must have the bits 0x${usage.toString(16)}, has 0x${(authority.keyUsage ?? 0).toString(16)}`,
    path,
  }));
  return authority;
}

function authorityKey(appraisal: SnpAppraisal, certificate: ReadCertificate, path: string): KeyObject {
  const key = appraisal.attempt('authority-key', () => rsa4096Key(certificate.spki));
  return key ?? appraisal.fail('authority-key', { message: 'its key is not RSA of 4096 bits with the exponent 65537', path });
}

function checkSignature(appraisal: SnpAppraisal, certificate: ReadCertificate, key: KeyObject, path: string): void {
  appraisal.check('certificate-signature', verifyPssSha384(key, certificate.tbs, certificate.signature), () => ({ message: 'its signature does not verify with the key above it', path }));
}

/** The trusted root for a chain: the presented one, if it is trusted byte for byte; without one, that whose name the chain gives and whose key signed it. */
function rootOf(appraisal: SnpAppraisal, ark: Uint8Array | undefined, intermediate: ReadCertificate, path: string, roots: readonly TrustedRoot[]): { root: ReadCertificate; key: KeyObject } {
  const candidates = roots.filter(({ certificate }) => (ark ? sameBytes(certificate.der, ark) : sameBytes(certificate.subject, intermediate.issuer)));
  const root = candidates.length < 2 ? candidates[0] : (candidates.find(({ outcome }) => outcome.accepted && verifyPssSha384(outcome.facts, intermediate.tbs, intermediate.signature)) ?? candidates[0]);
  if (!root && ark) {
    const presented = appraisal.attempt('certificate-malformed', () => readCertificate(ark, 'ark'));
    const altered = roots.some(({ certificate }) => sameBytes(certificate.spki, presented.spki));
    return appraisal.fail(altered ? 'root-altered' : 'root-untrusted', { message: altered ? 'has the key of a trusted root, but is another certificate' : 'is none of the trusted roots', path: 'ark' });
  }
  if (!root) return appraisal.fail('root-untrusted', { message: 'its issuer is none of the trusted roots', path });
  if (!root.outcome.accepted) return appraisal.fail(root.outcome.reason, root.outcome);
  appraisal.pass('root-untrusted');
  if (ark) appraisal.pass('root-altered');
  return { root: root.certificate, key: root.outcome.facts };
}
