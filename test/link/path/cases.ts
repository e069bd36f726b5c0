/**
 * The cases of the CPU-GPU link that take a whole link. Each has a check that passes on both architectures, and parts that leave out what it looks
 * at: with each of them it must fail, or it checks nothing.
 */
import { expect } from 'vitest';
import { attackNamed, spliceToDevice } from '../../../emulator/link/host/attacks.ts';
import { findCanaries } from '../../../emulator/link/host/leak-scan.ts';
import type { LinkSchemeName } from '../../../emulator/link/channel/schemes.ts';
import { HEARTBEAT_PERIOD } from '../../../emulator/link/channel/session.ts';
import type { Method } from '../../../emulator/link/channel/work-mac.ts';
import { decryptMethods } from '../../../emulator/link/path/class-methods.ts';
import { SHARED_BASE, type SharedMemory, SLOT_SIZE } from '../../../emulator/link/path/shared-memory.ts';
import { fixedClock } from '../../../emulator/world.ts';
import { attacked, believing, copies, type Device, Frozen, macless, misalignments, noCounters, oneMethodFewer, roundedDown, sealedUnderRotation, sec2Misalignments, spliced, tagless } from './checks.ts';
import { consequenceOf, MEMORY, MESSAGE, payload, requireSame, standingClock, type TestLink, testLink } from './scene.ts';
import { contextsOf, twoPassEngine, VIEWS, WithoutIvRotation, WithoutNewKeys, withoutEncryption } from './weak-parts.ts';

interface PathCase {
  readonly id: string;
  readonly check: (device: Device) => Promise<void>;
  readonly weak: Readonly<Record<string, (scheme: LinkSchemeName) => Partial<Omit<Device, 'scheme'>>>>;
  /** Architectures on which a weakness shows; both unless said otherwise. */
  readonly showsOn?: readonly LinkSchemeName[];
}

/** What the host does between two reads of a message, for the weak engine that reads twice. */
let rewrite: ((src: Uint8Array) => void) | undefined;

/** Rewrites every bounce buffer while a message is read from one. */
function overwriting(shared: SharedMemory): (src: Uint8Array) => void {
  const { at, length } = shared.region('bounce');
  return (src) => {
    if (src.length === MESSAGE) shared.live(at, length).fill(0x5a);
  };
}

/** A link whose host rewrites bounce buffers whenever something reads them twice. */
async function rewritten({ scheme, options }: Device, atOnce = true): Promise<TestLink> {
  rewrite = undefined;
  const scene = await testLink({ scheme, ...options });
  if (atOnce) rewrite = overwriting(scene.link.shared);
  return scene;
}

/** What the check for leaks copies, for the weak memory that shows it. */
let current: Uint8Array | undefined;

