/** Certificates of a device that do not vouch for its key, or not now. */
import { AlgorithmIdentifier } from '@peculiar/asn1-x509';
import { h100Evidence } from '../../../emulator/h100/evidence/evidence.ts';
import { COMPOSITE_DEVICE_ID_OID, compositeDeviceId, DICE_TCB_INFO_OID, readCompositeDeviceId } from '../../../emulator/h100/pki/fwid.ts';
import type { DeviceLevel } from '../../../emulator/h100/pki/authority.ts';
import { ecdsaSignatureValue, OID, pem } from '../../../emulator/pki/der.ts';
import { authorityKeyIdentifier, basicConstraintsCa, basicConstraintsLeaf, keyUsage } from '../../../emulator/pki/extensions.ts';
import { type CertificateSpec, issueCertificate } from '../../../emulator/pki/issue.ts';
import { readPem } from '../../../emulator/pki/pem.ts';
import { readCertificate } from '../../../emulator/pki/read.ts';
import { TAG, tlv } from '../../../emulator/pki/tlv.ts';
import type { EcSigner } from '../../../emulator/crypto/sign.ts';
import { gpuMachine } from '../../../emulator/h100/device/machine.ts';
import { and, certificate, extensionValue, instead, other, renamed, without } from '../../edits/nvidia.ts';
import { CRASH, type H100Case, type H100Maker, type More, refused } from './row.ts';

const PATH = (section: string): string => `RFC 5280 §${section}`;
const GENUINE = 'NVIDIA device identity chains, as all genuine ones are';
const DICE = 'TCG DICE Attestation Architecture 1.1';
const SHA256_ECDSA = new AlgorithmIdentifier({ algorithm: '1.2.840.10045.4.3.2' });
const UNKNOWN = { oid: '1.2.3.4', critical: true, value: Uint8Array.of(5, 0) };
const COMMON_NAME = '2.5.4.3';
const SERIAL_NUMBER = '2.5.4.5';
const SAN = '2.5.29.17';
const DAY = 86_400_000;
/** Levels with how their certificates are called. */
const LEVELS = [
  ['attestation', 'leaf'],
  ['bootRom', 'brom'],
  ['provisioner', 'provisioner'],
  ['identity', 'identity'],
] as const;
const AUTHORITIES = LEVELS.slice(1);

type SpecEdit = (spec: CertificateSpec) => CertificateSpec;
type Levels = readonly (readonly [DeviceLevel, string])[];
type Severity = Parameters<typeof refused>[2];

/** The same change of the certificate of each level. */
function each(slug: string, reason: string, severity: Severity, ref: string, why: string, edit: (maker: H100Maker) => SpecEdit, levels: Levels = LEVELS): H100Case[] {
  return levels.map(([level, name]) => refused(`chain/${name}-${slug}`, ['chain', reason], severity, ref, why.replace('%', name), { edits: (maker) => certificate(level, edit(maker)) }));
}

/** Other certificates in the chain as it is delivered. */
const delivered = (chain: (pems: readonly string[], maker: H100Maker) => readonly string[]): More => ({ chain });
/** The root, issued anew with a change, by its own key. */
const rootPem = ({ authority }: H100Maker, edit: SpecEdit): string => issueCertificate(edit(authority.root('device').spec), authority.key('device-root')).pem;
/** The relying party trusts the changed root, and the chain ends with it. */
const trusted = (edit: SpecEdit): More => ({
  chain: (pems, maker) => [...pems.slice(0, 4), rootPem(maker, edit)],
  roots: (maker) => ({ 'root.pem': rootPem(maker, edit), 'rim_root.pem': maker.authority.root('rim').pem }),
});

/** The certificate with its version left out, which makes it the first, and signed anew. */
function versionOne(text: string, key: EcSigner): string {
  const { tbs, signatureAlgorithm } = readCertificate(derOf(text));
  const contents = tbs.slice(headOf(tbs));
  // [0] EXPLICIT Version takes up five bytes.
  const unversioned = tlv(TAG.sequence, contents.slice(5));
  return pem('CERTIFICATE', tlv(TAG.sequence, unversioned, signatureAlgorithm, tlv(TAG.bitString, Uint8Array.of(0), ecdsaSignatureValue(key.sign(unversioned)))));
}

/** Bytes of identifier and length before the contents. */
function headOf(der: Uint8Array): number {
  const [, length = 0] = der;
  return length < 0x80 ? 2 : 2 + (length & 0x7f);
}

