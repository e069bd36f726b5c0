/**
 * The folder of a private world: keys made once on this machine, readable by their owner only, ignored by git.
 * Everything is written to a temporary file and moved into place; no symbolic link is followed.
 */
import { createPrivateKey, type KeyObject } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { link, lstat, mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { TeemuError } from './errors.ts';
import { type Clock, freshSecret, makeRsaKey, RSA_BITS, RSA_EXPONENT, World } from './world.ts';

/** How to open a private world. */
export interface PrivateWorldOptions {
  /** The folder; made when it is missing. */
  readonly dir: string;
  readonly clock: Clock;
  /** Labels of the RSA keys that will be needed; those missing are made, two at a time. */
  readonly rsaLabels: readonly string[];
  /** Told before and after each key that has to be made: how many of how many are there. */
  readonly progress?: (done: number, total: number) => void;
}

const SECRET = 'secret';
const MAX_FILE = 16 * 1024;
/** RSA keys made at once: one a core on the smallest machines. */
const AT_ONCE = 2;
const WINDOWS = process.platform === 'win32';

/**
 * Opens the private world in `dir`, making what is missing.
 * @throws {TeemuError} ERR_FILE when the folder or a file in it is a link, belongs to others, can be read by others, or is no key
 */
export async function openPrivateWorld({ dir, clock, rsaLabels, progress = () => {} }: PrivateWorldOptions): Promise<World> {
  await privateFolder(dir);
  await ignoredByGit(dir);
  const secret = Buffer.from(await readOrMake(join(dir, SECRET), async () => Buffer.from(freshSecret()).toString('hex')), 'hex');
  if (secret.length !== 32) throw new TeemuError('ERR_FILE', `${join(dir, SECRET)}: not the secret of a world; move it away to get a new one`);
  const keys = new Map<string, KeyObject>();
  const missing: string[] = [];
  for (const label of rsaLabels) {
    const path = join(dir, keyFileName(label));
    const text = await readPrivate(path);
    if (text === undefined) missing.push(label);
    else keys.set(label, parseKey(path, text));
  }
  const total = missing.length;
  let made = 0;
  if (total > 0) progress(0, total);
  const makeNext = async (): Promise<void> => {
    for (let label = missing.shift(); label !== undefined; label = missing.shift()) {
      const path = join(dir, keyFileName(label));
      const text = await readOrMake(path, async () => (await makeRsaKey()).export({ type: 'pkcs8', format: 'pem' }).toString());
      keys.set(label, parseKey(path, text));
      progress(++made, total);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, total) }, makeNext));
  return new World('private', new Uint8Array(secret), clock, (label) => keys.get(label));
}

/** Name of the file that holds an RSA key of a private world. @param label `amd/ark/Milan` */
export function keyFileName(label: string): string {
  return `${label.replaceAll('/', '-')}.pem`;
}

/** Looks first: the folder of a world that is only used is not written to. */
async function ignoredByGit(dir: string): Promise<void> {
  const path = join(dir, '.gitignore');
  const there = await lstat(path).catch(() => undefined);
  if (!there) await keepUnlessThere(path, '*\n');
}

function parseKey(path: string, text: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(text);
  } catch (cause) {
    throw new TeemuError('ERR_FILE', `${path}: not a private key in PEM form; move it away to get a new one`, { cause });
  }
  const { modulusLength, publicExponent } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType !== 'rsa' || modulusLength !== RSA_BITS || publicExponent !== BigInt(RSA_EXPONENT))
    throw new TeemuError('ERR_FILE', `${path}: not an RSA key of ${RSA_BITS} bits with the exponent ${RSA_EXPONENT}; move it away to get a new one`);
  return key;
}

/** Makes the folder with mode 0700, or checks the one that is there. */
async function privateFolder(dir: string): Promise<void> {
  try {
    await mkdir(dir, { mode: 0o700 });
  } catch (cause) {
    if (!isCode(cause, 'EEXIST')) throw new TeemuError('ERR_FILE', `${dir}: can't be made: ${(cause as Error).message}`, { cause });
  }
  const stats = await lstat(dir);
  if (!stats.isDirectory()) throw new TeemuError('ERR_FILE', `${dir}: is no folder (symbolic links are not followed)`);
  mustBePrivate(dir, stats);
}

/**
 * How other users could get at a file or folder of a world; undefined when they can't, as far as POSIX modes say. Windows has none, there the
 * user's profile protects the folder.
 */
export function exposure({ uid, mode }: Pick<Stats, 'uid' | 'mode'>): 'owner' | 'mode' | undefined {
  if (WINDOWS) return undefined;
  if (uid !== process.getuid?.()) return 'owner';
  return (mode & 0o077) === 0 ? undefined : 'mode';
}

function mustBePrivate(path: string, stats: Stats): void {
  const exposed = exposure(stats);
  if (exposed === 'owner') throw new TeemuError('ERR_FILE', `${path}: belongs to another user`);
  if (exposed === 'mode') throw new TeemuError('ERR_FILE', `${path}: others can read or change it (mode ${(stats.mode & 0o777).toString(8)}); it holds private keys: chmod go= '${path}'`);
}

/** The file's text, or undefined when there is none. */
async function readPrivate(path: string): Promise<string | undefined> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    // Not blocking: a named pipe would otherwise be waited for.
    file = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
  } catch (cause) {
    if (isCode(cause, 'ENOENT')) return undefined;
    throw new TeemuError('ERR_FILE', `${path}: ${isCode(cause, 'ELOOP') ? 'is a symbolic link, which is not followed' : (cause as Error).message}`, { cause });
  }
  try {
    const stats = await file.stat();
    if (!stats.isFile() || stats.size > MAX_FILE) throw new TeemuError('ERR_FILE', `${path}: no file of at most ${MAX_FILE} bytes`);
    mustBePrivate(path, stats);
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}

async function readOrMake(path: string, make: () => Promise<string>): Promise<string> {
  const there = await readPrivate(path);
  if (there !== undefined) return there;
  await keepUnlessThere(path, await make());
  // Read back: when two processes made the file at once, both go on with the one that was first.
  const kept = await readPrivate(path);
  if (kept === undefined) throw new TeemuError('ERR_FILE', `${path}: vanished while it was made`);
  return kept;
}

/** Writes `text` whole under `path` unless something is there already: a temporary file, then a hard link, which never replaces. */
async function keepUnlessThere(path: string, text: string): Promise<void> {
  const temporary = `${path}.${process.pid}.${Buffer.from(freshSecret()).toString('hex', 0, 6)}.tmp`;
  try {
    const file = await open(temporary, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | (constants.O_NOFOLLOW ?? 0), 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await link(temporary, path);
  } catch (cause) {
    if (!isCode(cause, 'EEXIST')) throw new TeemuError('ERR_FILE', `${path}: can't be written: ${(cause as Error).message}`, { cause });
  } finally {
    await rm(temporary, { force: true });
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
