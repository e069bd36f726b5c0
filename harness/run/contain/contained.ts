/** A program of somebody's, run within limits: of time, of memory, of what it writes. Whatever it does is a result; nothing of it outlives it. */
import { type ChildProcess, spawn } from 'node:child_process';
import type { Limits } from '../adapter.ts';
import { killAll, markedEnvironment, newRunId, processesOf, residentBytes } from './kin.ts';

/** Why a program was killed. */
export type Excess = 'time' | 'memory' | 'output' | 'stopped';

/** How a program ended. */
export interface Ending {
  /** Nothing where a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** What it was killed for, where the harness killed it. */
  readonly excess?: Excess;
}

/** How often the memory of what runs is looked at, in milliseconds. */
const WATCH = 50;
/** How long to wait for what is left in the pipes of a program that has ended, in milliseconds: strays that can't be found may hold them open. */
const GRACE = 500;
/** Characters of its complaints that are kept: the last ones. */
const KEPT = 16_384;

/** Every program that runs, to be killed when the harness itself must end. */
const running = new Set<Contained>();

/** Kills every program that runs, and all that they started. */
export function killEverything(): void {
  for (const program of running) program.kill('stopped');
}

/** One program, running. */
export class Contained {
  readonly runId: string = newRunId();
  /** Done when the program has ended and none of its processes is left. */
  readonly ended: Promise<Ending>;
  readonly #child: ChildProcess;
  readonly #limits: Limits;
  readonly #strangers = new Set<number>();
  readonly #watch: NodeJS.Timeout;
  #deadline: NodeJS.Timeout | undefined;
  #excess: Excess | undefined;
  #written = 0;
  #stderr = '';
  #failure: Error | undefined;

  /**
   * @param onOutput told what it writes on standard output
   * @param input whether it can be written to; without, its standard input is empty
   */
  constructor(
    [program = '', ...args]: readonly string[],
    limits: Limits,
    { cwd, env = {}, input = false, onOutput }: { cwd?: string; env?: Readonly<Record<string, string>>; input?: boolean; onOutput?: (text: Buffer) => void } = {},
  ) {
    this.#limits = limits;
    // A process group of its own: an interrupt at the terminal reaches the harness, which then ends the program itself.
    this.#child = spawn(program, args, { cwd, env: markedEnvironment(this.runId, env), detached: true, stdio: [input ? 'pipe' : 'ignore', 'pipe', 'pipe'] });
    this.#child.stdout?.on('data', (chunk: Buffer) => this.#count(chunk) && onOutput?.(chunk));
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      if (this.#count(chunk)) this.#stderr = `${this.#stderr}${chunk.toString()}`.slice(-KEPT);
    });
    this.#child.stdin?.on('error', () => undefined);
    this.#watch = setInterval(() => this.#look(), WATCH);
    running.add(this);
    this.ended = new Promise((resolve) => {
      this.#child.on('error', (error) => {
        this.#failure = error;
        // A program that could not be started never exits.
        if (this.#child.pid === undefined) resolve(this.#end(null, null));
      });
      this.#child.on('exit', (code, signal) => {
        // What it started and left behind holds the pipes open; once that is gone, what is still in them comes, and then `close`.
        killAll(this.runId, this.#child.pid);
        const grace = setTimeout(() => resolve(this.#end(code, signal)), GRACE);
        this.#child.on('close', () => {
          clearTimeout(grace);
          resolve(this.#end(code, signal));
        });
      });
    });
  }

  /** The end of what it wrote on standard error. */
  get stderr(): string {
    return this.#stderr;
  }

  /** Why it could not be started, if it could not. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** What it was killed for, if it was. */
  get excess(): Excess | undefined {
    return this.#excess;
  }

  /** Writes a line to its standard input. */
  write(text: string): void {
    this.#child.stdin?.write(text);
  }

  /** Nothing more will be written. */
  endInput(): void {
    this.#child.stdin?.end();
  }

  /** From now on it has the time of one answer. */
  startClock(): void {
    this.stopClock();
    this.#deadline = setTimeout(() => this.kill('time'), this.#limits.timeout);
  }

  /** It is asked nothing just now. */
  stopClock(): void {
    clearTimeout(this.#deadline);
  }

  /** What it has written counts anew: one answer, one measure. */
  resetOutput(): void {
    this.#written = 0;
  }

  /** Kills it and all that it started. */
  kill(excess: Excess): void {
    this.#excess ??= excess;
    killAll(this.runId, this.#child.pid);
  }

  /** @returns whether it may go on writing */
  #count(chunk: Buffer): boolean {
    this.#written += chunk.length;
    if (this.#written <= this.#limits.output) return true;
    if (this.#excess === undefined) this.kill('output');
    return false;
  }

  #look(): void {
    if (residentBytes(processesOf(this.runId, this.#strangers)) > this.#limits.memory) this.kill('memory');
  }

  #end(code: number | null, signal: NodeJS.Signals | null): Ending {
    clearInterval(this.#watch);
    this.stopClock();
    killAll(this.runId, this.#child.pid);
    running.delete(this);
    // What strays wrote after the end is nobody's answer.
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
    return { code, signal, ...(this.#excess && { excess: this.#excess }) };
  }
}
