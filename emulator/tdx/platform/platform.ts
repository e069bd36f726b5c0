/** One machine: which one of its kind, what it runs at a given time, and what a verifier is to make of it. */
import { ConfigError } from '../../errors.ts';
import { type ModuleRelease, preservesTds } from '../module/release.ts';
import { teeTcbSvn } from '../module/tdx-module.ts';
import { QUOTING_ENCLAVE_RELEASES, type QuotingEnclaveRelease } from '../tcb/enclaves.ts';
import { earlyEvaluation, standardEvaluation } from '../tcb/evaluations.ts';
import { type Level, levelsAt, type PlatformTcb, TCB_COMPONENTS } from '../tcb/levels.ts';
import { moduleLevels, moduleRelease, newestModule } from '../tcb/modules.ts';
import { STATUS_TABLE, type TcbStatus } from '../tcb/status.ts';
import { DEFAULT_MODEL, fmspcFor, modelNamed, type PlatformModel } from './models.ts';

/** Which intermediate authority certifies a platform's PCK: Platform for machines that can have several packages, Processor for others. */
export const PCK_CAS = ['platform', 'processor'] as const;
export type PckCa = (typeof PCK_CAS)[number];

/** Machines of a kind: what four bytes of an id can count. */
export const PLATFORMS_PER_MODEL = 2 ** 32;

/** One machine. */
export interface Platform {
  readonly model: PlatformModel;
  /** Which one of its kind, 0 to 4,294,967,295. */
  readonly index: number;
  /** What a verifier is to make of it. */
  readonly status: TcbStatus;
  readonly ca: PckCa;
}

/**
 * The machine of that kind, number and status.
 * @throws {ConfigError} naming the kinds there are @throws {RangeError} for a number that is none
 */
export function tdxPlatform(name: string = DEFAULT_MODEL, { index = 0, status = 'UpToDate', ca = 'platform' }: { index?: number; status?: TcbStatus; ca?: PckCa } = {}): Platform {
  const model = modelNamed(name);
  if (!Number.isInteger(index) || index < 0 || index >= PLATFORMS_PER_MODEL) throw new RangeError(`a platform's number is 0 to ${PLATFORMS_PER_MODEL - 1}, not ${index}`);
  return { model, index, status, ca };
}

/** The FMSPC of a machine, 12 hex digits, lower case. */
export function fmspcOf({ model, status }: Platform): string {
  return fmspcFor(model, status);
}

/** What a machine runs. */
export interface PlatformState {
  /** The level that its PCK certificate is issued for. */
  readonly tcb: PlatformTcb;
  /** CPUSVN as the hardware states it, 16 bytes: at least what the level asks for. */
  readonly cpuSvn: Uint8Array;
  /** The module that the TD was started under, with the SVN of the microcode at that time. */
  readonly launchedModule: ModuleRelease;
  /** The one that runs now: another one where it was updated under the TD. */
  readonly runningModule: ModuleRelease;
  /** What reports state of the first, 16 bytes. */
  readonly teeTcbSvn: Uint8Array;
  /** What reports of TDX 1.5 and later state of the second, 16 bytes. */
  readonly teeTcbSvn2?: Uint8Array;
  readonly quotingEnclave: QuotingEnclaveRelease;
}

/**
 * A machine's state at a time: one that is up to date has installed the newest recovery there is, one that is out of date lacks the one that
 * the standard evaluation asks for.
 * @param now milliseconds since 1970 @throws {ConfigError} where no TD could have been started under a module that is out of date
 */
export function platformState({ model, status }: Platform, now: number): PlatformState {
  const { behind, relaunch } = STATUS_TABLE[status];
  const early = earlyEvaluation(now);
  const older = levelAt(levelsAt(model.history, standardEvaluation(now))[1], model).tcb;
  const tcb = behind === 1 ? older : levelAt(levelsAt(model.history, early)[0], model).tcb;
  const cpuSvn = cpuSvnOf(model, tcb);
  const running = newestModule(model.module, early);
  const runningModule = { ...running, patchSvn: tcb.tdx[2] };
  const launchedModule = relaunch ? { ...moduleBehind(model, now), patchSvn: older.tdx[2] } : runningModule;
  return {
    tcb,
    cpuSvn,
    launchedModule,
    runningModule,
    teeTcbSvn: teeTcbSvn(launchedModule, { cpuSvn }),
    ...(preservesTds(running) ? { teeTcbSvn2: teeTcbSvn(runningModule, { cpuSvn }) } : {}),
    quotingEnclave: QUOTING_ENCLAVE_RELEASES[0],
  };
}

function levelAt(level: Level<PlatformTcb> | undefined, model: PlatformModel): Level<PlatformTcb> {
  if (!level) throw new RangeError(`${model.name} has no such level`);
  return level;
}

/** The module that the standard evaluation calls out of date, for a TD to have been started under. */
function moduleBehind(model: PlatformModel, now: number): ModuleRelease {
  const behind = moduleLevels(model.module, standardEvaluation(now))[1];
  if (!behind) throw new ConfigError('tcb-status', `at this time no TDX module is out of date that ${model.name} could have started a TD under`);
  return moduleRelease(model.module, behind.tcb.isvSvn);
}

/** The two bytes for microcode follow the level; the rest is at least what the level asks for. */
function cpuSvnOf(model: PlatformModel, tcb: PlatformTcb): Uint8Array {
  const hardware = Buffer.from(model.cpuSvn, 'hex');
  return Uint8Array.from({ length: TCB_COMPONENTS }, (_, i) => (i < 2 ? (tcb.sgx[i] ?? 0) : Math.max(hardware[i] ?? 0, tcb.sgx[i] ?? 0)));
}
