/**
 * Reading certificates and revocation lists: bounded, and strict about DER. Whatever the bytes are, only a {@link CodecError} is thrown.
 * What a name, an extension or a signature must be is for the verifier to say; here they are only taken apart.
 */
import * as asn1js from 'asn1js';
import { CodecError } from '../errors.ts';
import { boundedCopy, isUnsigned, TAG, TlvReader, unsignedInteger } from './tlv.ts';

/** Longest certificate that is read, in bytes: genuine ones of all vendors are below 3 KiB. */
export const MAX_CERTIFICATE_SIZE = 16 * 1024;
/** Longest CRL that is read, in bytes. */
export const MAX_CRL_SIZE = 1024 * 1024;
/** Most extensions or name attributes that are read. */
const MAX_MEMBERS = 64;
const MAX_SERIAL = 20;
/** Longest PEM text that is read, in bytes. */
export const MAX_PEM_SIZE = 256 * 1024;
/** Most blocks in it. */
const MAX_PEM_BLOCKS = 16;
const MAX_OID = 32;

/** One extension; `value` is the DER inside the OCTET STRING. */
export interface ReadExtension {
  readonly oid: string;
  readonly critical: boolean;
  readonly value: Uint8Array;
  /** Byte offset of the extension in the certificate or list. */
  readonly at: number;
}

/** A certificate taken apart (RFC 5280 §4.1). All members are parts of one private copy of the input. */
export interface ReadCertificate {
  /** The whole certificate. */
  readonly der: Uint8Array;
  /** TBSCertificate, DER: what the signature is over. */
  readonly tbs: Uint8Array;
  /** 1 to 3. */
  readonly version: number;
  /** Contents octets of the INTEGER: 1 to 20 bytes, big-endian, not negative. */
  readonly serial: Uint8Array;
  /** DER AlgorithmIdentifier; the same inside and outside the signed part. */
  readonly signatureAlgorithm: Uint8Array;
  /** DER Name. */
  readonly issuer: Uint8Array;
  /** DER Name. */
  readonly subject: Uint8Array;
  /** Milliseconds since 1970. */
  readonly notBefore: number;
  /** Milliseconds since 1970: valid up to and including this second. */
  readonly notAfter: number;
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  readonly extensions: readonly ReadExtension[];
  readonly signature: Uint8Array;
}

/** One entry of a CRL. */
export interface ReadRevocation {
  /** As {@link ReadCertificate.serial}. */
  readonly serial: Uint8Array;
  /** Milliseconds since 1970. */
  readonly revokedAt: number;
  readonly extensions: readonly ReadExtension[];
}

/** A certificate revocation list taken apart (RFC 5280 §5.1). */
export interface ReadCrl {
  readonly der: Uint8Array;
  /** TBSCertList, DER: what the signature is over. */
  readonly tbs: Uint8Array;
  /** 1 or 2. */
  readonly version: number;
  /** DER AlgorithmIdentifier; the same inside and outside the signed part. */
  readonly signatureAlgorithm: Uint8Array;
  /** DER Name. */
  readonly issuer: Uint8Array;
  /** Milliseconds since 1970. */
  readonly thisUpdate: number;
  /** Milliseconds since 1970. */
  readonly nextUpdate?: number;
  readonly revoked: readonly ReadRevocation[];
  readonly extensions: readonly ReadExtension[];
  readonly signature: Uint8Array;
}

/**
 * Takes a certificate apart.
 * @param src DER, at most 16 KiB; copied
 * @param path how errors name it
 * @throws {CodecError} ERR_PKI_PARSE with the part and its offset
 */
