/** Copies under way: a copy is many pushes, and is done when all of them are. */
import type { LinkError } from '../../channel/outcomes.ts';
import type { BounceBuffer } from './bounce-pool.ts';

/** One push of a channel that the GPU has not finished. */
export interface Push {
  /** Number of the push in its channel. */
  readonly number: number;
  readonly buffer: BounceBuffer | undefined;
  /** What to do when it is done. @throws {LinkError} when its data turns out to be wrong */
  readonly finish: () => void;
  readonly copy: Copy;
}

/** One copy. */
export class Copy {
  /** Settles when every push is done, or with the first thing that went wrong. */
  readonly done: Promise<void>;
  #left = 1;
  #failed = false;
  #settled = false;
  #resolve: () => void = () => undefined;
  #reject: (error: LinkError) => void = () => undefined;

  constructor() {
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    // Whoever waits for it sees the error; nobody has to wait.
    this.done.catch(() => undefined);
  }

  get failed(): boolean {
    return this.#failed;
  }

  /** Whether it is done, well or not. */
  get settled(): boolean {
    return this.#settled;
  }

  /** One more push belongs to it. */
  add(): void {
    this.#left++;
  }

  /** A push is done; the last time it is called everything was queued. */
  finish(): void {
    this.#left--;
    if (this.#left > 0 || this.#failed) return;
    this.#settled = true;
    this.#resolve();
  }

  fail(error: LinkError): void {
    this.#failed = true;
    this.#settled = true;
    this.#reject(error);
  }
}
