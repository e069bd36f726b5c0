/**
 * The table of attacks: what the host does, at which moment, and what may come of it. An outcome that is not listed, and above all wrong data without
 * any, is a defect. Every row strikes once, at its first opportunity.
 */
import type { OutcomeName } from '../channel/outcomes.ts';
import { RPC_ELEMENT } from '../channel/messages/rpc-element.ts';
import { TRACKING_SEMAPHORE } from '../channel/messages/tracking-semaphore.ts';
import { LAUNCH_ENTRY } from '../path/class-methods.ts';
import { LAUNCH_SIZE, type RegionName, RING, type SharedMemory, SLOT_SIZE } from '../path/shared-memory.ts';
import { type Loot, type Opportunity, type Scene, type Strike, tagOf } from './host.ts';

/** What may come of an attack: an outcome of the link, or nothing at all with every byte as it should be. */
export type Consequence = OutcomeName | 'harmless';

/** One attack of the table. */
export interface Attack extends Strike {
  readonly doc: string;
  /** What it needs to strike: a copy to the device, one from it, a command, or a rotation of keys. */
  readonly during: 'toDevice' | 'fromDevice' | 'command' | 'rotation' | 'either';
  /** Copies that must have passed before, so that there is something to repeat. */
  readonly history?: boolean;
  readonly consequences: readonly Consequence[];
}

type Act = Strike['act'];
const NOTIFIER_AT = TRACKING_SEMAPHORE.locate('notifier').at;
const TAG_SIZE = 16;

