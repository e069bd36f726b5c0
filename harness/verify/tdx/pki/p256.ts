/** The one algorithm of Intel's attestation: ECDSA over P-256 with SHA-256. */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { sameBytes } from '../../../../emulator/pki/read.ts';

/** DER AlgorithmIdentifier of ecdsa-with-SHA256 (RFC 5758 §3.2): no parameters. */
const ECDSA_WITH_SHA256 = Uint8Array.from(Buffer.from('300a06082a8648ce3d040302', 'hex'));
/** SubjectPublicKeyInfo of a P-256 key up to its X: id-ecPublicKey, secp256r1, an uncompressed point (RFC 5480 §2). */
const SPKI_HEAD = Uint8Array.from(Buffer.from('3059301306072a8648ce3d020106082a8648ce3d03010703420004', 'hex'));
/** Bytes of a coordinate, and of each number of a signature. */
const NUMBER = 32;

/** Keys met before: importing one costs as much as a signature check, and a platform's are the same in every quote. */
const keys = new Map<string, KeyObject>();
const MAX_KEYS = 256;

/** Whether an algorithm is ECDSA with SHA-256. @param algorithm DER AlgorithmIdentifier */
export function isEcdsaSha256(algorithm: Uint8Array): boolean {
  return sameBytes(algorithm, ECDSA_WITH_SHA256);
}

/** A P-256 key. @param point x ‖ y, 64 bytes, big-endian @returns undefined for a point that is not on the curve */
export function p256Point(point: Uint8Array): KeyObject | undefined {
  const bytes = Buffer.from(point.buffer, point.byteOffset, point.byteLength);
  const id = bytes.toString('latin1');
  const known = keys.get(id);
  if (known) return known;
  const key = imported(bytes);
  if (!key) return undefined;
  const [oldest] = keys.keys();
  if (keys.size >= MAX_KEYS && oldest !== undefined) keys.delete(oldest);
  keys.set(id, key);
  return key;
}

function imported(point: Buffer): KeyObject | undefined {
  if (point.length !== 2 * NUMBER) return undefined;
  try {
    // By far the quickest way in: the platform's own DER decoder takes twice as long.
    return createPublicKey({ key: { kty: 'EC', crv: 'P-256', x: point.subarray(0, NUMBER).toString('base64url'), y: point.subarray(NUMBER).toString('base64url') }, format: 'jwk' });
  } catch {
    return undefined;
  }
}

/** A P-256 key. @param spki DER SubjectPublicKeyInfo @returns undefined for any other key, and for a point that is not on the curve */
export function p256Key(spki: Uint8Array): KeyObject | undefined {
  if (spki.length !== SPKI_HEAD.length + 2 * NUMBER || !sameBytes(spki.subarray(0, SPKI_HEAD.length), SPKI_HEAD)) return undefined;
  return p256Point(spki.subarray(SPKI_HEAD.length));
}

/** Verifies a signature as certificates and lists have it: DER. */
export function verifyDer(key: KeyObject, message: Uint8Array, signature: Uint8Array): boolean {
  return verify('sha256', message, key, signature);
}

/** Verifies a signature as quotes and documents have it: r ‖ s, 64 bytes, big-endian. */
export function verifyRaw(key: KeyObject, message: Uint8Array, signature: Uint8Array): boolean {
  return verify('sha256', message, { key, dsaEncoding: 'ieee-p1363' }, signature);
}
