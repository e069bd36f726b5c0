/** The certificate table that a host hands to its guest with an extended report: GUIDs, offsets and lengths, then the contents. */
import { type GuidOrder, guidBytes, guidText } from '../codec/guid.ts';
import { Layout } from '../codec/layout.ts';
import { bytes, u32 } from '../codec/rows.ts';
import { CodecError, ConfigError } from '../errors.ts';

const SOURCE = 'AMD 56421 SEV-ES GHCB Specification, SNP Extended Guest Request';

/** One entry; an entry of zeros ends the list. */
export const CERTIFICATE_TABLE_ENTRY = new Layout('snp.certificate-table.entry', 24, SOURCE, {
  guid: bytes(0x00, 16, 'what the entry holds'),
  offset: u32(0x10, "where its contents begin, from the table's start"),
  length: u32(0x14, 'length of its contents'),
});

/** GUIDs of what a table can hold. The intermediate has one GUID, be it the ASK of a VCEK or the ASVK of a VLEK. */
export const CERTIFICATE_GUIDS = {
  VCEK: '63da758d-e664-4564-adc5-f4b93be8accd',
  VLEK: 'a8074bc2-a25a-483e-aae6-39c045a0b8a1',
  ASK: '4ab7b379-bbac-4fe4-a02f-05aef327c782',
  ARK: 'c0b406a4-a803-4952-9743-3fb6014cd0ae',
  CRL: '92f81bc3-5811-4d3d-97ff-d19f88dc67ea',
  /** Google's own: what CPUID Fn0000_0001_EAX says, see {@link googlePlatformInfo}. */
  GOOGLE_PLATFORM_INFO: 'ecae0c0f-9502-43b1-afa2-0ae2e0d565b6',
} as const;
export type CertificateKind = keyof typeof CERTIFICATE_GUIDS;

/** One thing in a table: of a known kind, or under a GUID of somebody's own. Certificates and lists are DER. */
export type CertificateTableEntry = { readonly kind: CertificateKind; readonly contents: Uint8Array } | { readonly kind: 'other'; readonly guid: string; readonly contents: Uint8Array };

/** No genuine table comes near these; they bound what a hostile one can cost. */
export const MAX_TABLE_SIZE = 1 << 20;
const MAX_ENTRIES = 64;

const KINDS: ReadonlyMap<string, CertificateKind> = new Map((Object.keys(CERTIFICATE_GUIDS) as CertificateKind[]).map((kind) => [CERTIFICATE_GUIDS[kind], kind]));

/**
 * Writes a table: every entry in the order given, contents one behind the other without gaps.
 * @param guidOrder as text is AMD's own tools' order, and that of every open verifier but a few; little-endian is that of Microsoft's structure
 * @throws {ConfigError} for a GUID that is none, or a table larger than 1 MiB or of more than 64 entries
 */
export function encodeCertificateTable(entries: readonly CertificateTableEntry[], { guidOrder = 'textual' }: { guidOrder?: GuidOrder } = {}): Uint8Array {
  if (entries.length > MAX_ENTRIES) throw new ConfigError('certificates', `a table holds up to ${MAX_ENTRIES} entries, not ${entries.length}`);
  const rowSize = CERTIFICATE_TABLE_ENTRY.size;
  const start = (entries.length + 1) * rowSize;
  const size = entries.reduce((sum, { contents }) => sum + contents.length, start);
  if (size > MAX_TABLE_SIZE) throw new ConfigError('certificates', `a table is up to ${MAX_TABLE_SIZE} bytes, not ${size}`);
  const table = new Uint8Array(size);
  let offset = start;
  entries.forEach((entry, i) => {
    const guid = guidBytes(entry.kind === 'other' ? entry.guid : CERTIFICATE_GUIDS[entry.kind], guidOrder);
    table.set(CERTIFICATE_TABLE_ENTRY.encode({ guid, offset, length: entry.contents.length }), i * rowSize);
    table.set(entry.contents, offset);
    offset += entry.contents.length;
  });
  return table;
}

