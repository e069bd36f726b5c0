/**
 * A whole link: shared memory, a GPU at one end and the guest's driver at the other, in one thread or in two. This is what programs begin with.
 */
import { Worker } from 'node:worker_threads';
import type { World } from '../../world.ts';
import type { ContextFactory } from '../channel/bundle.ts';
import { EMK_SIZE, type Expand } from '../channel/key-store.ts';
import { LinkError } from '../channel/outcomes.ts';
import type { Thresholds } from '../channel/rotation.ts';
import type { LinkSchemeName } from '../channel/schemes.ts';
import { chooseEngine } from '../engine/choose.ts';
import type { GcmEngine } from '../engine/engine.ts';
import { Gpu, GPU_MEMORY_SIZE } from './device/gpu.ts';
import type { GpuThreadData } from './device/gpu-thread.ts';
import { type Doorbell, inlineDoorbell, type Interposer, threadDoorbell } from './doorbell.ts';
import { MOST_SLOTS } from './guest/bounce-pool.ts';
import { GuestDriver } from './guest/driver.ts';
import { SharedMemory } from './shared-memory.ts';

/** What both kinds of link may be told. */
export interface LinkOptions {
  /** Name of the GPU: its keys are its own. */
  readonly name?: string;
  /** 32 bytes that SPDM agreed on; drawn from the world otherwise. */
  readonly emk?: Uint8Array;
  readonly scheme?: LinkSchemeName;
  /** Most bounce buffers, of 2 MiB each. */
  readonly slots?: number;
  /** Bytes of GPU memory, the last mebibyte of which the driver keeps for itself. */
  readonly memorySize?: number;
  readonly host?: Interposer;
  readonly thresholds?: Thresholds;
  readonly rotationTimeout?: number;
  readonly ivLimit?: number;
  /** How the driver's ends of channels are made; tests put something else here. */
  readonly contexts?: ContextFactory;
  readonly derive?: Expand;
}

/** A link in one thread. */
export interface InlineLinkOptions extends LinkOptions {
  readonly engine?: GcmEngine;
  /** The driver's and the GPU's view of shared memory; tests put something else here. */
  readonly views?: (slots: number) => { readonly driver: SharedMemory; readonly gpu: SharedMemory };
  readonly gpuContexts?: ContextFactory;
}

/** A link whose GPU has a thread of its own. */
export interface ThreadedLinkOptions extends LinkOptions {
  /** Name of the engine that both threads use. */
  readonly engine?: string;
  /** Milliseconds without any sign of the GPU after which it counts as hanging. */
  readonly timeout?: number;
  /** Whether the GPU's time runs, so that it waits for heartbeats. */
  readonly heartbeats?: boolean;
  /** Where the GPU's thread begins; needed only where this module is not run as it was compiled. */
  readonly script?: URL;
}

/** A link at work. */
export interface Link {
  readonly name: string;
  readonly driver: GuestDriver;
  /** Shared memory as the driver sees it; the host sees all of it too. */
  readonly shared: SharedMemory;
  /** Name and library of the engine. */
  readonly engine: GcmEngine;
  /** The GPU, when it is in this thread; and its view of shared memory. */
  readonly gpu?: Gpu;
  readonly gpuShared?: SharedMemory;
  /** Ends the GPU. */
  close(): Promise<void>;
}

const HANG = 10_000;

/** Opens a link whose GPU acts while the driver waits: no threads, no time, the same every run. @throws {LinkError} zeroKey */
export async function openLink(world: World, options: InlineLinkOptions = {}): Promise<Link> {
  const { engine = chooseEngine(), slots = MOST_SLOTS, views = twoViews, memorySize = GPU_MEMORY_SIZE } = options;
  const { driver: shared, gpu: gpuShared } = views(slots);
  for (const view of [shared, gpuShared]) options.host?.attach?.(view);
  const secrets = secretsOf(world, options);
  const { scheme, gpuContexts, derive } = options;
  const gpu = new Gpu({ ...secrets, shared: gpuShared, engine, memorySize, now: world.now(), ...(scheme ? { scheme } : {}), ...(gpuContexts ? { contexts: gpuContexts } : {}), ...(derive ? { derive } : {}) });
  const bell = inlineDoorbell(shared, () => gpu.service(world.now()));
  const driver = await boot(world, options, { shared, engine, bell, memorySize, emk: secrets.emk });
  return { name: nameOf(options), driver, shared, engine, gpu, gpuShared, close: () => Promise.resolve() };
}

/** Opens a link whose GPU is another thread. Close it, or the program does not end. @throws {LinkError} timeout */
export async function openThreadedLink(world: World, options: ThreadedLinkOptions = {}): Promise<Link> {
  const { slots = MOST_SLOTS, memorySize = GPU_MEMORY_SIZE, timeout = HANG, script = new URL('./device/gpu-thread.js', import.meta.url), heartbeats = false, scheme } = options;
  const engine = chooseEngine(options.engine);
  const shared = new SharedMemory('driver', slots);
  options.host?.attach?.(shared);
  const secrets = secretsOf(world, options);
  const data: GpuThreadData = { ...secrets, buffer: shared.buffer, slots, memorySize, engine: engine.name, now: world.now(), heartbeats, ...(scheme ? { scheme } : {}) };
  const worker = new Worker(script, { workerData: data });
  const ended = new Promise<void>((resolve, reject) => {
    worker.once('error', reject);
    worker.once('exit', () => resolve());
  });
  ended.catch(() => undefined);
  const close = async (): Promise<void> => {
    shared.store('stop', 1);
    shared.signal('doorbell');
    await ended;
  };
  await Promise.race([
    new Promise((resolve) => worker.once('message', resolve)),
    ended.then(() => {
      throw new LinkError('timeout', 'the thread of the GPU ended');
    }),
  ]);
  try {
    const driver = await boot(world, options, { shared, engine, bell: threadDoorbell(shared, timeout), memorySize, emk: secrets.emk });
    return { name: nameOf(options), driver, shared, engine, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function boot(world: World, options: LinkOptions, made: { shared: SharedMemory; engine: GcmEngine; bell: Doorbell; memorySize: number; emk: Uint8Array }): Promise<GuestDriver> {
  const { scheme, host, thresholds, rotationTimeout, ivLimit, contexts, derive } = options;
  return GuestDriver.boot({
    ...made,
    clock: world.clock,
    thresholds,
    rotationTimeout,
    derive,
    ...(scheme ? { scheme } : {}),
    ...(host ? { host } : {}),
    ...(ivLimit === undefined ? {} : { ivLimit }),
    ...(contexts ? { contexts } : {}),
  });
}

function nameOf({ name = 'gpu0' }: LinkOptions): string {
  return name;
}

function secretsOf(world: World, options: LinkOptions): { emk: Uint8Array; maskSeed: Uint8Array } {
  return { emk: options.emk ?? world.random(`link/emk/${nameOf(options)}`, EMK_SIZE), maskSeed: world.random(`link/masks/${nameOf(options)}`, 32) };
}

function twoViews(slots: number): { driver: SharedMemory; gpu: SharedMemory } {
  const driver = new SharedMemory('driver', slots);
  return { driver, gpu: new SharedMemory('gpu', slots, driver.buffer) };
}
