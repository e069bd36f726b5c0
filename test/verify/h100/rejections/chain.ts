/** What is wrong with certificates and OCSP responses, one row each. */
import { AlgorithmIdentifier } from '@peculiar/asn1-x509';
import { compositeDeviceId } from '../../../../emulator/h100/pki/fwid.ts';
import { type DeviceLevel, NvidiaAuthority } from '../../../../emulator/h100/pki/authority.ts';
import { ecdsaSignatureValue, OID, pem } from '../../../../emulator/pki/der.ts';
import { authorityKeyIdentifier, basicConstraintsCa, basicConstraintsLeaf, keyUsage } from '../../../../emulator/pki/extensions.ts';
import { type CertificateSpec, type ExtensionSpec, issueCertificate } from '../../../../emulator/pki/issue.ts';
import { type OcspSpec, ocspErrorResponse, successfulResponse } from '../../../../emulator/pki/ocsp/issue.ts';
import { readSuccessful } from '../../../../emulator/pki/ocsp/response.ts';
import { fixedClock, seededWorld } from '../../../../emulator/world.ts';
import { pemBlocks, readCertificate } from '../../../../emulator/pki/read.ts';
import { TAG, tlv, TlvReader } from '../../../../emulator/pki/tlv.ts';
import { H100Trust, storedOcsp } from '../../../../harness/verify/index.ts';
import { authority, DAY, device, type Edits, NOW, ROOTS, world } from '../evidence.ts';
import { other, type Rejection, STRANGER, type Unusual } from './rejection.ts';

type SpecEdit = (spec: CertificateSpec) => CertificateSpec;
const change = (level: DeviceLevel, edit: SpecEdit): Edits => ({ certificates: { [level]: { edit } } });
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
const SHA256_ECDSA = new AlgorithmIdentifier({ algorithm: '1.2.840.10045.4.3.2' });
const P256 = world.ecKey('test/p-256', 'P-256');
const unknown = (critical: boolean): ExtensionSpec => ({ oid: '1.2.3.4', critical, value: Uint8Array.of(5, 0) });
const COMMON_NAME = '2.5.4.3';
const SERIAL_NUMBER = '2.5.4.5';
const FWID = '2.23.133.5.4.1';
const SAN = '2.5.29.17';
/** Levels of a device's chain with how verdicts call them. */
const PATH = { attestation: 'leaf', bootRom: 'brom', provisioner: 'provisioner', identity: 'identity' } as const;
const LEVELS = Object.keys(PATH) as (keyof typeof PATH)[];
const AUTHORITIES = LEVELS.slice(1);
const at = (level: keyof typeof PATH): string => `devices.0.certificate.${PATH[level]}`;

const chain = (edit: (pems: readonly string[]) => readonly string[]): Edits =>
  device(({ certificateChain }) => ({
    certificateChain: Buffer.from(
      edit(
        Buffer.from(certificateChain)
          .toString('latin1')
          .match(/-----BEGIN[^-]*-----[^-]*-----END[^-]*-----\n/g) ?? [],
      ).join(''),
    ),
  }));
/** Another world's NVIDIA, with the same names. */
const OTHER = new NvidiaAuthority(seededWorld('another world', fixedClock(NOW)));
/** The root, issued anew with a change, by its own key. */
const otherRoot = (edit: SpecEdit): Uint8Array => issueCertificate(edit(authority.root('device').spec), authority.key('device-root')).der;
/** Evidence and trust alike in a root that is wrong: what the caller trusts must be a proper root, too. */
const trusted = (name: string, reason: Rejection['reason'], edit: SpecEdit): Rejection => {
  const root = otherRoot(edit);
  return { name, reason, edits: chain((pems) => [...pems.slice(0, 4), pem('CERTIFICATE', root)]), trust: new H100Trust([root, ROOTS[1] ?? root]) };
};

