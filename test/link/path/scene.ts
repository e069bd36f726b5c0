/** Links for tests: copies under attack, and what came of them. */
import type { Consequence } from '../../../emulator/link/host/attacks.ts';
import { Host, type Strike } from '../../../emulator/link/host/host.ts';
import { type Canary, canariesOf } from '../../../emulator/link/host/leak-scan.ts';
import { LinkError } from '../../../emulator/link/channel/outcomes.ts';
import type { DriverChannel } from '../../../emulator/link/path/guest/channel.ts';
import { type InlineLinkOptions, type Link, openLink } from '../../../emulator/link/path/link.ts';
import { AdjustableClock, fixedClock, seededWorld, type World } from '../../../emulator/world.ts';

/** A link with a host that listens, and everything that a test needs of it. */
export interface TestLink {
  readonly world: World;
  readonly clock: AdjustableClock;
  readonly host: Host;
  readonly link: Link;
  readonly channel: DriverChannel;
  readonly canaries: readonly Canary[];
}

/** The GPU memory of tests. */
export const MEMORY = 32 << 20;

/** A clock that can be moved and never moves by itself. */
export function standingClock(): AdjustableClock {
  return new AdjustableClock(fixedClock(1_000_000));
}

export interface TestLinkOptions extends InlineLinkOptions {
  readonly seed?: string;
  readonly canaries?: readonly Canary[];
  readonly clock?: AdjustableClock;
}

/** Opens a link with one channel. */
export async function testLink({ seed = 'link', clock = standingClock(), canaries, ...options }: TestLinkOptions = {}): Promise<TestLink> {
  const world = seededWorld(seed, clock);
  const planted = canaries ?? canariesOf(world);
  const host = new Host({ canaries: planted, dice: (sides) => new DataView(world.random('dice', 4).buffer).getUint32(0) % sides });
  const link = await openLink(world, { slots: 8, memorySize: MEMORY, host, ...options });
  return { world, clock, host, link, channel: await link.driver.openChannel(), canaries: planted };
}

/** Bytes that a copy carries: different for each label, with every canary in them. */
export function payload(length: number, canaries: readonly Canary[], label: string, world: World = seededWorld('payload', fixedClock(0))): Uint8Array {
  const bytes = new Uint8Array(length);
  const noise = world.derive(label, Math.min(length, 4096));
  for (let at = 0; at < length; at += noise.length) bytes.set(noise.subarray(0, Math.min(noise.length, length - at)), at);
  let at = 16;
  for (const canary of canaries) {
    if (at + canary.bytes.length > length) break;
    bytes.set(canary.bytes, at);
    at += canary.bytes.length + 16;
  }
  return bytes;
}

/** The outcome of the link's error; anything else is thrown on. */
export async function consequenceOf(act: () => Promise<unknown>): Promise<Consequence> {
  try {
    await act();
    return 'harmless';
  } catch (error) {
    if (error instanceof LinkError) return error.outcome;
    throw error;
  }
}

/** Wrong data that nobody noticed: what must never be. */
export class SilentCorruption extends Error {}

/** Fails when two arrays differ. @throws {SilentCorruption} */
export function requireSame(got: Uint8Array, wanted: Uint8Array, what: string): void {
  if (Buffer.compare(got, wanted) !== 0) throw new SilentCorruption(`${what}: the data is not what was copied, and nobody noticed`);
}

/** Size of the messages of an attack: all are equal, so that one can stand for another. */
export const MESSAGE = 96 << 10;

/** Runs copies with one attack among them. @returns what came of it @throws {SilentCorruption} */
export async function underAttack(scene: TestLink, strike: Strike, during: 'toDevice' | 'fromDevice' | 'command' | 'rotation' | 'either', history: boolean): Promise<Consequence> {
  const { host, link, channel, canaries } = scene;
  const before = payload(MESSAGE, canaries, 'before');
  const data = [payload(MESSAGE, canaries, 'one'), payload(MESSAGE, canaries, 'two')] as const;
  if (history) await pass(channel, before);
  if (history && during === 'rotation') await link.driver.rotateKeys(channel);
  if (during === 'fromDevice') await settle(channel, data);
  host.arm(strike);
  const consequence = await consequenceOf(async () => {
    switch (during) {
      case 'command':
        await link.driver.openChannel();
        break;
      case 'rotation':
        await link.driver.rotateKeys(channel);
        break;
      case 'fromDevice':
        await compare(channel, data);
        break;
      default:
        await settle(channel, data);
        await compare(channel, data);
    }
  });
  if (!host.struck.includes(strike.name)) throw new Error(`${strike.name} found no opportunity`);
  host.arm(undefined);
  if (consequence === 'harmless') {
    await settle(channel, data);
    await compare(channel, data);
  }
  return consequence;
}

async function pass(channel: DriverChannel, data: Uint8Array): Promise<void> {
  for (let i = 0; i < 2; i++) {
    await channel.copyToDevice(0, data);
    await channel.copyFromDevice(0, new Uint8Array(data.length));
  }
}

async function settle(channel: DriverChannel, data: readonly Uint8Array[]): Promise<void> {
  const copies = [];
  for (const [i, bytes] of data.entries()) copies.push(await channel.queueToDevice(i * MESSAGE, bytes));
  for (const copy of copies) await channel.settled(copy);
}

async function compare(channel: DriverChannel, data: readonly Uint8Array[]): Promise<void> {
  for (const [i, bytes] of data.entries()) {
    const back = new Uint8Array(bytes.length);
    await channel.copyFromDevice(i * MESSAGE, back);
    requireSame(back, bytes, `message ${i}`);
  }
}
