/** Firmware other than the manifests allow, and manifests that do not speak for the device. */
import type { RimContents } from '../../../emulator/h100/rim/contents.ts';
import { driverRim, driverRimId } from '../../../emulator/h100/platform/golden.ts';
import { driverReleaseOf } from '../../../emulator/h100/platform/releases.ts';
import { countsBytes, countsOf } from '../../../emulator/h100/report/values.ts';
import { writeRim } from '../../../emulator/h100/rim/write.ts';
import { field, type Manifest, manifest, manifestText, measurement, other, report, rimRow, signerCertificate, withField } from '../../edits/nvidia.ts';
import { basicConstraintsCa, keyUsage } from '../../../emulator/pki/extensions.ts';
import { instead, renamed } from '../../edits/nvidia.ts';
import { CRASH, type H100Case, type More, refused } from './row.ts';

const SWID = 'TCG Reference Integrity Manifest Information Model';
const MSRSCNT = 'NVIDIA attestation SDK, MSRSCNT';
const MISMATCH = ['tcb', 'measurement-mismatch'] as const;
const COUNT = ['tcb', 'measurement-count'] as const;
const ZERO = new Uint8Array(48);

/** Indices that the driver's manifest speaks for, and the VBIOS's; the first of each is what historic cases name. */
const DRIVER_INDICES = [25, 7] as const;
const VBIOS_INDICES = [1, 3] as const;

const MEASUREMENT_CASES: readonly H100Case[] = [
  ...DRIVER_INDICES.map((index) =>
    refused(`measurement/driver-${index}`, MISMATCH, 'critical', SWID, `Measurement ${index}, for which the driver's manifest speaks, is none of the values in it.`, { edits: measurement(index, other) }),
  ),
  ...VBIOS_INDICES.map((index) =>
    refused(`measurement/vbios-${index}`, MISMATCH, 'critical', SWID, `Measurement ${index}, for which the VBIOS's manifest speaks, is none of the values in it.`, { edits: measurement(index, other) }),
  ),
  refused('measurement/first-byte', MISMATCH, 'critical', SWID, 'A measurement differs in its first byte alone.', { edits: measurement(1, (value) => value.with(0, (value[0] ?? 0) ^ 1)) }),
  refused('measurement/of-another-index', MISMATCH, 'critical', SWID, 'A measurement has the value that is right for another.', {
    edits: report(({ measurements }) => ({ measurements: measurements.map((m) => (m.index === 1 ? { ...m, value: measurements[25]?.value ?? ZERO } : m)) })),
  }),
  refused('measurement/developer-tools', MISMATCH, 'high', 'NVIDIA/nvtrust#35', 'The GPU runs with developer tools, as its measurements show and nothing else.', { options: { ccMode: 'devtools' }, goodOptions: {} }),
  refused('measurement/zero', COUNT, 'high', MSRSCNT, 'A measurement is zero, though something was measured.', { edits: measurement(1, () => ZERO) }),
  refused('measurement/never-extended', COUNT, 'medium', MSRSCNT, 'A measurement is there, though nothing was measured.', { edits: measurement(63, other) }),
  refused('measurement/all-zero', COUNT, 'critical', MSRSCNT, 'All measurements are zero.', { edits: report((r) => ({ measurements: r.measurements.map((m) => ({ ...m, value: ZERO })) })) }),
  refused('measurement/all-zero-uncounted', MISMATCH, 'critical', SWID, 'All measurements are zero, and so are their counts.', {
    edits: report((r) => ({ measurements: r.measurements.map((m) => ({ ...m, value: ZERO })), opaque: withField(r.opaque, 'MSRSCNT', new Uint8Array(256)) })),
  }),
  refused('measurement/one-count-zero', COUNT, 'medium', MSRSCNT, 'A measurement that is there is said never to have been extended.', { edits: field('MSRSCNT', (data) => countsBytes(countsOf(data).with(1, 0))) }),
  refused('measurement/video-decoder-on', MISMATCH, 'high', 'NVIDIA attestation SDK, NVDEC0_STATUS', "The video decoder is on, and its firmware's measurement is none of those allowed.", {
    options: { decoder: 'on' },
    edits: measurement(35, other),
  }),
];

