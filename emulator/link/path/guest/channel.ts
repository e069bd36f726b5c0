/**
 * A copy channel at the driver: copies to the GPU and back, each cut into pieces that fit a bounce buffer, in the order in which they were asked for.
 * Source of the rules: NVIDIA open-gpu-kernel-modules 595.45.04, uvm_channel.c, uvm_conf_computing.c, uvm_hopper_ce.c.
 */
import type { CslContext } from '../../channel/bundle.ts';
import { TRACKING_SEMAPHORE, TrackingSemaphore } from '../../channel/messages/tracking-semaphore.ts';
import { LinkError } from '../../channel/outcomes.ts';
import type { Method } from '../../channel/work-mac.ts';
import { copyMethods, decryptMethods, encryptMethods, releaseMethods } from '../class-methods.ts';
import { SHARED_BASE, type SharedMemory, SLOT_SIZE } from '../shared-memory.ts';
import type { BounceBuffer } from './bounce-pool.ts';
import { Copy, type Push } from './copy.ts';
import type { KeyPair } from './key-pair.ts';
import { Turns } from './turns.ts';

const SECTOR = 32;
const TAG_SIZE = 16;
const PAYLOAD_AT = TRACKING_SEMAPHORE.locate('payload').at;
const TAG_AT = TRACKING_SEMAPHORE.locate('authTag').at;
const NOTIFIER_AT = TRACKING_SEMAPHORE.locate('notifier').at;
const UNUSED_IV_AT = TRACKING_SEMAPHORE.locate('padding1').at + 12;

/** What a channel needs of its driver. */
export interface ChannelHost {
  readonly shared: SharedMemory;
  /** Bytes of GPU memory that copies may reach. */
  readonly memorySize: number;
  /** Runs `submit` when the channel may begin something new; with a bounce buffer if one is wanted. */
  turn(channel: DriverChannel, buffer: boolean, submit: (buffer: BounceBuffer | undefined) => void): Promise<void>;
  /** Hands a push to SEC2. */
  launch(channel: DriverChannel, methods: readonly Method[]): void;
  /** Waits until something is so. @throws {LinkError} timeout */
  wait(until: () => boolean): Promise<void>;
  giveBack(buffer: BounceBuffer): void;
}

/** Who a channel is. */
export interface ChannelIdentity {
  readonly number: number;
  /** Copy engine as the driver counts them: COPYn. */
  readonly engine: number;
  readonly privilege: 'user' | 'kernel';
}

/** One copy channel at the driver. */
export class DriverChannel {
  readonly identity: ChannelIdentity;
  readonly pair: KeyPair;
  readonly context: CslContext;
  readonly semaphore: TrackingSemaphore;
  readonly #host: ChannelHost;
  readonly #turns = new Turns();
  readonly #semaphoreAt: number;
  readonly #payloadAddress: number;
  #pushes: Push[] = [];
  #stopped: LinkError | undefined;

  /** @param payloadAddress word in GPU memory that holds the number of the push */
  constructor(host: ChannelHost, identity: ChannelIdentity, pair: KeyPair, context: CslContext, semaphoreAt: number, payloadAddress: number) {
    this.#host = host;
    this.identity = identity;
    this.pair = pair;
    this.context = context;
    this.semaphore = new TrackingSemaphore(context, host.shared.live(semaphoreAt, TRACKING_SEMAPHORE.size));
    this.#semaphoreAt = semaphoreAt;
    this.#payloadAddress = payloadAddress;
  }

  /** Whether nothing is under way. */
  get idle(): boolean {
    return this.#pushes.length === 0 || this.#stopped !== undefined;
  }

  /** Why the channel was stopped, or undefined while it works. */
  get stopped(): LinkError | undefined {
    return this.#stopped;
  }

  /**
   * Copies to the GPU. `src` must stay as it is until this is done.
   * @param address in GPU memory
   * @throws {LinkError} whatever became of it: the GPU verified every byte otherwise
   */
  async copyToDevice(address: number, src: Uint8Array): Promise<void> {
    await this.settled(await this.queueToDevice(address, src));
  }

  /**
   * Copies from the GPU.
   * @param address in GPU memory @param dst private to the caller: it holds zeros for what was wrong
   * @throws {LinkError} cpuTagMismatch, or whatever else became of it: every byte was verified otherwise
   */
  async copyFromDevice(address: number, dst: Uint8Array): Promise<void> {
    await this.settled(await this.queueFromDevice(address, dst));
  }

  /** As {@link copyToDevice}, but only until every byte lies sealed in a bounce buffer: `src` may change then. Wait for the rest with {@link settled}. */
  queueToDevice(address: number, src: Uint8Array): Promise<Copy> {
    return this.#queue(address, src.length, (copy, at, from, length) => this.#toDevice(copy, at, src.subarray(from, from + length)));
  }

  /** As {@link copyFromDevice}, but only until everything was asked for. Wait for the rest with {@link settled}. */
  queueFromDevice(address: number, dst: Uint8Array): Promise<Copy> {
    return this.#queue(address, dst.length, (copy, at, from, length) => this.#fromDevice(copy, at, dst.subarray(from, from + length)));
  }

  /** Copies inside GPU memory. */
  async copyOnDevice(from: number, to: number, length: number): Promise<void> {
    await this.run(copyMethods({ from, to, length }));
  }

