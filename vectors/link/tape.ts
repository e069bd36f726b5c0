/** Writes transcripts of channels: plays the end that is not under test, and writes down what comes to the one that is. */
import { createHmac } from 'node:crypto';
import { type CslContext, type CslIv, driverKeys, gpuKeys, newContext } from '../../emulator/link/channel/bundle.ts';
import { channelCounter, channelIv } from '../../emulator/link/channel/iv.ts';
import { type KeySlot, keyPairOf, slotLabelled } from '../../emulator/link/channel/labels.ts';
import { type Fault, sealFault } from '../../emulator/link/channel/messages/fault-packet.ts';
import { checkSum32, RPC_ELEMENT, RPC_ELEMENT_SIZE, RpcSender } from '../../emulator/link/channel/messages/rpc-element.ts';
import { TRACKING_SEMAPHORE } from '../../emulator/link/channel/messages/tracking-semaphore.ts';
import { LinkSession } from '../../emulator/link/channel/session.ts';
import { encodeMethods, type Method } from '../../emulator/link/channel/work-mac.ts';
import { nodeEngine } from '../../emulator/link/engine/node.ts';
import type { ChannelStep, ChannelTranscript } from '../../emulator/link/transcript.ts';
import type { World } from '../../emulator/world.ts';

/** A message as the other end sealed it. Bytes are hexadecimal. */
export interface Sealed {
  readonly text: string;
  readonly tag: string;
  readonly plain: string;
}

interface Channel {
  readonly pair: readonly [KeySlot, KeySlot];
  /** The other end. */
  readonly other: CslContext;
  /** The end under test, as it ought to be. */
  readonly own: CslContext;
  readonly rpc: RpcSender;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));
const NO_MASK = '00'.repeat(12);

/** How a tape begins. */
export interface TapeOptions {
  /** The end under test; the GPU unless said here. */
  readonly end?: 'driver' | 'gpu';
  readonly scheme?: 'hopper' | 'blackwell';
  /** Which of the world's sessions. */
  readonly session?: number;
}

/** A transcript that is being written. */
export class Tape {
  readonly end: 'driver' | 'gpu';
  readonly #world: World;
  readonly #scheme: 'hopper' | 'blackwell';
  readonly #emk: Uint8Array;
  readonly #session: LinkSession;
  readonly #mirror: LinkSession;
  readonly #masks: Record<string, string> = {};
  readonly #channels = new Map<string, Channel>();
  readonly #ivs = new Map<string, { readonly context: CslContext; readonly iv: CslIv }>();
  #steps: ChannelStep[] = [];
  #drawn = 0;

  constructor(world: World, { end = 'gpu', scheme = 'hopper', session = 0 }: TapeOptions = {}) {
    this.end = end;
    this.#world = world;
    this.#scheme = scheme;
    this.#emk = world.derive(`vectors/link/emk/${session}`, 32);
    this.#session = new LinkSession({ emk: this.#emk, scheme });
    this.#mirror = new LinkSession({ emk: this.#emk, scheme });
  }

