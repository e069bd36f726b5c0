/**
 * The driver's end of SEC2: every push of a copy engine is sealed, the methods with which SEC2 opens it are signed, and the doorbell is rung. Source: NVIDIA
 * open-gpu-kernel-modules 595.45.04, uvm_channel.c:1107-1420, uvm_hopper_sec2.c:36-76.
 */
import type { CslContext } from '../../channel/bundle.ts';
import { LinkError } from '../../channel/outcomes.ts';
import { encodeMethods, type Method } from '../../channel/work-mac.ts';
import { LAUNCH_ENTRY, METHOD_ENTRY, PUSH_HEADER, sec2Methods } from '../class-methods.ts';
import { LAUNCH_SIZE, RING, SHARED_BASE, type SharedMemory } from '../shared-memory.ts';

const PUSH_STEP = 1024;
const TAG_SIZE = 16;

/** The driver's end of SEC2's channel and its ring of launches. */
export class Sec2Queue {
  readonly #shared: SharedMemory;
  readonly #pushArea: number;
  readonly #publish: (publish: () => void) => void;
  #context: CslContext | undefined;
  #put = 0;

  /** @param pushArea where in GPU memory pushes are opened: 64 KiB @param publish shows a launch to the GPU, if the host lets it */
  constructor(shared: SharedMemory, pushArea: number, publish: (publish: () => void) => void) {
    this.#shared = shared;
    this.#pushArea = pushArea;
    this.#publish = publish;
  }

  /** SEC2's channel. @throws {LinkError} channelKilled while there is none */
  get context(): CslContext {
    if (!this.#context) throw new LinkError('channelKilled', 'SEC2');
    return this.#context;
  }

  /** Whether SEC2's channel is there. */
  get open(): boolean {
    return this.#context !== undefined;
  }

  /** Whether another launch has room in the ring. */
  get room(): boolean {
    // What the GPU is said to have taken stands in shared memory; what cannot be true counts as nothing.
    const waiting = (this.#put - this.#shared.load('launchGet')) >>> 0;
    return waiting < RING.launches;
  }

  /** Goes over to another channel, or to none. */
  use(context: CslContext | undefined): void {
    this.#context = context;
  }

  /** Launches methods on a copy channel. */
  launch(channel: number, methods: readonly Method[]): void {
    const push = new Uint8Array(PUSH_HEADER.size + methods.length * METHOD_ENTRY.size);
    push.set(PUSH_HEADER.encode({ channel, methodCount: methods.length }));
    push.set(encodeMethods(methods), PUSH_HEADER.size);
    this.launchPush(push);
  }

  /**
   * Seals a push, signs the methods with which SEC2 opens it, and rings.
   * @param push up to 1024 bytes, a multiple of 4 @param edit changes the methods before they are signed
   * @throws {LinkError} channelKilled, ivOverflow, nonceExhausted
   */
  launchPush(push: Uint8Array, edit: (methods: Method[]) => readonly Method[] = (methods) => methods): void {
    const index = this.#put;
    const at = this.#shared.entry('launches', index, LAUNCH_SIZE);
    const address = (field: string): number => SHARED_BASE + at + LAUNCH_ENTRY.locate(field).at;
    const ciphertext = new Uint8Array(push.length);
    const pushTag = new Uint8Array(TAG_SIZE);
    const { context } = this;
    context.seal(push, ciphertext, pushTag);
    const to = this.#pushArea + (index % RING.launches) * PUSH_STEP;
    const methods = edit(sec2Methods({ from: address('push'), to, length: push.length, tag: address('pushTag'), mac: address('mac') }));
    const encoded = encodeMethods(methods);
    const mac = context.sign(encoded);
    const entry = { methodCount: methods.length, methods: padded(encoded, LAUNCH_ENTRY.locate('methods').size), mac, pushTag, push: padded(ciphertext, LAUNCH_ENTRY.locate('push').size) };
    this.#shared.write(at, LAUNCH_ENTRY.encode(entry));
    this.#put = (index + 1) >>> 0;
    this.#publish(() => this.#shared.store('launchPut', index + 1));
  }
}

function padded(bytes: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size);
  out.set(bytes);
  return out;
}