export function readCertificate(src: Uint8Array, path = 'certificate'): ReadCertificate {
  const { der, outer, tbs, inner } = openSigned(src, path, MAX_CERTIFICATE_SIZE, 'tbsCertificate');
  let version = 1;
  if (inner.next === TAG.explicit(0)) {
    const wrapped = inner.enter(TAG.explicit(0), 'version');
    version = 1 + smallInteger(wrapped, 'number', 2);
    wrapped.end();
    if (version === 1) throw inner.fail('version', 'the default value must be left out');
  }
  const serial = readSerial(inner, 'serialNumber');
  const signatureAlgorithm = inner.whole(TAG.sequence, 'signature');
  const issuer = inner.whole(TAG.sequence, 'issuer');
  const validity = inner.enter(TAG.sequence, 'validity');
  const notBefore = readTime(validity, 'notBefore');
  const notAfter = readTime(validity, 'notAfter');
  validity.end();
  const subject = inner.whole(TAG.sequence, 'subject');
  const spki = inner.whole(TAG.sequence, 'subjectPublicKeyInfo');
  const extensions = inner.next === TAG.explicit(3) ? readExtensions(inner.enter(TAG.explicit(3), 'extensions')) : [];
  inner.end();
  return { der, tbs, version, serial, signatureAlgorithm, issuer, subject, notBefore, notAfter, spki, extensions, signature: closeSigned(outer, signatureAlgorithm) };
}

/**
 * Takes a certificate revocation list apart.
 * @param src DER, at most 1 MiB; copied
 * @param path how errors name it
 * @throws {CodecError} ERR_PKI_PARSE with the part and its offset
 */
export function readCrl(src: Uint8Array, path = 'crl'): ReadCrl {
  const { der, outer, tbs, inner } = openSigned(src, path, MAX_CRL_SIZE, 'tbsCertList');
  const version = inner.next === TAG.integer ? 1 + smallInteger(inner, 'version', 1) : 1;
  const signatureAlgorithm = inner.whole(TAG.sequence, 'signature');
  const issuer = inner.whole(TAG.sequence, 'issuer');
  const thisUpdate = readTime(inner, 'thisUpdate');
  const nextUpdate = inner.next === TAG.utcTime || inner.next === TAG.generalizedTime ? readTime(inner, 'nextUpdate') : undefined;
  const revoked = inner.next === TAG.sequence ? readRevocations(inner.enter(TAG.sequence, 'revokedCertificates')) : [];
  const extensions = inner.next === TAG.explicit(0) ? readExtensions(inner.enter(TAG.explicit(0), 'crlExtensions')) : [];
  inner.end();
  return { der, tbs, version, signatureAlgorithm, issuer, thisUpdate, ...(nextUpdate === undefined ? {} : { nextUpdate }), revoked, extensions, signature: closeSigned(outer, signatureAlgorithm) };
}

/**
 * The blocks of a PEM text (RFC 7468 §3, strict): nothing but blocks of this label, base64 as an encoder writes it, and empty lines between.
 * @param src at most 256 KiB
 * @param label as in `-----BEGIN CERTIFICATE-----`
 * @param path how errors name it
 * @returns the bytes of each block, in order: none for an empty text
 * @throws {CodecError} ERR_PKI_PARSE with the offset of the line
 */
export function pemBlocks(src: Uint8Array | string, label: string, path = 'pem'): Uint8Array[] {
  const fail = (at: number, rule: string): CodecError => new CodecError('ERR_PKI_PARSE', path, at, rule);
  if (src.length > MAX_PEM_SIZE) throw fail(MAX_PEM_SIZE, `longer than ${MAX_PEM_SIZE} bytes`);
  const text = typeof src === 'string' ? src : Buffer.from(src.buffer, src.byteOffset, src.length).toString('latin1');
  const blocks: Uint8Array[] = [];
  let base64: string | undefined;
  for (let at = 0, end = 0; at < text.length; at = end + 1) {
    end = text.indexOf('\n', at);
    if (end === -1) end = text.length;
    const line = text.slice(at, text[end - 1] === '\r' ? end - 1 : end);
    if (base64 === undefined) {
      if (line === '') continue;
      if (line !== `-----BEGIN ${label}-----`) throw fail(at, `something that is no block of the label ${label}`);
      if (blocks.length >= MAX_PEM_BLOCKS) throw fail(at, `more than ${MAX_PEM_BLOCKS} blocks`);
      base64 = '';
    } else if (line === `-----END ${label}-----`) {
      const bytes = Buffer.from(base64, 'base64');
      if (base64 === '' || bytes.toString('base64') !== base64) throw fail(at, 'the block before this line is no base64 as an encoder writes it');
      blocks.push(new Uint8Array(bytes));
      base64 = undefined;
    } else {
      if (line.length === 0 || line.length > 76) throw fail(at, 'a line of a block has 1 to 76 characters');
      base64 += line;
    }
  }
  if (base64 !== undefined) throw fail(text.length, `the text ends inside a block: -----END ${label}----- is missing`);
  return blocks;
}

