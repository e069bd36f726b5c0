/** Many megabytes to a GPU in a thread of its own and back, with keys rotated and attacks in between: every byte comes back, or is reported lost. */
import { ATTACKS, type Attack, type Consequence } from '../../../emulator/link/host/attacks.ts';
import { Host } from '../../../emulator/link/host/host.ts';
import { canariesOf } from '../../../emulator/link/host/leak-scan.ts';
import { LinkError } from '../../../emulator/link/channel/outcomes.ts';
import type { DriverChannel } from '../../../emulator/link/path/guest/channel.ts';
import { type Link, openThreadedLink } from '../../../emulator/link/path/link.ts';
import { fixedClock, seededWorld } from '../../../emulator/world.ts';
import { payload, SilentCorruption } from './scene.ts';

/** How much, and how rough. */
export interface SoakOptions {
  readonly seed: string;
  /** Bytes each way. */
  readonly bytes: number;
  /** Bytes of one direction after which keys are rotated. */
  readonly rotateEvery: number;
  /** One chunk in so many is attacked. */
  readonly attackOneIn: number;
  /** Where the GPU's thread begins. */
  readonly script: URL;
  readonly engine?: string;
}

/** What came of it. */
export interface SoakReport {
  equal: number;
  lost: number;
  rotations: number;
  sessions: number;
  channels: number;
  leaks: number;
  mostSlots: number;
  mostMemory: number;
  readonly attacks: Map<string, Map<Consequence, number>>;
}

const CHUNK = 8 << 20;
const SLOTS = 32;
const GPU_MEMORY = 64 << 20;
const TIMEOUT = 4000;
/** Those that need to see the GPU read, which the host of another thread cannot. */
const NOT_HERE: readonly string[] = ['toctou-gpu'];
/** Those that race with the GPU's next write to the same place, which undoes them. */
const RACING = /semaphore|notifier/;

interface Running {
  readonly link: Link;
  readonly host: Host;
  channel: DriverChannel;
}

/** Runs it. @throws {SilentCorruption} for one wrong byte that nobody noticed @throws {Error} for an attack with an outcome that is not its own */
export async function soak({ seed, bytes, rotateEvery, attackOneIn, script, engine }: SoakOptions): Promise<SoakReport> {
  const world = seededWorld(seed, fixedClock(1_000_000));
  const dice = (sides: number): number => new DataView(world.random('dice', 4).buffer).getUint32(0) % sides;
  const canaries = canariesOf(world).slice(0, 1);
  const data = payload(CHUNK, canaries, 'chunk', world);
  const back = new Uint8Array(CHUNK);
  const report: SoakReport = { equal: 0, lost: 0, rotations: 0, sessions: 0, channels: 0, leaks: 0, mostSlots: 0, mostMemory: 0, attacks: new Map() };
  const attacks = ATTACKS.filter(({ name }) => !NOT_HERE.includes(name));
  const units = rotateEvery / 16;
  const open = async (): Promise<Running> => {
    const host = new Host({ canaries, dice });
    const link = await openThreadedLink(world, { slots: SLOTS, memorySize: GPU_MEMORY, host, timeout: TIMEOUT, script, thresholds: { lower: units, upper: 2 * units }, ...(engine ? { engine } : {}) });
    report.sessions++;
    report.channels++;
    return { link, host, channel: await link.driver.openChannel() };
  };

  let running = await open();
  let suspect: Attack | undefined;
  for (let done = 0, number = 0; done < bytes; done += CHUNK, number++) {
    stamp(data, number);
    // A new attack only when the one before had time to show.
    const attack = suspect === undefined && number > 2 && dice(attackOneIn) === 0 ? attacks[dice(attacks.length)] : undefined;
    const before = running.host.struck.length;
    if (attack) running.host.arm(attack);
    const consequence = await chunk(running, attack, data, back, (dice(GPU_MEMORY / 2 / 4096) % 2048) * 4096);
    const struck = attack !== undefined && running.host.struck.length > before;
    if (consequence === 'harmless') report.equal += CHUNK;
    else report.lost += CHUNK;
    const blamed = struck ? attack : suspect;
    if (consequence !== 'harmless' && !blamed) throw new Error(`chunk ${number}: ${consequence} without an attack`);
    if (blamed && (struck || consequence !== 'harmless')) judge(report, blamed, consequence);
    suspect = struck && consequence === 'harmless' ? attack : undefined;
    running.host.arm(undefined);
    report.leaks += running.host.seen.leaks.length;
    report.mostSlots = Math.max(report.mostSlots, running.link.driver.pool.size);
    report.mostMemory = Math.max(report.mostMemory, process.memoryUsage().rss);
    if (consequence !== 'harmless') {
      report.rotations += running.channel.pair.rotation.count;
      running = await recover(running, open, report);
    }
  }
  report.rotations += running.channel.pair.rotation.count;
  report.leaks += running.host.seen.scan().length;
  await running.link.close();
  return report;
}

/** Each page says which chunk it is of, so that an old one is not taken for a new one. */
function stamp(data: Uint8Array, number: number): void {
  const view = new DataView(data.buffer);
  for (let at = 0; at < data.length; at += 4096) view.setUint32(at, number * 2048 + at / 4096);
}

async function chunk({ link, channel }: Running, attack: Attack | undefined, data: Uint8Array, back: Uint8Array, address: number): Promise<Consequence> {
  try {
    if (attack?.during === 'command') await link.driver.closeChannel(await link.driver.openChannel());
    if (attack?.during === 'rotation') await link.driver.rotateKeys(channel);
    await channel.copyToDevice(address, data);
    await channel.copyFromDevice(address, back);
  } catch (error) {
    if (error instanceof LinkError) return error.outcome;
    throw error;
  }
  if (Buffer.compare(back, data) !== 0) throw new SilentCorruption(`wrong data after ${attack?.name ?? 'no attack'}`);
  return 'harmless';
}

function judge(report: SoakReport, attack: Attack, consequence: Consequence): void {
  const seen = report.attacks.get(attack.name) ?? new Map<Consequence, number>();
  report.attacks.set(attack.name, seen);
  seen.set(consequence, (seen.get(consequence) ?? 0) + 1);
  const right = attack.consequences.includes(consequence) || (consequence === 'harmless' && RACING.test(attack.name));
  if (!right) throw new Error(`${attack.name} had the outcome ${consequence}, not ${attack.consequences.join(' or ')}`);
}

/** A new channel where that helps, a new session with the GPU where it does not. */
async function recover(running: Running, open: () => Promise<Running>, report: SoakReport): Promise<Running> {
  const { link, channel } = running;
  try {
    link.driver.requireAlive();
    await link.driver.closeChannel(channel);
    if (!link.driver.sec2.open) await link.driver.openSec2();
    running.channel = await link.driver.openChannel();
    report.channels++;
    return running;
  } catch (error) {
    if (!(error instanceof LinkError)) throw error;
    await link.close();
    return open();
  }
}
