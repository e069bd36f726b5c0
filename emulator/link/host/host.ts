/**
 * The host as adversary. It sees every byte that guest and GPU share and every doorbell between them; it can change, hold back, repeat and exchange them
 * at any time. It has no keys. One attack is armed at a time and strikes at its first opportunity.
 */
import type { Interposer } from '../path/doorbell.ts';
import type { Access, RegionName, SharedMemory } from '../path/shared-memory.ts';
import type { Canary } from './leak-scan.ts';
import { Observation, regionAt } from './observation.ts';

/** A message that lay in a bounce buffer, as the host copied it. */
export interface Loot {
  /** Who sealed it. */
  readonly by: Access['by'];
  /** Offset of its bounce buffer and of its tag. */
  readonly at: number;
  readonly tagAt: number;
  readonly ciphertext: Uint8Array;
  readonly tag: Uint8Array;
}

/** Where the host can strike: when the driver rings, when either side reads, and when the driver looks. */
export type Opportunity =
  | { readonly on: 'launch' | 'command'; readonly writes: readonly Access[]; readonly publish: () => void }
  | { readonly on: 'reading' | 'read'; readonly by: Access['by']; readonly region: RegionName; readonly at: number; readonly length: number }
  | { readonly on: 'look' };

/** What an attack works with. */
export interface Scene {
  readonly memory: SharedMemory;
  /** Messages that the host copied, oldest first. */
  readonly loot: readonly Loot[];
  /** Copies of every launch, command, status element and semaphore that were seen, oldest first. */
  readonly recorded: (region: RegionName) => readonly { readonly at: number; readonly bytes: Uint8Array }[];
  /** An integer from 0 to `sides - 1`. */
  readonly dice: (sides: number) => number;
  /** Things that an attack remembers between two opportunities. */
  readonly notes: Map<string, unknown>;
}

/** One attack. */
export interface Strike {
  readonly name: string;
  /** Does it, if this is the opportunity. @returns whether it is done; until then it sees every opportunity; a doorbell is published by whoever takes it */
  readonly act: (scene: Scene, opportunity: Opportunity) => 'done' | 'took' | 'not yet';
}

const KEPT_LOOT = 6;
const KEPT_RECORDS = 24;
const RECORDED: readonly RegionName[] = ['launches', 'commandQueue', 'statusQueue', 'semaphores', 'faultBuffer'];

/** The host of one link. */
export class Host implements Interposer {
  readonly seen: Observation;
  /** Attacks that struck, in order. */
  readonly struck: string[] = [];
  readonly loot: Loot[] = [];
  readonly #dice: (sides: number) => number;
  readonly #records = new Map<RegionName, { at: number; bytes: Uint8Array }[]>();
  #memory: SharedMemory | undefined;
  #writes: Access[] = [];
  #armed: Strike | undefined;
  #notes = new Map<string, unknown>();
  #begun = false;
  /** Whether messages are copied; off, the host costs no memory. */
  readonly #collects: boolean;

  /** @param dice an integer from 0 to `sides - 1` */
  constructor({ canaries = [], dice = () => 0, collects = true }: { readonly canaries?: readonly Canary[]; readonly dice?: (sides: number) => number; readonly collects?: boolean } = {}) {
    this.seen = new Observation(canaries);
    this.#dice = dice;
    this.#collects = collects;
  }

  attach(view: SharedMemory): void {
    this.#memory ??= view;
    this.seen.watch(view);
    view.watch((access) => this.#accessed(view, access));
  }

  /** Whether an attack waits for its opportunity. */
  get armed(): string | undefined {
    return this.#armed?.name;
  }

  /** Arms an attack, or none. */
  arm(strike: Strike | undefined): void {
    this.#armed = strike;
    this.#notes = new Map();
    this.#begun = false;
  }

  doorbell(what: 'launch' | 'command', publish: () => void): void {
    this.seen.doorbell(what);
    const writes = this.#writes;
    this.#writes = [];
    if (this.#collects) this.#collect(writes);
    if (this.#offer({ on: what, writes, publish }) === 'not yet') publish();
  }

  look(): void {
    this.seen.look();
    if (this.#collects) this.#recordSemaphores();
    this.#offer({ on: 'look' });
  }

  #accessed(view: SharedMemory, access: Access): void {
    const region = regionAt(view, access.at);
    if (region === 'between regions') return;
    if (access.kind === 'write') {
      if (access.by === 'driver') this.#writes.push(access);
      if (this.#collects && RECORDED.includes(region) && region !== 'semaphores') this.#record(region, access.at, view.live(access.at, access.length).slice());
      return;
    }
    if (access.kind === 'reading' && access.by === 'driver' && this.#collects) {
      if (region === 'bounce') this.#take('gpu', access.at, access.length);
      // What a GPU in another thread wrote is seen when the driver reads it.
      if (region === 'statusQueue') this.#record(region, access.at, view.live(access.at, access.length).slice());
    }
    this.#offer({ on: access.kind, by: access.by, region, at: access.at, length: access.length });
  }

  #offer(opportunity: Opportunity): 'done' | 'took' | 'not yet' {
    const armed = this.#armed;
    if (!armed || !this.#memory) return 'not yet';
    const scene = { memory: this.#memory, loot: this.loot, recorded: (region: RegionName) => this.#records.get(region) ?? [], dice: this.#dice, notes: this.#notes };
    const result = armed.act(scene, opportunity);
    if (result === 'done') this.#armed = undefined;
    // One that holds something back has struck, even if it never ends.
    if (result !== 'not yet') {
      if (!this.#begun) this.struck.push(armed.name);
      this.#begun = true;
    }
    return result;
  }

  #collect(writes: readonly Access[]): void {
    const memory = this.#memory;
    if (!memory) return;
    for (const { at, length } of writes) if (regionAt(memory, at) === 'bounce') this.#take('driver', at, length);
  }

  #take(by: Access['by'], at: number, length: number): void {
    const memory = this.#memory as SharedMemory;
    const tagAt = tagOf(memory, at);
    this.loot.push({ by, at, tagAt, ciphertext: memory.live(at, length).slice(), tag: memory.live(tagAt, 16).slice() });
    if (this.loot.length > KEPT_LOOT) this.loot.shift();
  }

  #recordSemaphores(): void {
    const memory = this.#memory;
    if (!memory) return;
    const { at, length } = memory.region('semaphores');
    for (let entry = at; entry < at + length; entry += 64) {
      const bytes = memory.live(entry, 64).slice();
      if (bytes.some((byte) => byte !== 0)) this.#record('semaphores', entry, bytes);
    }
  }

  #record(region: RegionName, at: number, bytes: Uint8Array): void {
    const records = this.#records.get(region) ?? [];
    this.#records.set(region, records);
    records.push({ at, bytes });
    if (records.length > KEPT_RECORDS) records.shift();
  }
}

/** Offset of the tag that belongs to a bounce buffer. */
export function tagOf(memory: SharedMemory, bounceAt: number): number {
  const bounce = memory.region('bounce');
  const size = bounce.length / memory.slots;
  return memory.region('tags').at + Math.floor((bounceAt - bounce.at) / size) * (memory.region('tags').length / memory.slots);
}
