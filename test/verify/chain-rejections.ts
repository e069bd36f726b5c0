/** What is wrong with certificates and revocation lists, one row each. */
import { constants, sign } from 'node:crypto';
import { AlgorithmIdentifier } from '@peculiar/asn1-x509';
import type { RsaSigner } from '../../emulator/crypto/sign.ts';
import { derIa5String, OID } from '../../emulator/pki/der.ts';
import { basicConstraintsCa, keyUsage } from '../../emulator/pki/extensions.ts';
import { type CertificateSpec, type ExtensionSpec, issueCertificate } from '../../emulator/pki/issue.ts';
import { type CrlSpec, issueCrl } from '../../emulator/pki/revoke.ts';
import { type PresentedSnp, type SnpReason, SnpTrust } from '../../harness/verify/index.ts';
import { AUTHORITIES, type Edits, type Machine, MILAN, NOW, type Wishes, world } from './snp-evidence.ts';

/** One way in which evidence is wrong. */
export interface Rejection {
  readonly name: string;
  readonly reason: SnpReason;
  readonly edits: Edits;
  /** Milan, version 3, VCEK unless said here. */
  readonly machine?: Machine;
  /** Wishes of both the bad and the good one. */
  readonly wishes?: Wishes;
  /** Edits of both the bad and the good one. */
  readonly both?: Edits;
  /** Where the verdict must point, if that is worth a word. */
  readonly path?: string;
}

const AMD = '1.3.6.1.4.1.3704.1.';
const DAY = 86_400_000;
const { Milan, Genoa } = AUTHORITIES;
const VLEK: Machine = { ...MILAN, signer: 'vlek' };
const extensions =
  (change: (list: readonly ExtensionSpec[]) => readonly ExtensionSpec[]) =>
  (spec: CertificateSpec): CertificateSpec => ({ ...spec, extensions: change(spec.extensions) });
const without = (oid: string) => extensions((list) => list.filter((e) => e.oid !== oid));
const and = (...more: readonly ExtensionSpec[]) => extensions((list) => [...list, ...more]);
const replaced = (oid: string, value: readonly number[] | Uint8Array) => extensions((list) => list.map((e) => (e.oid === oid ? { ...e, value: Uint8Array.from(value) } : e)));
const renamed =
  (type: string, text: string, who: 'subject' | 'issuer' = 'subject') =>
  (spec: CertificateSpec): CertificateSpec => ({ ...spec, [who]: spec[who].map(([t, old]) => [t, t === type ? text : old] as const) });

/** Signs with PKCS#1 v1.5, whatever the certificate says. */
const pkcs1 = (key: RsaSigner): RsaSigner => ({ ...key, sign: (message) => new Uint8Array(sign('sha384', message, key.privateKey)) });
/** Signs with PSS, but another salt. */
const salt32 = (key: RsaSigner): RsaSigner => ({ ...key, sign: (message) => new Uint8Array(sign('sha384', message, { key: key.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 })) });
const SHA384_RSA = new AlgorithmIdentifier({ algorithm: '1.2.840.113549.1.1.12', parameters: Uint8Array.of(5, 0).buffer });
const flipped = (src: Uint8Array | undefined, fromEnd: number): Uint8Array => {
  const copy = new Uint8Array(src ?? []);
  copy[copy.length - fromEnd] = (copy[copy.length - fromEnd] ?? 0) ^ 1;
  return copy;
};
/** The ARK, issued anew with a change, by its own key. */
const otherArk = (edit: (spec: CertificateSpec) => CertificateSpec): Uint8Array => Milan.editedCertificate('ARK', edit).der;
/** Evidence and trust alike in an ARK that is wrong: what the caller trusts must be a proper root, too. */
const trusting = (ark: Uint8Array): Pick<Rejection, 'edits'> & { readonly trust: SnpTrust } => ({ edits: { presented: (e) => ({ ...e, ark }) }, trust: new SnpTrust([ark]) });

/** Rows whose trust is not that in the world's own roots. */
export interface RootRejection extends Rejection {
  readonly trust: SnpTrust;
}

