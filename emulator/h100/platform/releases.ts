/** Releases of drivers and of firmware in flash: what each makes a device report. Every row names the genuine report or manifest that it is from. */
import { ConfigError } from '../../errors.ts';
import type { GpuArchitecture, GpuModel } from './models.ts';
import type { DriverSlots } from './slots.ts';

/** What a driver makes a chip report. */
export interface DriverForm {
  readonly slots: DriverSlots;
  /** Length of CHIP_SKU and CHIP_SKU_MOD in bytes. */
  readonly skuSizes: readonly [number, number];
  readonly fwid: boolean;
  readonly protectedPcie: boolean;
  readonly sysEnableStatus: boolean;
  readonly chipInfo: boolean;
  /** OPAQUE_DATA_VERSION; undefined where there is none. */
  readonly opaqueDataVersion: number | undefined;
  readonly featureFlag: boolean;
  /** Measurements that are extended another number of times, by index. */
  readonly counts: Readonly<Record<number, number>>;
  /** Which alternative of a measurement is shown, where it is not the first, by index. */
  readonly shows: Readonly<Record<number, number>>;
  readonly assumed: boolean;
  readonly source: string;
}

/** A release of the driver, and on which chips it runs. */
export interface DriverRelease {
  readonly version: string;
  /** The part before the first dot. */
  readonly branch: string;
  readonly chips: Readonly<Partial<Record<GpuArchitecture, DriverForm>>>;
}

const BEFORE_570 = { 21: 2 };
const R535: DriverForm = {
  slots: 'gh100-r550',
  skuSizes: [4, 2],
  fwid: false,
  protectedPcie: false,
  sysEnableStatus: false,
  chipInfo: false,
  opaqueDataVersion: undefined,
  featureFlag: false,
  counts: { ...BEFORE_570, 34: 1 },
  shows: { 23: 1, 24: 1, 34: 1, 36: 1 },
  assumed: false,
  source: '',
};
const R550: DriverForm = { ...R535, skuSizes: [9, 5], fwid: true, protectedPcie: true, counts: BEFORE_570, shows: { 23: 1, 24: 1 } };
const R570: DriverForm = { ...R550, slots: 'gh100-r570', counts: {} };
const R580: DriverForm = { ...R570, opaqueDataVersion: 1, featureFlag: true };
const B575: DriverForm = { ...R570, slots: 'gb100-r575', protectedPcie: false, sysEnableStatus: true, opaqueDataVersion: 0 };
const B590: DriverForm = { ...B575, slots: 'gb100-r590', chipInfo: true, opaqueDataVersion: 1, featureFlag: true, shows: {} };

const genuine = (form: DriverForm, source: string): DriverForm => ({ ...form, source: `genuine ${source}` });
const assumed = (form: DriverForm, source: string): DriverForm => ({ ...form, assumed: true, source: `assumed: ${source}` });
const release = (version: string, chips: DriverRelease['chips']): DriverRelease => ({ version, branch: version.split('.')[0] ?? version, chips });
const LIKE_GB100 = 'as on GB100; no genuine report of a GB202 is at hand';

const DRIVERS: readonly DriverRelease[] = [
  release('535.86.09', { GH100: genuine(R535, 'report; the rows of its manifest are assumed to be those of 550.90.07') }),
  release('550.90.07', { GH100: genuine(R550, 'reports and manifest') }),
  release('550.144.03', { GH100: assumed({ ...R550, slots: 'gh100-r550.144' }, 'the report of 550.90.07; the rows of the manifest are genuine') }),
  release('570.86.10', { GH100: genuine(R570, 'report; in the manifest, index 41 is assumed') }),
  release('570.124.06', { GH100: genuine(R570, 'report; in the manifest, index 41 is assumed') }),
  release('575.32', { GB100: genuine(B575, 'report; the rows of its manifest are assumed'), GB202: assumed(B575, LIKE_GB100) }),
  release('580.95.05', { GH100: genuine(R580, 'report; in the manifest, the name of index 41 is assumed') }),
  release('590.12', { GH100: genuine(R580, 'reports; in the manifest, index 41 is assumed') }),
  release('590.48.01', { GH100: assumed(R580, 'the report of 590.12'), GB100: genuine(B590, 'reports; the rows of its manifest are assumed'), GB202: assumed(B590, LIKE_GB100) }),
  release('595.71.05', { GH100: genuine(R580, 'report; in the manifest, index 41 is assumed'), GB100: assumed(B590, 'the report of 590.48.01'), GB202: assumed(B590, LIKE_GB100) }),
];