const latin1 =
  (edit: (text: string) => string) =>
  (der: Uint8Array): Uint8Array =>
    Uint8Array.from(Buffer.from(edit(Buffer.from(der).toString('latin1')), 'latin1'));

const ROOT_CASES: readonly H100Case[] = [
  refused('chain/foreign-root', ['chain', 'root-untrusted'], 'critical', 'google/go-sev-guest#185, the same for NVIDIA', 'The chain is sound but ends at a root that nobody trusts, under the same names.', {
    roots: ({ foreign }) => ({ 'root.pem': foreign.root('device').pem, 'rim_root.pem': foreign.root('rim').pem }),
  }),
  refused('chain/rim-root-alone', ['chain', 'root-untrusted'], 'critical', PATH('6.1.1 (d)'), 'The relying party trusts the root of manifests, and devices lead to another.', {
    roots: ({ authority }) => ({ 'rim_root.pem': authority.root('rim').pem }),
  }),
  refused('chain/presented-root-swapped', ['chain', 'root-untrusted'], 'low', PATH('6.1.1 (d)'), "A stranger's root stands behind an otherwise genuine chain.", {
    policy: 'the root that is presented must be the trusted one',
    ...delivered((pems, { foreign }) => [...pems.slice(0, 4), foreign.root('device').pem]),
  }),
  refused('chain/presented-root-altered', ['chain', 'root-altered'], 'low', PATH('6.1.1 (d)'), "Another certificate for the trusted root's key stands in the chain.", {
    policy: 'the root that is presented must be the trusted one',
    ...delivered((pems, maker) => [...pems.slice(0, 4), rootPem(maker, (spec) => ({ ...spec, notAfter: spec.notAfter - DAY }))]),
  }),
  refused('chain/root-not-ca', ['chain', 'authority-not-ca'], 'medium', PATH('4.2.1.9'), 'The trusted root is no authority.', trusted(instead(basicConstraintsLeaf()))),
  refused('chain/root-may-not-sign', ['chain', 'authority-key-usage'], 'medium', PATH('4.2.1.3'), 'The trusted root may not sign lists.', trusted(instead(keyUsage('keyCertSign')))),
  refused('chain/root-path-length', ['chain', 'authority-path-length'], 'medium', PATH('4.2.1.9'), 'The trusted root allows two authorities below it, and there are three.', trusted(instead(basicConstraintsCa(2)))),
];

