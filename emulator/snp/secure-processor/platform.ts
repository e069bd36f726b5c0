/** The state of a platform: which chip, which firmware, how it is set up. Reports are made from it. */
import { Layout } from '../../codec/layout.ts';
import { bits, type ValueOf } from '../../codec/rows.ts';
import type { EcSigner } from '../../crypto/sign.ts';
import { ConfigError } from '../../errors.ts';
import type { World } from '../../world.ts';
import { hardwareId, vcekKey, vlekKey } from '../platform/chip.ts';
import { type CpuId, type Line, LINE_TABLE, lineOfCpu, type Product } from '../platform/products.ts';
import { type FirmwareVersion, releaseOf, usualVersion } from '../platform/releases.ts';
import { REPORT_V2, type ReportVersion } from '../report.ts';
import { componentAbove, TCB_COMPONENTS, type Tcb } from '../platform/tcb.ts';

/** The key that signs reports when the guest does not ask for another: the chip's own, or one that AMD gave to a cloud provider. */
export type ReportSigner = { readonly kind: 'vcek' } | { readonly kind: 'vlek'; readonly cspId: string };

/** Everything a report says about the machine. */
export interface Platform {
  readonly line: Line;
  readonly cpuid: CpuId;
  /** 8 bytes for Turin, 64 for the other lines. */
  readonly hwid: Uint8Array;
  /** The version of the reports that this firmware writes. */
  readonly reportVersion: ReportVersion;
  /** Reported <= committed <= current, in every component. */
  readonly currentTcb: Tcb;
  readonly committedTcb: Tcb;
  readonly reportedTcb: Tcb;
  /** The TCB that ran when the guests were launched, on a platform whose firmware was updated under them; default: the current one. */
  readonly launchTcb?: Tcb | undefined;
  readonly firmware: FirmwareVersion;
  readonly committedFirmware: FirmwareVersion;
  /** PLATFORM_INFO, 64 bits. */
  readonly platformInfo: bigint;
  /** CURRENT_MIT_VECTOR, 64 bits; reports before version 5 do not state it. */
  readonly mitigationVector: bigint;
  readonly signer: ReportSigner;
  /** MASK_CHIP_ID: reports have zero in place of CHIP_ID. */
  readonly chipIdMasked: boolean;
  /** MASK_CHIP_KEY: the VCEK neither signs reports nor roots derived keys; default false. */
  readonly maskChipKey?: boolean | undefined;
}

/** What {@link platformOf} can be told otherwise than by the product's release. */
export type PlatformOverrides = Partial<Omit<Platform, 'line'>> & { /** Which chip of the line, 0 to 16,777,215. */ readonly chip?: number };

/** A product with the firmware release that writes such reports, as a genuine one was seen; anything can be set otherwise. */
export function platformOf(world: World, product: Product, { chip = 0, ...overrides }: PlatformOverrides = {}): Platform {
  const reportVersion = overrides.reportVersion ?? usualVersion(product);
  const { currentTcb, committedTcb, reportedTcb, launchTcb, firmware, platformInfo, mitigationVector } = releaseOf(product, reportVersion);
  return {
    line: product.line,
    cpuid: product.cpuid,
    hwid: hardwareId(world, product.line, chip),
    reportVersion,
    currentTcb,
    committedTcb,
    reportedTcb,
    launchTcb: overrides.currentTcb ?? launchTcb,
    firmware,
    committedFirmware: overrides.firmware ?? firmware,
    platformInfo,
    mitigationVector,
    signer: { kind: 'vcek' },
    chipIdMasked: false,
    ...overrides,
  };
}

