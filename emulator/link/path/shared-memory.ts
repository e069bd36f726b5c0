/**
 * Memory that the guest shares with the host, so that the GPU can reach it: queues, pushes, semaphores, tags and bounce buffers. The host sees and
 * may change every byte of it at any time. It is one `SharedArrayBuffer`, so driver, GPU and host may be different threads.
 */

import { copyBytes } from '../engine/copy.ts';

/** Bytes of one bounce buffer; a secure copy is no longer (uvm_conf_computing.h:52,252). */
export const SLOT_SIZE: number = 2 << 20;
/** Where shared memory begins for the GPU; its own memory begins at 0. */
export const SHARED_BASE = 0x10_0000_0000;

/** Registers and indices that both sides poll, as numbers of 32-bit words. */
export const REGISTER = {
  launchPut: 0,
  launchGet: 1,
  commandPut: 2,
  commandGet: 3,
  statusPut: 4,
  statusGet: 5,
  faultPut: 6,
  faultGet: 7,
  /** Rung by the driver; the GPU sleeps on it. */
  doorbell: 8,
  /** Counted by the GPU whenever something is done; the driver sleeps on it. */
  completion: 9,
  /** The emulated GPU's thread is to end. No hardware has this. */
  stop: 10,
} as const;

/** Entries of each ring. */
export const RING = { launches: 64, rpcElements: 32, faults: 64, semaphores: 64 } as const;
/** Bytes of one work launch. */
export const LAUNCH_SIZE = 2048;
const PAGE = 4096;

/** A part of shared memory. */
export type RegionName = 'registers' | 'commandQueue' | 'statusQueue' | 'faultBuffer' | 'launches' | 'semaphores' | 'spdm' | 'tags' | 'bounce';

/** Where a part lies. */
export interface Region {
  readonly name: RegionName;
  /** Offset from the start of shared memory. */
  readonly at: number;
  readonly length: number;
}

/** What happened to some bytes, for those who look at shared memory. */
export interface Access {
  readonly by: 'driver' | 'gpu';
  /** `read` is told before and after the bytes are copied; `write` after. */
  readonly kind: 'write' | 'reading' | 'read';
  readonly at: number;
  readonly length: number;
}

/** The parts for so many bounce buffers, in order. Pages that nobody touches cost no memory. */
export function sharedRegions(slots: number): Region[] {
  const lengths: readonly (readonly [RegionName, number])[] = [
    ['registers', PAGE],
    ['commandQueue', RING.rpcElements * 4096],
    ['statusQueue', RING.rpcElements * 4096],
    ['faultBuffer', RING.faults * 64],
    ['launches', RING.launches * LAUNCH_SIZE],
    ['semaphores', RING.semaphores * 64],
    ['spdm', 0x2000],
    // A tag and the IV that a copy engine reports, for each bounce buffer.
    ['tags', slots * 32],
    ['bounce', slots * SLOT_SIZE],
  ];
  let end = 0;
  return lengths.map(([name, length]) => {
    const at = end;
    end = Math.ceil((at + length) / PAGE) * PAGE;
    return { name, at, length };
  });
}

/** Shared memory as one side sees it. */
export class SharedMemory {
  readonly buffer: SharedArrayBuffer;
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly regions: ReadonlyMap<RegionName, Region>;
  readonly slots: number;
  readonly by: 'driver' | 'gpu';
  readonly #watchers = new Set<(access: Access) => void>();

  /** @param slots most bounce buffers there can be @param buffer the other side's, if that was there first @throws {RangeError} when `slots` is no whole number, or more than can be allocated */
  constructor(by: 'driver' | 'gpu', slots: number, buffer?: SharedArrayBuffer) {
    if (!Number.isSafeInteger(slots) || slots < 0) throw new RangeError(`slots are a whole number, not ${slots}`);
    const regions = sharedRegions(slots);
    const last = regions.at(-1);
    this.by = by;
    this.slots = slots;
    this.buffer = buffer ?? new SharedArrayBuffer((last?.at ?? 0) + (last?.length ?? 0));
    this.bytes = new Uint8Array(this.buffer);
    this.words = new Int32Array(this.buffer);
    this.regions = new Map(regions.map((region) => [region.name, region]));
  }

  /** A part. */
  region(name: RegionName): Region {
    const region = this.regions.get(name);
    if (!region) throw new RangeError(`there is no region ${name}`);
    return region;
  }

  /** Offset of an entry of a part that is made of equal entries. */
  entry(name: RegionName, index: number, size: number): number {
    const { at, length } = this.region(name);
    return at + ((index >>> 0) % Math.floor(length / size)) * size;
  }

  /** The bytes themselves, which the host may change while they are looked at. */
  live(at: number, length: number): Uint8Array {
    return this.bytes.subarray(at, at + length);
  }

  /** Copies bytes into memory that nobody else can change. Everything that is checked and then used is read so, once. @param into as long as what is read @returns `into` */
  snapshot(at: number, into: Uint8Array): Uint8Array {
    this.#tell('reading', at, into.length);
    copyBytes(into, this.live(at, into.length));
    this.#tell('read', at, into.length);
    return into;
  }

  /**
   * Lets `act` read bytes where they lie. It must read each of them once, for the host may change them meanwhile: what an engine's `open` does.
   * @returns what `act` does
   */
  read<T>(at: number, length: number, act: (bytes: Uint8Array) => T): T {
    this.#tell('reading', at, length);
    const result = act(this.live(at, length));
    this.#tell('read', at, length);
    return result;
  }

  /** Lets `act` write bytes where everybody sees them. It must never read them back: what an engine's `seal` does not. */
  fill(at: number, length: number, act: (bytes: Uint8Array) => void): void {
    act(this.live(at, length));
    this.#tell('write', at, length);
  }

  /** Puts bytes where everybody sees them. */
  write(at: number, src: Uint8Array): void {
    copyBytes(this.live(at, src.length), src);
    this.#tell('write', at, src.length);
  }

  /** Reads a register. */
  load(register: keyof typeof REGISTER): number {
    return Atomics.load(this.words, REGISTER[register]) >>> 0;
  }

  /** Writes a register. */
  store(register: keyof typeof REGISTER, value: number): void {
    Atomics.store(this.words, REGISTER[register], value | 0);
  }

  /** Writes one word that others poll. @param at a multiple of 4 */
  storeWord(at: number, value: number): void {
    Atomics.store(this.words, at / 4, value | 0);
    this.#tell('write', at, 4);
  }

  /** Counts a register and wakes whoever sleeps on it. */
  signal(register: 'doorbell' | 'completion'): void {
    Atomics.add(this.words, REGISTER[register], 1);
    Atomics.notify(this.words, REGISTER[register]);
  }

  /** Tells `watcher` of every access by this side. @returns ends it */
  watch(watcher: (access: Access) => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  #tell(kind: Access['kind'], at: number, length: number): void {
    for (const watcher of this.#watchers) watcher({ by: this.by, kind, at, length });
  }
}
