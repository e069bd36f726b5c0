/** The command line: `runCli` parses, calls, and turns whatever happens into an exit code. */
import { Command, CommanderError } from 'commander';
import { COMMANDS } from './commands/index.ts';
import { EXIT, type ExitCode, failureOf } from './exit.ts';
import { addGlobals } from './session/globals.ts';
import type { Io } from './session/io.ts';
import type { Run } from './session/session.ts';
import { jsonLine, printable, wantsColor } from './session/terminal.ts';
import { packageVersion } from './version.ts';

const EXAMPLES = `
Examples:
  teemu evidence snp --out evidence        evidence from test keys of your own
  teemu inspect evidence/report.bin        what every byte of it means
  teemu verify evidence                    what a strict verifier says
  teemu serve                              AMD's key service, emulated

Results go to stdout, talk to stderr. Exit codes: 0 as expected, 1 unexpected verdict,
2 usage or configuration, 3 the verifier under test does not work, 4 a defect of teemu, 130 interrupted.
Everything made is test material; it proves nothing to anybody.`;

/**
 * Runs the command line once.
 * @param args without the name of the program
 * @returns the exit code; nothing is thrown
 */
export async function runCli(args: readonly string[], io: Io): Promise<ExitCode> {
  const run: Run = { io, commands: COMMANDS, exit: EXIT.ok };
  const program = makeProgram(run);
  try {
    await program.parseAsync(helpFirst(args), { from: 'user' });
    return run.exit;
  } catch (error) {
    // Help and version are printed already.
    if (error instanceof CommanderError && error.exitCode === 0) return EXIT.ok;
    const failure = failureOf(error);
    if (program.opts<{ json: boolean }>().json) io.stdout.write(`${jsonLine({ error: failure })}\n`);
    // Commander has written its own message.
    if (!(error instanceof CommanderError)) io.stderr.write(`teemu: ${failure.message.split('\n').map(printable).join('\n')}\n`);
    return failure.exit;
  }
}

/** `teemu help evidence snp` means `teemu evidence snp --help`. */
function helpFirst(args: readonly string[]): readonly string[] {
  return args[0] === 'help' ? [...args.slice(1), '--help'] : args;
}

/** The program with all its commands; the one that is called gets its options when it is. */
export function makeProgram(run: Run): Command {
  const { io } = run;
  const program = new Command('teemu')
    .description('Emulated confidential-computing hardware for testing what verifies it.')
    .version(packageVersion(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print what a command does and takes')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      outputError: (text, write) =>
        write(
          printable(text.trimEnd())
            .replace(/^error:/, 'teemu:')
            .concat('\n'),
        ),
      getOutHelpWidth: () => 110,
      getErrHelpWidth: () => 110,
      getOutHasColors: () => wantsColor(io.stdout, io.env),
      getErrHasColors: () => wantsColor(io.stderr, io.env),
    })
    .configureHelp({ showGlobalOptions: true, subcommandTerm: (command) => command.name() })
    .showHelpAfterError('(add --help for what there is)')
    .addHelpText('after', EXAMPLES);
  addGlobals(program);
  for (const { name, summary } of COMMANDS) program.command(name).summary(summary).description(summary);
  program.hook('preSubcommand', async (_, command) => {
    const row = COMMANDS.find(({ name }) => name === command.name());
    if (row) (await row.load())(command, run);
  });
  return program;
}
