/** The certificate chain as SPDM carries it (DSP0274, Certificates and certificate chains). */

import type { Version } from './requests.ts';
import { sha384 } from './session.ts';

/** What both sides agree on, in names of `node:crypto`. */
export const AGREED_ALGORITHMS = { hash: 'sha384', curve: 'secp384r1' } as const;

/** Length of the head: length, two bytes that are zero, digest of the root. */
export const CHAIN_HEAD = 4 + 48;

/** The certificates of a chain, root first, in DER. @throws {RangeError} for what is no run of certificates */
export function certificatesOf(chain: Uint8Array): Uint8Array[] {
  const out: Uint8Array[] = [];
  const bytes = Buffer.from(chain);
  for (let at = CHAIN_HEAD; at < bytes.length; ) {
    if (bytes[at] !== 0x30 || bytes[at + 1] !== 0x82) throw new RangeError(`no certificate at ${at} of the chain`);
    const end = at + 4 + bytes.readUInt16BE(at + 2);
    if (end > bytes.length) throw new RangeError('a certificate goes on after the chain ends');
    out.push(bytes.subarray(at, end));
    at = end;
  }
  return out;
}

/** What is given to a signature: in 1.1 what was said, in 1.2 its digest behind the version and the context (DSP0274, Signature generation). */
export function signedData(version: Version, context: string, said: Uint8Array): Uint8Array {
  if (version === 0x11) return said;
  return Buffer.concat([Buffer.from('dmtf-spdm-v1.2.*'.repeat(4)), Buffer.alloc(36 - context.length), Buffer.from(context), sha384(said)]);
}
