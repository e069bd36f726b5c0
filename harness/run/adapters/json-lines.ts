/** A verifier that is asked over its standard input and answers on its standard output, a line of JSON each: one process for thousands of subjects. */
import { AdapterError, ConfigError } from '../../../emulator/errors.ts';
import { stopwatch } from '../../../emulator/world.ts';
import type { Adapter, BareAnswer, Delivery, Limits, Session } from '../adapter.ts';
import { Contained } from '../contain/contained.ts';
import { endingText } from './command.ts';
import { type Greeting, PROTOCOL, questionOf, readGreeting, readJudgement } from './protocol.ts';

/** Processes that may die before they have answered anything, one after the other, before the verifier is taken for one that can't be started. */
const STILLBORN = 3;
const NEWLINE = 0x0a;

/** How to start a verifier that speaks JSON lines. */
export interface JsonLinesOptions {
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** @throws {ConfigError} for an empty command */
export function jsonLinesAdapter(options: JsonLinesOptions): Adapter {
  if (options.command.length === 0) throw new ConfigError('command', 'is empty: name the verifier after --');
  const name = options.command.join(' ');
  return {
    kind: 'json-lines',
    name,
    open: async (limits): Promise<Session> => {
      const session = new LineSession(name, options, limits);
      await session.start();
      return session;
    },
  };
}

/** The lines of one process, to be taken one at a time. */
class Lines {
  #pieces: Buffer[] = [];
  readonly #lines: string[] = [];
  #waiting: ((line: string | undefined) => void) | undefined;
  #ended = false;

  push(chunk: Buffer): void {
    let rest = chunk;
    for (let end = rest.indexOf(NEWLINE); end !== -1; end = rest.indexOf(NEWLINE)) {
      this.#lines.push(Buffer.concat([...this.#pieces, rest.subarray(0, end)]).toString('utf8'));
      this.#pieces = [];
      rest = rest.subarray(end + 1);
    }
    if (rest.length > 0) this.#pieces.push(rest);
    this.#hand();
  }

  /** Nothing comes after this. */
  end(): void {
    this.#ended = true;
    this.#hand();
  }

  /** The next line; undefined when there is none any more. */
  next(): Promise<string | undefined> {
    return new Promise((resolve) => {
      this.#waiting = resolve;
      this.#hand();
    });
  }

  #hand(): void {
    if (!this.#waiting || (this.#lines.length === 0 && !this.#ended)) return;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting(this.#lines.shift());
  }
}

class LineSession implements Session {
  readonly #name: string;
  readonly #options: JsonLinesOptions;
  readonly #limits: Limits;
  #greeting: Greeting = {};
  #program: Contained | undefined;
  #lines = new Lines();
  #seq = 0;
  #stillborn = 0;

  constructor(name: string, options: JsonLinesOptions, limits: Limits) {
    this.#name = name;
    this.#options = options;
    this.#limits = limits;
  }

  get name(): string {
    return this.#greeting.name ?? this.#name;
  }

  get version(): string {
    return this.#greeting.version ?? '';
  }

  /** Starts the process, and hears what it is. @throws {AdapterError} when it does not say so */
  async start(): Promise<void> {
    const { command, env, cwd } = this.#options;
    const lines = new Lines();
    const program = new Contained(command, this.#limits, { input: true, ...(env && { env }), ...(cwd === undefined ? {} : { cwd }), onOutput: (chunk) => lines.push(chunk) });
    void program.ended.then(() => lines.end());
    this.#program = program;
    this.#lines = lines;
    program.startClock();
    program.write(`${JSON.stringify({ cmd: 'hello', protocol: PROTOCOL })}\n`);
    const line = await lines.next();
    program.stopClock();
    if (line === undefined) {
      const ending = await program.ended;
      throw new AdapterError(
        this.#name,
        program.failure ? `can't be started: ${program.failure.message}` : `ended without a greeting${ending.code === null ? '' : `, exit code ${ending.code}`} ${endingText(ending, this.#limits)}`.trimEnd(),
        {
          stderr: program.stderr,
        },
      );
    }
    try {
      this.#greeting = readGreeting(this.#name, line);
    } catch (error) {
      program.kill('stopped');
      throw error;
    }
  }

  async judge(delivery: Delivery): Promise<BareAnswer> {
    if (!this.#program) await this.start();
    const program = this.#program as Contained;
    const seq = ++this.#seq;
    const question = `${JSON.stringify(await questionOf(delivery, seq, this.#greeting.services === true))}\n`;
    program.resetOutput();
    program.startClock();
    const watch = stopwatch();
    program.write(question);
    const line = await this.#lines.next();
    const wallMs = watch();
    program.stopClock();
    if (line === undefined) return this.#died(program, wallMs);
    this.#stillborn = 0;
    try {
      const { verdict, stage, reason, detail = '' } = readJudgement(this.#name, line, seq);
      return { verdict, detail: detail.slice(0, 2000), wallMs, ...(stage === undefined ? {} : { stage }), ...(reason === undefined ? {} : { reason }) };
    } catch (error) {
      if (!(error instanceof AdapterError)) throw error;
      // Whatever comes next could be the answer to this question: it is started anew.
      program.kill('stopped');
      await program.ended;
      this.#program = undefined;
      return { verdict: 'error', detail: error.message.slice(0, 2000), wallMs, stderr: program.stderr };
    }
  }

  async #died(program: Contained, wallMs: number): Promise<BareAnswer> {
    this.#program = undefined;
    const ending = await program.ended;
    if (++this.#stillborn > STILLBORN && ending.excess === undefined) throw new AdapterError(this.#name, 'ends each time before it has answered', { stderr: program.stderr });
    const detail = endingText(ending, this.#limits) || `ended with exit code ${ending.code} instead of an answer`;
    return { verdict: ending.excess === 'time' || ending.excess === 'stopped' ? 'hang' : 'crash', detail, wallMs, stderr: program.stderr };
  }

  async close(): Promise<void> {
    const program = this.#program;
    if (!program) return;
    this.#program = undefined;
    program.write(`${JSON.stringify({ cmd: 'bye' })}\n`);
    program.endInput();
    // Time to end by itself, but no more than for an answer.
    program.startClock();
    await program.ended;
  }
}
