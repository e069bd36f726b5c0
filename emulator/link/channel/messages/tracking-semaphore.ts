/**
 * Tracking semaphores: how far a channel has come, written by its copy engine into shared memory: a sealed payload of 4 bytes, its tag, and a
 * notifier that is odd while both are being written. The IV is that of the push which the notifier counts. Source: NVIDIA open-gpu-kernel-modules
 * 595.45.04, uvm_gpu_semaphore.c:640-760.
 */
import { Layout } from '../../../codec/layout.ts';
import { bytes, reserved, u32 } from '../../../codec/rows.ts';
import type { CslContext, CslIv } from '../bundle.ts';
import { LinkError } from '../outcomes.ts';

/** A tracking semaphore in shared memory. */
export const TRACKING_SEMAPHORE = new Layout('link.trackingSemaphore', 64, 'uvm_gpu_semaphore.c', {
  payload: bytes(0, 4, 'sealed payload: number of the last push that is done'),
  padding0: reserved(4, 12, 'up to the alignment of the tag'),
  authTag: bytes(16, 16, 'tag of the payload'),
  notifier: u32(32, 'odd while payload and tag are being written; twice the number of the push otherwise'),
  padding1: reserved(36, 28, 'up to the next semaphore'),
});

/** Pushes of a channel that may be under way: IVs are kept for that many (the driver's num_gpfifo_entries). */
export const GPFIFO_ENTRIES = 1024;
const PAYLOAD_AT = TRACKING_SEMAPHORE.locate('payload').at;
const TAG_AT = TRACKING_SEMAPHORE.locate('authTag').at;
const NOTIFIER_AT = TRACKING_SEMAPHORE.locate('notifier').at;

/** The driver's side of one tracking semaphore. */
export class TrackingSemaphore {
  readonly #context: CslContext;
  readonly #ivs: (CslIv | undefined)[] = [];
  readonly #memory: Uint8Array;
  readonly #words: Int32Array;
  #observed = 0;
  #queued = 0;
  #completed = 0;

  /** @param memory 64 bytes of shared memory, on a multiple of 4 */
  constructor(context: CslContext, memory: Uint8Array) {
    this.#context = context;
    this.#memory = memory;
    this.#words = new Int32Array(memory.buffer, memory.byteOffset, memory.length / 4);
  }

  /** Number of the last push that was queued. */
  get queued(): number {
    return this.#queued;
  }

  /** Number of the last push that is done. */
  get completed(): number {
    return this.#completed;
  }

  /** Whether another push may be queued. */
  get room(): boolean {
    return this.#queued - this.#completed < GPFIFO_ENTRIES - 1;
  }

  /** Takes the IV with which the GPU will seal the next payload. @returns number of the push, which is the payload @throws {LinkError} ivOverflow */
  queue(): number {
    this.#queued++;
    this.#ivs[this.#queued % GPFIFO_ENTRIES] = this.#context.logIv();
    return this.#queued;
  }

  /**
   * Reads how far the channel has come.
   * @param settle called while the notifier is odd, to let the GPU go on
   * @returns number of the last push that is done
   * @throws {LinkError} semaphoreForged, semaphoreUnsettled: the driver gives up on the GPU
   */
  update(settle: () => void = () => undefined): number {
    const at = NOTIFIER_AT / 4;
    for (let tries = 0; tries < GPFIFO_ENTRIES; tries++) {
      const notifier = Atomics.load(this.#words, at) >>> 0;
      if (notifier % 2 === 1) {
        settle();
        continue;
      }
      if (notifier === this.#observed) return this.#completed;
      const payload = this.#memory.slice(PAYLOAD_AT, PAYLOAD_AT + 4);
      const authTag = this.#memory.slice(TAG_AT, TAG_AT + 16);
      if (Atomics.load(this.#words, at) >>> 0 !== notifier) continue;
      return this.#take(notifier, payload, authTag);
    }
    throw new LinkError('semaphoreUnsettled', 'the notifier stays odd');
  }

  #take(notifier: number, payload: Uint8Array, authTag: Uint8Array): number {
    const push = notifier / 2;
    if (push <= this.#completed || push > this.#queued) throw new LinkError('semaphoreUnsettled', `push ${push}, between ${this.#completed} and ${this.#queued}`);
    const plain = new Uint8Array(4);
    this.#context.open(payload, authTag, plain, { iv: this.#ivs[push % GPFIFO_ENTRIES] }, 'semaphoreForged');
    const value = new DataView(plain.buffer).getUint32(0, true);
    if (value !== push) throw new LinkError('semaphoreForged', `payload ${value} of push ${push}`);
    this.#observed = notifier;
    this.#completed = push;
    return push;
  }
}