  /** The transcript so far. */
  get transcript(): ChannelTranscript {
    return { form: 1, kind: 'channel', scheme: this.#scheme, end: this.end, emk: hex(this.#emk), masks: this.#masks, steps: this.#steps };
  }

  /** Opens a channel on both ends. @param key label of a key of its pair */
  channel(channel: string, key: string, more: { readonly messages?: bigint; readonly nonce?: Uint8Array } = {}): void {
    const pair = keyPairOf(slotLabelled(key).globalKeyId);
    const copies = pair[0].keyspace.startsWith('LCE');
    for (const { label, globalKeyId } of copies && this.#scheme === 'hopper' ? pair : []) {
      if (label === undefined || this.#masks[label] !== undefined) continue;
      const mask = this.#world.derive(`vectors/link/mask/${label}`, 12);
      this.#masks[label] = hex(mask);
      for (const { store } of [this.#session, this.#mirror]) store.depositIvMask(globalKeyId, mask);
    }
    const context = (session: LinkSession, end: 'driver' | 'gpu'): CslContext => {
      const keys = copies ? session.scheme.open(session.store, pair[0].globalKeyId) : session.store.retrieve(pair[0].globalKeyId);
      return newContext(nodeEngine(), end === 'driver' ? driverKeys(keys) : gpuKeys(keys), pair[0].keyspace === 'GSP' ? 64 : 32);
    };
    const [other, own] = [context(this.#session, this.end === 'driver' ? 'gpu' : 'driver'), context(this.#mirror, this.end)];
    const { messages, nonce } = more;
    if (messages !== undefined) this.#seek(pair, other, own, messages);
    if (nonce) for (const end of [other, own]) end.seekNonce(nonce);
    this.#channels.set(channel, { pair, other, own, rpc: new RpcSender(other) });
    this.add({ do: 'channel', channel, key, ...(messages === undefined ? {} : { messages: String(messages) }), ...(nonce ? { nonce: hex(nonce) } : {}) });
  }

  /** Only the directions that there are keys for. */
  #seek([even, odd]: readonly [KeySlot, KeySlot], other: CslContext, own: CslContext, messages: bigint): void {
    const [driver, gpu] = this.end === 'driver' ? [own, other] : [other, own];
    if (even.label !== undefined) {
      driver.seek('out', messages);
      gpu.seek('in', messages);
    }
    if (odd.label !== undefined && odd.type !== 'HMAC_COUNTER') {
      driver.seek('in', messages);
      gpu.seek('out', messages);
    }
  }

  /** Writes a step down as it is. */
  add(...steps: readonly ChannelStep[]): void {
    this.#steps = [...this.#steps, ...steps];
  }

  /** Bytes that look like data. */
  data(size: number): Uint8Array {
    const piece = this.#world.derive(`vectors/link/data/${this.#drawn++}`, Math.min(size, 4096));
    return Uint8Array.from({ length: size }, (_, i) => (piece[i % piece.length] ?? 0) ^ ((i >> 12) & 0xff));
  }

  /** The other end seals its next message. */
  sealed(channel: string, plain: Uint8Array = this.data(48)): Sealed {
    const [text, tag] = [new Uint8Array(plain.length), new Uint8Array(16)];
    this.#of(channel).other.seal(plain, text, tag);
    return { text: hex(text), tag: hex(tag), plain: hex(plain) };
  }

  /** The other end seals a message as the one of that number, whatever its own count is. */
  sealedAt(channel: string, messages: number, plain: Uint8Array = this.data(48)): Sealed {
    const { other } = this.#of(channel);
    const [text, tag] = [new Uint8Array(plain.length), new Uint8Array(16)];
    other.sealWith({ iv: channelIv(other.counters('out').channel, messages), fresh: true }, plain, text, tag);
    return { text: hex(text), tag: hex(tag), plain: hex(plain) };
  }

  /** A message comes. */
  deliver(channel: string, message: Sealed = this.sealed(channel)): void {
    this.add({ do: 'deliver', channel, ...message });
  }

  /** The end under test takes the IV of a message that comes later. */
  log(channel: string, as: string): void {
    this.add({ do: 'log', channel, as });
  }

  /** The end under test seals its next message. */
  seal(channel: string, plain: Uint8Array = this.data(48)): void {
    const [text, tag] = [new Uint8Array(plain.length), new Uint8Array(16)];
    this.#of(channel).own.seal(plain, text, tag);
    this.add({ do: 'seal', channel, plain: hex(plain), text: hex(text), tag: hex(tag) });
  }

  /** The end under test takes an IV of its own. */
  acquire(channel: string, as: string): void {
    const context = this.#of(channel).own;
    this.#ivs.set(as, { context, iv: context.acquireIv() });
    this.add({ do: 'acquire', channel, as });
  }

  /** The end under test seals with that IV, whether or not it may. */
  sealWith(as: string, plain: Uint8Array = this.data(32)): void {
    const held = this.#ivs.get(as);
    if (!held) throw new RangeError(`no IV ${as}`);
    const [text, tag] = [new Uint8Array(plain.length), new Uint8Array(16)];
    held.context.sealWith({ iv: held.iv.iv, fresh: true }, plain, text, tag);
    this.add({ do: 'seal-with', as, plain: hex(plain), text: hex(text), tag: hex(tag) });
  }

  /** The keys of a pair are rotated. @param here whether the end under test is told */
  rotate(key: string, here = true): void {
    const pair = keyPairOf(slotLabelled(key).globalKeyId);
    const n = this.#drawn++;
    const masks = pair.map(({ type }) => (type === 'HMAC_COUNTER' ? NO_MASK : hex(this.#world.derive(`vectors/link/rotated/${key}/${n}`, 12)))) as [string, string];
    for (const [session, end] of [
      [this.#session, this.end === 'driver' ? 'gpu' : 'driver'],
      [this.#mirror, this.end],
    ] as const) {
      if (session === this.#mirror && !here) continue;
      pair.forEach(({ globalKeyId, type }, i) => {
        session.store.update(globalKeyId);
        if (type !== 'HMAC_COUNTER') session.store.depositIvMask(globalKeyId, bytesOf(masks[i] ?? ''));
      });
      const keys = session.store.retrieve(pair[0].globalKeyId, 'both', false);
      for (const { pair: own, other, own: mirror } of this.#channels.values()) if (own[0] === pair[0]) (session === this.#mirror ? mirror : other).rotate(end === 'driver' ? driverKeys(keys) : gpuKeys(keys));
    }
    if (here) this.add({ do: 'rotate', key, masks });
  }

  /** Both directions of a channel move to the next channel counter. */
  rotateIv(channel: string): void {
    const { pair, other, own } = this.#of(channel);
    for (const [session, context, end] of [
      [this.#session, other, this.end === 'driver' ? 'gpu' : 'driver'],
      [this.#mirror, own, this.end],
    ] as const) {
      const { encrypt, decrypt } = session.store.retrieve(pair[0].globalKeyId);
      if (encrypt) context.rotateIv(end === 'driver' ? 'out' : 'in', channelCounter(encrypt.iv));
      if (decrypt) context.rotateIv(end === 'driver' ? 'in' : 'out', channelCounter(decrypt.iv));
    }
    this.add({ do: 'rotate-iv', channel });
  }

  /** Work for SEC2 with its MAC. @param shown what is delivered in place of what was signed */
  work(channel: string, methods: readonly Method[], shown: readonly Method[] = methods): { readonly methods: string; readonly mac: string } {
    const mac = hex(this.#of(channel).other.sign(encodeMethods(methods)));
    return { methods: hex(encodeMethods(shown)), mac };
  }

  /** Work for SEC2 with the MAC that a given nonce gives: for work that nobody may sign. @param nonce 32 bytes, counted already */
  workAt(methods: readonly Method[], nonce: Uint8Array): { readonly methods: string; readonly mac: string } {
    const { hmac } = this.#session.store.retrieve(slotLabelled('cpu_sec2_hmac_kernel').globalKeyId, 'decrypt', false);
    const bytes = encodeMethods(methods);
    const mac = createHmac('sha256', hmac?.key ?? new Uint8Array(32))
      .update(bytes)
      .update(nonce)
      .digest('hex');
    return { methods: hex(bytes), mac };
  }

  /** The other end's next element of a queue of GSP. */
  element(channel: string, message: Uint8Array): Uint8Array {
    return this.#of(channel).rpc.seal(message);
  }

  /** An element of a queue of GSP, sealed under a counter of zero: what comes after the last one, for those who begin anew. */
  wrappedElement(channel: string, seqNum: number, message: Uint8Array): Uint8Array {
    const element = new Uint8Array(RPC_ELEMENT_SIZE);
    const body = new Uint8Array(RPC_ELEMENT_SIZE - RPC_ELEMENT.size);
    new DataView(body.buffer).setUint32(0, message.length, true);
    body.set(message, 4);
    const [authTag, aad] = [new Uint8Array(16), new Uint8Array(16)];
    new DataView(aad.buffer).setUint32(0, seqNum, true);
    this.#of(channel).other.sealWith({ iv: new Uint8Array(12), fresh: true }, body, element.subarray(RPC_ELEMENT.size), authTag, aad);
    const header = { authTag, aad, seqNum, elemCount: 1 };
    element.set(RPC_ELEMENT.encode({ ...header, checkSum: 0 }));
    element.set(RPC_ELEMENT.encode({ ...header, checkSum: checkSum32(element) }));
    return element;
  }

  /** An element comes. */
  rpc(channel: string, element: Uint8Array, message: Uint8Array): void {
    this.add({ do: 'rpc', channel, element: hex(element), plain: hex(message) });
  }

  /** A fault of the GPU. */
  fault(channel: string, fault: Fault): { readonly packet: Uint8Array; readonly metadata: Uint8Array } {
    return sealFault(this.#of(channel).other, fault);
  }

  /** A tracking semaphore as the GPU writes it after a push. */
  semaphore(channel: string, push: number, payload = push): Uint8Array {
    const plain = new Uint8Array(4);
    new DataView(plain.buffer).setUint32(0, payload, true);
    const { text, tag } = this.sealed(channel, plain);
    return TRACKING_SEMAPHORE.encode({ payload: bytesOf(text), authTag: bytesOf(tag), notifier: 2 * push });
  }

  #of(channel: string): Channel {
    const found = this.#channels.get(channel);
    if (!found) throw new RangeError(`no channel ${channel}`);
    return found;
  }
}
