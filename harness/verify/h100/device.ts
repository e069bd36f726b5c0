/** One device's evidence: read, led back to a root, and compared with what NVIDIA vouches for. */
import { verify } from 'node:crypto';
import type { Architecture } from '../../../emulator/h100/platform/models.ts';
import { type ReadCertificate, pemBlocks, sameBytes } from '../../../emulator/pki/read.ts';
import { keyOf } from '../kept.ts';
import { ARCHITECTURES, type EvidenceArchitecture, type PresentedDevice } from './evidence/json.ts';
import { type ReadReport, readReport } from './evidence/report.ts';
import { isAtLeast } from './evidence/version.ts';
import { anyOf, type GpuMode, type H100Expectations } from './expectations.ts';
import { checkDates, type Issuer } from './pki/certificate.ts';
import { DEVICE_PATH, type VerifiedDevice, verifyDevice } from './pki/device.ts';
import { checkOcsp, type OcspSource, verifyOcsp } from './pki/ocsp.ts';
import { SIGNER_PATH, type VerifiedSigner } from './pki/signer.ts';
import { p384Key } from '../x509.ts';
import type { H100Appraisal } from './reasons.ts';
import { checkManifestSignature, checkManifestSubject, manifestSigner, type ReadManifest, readManifest, RIM_PATH, type RimKind } from './rim/manifest.ts';
import { checkNoConflict, type ComparedMeasurements, compareMeasurements, isZero } from './rim/measurements.ts';

/** Where manifests come from. @param id as NVIDIA's RIM service calls them: `NV_GPU_DRIVER_GH100_550.90.07` @param device index of the device */
export type RimSource = (kind: RimKind, id: string, device: number) => Uint8Array | undefined;

/** What a system says of itself, as NVML does; nothing of it is signed. */
export interface SystemState {
  readonly confidentialComputing: boolean;
  readonly developerTools: boolean;
  /** Whether the GPUs are in protected PCIe mode. */
  readonly protectedPcie?: boolean;
}

/** What one device's evidence is judged with. */
export interface DeviceSources {
  readonly rim: RimSource;
  readonly ocsp: OcspSource;
  readonly system?: SystemState;
}

/** What accepted evidence of one device states. */
export interface DeviceFacts {
  readonly architecture: Architecture;
  /** `GH100 A01 GSP BROM`. */
  readonly hardwareModel: string;
  /** Serial number of the leaf, in decimal. */
  readonly ueid: string;
  /** 16 digits. */
  readonly pdi: string;
  /** A switch has none. */
  readonly driverVersion?: string;
  readonly vbiosVersion: string;
  /** A switch has none. */
  readonly mode?: GpuMode;
  /** Of the report, hexadecimal. */
  readonly nonce: string;
  /** Identifiers of the devices at the other end: of a GPU the switches, of a switch the GPUs. */
  readonly peers: readonly string[];
  /** Whether measurements were compared; not without manifests. */
  readonly measurementsMatch: boolean;
  readonly measurements: ComparedMeasurements;
  /** Names of certificates that nobody was asked about. */
  readonly unasked: readonly string[];
  /** Milliseconds since 1970: when the first of the certificates and responses expires. */
  readonly validUntil: number;
}

/** A manifest and who signed it. */
interface SignedManifest {
  readonly manifest: ReadManifest;
  readonly signer: VerifiedSigner;
}

/** What can be read of a device's evidence before anything of it is believed. */
export interface OpenDevice {
  readonly presented: PresentedDevice;
  readonly architecture: EvidenceArchitecture;
  /** DER, leaf first. */
  readonly chain: readonly Uint8Array[];
  readonly read: ReadReport;
}

const hex = (src: Uint8Array): string => Buffer.from(src).toString('hex');
/** Chips of an architecture, as evidence names it. */
const CHIPS: Readonly<Record<EvidenceArchitecture, readonly Architecture[]>> = { HOPPER: ['GH100'], BLACKWELL: ['GB100', 'GB202'], LS10: ['LS10'] };

/** Reads a device's evidence. */
export function openDevice(appraisal: H100Appraisal, presented: PresentedDevice, wishes: Pick<H100Expectations, 'allowUnknownFields'>): OpenDevice {
  const architecture = ARCHITECTURES.find((name) => name === presented.architecture);
  if (!architecture) return appraisal.fail('evidence-architecture', { message: `'${presented.architecture.slice(0, 40)}' is none of ${ARCHITECTURES.join(', ')}`, path: 'arch' });
  appraisal.pass('evidence-architecture');
  const chain = appraisal.attempt('certificate-malformed', () => pemBlocks(presented.certificateChain, 'CERTIFICATE', 'certificate'));
  return { presented, architecture, chain, read: readReport(appraisal, presented.report, architecture === 'LS10', architecture === 'BLACKWELL', wishes) };
}