export const ROOT_REJECTIONS: readonly Rejection[] = [
  { name: 'its roots are not trusted', reason: 'root-untrusted', trust: new H100Trust([OTHER.root('device').der, OTHER.root('rim').der]), path: 'devices.0.certificate.root' },
  { name: 'the root of manifests is trusted, that of devices is not', reason: 'root-untrusted', trust: new H100Trust(ROOTS.slice(1)), path: 'devices.0.certificate.root' },
  { name: 'the root of devices is trusted, that of manifests is not', reason: 'root-untrusted', trust: new H100Trust(ROOTS.slice(0, 1)), path: 'devices.0.driver_rim.root' },
  { name: "a stranger's root stands in the chain", reason: 'root-untrusted', edits: chain((pems) => [...pems.slice(0, 4), OTHER.root('device').pem]) },
  {
    name: 'another certificate for the key of the root stands in the chain',
    reason: 'root-altered',
    edits: chain((pems) => [
      ...pems.slice(0, 4),
      pem(
        'CERTIFICATE',
        otherRoot((spec) => ({ ...spec, notAfter: spec.notAfter - DAY })),
      ),
    ]),
  },
  trusted('the root is no authority', 'authority-not-ca', instead(basicConstraintsLeaf())),
  trusted('the root may not sign lists', 'authority-key-usage', instead(keyUsage('keyCertSign'))),
  trusted('the root allows two authorities below it, and there are three', 'authority-path-length', instead(basicConstraintsCa(2))),
];

/** The certificate with its version left out, which makes it the first: 5 bytes behind the heads of the whole and of the signed part. */
function versionOne(text: string): string {
  const [src = new Uint8Array()] = pemBlocks(text, 'CERTIFICATE');
  const out = Uint8Array.of(...src.subarray(0, 8), ...src.subarray(13));
  const view = new DataView(out.buffer);
  for (const length of [2, 6]) view.setUint16(length, view.getUint16(length) - 5);
  return pem('CERTIFICATE', out);
}

const everyLevel = (name: string, reason: Rejection['reason'], edit: SpecEdit, levels: readonly (keyof typeof PATH)[] = LEVELS): Rejection[] =>
  levels.map((level) => ({ name: `${PATH[level]}: ${name}`, reason, edits: change(level, edit), path: at(level) }));

