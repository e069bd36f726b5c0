/** What a command's action is handed. */
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { EXIT, type ExitCode } from '../exit.ts';
import { type Globals, globalsOf } from './globals.ts';
import type { Io } from './io.ts';
import { Terminal } from './terminal.ts';

/** One command, called once. */
export interface Session {
  readonly io: Io;
  readonly globals: Globals;
  readonly terminal: Terminal;
  /** A path of the user's, from the folder that the command was called in. */
  path(text: string): string;
}

/** The run of the program that a command belongs to. */
export interface Run {
  readonly io: Io;
  readonly commands: readonly CommandRow[];
  /** What the process will exit with. */
  exit: ExitCode;
}

/** One command. */
export interface CommandRow {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<Define>;
}

/** Adds the options and arguments of a command, and what it does. */
export type Define = (command: Command, run: Run) => void;

/** Does something when the command is called; its answer is the exit code. `args` are its arguments as they were given. */
export function onCall(command: Command, run: Run, action: (session: Session, args: readonly string[]) => Promise<ExitCode | undefined>): void {
  command.action(async () => {
    const globals = globalsOf(command);
    const session: Session = { io: run.io, globals, terminal: new Terminal(run.io, globals), path: (text) => resolve(run.io.cwd, text) };
    try {
      run.exit = (await action(session, command.args)) ?? EXIT.ok;
    } finally {
      session.terminal.clearStatus();
    }
  });
}
