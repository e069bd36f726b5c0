/**
 * Golden values: what measurements are by release, the same in every world, and the manifests that say so. The values are digests of what
 * they stand for; only which of them are equal, zero or several is as in genuine manifests.
 */
import { createHash } from 'node:crypto';
import { ConfigError } from '../../errors.ts';
import { MEASUREMENT_LENGTH, RIM_SLOTS, type RimContents, type RimMeasurement } from '../rim/contents.ts';
import { type Architecture, type GpuArchitecture, type GpuModel, GPU_MODELS, NVSWITCH_MODEL } from './models.ts';
import { DRIVER_RELEASES, type DriverRelease, VBIOS_RELEASES, type VbiosRelease } from './releases.ts';
import { DRIVER_SLOTS, type Follows, type Slot, VBIOS_SLOTS } from './slots.ts';

/** IANA enterprise number of NVIDIA, as its manifests state it. */
const NVIDIA_NUMBER = '5703';
const ZERO = new Uint8Array(MEASUREMENT_LENGTH);

/** What values follow on one device; a manifest knows only its own part. */
export type ValueScope = Readonly<Partial<Record<Follows, string>>>;

/** Values by what they follow, for a driver. */
export function driverScope({ version, branch }: DriverRelease): ValueScope {
  return { chip: '', branch, release: version };
}

/** Values by what they follow, for the firmware of a board. @param board any text that names the board */
export function firmwareScope(version: string, board: string): ValueScope {
  const generation = version.slice(0, 8);
  return { chip: '', generation, project: `${generation} ${board}`, image: `${version} ${board}` };
}

/** The project and variants of a board, as manifests of firmware are named after it. */
export function boardName({ board: { project, projectSku, chipSku } }: Pick<GpuModel, 'board'>): string {
  return `${project}_${projectSku}_${chipSku}`;
}

/**
 * One value of a measurement.
 * @param alternative which of those that its manifest allows, from 0
 * @returns 48 bytes
 * @throws {RangeError} for an alternative that the measurement lacks
 */
export function goldenValue(architecture: Architecture, slot: Slot, alternative: number, scope: ValueScope): Uint8Array {
  const { index, follows, alternatives } = slot;
  switch (alternatives[alternative]) {
    case 'zero':
      return ZERO;
    case 'index':
      return new Uint8Array(MEASUREMENT_LENGTH).fill(index);
    case 'default':
      return digest(`${architecture} default`);
    case 'value':
      return digest(`${architecture} ${index}.${alternative} ${scope[follows] ?? ''}`);
    default:
      throw new RangeError(`measurement ${index} has no alternative ${alternative}`);
  }
}

function digest(text: string): Uint8Array {
  return new Uint8Array(createHash('sha384').update(`teemu golden value: ${text}`).digest());
}

/** The firmware id of a device: the same for all firmware of a generation. @returns 48 bytes */
export function firmwareId(architecture: Architecture, generation: string): Uint8Array {
  return new Uint8Array(createHash('sha384').update(`teemu FWID: ${architecture} ${generation}`).digest());
}

/** All 64 rows of a manifest: those of `slots` are active, the others zero. */
export function golden(architecture: Architecture, slots: readonly Slot[], scope: ValueScope): RimMeasurement[] {
  const byIndex = new Map(slots.map((slot) => [slot.index, slot]));
  return Array.from({ length: RIM_SLOTS }, (_, index): RimMeasurement => {
    const slot = byIndex.get(index);
    if (!slot) return { index, name: `Measurement_${index}`, active: false, alternatives: [ZERO] };
    return { index, name: slot.name, active: true, alternatives: slot.alternatives.map((_, i) => goldenValue(architecture, slot, i, scope)) };
  });
}

const plainVersion = (version: string): string => version.replaceAll('.', '').toUpperCase();

/** What NVIDIA's service calls the manifest of a driver on a chip: `NV_GPU_DRIVER_GH100_550.90.07`, `NV_GPU_CC_DRIVER_GB100_590.48.01`. */
export function driverRimId(version: string, architecture: GpuArchitecture): string {
  return `NV_GPU_${architecture === 'GH100' ? '' : 'CC_'}DRIVER_${architecture}_${version}`;
}

/** What NVIDIA's service calls the manifest of a GPU's firmware: `NV_GPU_VBIOS_1010_0200_882_96009F0001`. */
export function vbiosRimId(version: string, model: Pick<GpuModel, 'board'>): string {
  return `NV_GPU_VBIOS_${boardName(model)}_${plainVersion(version)}`;
}

/** What NVIDIA's service calls the manifest of a switch's firmware: `NV_SWITCH_BIOS_5612_0002_890_9610550001`. */
export function switchRimId(version: string): string {
  const { project, projectSku, chipSku } = NVSWITCH_MODEL;
  return `NV_SWITCH_BIOS_${project}_${projectSku}_${chipSku}_${plainVersion(version)}`;
}

/** The manifest of a driver on a chip. @throws {ConfigError} when the driver does not run on that chip */
export function driverRim(release: DriverRelease, architecture: GpuArchitecture): RimContents {
  const form = release.chips[architecture];
  if (!form) throw new ConfigError('driver', `${release.version} does not run on ${architecture}`);
  return contents(driverRimId(release.version, architecture), architecture, release.version, golden(architecture, DRIVER_SLOTS[form.slots], driverScope(release)));
}

/** The manifest of a GPU's firmware. */
export function vbiosRim(release: VbiosRelease, model: GpuModel): RimContents {
  const { version } = release;
  const { architecture } = model;
  return contents(vbiosRimId(version, model), architecture, version, golden(architecture, VBIOS_SLOTS[architecture], firmwareScope(version, boardName(model))));
}

/** The manifest of an NVSwitch's firmware. */
export function switchRim(version: string = NVSWITCH_MODEL.vbios): RimContents {
  return contents(switchRimId(version), 'LS10', version, golden('LS10', VBIOS_SLOTS.LS10, firmwareScope(version, NVSWITCH_MODEL.project)));
}

function contents(id: string, architecture: Architecture, version: string, measurements: readonly RimMeasurement[]): RimContents {
  return { id, edition: architecture === 'LS10' ? 'SWITCH' : 'GPU', model: architecture, product: architecture, version, firmwareManufacturerId: NVIDIA_NUMBER, measurements };
}

/** A manifest that there is, without its contents. */
export interface RimEntry {
  readonly id: string;
  readonly kind: 'driver' | 'vbios' | 'switch';
  readonly architecture: Architecture;
  readonly contents: () => RimContents;
}

/** Every manifest that NVIDIA's service has here: of each driver on each chip, of all firmware. */
export function rimCatalogue(): RimEntry[] {
  const drivers = [...DRIVER_RELEASES.values()].flatMap((release) =>
    (Object.keys(release.chips) as GpuArchitecture[]).map((architecture): RimEntry => ({ id: driverRimId(release.version, architecture), kind: 'driver', architecture, contents: () => driverRim(release, architecture) })),
  );
  const firmware = [...VBIOS_RELEASES.values()].flatMap((release): RimEntry[] => {
    const model = GPU_MODELS.get(release.model);
    return model ? [{ id: vbiosRimId(release.version, model), kind: 'vbios', architecture: model.architecture, contents: () => vbiosRim(release, model) }] : [];
  });
  return [...drivers, ...firmware, { id: switchRimId(NVSWITCH_MODEL.vbios), kind: 'switch', architecture: 'LS10', contents: () => switchRim() }];
}
