/** Copies: their order, how many may be under way, what memory they take; several channels, GPUs and threads. */
import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, test } from 'vitest';
import { Host } from '../../../emulator/link/host/host.ts';
import { BouncePool, FIRST_SLOTS } from '../../../emulator/link/path/guest/bounce-pool.ts';
import { type Link, openLink, openThreadedLink } from '../../../emulator/link/path/link.ts';
import { sharedRegions, SharedMemory, SLOT_SIZE } from '../../../emulator/link/path/shared-memory.ts';
import { fixedClock, seededWorld, systemClock } from '../../../emulator/world.ts';
import { consequenceOf, MEMORY, payload, requireSame, testLink } from './scene.ts';

const SCRIPT = new URL('../../../dist/emulator/link/path/device/gpu-thread.js', import.meta.url);
const opened: Link[] = [];
const threaded = async (options: Parameters<typeof openThreadedLink>[1] = {}): Promise<Link> => {
  if (!existsSync(SCRIPT)) throw new Error('run npm run build first: the thread of the GPU is started from what it writes');
  const link = await openThreadedLink(seededWorld('threads', fixedClock(0)), { script: SCRIPT, memorySize: MEMORY, slots: 16, ...options });
  opened.push(link);
  return link;
};

afterAll(async () => {
  for (const link of opened) await link.close();
});

describe('the pool of bounce buffers', () => {
  test('begins with 32, doubles when none is left, and ends at its cap', () => {
    const pool = new BouncePool(new SharedMemory('driver', 100));
    const taken = Array.from({ length: 100 }, () => pool.take());
    expect([pool.size, pool.free]).toEqual([100, 0]);
    expect(new Set(taken.map((buffer) => buffer?.at)).size).toBe(100);
    expect(pool.take()).toBeUndefined();
  });

  test('grows in steps', () => {
    const pool = new BouncePool(new SharedMemory('driver', 200));
    const sizes = Array.from({ length: 200 }, () => {
      pool.take();
      return pool.size;
    });
    expect([...new Set(sizes)]).toEqual([FIRST_SLOTS, 64, 128, 200]);
  });

  test('hands out first what was given back last', () => {
    const pool = new BouncePool(new SharedMemory('driver', 8));
    const [first, second] = [pool.take(), pool.take()];
    if (!first || !second) throw new Error('the pool is empty');
    pool.give(first);
    pool.give(second);
    expect(pool.take()).toBe(second);
  });

  test('lies with its tags on the alignments of the hardware, and regions do not overlap', () => {
    let end = 0;
    for (const { at, length } of sharedRegions(32)) {
      expect(at).toBeGreaterThanOrEqual(end);
      end = at + length;
    }
    const buffer = new BouncePool(new SharedMemory('driver', 4)).take();
    expect([(buffer?.address ?? 1) % 32, (buffer?.tagAddress ?? 1) % 16, (buffer?.ivAddress ?? 1) % 16]).toEqual([0, 0, 0]);
  });
});

describe('copies on a channel', () => {
  test('are done in the order in which they were asked for', async () => {
    const { channel, canaries } = await testLink();
    const values = Array.from({ length: 20 }, (_, i) => payload(100_000, canaries, `value ${i}`));
    await Promise.all(values.map((value) => channel.copyToDevice(4096, value)));
    const back = new Uint8Array(100_000);
    await channel.copyFromDevice(4096, back);
    requireSame(back, values.at(-1) as Uint8Array, 'the last copy');
  });

  test('that read see what was written before them, and not what is written after', async () => {
    const { channel, canaries } = await testLink();
    const values = Array.from({ length: 8 }, (_, i) => payload(70_000, canaries, `value ${i}`));
    const reads = values.map(async (value) => {
      const back = new Uint8Array(value.length);
      const written = channel.copyToDevice(0, value);
      const read = channel.copyFromDevice(0, back);
      await Promise.all([written, read]);
      return back;
    });
    for (const [i, back] of (await Promise.all(reads)).entries()) requireSame(back, values[i] as Uint8Array, `value ${i}`);
  });

  test('take no more bounce buffers than the cap, however large they are', async () => {
    const { link, channel, canaries } = await testLink({ slots: 3 });
    const data = payload(20 << 20, canaries, 'large');
    const back = new Uint8Array(data.length);
    await Promise.all([channel.copyToDevice(0, data), channel.copyFromDevice(0, back)]);
    requireSame(back, data, 'a large copy');
    expect([link.driver.pool.size, link.driver.pool.free]).toEqual([3, 3]);
  });

  test('let go of their source when every byte is sealed', async () => {
    const { channel, canaries } = await testLink();
    const data = payload(3 * SLOT_SIZE, canaries, 'data');
    const kept = data.slice();
    const copy = await channel.queueToDevice(0, data);
    data.fill(0);
    await channel.settled(copy);
    const back = new Uint8Array(kept.length);
    await channel.copyFromDevice(0, back);
    requireSame(back, kept, 'what was queued');
  });

  test('inside GPU memory never touch shared memory', async () => {
    const { channel, canaries, host } = await testLink();
    const data = payload(5000, canaries, 'data');
    await channel.copyToDevice(0, data);
    const before = host.seen.metadata.messageSizes.size;
    await channel.copyOnDevice(0, 1 << 20, 5000);
    expect(host.seen.metadata.messageSizes.size).toBe(before);
    const back = new Uint8Array(5000);
    await channel.copyFromDevice(1 << 20, back);
    requireSame(back, data, 'the copy of the copy');
  });

  test('of nothing are done at once', async () => {
    const { channel, host } = await testLink();
    const before = host.seen.metadata.doorbells.launch;
    await channel.copyToDevice(0, new Uint8Array(0));
    await channel.copyFromDevice(0, new Uint8Array(0));
    expect(host.seen.metadata.doorbells.launch).toBe(before);
  });

  test.each([
    [-1, 4],
    [MEMORY, 1],
    [MEMORY - (1 << 20) - 3, 4],
    [0.5, 4],
    [Number.NaN, 4],
    [2 ** 53, 4],
  ])('to %d with %d bytes are refused', async (address, length) => {
    const { channel } = await testLink();
    expect(await consequenceOf(() => channel.copyToDevice(address, new Uint8Array(length)))).toBe('gpuAddress');
    expect(await consequenceOf(() => channel.copyFromDevice(address, new Uint8Array(length)))).toBe('gpuAddress');
  });
});

