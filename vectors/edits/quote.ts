/** Changes of a quote, for rows of cases: of its parts before they are signed, and of its bytes after. */
import { createHash } from 'node:crypto';
import { mapQuote } from '../../emulator/tdx/quote/quote.ts';
import { CERTIFICATION_HEAD, ENCLAVE_REPORT, QE_CERTIFICATION_HEAD } from '../../emulator/tdx/quote/tables.ts';
import type { QuoteParts } from '../../emulator/tdx/quoting/quoting-enclave.ts';
import type { EditsIn, TdxChange, TdxMaker } from '../tdx/case.ts';

type Bytes = (quote: Uint8Array) => Uint8Array;
type After = NonNullable<TdxChange['after']>;
/** A place in a quote: a field of one of its parts, or how far into one. */
export type Place = readonly [part: string, field?: string];

function placeOf(quote: Uint8Array, [name, field]: Place): { readonly at: number; readonly size: number } {
  const part = mapQuote(quote).parts.find((one) => one.name === name);
  if (!part) throw new RangeError(`the quote has no part ${name}`);
  if (field === undefined) return { at: part.at, size: part.layout.size };
  const { at, size } = part.layout.locate(field);
  return { at: part.at + at, size };
}

/** Turns a bit of a field over, after signing. */
export function flipped(place: Place, byte = 0, mask = 1): Bytes {
  return (quote) => {
    const at = placeOf(quote, place).at + byte;
    return quote.with(at, (quote[at] ?? 0) ^ mask);
  };
}

/** Writes a field anew, after signing. @param make as many bytes are written */
export function written(place: Place, make: (field: Uint8Array) => Uint8Array): Bytes {
  return (quote) => {
    const { at, size } = placeOf(quote, place);
    const copy = quote.slice();
    copy.set(make(quote.slice(at, at + size)).subarray(0, size), at);
    return copy;
  };
}

/** A number in little-endian. */
export function little(value: number, size: number): () => Uint8Array {
  return () => Uint8Array.from({ length: size }, (_, i) => Math.floor(value / 2 ** (8 * i)) & 0xff);
}

/** A change of header or body, and then the attestation key's signature over what has come of it. Which bytes are signed is as before the change. */
export function resigned(change: Bytes): After {
  return (quote, { keys }) => {
    const map = mapQuote(quote);
    const copy = change(quote).slice();
    const { at } = placeOf(quote, ['signature', 'signature']);
    copy.set(keys.attestation.sign(copy.subarray(0, map.signed.size)), at);
    return copy;
  };
}

/** Where in a quote things begin and end that no table has: bytes from its first. */
export function landmarks(quote: Uint8Array): Readonly<Record<'signed' | 'length' | 'signatureData' | 'qe' | 'qeSignature' | 'authLength' | 'authData' | 'inner' | 'chain' | 'end', number>> {
  const map = mapQuote(quote);
  const qe = placeOf(quote, ['qe']).at;
  const inner = placeOf(quote, ['qe.certification']).at;
  const authLength = qe + QE_CERTIFICATION_HEAD.size;
  return {
    signed: map.signed.size,
    length: map.signatureData.at - 4,
    signatureData: map.signatureData.at,
    qe,
    qeSignature: qe + ENCLAVE_REPORT.size,
    authLength,
    authData: authLength + 2,
    inner,
    chain: inner + CERTIFICATION_HEAD.size,
    end: quote.length,
  };
}

/** The quote up to a place. */
export function cutAt(place: (marks: ReturnType<typeof landmarks>) => number): Bytes {
  return (quote) => quote.slice(0, place(landmarks(quote)));
}

/** Bytes written at a place, whatever stood there. */
export function overwritten(place: (marks: ReturnType<typeof landmarks>) => number, bytes: readonly number[]): Bytes {
  return (quote) => {
    const copy = quote.slice();
    copy.set(bytes, place(landmarks(quote)));
    return copy;
  };
}

/** Changes of the parts of a quote before anything of it is signed. */
export function parts(change: (parts: QuoteParts) => Partial<QuoteParts>): EditsIn {
  return { quote: (all) => ({ ...all, ...change(all) }) };
}

/** Other fields in the header. */
export function header(change: Partial<QuoteParts['header']>): EditsIn {
  return parts(({ header: own }) => ({ header: { ...own, ...change } }));
}

/** Other fields in the quoting enclave's report, signed by the PCK. */
export function qeReport(change: Partial<QuoteParts['qeReport']>): EditsIn {
  return parts(({ qeReport: own }) => ({ qeReport: { ...own, ...change } }));
}

/** Other authentication data, bound into the quoting enclave's report as it should be. */
export function authData(data: Uint8Array): EditsIn {
  return (maker) => ({ quote: (all) => ({ ...all, qeAuthData: data, qeReport: { ...all.qeReport, reportData: binding(maker.keys.attestation.publicPoint.subarray(1), data) } }) });
}

/** REPORTDATA of a quoting enclave that binds a key: 64 bytes. */
export function binding(key: Uint8Array, data: Uint8Array): Uint8Array {
  return Uint8Array.of(...createHash('sha256').update(key).update(data).digest(), ...new Uint8Array(32));
}

/** Another text in place of the PCK certificate chain. */
export function chainText(change: (text: string, maker: TdxMaker) => string): EditsIn {
  return (maker) => ({
    quote: (all) => {
      const { certification } = all;
      if (certification.kind !== 'raw') throw new RangeError('the quote holds no certificates');
      return { ...all, certification: { ...certification, data: Uint8Array.from(Buffer.from(change(Buffer.from(certification.data).toString('latin1'), maker), 'latin1')) } };
    },
  });
}

/** r and s of a signature, as numbers, in place of which others stand. */
export function numbers(place: Place, change: (r: bigint, s: bigint) => readonly [bigint, bigint]): Bytes {
  return written(place, (field) => {
    const half = field.length / 2;
    const number = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
    const [r, s] = change(number(field.subarray(0, half)), number(field.subarray(half)));
    return Uint8Array.from(Buffer.from([r, s].map((n) => n.toString(16).padStart(2 * half, '0')).join(''), 'hex'));
  });
}

/** The signature's own place, for rows. */
export const SIGNATURE: Place = ['signature', 'signature'];
/** The public attestation key. */
export const ATTESTATION_KEY: Place = ['signature', 'attestationKey'];
