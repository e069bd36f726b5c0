/** One attack of the host on one part of a transfer, and what came of it. */
import { LinkError } from '../../emulator/link/channel/outcomes.ts';
import type { Attack, Consequence } from '../../emulator/link/host/attacks.ts';
import type { DriverChannel } from '../../emulator/link/path/guest/channel.ts';
import type { Lane } from './lane.ts';

/** What came of an attack. */
export interface StrikeResult {
  readonly attack: string;
  readonly doc: string;
  /** Whether it found its opportunity. */
  readonly struck: boolean;
  /** `corrupted`: other bytes came back and nobody noticed. It must never be. */
  readonly consequence: Consequence | 'corrupted';
  readonly expected: readonly Consequence[];
  /** What the driver says, when it noticed. */
  readonly message?: string;
  readonly reach?: string;
  /** What it took to go on. */
  readonly recovery: 'nothing' | 'channel' | 'session';
}

/** Moves the part there and back, twice over and with the attack among it, and makes the lane good again. @param part less than half of the GPU's memory */
export async function underAttack(lane: Lane, attack: Attack, part: Uint8Array): Promise<StrikeResult> {
  const { channel, link } = lane;
  const places = [0, Math.ceil(part.length / 4096) * 4096];
  // What repeats something needs something to repeat, of the same length.
  if (attack.history) for (let i = 0; i < 2; i++) await moveAll(channel, part, places.slice(0, 1));
  if (attack.history && attack.during === 'rotation') await link.driver.rotateKeys(channel);
  if (attack.during === 'fromDevice') await sendAll(channel, part, places);
  const { host } = lane;
  host.arm(attack);
  let error: LinkError | undefined;
  let same = true;
  try {
    if (attack.during === 'command') await link.driver.openChannel();
    else if (attack.during === 'rotation') await link.driver.rotateKeys(channel);
    else if (attack.during === 'fromDevice') same = await fetchAll(channel, part, places);
    else same = await moveAll(channel, part, places);
  } catch (thrown) {
    if (!(thrown instanceof LinkError)) throw thrown;
    error = thrown;
  }
  host.arm(undefined);
  const recovery = await recovered(lane, error, part);
  return {
    attack: attack.name,
    doc: attack.doc,
    struck: host.struck.includes(attack.name),
    consequence: error?.outcome ?? (same ? 'harmless' : 'corrupted'),
    expected: attack.consequences,
    ...(error ? { message: error.message, reach: error.reach } : {}),
    recovery,
  };
}

/** Makes the lane good again and tries it out: an attack can also harm what is asked for after it. @returns what it took */
async function recovered(lane: Lane, error: LinkError | undefined, part: Uint8Array): Promise<StrikeResult['recovery']> {
  const recovery = error ? await lane.recover(error) : 'nothing';
  try {
    await lane.link.driver.heartbeat();
    await moveAll(lane.channel, part, [0]);
    return recovery;
  } catch (later) {
    if (!(later instanceof LinkError)) throw later;
    await lane.reset();
    return 'session';
  }
}

async function sendAll(channel: DriverChannel, part: Uint8Array, places: readonly number[]): Promise<void> {
  const copies = [];
  for (const place of places) copies.push(await channel.queueToDevice(place, part));
  for (const copy of copies) await channel.settled(copy);
}

async function fetchAll(channel: DriverChannel, part: Uint8Array, places: readonly number[]): Promise<boolean> {
  let same = true;
  for (const place of places) {
    const back = new Uint8Array(part.length);
    await channel.copyFromDevice(place, back);
    same &&= Buffer.compare(back, part) === 0;
  }
  return same;
}

async function moveAll(channel: DriverChannel, part: Uint8Array, places: readonly number[]): Promise<boolean> {
  await sendAll(channel, part, places);
  return await fetchAll(channel, part, places);
}
