/**
 * A host that writes anything anywhere at any time: nothing but errors of teemu comes of it, in bounded time, and never wrong data. And whatever a driver
 * does in whatever order, no key seals twice with one IV.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Host, type Strike } from '../../../emulator/link/host/host.ts';
import { LINK_SCHEMES } from '../../../emulator/link/channel/schemes.ts';
import type { DriverChannel } from '../../../emulator/link/path/guest/channel.ts';
import { openLink } from '../../../emulator/link/path/link.ts';
import { REGISTER, type RegionName } from '../../../emulator/link/path/shared-memory.ts';
import { TeemuError } from '../../../emulator/errors.ts';
import { fixedClock, seededWorld } from '../../../emulator/world.ts';
import { consequenceOf, payload, requireSame } from './scene.ts';
import { recordingEngine } from './weak-parts.ts';

const RUNS = 25;
const MEMORY = 4 << 20;
const REGIONS: readonly RegionName[] = ['registers', 'commandQueue', 'statusQueue', 'faultBuffer', 'launches', 'semaphores', 'tags', 'bounce'];

/** Writes noise into one region, with some chance at each opportunity. */
function scribble(region: RegionName, oneIn: number, dice: (sides: number) => number): Strike {
  return {
    name: `noise in ${region}`,
    act: ({ memory }) => {
      if (dice(oneIn) !== 0) return 'not yet';
      const { at, length } = memory.region(region);
      if (region === 'registers') Atomics.store(memory.words, dice(REGISTER.stop), dice(3) === 0 ? dice(2 ** 32) | 0 : dice(200));
      // Where the first few messages, entries and buffers lie.
      else for (let i = 0; i < 1 + dice(40); i++) memory.bytes[at + ((dice(2) === 0 ? 4096 * dice(16) + dice(256) : dice(9000)) % length)] = dice(256);
      // Nobody looks at the fault buffer before somebody says that there is something.
      if (region === 'faultBuffer') {
        memory.bytes[at + length / 2 + 32 * dice(4) + 16] = dice(3);
        memory.store('faultPut', dice(4));
      }
      return 'not yet';
    },
  };
}

test.each(REGIONS)('noise in %s: an error of teemu or the right bytes', async (region) => {
  let noticed = 0;
  for (let seed = 0; seed < RUNS; seed++) {
    const world = seededWorld(`${region} ${seed}`, fixedClock(0));
    const dice = (sides: number): number => new DataView(world.random('dice', 4).buffer).getUint32(0) % sides;
    const host = new Host({ dice, collects: false });
    const link = await openLink(world, { host, slots: 2, memorySize: MEMORY, scheme: dice(2) === 0 ? 'hopper' : 'blackwell' });
    const channel = await link.driver.openChannel();
    host.arm(scribble(region, 1 + dice(6), dice));
    const data = payload(9000, [], `${seed}`);
    for (let round = 0; round < 3; round++) {
      try {
        const back = new Uint8Array(data.length);
        await channel.copyToDevice(0, data);
        await channel.copyFromDevice(0, back);
        requireSame(back, data, `${region} ${seed}`);
        if (round === 1) await link.driver.rotateKeys(channel);
        await link.driver.heartbeat();
      } catch (error) {
        if (!(error instanceof TeemuError)) throw error;
        noticed++;
      }
    }
  }
  // Noise where nothing is ever read would prove nothing.
  expect(noticed).toBeGreaterThan(0);
});

test('a host that rings for ever does not keep the driver waiting for ever', async () => {
  const host = new Host();
  const link = await openLink(seededWorld('rings', fixedClock(0)), { host, slots: 2, memorySize: MEMORY });
  const channel = await link.driver.openChannel();
  host.arm({
    name: 'ring',
    act: ({ memory }, { on }) => {
      if (on === 'look') Atomics.add(memory.words, REGISTER.completion, 1);
      return on === 'launch' ? 'took' : 'not yet';
    },
  });
  expect(await consequenceOf(() => channel.copyToDevice(0, new Uint8Array(100)))).toBe('timeout');
});

type Step = 'copy' | 'both' | 'rotateKeys' | 'rotateIvs' | 'reopen' | 'another' | 'sec2' | 'heartbeat';
const steps = fc.array(fc.constantFrom<Step>('copy', 'both', 'rotateKeys', 'rotateIvs', 'reopen', 'another', 'sec2', 'heartbeat'), { minLength: 1, maxLength: 25 });

test.each(Object.values(LINK_SCHEMES))('no key seals twice with one IV, whatever happens in whatever order: $name', async ({ name: scheme }) => {
  await fc.assert(
    fc.asyncProperty(steps, async (order) => {
      const sealed: string[] = [];
      const { driver } = await openLink(seededWorld('ivs', fixedClock(0)), { scheme, engine: recordingEngine(sealed), slots: 2, memorySize: MEMORY });
      let channel = await driver.openChannel();
      const others: DriverChannel[] = [];
      const run: Record<Step, () => Promise<unknown>> = {
        copy: () => channel.copyToDevice(0, new Uint8Array(64)),
        both: () => Promise.all([channel, ...others].map((each) => each.copyFromDevice(0, new Uint8Array(64)))),
        rotateKeys: () => driver.rotateKeys(channel),
        rotateIvs: () => driver.rotateIvs(channel),
        reopen: async () => {
          await driver.closeChannel(channel);
          channel = await driver.openChannel();
        },
        another: async () => others.push(await driver.openChannel({ privilege: others.length % 2 === 0 ? 'user' : 'kernel' })),
        sec2: () => driver.openSec2(),
        heartbeat: () => driver.heartbeat(),
      };
      for (const step of [...order, 'copy', 'both'] as const) await run[step]();
      expect(new Set(sealed).size).toBe(sealed.length);
    }),
    { numRuns: 20, seed: 1 },
  );
});