/** One attribute of a name: its type and its text. */
export type ReadAttribute = readonly [oid: string, text: string];

/**
 * The attributes of a name, in order.
 * @param name DER Name
 * @throws {CodecError} ERR_PKI_PARSE, also for an attribute that is not in a set of its own, or no UTF8String, PrintableString or IA5String
 */
export function readName(name: Uint8Array, path = 'name'): ReadAttribute[] {
  const outer = new TlvReader(name, path);
  const sets = outer.enter(TAG.sequence, 'rdnSequence');
  outer.end();
  const attributes: ReadAttribute[] = [];
  while (sets.next !== undefined) {
    if (attributes.length >= MAX_MEMBERS) throw sets.fail('rdn', `more than ${MAX_MEMBERS} attributes`);
    const set = sets.enter(TAG.set, 'rdn');
    const attribute = set.enter(TAG.sequence, 'attribute');
    const oid = readOid(attribute, 'type');
    const text = readText(attribute, 'value');
    attribute.end();
    set.end();
    attributes.push([oid, text]);
  }
  return attributes;
}

/** BasicConstraints (RFC 5280 §4.2.1.9). @param value DER @throws {CodecError} ERR_PKI_PARSE */
export function readBasicConstraints(value: Uint8Array): { readonly ca: boolean; readonly pathLength?: number } {
  const outer = new TlvReader(value, 'basicConstraints');
  const inner = outer.enter(TAG.sequence, 'sequence');
  outer.end();
  const ca = inner.next === TAG.boolean && readTrue(inner, 'cA');
  const pathLength = inner.next === TAG.integer ? smallInteger(inner, 'pathLenConstraint', 255) : undefined;
  inner.end();
  return { ca, ...(pathLength === undefined ? {} : { pathLength }) };
}

/**
 * The first eight bits of KeyUsage (RFC 5280 §4.2.1.3), the first one highest: digitalSignature 0x80, keyCertSign 0x04, cRLSign 0x02.
 * AMD's intermediates do not write the shortest form, so that is not asked for.
 * @param value DER
 * @throws {CodecError} ERR_PKI_PARSE
 */
export function readKeyUsage(value: Uint8Array): number {
  const outer = new TlvReader(value, 'keyUsage');
  const contents = outer.read(TAG.bitString, 'bits');
  outer.end();
  const unused = contents[0] ?? 8;
  const bits = contents[1];
  if (contents.length > 3 || unused > 7 || bits === undefined || ((contents.at(-1) ?? 0) & ((1 << unused) - 1)) !== 0) throw outer.fail('bits', 'is no string of 1 to 9 bits');
  return bits;
}

