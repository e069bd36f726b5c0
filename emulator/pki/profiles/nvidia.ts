/**
 * The table of every certificate and list that NVIDIA's side of a World issues, in the genuine shape: names with the order and string types
 * of their attributes, forms of serials and times, extensions with their order and criticality, URLs, lifetimes.
 *
 * Differences from the genuine ones: the roots carry the test marker (a Netscape Comment) as one more, non-critical extension, last; the
 * keys are test keys. Genuine NRAS leaves are signed with RSA by `GPU Intermediate 004`; here by one of the shape of `003`, whose key is
 * P-384 like all others. What no genuine certificate was seen of has `assumed` with what it is modelled on.
 */
import type { Signer } from '../../crypto/sign.ts';
import { ecdsaWith, type NameAttribute, OID } from '../der.ts';
import {
  authorityKeyIdentifier,
  basicConstraintsCa,
  basicConstraintsLeaf,
  crlDistributionPoint,
  extendedKeyUsage,
  keyIdentifier,
  keyUsage,
  ocspAccess,
  ocspNoCheck,
  otherName,
  subjectKeyIdentifier,
  testMarker,
} from '../extensions.ts';
import type { CertificateSpec, ExtensionSpec } from '../issue.ts';
import { NVIDIA_CHIP_NAMES, NVIDIA_CHIPS, type NvidiaChip, type NvidiaChipRow } from './nvidia-chips.ts';

/** Hosts of NVIDIA's OCSP responder and revocation lists. */
export const OCSP_HOST = 'ocsp.ndis.nvidia.com';
export const CRL_HOST = 'crl.ndis.nvidia.com';

/** What a RIM is about; each has a signer of its own. */
export type RimKind = 'driver' | 'vbios' | 'switch';
/** Everybody there is only one of and that issues certificates. */
export type NvidiaCaId = 'device-root' | 'rim-root' | 'nras-root' | 'nras-intermediate' | `${'identity' | 'provisioner' | 'rim-ca' | 'rim-l3'}/${NvidiaChip}`;
export type NvidiaAuthorityId = NvidiaCaId | `rim-l4/${RimKind}/${NvidiaChip}`;

/** A key that is certified and the one that certifies it. */
interface Keys {
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  readonly issuer: Signer;
}
type ExtensionRow = (keys: Keys) => ExtensionSpec;

/** How a serial looks: 16 bytes below 2^127, 16 above, or 20 below 2^159. */
export type SerialForm = 'low16' | 'high16' | 'low20';
/** From when until when the genuine one is valid; `span`: years after which the next one is issued, never if it does not end. */
interface Life {
  readonly from: string;
  readonly until: string;
  readonly span?: number;
}

/** One row: everything about one certificate but its keys. */
export interface NvidiaProfile {
  readonly subject: readonly NameAttribute[];
  readonly issuer: NvidiaCaId;
  readonly serial: SerialForm;
  readonly life: Life;
  readonly timeForm?: 'generalized';
  readonly extensions: readonly ExtensionRow[];
  /** Who answers for what it issues. */
  readonly responder?: { readonly commonName: string; readonly form: ResponderForm; readonly from: string; readonly until: string };
  /** Where the list of what it has revoked is served. */
  readonly crlUrl?: string;
  readonly assumed?: string;
}

const FOREVER = '9999-12-31T23:59:59Z';
const CORPORATION = 'NVIDIA Corporation';
const nvidiaName = (commonName: string): NameAttribute[] => [
  [OID.commonName, commonName],
  [OID.organization, CORPORATION],
  [OID.country, 'US'],
];
const identityName = (commonName: string): NameAttribute[] => [
  [OID.commonName, commonName],
  [OID.organization, CORPORATION],
];
const deviceName = (serial: string, commonName: string): NameAttribute[] => [
  [OID.serialNumber, serial],
  [OID.country, 'US'],
  [OID.organization, CORPORATION],
  [OID.commonName, commonName],
];

const SKI: ExtensionRow = ({ spki }) => subjectKeyIdentifier(spki);
const AKI: ExtensionRow = ({ issuer }) => authorityKeyIdentifier(issuer.spki);
const fixed =
  (extension: ExtensionSpec): ExtensionRow =>
  () =>
    extension;