/**
 * Reads a table; what follows the contents, as padding to whole pages does, is ignored.
 * @returns the entries in their order, contents copied
 * @throws {CodecError} ERR_CODEC_TRUNCATED without an end of the list, ERR_CODEC_LENGTH for contents outside the table or over the list, ERR_CODEC_RANGE beyond the bounds
 */
export function decodeCertificateTable(src: Uint8Array, { guidOrder = 'textual' }: { guidOrder?: GuidOrder } = {}): CertificateTableEntry[] {
  if (src.length > MAX_TABLE_SIZE) throw new CodecError('ERR_CODEC_RANGE', 'snp.certificate-table', 0, `a table is up to ${MAX_TABLE_SIZE} bytes, not ${src.length}`);
  const rows = readRows(src);
  const start = (rows.length + 1) * CERTIFICATE_TABLE_ENTRY.size;
  let total = start;
  return rows.map(({ guid, offset, length }, i) => {
    const path = `snp.certificate-table.${i}`;
    const at = i * CERTIFICATE_TABLE_ENTRY.size;
    if (offset < start || offset + length > src.length)
      throw new CodecError(
        'ERR_CODEC_LENGTH',
        `${path}.offset`,
        at,
        `${length} bytes at 0x${offset.toString(16)} do not lie between the list's end at 0x${start.toString(16)} and the table's at 0x${src.length.toString(16)}`,
      );
    total += length;
    // Entries that share bytes would make a small table cost a lot.
    if (total > src.length) throw new CodecError('ERR_CODEC_LENGTH', `${path}.length`, at, 'the entries hold more bytes than the table has');
    const text = guidText(guid, guidOrder);
    const kind = KINDS.get(text);
    const contents = src.slice(offset, offset + length);
    return kind ? { kind, contents } : { kind: 'other', guid: text, contents };
  });
}

/**
 * How long a table is without what follows it: to the end of its list or of its last contents.
 * @param src a table, padded perhaps; without any byte, 0
 * @throws {CodecError} as {@link decodeCertificateTable} for a list that does not end
 */
export function certificateTableSize(src: Uint8Array): number {
  if (src.length === 0) return 0;
  const rows = readRows(src);
  return rows.reduce((end, { offset, length }) => Math.max(end, offset + length), (rows.length + 1) * CERTIFICATE_TABLE_ENTRY.size);
}

function readRows(src: Uint8Array): { guid: Uint8Array; offset: number; length: number }[] {
  const rows: { guid: Uint8Array; offset: number; length: number }[] = [];
  for (let at = 0; ; at += CERTIFICATE_TABLE_ENTRY.size) {
    const raw = src.subarray(at, at + CERTIFICATE_TABLE_ENTRY.size);
    if (raw.length < CERTIFICATE_TABLE_ENTRY.size) throw new CodecError('ERR_CODEC_TRUNCATED', `snp.certificate-table.${rows.length}`, at, 'the table ends before its list of entries does');
    const row = CERTIFICATE_TABLE_ENTRY.decode(raw);
    if (raw.every((byte) => byte === 0)) return rows;
    if (rows.length === MAX_ENTRIES) throw new CodecError('ERR_CODEC_RANGE', `snp.certificate-table.${rows.length}`, at, `a table holds up to ${MAX_ENTRIES} entries`);
    rows.push(row);
  }
}

const GOOGLE_PLATFORM_INFO = new Layout('snp.google-platform-info', 8, 'google/go-sev-guest, abi, ExtraPlatformInfo', {
  size: u32(0, 'length of this structure', { initial: 8 }),
  cpuid1Eax: u32(4, 'CPUID Fn0000_0001_EAX of the host'),
});

/** Contents of Google's entry. @param cpuid1Eax 32 bits @returns 8 bytes */
export function googlePlatformInfo(cpuid1Eax: number): Uint8Array {
  return GOOGLE_PLATFORM_INFO.encode({ cpuid1Eax });
}
