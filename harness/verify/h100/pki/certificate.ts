/** What every certificate of NVIDIA's must be, whatever its place, and how one vouches for another. */
import { type KeyObject, verify } from 'node:crypto';
import { type ReadCertificate, readName, sameBytes } from '../../../../emulator/pki/read.ts';
import { authorityKeyId, authorityOf, DIGITAL_SIGNATURE, doubleExtension, EXTENSION, extensionOf, KEY_CERT_SIGN, p384Key, subjectKeyId } from '../../x509.ts';
import type { H100Appraisal } from '../reasons.ts';

/** A certificate whose key vouches for others. */
export interface Issuer {
  readonly certificate: ReadCertificate;
  readonly key: KeyObject;
  /** How messages call it. */
  readonly path: string;
}

/** DER AlgorithmIdentifier of ecdsa-with-SHA384 (RFC 5758 §3.2): no parameters. */
const ECDSA_WITH_SHA384 = Uint8Array.from(Buffer.from('300a06082a8648ce3d040303', 'hex'));
/** Critical extensions that the checks below take into account. */
const KNOWN_CRITICAL: readonly string[] = [EXTENSION.keyUsage, EXTENSION.basicConstraints, EXTENSION.extendedKeyUsage];

/** Whether an algorithm is ECDSA with SHA-384. @param algorithm DER AlgorithmIdentifier */
export function isEcdsaSha384(algorithm: Uint8Array): boolean {
  return sameBytes(algorithm, ECDSA_WITH_SHA384);
}

/** Verifies ECDSA with SHA-384. @param signature DER: two INTEGERs */
export function verifySha384(key: KeyObject, message: Uint8Array, signature: Uint8Array): boolean {
  return verify('sha384', message, { key, dsaEncoding: 'der' }, signature);
}

const ATTRIBUTE = { serialNumber: '2.5.4.5', CN: '2.5.4.3', C: '2.5.4.6', L: '2.5.4.7', ST: '2.5.4.8', O: '2.5.4.10' } as const;
type Attribute = readonly [type: keyof typeof ATTRIBUTE, text: RegExp | string];

const COMPANY: Attribute = ['O', 'NVIDIA Corporation'];
const COUNTRY: Attribute = ['C', 'US'];
const SERIAL: Attribute = ['serialNumber', /^([0-9A-F]{2,40})$/];
/** Chips as certificates name them. */
const CHIP = '(GH100|GB100|GB202|LS_10)';
/** Chips as manifests' certificates name them. */
const MODEL = '(GH100|GB100|GB202|LS10)';

/** Names by place: attributes in order. */
const NAMES = {
  root: [
    ['CN', 'NVIDIA Device Identity CA'],
    ['O', 'NVIDIA'],
  ],
  identity: [['CN', new RegExp(`^NVIDIA ${CHIP} Identity$`)], COMPANY],
  provisioner: [['CN', new RegExp(`^NVIDIA ${CHIP} Provisioner ICA \\d{1,5}$`)], COMPANY, COUNTRY],
  brom: [SERIAL, COUNTRY, COMPANY, ['CN', new RegExp(`^${CHIP} [A-Z]\\d\\d [GF]SP BROM$`)]],
  leaf: [SERIAL, COUNTRY, COMPANY, ['CN', new RegExp(`^${CHIP} [A-Z]\\d\\d [GF]SP FMC LF$`)]],
  rimRoot: [COUNTRY, ['O', 'NVIDIA'], ['CN', 'NVIDIA CoRIM signing Root CA']],
  rimAuthority: [['CN', new RegExp(`^NVIDIA Reference Value ${MODEL} CA$`)], COMPANY, COUNTRY],
  rimIssuer: [['CN', new RegExp(`^NVIDIA Reference Value L3 ${MODEL} \\d{3}$`)], COMPANY, COUNTRY],
  rimSigner: [COUNTRY, ['ST', 'CA'], ['L', 'Santa Clara'], COMPANY, ['CN', new RegExp(`^(?:HCC RIM L4 Signer|NVIDIA Reference Value L4 ${MODEL})$`)]],
} as const satisfies Record<string, readonly Attribute[]>;

/** A certificate's place in a chain. */
export type Place = keyof typeof NAMES;

/** What a name of a place says of its own. */
export interface PlaceName {
  readonly commonName: string;
  readonly serialNumber?: string;
  /** The chip, where the place's name has one. */
  readonly chip?: string;
}

/** The name of a certificate, if it is one of its place. @throws {CodecError} ERR_PKI_PARSE */
export function nameAt(place: Place, { subject }: ReadCertificate, path: string): PlaceName | undefined {
  const wanted: readonly Attribute[] = NAMES[place];
  const attributes = readName(subject, `${path}.subject`);
  if (attributes.length !== wanted.length) return undefined;
  let found: PlaceName = { commonName: '' };
  for (const [i, [type, form]] of wanted.entries()) {
    const [oid, text] = attributes[i] ?? ['', ''];
    if (oid !== ATTRIBUTE[type]) return undefined;
    const match = typeof form === 'string' ? text === form && [text] : form.exec(text);
    if (!match) return undefined;
    if (type === 'CN') found = { ...found, commonName: text, ...(match[1] === undefined ? {} : { chip: match[1].replace('_', '') }) };
    if (type === 'serialNumber') found = { ...found, serialNumber: text };
  }
  return found;
}