export const CHAIN_REJECTIONS: readonly Rejection[] = [
  { name: 'the chain has no root', reason: 'certificate-chain-length', edits: chain((pems) => pems.slice(0, 4)) },
  { name: 'the chain has six certificates', reason: 'certificate-chain-length', edits: chain((pems) => [...pems, ...pems.slice(4)]) },
  { name: 'the chain is empty', reason: 'certificate-chain-length', edits: chain(() => []) },
  { name: 'the chain is no PEM', reason: 'certificate-malformed', edits: device(() => ({ certificateChain: Buffer.from('no PEM') })) },
  { name: 'a certificate is no DER', reason: 'certificate-malformed', edits: chain((pems) => [pem('CERTIFICATE', Uint8Array.of(0x30, 0)), ...pems.slice(1)]) },
  { name: 'two certificates have changed places', reason: 'certificate-name', edits: chain(([a = '', b = '', ...rest]) => [b, a, ...rest]) },
  ...everyLevel('is signed with SHA-256', 'certificate-algorithm', (spec) => ({ ...spec, signatureAlgorithm: SHA256_ECDSA })),
  ...LEVELS.map((level, i): Rejection => ({ name: `${PATH[level]}: is of version 1`, reason: 'certificate-version', edits: chain((pems) => pems.map((text, j) => (i === j ? versionOne(text) : text))), path: at(level) })),
  ...everyLevel('bears another name', 'certificate-name', renamed('subject', COMMON_NAME, 'GH100 A01 GSP')),
  ...everyLevel('names another issuer', 'certificate-issuer', renamed('issuer', COMMON_NAME, 'Somebody')),
  ...everyLevel('has an extension twice', 'certificate-extension-twice', and(unknown(false), unknown(false))),
  ...everyLevel('has an unknown critical extension', 'certificate-extension-critical', and(unknown(true))),
  ...everyLevel('has no key usage', 'certificate-extension-missing', without(OID.keyUsage)),
  ...everyLevel('has no key identifier', 'certificate-extension-missing', without(OID.subjectKeyIdentifier)),
  ...everyLevel(
    'has an unreadable key usage',
    'certificate-extension-malformed',
    value(OID.keyUsage, () => Uint8Array.of(3, 1)),
  ).map(({ path: _, ...rejection }) => rejection),
  ...everyLevel('names another key above it', 'certificate-key-identifier', instead(authorityKeyIdentifier(STRANGER.spki))),
  ...LEVELS.map((level): Rejection => ({ name: `${PATH[level]}: is signed by a stranger`, reason: 'certificate-signature', edits: { certificates: { [level]: { signedBy: STRANGER } } }, path: at(level) })),
  ...everyLevel('is not valid yet', 'certificate-not-yet-valid', (spec) => ({ ...spec, notBefore: NOW + 1000 })),
  ...everyLevel('is not valid any more', 'certificate-expired', (spec) => ({ ...spec, notAfter: NOW - 1000 })),
  ...everyLevel('is no authority', 'authority-not-ca', instead(basicConstraintsLeaf()), AUTHORITIES),
  ...everyLevel('may not sign certificates', 'authority-key-usage', instead(keyUsage('digitalSignature')), AUTHORITIES),
  { name: 'identity: allows one authority below it', reason: 'authority-path-length', edits: change('identity', instead(basicConstraintsCa(1))), path: at('identity') },
  ...everyLevel('its key is of another kind', 'authority-key', (spec) => ({ ...spec, spki: P256.spki }), AUTHORITIES),
  { name: 'leaf: its key is of another kind', reason: 'leaf-key', edits: change('attestation', (spec) => ({ ...spec, spki: P256.spki })) },
  { name: 'leaf: is an authority', reason: 'leaf-authority', edits: change('attestation', and(basicConstraintsCa())) },
  { name: 'leaf: may sign certificates', reason: 'leaf-authority', edits: change('attestation', instead(keyUsage('keyCertSign'))) },
  { name: 'leaf: may agree on keys', reason: 'leaf-key-usage', edits: change('attestation', instead(keyUsage('keyAgreement'))) },
  { name: 'leaf: is for another chip', reason: 'certificate-chip', edits: change('attestation', renamed('subject', COMMON_NAME, 'GB100 A01 GSP FMC LF')) },
  ...(['attestation', 'bootRom'] as const).map(
    (level): Rejection => ({
      name: `${PATH[level]}: has another serial number in its subject`,
      reason: 'certificate-serial',
      edits: {
        certificates: level === 'bootRom' ? { bootRom: { edit: (spec) => ({ ...spec, serial: Uint8Array.of(0x41, 1, 2, 3, 4, 5, 6, 7, 8) }) } } : { attestation: { edit: renamed('subject', SERIAL_NUMBER, 'ABCDEF') } },
      },
      path: at(level),
    }),
  ),
  {
    name: 'brom: its serial number is of no kind of device',
    reason: 'device-pdi',
    edits: {
      certificates: {
        bootRom: { edit: (spec) => renamed('subject', SERIAL_NUMBER, `42${Buffer.from(spec.serial).toString('hex').slice(2).toUpperCase()}`)({ ...spec, serial: spec.serial.with(0, 0x42) }) },
        attestation: { edit: (spec) => renamed('issuer', SERIAL_NUMBER, `42${(spec.issuer.find(([type]) => type === SERIAL_NUMBER)?.[1] ?? '').slice(2)}`)(spec) },
      },
    },
    path: at('bootRom'),
  },
  {
    name: 'leaf: is for a device of another maker',
    reason: 'device-info',
    edits: change(
      'attestation',
      value(SAN, (der) => Uint8Array.from(Buffer.from(Buffer.from(der).toString('latin1').replace('NVIDIA', 'NVIDIX'), 'latin1'))),
    ),
  },
  {
    name: 'leaf: is for a device of another kind',
    reason: 'device-info',
    edits: change(
      'attestation',
      value(SAN, (der) => Uint8Array.from(Buffer.from(Buffer.from(der).toString('latin1').replace('GH100', 'GB100'), 'latin1'))),
    ),
  },
  {
    name: 'leaf: has unreadable device information',
    reason: 'device-info',
    edits: change(
      'attestation',
      value(SAN, (der) => der.slice(0, -1)),
    ),
  },
  { name: 'leaf: has no firmware', reason: 'fwid-missing', edits: change('attestation', without(FWID)) },
  {
    name: 'leaf: has unreadable firmware',
    reason: 'fwid-malformed',
    edits: change(
      'attestation',
      value(FWID, (der) => der.slice(0, -1)),
    ),
  },
  { name: 'leaf: has other firmware', reason: 'fwid-mismatch', edits: change('attestation', value(FWID, other)) },
  { name: 'leaf: its firmware names another key above it', reason: 'fwid-issuer', edits: change('attestation', instead(compositeDeviceId(STRANGER.spki, new Uint8Array(48)))) },
];

