/**
 * What a pattern of transfers will cost: `t(copy) = toll + bytes / bandwidth + wait(stream)`. A model of one process with one CUDA context,
 * played through operation by operation; it knows no contention between processes and no queue limits.
 *
 * Confidential computing changes three things (vllm PR 52226, sglang PR 31447, arXiv 2606.23969): bytes go through the bounce buffer, all
 * copies of a context take turns whatever their stream, and a copy that is asked for asynchronously holds the thread that asks until it, and
 * everything before it in its stream, is done.
 */
import { ConfigError } from '../../errors.ts';
import { TIMING_PRESETS, type TimingPreset } from './presets.ts';

/** One thing that the program does, in the order in which its main thread does them. */
export type Operation =
  /** Work of the thread itself. */
  | { readonly kind: 'host'; readonly seconds: number }
  /** A kernel on a stream; the thread goes on at once. */
  | { readonly kind: 'compute'; readonly seconds: number; readonly stream?: number }
  /** A copy on a stream. `sync`: the thread waits, as cudaMemcpy does. */
  | { readonly kind: 'copy'; readonly direction: 'toDevice' | 'fromDevice'; readonly bytes: number; readonly stream?: number; readonly sync?: boolean }
  /** Waits for the operation of that number, counted from 0. */
  | { readonly kind: 'wait'; readonly operation: number };

/** How the pattern is run. */
export interface Conditions {
  readonly confidential: boolean;
  /** Asynchronous copies are asked for by a thread of their own, so that they hold only that one. */
  readonly copyThread?: boolean;
  /** Seconds of every confidential copy, instead of the preset's. */
  readonly toll?: number;
  /** Bytes a second of a confidential copy, instead of the preset's. */
  readonly bandwidth?: number;
}

/** When one operation began and ended, and when the thread went on; seconds from the start. */
export interface Timing {
  readonly begins: number;
  readonly ends: number;
  readonly returns: number;
}

/** What a pattern costs. */
export interface Prediction {
  /** Seconds until everything is done. */
  readonly seconds: number;
  /** Seconds that the main thread spent waiting. */
  readonly waited: number;
  readonly bytes: number;
  readonly operations: readonly Timing[];
}

/** The preset of that name. @throws {ConfigError} for a name that is none */
export function timingPreset(name: string): TimingPreset {
  const preset = TIMING_PRESETS.get(name);
  if (!preset) throw new ConfigError('timing', `'${name.slice(0, 40)}' is none of ${[...TIMING_PRESETS.keys()].join(', ')}`);
  return preset;
}

/**
 * Plays a pattern through.
 * @throws {RangeError} for a size or time that is negative or no number, or a wait for an operation that has not begun
 */
export function predict(preset: TimingPreset, pattern: readonly Operation[], conditions: Conditions): Prediction {
  const clock = new Clockwork(preset, conditions);
  for (const operation of pattern) clock.play(operation);
  return clock.prediction();
}

/** The state of a program while its pattern is played. */
class Clockwork {
  readonly #preset: TimingPreset;
  readonly #conditions: Conditions;
  readonly #operations: Timing[] = [];
  /** When each stream, each copy lane and each thread is free. */
  readonly #streams = new Map<number, number>();
  readonly #lanes = new Map<string, number>();
  #main = 0;
  #copier = 0;
  #waited = 0;
  #bytes = 0;

  constructor(preset: TimingPreset, conditions: Conditions) {
    this.#preset = preset;
    this.#conditions = conditions;
  }

  play(operation: Operation): void {
    const began = this.#main;
    if (operation.kind === 'host') {
      this.#main += requireAmount(operation.seconds);
      this.#operations.push({ begins: began, ends: this.#main, returns: this.#main });
    } else if (operation.kind === 'compute') {
      const begins = Math.max(began, this.#streamFree(operation.stream));
      const ends = begins + requireAmount(operation.seconds);
      this.#streams.set(operation.stream ?? 0, ends);
      this.#operations.push({ begins, ends, returns: began });
    } else if (operation.kind === 'copy') this.#copy(operation);
    else {
      const awaited = this.#operations[operation.operation];
      if (!awaited) throw new RangeError(`operation ${operation.operation} has not begun`);
      this.#waitUntil(awaited.ends);
      this.#operations.push({ begins: began, ends: this.#main, returns: this.#main });
    }
  }

  prediction(): Prediction {
    const seconds = Math.max(this.#main, ...this.#operations.map(({ ends }) => ends));
    return { seconds, waited: this.#waited, bytes: this.#bytes, operations: this.#operations };
  }

  #copy({ direction, bytes, stream = 0, sync = false }: Extract<Operation, { kind: 'copy' }>): void {
    const { confidential, copyThread = false } = this.#conditions;
    this.#bytes += requireAmount(bytes);
    const elsewhere = copyThread && !sync;
    const asked = elsewhere ? Math.max(this.#main, this.#copier) : this.#main;
    // Without confidential computing each direction has a copy engine; with it one lock is held over the whole copy.
    const lane = confidential ? 'context' : direction;
    const begins = Math.max(asked, this.#streamFree(stream), this.#lanes.get(lane) ?? 0);
    const ends = begins + this.#duration(direction, bytes);
    this.#streams.set(stream, ends);
    this.#lanes.set(lane, ends);
    if (elsewhere) this.#copier = confidential ? ends : asked;
    else if (sync || confidential) this.#waitUntil(ends);
    this.#operations.push({ begins, ends, returns: this.#main });
  }

  #duration(direction: 'toDevice' | 'fromDevice', bytes: number): number {
    const { confidential, plainToDevice, plainFromDevice, toll, plainToll } = this.#preset;
    if (this.#conditions.confidential) return requireAmount(this.#conditions.toll ?? toll.value) + bytes / (this.#conditions.bandwidth ?? confidential.value);
    return plainToll.value + bytes / (direction === 'toDevice' ? plainToDevice : plainFromDevice).value;
  }

  #streamFree(stream = 0): number {
    return this.#streams.get(stream) ?? 0;
  }

  #waitUntil(time: number): void {
    this.#waited += Math.max(0, time - this.#main);
    this.#main = Math.max(this.#main, time);
  }
}

function requireAmount(value: number): number {
  if (!(Number.isFinite(value) && value >= 0)) throw new RangeError(`${value} is no time or size`);
  return value;
}
