/** What the host does to shared memory, piece by piece: moments at which it strikes, and changes that it makes. The table of attacks puts them together. */
import { RPC_ELEMENT } from '../channel/messages/rpc-element.ts';
import { TRACKING_SEMAPHORE } from '../channel/messages/tracking-semaphore.ts';
import { LAUNCH_ENTRY } from '../path/class-methods.ts';
import { LAUNCH_SIZE, type RegionName, RING, type SharedMemory, SLOT_SIZE } from '../path/shared-memory.ts';
import { type Loot, type Opportunity, type Scene, type Strike, tagOf } from './host.ts';

/** What an attack does at each opportunity. */
export type Act = Strike['act'];
const NOTIFIER_AT = TRACKING_SEMAPHORE.locate('notifier').at;
/** Bytes of a tag. */
export const TAG_SIZE = 16;

/** At a launch that was written together with a bounce buffer: a copy to the device. */
export function onSealed(act: (scene: Scene, message: { at: number; length: number; tagAt: number; entry: number }) => boolean): Act {
  return (scene, opportunity) => {
    if (opportunity.on !== 'launch') return 'not yet';
    const { memory } = scene;
    const bounce = opportunity.writes.find(({ at }) => inside(memory, 'bounce', at));
    const entry = opportunity.writes.find(({ at }) => inside(memory, 'launches', at));
    if (!bounce || !entry || !act(scene, { at: bounce.at, length: bounce.length, tagAt: tagOf(memory, bounce.at), entry: entry.at })) return 'not yet';
    opportunity.publish();
    return 'done';
  };
}

/** At any launch. */
export function onLaunch(act: (scene: Scene, entry: number, publish: () => void) => boolean): Act {
  return (scene, opportunity) => {
    if (opportunity.on !== 'launch') return 'not yet';
    const entry = opportunity.writes.find(({ at }) => inside(scene.memory, 'launches', at));
    return entry && act(scene, entry.at, opportunity.publish) ? 'done' : 'not yet';
  };
}

/** Just before (`reading`) or after (`read`) a side copies something for itself. */
export function onRead(on: 'reading' | 'read', by: 'driver' | 'gpu', region: RegionName, act: (scene: Scene, read: { at: number; length: number }) => boolean): Act {
  return (scene, opportunity) => (opportunity.on === on && opportunity.by === by && opportunity.region === region && act(scene, opportunity) ? 'done' : 'not yet');
}

/** When the driver is about to look. */
export function onLook(act: (scene: Scene) => boolean): Act {
  return (scene, { on }) => (on === 'look' && act(scene) ? 'done' : 'not yet');
}

/** Whether an offset lies in a part. */
function inside(memory: SharedMemory, region: RegionName, at: number): boolean {
  const { at: from, length } = memory.region(region);
  return at >= from && at < from + length;
}

/** Changes one bit somewhere in some bytes. */
export function flip({ memory, dice }: Scene, at: number, length: number): boolean {
  const byte = at + dice(length);
  memory.bytes[byte] = (memory.bytes[byte] ?? 0) ^ (1 << dice(8));
  return true;
}

/** Puts an older message of the same length in the place of one. */
export function replay(scene: Scene, { at, length }: { at: number; length: number }, wanted: (loot: Loot) => boolean): boolean {
  const { memory } = scene;
  const now = memory.live(at, length);
  const tagAt = tagOf(memory, at);
  const old = scene.loot.findLast((loot) => loot.ciphertext.length === length && wanted(loot) && Buffer.compare(loot.ciphertext, now) !== 0);
  if (!old) return false;
  now.set(old.ciphertext);
  memory.live(tagAt, TAG_SIZE).set(old.tag);
  return true;
}

/** Changes a sealed RPC element and mends its checksum, so that only the tag can tell. */
export function forgeElement(scene: Scene, at: number, field: 'body' | 'aad'): boolean {
  const { memory, dice } = scene;
  const target = field === 'aad' ? at + RPC_ELEMENT.locate('aad').at : at + RPC_ELEMENT.size + 4 * dice(8);
  const sum = at + RPC_ELEMENT.locate('checkSum').at;
  const bit = 1 << dice(8);
  for (const byte of [target, sum]) memory.bytes[byte] = (memory.bytes[byte] ?? 0) ^ bit;
  return true;
}