const SHAPE_CASES: readonly H100Case[] = [
  refused('chain/no-root', ['chain', 'certificate-chain-length'], 'low', GENUINE, 'The root is left out.', { policy: 'the root must be presented', ...delivered((pems) => pems.slice(0, 4)) }),
  refused(
    'chain/leaf-alone',
    ['chain', 'certificate-chain-length'],
    'high',
    GENUINE,
    'The leaf comes alone.',
    delivered((pems) => pems.slice(0, 1)),
  ),
  refused('chain/empty', ['chain', 'certificate-chain-length'], 'high', GENUINE, 'There is no certificate.', { ...CRASH, ...delivered(() => ['\n']) }),
  refused(
    'chain/without-provisioner',
    ['chain', 'certificate-chain-length'],
    'high',
    GENUINE,
    'One authority is left out.',
    delivered((pems) => pems.filter((_, i) => i !== 2)),
  ),
  refused(
    'chain/six',
    ['chain', 'certificate-chain-length'],
    'medium',
    GENUINE,
    'The root stands there twice.',
    delivered((pems) => [...pems, ...pems.slice(4)]),
  ),
  refused('chain/forty', ['parse', 'certificate-malformed'], 'high', 'CWE-400', 'The chain has forty certificates.', {
    ...CRASH,
    ...delivered((pems) => [...pems, ...Array.from({ length: 35 }, () => pems[4] ?? '')]),
  }),
  refused('chain/no-pem', ['parse', 'certificate-malformed'], 'medium', 'RFC 7468', 'What should be certificates is some text.', { ...CRASH, ...delivered(() => ['no PEM\n']) }),
  refused('chain/no-der', ['parse', 'certificate-malformed'], 'medium', PATH('4.1'), 'The leaf is an empty sequence.', {
    ...CRASH,
    ...delivered((pems) => [pem('CERTIFICATE', Uint8Array.of(0x30, 0)), ...pems.slice(1)]),
  }),
  refused('chain/leaf-truncated', ['parse', 'certificate-malformed'], 'high', PATH('4.1'), 'The leaf ends in the middle.', {
    ...CRASH,
    ...delivered(([leaf = '', ...rest]) => [pem('CERTIFICATE', derOf(leaf).slice(0, 300)), ...rest]),
  }),
  refused(
    'chain/leaf-trailing',
    ['parse', 'certificate-malformed'],
    'low',
    'X.690 §8',
    'A byte follows the leaf inside its PEM block.',
    delivered(([leaf = '', ...rest]) => [pem('CERTIFICATE', Uint8Array.of(...derOf(leaf), 0)), ...rest]),
  ),
  refused('chain/root-first', ['chain', 'root-untrusted'], 'low', GENUINE, 'The chain begins with the root.', { policy: 'leaf first', ...delivered((pems) => pems.toReversed()) }),
  refused('chain/swapped', ['chain', 'certificate-name'], 'low', GENUINE, 'Leaf and boot ROM have changed places.', { policy: 'leaf first', ...delivered(([a = '', b = '', ...rest]) => [b, a, ...rest]) }),
  refused('chain/of-another-gpu', ['signature', 'report-signature'], 'critical', GENUINE, "The chain is that of another machine's GPU, sound in itself.", {
    devices: (list, { world }) => list.map((device) => ({ ...device, certificate: otherChain(world) })),
    request: { allowNoOcsp: true },
  }),
  refused('chain/leaf-version-1', ['chain', 'certificate-version'], 'medium', PATH('4.1.2.1'), 'The leaf is of version 1, in which no extension means anything.', {
    chain: ([leaf = '', ...rest], { world, authority }) => {
      const [gpu] = gpuMachine(world, { model: 'h100-pcie', count: 1, switches: 0 }).gpus;
      return gpu ? [versionOne(leaf, authority.bootRomKey(gpu.identity)), ...rest] : [];
    },
  }),
  refused('chain/provisioner-version-1', ['chain', 'certificate-version'], 'medium', PATH('4.1.2.1'), 'The provisioner is of version 1, in which no extension means anything.', {
    chain: (pems, { authority }) => pems.map((text, i) => (i === 2 ? versionOne(text, authority.key('identity/GH100')) : text)),
  }),
  refused('chain/provisioner-of-another-chip', ['chain', 'certificate-chip'], 'high', GENUINE, 'The provisioner is for Blackwell GPUs, and certified one of Hopper.', {
    edits: {
      certificates: {
        provisioner: { edit: renamed('subject', COMMON_NAME, 'NVIDIA GB100 Provisioner ICA 1') },
        bootRom: { edit: renamed('issuer', COMMON_NAME, 'NVIDIA GB100 Provisioner ICA 1') },
      },
      // Its responder, too, is certified by it.
      ocsp: { responder: { edit: (spec) => (spec.issuer.some(([, name]) => name.includes('Provisioner')) ? renamed('issuer', COMMON_NAME, 'NVIDIA GB100 Provisioner ICA 1')(spec) : spec) } },
    },
  }),
];

function derOf(text: string): Uint8Array {
  return readPem(Uint8Array.from(Buffer.from(text)))[0]?.der ?? new Uint8Array();
}

/** The chain of the same kind of GPU in another machine, as evidence has it. */
function otherChain(world: Parameters<typeof h100Evidence>[0]): string {
  const [device] = h100Evidence(world, { machine: 1 }).devices;
  return Buffer.from(device?.certificates.map((one) => one.pem).join('') ?? '').toString('base64');
}