const BOTH: readonly Manifest[] = ['driverRim', 'vbiosRim'];
const NAME: Readonly<Record<Manifest, string>> = { driverRim: 'driver', vbiosRim: 'vbios' };
const OTHER_VERSION: Readonly<Record<Manifest, string>> = { driverRim: '550.90.08', vbiosRim: '96.00.9F.00.02' };
const MISSING: Readonly<Record<Manifest, string>> = { driverRim: 'driver_rim.xml', vbiosRim: 'vbios_rim.xml' };
const MALFORMED = ['parse', 'rim-malformed'] as const;
const UNSIGNED = ['signature', 'rim-signature'] as const;

function each(slug: string, at: Parameters<typeof refused>[1], severity: Parameters<typeof refused>[2], ref: string, why: string, more: (which: Manifest) => More): H100Case[] {
  return BOTH.map((which) => refused(`rim/${NAME[which]}-${slug}`, at, severity, ref, why.replace('%', which === 'driverRim' ? 'driver' : 'VBIOS'), more(which)));
}
const contents = (which: Manifest, edit: (contents: RimContents) => Partial<RimContents>): More => ({ edits: manifest(which, edit) });
const text = (which: Manifest, edit: (xml: string) => string): More => ({ edits: manifestText(which, edit) });
const expired =
  (at: number) =>
  <S extends { readonly notAfter: number }>(spec: S): S => ({ ...spec, notAfter: at - 1000 });