const CA = fixed(basicConstraintsCa());
const CA_USAGE = fixed(keyUsage('keyCertSign', 'cRLSign'));
const SIGNING = fixed(keyUsage('digitalSignature'));
const MARKER = fixed(testMarker());
const OCSP = fixed(ocspAccess(`http://${OCSP_HOST}`));
const crlUrl = (path: string): string => `http://${CRL_HOST}/${path}`;
const CRLS = {
  'device-root': crlUrl('crl/l1-root.crl'),
  'rim-root': crlUrl('crl-corim/l1-corim'),
  'nras-root': crlUrl('crl-nras/nv-nras-l1-root.crl'),
  identity: (chip: string): string => crlUrl(`crl/l2-${chip.toLowerCase()}.crl`),
} as const;
const notCritical = ({ oid, value }: ExtensionSpec): ExtensionSpec => ({ oid, critical: false, value });
const critical = ({ oid, value }: ExtensionSpec): ExtensionSpec => ({ oid, critical: true, value });
const intermediate = (url: string): ExtensionRow[] => [CA, CA_USAGE, fixed(crlDistributionPoint(url)), OCSP, SKI, AKI];

/** The three shapes of an OCSP responder's certificate. RIM responders have id-pkix-ocsp-nocheck as an extension, the others among the purposes of the key. */
const RESPONDER_FORMS = {
  'device-root': { serial: 'low16', extensions: [fixed(notCritical(keyUsage('digitalSignature'))), fixed(extendedKeyUsage(OID.ocspSigning, OID.ocspNoCheck)), SKI, AKI] },
  device: { serial: 'low16', extensions: [fixed(notCritical(basicConstraintsLeaf())), SIGNING, fixed(critical(extendedKeyUsage(OID.ocspSigning, OID.ocspNoCheck))), SKI, AKI] },
  rim: { serial: 'high16', timeForm: 'generalized', extensions: [fixed(notCritical(basicConstraintsLeaf())), SIGNING, fixed(critical(extendedKeyUsage(OID.ocspSigning))), fixed(ocspNoCheck()), SKI, AKI] },
} as const satisfies Readonly<Record<string, Pick<NvidiaProfile, 'serial' | 'timeForm' | 'extensions'>>>;
type ResponderForm = keyof typeof RESPONDER_FORMS;

const CORIM_ROOT: NameAttribute[] = [
  [OID.country, 'US'],
  [OID.organization, 'NVIDIA'],
  [OID.commonName, 'NVIDIA CoRIM signing Root CA'],
];
const NRAS_ROOT: NameAttribute[] = [
  [OID.country, 'US'],
  [OID.organization, CORPORATION],
  [OID.commonName, 'NVIDIA Attestation Service CA 001'],
];
const L4_PLACE: NameAttribute[] = [
  [OID.country, 'US'],
  [OID.state, 'CA'],
  [OID.locality, 'Santa Clara'],
  [OID.organization, CORPORATION],
];
const NO_RIM = 'no genuine RIM of this chip is public: its signers as those of a GH100';

const ROOTS: Readonly<Record<'device-root' | 'rim-root' | 'nras-root' | 'nras-intermediate', NvidiaProfile>> = {
  'device-root': {
    subject: [
      [OID.commonName, 'NVIDIA Device Identity CA'],
      [OID.organization, 'NVIDIA'],
    ],
    issuer: 'device-root',
    serial: 'low16',
    life: { from: '2021-11-05T00:00:00Z', until: FOREVER },
    extensions: [CA, CA_USAGE, SKI, AKI, MARKER],
    crlUrl: CRLS['device-root'],
    responder: { commonName: 'NVIDIA OCSP Responder L1-A 02', form: 'device-root', from: '2022-09-22T00:00:00Z', until: '2025-09-21T23:59:59Z' },
  },
  'rim-root': {
    subject: CORIM_ROOT,
    issuer: 'rim-root',
    serial: 'low16',
    life: { from: '2023-03-16T15:37:34Z', until: '2053-03-08T15:37:34Z', span: 29 },
    extensions: [SKI, AKI, CA, CA_USAGE, MARKER],
    crlUrl: CRLS['rim-root'],
    responder: { commonName: 'NVIDIA OCSP Responder L1 CoRIM Root', form: 'rim', from: '2023-05-18T00:00:00Z', until: '2026-05-18T23:59:59Z' },
  },
  'nras-root': {
    subject: NRAS_ROOT,
    issuer: 'nras-root',
    serial: 'low20',
    life: { from: '2023-12-14T00:00:00Z', until: '2053-12-14T00:00:00Z', span: 29 },
    extensions: [CA, CA_USAGE, SKI, AKI, MARKER],
    crlUrl: CRLS['nras-root'],
    responder: { commonName: 'NVIDIA OCSP Responder L1 Attestation Service', form: 'rim', from: '2023-12-14T00:00:00Z', until: '2026-12-14T00:00:00Z' },
    assumed: 'its genuine certificate is not public: the name as in what it issues, the rest as the device root',
  },
  'nras-intermediate': {
    subject: nvidiaName('NVIDIA Attestation Service GPU Intermediate 003'),
    issuer: 'nras-root',
    serial: 'low20',
    life: { from: '2025-12-08T00:00:00Z', until: '2029-12-08T00:00:00Z', span: 3 },
    extensions: intermediate(CRLS['nras-root']),
  },
};

