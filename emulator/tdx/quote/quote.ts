/** A TD quote, versions 4 and 5: header and body, which the attestation key signs, then signature data of variable length. */
import { ByteReader } from '../../codec/stream.ts';
import type { DecodeOptions, Layout } from '../../codec/layout.ts';
import { CodecError } from '../../errors.ts';
import { type CertificationData, encodeCertification, readCertification } from './certification.ts';
import { ATT_KEY_ECDSA_P256, BODY_DESCRIPTOR, BODY_TYPES, QUOTE_HEADER, QUOTE_VERSIONS, type QuoteHeader, type QuoteVersion, SIGNATURE_HEAD, TD10_BODY, TD15_BODY, type TdBody, TEE_TYPE_TDX } from './tables.ts';

/** What a body is: a TD of TDX 1.0, or of TDX 1.5. */
export type TdBodyType = typeof BODY_TYPES.td10 | typeof BODY_TYPES.td15;

/** A decoded quote. Encoding it gives the same bytes back. */
export interface TdxQuote {
  header: QuoteHeader;
  /** 2: TDX 1.0, the only kind in version 4, which does not state it; 3: TDX 1.5. */
  bodyType: TdBodyType;
  body: TdBody;
  /** Signature of header and body: r ‖ s, 64 bytes, big-endian. */
  signature: Uint8Array;
  /** Public attestation key: x ‖ y, 64 bytes, big-endian. */
  attestationKey: Uint8Array;
  certification: CertificationData;
  /** What follows the signature data. Genuine quotes come in buffers longer than themselves: the rest is zero, or left over from before. */
  trailing: Uint8Array;
}

/** One table of a quote and where it lies in the bytes. */
export interface QuotePart {
  /** Prefix of the fields' paths: `header`, `body`, `signature`, `qe`. */
  readonly name: string;
  readonly layout: Layout;
  readonly at: number;
}

/** A run of bytes in a quote. */
export interface Span {
  readonly at: number;
  readonly size: number;
}

/** Where the parts of some quote lie, for whoever edits one after it was signed. */
export interface QuoteMap {
  readonly version: QuoteVersion;
  readonly bodyType: TdBodyType;
  /** Header and body: what the attestation key signs. */
  readonly signed: Span;
  readonly body: Span;
  /** Everything behind the length of the signature data, which stands 4 bytes before. */
  readonly signatureData: Span;
  readonly trailing: Span;
  /** The tables, for dumps and mutants; those of the QE only where the certification data hold its report. */
  readonly parts: readonly QuotePart[];
}

const LENGTH_SIZE = 4;
const NOTHING = new Uint8Array(0);
const BODIES: Readonly<Record<TdBodyType, Layout>> = { [BODY_TYPES.td10]: TD10_BODY as unknown as Layout, [BODY_TYPES.td15]: TD15_BODY as unknown as Layout };
const asLayout = (layout: { readonly size: number }): Layout => layout as unknown as Layout;

/** The table of a body. */
export function bodyLayout(type: TdBodyType): Layout {
  return BODIES[type];
}

/** Length of what is signed: header, descriptor in version 5, and body. */
export function signedSize(version: QuoteVersion, type: TdBodyType): number {
  return QUOTE_HEADER.size + (version === 5 ? BODY_DESCRIPTOR.size : 0) + BODIES[type].size;
}

interface Opened {
  readonly reader: ByteReader;
  readonly header: QuoteHeader;
  readonly version: QuoteVersion;
  readonly bodyType: TdBodyType;
}

/** Reads up to the body: everything that says how the rest is laid out. */
function open(src: Uint8Array, options: DecodeOptions): Opened {
  const reader = new ByteReader(src, 'tdx.quote');
  const header = reader.layout(QUOTE_HEADER, options);
  const refuse = (field: keyof typeof QUOTE_HEADER.rows, rule: string): CodecError => new CodecError('ERR_CODEC_RANGE', `tdx.quote.header.${field}`, QUOTE_HEADER.locate(field).at, rule);
  const version = QUOTE_VERSIONS.find((v) => v === header.version);
  if (version === undefined) throw refuse('version', `version ${header.version} is none of ${QUOTE_VERSIONS.join(', ')}`);
  if (header.teeType !== TEE_TYPE_TDX) throw refuse('teeType', `is 0x${header.teeType.toString(16)}, no TD's 0x${TEE_TYPE_TDX.toString(16)}`);
  if (header.attestationKeyType !== ATT_KEY_ECDSA_P256) throw refuse('attestationKeyType', `is ${header.attestationKeyType}, not ECDSA P-256 (${ATT_KEY_ECDSA_P256})`);
  return { reader, header, version, bodyType: version === 5 ? readDescriptor(reader) : BODY_TYPES.td10 };
}

function readDescriptor(reader: ByteReader): TdBodyType {
  const { at } = reader;
  const { bodyType, bodySize } = reader.layout(BODY_DESCRIPTOR);
  if (bodyType !== BODY_TYPES.td10 && bodyType !== BODY_TYPES.td15) throw new CodecError('ERR_CODEC_RANGE', 'tdx.quote.body-descriptor.bodyType', at, `is ${bodyType}, no TD's ${BODY_TYPES.td10} or ${BODY_TYPES.td15}`);
  const { size } = BODIES[bodyType];
  if (bodySize !== size) throw new CodecError('ERR_CODEC_LENGTH', 'tdx.quote.body-descriptor.bodySize', at + BODY_DESCRIPTOR.rows.bodySize.at, `a body of type ${bodyType} is ${size} bytes, not ${bodySize}`);
  return bodyType;
}

