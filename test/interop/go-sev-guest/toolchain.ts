/** Go programs around go-sev-guest, built once. Go missing, or a build failing, is a failure of the tests: nothing is skipped. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The release that everything here is held against. */
export const VERSION = 'v0.15.0';

/** A folder for programs, kept from run to run where `TEEMU_INTEROP_CACHE` says so. */
export interface Folder {
  readonly path: string;
  /** Removes what was only for this run. */
  remove(): Promise<void>;
}

/** @throws {Error} when it can't be made */
export async function programFolder(): Promise<Folder> {
  const cache = process.env.TEEMU_INTEROP_CACHE;
  if (cache === undefined) {
    const path = await mkdtemp(join(tmpdir(), 'teemu-go-sev-guest-'));
    return { path, remove: () => rm(path, { recursive: true, force: true }) };
  }
  const path = join(cache, `go-sev-guest-${VERSION}`);
  await mkdir(path, { recursive: true });
  return { path, remove: () => Promise.resolve() };
}

/** Builds the wrapper around the library. @returns its path @throws {Error} with what Go said */
export async function buildWrapper({ path }: Folder): Promise<string> {
  const program = join(path, 'wrapper');
  await go(['build', '-trimpath', '-o', program, '.']);
  return program;
}

/** Builds the library's own `check`, unmodified, from the module proxy. @returns its path @throws {Error} with what Go said */
export async function installCheck({ path }: Folder): Promise<string> {
  await go(['install', `github.com/google/go-sev-guest/tools/check@${VERSION}`], { GOBIN: path });
  return join(path, 'check');
}

async function go(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<void> {
  await run('go', [...args], { cwd: fileURLToPath(new URL('.', import.meta.url)), env: { ...process.env, GOFLAGS: '-mod=readonly', CGO_ENABLED: '0', ...env }, timeout: 600_000, maxBuffer: 16 << 20 });
}
