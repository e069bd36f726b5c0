/** What is wrong with certificates and revocation lists, one row each. */
import { AlgorithmIdentifier } from '@peculiar/asn1-x509';
import { derIa5String, OID, pem } from '../../../../emulator/pki/der.ts';
import { authorityKeyIdentifier, basicConstraintsCa, basicConstraintsLeaf, keyUsage } from '../../../../emulator/pki/extensions.ts';
import { type CertificateSpec, type ExtensionSpec, issueCertificate } from '../../../../emulator/pki/issue.ts';
import { intelKeyIdentifier, sgxExtension } from '../../../../emulator/pki/profiles/intel.ts';
import { pemBlocks } from '../../../../emulator/pki/read.ts';
import type { CrlSpec } from '../../../../emulator/pki/revoke.ts';
import { readSgxExtension, SGX_EXTENSION_OID } from '../../../../emulator/pki/sgx-extension.ts';
import { type Change, IntelAuthority } from '../../../../emulator/tdx/authority.ts';
import { fixedClock, seededWorld } from '../../../../emulator/world.ts';
import { type PresentedCollateral, TdxTrust } from '../../../../harness/verify/index.ts';
import { authority, DAY, type Edits, type Evidence, NOW, platformOf, V4, withChain, world } from '../evidence.ts';
import { type Rejection, STRANGER, type Unusual } from './rejection.ts';

type Who = 'pck' | 'pckCa' | 'tcbSigning';
const EVERYONE: readonly Who[] = ['pck', 'pckCa', 'tcbSigning'];
const PATH: Readonly<Record<Who, string>> = { pck: 'pck', pckCa: 'pck_ca', tcbSigning: 'tcb_signing' };
type SpecEdit = (spec: CertificateSpec) => CertificateSpec;
const change = (who: Who, edit: SpecEdit): Edits => ({ [who]: { edit } });
const extensions =
  (alter: (list: readonly ExtensionSpec[]) => readonly ExtensionSpec[]): SpecEdit =>
  (spec) => ({ ...spec, extensions: alter(spec.extensions) });
const without = (oid: string): SpecEdit => extensions((list) => list.filter((e) => e.oid !== oid));
const and = (...more: readonly ExtensionSpec[]): SpecEdit => extensions((list) => [...list, ...more]);
const instead = (extension: ExtensionSpec): SpecEdit => extensions((list) => list.map((e) => (e.oid === extension.oid ? extension : e)));
const value =
  (oid: string, alter: (value: Uint8Array) => Uint8Array): SpecEdit =>
  (spec) => ({ ...spec, extensions: spec.extensions.map((e) => (e.oid === oid ? { ...e, value: alter(e.value) } : e)) });
const renamed =
  (who: 'subject' | 'issuer', type: string, text: string): SpecEdit =>
  (spec) => ({ ...spec, [who]: spec[who].map(([t, old]) => [t, t === type ? text : old] as const) });
const P384 = world.ecKey('test/p-384', 'P-384');
const SHA384_ECDSA = new AlgorithmIdentifier({ algorithm: '1.2.840.10045.4.3.3' });
const unknown = (critical: boolean): ExtensionSpec => ({ oid: '1.2.3.4', critical, value: Uint8Array.of(5, 0) });
const EXTENSIONS = {
  'authority key identifier': OID.authorityKeyIdentifier,
  'list URL': OID.crlDistributionPoints,
  'subject key identifier': OID.subjectKeyIdentifier,
  'key usage': OID.keyUsage,
  'basic constraints': OID.basicConstraints,
};

const collateral = (alter: (c: PresentedCollateral) => Partial<PresentedCollateral>): Edits => ({
  presented: (e): Evidence => ({ ...e, collateral: { ...e.collateral, ...alter(e.collateral) } }),
});
const issuerChain = (text: string): Edits => collateral(() => ({ tcbInfoIssuerChain: text, qeIdentityIssuerChain: text }));
/** The chain in the quote. */
const chain = (text: string): Edits => ({ quote: (parts) => withChain(parts, text) });
const PCK_PEM = authority.pck(platformOf(V4)).pem;
const CA_PEM = authority.certificate('PLATFORM').pem;
const SIGNER_PEM = authority.certificate('TCB_SIGNING').pem;
const ROOT_PEM = authority.certificate('ROOT').pem;