export const ROOT_REJECTIONS: readonly RootRejection[] = [
  { name: 'no root is trusted at all', reason: 'root-untrusted', edits: {}, trust: new SnpTrust([]) },
  { name: 'only the root of another line is trusted', reason: 'root-untrusted', edits: {}, trust: new SnpTrust([Genoa.certificate('ARK').der]), path: 'ark' },
  {
    name: 'only the root of another line is trusted, and none is presented',
    reason: 'root-untrusted',
    edits: { presented: ({ ark: _, ...rest }) => rest },
    trust: new SnpTrust([Genoa.certificate('ARK').der]),
    path: 'ask',
  },
  {
    name: 'a self-made chain with the right names under a root with the right name',
    reason: 'root-untrusted',
    edits: {},
    trust: new SnpTrust([issueCertificate({ ...Milan.certificate('ARK').spec, spki: Genoa.key('ARK').spki }, Genoa.key('ARK')).der]),
  },
  {
    name: 'the same, and the evidence brings no root',
    reason: 'certificate-signature',
    edits: { presented: ({ ark: _, ...rest }) => rest },
    trust: new SnpTrust([issueCertificate({ ...Milan.certificate('ARK').spec, spki: Genoa.key('ARK').spki }, Genoa.key('ARK')).der]),
    path: 'ask',
  },
  { name: 'the trusted root has expired', reason: 'certificate-expired', ...trusting(otherArk((spec) => ({ ...spec, notAfter: NOW - DAY }))), path: 'ark' },
  { name: 'the trusted root is not valid yet', reason: 'certificate-not-yet-valid', ...trusting(otherArk((spec) => ({ ...spec, notBefore: NOW + DAY }))), path: 'ark' },
  { name: 'the trusted root is not signed by itself', reason: 'certificate-signature', ...trusting(flipped(Milan.certificate('ARK').der, 1)), path: 'ark' },
  { name: 'the trusted root is no authority', reason: 'authority-not-ca', ...trusting(otherArk(without(OID.basicConstraints))), path: 'ark' },
  { name: 'the trusted root may not sign lists', reason: 'authority-key-usage', ...trusting(otherArk(extensions((list) => list.map((e) => (e.oid === OID.keyUsage ? keyUsage('keyCertSign') : e))))), path: 'ark' },
  {
    name: 'the trusted root allows no authority below it',
    reason: 'authority-path-length',
    ...trusting(otherArk(extensions((list) => list.map((e) => (e.oid === OID.basicConstraints ? basicConstraintsCa(0) : e))))),
    path: 'ark',
  },
  { name: 'the trusted root is issued by another', reason: 'certificate-issuer', ...trusting(otherArk(renamed(OID.commonName, 'ARK-Genoa', 'issuer'))), path: 'ark' },
];

