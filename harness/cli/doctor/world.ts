/** Checks of the world that commands would work in. */
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../../../emulator/disk/file.ts';
import { amdRsaLabels } from '../../../emulator/snp/platform/products.ts';
import { seededWorld } from '../../../emulator/world.ts';
import { exposure, keyFileName } from '../../../emulator/world-folder.ts';
import { clockOf } from '../session/open-world.ts';
import type { Session } from '../session/session.ts';
import { type Check, type Finding, finding } from './check.ts';

export const WORLD_CHECKS: readonly Check[] = [{ name: 'world', run: (session) => (session.globals.seed === undefined ? privateWorld(session) : publicWorld(session, session.globals.seed)) }];

/** Can every chain of a seed's world be issued at that time? */
async function publicWorld(session: Session, seed: string): Promise<Finding> {
  const { AmdAuthority } = await import('../../../emulator/snp/authority.ts');
  const { LINES } = await import('../../../emulator/snp/platform/products.ts');
  const world = seededWorld(seed, clockOf(session));
  for (const line of LINES) new AmdAuthority(world, line).chainPem('vcek');
  return finding('ok', `the world of the seed '${seed}' at ${new Date(world.now()).toISOString()}; everybody who knows the seed has its keys`);
}

/** The folder of the private world, looked at but not touched. */
async function privateWorld({ globals, path }: Session): Promise<Finding> {
  const dir = path(globals.world);
  try {
    const stats = await lstat(dir);
    if (stats.isSymbolicLink() || !stats.isDirectory()) return finding('problem', `${dir} is no folder; symbolic links are not followed`);
    const names = await readdir(dir);
    const open = await openToOthers(dir, names);
    if (open.length > 0) return finding('problem', `others can read or change ${open.join(', ')}; it holds private keys: chmod -R go= '${dir}'`);
    const labels = amdRsaLabels();
    const keys = labels.filter((label) => names.includes(keyFileName(label))).length;
    return finding('ok', `${dir}: yours alone, ${keys} of ${labels.length} RSA keys made; the others are made when they are needed`);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return finding('info', `${dir} is not there yet; it is made on first use, with keys of your own (seconds each, once)`);
    return finding('problem', `${dir}: ${(error as Error).message}`);
  }
}

/** What in the folder, itself included, another user could read or change. */
async function openToOthers(dir: string, names: readonly string[]): Promise<string[]> {
  const paths = [dir, ...names.map((name) => join(dir, name))];
  const looked = await Promise.all(paths.map(async (path) => ({ path, exposed: exposure(await lstat(path)) })));
  return looked.flatMap(({ path, exposed }) => (exposed === undefined ? [] : [path]));
}