/** Verifies a device's chain, or takes it as verified before. */
export function deviceChain(appraisal: H100Appraisal, { trust }: H100Expectations, chain: readonly Uint8Array[]): VerifiedDevice {
  return trust.keep(
    appraisal,
    'device',
    () => keyOf(chain),
    () => verifyDevice(appraisal, trust, chain, 'certificate'),
  );
}

/** The manifests that a report needs, as far as there are any. */
export function manifestsOf(appraisal: H100Appraisal, { statement }: ReadReport, { rim }: DeviceSources, device: number, { trust, allowNoRims = false }: H100Expectations): readonly ReadManifest[] {
  const wanted = [...(statement.driverRim === undefined ? [] : [['driver', statement.driverRim] as const]), ['vbios', statement.vbiosRim] as const];
  return wanted.flatMap(([kind, id]) => {
    const src = rim(kind, id, device);
    appraisal.check('rim-missing', src !== undefined || allowNoRims, () => ({ message: `there is no ${id}`, path: RIM_PATH[kind] }));
    return src ? [readManifest(appraisal, trust, kind, src)] : [];
  });
}

/** Checks that a report is signed by the attestation key. */
export function checkReportSignature(appraisal: H100Appraisal, { report }: ReadReport, { key }: VerifiedDevice): void {
  const holds = verify('sha384', report.signed, { key, dsaEncoding: 'ieee-p1363' }, report.signature);
  appraisal.check('report-signature', holds, () => ({ message: 'the signature does not verify with the key of the leaf', path: 'report.signature', at: report.signed.length }));
}

/** Checks that the firmware is the one that the attestation key was made for. */
export function checkFwid(appraisal: H100Appraisal, { statement }: ReadReport, { architecture, fwid }: VerifiedDevice, allowNone: boolean): void {
  const stated = statement.fwid;
  // A switch's report has no such field.
  appraisal.check('fwid-absent', stated !== undefined || allowNone || architecture === 'LS10', () => ({ message: 'the report has no FWID', path: 'report.opaque.FWID' }));
  if (stated) appraisal.check('fwid-mismatch', sameBytes(stated, fwid), () => ({ message: `is ${hex(stated)}, and in the leaf ${hex(fwid)}`, path: 'report.opaque.FWID' }));
}

/** Checks that the device is what the evidence says. */
export function checkArchitecture(appraisal: H100Appraisal, { architecture }: OpenDevice, chain: VerifiedDevice): void {
  appraisal.check('architecture-mismatch', CHIPS[architecture].includes(chain.architecture), () => ({ message: `the evidence says ${architecture}, and the chain is that of a ${chain.architecture}`, path: 'arch' }));
}

/** Compares the measurements with the manifests that are there. */
export function checkMeasurements(appraisal: H100Appraisal, { report, statement }: ReadReport, manifests: readonly ReadManifest[]): ComparedMeasurements {
  const { measurements } = report;
  for (const [i, count] of statement.counts.entries()) {
    const { value } = measurements[i] ?? {};
    const zero = value === undefined || isZero(value);
    appraisal.check('measurement-count', (count === 0) === zero, () => ({ message: `was extended ${count} times, and is ${zero ? '' : 'not '}zero`, path: `report.measurements.${i}` }));
  }
  checkNoConflict(appraisal, manifests);
  return compareMeasurements(appraisal, measurements, manifests, statement.decoderOff);
}

/** Certificates that can be revoked, with who issued each: all but the leaf of a device and the roots. */
export function revocable(
  certificates: readonly ReadCertificate[],
  names: readonly string[],
  path: string,
  first: 0 | 1,
): readonly { readonly certificate: ReadCertificate; readonly issuer: ReadCertificate; readonly path: string; readonly issuerPath: string }[] {
  return certificates.slice(first, -1).flatMap((certificate, i) => {
    const issuer = certificates[first + i + 1];
    return issuer ? [{ certificate, issuer, path: `${path}.${names[first + i]}`, issuerPath: `${path}.${names[first + i + 1]}` }] : [];
  });
}

