/**
 * Signers. Elliptic-curve signatures come in two makes: deterministic (RFC 6979), where the same seed must give the same bytes, and
 * native, with the platform's own random nonce, where speed counts. RSA-PSS is always deterministic: its salt is derived.
 */
import { constants, createECDH, createHash, createHmac, createPrivateKey, createPublicKey, type KeyObject, privateEncrypt, sign } from 'node:crypto';
import { p256, p384 } from '@noble/curves/nist.js';
import { deterministicEcdsa } from './deterministic-ecdsa.ts';

/** The elliptic curves of attestation, with what a signer needs to know of each. */
export const CURVES = {
  'P-256': { noble: p256, ecdh: 'prime256v1', scalarBytes: 32, seedBytes: 48, hash: 'sha256' },
  'P-384': { noble: p384, ecdh: 'secp384r1', scalarBytes: 48, seedBytes: 72, hash: 'sha384' },
} as const;
export type Curve = keyof typeof CURVES;

/** An elliptic-curve private key that signs with its curve's usual hash (SHA-256 or SHA-384). */
export interface EcSigner {
  readonly kind: 'ec';
  readonly curve: Curve;
  /** Uncompressed point: 0x04, X, Y, big-endian. */
  readonly publicPoint: Uint8Array;
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
  /** @returns r ‖ s, each as long as the curve's scalar, big-endian */
  sign(message: Uint8Array): Uint8Array;
}

/** An RSA private key that signs with PSS, SHA-384, MGF1 with SHA-384 and a salt of 48 bytes, as AMD does. */
export interface RsaSigner {
  readonly kind: 'rsa';
  /** DER SubjectPublicKeyInfo with the algorithm rsaEncryption. */
  readonly spki: Uint8Array;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
  /** @returns the signature, as long as the modulus */
  sign(message: Uint8Array): Uint8Array;
}
export type Signer = EcSigner | RsaSigner;

/** @param seed uniform bytes, `CURVES[curve].seedBytes` long @returns a private scalar, big-endian, without measurable bias */
export function scalarFromSeed(curve: Curve, seed: Uint8Array): Uint8Array {
  return CURVES[curve].noble.utils.randomSecretKey(seed);
}

/** @param scalar private scalar, big-endian @param deterministic RFC 6979 instead of the platform's random nonce */
export function ecSigner(curve: Curve, scalar: Uint8Array, deterministic: boolean): EcSigner {
  const { ecdh, scalarBytes, hash } = CURVES[curve];
  const exchange = createECDH(ecdh);
  exchange.setPrivateKey(scalar);
  const publicPoint = new Uint8Array(exchange.getPublicKey());
  const b64 = (b: Uint8Array): string => Buffer.from(b).toString('base64url');
  const jwk = { kty: 'EC', crv: curve, x: b64(publicPoint.subarray(1, 1 + scalarBytes)), y: b64(publicPoint.subarray(1 + scalarBytes)) };
  const privateKey = createPrivateKey({ key: { ...jwk, d: b64(scalar) }, format: 'jwk' });
  const publicKey = createPublicKey({ key: jwk, format: 'jwk' });
  return {
    kind: 'ec',
    curve,
    publicPoint,
    publicKey,
    privateKey,
    spki: spkiOf(publicKey),
    sign: deterministic ? deterministicEcdsa(curve, scalar) : (message) => new Uint8Array(sign(hash, message, { key: privateKey, dsaEncoding: 'ieee-p1363' })),
  };
}

/** Least bits of a modulus that holds a PSS block: digest and salt of 48 bytes each, and 2 bytes around them. */
const LEAST_MODULUS = (48 + 48 + 2) * 8;

/** @param privateKey an RSA key of any size that holds a SHA-384 PSS block with a salt of 48 bytes @throws {TypeError} for any other key */
export function rsaSigner(privateKey: KeyObject): RsaSigner {
  const modulusBits = privateKey.asymmetricKeyDetails?.modulusLength;
  if (privateKey.type !== 'private' || privateKey.asymmetricKeyType !== 'rsa' || modulusBits === undefined || modulusBits < LEAST_MODULUS) throw new TypeError(`not an RSA private key of at least ${LEAST_MODULUS} bits`);
  const publicKey = createPublicKey(privateKey);
  const saltKey = createHash('sha256')
    .update('teemu rsa-pss salt')
    .update(privateKey.export({ type: 'pkcs1', format: 'der' }))
    .digest();
  return {
    kind: 'rsa',
    publicKey,
    privateKey,
    spki: spkiOf(publicKey),
    sign: (message) => {
      const salt = createHmac('sha384', saltKey).update(message).digest();
      return new Uint8Array(privateEncrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, emsaPss(message, salt, modulusBits)));
    },
  };
}

/** EMSA-PSS-ENCODE with SHA-384 and MGF1-SHA-384 (RFC 8017 §9.1.1), for a modulus of `modulusBits`. */
function emsaPss(message: Uint8Array, salt: Uint8Array, modulusBits: number): Uint8Array {
  const length = Math.ceil((modulusBits - 1) / 8);
  const digest = createHash('sha384').update(message).digest();
  const h = createHash('sha384').update(new Uint8Array(8)).update(digest).update(salt).digest();
  const db = new Uint8Array(length - h.length - 1);
  db[db.length - salt.length - 1] = 1;
  db.set(salt, db.length - salt.length);
  for (let counter = 0, at = 0; at < db.length; counter++) {
    const mask = createHash('sha384')
      .update(h)
      .update(Uint8Array.of(0, 0, 0, counter))
      .digest();
    for (let i = 0; i < mask.length && at < db.length; i++, at++) db[at] = (db[at] ?? 0) ^ (mask[i] ?? 0);
  }
  db[0] = (db[0] ?? 0) & (0xff >> (8 * length - (modulusBits - 1)));
  const block = new Uint8Array(Math.ceil(modulusBits / 8));
  block.set(db, block.length - length);
  block.set(h, block.length - h.length - 1);
  block[block.length - 1] = 0xbc;
  return block;
}

function spkiOf(key: KeyObject): Uint8Array {
  return new Uint8Array(key.export({ type: 'spki', format: 'der' }));
}