const LEVEL_CASES: readonly H100Case[] = [
  ...each('sha-256', 'certificate-algorithm', 'medium', PATH('4.1.1.2'), 'The certificate of the % is signed with SHA-256, it says.', () => (spec) => ({ ...spec, signatureAlgorithm: SHA256_ECDSA })),
  ...each('other-name', 'certificate-name', 'high', GENUINE, 'The certificate of the % bears a name that no such certificate has.', () => renamed('subject', COMMON_NAME, 'GH100 A01 GSP')),
  ...each('other-issuer', 'certificate-issuer', 'high', PATH('6.1.3 (a)(4)'), 'The certificate of the % names another issuer.', () => renamed('issuer', COMMON_NAME, 'Somebody')),
  ...each('extension-twice', 'certificate-extension-twice', 'medium', PATH('4.2'), 'The certificate of the % has an extension twice.', () => and({ ...UNKNOWN, critical: false }, { ...UNKNOWN, critical: false })),
  ...each('critical-extension', 'certificate-extension-critical', 'medium', PATH('4.2'), 'The certificate of the % has a critical extension that nobody knows.', () => and(UNKNOWN)),
  ...each('no-key-usage', 'certificate-extension-missing', 'medium', PATH('4.2.1.3'), 'The certificate of the % does not say what its key is for.', () => without(OID.keyUsage)),
  ...each('unreadable-key-usage', 'certificate-extension-malformed', 'medium', PATH('4.2.1.3'), 'The key usage of the % can’t be read.', () => extensionValue(OID.keyUsage, () => Uint8Array.of(3, 1))),
  ...each('other-key-identifier', 'certificate-key-identifier', 'medium', PATH('4.2.1.1'), 'The certificate of the % names another key above it.', ({ stranger }) => instead(authorityKeyIdentifier(stranger.spki))),
  ...each('not-yet-valid', 'certificate-not-yet-valid', 'high', PATH('4.1.2.5'), 'The certificate of the % is valid from the next second on.', ({ at }) => (spec) => ({ ...spec, notBefore: at + 1000 })),
  ...each('expired', 'certificate-expired', 'high', 'nv-local-gpu-verifier 2.3.0 to 2.5.0', 'The certificate of the % ended a second ago.', ({ at }) => (spec) => ({ ...spec, notAfter: at - 1000 })),
  ...each('not-ca', 'authority-not-ca', 'high', PATH('4.2.1.9'), 'The % is no authority.', () => instead(basicConstraintsLeaf()), AUTHORITIES),
  ...each('may-not-sign', 'authority-key-usage', 'high', PATH('4.2.1.3'), "The %'s key is not for certificates.", () => instead(keyUsage('digitalSignature')), AUTHORITIES),
  ...each(
    'p-256',
    'authority-key',
    'high',
    GENUINE,
    "The %'s key is on P-256.",
    ({ world }) =>
      (spec) => ({ ...spec, spki: world.ecKey('vectors/p-256', 'P-256').spki }),
    AUTHORITIES,
  ),
  ...LEVELS.map(([level, name]) =>
    refused(`chain/${name}-signed-by-stranger`, ['chain', 'certificate-signature'], 'critical', PATH('6.1.3 (a)(1)'), `A stranger issued the certificate of the ${name} in its authority’s name.`, {
      edits: ({ stranger }) => ({ certificates: { [level]: { signedBy: stranger } } }),
    }),
  ),
  refused('chain/identity-path-length', ['chain', 'authority-path-length'], 'medium', PATH('4.2.1.9'), 'The identity authority allows one authority below it, and there are two.', {
    edits: certificate('identity', instead(basicConstraintsCa(1))),
  }),
];