/** Asks about every certificate that can be revoked. @param revoked is told the reason of a revocation, or of a hold @returns whom there was no response about, and when the first response ends */
export function checkChainRevocation(
  appraisal: H100Appraisal,
  list: ReturnType<typeof revocable>,
  source: OcspSource,
  wishes: H100Expectations,
  revoked?: (reason: string) => void,
): { readonly unasked: readonly string[]; readonly validUntil: number; readonly oldest: number } {
  const unasked: string[] = [];
  let [validUntil, oldest] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (const { certificate, issuer, path, issuerPath } of list) {
    const answer = source({ certificate, issuer });
    appraisal.check('ocsp-missing', answer !== undefined || wishes.allowNoOcsp === true, () => ({ message: 'there is no OCSP response about it', path }));
    if (!answer) {
      unasked.push(path);
      continue;
    }
    const verified = verifyOcsp(appraisal, wishes.trust, answer, certificate, issuerOf(issuer, issuerPath), path);
    const { status } = verified.single;
    if (status.kind === 'revoked') revoked?.(status.reason ?? 'unspecified');
    checkOcsp(appraisal, verified, answer, path, wishes);
    validUntil = Math.min(validUntil, verified.single.nextUpdate ?? 0);
    oldest = Math.min(oldest, verified.single.thisUpdate);
  }
  return { unasked, validUntil, oldest };
}

/** A certificate of a verified chain as an issuer: its key was found good before, and is only imported where a signature is checked. */
function issuerOf(certificate: ReadCertificate, path: string): Issuer {
  return {
    certificate,
    get key() {
      const key = p384Key(certificate.spki);
      if (!key) throw new TypeError(`${path}: a verified authority has no key on P-384`);
      return key;
    },
    path,
  };
}

/** Verifies one device's evidence, stage by stage, up to the first thing that is wrong. @param index of the device, for those who hand out manifests */
export function verifyOne(appraisal: H100Appraisal, presented: PresentedDevice, index: number, sources: DeviceSources, wishes: H100Expectations): DeviceFacts {
  const { trust, now, maximumOcspAge } = wishes;
  const open = openDevice(appraisal, presented, wishes);
  const { read, chain } = open;
  const { report, statement } = read;
  const manifests = manifestsOf(appraisal, read, sources, index, wishes);

  const device = deviceChain(appraisal, wishes, chain);
  const signed: SignedManifest[] = manifests.map((manifest) => ({ manifest, signer: manifestSigner(appraisal, trust, manifest) }));
  const chains = [
    { certificates: device.certificates, names: DEVICE_PATH, path: 'certificate', first: 1 as const },
    ...signed.map(({ manifest, signer }) => ({ certificates: signer.certificates, names: SIGNER_PATH, path: RIM_PATH[manifest.kind], first: 0 as const })),
  ];
  for (const { certificates, names, path } of chains) for (const [i, certificate] of certificates.entries()) checkDates(appraisal, certificate, `${path}.${names[i]}`, now);

  const revocation = chains.map(({ certificates, names, path, first }) => checkChainRevocation(appraisal, revocable(certificates, names, path, first), sources.ocsp, wishes));

  for (const { manifest, signer } of signed) checkManifestSignature(appraisal, trust, manifest, signer);
  checkReportSignature(appraisal, read, device);

  for (const { manifest, signer } of signed) checkManifestSubject(appraisal, manifest, signer, device.architecture, manifest.kind === 'driver' ? (statement.driverVersion ?? '') : statement.vbiosVersion);
  const measurements = checkMeasurements(appraisal, read, manifests);
  checkMinimum(appraisal, read, wishes);

  checkArchitecture(appraisal, open, device);
  checkPolicy(appraisal, read, device, sources.system, wishes);
  checkBinding(appraisal, open, device, wishes);
  const oldest = Math.min(...revocation.map((r) => r.oldest));
  if (maximumOcspAge !== undefined)
    appraisal.check('ocsp-too-old', now - oldest <= maximumOcspAge, () => ({ message: `the oldest was made ${Math.floor((now - oldest) / 1000)} s ago, may be ${Math.floor(maximumOcspAge / 1000)} s`, path: 'ocsp' }));

  const certificates = chains.flatMap((c) => c.certificates.map(({ notAfter }) => notAfter));
  return {
    architecture: device.architecture,
    hardwareModel: device.hardwareModel,
    ueid: BigInt(`0x${hex(device.serial)}`).toString(),
    pdi: hex(device.pdi),
    ...(statement.driverVersion === undefined ? {} : { driverVersion: statement.driverVersion }),
    vbiosVersion: statement.vbiosVersion,
    ...(statement.mode === undefined ? {} : { mode: statement.mode }),
    nonce: hex(report.request.nonce),
    peers: statement.peers.map(hex),
    measurementsMatch: manifests.length === (statement.driverRim === undefined ? 1 : 2),
    measurements,
    unasked: revocation.flatMap((r) => r.unasked),
    validUntil: Math.min(...certificates, ...revocation.map((r) => r.validUntil)),
  };
}

