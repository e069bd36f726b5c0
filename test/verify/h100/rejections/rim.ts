/** What is wrong with manifests, one row each. */
import type { RimContents, RimMeasurement } from '../../../../emulator/h100/rim/contents.ts';
import { driverRim, driverRimId } from '../../../../emulator/h100/platform/golden.ts';
import { driverReleaseOf } from '../../../../emulator/h100/platform/releases.ts';
import { writeRim } from '../../../../emulator/h100/rim/write.ts';
import type { CertificateSpec } from '../../../../emulator/pki/issue.ts';
import { basicConstraintsCa } from '../../../../emulator/pki/extensions.ts';
import { authority, type Edits, NOW } from '../evidence.ts';
import { other, type Rejection, STRANGER, type Unusual } from './rejection.ts';

type Which = 'driverRim' | 'vbiosRim';
const WHICH: readonly Which[] = ['driverRim', 'vbiosRim'];
const PATH: Readonly<Record<Which, string>> = { driverRim: 'devices.0.driver_rim', vbiosRim: 'devices.0.vbios_rim' };
const contents = (which: Which, edit: (contents: RimContents) => Partial<RimContents>): Edits => ({ [which]: { edit: (c: RimContents) => ({ ...c, ...edit(c) }) } });
const text = (which: Which, edit: (xml: string) => string): Edits => ({ [which]: { text: edit } });
const row =
  (index: number, edit: (m: RimMeasurement) => Partial<RimMeasurement>) =>
  (c: RimContents): Partial<RimContents> => ({ measurements: c.measurements.map((m) => (m.index === index ? { ...m, ...edit(m) } : m)) });
const both = (name: string, reason: Rejection['reason'], edits: (which: Which) => Edits, suffix = ''): Rejection[] =>
  WHICH.map((which) => ({ name: `${which}: ${name}`, reason, edits: edits(which), path: PATH[which] + suffix }));
/** The manifest of another driver, given out for the one that is asked for. */
const OTHER_DRIVER = ((): Uint8Array => {
  const release = driverReleaseOf('550.144.03');
  return writeRim({ ...driverRim(release, 'GH100'), id: driverRimId(release.version, 'GH100') }, authority.rimSigner('driver', 'GH100'));
})();
const expired = (spec: CertificateSpec): CertificateSpec => ({ ...spec, notAfter: NOW - 1000 });