export const CHAIN_REJECTIONS: readonly Rejection[] = [
  { name: 'there is no leaf', reason: 'evidence-incomplete', edits: { presented: ({ vcek: _, ...rest }) => rest } },
  { name: 'there is no ASK', reason: 'evidence-incomplete', edits: { presented: ({ ask: _, ...rest }) => rest }, path: 'ask' },
  { name: 'there are two leaves', reason: 'evidence-incomplete', edits: { presented: (e) => ({ ...e, ...(e.vcek ? { vlek: e.vcek } : {}) }) } },
  { name: 'the leaf is no certificate', reason: 'certificate-malformed', edits: { presented: (e) => ({ ...e, vcek: Uint8Array.of(0x30, 0) }) }, path: 'vcek.sequence.tbsCertificate' },
  { name: 'bytes follow the leaf', reason: 'certificate-malformed', edits: { presented: (e) => ({ ...e, vcek: Uint8Array.of(...(e.vcek ?? []), 0) }) } },
  { name: 'the ASK is cut short', reason: 'certificate-malformed', edits: { presented: (e) => ({ ...e, ask: (e.ask ?? new Uint8Array()).subarray(0, 900) }) } },
  { name: 'the presented ARK is no certificate', reason: 'certificate-malformed', edits: { presented: (e) => ({ ...e, ark: Uint8Array.of(1, 2, 3) }) } },
  { name: 'the presented ARK has the trusted key, but a corrupt self-signature', reason: 'root-altered', edits: { presented: (e) => ({ ...e, ark: flipped(e.ark, 1) }) }, path: 'ark' },
  { name: 'the presented ARK has the trusted key, but lives longer', reason: 'root-altered', edits: { presented: (e) => ({ ...e, ark: otherArk((spec) => ({ ...spec, notAfter: spec.notAfter + DAY })) }) }, path: 'ark' },
  { name: 'the presented ARK is that of another line', reason: 'certificate-issuer', edits: { presented: (e) => ({ ...e, ark: Genoa.certificate('ARK').der }) }, path: 'ask' },
  { name: 'the ASK has the right name, but is signed by another key than the ARK', reason: 'certificate-signature', edits: { intermediateKey: Genoa.key('ARK') }, path: 'ask' },
  { name: 'the ASK names another issuer', reason: 'certificate-issuer', edits: { intermediate: renamed(OID.commonName, 'ARK-Genoa', 'issuer') }, path: 'ask' },
  { name: 'the ASK is no authority', reason: 'authority-not-ca', edits: { intermediate: without(OID.basicConstraints) }, path: 'ask' },
  { name: 'the ASK may not sign certificates', reason: 'authority-key-usage', edits: { intermediate: extensions((list) => list.map((e) => (e.oid === OID.keyUsage ? keyUsage('cRLSign') : e))) }, path: 'ask' },
  {
    name: 'the ASK allows authorities below it',
    reason: 'authority-path-length',
    edits: { intermediate: extensions((list) => list.map((e) => (e.oid === OID.basicConstraints ? basicConstraintsCa() : e))) },
    path: 'ask',
  },
  { name: "the ASK's basic constraints cannot be read", reason: 'certificate-extension-malformed', edits: { intermediate: replaced(OID.basicConstraints, [0x30, 3, 1, 1, 1]) } },
  { name: "the ASK's key is on a curve", reason: 'authority-key', edits: { intermediate: (spec) => ({ ...spec, spki: world.ecKey('other', 'P-384').spki }) }, path: 'ask' },
  { name: 'the ASK has expired', reason: 'certificate-expired', edits: { intermediate: (spec) => ({ ...spec, notAfter: NOW - 1000 }) }, path: 'ask' },
  { name: 'the ASK bears another name', reason: 'certificate-name', edits: { intermediate: renamed(OID.commonName, 'SEV-Rome') }, path: 'ask' },
  { name: "the ASK's name has another organization", reason: 'certificate-name', edits: { intermediate: renamed(OID.organization, 'Advanced Micro Device') }, path: 'ask' },
  { name: 'the leaf is signed by another ASK of the same name', reason: 'certificate-signature', edits: { leafKey: Genoa.key('ASK') }, path: 'vcek' },
  { name: 'the leaf names another issuer', reason: 'certificate-issuer', edits: { leaf: renamed(OID.commonName, 'SEV-Genoa', 'issuer') }, path: 'vcek' },
  { name: 'the leaf bears another name', reason: 'certificate-name', edits: { leaf: renamed(OID.commonName, 'SEV-VCEK2') }, path: 'vcek' },
  { name: 'the leaf has expired', reason: 'certificate-expired', edits: { leaf: (spec) => ({ ...spec, notAfter: NOW - 1000 }) }, path: 'vcek' },
  { name: 'the leaf is not valid yet', reason: 'certificate-not-yet-valid', edits: { leaf: (spec) => ({ ...spec, notBefore: NOW + 1000 }) }, path: 'vcek' },
  { name: 'the leaf is signed with PKCS#1 v1.5 and says so', reason: 'certificate-algorithm', edits: { leaf: (spec) => ({ ...spec, signatureAlgorithm: SHA384_RSA }), leafKey: pkcs1(Milan.key('ASK')) }, path: 'vcek' },
  { name: 'the leaf is signed with PKCS#1 v1.5 and says PSS', reason: 'certificate-signature', edits: { leafKey: pkcs1(Milan.key('ASK')) }, path: 'vcek' },
  { name: 'the leaf is signed with a salt of 32 bytes', reason: 'certificate-signature', edits: { leafKey: salt32(Milan.key('ASK')) }, path: 'vcek' },
  { name: "the leaf's key is on P-256", reason: 'leaf-key', edits: { leaf: (spec) => ({ ...spec, spki: world.ecKey('other', 'P-256').spki }) }, path: 'vcek' },
  { name: "the leaf's key is no point on the curve", reason: 'leaf-key', edits: { leaf: (spec) => ({ ...spec, spki: flipped(spec.spki, 1) }) }, path: 'vcek' },
  { name: 'the leaf is an authority', reason: 'leaf-authority', edits: { leaf: and(basicConstraintsCa()) }, wishes: { now: NOW, allowOtherExtensions: true }, path: 'vcek' },
  { name: 'the leaf has a key usage, which genuine ones do not have', reason: 'leaf-extension', edits: { leaf: and(keyUsage('digitalSignature')) }, path: 'vcek' },
  {
    name: 'the leaf has an unknown critical extension',
    reason: 'certificate-extension-critical',
    edits: { leaf: and({ oid: '1.2.3.4', critical: true, value: Uint8Array.of(5, 0) }) },
    wishes: { now: NOW, allowOtherExtensions: true },
  },
  { name: 'the leaf states one level of its TCB twice', reason: 'certificate-extension-twice', edits: { leaf: and({ oid: `${AMD}3.3`, critical: false, value: Uint8Array.of(2, 1, 0x7f) }) }, path: 'vcek' },
  { name: 'the leaf names a chip and a provider', reason: 'leaf-identity', edits: { leaf: and({ oid: `${AMD}5`, critical: false, value: derIa5String('CN=x') }) } },
  { name: 'a VCEK names no chip', reason: 'leaf-identity', edits: { leaf: without(`${AMD}4`) } },
  { name: 'a VLEK names no provider', reason: 'leaf-identity', edits: { leaf: without(`${AMD}5`) }, machine: VLEK },
  { name: "a VLEK's provider is no IA5String", reason: 'certificate-extension-malformed', edits: { leaf: replaced(`${AMD}5`, [0x0c, 1, 0x41]) }, machine: VLEK },
  { name: 'a Milan VCEK names a chip by 8 bytes', reason: 'leaf-hwid', edits: { leaf: extensions((list) => list.map((e) => (e.oid === `${AMD}4` ? { ...e, value: e.value.slice(0, 8) } : e))) } },
  { name: 'a Turin VCEK names a chip by 64 bytes', reason: 'leaf-hwid', edits: { leaf: replaced(`${AMD}4`, new Uint8Array(64)) }, machine: { line: 'Turin', version: 5, signer: 'vcek' } },
  { name: 'a VLEK and its ASVK are presented as VCEK and ASK', reason: 'leaf-kind', edits: { presented: ({ vlek, asvk, ...rest }) => asVcek(rest, vlek, asvk) }, machine: VLEK, path: 'vcek' },
  { name: 'a VCEK under an ASVK', reason: 'leaf-kind', edits: { presented: (e) => ({ ...e, ask: Milan.certificate('ASVK').der }) }, path: 'vcek' },
  { name: 'a certificate of version 1', reason: 'certificate-version', edits: { presented: (e) => ({ ...e, ask: versionOne(e.ask ?? new Uint8Array()) }) }, path: 'ask' },
  { name: 'a report of Genoa under the chain of Milan', reason: 'product-line', edits: { report: (r) => ({ ...r, cpuidModId: 0x11 }) } },
  {
    name: 'a report of version 2 under the chain of Turin',
    reason: 'product-line',
    edits: { presented: (e) => ({ ...e, report: e.report.with(0, 2) }) },
    machine: { line: 'Turin', version: 5, signer: 'vcek' },
    wishes: { now: NOW, allowReserved: true },
  },
  { name: 'a report of version 2 whose certificate is for another product', reason: 'product-name', edits: { leaf: replaced(`${AMD}2`, derIa5String('Genoa-B1')) }, machine: { ...MILAN, version: 2 } },
];

