/** Go programs, built once, and asked over lines of JSON. Go missing, or a build failing, is a failure of the tests: nothing is skipped. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A folder for programs, kept from run to run where `TEEMU_INTEROP_CACHE` says so. */
export interface Folder {
  readonly path: string;
  /** Removes what was only for this run. */
  remove(): Promise<void>;
}

/** @param name of the module and its version, for the folder @throws {Error} when it can't be made */
export async function programFolder(name: string): Promise<Folder> {
  const cache = process.env.TEEMU_INTEROP_CACHE;
  if (cache === undefined) {
    const path = await mkdtemp(join(tmpdir(), `teemu-${name}-`));
    return { path, remove: () => rm(path, { recursive: true, force: true }) };
  }
  const path = join(cache, name);
  await mkdir(path, { recursive: true });
  return { path, remove: () => Promise.resolve() };
}

/** Builds the module in the folder of `url`. @returns the program's path @throws {Error} with what Go said */
export async function buildModule(url: string, { path }: Folder): Promise<string> {
  const program = join(path, 'wrapper');
  await go(url, ['build', '-trimpath', '-o', program, '.']);
  return program;
}

/** Builds a program of somebody's, unmodified, from the module proxy. @param spec `example.org/module/program@v1.0.0` @throws {Error} with what Go said */
export async function installProgram(url: string, spec: string, { path }: Folder): Promise<string> {
  await go(url, ['install', spec], { GOBIN: path });
  return join(path, /([^/@]+)@/.exec(spec)?.[1] ?? '');
}

async function go(url: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<void> {
  await run('go', [...args], { cwd: fileURLToPath(new URL('.', url)), env: { ...process.env, GOFLAGS: '-mod=readonly', CGO_ENABLED: '0', ...env }, timeout: 600_000, maxBuffer: 16 << 20 });
}

/** Asks a program that answers each line with a line, and waits for all answers. @returns answers by id @throws {Error} when it breaks down */
export async function answers<A extends { readonly id: string }>(program: string, questions: readonly { readonly id: string }[]): Promise<ReadonlyMap<string, A>> {
  const child = spawn(program, { stdio: ['pipe', 'pipe', 'pipe'] });
  const output: Buffer[] = [];
  const complaints: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => complaints.push(chunk));
  child.stdin.end(questions.map((question) => `${JSON.stringify(question)}\n`).join(''));
  const [code] = (await once(child, 'close')) as [number | null];
  const list = Buffer.concat(output)
    .toString()
    .split('\n')
    .filter((line) => line !== '')
    .map((line): A => JSON.parse(line));
  if (code !== 0 || list.length !== questions.length) throw new Error(`the program ended with ${code} after ${list.length} of ${questions.length} answers: ${Buffer.concat(complaints).toString()}`);
  return new Map(list.map((answer) => [answer.id, answer]));
}
