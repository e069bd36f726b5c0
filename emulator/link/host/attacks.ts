/**
 * The table of attacks: what the host does, at which moment, and what may come of it. An outcome that is not listed, and above all wrong data without
 * any, is a defect. Every row strikes once, at its first opportunity.
 */
import { RPC_ELEMENT } from '../channel/messages/rpc-element.ts';
import type { OutcomeName } from '../channel/outcomes.ts';
import { LAUNCH_ENTRY } from '../path/class-methods.ts';
import type { Loot, Strike } from './host.ts';
import {
  exchange,
  exchangeMessages,
  flip,
  forgeElement,
  forgeFault,
  FROM_DRIVER,
  FROM_GPU,
  holdBack,
  leaveOut,
  methodsAt,
  movedSemaphore,
  notifierOf,
  onCommand,
  onLaunch,
  onLook,
  onRead,
  onSealed,
  overwriteMessage,
  published,
  put,
  repeatElement,
  repeatLaunch,
  replay,
  replayAtTag,
  ringTwice,
  rollBackSemaphore,
  setByte,
  setNotifier,
  TAG_SIZE,
  touched,
} from './strikes.ts';

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
  { name: 'toctou-gpu', doc: 'the message is rewritten when the GPU has read it', during: 'toDevice', consequences: ['harmless'], act: onRead('read', 'gpu', 'bounce', overwriteMessage) },
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
    act: onRead('reading', 'driver', 'tags', (scene, { at }) => replayAtTag(scene, at, FROM_GPU)),
  },
  {
    name: 'splice-direction-from-device',
    doc: 'a message of the driver is given back to it',
    during: 'fromDevice',
    history: true,
    consequences: ['cpuTagMismatch'],
    act: onRead('reading', 'driver', 'tags', (scene, { at }) => replayAtTag(scene, at, FROM_DRIVER)),
  },
  {
    name: 'toctou-cpu',
    doc: 'message and tag are exchanged for an older pair while the CPU verifies',
    during: 'fromDevice',
    history: true,
    consequences: ['cpuTagMismatch'],
    act: onRead('read', 'driver', 'tags', (scene, { at }) => replayAtTag(scene, at, FROM_GPU)),
  },
  { name: 'toctou-cpu-late', doc: 'the message is rewritten after the CPU took it', during: 'fromDevice', consequences: ['harmless'], act: onRead('read', 'driver', 'bounce', overwriteMessage) },
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
    consequences: ['semaphoreUnsettled', 'harmless', 'timeout'],
    act: onLook((scene) => touched(movedSemaphore(scene), (entry) => setNotifier(scene.memory, entry, notifierOf(scene.memory, entry) + 1))),
  },
  {
    name: 'roll-back-semaphore',
    doc: 'an older state of a tracking semaphore comes back',
    during: 'either',
    history: true,
    consequences: ['semaphoreUnsettled', 'semaphoreForged', 'timeout'],
    act: onLook(rollBackSemaphore),
  },
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
  { name: 'forge-command', doc: 'a command changes, its checksum with it', during: 'command', consequences: ['gspTimeout'], act: onCommand((scene, at) => forgeElement(scene, at, 'body')) },
  { name: 'replay-command', doc: 'an older command is delivered again', during: 'command', history: true, consequences: ['gspTimeout'], act: onCommand((scene, at) => repeatElement(scene, at, 'commandQueue')) },
  { name: 'drop-command', doc: 'the doorbell of a command never reaches the GPU', during: 'command', consequences: ['gspTimeout'], act: (_, { on }) => (on === 'command' ? 'done' : 'not yet') },
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
  return { name, act: onRead('reading', 'driver', 'tags', (scene, { at }) => replayAtTag({ ...scene, loot: [message] }, at, () => true)) };
}