/** The public numbers of an RSA key. @param spki DER SubjectPublicKeyInfo @returns undefined for a key of another kind @throws {CodecError} ERR_PKI_PARSE */
export function readRsaKey(spki: Uint8Array, path = 'subjectPublicKeyInfo'): { readonly modulus: Uint8Array; readonly exponent: number } | undefined {
  const outer = new TlvReader(spki, path);
  const inner = outer.enter(TAG.sequence, 'sequence');
  outer.end();
  const algorithm = inner.enter(TAG.sequence, 'algorithm');
  if (readOid(algorithm, 'algorithm') !== '1.2.840.113549.1.1.1') return undefined;
  if (algorithm.read(TAG.null, 'parameters').length !== 0) throw algorithm.fail('parameters', 'must be empty');
  algorithm.end();
  const bits = inner.read(TAG.bitString, 'subjectPublicKey');
  inner.end();
  if (bits[0] !== 0) throw inner.fail('subjectPublicKey', 'must be whole bytes');
  const wrapped = new TlvReader(bits.subarray(1), path, spki.byteOffset);
  const key = wrapped.enter(TAG.sequence, 'rsaPublicKey');
  wrapped.end();
  const modulus = key.read(TAG.integer, 'modulus');
  const exponent = unsignedInteger(key.read(TAG.integer, 'publicExponent'));
  key.end();
  if (exponent === undefined || !isUnsigned(modulus)) throw key.fail('modulus', 'its numbers must be positive and as short as possible');
  return { modulus: modulus[0] === 0 ? modulus.subarray(1) : modulus, exponent };
}

/** What certificates and CRLs have in common: `SEQUENCE { signed part, algorithm, BIT STRING }`. */
function openSigned(src: Uint8Array, path: string, limit: number, field: string): { der: Uint8Array; outer: TlvReader; tbs: Uint8Array; inner: TlvReader } {
  const der = boundedCopy(src, path, limit);
  const whole = new TlvReader(der, path);
  const outer = whole.enter(TAG.sequence, 'sequence');
  whole.end();
  const tbs = outer.whole(TAG.sequence, field);
  return { der, outer, tbs, inner: new TlvReader(tbs, path, der.byteOffset).enter(TAG.sequence, field) };
}

function closeSigned(outer: TlvReader, signatureAlgorithm: Uint8Array): Uint8Array {
  const { at } = outer;
  const stated = outer.whole(TAG.sequence, 'signatureAlgorithm');
  if (!sameBytes(stated, signatureAlgorithm)) throw outer.fail('signatureAlgorithm', 'is not the one inside the signed part', at);
  const bits = outer.read(TAG.bitString, 'signatureValue');
  outer.end();
  if (bits[0] !== 0) throw outer.fail('signatureValue', 'must be whole bytes');
  return bits.subarray(1);
}

/** Extensions (RFC 5280 §4.1) inside the tag around them: at least one, at most 64. @throws {CodecError} ERR_PKI_PARSE */
export function readExtensions(wrapped: TlvReader): ReadExtension[] {
  const list = wrapped.enter(TAG.sequence, 'list');
  wrapped.end();
  const extensions: ReadExtension[] = [];
  do {
    if (extensions.length >= MAX_MEMBERS) throw list.fail('extension', `more than ${MAX_MEMBERS} of them`);
    const { at } = list;
    const extension = list.enter(TAG.sequence, 'extension');
    const oid = readOid(extension, 'extnID');
    const critical = extension.next === TAG.boolean && readTrue(extension, 'critical');
    const value = extension.read(TAG.octetString, 'extnValue');
    extension.end();
    extensions.push({ oid, critical, value, at });
  } while (list.next !== undefined);
  return extensions;
}

function readRevocations(list: TlvReader): ReadRevocation[] {
  const revoked: ReadRevocation[] = [];
  while (list.next !== undefined) {
    const entry = list.enter(TAG.sequence, 'entry');
    const serial = readSerial(entry, 'userCertificate');
    const revokedAt = readTime(entry, 'revocationDate');
    // Here the list of extensions stands bare, without a tag around it.
    const extensions = entry.next === undefined ? [] : readExtensions(entry);
    entry.end();
    revoked.push({ serial, revokedAt, extensions });
  }
  return revoked;
}

/** A serial number: the contents octets of the INTEGER, at most 20 bytes and the zero before them. @throws {CodecError} ERR_PKI_PARSE */
export function readSerial(reader: TlvReader, field: string): Uint8Array {
  const { at } = reader;
  const serial = reader.read(TAG.integer, field);
  if (serial.length > MAX_SERIAL + 1 || !isUnsigned(serial)) throw reader.fail(field, `must be a positive number or 0, of at most ${MAX_SERIAL} bytes, as short as possible`, at);
  return serial;
}