function chipProfiles(chip: NvidiaChip): [NvidiaAuthorityId, NvidiaProfile][] {
  const row: NvidiaChipRow = NVIDIA_CHIPS[chip];
  const { referenceValue: rv } = row;
  const assumed = row.assumed === undefined ? {} : { assumed: row.assumed };
  const rimAssumed = rv.name === 'GH100' || rv.name === 'LS10' ? {} : { assumed: NO_RIM };
  const lower = chip === 'LS10' ? 'LS_10' : chip;
  const ownIdentity: [NvidiaAuthorityId, NvidiaProfile] = [
    `identity/${row.identity}`,
    {
      subject: identityName(`NVIDIA ${row.identity} Identity`),
      issuer: 'device-root',
      serial: 'low16',
      life: { from: row.identitySince, until: FOREVER },
      extensions: intermediate(CRLS['device-root']),
      crlUrl: CRLS.identity(row.identity),
      responder: { commonName: `NVIDIA OCSP Responder L2 ${row.identity} Identity`, form: 'device', from: '2022-12-06T00:00:00Z', until: '2025-12-05T23:59:59Z' },
      ...assumed,
    },
  ];
  return [
    // LS10 chips are certified by the identity authority of GH100.
    ...(row.identity === chip ? [ownIdentity] : []),
    [
      `provisioner/${chip}`,
      {
        subject: nvidiaName(row.provisioner),
        issuer: `identity/${row.identity}`,
        serial: 'low16',
        life: { from: row.provisionerSince, until: FOREVER },
        extensions: intermediate(CRLS.identity(row.identity)),
        responder: { commonName: `NVIDIA OCSP Responder L3 ${lower} ICA1 Identity`, form: 'device', from: '2022-12-05T00:00:00Z', until: '2025-12-04T23:59:59Z' },
        ...assumed,
      },
    ],
    [
      `rim-ca/${chip}`,
      {
        subject: nvidiaName(`NVIDIA Reference Value ${rv.name} CA`),
        issuer: 'rim-root',
        serial: 'high16',
        life: { from: rv.caFrom, until: `${Number(rv.caFrom.slice(0, 4)) + 10}${rv.caFrom.slice(4, 11)}23:59:59Z`, span: 9 },
        timeForm: 'generalized',
        extensions: intermediate(CRLS['rim-root']),
        responder: { commonName: `NVIDIA OCSP Responder L2 Reference Value ${rv.name}`, form: 'rim', from: '2023-05-18T00:00:00Z', until: '2026-05-18T23:59:59Z' },
        ...rimAssumed,
      },
    ],
    [
      `rim-l3/${chip}`,
      {
        subject: nvidiaName(`NVIDIA Reference Value L3 ${rv.level3}`),
        issuer: `rim-ca/${chip}`,
        serial: 'high16',
        life: { from: rv.l3From, until: rv.l3Until, span: 2 },
        timeForm: 'generalized',
        extensions: [fixed(basicConstraintsCa(0)), CA_USAGE, OCSP, SKI, AKI],
        responder: { commonName: `NVIDIA OCSP Responder L3 ${rv.level3}`, form: 'rim', from: '2023-10-31T00:00:00Z', until: '2026-10-31T00:00:00Z' },
        ...rimAssumed,
      },
    ],
    ...(['driver', 'vbios', 'switch'] as const).map((kind): [NvidiaAuthorityId, NvidiaProfile] => [
      `rim-l4/${kind}/${chip}`,
      {
        subject: [...L4_PLACE, [OID.commonName, rv.level4]],
        issuer: `rim-l3/${chip}`,
        serial: 'low20',
        life: { from: '2024-12-30T16:56:50Z', until: '2026-12-30T16:56:50Z', span: 1 },
        extensions: [SKI, AKI, fixed(basicConstraintsLeaf()), SIGNING, OCSP],
        ...rimAssumed,
      },
    ]),
  ];
}