type ResponseEdit = (single: OcspSpec['responses'][number]) => OcspSpec['responses'][number];
const single = (edit: ResponseEdit): Edits => ({ ocsp: { edit: (spec) => ({ ...spec, responses: spec.responses.map(edit) }) } });
const revoked = (reason: 'keyCompromise' | 'certificateHold'): Edits => single((r) => ({ ...r, status: { kind: 'revoked', at: NOW - DAY, reason } }));
/** Only the responses whose file's name begins so. */
const answers = (prefix: string, edit: (der: Uint8Array) => Uint8Array | undefined): Edits => ({
  presented: (e) => ({ ocsp: [...e.answers].flatMap(([name, der]) => (name.startsWith(prefix) ? (edit(der) ?? []) : der)) }),
});
/** Every answer as it comes, whatever it is about. */
const asked = (edit: (der: Uint8Array) => Uint8Array): Edits => ({
  presented: (e) => {
    const source = storedOcsp([...e.answers.values()]);
    return { ocsp: (question) => ({ response: edit(source(question)?.response ?? new Uint8Array()) }) };
  },
});
const NONCE = new Uint8Array(32).fill(9);
const nonce = (own: Uint8Array | undefined): Edits => ({
  ocsp: own ? { edit: (spec) => ({ ...spec, nonce: own }) } : {},
  presented: (e) => {
    const source = storedOcsp([...e.answers.values()]);
    return { ocsp: (question) => ({ response: source(question)?.response ?? new Uint8Array(), nonce: NONCE }) };
  },
});

/** Every answer with one more extension, signed as before. */
const extended = (critical: boolean): Edits => ({
  presented: (e) => ({
    ocsp: [...e.answers.values()].map((der) => {
      const { tbs, signatureAlgorithm, certificates } = readSuccessful(der);
      const [responder = new Uint8Array()] = certificates;
      const contents = new TlvReader(tbs, 'responseData').read(TAG.sequence, 'contents');
      const more = tlv(TAG.sequence, Uint8Array.of(6, 3, 0x2a, 3, 4), ...(critical ? [Uint8Array.of(1, 1, 0xff)] : []), tlv(TAG.octetString, Uint8Array.of(5, 0)));
      const data = tlv(TAG.sequence, contents, tlv(TAG.explicit(1), tlv(TAG.sequence, more)));
      const { spki } = readCertificate(responder);
      const signer = RESPONDERS.find((key) => Buffer.compare(key.spki, spki) === 0) ?? STRANGER;
      return successfulResponse({ tbs: data, signatureAlgorithm, signature: ecdsaSignatureValue(signer.sign(data)), certificates });
    }),
  }),
});
const RESPONDERS = (['provisioner/GH100', 'identity/GH100', 'device-root', 'rim-l3/GH100', 'rim-ca/GH100', 'rim-root'] as const).map((id) => authority.ocspResponder(id).signer);