/** Another world's Intel, with the same names. */
const OTHER = new IntelAuthority(seededWorld('another world', fixedClock(NOW)));
const OTHER_ROOT = OTHER.certificate('ROOT').der;
/** The root, issued anew with a change, by its own key. */
const otherRoot = (edit: SpecEdit): Uint8Array => authority.editedCertificate('ROOT', { edit }).der;
/** Evidence and trust alike in a root that is wrong: what the caller trusts must be a proper root, too. */
function trusting(root: Uint8Array): Pick<Rejection, 'edits' | 'trust'> {
  const text = pem('CERTIFICATE', root);
  const ends = (given: string | Uint8Array): string => String(given).replace(ROOT_PEM, text);
  return {
    edits: {
      ...chain(PCK_PEM + CA_PEM + text),
      ...collateral((c) => ({ tcbInfoIssuerChain: ends(c.tcbInfoIssuerChain), qeIdentityIssuerChain: ends(c.qeIdentityIssuerChain), pckCrlIssuerChain: ends(c.pckCrlIssuerChain) })),
    },
    trust: new TdxTrust([root]),
  };
}
const flipped = (src: Uint8Array): Uint8Array => src.with(src.length - 1, (src.at(-1) ?? 0) ^ 1);

/** Without the explicit version, a certificate is of version 1: takes it out of DER whose outer two lengths are long ones of two bytes. */
function versionOne(text: string): string {
  const [src = new Uint8Array()] = pemBlocks(text, 'CERTIFICATE');
  return pem('CERTIFICATE', cut(src, 8, 5));
}

/** Takes bytes out of DER whose outer two lengths are long ones: the whole, and the signed part. */
function cut(src: Uint8Array, at: number, count: number): Uint8Array {
  const out = Uint8Array.of(...src.subarray(0, at), ...src.subarray(at + count));
  const view = new DataView(out.buffer);
  for (const length of [2, 6]) view.setUint16(length, view.getUint16(length) - count);
  return out;
}

/** A list of version 1: takes the version out of a short list, whose lengths are 30 82 and 30 81. */
function crlVersionOne(src: Uint8Array): Uint8Array {
  const out = Uint8Array.of(...src.subarray(0, 7), ...src.subarray(10));
  const view = new DataView(out.buffer);
  view.setUint16(2, view.getUint16(2) - 3);
  out[6] = (out[6] ?? 0) - 3;
  return out;
}

const nested = (depth: number): Uint8Array => {
  // Each SEQUENCE holds the next; lengths of two bytes, from the inside out.
  const out = new Uint8Array(4 * depth);
  for (let i = 0; i < depth; i++) out.set([0x30, 0x82, (4 * (depth - i - 1)) >> 8, (4 * (depth - i - 1)) & 0xff], 4 * i);
  return out;
};
const subject = (edit: (platform: ReturnType<typeof readSgxExtension>) => ReturnType<typeof readSgxExtension>): SpecEdit =>
  value(SGX_EXTENSION_OID, (old) => sgxExtension({ ...edit(readSgxExtension(old)), serial: new Uint8Array(20), issueOffset: 0 }).value);
/** CPUSVN stands behind its OID as an OCTET STRING: its first byte is changed. */
const cpuSvn: SpecEdit = value(SGX_EXTENSION_OID, (old) => {
  const at = Buffer.from(old).indexOf(Buffer.from('060b2a864886f84d010d010212' + '0410', 'hex')) + 15;
  return old.with(at, (old[at] ?? 0) + 1);
});

