/** Keys and signature algorithms in words, and whether a key signed something. */
import { constants, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { AsnConvert } from '@peculiar/asn1-schema';
import { AlgorithmIdentifier } from '@peculiar/asn1-x509';
import { pssSha384, toBuffer } from '../pki/der.ts';
import { sameBytes } from '../pki/read.ts';

/** What the library makes of bytes from anywhere, or undefined; its own errors are of many kinds. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function publicKey(spki: Uint8Array): KeyObject | undefined {
  return attempt(() => createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' }));
}

/** A key in words: `RSA, 4096 bits, exponent 65537`, `EC, secp384r1`. @param spki DER SubjectPublicKeyInfo */
export function keyText(spki: Uint8Array): string {
  const key = publicKey(spki);
  if (!key) return 'of an unknown kind';
  const { modulusLength, publicExponent, namedCurve } = key.asymmetricKeyDetails ?? {};
  if (modulusLength !== undefined) return `RSA, ${modulusLength} bits, exponent ${publicExponent}`;
  return namedCurve === undefined ? (key.asymmetricKeyType ?? 'of an unknown kind') : `EC, ${namedCurve}`;
}

const PSS = (['explicit', 'omitted'] as const).map((trailer) => ({ trailer, der: new Uint8Array(AsnConvert.serialize(pssSha384(trailer))) }));

const ALGORITHMS: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.10': 'RSASSA-PSS with other parameters than AMD’s',
  '1.2.840.113549.1.1.11': 'RSA (PKCS #1 v1.5) with SHA-256',
  '1.2.840.113549.1.1.12': 'RSA (PKCS #1 v1.5) with SHA-384',
  '1.2.840.113549.1.1.13': 'RSA (PKCS #1 v1.5) with SHA-512',
  '1.2.840.10045.4.3.2': 'ECDSA with SHA-256',
  '1.2.840.10045.4.3.3': 'ECDSA with SHA-384',
};

/** A signature algorithm in words. @param algorithm DER AlgorithmIdentifier */
export function algorithmText(algorithm: Uint8Array): string {
  const pss = PSS.find(({ der }) => sameBytes(der, algorithm));
  if (pss) return `RSASSA-PSS, SHA-384, MGF1 with SHA-384, salt 48 (trailer field ${pss.trailer})`;
  const oid = attempt(() => AsnConvert.parse(toBuffer(algorithm), AlgorithmIdentifier).algorithm);
  return oid === undefined ? Buffer.from(algorithm).toString('hex') : (ALGORITHMS[oid] ?? oid);
}

/** Hash of an ECDSA algorithm, by its object identifier. */
const ECDSA_HASHES: Readonly<Record<string, string>> = { '1.2.840.10045.4.3.2': 'sha256', '1.2.840.10045.4.3.3': 'sha384' };

function isAmdPss(algorithm: Uint8Array): boolean {
  return PSS.some(({ der }) => sameBytes(der, algorithm));
}

function ecdsaHash(algorithm: Uint8Array): string | undefined {
  return ECDSA_HASHES[attempt(() => AsnConvert.parse(toBuffer(algorithm), AlgorithmIdentifier).algorithm) ?? ''];
}

/** Whether it is an algorithm that {@link isSignedBy} can check: RSASSA-PSS as AMD uses it, or ECDSA as Intel does. @param algorithm DER AlgorithmIdentifier */
export function isCheckable(algorithm: Uint8Array): boolean {
  return isAmdPss(algorithm) || ecdsaHash(algorithm) !== undefined;
}

/** Whether that key made the signature. @param spki DER SubjectPublicKeyInfo */
export function isSignedBy({ tbs, signature, signatureAlgorithm }: { readonly tbs: Uint8Array; readonly signature: Uint8Array; readonly signatureAlgorithm: Uint8Array }, spki: Uint8Array): boolean {
  const key = publicKey(spki);
  const hash = ecdsaHash(signatureAlgorithm);
  if (key?.asymmetricKeyType === 'ec' && hash !== undefined) return attempt(() => verify(hash, tbs, { key, dsaEncoding: 'der' }, signature)) ?? false;
  if (key?.asymmetricKeyType !== 'rsa' || !isAmdPss(signatureAlgorithm)) return false;
  return attempt(() => verify('sha384', tbs, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 }, signature)) ?? false;
}

/** Whether that public key, x ‖ y on P-256, made the signature r ‖ s over SHA-256 of the message. */
export function isSignedByPoint(message: Uint8Array, signature: Uint8Array, point: Uint8Array): boolean {
  const coordinate = (at: number): string => Buffer.from(point.subarray(at, at + 32)).toString('base64url');
  const key = attempt(() => createPublicKey({ key: { kty: 'EC', crv: 'P-256', x: coordinate(0), y: coordinate(32) }, format: 'jwk' }));
  return key !== undefined && (attempt(() => verify('sha256', message, { key, dsaEncoding: 'ieee-p1363' }, signature)) ?? false);
}

/** Whether the key of a certificate made the signature r ‖ s over a digest of the message. @param spki DER SubjectPublicKeyInfo */
export function isSignedByKey(message: Uint8Array, signature: Uint8Array, spki: Uint8Array, hash: 'sha256' | 'sha384' = 'sha256'): boolean {
  const key = publicKey(spki);
  return key?.asymmetricKeyType === 'ec' && (attempt(() => verify(hash, message, { key, dsaEncoding: 'ieee-p1363' }, signature)) ?? false);
}
