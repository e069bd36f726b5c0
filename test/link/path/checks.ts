/** What the checks of cases are made of: attacks on links of their own, messages from elsewhere, and weaknesses that many of them share. */
import { expect } from 'vitest';
import { attackNamed, spliceFromDevice, spliceToDevice } from '../../../emulator/link/host/attacks.ts';
import type { Strike } from '../../../emulator/link/host/host.ts';
import type { LinkSchemeName } from '../../../emulator/link/channel/schemes.ts';
import type { Method } from '../../../emulator/link/channel/work-mac.ts';
import { CE, decryptMethods, encryptMethods, SEC2 } from '../../../emulator/link/path/class-methods.ts';
import type { DriverChannel } from '../../../emulator/link/path/guest/channel.ts';
import type { SharedMemory } from '../../../emulator/link/path/shared-memory.ts';
import { AdjustableClock } from '../../../emulator/world.ts';
import { consequenceOf, MESSAGE, payload, requireSame, type TestLink, type TestLinkOptions, testLink, underAttack } from './scene.ts';
import { contextsOf, recordingEngine, VIEWS, WithoutMac, withoutChannelCounter, withoutSemaphores, withoutTags } from './weak-parts.ts';

/** A device that a check is run on. */
export interface Device {
  readonly scheme: LinkSchemeName;
  readonly options: TestLinkOptions;
  /** What the device makes of methods before it looks at them. */
  readonly lenient: (methods: readonly Method[]) => Method[];
}

/** Every attack of the list, each on a link of its own, ends as it should. */
export const attacked =
  (...names: readonly string[]) =>
  async ({ scheme, options }: Device): Promise<void> => {
    for (const name of names) {
      const attack = attackNamed(name);
      const consequence = await underAttack(await testLink({ scheme, ...options }), attack, attack.during, attack.history === true);
      expect(attack.consequences, name).toContain(consequence);
    }
  };

export const copies = async (channel: DriverChannel, data: Uint8Array, what: string): Promise<void> => {
  const back = new Uint8Array(data.length);
  await channel.copyToDevice(0, data);
  await channel.copyFromDevice(0, back);
  requireSame(back, data, what);
};

/** Copies that pass on `from`, whose messages then stand for those of `to`, both ways. */
export async function spliced(from: TestLink, to: TestLink, fromChannel: DriverChannel, toChannel: DriverChannel): Promise<void> {
  const data = payload(MESSAGE, from.canaries, 'theirs');
  const ours = payload(MESSAGE, to.canaries, 'ours');
  await copies(fromChannel, data, 'before');
  const [toDevice, fromDevice] = [from.host.loot.findLast(({ by }) => by === 'driver'), from.host.loot.findLast(({ by }) => by === 'gpu')];
  if (!toDevice || !fromDevice) throw new Error('the host copied nothing');
  const strike = async (attack: Strike, act: () => Promise<void>): Promise<string> => {
    to.host.arm(attack);
    const consequence = await consequenceOf(act);
    expect(to.host.struck).toContain(attack.name);
    return consequence;
  };
  const back = new Uint8Array(MESSAGE);
  // What comes of the way back is seen first: a message to the device stops the channel.
  await toChannel.copyToDevice(0, ours);
  expect(await strike(spliceFromDevice('from the device', fromDevice), () => toChannel.copyFromDevice(0, back))).toBe('cpuTagMismatch');
  expect(await strike(spliceToDevice('to the device', toDevice), () => copies(toChannel, ours, 'spliced'))).toBe('gpuTagMismatch');
}

export const tagless = { 'tags are not looked at': () => ({ options: { engine: withoutTags() } }) };
export const macless = { 'MACs are not looked at': () => ({ options: { gpuContexts: contextsOf(WithoutMac) } }) };
export const noCounters = { 'channels of a key differ by nothing': () => ({ options: { contexts: withoutChannelCounter, gpuContexts: withoutChannelCounter } }) };
export const believing = {
  'the notifier is believed': () => {
    let memory: SharedMemory | undefined;
    const views = (slots: number): ReturnType<typeof VIEWS.sound> => {
      const made = VIEWS.sound(slots);
      memory = made.driver;
      return made;
    };
    return { options: { views, contexts: withoutSemaphores(() => memory) } };
  },
};

