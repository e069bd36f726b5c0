/**
 * A GPU in confidential-computing mode as the link sees it: GSP with its RPC queues, SEC2, copy engines, and memory that the host cannot read. It acts only
 * in {@link Gpu.service}, so that it may be driven step by step or by a thread of its own.
 */
import { createHmac } from 'node:crypto';
import { type ContextFactory, type CslContext, gpuKeys, newContext } from '../../channel/bundle.ts';
import { channelCounter } from '../../channel/iv.ts';
import type { Expand } from '../../channel/key-store.ts';
import { copyEnginePair, keyPairOf, sec2Pair } from '../../channel/labels.ts';
import { type Fault, sealFault } from '../../channel/messages/fault-packet.ts';
import { elementsOf, RPC_ELEMENT_SIZE, RpcReceiver, RpcSender } from '../../channel/messages/rpc-element.ts';
import { LinkError, type OutcomeName } from '../../channel/outcomes.ts';
import type { LinkSchemeName } from '../../channel/schemes.ts';
import { LinkSession } from '../../channel/session.ts';
import { decodeMethods } from '../../channel/work-mac.ts';
import { TeemuError } from '../../../errors.ts';
import type { GcmEngine } from '../../engine/engine.ts';
import { PUSH_HEADER } from '../class-methods.ts';
import { COMMAND, GSP_COMMAND, GSP_STATUS, MASK_PAIR, outcomeNumber, SEC2_CHANNEL } from '../gsp-messages.ts';
import { LAUNCH_SIZE, RING, type SharedMemory } from '../shared-memory.ts';
import { type Reach, runPush } from './copy-engine.ts';
import { GpuMemory } from './gpu-memory.ts';
import { runLaunch } from './sec2.ts';

/** What a GPU is made of. */
export interface GpuOptions {
  /** 32 bytes: what SPDM agreed on. */
  readonly emk: Uint8Array;
  /** 32 bytes from which the GPU draws its IV masks. */
  readonly maskSeed: Uint8Array;
  readonly shared: SharedMemory;
  readonly engine: GcmEngine;
  readonly scheme?: LinkSchemeName;
  /** Bytes of its own memory. */
  readonly memorySize?: number;
  /** Milliseconds when the session began. */
  readonly now?: number;
  /** How ends of channels are made; tests put something else here. */
  readonly contexts?: ContextFactory;
  /** How keys are derived; tests put something else here. */
  readonly derive?: Expand;
}

/** Most channels open at a time. */
export const MOST_CHANNELS: number = RING.semaphores;
/** Memory of a GPU unless it is said otherwise. */
export const GPU_MEMORY_SIZE: number = 256 << 20;

interface GpuChannel {
  readonly engine: number;
  /** The even key of its pair; on Blackwell its own number. */
  readonly pair: number;
  readonly context: CslContext;
  stopped: OutcomeName | undefined;
}

/** The GPU's side of the link. */
export class Gpu {
  readonly memory: GpuMemory;
  readonly session: LinkSession;
  readonly #shared: SharedMemory;
  readonly #engine: GcmEngine;
  readonly #contexts: ContextFactory;
  readonly #maskSeed: Uint8Array;
  readonly #reach: Reach;
  readonly #commands: RpcReceiver;
  readonly #answers: RpcSender;
  readonly #faults: CslContext;
  readonly #channels = new Map<number, GpuChannel>();
  #sec2: CslContext | undefined;
  #masks = 0;
  /** Indices are the GPU's own: what stands in shared memory tells the driver and is never believed. */
  #launchGet = 0;
  #commandGet = 0;
  #statusPut = 0;
  #faultPut = 0;
  /** Messages that found the status queue full. */
  #unsaid: Uint8Array[] = [];

  /** @throws {LinkError} zeroKey */
  constructor({ emk, maskSeed, shared, engine, scheme, memorySize = GPU_MEMORY_SIZE, now = 0, contexts = newContext, derive }: GpuOptions) {
    this.session = new LinkSession({ emk, now, derive, ...(scheme ? { scheme } : {}) });
    this.memory = new GpuMemory(memorySize);
    this.#shared = shared;
    this.#engine = engine;
    this.#contexts = contexts;
    this.#maskSeed = maskSeed.slice();
    this.#reach = { memory: this.memory, shared };
    const rpc = this.#gspContext('cpu_gsp_locked_rpc');
    this.#commands = new RpcReceiver(rpc);
    this.#answers = new RpcSender(rpc);
    this.#faults = this.#gspContext('gsp_cpu_replayable_fault');
  }

