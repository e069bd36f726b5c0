/** The processes of a run: a verifier and all that it started, found by a mark in their environment even when they have left its process group. */
import { readdirSync, readFileSync } from 'node:fs';
import { freshSecret } from '../../../emulator/world.ts';

/** The variable that every process of a run has, unless it cleared its environment. */
const RUN_ID = 'TEEMU_RUN_ID';

/** A mark that no other run has. */
export function newRunId(): string {
  return Buffer.from(freshSecret()).toString('hex', 0, 16);
}

/** The environment of a run's processes. */
export function markedEnvironment(runId: string, extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  return { ...process.env, ...extra, [RUN_ID]: runId };
}

/** Whether this system shows the environment of its processes. Elsewhere only those that stay in the process group are found. */
export const CAN_FIND_STRAYS: boolean = process.platform === 'linux';

/**
 * The ids of the running processes with that mark. What has ended and was not waited for yet has no environment any more, and is not among them.
 * @param known ids that were looked at before and are not of the run: they are not read again
 */
export function processesOf(runId: string, known: Set<number> = new Set()): number[] {
  if (!CAN_FIND_STRAYS) return [];
  const mark = `${RUN_ID}=${runId}`;
  return processIds().filter((pid) => {
    if (known.has(pid) || pid === process.pid) return false;
    const ours = environmentOf(pid)?.split('\0').includes(mark) === true;
    if (!ours) known.add(pid);
    return ours;
  });
}

function processIds(): number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map(Number);
  } catch {
    return [];
  }
}

/** Nothing for processes of others, and for those that are gone. */
function environmentOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1');
  } catch {
    return undefined;
  }
}

/** Bytes of memory that processes hold, pages that they share counted for each. */
export function residentBytes(pids: readonly number[]): number {
  return pids.reduce((all, pid) => all + residentOf(pid), 0);
}

function residentOf(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/**
 * Kills the process group and every process with the mark, until none is left: one that forks while it is looked for is found in the next round.
 * @param leader of the process group
 */
export function killAll(runId: string, leader: number | undefined): void {
  if (leader !== undefined) kill(-leader);
  for (let round = 0; round < 50; round++) {
    const left = processesOf(runId);
    if (left.length === 0) return;
    for (const pid of left) kill(pid);
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has gone by itself.
  }
}
