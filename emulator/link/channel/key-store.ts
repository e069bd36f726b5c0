/**
 * The key store of one session: 114 slots, filled from the export master key. The driver and the GPU each have one, and both come to the same
 * keys by themselves; only the IV masks travel, from the GPU to the driver. Source: NVIDIA open-gpu-kernel-modules 595.45.04,
 * conf_compute_keystore_gh100.c, conf_compute_keystore_gb100.c, cc_keystore.h:480-485.
 */
import { createHmac, hash } from 'node:crypto';
import { channelCounter, clearMessages, NONCE_SIZE, setChannelCounter } from './iv.ts';
import { KEY_SLOTS, type KeySlot, keyPairOf, slotOf } from './labels.ts';
import { LinkError } from './outcomes.ts';

/** Bytes of the export master key: the first 32 of the 48 that SPDM exports. */
export const EMK_SIZE = 32;
const IV_SIZE = 12;
const LAST_CHANNEL = (1n << 64n) - 1n;

/** What one direction of a channel is encrypted with. */
export interface CryptBundle {
  /** 32 bytes. */
  readonly key: Uint8Array;
  /** 12 bytes: both counters. */
  readonly iv: Uint8Array;
  /** 12 bytes, chosen by the GPU. */
  readonly ivMask: Uint8Array;
}

/** What work for SEC2 is signed with. */
export interface HmacBundle {
  /** 32 bytes. */
  readonly key: Uint8Array;
  /** 32 bytes. */
  readonly nonce: Uint8Array;
}

/** The key material of a channel: to the GPU, and back or over the work. */
export interface KeyMaterial {
  readonly encrypt?: CryptBundle;
  readonly decrypt?: CryptBundle;
  readonly hmac?: HmacBundle;
}

/** Which half of the key material is asked for. */
export type Half = 'encrypt' | 'decrypt' | 'both';

/**
 * HKDF-Expand with SHA-256 and one block of output (RFC 5869, section 2.3): HMAC(prk, label ‖ 1).
 * @param prk 32 bytes @param label ASCII, without a final zero @returns 32 bytes
 */
export function expand(prk: Uint8Array, label: string): Uint8Array {
  return new Uint8Array(createHmac('sha256', prk).update(label, 'ascii').update(Uint8Array.of(1)).digest());
}

/** The key that follows `key` under the same label: Expand(SHA-256(key), label). @returns 32 bytes */
export function nextKey(key: Uint8Array, label: string): Uint8Array {
  return expand(new Uint8Array(hash('sha256', key, 'buffer')), label);
}

interface Held {
  key: Uint8Array;
  /** IV of 12 bytes, or nonce of 32. */
  counter: Uint8Array;
  ivMask: Uint8Array;
}

/** How the keys are derived; tests put something else here. */
export type Expand = (prk: Uint8Array, label: string) => Uint8Array;

/** The key store of one session. */
export class KeyStore {
  #emk: Uint8Array;
  #seed: Uint8Array | undefined;
  readonly #held = new Map<number, Held>();
  readonly #expand: Expand;

  /** @param emk 32 bytes; they are copied @throws {RangeError} for another length */
  constructor(emk: Uint8Array, derive: Expand = expand) {
    if (emk.length !== EMK_SIZE) throw new RangeError(`an export master key is ${EMK_SIZE} bytes, not ${emk.length}`);
    this.#emk = emk.slice();
    this.#expand = derive;
  }

  /**
   * Derives the key of a slot, with counters and mask at zero.
   * @throws {LinkError} zeroKey for a key of a copy engine that is all zero @throws {RangeError} for a slot without label
   */
  derive(id: number): void {
    const slot = slotOf(id);
    if (slot.label === undefined) throw new RangeError(`slot ${slot.slot} has no label: its key is not the driver's`);
    const key = this.#expand(this.#emk, slot.label);
    refuseZero(slot, key);
    this.#held.set(id, { key, counter: new Uint8Array(slot.type === 'HMAC_COUNTER' ? NONCE_SIZE : IV_SIZE), ivMask: new Uint8Array(IV_SIZE) });
  }

  /** Whether the slot has a key. */
  has(id: number): boolean {
    return this.#held.has(id);
  }

  /** Takes the mask that the GPU chose for a key. @param mask 12 bytes @throws {LinkError} sec2KeyDerivation when there is no such key */
  depositIvMask(id: number, mask: Uint8Array): void {
    if (mask.length !== IV_SIZE) throw new RangeError(`an IV mask is ${IV_SIZE} bytes, not ${mask.length}`);
    this.#slot(id).ivMask = mask.slice();
  }

