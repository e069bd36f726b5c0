/**
 * Parts of a link that leave a check out. They exist only here: each shows that a test of the table of cases would notice a driver or a device
 * that is built so.
 */
import { createDecipheriv, createHmac } from 'node:crypto';
import { type ContextFactory, CslContext, type CslIv, type EndKeys, type OpenOptions } from '../../../emulator/link/channel/bundle.ts';
import { setChannelCounter } from '../../../emulator/link/channel/iv.ts';
import type { CryptBundle } from '../../../emulator/link/channel/key-store.ts';
import { LinkError } from '../../../emulator/link/channel/outcomes.ts';
import type { GcmEngine, GcmKey } from '../../../emulator/link/engine/engine.ts';
import { nodeEngine } from '../../../emulator/link/engine/node.ts';
import { type Access, SharedMemory, SLOT_SIZE } from '../../../emulator/link/path/shared-memory.ts';

interface OpenKey extends GcmKey {
  readonly bytes: Uint8Array;
  readonly inner: GcmKey;
}

/** An engine that shows its keys, so that tests can see or replace what is done with them. */
function openEngine(change: (inner: GcmEngine) => Partial<{ seal: (key: OpenKey, ...rest: Tail<GcmEngine['seal']>) => void; open: (key: OpenKey, ...rest: Tail<GcmEngine['open']>) => boolean }>): GcmEngine {
  const inner = nodeEngine();
  const { seal, open } = change(inner);
  return {
    name: 'node',
    library: inner.library,
    key: (bytes): OpenKey => ({ engine: 'node', bytes: bytes.slice(), inner: inner.key(bytes) }),
    seal: (key, ...rest) => (seal ?? ((it, ...more) => inner.seal(it.inner, ...more)))(key as OpenKey, ...rest),
    open: (key, ...rest) => (open ?? ((it, ...more) => inner.open(it.inner, ...more)))(key as OpenKey, ...rest),
  };
}
type Tail<F> = F extends (first: never, ...rest: infer R) => unknown ? R : never;

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

/** Decrypts without looking at the tag. */
function decrypt(key: OpenKey, iv: Uint8Array, src: Uint8Array, dst: Uint8Array): void {
  dst.set(createDecipheriv('aes-256-gcm', key.bytes, iv).update(src.slice()));
}

/** An engine that takes every tag for right. */
export function withoutTags(): GcmEngine {
  return openEngine(() => ({
    open: (key, iv, _aad, src, _tag, dst) => {
      decrypt(key, iv, src, dst);
      return true;
    },
  }));
}

/** An engine that leaves the additional data out, in sealing as in opening. */
export function withoutAad(): GcmEngine {
  const none = new Uint8Array(0);
  return openEngine((inner) => ({ seal: (key, iv, _aad, ...rest) => inner.seal(key.inner, iv, none, ...rest), open: (key, iv, _aad, ...rest) => inner.open(key.inner, iv, none, ...rest) }));
}

/** An engine that does not encrypt messages as long as `length`: their bytes lie open. */
export function withoutEncryption(length: number): GcmEngine {
  return openEngine((inner) => ({
    seal: (key, iv, aad, src, dst, tag) => {
      if (src.length === length) dst.set(src);
      else inner.seal(key.inner, iv, aad, src, dst, tag);
    },
    open: (key, iv, aad, src, tag, dst) => {
      if (src.length !== length) return inner.open(key.inner, iv, aad, src, tag, dst);
      dst.set(src);
      return true;
    },
  }));
}

/** A right engine that keeps a list of each key and IV that sealed something. */
export function recordingEngine(sealed: string[]): GcmEngine {
  return openEngine((inner) => ({
    seal: (key, iv, ...rest) => {
      sealed.push(`${hex(key.bytes)} ${hex(iv)}`);
      inner.seal(key.inner, iv, ...rest);
    },
  }));
}

/** An engine that reads its source twice, first for the tag, then for the bytes; `between` is when somebody else could write. */
export function twoPassEngine(between: (src: Uint8Array) => void): GcmEngine {
  return openEngine((inner) => ({
    open: (key, iv, aad, src, tag, dst) => {
      if (!inner.open(key.inner, iv, aad, src, tag, dst)) return false;
      between(src);
      decrypt(key, iv, src, dst);
      return true;
    },
  }));
}

/** Ends of channels of another class. */
export function contextsOf(Context: typeof CslContext): ContextFactory {
  return (engine, keys, width) => new Context(engine, keys, width);
}

/** Takes every MAC for right. */
export class WithoutMac extends CslContext {
  override verifies(methods: Uint8Array, mac: Uint8Array): boolean {
    super.verifies(methods.subarray(0, 8), mac);
    return true;
  }
}

