/** Where the command line reads and writes: the process, or a test. */
import { relative } from 'node:path';
import { EXIT, failureOf } from '../exit.ts';

/** One of the two outputs. */
export interface Output {
  readonly isTTY: boolean;
  write(text: string): void;
}

/** The world around one run of the command line. */
export interface Io {
  /** Results. */
  readonly stdout: Output;
  /** Talk. */
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Operating system, as Node names it. */
  readonly platform: string;
  /** Folder that relative paths start from. */
  readonly cwd: string;
  /** What a user types to call this program, for hints that can be pasted. */
  readonly called: string;
  /** Standard input, whole; at most `max` bytes. @throws {TeemuError} ERR_FILE when it is longer */
  stdin(max: number): Promise<Uint8Array>;
  /** Calls `listener` when the user interrupts, instead of ending at once. @returns takes the listener back */
  onInterrupt(listener: () => void): () => void;
}

/** Interrupt listeners of the process. */
const listeners = new Set<() => void>();

/** The process itself. A reader that has gone away (`teemu … | head`) is no error. */
export function processIo(): Io {
  return {
    stdout: outputOf(process.stdout),
    stderr: outputOf(process.stderr),
    env: process.env,
    platform: process.platform,
    cwd: process.cwd(),
    called: calledAs(process.argv[1], process.cwd()),
    stdin: readStdin,
    onInterrupt: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** Ends the process as the contract says when it is interrupted or something escapes. */
export function guardProcess(io: Io): void {
  const interrupt = (): void => {
    const waiting = [...listeners];
    listeners.clear();
    // A second interrupt finds nobody listening and ends at once.
    if (waiting.length === 0) process.exit(EXIT.interrupted);
    for (const listener of waiting) listener();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  const escaped = (error: unknown): void => {
    const { exit, message } = failureOf(error);
    io.stderr.write(`teemu: ${message}\n`);
    process.exit(exit);
  };
  process.on('uncaughtException', escaped);
  process.on('unhandledRejection', escaped);
}

function outputOf(stream: NodeJS.WriteStream): Output {
  let gone = false;
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    gone = true;
  });
  return {
    isTTY: stream.isTTY === true,
    write: (text) => {
      if (!gone) stream.write(text);
    },
  };
}

async function readStdin(max: number): Promise<Uint8Array> {
  const { TeemuError } = await import('../../../emulator/errors.ts');
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of process.stdin as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > max) throw new TeemuError('ERR_FILE', `standard input: longer than the ${max} bytes that are read`);
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

/** `teemu`, unless the program was called by its path, as one does in a clone. */
function calledAs(script: string | undefined, cwd: string): string {
  return script?.endsWith('cli.js') ? `node ${relative(cwd, script) || script}` : 'teemu';
}