/** Keys and IVs of everything that was sealed while keys and IVs were rotated and channels opened and closed. */
export async function sealedUnderRotation({ scheme, options }: Device): Promise<string[]> {
  const sealed: string[] = [];
  const { link, channel, canaries } = await testLink({ scheme, ...options, engine: recordingEngine(sealed) });
  const data = payload(4096, canaries, 'data');
  let open = channel;
  const neighbour = await link.driver.openChannel();
  for (let round = 0; round < 6; round++) {
    await copies(open, data, `round ${round}`);
    await copies(neighbour, data, `round ${round}`);
    if (round % 3 === 0) await link.driver.rotateKeys(open);
    if (round % 3 === 1) await link.driver.rotateIvs(open);
    if (round % 3 === 2) {
      await link.driver.closeChannel(open);
      open = await link.driver.openChannel();
    }
    await link.driver.openSec2();
  }
  return sealed;
}

export const misalignments: readonly (readonly [string, (buffer: number, tag: number) => readonly Method[]])[] = [
  ['ceSourceMisaligned', (buffer, tag) => decryptMethods({ from: buffer + 16, to: 0, length: 64, tag })],
  ['ceDestinationMisaligned', (buffer, tag) => decryptMethods({ from: buffer, to: 16, length: 64, tag })],
  ['ceTagMisaligned', (buffer, tag) => decryptMethods({ from: buffer, to: 0, length: 64, tag: tag + 8 })],
  ['ceTagMisaligned', (buffer, tag) => encryptMethods({ from: 0, to: buffer, length: 64, tag: tag + 8, iv: tag + 16 })],
  ['ceIvMisaligned', (buffer, tag) => encryptMethods({ from: 0, to: buffer, length: 64, tag, iv: tag + 20 })],
];
export const sec2Misalignments: readonly (readonly [string, number, number])[] = [
  ['sec2SourceMisaligned', SEC2.DECRYPT_COPY_SRC_ADDR_LO, 4],
  ['sec2DestinationMisaligned', SEC2.DECRYPT_COPY_DST_ADDR_LO, 4],
  ['sec2TagMisaligned', SEC2.DECRYPT_COPY_AUTH_TAG_ADDR_LO, 8],
  ['sec2MacMisaligned', SEC2.METHOD_STREAM_AUTH_TAG_ADDR_LO, 8],
  ['sec2SizeMisaligned', SEC2.DECRYPT_COPY_SIZE, 2],
];
const ADDRESSES: readonly number[] = [CE.OFFSET_IN_LOWER, CE.OFFSET_OUT_LOWER, CE.SET_DECRYPT_AUTH_TAG_COMPARE_ADDR_LOWER, CE.SET_ENCRYPT_AUTH_TAG_ADDR_LOWER, CE.SET_ENCRYPT_IV_ADDR_LOWER];
export const roundedDown = (methods: readonly Method[]): Method[] => methods.map(([address, data]): Method => [address, ADDRESSES.includes(address) || address < CE.SET_SECURE_COPY_MODE ? data - (data % 32) : data]);

/** A clock that cannot be moved. */
export class Frozen extends AdjustableClock {}

/** Views whose GPU reads one method fewer than it is told, where it is told too many. */
export function oneMethodFewer(slots: number): ReturnType<typeof VIEWS.sound> {
  const made = VIEWS.sound(slots);
  const { snapshot } = made.gpu;
  made.gpu.snapshot = (at, into) => {
    const out = snapshot.call(made.gpu, at, into);
    return into.length === 4 && out[0] === 65 ? Uint8Array.of(10, 0, 0, 0) : out;
  };
  return made;
}
