/** Exit codes, and which error means which. */
import { CommanderError } from 'commander';
import { CodecError, ConfigError, TeemuError } from '../../emulator/errors.ts';

/** What the command line's exit codes mean. */
export const EXIT = {
  ok: 0,
  /** A verdict that was not expected. */
  unexpected: 1,
  /** Usage, configuration, or an input that can't be read. */
  usage: 2,
  /** The verifier under test could not start, or failed evidence known to be good. */
  noBaseline: 3,
  /** A defect of teemu itself. */
  defect: 4,
  interrupted: 130,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** An error as the command line reports it; the same members are printed with `--json`, below `error`. */
export interface Failure {
  /** Stable: one of TeemuError's codes, `ERR_USAGE`, `ERR_SYSTEM` or `ERR_DEFECT`. */
  readonly code: string;
  readonly message: string;
  readonly exit: ExitCode;
  /** Field and byte offset, for bytes that are not what they must be. */
  readonly path?: string;
  readonly at?: number;
  /** The option or setting, for one that can't be. */
  readonly key?: string;
}

/** What an error means for the command line. */
export function failureOf(error: unknown): Failure {
  if (error instanceof CodecError) return { code: error.code, message: error.message, exit: EXIT.usage, path: error.path, at: error.at };
  if (error instanceof ConfigError) return { code: error.code, message: error.message, exit: EXIT.usage, key: error.key };
  if (error instanceof TeemuError) return { code: error.code, message: error.message, exit: error.code === 'ERR_ADAPTER' ? EXIT.noBaseline : EXIT.usage };
  if (error instanceof CommanderError) return { code: 'ERR_USAGE', message: error.message.replace(/^error: /, ''), exit: EXIT.usage };
  // The operating system refused something: no defect, and its message names what.
  if (error instanceof Error && 'syscall' in error && 'code' in error) return { code: 'ERR_SYSTEM', message: error.message, exit: EXIT.usage };
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: 'ERR_DEFECT', message: `this is a defect of teemu, not of your input; please report it with these lines:\n${text}`, exit: EXIT.defect };
}
