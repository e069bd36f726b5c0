/** Everything at once, for tests: a World, its services on loopback ports, and evidence from it. */
import { type Bundle, withServices } from './bundle.ts';
import { ConfigError } from './errors.ts';
import { type Services, type ServicesOptions, startServices } from './services/start.ts';
import { type Roots, rootsOf, urlsFor } from './services/vendors.ts';
import { amdRsaLabels } from './snp/platform/products.ts';
import { teeNamed, TEES } from './tee.ts';
import { AdjustableClock, fixedClock, LATEST_TIME, parseTime, seededWorld, systemClock, type World, worldTime } from './world.ts';
import { openPrivateWorld } from './world-folder.ts';

/** How to start; everything has a default. */
export interface TeemuOptions extends Omit<ServicesOptions, 'world' | 'authority' | 'evidence'> {
  /** The reproducible world of this seed, whose keys everybody has. Without a seed: the private world of `dir`. */
  readonly seed?: string;
  /** The time at which the world's clock stands still: milliseconds since 1970, a `Date`, or ISO 8601 (UTC unless it says otherwise). Without it, the machine's clock. */
  readonly clock?: number | string | Date;
  /** Folder of the private world; default `.teemu`. Its keys are made when it is new, which takes some seconds. */
  readonly dir?: string;
  /** Told while keys are made: how many of how many are there. */
  readonly progress?: (done: number, total: number) => void;
}

/** A running teemu. */
export interface Teemu extends Omit<Services, 'app'> {
  readonly world: World;
  /** Turns the world's time: `clock.set`, `clock.advance`. */
  readonly clock: AdjustableClock;
  /** The roots to trust, in PEM, by TEE: `roots.snp.Milan` and so on by AMD's product line, `roots.tdx`. */
  readonly roots: Roots;
  /** Makes evidence, as `teemu evidence` does; its manifest names the services that run. @throws {ConfigError} naming the option that cannot be */
  evidence(tee: string, options?: Readonly<Record<string, unknown>>): Bundle;
  /** Answers a request without a socket, as the services would. */
  fetch(request: Request): Promise<Response>;
}

/**
 * Starts teemu. Stop it with `stop()`, or take it with `await using`.
 * @throws {ConfigError} for options that cannot be @throws {TeemuError} ERR_FILE when the private world's folder is not safe to use
 */
export async function startTeemu(options: TeemuOptions = {}): Promise<Teemu> {
  const { seed, clock: at, dir = '.teemu', progress, ...services } = options;
  const clock = new AdjustableClock(at === undefined ? systemClock() : fixedClock(timeOf(at)));
  const world = seed === undefined ? await openPrivateWorld({ dir, clock, rsaLabels: amdRsaLabels(), ...(progress && { progress }) }) : seededWorld(seed, clock);
  const { app, ...running } = await startServices({
    ...services,
    world,
    evidence: Object.fromEntries([...TEES].map(([name, tee]) => [name, (body: Readonly<Record<string, unknown>>) => tee.evidence(world, body)])),
  });
  return {
    ...running,
    world,
    clock,
    roots: rootsOf(running.vendors),
    evidence: (tee, wishes = {}) => withServices(teeNamed(tee).evidence(world, wishes), urlsFor(running.vendors, tee, running.url)),
    fetch: (request) => app.fetch(request),
  };
}

function timeOf(at: number | string | Date): number {
  const time = typeof at === 'string' ? parseTime(at) : worldTime(Number(at));
  if (time === undefined) throw new ConfigError('clock', `'${String(at).slice(0, 60)}' is no time from 1970 to ${new Date(LATEST_TIME).getUTCFullYear() - 1}`);
  return time;
}
