/**
 * One end of a channel: keys, masks and counters of both directions, and what may be done with them. The driver has one, the GPU another with
 * the directions exchanged. Named a CSL context in the driver. Source: NVIDIA open-gpu-kernel-modules 595.45.04, ccsl.c.
 */
import type { GcmEngine, GcmKey } from '../engine/engine.ts';
import { advance, advanceNonce, channelCounter, type CounterWidth, maskedIv, messageCounter, remaining, setChannelCounter, setMessageCounter } from './iv.ts';
import { type CryptBundle, type HmacBundle, type KeyMaterial, rotatedCounters } from './key-store.ts';
import { LinkError, type OutcomeName } from './outcomes.ts';
import { workUnits } from './rotation.ts';
import { sameMac, workMac } from './work-mac.ts';

/** Decrypt keys that an end keeps: those of this many rotations (ccsl.c:42). */
export const KEPT_VERSIONS = 16;

/** An IV that was taken from a context. A fresh one may seal one message; one of the other direction is never fresh. */
export interface CslIv {
  /** 12 bytes, not masked. */
  readonly iv: Uint8Array;
  fresh: boolean;
}

interface Way {
  key: GcmKey;
  iv: Uint8Array;
  ivMask: Uint8Array;
}

/** Bytes and messages that were sealed under the present keys. */
export interface Work {
  bytes: number;
  messages: number;
}

/** Keys of one end: what it seals with, what it opens with, and what work is signed with. */
export interface EndKeys {
  readonly out?: CryptBundle | undefined;
  readonly into?: CryptBundle | undefined;
  readonly mac?: HmacBundle | undefined;
}

const NO_AAD = new Uint8Array(0);

/** One end of a channel. */
export class CslContext {
  readonly engine: GcmEngine;
  readonly width: CounterWidth;
  /** Sealed by this end and opened by it, under the present keys. */
  readonly sealed: Work = { bytes: 0, messages: 0 };
  readonly opened: Work = { bytes: 0, messages: 0 };
  #out: Way | undefined;
  #in: Way | undefined;
  #mac: { key: Uint8Array; nonce: Uint8Array } | undefined;
  #version = 0;
  readonly #kept: (Pick<Way, 'key' | 'ivMask'> | undefined)[] = [];
  readonly #wire = new Uint8Array(12);
  #self: { readonly threshold: number; readonly next: (way: 'out' | 'in') => CryptBundle; readonly out: Work; readonly in: Work } | undefined;

  /** @param out what this end seals with @param into what it opens with @param width of the message counters */
  constructor(engine: GcmEngine, { out, into, mac }: EndKeys, width: CounterWidth = 32) {
    this.engine = engine;
    this.width = width;
    this.#load(out, into, mac);
  }

  /** How often the keys were rotated. */
  get keyVersion(): number {
    return this.#version;
  }

