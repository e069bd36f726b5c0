/**
 * Reading DER one value at a time, strictly: definite lengths in their shortest form only, and nothing left over. The bytes are taken
 * apart by the library's decoder; this adds where in the input a value lies, and typed errors.
 */
import { DER } from '@noble/curves/abstract/der.js';
import { CodecError } from '../errors.ts';

/** DER identifier octets. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  printableString: 0x13,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
  /** Context-specific and constructed: `[n] EXPLICIT`. */
  explicit: (n: number): number => 0xa0 | n,
} as const;

/** Reads the values that follow each other in some DER. Contents are views, not copies. */
export class TlvReader {
  readonly #base: number;
  readonly #path: string;
  #rest: Uint8Array;

  /** @param src a plain `Uint8Array` @param path how errors name the structure @param base where the outermost structure begins in its buffer */
  constructor(src: Uint8Array, path: string, base: number = src.byteOffset) {
    this.#rest = src;
    this.#path = path;
    this.#base = base;
  }

  /** Identifier octet of the next value; undefined at the end. */
  get next(): number | undefined {
    return this.#rest[0];
  }

  /** Bytes from the start of the outermost structure to the next value. */
  get at(): number {
    return this.#rest.byteOffset - this.#base;
  }

  /** The contents of the next value. @throws {CodecError} ERR_PKI_PARSE when its identifier is not `tag` or its length is not DER */
  read(tag: number, field: string): Uint8Array {
    try {
      const { v, l } = DER._tlv.decode(tag, this.#rest);
      this.#rest = l;
      return v;
    } catch {
      throw this.fail(
        field,
        this.next === undefined
          ? 'is missing: the structure ends before it'
          : this.next === tag
            ? 'its length is not DER, or runs past the end'
            : `must have the tag 0x${tag.toString(16)}, has 0x${this.next.toString(16)}`,
      );
    }
  }

  /** The whole of the next value, identifier and length included. @throws {CodecError} as {@link read} does */
  whole(tag: number, field: string): Uint8Array {
    const before = this.#rest;
    this.read(tag, field);
    return before.subarray(0, before.length - this.#rest.length);
  }

  /** A reader of what is inside the next value. @throws {CodecError} as {@link read} does */
  enter(tag: number, field: string): TlvReader {
    return new TlvReader(this.read(tag, field), `${this.#path}.${field}`, this.#base);
  }

  /** @throws {CodecError} ERR_PKI_PARSE when something is left */
  end(): void {
    if (this.#rest.length > 0) throw this.fail('end', `${this.#rest.length} bytes more than the structure has`);
  }

  /** An error that names a field here. */
  fail(field: string, rule: string, at: number = this.at): CodecError {
    return new CodecError('ERR_PKI_PARSE', `${this.#path}.${field}`, at, rule);
  }
}

/** A private copy of a message. @param path how errors name it @throws {CodecError} ERR_PKI_PARSE for one longer than `limit` bytes */
export function boundedCopy(src: Uint8Array, path: string, limit: number): Uint8Array {
  if (src.length > limit) throw new CodecError('ERR_PKI_PARSE', path, limit, `longer than ${limit} bytes: ${src.length}`);
  // A plain array: subarrays of a Buffer are slower to make, and the caller may go on writing to his.
  return new Uint8Array(src);
}

/** Whether the contents octets of an INTEGER are those of a number that is not negative, in as few bytes as possible. */
export function isUnsigned(contents: Uint8Array): boolean {
  const [first, second = 0] = contents;
  return first !== undefined && (first & 0x80) === 0 && (first !== 0 || contents.length === 1 || (second & 0x80) !== 0);
}

/**
 * The value of a small INTEGER that is not negative and encoded in as few bytes as possible.
 * @param contents its contents octets
 * @returns undefined when it is negative, padded, or above 2^32 - 1
 */
export function unsignedInteger(contents: Uint8Array): number | undefined {
  if (!isUnsigned(contents) || contents.length > 5) return undefined;
  const value = contents.reduce((n, byte) => n * 256 + byte, 0);
  return value < 2 ** 32 ? value : undefined;
}

/** The DER of a value: identifier octet, length, contents. @param parts its contents, one after the other */
export function tlv(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  // Lengths up to 127 in one byte, longer ones as a count of bytes and these, big-endian.
  const more: number[] = [];
  for (let rest = length; length > 0x7f && rest > 0; rest = Math.floor(rest / 256)) more.unshift(rest % 256);
  const head = more.length === 0 ? [tag, length] : [tag, 0x80 | more.length, ...more];
  const out = new Uint8Array(head.length + length);
  out.set(head);
  let at = head.length;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
