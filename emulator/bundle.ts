/** An evidence bundle: bytes, certificates, collateral and the time at which they are valid, as named files and a manifest. */
import { lstat, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { TeemuError } from './errors.ts';
import { freshSecret } from './world.ts';

/** What a manifest can hold. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** What stands in every bundle and says that it proves nothing. */
export const EMULATED = 'Emulated evidence from test keys. It proves nothing; never trust its roots.';

/** The members of `bundle.json` that every TEE has; each adds its claims. */
export interface Manifest {
  readonly tee: string;
  /** Seconds since 1970 at which everything in the bundle is valid. */
  readonly verifyAt: number;
  /** Base URLs of live services, where the evidence needs some. */
  readonly services: Readonly<Record<string, string>>;
  /** Names of the files, in order. */
  readonly files: readonly string[];
  readonly [claim: string]: Json;
}

/** Evidence ready to be written, served or handed to a verifier. */
export interface Bundle {
  readonly manifest: Manifest;
  /** Name (`report.bin`, `collateral/tcb_info.json`) → contents. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** Puts a bundle together: the manifest lists the files, and says loudly that it is emulated. */
export function makeBundle(
  manifest: Omit<Manifest, 'files' | 'emulated'> & { readonly tee: string; readonly verifyAt: number; readonly services: Readonly<Record<string, string>> },
  files: ReadonlyMap<string, Uint8Array>,
): Bundle {
  return { manifest: { ...manifest, tee: manifest.tee, verifyAt: manifest.verifyAt, services: manifest.services, files: [...files.keys()], emulated: EMULATED }, files };
}

/**
 * Writes a bundle into `dir`, whole or not at all: it is written beside it and moved into place. A bundle that is there already is replaced;
 * a folder with anything else in it is not.
 * @throws {TeemuError} ERR_FILE
 */
export async function writeBundle(bundle: Bundle, dir: string): Promise<void> {
  await refuseOtherFolder(dir);
  const temporary = join(dirname(dir), `.${basename(dir)}.${process.pid}.${Buffer.from(freshSecret()).toString('hex', 0, 6)}.tmp`);
  try {
    for (const [name, contents] of bundle.files) {
      await mkdir(dirname(join(temporary, name)), { recursive: true });
      await writeFile(join(temporary, name), contents);
    }
    await writeFile(join(temporary, 'bundle.json'), `${JSON.stringify(bundle.manifest, undefined, 2)}\n`);
    await rm(dir, { recursive: true, force: true });
    await rename(temporary, dir);
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true });
    throw cause instanceof TeemuError ? cause : new TeemuError('ERR_FILE', `${dir}: can't be written: ${(cause as Error).message}`, { cause });
  }
}

/** Nothing but an earlier bundle, or an empty folder, may stand where a bundle goes. */
async function refuseOtherFolder(dir: string): Promise<void> {
  const stats = await lstat(dir).catch(() => undefined);
  if (!stats) return;
  if (!stats.isDirectory()) throw new TeemuError('ERR_FILE', `${dir}: is no folder`);
  const names = await readdir(dir);
  if (names.length > 0 && !names.includes('bundle.json')) throw new TeemuError('ERR_FILE', `${dir}: holds something else than an evidence bundle; name an empty or a new folder`);
}
