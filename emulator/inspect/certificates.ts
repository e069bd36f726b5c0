/** Certificates, chains and revocation lists, in PEM or DER. */
import { createHash } from 'node:crypto';
import { genuineOwner } from '../crypto/genuine.ts';
import { PUBLIC_RSA_KEYS } from '../crypto/public-rsa-keys.ts';
import { TeemuError } from '../errors.ts';
import { OID } from '../pki/der.ts';
import { readPem } from '../pki/pem.ts';
import { MAX_CRL_SIZE, type ReadCertificate, type ReadCrl, type ReadExtension, readCertificate, readCrl, readName, readRsaKey, sameBytes } from '../pki/read.ts';
import { TAG } from '../pki/tlv.ts';
import { EXTENSIONS } from './extensions.ts';
import type { InspectContext, InspectLine, Note, Recogniser, Section } from './inspection.ts';
import { algorithmText, isCheckable, isSignedBy, keyText } from './keys.ts';

const PEM_START = '-----BEGIN ';
const hex = (src: Uint8Array): string => Buffer.from(src).toString('hex');
const day = (at: number): string => new Date(at).toISOString().replace('.000Z', 'Z');

export const CERTIFICATE_RECOGNISERS: readonly Recogniser[] = [
  {
    format: 'pem',
    title: 'certificates or lists in PEM',
    refuse: (src) => (Buffer.from(src.buffer, src.byteOffset, src.byteLength).includes(PEM_START) ? undefined : `has a line that begins with '${PEM_START.trimEnd()}'`),
    inspect: pemSections,
  },
  {
    format: 'certificate',
    title: 'certificate in DER',
    refuse: refuseDer,
    inspect: (src, context) => [{ ...certificateSection(readCertificate(src), context), at: 0 }],
  },
  {
    format: 'crl',
    title: 'certificate revocation list in DER',
    refuse: refuseDer,
    inspect: (src, context) => [{ ...crlSection(readCrl(src), context), at: 0 }],
  },
];

function refuseDer(src: Uint8Array): string | undefined {
  if (src.length > MAX_CRL_SIZE) return `is at most ${MAX_CRL_SIZE} bytes long`;
  return src[0] === TAG.sequence ? undefined : `begins with 0x30, this with 0x${hex(src.subarray(0, 1))}`;
}

function pemSections(src: Uint8Array, context: InspectContext): Section[] {
  const blocks = readPem(src);
  if (blocks.length === 0) throw new TeemuError('ERR_PKI_PARSE', 'no block');
  const certificates = blocks.flatMap(({ label, der }) => (label === 'CERTIFICATE' ? readOrNothing(() => readCertificate(der)) : []));
  return blocks.map(({ label, der, at }): Section => {
    const read = derSection(der, context, certificates);
    if ('section' in read) return read.section;
    // Keys among them are not shown: what is printed may be kept.
    const isKey = label.includes('PRIVATE KEY');
    return {
      name: label.toLowerCase(),
      title: label,
      size: der.length,
      notes: [isKey ? { kind: 'info', text: `a private key; its contents are not shown` } : { kind: 'broken', text: read.error.message }],
      lines: [{ path: 'block', depth: 0, value: `${der.length} bytes`, doc: `begins at byte ${at} of the text` }],
    };
  });
}

function readOrNothing<T>(read: () => T): T[] {
  try {
    return [read()];
  } catch (error) {
    if (error instanceof TeemuError) return [];
    throw error;
  }
}

/**
 * A certificate or a list in DER as a section, or why it is neither.
 * @param others certificates beside it, one of which may have signed it
 */
export function derSection(der: Uint8Array, context: InspectContext, others: readonly ReadCertificate[] = []): { section: Section } | { error: TeemuError } {
  try {
    return { section: certificateSection(readCertificate(der), context, others) };
  } catch (error) {
    if (!(error instanceof TeemuError)) throw error;
    const [list] = readOrNothing(() => readCrl(der));
    return list ? { section: crlSection(list, context, others) } : { error };
  }
}

