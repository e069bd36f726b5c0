/** Python programs with packages from PyPI, asked over lines of JSON. Python missing, or an install failing, is a failure of the tests: nothing is skipped. */
import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** An interpreter with packages of its own. */
export interface Python {
  /** The interpreter. */
  readonly program: string;
  /** Where its packages are. */
  readonly packages: string;
  /** Removes what was only for this run. */
  remove(): Promise<void>;
}

/**
 * An interpreter with exactly the packages of a file of requirements, kept from run to run where `TEEMU_INTEROP_CACHE` says so.
 * @param name of the folder @throws {Error} when Python is missing or a package can't be had
 */
export async function pythonWith(name: string, requirements: string): Promise<Python> {
  const cache = process.env.TEEMU_INTEROP_CACHE;
  const at = cache === undefined ? await mkdtemp(join(tmpdir(), `teemu-${name}-`)) : join(cache, name);
  const program = join(at, 'bin', 'python');
  const stamp = join(at, 'installed');
  const wanted = await readFile(requirements, 'utf8');
  if ((await readFile(stamp, 'utf8').catch(() => '')) !== wanted) {
    await run('python3', ['-m', 'venv', '--clear', at]);
    await run(join(at, 'bin', 'pip'), ['install', '--quiet', '--disable-pip-version-check', '--no-deps', '--requirement', requirements], { maxBuffer: 16 << 20 });
    await writeFile(stamp, wanted);
  }
  const { stdout } = await run(program, ['-c', 'import sysconfig; print(sysconfig.get_path("purelib"))']);
  return { program, packages: stdout.trim(), remove: () => (cache === undefined ? rm(at, { recursive: true, force: true }) : Promise.resolve()) };
}

/** A program that answers each line with a line. */
export class LineProgram {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #answers: AsyncIterator<string>;
  #complaints = '';
  #last: Promise<unknown> = Promise.resolve();

  /** @param cwd for what it writes beside its answers, such as logs */
  constructor(program: string, args: readonly string[], { env = {}, cwd = tmpdir() }: { env?: Readonly<Record<string, string>>; cwd?: string } = {}) {
    this.#child = spawn(program, args, { cwd, stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    this.#child.stderr.on('data', (chunk: Buffer) => {
      this.#complaints = `${this.#complaints}${chunk.toString()}`.slice(-4000);
    });
    // A program that has died is noticed by the answer that is missing.
    this.#child.stdin.on('error', () => undefined);
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** The answer to a question; one after the other, whoever asks. @throws {Error} with what the program complained of when it ends instead */
  ask<A>(question: object): Promise<A> {
    const answer = this.#last.then(async () => {
      this.#child.stdin.write(`${JSON.stringify(question)}\n`);
      const { done, value } = await this.#answers.next();
      if (done) throw new Error(`the program ended: ${this.#complaints}`);
      return JSON.parse(value) as A;
    });
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  /** Lets it end. */
  close(): void {
    this.#child.stdin.end();
  }
}