  /** Runs methods on the copy engine as they are. @throws {LinkError} what stopped the channel */
  async run(methods: readonly Method[]): Promise<void> {
    const copy = new Copy();
    await this.#turns.run(() => this.#host.turn(this, false, () => this.#submit(copy, methods, undefined, () => undefined)));
    copy.finish();
    await this.settled(copy);
  }

  /** Waits for a copy that was queued. @throws {LinkError} what became of it; timeout stops the channel, for the GPU may still be at it */
  async settled(copy: Copy): Promise<void> {
    try {
      await this.#host.wait(() => copy.settled);
    } catch (error) {
      if (error instanceof LinkError && error.outcome === 'timeout') this.stop(error);
      throw error;
    }
    await copy.done;
  }

  /** Looks how far the GPU has come and finishes what is done. @returns pushes that are done now @throws {LinkError} what ends the driver's work with the GPU */
  advance(settle: () => void): number {
    if (this.#pushes.length === 0 || this.#stopped) return 0;
    const before = this.#pushes.length;
    const completed = this.semaphore.update(settle);
    while (this.#pushes[0] && this.#pushes[0].number <= completed) {
      const push = this.#pushes.shift() as Push;
      try {
        if (!push.copy.failed) push.finish();
        push.copy.finish();
      } catch (error) {
        if (!(error instanceof LinkError)) throw error;
        push.copy.fail(error);
      }
      if (push.buffer) this.#host.giveBack(push.buffer);
    }
    return before - this.#pushes.length;
  }

  /** Stops the channel: everything under way fails. Its bounce buffers stay taken until the GPU has closed it. */
  stop(error: LinkError): void {
    this.#stopped ??= error;
    for (const { copy } of this.#pushes) copy.fail(error);
  }

  /** Gives back what a stopped channel held; the GPU has closed it. */
  release(): void {
    for (const { buffer } of this.#pushes) if (buffer) this.#host.giveBack(buffer);
    this.#pushes = [];
  }

  /** @throws {LinkError} why it was stopped */
  requireUsable(): void {
    if (this.#stopped) throw new LinkError(this.#stopped.reach === 'call' ? 'channelKilled' : this.#stopped.outcome, 'the channel was stopped before');
  }

  #queue(address: number, length: number, piece: (copy: Copy, at: number, from: number, length: number) => Promise<void>): Promise<Copy> {
    if (!Number.isSafeInteger(address) || address < 0 || address + length > this.#host.memorySize) {
      return Promise.reject(new LinkError('gpuAddress', `${length} bytes at ${address}`));
    }
    const copy = new Copy();
    return this.#turns.run(async () => {
      try {
        for (let from = 0; from < length; ) {
          const size = pieceSize(address + from, length - from);
          await piece(copy, address + from, from, size);
          if (copy.failed) break;
          from += size;
        }
      } catch (error) {
        if (error instanceof LinkError) copy.fail(error);
        throw error;
      }
      copy.finish();
      return copy;
    });
  }

  #toDevice(copy: Copy, address: number, src: Uint8Array): Promise<void> {
    return this.#host.turn(this, true, (taken) => {
      const buffer = taken as BounceBuffer;
      const { shared } = this.#host;
      const tag = new Uint8Array(TAG_SIZE);
      shared.fill(buffer.at, src.length, (ciphertext) => this.context.seal(src, ciphertext, tag));
      shared.write(buffer.tagAt, tag);
      this.pair.count('toDevice', src.length);
      this.#submit(copy, decryptMethods({ from: buffer.address, to: address, length: src.length, tag: buffer.tagAddress }), buffer, () => undefined);
    });
  }

  #fromDevice(copy: Copy, address: number, dst: Uint8Array): Promise<void> {
    return this.#host.turn(this, true, (taken) => {
      const buffer = taken as BounceBuffer;
      const { shared } = this.#host;
      const iv = this.context.logIv();
      const { keyVersion } = this.context;
      this.pair.count('fromDevice', dst.length);
      this.#submit(copy, encryptMethods({ from: address, to: buffer.address, length: dst.length, tag: buffer.tagAddress, iv: buffer.ivAddress }), buffer, () => {
        const tag = shared.snapshot(buffer.tagAt, new Uint8Array(TAG_SIZE));
        shared.read(buffer.at, dst.length, (ciphertext) => this.context.open(ciphertext, tag, dst, { iv, keyVersion }));
      });
    });
  }

  /** Hands methods to the GPU, and after them the tracking semaphore. */
  #submit(copy: Copy, methods: readonly Method[], buffer: BounceBuffer | undefined, finish: () => void): void {
    const number = this.semaphore.queue();
    this.pair.count('fromDevice', 4);
    const semaphore = SHARED_BASE + this.#semaphoreAt;
    copy.add();
    this.#pushes.push({ number, buffer, finish, copy });
    this.#host.launch(this, [
      ...methods,
      ...releaseMethods(this.#payloadAddress, number),
      ...releaseMethods(semaphore + NOTIFIER_AT, 2 * number - 1),
      ...encryptMethods({ from: this.#payloadAddress, to: semaphore + PAYLOAD_AT, length: 4, tag: semaphore + TAG_AT, iv: semaphore + UNUSED_IV_AT }),
      ...releaseMethods(semaphore + NOTIFIER_AT, 2 * number),
    ]);
  }
}

/** Length of the next piece: up to a sector's edge first, so that all that follow begin on one. */
function pieceSize(address: number, left: number): number {
  const into = address % SECTOR;
  return Math.min(left, into === 0 ? SLOT_SIZE : SECTOR - into);
}
