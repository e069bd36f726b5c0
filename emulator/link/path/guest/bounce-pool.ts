/**
 * The pool of bounce buffers: 32 of 2 MiB at first, twice as many whenever none is left, up to a cap. The buffer that was given back last is
 * handed out first. Source: NVIDIA open-gpu-kernel-modules 595.45.04, uvm_conf_computing.c:215-272, uvm_conf_computing.h:52,88-104.
 */
import { SHARED_BASE, type SharedMemory, SLOT_SIZE } from '../shared-memory.ts';

/** Bounce buffers that a pool begins with. */
export const FIRST_SLOTS = 32;
/** Bounce buffers that a pool may grow to unless it is said otherwise: 256 MiB. */
export const MOST_SLOTS = 128;
const TAG_ENTRY = 32;

/** One bounce buffer with its tag. */
export interface BounceBuffer {
  readonly index: number;
  /** Offset in shared memory, and address for the GPU. */
  readonly at: number;
  readonly address: number;
  readonly tagAt: number;
  readonly tagAddress: number;
  /** Where the copy engine says which IV it used. */
  readonly ivAddress: number;
}

/** The pool of one GPU. */
export class BouncePool {
  readonly #shared: SharedMemory;
  readonly #free: BounceBuffer[] = [];
  #size = 0;

  /** The pool of all bounce buffers that shared memory has room for. */
  constructor(shared: SharedMemory) {
    this.#shared = shared;
    this.#grow(Math.min(FIRST_SLOTS, shared.slots));
  }

  /** Bounce buffers that were made so far. */
  get size(): number {
    return this.#size;
  }

  /** Bounce buffers that nobody uses. */
  get free(): number {
    return this.#free.length;
  }

  /** Takes a buffer; makes as many again when none is left. @returns undefined when no more may be made */
  take(): BounceBuffer | undefined {
    if (this.#free.length === 0) this.#grow(Math.min(2 * this.#size, this.#shared.slots));
    return this.#free.pop();
  }

  /** Gives a buffer back. */
  give(buffer: BounceBuffer): void {
    this.#free.push(buffer);
  }

  #grow(to: number): void {
    const bounce = this.#shared.region('bounce').at;
    const tags = this.#shared.region('tags').at;
    const made: BounceBuffer[] = [];
    for (let index = this.#size; index < to; index++) {
      const at = bounce + index * SLOT_SIZE;
      const tagAt = tags + index * TAG_ENTRY;
      made.push({ index, at, address: SHARED_BASE + at, tagAt, tagAddress: SHARED_BASE + tagAt, ivAddress: SHARED_BASE + tagAt + 16 });
    }
    // The lowest is handed out first.
    this.#free.push(...made.reverse());
    this.#size = to;
  }
}
