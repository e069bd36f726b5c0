/** What verifying any vendor's certificates takes: algorithms, keys, extensions and dates. Every check is that of the caller. */
import { constants, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { DER } from '@noble/curves/abstract/der.js';
import { CodecError, ConfigError } from '../../emulator/errors.ts';
import { pemBlocks, type ReadCertificate, type ReadExtension, readBasicConstraints, readKeyUsage, readRsaKey, sameBytes } from '../../emulator/pki/read.ts';
import { TAG, TlvReader } from '../../emulator/pki/tlv.ts';

export const EXTENSION = {
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  crlNumber: '2.5.29.20',
  crlDistributionPoints: '2.5.29.31',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
} as const;

/** Bits of the first byte of KeyUsage. */
export const DIGITAL_SIGNATURE = 0x80;
export const KEY_CERT_SIGN = 0x04;
export const CRL_SIGN = 0x02;

const tlv = (tag: number, ...contents: readonly string[]): string => DER._tlv.encode(tag, contents.join(''));
const SHA_384 = '0609608648016503040202';
const MGF1 = '06092a864886f70d010108';
const RSASSA_PSS = '06092a864886f70d01010a';
const NULL = '0500';

/**
 * RSASSA-PSS with SHA-384, MGF1 with SHA-384 and a salt of 48 bytes, in each way to write it: parameters of a hash are NULL or left out (RFC
 * 4055 §2.1), the trailer field has its default value, written out or not.
 */
const PSS_SHA_384: readonly Uint8Array[] = [NULL, ''].flatMap((hashParameters) =>
  [NULL, ''].flatMap((maskParameters) =>
    [tlv(0xa3, tlv(0x02, '01')), ''].map((trailer) => {
      const hash = tlv(0xa0, tlv(0x30, SHA_384, hashParameters));
      const mask = tlv(0xa1, tlv(0x30, MGF1, tlv(0x30, SHA_384, maskParameters)));
      return Uint8Array.from(Buffer.from(tlv(0x30, RSASSA_PSS, tlv(0x30, hash, mask, tlv(0xa2, tlv(0x02, '30')), trailer)), 'hex'));
    }),
  ),
);

/** Whether an algorithm is RSASSA-PSS with SHA-384 throughout and a salt of 48 bytes. @param algorithm DER AlgorithmIdentifier */
export function isPssSha384(algorithm: Uint8Array): boolean {
  return PSS_SHA_384.some((known) => sameBytes(known, algorithm));
}

/** Verifies RSASSA-PSS with SHA-384 throughout and a salt of 48 bytes. */
export function verifyPssSha384(key: KeyObject, message: Uint8Array, signature: Uint8Array): boolean {
  return verify('sha384', message, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 48 }, signature);
}

/** Keys met before: importing one, and what the platform prepares at its first use, cost a third of a signature check. */
const rsaKeys: { readonly spki: Uint8Array; readonly key: KeyObject }[] = [];
const MAX_RSA_KEYS = 16;

/**
 * An RSA key of exactly 4096 bits with the exponent 65537.
 * @param spki DER SubjectPublicKeyInfo
 * @returns undefined for any other key
 * @throws {CodecError} ERR_PKI_PARSE for an RSA key that cannot be read
 */
export function rsa4096Key(spki: Uint8Array): KeyObject | undefined {
  const known = rsaKeys.find((k) => sameBytes(k.spki, spki));
  if (known) return known.key;
  const numbers = readRsaKey(spki);
  if (numbers?.exponent !== 65537 || numbers.modulus.length !== 512 || ((numbers.modulus[0] ?? 0) & 0x80) === 0) return undefined;
  // By far the quickest way in: the platform's own DER decoder takes twenty times as long.
  const key = createPublicKey({ key: { kty: 'RSA', n: Buffer.from(numbers.modulus).toString('base64url'), e: 'AQAB' }, format: 'jwk' });
  if (rsaKeys.length >= MAX_RSA_KEYS) rsaKeys.shift();
  rsaKeys.push({ spki: spki.slice(), key });
  return key;
}

