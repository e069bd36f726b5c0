/** Gets a verifier from its registry, at its one release, into a folder that is kept. What is there already is not fetched again. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { fileError } from '../../emulator/disk/file.ts';
import { AdapterError, TeemuError } from '../../emulator/errors.ts';
import type { Profile } from './profile.ts';

const run = promisify(execFile);
const TIMEOUT = 900_000;
/** What is compared: the name of the file says which installation a folder holds. */
const STAMP = 'installed';

/** How to ask a verifier that is installed. */
export interface Installed {
  readonly command: readonly string[];
  /** Folder to run it in. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** Where verifiers are kept: `TEEMU_CACHE`, else the user's cache folder. */
export function cacheFolder(env: Readonly<Record<string, string | undefined>>): string {
  return env.TEEMU_CACHE ?? join(env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'teemu');
}

/** The sources of the wrappers lie beside this file's own sources, also where only what is built from them runs. @throws {TeemuError} ERR_FILE */
function wrapperFolder(name: string): string {
  const folders = ['.', '../../../harness/profiles'].map((up) => fileURLToPath(new URL(`${up}/wrappers/${name}/`, import.meta.url)));
  const found = folders.find((folder) => existsSync(folder));
  if (found === undefined) throw new TeemuError('ERR_FILE', `the wrapper of ${name} is not part of this installation`);
  return found;
}

/**
 * Installs a verifier.
 * @param say told what is being waited for
 * @throws {AdapterError} when its toolchain is missing, or the registry does not have it
 * @throws {TeemuError} ERR_FILE when the folder can't be written
 */
export async function install(profile: Profile, cache: string, say: (text: string) => void): Promise<Installed> {
  const { name, version, source } = profile;
  const folder = join(cache, `${name}-${version}`);
  const wrapper = wrapperFolder(source.wrapper);
  const wanted = createHash('sha256')
    .update(JSON.stringify(profile.source))
    .update(await fingerprint(wrapper))
    .digest('hex');
  if ((await readFile(join(folder, STAMP), 'utf8').catch(() => '')) !== wanted) {
    say(`Installing ${name} ${version} into ${folder} ...`);
    const fresh = `${folder}.${process.pid}.new`;
    try {
      await rm(fresh, { recursive: true, force: true });
      await mkdir(fresh, { recursive: true });
      await cp(wrapper, fresh, { recursive: true });
    } catch (cause) {
      throw fileError(fresh, cause);
    }
    await BUILD[source.kind](profile, fresh);
    await writeFile(join(fresh, STAMP), wanted);
    await rm(folder, { recursive: true, force: true });
    // A virtual environment names its folder, so it is made where it stays; everything else is moved there whole.
    await rename(fresh, folder);
    await FINISH[source.kind]?.(profile, folder);
  }
  return COMMAND[source.kind](folder);
}

/** What a wrapper is made of. */
async function fingerprint(wrapper: string): Promise<string> {
  const names = (await readdir(wrapper)).sort();
  return (await Promise.all(names.map(async (file) => `${file}\0${await readFile(join(wrapper, file), 'utf8')}`))).join('\0');
}

type Step = (profile: Profile, folder: string) => Promise<void>;
type Kind = Profile['source']['kind'];

async function tool(profile: Profile, cwd: string, program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<void> {
  try {
    await run(program, [...args], { cwd, env: { ...process.env, ...env }, timeout: TIMEOUT, maxBuffer: 16 << 20 });
  } catch (cause) {
    const { code, stderr = '', message } = cause as NodeJS.ErrnoException & { stderr?: string };
    if (code === 'ENOENT') throw new AdapterError(profile.name, `needs ${program}, which is not on this machine`);
    throw new AdapterError(profile.name, `can't be installed: ${program} ${args[0] ?? ''}: ${(stderr || message).trim().split('\n').at(-1) ?? ''}`, { stderr, cause });
  }
}

const BUILD: Readonly<Record<Kind, Step>> = {
  go: (profile, folder) => tool(profile, folder, 'go', ['build', '-trimpath', '-o', 'wrapper', '.'], { GOFLAGS: '-mod=readonly', CGO_ENABLED: '0' }),
  npm: (profile, folder) =>
    tool(profile, folder, 'npm', ['install', '--silent', '--no-audit', '--no-fund', '--ignore-scripts', '--no-save', '--prefix', folder, ...(profile.source.kind === 'npm' ? profile.source.packages : [])]),
  python: () => Promise.resolve(),
};
const FINISH: Readonly<Partial<Record<Kind, Step>>> = {
  python: async (profile, folder) => {
    try {
      await tool(profile, folder, 'python3', ['-m', 'venv', '--clear', 'venv']);
      await tool(profile, folder, join(folder, 'venv', 'bin', 'pip'), ['install', '--quiet', '--disable-pip-version-check', '--no-deps', '--requirement', 'requirements.txt']);
    } catch (error) {
      await rm(join(folder, STAMP), { force: true });
      throw error;
    }
  },
};
const COMMAND: Readonly<Record<Kind, (folder: string) => Installed>> = {
  go: (folder) => ({ command: [join(folder, 'wrapper')], cwd: folder, env: {} }),
  npm: (folder) => ({ command: [process.execPath, join(folder, 'wrapper.cjs')], cwd: folder, env: {} }),
  python: (folder) => ({ command: [join(folder, 'venv', 'bin', 'python'), join(folder, 'wrapper.py')], cwd: folder, env: { PYTHONWARNINGS: 'ignore' } }),
};