export const ROOT_REJECTIONS: readonly Rejection[] = [
  { name: 'no root is trusted at all', reason: 'root-untrusted', trust: new TdxTrust([]) },
  { name: "only another world's root is trusted, with the same name", reason: 'root-untrusted', trust: new TdxTrust([OTHER_ROOT]), path: 'root' },
  { name: 'the trusted root has another serial, and the same key', reason: 'root-altered', trust: new TdxTrust([otherRoot((spec) => ({ ...spec, serial: new Uint8Array(20).fill(3) }))]), path: 'root' },
  {
    name: 'the documents are signed below one trusted root, the identity below another',
    reason: 'root-mixed',
    trust: new TdxTrust([authority.certificate('ROOT').der, OTHER_ROOT]),
    edits: collateral(() => ({ qeIdentityIssuerChain: OTHER.tcbSigningChain() })),
  },
  {
    name: 'the PCK hangs on one trusted root, the collateral on another',
    reason: 'root-mixed',
    trust: new TdxTrust([authority.certificate('ROOT').der, OTHER_ROOT]),
    edits: chain(OTHER.pckChain(platformOf(V4))),
    path: 'pck',
  },
  { name: 'the trusted root has expired', reason: 'certificate-expired', ...trusting(otherRoot((spec) => ({ ...spec, notAfter: NOW - DAY }))), path: 'root' },
  { name: 'the trusted root is not valid yet', reason: 'certificate-not-yet-valid', ...trusting(otherRoot((spec) => ({ ...spec, notBefore: NOW + DAY }))), path: 'root' },
  { name: 'the trusted root is not signed by itself', reason: 'certificate-signature', ...trusting(flipped(authority.certificate('ROOT').der)), path: 'root' },
  { name: 'the trusted root is issued by somebody else', reason: 'certificate-issuer', ...trusting(otherRoot(renamed('issuer', OID.commonName, 'Somebody'))), path: 'root' },
  { name: 'the trusted root is no authority', reason: 'authority-not-ca', ...trusting(otherRoot(instead(basicConstraintsLeaf()))), path: 'root' },
  { name: 'the trusted root allows no authority below it', reason: 'authority-path-length', ...trusting(otherRoot(instead(basicConstraintsCa(0)))), path: 'root' },
  { name: 'the trusted root may not sign lists', reason: 'authority-key-usage', ...trusting(otherRoot(instead(keyUsage('keyCertSign')))), path: 'root' },
  { name: "the trusted root's key is on P-384", reason: 'authority-key', ...trusting(issueCertificate({ ...authority.certificate('ROOT').spec, spki: P384.spki }, authority.key('ROOT')).der), path: 'root' },
];

