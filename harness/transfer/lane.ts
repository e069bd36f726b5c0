/** A link that can be replaced: what a program does when the host has made one unusable. */
import { LinkError, type Reach } from '../../emulator/link/channel/outcomes.ts';
import type { LinkSchemeName } from '../../emulator/link/channel/schemes.ts';
import { chooseEngine } from '../../emulator/link/engine/choose.ts';
import type { Canary } from '../../emulator/link/host/leak-scan.ts';
import { Host } from '../../emulator/link/host/host.ts';
import type { DriverChannel } from '../../emulator/link/path/guest/channel.ts';
import { type Link, type LinkOptions, openLink, openThreadedLink } from '../../emulator/link/path/link.ts';
import type { World } from '../../emulator/world.ts';
import { type Agreement, agree } from './spdm-agreement.ts';

/** How a lane is set up. */
export interface LaneOptions {
  readonly engine: string;
  readonly scheme: LinkSchemeName;
  /** The GPU has a thread of its own. */
  readonly threaded: boolean;
  /** Bytes of GPU memory that copies use. */
  readonly memory: number;
  /** What the host does: nothing, look at all it can see, or also keep copies, which attacks work with. */
  readonly host: 'blind' | 'looks' | 'collects';
}

/** GPU memory that the driver keeps for itself. */
const KEPT = 1 << 20;
const SLOTS = 16;

/** One link with one channel, watched by its host; a new session whenever nothing less helps. */
export class Lane {
  readonly #world: World;
  readonly #options: LaneOptions;
  /** Hosts of all sessions, the current one last. */
  readonly hosts: Host[] = [];
  /** Sessions that were agreed on, the current one last. */
  readonly agreements: Agreement[] = [];
  #link: Link | undefined;
  #channel: DriverChannel | undefined;

  private constructor(world: World, options: LaneOptions) {
    this.#world = world;
    this.#options = options;
  }

  /** Agrees on keys and opens a channel. @throws {ConfigError} for an engine that can't be used @throws {LinkError} */
  static async open(world: World, options: LaneOptions): Promise<Lane> {
    const lane = new Lane(world, options);
    await lane.reset();
    return lane;
  }

  get link(): Link {
    if (!this.#link) throw new TypeError('the lane is closed');
    return this.#link;
  }

  get channel(): DriverChannel {
    if (!this.#channel) throw new TypeError('the lane is closed');
    return this.#channel;
  }

  get host(): Host {
    return this.hosts.at(-1) as Host;
  }

  /** Bytes that must be nowhere where the host can see them, from now on. */
  watchFor(canaries: readonly Canary[]): void {
    this.host.seen.canaries.splice(0, Number.POSITIVE_INFINITY, ...canaries);
  }

  /** Resets the GPU: a new session with new keys, and a channel. The GPU's memory is empty then. */
  async reset(): Promise<void> {
    await this.close();
    const canaries = this.hosts.at(-1)?.seen.canaries ?? [];
    const agreement = agree(this.#world);
    const { engine, scheme, threaded, memory, host: does } = this.#options;
    const host = new Host({ canaries, dice: (sides) => new DataView(this.#world.random('transfer/dice', 4).buffer).getUint32(0) % sides, collects: does === 'collects' });
    const options: LinkOptions = { emk: agreement.emk, scheme, slots: SLOTS, memorySize: memory + KEPT, ...(does === 'blind' ? {} : { host }) };
    this.#link = threaded ? await openThreadedLink(this.#world, { ...options, engine }) : await openLink(this.#world, { ...options, engine: chooseEngine(engine) });
    this.#channel = await this.#link.driver.openChannel();
    this.hosts.push(host);
    this.agreements.push(agreement);
  }

  /** Makes copies possible again after an error. @returns what it took: nothing, a new channel, or a new session */
  async recover({ reach }: LinkError): Promise<'nothing' | 'channel' | 'session'> {
    if (reach === 'call' && !this.channel.stopped) return 'nothing';
    if (canReopen(reach)) {
      try {
        await this.link.driver.closeChannel(this.channel);
        if (!this.link.driver.sec2.open) await this.link.driver.openSec2();
        this.#channel = await this.link.driver.openChannel();
        return 'channel';
      } catch (error) {
        if (!(error instanceof LinkError)) throw error;
      }
    }
    await this.reset();
    return 'session';
  }

  /** Ends the link. */
  async close(): Promise<void> {
    const link = this.#link;
    this.#link = undefined;
    this.#channel = undefined;
    await link?.close();
  }
}

function canReopen(reach: Reach): boolean {
  return reach === 'call' || reach === 'channel';
}
