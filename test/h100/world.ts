/** The world in which GPUs are tested. */
import { fixedClock, seededWorld, type World } from '../../emulator/world.ts';

/** When all of it happens: milliseconds since 1970. */
export const H100_TIME: number = Date.UTC(2026, 6, 1);

/** A fresh world: random numbers begin anew. */
export function h100World(seed = 'h100'): World {
  return seededWorld(seed, fixedClock(H100_TIME));
}