  /**
   * Does everything that is waiting.
   * @param now milliseconds @returns how many launches and commands were looked at; 0 when the session is over
   */
  service(now = 0): number {
    if (this.session.lost) return 0;
    let done = 0;
    try {
      this.session.watch(now);
      this.#speak();
      for (let last = -1; last !== done; ) {
        last = done;
        done += this.#launches();
        done += this.#takeCommand(now) ? 1 : 0;
      }
    } catch (error) {
      if (!(error instanceof TeemuError)) throw error;
      if (error instanceof LinkError && error.reach === 'session') this.session.end(error);
    }
    if (done > 0) this.#shared.signal('completion');
    return done;
  }

  #launches(): number {
    const waiting = (this.#shared.load('launchPut') - this.#launchGet) >>> 0;
    // A put that is out of range is not the driver's, or an old one.
    if (waiting > RING.launches) return 0;
    for (let i = 0; i < waiting; i++) {
      this.#launch(this.#shared.entry('launches', this.#launchGet, LAUNCH_SIZE));
      this.#launchGet = (this.#launchGet + 1) >>> 0;
      this.#shared.store('launchGet', this.#launchGet);
      this.#shared.signal('completion');
    }
    return waiting;
  }

  #launch(at: number): void {
    if (!this.#sec2) return;
    let push: { address: number; length: number };
    try {
      push = runLaunch(this.#reach, this.#sec2, at);
    } catch (error) {
      if (!(error instanceof LinkError)) throw error;
      this.#sec2 = undefined;
      this.#tellStopped(SEC2_CHANNEL, error.outcome);
      return;
    }
    const bytes = this.memory.view(push.address, push.length);
    if (bytes.length < PUSH_HEADER.size) return;
    const { channel: number, methodCount } = PUSH_HEADER.decode(bytes.subarray(0, PUSH_HEADER.size));
    const channel = this.#channels.get(number);
    if (!channel || channel.stopped !== undefined || bytes.length < PUSH_HEADER.size + 8 * methodCount) return;
    try {
      runPush(this.#reach, channel.context, decodeMethods(bytes.slice(PUSH_HEADER.size, PUSH_HEADER.size + 8 * methodCount)));
    } catch (error) {
      if (!(error instanceof LinkError)) throw error;
      channel.stopped = error.outcome;
      if (error.outcome === 'mmuFault') this.fault({ address: BigInt(push.address), instance: BigInt(number), faultType: 2, write: false, client: channel.engine });
      this.#tellStopped(number, error.outcome);
    }
  }

  /** Puts a fault packet into the fault buffer; one that finds it full is lost. */
  fault(fault: Fault): void {
    if ((this.#faultPut - this.#shared.load('faultGet')) >>> 0 >= RING.faults) return;
    const { packet, metadata } = sealFault(this.#faults, fault);
    const { at, length } = this.#shared.region('faultBuffer');
    const index = this.#faultPut % RING.faults;
    this.#shared.write(at + index * 32, packet);
    this.#shared.write(at + length / 2 + index * 32, metadata);
    this.#faultPut = (this.#faultPut + 1) >>> 0;
    this.#shared.store('faultPut', this.#faultPut);
  }

  #tellStopped(channel: number, outcome: OutcomeName): void {
    this.#say(GSP_STATUS.encode({ kind: 1, status: 0x60, channel, outcome: outcomeNumber(outcome) }));
  }

  #say(message: Uint8Array): void {
    this.#unsaid.push(message);
    this.#speak();
  }

  /** Puts into the status queue what has room there. */
  #speak(): void {
    const [message] = this.#unsaid;
    if (!message || (this.#statusPut - this.#shared.load('statusGet')) >>> 0 >= RING.rpcElements) return;
    this.#unsaid.shift();
    this.#shared.write(this.#shared.entry('statusQueue', this.#statusPut, RPC_ELEMENT_SIZE), this.#answers.seal(message));
    this.#statusPut = (this.#statusPut + 1) >>> 0;
    this.#shared.store('statusPut', this.#statusPut);
    this.#shared.signal('completion');
    this.#speak();
  }

  #takeCommand(now: number): boolean {
    const waiting = (this.#shared.load('commandPut') - this.#commandGet) >>> 0;
    if (waiting === 0 || waiting > RING.rpcElements) return false;
    let command: Uint8Array;
    try {
      const first = this.#shared.snapshot(this.#shared.entry('commandQueue', this.#commandGet, RPC_ELEMENT_SIZE), new Uint8Array(RPC_ELEMENT_SIZE));
      if (elementsOf(first) > 1) throw new LinkError('rpcBroken', 'more than one element');
      command = this.#commands.open(first);
    } catch (error) {
      // It may be whole the next time; the driver waits for an answer as long as it likes.
      if (error instanceof LinkError && error.outcome === 'rpcBroken') return false;
      throw error;
    }
    this.#commandGet = (this.#commandGet + 1) >>> 0;
    this.#shared.store('commandGet', this.#commandGet);
    this.#say(this.#answer(command, now));
    return true;
  }

  #answer(message: Uint8Array, now: number): Uint8Array {
    try {
      const { code, a, b, c } = GSP_COMMAND.decode(message);
      const data = this.#run(code, [a, b, c], now);
      return Buffer.concat([GSP_STATUS.encode({}), data]);
    } catch (error) {
      if (error instanceof LinkError && error.reach === 'session') throw error;
      if (error instanceof LinkError) return GSP_STATUS.encode({ status: error.status, outcome: outcomeNumber(error.outcome) });
      if (error instanceof TeemuError || error instanceof RangeError) return GSP_STATUS.encode({ status: 0x1f });
      throw error;
    }
  }

  #run(code: number, [a, b, c]: readonly [number, number, number], now: number): Uint8Array {
    switch (code) {
      case COMMAND.deriveKeys:
        return Buffer.concat(this.session.scheme.slots.filter(({ type }) => type === 'CRYPT_COUNTER').map(({ globalKeyId }) => this.#newMask(globalKeyId)));
      case COMMAND.heartbeat:
        this.session.heartbeat(now);
        return new Uint8Array(0);
      case COMMAND.openSec2:
        // What was launched for the channel before is gone with it.
        this.#launchGet = this.#shared.load('launchPut');
        this.#shared.store('launchGet', this.#launchGet);
        this.#sec2 = this.#contexts(this.#engine, gpuKeys(this.session.store.retrieve(sec2Pair('kernel')[0].globalKeyId)), 32);
        return new Uint8Array(0);
      case COMMAND.openChannel:
        return this.#openChannel(a, b, c === 1 ? 'kernel' : 'user');
      case COMMAND.closeChannel:
        this.#channels.delete(a);
        return new Uint8Array(0);
      case COMMAND.rotateKeys:
        return this.#rotateKeys(a);
      case COMMAND.rotateIv:
        return this.#rotateIv(a, b);
      case COMMAND.resetForRotation: {
        const channel = this.#channels.get(a);
        if (channel) channel.stopped = 'rotationForced';
        return new Uint8Array(0);
      }
      default:
        throw new RangeError(`there is no command ${code}`);
    }
  }

  #openChannel(number: number, engine: number, privilege: 'user' | 'kernel'): Uint8Array {
    if (this.#channels.size >= MOST_CHANNELS || this.#channels.has(number)) throw new RangeError(`channel ${number} cannot be opened`);
    const id = copyEnginePair(engine, privilege)[0].globalKeyId;
    const { scheme, store } = this.session;
    if (!scheme.copyEngines.includes(engine)) throw new RangeError(`there is no copy engine ${engine}`);
    this.#channels.set(number, { engine, pair: scheme.shared ? id : number, context: this.#contexts(this.#engine, gpuKeys(scheme.open(store, id)), 32), stopped: undefined });
    return new Uint8Array(0);
  }

  #rotateKeys(pair: number): Uint8Array {
    const { scheme, store } = this.session;
    const channels = [...this.#channels.values()].filter((channel) => channel.pair === pair);
    if (!scheme.shared) {
      for (const { context } of channels) context.renew(gpuKeys(store.nextChannelKeys()));
      return new Uint8Array(0);
    }
    const masks = keyPairOf(pair).map(({ globalKeyId }) => {
      store.update(globalKeyId);
      return this.#newMask(globalKeyId);
    });
    for (const { context } of channels) context.rotate(gpuKeys(store.retrieve(pair, 'both', false)));
    return Buffer.concat(masks);
  }

  #rotateIv(number: number, direction: number): Uint8Array {
    const channel = this.#channels.get(number);
    if (!channel) throw new RangeError(`there is no channel ${number}`);
    const way = direction === 0 ? 'in' : 'out';
    const { scheme, store } = this.session;
    const bundle = scheme.shared ? store.retrieve(channel.pair, direction === 0 ? 'encrypt' : 'decrypt') : undefined;
    const iv = (direction === 0 ? bundle?.encrypt : bundle?.decrypt)?.iv;
    channel.context.rotateIv(way, iv ? channelCounter(iv) : channel.context.counters(way).channel + 1n);
    return new Uint8Array(0);
  }

  #newMask(id: number): Uint8Array {
    const mask = new Uint8Array(
      createHmac('sha256', this.#maskSeed)
        .update(`mask/${this.#masks++}`)
        .digest()
        .subarray(0, MASK_PAIR.locate('first').size),
    );
    this.session.store.depositIvMask(id, mask);
    return mask;
  }

  #gspContext(label: string): CslContext {
    return this.session.queueContext(label, 'gpu', (keys) => this.#contexts(this.#engine, keys, 64));
  }
}