const FORM_CASES: readonly H100Case[] = [
  ...each('missing', ['parse', 'rim-missing'], 'high', 'NVIDIA/nvtrust#66', "The %'s manifest is not there.", (which) => ({
    files: (files) => new Map([...files].filter(([name]) => name !== MISSING[which])),
    faults: [{ match: 'rim.get', fault: 'rim-not-found' }],
  })),
  ...each('truncated', MALFORMED, 'medium', SWID, "The %'s manifest ends in the middle.", (which) => ({ ...CRASH, ...text(which, (xml) => xml.slice(0, xml.length / 2)) })),
  ...each('empty', MALFORMED, 'medium', SWID, "The %'s manifest is empty.", (which) => ({ ...CRASH, ...text(which, () => '') })),
  ...each('document-type', MALFORMED, 'high', 'XML 1.0 §4; CWE-776', "The %'s manifest declares entities that grow when they are read.", (which) => ({
    ...CRASH,
    ...text(which, (xml) =>
      xml.replace('<SoftwareIdentity', `<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "${'&a;'.repeat(10)}"><!ENTITY c "${'&b;'.repeat(10)}">]><SoftwareIdentity`).replace('revision="r1"', 'revision="&c;"'),
    ),
  })),
  ...each('external-entity', MALFORMED, 'critical', 'XML 1.0 §4; CWE-611', "The %'s manifest would have the reader open a file.", (which) =>
    text(which, (xml) => xml.replace('<SoftwareIdentity', '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/hostname">]><SoftwareIdentity')),
  ),
  ...each('deep', MALFORMED, 'high', 'CWE-674', "The %'s manifest has thousands of elements in one another.", (which) => ({
    ...CRASH,
    ...text(which, (xml) => xml.replace('</SoftwareIdentity>', `${'<a>'.repeat(20_000)}${'</a>'.repeat(20_000)}</SoftwareIdentity>`)),
  })),
  ...each('unsigned', MALFORMED, 'critical', 'NVIDIA local GPU verifier, RIM signature', "The %'s manifest has no signature.", (which) => ({
    bug: 'authentication-bypass',
    ...text(which, (xml) => xml.replace(/<ds:Signature .*<\/ds:Signature>/s, '')),
  })),
  ...each('signature-short', MALFORMED, 'medium', 'XML Signature 1.1', "The signature of the %'s manifest has three bytes.", (which) => ({
    ...CRASH,
    ...text(which, (xml) => xml.replace(/<ds:SignatureValue>[^<]*/, '<ds:SignatureValue>AAAA')),
  })),
  ...each('signature-twice', MALFORMED, 'high', 'XML Signature 1.1', "The %'s manifest has two signatures: it depends on the reader which one counts.", (which) => ({
    bug: 'authentication-bypass',
    ...text(which, (xml) => xml.replace(/(<ds:Signature .*<\/ds:Signature>)/s, '$1$1')),
  })),
  ...each('other-reference', MALFORMED, 'critical', 'XML Signature 1.1; signature wrapping', "The signature of the %'s manifest is over an element of a name, not over the whole.", (which) => ({
    bug: 'authentication-bypass',
    ...text(which, (xml) => xml.replace('<ds:Reference URI="">', '<ds:Reference URI="#x">')),
  })),
  ...each('other-transform', MALFORMED, 'critical', 'XML Signature 1.1; signature wrapping', "The signature of the %'s manifest is over what a transform leaves of it.", (which) => ({
    bug: 'authentication-bypass',
    ...text(which, (xml) => xml.replace('http://www.w3.org/2006/12/xml-c14n11"/></ds:Transforms>', 'http://www.w3.org/TR/1999/REC-xslt-19991116"/></ds:Transforms>')),
  })),
  ...each('hmac', MALFORMED, 'critical', 'XML Signature 1.1; RFC 6931', "The signature of the %'s manifest says that it is an HMAC, whose key would be the public one.", (which) => ({
    bug: 'authentication-bypass',
    ...text(which, (xml) => xml.replace(/(<ds:SignatureMethod Algorithm=")[^"]*/, '$1http://www.w3.org/2000/09/xmldsig#hmac-sha1')),
  })),
  ...each('wrapped', MALFORMED, 'critical', 'XML Signature 1.1; signature wrapping', 'The signed manifest of the % stands inside another document with other values.', (which) => ({
    bug: 'authentication-bypass',
    ...text(
      which,
      (xml) =>
        `${xml
          .replace(/<ds:Signature .*<\/ds:Signature>/s, '')
          .replace(/(ns2:Hash0=")./g, '$1f')
          .replace('</SoftwareIdentity>', '')}${xml}</SoftwareIdentity>`,
    ),
  })),
  ...each('second-payload', MALFORMED, 'critical', 'XML Signature 1.1; signature wrapping', "The %'s manifest has a second payload behind the first.", (which) =>
    text(which, (xml) => xml.replace(/(<ns0:Payload .*<\/ns0:Payload>)/s, '$1$1')),
  ),
  refused(
    'rim/vbios-index-unordered',
    MALFORMED,
    'medium',
    SWID,
    'The rows of a manifest stand there twice, with other values.',
    contents('vbiosRim', ({ measurements }) => ({ measurements: [...measurements, ...measurements] })),
  ),
];