/** The stated length of the signature data, read and checked against what is there. */
function readLength(reader: ByteReader): number {
  const { at } = reader;
  const length = reader.u32('signatureDataLength');
  if (length > reader.left) throw new CodecError('ERR_CODEC_TRUNCATED', 'tdx.quote.signatureDataLength', at, `says ${length} bytes follow, but there are ${reader.left}`);
  return length;
}

/**
 * @param src a quote, and whatever follows it in its buffer
 * @param options what to do with bytes that must be zero and are not
 * @throws {CodecError} with the field's path and its offset from the start of the quote
 */
export function decodeQuote(src: Uint8Array, options: DecodeOptions = {}): TdxQuote {
  const { reader, header, bodyType } = open(src, options);
  const body = reader.layout(BODIES[bodyType], options) as unknown as TdBody;
  const data = reader.part(readLength(reader), 'signatureData');
  const { signature, attestationKey } = data.layout(SIGNATURE_HEAD);
  const certification = readCertification(data, options);
  data.end();
  return { header, bodyType, body, signature, attestationKey, certification, trailing: reader.bytes(reader.left, 'trailing') };
}

/**
 * Writes a quote. Every length is computed; a body gets the table of its `bodyType`.
 * @throws {CodecError} when a value does not fit, or the kind of body lacks the field
 */
export function encodeQuote({ header, bodyType, body, signature, attestationKey, certification, trailing }: TdxQuote): Uint8Array {
  const data = SIGNATURE_HEAD.encode({ signature, attestationKey });
  const at = SIGNATURE_HEAD.rows.attestationKey.at;
  return assembleQuote(encodeSigned(header, bodyType, body), data.subarray(0, at), Buffer.concat([data.subarray(at), encodeCertification(certification)]), trailing);
}

/** What stands before a body: the header, and in version 5 the descriptor of the body. @throws {CodecError} as {@link encodeQuote} */
export function encodePrefix(header: QuoteHeader, bodyType: TdBodyType): Uint8Array {
  const descriptor = header.version === 5 ? BODY_DESCRIPTOR.encode({ bodyType, bodySize: BODIES[bodyType].size }) : NOTHING;
  return new Uint8Array(Buffer.concat([QUOTE_HEADER.encode(header), descriptor]));
}

/** What the attestation key signs: header, descriptor where the version has one, and body. @throws {CodecError} as {@link encodeQuote} */
export function encodeSigned(header: QuoteHeader, bodyType: TdBodyType, body: TdBody): Uint8Array {
  return new Uint8Array(Buffer.concat([encodePrefix(header, bodyType), BODIES[bodyType].encode(body as unknown as Record<string, unknown>)]));
}

/** A quote of the part that was signed, its signature (64 bytes), what follows that in the signature data, and what follows the quote in its buffer. */
export function assembleQuote(signed: Uint8Array, signature: Uint8Array, rest: Uint8Array, trailing: Uint8Array = NOTHING): Uint8Array {
  const length = signature.length + rest.length;
  const quote = new Uint8Array(signed.length + LENGTH_SIZE + length + trailing.length);
  quote.set(signed);
  new DataView(quote.buffer).setUint32(signed.length, length, true);
  let at = signed.length + LENGTH_SIZE;
  for (const part of [signature, rest, trailing]) {
    quote.set(part, at);
    at += part.length;
  }
  return quote;
}

/**
 * Where everything lies in a quote.
 * @throws {CodecError} when the lengths do not fit together; reserved bytes are not looked at
 */
export function mapQuote(src: Uint8Array): QuoteMap {
  const keep = { reserved: 'keep' } as const;
  const { reader, version, bodyType } = open(src, keep);
  const layout = BODIES[bodyType];
  const bodyAt = reader.at;
  reader.part(layout.size, 'body');
  const size = readLength(reader);
  const dataAt = reader.at;
  const data = reader.part(size, 'signatureData');
  const parts: QuotePart[] = [
    { name: 'header', layout: asLayout(QUOTE_HEADER), at: 0 },
    ...(version === 5 ? [{ name: 'descriptor', layout: asLayout(BODY_DESCRIPTOR), at: QUOTE_HEADER.size }] : []),
    { name: 'body', layout, at: bodyAt },
    { name: 'signature', layout: asLayout(SIGNATURE_HEAD), at: dataAt },
  ];
  data.layout(SIGNATURE_HEAD);
  readCertification(data, keep, parts);
  data.end();
  return {
    version,
    bodyType,
    signed: { at: 0, size: signedSize(version, bodyType) },
    body: { at: bodyAt, size: layout.size },
    signatureData: { at: dataAt, size },
    trailing: { at: reader.at, size: reader.left },
    parts,
  };
}

/**
 * What the attestation key signed, as it lies in the bytes.
 * @throws {CodecError} when the bytes end before, or state a version or body that is none
 */
export function signedPart(src: Uint8Array): Uint8Array {
  const { version, bodyType } = open(src, { reserved: 'keep' });
  const size = signedSize(version, bodyType);
  if (src.length < size) throw new CodecError('ERR_CODEC_TRUNCATED', 'tdx.quote.body', src.length, `header and body are ${size} bytes, the input ends here`);
  return src.subarray(0, size);
}