/** Signs and verifies without a nonce. */
export class WithoutNonce extends CslContext {
  #key: Uint8Array = new Uint8Array(32);
  static of(engine: GcmEngine, keys: EndKeys, width: 32 | 64): CslContext {
    const context = new WithoutNonce(engine, keys, width);
    if (keys.mac) context.#key = keys.mac.key.slice();
    return context;
  }
  override sign(methods: Uint8Array): Uint8Array {
    return new Uint8Array(createHmac('sha256', this.#key).update(methods).digest());
  }
  override verifies(methods: Uint8Array, mac: Uint8Array): boolean {
    return hex(this.sign(methods)) === hex(mac);
  }
}

/** Signs however many methods there are, and begins the nonce anew at its end. */
export class WithoutLimits extends CslContext {
  override sign(methods: Uint8Array): Uint8Array {
    if (methods.length > 512) return super.sign(methods.subarray(0, 512));
    try {
      return super.sign(methods);
    } catch (error) {
      if (!(error instanceof LinkError)) throw error;
      this.seekNonce(new Uint8Array(32));
      return super.sign(methods);
    }
  }
  override acquireIv(): CslIv {
    if (this.remaining('out') === 0n) this.seek('out', 0n);
    return super.acquireIv();
  }
}

/** Carries only in the low word of a counter of 64 bits. */
export class WithoutCarry extends CslContext {
  override acquireIv(): CslIv {
    const { message } = this.counters('out');
    if ((message & 0xffff_ffffn) === 0xffff_ffffn) this.seek('out', (message & ~0xffff_ffffn) - 1n);
    return super.acquireIv();
  }
}

/** Seals with an IV as often as it is asked to. */
export class WithoutFreshness extends CslContext {
  override sealWith(iv: CslIv, ...rest: Tail<CslContext['sealWith']>): void {
    iv.fresh = true;
    super.sealWith(iv, ...rest);
  }
}

/** Keeps the old key when it is told to rotate: only the counters are cleared. */
export class WithoutNewKeys extends CslContext {
  #keys: EndKeys = {};
  static of(engine: GcmEngine, keys: EndKeys, width: 32 | 64): CslContext {
    const context = new WithoutNewKeys(engine, keys, width);
    context.#keys = keys;
    return context;
  }
  override rotate(): void {
    super.rotate(this.#keys);
  }
}

/** Goes on counting messages after a rotation. */
export class WithoutReset extends CslContext {
  override rotate(keys: EndKeys): void {
    const { message } = this.counters('out');
    const { bytes, messages } = this.sealed;
    super.rotate(keys);
    this.seek('out', message);
    Object.assign(this.sealed, { bytes, messages });
  }
}

/** Has no channel counter: channels of a key differ by nothing. */
export const withoutChannelCounter: ContextFactory = (engine, keys, width) => {
  const bare = (bundle: CryptBundle | undefined): CryptBundle | undefined => {
    if (!bundle || width === 64) return bundle;
    const iv = bundle.iv.slice();
    setChannelCounter(iv, 0n);
    return { ...bundle, iv };
  };
  return new CslContext(engine, { ...keys, out: bare(keys.out), into: bare(keys.into) }, width);
};

/** Counts the messages of a channel anew at an IV rotation, but leaves the channel counter. */
export class WithoutIvRotation extends CslContext {
  override rotateIv(way: 'out' | 'in'): void {
    super.rotateIv(way, this.counters(way).channel);
  }
}

/** Keeps the keys of every version for ever. */
export class WithoutRing extends CslContext {
  readonly #all: CryptBundle[] = [];
  static of(engine: GcmEngine, keys: EndKeys, width: 32 | 64): WithoutRing {
    const context = new WithoutRing(engine, keys, width);
    if (keys.into) context.#all.push(keys.into);
    return context;
  }
  override rotate(keys: EndKeys): void {
    super.rotate(keys);
    if (keys.into) this.#all.push(keys.into);
  }
  override opens(src: Uint8Array, tag: Uint8Array, dst: Uint8Array, options: OpenOptions = {}): boolean {
    const into = options.keyVersion === undefined ? undefined : this.#all[options.keyVersion];
    return into ? new CslContext(this.engine, { into }).opens(src, tag, dst, { ...options, keyVersion: undefined }) : super.opens(src, tag, dst, options);
  }
}

/** Believes the notifier of the first semaphore instead of opening the payload. @param shared tells where the semaphores are, once they are there */
export function withoutSemaphores(shared: () => SharedMemory | undefined): ContextFactory {
  class Believer extends CslContext {
    override open(src: Uint8Array, ...rest: Tail<CslContext['open']>): void {
      const memory = shared();
      const [, dst] = rest;
      if (src.length !== 4 || !memory) super.open(src, ...rest);
      else new DataView(dst.buffer).setUint32(0, Atomics.load(memory.words, (memory.region('semaphores').at + 32) / 4) / 2, true);
    }
  }
  return contextsOf(Believer);
}

/** Shared memory in which the last byte of a whole bounce buffer is lost. */
class LossyMemory extends SharedMemory {
  override fill(at: number, length: number, act: (bytes: Uint8Array) => void): void {
    super.fill(at, length, act);
    if (length === SLOT_SIZE) this.live(at + length - 1, 1)[0] = 0;
  }
}

/** Shared memory whose every freed buffer holds what the driver copied: plain bytes after use. */
class PlainMemory extends SharedMemory {
  readonly plain: () => Uint8Array | undefined;
  constructor(by: Access['by'], slots: number, plain: () => Uint8Array | undefined) {
    super(by, slots);
    this.plain = plain;
  }
  override read<T>(at: number, length: number, act: (bytes: Uint8Array) => T): T {
    try {
      return super.read(at, length, act);
    } finally {
      const plain = this.plain();
      if (plain?.length === length) this.live(at, length).set(plain);
    }
  }
}

type Views = (slots: number) => { driver: SharedMemory; gpu: SharedMemory };

/** Views of shared memory: sound, or one of them weak. */
export const VIEWS = {
  sound: (slots: number) => {
    const driver = new SharedMemory('driver', slots);
    return { driver, gpu: new SharedMemory('gpu', slots, driver.buffer) };
  },
  lossy: (slots: number) => {
    const driver = new LossyMemory('driver', slots);
    return { driver, gpu: new SharedMemory('gpu', slots, driver.buffer) };
  },
  plainAfterUse:
    (plain: () => Uint8Array | undefined): Views =>
    (slots) => {
      const driver = new PlainMemory('driver', slots, plain);
      return { driver, gpu: new SharedMemory('gpu', slots, driver.buffer) };
    },
} satisfies Record<string, unknown>;
