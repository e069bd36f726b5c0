/** Writing to the user: results on stdout, talk on stderr, colours where they are wanted, nothing that a file could use to steer the terminal. */
import { styleText } from 'node:util';
import type { Io, Output } from './io.ts';

/** Styles that the command line uses; each also reads well without colour. */
export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan' | 'inverse';

/** How talkative and colourful to be. */
export interface TerminalOptions {
  /** Results as JSON, one object a line. */
  readonly json: boolean;
  /** No progress and no remarks on stderr; warnings and errors stay. */
  readonly quiet: boolean;
  /** Colours always or never; left out, where the output is a terminal and the environment does not say otherwise. */
  readonly color?: boolean;
}

/** One run's outputs. */
export class Terminal {
  readonly json: boolean;
  readonly #quiet: boolean;
  readonly #io: Io;
  readonly #color: boolean | undefined;
  #statusShown = false;

  constructor(io: Io, { json, quiet, color }: TerminalOptions) {
    this.#io = io;
    this.json = json;
    this.#quiet = quiet;
    this.#color = color;
  }

  /** Prints the result: `data` as one line of JSON with `--json`, else what `text` makes. */
  result(data: unknown, text: (paint: Paint) => string): void {
    this.clearStatus();
    this.#io.stdout.write(`${this.json ? jsonLine(data) : text(this.painter('stdout'))}\n`);
  }

  /** A remark for people, on stderr. */
  say(text: string): void {
    if (this.#quiet) return;
    this.clearStatus();
    this.#io.stderr.write(`${text}\n`);
  }

  /** Something the user must know, on stderr, also with `--quiet`. */
  warn(text: string): void {
    this.clearStatus();
    this.#io.stderr.write(`${this.painter('stderr')('yellow', text)}\n`);
  }

  /** What is being waited for: one line that changes on a terminal, a line each elsewhere. */
  status(text: string): void {
    if (this.#quiet) return;
    this.#statusShown = this.#io.stderr.isTTY;
    this.#io.stderr.write(this.#statusShown ? `\r\u001b[K${text}` : `${text}\n`);
  }

  /** Wipes the line of {@link status}. */
  clearStatus(): void {
    if (this.#statusShown) this.#io.stderr.write('\r\u001b[K');
    this.#statusShown = false;
  }

  /** Colours text for one of the outputs, or leaves it as it is. */
  painter(output: 'stdout' | 'stderr'): Paint {
    if (!wantsColor(this.#io[output], this.#io.env, this.#color)) return (_, text) => text;
    return (style, text) => styleText(style, text, { validateStream: false });
  }
}

/** Colours text, or leaves it as it is. */
export type Paint = (style: Style, text: string) => string;

/** `--color` and `--no-color` win, then NO_COLOR and FORCE_COLOR as their conventions say, then whether it is a terminal. */
export function wantsColor(output: Output, env: Io['env'], asked?: boolean): boolean {
  if (asked !== undefined) return asked;
  if (env.NO_COLOR) return false;
  if (env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '') return env.FORCE_COLOR !== '0' && env.FORCE_COLOR !== 'false';
  return output.isTTY && env.TERM !== 'dumb';
}

// What a terminal or a text editor could take for a command: C0 and C1 controls, marks that turn the direction of writing, line separators.
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point.
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** Text from a file or a peer, fit for a terminal: every control character as `\u{…}`. */
export function printable(text: string): string {
  return text.replace(CONTROLS, (c) => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`);
}

/** One line of JSON: bigints in hexadecimal, bytes as hexadecimal, nothing that steers a terminal. */
export function jsonLine(data: unknown): string {
  const text = JSON.stringify(data, (_, value: unknown) => (typeof value === 'bigint' ? `0x${value.toString(16)}` : value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value));
  // JSON.stringify has escaped C0 already.
  return text.replace(CONTROLS, (c) => `\\u${(c.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`);
}