describe('several channels', () => {
  test('of every engine and privilege copy at the same time', async () => {
    const { link, canaries } = await testLink();
    const channels = await Promise.all([2, 3, 4, 5, 6, 7, 8, 9].flatMap((engine) => (['user', 'kernel'] as const).map((privilege) => link.driver.openChannel({ engine, privilege }))));
    await Promise.all(
      channels.map(async (channel, i) => {
        const data = payload(50_000 + i, canaries, `channel ${i}`);
        const back = new Uint8Array(data.length);
        await channel.copyToDevice(i << 17, data);
        await channel.copyFromDevice(i << 17, back);
        requireSame(back, data, `channel ${i}`);
      }),
    );
    for (const channel of channels) await link.driver.closeChannel(channel);
    expect(link.driver.channels).toHaveLength(1);
  });

  test('are rotated together when they share keys, and alone when they do not', async () => {
    for (const scheme of ['hopper', 'blackwell'] as const) {
      const { link, channel, canaries } = await testLink({ scheme, thresholds: { lower: 20_000, upper: 200_000 } });
      const neighbour = await link.driver.openChannel();
      const data = payload(100_000, canaries, 'data');
      for (let i = 0; i < 8; i++) {
        const back = new Uint8Array(data.length);
        await channel.copyToDevice(0, data);
        await channel.copyFromDevice(0, back);
        requireSame(back, data, `${scheme} ${i}`);
      }
      expect(channel.pair.rotation.count).toBe(2);
      expect(neighbour.context.keyVersion).toBe(scheme === 'hopper' ? 2 : 0);
      await neighbour.copyToDevice(0, data);
    }
  });

  test.each([0, 1, 10, 11, 12, 20])('on copy engine %d of a GH100 are refused', async (engine) => {
    const { link } = await testLink();
    await expect(link.driver.openChannel({ engine })).rejects.toThrow(RangeError);
  });

  test('more than there are semaphores for are refused', async () => {
    const { link } = await testLink();
    for (let i = 1; i < 64; i++) await link.driver.openChannel();
    await expect(link.driver.openChannel()).rejects.toThrow(RangeError);
  });
});

describe('several GPUs', () => {
  test('of one world have keys of their own, and copy at the same time', async () => {
    const world = seededWorld('gpus', fixedClock(0));
    const links = await Promise.all(['gpu0', 'gpu1', 'gpu2'].map((name) => openLink(world, { name, memorySize: MEMORY, slots: 4 })));
    const backs = await Promise.all(
      links.map(async ({ driver, name }) => {
        const channel = await driver.openChannel();
        const data = payload(3_000_000, [], name);
        const back = new Uint8Array(data.length);
        await channel.copyToDevice(0, data);
        await channel.copyFromDevice(0, back);
        requireSame(back, data, name);
        return Buffer.from(links.find((link) => link.name === name)?.shared.live(0, 4096) ?? []).toString('hex');
      }),
    );
    expect(backs).toHaveLength(3);
    expect(new Set(links.map(({ driver }) => Buffer.from(driver.session.store.retrieve(2 << 16).encrypt?.key ?? []).toString('hex'))).size).toBe(3);
  });

  test('are the same every time for the same seed', async () => {
    const bytes = async (): Promise<string> => {
      const link = await openLink(seededWorld('again', fixedClock(0)), { memorySize: MEMORY, slots: 2 });
      const channel = await link.driver.openChannel();
      await channel.copyToDevice(0, payload(9000, [], 'data'));
      return Buffer.from(link.shared.bytes).toString('latin1');
    };
    const [first, second] = [await bytes(), await bytes()];
    expect(first === second).toBe(true);
  });
});

