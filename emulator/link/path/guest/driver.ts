/**
 * The guest's driver of one GPU: its session, SEC2's channel, copy channels, bounce buffers and key rotation. Asynchronous; several copies may be under way
 * at a time, and their data never leaves the guest in the clear. Source of the rules: NVIDIA open-gpu-kernel-modules 595.45.04.
 */
import { type ContextFactory, driverKeys, newContext } from '../../channel/bundle.ts';
import type { Expand } from '../../channel/key-store.ts';
import { copyEnginePair, sec2Pair } from '../../channel/labels.ts';
import { TRACKING_SEMAPHORE } from '../../channel/messages/tracking-semaphore.ts';
import { LinkError } from '../../channel/outcomes.ts';
import { IV_REMAINING_LIMIT, type Thresholds } from '../../channel/rotation.ts';
import type { LinkSchemeName } from '../../channel/schemes.ts';
import { LinkSession } from '../../channel/session.ts';
import type { Method } from '../../channel/work-mac.ts';
import type { Clock } from '../../../world.ts';
import type { GcmEngine } from '../../engine/engine.ts';
import { type Doorbell, HONEST_HOST, type Interposer } from '../doorbell.ts';
import { MASK_PAIR } from '../gsp-messages.ts';
import { RING, type SharedMemory } from '../shared-memory.ts';
import { type BounceBuffer, BouncePool } from './bounce-pool.ts';
import { type ChannelHost, DriverChannel } from './channel.ts';
import { GspClient } from './gsp-client.ts';
import { KeyPair } from './key-pair.ts';
import { Rotator } from './rotator.ts';
import { Sec2Queue } from './sec2-queue.ts';
import { Turns } from './turns.ts';

/** What a driver is made of. */
export interface DriverOptions {
  /** 32 bytes: what SPDM agreed on. */
  readonly emk: Uint8Array;
  readonly shared: SharedMemory;
  readonly engine: GcmEngine;
  readonly bell: Doorbell;
  readonly clock: Clock;
  /** Bytes of the GPU's memory. */
  readonly memorySize: number;
  readonly scheme?: LinkSchemeName;
  readonly host?: Interposer;
  /** When keys are rotated; the driver's own thresholds unless it is said otherwise. */
  readonly thresholds?: Thresholds | undefined;
  /** Milliseconds that user channels have to become idle for a rotation. */
  readonly rotationTimeout?: number | undefined;
  /** Messages left at which an IV is rotated. */
  readonly ivLimit?: number;
  readonly contexts?: ContextFactory;
  readonly derive?: Expand | undefined;
}

/** GPU memory that the driver keeps for pushes and semaphores: the last mebibyte. */
const KEPT = 1 << 20;
const PUSH_AREA = 1 << 19;
const SECTOR = 32;
/** Wakings without anything done after which the GPU counts as hanging, however often somebody rings. */
const MOST_WAKINGS = 1000;

/** The driver of one GPU. Make it with {@link GuestDriver.boot}. */
export class GuestDriver implements ChannelHost {
  readonly session: LinkSession;
  readonly shared: SharedMemory;
  readonly memorySize: number;
  readonly pool: BouncePool;
  readonly gsp: GspClient;
  readonly sec2: Sec2Queue;
  readonly #options: DriverOptions;
  readonly #host: Interposer;
  readonly #contexts: ContextFactory;
  readonly #ivLimit: bigint;
  readonly #channels = new Map<number, DriverChannel>();
  readonly #pairs = new Map<number, KeyPair>();
  /** Place of each channel's tracking semaphore. */
  readonly #places = new Map<number, number>();
  readonly #rotator: Rotator;
  readonly #submissions = new Turns();
  #lastChannel = 0;
  /** Pushes and messages of the GPU that were taken. */
  #progress = 0;
  #fatal: LinkError | undefined;

  /**
   * Begins a session with the GPU at the other end: both derive the same keys, the GPU says its IV masks, SEC2 gets its channel.
   * @throws {LinkError} zeroKey, timeout, rpcForged
   */
  static async boot(options: DriverOptions): Promise<GuestDriver> {
    const driver = new GuestDriver(options);
    const masks = await driver.gsp.call('deriveKeys');
    const { scheme, store } = driver.session;
    const size = MASK_PAIR.locate('first').size;
    for (const [i, { globalKeyId }] of scheme.slots.filter(({ type }) => type === 'CRYPT_COUNTER').entries()) store.depositIvMask(globalKeyId, masks.slice(i * size, (i + 1) * size));
    await driver.openSec2();
    return driver;
  }

