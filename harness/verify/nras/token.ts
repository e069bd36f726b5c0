/** Compact JWS tokens, as the attestation service signs them. */
import { type KeyObject, verify } from 'node:crypto';
import { CodecError } from '../../../emulator/errors.ts';
import type { NrasAppraisal } from './reasons.ts';

/** Longest token that is read, in characters: genuine ones are below 3 KiB. */
const MAX_TOKEN = 64 * 1024;
const UTF8 = new TextDecoder('utf-8', { fatal: true });
/** Header members that a token may have; anything else could bring a key along, or change what the token means. */
const HEADER = ['alg', 'kid', 'typ'];
const ALGORITHM = 'ES384';

/** A token taken apart; nothing of it is believed yet. */
export interface ReadToken {
  /** How messages call it. */
  readonly path: string;
  /** The compact form. */
  readonly compact: string;
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
  /** What the signature is over. */
  readonly signed: Uint8Array;
  readonly signature: Uint8Array;
}

const fail = (path: string, at: number, rule: string): CodecError => new CodecError('ERR_CODEC_RANGE', path, at, rule);

/** Takes a token apart. */
export function readToken(appraisal: NrasAppraisal, compact: string, path: string): ReadToken {
  return appraisal.attempt('token-malformed', () => {
    if (compact.length > MAX_TOKEN) throw fail(path, MAX_TOKEN, `longer than ${MAX_TOKEN} characters`);
    const parts = compact.split('.');
    const [header = '', claims = '', signature = ''] = parts;
    if (parts.length !== 3) throw fail(path, 0, `must have three parts, has ${parts.length}`);
    const signed = header.length + 1 + claims.length;
    return {
      path,
      compact,
      header: record(header, `${path}.header`, 0),
      claims: record(claims, `${path}.claims`, header.length + 1),
      signed: new Uint8Array(Buffer.from(compact.slice(0, signed), 'latin1')),
      signature: base64url(signature, `${path}.signature`, signed + 1),
    };
  });
}

function base64url(text: string, path: string, at: number): Uint8Array {
  const bytes = Buffer.from(text, 'base64url');
  if (text === '' || bytes.toString('base64url') !== text) throw fail(path, at, 'is no base64url as an encoder writes it');
  return new Uint8Array(bytes);
}

function record(text: string, path: string, at: number): Readonly<Record<string, unknown>> {
  const bytes = base64url(text, path, at);
  let value: unknown;
  try {
    value = JSON.parse(UTF8.decode(bytes));
  } catch {
    throw fail(path, at, 'is no JSON in UTF-8');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw fail(path, at, 'is no JSON object');
  return value as Readonly<Record<string, unknown>>;
}

/** Checks what a token's header says. @returns the name of the key */
export function checkHeader(appraisal: NrasAppraisal, { header, path }: ReadToken): string {
  appraisal.check('token-algorithm', header.alg === ALGORITHM, () => ({ message: `must be ${ALGORITHM}, is ${String(JSON.stringify(header.alg)).slice(0, 40)}`, path: `${path}.header.alg` }));
  const other = Object.keys(header).find((name) => !HEADER.includes(name));
  appraisal.check('token-header', other === undefined && (header.typ === undefined || header.typ === 'JWT'), () => ({
    message: other === undefined ? 'typ must be JWT' : `has '${other.slice(0, 40)}'`,
    path: `${path}.header`,
  }));
  const { kid } = header;
  if (typeof kid !== 'string' || kid === '') return appraisal.fail('key-unknown', { message: 'names no key', path: `${path}.header.kid` });
  return kid;
}

/** Checks that a token is signed by its key. */
export function checkTokenSignature(appraisal: NrasAppraisal, { signed, signature, path }: ReadToken, key: KeyObject): void {
  // r and s, 48 bytes each: anything else is no signature, whatever the platform would make of it.
  const holds = signature.length === 96 && verify('sha384', signed, { key, dsaEncoding: 'ieee-p1363' }, signature);
  appraisal.check('token-signature', holds, () => ({ message: 'the signature does not verify with the key', path: `${path}.signature` }));
}
