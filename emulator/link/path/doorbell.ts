/**
 * How driver and GPU wake each other: by calling, when they share a thread, or by words in shared memory that either sleeps on. The host sits in
 * between: a doorbell is a write that it can hold back.
 */
import { REGISTER, type SharedMemory } from './shared-memory.ts';

/** Where the host may act. */
export interface Interposer {
  /** Shared memory is there, as one side sees it; told before anything is written. */
  attach?(view: SharedMemory): void;
  /** The driver has written something and rings. The GPU sees nothing of it until `publish` is called, once, at any time. */
  doorbell(what: 'launch' | 'command', publish: () => void): void;
  /** The driver is about to look what the GPU did. */
  look(): void;
}

/** A host that does nothing. */
export const HONEST_HOST: Interposer = { doorbell: (_, publish) => publish(), look: () => undefined };

/** The driver's means of waking the GPU and of waiting for it. */
export interface Doorbell {
  /** How often nothing may happen before the GPU counts as hanging. */
  readonly tries: number;
  /** Lets the GPU see what was written. */
  ring(): void;
  /** Number that grows whenever the GPU did something. */
  seen(): number;
  /** Waits until the number is another than `seen`. @returns false when nothing happened for too long */
  changed(seen: number): Promise<boolean>;
  /** Gives the GPU a moment in which something that it began can be finished. */
  settle(): void;
}

/** A GPU in the same thread: it acts while the driver waits, and nothing depends on time. @param service what the GPU does when it is woken */
export function inlineDoorbell(shared: SharedMemory, service: () => number): Doorbell {
  const seen = (): number => shared.load('completion');
  return {
    tries: 4,
    ring: () => void service(),
    seen,
    // A turn of the event loop lets every copy of this driver go on.
    changed: async (before) => {
      await Promise.resolve();
      if (seen() !== before) return true;
      service();
      return seen() !== before;
    },
    settle: () => undefined,
  };
}

interface AsyncWait {
  readonly async: boolean;
  readonly value: Promise<'ok' | 'timed-out'> | 'not-equal' | 'timed-out';
}
/** Node has had it since version 16; TypeScript's library of ES2023 has not. */
const { waitAsync } = Atomics as unknown as { waitAsync(words: Int32Array, at: number, value: number, timeout: number): AsyncWait };
const SETTLE = 1;

/** A GPU in a thread of its own. @param timeout milliseconds without any sign of the GPU after which it counts as hanging */
export function threadDoorbell(shared: SharedMemory, timeout: number): Doorbell {
  const seen = (): number => shared.load('completion');
  return {
    tries: 1,
    ring: () => shared.signal('doorbell'),
    seen,
    changed: async (before) => {
      const wait = waitAsync(shared.words, REGISTER.completion, before | 0, timeout);
      return (await wait.value) !== 'timed-out';
    },
    settle: () => {
      Atomics.wait(shared.words, REGISTER.completion, seen() | 0, SETTLE);
    },
  };
}