/** SubjectPublicKeyInfo of a P-384 key up to its X: id-ecPublicKey, secp384r1, an uncompressed point (RFC 5480 §2). */
const P384_SPKI = Uint8Array.from(Buffer.from('3076301006072a8648ce3d020106052b8104002203620004', 'hex'));
const P384_SPKI_SIZE = P384_SPKI.length + 2 * 48;

/** A P-384 key. @param spki DER SubjectPublicKeyInfo @returns undefined for any other key, and for a point that is not on the curve */
export function p384Key(spki: Uint8Array): KeyObject | undefined {
  if (spki.length !== P384_SPKI_SIZE || !sameBytes(spki.subarray(0, P384_SPKI.length), P384_SPKI)) return undefined;
  try {
    return createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  } catch {
    return undefined;
  }
}

/** The extension of that identifier, if there is one. */
export function extensionOf(certificate: ReadCertificate, oid: string): ReadExtension | undefined {
  return certificate.extensions.find((e) => e.oid === oid);
}

/** The first extension that stands twice in a certificate. */
export function doubleExtension({ extensions }: ReadCertificate): ReadExtension | undefined {
  return extensions.find((e, i) => extensions.findIndex((other) => other.oid === e.oid) < i);
}

/** What a certificate says about its key as an authority. Without the extensions: none. */
export interface Authority {
  readonly ca: boolean;
  /** How many authorities may stand between it and a leaf; no limit when undefined. */
  readonly pathLength?: number;
  /** First byte of KeyUsage; undefined without one. */
  readonly keyUsage?: number;
}

/** @throws {CodecError} ERR_PKI_PARSE for extensions that cannot be read */
export function authorityOf(certificate: ReadCertificate): Authority {
  const constraints = extensionOf(certificate, EXTENSION.basicConstraints);
  const usage = extensionOf(certificate, EXTENSION.keyUsage);
  return { ...(constraints ? readBasicConstraints(constraints.value) : { ca: false }), ...(usage ? { keyUsage: readKeyUsage(usage.value) } : {}) };
}

/** keyIdentifier of AuthorityKeyIdentifier, where the extension has it. @throws {CodecError} ERR_PKI_PARSE */
export function authorityKeyId(signed: Pick<ReadCertificate, 'extensions'>, path: string): Uint8Array | undefined {
  const extension = signed.extensions.find(({ oid }) => oid === EXTENSION.authorityKeyIdentifier);
  if (!extension) return undefined;
  const outer = new TlvReader(extension.value, `${path}.authorityKeyIdentifier`);
  const inner = outer.enter(TAG.sequence, 'sequence');
  outer.end();
  return inner.next === KEY_ID ? inner.read(KEY_ID, 'keyIdentifier') : undefined;
}
/** Context-specific, not constructed: `[0] IMPLICIT`. */
const KEY_ID = 0x80;

/** @throws {CodecError} ERR_PKI_PARSE */
export function subjectKeyId(certificate: ReadCertificate, path: string): Uint8Array | undefined {
  const extension = extensionOf(certificate, EXTENSION.subjectKeyIdentifier);
  if (!extension) return undefined;
  const reader = new TlvReader(extension.value, `${path}.subjectKeyIdentifier`);
  const id = reader.read(TAG.octetString, 'keyIdentifier');
  reader.end();
  return id;
}

/** The certificates of a file with trusted roots: DER, or any number in PEM. @throws {ConfigError} when it holds none */
export function rootCertificates(root: Uint8Array | string): Uint8Array[] {
  // DER of a certificate begins with a SEQUENCE, PEM with a dash.
  if (typeof root !== 'string' && root[0] === 0x30) return [root];
  try {
    const certificates = pemBlocks(root, 'CERTIFICATE', 'root');
    if (certificates.length > 0) return certificates;
  } catch (cause) {
    throw cause instanceof CodecError ? new ConfigError('root', `is no certificate in DER or PEM: ${cause.message}`, { cause }) : cause;
  }
  throw new ConfigError('root', 'holds no certificate');
}