  /** Use {@link GuestDriver.boot}. */
  private constructor(options: DriverOptions) {
    const { emk, shared, memorySize, scheme, clock, host = HONEST_HOST, contexts = newContext, derive, ivLimit = IV_REMAINING_LIMIT.usual } = options;
    if (!(ivLimit >= IV_REMAINING_LIMIT.least && ivLimit <= IV_REMAINING_LIMIT.most)) throw new RangeError(`an IV is rotated with ${IV_REMAINING_LIMIT.least} to ${IV_REMAINING_LIMIT.most} messages left, not ${ivLimit}`);
    this.#options = options;
    this.session = new LinkSession({ emk, now: clock.now(), derive, ...(scheme ? { scheme } : {}) });
    this.shared = shared;
    this.memorySize = memorySize - KEPT;
    this.pool = new BouncePool(shared);
    this.#host = host;
    this.#contexts = contexts;
    this.#ivLimit = BigInt(ivLimit);
    this.gsp = new GspClient({
      session: this.session,
      shared,
      publish: (publish) => this.#host.doorbell('command', () => this.#ring(publish)),
      wait: (until) => this.wait(until),
      context: (label) => this.session.queueContext(label, 'driver', (keys) => contexts(options.engine, keys, 64)),
      fail: (error) => this.fail(error),
      stopped: (channel, error) => this.#stopped(channel, error),
    });
    this.sec2 = new Sec2Queue(shared, this.memorySize + PUSH_AREA, (publish) => this.#host.doorbell('launch', () => this.#ring(publish)));
    this.#rotator = new Rotator({ session: this.session, clock, gsp: this.gsp, ivLimit: this.#ivLimit, wait: (until) => this.wait(until), fail: (error) => this.fail(error) });
  }

  /** Why the driver gave up on the GPU, or undefined while it works with it. */
  get fatal(): LinkError | undefined {
    return this.#fatal;
  }

  /** Channels that are open. */
  get channels(): readonly DriverChannel[] {
    return [...this.#channels.values()];
  }

  /**
   * Opens a copy channel.
   * @param engine copy engine as the driver counts them: 2 to 9, and 12 to 19 on Blackwell
   * @throws {LinkError} channelCounterExhausted, timeout, sessionLost @throws {RangeError} for an engine that is not there
   */
  async openChannel({ engine = 2, privilege = 'user' }: { readonly engine?: number; readonly privilege?: 'user' | 'kernel' } = {}): Promise<DriverChannel> {
    this.requireAlive();
    const { scheme, store } = this.session;
    if (!scheme.copyEngines.includes(engine)) throw new RangeError(`a ${scheme.name} GPU has the copy engines ${scheme.copyEngines.join(', ')}, not ${engine}`);
    const id = copyEnginePair(engine, privilege)[0].globalKeyId;
    const number = ++this.#lastChannel;
    // Taken at once, for others may be opened at the same time.
    const place = this.#freePlace();
    this.#places.set(number, place);
    const semaphoreAt = this.shared.entry('semaphores', place, TRACKING_SEMAPHORE.size);
    this.shared.write(semaphoreAt, new Uint8Array(TRACKING_SEMAPHORE.size));
    try {
      return await this.gsp.call('openChannel', [number, engine, privilege === 'kernel' ? 1 : 0], () => {
        const context = this.#contexts(this.#options.engine, driverKeys(scheme.open(store, id)), 32);
        const pair = this.#pair(scheme.shared ? id : number, privilege === 'kernel');
        const channel = new DriverChannel(this, { number, engine, privilege }, pair, context, semaphoreAt, this.memorySize + place * SECTOR);
        pair.channels.add(channel);
        this.#channels.set(number, channel);
        return channel;
      });
    } catch (error) {
      this.#places.delete(number);
      throw error;
    }
  }

  /** Closes a channel, after what is under way unless it was stopped. @throws {LinkError} timeout, sessionLost */
  async closeChannel(channel: DriverChannel): Promise<void> {
    const { number } = channel.identity;
    await this.wait(() => channel.idle);
    await this.gsp.call('closeChannel', [number], () => {
      channel.release();
      channel.stop(new LinkError('channelKilled', 'closed'));
      channel.pair.channels.delete(channel);
      this.#channels.delete(number);
      this.#places.delete(number);
    });
  }

  /** Opens SEC2's channel, again if it was stopped: both of its counters begin anew. @throws {LinkError} timeout, sessionLost */
  async openSec2(): Promise<void> {
    await this.gsp.call('openSec2', [], () => this.sec2.use(this.#contexts(this.#options.engine, driverKeys(this.session.store.retrieve(sec2Pair('kernel')[0].globalKeyId)), 32)));
  }

  /** What the driver does each second: a heartbeat when it is due, rotations whose time has come. @throws {LinkError} heartbeatLost, rotationFailed */
  async tick(): Promise<void> {
    this.requireAlive();
    if (this.session.heartbeatDue(this.#options.clock.now())) await this.heartbeat();
    await this.#submissions.run(async () => {
      for (const pair of this.#pairs.values()) if (pair.rotation.pending || pair.check(this.#options.clock.now()) !== 'none') await this.#rotator.keys(pair);
    });
  }

  /** Asks the GPU whether it is there. @throws {LinkError} heartbeatLost: all keys are destroyed then */
  async heartbeat(): Promise<void> {
    try {
      await this.gsp.call('heartbeat');
    } catch (error) {
      if (error instanceof LinkError && error.reach !== 'session') throw this.fail(new LinkError('heartbeatLost', error.outcome));
      throw error;
    }
    this.session.heartbeat(this.#options.clock.now());
  }

  /** Rotates the keys of a channel's pair as soon as its channels are idle. @throws {LinkError} rotationFailed, timeout */
  async rotateKeys(channel: DriverChannel): Promise<void> {
    await this.#submissions.run(async () => {
      channel.pair.rotation.request(this.#options.clock.now());
      await this.#rotator.keys(channel.pair);
    });
  }

  /** Gives both directions of a channel a new channel counter, when it is idle. @throws {LinkError} channelCounterExhausted, timeout */
  async rotateIvs(channel: DriverChannel): Promise<void> {
    await this.#submissions.run(() => this.#rotator.ivs(channel, ['out', 'in']));
  }

  turn(channel: DriverChannel, wanted: boolean, submit: (buffer: BounceBuffer | undefined) => void): Promise<void> {
    return this.#submissions.run(async () => {
      await this.#rotator.keys(channel.pair);
      await this.#rotator.ivsIfFew(channel);
      await this.#renewSec2IfFew();
      await this.wait(() => this.#room(channel));
      const buffer = wanted ? await this.#buffer() : undefined;
      try {
        this.requireAlive();
        channel.requireUsable();
        submit(buffer);
      } catch (error) {
        if (buffer) this.pool.give(buffer);
        throw error;
      }
    });
  }

  launch(channel: DriverChannel, methods: readonly Method[]): void {
    this.sec2.launch(channel.identity.number, methods);
  }

  async wait(until: () => boolean): Promise<void> {
    const { bell } = this.#options;
    for (let idle = 0, woken = 0, progress = -1; ; ) {
      const seen = bell.seen();
      this.poll();
      if (until()) return;
      // The host can ring as often as it likes: only what the GPU really did counts.
      woken = progress === this.#progress ? woken + 1 : 0;
      progress = this.#progress;
      idle = (await bell.changed(seen)) ? 0 : idle + 1;
      if (idle >= bell.tries || woken > MOST_WAKINGS) throw new LinkError('timeout');
    }
  }

  giveBack(buffer: BounceBuffer): void {
    this.pool.give(buffer);
  }

  /** Looks what the GPU did. @throws {LinkError} what ends the session or the driver's work with the GPU */
  poll(): void {
    this.requireAlive();
    this.#host.look();
    try {
      this.#progress += this.gsp.poll();
      for (const channel of this.#channels.values()) this.#progress += channel.advance(() => this.#options.bell.settle());
    } catch (error) {
      throw error instanceof LinkError && error.reach !== 'call' ? this.fail(error) : error;
    }
  }

  /** @throws {LinkError} sessionLost, driverFatal */
  requireAlive(): void {
    this.session.requireAlive();
    if (this.#fatal) throw new LinkError('driverFatal', this.#fatal.outcome);
  }

  /** Ends everything that the driver does with the GPU. @returns `error`, to be thrown */
  fail(error: LinkError): LinkError {
    if (error.reach === 'session') this.session.end(error);
    this.#fatal ??= error;
    for (const channel of this.#channels.values()) channel.stop(error);
    return error;
  }

  #freePlace(): number {
    const taken = new Set(this.#places.values());
    for (let place = 0; place < RING.semaphores; place++) if (!taken.has(place)) return place;
    throw new RangeError(`a driver has up to ${RING.semaphores} channels`);
  }

  #pair(id: number, kernel: boolean): KeyPair {
    const { thresholds, rotationTimeout } = this.#options;
    const pair = this.#pairs.get(id) ?? new KeyPair(id, { kernel, thresholds, timeout: rotationTimeout });
    this.#pairs.set(id, pair);
    return pair;
  }

  #room(channel: DriverChannel): boolean {
    this.requireAlive();
    channel.requireUsable();
    return this.sec2.room && channel.semaphore.room;
  }

  async #renewSec2IfFew(): Promise<void> {
    if (!this.sec2.open || this.sec2.context.remaining('out') > this.#ivLimit) return;
    await this.wait(() => this.channels.every(({ idle }) => idle));
    await this.openSec2();
  }

  async #buffer(): Promise<BounceBuffer> {
    const buffer = this.pool.take();
    if (buffer) return buffer;
    try {
      await this.wait(() => this.pool.free > 0);
    } catch (error) {
      throw error instanceof LinkError && error.outcome === 'timeout' ? new LinkError('noBuffers') : error;
    }
    return this.pool.take() as BounceBuffer;
  }

  #ring(publish: () => void): void {
    publish();
    this.#options.bell.ring();
  }

  #stopped(number: number | 'sec2', error: LinkError): void {
    if (number === 'sec2') {
      this.sec2.use(undefined);
      for (const channel of this.#channels.values()) if (!channel.idle) channel.stop(error);
    } else this.#channels.get(number)?.stop(error);
  }
}