/** Every certificate of which there is only one at a time. */
export const NVIDIA_PROFILES: ReadonlyMap<NvidiaAuthorityId, NvidiaProfile> = new Map<NvidiaAuthorityId, NvidiaProfile>([
  ...(Object.entries(ROOTS) as [NvidiaAuthorityId, NvidiaProfile][]),
  ...NVIDIA_CHIP_NAMES.flatMap(chipProfiles),
]);

/** The row of an authority. @throws {TypeError} for the identity authority of LS10, which has none of its own */
export function nvidiaProfile(id: NvidiaAuthorityId): NvidiaProfile {
  const profile = NVIDIA_PROFILES.get(id);
  if (!profile) throw new TypeError(`NVIDIA has no authority ${id}`);
  return profile;
}

/** The genuine certificate's time; for a clock outside of it moved by whole years, until it holds the clock. One that never ends only begins earlier. */
function lifeAt({ from, until, span }: Life, now: number): { notBefore: number; notAfter: number } {
  const years = (at: string, by: number): number => new Date(at).setUTCFullYear(new Date(at).getUTCFullYear() + by);
  const step = span ?? 1;
  let by = span === undefined ? 0 : Math.max(0, Math.floor((new Date(now).getUTCFullYear() - new Date(from).getUTCFullYear()) / step) - 1) * step;
  while (now < years(from, by)) by -= step;
  while (span !== undefined && now >= years(from, by + span)) by += span;
  return { notBefore: years(from, by), notAfter: span === undefined ? Date.parse(until) : years(until, by) };
}

/** When the certificate of an authority begins that is valid at a time: a caller may keep one as long as this stays the same. @param now milliseconds since 1970 */
export function beginOf(id: NvidiaAuthorityId, now: number): number {
  return lifeAt(nvidiaProfile(id).life, now).notBefore;
}

/** The same of an authority's OCSP responder. */
export function responderBegin(issuer: NvidiaCaId, now: number): number {
  return lifeAt(responderLife(issuer), now).notBefore;
}

/** The same of a device. */
export function deviceBegin(chip: NvidiaChip, now: number): number {
  return lifeAt(deviceLife(chip), now).notBefore;
}

const responderLife = (issuer: NvidiaCaId): Life => ({ ...responderRow(issuer), span: 2 });
const deviceLife = (chip: NvidiaChip): Life => ({ from: NVIDIA_CHIPS[chip].since, until: FOREVER });

/** What every certificate of a spec has in common, for a row. @param serial unsigned, big-endian */
function filledIn(profile: Pick<NvidiaProfile, 'subject' | 'issuer' | 'life' | 'timeForm' | 'extensions'>, now: number, keys: Keys, serial: Uint8Array): CertificateSpec {
  return {
    serial,
    issuer: nvidiaProfile(profile.issuer).subject,
    subject: profile.subject,
    ...lifeAt(profile.life, now),
    ...(profile.timeForm ? { timeForm: profile.timeForm } : {}),
    spki: keys.spki,
    signatureAlgorithm: ecdsaWith('P-384'),
    extensions: profile.extensions.map((row) => row(keys)),
  };
}

/** Fills a row in for its keys and a time. @param now milliseconds since 1970 @param serial unsigned, big-endian */
export function nvidiaCertificateSpec(id: NvidiaAuthorityId, now: number, keys: Keys, serial: Uint8Array): CertificateSpec {
  return filledIn(nvidiaProfile(id), now, keys, serial);
}

/** How the serial of an authority's OCSP responder looks. @throws {TypeError} for an authority that has none */
export function responderSerialForm(issuer: NvidiaCaId): SerialForm {
  return RESPONDER_FORMS[responderRow(issuer).form].serial;
}

function responderRow(issuer: NvidiaCaId): NonNullable<NvidiaProfile['responder']> {
  const { responder } = nvidiaProfile(issuer);
  if (!responder) throw new TypeError(`nobody answers for what ${issuer} issues`);
  return responder;
}