export const CHAIN_REJECTIONS: readonly Rejection[] = [
  ...EVERYONE.flatMap((who): Rejection[] => [
    { name: `${who}: its name is another`, reason: 'certificate-name', edits: change(who, renamed('subject', OID.commonName, 'Mock Intel SGX')), path: PATH[who] },
    { name: `${who}: its organisation is another`, reason: 'certificate-name', edits: change(who, renamed('subject', OID.organization, 'Intel')), path: PATH[who] },
    { name: `${who}: its name has no country`, reason: 'certificate-name', edits: change(who, (spec) => ({ ...spec, subject: spec.subject.slice(0, -1) })), path: PATH[who] },
    { name: `${who}: its issuer is somebody else`, reason: 'certificate-issuer', edits: change(who, renamed('issuer', OID.commonName, 'Somebody')), path: PATH[who] },
    { name: `${who}: it is signed with another algorithm`, reason: 'certificate-algorithm', edits: change(who, (spec) => ({ ...spec, signatureAlgorithm: SHA384_ECDSA })), path: PATH[who] },
    { name: `${who}: another key signed it`, reason: 'certificate-signature', edits: { [who]: { signedBy: STRANGER } }, path: PATH[who] },
    { name: `${who}: an unknown extension is critical`, reason: 'certificate-extension-critical', edits: change(who, and(unknown(true))), path: PATH[who] },
    { name: `${who}: it names another key above it`, reason: 'certificate-key-identifier', edits: change(who, instead(authorityKeyIdentifier(STRANGER.spki, intelKeyIdentifier))), path: PATH[who] },
    {
      name: `${who}: it names another key above it, and nobody signed it`,
      reason: 'certificate-key-identifier',
      edits: { [who]: { edit: instead(authorityKeyIdentifier(STRANGER.spki, intelKeyIdentifier)), signedBy: STRANGER } },
      path: PATH[who],
    },
    { name: `${who}: it is not valid yet`, reason: 'certificate-not-yet-valid', edits: change(who, (spec) => ({ ...spec, notBefore: NOW + 1000 })), path: PATH[who] },
    { name: `${who}: it has expired`, reason: 'certificate-expired', edits: change(who, (spec) => ({ ...spec, notAfter: NOW - 1000 })), path: PATH[who] },
    ...Object.entries(EXTENSIONS).map(([name, oid]): Rejection => ({ name: `${who}: it has no ${name}`, reason: 'certificate-extension-missing', edits: change(who, without(oid)), path: PATH[who] })),
  ]),
  { name: 'it is of version 1', reason: 'certificate-version', edits: issuerChain(versionOne(SIGNER_PEM) + ROOT_PEM), path: 'tcb_signing' },
  { name: 'an extension stands there twice', reason: 'certificate-extension-twice', edits: change('tcbSigning', and(keyUsage('digitalSignature'))) },
  {
    name: 'its basic constraints are no DER',
    reason: 'certificate-extension-malformed',
    edits: change(
      'tcbSigning',
      value(OID.basicConstraints, () => Uint8Array.of(1, 2, 3)),
    ),
  },
  {
    name: 'its key usage is no DER',
    reason: 'certificate-extension-malformed',
    edits: change(
      'pck',
      value(OID.keyUsage, () => Uint8Array.of(3, 200)),
    ),
  },
  {
    name: 'its subject key identifier is no DER',
    reason: 'certificate-extension-malformed',
    edits: change(
      'pckCa',
      value(OID.subjectKeyIdentifier, () => Uint8Array.of(4, 200)),
    ),
  },
  { name: 'a chain of the collateral is no PEM', reason: 'certificate-malformed', edits: issuerChain('hello') },
  { name: 'a certificate of the collateral is no DER', reason: 'certificate-malformed', edits: issuerChain(pem('CERTIFICATE', Uint8Array.of(0x30, 3, 1, 2, 3)) + ROOT_PEM) },
  { name: 'the PCK certificate is no DER', reason: 'certificate-malformed', edits: chain(pem('CERTIFICATE', new Uint8Array(700)) + CA_PEM + ROOT_PEM), path: 'pck.sequence' },
  { name: 'the authority above the PCK is not marked as one', reason: 'authority-not-ca', edits: change('pckCa', instead(basicConstraintsLeaf())), path: 'pck_ca' },
  { name: 'the authority above the PCK may have authorities below it', reason: 'authority-path-length', edits: change('pckCa', instead(basicConstraintsCa(1))), path: 'pck_ca' },
  { name: 'the authority above the PCK may have any number of authorities below it', reason: 'authority-path-length', edits: change('pckCa', instead(basicConstraintsCa())), path: 'pck_ca' },
  { name: 'the authority above the PCK may not sign certificates', reason: 'authority-key-usage', edits: change('pckCa', instead(keyUsage('cRLSign'))), path: 'pck_ca' },
  { name: 'the authority above the PCK may not sign lists', reason: 'authority-key-usage', edits: change('pckCa', instead(keyUsage('keyCertSign'))), path: 'pck_ca' },
  { name: 'the key of the authority above the PCK is on P-384', reason: 'authority-key', edits: change('pckCa', (spec) => ({ ...spec, spki: P384.spki })), path: 'pck_ca' },
  { name: 'the PCK is on P-384', reason: 'leaf-key', edits: change('pck', (spec) => ({ ...spec, spki: P384.spki })), path: 'pck' },
  { name: 'the key for TCB info is on P-384', reason: 'leaf-key', edits: change('tcbSigning', (spec) => ({ ...spec, spki: P384.spki })), path: 'tcb_signing' },
  { name: 'the PCK certificate says that it is an authority', reason: 'leaf-authority', edits: change('pck', instead(basicConstraintsCa(0))), path: 'pck' },
  { name: 'the certificate for TCB info may sign certificates', reason: 'leaf-authority', edits: change('tcbSigning', instead(keyUsage('digitalSignature', 'keyCertSign'))), path: 'tcb_signing' },
  { name: 'the PCK is not for signatures', reason: 'leaf-key-usage', edits: change('pck', instead(keyUsage('nonRepudiation'))), path: 'pck' },
  { name: 'the PCK certificate has a seventh extension', reason: 'leaf-extension', edits: change('pck', and(unknown(false))), path: 'pck' },
  {
    name: 'the PCK certificate has no SGX extension, but another in its place',
    reason: 'sgx-extension-missing',
    edits: change(
      'pck',
      extensions((list) => [...list.filter((e) => e.oid !== SGX_EXTENSION_OID), unknown(false)]),
    ),
  },
  {
    name: 'the SGX extension is cut short',
    reason: 'sgx-extension-malformed',
    edits: change(
      'pck',
      value(SGX_EXTENSION_OID, (old) => old.slice(0, -1)),
    ),
  },
  {
    name: 'the SGX extension is a SEQUENCE in a SEQUENCE, three thousand times',
    reason: 'sgx-extension-malformed',
    edits: change(
      'pck',
      value(SGX_EXTENSION_OID, () => nested(3000)),
    ),
  },
  {
    name: 'the SGX extension is empty',
    reason: 'sgx-extension-malformed',
    edits: change(
      'pck',
      value(SGX_EXTENSION_OID, () => Uint8Array.of(0x30, 0)),
    ),
  },
  {
    name: 'the FMSPC has five bytes',
    reason: 'sgx-extension-malformed',
    edits: change(
      'pck',
      subject((p) => ({ ...p, fmspc: p.fmspc.slice(1) })),
    ),
  },
  {
    name: 'a component is 256',
    reason: 'sgx-extension-malformed',
    edits: change(
      'pck',
      subject((p) => ({ ...p, components: [256, ...p.components.slice(1)] })),
    ),
  },
  {
    name: 'the certificate is of the Platform CA, and names no platform instance',
    reason: 'sgx-extension-platform',
    edits: change(
      'pck',
      subject(({ platform: _, ...p }) => p),
    ),
  },
  { name: 'CPUSVN is not what the components say', reason: 'pck-cpu-svn', edits: change('pck', cpuSvn) },
  { name: 'the chain in the quote is the PCK certificate alone', reason: 'certificate-chain-length', edits: chain(PCK_PEM), path: 'pck' },
  { name: 'the chain in the quote has no root', reason: 'certificate-chain-length', edits: chain(PCK_PEM + CA_PEM), path: 'pck' },
  { name: 'the chain in the quote is empty', reason: 'certificate-chain-length', edits: chain(''), path: 'pck' },
  { name: 'the chain in the quote has a fourth certificate', reason: 'certificate-chain-length', edits: chain(PCK_PEM + CA_PEM + ROOT_PEM + ROOT_PEM), path: 'pck' },
  { name: 'the chain in the quote begins with the root', reason: 'root-untrusted', edits: chain(ROOT_PEM + CA_PEM + PCK_PEM) },
  { name: 'a chain of the collateral has no root', reason: 'certificate-chain-length', edits: issuerChain(SIGNER_PEM), path: 'tcb_info_issuer_chain.pem' },
  { name: 'a chain of the collateral begins with the root', reason: 'root-untrusted', edits: issuerChain(ROOT_PEM + SIGNER_PEM) },
  { name: "the chain of the authority's list is that of the key for TCB info", reason: 'certificate-name', edits: collateral(() => ({ pckCrlIssuerChain: SIGNER_PEM + ROOT_PEM })), path: 'pck_ca' },
  { name: 'the key for TCB info is the PCK', reason: 'certificate-name', edits: issuerChain(PCK_PEM + ROOT_PEM), path: 'tcb_signing' },
  { name: 'the lists are those of the other authority', reason: 'pck-crl-authority', edits: collateral(() => ({ pckCrlIssuerChain: authority.pckIssuerChain('processor'), pckCrl: authority.crl('PROCESSOR') })) },
  {
    name: 'the PCK certificate is for another TCB than the quote names',
    reason: 'pck-platform-mismatch',
    machine: { certificationType: 3 },
    edits: { quote: (parts) => ({ ...parts, certification: parts.certification.kind === 'ppid' ? { ...parts.certification, pceSvn: 1 } : parts.certification }) },
  },
  {
    name: 'the PCK certificate is for another platform than the quote names',
    reason: 'pck-platform-mismatch',
    machine: { certificationType: 1 },
    edits: { quote: (parts) => ({ ...parts, certification: parts.certification.kind === 'ppid' ? { ...parts.certification, ppid: new Uint8Array(16) } : parts.certification }) },
  },
];

