/** Ratios measured side by side: every task of a group runs in turn, in rounds, and is timed in CPU seconds of this process. */
import { Bench } from 'tinybench';

/** What came out for one task. */
export interface Speed {
  readonly name: string;
  /** Operations per CPU second: median over the rounds. */
  readonly perSecond: number;
  /** Smallest and largest round. */
  readonly range: readonly [number, number];
}

/** One thing to compare. */
export interface Task {
  readonly name: string;
  readonly run: () => unknown;
}

/** CPU time of this process, user and system, in milliseconds. */
export function cpuMilliseconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/** Runs a task until the compiler has seen enough of it: some code is at its speed only after thousands of calls. @param milliseconds CPU time */
export function warmUp({ run }: Task, milliseconds: number): void {
  for (const end = cpuMilliseconds() + milliseconds; cpuMilliseconds() < end; ) run();
}

/**
 * Runs the tasks in interleaved rounds, so that a machine that slows down slows all of them down.
 * @param milliseconds CPU time of one task in one round
 */
export async function compare(tasks: readonly Task[], { rounds = 7, milliseconds = 300 }: { rounds?: number; milliseconds?: number } = {}): Promise<Speed[]> {
  const seen = new Map<string, number[]>(tasks.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const { name, run } of round % 2 === 0 ? tasks : tasks.toReversed()) {
      const bench = new Bench({ time: milliseconds, now: cpuMilliseconds, warmupTime: round === 0 ? milliseconds : 20, iterations: 16 });
      bench.add(name, run);
      const [task] = await bench.run();
      if (task?.result.state !== 'completed') throw new Error(`${name} failed: ${task?.result.state === 'errored' ? task.result.error.message : (task?.result.state ?? 'not run')}`);
      seen.get(name)?.push(1000 / task.result.latency.mean);
    }
  }
  return [...seen].map(([name, speeds]) => summary(name, speeds));
}

/** Something that runs elsewhere, and tells its speed itself. */
export interface Elsewhere {
  readonly name: string;
  /** Operations per CPU second. */
  readonly measure: () => number;
}

/** The same, with rounds of what runs in other processes between. */
export async function compareWith(tasks: readonly Task[], others: readonly Elsewhere[], rounds = 5): Promise<Speed[]> {
  const seen = new Map<string, number[]>([...tasks, ...others].map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const { name, measure } of others) seen.get(name)?.push(measure());
    for (const { name, perSecond } of await compare(tasks, { rounds: 1 })) seen.get(name)?.push(perSecond);
  }
  return [...seen].map(([name, speeds]) => summary(name, speeds));
}

/** Rounds of one task in a word. */
export function summary(name: string, speeds: readonly number[]): Speed {
  return { name, perSecond: median(speeds), range: [Math.min(...speeds), Math.max(...speeds)] };
}

/** A ratio with the goal that it is measured against. */
export interface Ratio {
  readonly name: string;
  readonly value: number;
  readonly goal: number;
}

/** `a` to `b`, by name. */
export function ratio(name: string, goal: number, speeds: readonly Speed[], a: string, b: string): Ratio {
  const of = (task: string): number => speeds.find((s) => s.name === task)?.perSecond ?? Number.NaN;
  return { name, goal, value: of(a) / of(b) };
}
