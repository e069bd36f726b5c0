/** The thread of one GPU: sleeps on the doorbell, does what is waiting, until it is told to stop. */
import { parentPort, workerData } from 'node:worker_threads';
import { fixedClock, systemClock } from '../../../world.ts';
import type { LinkSchemeName } from '../../channel/schemes.ts';
import { chooseEngine } from '../../engine/choose.ts';
import { REGISTER, SharedMemory } from '../shared-memory.ts';
import { Gpu } from './gpu.ts';

/** What the thread is given. */
export interface GpuThreadData {
  readonly buffer: SharedArrayBuffer;
  readonly slots: number;
  readonly emk: Uint8Array;
  readonly maskSeed: Uint8Array;
  readonly engine: string;
  readonly memorySize: number;
  /** Milliseconds, by the clock of the driver's world. */
  readonly now: number;
  /** Whether the GPU's time runs. */
  readonly heartbeats: boolean;
  readonly scheme?: LinkSchemeName;
}

/** Milliseconds after which a sleeping GPU looks at the time. */
const NAP = 250;

if (parentPort) run(workerData as GpuThreadData);

function run({ buffer, slots, engine, now, heartbeats, ...rest }: GpuThreadData): void {
  const shared = new SharedMemory('gpu', slots, buffer);
  const gpu = new Gpu({ ...rest, shared, engine: chooseEngine(engine), now });
  const clock = heartbeats ? systemClock() : fixedClock(now);
  const offset = now - clock.now();
  parentPort?.postMessage('ready');
  while (shared.load('stop') === 0) {
    const seen = shared.load('doorbell');
    if (gpu.service(clock.now() + offset) === 0) Atomics.wait(shared.words, REGISTER.doorbell, seen | 0, NAP);
  }
}
