/** A verifier that is a command: called once for each subject, its exit code is the verdict. */
import { AdapterError, ConfigError } from '../../../emulator/errors.ts';
import type { Adapter, BareAnswer, Delivery, Limits, Session } from '../adapter.ts';
import { Contained, type Ending } from '../contain/contained.ts';
import { fill, placeholdersIn } from '../delivery/placeholders.ts';
import type { VerdictWord } from '../result.ts';
import { stopwatch } from '../../../emulator/world.ts';

/** What exit codes mean; those that it leaves out mean a rejection up to 125, and an error above. */
export type ExitCodes = Readonly<Record<number, VerdictWord>>;

/** A shell's own codes: not executable, not found. */
const SHELL = [126, 127];
const KEPT_OUTPUT = 4096;

/** How to call a command. */
export interface CommandOptions {
  /** Program and arguments, with `{placeholders}`. */
  readonly command: readonly string[];
  readonly exitCodes?: ExitCodes;
  /** Environment besides that of this process; values can have placeholders too. */
  readonly env?: Readonly<Record<string, string>>;
  /** Folder to run it in. */
  readonly cwd?: string;
}

/** @throws {ConfigError} for an empty command, or a placeholder that there is not */
export function commandAdapter({ command, exitCodes = {}, env = {}, cwd }: CommandOptions): Adapter {
  if (command.length === 0) throw new ConfigError('command', 'is empty: name the verifier after --');
  placeholdersIn([...command, ...Object.values(env)]);
  const name = command.join(' ');
  const judge = async (delivery: Delivery, limits: Limits): Promise<BareAnswer> => {
    const filled = await Promise.all(command.map((argument) => fill(argument, delivery)));
    const environment = Object.fromEntries(await Promise.all(Object.entries(env).map(async ([key, value]) => [key, await fill(value, delivery)] as const)));
    let output = '';
    const watch = stopwatch();
    const program = new Contained(filled, limits, {
      ...(cwd === undefined ? {} : { cwd }),
      env: environment,
      onOutput: (chunk) => {
        output = `${output}${chunk.toString()}`.slice(-KEPT_OUTPUT);
      },
    });
    program.startClock();
    const ending = await program.ended;
    if (program.failure) throw new AdapterError(name, `can't be started: ${program.failure.message}`);
    const { stderr } = program;
    return { verdict: verdictOf(ending, exitCodes), detail: endingText(ending, limits) || lastLine(output) || lastLine(stderr), wallMs: watch(), stderr };
  };
  return {
    kind: 'command',
    name,
    open: (limits): Promise<Session> => Promise.resolve({ judge: (delivery) => judge(delivery, limits), close: () => Promise.resolve() }),
  };
}

function verdictOf({ code, excess }: Ending, exitCodes: ExitCodes): VerdictWord {
  if (excess === 'time' || excess === 'stopped') return 'hang';
  if (excess !== undefined || code === null) return 'crash';
  return exitCodes[code] ?? (code === 0 ? 'accept' : SHELL.includes(code) || code > 125 ? 'error' : 'reject');
}

/** How a program ended, in words; nothing for an ordinary exit. */
export function endingText({ code, signal, excess }: Ending, { timeout, memory, output }: Limits): string {
  switch (excess) {
    case 'time':
      return `no answer after ${timeout} ms; killed`;
    case 'memory':
      return `took more than ${memory} bytes of memory; killed`;
    case 'output':
      return `wrote more than ${output} bytes; killed`;
    case 'stopped':
      return 'stopped with the run';
    default:
      return code === null ? `ended by ${signal ?? 'a signal'}` : SHELL.includes(code) ? `exit code ${code}: a shell's for a program that is not there or can't be run` : '';
  }
}

function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1)?.slice(0, 500) ?? '';
}
