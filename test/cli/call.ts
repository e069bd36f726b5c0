/** The command line, called within the test's own process. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { TeemuError } from '../../emulator/errors.ts';
import { runCli } from '../../harness/cli/main.ts';
import type { Io, Output } from '../../harness/cli/session/io.ts';

/** What a call left behind. */
export interface Called {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The surroundings of a call. */
export interface Surroundings {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly tty?: boolean;
  readonly platform?: string;
  readonly stdin?: Uint8Array;
  /** Told each text as it is written to stdout. */
  readonly onStdout?: (text: string) => void;
  /** Told when the command waits for an interrupt; calling what it is given interrupts. */
  readonly onWaiting?: (interrupt: () => void) => void;
}

/** Calls `teemu` with these arguments. */
export async function call(args: readonly string[], { cwd = tmpdir(), env = {}, tty = false, platform = process.platform, stdin, onStdout, onWaiting }: Surroundings = {}): Promise<Called> {
  const texts = { stdout: '', stderr: '' };
  const output = (name: keyof typeof texts): Output => ({
    isTTY: tty,
    write: (text) => {
      texts[name] += text;
      if (name === 'stdout') onStdout?.(text);
    },
  });
  const io: Io = {
    stdout: output('stdout'),
    stderr: output('stderr'),
    env,
    platform,
    cwd,
    called: 'teemu',
    stdin: (max) => (stdin && stdin.length <= max ? Promise.resolve(stdin) : Promise.reject(new TeemuError('ERR_FILE', 'standard input: too long'))),
    onInterrupt: (listener) => {
      onWaiting?.(listener);
      return () => undefined;
    },
  };
  return { code: await runCli(args, io), ...texts };
}

/** A folder that goes away with the test file. */
export function scratch(): string {
  const dir = mkdtempSync(join(tmpdir(), 'teemu-cli-'));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** The only line of stdout, as JSON. */
export function json(called: Called): Record<string, unknown> {
  const lines = called.stdout.split('\n');
  if (lines.length !== 2 || lines[1] !== '') throw new Error(`not one line of JSON: ${called.stdout}`);
  return JSON.parse(lines[0] ?? '') as Record<string, unknown>;
}