const crl = (edit: (spec: CrlSpec) => CrlSpec = (spec) => spec): Edits => ({ crl: edit });
const both = crl();
const revoking = (serial: readonly number[]): Edits => crl((spec) => ({ ...spec, revoked: [{ serial: Uint8Array.from(serial), at: NOW - DAY }] }));

export const REVOCATION_REJECTIONS: readonly Rejection[] = [
  { name: 'there is no list, and one is required', reason: 'crl-missing', both, edits: { presented: ({ crl: _, ...rest }) => rest }, wishes: { now: NOW, requireCrl: true } },
  { name: 'the list is no DER', reason: 'crl-malformed', both, edits: { presented: (e) => ({ ...e, crl: Uint8Array.of(0x30, 0x80, 0, 0) }) } },
  { name: 'the list is of version 1', reason: 'crl-version', both, edits: { presented: (e) => ({ ...e, crl: crlVersionOne(e.crl ?? new Uint8Array()) }) } },
  { name: 'the list is that of another line', reason: 'crl-issuer', both, edits: { presented: (e) => ({ ...e, crl: Genoa.crl() }) } },
  { name: 'the list names another algorithm', reason: 'crl-algorithm', both, edits: crl((spec) => ({ ...spec, signatureAlgorithm: SHA384_RSA })) },
  { name: 'the list is signed by another key', reason: 'crl-signature', both, edits: { presented: (e) => ({ ...e, crl: foreignCrl() }) } },
  { name: 'one bit of the list is changed', reason: 'crl-signature', both, edits: { presented: (e) => ({ ...e, crl: flipped(e.crl, 1) }) } },
  { name: 'the list is a delta', reason: 'crl-extension-critical', both, edits: crl((spec) => ({ ...spec, extensions: [...spec.extensions, { oid: '2.5.29.27', critical: true, value: Uint8Array.of(2, 1, 1) }] })) },
  { name: 'the list is issued in the future', reason: 'crl-future', both, edits: crl((spec) => ({ ...spec, thisUpdate: NOW + DAY })) },
  { name: 'the list does not say until when it counts', reason: 'crl-no-next-update', both, edits: crl(({ nextUpdate: _, ...spec }) => spec) },
  { name: 'the list has run out', reason: 'crl-stale', both, edits: crl((spec) => ({ ...spec, nextUpdate: NOW - DAY })) },
  { name: 'the list names the ASK', reason: 'intermediate-revoked', both, edits: revoking([1, 0, 1]) },
  { name: 'the list names the ASVK', reason: 'intermediate-revoked', both, edits: revoking([1, 1, 1]), machine: VLEK },
  { name: 'the list names the ARK itself', reason: 'root-revoked', both, edits: revoking([1, 0, 0]) },
  { name: 'the list names the VCEK', reason: 'leaf-revoked', both, edits: revoking([0]) },
  { name: 'the list is older than allowed', reason: 'crl-too-old', both, edits: crl((spec) => ({ ...spec, thisUpdate: NOW - 40 * DAY })), wishes: { now: NOW, maximumCrlAge: 35 * DAY } },
];