/** The certificate of who answers for what an authority issues. @throws {TypeError} for an authority that has no responder */
export function nvidiaResponderSpec(issuer: NvidiaCaId, now: number, keys: Keys, serial: Uint8Array): CertificateSpec {
  const { commonName, form } = responderRow(issuer);
  return filledIn({ ...RESPONDER_FORMS[form], subject: nvidiaName(commonName), issuer, life: responderLife(issuer) }, now, keys, serial);
}

/** A device as its certificates name it. */
export interface NvidiaDevice {
  readonly chip: NvidiaChip;
  /** 8 bytes. */
  readonly pdi: Uint8Array;
  /** The last 5 bytes of its EUI-64, which begins with NVIDIA's 48B02D. */
  readonly eui: Uint8Array;
  /** The extension that names the firmware. */
  readonly fwid: ExtensionSpec;
}

const upperHex = (src: Uint8Array): string => Buffer.from(src).toString('hex').toUpperCase();

/** Serial of a device's boot ROM certificate: 9 bytes, unsigned, big-endian. */
export function bootRomSerial(chip: NvidiaChip, pdi: Uint8Array): Uint8Array {
  return Uint8Array.of(NVIDIA_CHIPS[chip].serialPrefix, ...pdi);
}

/** Serial of an attestation key's certificate: its key identifier, the first two bits replaced by 01. @returns 20 bytes, big-endian */
export function attestationSerial(spki: Uint8Array): Uint8Array {
  const id = keyIdentifier(spki);
  id[0] = ((id[0] ?? 0) & 0x3f) | 0x40;
  return id;
}

const bootRomName = ({ chip, pdi }: NvidiaDevice): NameAttribute[] => deviceName(upperHex(bootRomSerial(chip, pdi)), `${NVIDIA_CHIPS[chip].name} A01 ${NVIDIA_CHIPS[chip].engine} BROM`);

/** The certificate of a device's boot ROM, which its provisioner issues. */
export function bootRomSpec(device: NvidiaDevice, now: number, keys: Keys): CertificateSpec {
  const row: NvidiaChipRow = NVIDIA_CHIPS[device.chip];
  const extensions = [CA, fixed(keyUsage('keyCertSign')), ...(row.bootRomAccess ? [OCSP] : []), SKI, AKI];
  return filledIn({ subject: bootRomName(device), issuer: `provisioner/${device.chip}`, life: deviceLife(device.chip), extensions }, now, keys, bootRomSerial(device.chip, device.pdi));
}

/** DMTF SPDM device information (DSP0274 §10.8.2) as another name. */
const DEVICE_INFO_OID = '1.3.6.1.4.1.412.274.1';

/** The certificate of a device's attestation key, which its boot ROM issues. */
export function attestationSpec(device: NvidiaDevice, now: number, keys: Keys): CertificateSpec {
  const row: NvidiaChipRow = NVIDIA_CHIPS[device.chip];
  const serial = attestationSerial(keys.spki);
  const subject = deviceName(upperHex(serial), `${row.name} A01 ${row.engine} FMC LF`);
  const extensions = [SIGNING, SKI, AKI, fixed(otherName(DEVICE_INFO_OID, `NVIDIA:${row.name}:48B02D${upperHex(device.eui)}`)), fixed(device.fwid)];
  return { ...filledIn({ subject, issuer: `provisioner/${device.chip}`, life: deviceLife(device.chip), extensions }, now, keys, serial), issuer: bootRomName(device) };
}

const DAY = 86_400_000;
/** NRAS takes a new signing key at the start of each such period. */
export const NRAS_PERIOD = DAY;
const NRAS_LEAD = 30_000;

/** The certificate of a key that NRAS signs tokens with: two days and the half minute by which it begins early. @param from milliseconds since 1970 */
export function nrasLeafSpec(from: number, keys: Keys, serial: Uint8Array): CertificateSpec {
  return {
    serial,
    issuer: nvidiaProfile('nras-intermediate').subject,
    subject: [
      [OID.country, 'US'],
      [OID.organization, CORPORATION, 'printable'],
      [OID.commonName, 'NVIDIA Attestation Service GPU GH100', 'printable'],
    ],
    notBefore: from - NRAS_LEAD,
    notAfter: from + 2 * DAY,
    spki: keys.spki,
    signatureAlgorithm: ecdsaWith('P-384'),
    extensions: [keyUsage('digitalSignature', 'keyEncipherment', 'keyAgreement'), extendedKeyUsage(OID.serverAuth, OID.clientAuth), SKI(keys), AKI(keys)],
  };
}