type List = 'rootCrl' | 'pckCrl';
const LISTS: readonly List[] = ['rootCrl', 'pckCrl'];
const LIST_PATH: Readonly<Record<List, string>> = { rootCrl: 'root_ca_crl.der', pckCrl: 'pck_crl.der' };
const LIST_PART = { rootCrl: 'rootCaCrl', pckCrl: 'pckCrl' } as const;
const crl = (list: List, edit: (spec: CrlSpec) => CrlSpec): Edits => ({ [list]: { edit } });
const presentedCrl = (list: List, alter: (src: Uint8Array) => Uint8Array): Edits => collateral((c) => ({ [LIST_PART[list]]: alter(c[LIST_PART[list]]) }));
const naming = (list: List, serial: Uint8Array): Edits => crl(list, (spec) => ({ ...spec, revoked: [...spec.revoked, { serial, at: NOW - DAY }] }));
const serialOf = (role: 'ROOT' | 'PLATFORM' | 'TCB_SIGNING'): Uint8Array => authority.certificate(role).spec.serial;
const OTHERS: Change<CrlSpec> = { edit: (spec) => ({ ...spec, revoked: Array.from({ length: 300 }, (_, i) => ({ serial: new Uint8Array(20).fill(i % 100, 2).fill(1, 0, 1), at: NOW - DAY })) }) };