function checkMinimum(appraisal: H100Appraisal, { statement }: ReadReport, { minimumDriver, minimumVbios }: H100Expectations): void {
  const { driverVersion, vbiosVersion } = statement;
  // A switch has no driver, and a VBIOS of its own kind.
  if (driverVersion === undefined) return;
  if (minimumDriver !== undefined)
    appraisal.check('driver-below-minimum', isAtLeast(driverVersion, minimumDriver, 10), () => ({ message: `is ${driverVersion}, must be at least ${minimumDriver}`, path: 'report.opaque.DRIVER_VERSION' }));
  if (minimumVbios !== undefined)
    appraisal.check('vbios-below-minimum', isAtLeast(vbiosVersion, minimumVbios, 16), () => ({ message: `is ${vbiosVersion}, must be at least ${minimumVbios}`, path: 'report.opaque.VBIOS_VERSION' }));
}

function checkPolicy(appraisal: H100Appraisal, { statement }: ReadReport, { architecture }: VerifiedDevice, system: SystemState | undefined, { chips, modes }: H100Expectations): void {
  if (chips !== undefined) appraisal.check('device-kind', anyOf(chips).includes(architecture), () => ({ message: `is a ${architecture}, must be ${anyOf(chips).join(' or ')}`, path: 'certificate' }));
  const { mode } = statement;
  if (modes !== undefined && mode !== undefined) appraisal.check('mode-refused', anyOf(modes).includes(mode), () => ({ message: `is ${mode}, must be ${anyOf(modes).join(' or ')}`, path: 'report.opaque' }));
  if (!system) return;
  appraisal.check('confidential-computing-off', system.confidentialComputing, () => ({ message: 'the system says that confidential computing is off', path: 'system' }));
  appraisal.check('developer-tools', !system.developerTools, () => ({ message: 'the system says that developer tools are on', path: 'system' }));
  if (system.protectedPcie !== undefined && mode !== undefined) {
    appraisal.check('system-mode', system.protectedPcie === (mode === 'ppcie'), () => ({
      message: `the system says that protected PCIe is ${system.protectedPcie ? 'on' : 'off'}, and the report ${mode}`,
      path: 'system',
    }));
  }
}

function checkBinding(appraisal: H100Appraisal, { presented, read }: OpenDevice, device: VerifiedDevice, { nonce, allowNoFwid = false }: H100Expectations): void {
  const { report, statement } = read;
  const own = hex(report.request.nonce);
  if (presented.nonce !== undefined) appraisal.check('nonce-document', presented.nonce.toLowerCase() === own, () => ({ message: `is ${presented.nonce}, and in the report ${own}`, path: 'nonce' }));
  if (nonce !== undefined) {
    appraisal.check(
      'nonce-mismatch',
      anyOf(nonce).some((wanted) => sameBytes(wanted, report.request.nonce)),
      () => ({ message: `is ${own}, must be ${anyOf(nonce).map(hex).join(' or ')}`, path: 'report.request.nonce' }),
    );
  }
  checkFwid(appraisal, read, device, allowNoFwid);
  const { pdi } = statement;
  if (pdi) appraisal.check('pdi-mismatch', sameBytes(pdi, device.pdi), () => ({ message: `is ${hex(pdi)}, and in the certificates ${hex(device.pdi)}`, path: 'report.opaque.SWITCH_PDI' }));
  for (const [name, stated, signed] of [
    ['driver_version', presented.driverVersion, statement.driverVersion],
    ['vbios_version', presented.vbiosVersion, statement.vbiosVersion],
  ] as const) {
    if (stated !== undefined) appraisal.check('version-mismatch', stated === signed, () => ({ message: `is ${stated.slice(0, 40)}, and in the report ${signed}`, path: name }));
  }
}
