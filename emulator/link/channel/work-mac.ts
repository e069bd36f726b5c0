/**
 * The MAC over work for SEC2: HMAC-SHA-256 over the methods, each with its data, and a nonce that both ends count. Source: NVIDIA
 * open-gpu-kernel-modules 595.45.04, ccsl.c:1061-1149, uvm_hopper_sec2.c:36-76, uvm_conf_computing.h:54-61.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { CodecError } from '../../errors.ts';
import { LinkError } from './outcomes.ts';

/** One method of a class: its address and the data written there. */
export type Method = readonly [address: number, data: number];

/** Methods that the hardware takes under one MAC: 512 bytes. */
export const MOST_METHODS = 64;
/** Bytes of one method with its data. */
export const METHOD_SIZE = 8;
/** Bytes of a work MAC. */
export const WORK_MAC_SIZE = 32;

/** Methods as they lie in a push and under the MAC: address and data, 4 bytes each, little-endian. */
export function encodeMethods(methods: readonly Method[]): Uint8Array {
  const out = new Uint8Array(methods.length * METHOD_SIZE);
  const view = new DataView(out.buffer);
  methods.forEach(([address, data], i) => {
    view.setUint32(i * METHOD_SIZE, address, true);
    view.setUint32(i * METHOD_SIZE + 4, data, true);
  });
  return out;
}

/** Reads methods back. @throws {CodecError} ERR_CODEC_LENGTH when the bytes are no whole number of methods */
export function decodeMethods(src: Uint8Array): Method[] {
  if (src.length % METHOD_SIZE !== 0) throw new CodecError('ERR_CODEC_LENGTH', 'link.methods', src.length, `methods are ${METHOD_SIZE} bytes each`);
  const view = new DataView(src.buffer, src.byteOffset, src.byteLength);
  return Array.from({ length: src.length / METHOD_SIZE }, (_, i) => [view.getUint32(i * METHOD_SIZE, true), view.getUint32(i * METHOD_SIZE + 4, true)]);
}

/**
 * The MAC.
 * @param key 32 bytes @param methods as {@link encodeMethods} writes them @param nonce 32 bytes, counted already @returns 32 bytes
 * @throws {LinkError} tooManyMethods, emptyMessage
 */
export function workMac(key: Uint8Array, methods: Uint8Array, nonce: Uint8Array): Uint8Array {
  if (methods.length === 0) throw new LinkError('emptyMessage', 'no methods');
  if (methods.length > MOST_METHODS * METHOD_SIZE) throw new LinkError('tooManyMethods', `${methods.length / METHOD_SIZE}`);
  return new Uint8Array(createHmac('sha256', key).update(methods).update(nonce).digest());
}

/** Whether two MACs are the same, in constant time. */
export function sameMac(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
