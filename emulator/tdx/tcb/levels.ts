/**
 * TCB levels: what a platform, a TDX module or an enclave must run to be called up to date, and what it is called otherwise. A history is
 * kept as rows, newest first; the levels that an evaluation shows follow from it.
 */
import type { TcbEvaluation } from './evaluations.ts';
import { midnight } from './evaluations.ts';

/** What the level of a platform can be called. Source: Intel PCS v4, TCB info v3. */
export const LEVEL_STATUSES = ['UpToDate', 'SWHardeningNeeded', 'ConfigurationNeeded', 'ConfigurationAndSWHardeningNeeded', 'OutOfDate', 'OutOfDateConfigurationNeeded', 'Revoked'] as const;
export type LevelStatus = (typeof LEVEL_STATUSES)[number];

/** What happened to something that is measured by levels; `T` says what it must run. */
export interface HistoryRow<T> {
  readonly tcb: T;
  /** The evaluation that introduced it. Rows that are older than the table of evaluations have the oldest number. */
  readonly since: number;
  /** `YYYY-MM-DD` that the level shows once a newer one has taken its place. */
  readonly until?: string;
  /** Numbers of the Intel security advisories (INTEL-SA-…) that it mitigates and older levels do not. */
  readonly fixes?: readonly number[];
}

/** A level as an evaluation shows it. */
export interface Level<T> {
  readonly tcb: T;
  readonly tcbDate: string;
  readonly status: LevelStatus;
  readonly advisoryIds: readonly string[];
}

/** What a platform runs: 16 SGX components, the PCE's SVN and 16 TDX components. */
export interface PlatformTcb {
  readonly sgx: readonly number[];
  readonly pceSvn: number;
  readonly tdx: readonly number[];
}

/** Components in each list of a platform's TCB. */
export const TCB_COMPONENTS = 16;

/** `INTEL-SA-00615` of 615. */
export function advisoryId(number: number): string {
  return `INTEL-SA-${String(number).padStart(5, '0')}`;
}

/** A platform's TCB from its first components; the rest are zero. */
export function platformTcb(sgx: readonly number[], pceSvn: number, tdx: readonly number[]): PlatformTcb {
  const filled = (svns: readonly number[]): number[] => Array.from({ length: TCB_COMPONENTS }, (_, i) => svns[i] ?? 0);
  return { sgx: filled(sgx), pceSvn, tdx: filled(tdx) };
}

/**
 * The levels of a history as an evaluation shows them, newest first: the newest is up to date and bears the evaluation's date, each older
 * one is out of date and lists what every newer one fixes.
 */
export function levelsAt<T>(history: readonly HistoryRow<T>[], evaluation: TcbEvaluation): Level<T>[] {
  const rows = history.filter((row) => row.since <= evaluation.number);
  const open = new Set<number>();
  return rows.map((row, i) => {
    const advisoryIds = [...open].sort((a, b) => a - b).map(advisoryId);
    for (const fixed of row.fixes ?? []) open.add(fixed);
    return {
      tcb: row.tcb,
      tcbDate: i === 0 || row.until === undefined ? evaluation.tcbDate : midnight(row.until),
      status: i === 0 ? ('UpToDate' as const) : ('OutOfDate' as const),
      advisoryIds,
    };
  });
}

/** Whether a platform that runs `svns` has at least what a list of components asks for. */
export function atLeast(svns: ArrayLike<number>, wanted: readonly number[]): boolean {
  return wanted.every((svn, i) => (svns[i] ?? 0) >= svn);
}
