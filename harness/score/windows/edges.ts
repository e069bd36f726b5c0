/** When what is in a bundle begins and ends to be valid, read out of its files whatever they are called. */
import type { Bundle } from '../../../emulator/bundle.ts';
import { CodecError } from '../../../emulator/errors.ts';
import { readJws } from '../../../emulator/crypto/jws.ts';
import { readOcspResponse } from '../../../emulator/pki/ocsp/response.ts';
import { readPem } from '../../../emulator/pki/pem.ts';
import { readCertificate, readCrl, readName } from '../../../emulator/pki/read.ts';
import type { Edge } from '../result.ts';

/** How deep JSON is looked into. */
const DEEPEST = 12;
/** Members of JSON documents that are times: of Intel's collateral, and of tokens (in seconds). */
const BEGINS = new Set(['issueDate', 'nbf', 'iat']);
const ENDS = new Set(['nextUpdate', 'exp']);
/** What is said without a name needs that of its file. */
const MEMBERS = new Set([...BEGINS, ...ENDS]);
const XML_CERTIFICATE = /<(?:\w+:)?X509Certificate>([A-Za-z0-9+/=\s]+)</g;
const BASE64 = /^[A-Za-z0-9+/\s]{64,}={0,2}\s*$/;

type Found = Pick<Edge, 'at' | 'kind' | 'what'>;

/** Every edge, in order of time; that of a certificate or list once, however many files hold it. What can't be read has none. */
export function edgesOf({ files }: Bundle): Edge[] {
  const all = [...files].flatMap(([file, contents]) => inFile(contents).map((found) => ({ ...found, file })));
  const distinct = new Map(all.map((edge) => [`${edge.at} ${edge.kind} ${MEMBERS.has(edge.what) ? edge.file : ''} ${edge.what}`, edge] as const).toReversed());
  return [...distinct.values()].toReversed().toSorted((a, b) => a.at - b.at);
}

function inFile(contents: Uint8Array): Found[] {
  const der = inDer(contents);
  if (der.length > 0) return der;
  const text = Buffer.from(contents).toString('latin1');
  return [...inText(text), ...inJson(text)];
}

/** PEM blocks, and certificates in XML. */
function inText(text: string): Found[] {
  const blocks = attempt(() => readPem(Buffer.from(text, 'latin1'))) ?? [];
  const certificates = [...text.matchAll(XML_CERTIFICATE)].map(([, base64 = '']) => new Uint8Array(Buffer.from(base64, 'base64')));
  return [...blocks.map(({ der }) => der), ...certificates].flatMap(inDer);
}

/** A certificate, a list or a response. */
function inDer(src: Uint8Array): Found[] {
  if (src[0] !== 0x30) return [];
  return attempt(() => ofCertificate(src)) ?? attempt(() => ofCrl(src)) ?? attempt(() => ofOcsp(src)) ?? [];
}

function ofCertificate(src: Uint8Array): Found[] {
  const { subject, notBefore, notAfter } = readCertificate(src);
  const name = nameOf(subject);
  return [
    { at: notBefore, kind: 'begin', what: `${name} notBefore` },
    { at: notAfter, kind: 'end', what: `${name} notAfter` },
  ];
}

function ofCrl(src: Uint8Array): Found[] {
  const { issuer, thisUpdate, nextUpdate } = readCrl(src);
  return updates(`list of ${nameOf(issuer)}`, thisUpdate, nextUpdate);
}

function ofOcsp(src: Uint8Array): Found[] {
  const { basic } = readOcspResponse(src);
  if (!basic) return [];
  return [...basic.responses.flatMap(({ thisUpdate, nextUpdate }) => updates('OCSP', thisUpdate, nextUpdate)), ...basic.certificates.flatMap(inDer)];
}

function updates(name: string, thisUpdate: number, nextUpdate: number | undefined): Found[] {
  return [{ at: thisUpdate, kind: 'begin', what: `${name} thisUpdate` }, ...(nextUpdate === undefined ? [] : [{ at: nextUpdate, kind: 'end', what: `${name} nextUpdate` } as const])];
}

/** The common name, or the last part of what there is. */
function nameOf(name: Uint8Array): string {
  const attributes = attempt(() => readName(name)) ?? [];
  return (attributes.find(([oid]) => oid === '2.5.4.3') ?? attributes.at(-1))?.[1] ?? 'certificate';
}

function inJson(text: string): Found[] {
  if (!/^\s*[[{"]/.test(text)) return [];
  try {
    return inValue(JSON.parse(Buffer.from(text, 'latin1').toString('utf8')), 0);
  } catch {
    return [];
  }
}

function inValue(value: unknown, depth: number): Found[] {
  if (depth > DEEPEST) return [];
  if (typeof value === 'string') return inString(value, depth);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]: [string, unknown]): Found[] => {
    const kind = BEGINS.has(name) ? 'begin' : ENDS.has(name) ? 'end' : undefined;
    const at = kind === undefined ? Number.NaN : typeof member === 'string' ? Date.parse(member) : typeof member === 'number' ? member * 1000 : Number.NaN;
    return kind !== undefined && Number.isFinite(at) ? [{ at, kind, what: name }] : inValue(member, depth + 1);
  });
}

/** Certificates in base64 of PEM, in PEM, and the claims of tokens. */
function inString(text: string, depth: number): Found[] {
  if (text.includes('-----BEGIN ')) return inText(text);
  const claims = attempt(() => readJws(text).payload);
  if (claims !== undefined) return inValue(claims, depth + 1);
  return BASE64.test(text) ? inText(Buffer.from(text, 'base64').toString('latin1')) : [];
}

/** What a reader finds, or nothing when it can't read it. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof CodecError) return undefined;
    throw error;
  }
}