/** @throws {ConfigError} naming what no platform can be */
export function checkPlatform(platform: Platform): void {
  const { line, cpuid, hwid, reportVersion, currentTcb, committedTcb, reportedTcb, launchTcb = currentTcb, firmware, committedFirmware } = platform;
  if (lineOfCpu(cpuid) !== line) throw new ConfigError('cpuid', `family 0x${cpuid.family.toString(16)}, model 0x${cpuid.model.toString(16)} is no ${line}`);
  const { hwidLength } = LINE_TABLE[line];
  if (hwid.length !== hwidLength) throw new ConfigError('hwid', `a hardware id of ${line} is ${hwidLength} bytes, not ${hwid.length}`);
  if (line === 'Turin' && reportVersion === 2) throw new ConfigError('reportVersion', 'Turin never wrote reports of version 2');
  for (const [key, tcb] of Object.entries({ currentTcb, committedTcb, reportedTcb, launchTcb })) checkTcb(line, key, tcb);
  requireAtMost('reportedTcb', reportedTcb, 'committedTcb', committedTcb);
  requireAtMost('committedTcb', committedTcb, 'currentTcb', currentTcb);
  requireAtMost('launchTcb', launchTcb, 'currentTcb', currentTcb);
  if (compareVersions(committedFirmware, firmware) > 0) throw new ConfigError('committedFirmware', `${versionText(committedFirmware)} is above the running ${versionText(firmware)}`);
  for (const key of ['platformInfo', 'mitigationVector'] as const) if (platform[key] < 0n || platform[key] >> 64n !== 0n) throw new ConfigError(key, `must fit into 64 bits, is ${platform[key]}`);
}

function checkTcb(line: Line, key: string, tcb: Tcb): void {
  if ((tcb.fmc !== undefined) !== (line === 'Turin')) throw new ConfigError(`${key}.fmc`, line === 'Turin' ? 'Turin has an FMC: its SVN must be given' : `${line} has no FMC`);
  for (const component of TCB_COMPONENTS) {
    const svn = tcb[component] ?? 0;
    if (!Number.isInteger(svn) || svn < 0 || svn > 0xff) throw new ConfigError(`${key}.${component}`, `must be an integer from 0 to 255, is ${svn}`);
  }
}

function requireAtMost(key: string, low: Tcb, above: string, high: Tcb): void {
  const component = componentAbove(low, high);
  if (component) throw new ConfigError(`${key}.${component}`, `${low[component] ?? 0} is above ${above}'s ${high[component] ?? 0}`);
}

/** Below, at or above zero as `a` is older than, the same as or newer than `b`. */
export function compareVersions(a: FirmwareVersion, b: FirmwareVersion): number {
  return a.major - b.major || a.minor - b.minor || a.build - b.build;
}

function versionText({ major, minor, build }: FirmwareVersion): string {
  return `${major}.${minor}.${build}`;
}

const PLATFORM_INFO = new Layout('snp.platform-info', 8, 'AMD 56860 SEV-SNP Firmware ABI, PLATFORM_INFO', { value: bits(0, 8, 'how the platform is set up', REPORT_V2.rows.platformInfo.fields) });

/** PLATFORM_INFO by its bits. */
export type PlatformInfo = ValueOf<typeof PLATFORM_INFO.rows>['value'];

/** @param value 64 bits; unknown bits are kept, as the firmware reports them */
export function platformInfoBits(value: bigint): PlatformInfo {
  return PLATFORM_INFO.decode(littleEndian64(value), { reserved: 'keep' }).value;
}

/** 8 bytes, least significant first. */
export function littleEndian64(value: bigint): Uint8Array {
  const out = new Uint8Array(8);
  new DataView(out.buffer).setBigUint64(0, value, true);
  return out;
}

/** The key that signs this platform's reports: its VCEK or a provider's VLEK, at the TCB that it reports. */
export function reportKey(world: World, { line, hwid, reportedTcb, signer }: Platform, kind: 'vcek' | 'vlek'): EcSigner {
  if (kind === 'vcek') return vcekKey(world, line, hwid, reportedTcb);
  if (signer.kind !== 'vlek') throw new RangeError('no VLEK is loaded');
  return vlekKey(world, line, signer.cspId, reportedTcb);
}