  /** Messages that are left in a direction of this end. */
  remaining(way: 'out' | 'in'): bigint {
    return remaining(this.#way(way).iv, this.width);
  }

  /** Both counters of a direction of this end. */
  counters(way: 'out' | 'in'): { readonly message: bigint; readonly channel: bigint } {
    const { iv } = this.#way(way);
    return { message: messageCounter(iv, this.width), channel: this.width === 64 ? 0n : channelCounter(iv) };
  }

  /** Sets the message counter of a direction as if that many messages had passed, so that its end can be seen. */
  seek(way: 'out' | 'in', messages: bigint): void {
    setMessageCounter(this.#way(way).iv, this.width, messages);
  }

  /** Takes the next IV for one message that will be sealed later. @throws {LinkError} ivOverflow */
  acquireIv(): CslIv {
    return { iv: this.#count('out'), fresh: true };
  }

  /**
   * Takes the next IV of the other end, before it seals: it opens that message with it later, in whatever order messages come.
   * @throws {LinkError} ivOverflow
   */
  logIv(): CslIv {
    return { iv: this.#count('in'), fresh: false };
  }

  /** Passes over one message of the other end without opening it. @param length bytes of it @throws {LinkError} ivOverflow */
  skip(length: number): void {
    this.#rotateItself('in', length);
    this.#count('in');
  }

  /**
   * Rotates each direction by itself when so much was sealed under its key, without asking the other end, which counts the same: what the queues of
   * GSP do. Messages are counted from the start then.
   * @param threshold work in units of {@link workUnits} @param next gives the key that follows
   */
  rotatesItself(threshold: number, next: (way: 'out' | 'in') => CryptBundle): void {
    this.#self = { threshold, next, out: { bytes: 0, messages: 0 }, in: { bytes: 0, messages: 0 } };
  }

  /**
   * Seals one message. The counter is counted first: the first message has 1.
   * @param src not empty @param dst as long; may lie in shared memory @param tag 16 bytes, written
   * @throws {LinkError} ivOverflow, emptyMessage
   */
  seal(src: Uint8Array, dst: Uint8Array, tag: Uint8Array, aad: Uint8Array = NO_AAD): void {
    this.#rotateItself('out', src.length);
    this.sealWith(this.acquireIv(), src, dst, tag, aad);
  }

  /** Seals one message with an IV of {@link acquireIv}. @throws {LinkError} ivNotFresh for its second use, emptyMessage */
  sealWith(iv: CslIv, src: Uint8Array, dst: Uint8Array, tag: Uint8Array, aad: Uint8Array = NO_AAD): void {
    if (src.length === 0) throw new LinkError('emptyMessage');
    if (!iv.fresh) throw new LinkError('ivNotFresh');
    iv.fresh = false;
    const { key, ivMask } = this.#way('out');
    this.engine.seal(key, maskedIv(iv.iv, ivMask, this.#wire), aad, src, dst, tag);
    this.sealed.bytes += src.length;
    this.sealed.messages++;
  }

  /**
   * Opens one message: the next one, or that of a logged IV.
   * @param src ciphertext @param dst as long; never memory that somebody else can read @param keyVersion the keys that it was sealed with; one of the last 16
   * @returns whether the tag was right; `dst` is all zero otherwise @throws {LinkError} ivOverflow, emptyMessage
   */
  opens(src: Uint8Array, tag: Uint8Array, dst: Uint8Array, { iv, keyVersion, aad = NO_AAD }: OpenOptions = {}): boolean {
    if (src.length === 0) throw new LinkError('emptyMessage');
    if (!iv) this.#rotateItself('in', src.length);
    const counted = iv?.iv ?? this.#count('in');
    const { key, ivMask } = keyVersion === undefined ? this.#way('in') : (this.#kept[keyVersion % KEPT_VERSIONS] ?? this.#way('in'));
    const fits = this.engine.open(key, maskedIv(counted, ivMask, this.#wire), aad, src, tag, dst);
    if (fits) {
      this.opened.bytes += src.length;
      this.opened.messages++;
    }
    return fits;
  }

  /** As {@link opens}. @throws {LinkError} `outcome` when the tag is wrong, ivOverflow, emptyMessage */
  open(src: Uint8Array, tag: Uint8Array, dst: Uint8Array, options: OpenOptions = {}, outcome: OutcomeName = 'cpuTagMismatch'): void {
    if (!this.opens(src, tag, dst, options)) throw new LinkError(outcome);
  }

  /**
   * The MAC over the next work for SEC2.
   * @param methods as {@link encodeMethods} writes them @returns 32 bytes @throws {LinkError} nonceExhausted, tooManyMethods, emptyMessage
   */
  sign(methods: Uint8Array): Uint8Array {
    const { key, nonce } = this.#work();
    if (!advanceNonce(nonce)) throw new LinkError('nonceExhausted');
    return workMac(key, methods, nonce);
  }

  /** Whether the MAC over the next work is right. @throws {LinkError} sec2NonceOverflow, tooManyMethods, emptyMessage */
  verifies(methods: Uint8Array, mac: Uint8Array): boolean {
    const { key, nonce } = this.#work();
    if (!advanceNonce(nonce)) throw new LinkError('sec2NonceOverflow');
    return sameMac(workMac(key, methods, nonce), mac);
  }

  /** Sets the nonce of the work MAC, so that its end can be seen. @param nonce 32 bytes */
  seekNonce(nonce: Uint8Array): void {
    this.#work().nonce.set(nonce);
  }

  /**
   * Goes over to the keys that follow: messages are counted from the start, the channel counter stays, the work done under the old keys is
   * forgotten. What was sealed by the other end before can still be opened by its key version.
   */
  rotate({ out, into, mac }: EndKeys): void {
    const kept = (bundle: CryptBundle | undefined, way: Way | undefined): CryptBundle | undefined => bundle && { ...bundle, iv: rotatedCounters(way?.iv ?? bundle.iv) };
    this.#version++;
    this.#load(kept(out, this.#out), kept(into, this.#in), mac && { key: mac.key, nonce: rotatedCounters(this.#mac?.nonce ?? mac.nonce) });
    for (const work of [this.sealed, this.opened]) {
      work.bytes = 0;
      work.messages = 0;
    }
  }

  /** Goes over to keys that share nothing with those before, with counters of their own (Blackwell). */
  renew({ out, into }: EndKeys): void {
    this.rotate({ out, into });
    if (out) this.#way('out').iv.set(out.iv);
    if (into) this.#way('in').iv.set(into.iv);
  }

  /** Moves one direction to another channel counter and counts its messages from the start: an IV rotation. */
  rotateIv(way: 'out' | 'in', counter: bigint): void {
    const { iv } = this.#way(way);
    setMessageCounter(iv, 32, 0n);
    setChannelCounter(iv, counter);
  }

  #rotateItself(which: 'out' | 'in', bytes: number): void {
    if (!this.#self) return;
    const { [which]: work, threshold, next } = this.#self;
    work.bytes += bytes;
    work.messages++;
    if (workUnits(work) <= threshold) return;
    const { key, iv, ivMask } = next(which);
    Object.assign(this.#way(which), { key: this.engine.key(key), iv: iv.slice(), ivMask: ivMask.slice() });
    work.bytes = bytes;
    work.messages = 1;
  }

  #load(out: CryptBundle | undefined, into: CryptBundle | undefined, mac: HmacBundle | undefined): void {
    const way = (bundle: CryptBundle | undefined): Way | undefined => bundle && { key: this.engine.key(bundle.key), iv: bundle.iv.slice(), ivMask: bundle.ivMask.slice() };
    this.#out = way(out);
    this.#in = way(into);
    this.#mac = mac && { key: mac.key.slice(), nonce: mac.nonce.slice() };
    this.#kept[this.#version % KEPT_VERSIONS] = this.#in;
  }

  #count(which: 'out' | 'in'): Uint8Array {
    const { iv } = this.#way(which);
    if (!advance(iv, this.width)) throw new LinkError('ivOverflow');
    return iv.slice();
  }

  #way(which: 'out' | 'in'): Way {
    const way = which === 'out' ? this.#out : this.#in;
    if (!way) throw new RangeError(`this end has no keys for what goes ${which}`);
    return way;
  }

  #work(): { key: Uint8Array; nonce: Uint8Array } {
    if (!this.#mac) throw new RangeError('this end signs no work');
    return this.#mac;
  }
}

/** What a message is opened with, when it is not simply the next one. */
export interface OpenOptions {
  readonly iv?: CslIv | undefined;
  readonly keyVersion?: number | undefined;
  readonly aad?: Uint8Array;
}

/** Makes ends of channels. */
export type ContextFactory = (engine: GcmEngine, keys: EndKeys, width: CounterWidth) => CslContext;

/** An end as it is when nobody wants another. */
export function newContext(engine: GcmEngine, keys: EndKeys, width: CounterWidth): CslContext {
  return new CslContext(engine, keys, width);
}

/** Which keys the driver's end of a channel uses for what. */
export function driverKeys({ encrypt, decrypt, hmac }: KeyMaterial): EndKeys {
  return { out: encrypt, into: decrypt, mac: hmac };
}

/** Which keys the GPU's end of a channel uses for what. */
export function gpuKeys({ encrypt, decrypt, hmac }: KeyMaterial): EndKeys {
  return { out: decrypt, into: encrypt, mac: hmac };
}
