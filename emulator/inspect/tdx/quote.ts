/** Quotes of TDs: every table in them, the certificates, and what of it holds by itself. */
import { createHash } from 'node:crypto';
import { dump } from '../../codec/dump.ts';
import { TeemuError } from '../../errors.ts';
import { readPem } from '../../pki/pem.ts';
import { readCertificate, type ReadCertificate } from '../../pki/read.ts';
import { PLATFORM_MARKER } from '../../tdx/platform/id.ts';
import { chainText, type QeCertification } from '../../tdx/quote/certification.ts';
import { decodeQuote, mapQuote, type QuoteMap, type QuotePart, signedPart, type TdxQuote } from '../../tdx/quote/quote.ts';
import { ENCLAVE_REPORT, QUOTE_HEADER, QUOTE_VERSIONS, TEE_TYPE_TDX } from '../../tdx/quote/tables.ts';
import { derSection } from '../certificates.ts';
import { fromDump, type InspectContext, type InspectLine, type Note, type Recogniser, type Section } from '../inspection.ts';
import { isSignedByKey, isSignedByPoint } from '../keys.ts';
import { debugNote } from './td-report.ts';

export const QUOTE_RECOGNISERS: readonly Recogniser[] = [{ format: 'tdx-quote', title: 'TDX quote', refuse, inspect: quoteSections }];

function refuse(src: Uint8Array): string | undefined {
  if (src.length < QUOTE_HEADER.size) return `is longer than its header of ${QUOTE_HEADER.size} bytes`;
  const { version, teeType } = QUOTE_HEADER.decode(src.subarray(0, QUOTE_HEADER.size), { reserved: 'keep' });
  if (!QUOTE_VERSIONS.some((v) => v === version)) return `begins with a version of ${QUOTE_VERSIONS.join(', ')}, this is ${version}`;
  return teeType === TEE_TYPE_TDX ? undefined : `is about a TD (0x${TEE_TYPE_TDX.toString(16)}), this about 0x${teeType.toString(16)}`;
}

const TITLES: Readonly<Record<string, (quote: TdxQuote) => string>> = {
  header: ({ header }) => `TDX quote, version ${header.version}`,
  descriptor: () => 'what the body is',
  body: ({ bodyType }) => `body: the report of a TD of TDX 1.${bodyType === 2 ? 0 : 5}`,
  signature: () => 'signature by the attestation key',
  certification: () => 'what vouches for the attestation key',
  qe: () => 'report of the quoting enclave, and its signature by the PCK',
  'qe.certification': () => 'what vouches for the PCK',
  ppid: () => 'the platform, from which the PCK certificate can be found',
};

function quoteSections(src: Uint8Array, context: InspectContext): Section[] {
  const quote = decodeQuote(src, { reserved: 'keep' });
  const map = mapQuote(src);
  const chain = certificatesOf(quote);
  const sections = map.parts.map(
    (part): Section => ({
      name: `tdx.quote.${part.name}`,
      title: TITLES[part.name]?.(quote) ?? part.name,
      at: part.at,
      size: part.layout.size,
      notes: notesOf(part.name, src, quote, map, chain),
      lines: [...linesOf(part, src), ...moreLines(part, quote)],
    }),
  );
  return [
    ...sections,
    ...chain.flatMap(({ der }) => {
      const read = derSection(der, context, readable(chain));
      return 'section' in read ? [read.section] : [];
    }),
  ];
}

function linesOf({ layout, at }: QuotePart, src: Uint8Array): InspectLine[] {
  return dump(layout, src.subarray(at, at + layout.size)).map(fromDump);
}

/** What follows a table without a place in it. */
function moreLines({ name, layout }: QuotePart, { certification }: TdxQuote): InspectLine[] {
  if (name !== 'qe' || certification.kind !== 'qe') return [];
  const { qeAuthData } = certification;
  return [
    {
      at: layout.size + 2,
      size: qeAuthData.length,
      path: 'qeAuthData',
      depth: 0,
      value: Buffer.from(qeAuthData).toString('hex').slice(0, 1024),
      doc: `QE authentication data, ${qeAuthData.length} bytes: bound into the report with the attestation key`,
    },
  ];
}

interface Found {
  readonly der: Uint8Array;
  readonly certificate: ReadCertificate | undefined;
}

/** Certificates in the quote, leaf first; what can't be read is kept as bytes. */
function certificatesOf({ certification }: TdxQuote): Found[] {
  const text = chainText(certification);
  if (text === undefined) return [];
  return (attempt(() => readPem(Buffer.from(text, 'latin1'))) ?? []).map(({ der }) => ({ der, certificate: attempt(() => readCertificate(der)) }));
}

const readable = (chain: readonly Found[]): ReadCertificate[] => chain.flatMap(({ certificate }) => certificate ?? []);

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof TeemuError) return undefined;
    throw error;
  }
}

function notesOf(part: string, src: Uint8Array, quote: TdxQuote, map: QuoteMap, chain: readonly Found[]): Note[] {
  switch (part) {
    case 'header':
      return [
        ...(PLATFORM_MARKER.every((b, i) => quote.header.userData[i] === b) ? [{ kind: 'test' as const, text: 'The id of the platform says that teemu made this quote: it proves nothing.' }] : []),
        { kind: 'info', text: `SHA-256 of the signed bytes: ${createHash('sha256').update(signedPart(src)).digest('hex')}` },
        ...(map.trailing.size === 0 ? [] : [{ kind: 'info' as const, text: `${map.trailing.size} bytes follow the quote in its buffer.` }]),
      ];
    case 'body':
      return debugNote(quote.body.tdAttributes.debug);
    case 'signature':
      return [says(isSignedByPoint(signedPart(src), quote.signature, quote.attestationKey), 'The attestation key in the quote made its signature.', 'The signature is not that of the attestation key in the quote.')];
    case 'qe':
      return quote.certification.kind === 'qe' ? qeNotes(quote, quote.certification, chain) : [];
    case 'qe.certification':
      return quote.certification.kind === 'qe' && quote.certification.certification.kind === 'raw' && chain.length === 0 ? [{ kind: 'broken', text: 'There are no certificates in it.' }] : [];
    default:
      return [];
  }
}

function qeNotes({ attestationKey }: TdxQuote, { qeReport, qeReportSignature, qeAuthData }: QeCertification, chain: readonly Found[]): Note[] {
  const bound = createHash('sha256').update(attestationKey).update(qeAuthData).digest();
  const binds = Buffer.compare(bound, qeReport.reportData.subarray(0, bound.length)) === 0;
  const leaf = chain[0]?.certificate;
  return [
    says(binds, 'The report binds the attestation key and the authentication data.', 'The report does not bind the attestation key and the authentication data.'),
    ...(leaf
      ? [says(isSignedByKey(ENCLAVE_REPORT.encode(qeReport), qeReportSignature, leaf.spki), 'The PCK in the quote made the signature of the report.', 'The signature of the report is not that of the PCK in the quote.')]
      : []),
  ];
}

function says(holds: boolean, yes: string, no: string): Note {
  return holds ? { kind: 'info', text: yes } : { kind: 'broken', text: no };
}
