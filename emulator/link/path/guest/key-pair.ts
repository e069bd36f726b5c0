/** A key pair with the channels that use it: how much was sealed under it, and its rotation. */
import { KeyRotation, type RotationStep, type Thresholds, workUnits } from '../../channel/rotation.ts';
import type { DriverChannel } from './channel.ts';

/** Work of one direction, in both kinds that count. */
interface Amount {
  bytes: number;
  messages: number;
}

/** One key pair at the driver. */
export class KeyPair {
  /** The even key; on Blackwell the number of the only channel. */
  readonly id: number;
  readonly rotation: KeyRotation;
  readonly channels = new Set<DriverChannel>();
  /** Work since the last rotation, that of closed channels included. */
  readonly toDevice: Amount = { bytes: 0, messages: 0 };
  readonly fromDevice: Amount = { bytes: 0, messages: 0 };

  constructor(id: number, options: { readonly kernel: boolean; readonly thresholds?: Thresholds | undefined; readonly timeout?: number | undefined }) {
    this.id = id;
    const { kernel, thresholds, timeout } = options;
    this.rotation = new KeyRotation({ kernel, ...(thresholds ? { thresholds } : {}), ...(timeout === undefined ? {} : { timeout }) });
  }

  /** Counts one message. */
  count(way: 'toDevice' | 'fromDevice', bytes: number): void {
    this[way].bytes += bytes;
    this[way].messages++;
  }

  /** Whether no channel has anything under way. */
  get idle(): boolean {
    return [...this.channels].every(({ idle }) => idle);
  }

  /** What has to be done before something new may begin. @param now milliseconds */
  check(now: number): RotationStep {
    return this.rotation.check(Math.max(workUnits(this.toDevice), workUnits(this.fromDevice)), this.idle, now);
  }

  /** The keys were rotated. */
  rotated(): void {
    for (const amount of [this.toDevice, this.fromDevice]) {
      amount.bytes = 0;
      amount.messages = 0;
    }
    this.rotation.done();
  }
}