  /**
   * The key material of the pair that `id` belongs to; a half without key is left out. With its counters, the channel counter of each half is
   * counted first, so that no two channels of a key ever have the same.
   * @throws {LinkError} channelCounterExhausted, sec2KeyDerivation when the pair has no keys
   */
  retrieve(id: number, half: Half = 'both', counters = true): KeyMaterial {
    const [even, odd] = keyPairOf(id);
    const wanted = [...(half === 'decrypt' ? [] : [even]), ...(half === 'encrypt' ? [] : [odd])].flatMap((slot) => {
      const held = this.#held.get(slot.globalKeyId);
      return held ? [{ slot, held }] : [];
    });
    if (wanted.length === 0) this.#slot(id);
    const counted = wanted.filter(({ slot }) => counters && slot.type !== 'NO_CHAN_COUNTER');
    // Both are looked at before either is counted.
    for (const { slot, held } of counted) if (channelCounter(held.counter) === LAST_CHANNEL) throw new LinkError('channelCounterExhausted', slot.label);
    for (const { held } of counted) setChannelCounter(held.counter, channelCounter(held.counter) + 1n);
    return Object.assign(
      {},
      ...wanted.map(({ slot, held: { key, counter, ivMask } }): KeyMaterial => {
        if (slot.type === 'HMAC_COUNTER') return { hmac: { key: key.slice(), nonce: counter.slice() } };
        return { [slot === even ? 'encrypt' : 'decrypt']: { key: key.slice(), iv: counter.slice(), ivMask: ivMask.slice() } };
      }),
    ) as KeyMaterial;
  }

  /**
   * Replaces one key by the one that follows it. The mask stays until the GPU says another.
   * @throws {LinkError} zeroKey
   */
  update(id: number): void {
    const slot = slotOf(id);
    const held = this.#slot(id);
    const key = this.#expand(new Uint8Array(hash('sha256', held.key, 'buffer')), slot.label ?? '');
    refuseZero(slot, key);
    held.key = key;
  }

  /** Sets the channel counter of a slot as if that many channels had been opened, so that its end can be seen. */
  seek(id: number, channels: bigint): void {
    setChannelCounter(this.#slot(id).counter, channels);
  }

  /**
   * Blackwell: the next pair of channel keys. Each pair comes from a seed of its own, and seeds only go forward.
   * @throws {LinkError} zeroKey
   */
  nextChannelKeys(): Required<Pick<KeyMaterial, 'encrypt' | 'decrypt'>> {
    const seed = this.#seed ?? this.#expand(this.#emk, 'ce_channel');
    // The driver's spelling.
    this.#seed = this.#expand(seed, 'update_keyseeed');
    const bundle = (label: string): CryptBundle => {
      const key = this.#expand(seed, label);
      if (key.every((byte) => byte === 0)) throw new LinkError('zeroKey', label);
      return { key, iv: new Uint8Array(IV_SIZE), ivMask: new Uint8Array(IV_SIZE) };
    };
    const material = { encrypt: bundle('update_key1'), decrypt: bundle('update_key2') };
    seed.fill(0);
    return material;
  }

  /** Forgets everything: what the end of a session does. */
  clear(): void {
    this.#emk.fill(0);
    this.#seed?.fill(0);
    for (const { key, counter, ivMask } of this.#held.values()) for (const bytes of [key, counter, ivMask]) bytes.fill(0);
    this.#held.clear();
  }

  #slot(id: number): Held {
    const held = this.#held.get(id);
    if (!held) throw new LinkError('sec2KeyDerivation', slotOf(id).label ?? `slot ${slotOf(id).slot}`);
    return held;
  }
}

function refuseZero(slot: KeySlot, key: Uint8Array): void {
  // Copy engines raise an error for a key of zeros; GSP and SEC2 are not asked.
  if (slot.keyspace.startsWith('LCE') && key.every((byte) => byte === 0)) throw new LinkError('zeroKey', slot.label);
}

/** Bundles after a rotation: new key and mask, messages from the start, the same channel. */
export function rotatedCounters(bundle: Uint8Array): Uint8Array {
  const kept = bundle.slice();
  clearMessages(kept);
  return kept;
}

/** Every slot with a label that a GPU of this kind derives when a session begins. @param copyEngines whether the keys of copy engines are per engine */
export function derivedSlots(copyEngines: boolean): KeySlot[] {
  return KEY_SLOTS.filter(({ label, keyspace, peer }) => label !== undefined && !peer && (!keyspace.startsWith('LCE') || (copyEngines && /^LCE[0-7]$/.test(keyspace))));
}
