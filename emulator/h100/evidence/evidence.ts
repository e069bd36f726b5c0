/** GPU evidence: a machine is set up, its GPUs and switches are asked with one nonce, and what a verifier needs is put beside their answers. */
import { type Bundle, makeBundle } from '../../bundle.ts';
import type { EcSigner } from '../../crypto/sign.ts';
import { ConfigError, firstIssue } from '../../errors.ts';
import type { CertificateSpec, IssuedCertificate } from '../../pki/issue.ts';
import type { World } from '../../world.ts';
import type { Gpu } from '../device/gpu.ts';
import { type GpuMachine, gpuMachine } from '../device/machine.ts';
import type { NvSwitch } from '../device/nvswitch.ts';
import { type Change, type DeviceLevel, nvidiaAuthorityOf } from '../pki/authority.ts';
import { driverRimId, switchRimId, vbiosRimId } from '../platform/golden.ts';
import { type Architecture, FAMILIES } from '../platform/models.ts';
import { BOARD_GPUS, BOARD_SWITCHES } from '../platform/wiring.ts';
import type { GpuReport } from '../report/report.ts';
import { askedOfDevice, askedOfRim, type OcspChange, ocspResponses, type RimChange, signedRim, type WrittenRim } from './collateral.ts';
import { H100_OPTIONS, type H100Options, type H100OptionsInput } from './options.ts';
import { type Place, Settings } from './settings.ts';

export type { OcspChange, RimChange } from './collateral.ts';
export type { Place } from './settings.ts';

/** Changes on the way from the machine to the bundle, to make evidence that the hardware or NVIDIA would not make. */
export interface H100Edits {
  /** A report, before it is signed. The certificates and manifests still follow the device as it is. */
  readonly report?: (report: GpuReport, place: Place) => GpuReport;
  /** Signs the first GPU's report in place of its attestation key. */
  readonly reportSigner?: EcSigner;
  /** A report, after it was signed. */
  readonly signedReport?: (report: Uint8Array, place: Place) => Uint8Array;
  /** Certificates of the first GPU, by level. */
  readonly certificates?: Partial<Record<DeviceLevel, Change<CertificateSpec>>>;
  readonly driverRim?: RimChange;
  readonly vbiosRim?: RimChange;
  readonly ocsp?: OcspChange;
}

/** One device's part of the evidence. */
export interface DeviceEvidence {
  readonly place: Place;
  readonly architecture: Architecture;
  readonly uuid: string;
  /** Request and response, as the driver hands them out. */
  readonly report: Uint8Array;
  /** Five, leaf first. */
  readonly certificates: readonly IssuedCertificate[];
  /** A switch has none. */
  readonly driverVersion?: string;
  readonly vbiosVersion: string;
  /** Ids of its manifests. */
  readonly rims: { readonly driver?: string; readonly vbios: string };
}

/** GPU evidence in parts. */
export interface H100Evidence {
  readonly machine: GpuMachine;
  /** 32 bytes: every device was asked with it. */
  readonly nonce: Uint8Array;
  /** GPUs, then switches. */
  readonly devices: readonly DeviceEvidence[];
  /** By id. */
  readonly rims: ReadonlyMap<string, WrittenRim>;
  /** DER, by name of the file. */
  readonly ocsp: ReadonlyMap<string, Uint8Array>;
  readonly bundle: Bundle;
}

/**
 * Makes GPU evidence.
 * @throws {ConfigError} naming the option that cannot be
 * @throws {CodecError} for a field or a device of `set` that does not exist, or a value that does not fit
 */
export function h100Evidence(world: World, input: H100OptionsInput = {}, edits: H100Edits = {}): H100Evidence {
  const options = checked(input);
  if (options.ccMode === 'off') throw new ConfigError('ccMode', 'a GPU gives no evidence while confidential compute is off');
  // In protected PCIe mode a machine is attested as a whole or not at all.
  const whole = options.mode === 'ppcie' ? { count: BOARD_GPUS, switches: BOARD_SWITCHES } : { count: 1, switches: 0 };
  const machine = gpuMachine(world, { ...options, model: options.gpu, decoder: options.decoder === 'on', count: options.count ?? whole.count, switches: options.switches ?? whole.switches });
  const nonce = options.nonce ?? world.derive('nvidia/evidence/nonce', 32);
  const gpus = machine.gpus.map((gpu, index) => ({ gpu, place: { kind: 'gpu', index } as const }));
  const switches = machine.switches.map((device, index) => ({ device, place: { kind: 'switch', index } as const }));
  const settings = new Settings(
    options.set ?? [],
    [...gpus, ...switches].map(({ place }) => place),
  );
  const devices = [...gpus.map(({ gpu, place }) => gpuEvidence(world, gpu, place, nonce, settings, edits)), ...switches.map(({ device, place }) => switchEvidence(device, place, nonce, settings, edits))];
  const rims = rimsOf(world, devices, edits);
  const ocsp = ocspResponses(world, [...devices.flatMap(({ architecture, certificates }) => askedOfDevice(architecture, certificates)), ...[...rims.values()].flatMap(askedOfRim)], edits.ocsp);
  const parts = { machine, nonce, devices, rims, ocsp };
  return { ...parts, bundle: bundleOf(world, parts) };
}

