/** Which world a command works in: the one of a seed, or the private one of this folder. */
import { resolve } from 'node:path';
import { fixedClock, seededWorld, systemClock, type Clock, type World } from '../../../emulator/world.ts';
import type { Session } from './session.ts';

/** The clock that `--at` asks for, or the machine's. */
export function clockOf({ globals: { at } }: Session): Clock {
  return at === undefined ? systemClock() : fixedClock(at);
}

/**
 * Opens the world. Making the keys of a private one takes seconds, once; progress is shown.
 * @param rsaLabels the RSA keys that will be needed
 * @throws {TeemuError} ERR_FILE when the private world's folder is not safe to use
 */
export async function openWorld(session: Session, rsaLabels: readonly string[], clock: Clock = clockOf(session)): Promise<World> {
  const { globals, terminal, io } = session;
  if (globals.seed !== undefined) {
    terminal.warn('The world of a seed is public: everybody who knows the seed has its private keys. Nothing may ever trust them.');
    return seededWorld(globals.seed, clock);
  }
  const { openPrivateWorld } = await import('../../../emulator/world-folder.ts');
  const world = await openPrivateWorld({
    dir: resolve(io.cwd, globals.world),
    clock,
    rsaLabels,
    progress: (done, total) => terminal.status(`Making the RSA-4096 keys of this folder's own world (once): ${done} of ${total}`),
  });
  terminal.clearStatus();
  return world;
}