const SIGNATURE_CASES: readonly H100Case[] = [
  ...each('version-changed', UNSIGNED, 'critical', SWID, "The version in the %'s manifest is changed after signing.", (which) => text(which, (xml) => xml.replace('colloquialVersion="', 'colloquialVersion="1'))),
  ...each('value-changed', UNSIGNED, 'critical', SWID, "A golden value in the %'s manifest is changed after signing.", (which) =>
    text(which, (xml) => xml.replace(/(active="True"[^>]*Hash0=")(.)/, (_, before: string, digit: string) => `${before}${digit === 'f' ? '0' : 'f'}`)),
  ),
  ...each('deactivated', UNSIGNED, 'critical', SWID, "The %'s manifest no longer speaks for one measurement, changed after signing.", (which) => text(which, (xml) => xml.replace('active="True"', 'active="False"'))),
  ...each('signed-by-stranger', UNSIGNED, 'critical', SWID, "The %'s manifest is signed by a key that nobody vouches for, under the right certificates.", (which) => ({
    edits: ({ stranger }) => ({ [which]: { signedBy: stranger } }),
    faults: [{ match: 'rim.get', fault: 'rim-signed-by-stranger' }],
  })),
  ...each('signed-by-authority', UNSIGNED, 'high', SWID, "The %'s manifest is signed by the authority above its signer.", (which) => ({
    edits: ({ authority }) => ({ [which]: { signedBy: authority.key('rim-l3/GH100') } }),
  })),
];

const CONTENT_CASES: readonly H100Case[] = [
  ...each('other-version', ['tcb', 'rim-version'], 'high', SWID, "The %'s manifest is for another version than the report names.", (which) => contents(which, () => ({ version: OTHER_VERSION[which] }))),
  refused('rim/vbios-version-lower-case', ['tcb', 'rim-version'], 'low', 'NVIDIA attestation SDK, VBIOS version', 'The version in the manifest is in small letters.', {
    policy: 'versions are compared letter by letter',
    ...contents('vbiosRim', ({ version }) => ({ version: version.toLowerCase() })),
  }),
  refused('rim/driver-of-another-release', ['tcb', 'rim-version'], 'high', 'NVIDIA RIM service', 'The service gave out the manifest of another release under the id that was asked for.', {
    files: (files, { authority }) => {
      const release = driverReleaseOf('550.144.03');
      return new Map([...files, ['driver_rim.xml', writeRim({ ...driverRim(release, 'GH100'), id: driverRimId(release.version, 'GH100') }, authority.rimSigner('driver', 'GH100'))]]);
    },
  }),
  refused('rim/driver-is-vbios', ['tcb', 'rim-version'], 'high', 'NVIDIA RIM service', "The driver's manifest is the VBIOS's.", {
    files: (files) => new Map([...files, ['driver_rim.xml', files.get('vbios_rim.xml') ?? new Uint8Array()]]),
  }),
  ...each('for-switch', ['tcb', 'rim-edition'], 'medium', SWID, "The %'s manifest is for a switch.", (which) => contents(which, () => ({ edition: 'SWITCH' }))),
  ...each('for-another-chip', ['tcb', 'rim-edition'], 'high', SWID, "The %'s manifest is for another chip.", (which) => contents(which, () => ({ model: 'GB100' }))),
  ...each('of-another-maker', ['tcb', 'rim-manufacturer'], 'medium', SWID, "The %'s manifest is for firmware of another maker.", (which) => contents(which, () => ({ firmwareManufacturerId: '1' }))),
  ...each('all-inactive', ['tcb', 'rim-empty'], 'high', SWID, "The %'s manifest speaks for no measurement: nothing differs from nothing.", (which) =>
    contents(which, ({ measurements }) => ({ measurements: measurements.map((m) => ({ ...m, active: false })) })),
  ),
  refused(
    'rim/index-conflict',
    ['tcb', 'rim-conflict'],
    'medium',
    'NVIDIA attestation SDK, x-nvidia-gpu-vbios-index-no-conflict',
    'Both manifests speak for one measurement.',
    contents(
      'vbiosRim',
      rimRow(25, (row) => ({ ...row, ...driverRim(driverReleaseOf('550.90.07'), 'GH100').measurements[25], name: row.name })),
    ),
  ),
  refused(
    'rim/index-beyond',
    ['tcb', 'rim-index'],
    'medium',
    SWID,
    'A manifest speaks for a measurement that the device does not make.',
    contents('vbiosRim', ({ measurements }) => ({ measurements: [...measurements, { index: 64, name: 'Measurement_64', active: true, alternatives: [ZERO] }] })),
  ),
  refused(
    'rim/driver-other-value',
    MISMATCH,
    'critical',
    SWID,
    "The driver's manifest, well signed, allows another value.",
    contents(
      'driverRim',
      rimRow(25, ({ alternatives }) => ({ alternatives: alternatives.map(other) })),
    ),
  ),
  refused(
    'rim/vbios-other-value',
    MISMATCH,
    'critical',
    SWID,
    "The VBIOS's manifest, well signed, allows another value.",
    contents(
      'vbiosRim',
      rimRow(3, ({ alternatives }) => ({ alternatives: alternatives.map(other) })),
    ),
  ),
  refused(
    'rim/driver-zero-value',
    MISMATCH,
    'high',
    SWID,
    'A manifest allows nothing but zeros.',
    contents(
      'driverRim',
      rimRow(25, () => ({ alternatives: [ZERO] })),
    ),
  ),
];

const CHAIN_CASES: readonly H100Case[] = [
  ...each('signer-rogue', ['chain', 'certificate-signature'], 'critical', SWID, "A stranger issued the certificate of the %'s signer in the authority's name.", (which) => ({
    edits: ({ stranger }) => ({ [which]: { certificates: { l4: { signedBy: stranger } } } }),
    faults: [{ match: 'rim.get', fault: 'rim-rogue-chain' }],
  })),
  ...each('signer-expired', ['chain', 'certificate-expired'], 'high', 'RFC 5280 §4.1.2.5', "The certificate of the %'s signer has expired.", (which) => ({
    edits: ({ at }) => signerCertificate(which, 'l4', expired(at)),
    faults: [{ match: 'rim.get', fault: 'rim-expired' }],
  })),
  ...each('issuer-expired', ['chain', 'certificate-expired'], 'high', 'RFC 5280 §4.1.2.5', "The certificate of the authority above the %'s signer has expired.", (which) => ({
    edits: ({ at }) => signerCertificate(which, 'l3', expired(at)),
  })),
  ...each('signer-not-yet-valid', ['chain', 'certificate-not-yet-valid'], 'medium', 'RFC 5280 §4.1.2.5', "The certificate of the %'s signer is not valid yet.", (which) => ({
    edits: ({ at }) => signerCertificate(which, 'l4', (spec) => ({ ...spec, notBefore: at + 1000 })),
  })),
  ...each('signer-is-authority', ['chain', 'leaf-authority'], 'medium', 'RFC 5280 §4.2.1.9', "The %'s signer is marked as an authority.", (which) => ({
    edits: signerCertificate(which, 'l4', instead(basicConstraintsCa())),
  })),
  ...each('issuer-not-ca', ['chain', 'authority-not-ca'], 'high', 'RFC 5280 §4.2.1.9', "The authority above the %'s signer is marked as none.", (which) => ({
    edits: signerCertificate(which, 'l3', instead({ ...basicConstraintsCa(), value: Uint8Array.of(0x30, 0) })),
  })),
  ...each('issuer-may-not-sign', ['chain', 'authority-key-usage'], 'high', 'RFC 5280 §4.2.1.3', "The key above the %'s signer is not for certificates.", (which) => ({
    edits: signerCertificate(which, 'l3', instead(keyUsage('digitalSignature'))),
  })),
  ...each('signer-other-name', ['chain', 'certificate-name'], 'medium', SWID, "The %'s signer is called something else.", (which) => ({
    edits: signerCertificate(which, 'l4', renamed('subject', '2.5.4.3', 'NVIDIA OCSP Responder L1-A 02')),
  })),
  ...each('three-certificates', ['chain', 'certificate-chain-length'], 'high', SWID, "The %'s manifest brings three certificates, none of them the root.", (which) =>
    text(which, (xml) => xml.replace(/<ds:X509Certificate>[^<]*<\/ds:X509Certificate><\/ds:X509Data>/, '</ds:X509Data>')),
  ),
  ...each('signer-alone', ['chain', 'certificate-chain-length'], 'high', SWID, "The %'s manifest brings the certificate of its signer alone.", (which) => ({
    edits: { [which]: { carries: 1 } },
    faults: [{ match: 'rim.get', fault: 'rim-leaf-alone' }],
  })),
  refused('rim/root-untrusted', ['chain', 'root-untrusted'], 'critical', SWID, 'The manifests are of a world that nobody trusts, under the same names.', {
    roots: ({ authority, foreign }) => ({ 'root.pem': authority.root('device').pem, 'rim_root.pem': foreign.root('rim').pem }),
  }),
  refused('rim/device-root-alone', ['chain', 'root-untrusted'], 'critical', SWID, 'The relying party trusts the root of devices, and manifests lead to another.', {
    roots: ({ authority }) => ({ 'root.pem': authority.root('device').pem }),
  }),
];

export const MEASUREMENT_ROWS: readonly H100Case[] = [...MEASUREMENT_CASES, ...FORM_CASES, ...SIGNATURE_CASES, ...CONTENT_CASES, ...CHAIN_CASES];