function checked(input: H100OptionsInput): H100Options {
  const parsed = H100_OPTIONS.safeParse(input);
  if (parsed.success) return parsed.data;
  const { path, message } = firstIssue(parsed.error);
  throw new ConfigError(path || 'options', message);
}

/** The report of a device with its settings and edits. */
function reported(device: Gpu | NvSwitch, nonce: Uint8Array, place: Place, settings: Settings, { report: edit, reportSigner, signedReport = (report) => report }: H100Edits): Uint8Array {
  const first = place.kind === 'gpu' && place.index === 0;
  const change =
    edit || settings.concerns(place)
      ? (honest: GpuReport): GpuReport => {
          const set = settings.report(honest, place);
          return edit ? edit(set, place) : set;
        }
      : undefined;
  return signedReport(settings.signed(device.attestationReport(nonce, change, first ? reportSigner : undefined), place), place);
}

function gpuEvidence(world: World, gpu: Gpu, place: Place, nonce: Uint8Array, settings: Settings, edits: H100Edits): DeviceEvidence {
  const { driver, vbios, model, uuid } = gpu;
  const certificates = place.index === 0 && edits.certificates ? nvidiaAuthorityOf(world).deviceCertificates(gpu.identity, edits.certificates) : gpu.certificates;
  const rims = { driver: driverRimId(driver.version, model.architecture), vbios: vbiosRimId(vbios.version, model) };
  return { place, architecture: model.architecture, uuid, report: reported(gpu, nonce, place, settings, edits), certificates, driverVersion: driver.version, vbiosVersion: vbios.version, rims };
}

function switchEvidence(device: NvSwitch, place: Place, nonce: Uint8Array, settings: Settings, edits: H100Edits): DeviceEvidence {
  const { certificates, uuid, vbiosVersion } = device;
  return { place, architecture: 'LS10', uuid, report: reported(device, nonce, place, settings, edits), certificates, vbiosVersion, rims: { vbios: switchRimId(vbiosVersion) } };
}

/** Every manifest that a verifier of these devices fetches; those of the first GPU come first. */
function rimsOf(world: World, devices: readonly DeviceEvidence[], { driverRim, vbiosRim }: H100Edits): Map<string, WrittenRim> {
  const changes = new Map(devices.flatMap(({ place, rims: { driver = '', vbios } }) => (place.kind === 'gpu' ? [[driver, driverRim] as const, [vbios, vbiosRim] as const] : [])));
  const ids = new Set(devices.flatMap(({ rims: { driver, vbios } }) => [...(driver === undefined ? [] : [driver]), vbios]));
  return new Map([...ids].map((id) => [id, signedRim(world, id, changes.get(id))]));
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const text = (contents: string): Uint8Array => Uint8Array.from(Buffer.from(contents, 'utf8'));
const pemOf = (certificates: readonly IssuedCertificate[]): string => certificates.map(({ pem }) => pem).join('');

function bundleOf(world: World, { machine, nonce, devices, rims, ocsp }: Omit<H100Evidence, 'bundle'>): Bundle {
  const [gpu] = machine.gpus;
  const [first] = devices;
  if (!gpu || !first) throw new RangeError('a machine without a GPU');
  const rimFile = (id: string): string => (id === first.rims.driver ? 'driver_rim.xml' : id === first.rims.vbios ? 'vbios_rim.xml' : `rims/${id}.xml`);
  const evidence = devices.map(({ architecture, certificates, report }) => ({
    arch: FAMILIES[architecture].arch,
    certificate: Buffer.from(pemOf(certificates)).toString('base64'),
    evidence: Buffer.from(report).toString('base64'),
    nonce: hex(nonce),
  }));
  return makeBundle(
    {
      tee: 'h100',
      gpu: gpu.model.name,
      nonce: hex(nonce),
      driverVersion: gpu.driver.version,
      vbiosVersion: gpu.vbios.version,
      ccMode: gpu.ccMode,
      mode: gpu.mode,
      devices: Object.fromEntries(
        devices.map(({ place, uuid, driverVersion, vbiosVersion, rims: ids }) => [
          `${place.kind}.${place.index}`,
          { uuid, ...(driverVersion === undefined ? {} : { driverVersion }), vbiosVersion, rims: Object.values(ids) },
        ]),
      ),
      /** File of each manifest, by what NVIDIA's service calls it. */
      rims: Object.fromEntries([...rims.keys()].map((id) => [id, rimFile(id)])),
      verifyAt: Math.floor(world.now() / 1000),
      services: {},
    },
    new Map([
      ['evidence.json', text(`${JSON.stringify(evidence, undefined, 2)}\n`)],
      ['report.bin', first.report],
      ['cert_chain.pem', text(pemOf(first.certificates))],
      ['root.pem', text(nvidiaAuthorityOf(world).root('device').pem)],
      ['rim_root.pem', text(nvidiaAuthorityOf(world).root('rim').pem)],
      ...[...rims].map(([id, { xml }]) => [rimFile(id), xml] as const),
      ...[...ocsp].map(([name, der]) => [`ocsp/${name}`, der] as const),
    ]),
  );
}
