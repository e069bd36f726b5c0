/** The engine that is always there: `node:crypto`. */
import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import { GCM_TAG_SIZE, type GcmEngine, type GcmKey, requireKeySize, requireSizes } from './engine.ts';

const ALGORITHM = 'aes-256-gcm';
const OPTIONS = { authTagLength: GCM_TAG_SIZE };
/**
 * `update` of node:crypto allocates its answer each time. Below the allocator's threshold for pages of their own (128 KiB) such a buffer
 * costs little; above it most of the time goes into page faults. Slices of this size are the fastest, whatever the length of the message.
 */
const SLICE = 32 * 1024;

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
  return {
    name: 'node',
    library: `OpenSSL ${process.versions.openssl} (node:crypto)`,
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
      inSlices(decipher, src, dst);
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

function inSlices(cipher: { update(data: Uint8Array): Uint8Array }, src: Uint8Array, dst: Uint8Array): void {
  for (let at = 0; at < src.length; at += SLICE) dst.set(cipher.update(src.subarray(at, at + SLICE)), at);
}