export const REVOCATION_REJECTIONS: readonly Rejection[] = [
  ...LISTS.flatMap((list): Rejection[] => [
    { name: `${list}: it is no DER`, reason: 'crl-malformed', edits: presentedCrl(list, (src) => src.slice(0, -1)) },
    { name: `${list}: it is empty`, reason: 'crl-malformed', edits: presentedCrl(list, () => new Uint8Array()) },
    { name: `${list}: it is of version 1`, reason: 'crl-version', edits: presentedCrl(list, crlVersionOne) },
    { name: `${list}: it is somebody else's`, reason: 'crl-issuer', edits: crl(list, (spec) => ({ ...spec, issuer: authority.certificate('PROCESSOR').spec.subject })), path: LIST_PATH[list] },
    { name: `${list}: it is signed with another algorithm`, reason: 'crl-algorithm', edits: crl(list, (spec) => ({ ...spec, signatureAlgorithm: SHA384_ECDSA })) },
    { name: `${list}: another key signed it`, reason: 'crl-signature', edits: { [list]: { signedBy: STRANGER } } },
    { name: `${list}: its signature was changed`, reason: 'crl-signature', edits: presentedCrl(list, flipped) },
    { name: `${list}: it has a critical extension`, reason: 'crl-extension-critical', edits: crl(list, (spec) => ({ ...spec, extensions: [...spec.extensions, unknown(true)] })) },
    { name: `${list}: it has no number`, reason: 'crl-extension-missing', edits: crl(list, (spec) => ({ ...spec, extensions: spec.extensions.filter((e) => e.oid !== OID.crlNumber) })) },
    {
      name: `${list}: it does not name the key that signed it`,
      reason: 'crl-extension-missing',
      edits: crl(list, (spec) => ({ ...spec, extensions: spec.extensions.filter((e) => e.oid !== OID.authorityKeyIdentifier) })),
    },
    {
      name: `${list}: it names another key`,
      reason: 'crl-extension-missing',
      edits: crl(list, (spec) => ({ ...spec, extensions: spec.extensions.map((e) => (e.oid === OID.authorityKeyIdentifier ? authorityKeyIdentifier(STRANGER.spki, intelKeyIdentifier) : e)) })),
    },
    { name: `${list}: it is issued in the future`, reason: 'crl-future', edits: crl(list, (spec) => ({ ...spec, thisUpdate: NOW + 1000 })), path: LIST_PATH[list] },
    { name: `${list}: it does not say until when it counts`, reason: 'crl-no-next-update', edits: crl(list, ({ nextUpdate: _, ...spec }) => spec), path: LIST_PATH[list] },
    { name: `${list}: it has run out`, reason: 'crl-stale', edits: crl(list, (spec) => ({ ...spec, nextUpdate: NOW - 1000 })), path: LIST_PATH[list] },
    { name: `${list}: it is older than allowed`, reason: 'crl-too-old', wishes: { maximumCrlAge: 35 * DAY }, edits: crl(list, (spec) => ({ ...spec, thisUpdate: NOW - 40 * DAY })), path: LIST_PATH[list] },
  ]),
  { name: "the root's list stands in the place of the authority's", reason: 'crl-issuer', edits: collateral((c) => ({ pckCrl: c.rootCaCrl })), path: 'pck_crl.der' },
  { name: "the authority's list stands in the place of the root's", reason: 'crl-issuer', edits: collateral((c) => ({ rootCaCrl: c.pckCrl })), path: 'root_ca_crl.der' },
  { name: "another world's list stands there", reason: 'crl-signature', edits: collateral(() => ({ pckCrl: OTHER.crl('PLATFORM', { edit: (spec) => ({ ...spec, extensions: [] }) }) })) },
  { name: 'the list names the PCK certificate', reason: 'leaf-revoked', both: { pckCrl: OTHERS }, edits: naming('pckCrl', authority.pck(platformOf(V4)).spec.serial) },
  { name: 'the list names the authority above the PCK', reason: 'intermediate-revoked', both: { rootCrl: OTHERS }, edits: naming('rootCrl', serialOf('PLATFORM')) },
  { name: 'the list names the certificate of the key for TCB info', reason: 'tcb-signing-revoked', both: { rootCrl: OTHERS }, edits: naming('rootCrl', serialOf('TCB_SIGNING')) },
  { name: 'the list names the root itself', reason: 'root-revoked', both: { rootCrl: OTHERS }, edits: naming('rootCrl', serialOf('ROOT')) },
  { name: 'the PCK certificate is older than allowed', reason: 'leaf-too-old', wishes: { maximumLeafAge: 366 * DAY }, edits: change('pck', (spec) => ({ ...spec, notBefore: NOW - 400 * DAY })), path: 'pck' },
];