/** The notifier of a semaphore. */
export const notifierOf = (memory: SharedMemory, entry: number): number => Atomics.load(memory.words, (entry + NOTIFIER_AT) / 4) >>> 0;

/** A semaphore whose notifier moved, to an even number, since the host first looked; as its offset. */
export function movedSemaphore({ memory, notes }: Scene): number | undefined {
  const { at, length } = memory.region('semaphores');
  const entries = Array.from({ length: length / TRACKING_SEMAPHORE.size }, (_, i) => at + i * TRACKING_SEMAPHORE.size);
  const before = (notes.get('notifiers') ?? entries.map((entry) => notifierOf(memory, entry))) as readonly number[];
  notes.set('notifiers', before);
  return entries.find((entry, i) => notifierOf(memory, entry) !== before[i] && notifierOf(memory, entry) % 2 === 0);
}

/** Messages of the GPU. */
export const FROM_GPU = (loot: Loot): boolean => loot.by === 'gpu';
/** Messages of the driver. */
export const FROM_DRIVER = (loot: Loot): boolean => loot.by === 'driver';
/** Offset of the methods of a launch. */
export const methodsAt = (entry: number): number => entry + LAUNCH_ENTRY.locate('methods').at;

/** Puts a message into a bounce buffer and its tag beside it. */
export function put(memory: SharedMemory, at: number, tagAt: number, { ciphertext, tag }: Loot): boolean {
  memory.live(at, ciphertext.length).set(ciphertext);
  memory.live(tagAt, TAG_SIZE).set(tag);
  return true;
}

/** Lets the GPU see what was changed. */
export function published(publish: () => void): boolean {
  publish();
  return true;
}

/** Goes on when there is a semaphore to touch. */
export function touched(entry: number | undefined, act: (entry: number) => boolean): boolean {
  return entry !== undefined && act(entry);
}

/** Sets one byte. */
export function setByte(memory: SharedMemory, at: number, value: number): boolean {
  memory.bytes[at] = value;
  return true;
}

/** Sets the notifier of a semaphore. */
export function setNotifier(memory: SharedMemory, entry: number, value: number): boolean {
  Atomics.store(memory.words, (entry + NOTIFIER_AT) / 4, value | 0);
  return true;
}

/** Exchanges two runs of bytes. */
export function exchange(memory: SharedMemory, a: number, b: number, length: number): boolean {
  const kept = memory.live(a, length).slice();
  memory.live(a, length).set(memory.live(b, length));
  memory.live(b, length).set(kept);
  return true;
}

/** At a command. */
export function onCommand(act: (scene: Scene, at: number) => boolean): Act {
  return (scene, opportunity) => {
    if (opportunity.on !== 'command') return 'not yet';
    const write = opportunity.writes.find(({ at }) => inside(scene.memory, 'commandQueue', at));
    if (!write || !act(scene, write.at)) return 'not yet';
    opportunity.publish();
    return 'done';
  };
}

/** Holds the first message back until the second is there, and lets both go in each other's place. */
export function exchangeMessages(scene: Scene, opportunity: Opportunity): ReturnType<Act> {
  if (opportunity.on !== 'launch') return 'not yet';
  const { memory, notes } = scene;
  const bounce = opportunity.writes.find(({ at }) => inside(memory, 'bounce', at));
  if (!bounce) return 'not yet';
  const first = notes.get('first') as { at: number; length: number; publish: () => void } | undefined;
  if (!first) {
    notes.set('first', { ...bounce, publish: opportunity.publish });
    return 'took';
  }
  const length = Math.min(first.length, bounce.length);
  exchange(memory, first.at, bounce.at, length);
  exchange(memory, tagOf(memory, first.at), tagOf(memory, bounce.at), TAG_SIZE);
  first.publish();
  opportunity.publish();
  return 'done';
}

