/**
 * TCB statuses as one setting: for each, what must be different about a platform or its TCB info so that a verifier comes to it.
 *
 * A status that only an old platform needs is reached by the platform: its TCB stands one level behind. One that Intel would have to
 * publish changes the levels of the platform's FMSPC; such a platform gets an FMSPC of its own (the last byte, zero in genuine ones, is the
 * status's code), so platforms of every status can be served at once and the genuine FMSPCs keep genuine levels.
 */
import { ConfigError } from '../../errors.ts';
import { type Level, type LevelStatus, type PlatformTcb, platformTcb } from './levels.ts';

/** What a verifier can make of a platform. The last two are computed by the verifier, from a quote of version 5. */
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

/** How a status comes about. */
export interface StatusRow {
  /** Stands in the platform's ids, and in its FMSPC when `level` is given. */
  readonly code: number;
  /** How many levels below the newest the platform's TCB stands. */
  readonly behind: 0 | 1;
  /** What TCB info calls the level where the platform stands, when that is not what it says anyway. */
  readonly level?: { readonly status: LevelStatus; readonly advisoryIds: readonly string[] };
  /** Whether the TD was started under a TDX module of one level behind, which was updated under it since. */
  readonly relaunch: boolean;
  readonly doc: string;
}

/** Advisories of a genuine SGX platform's levels of these statuses. */
const HARDENING = ['INTEL-SA-00334', 'INTEL-SA-00615'];
const CONFIGURATION = ['INTEL-SA-00219', 'INTEL-SA-00289'];

/** Every status, by name. */
export const STATUS_TABLE: Readonly<Record<TcbStatus, StatusRow>> = {
  UpToDate: { code: 0, behind: 0, relaunch: false, doc: 'the platform runs what the newest level asks for' },
  SWHardeningNeeded: { code: 1, behind: 0, level: { status: 'SWHardeningNeeded', advisoryIds: HARDENING }, relaunch: false, doc: 'up to date, but software in the TD must be hardened' },
  ConfigurationNeeded: { code: 2, behind: 0, level: { status: 'ConfigurationNeeded', advisoryIds: CONFIGURATION }, relaunch: false, doc: 'up to date, but the platform must be configured' },
  ConfigurationAndSWHardeningNeeded: { code: 3, behind: 0, level: { status: 'ConfigurationAndSWHardeningNeeded', advisoryIds: [...CONFIGURATION, ...HARDENING] }, relaunch: false, doc: 'both of these' },
  OutOfDate: { code: 4, behind: 1, relaunch: false, doc: "the platform's TCB stands one level behind" },
  OutOfDateConfigurationNeeded: { code: 5, behind: 1, level: { status: 'OutOfDateConfigurationNeeded', advisoryIds: CONFIGURATION }, relaunch: false, doc: 'one level behind, and it must be configured too' },
  Revoked: { code: 6, behind: 1, level: { status: 'Revoked', advisoryIds: [] }, relaunch: false, doc: 'one level behind, which is revoked' },
  TDRelaunchAdvised: { code: 7, behind: 0, relaunch: true, doc: 'up to date since an update of the TDX module, but the TD was started before it' },
  TDRelaunchAdvisedConfigurationNeeded: { code: 8, behind: 0, level: { status: 'ConfigurationNeeded', advisoryIds: CONFIGURATION }, relaunch: true, doc: 'the same on a platform that must be configured' },
};

/** @throws {ConfigError} naming the statuses there are */
export function statusNamed(name: string): TcbStatus {
  const status = TCB_STATUSES.find((s) => s === name);
  if (!status) throw new ConfigError('tcb-status', `'${name}' is none of ${TCB_STATUSES.join(', ')}`);
  return status;
}

/** The status of that code, or undefined. */
export function statusOfCode(code: number): TcbStatus | undefined {
  return TCB_STATUSES.find((s) => STATUS_TABLE[s].code === code);
}

/** Makes the level where platforms of a status stand, and the ones below a level that is out of date or revoked, say so. */
export function levelsFor(status: TcbStatus, levels: readonly Level<PlatformTcb>[]): readonly Level<PlatformTcb>[] {
  const { behind, level } = STATUS_TABLE[status];
  if (!level) return levels;
  return levels.map((l, i) => (i === behind || (behind > 0 && i > behind) ? { ...l, status: level.status, advisoryIds: [...new Set([...l.advisoryIds, ...level.advisoryIds])].sort() } : l));
}

/** The advisory that a recovery by {@link recovered} mitigates: none of Intel's. */
const RECOVERY_ADVISORY = 'INTEL-SA-99999';

/**
 * The levels after a TCB recovery that Intel has not had: a newest level that asks for newer microcode than any machine runs; what was up to
 * date is not any more.
 * @param highest what machines run that have installed every recovery there is
 */
export function recovered(levels: readonly Level<PlatformTcb>[], { sgx, pceSvn, tdx }: PlatformTcb, tcbDate: string): Level<PlatformTcb>[] {
  const next = (svn: number | undefined): number => (svn ?? 0) + 1;
  const tcb = platformTcb([next(sgx[0]), next(sgx[1]), ...sgx.slice(2)], pceSvn, [tdx[0] ?? 0, tdx[1] ?? 0, next(tdx[2]), ...tdx.slice(3)]);
  const late = levels.map((l) => ({ ...l, status: l.status === 'UpToDate' ? ('OutOfDate' as const) : l.status, advisoryIds: [...l.advisoryIds, RECOVERY_ADVISORY] }));
  return [{ tcb, tcbDate, status: 'UpToDate', advisoryIds: [] }, ...late];
}
