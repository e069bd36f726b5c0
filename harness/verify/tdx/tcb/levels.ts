/**
 * The TCB status of a TD as Intel's library computes it: the levels of the platform, of the TDX module and of the quoting enclave, brought
 * together; once for the module that the TD was started under and once for the one that runs now.
 *
 * Source: intel/confidential-computing.tee.dcap.qvl, EvaluateTcb.cpp and TDRelaunchCheck.cpp.
 */
import type { SgxExtension } from '../../../../emulator/pki/sgx-extension.ts';
import type { IsvLevel, IsvStatus, PlatformLevel, PlatformStatus, TcbInfo, TdxModuleIdentity } from '../collateral/documents.ts';

/** Every status that a TD's TCB can have. The last two come of a module that was updated under the TD. */
export const TCB_STATUSES = [
  'UpToDate',
  'SWHardeningNeeded',
  'ConfigurationNeeded',
  'ConfigurationAndSWHardeningNeeded',
  'OutOfDate',
  'OutOfDateConfigurationNeeded',
  'Revoked',
  'TDRelaunchAdvised',
  'TDRelaunchAdvisedConfigurationNeeded',
] as const;
export type TcbStatus = (typeof TCB_STATUSES)[number];

/** Byte of TEE_TCB_SVN with the SVN of the TDX module. */
const MODULE_SVN = 0;
/** Byte of TEE_TCB_SVN with the version of the TDX module; from 1 on, the module has an identity of its own. */
const MODULE_VERSION = 1;
const COMPONENTS = 16;

/** The version of the module that a TEE_TCB_SVN is about: 0 for TDX 1.0. */
export function moduleVersion(svn: Uint8Array): number {
  return svn[MODULE_VERSION] ?? 0;
}

/** The SVN of the module that a TEE_TCB_SVN is about. */
export function moduleSvn(svn: Uint8Array): number {
  return svn[MODULE_SVN] ?? 0;
}

/** The identity of a module in TCB info. The case of its hex digits does not count. */
export function moduleIdentity({ tdxModuleIdentities }: TcbInfo, version: number): TdxModuleIdentity | undefined {
  const id = `TDX_${version.toString(16).padStart(2, '0')}`.toUpperCase();
  return tdxModuleIdentities.find((identity) => identity.id.toUpperCase() === id);
}

type Components = PlatformLevel['tcb']['sgxtcbcomponents'];
const reaches = (svns: ArrayLike<number>, wanted: Components, first = 0): boolean => wanted.every(({ svn }, i) => i < first || (svns[i] ?? 0) >= svn);

/** By components, SGX's first, then by the PCE's SVN. */
function compare({ tcb: a }: PlatformLevel, { tcb: b }: PlatformLevel): number {
  for (const list of ['sgxtcbcomponents', 'tdxtcbcomponents'] as const) {
    for (let i = 0; i < COMPONENTS; i++) {
      const difference = (a[list][i]?.svn ?? 0) - (b[list][i]?.svn ?? 0);
      if (difference !== 0) return difference;
    }
  }
  return a.pcesvn - b.pcesvn;
}

/** The levels from the highest to the lowest, whatever their order in the document. */
export function descending(levels: readonly PlatformLevel[]): readonly PlatformLevel[] {
  return levels.every((level, i) => i === 0 || compare(levels[i - 1] ?? level, level) > 0) ? levels : levels.toSorted((a, b) => compare(b, a));
}

/** Levels of a platform that fit. */
export interface FittingLevels {
  /** The highest that CPU and PCE reach, whatever the TDX components. */
  readonly sgx: PlatformLevel | undefined;
  /** The highest that all of it reaches: the one that counts. */
  readonly tdx: PlatformLevel | undefined;
}

/** The levels that a platform reaches. @param svn TEE_TCB_SVN, 16 bytes */
export function platformLevels(levels: readonly PlatformLevel[], { components, pceSvn }: Pick<SgxExtension, 'components' | 'pceSvn'>, svn: Uint8Array): FittingLevels {
  // A module with an identity of its own is judged by that, not by the components for the module.
  const first = moduleVersion(svn) > 0 ? 2 : 0;
  const below = levels.filter(({ tcb }) => reaches(components, tcb.sgxtcbcomponents) && pceSvn >= tcb.pcesvn);
  return { sgx: below[0], tdx: below.find(({ tcb }) => reaches(svn, tcb.tdxtcbcomponents, first)) };
}

/** The highest level of a module or an enclave that an SVN reaches. */
export function isvLevel(levels: readonly IsvLevel[], isvSvn: number): IsvLevel | undefined {
  return levels.toSorted((a, b) => b.tcb.isvsvn - a.tcb.isvsvn).find(({ tcb }) => isvSvn >= tcb.isvsvn);
}

/** The status of a platform together with those of its module and its quoting enclave. */
export function converged(platform: PlatformStatus, others: readonly IsvStatus[]): PlatformStatus {
  if (platform === 'Revoked' || others.includes('Revoked')) return 'Revoked';
  if (!others.includes('OutOfDate')) return platform;
  switch (platform) {
    case 'UpToDate':
    case 'SWHardeningNeeded':
      return 'OutOfDate';
    case 'ConfigurationNeeded':
    case 'ConfigurationAndSWHardeningNeeded':
      return 'OutOfDateConfigurationNeeded';
    case 'OutOfDate':
    case 'OutOfDateConfigurationNeeded':
      return platform;
  }
}

const IN_DATE: readonly PlatformStatus[] = ['UpToDate', 'SWHardeningNeeded', 'ConfigurationNeeded', 'ConfigurationAndSWHardeningNeeded'];
const NEEDS_CONFIGURATION: readonly PlatformStatus[] = ['ConfigurationNeeded', 'ConfigurationAndSWHardeningNeeded', 'OutOfDateConfigurationNeeded'];

/** The status of a TD that was started at one status and runs at another: where only the start was out of date, starting it again is advised. */
export function relaunched(launch: PlatformStatus, current: PlatformStatus): TcbStatus {
  if ((launch !== 'OutOfDate' && launch !== 'OutOfDateConfigurationNeeded') || !IN_DATE.includes(current)) return launch;
  return NEEDS_CONFIGURATION.includes(launch) || NEEDS_CONFIGURATION.includes(current) ? 'TDRelaunchAdvisedConfigurationNeeded' : 'TDRelaunchAdvised';
}