/** Unusual chains and lists that are as good as any. */
export const UNUSUAL_CHAINS: readonly Unusual[] = [
  { name: 'a PCK certificate with a seventh extension, where that is allowed', edits: change('pck', and(unknown(false))), wishes: { allowOtherExtensions: true } },
  { name: 'other extensions on the authorities', edits: { pckCa: { edit: and(unknown(false)) }, tcbSigning: { edit: and({ oid: OID.netscapeComment, critical: false, value: derIa5String('hello') }) } } },
  { name: 'lists that name other serials only', edits: { rootCrl: OTHERS, pckCrl: OTHERS } },
  { name: 'the same serial on the list of the other authority', edits: naming('rootCrl', authority.pck(platformOf(V4)).spec.serial) },
  { name: 'chains with Windows line ends', edits: collateral((c) => ({ tcbInfoIssuerChain: String(c.tcbInfoIssuerChain).replaceAll('\n', '\r\n') })) },
  { name: 'chains as bytes', edits: collateral((c) => ({ pckCrlIssuerChain: Buffer.from(String(c.pckCrlIssuerChain)) })) },
  {
    name: 'an authority with a new certificate for the same key in the quote',
    edits: chain(PCK_PEM + authority.editedCertificate('PLATFORM', { edit: (spec) => ({ ...spec, serial: new Uint8Array(20).fill(4) }) }).pem + ROOT_PEM),
  },
  {
    name: 'two certificates for TCB signing',
    edits: collateral(() => ({ qeIdentityIssuerChain: authority.editedCertificate('TCB_SIGNING', { edit: (spec) => ({ ...spec, serial: new Uint8Array(20).fill(4) }) }).pem + ROOT_PEM })),
  },
  { name: 'certificates in their last and in their first second', edits: { pck: { edit: (spec) => ({ ...spec, notAfter: NOW }) }, pckCa: { edit: (spec) => ({ ...spec, notBefore: NOW }) } } },
  { name: 'lists in their last and in their first second', edits: { rootCrl: { edit: (spec) => ({ ...spec, nextUpdate: NOW }) }, pckCrl: { edit: (spec) => ({ ...spec, thisUpdate: NOW }) } } },
];