function smallInteger(reader: TlvReader, field: string, most: number): number {
  const { at } = reader;
  const value = unsignedInteger(reader.read(TAG.integer, field));
  if (value === undefined || value > most) throw reader.fail(field, `must be 0 to ${most}`, at);
  return value;
}

/** DER leaves `FALSE` out wherever it is the default, as it is everywhere here. */
function readTrue(reader: TlvReader, field: string): true {
  const { at } = reader;
  const contents = reader.read(TAG.boolean, field);
  if (contents.length !== 1 || contents[0] !== 0xff) throw reader.fail(field, 'must be TRUE, written as 0xff, or left out', at);
  return true;
}

/** UTCTime as `YYMMDDHHMMSSZ` (1950 to 2049) or GeneralizedTime as `YYYYMMDDHHMMSSZ`: the only forms that RFC 5280 §4.1.2.5 allows. */
export function readTime(reader: TlvReader, field: string): number {
  const { at } = reader;
  const short = reader.next !== TAG.generalizedTime;
  const text = reader.read(short ? TAG.utcTime : TAG.generalizedTime, field);
  const wrong = (): CodecError => reader.fail(field, `is no time: ${short ? 'YYMMDDHHMMSSZ' : 'YYYYMMDDHHMMSSZ'}`, at);
  const pairs: number[] = [];
  for (let i = 0; i + 1 < text.length; i += 2) {
    const [tens = 0, ones = 0] = [(text[i] ?? 0) - 0x30, (text[i + 1] ?? 0) - 0x30];
    if (tens < 0 || tens > 9 || ones < 0 || ones > 9) throw wrong();
    pairs.push(tens * 10 + ones);
  }
  if (text.length !== (short ? 13 : 15) || text.at(-1) !== 0x5a) throw wrong();
  const [first = 0] = pairs;
  const year = short ? (first < 50 ? 2000 : 1900) + first : first * 100 + (pairs[1] ?? 0);
  const [month = 0, day = 0, hour = 0, minute = 0, second = 0] = pairs.slice(short ? 1 : 2);
  const value = Date.UTC(year < 100 ? 4000 : year, month - 1, day, hour, minute, second);
  if (year < 100 || month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59 || new Date(value).getUTCDate() !== day) throw wrong();
  return value;
}

/** Texts of identifiers met before: the same few come in every certificate. */
const oids = new Map<string, string>();
const MAX_OIDS = 256;

/** An object identifier with dots, at most 32 bytes in DER. @throws {CodecError} ERR_PKI_PARSE */
export function readOid(reader: TlvReader, field: string): string {
  const { at } = reader;
  const whole = reader.whole(TAG.oid, field);
  if (whole.length > MAX_OID) throw reader.fail(field, `is longer than ${MAX_OID} bytes`, at);
  let key = '';
  for (const byte of whole) key += String.fromCharCode(byte);
  const known = oids.get(key);
  if (known !== undefined) return known;
  const { result } = asn1js.fromBER(whole);
  const text = result instanceof asn1js.ObjectIdentifier && result.error === '' ? result.getValue() : '';
  if (!/^\d+(\.\d+)+$/.test(text) || !sameBytes(new Uint8Array(new asn1js.ObjectIdentifier({ value: text }).toBER()), whole)) throw reader.fail(field, 'is no object identifier in its shortest form', at);
  if (oids.size < MAX_OIDS) oids.set(key, text);
  return text;
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function readText(reader: TlvReader, field: string): string {
  const { at, next } = reader;
  if (next !== TAG.utf8String && next !== TAG.printableString && next !== TAG.ia5String) throw reader.fail(field, 'is no UTF8String, PrintableString or IA5String');
  const contents = reader.read(next, field);
  try {
    const text = UTF8.decode(contents);
    if (next === TAG.utf8String || text.length === contents.length) return text;
  } catch {
    throw reader.fail(field, 'is not UTF-8', at);
  }
  throw reader.fail(field, 'is not ASCII', at);
}

/** Whether two arrays hold the same bytes. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}
