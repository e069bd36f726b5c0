/**
 * The cases of the CPU-GPU link that one channel shows by itself. Each has a check that passes, and is run again with a part that leaves the check
 * out: it must fail then, or it checks nothing.
 */
import { expect } from 'vitest';
import { type ContextFactory, type CslContext, driverKeys, gpuKeys, newContext } from '../../../emulator/link/channel/bundle.ts';
import { type Expand, expand } from '../../../emulator/link/channel/key-store.ts';
import { copyEnginePair, sec2Pair, slotLabelled } from '../../../emulator/link/channel/labels.ts';
import { openFault, sealFault } from '../../../emulator/link/channel/messages/fault-packet.ts';
import { RPC_ELEMENT, RpcReceiver, RpcSender } from '../../../emulator/link/channel/messages/rpc-element.ts';
import { LinkError, type OutcomeName } from '../../../emulator/link/channel/outcomes.ts';
import { LinkSession } from '../../../emulator/link/channel/session.ts';
import { encodeMethods, type Method } from '../../../emulator/link/channel/work-mac.ts';
import type { GcmEngine } from '../../../emulator/link/engine/engine.ts';
import { nodeEngine } from '../../../emulator/link/engine/node.ts';
import { sec2Methods } from '../../../emulator/link/path/class-methods.ts';
import { contextsOf, WithoutCarry, WithoutFreshness, WithoutLimits, WithoutMac, WithoutNewKeys, WithoutNonce, WithoutReset, WithoutRing, withoutAad, withoutTags } from '../path/weak-parts.ts';

/** What a check is built from. */
export interface Parts {
  readonly engine: GcmEngine;
  readonly contexts: ContextFactory;
  readonly derive: Expand;
  /** Whether time passes. */
  readonly timePasses: boolean;
}
/** A label that stands for a key of zeros. */
const ZERO = '\0zero';
/** Parts that leave nothing out. */
export const SOUND: Parts = { engine: nodeEngine(), contexts: newContext, derive: (prk, info) => (info === ZERO ? new Uint8Array(32) : expand(prk, info)), timePasses: true };

interface ChannelCase {
  readonly id: string;
  readonly check: (parts: Parts) => void;
  /** Parts that leave out what the check looks at. */
  readonly weak: Readonly<Record<string, Partial<Parts>>>;
}

const emk = Uint8Array.from({ length: 32 }, (_, i) => 7 * i + 3);
const PAIR = copyEnginePair(2, 'user').map(({ globalKeyId }) => globalKeyId) as [number, number];
const LAST_MESSAGE = 0xffff_ffffn;

function session({ derive }: Parts): LinkSession {
  return new LinkSession({ emk, derive });
}

/** Both ends of a channel. */
function ends(parts: Parts, id: number, width: 32 | 64 = 32, from: LinkSession = session(parts)): { driver: CslContext; gpu: CslContext; session: LinkSession } {
  const keys = from.store.retrieve(id);
  return { driver: parts.contexts(parts.engine, driverKeys(keys), width), gpu: parts.contexts(parts.engine, gpuKeys(keys), width), session: from };
}

function outcome(act: () => unknown): OutcomeName | 'ok' {
  try {
    act();
    return 'ok';
  } catch (error) {
    if (error instanceof LinkError) return error.outcome;
    throw error;
  }
}

function seal(end: CslContext, text: string): { ct: Uint8Array; tag: Uint8Array } {
  const sealed = { ct: new Uint8Array(text.length), tag: new Uint8Array(16) };
  end.seal(new TextEncoder().encode(text), sealed.ct, sealed.tag);
  return sealed;
}

const METHODS = sec2Methods({ from: 0x1000, to: 0x2000, length: 64, tag: 0x3000, mac: 0x4000 });
const rpc = (parts: Parts): { sender: RpcSender; receiver: RpcReceiver; driver: CslContext } => {
  const { driver, gpu } = ends(parts, slotLabelled('cpu_gsp_locked_rpc').globalKeyId, 64);
  return { sender: new RpcSender(driver), receiver: new RpcReceiver(gpu), driver };
};
const fault = { address: 0x1234_5000n, instance: 7n, faultType: 2, write: true, client: 3 };