/** Holds the first launch back, and puts the second into its place. */
export function leaveOut(scene: Scene, opportunity: Opportunity): ReturnType<Act> {
  if (opportunity.on !== 'launch') return 'not yet';
  const { memory, notes } = scene;
  const entry = opportunity.writes.find(({ at }) => inside(memory, 'launches', at));
  if (!entry) return 'not yet';
  const first = notes.get('first') as { at: number; publish: () => void } | undefined;
  if (!first) {
    notes.set('first', { at: entry.at, publish: opportunity.publish });
    return 'took';
  }
  memory.live(first.at, LAUNCH_SIZE).set(memory.live(entry.at, LAUNCH_SIZE));
  first.publish();
  return 'done';
}

/** Holds a doorbell back until the driver looks. */
export function holdBack(scene: Scene, opportunity: Opportunity): ReturnType<Act> {
  const { notes } = scene;
  const held = notes.get('publish') as (() => void) | undefined;
  if (opportunity.on === 'launch' && !held) {
    notes.set('publish', opportunity.publish);
    return 'took';
  }
  if (!held || opportunity.on !== 'look') return 'not yet';
  held();
  return 'done';
}

/** Rings once more than the driver did. */
export function ringTwice({ memory }: Scene, _entry: number, publish: () => void): boolean {
  publish();
  memory.store('launchPut', memory.load('launchPut') + 1);
  return true;
}

/** Puts an older launch in the place of one. */
export function repeatLaunch({ memory, recorded }: Scene, entry: number, publish: () => void): boolean {
  const now = memory.live(entry, LAUNCH_SIZE);
  const old = recorded('launches').findLast(({ bytes }) => Buffer.compare(bytes, now) !== 0);
  if (!old) return false;
  now.set(old.bytes);
  publish();
  return true;
}

/** Puts an older element of a queue in the place of one. */
export function repeatElement({ memory, recorded }: Scene, at: number, queue: 'statusQueue' | 'commandQueue'): boolean {
  const records = recorded(queue);
  const now = memory.live(at, 4096);
  const old = records.find(({ bytes }) => bytes.length === 4096 && Buffer.compare(bytes, now) !== 0);
  if (!old) return false;
  now.set(old.bytes);
  return true;
}

/** Puts an older state of a semaphore back. */
export function rollBackSemaphore(scene: Scene): boolean {
  const { memory, recorded } = scene;
  const entry = movedSemaphore(scene);
  if (entry === undefined) return false;
  const old = recorded('semaphores').find(({ at, bytes }) => at === entry && new DataView(bytes.buffer).getUint32(NOTIFIER_AT, true) < notifierOf(memory, entry) && bytes[NOTIFIER_AT] !== 0);
  if (!old) return false;
  memory.live(entry, old.bytes.length).set(old.bytes);
  return true;
}

/** Rewrites the whole bounce buffer that was just read, and its tag. */
export function overwriteMessage({ memory }: Scene, { at }: { at: number }): boolean {
  memory.live(memory.region('bounce').at + slotAt(memory, at) * SLOT_SIZE, SLOT_SIZE).fill(0x5a);
  memory.live(tagOf(memory, at), TAG_SIZE).fill(0x5a);
  return true;
}

/** At the tag of a message that the driver is about to read, or has just read: puts an older message and its tag in the place of both. */
export function replayAtTag({ memory, loot }: Scene, tagAt: number, wanted: (loot: Loot) => boolean): boolean {
  const tags = memory.region('tags');
  const at = memory.region('bounce').at + Math.floor((tagAt - tags.at) / (tags.length / memory.slots)) * SLOT_SIZE;
  const old = loot.findLast((message) => wanted(message) && Buffer.compare(message.ciphertext, memory.live(at, message.ciphertext.length)) !== 0);
  return old !== undefined && put(memory, at, tagAt, old);
}

function slotAt(memory: SharedMemory, bounceAt: number): number {
  return Math.floor((bounceAt - memory.region('bounce').at) / SLOT_SIZE);
}

/** Writes a fault packet of noise. */
export function forgeFault({ memory, dice }: Scene): boolean {
  const { at, length } = memory.region('faultBuffer');
  const index = memory.load('faultPut') % RING.faults;
  for (let i = 0; i < 32; i++) memory.bytes[at + index * 32 + i] = dice(256);
  memory.live(at + length / 2 + index * 32, TAG_SIZE).fill(dice(256));
  memory.bytes[at + length / 2 + index * 32 + TAG_SIZE] = 1;
  memory.store('faultPut', memory.load('faultPut') + 1);
  return true;
}