function asVcek(rest: PresentedSnp, vlek: Uint8Array | undefined, asvk: Uint8Array | undefined): PresentedSnp {
  return { ...rest, ...(vlek ? { vcek: vlek } : {}), ...(asvk ? { ask: asvk } : {}) };
}

/** A list with the right names, by another key. */
function foreignCrl(): Uint8Array {
  const mine: { spec?: CrlSpec } = {};
  Milan.crl((spec) => {
    mine.spec = spec;
    return spec;
  });
  if (!mine.spec) throw new Error('no list');
  return issueCrl(mine.spec, Genoa.key('ARK'));
}

/** Takes bytes out of DER whose outer two lengths are long ones of two bytes: the whole, and the signed part. */
function cut(src: Uint8Array, at: number, count: number): Uint8Array {
  const out = Uint8Array.of(...src.subarray(0, at), ...src.subarray(at + count));
  const view = new DataView(out.buffer);
  for (const length of [2, 6]) view.setUint16(length, view.getUint16(length) - count);
  return out;
}

/** Without the explicit version, a certificate is of version 1. */
function versionOne(src: Uint8Array): Uint8Array {
  return cut(src, 8, 5);
}

/** Without the version, a list is of version 1. */
function crlVersionOne(src: Uint8Array): Uint8Array {
  return cut(src, 8, 3);
}
