/**
 * Whole copies over the emulated link: driver, bounce buffers, work submission, copy engine, tags, rings. In one thread per CPU second, beside
 * half of what the library's own measure does (each byte is encrypted once and decrypted once); with the GPU in a thread of its own, by the clock.
 */
import { engineTitle } from '../emulator/link/engine/choose.ts';
import { type Link, openLink, openThreadedLink } from '../emulator/link/path/link.ts';
import { fixedClock, seededWorld } from '../emulator/world.ts';
import { opensslSpeed, opensslVersion, SLOT, usableEngines } from './engines.ts';
import { compareWith, cpuMilliseconds, median, type Ratio, type Speed } from './ratio.ts';

/** Bytes of one copy. */
const COPY = 16 * SLOT;
/** Copies by the clock, and rounds of them. */
const COPIES = 8;
const ROUNDS = 5;
const GOALS: Readonly<Record<string, number>> = { node: 0.5, native: 0.9 };

const options = { memorySize: COPY + SLOT, slots: 32 };
const data = new Uint8Array(COPY).fill(0x5a);

/** Runs the comparison. */
export async function transfers(): Promise<{ speeds: readonly Speed[]; ratios: readonly Ratio[]; notes: readonly string[] }> {
  const world = seededWorld('bench', fixedClock(0));
  const { engines, notes } = usableEngines();
  const library = 'openssl speed';
  const tasks = [];
  for (const engine of engines) {
    const channel = await (await openLink(world, { ...options, engine })).driver.openChannel();
    tasks.push({ name: `link, ${engine.name}: copy to the GPU`, run: () => channel.copyToDevice(0, data) });
    tasks.push({ name: `link, ${engine.name}: copy from the GPU`, run: () => channel.copyFromDevice(0, data) });
  }
  const measured = await compareWith(tasks, [{ name: library, measure: () => (opensslSpeed() * SLOT) / COPY }], 3);
  const of = (name: string): number => measured.find((s) => s.name === name)?.perSecond ?? Number.NaN;
  const ratios = engines.flatMap((engine): Ratio[] =>
    ['copy to the GPU', 'copy from the GPU'].map((what) => ({
      name: `${engineTitle(engine)}: ${what} over the whole link, to half of openssl speed (${opensslVersion()})`,
      goal: GOALS[engine.name] ?? 0,
      value: (2 * of(`link, ${engine.name}: ${what}`)) / of(library),
    })),
  );
  const byTheClock = [];
  for (const engine of engines) byTheClock.push(await wall(engine.name, await openThreadedLink(world, { ...options, engine: engine.name })));
  return { speeds: measured.map((s) => ({ ...s, name: `${s.name}, 32 MiB` })), ratios, notes: [...byTheClock, ...notes] };
}

/** Copies with driver and GPU in a thread each. @returns what it took by the clock, and how many processors it kept busy */
async function wall(name: string, link: Link): Promise<string> {
  try {
    const channel = await link.driver.openChannel();
    const rates: number[] = [];
    const busy: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const [began, cpu] = [performance.now(), cpuMilliseconds()];
      for (let i = 0; i < COPIES; i++) await channel.copyToDevice(0, data);
      const took = performance.now() - began;
      rates.push((COPIES * COPY) / took / 1e6);
      busy.push((cpuMilliseconds() - cpu) / took);
    }
    return `link, ${name}, driver and GPU in a thread each: ${median(rates).toFixed(2)} GB/s by the clock (${Math.min(...rates).toFixed(2)} to ${Math.max(...rates).toFixed(2)}), ${median(busy).toFixed(1)} processors busy`;
  } finally {
    await link.close();
  }
}
