/**
 * When keys are replaced: how much may be sealed under one, who has to stop for a rotation, and what happens to those that do not. Source: NVIDIA
 * open-gpu-kernel-modules 595.45.04, conf_compute_key_rotation.c:52-143,519-590, key_rotation_gh100.c:116-368, cc_drv.h, cc_keyrotation.h.
 */
import { LinkError } from './outcomes.ts';

/** Most work under one key, by the logarithm of the attacker's advantage (RFC draft on AEAD limits): 60 unless set otherwise. */
const UPPER_THRESHOLDS: readonly number[] = [
  777472127993, 549755813887, 388736063996, 274877906943, 194368031997, 137438953471, 97184015998, 68719476735, 48592007999, 34359738367, 24296003999, 17179869183, 12148001999, 8589934591, 6074000999, 4294967295,
];
const FIRST_ADVANTAGE = 50;
/** The driver's default. */
export const DEFAULT_ATTACKER_ADVANTAGE = 60;
const THRESHOLD_DELTA = 1_000_000_000;
/** Keys of GSP are rotated by both ends alone, when this much work was done; and the least that may be set. */
export const INTERNAL_THRESHOLD = { usual: 24296003999, least: 134217727 } as const;
/** Time that user channels have to become idle, in milliseconds; and the least that may be set. Kernel channels have no such limit. */
export const ROTATION_TIMEOUT = { usual: 5000, least: 2000 } as const;
/** How often the driver looks whether a threshold is crossed, in milliseconds. */
export const ROTATION_CHECK = 1000;
/** Messages left at which an IV is rotated; least and most that may be set (uvm_conf_computing.c:48-63). */
export const IV_REMAINING_LIMIT = { usual: 2 ** 31, least: 2342, most: 0xffff_fffe } as const;

/** Work at which a rotation is asked for, and at which it is forced. A unit is 16 bytes or one message. */
export interface Thresholds {
  readonly lower: number;
  readonly upper: number;
}

/** The thresholds of an attacker's advantage. @param advantage 50 to 65 @throws {RangeError} outside that */
export function rotationThresholds(advantage: number = DEFAULT_ATTACKER_ADVANTAGE): Thresholds {
  const upper = UPPER_THRESHOLDS[advantage - FIRST_ADVANTAGE];
  if (upper === undefined) throw new RangeError(`an attacker's advantage is ${FIRST_ADVANTAGE} to ${FIRST_ADVANTAGE + UPPER_THRESHOLDS.length - 1}, not ${advantage}`);
  return { lower: upper - THRESHOLD_DELTA, upper };
}

/** Units of work: whole blocks of 16 bytes and messages. */
export function workUnits({ bytes, messages }: { readonly bytes: number; readonly messages: number }): number {
  return Math.floor(bytes / 16) + messages;
}

/** States of a rotation, with the driver's numbers. */
export const ROTATION_STATUS = {
  IDLE: 0,
  PENDING: 1,
  IN_PROGRESS: 2,
  FAILED_TIMEOUT: 3,
  FAILED_THRESHOLD: 4,
  FAILED_ROTATION: 5,
  PENDING_TIMER_SUSPENDED: 6,
} as const;

/** State of a rotation. */
export type RotationStatus = keyof typeof ROTATION_STATUS;

/** What a key pair's channels have to do: nothing, stop sending and become idle, or be rotated now; those that are not idle then are reset. */
export type RotationStep = 'none' | 'wait' | 'rotate' | 'force';

/** The rotation of one key pair. It has no clock: whoever drives it says what time it is. */
export class KeyRotation {
  readonly thresholds: Thresholds;
  readonly kernel: boolean;
  readonly timeout: number;
  #status: RotationStatus = 'IDLE';
  #count = 0;
  #deadline = Number.POSITIVE_INFINITY;
  #left = 0;

  /** @param kernel keys of the kernel's own channels, which have no time limit @param timeout milliseconds @throws {RangeError} for a timeout below the least */
  constructor({ thresholds = rotationThresholds(), kernel = false, timeout = ROTATION_TIMEOUT.usual }: { thresholds?: Thresholds; kernel?: boolean; timeout?: number } = {}) {
    if (timeout < ROTATION_TIMEOUT.least) throw new RangeError(`a rotation has at least ${ROTATION_TIMEOUT.least} ms, not ${timeout}`);
    this.thresholds = thresholds;
    this.kernel = kernel;
    this.timeout = timeout;
  }

  get status(): RotationStatus {
    return this.#status;
  }

  /** How often the pair was rotated. */
  get count(): number {
    return this.#count;
  }

  /** Whether channels of the pair may not begin anything new. */
  get pending(): boolean {
    return this.#status !== 'IDLE';
  }

  /**
   * Looks at the work of both directions and at the time.
   * @param units the work of the busier direction @param idle whether every channel of the pair is idle @param now milliseconds
   * @returns what to do; after `rotate` and `force` call {@link done} or {@link failed}
   * @throws {LinkError} rotationFailed when an earlier rotation failed: there is no session any more
   */
  check(units: number, idle: boolean, now: number): RotationStep {
    switch (this.#status) {
      case 'FAILED_ROTATION':
        throw new LinkError('rotationFailed');
      case 'FAILED_THRESHOLD':
      case 'FAILED_TIMEOUT':
        return 'force';
      case 'IN_PROGRESS':
        return 'none';
      default:
    }
    if (units > this.thresholds.upper) return this.#enter('FAILED_THRESHOLD', 'force');
    if (this.#status === 'IDLE') {
      if (units <= this.thresholds.lower) return 'none';
      this.#status = 'PENDING';
      if (!this.kernel) this.#deadline = now + this.timeout;
    }
    if (idle) return 'rotate';
    return this.#status === 'PENDING' && now >= this.#deadline ? this.#enter('FAILED_TIMEOUT', 'force') : 'wait';
  }

  /** A rotation that somebody asks for, as if the lower threshold had been crossed. @param now milliseconds */
  request(now: number): void {
    if (this.#status !== 'IDLE') return;
    this.#status = 'PENDING';
    if (!this.kernel) this.#deadline = now + this.timeout;
  }

  /** Stops the time of a user pair while a kernel pair waits, and lets it go on afterwards. @param now milliseconds */
  suspend(stopped: boolean, now: number): void {
    if (stopped && this.#status === 'PENDING' && !this.kernel) {
      this.#status = 'PENDING_TIMER_SUSPENDED';
      this.#left = Math.max(0, this.#deadline - now);
    } else if (!stopped && this.#status === 'PENDING_TIMER_SUSPENDED') {
      this.#status = 'PENDING';
      this.#deadline = now + this.#left;
    }
  }

  /** The keys are being exchanged. */
  begin(): void {
    this.#status = 'IN_PROGRESS';
  }

  /** The new keys are there. */
  done(): void {
    this.#status = 'IDLE';
    this.#count++;
    this.#deadline = Number.POSITIVE_INFINITY;
  }

  /** The keys could not be exchanged: the session is over. */
  failed(): void {
    this.#status = 'FAILED_ROTATION';
  }

  #enter(status: RotationStatus, step: RotationStep): RotationStep {
    this.#status = status;
    return step;
  }
}