/** At a launch that was written together with a bounce buffer: a copy to the device. */
function onSealed(act: (scene: Scene, message: { at: number; length: number; tagAt: number; entry: number }) => boolean): Act {
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
function onLaunch(act: (scene: Scene, entry: number, publish: () => void) => boolean): Act {
  return (scene, opportunity) => {
    if (opportunity.on !== 'launch') return 'not yet';
    const entry = opportunity.writes.find(({ at }) => inside(scene.memory, 'launches', at));
    return entry && act(scene, entry.at, opportunity.publish) ? 'done' : 'not yet';
  };
}

/** Just before (`reading`) or after (`read`) a side copies something for itself. */
function onRead(on: 'reading' | 'read', by: 'driver' | 'gpu', region: RegionName, act: (scene: Scene, read: { at: number; length: number }) => boolean): Act {
  return (scene, opportunity) => (opportunity.on === on && opportunity.by === by && opportunity.region === region && act(scene, opportunity) ? 'done' : 'not yet');
}

function onLook(act: (scene: Scene) => boolean): Act {
  return (scene, { on }) => (on === 'look' && act(scene) ? 'done' : 'not yet');
}

function inside(memory: SharedMemory, region: RegionName, at: number): boolean {
  const { at: from, length } = memory.region(region);
  return at >= from && at < from + length;
}

/** Changes one bit somewhere in some bytes. */
function flip({ memory, dice }: Scene, at: number, length: number): boolean {
  const byte = at + dice(length);
  memory.bytes[byte] = (memory.bytes[byte] ?? 0) ^ (1 << dice(8));
  return true;
}

/** Puts an older message of the same length in the place of one. */
function replay(scene: Scene, { at, length }: { at: number; length: number }, wanted: (loot: Loot) => boolean): boolean {
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
function forgeElement(scene: Scene, at: number, field: 'body' | 'aad'): boolean {
  const { memory, dice } = scene;
  const target = field === 'aad' ? at + RPC_ELEMENT.locate('aad').at : at + RPC_ELEMENT.size + 4 * dice(8);
  const sum = at + RPC_ELEMENT.locate('checkSum').at;
  const bit = 1 << dice(8);
  for (const byte of [target, sum]) memory.bytes[byte] = (memory.bytes[byte] ?? 0) ^ bit;
  return true;
}

const notifierOf = (memory: SharedMemory, entry: number): number => Atomics.load(memory.words, (entry + NOTIFIER_AT) / 4) >>> 0;

/** A semaphore whose notifier moved, to an even number, since the host first looked; as its offset. */
function movedSemaphore({ memory, notes }: Scene): number | undefined {
  const { at, length } = memory.region('semaphores');
  const entries = Array.from({ length: length / TRACKING_SEMAPHORE.size }, (_, i) => at + i * TRACKING_SEMAPHORE.size);
  const before = (notes.get('notifiers') ?? entries.map((entry) => notifierOf(memory, entry))) as readonly number[];
  notes.set('notifiers', before);
  return entries.find((entry, i) => notifierOf(memory, entry) !== before[i] && notifierOf(memory, entry) % 2 === 0);
}

const FROM_GPU = (loot: Loot): boolean => loot.by === 'gpu';
const FROM_DRIVER = (loot: Loot): boolean => loot.by === 'driver';
const methodsAt = (entry: number): number => entry + LAUNCH_ENTRY.locate('methods').at;

/** Every attack. */
export const ATTACKS: readonly Attack[] = [
  { name: 'flip-ciphertext-to-device', doc: 'one bit of a sealed message changes', during: 'toDevice', consequences: ['gpuTagMismatch'], act: onSealed((scene, { at, length }) => flip(scene, at, length)) },
  { name: 'flip-tag-to-device', doc: 'one bit of its tag changes', during: 'toDevice', consequences: ['gpuTagMismatch'], act: onSealed((scene, { tagAt }) => flip(scene, tagAt, TAG_SIZE)) },
  { name: 'replay-to-device', doc: 'an older message is delivered again', during: 'toDevice', history: true, consequences: ['gpuTagMismatch'], act: onSealed((scene, message) => replay(scene, message, FROM_DRIVER)) },
  {
    name: 'splice-direction-to-device',
    doc: 'a message of the GPU is given back to it',
    during: 'toDevice',
    history: true,
    consequences: ['gpuTagMismatch'],
    act: onSealed((scene, message) => replay(scene, message, FROM_GPU)),
  },
  { name: 'reorder-to-device', doc: 'two messages exchange their places', during: 'toDevice', consequences: ['gpuTagMismatch', 'timeout'], act: exchangeMessages },
  { name: 'drop-message', doc: 'one launch is left out and the next takes its place', during: 'toDevice', consequences: ['sec2MacMismatch', 'timeout'], act: leaveOut },
  { name: 'toctou-gpu', doc: 'the message is rewritten while the GPU verifies it', during: 'toDevice', consequences: ['harmless'], act: onRead('read', 'gpu', 'tags', overwriteLastMessage) },
  {
    name: 'flip-ciphertext-from-device',
    doc: 'one bit of a message of the GPU changes',
    during: 'fromDevice',
    consequences: ['cpuTagMismatch'],
    act: onRead('reading', 'driver', 'bounce', (scene, { at, length }) => flip(scene, at, length)),
  },
  { name: 'flip-tag-from-device', doc: 'one bit of its tag changes', during: 'fromDevice', consequences: ['cpuTagMismatch'], act: onRead('reading', 'driver', 'tags', (scene, { at }) => flip(scene, at, TAG_SIZE)) },
  {
    name: 'replay-from-device',
    doc: 'an older message of the GPU is delivered again',
    during: 'fromDevice',
    history: true,
    consequences: ['cpuTagMismatch'],
    act: onRead('reading', 'driver', 'bounce', (scene, read) => replay(scene, read, FROM_GPU)),
  },
  {
    name: 'splice-direction-from-device',
    doc: 'a message of the driver is given back to it',
    during: 'fromDevice',
    history: true,
    consequences: ['cpuTagMismatch'],
    act: onRead('reading', 'driver', 'bounce', (scene, read) => replay(scene, read, FROM_DRIVER)),
  },
  {
    name: 'toctou-cpu',
    doc: 'message and tag are exchanged for an older pair while the CPU verifies',
    during: 'fromDevice',
    history: true,
    consequences: ['cpuTagMismatch'],
    act: onRead('read', 'driver', 'bounce', (scene, read) => replay(scene, read, FROM_GPU)),
  },
  { name: 'toctou-cpu-late', doc: 'the message is rewritten after the CPU took it', during: 'fromDevice', consequences: ['harmless'], act: onRead('read', 'driver', 'tags', overwriteLastMessage) },
  {
    name: 'flip-push',
    doc: 'one bit of a sealed push changes',
    during: 'either',
    consequences: ['sec2TagMismatch'],
    act: onLaunch((scene, entry, publish) => flip(scene, entry + LAUNCH_ENTRY.locate('push').at, 64) && published(publish)),
  },
  {
    name: 'flip-push-tag',
    doc: 'one bit of its tag changes',
    during: 'either',
    consequences: ['sec2TagMismatch'],
    act: onLaunch((scene, entry, publish) => flip(scene, entry + LAUNCH_ENTRY.locate('pushTag').at, TAG_SIZE) && published(publish)),
  },
  {
    name: 'flip-work-mac',
    doc: 'one bit of the MAC over the methods changes',
    during: 'either',
    consequences: ['sec2MacMismatch'],
    act: onLaunch((scene, entry, publish) => flip(scene, entry + LAUNCH_ENTRY.locate('mac').at, 32) && published(publish)),
  },
  {
    name: 'edit-methods',
    doc: 'the destination of a push is moved',
    during: 'either',
    consequences: ['sec2MacMismatch'],
    act: onLaunch((scene, entry, publish) => flip(scene, methodsAt(entry) + 3 * 8 + 5, 1) && published(publish)),
  },
  {
    name: 'reorder-methods',
    doc: 'two methods exchange their places',
    during: 'either',
    consequences: ['sec2MacMismatch'],
    act: onLaunch(({ memory }, entry, publish) => exchange(memory, methodsAt(entry), methodsAt(entry) + 8, 8) && published(publish)),
  },
  {
    name: 'too-many-methods',
    doc: 'the number of methods is said to be 65',
    during: 'either',
    consequences: ['sec2BufferOverflow'],
    act: onLaunch(({ memory }, entry, publish) => setByte(memory, entry, 65) && published(publish)),
  },
  { name: 'replay-launch', doc: 'an older launch is delivered again', during: 'either', history: true, consequences: ['sec2MacMismatch'], act: onLaunch(repeatLaunch) },
  { name: 'duplicate-doorbell', doc: 'the doorbell rings once more than the driver rang it', during: 'either', consequences: ['sec2MacMismatch', 'sec2MissingMethods', 'harmless'], act: onLaunch(ringTwice) },
  { name: 'drop-doorbell', doc: 'one doorbell never reaches the GPU; the next one makes up for it', during: 'either', consequences: ['harmless', 'timeout'], act: onLaunch(() => true) },
  { name: 'drop-doorbells', doc: 'no doorbell reaches the GPU any more', during: 'either', consequences: ['timeout'], act: (_, { on }) => (on === 'launch' ? 'took' : 'not yet') },
  { name: 'delay-doorbell', doc: 'the doorbell reaches the GPU late', during: 'either', consequences: ['harmless', 'timeout'], act: holdBack },
  {
    name: 'forge-semaphore',
    doc: 'the payload of a tracking semaphore changes',
    during: 'either',
    consequences: ['semaphoreForged'],
    act: onLook((scene) => touched(movedSemaphore(scene), (entry) => flip(scene, entry, 4))),
  },
  {
    name: 'forge-semaphore-tag',
    doc: 'the tag of a tracking semaphore changes',
    during: 'either',
    consequences: ['semaphoreForged'],
    act: onLook((scene) => touched(movedSemaphore(scene), (entry) => flip(scene, entry + TAG_SIZE, TAG_SIZE))),
  },
  {
    name: 'forge-notifier',
    doc: 'the notifier says that more is done than is',
    during: 'either',
    consequences: ['semaphoreForged', 'semaphoreUnsettled'],
    act: onLook((scene) => touched(movedSemaphore(scene), (entry) => setNotifier(scene.memory, entry, notifierOf(scene.memory, entry) + 2))),
  },
  {
    name: 'stick-notifier',
    doc: 'the notifier stays odd',
    during: 'either',
    consequences: ['semaphoreUnsettled', 'harmless'],
    act: onLook((scene) => touched(movedSemaphore(scene), (entry) => setNotifier(scene.memory, entry, notifierOf(scene.memory, entry) + 1))),
  },
  { name: 'roll-back-semaphore', doc: 'an older state of a tracking semaphore comes back', during: 'either', history: true, consequences: ['semaphoreUnsettled', 'semaphoreForged'], act: onLook(rollBackSemaphore) },
  {
    name: 'forge-answer',
    doc: 'an answer of GSP changes, its checksum with it',
    during: 'command',
    consequences: ['rpcForged'],
    act: onRead('reading', 'driver', 'statusQueue', (scene, { at }) => forgeElement(scene, at, 'body')),
  },
  {
    name: 'forge-answer-aad',
    doc: 'the additional data of an answer changes, its checksum with it',
    during: 'command',
    consequences: ['rpcForged'],
    act: onRead('reading', 'driver', 'statusQueue', (scene, { at }) => forgeElement(scene, at, 'aad')),
  },
  {
    name: 'break-answer',
    doc: 'an answer of GSP changes',
    during: 'command',
    consequences: ['rpcBroken'],
    act: onRead('reading', 'driver', 'statusQueue', (scene, { at, length }) => flip(scene, at + RPC_ELEMENT.size, length - RPC_ELEMENT.size)),
  },
  {
    name: 'replay-answer',
    doc: 'an older answer of GSP is delivered again',
    during: 'command',
    history: true,
    consequences: ['rpcBroken'],
    act: onRead('reading', 'driver', 'statusQueue', (scene, { at }) => repeatElement(scene, at, 'statusQueue')),
  },
  { name: 'forge-command', doc: 'a command changes, its checksum with it', during: 'command', consequences: ['timeout'], act: onCommand((scene, at) => forgeElement(scene, at, 'body')) },
  { name: 'replay-command', doc: 'an older command is delivered again', during: 'command', history: true, consequences: ['timeout'], act: onCommand((scene, at) => repeatElement(scene, at, 'commandQueue')) },
  { name: 'drop-command', doc: 'the doorbell of a command never reaches the GPU', during: 'command', consequences: ['timeout'], act: (_, { on }) => (on === 'command' ? 'done' : 'not yet') },
  {
    name: 'roll-back-keys',
    doc: 'the IV masks of an earlier rotation come back',
    during: 'rotation',
    history: true,
    consequences: ['rotationFailed', 'rpcForged'],
    act: onRead('reading', 'driver', 'statusQueue', (scene, { at }) => repeatElement(scene, at, 'statusQueue')),
  },
  { name: 'forge-fault', doc: 'a fault that no GPU sent', during: 'either', consequences: ['faultPacketForged'], act: onLook(forgeFault) },
];

/** The attack of that name. @throws {RangeError} when there is none */
export function attackNamed(name: string): Attack {
  const attack = ATTACKS.find((row) => row.name === name);
  if (!attack) throw new RangeError(`there is no attack ${name}; there are: ${ATTACKS.map((row) => row.name).join(', ')}`);
  return attack;
}

/** Puts a message from anywhere, another channel, privilege, session or GPU, in the place of the next one of its length. */
export function spliceToDevice(name: string, message: Loot): Strike {
  return { name, act: onSealed(({ memory }, { at, length, tagAt }) => length === message.ciphertext.length && put(memory, at, tagAt, message)) };
}

/** As {@link spliceToDevice}, towards the CPU. */
export function spliceFromDevice(name: string, message: Loot): Strike {
  return { name, act: onRead('reading', 'driver', 'bounce', ({ memory }, { at, length }) => length === message.ciphertext.length && put(memory, at, tagOf(memory, at), message)) };
}

function put(memory: SharedMemory, at: number, tagAt: number, { ciphertext, tag }: Loot): boolean {
  memory.live(at, ciphertext.length).set(ciphertext);
  memory.live(tagAt, TAG_SIZE).set(tag);
  return true;
}

function published(publish: () => void): boolean {
  publish();
  return true;
}

function touched(entry: number | undefined, act: (entry: number) => boolean): boolean {
  return entry !== undefined && act(entry);
}

function setByte(memory: SharedMemory, at: number, value: number): boolean {
  memory.bytes[at] = value;
  return true;
}

function setNotifier(memory: SharedMemory, entry: number, value: number): boolean {
  Atomics.store(memory.words, (entry + NOTIFIER_AT) / 4, value | 0);
  return true;
}

function exchange(memory: SharedMemory, a: number, b: number, length: number): boolean {
  const kept = memory.live(a, length).slice();
  memory.live(a, length).set(memory.live(b, length));
  memory.live(b, length).set(kept);
  return true;
}

function onCommand(act: (scene: Scene, at: number) => boolean): Act {
  return (scene, opportunity) => {
    if (opportunity.on !== 'command') return 'not yet';
    const write = opportunity.writes.find(({ at }) => inside(scene.memory, 'commandQueue', at));
    if (!write || !act(scene, write.at)) return 'not yet';
    opportunity.publish();
    return 'done';
  };
}

/** Holds the first message back until the second is there, and lets both go in each other's place. */
function exchangeMessages(scene: Scene, opportunity: Opportunity): ReturnType<Act> {
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
function leaveOut(scene: Scene, opportunity: Opportunity): ReturnType<Act> {
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

function holdBack(scene: Scene, opportunity: Opportunity): ReturnType<Act> {
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

function ringTwice({ memory }: Scene, _entry: number, publish: () => void): boolean {
  publish();
  memory.store('launchPut', memory.load('launchPut') + 1);
  return true;
}

function repeatLaunch({ memory, recorded }: Scene, entry: number, publish: () => void): boolean {
  const now = memory.live(entry, LAUNCH_SIZE);
  const old = recorded('launches').findLast(({ bytes }) => Buffer.compare(bytes, now) !== 0);
  if (!old) return false;
  now.set(old.bytes);
  publish();
  return true;
}

function repeatElement({ memory, recorded }: Scene, at: number, queue: 'statusQueue' | 'commandQueue'): boolean {
  const records = recorded(queue);
  const now = memory.live(at, 4096);
  const old = records.find(({ bytes }) => bytes.length === 4096 && Buffer.compare(bytes, now) !== 0);
  if (!old) return false;
  now.set(old.bytes);
  return true;
}

function rollBackSemaphore(scene: Scene): boolean {
  const { memory, recorded } = scene;
  const entry = movedSemaphore(scene);
  if (entry === undefined) return false;
  const old = recorded('semaphores').find(({ at, bytes }) => at === entry && new DataView(bytes.buffer).getUint32(NOTIFIER_AT, true) < notifierOf(memory, entry) && bytes[NOTIFIER_AT] !== 0);
  if (!old) return false;
  memory.live(entry, old.bytes.length).set(old.bytes);
  return true;
}

/** Rewrites the whole bounce buffer that was last read; the offset of its tag says which. */
function overwriteLastMessage({ memory }: Scene, { at }: { at: number }): boolean {
  const tags = memory.region('tags');
  const slot = Math.floor((at - tags.at) / (tags.length / memory.slots));
  memory.live(memory.region('bounce').at + slot * SLOT_SIZE, SLOT_SIZE).fill(0x5a);
  memory.live(at, TAG_SIZE).fill(0x5a);
  return true;
}

function forgeFault({ memory, dice }: Scene): boolean {
  const { at, length } = memory.region('faultBuffer');
  const index = memory.load('faultPut') % RING.faults;
  for (let i = 0; i < 32; i++) memory.bytes[at + index * 32 + i] = dice(256);
  memory.live(at + length / 2 + index * 32, TAG_SIZE).fill(dice(256));
  memory.bytes[at + length / 2 + index * 32 + TAG_SIZE] = 1;
  memory.store('faultPut', memory.load('faultPut') + 1);
  return true;
}
