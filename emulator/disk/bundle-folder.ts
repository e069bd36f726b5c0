/** A bundle's folder, read back within bounds. No symbolic link inside the folder is followed. */
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Bundle, checkManifest, MANIFEST, type Manifest } from '../bundle.ts';
import { TeemuError } from '../errors.ts';
import { errorCode, fileError, readBounded } from './file.ts';

/** Longest manifest that is read. */
const MAX_MANIFEST = 256 * 1024;
/** Longest file of a bundle that is read: kernels and initial ramdisks are among them. */
const MAX_FILE = 128 * 1024 * 1024;
/** All files of a bundle together. */
const MAX_BUNDLE = 256 * 1024 * 1024;

/** Member of a manifest while the files around it are being replaced; {@link readBundle} refuses it. */
export const INCOMPLETE = 'incomplete';

/**
 * Reads a bundle back.
 * @throws {TeemuError} ERR_FILE when the folder holds no bundle, an incomplete one, one too large, or one whose files are missing or are links
 */
export async function readBundle(dir: string): Promise<Bundle> {
  const manifest = await readManifest(dir);
  if (manifest[INCOMPLETE] !== undefined) throw new TeemuError('ERR_FILE', `${dir}: this bundle was not written to its end; make it again`);
  const files = new Map<string, Uint8Array>();
  let left = MAX_BUNDLE;
  for (const name of manifest.files) {
    await refuseLinkedFolders(dir, name);
    const contents = await readBounded(join(dir, name), { max: Math.min(MAX_FILE, left), followLink: false });
    left -= contents.length;
    files.set(name, contents);
  }
  return { manifest, files };
}

/**
 * The manifest of the bundle in `dir`, without its files.
 * @throws {TeemuError} ERR_FILE
 */
export async function readManifest(dir: string): Promise<Manifest> {
  const path = join(dir, MANIFEST);
  const text = await readBounded(path, { max: MAX_MANIFEST, followLink: false });
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text));
  } catch (cause) {
    throw new TeemuError('ERR_FILE', `${path}: no JSON`, { cause });
  }
  return checkManifest(value, path);
}

/** @throws {TeemuError} ERR_FILE when a folder on the way to a file of the bundle is missing or a symbolic link */
export async function refuseLinkedFolders(dir: string, name: string): Promise<void> {
  for (const folder of foldersOf(name)) {
    const stats = await statsOf(join(dir, folder));
    if (!stats?.isDirectory()) throw new TeemuError('ERR_FILE', `${join(dir, folder)}: is no folder (symbolic links are not followed)`);
  }
}

/** The folders on the way to a file, outermost first: `a/b/c.bin` → `a`, `a/b`. */
export function foldersOf(name: string): string[] {
  const parts = name.split('/');
  return parts.slice(1).map((_, i) => parts.slice(0, i + 1).join('/'));
}

/** What is at `path` itself, links not followed, or undefined. @throws {TeemuError} ERR_FILE */
export async function statsOf(path: string): Promise<Awaited<ReturnType<typeof lstat>> | undefined> {
  try {
    return await lstat(path);
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT' || errorCode(cause) === 'ENOTDIR') return undefined;
    throw fileError(path, cause);
  }
}