/** The cases. */
export const PATH_CASES: readonly PathCase[] = [
  { id: 'link-replay-same-channel', check: attacked('replay-to-device', 'replay-from-device'), weak: tagless },
  { id: 'link-reorder', check: attacked('reorder-to-device'), weak: tagless },
  { id: 'link-drop', check: attacked('drop-message'), weak: macless },
  { id: 'link-flip-ciphertext', check: attacked('flip-ciphertext-to-device', 'flip-ciphertext-from-device', 'flip-push'), weak: tagless },
  { id: 'link-flip-tag', check: attacked('flip-tag-to-device', 'flip-tag-from-device', 'flip-push-tag'), weak: tagless },
  { id: 'link-flip-aad', check: attacked('forge-answer-aad'), weak: tagless },
  {
    id: 'link-splice-channel',
    check: async ({ scheme, options }) => {
      const scene = await testLink({ scheme, ...options });
      await spliced(scene, scene, await scene.link.driver.openChannel(), scene.channel);
    },
    weak: { ...tagless, ...noCounters },
    // On Blackwell every channel has keys of its own.
    showsOn: ['hopper'],
  },
  { id: 'link-splice-direction', check: attacked('splice-direction-to-device', 'splice-direction-from-device'), weak: tagless },
  {
    id: 'link-splice-privilege',
    check: async ({ scheme, options }) => {
      const scene = await testLink({ scheme, ...options });
      await spliced(scene, scene, scene.channel, await scene.link.driver.openChannel({ privilege: 'kernel' }));
    },
    weak: tagless,
  },
  {
    id: 'link-splice-session',
    check: async ({ scheme, options }) => {
      const [one, other, gpu] = [await testLink({ scheme, ...options, seed: 'one' }), await testLink({ scheme, ...options, seed: 'other' }), await testLink({ scheme, ...options, seed: 'one', name: 'gpu1' })];
      await spliced(one, other, one.channel, other.channel);
      await spliced(one, gpu, one.channel, gpu.channel);
    },
    weak: tagless,
  },
  {
    id: 'link-iv-reuse',
    check: async (device) => {
      const sealed = await sealedUnderRotation(device);
      expect(sealed.length).toBeGreaterThan(100);
      expect(new Set(sealed).size).toBe(sealed.length);
    },
    weak: {
      ...noCounters,
      'an IV rotation begins the messages anew and nothing else': () => ({ options: { contexts: contextsOf(WithoutIvRotation), gpuContexts: contextsOf(WithoutIvRotation) } }),
      'a key rotation begins the messages anew and keeps the key': () => ({ options: { contexts: WithoutNewKeys.of, gpuContexts: WithoutNewKeys.of } }),
    },
    showsOn: ['hopper'],
  },
  {
    id: 'link-iv-rotation-order',
    check: async ({ scheme, options }) => {
      // Every message leaves fewer than the limit, so the IVs are rotated while copies are under way.
      const { link, channel, canaries } = await testLink({ scheme, ivLimit: 0xffff_fffe, ...options });
      const parts = Array.from({ length: 12 }, (_, i) => payload(MESSAGE, canaries, `part ${i}`));
      const queued = [];
      for (const part of parts) queued.push(await channel.queueToDevice(0, part));
      for (const copy of queued) await channel.settled(copy);
      const back = new Uint8Array(MESSAGE);
      await channel.copyFromDevice(0, back);
      requireSame(back, parts.at(-1) as Uint8Array, 'the last one written');
      expect(channel.context.counters('out').channel).toBeGreaterThan(10n);
      expect(link.driver.fatal).toBeUndefined();
    },
    weak: { 'only the driver rotates': () => ({ options: { gpuContexts: contextsOf(WithoutIvRotation) } }) },
  },
  {
    id: 'link-key-rotation-stale-key',
    check: async (device) => {
      const scene = await testLink({ scheme: device.scheme, ...device.options });
      await copies(scene.channel, payload(MESSAGE, scene.canaries, 'stale'), 'before');
      const loot = [...scene.host.loot];
      await scene.link.driver.rotateKeys(scene.channel);
      // The first message after a rotation, as the stale one was the first before.
      for (const message of loot.filter(({ by }) => by === 'driver').slice(0, 1)) {
        scene.host.arm(spliceToDevice('stale', message));
        expect(await consequenceOf(() => copies(scene.channel, payload(MESSAGE, scene.canaries, 'fresh'), 'after'))).toBe('gpuTagMismatch');
      }
      await attacked('roll-back-keys')(device);
    },
    weak: { ...tagless, 'the keys stay': () => ({ options: { contexts: WithoutNewKeys.of, gpuContexts: WithoutNewKeys.of } }) },
  },
  {
    id: 'link-key-rotation-timeout',
    check: async ({ scheme, options }) => {
      const clock = options.clock ?? standingClock();
      const { link, channel, host, canaries } = await testLink({ scheme, ...options, clock });
      const data = payload(MESSAGE, canaries, 'data');
      const other = await link.driver.openChannel();
      host.arm(attackNamed('drop-doorbells'));
      const hanging = await channel.queueToDevice(0, data);
      const [clockMoves] = [clock.now()];
      channel.pair.rotation.request(clockMoves);
      if (!(clock instanceof Frozen)) clock.advance(5001);
      host.arm(undefined);
      await link.driver.tick();
      await expect(channel.settled(hanging)).rejects.toMatchObject({ outcome: 'rotationForced', reach: 'channel' });
      expect([channel.pair.rotation.count, channel.pair.rotation.status]).toEqual([1, 'IDLE']);
      // The neighbour was idle, and goes on with the new keys; on Blackwell it never shared them.
      await copies(other, data, 'after a forced rotation');
    },
    weak: { 'time stands still': () => ({ options: { clock: new Frozen(fixedClock(1_000_000)) } }) },
  },
  { id: 'link-mac-reordered', check: attacked('reorder-methods', 'edit-methods', 'flip-work-mac'), weak: macless },
  { id: 'link-mac-replayed', check: attacked('replay-launch'), weak: macless },
  { id: 'link-mac-too-many', check: attacked('too-many-methods'), weak: { 'the launch ring loses a byte': () => ({ options: { views: oneMethodFewer } }) } },
  {
    id: 'link-misaligned',
    check: async ({ scheme, options, lenient }) => {
      const { link } = await testLink({ scheme, ...options });
      const { at } = link.shared.region('bounce');
      const tags = link.shared.region('tags').at;
      for (const [outcome, methods] of misalignments) {
        const channel = await link.driver.openChannel();
        expect(await consequenceOf(() => channel.run(lenient(methods(SHARED_BASE + at, SHARED_BASE + tags))))).toBe(outcome);
        await link.driver.closeChannel(channel);
      }
      for (const [outcome, method, by] of sec2Misalignments) {
        const channel = await link.driver.openChannel();
        const { sec2 } = link.driver;
        const launch = sec2.launch.bind(sec2);
        sec2.launch = () => sec2.launchPush(new Uint8Array(64), (methods) => lenient(methods.map(([address, data]): Method => [address, address === method ? data + by : data])));
        expect(await consequenceOf(() => channel.run([]))).toBe(outcome);
        sec2.launch = launch;
        await link.driver.closeChannel(channel);
        await link.driver.openSec2();
      }
      // Inside one sector nothing needs to be aligned.
      const channel = await link.driver.openChannel();
      for (const [address, length] of [
        [0, 32],
        [5, 27],
        [31, 1],
      ] as const) {
        const data = Uint8Array.from({ length }, (_, i) => i + 1);
        const back = new Uint8Array(length);
        await channel.copyToDevice(address, data);
        await channel.copyFromDevice(address, back);
        requireSame(back, data, `${length} bytes at ${address}`);
      }
    },
    weak: { 'addresses are rounded down': () => ({ lenient: roundedDown }) },
  },
  {
    id: 'link-toctou-gpu',
    check: async (device) => {
      await attacked('toctou-gpu')(device);
      const { channel, canaries, link } = await rewritten(device);
      const data = payload(MESSAGE, canaries, 'data');
      await channel.copyToDevice(0, data);
      requireSame(link.gpu?.memory.view(0, MESSAGE).slice() ?? new Uint8Array(0), data, 'what the GPU took');
    },
    weak: { 'the GPU reads twice': () => ({ options: { engine: twoPassEngine((src) => rewrite?.(src)) } }) },
  },
  {
    id: 'link-toctou-cpu',
    check: async (device) => {
      await attacked('toctou-cpu', 'toctou-cpu-late')(device);
      const { channel, canaries, link } = await rewritten(device, false);
      const data = payload(MESSAGE, canaries, 'data');
      await channel.copyToDevice(0, data);
      rewrite = overwriting(link.shared);
      const back = new Uint8Array(MESSAGE);
      expect(['cpuTagMismatch', 'harmless']).toContain(await consequenceOf(() => channel.copyFromDevice(0, back)));
      requireSame(back, data, 'what the CPU took');
    },
    weak: { 'the CPU reads twice': () => ({ options: { engine: twoPassEngine((src) => rewrite?.(src)) } }) },
  },
  {
    id: 'link-plaintext-leak',
    check: async ({ scheme, options }) => {
      const scene = await testLink({ scheme, ...options });
      const { link, channel, canaries, host, world } = scene;
      const data = payload(MESSAGE, canaries, 'data');
      current = data;
      expect(findCanaries(data, canaries)).toHaveLength(canaries.length);
      await copies(channel, data, 'copy');
      await link.driver.rotateKeys(channel);
      await copies(channel, data, 'copy');
      host.arm(attackNamed('flip-ciphertext-from-device'));
      const refusal = await channel.copyFromDevice(0, new Uint8Array(MESSAGE)).catch((error: unknown) => error);
      await link.driver.closeChannel(channel);
      expect(host.seen.leaks).toEqual([]);
      expect(host.seen.scan()).toEqual([]);
      expect(findCanaries(new TextEncoder().encode(JSON.stringify([world.log, String(refusal)])), canaries)).toEqual([]);
      expect(host.seen.metadata.lowestEntropy).toBeGreaterThan(7.8);
      // The same search finds what the GPU holds, so it can find something; and the host's own reads of that memory show nothing.
      expect(findCanaries(link.gpu?.memory.view(0, MESSAGE) ?? new Uint8Array(0), canaries)).toHaveLength(canaries.length);
      expect(findCanaries(link.gpu?.memory.hostRead(0, MESSAGE) ?? data, canaries)).toEqual([]);
    },
    weak: {
      'messages are not encrypted': () => ({ options: { engine: withoutEncryption(MESSAGE) } }),
      'a freed buffer holds plain bytes': () => ({ options: { views: VIEWS.plainAfterUse(() => current) } }),
    },
  },
  {
    id: 'link-host-delay',
    check: async (device) => {
      await attacked('drop-doorbells', 'drop-doorbell', 'delay-doorbell', 'drop-command')(device);
      // The host says that everything is done; the GPU never saw it.
      const { host, link, channel, canaries } = await testLink({ scheme: device.scheme, ...device.options });
      const data = payload(MESSAGE, canaries, 'data');
      host.arm({
        name: 'false completion',
        act: ({ memory }, { on }) => {
          if (on === 'look') Atomics.store(memory.words, (memory.region('semaphores').at + 32) / 4, 2);
          return on === 'launch' ? 'took' : 'not yet';
        },
      });
      expect(['semaphoreForged', 'semaphoreUnsettled', 'timeout']).toContain(await consequenceOf(() => channel.copyToDevice(0, data)));
      expect(link.gpu?.memory.view(0, 64).every((byte) => byte === 0)).toBe(true);
    },
    weak: believing,
  },
  { id: 'link-semaphore-forged', check: attacked('forge-semaphore', 'forge-semaphore-tag', 'forge-notifier', 'roll-back-semaphore', 'stick-notifier'), weak: believing },
  {
    id: 'link-fault-packet-forged',
    check: async (device) => {
      await attacked('forge-fault')(device);
      const { link, channel } = await testLink({ scheme: device.scheme, ...device.options });
      expect(await consequenceOf(() => channel.run(decryptMethods({ from: SHARED_BASE, to: 2 * MEMORY, length: 32, tag: SHARED_BASE })))).toBe('mmuFault');
      expect(link.driver.gsp.faults).toMatchObject([{ faultType: 2, client: 2 }]);
    },
    weak: tagless,
  },
  {
    id: 'link-heartbeat-lost',
    check: async ({ scheme, options }) => {
      const clock = options.clock ?? standingClock();
      const { link, host, channel } = await testLink({ scheme, ...options, clock });
      const move = (by: number): void => {
        if (!(clock instanceof Frozen)) clock.advance(by);
      };
      for (let i = 0; i < 5; i++) {
        move(HEARTBEAT_PERIOD);
        await link.driver.tick();
      }
      expect(await consequenceOf(() => channel.copyToDevice(0, new Uint8Array(8)))).toBe('harmless');
      move(2 * HEARTBEAT_PERIOD + 1);
      expect(await consequenceOf(() => link.driver.tick())).toBe('heartbeatLost');
      expect(link.gpu?.session.lost).toMatchObject({ outcome: 'heartbeatLost' });
      for (const store of [link.driver.session.store, link.gpu?.session.store]) expect(store?.has(0)).toBe(false);
      expect(await consequenceOf(() => channel.copyToDevice(0, new Uint8Array(8)))).toBe('sessionLost');
      expect(host.seen.leaks).toEqual([]);
    },
    weak: { 'time stands still': () => ({ options: { clock: new Frozen(fixedClock(1_000_000)) } }) },
  },
  {
    id: 'ok-link-large-copy',
    check: async ({ scheme, options }) => {
      const { channel, canaries, link } = await testLink({ scheme, ...options });
      const edges = [1, 15, 16, 31, 32, 33, 63, 64, 4095, 4096, 4097, SLOT_SIZE - 1, SLOT_SIZE, SLOT_SIZE + 1, 2 * SLOT_SIZE, 3 * SLOT_SIZE + 4097];
      for (const length of edges) {
        for (const address of [0, 1, 4096 + 31]) {
          const data = payload(length, canaries, `${length} at ${address}`);
          const back = new Uint8Array(length);
          await channel.copyToDevice(address, data);
          await channel.copyFromDevice(address, back);
          requireSame(back, data, `${length} bytes at ${address}`);
        }
      }
      expect(link.driver.pool.size).toBeLessThanOrEqual(8);
    },
    weak: { 'the last byte of a whole buffer is lost': () => ({ options: { views: VIEWS.lossy } }) },
  },
];
