/** The engine that is always there: `node:crypto`. */
import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { copyBytes } from './copy.ts';
import { GCM_TAG_SIZE, type GcmEngine, type GcmKey, isShared, requireKeySize, requireSizes } from './engine.ts';

const ALGORITHM = 'aes-256-gcm';
const OPTIONS = { authTagLength: GCM_TAG_SIZE };
/**
 * `update` of node:crypto allocates its answer each time, and clears it first. Handed back at once, a buffer of this size is still in the
 * processor's cache when it is used again; larger ones no longer are, smaller ones cost more calls.
 */
const SLICE = 256 * 1024;

class NodeKey implements GcmKey {
  readonly engine = 'node';
  readonly object: KeyObject;

  constructor(bytes: Uint8Array) {
    requireKeySize(bytes);
    this.object = createSecretKey(bytes);
  }
}

/** The engine on `node:crypto`. @returns an engine without state: one is enough for all callers of a thread */
export function nodeEngine(): GcmEngine {
  widenAllocator();
  const own = new Uint8Array(SLICE);
  return {
    name: 'node',
    library: `OpenSSL ${process.versions.openssl}`,
    key: (bytes) => new NodeKey(bytes),
    seal(key, iv, aad, src, dst, tag) {
      requireSizes(iv, src, dst, tag);
      const cipher = createCipheriv(ALGORITHM, objectOf(key), iv, OPTIONS);
      if (aad.length > 0) cipher.setAAD(aad);
      inSlices(cipher, src, dst);
      cipher.final();
      tag.set(cipher.getAuthTag());
    },
    open(key, iv, aad, src, tag, dst) {
      requireSizes(iv, src, dst, tag);
      const decipher = createDecipheriv(ALGORITHM, objectOf(key), iv, OPTIONS);
      if (aad.length > 0) decipher.setAAD(aad);
      decipher.setAuthTag(tag);
      inSlices(decipher, src, dst, isShared(src) ? own : undefined);
      try {
        decipher.final();
        return true;
      } catch {
        dst.fill(0);
        return false;
      }
    },
  };
}

function objectOf(key: GcmKey): KeyObject {
  if (!(key instanceof NodeKey)) throw new TypeError(`the node engine cannot use a key of the ${key.engine} engine`);
  return key.object;
}

/** @param own memory that each slice is copied to first */
function inSlices(cipher: { update(data: Uint8Array): Uint8Array }, src: Uint8Array, dst: Uint8Array, own?: Uint8Array): void {
  for (let at = 0; at < src.length; at += SLICE) {
    const slice = src.subarray(at, at + SLICE);
    if (own) copyBytes(own.subarray(0, slice.length), slice);
    const part = cipher.update(own ? own.subarray(0, slice.length) : slice);
    copyBytes(dst.subarray(at, at + part.length), part);
    giveBack(part);
  }
}

/** A port that is closed: what is transferred to it is freed at once. It never keeps a process alive. */
const nowhere = ((): MessagePort => {
  const { port1 } = new MessageChannel();
  port1.close();
  return port1;
})();

/**
 * Frees what a slice lies in, now and not whenever the collector gets to it: until then every slice would be written to memory that no
 * cache holds, and 32 MiB of them would wait. Makes the engine a third faster. Small slices stay with the collector.
 */
function giveBack(part: Uint8Array): void {
  const { buffer } = part;
  // Never more than what was allocated for this slice, and never anything shared.
  if (part.length < 4096 || !(buffer instanceof ArrayBuffer) || buffer.byteLength !== part.length) return;
  nowhere.postMessage(null, [buffer]);
}

/**
 * GNU's allocator hands memory back to the system, page by page to be faulted in again, until it has seen a larger piece freed; then it
 * keeps twice that (mallopt(3), M_MMAP_THRESHOLD). One piece larger than two slices, freed untouched, is enough for a whole process.
 */
function widenAllocator(): void {
  giveBack(new Uint8Array(4 * SLICE));
}
