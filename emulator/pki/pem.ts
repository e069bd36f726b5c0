/** Finding PEM (RFC 7468) in any text: every block, whatever its label, for whoever looks into files. A verifier reads strictly instead, with `pemBlocks`. */
import { CodecError } from '../errors.ts';

/** One block. */
export interface PemBlock {
  /** `CERTIFICATE`, `X509 CRL`, … */
  readonly label: string;
  readonly der: Uint8Array;
  /** Byte offset of its BEGIN line. */
  readonly at: number;
}

/** Longest text that is searched, in bytes. */
const MAX_SEARCHED = 4 * 1024 * 1024;
const MAX_BLOCKS = 100;
const BEGIN = /-----BEGIN ([A-Z0-9][A-Z0-9 ]{0,40})-----[ \t]*\r?\n/g;

/**
 * The blocks of a text, in order.
 * @param path how errors name it
 * @throws {CodecError} ERR_PKI_PARSE for a block without its END line or with something else than base64 in it, or beyond the bounds
 */
export function readPem(src: Uint8Array, path = 'pem'): PemBlock[] {
  const fail = (at: number, rule: string): CodecError => new CodecError('ERR_PKI_PARSE', path, at, rule);
  if (src.length > MAX_SEARCHED) throw fail(MAX_SEARCHED, `longer than ${MAX_SEARCHED} bytes: ${src.length}`);
  // One character a byte, so that offsets in the text are offsets in the file.
  const text = Buffer.from(src.buffer, src.byteOffset, src.byteLength).toString('latin1');
  const blocks: PemBlock[] = [];
  const begin = new RegExp(BEGIN);
  for (let match = begin.exec(text); match; match = begin.exec(text)) {
    const { 0: line, 1: label = '', index: at } = match;
    if (blocks.length >= MAX_BLOCKS) throw fail(at, `more than ${MAX_BLOCKS} blocks`);
    const start = at + line.length;
    const end = text.indexOf('-----', start);
    const last = `-----END ${label}-----`;
    if (end < 0 || !text.startsWith(last, end)) throw fail(at, `the block ${label} does not end`);
    const body = text.slice(start, end).replace(/[ \t\r\n]/g, '');
    const der = Buffer.from(body, 'base64');
    if (body.length === 0 || der.toString('base64') !== body) throw fail(start, `the block ${label} is no base64`);
    blocks.push({ label, der: new Uint8Array(der), at });
    begin.lastIndex = end + last.length;
  }
  return blocks;
}