export const OCSP_REJECTIONS: readonly Rejection[] = [
  ...['boot-rom-', 'provisioner-', 'identity-', 'rim-l4-driver-', 'rim-l4-vbios-', 'rim-l3-', 'rim-ca-'].map(
    (name): Rejection => ({ name: `there is no response about ${name.slice(0, -1)}`, reason: 'ocsp-missing', edits: answers(name, () => undefined) }),
  ),
  { name: 'a response is no DER', reason: 'ocsp-malformed', edits: asked((der) => der.slice(0, -1)) },
  { name: 'the responder puts off', reason: 'ocsp-status', edits: asked(() => ocspErrorResponse('tryLater')) },
  { name: 'the responder says that it may not answer', reason: 'ocsp-status', edits: asked(() => ocspErrorResponse('unauthorized')) },
  { name: 'a response is about another certificate', reason: 'ocsp-other-certificate', edits: { presented: (e) => ({ ocsp: () => ({ response: [...e.answers.values()][1] ?? new Uint8Array() }) }) } },
  { name: 'a response is about two certificates', reason: 'ocsp-other-certificate', edits: { ocsp: { edit: (spec) => ({ ...spec, responses: [...spec.responses, ...spec.responses] }) } } },
  { name: 'a response brings no certificate', reason: 'ocsp-responder-missing', edits: { ocsp: { edit: (spec) => ({ ...spec, certificates: [] }) } } },
  { name: 'a response brings two certificates', reason: 'ocsp-responder-missing', edits: { ocsp: { edit: (spec) => ({ ...spec, certificates: [...spec.certificates, ...spec.certificates] }) } } },
  { name: 'a response names another responder', reason: 'ocsp-responder', edits: { ocsp: { edit: (spec) => ({ ...spec, responder: new Uint8Array(20) }) } } },
  { name: 'the responder is certified by a stranger', reason: 'ocsp-responder', edits: { ocsp: { responder: { signedBy: STRANGER } } } },
  { name: 'the responder names another issuer', reason: 'ocsp-responder', edits: { ocsp: { responder: { edit: renamed('issuer', COMMON_NAME, 'Somebody') } } } },
  { name: 'the responder has no extended key usage', reason: 'ocsp-responder-usage', edits: { ocsp: { responder: { edit: without('2.5.29.37') } } } },
  { name: 'the responder is an authority', reason: 'ocsp-responder-usage', edits: { ocsp: { responder: { edit: (spec) => and(basicConstraintsCa())(without(OID.basicConstraints)(spec)) } } } },
  { name: 'the responder may sign certificates', reason: 'ocsp-responder-usage', edits: { ocsp: { responder: { edit: instead(keyUsage('digitalSignature', 'keyCertSign')) } } } },
  { name: "the responder's certificate has expired", reason: 'ocsp-responder-dates', edits: { ocsp: { responder: { edit: (spec) => ({ ...spec, notAfter: NOW - 1000 }) } } } },
  { name: "the responder's certificate is not valid yet", reason: 'ocsp-responder-dates', edits: { ocsp: { responder: { edit: (spec) => ({ ...spec, notBefore: NOW + 1000 }) } } } },
  { name: 'a response is signed by a stranger', reason: 'ocsp-signature', edits: { ocsp: { signedBy: STRANGER } } },
  { name: 'a response is changed after it was signed', reason: 'ocsp-signature', edits: { ocsp: { signedBy: P256 } } },
  { name: 'a response has an unknown critical extension', reason: 'ocsp-extension-critical', both: extended(false), edits: extended(true) },
  { name: 'a response has no nonce', reason: 'ocsp-nonce', both: nonce(NONCE), edits: nonce(undefined) },
  { name: 'a response has another nonce', reason: 'ocsp-nonce', both: nonce(NONCE), edits: nonce(new Uint8Array(32)) },
  { name: 'a response is from the future', reason: 'ocsp-future', edits: single((r) => ({ ...r, thisUpdate: NOW + 1000 })) },
  { name: 'a response was made in the future', reason: 'ocsp-future', edits: { ocsp: { edit: (spec) => ({ ...spec, producedAt: NOW + 1000 }) } } },
  { name: 'a response does not say until when it counts', reason: 'ocsp-no-next-update', edits: single(({ certId, status, thisUpdate }) => ({ certId, status, thisUpdate })) },
  { name: 'a response has gone stale', reason: 'ocsp-stale', edits: single((r) => ({ ...r, nextUpdate: NOW - 1000 })) },
  {
    name: 'a response has gone stale beyond the grace',
    reason: 'ocsp-stale',
    both: single((r) => ({ ...r, thisUpdate: NOW - 3 * DAY, nextUpdate: NOW - 2 * DAY })),
    wishes: { ocspGrace: DAY },
    good: { ocspGrace: 2 * DAY },
  },
  { name: 'certificates are revoked', reason: 'certificate-revoked', edits: revoked('keyCompromise') },
  { name: 'certificates are on hold', reason: 'certificate-on-hold', edits: revoked('certificateHold') },
  { name: 'certificates on hold are not allowed', reason: 'certificate-on-hold', both: revoked('certificateHold'), good: { allowHold: true } },
  { name: 'certificates are revoked, where those on hold are allowed', reason: 'certificate-revoked', edits: revoked('keyCompromise'), wishes: { allowHold: true } },
  { name: 'the responder does not know the certificates', reason: 'certificate-status-unknown', edits: single((r) => ({ ...r, status: { kind: 'unknown' } })) },
  { name: 'a response is older than allowed', reason: 'ocsp-too-old', both: single((r) => ({ ...r, thisUpdate: NOW - 3000 })), wishes: { maximumOcspAge: 2999 }, good: { maximumOcspAge: 3000 } },
];

export const UNUSUAL_CHAINS: readonly Unusual[] = [
  { name: 'a certificate that ends this second', edits: change('bootRom', (spec) => ({ ...spec, notAfter: NOW })) },
  { name: 'a certificate that begins this second', edits: change('bootRom', (spec) => ({ ...spec, notBefore: NOW })) },
  { name: 'an unknown extension that is not critical', edits: change('attestation', and(unknown(false))) },
  { name: 'an authority that allows just as many below it', edits: change('identity', instead(basicConstraintsCa(2))) },
  { name: 'no OCSP responses, where that is allowed', edits: { presented: () => ({ ocsp: [] }) }, wishes: { allowNoOcsp: true } },
  { name: 'certificates on hold, where that is allowed', edits: revoked('certificateHold'), wishes: { allowHold: true } },
  { name: 'a stale OCSP response beside one that counts', edits: { presented: (e) => ({ ocsp: [...e.answers.values(), ...e.answers.values()] }) } },
  { name: 'OCSP responses with the nonce that was asked with', edits: nonce(NONCE) },
];