/** Checks that a certificate bears a name of its place. */
export function checkName(appraisal: H100Appraisal, place: Place, certificate: ReadCertificate, path: string): PlaceName {
  const name = appraisal.attempt('certificate-malformed', () => nameAt(place, certificate, path));
  if (!name) return appraisal.fail('certificate-name', { message: 'the subject is not the one that this place in the chain has', path });
  appraisal.pass('certificate-name');
  return name;
}

/** Checks what no certificate may lack or have. @param required extensions that it must have */
export function checkForm(appraisal: H100Appraisal, certificate: ReadCertificate, path: string, required: readonly string[]): void {
  const { version, signatureAlgorithm, extensions } = certificate;
  appraisal.check('certificate-version', version === 3, () => ({ message: `is of version ${version}`, path }));
  appraisal.check('certificate-algorithm', isEcdsaSha384(signatureAlgorithm), () => ({ message: 'is not signed with ECDSA and SHA-384', path }));
  const double = doubleExtension(certificate);
  appraisal.check('certificate-extension-twice', double === undefined, () => ({ message: `the extension ${double?.oid} stands there twice`, path, at: double?.at ?? 0 }));
  const unknown = extensions.find((e) => e.critical && !KNOWN_CRITICAL.includes(e.oid));
  appraisal.check('certificate-extension-critical', unknown === undefined, () => ({ message: `the extension ${unknown?.oid} is critical and unknown`, path, at: unknown?.at ?? 0 }));
  const missing = required.find((oid) => !extensionOf(certificate, oid));
  appraisal.check('certificate-extension-missing', missing === undefined, () => ({ message: `has no extension ${missing}`, path }));
}

/** Checks that a certificate may sign others. @param usage bits of the first byte of KeyUsage @param below authorities between it and the leaf */
export function checkAuthority(appraisal: H100Appraisal, certificate: ReadCertificate, path: string, usage: number, below: number): void {
  const { ca, keyUsage = 0, pathLength } = appraisal.attempt('certificate-extension-malformed', () => authorityOf(certificate));
  appraisal.check('authority-not-ca', ca, () => ({ message: 'is not marked as an authority', path }));
  appraisal.check('authority-key-usage', (keyUsage & usage) === usage, () => ({ message: `its key usage must have the bits 0x${usage.toString(16)}, has 0x${keyUsage.toString(16)}`, path }));
  appraisal.check('authority-path-length', pathLength === undefined || pathLength >= below, () => ({ message: `allows ${pathLength} authorities below it, and there are ${below}`, path }));
}

/** The key of an authority. */
export function authorityKey(appraisal: H100Appraisal, certificate: ReadCertificate, path: string): KeyObject {
  const key = p384Key(certificate.spki);
  if (!key) return appraisal.fail('authority-key', { message: 'its key is no point on P-384', path });
  appraisal.pass('authority-key');
  return key;
}

/** Checks that a certificate is for signing, but not certificates. @returns its key */
export function leafKey(appraisal: H100Appraisal, certificate: ReadCertificate, path: string): KeyObject {
  const { ca, keyUsage = 0 } = appraisal.attempt('certificate-extension-malformed', () => authorityOf(certificate));
  appraisal.check('leaf-authority', !ca && (keyUsage & KEY_CERT_SIGN) === 0, () => ({ message: 'the certificate says that its key may sign certificates', path }));
  appraisal.check('leaf-key-usage', keyUsage === DIGITAL_SIGNATURE, () => ({ message: `its key usage must be 0x${DIGITAL_SIGNATURE.toString(16)}, is 0x${keyUsage.toString(16)}`, path }));
  const key = p384Key(certificate.spki);
  if (!key) return appraisal.fail('leaf-key', { message: 'its key is no point on P-384', path });
  appraisal.pass('leaf-key');
  return key;
}

/** Checks that a certificate is issued by another, by its name, the identifier of its key, and its signature. */
export function checkIssued(appraisal: H100Appraisal, certificate: ReadCertificate, path: string, issuer: Issuer): void {
  appraisal.check('certificate-issuer', sameBytes(certificate.issuer, issuer.certificate.subject), () => ({ message: `the issuer is not the subject of ${issuer.path}`, path }));
  const named = appraisal.attempt('certificate-extension-malformed', () => ({ above: authorityKeyId(certificate, path), own: subjectKeyId(issuer.certificate, issuer.path) }));
  appraisal.check('certificate-key-identifier', named.above !== undefined && named.own !== undefined && sameBytes(named.above, named.own), () => ({ message: `does not name the key of ${issuer.path}`, path }));
  appraisal.check('certificate-signature', verifySha384(issuer.key, certificate.tbs, certificate.signature), () => ({ message: 'its signature does not verify with the key above it', path }));
}

const iso = (at: number): string => new Date(at).toISOString();

/** Checks that a certificate is valid at `now` (milliseconds since 1970). */
export function checkDates(appraisal: H100Appraisal, { notBefore, notAfter }: ReadCertificate, path: string, now: number): void {
  appraisal.check('certificate-not-yet-valid', notBefore <= now, () => ({ message: `valid from ${iso(notBefore)}, and the time of verification is ${iso(now)}`, path }));
  appraisal.check('certificate-expired', now <= notAfter, () => ({ message: `valid until ${iso(notAfter)}, and the time of verification is ${iso(now)}`, path }));
}