/** Every release of the driver, by version. */
export const DRIVER_RELEASES: ReadonlyMap<string, DriverRelease> = new Map(DRIVERS.map((row) => [row.version, row]));

/** A release of the firmware in flash, for one board. */
export interface VbiosRelease {
  readonly version: string;
  /** Name of the {@link GpuModel}. */
  readonly model: string;
  /** Releases of the same generation have the same FWID. */
  readonly generation: string;
  /** As in {@link DriverForm}. */
  readonly counts: Readonly<Record<number, number>>;
  readonly shows: Readonly<Record<number, number>>;
  readonly assumed: boolean;
  readonly source: string;
}

const vbios = (version: string, model: string, source: string, more: Partial<VbiosRelease> = {}): VbiosRelease => ({
  version,
  model,
  generation: version.slice(0, 8),
  counts: {},
  shows: {},
  assumed: source.startsWith('assumed'),
  source,
  ...more,
});

const VBIOSES: readonly VbiosRelease[] = [
  vbios('96.00.5E.00.01', 'h100-pcie', 'genuine report and manifest'),
  vbios('96.00.74.00.1A', 'h100-pcie', 'genuine report and manifest'),
  vbios('96.00.74.00.1C', 'h100-pcie', 'genuine manifest'),
  vbios('96.00.9F.00.01', 'h100-pcie', 'genuine report and manifest'),
  vbios('96.00.AF.00.01', 'h100-pcie', 'genuine report'),
  vbios('96.00.74.00.01', 'h100-sxm', 'genuine manifest; the count of measurement 11 is assumed', { counts: { 11: 131 } }),
  vbios('96.00.A5.00.01', 'h100-sxm', 'genuine reports', { counts: { 11: 131 } }),
  vbios('96.00.CF.00.02', 'h200', 'genuine report, with the FWID of 96.00.AF', { generation: '96.00.AF', counts: { 11: 131 } }),
  vbios('96.00.D9.00.02', 'h200', 'genuine report', { counts: { 11: 132 } }),
  vbios('97.00.88.00.0F', 'b200', 'genuine report', { shows: { 1: 1 } }),
  vbios('97.00.D9.00.35', 'b200', 'genuine report', { shows: { 15: 1 } }),
  vbios('97.00.E4.00.11', 'b200', 'genuine report, with the FWID of 97.00.D9', { generation: '97.00.D9', shows: { 15: 1 } }),
  vbios('98.02.6E.00.01', 'rtx-pro-6000', 'assumed: no genuine report of a GB202 is at hand', { shows: { 15: 1 } }),
];

/** Every release of GPU firmware; no two have the same version. */
export const VBIOS_RELEASES: ReadonlyMap<string, VbiosRelease> = new Map(VBIOSES.map((row) => [row.version, row]));

/** The release of a driver. @throws {ConfigError} for one that there is not */
export function driverReleaseOf(version: string): DriverRelease {
  const found = DRIVER_RELEASES.get(version);
  if (!found) throw new ConfigError('driver', `'${version.slice(0, 40)}' is none of ${[...DRIVER_RELEASES.keys()].join(', ')}`);
  return found;
}

/** What a driver makes a kind of GPU report. @throws {ConfigError} when it does not run on that */
export function driverFormOf({ version, chips }: DriverRelease, { name, architecture }: GpuModel): DriverForm {
  const form = chips[architecture];
  if (form) return form;
  const others = [...DRIVER_RELEASES.values()].filter((other) => other.chips[architecture]).map((other) => other.version);
  throw new ConfigError('driver', `${version} does not run on ${name}; these do: ${others.join(', ')}`);
}

/** The firmware of a kind of GPU. @throws {ConfigError} for one that there is not, or that is another board's */
export function vbiosReleaseOf(version: string, { name }: GpuModel): VbiosRelease {
  const found = VBIOS_RELEASES.get(version.toUpperCase());
  if (found?.model === name) return found;
  const own = [...VBIOS_RELEASES.values()].filter((row) => row.model === name).map((row) => row.version);
  throw new ConfigError('vbios', `'${version.slice(0, 40)}' is no firmware of ${name}; there are: ${own.join(', ')}`);
}
