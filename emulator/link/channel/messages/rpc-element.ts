/**
 * Elements of the RPC queues between driver and GSP, sealed in place: everything behind the header, under the sequence number. Source: NVIDIA
 * open-gpu-kernel-modules 595.45.04, message_queue_priv.h:43-120, message_queue_cpu.c:470-800.
 */
import { Layout } from '../../../codec/layout.ts';
import { bytes, reserved, u32 } from '../../../codec/rows.ts';
import { CodecError } from '../../../errors.ts';
import type { CslContext } from '../bundle.ts';
import { LinkError } from '../outcomes.ts';

/** The header of an element; what follows is ciphertext. */
export const RPC_ELEMENT = new Layout('link.rpcElement', 48, 'message_queue_priv.h:43-51', {
  authTag: bytes(0, 16, 'tag over everything behind this header'),
  aad: bytes(16, 16, 'additional data: the sequence number, then zeros'),
  checkSum: u32(32, 'makes the exclusive or over the whole element zero'),
  seqNum: u32(36, 'sequence number of the queue'),
  elemCount: u32(40, 'queue elements that this message takes'),
  padding: reserved(44, 4, 'up to the alignment of what follows'),
});

/** Bytes of one queue element; a message takes one to 16 of them. */
export const RPC_ELEMENT_SIZE = 4096;
const MOST_ELEMENTS = 16;
/** Bytes of a message that fit. */
export const MOST_RPC_BYTES: number = MOST_ELEMENTS * RPC_ELEMENT_SIZE - RPC_ELEMENT.size - 4;

/** Exclusive or of all 8-byte words, folded to 4 bytes. @param data a multiple of 8 bytes */
export function checkSum32(data: Uint8Array): number {
  const words = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let sum = 0;
  for (let at = 0; at + 4 <= data.length; at += 4) sum ^= words.getUint32(at, true);
  return sum >>> 0;
}

function aadOf(seqNum: number): Uint8Array {
  const aad = new Uint8Array(16);
  new DataView(aad.buffer).setUint32(0, seqNum, true);
  return aad;
}

/** The sending end of one queue. */
export class RpcSender {
  readonly #context: CslContext;
  #seqNum = 0;

  /** @param context with a counter of 64 bits */
  constructor(context: CslContext) {
    this.#context = context;
  }

  /**
   * Seals one message.
   * @param message up to 65484 bytes @returns whole elements of 4096 bytes
   * @throws {LinkError} rpcOverflow: this ends the session @throws {RangeError} for a message that is too long
   */
  seal(message: Uint8Array): Uint8Array {
    if (message.length > MOST_RPC_BYTES) throw new RangeError(`an RPC message is up to ${MOST_RPC_BYTES} bytes, not ${message.length}`);
    const elemCount = Math.ceil((RPC_ELEMENT.size + 4 + message.length) / RPC_ELEMENT_SIZE);
    const element = new Uint8Array(elemCount * RPC_ELEMENT_SIZE);
    const body = new Uint8Array(element.length - RPC_ELEMENT.size);
    new DataView(body.buffer).setUint32(0, message.length, true);
    body.set(message, 4);
    const authTag = new Uint8Array(16);
    const aad = aadOf(this.#seqNum);
    try {
      this.#context.seal(body, element.subarray(RPC_ELEMENT.size), authTag, aad);
    } catch (error) {
      throw error instanceof LinkError && error.outcome === 'ivOverflow' ? new LinkError('rpcOverflow') : error;
    }
    const header = { authTag, aad, seqNum: this.#seqNum, elemCount };
    element.set(RPC_ELEMENT.encode({ ...header, checkSum: 0 }));
    element.set(RPC_ELEMENT.encode({ ...header, checkSum: checkSum32(element) }));
    this.#seqNum++;
    return element;
  }
}

/** How many elements a message takes, by its first one. @throws {LinkError} rpcBroken when that cannot be */
export function elementsOf(first: Uint8Array): number {
  const { elemCount } = RPC_ELEMENT.decode(first.subarray(0, RPC_ELEMENT.size), { reserved: 'keep' });
  if (elemCount < 1 || elemCount > MOST_ELEMENTS) throw new LinkError('rpcBroken', `${elemCount} elements`);
  return elemCount;
}

/** The receiving end of one queue. */
export class RpcReceiver {
  readonly #context: CslContext;
  #seqNum = 0;

  /** @param context with a counter of 64 bits */
  constructor(context: CslContext) {
    this.#context = context;
  }

  /** Passes over a message that stays broken: the next one is expected now. */
  pass(): void {
    this.#seqNum++;
  }

  /**
   * Opens one message.
   * @param element whole elements, which nobody else can write
   * @throws {LinkError} rpcBroken for a wrong checksum or sequence number; rpcForged when it does not open, rpcOverflow at the end of the counter: both end the session
   */
  open(element: Uint8Array): Uint8Array {
    if (element.length < RPC_ELEMENT_SIZE || element.length !== elementsOf(element) * RPC_ELEMENT_SIZE) throw new LinkError('rpcBroken', `${element.length} bytes`);
    if (checkSum32(element) !== 0) throw new LinkError('rpcBroken', 'checksum');
    const { authTag, aad, seqNum } = RPC_ELEMENT.decode(element.subarray(0, RPC_ELEMENT.size), { reserved: 'keep' });
    if (seqNum !== this.#seqNum) throw new LinkError('rpcBroken', `sequence number ${seqNum}, not ${this.#seqNum}`);
    const body = new Uint8Array(element.length - RPC_ELEMENT.size);
    try {
      this.#context.open(element.subarray(RPC_ELEMENT.size), authTag, body, { aad }, 'rpcForged');
    } catch (error) {
      throw error instanceof LinkError && error.outcome === 'ivOverflow' ? new LinkError('rpcOverflow') : error;
    }
    this.#seqNum++;
    const length = new DataView(body.buffer).getUint32(0, true);
    if (length > body.length - 4) throw new CodecError('ERR_CODEC_LENGTH', 'link.rpcElement.rpc', RPC_ELEMENT.size, `states ${length} bytes in an element of ${body.length}`);
    return body.slice(4, 4 + length);
  }
}