function certificateSection(certificate: ReadCertificate, context: InspectContext, others: readonly ReadCertificate[] = []): Section {
  const { der, serial, issuer, subject, notBefore, notAfter, spki, extensions, version } = certificate;
  const validity: InspectLine[] = [
    { path: 'notBefore', depth: 0, value: day(notBefore), doc: 'valid from' },
    { path: 'notAfter', depth: 0, value: day(notAfter), doc: `valid until, ${Math.round((notAfter - notBefore) / 86_400_000)} days later`, ...outside(context, notBefore, notAfter) },
  ];
  return {
    name: 'certificate',
    title: `certificate of ${commonName(subject)}`,
    size: der.length,
    notes: [...extensionNotes(extensions), ...keyNotes(spki), ...signerNotes(certificate, issuer, [certificate, ...others])],
    lines: [
      { path: 'version', depth: 0, value: `${version}`, doc: 'X.509 version' },
      { path: 'serial', depth: 0, value: `0x${hex(serial)}`, doc: 'serial number' },
      nameLine('issuer', issuer, 'who signed it'),
      nameLine('subject', subject, 'whose it is'),
      ...validity,
      { path: 'key', depth: 0, value: keyText(spki), doc: 'the certified key' },
      { path: 'keyDigest', depth: 0, value: hex(sha256(spki)), doc: 'SHA-256 of the key (SubjectPublicKeyInfo)' },
      ...extensionLines(extensions),
      { path: 'signatureAlgorithm', depth: 0, value: algorithmText(certificate.signatureAlgorithm), doc: 'how it is signed' },
      { path: 'fingerprint', depth: 0, value: hex(sha256(der)), doc: 'SHA-256 of the whole certificate' },
    ],
  };
}

/** Entries of a list that are shown; genuine ones of AMD's have one at most. */
const MAX_SHOWN = 1000;

function crlSection(list: ReadCrl, context: InspectContext, others: readonly ReadCertificate[] = []): Section {
  const { der, issuer, thisUpdate, nextUpdate, revoked, extensions, version } = list;
  return {
    name: 'crl',
    title: `certificate revocation list of ${commonName(issuer)}, ${revoked.length} revoked`,
    size: der.length,
    notes: [...extensionNotes(extensions), ...signerNotes(list, issuer, others), ...(revoked.length > MAX_SHOWN ? [{ kind: 'info' as const, text: `${revoked.length - MAX_SHOWN} more entries are not shown.` }] : [])],
    lines: [
      { path: 'version', depth: 0, value: `${version}`, doc: 'version of the list' },
      nameLine('issuer', issuer, 'who signed it'),
      { path: 'thisUpdate', depth: 0, value: day(thisUpdate), doc: 'made at' },
      { path: 'nextUpdate', depth: 0, value: nextUpdate === undefined ? 'not stated' : day(nextUpdate), doc: 'stale after', ...outside(context, thisUpdate, nextUpdate ?? Number.POSITIVE_INFINITY) },
      ...revoked
        .slice(0, MAX_SHOWN)
        .flatMap(({ serial, revokedAt, extensions: more }, i): InspectLine[] => [
          { path: `revoked.${i}`, depth: 0, value: `0x${hex(serial)}`, doc: `serial number, revoked at ${day(revokedAt)}` },
          ...extensionLines(more, `revoked.${i}.`),
        ]),
      ...extensionLines(extensions),
      { path: 'signatureAlgorithm', depth: 0, value: algorithmText(list.signatureAlgorithm), doc: 'how it is signed' },
      { path: 'fingerprint', depth: 0, value: hex(sha256(der)), doc: 'SHA-256 of the whole list' },
    ],
  };
}

function outside({ at }: InspectContext, from: number, until: number): { broken?: string } {
  if (at === undefined || (at >= from && at < until + 1000)) return {};
  return { broken: at < from ? `not valid yet at ${day(at)}` : `not valid any more at ${day(at)}` };
}

function sha256(src: Uint8Array): Uint8Array {
  return createHash('sha256').update(src).digest();
}

