/**
 * Rotations at the driver: of the keys of a pair, and of the IVs of a channel. Both wait until nothing is under way. Source: NVIDIA open-gpu-kernel-modules
 * 595.45.04, conf_compute_key_rotation.c:52-143, conf_compute_gh100.c:441-505, uvm_conf_computing.c:647-692.
 */
import { driverKeys } from '../../channel/bundle.ts';
import { channelCounter } from '../../channel/iv.ts';
import { LinkError } from '../../channel/outcomes.ts';
import type { LinkSession } from '../../channel/session.ts';
import type { Clock } from '../../../world.ts';
import { MASK_PAIR } from '../gsp-messages.ts';
import type { DriverChannel } from './channel.ts';
import type { GspClient } from './gsp-client.ts';
import type { KeyPair } from './key-pair.ts';

/** What rotations need of their driver. */
export interface RotatorOptions {
  readonly session: LinkSession;
  readonly clock: Clock;
  readonly gsp: GspClient;
  /** Messages left at which an IV is rotated. */
  readonly ivLimit: bigint;
  wait(until: () => boolean): Promise<void>;
  fail(error: LinkError): LinkError;
}

/** Rotates keys and IVs of one driver. */
export class Rotator {
  readonly #options: RotatorOptions;

  constructor(options: RotatorOptions) {
    this.#options = options;
  }

  /** Rotates the keys of a pair if it is time; nothing of the pair may begin meanwhile. @throws {LinkError} rotationFailed, timeout */
  async keys(pair: KeyPair): Promise<void> {
    for (;;) {
      const step = pair.check(this.#options.clock.now());
      if (step === 'none') return;
      if (step === 'wait') await this.#idle(pair);
      else await this.#rotate(pair, step === 'force');
    }
  }

  /** Rotates those IVs of a channel that have few messages left. @throws {LinkError} channelCounterExhausted, timeout */
  async ivsIfFew(channel: DriverChannel): Promise<void> {
    if (channel.stopped) return;
    const ways = (['out', 'in'] as const).filter((way) => channel.context.remaining(way) <= this.#options.ivLimit);
    if (ways.length > 0) await this.ivs(channel, ways);
  }

  /** Rotates IVs of a channel. @throws {LinkError} channelCounterExhausted, timeout */
  async ivs(channel: DriverChannel, ways: readonly ('out' | 'in')[]): Promise<void> {
    const { gsp, wait, session } = this.#options;
    await wait(() => channel.idle);
    for (const way of ways) {
      await gsp.call('rotateIv', [channel.identity.number, way === 'out' ? 0 : 1], () => {
        const bundle = session.scheme.shared ? session.store.retrieve(channel.pair.id, way === 'out' ? 'encrypt' : 'decrypt') : undefined;
        const iv = (way === 'out' ? bundle?.encrypt : bundle?.decrypt)?.iv;
        channel.context.rotateIv(way, iv ? channelCounter(iv) : channel.context.counters(way).channel + 1n);
      });
    }
  }

  /** Waits for the channels of a pair; when they do not come, only its time limit helps. */
  async #idle(pair: KeyPair): Promise<void> {
    const { wait, clock } = this.#options;
    try {
      await wait(() => pair.idle);
    } catch (error) {
      const late = error instanceof LinkError && error.outcome === 'timeout' && pair.check(clock.now()) === 'force';
      if (!late) throw error;
    }
  }

  async #rotate(pair: KeyPair, force: boolean): Promise<void> {
    const { gsp, fail } = this.#options;
    try {
      if (force) {
        for (const channel of pair.channels) {
          if (channel.idle) continue;
          channel.stop(new LinkError('rotationForced', pair.rotation.status));
          await gsp.call('resetForRotation', [channel.identity.number]);
        }
      }
      pair.rotation.begin();
      await gsp.call('rotateKeys', [pair.id], (masks) => this.#take(pair, masks));
    } catch (error) {
      pair.rotation.failed();
      throw fail(error instanceof LinkError && error.reach === 'session' ? error : new LinkError('rotationFailed', error instanceof LinkError ? error.outcome : undefined));
    }
    pair.rotated();
  }

  #take(pair: KeyPair, masks: Uint8Array): void {
    const { scheme, store } = this.#options.session;
    if (!scheme.shared) {
      for (const { context } of pair.channels) context.renew(driverKeys(store.nextChannelKeys()));
      return;
    }
    const { first, second } = MASK_PAIR.decode(masks);
    for (const [id, mask] of [
      [pair.id, first],
      [pair.id + 1, second],
    ] as const) {
      store.update(id);
      store.depositIvMask(id, mask);
    }
    for (const { context } of pair.channels) context.rotate(driverKeys(store.retrieve(pair.id, 'both', false)));
  }
}
