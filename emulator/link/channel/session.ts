/**
 * The confidential-computing session of one GPU at one end: its key store, its heartbeat, and how it ends. Any failed heartbeat or forged RPC
 * message destroys all keys; only a reset of the GPU helps then. Source: NVIDIA open-gpu-kernel-modules 595.45.04, spdm_gh100.c:195-205,
 * conf_compute.c:671-716, rmspdmvendordef.h:145, nvrm_registry.h.
 */
import { type CslContext, driverKeys, type EndKeys, gpuKeys } from './bundle.ts';
import { type CryptBundle, type Expand, KeyStore } from './key-store.ts';
import { keyPairOf, slotLabelled } from './labels.ts';
import { LinkError } from './outcomes.ts';
import { INTERNAL_THRESHOLD } from './rotation.ts';
import { LINK_SCHEMES, type LinkScheme, type LinkSchemeName } from './schemes.ts';

/** Time between two heartbeats in milliseconds; the GPU waits for two of them. */
export const HEARTBEAT_PERIOD = 4000;
const PERIODS_WAITED = 2;

/** One end's session. */
export class LinkSession {
  readonly scheme: LinkScheme;
  readonly store: KeyStore;
  #lost: LinkError | undefined;
  #lastHeartbeat: number;

  /**
   * Derives every key that exists from the start.
   * @param emk 32 bytes, the first of what SPDM exports @param now milliseconds @throws {LinkError} zeroKey
   */
  constructor({ emk, scheme = 'hopper', now = 0, derive }: { readonly emk: Uint8Array; readonly scheme?: LinkSchemeName; readonly now?: number; readonly derive?: Expand | undefined }) {
    this.scheme = LINK_SCHEMES[scheme];
    this.store = new KeyStore(emk, derive);
    for (const { globalKeyId } of this.scheme.slots) this.store.derive(globalKeyId);
    this.#lastHeartbeat = now;
  }

  /** Why the session ended, or undefined while it lives. */
  get lost(): LinkError | undefined {
    return this.#lost;
  }

  /** @throws {LinkError} sessionLost */
  requireAlive(): void {
    if (this.#lost) throw new LinkError('sessionLost', this.#lost.outcome);
  }

  /**
   * One end of a queue of GSP: counters of 64 bits, and keys that rotate by themselves (conf_compute_key_rotation.c, ccsl.c:140-300).
   * @param label of one key of its pair @param make makes the end @param threshold work under one key
   */
  queueContext(label: string, end: 'driver' | 'gpu', make: (keys: EndKeys) => CslContext, threshold: number = INTERNAL_THRESHOLD.usual): CslContext {
    const [even, odd] = keyPairOf(slotLabelled(label).globalKeyId);
    const context = make((end === 'driver' ? driverKeys : gpuKeys)(this.store.retrieve(even.globalKeyId)));
    context.rotatesItself(threshold, (way) => {
      const toGpu = (way === 'out') === (end === 'driver');
      this.store.update((toGpu ? even : odd).globalKeyId);
      const { encrypt, decrypt } = this.store.retrieve(even.globalKeyId, toGpu ? 'encrypt' : 'decrypt');
      return (toGpu ? encrypt : decrypt) as CryptBundle;
    });
    return context;
  }

  /** A heartbeat was answered. @param now milliseconds */
  heartbeat(now: number): void {
    this.requireAlive();
    this.#lastHeartbeat = now;
  }

  /** Whether it is time for the driver's next heartbeat. @param now milliseconds */
  heartbeatDue(now: number): boolean {
    return now - this.#lastHeartbeat >= HEARTBEAT_PERIOD;
  }

  /** Ends the session when there was no heartbeat for two periods. @param now milliseconds @throws {LinkError} heartbeatLost, sessionLost */
  watch(now: number): void {
    this.requireAlive();
    if (now - this.#lastHeartbeat > PERIODS_WAITED * HEARTBEAT_PERIOD) throw this.end(new LinkError('heartbeatLost', `${now - this.#lastHeartbeat} ms`));
  }

  /** Ends the session: every key is destroyed. @returns `reason`, to be thrown */
  end(reason: LinkError): LinkError {
    if (!this.#lost) {
      this.#lost = reason;
      this.store.clear();
    }
    return reason;
  }
}