/** The cases. */
export const CHANNEL_CASES: readonly ChannelCase[] = [
  {
    id: 'link-flip-aad',
    check: (parts) => {
      const { sender, receiver } = rpc(parts);
      const element = sender.seal(Uint8Array.of(1, 2, 3));
      for (const at of [RPC_ELEMENT.locate('aad').at, RPC_ELEMENT.locate('checkSum').at]) element[at] = (element[at] ?? 0) ^ 4;
      expect(outcome(() => receiver.open(element))).toBe('rpcForged');

      const { driver, gpu } = ends(parts, slotLabelled('gsp_cpu_replayable_fault').globalKeyId, 64);
      const { packet, metadata } = sealFault(gpu, fault);
      metadata[16] = 2;
      expect(outcome(() => openFault(driver, packet, metadata))).toBe('faultPacketForged');
    },
    weak: { 'additional data is left out': { engine: withoutAad() }, 'tags are not looked at': { engine: withoutTags() } },
  },
  {
    id: 'link-msgctr-overflow',
    check: (parts) => {
      const { driver } = ends(parts, PAIR[0]);
      driver.seek('out', LAST_MESSAGE - 1n);
      expect(outcome(() => seal(driver, 'last'))).toBe('ok');
      for (let i = 0; i < 2; i++) expect(outcome(() => seal(driver, 'one too many'))).toBe('ivOverflow');
      expect(driver.counters('out')).toEqual({ message: LAST_MESSAGE, channel: 1n });
      driver.seek('in', LAST_MESSAGE);
      expect(outcome(() => driver.logIv())).toBe('ivOverflow');
      expect(outcome(() => driver.opens(new Uint8Array(4), new Uint8Array(16), new Uint8Array(4)))).toBe('ivOverflow');
    },
    weak: { 'the counter begins anew': { contexts: contextsOf(WithoutLimits) } },
  },
  {
    id: 'link-hmac-nonce-overflow',
    check: (parts) => {
      const { driver, gpu } = ends(parts, sec2Pair('kernel')[0].globalKeyId);
      const last = new Uint8Array(32).fill(0xff, 0, 24);
      driver.seekNonce(last);
      gpu.seekNonce(last);
      expect(outcome(() => driver.sign(encodeMethods(METHODS)))).toBe('nonceExhausted');
      expect(outcome(() => gpu.verifies(encodeMethods(METHODS), new Uint8Array(32)))).toBe('sec2NonceOverflow');
    },
    weak: { 'the nonce begins anew': { contexts: contextsOf(WithoutLimits) } },
  },
  {
    id: 'link-rpc-counter-overflow',
    check: (parts) => {
      const { sender, driver } = rpc(parts);
      driver.seek('out', 0xffff_ffffn);
      expect(outcome(() => sender.seal(Uint8Array.of(1)))).toBe('ok');
      expect(driver.counters('out').message).toBe(0x1_0000_0000n);
      driver.seek('out', 0xffff_ffff_ffff_fffen);
      expect(outcome(() => sender.seal(Uint8Array.of(1)))).toBe('ok');
      for (let i = 0; i < 2; i++) expect(outcome(() => sender.seal(Uint8Array.of(1)))).toBe('rpcOverflow');
    },
    weak: { 'the counter begins anew': { contexts: contextsOf(WithoutLimits) }, 'the low word does not carry': { contexts: contextsOf(WithoutCarry) } },
  },
  {
    id: 'link-key-rotation-stale-key',
    check: (parts) => {
      const { driver, gpu, session: from } = ends(parts, PAIR[0]);
      const stale = seal(driver, 'sealed before');
      rotate(from, driver, gpu);
      expect(gpu.opens(stale.ct, stale.tag, new Uint8Array(stale.ct.length))).toBe(false);
      const { driver: other, gpu: reader, session: again } = ends(parts, PAIR[0]);
      rotate(again, other, reader);
      seal(other, 'sealed after');
      expect(reader.opens(stale.ct, stale.tag, new Uint8Array(stale.ct.length))).toBe(false);
    },
    weak: { 'the key stays': { contexts: (engine, keys, width) => WithoutNewKeys.of(engine, keys, width) }, 'tags are not looked at': { engine: withoutTags() } },
  },
  {
    id: 'link-key-rotation-17th',
    check: (parts) => {
      const { driver, gpu, session: from } = ends(parts, PAIR[0]);
      const early = { version: driver.keyVersion, iv: driver.logIv(), ...seal(gpu, 'waits') };
      const open = (): OutcomeName | 'ok' => outcome(() => driver.open(early.ct, early.tag, new Uint8Array(early.ct.length), { iv: early.iv, keyVersion: early.version }));
      for (let i = 0; i < 15; i++) rotate(from, driver, gpu);
      expect(open()).toBe('ok');
      rotate(from, driver, gpu);
      expect(open()).toBe('cpuTagMismatch');
    },
    weak: { 'every version is kept': { contexts: (engine, keys, width) => WithoutRing.of(engine, keys, width) } },
  },
  {
    id: 'link-key-rotation-counters',
    check: (parts) => {
      const from = session(parts);
      ends(parts, PAIR[0], 32, from);
      const { driver, gpu } = ends(parts, PAIR[0], 32, from);
      for (let i = 0; i < 3; i++) seal(driver, 'message');
      expect([driver.counters('out'), driver.sealed]).toEqual([
        { message: 3n, channel: 2n },
        { bytes: 21, messages: 3 },
      ]);
      rotate(from, driver, gpu);
      expect([driver.counters('out'), driver.sealed]).toEqual([
        { message: 0n, channel: 2n },
        { bytes: 0, messages: 0 },
      ]);
      const { ct, tag } = seal(driver, 'first of the new key');
      expect(gpu.counters('in').message).toBe(0n);
      expect(gpu.opens(ct, tag, new Uint8Array(ct.length))).toBe(true);
    },
    weak: { 'messages are counted on': { contexts: contextsOf(WithoutReset) } },
  },
  {
    id: 'link-iv-not-fresh',
    check: (parts) => {
      const { driver } = ends(parts, PAIR[0]);
      const iv = driver.acquireIv();
      const sealWith = (): OutcomeName | 'ok' => outcome(() => driver.sealWith(iv, Uint8Array.of(1), new Uint8Array(1), new Uint8Array(16)));
      expect(sealWith()).toBe('ok');
      expect(sealWith()).toBe('ivNotFresh');
    },
    weak: { 'an IV seals as often as one likes': { contexts: contextsOf(WithoutFreshness) } },
  },
  {
    id: 'link-mac-reordered',
    check: (parts) => {
      const { driver, gpu } = ends(parts, sec2Pair('kernel')[0].globalKeyId);
      const mac = driver.sign(encodeMethods(METHODS));
      expect(gpu.verifies(encodeMethods(METHODS), mac)).toBe(true);
      const again = driver.sign(encodeMethods(METHODS));
      expect(gpu.verifies(encodeMethods(METHODS.toReversed()), again)).toBe(false);
    },
    weak: { 'MACs are not looked at': { contexts: contextsOf(WithoutMac) } },
  },
  {
    id: 'link-mac-replayed',
    check: (parts) => {
      const { driver, gpu } = ends(parts, sec2Pair('kernel')[0].globalKeyId);
      const mac = driver.sign(encodeMethods(METHODS));
      expect(gpu.verifies(encodeMethods(METHODS), mac)).toBe(true);
      expect(gpu.verifies(encodeMethods(METHODS), mac)).toBe(false);
    },
    weak: { 'MACs are not looked at': { contexts: contextsOf(WithoutMac) }, 'there is no nonce': { contexts: WithoutNonce.of } },
  },
  {
    id: 'link-mac-too-many',
    check: (parts) => {
      const { driver, gpu } = ends(parts, sec2Pair('kernel')[0].globalKeyId);
      const many = (count: number): Uint8Array => encodeMethods(Array.from({ length: count }, (_, i): Method => [0x400, i]));
      expect(outcome(() => driver.sign(many(64)))).toBe('ok');
      expect(outcome(() => driver.sign(many(65)))).toBe('tooManyMethods');
      expect(outcome(() => gpu.verifies(many(65), new Uint8Array(32)))).toBe('tooManyMethods');
    },
    weak: { 'as many as one likes are signed': { contexts: contextsOf(WithoutLimits) } },
  },
  {
    id: 'link-fault-packet-forged',
    check: (parts) => {
      const { driver, gpu } = ends(parts, slotLabelled('gsp_cpu_replayable_fault').globalKeyId, 64);
      const whole = sealFault(gpu, fault);
      expect(openFault(driver, whole.packet, whole.metadata)).toEqual(fault);
      const skipped = sealFault(gpu, fault);
      expect(openFault(driver, skipped.packet, new Uint8Array(32))).toBeUndefined();
      driver.skip(32);
      for (const [what, at] of [
        ['packet', 5],
        ['metadata', 3],
        ['metadata', 16],
      ] as const) {
        const forged = sealFault(gpu, fault);
        forged[what][at] = (forged[what][at] ?? 0) ^ 2;
        expect(outcome(() => openFault(driver, forged.packet, forged.metadata))).toBe('faultPacketForged');
      }
    },
    weak: { 'tags are not looked at': { engine: withoutTags() }, 'additional data is left out': { engine: withoutAad() } },
  },
  {
    id: 'link-zero-key',
    check: ({ derive }) => {
      const zero =
        (label: string): Expand =>
        (prk, info) =>
          info === label ? derive(new Uint8Array(32), ZERO) : derive(prk, info);
      expect(outcome(() => new LinkSession({ emk, derive: zero('Lce03_d2h_kernel') }))).toBe('zeroKey');
      expect(outcome(() => new LinkSession({ emk, scheme: 'blackwell', derive: zero('update_key2') }).store.nextChannelKeys())).toBe('zeroKey');
      expect(outcome(() => new LinkSession({ emk, derive: zero('gsp_cpu_dma') }))).toBe('ok');
    },
    // What stands for a key of zeros must be one: a device that gives out others would never be caught.
    weak: { 'the key is only nearly zero': { derive: (prk, info) => (info === ZERO ? new Uint8Array(32).fill(1, 31) : expand(prk, info)) } },
  },
  {
    id: 'link-heartbeat-lost',
    check: (parts) => {
      const it = session(parts);
      expect(outcome(() => it.watch(8000))).toBe('ok');
      expect(outcome(() => it.watch(parts.timePasses ? 8001 : 0))).toBe('heartbeatLost');
      expect(it.store.has(PAIR[0])).toBe(false);
      expect(outcome(() => it.store.retrieve(PAIR[0]))).toBe('sec2KeyDerivation');
      expect(outcome(() => it.requireAlive())).toBe('sessionLost');
    },
    weak: { 'time stands still': { timePasses: false } },
  },
];

function rotate({ store }: LinkSession, driver: CslContext, gpu: CslContext): void {
  for (const id of PAIR) store.update(id);
  const keys = store.retrieve(PAIR[0], 'both', false);
  driver.rotate(driverKeys(keys));
  gpu.rotate(gpuKeys(keys));
}