describe('a GPU in a thread of its own', () => {
  test('takes copies of several channels at the same time', async () => {
    const link = await threaded();
    const channels = [await link.driver.openChannel(), await link.driver.openChannel({ engine: 4, privilege: 'kernel' })];
    await Promise.all(
      channels.map(async (channel, i) => {
        const data = payload(9_000_000, [], `thread ${i}`);
        const back = new Uint8Array(data.length);
        await channel.copyToDevice(i << 24, data);
        await channel.copyFromDevice(i << 24, back);
        requireSame(back, data, `channel ${i}`);
      }),
    );
  });

  test('is one of two, each with its thread', async () => {
    const links = [await threaded({ name: 'gpu0' }), await threaded({ name: 'gpu1', scheme: 'blackwell' })];
    await Promise.all(
      links.map(async ({ driver, name }) => {
        const channel = await driver.openChannel();
        const data = payload(5_000_000, [], name);
        const back = new Uint8Array(data.length);
        await channel.copyToDevice(0, data);
        await channel.copyFromDevice(0, back);
        requireSame(back, data, name);
      }),
    );
  });

  test('hangs for the driver when its doorbell is cut: an error in bounded time, nothing copied', async () => {
    const host = new Host();
    const link = await threaded({ host, timeout: 200 });
    const channel = await link.driver.openChannel();
    host.arm({ name: 'cut', act: (_, { on }) => (on === 'launch' ? 'took' : 'not yet') });
    expect(await consequenceOf(() => channel.copyToDevice(0, new Uint8Array(100)))).toBe('timeout');
    host.arm(undefined);
    await link.driver.closeChannel(channel);
    const fresh = await link.driver.openChannel();
    expect(await consequenceOf(() => fresh.copyToDevice(0, new Uint8Array(100)))).toBe('harmless');
  });

  test('waits for heartbeats when its time runs', async () => {
    const link = await openThreadedLink(seededWorld('beats', systemClock()), { script: SCRIPT, memorySize: MEMORY, slots: 2, heartbeats: true });
    opened.push(link);
    await link.driver.heartbeat();
    expect(link.driver.session.lost).toBeUndefined();
  });

  test('survives a host that scribbles over bounce buffers and tags all the time: every byte right, or an error', async () => {
    const link = await threaded({ timeout: 2000 });
    const { at: bounce } = link.shared.region('bounce');
    const tags = link.shared.region('tags');
    const scribbler = new Worker(
      `const { workerData: { buffer, bounce, tags, end } } = require('node:worker_threads');
       const bytes = new Uint8Array(buffer); const words = new Int32Array(buffer);
       let x = 12345; const next = () => (x = (x * 1103515245 + 12345) >>> 0);
       while (Atomics.load(words, end) === 0) {
         for (let i = 0; i < 3; i++) bytes[bounce + (next() % (1 << 21))] ^= 1;
         if (next() % 4 === 0) bytes[tags + (next() % 32)] ^= 1;
         Atomics.wait(words, end, 0, 0.3);
       }`,
      { eval: true, workerData: { buffer: link.shared.buffer, bounce, tags: tags.at, end: 1000 } },
    );
    const gone = new Promise((resolve) => scribbler.once('exit', resolve));
    const seen = new Map<string, number>();
    const data = payload(1 << 20, [], 'data');
    let channel = await link.driver.openChannel();
    for (let i = 0; i < 60; i++) {
      const back = new Uint8Array(data.length);
      const consequence = await consequenceOf(async () => {
        await channel.copyToDevice(0, data);
        await channel.copyFromDevice(0, back);
        requireSame(back, data, `round ${i}`);
      });
      seen.set(consequence, (seen.get(consequence) ?? 0) + 1);
      if (!channel.stopped) continue;
      await link.driver.closeChannel(channel);
      channel = await link.driver.openChannel();
    }
    Atomics.store(link.shared.words, 1000, 1);
    await gone;
    expect([...seen.keys()].filter((name) => !['harmless', 'gpuTagMismatch', 'cpuTagMismatch'].includes(name))).toEqual([]);
    expect((seen.get('gpuTagMismatch') ?? 0) + (seen.get('cpuTagMismatch') ?? 0)).toBeGreaterThan(0);
  });
});

test.each([Number.NaN, -1, 1.5, Number.POSITIVE_INFINITY])('shared memory of %d slots is a mistake of the caller', (slots) => {
  expect(() => new SharedMemory('driver', slots)).toThrow(new RangeError(`slots are a whole number, not ${slots}`));
});
