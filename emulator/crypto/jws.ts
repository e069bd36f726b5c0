/** JSON Web Signatures in compact form (RFC 7515 §3.1): written with a World's signer, and taken apart. */
import { CodecError } from '../errors.ts';
import type { EcSigner } from './sign.ts';

/** The algorithm of each curve (RFC 7518 §3.4), with which the signature is r ‖ s. */
const ALGORITHMS = { 'P-256': 'ES256', 'P-384': 'ES384' } as const;
/** Longest token that is read, in characters: genuine ones have some thousand. */
const MAX_LENGTH = 256 * 1024;
const base64url = (text: string | Uint8Array): string => Buffer.from(text).toString('base64url');

/**
 * Signs a payload.
 * @param header members before `alg`, which is that of the signer's key
 * @param payload its members are written in their order
 */
export function signJws(header: Readonly<Record<string, unknown>>, payload: object, signer: EcSigner): string {
  const input = `${base64url(JSON.stringify({ ...header, alg: ALGORITHMS[signer.curve] }))}.${base64url(JSON.stringify(payload))}`;
  return `${input}.${base64url(signer.sign(Buffer.from(input, 'ascii')))}`;
}

/** A token taken apart; nothing is verified. */
export interface ReadJws {
  readonly header: Readonly<Record<string, unknown>>;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly signature: Uint8Array;
}

/**
 * Takes a token apart.
 * @param path how errors name it
 * @throws {CodecError} ERR_CODEC_RANGE with the offset of the part, for what is not three parts in base64url with a JSON object in the first two; ERR_CODEC_LENGTH beyond 256 KiB
 */
export function readJws(token: string, path = 'jws'): ReadJws {
  if (token.length > MAX_LENGTH) throw new CodecError('ERR_CODEC_LENGTH', path, MAX_LENGTH, `longer than ${MAX_LENGTH} characters`);
  const parts = token.split('.', 4);
  const [header = '', payload = '', signature = ''] = parts;
  if (parts.length !== 3) throw new CodecError('ERR_CODEC_RANGE', path, 0, 'must have three parts with dots between');
  const places = [0, header.length + 1, header.length + payload.length + 2];
  const [first, second, third] = [header, payload, signature].map((part, i) => {
    const bytes = Buffer.from(part, 'base64url');
    if (part === '' || bytes.toString('base64url') !== part) throw new CodecError('ERR_CODEC_RANGE', path, places[i] ?? 0, 'is no base64url as an encoder writes it');
    return bytes;
  });
  return { header: jsonObject(first, `${path}.header`, 0), payload: jsonObject(second, `${path}.payload`, places[1] ?? 0), signature: new Uint8Array(third ?? []) };
}

function jsonObject(src: Uint8Array | undefined, path: string, at: number): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(src));
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Readonly<Record<string, unknown>>;
  } catch (cause) {
    throw new CodecError('ERR_CODEC_RANGE', path, at, 'is no JSON', { cause });
  }
  throw new CodecError('ERR_CODEC_RANGE', path, at, 'is no JSON object');
}