const ATTRIBUTES: Readonly<Record<string, string>> = {
  [OID.commonName]: 'CN',
  [OID.country]: 'C',
  [OID.locality]: 'L',
  [OID.state]: 'ST',
  [OID.organization]: 'O',
  [OID.organizationalUnit]: 'OU',
  [OID.serialNumber]: 'serialNumber',
};

function nameLine(path: string, name: Uint8Array, doc: string): InspectLine {
  const [attributes] = readOrNothing(() => readName(name));
  if (!attributes) return { path, depth: 0, value: hex(name), doc, broken: 'is no name that can be read' };
  return { path, depth: 0, value: attributes.map(([oid, text]) => `${ATTRIBUTES[oid] ?? oid}=${text}`).join(', ') || 'empty', doc };
}

function commonName(name: Uint8Array): string {
  const [attributes = []] = readOrNothing(() => readName(name));
  return attributes.find(([oid]) => oid === OID.commonName)?.[1] ?? 'no common name';
}

function extensionLines(extensions: readonly ReadExtension[], prefix = ''): InspectLine[] {
  return extensions.map(({ oid, critical, value }) => {
    const row = EXTENSIONS[oid];
    const path = `${prefix}${row?.name ?? oid}`;
    const doc = `${row?.doc ?? 'unknown extension'}${critical ? '; critical' : ''}`;
    const [text] = row ? readOrNothing(() => row.text(value)) : [];
    if (row && text === undefined) return { path, depth: 0, value: hex(value), doc, broken: 'is not encoded as it must be' };
    return { path, depth: 0, value: text ?? hex(value), doc };
  });
}

function extensionNotes(extensions: readonly ReadExtension[]): Note[] {
  return extensions.flatMap(({ oid, value }): Note[] => {
    const row = EXTENSIONS[oid];
    const [isTest = false] = row?.isTest ? readOrNothing(() => row.isTest?.(value)) : [];
    if (!isTest) return [];
    const [text = ''] = readOrNothing(() => row?.text(value));
    return [{ kind: 'test', text: oid === OID.netscapeComment ? text : 'The hardware id says that teemu made this certificate: it proves nothing.' }];
  });
}

function keyNotes(spki: Uint8Array): Note[] {
  const vendor = genuineOwner(spki);
  return [
    ...(vendor === undefined ? [] : [{ kind: 'genuine' as const, text: `This is the genuine key of ${vendor}.` }]),
    ...(shipsWithTeemu(spki) ? [{ kind: 'test' as const, text: 'This key ships with teemu, for the worlds of seeds: everybody has its private half.' }] : []),
  ];
}

const SHIPPED = PUBLIC_RSA_KEYS.map((key) => Buffer.from(key, 'base64'));

/** Whether it is one of the published RSA keys. @param spki DER SubjectPublicKeyInfo */
function shipsWithTeemu(spki: Uint8Array): boolean {
  const [rsa] = readOrNothing(() => readRsaKey(spki));
  // The modulus stands in the private key as it does in the public one.
  return rsa !== undefined && rsa.modulus.length >= 256 && SHIPPED.some((key) => key.includes(Buffer.from(rsa.modulus)));
}

/** Says which of the certificates at hand signed this one, or this list; itself comes first. */
function signerNotes(signed: Pick<ReadCertificate, 'tbs' | 'signature' | 'signatureAlgorithm'>, issuer: Uint8Array, candidates: readonly ReadCertificate[]): Note[] {
  const named = candidates.filter(({ subject }) => sameBytes(subject, issuer));
  const signer = named.find(({ spki }) => isSignedBy(signed, spki));
  if (signer)
    return [{ kind: 'info', text: signer === candidates[0] && signed === signer ? 'Signed with its own key.' : `Signed by ${commonName(signer.subject)} (${hex(sha256(signer.der)).slice(0, 16)}…), which is beside it.` }];
  if (named.length === 0 || !isCheckable(signed.signatureAlgorithm)) return [];
  return [{ kind: 'broken', text: `The signature is not that of ${commonName(issuer)}, though a certificate of that name is at hand.` }];
}
