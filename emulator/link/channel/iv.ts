/**
 * Initialisation vectors and nonces: two counters, and a mask that the GPU chose. On the wire an IV never appears; both ends count. Source: NVIDIA
 * open-gpu-kernel-modules 595.45.04, ccsl.c:46-95,302-346,857-860,1061-1149, conf_compute_keystore_gh100.c:704-711.
 */
import { Layout } from '../../codec/layout.ts';
import { u32, u64 } from '../../codec/rows.ts';

/** An IV before it is masked; 12 bytes. */
export const CHANNEL_IV = new Layout('link.iv', 12, 'ccsl.c:46-52,88-95', {
  messageCounter: u32(0, 'message counter: 1 for the first message of a key'),
  channelCounter: u64(4, 'channel counter: 1 for the first channel of a key'),
});

/** A nonce of the work MAC; 32 bytes, of which the first 24 are one counter. */
const CHANNEL_COUNTER_IN_NONCE = 24;
/** Bytes of a nonce of the work MAC. */
export const NONCE_SIZE = 32;

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** An IV as both ends keep it. @returns 12 bytes */
export function channelIv(channelCounter: bigint, messageCounter = 0): Uint8Array {
  return CHANNEL_IV.encode({ messageCounter, channelCounter });
}

/** The IV as AES-GCM gets it: each byte of `iv` XOR that of `mask`. @param into where to put the 12 bytes @returns `into` */
export function maskedIv(iv: Uint8Array, mask: Uint8Array, into: Uint8Array): Uint8Array {
  for (let i = 0; i < into.length; i++) into[i] = (iv[i] ?? 0) ^ (mask[i] ?? 0);
  return into;
}

/** Width of a message counter in bits: 32 on channels, 64 on the queues of GSP. */
export type CounterWidth = 32 | 64;

/** The message counter of an IV. */
export function messageCounter(iv: Uint8Array, width: CounterWidth): bigint {
  return width === 32 ? BigInt(view(iv).getUint32(0, true)) : view(iv).getBigUint64(0, true);
}

/** Sets the message counter of an IV. */
export function setMessageCounter(iv: Uint8Array, width: CounterWidth, value: bigint): void {
  if (width === 32) view(iv).setUint32(0, Number(value), true);
  else view(iv).setBigUint64(0, value, true);
}

/** Counts `by` messages further. @returns false, and nothing changed, when the counter would begin again */
export function advance(iv: Uint8Array, width: CounterWidth, by = 1n): boolean {
  const next = messageCounter(iv, width) + by;
  if (next >= 1n << BigInt(width)) return false;
  setMessageCounter(iv, width, next);
  return true;
}

/** Messages that are left. */
export function remaining(iv: Uint8Array, width: CounterWidth): bigint {
  return (1n << BigInt(width)) - 1n - messageCounter(iv, width);
}

/** The channel counter: in an IV at byte 4, in a nonce at byte 24. @param bytes an IV of 12 or a nonce of 32 bytes */
export function channelCounter(bytes: Uint8Array): bigint {
  return view(bytes).getBigUint64(bytes.length === NONCE_SIZE ? CHANNEL_COUNTER_IN_NONCE : CHANNEL_IV.locate('channelCounter').at, true);
}

/** Sets the channel counter. @param bytes an IV of 12 or a nonce of 32 bytes */
export function setChannelCounter(bytes: Uint8Array, value: bigint): void {
  view(bytes).setBigUint64(bytes.length === NONCE_SIZE ? CHANNEL_COUNTER_IN_NONCE : CHANNEL_IV.locate('channelCounter').at, value, true);
}

/** Clears the messages and keeps the channel: what a rotation of keys does. @param bytes an IV of 12 or a nonce of 32 bytes */
export function clearMessages(bytes: Uint8Array): void {
  bytes.fill(0, 0, bytes.length === NONCE_SIZE ? CHANNEL_COUNTER_IN_NONCE : CHANNEL_IV.locate('channelCounter').at);
}

/** Counts one work launch further in the 192-bit counter of a nonce. @returns false, and nothing changed, at its end */
export function advanceNonce(nonce: Uint8Array): boolean {
  const counter = nonce.subarray(0, CHANNEL_COUNTER_IN_NONCE);
  const at = counter.findIndex((byte) => byte !== 0xff);
  if (at < 0) return false;
  counter.fill(0, 0, at);
  counter[at] = (counter[at] ?? 0) + 1;
  return true;
}
