/**
 * ECDSA with a nonce from the message (RFC 6979): the same key and message give the same signature. The multiplication of the base point is that of
 * the platform's own library, for a library in JavaScript takes many times as long; the few steps around it are integers.
 */
import { createECDH, createHash, createHmac } from 'node:crypto';
import { p256, p384 } from '@noble/curves/nist.js';

/** What the signature needs to know of a curve. The hash is as long as the group order, so that no bits are cut off (RFC 6979 §2.3). */
const GROUPS = {
  'P-256': { scalars: p256.Point.Fn, ecdh: 'prime256v1', hash: 'sha256', size: 32 },
  'P-384': { scalars: p384.Point.Fn, ecdh: 'secp384r1', hash: 'sha384', size: 48 },
} as const;

const integer = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
const octets = (value: bigint, size: number): Uint8Array => Buffer.from(value.toString(16).padStart(2 * size, '0'), 'hex');

/**
 * A signer with the curve's usual hash.
 * @param scalar private scalar, big-endian, in range
 * @returns signs a message: r ‖ s, big-endian; s is not forced into the lower half, as hardware doesn't
 */
export function deterministicEcdsa(curve: keyof typeof GROUPS, scalar: Uint8Array): (message: Uint8Array) => Uint8Array {
  const { scalars, ecdh, hash, size } = GROUPS[curve];
  const order = scalars.ORDER;
  const key = integer(scalar);
  const multiplier = createECDH(ecdh);
  return (message) => {
    const digest = integer(createHash(hash).update(message).digest()) % order;
    for (const nonce of nonces(hash, order, octets(key, size), octets(digest, size))) {
      multiplier.setPrivateKey(octets(nonce, size));
      const r = integer(multiplier.getPublicKey().subarray(1, 1 + size)) % order;
      const s = (scalars.inv(nonce) * ((digest + r * key) % order)) % order;
      // RFC 6979 §3.4: a zero, which nobody has ever seen, takes the next nonce.
      if (r !== 0n && s !== 0n) return Uint8Array.of(...octets(r, size), ...octets(s, size));
    }
    throw new RangeError('the generator of nonces ended');
  };
}

/** The nonces of a key and a digest, in order (RFC 6979 §3.2). */
function* nonces(hash: string, order: bigint, key: Uint8Array, digest: Uint8Array): Generator<bigint> {
  const hmac = (secret: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array => {
    const mac = createHmac(hash, secret);
    for (const part of parts) mac.update(part);
    return mac.digest();
  };
  let v: Uint8Array = new Uint8Array(digest.length).fill(1);
  let k: Uint8Array = new Uint8Array(digest.length);
  for (const step of [0, 1]) {
    k = hmac(k, v, Uint8Array.of(step), key, digest);
    v = hmac(k, v);
  }
  for (;;) {
    v = hmac(k, v);
    const candidate = integer(v);
    if (candidate > 0n && candidate < order) yield candidate;
    k = hmac(k, v, Uint8Array.of(0));
    v = hmac(k, v);
  }
}