export const RIM_REJECTIONS: readonly Rejection[] = [
  ...WHICH.map(
    (which, i): Rejection => ({
      name: `${which}: is not there`,
      reason: 'rim-missing',
      edits: { presented: (e) => ({ rim: (kind, id) => (kind === (['driver', 'vbios'] as const)[i] ? undefined : e.rim(kind, id, 0)) }) },
      path: PATH[which],
    }),
  ),
  ...both('is no XML', 'rim-malformed', (which) => text(which, (xml) => xml.slice(0, -1)), '').map(({ path: _, ...rejection }) => rejection),
  ...both('has a document type', 'rim-malformed', (which) => text(which, (xml) => xml.replace('<SoftwareIdentity', '<!DOCTYPE x [<!ENTITY a "b">]><SoftwareIdentity'))).map(({ path: _, ...rejection }) => rejection),
  ...both('has no signature', 'rim-malformed', (which) => text(which, (xml) => xml.replace(/<ds:Signature .*<\/ds:Signature>/s, ''))).map(({ path: _, ...rejection }) => rejection),
  ...both('has a signature that is too short', 'rim-malformed', (which) => text(which, (xml) => xml.replace(/<ds:SignatureValue>[^<]*/, '<ds:SignatureValue>AAAA'))).map(({ path: _, ...rejection }) => rejection),
  ...both('is changed after it was signed', 'rim-signature', (which) => text(which, (xml) => xml.replace('colloquialVersion="', 'colloquialVersion="1'))),
  ...both('has a value changed after it was signed', 'rim-signature', (which) => text(which, (xml) => xml.replace(/(active="True"[^>]*Hash0=")./, '$1f'))),
  ...both('is signed by a stranger', 'rim-signature', (which) => ({ [which]: { signedBy: STRANGER } })),
  ...both('is for another version', 'rim-version', (which) => contents(which, () => ({ version: which === 'driverRim' ? '550.90.08' : '96.00.9F.00.02' }))),
  { name: 'vbiosRim: has its version in small letters', reason: 'rim-version', edits: contents('vbiosRim', ({ version }) => ({ version: version.toLowerCase() })) },
  {
    name: "driverRim: is another driver's",
    reason: 'rim-version',
    edits: { presented: (e) => ({ rim: (kind, id) => (kind === 'driver' ? OTHER_DRIVER : e.rim(kind, id, 0)) }) },
    wishes: { allowNoOcsp: true },
    path: PATH.driverRim,
  },
  { name: "driverRim: is the VBIOS's", reason: 'rim-version', edits: { presented: (e) => ({ rim: (_, id) => e.rim('vbios', id.includes('VBIOS') ? id : ([...e.rims.keys()][1] ?? ''), 0) }) }, path: PATH.driverRim },
  ...both('is for a switch', 'rim-edition', (which) => contents(which, () => ({ edition: 'SWITCH' }))),
  ...both('is for another chip', 'rim-edition', (which) => contents(which, () => ({ model: 'GB100' }))),
  ...both("is for another maker's firmware", 'rim-manufacturer', (which) => contents(which, () => ({ firmwareManufacturerId: '1' }))),
  ...both('speaks for no measurement', 'rim-empty', (which) => contents(which, ({ measurements }) => ({ measurements: measurements.map((m) => ({ ...m, active: false })) }))),
  {
    name: 'vbiosRim: speaks for a measurement that the driver speaks for',
    reason: 'rim-conflict',
    edits: contents(
      'vbiosRim',
      row(25, () => ({ active: true })),
    ),
  },
  {
    name: 'vbiosRim: speaks for a measurement that no device makes',
    reason: 'rim-index',
    edits: contents('vbiosRim', ({ measurements }) => ({ measurements: [...measurements, { index: 64, name: 'Measurement_64', active: true, alternatives: [new Uint8Array(48)] }] })),
  },
  {
    name: 'driverRim: allows another value',
    reason: 'measurement-mismatch',
    edits: contents(
      'driverRim',
      row(25, ({ alternatives }) => ({ alternatives: alternatives.map(other) })),
    ),
    path: 'devices.0.report.measurements.25',
  },
  {
    name: 'vbiosRim: allows another value',
    reason: 'measurement-mismatch',
    edits: contents(
      'vbiosRim',
      row(3, ({ alternatives }) => ({ alternatives: alternatives.map(other) })),
    ),
    path: 'devices.0.report.measurements.3',
  },
  {
    name: 'driverRim: allows nothing but zeros',
    reason: 'measurement-mismatch',
    edits: contents(
      'driverRim',
      row(25, () => ({ alternatives: [new Uint8Array(48)] })),
    ),
  },

  ...both('its signer is certified by a stranger', 'certificate-signature', (which) => ({ [which]: { certificates: { l4: { signedBy: STRANGER } } } }), '.signer'),
  ...both('its signer has expired', 'certificate-expired', (which) => ({ [which]: { certificates: { l4: { edit: expired } } } }), '.signer'),
  ...both('the authority above its signer has expired', 'certificate-expired', (which) => ({ [which]: { certificates: { l3: { edit: expired } } } }), '.issuer'),
  ...both(
    'its signer is an authority',
    'leaf-authority',
    (which) => ({ [which]: { certificates: { l4: { edit: (spec: CertificateSpec) => ({ ...spec, extensions: spec.extensions.map((e) => (e.oid === '2.5.29.19' ? basicConstraintsCa() : e)) }) } } } }),
    '.signer',
  ),
  ...both(
    'its signer bears another name',
    'certificate-name',
    (which) => ({ [which]: { certificates: { l4: { edit: (spec: CertificateSpec) => ({ ...spec, subject: spec.subject.map(([t, v]) => [t, t === '2.5.4.3' ? 'Somebody' : v] as const) }) } } } }),
    '.signer',
  ),
  ...both('brings three certificates', 'certificate-chain-length', (which) => text(which, (xml) => xml.replace(/<ds:X509Certificate>[^<]*<\/ds:X509Certificate><\/ds:X509Data>/, '</ds:X509Data>'))),
];

export const UNUSUAL_RIMS: readonly Unusual[] = [
  {
    name: 'a manifest with the right value among several',
    edits: contents(
      'driverRim',
      row(25, ({ alternatives }) => ({ alternatives: [new Uint8Array(48), ...alternatives.map(other), ...alternatives] })),
    ),
  },
  { name: 'a manifest that speaks for one measurement only', edits: contents('driverRim', ({ measurements }) => ({ measurements: measurements.map((m) => ({ ...m, active: m.index === 25 })) })) },
  {
    name: 'manifests with other values where they do not speak',
    edits: contents(
      'vbiosRim',
      row(25, () => ({ alternatives: [new Uint8Array(48).fill(1)] })),
    ),
  },
  { name: 'no manifests, where that is allowed', edits: { presented: () => ({ rim: () => undefined }) }, wishes: { allowNoRims: true } },
];