const LEAF_CASES: readonly H100Case[] = [
  refused('leaf/p-256', ['chain', 'leaf-key'], 'high', GENUINE, 'The attestation key is on P-256.', {
    edits: ({ world }) => certificate('attestation', (spec) => ({ ...spec, spki: world.ecKey('vectors/p-256', 'P-256').spki })),
  }),
  refused('leaf/is-authority', ['chain', 'leaf-authority'], 'high', PATH('4.2.1.9'), 'The leaf is an authority.', { edits: certificate('attestation', and(basicConstraintsCa())) }),
  refused('leaf/signs-certificates', ['chain', 'leaf-authority'], 'high', PATH('4.2.1.3'), 'The attestation key may sign certificates.', { edits: certificate('attestation', instead(keyUsage('keyCertSign'))) }),
  refused('leaf/agrees-on-keys', ['chain', 'leaf-key-usage'], 'medium', PATH('4.2.1.3'), 'The attestation key is for agreeing on keys.', { edits: certificate('attestation', instead(keyUsage('keyAgreement'))) }),
  refused('leaf/of-another-chip', ['chain', 'certificate-chip'], 'high', GENUINE, 'The leaf is for a Blackwell GPU, the authorities above it are for Hopper.', {
    edits: certificate('attestation', renamed('subject', COMMON_NAME, 'GB100 A01 GSP FMC LF')),
  }),
  refused('leaf/serial-in-subject', ['chain', 'certificate-serial'], 'low', GENUINE, 'The serial number in the leaf’s subject is another than its own.', {
    policy: 'strict identity',
    edits: certificate('attestation', renamed('subject', SERIAL_NUMBER, '41'.repeat(20))),
  }),
  refused('leaf/brom-serial-in-subject', ['chain', 'certificate-serial'], 'low', GENUINE, 'The serial number in the boot ROM’s subject is another than its own.', {
    policy: 'strict identity',
    edits: certificate('bootRom', (spec) => ({ ...spec, serial: Uint8Array.of(0x41, 1, 2, 3, 4, 5, 6, 7, 8) })),
  }),
  refused('leaf/brom-serial-prefix', ['chain', 'device-pdi'], 'medium', GENUINE, 'The boot ROM’s serial number is that of no kind of device.', {
    edits: {
      certificates: {
        bootRom: { edit: (spec) => renamed('subject', SERIAL_NUMBER, `42${Buffer.from(spec.serial).toString('hex').slice(2).toUpperCase()}`)({ ...spec, serial: spec.serial.with(0, 0x42) }) },
        attestation: { edit: (spec) => renamed('issuer', SERIAL_NUMBER, `42${(spec.issuer.find(([type]) => type === SERIAL_NUMBER)?.[1] ?? '').slice(2)}`)(spec) },
      },
    },
  }),
  refused('leaf/other-maker', ['chain', 'device-info'], 'medium', 'DSP0274 1.1.3, otherName DMTF-device-info', 'The leaf’s device information names another maker.', {
    edits: certificate(
      'attestation',
      extensionValue(
        SAN,
        latin1((text) => text.replace('NVIDIA', 'NVIDIX')),
      ),
    ),
  }),
  refused('leaf/other-product', ['chain', 'device-info'], 'medium', 'DSP0274 1.1.3, otherName DMTF-device-info', 'The leaf’s device information names another chip.', {
    edits: certificate(
      'attestation',
      extensionValue(
        SAN,
        latin1((text) => text.replace('GH100', 'GB100')),
      ),
    ),
  }),
  refused('leaf/unreadable-device-info', ['chain', 'device-info'], 'medium', 'DSP0274 1.1.3, otherName DMTF-device-info', 'The leaf’s device information can’t be read.', {
    ...CRASH,
    edits: certificate(
      'attestation',
      extensionValue(SAN, (der) => der.slice(0, -1)),
    ),
  }),
  refused('leaf/no-key-identifier', ['chain', 'certificate-extension-missing'], 'low', PATH('4.2.1.2'), 'The leaf does not identify its own key.', {
    edits: certificate('attestation', without(OID.subjectKeyIdentifier)),
  }),
  refused('leaf/no-device-info', ['chain', 'certificate-extension-missing'], 'medium', 'DSP0274 1.1.3, otherName DMTF-device-info', 'The leaf has no device information.', {
    edits: certificate('attestation', without(SAN)),
  }),
  refused('leaf/no-fwid', ['chain', 'fwid-missing'], 'high', DICE, 'The leaf does not say which firmware its key was made for.', { edits: certificate('attestation', without(COMPOSITE_DEVICE_ID_OID)) }),
  refused('leaf/unreadable-fwid', ['chain', 'fwid-malformed'], 'medium', DICE, 'What the leaf says of its firmware can’t be read.', {
    ...CRASH,
    edits: certificate(
      'attestation',
      extensionValue(COMPOSITE_DEVICE_ID_OID, (der) => der.slice(0, -1)),
    ),
  }),
  refused('leaf/other-fwid', ['binding', 'fwid-mismatch'], 'critical', DICE, 'The leaf is for other firmware than the report names.', {
    edits: certificate('attestation', extensionValue(COMPOSITE_DEVICE_ID_OID, other)),
  }),
  refused('leaf/fwid-other-issuer', ['chain', 'fwid-issuer'], 'high', DICE, 'What the leaf says of its firmware names another key above it.', {
    edits: ({ stranger }) =>
      certificate(
        'attestation',
        extensionValue(COMPOSITE_DEVICE_ID_OID, (der) => compositeDeviceId(stranger.spki, readCompositeDeviceId(der).fwid).value),
      ),
  }),
  refused('leaf/blackwell-fwid-of-hopper', ['chain', 'fwid-missing'], 'medium', DICE, 'A Blackwell leaf says in Hopper’s way which firmware its key was made for.', {
    options: { gpu: 'b200' },
    edits: ({ stranger }) => certificate('attestation', (spec) => and(compositeDeviceId(stranger.spki, new Uint8Array(48)))(without(DICE_TCB_INFO_OID)(spec))),
  }),
  refused('leaf/blackwell-unreadable-fwid', ['chain', 'fwid-malformed'], 'medium', DICE, 'What a Blackwell leaf says of its firmware can’t be read.', {
    ...CRASH,
    options: { gpu: 'b200' },
    edits: certificate(
      'attestation',
      extensionValue(DICE_TCB_INFO_OID, (der) => der.slice(0, -1)),
    ),
  }),
];

export const CHAIN_CASES: readonly H100Case[] = [...ROOT_CASES, ...SHAPE_CASES, ...LEVEL_CASES, ...LEAF_CASES];
