/**
 * Writing bundles. Nothing of the user's is ever deleted: a new folder is moved into place whole; in a folder that holds an earlier bundle,
 * only the files that this bundle's manifest lists are replaced or removed. No symbolic link inside the folder is followed.
 */
import { constants } from 'node:fs';
import { mkdir, open, readdir, rename, rm, rmdir, unlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { type Bundle, checkManifest, isFileName, MANIFEST, type Manifest } from '../bundle.ts';
import { foldersOf, INCOMPLETE, readManifest, refuseLinkedFolders, statsOf } from './bundle-folder.ts';
import { TeemuError } from '../errors.ts';
import { errorCode, fileError } from './file.ts';
import { freshSecret } from '../world.ts';

/**
 * Writes a bundle into `dir`.
 *
 * - There is no such folder: it is written beside its place and moved there whole.
 * - The folder is empty or holds an earlier bundle: each file is written beside its place and moved there, the manifest last; files of the
 *   earlier bundle that are not in this one are removed. Until the end the manifest says that the bundle is incomplete.
 * - Anything else is refused: a folder with something else in it, a file of the user's own where one of the bundle goes, a symbolic link.
 *
 * @throws {TeemuError} ERR_FILE
 */
export async function writeBundle(bundle: Bundle, dir: string): Promise<void> {
  const target = resolve(dir);
  const manifest = checkBundle(bundle);
  try {
    const stats = await statsOf(target);
    if (stats === undefined) await writeNewFolder(target, bundle, manifest);
    else if (!stats.isDirectory()) throw new TeemuError('ERR_FILE', `${dir}: is no folder${stats.isSymbolicLink() ? ' (symbolic links are not followed)' : ''}`);
    else await replaceFiles(target, bundle, manifest);
  } catch (cause) {
    throw fileError(dir, cause);
  }
}

/** The manifest that says what the bundle holds; throws when it can't be read back. */
function checkBundle({ manifest, files }: Bundle): Manifest {
  for (const name of files.keys()) {
    if (!isFileName(name)) throw new TeemuError('ERR_FILE', `'${name}' can't be the name of a bundle's file`);
    for (let folder = dirname(name); folder !== '.'; folder = dirname(folder)) if (files.has(folder)) throw new TeemuError('ERR_FILE', `'${folder}' can't be a file and a folder of a bundle`);
  }
  return checkManifest({ ...manifest, files: [...files.keys()] }, MANIFEST);
}

function manifestText(manifest: Manifest): Uint8Array {
  return Buffer.from(`${JSON.stringify(manifest, undefined, 2)}\n`);
}

async function writeNewFolder(target: string, { files }: Bundle, manifest: Manifest): Promise<void> {
  const parent = dirname(target);
  await mkdir(parent, { recursive: true });
  const temporary = temporaryPath(parent, basename(target));
  await mkdir(temporary);
  try {
    for (const [name, contents] of files) {
      await mkdir(dirname(join(temporary, name)), { recursive: true });
      await writeNew(join(temporary, name), contents);
    }
    await writeNew(join(temporary, MANIFEST), manifestText(manifest));
    // Refused by the system when somebody has put something there meanwhile.
    await rename(temporary, target);
  } catch (cause) {
    // Ours alone: made above under a name drawn at random.
    await rm(temporary, { recursive: true, force: true });
    throw cause;
  }
}

async function replaceFiles(target: string, { files }: Bundle, manifest: Manifest): Promise<void> {
  const earlier = await earlierFiles(target);
  await refuseForeignFiles(target, files.keys(), earlier);
  const staged: [temporary: string, path: string][] = [];
  try {
    for (const [name, contents] of files) {
      await makeFolders(target, name);
      const path = join(target, name);
      const temporary = temporaryPath(dirname(path), basename(path));
      staged.push([temporary, path]);
      await writeNew(temporary, contents);
    }
    // From here on the folder is neither the old bundle nor the new one; the manifest lists what may be there of both.
    await replace(target, MANIFEST, manifestText({ ...manifest, files: [...new Set([...earlier, ...files.keys()])], [INCOMPLETE]: true }));
    for (const [temporary, path] of staged) await rename(temporary, path);
    for (const name of earlier) if (!files.has(name)) await removeFile(target, name);
    await replace(target, MANIFEST, manifestText(manifest));
  } finally {
    for (const [temporary] of staged) await rm(temporary, { force: true });
  }
}

/** Names of the files of the bundle that is there already. */
async function earlierFiles(target: string): Promise<readonly string[]> {
  const names = await readdir(target);
  if (names.length === 0) return [];
  if (!names.includes(MANIFEST)) throw new TeemuError('ERR_FILE', `${target}: holds something else than an evidence bundle; name an empty or a new folder`);
  try {
    return (await readManifest(target)).files;
  } catch (cause) {
    throw new TeemuError('ERR_FILE', `${target}: its ${MANIFEST} is not that of an evidence bundle; name an empty or a new folder (${fileError(target, cause).message})`, { cause });
  }
}

/** Nothing but files of the earlier bundle may stand where one of the new goes. */
async function refuseForeignFiles(target: string, names: Iterable<string>, earlier: readonly string[]): Promise<void> {
  const known = new Set(earlier);
  for (const name of names) {
    const stats = await statsOf(join(target, name));
    if (stats === undefined) continue;
    if (!stats.isFile()) throw new TeemuError('ERR_FILE', `${join(target, name)}: is in the way and no regular file`);
    if (!known.has(name)) throw new TeemuError('ERR_FILE', `${join(target, name)}: is in the way and does not belong to the bundle that is there; move it away`);
  }
}

/** Makes the folders that lead to a file of the bundle; those that are there must be folders. */
async function makeFolders(target: string, name: string): Promise<void> {
  for (const folder of foldersOf(name)) {
    await mkdir(join(target, folder)).catch((cause: unknown) => {
      if (errorCode(cause) !== 'EEXIST') throw cause;
    });
  }
  await refuseLinkedFolders(target, name);
}

/** Removes a file of the earlier bundle, and the folders that it leaves empty. */
async function removeFile(target: string, name: string): Promise<void> {
  for (const folder of foldersOf(name)) if (!(await statsOf(join(target, folder)))?.isDirectory()) return;
  const stats = await statsOf(join(target, name));
  if (!stats?.isFile()) return;
  await unlink(join(target, name));
  for (const folder of foldersOf(name).toReversed()) {
    try {
      await rmdir(join(target, folder));
    } catch {
      return; // Something is left in it.
    }
  }
}

async function replace(target: string, name: string, contents: Uint8Array): Promise<void> {
  const temporary = temporaryPath(target, name);
  try {
    await writeNew(temporary, contents);
    await rename(temporary, join(target, name));
  } catch (cause) {
    await rm(temporary, { force: true });
    throw cause;
  }
}

/** A name beside `name` that nobody else uses; cut, so that it is no longer than file systems allow. */
function temporaryPath(folder: string, name: string): string {
  return join(folder, `.${name.slice(0, 100)}.${process.pid}.${Buffer.from(freshSecret()).toString('hex', 0, 6)}.tmp`);
}

async function writeNew(path: string, contents: Uint8Array): Promise<void> {
  const file = await open(path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | (constants.O_NOFOLLOW ?? 0), 0o644);
  try {
    await file.writeFile(contents);
  } finally {
    await file.close();
  }
}
