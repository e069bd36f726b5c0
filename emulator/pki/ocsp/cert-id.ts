/** CertID (RFC 6960 §4.1.1): which certificate somebody asks about, by hashes of its issuer's name and key, and its serial. */
import { createHash } from 'node:crypto';
import * as asn1js from 'asn1js';
import { readOid, readSerial } from '../read.ts';
import { TAG, tlv, TlvReader } from '../tlv.ts';

/** The hashes that a CertID can be made with. */
export const CERT_ID_HASHES = {
  sha1: { oid: '1.3.14.3.2.26', length: 20 },
  sha256: { oid: '2.16.840.1.101.3.4.2.1', length: 32 },
  sha384: { oid: '2.16.840.1.101.3.4.2.2', length: 48 },
  sha512: { oid: '2.16.840.1.101.3.4.2.3', length: 64 },
} as const;
export type CertIdHash = keyof typeof CERT_ID_HASHES;

/** A CertID taken apart. */
export interface CertId {
  /** The whole of it, DER: an answer repeats it. */
  readonly der: Uint8Array;
  /** Undefined for a hash that teemu does not know. */
  readonly hash: CertIdHash | undefined;
  readonly issuerNameHash: Uint8Array;
  readonly issuerKeyHash: Uint8Array;
  /** Contents octets of the INTEGER: 1 to 21 bytes, big-endian, not negative. */
  readonly serial: Uint8Array;
}

/** Who issued a certificate, as a CertID names it. */
export interface CertIssuer {
  /** DER Name. */
  readonly subject: Uint8Array;
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
}

const HASH_NAMES = Object.keys(CERT_ID_HASHES) as CertIdHash[];
const ALGORITHMS = Object.fromEntries(
  HASH_NAMES.map((name) => [name, new Uint8Array(new asn1js.Sequence({ value: [new asn1js.ObjectIdentifier({ value: CERT_ID_HASHES[name].oid }), new asn1js.Null()] }).toBER())]),
) as Record<CertIdHash, Uint8Array>;
/** Longest hash of an algorithm that is not known, in bytes. */
const MAX_HASH = 64;

/** The bits of a public key, without the tag around them: what issuerKeyHash is over. @param spki DER SubjectPublicKeyInfo @throws {CodecError} ERR_PKI_PARSE */
export function publicKeyBits(spki: Uint8Array, path = 'subjectPublicKeyInfo'): Uint8Array {
  const outer = new TlvReader(spki, path);
  const inner = outer.enter(TAG.sequence, 'sequence');
  outer.end();
  inner.read(TAG.sequence, 'algorithm');
  const bits = inner.read(TAG.bitString, 'subjectPublicKey');
  inner.end();
  if (bits[0] !== 0) throw inner.fail('subjectPublicKey', 'must be whole bytes');
  return bits.subarray(1);
}

/** Name and key of an issuer, hashed. @throws {CodecError} ERR_PKI_PARSE for a key that is none */
export function issuerHashes(hash: CertIdHash, { subject, spki }: CertIssuer): { readonly name: Uint8Array; readonly key: Uint8Array } {
  const digest = (src: Uint8Array): Uint8Array => new Uint8Array(createHash(hash).update(src).digest());
  return { name: digest(subject), key: digest(publicKeyBits(spki)) };
}

/** Writes a CertID. @param serial contents octets of the INTEGER @returns DER @throws {CodecError} ERR_PKI_PARSE for an issuer whose key is none */
export function writeCertId(hash: CertIdHash, issuer: CertIssuer, serial: Uint8Array): Uint8Array {
  const { name, key } = issuerHashes(hash, issuer);
  return tlv(TAG.sequence, ALGORITHMS[hash], tlv(TAG.octetString, name), tlv(TAG.octetString, key), tlv(TAG.integer, serial));
}

/** Whether a CertID means this certificate: the hash must be known. @throws {CodecError} ERR_PKI_PARSE for an issuer whose key is none */
export function namesCertificate(id: CertId, issuer: CertIssuer, serial: Uint8Array): boolean {
  return id.hash !== undefined && Buffer.from(id.der).equals(writeCertId(id.hash, issuer, serial));
}

/** Reads the next value as a CertID. @throws {CodecError} ERR_PKI_PARSE */
export function readCertId(reader: TlvReader, field: string): CertId {
  const { at } = reader;
  const der = reader.whole(TAG.sequence, field);
  const inner = new TlvReader(der, field).enter(TAG.sequence, 'certID');
  const algorithm = inner.enter(TAG.sequence, 'hashAlgorithm');
  const oid = readOid(algorithm, 'algorithm');
  if (algorithm.next !== undefined && algorithm.read(TAG.null, 'parameters').length > 0) throw algorithm.fail('parameters', 'must be empty');
  algorithm.end();
  const issuerNameHash = inner.read(TAG.octetString, 'issuerNameHash');
  const issuerKeyHash = inner.read(TAG.octetString, 'issuerKeyHash');
  const serial = readSerial(inner, 'serialNumber');
  inner.end();
  const hash = HASH_NAMES.find((name) => CERT_ID_HASHES[name].oid === oid);
  for (const { length } of [issuerNameHash, issuerKeyHash]) {
    if (hash === undefined ? length < 1 || length > MAX_HASH : length !== CERT_ID_HASHES[hash].length) throw reader.fail(field, `its hashes are not as long as ${hash ?? 'a hash'} is`, at);
  }
  return { der, hash, issuerNameHash, issuerKeyHash, serial };
}

/** Contents octets of an INTEGER of an unsigned number: what the serial of a CertID is given as. @param value unsigned, big-endian */
export function integerContents(value: Uint8Array): Uint8Array {
  const start = value.findIndex((byte) => byte !== 0);
  if (start < 0) return Uint8Array.of(0);
  const rest = value.subarray(start);
  return ((rest[0] ?? 0) & 0x80) !== 0 ? Uint8Array.of(0, ...rest) : rest;
}
