/**
 * What a UEFI firmware image says about itself: the table of GUIDed entries that ends 32 bytes before the image's end, and the SEV
 * metadata that it points to. An image comes from anywhere, so every length in it is checked before use.
 */
import { guidText } from '../../codec/guid.ts';
import { Layout } from '../../codec/layout.ts';
import { bytes, u16, u32 } from '../../codec/rows.ts';
import { CodecError } from '../../errors.ts';
import { PAGE_SIZE } from './page-info.ts';

const TABLE_SOURCE = 'EDK2 OvmfPkg/ResetVector/Ia16/ResetVectorVtf0.asm';
const METADATA_SOURCE = 'EDK2 OvmfPkg/ResetVector/X64/OvmfSevMetadata.asm';

/** Header of one entry of the footer table. It FOLLOWS the entry's data: the table is read from its end. */
export const TABLE_ENTRY = new Layout('ovmf.table.entry', 18, TABLE_SOURCE, {
  length: u16(0, 'length of data and header; in the footer, of the whole table'),
  guid: bytes(2, 16, 'what the entry is, GUID in little-endian form'),
});

/** Data of the entries that hold one address or offset. */
export const TABLE_ADDRESS = new Layout('ovmf.table.address', 4, TABLE_SOURCE, { value: u32(0, 'address, or offset from the end of the image') });

/** Data of the entries that name an area of guest memory. */
export const TABLE_AREA = new Layout('ovmf.table.area', 8, TABLE_SOURCE, { base: u32(0, 'guest physical address; 0 where the build has none'), size: u32(4, 'length in bytes') });

/** Header of the SEV metadata. */
export const SEV_METADATA = new Layout('ovmf.sev-metadata', 16, METADATA_SOURCE, {
  signature: bytes(0, 4, "'ASEV'"),
  length: u32(4, 'length of header and sections'),
  version: u32(8, 'version of the format', { initial: 1 }),
  sections: u32(12, 'number of sections that follow'),
});

/** The sections' type → what the hypervisor has to put there before launch. */
export const SECTION_TYPES = { secMem: 1, secrets: 2, cpuid: 3, svsmCaa: 4, kernelHashes: 0x10 } as const;
/** A section's type: `secMem` memory validated beforehand, `secrets`, `cpuid`, `svsmCaa` calling area of an SVSM, `kernelHashes`. */
export type SectionType = keyof typeof SECTION_TYPES;

/** One section of the SEV metadata. */
export const SEV_SECTION = new Layout('ovmf.sev-metadata.section', 12, METADATA_SOURCE, {
  gpa: u32(0, 'guest physical address'),
  size: u32(4, 'length in bytes'),
  type: u32(8, 'what lies there', { names: Object.fromEntries(Object.entries(SECTION_TYPES).map(([name, value]) => [value, name])) }),
});

/** The GUIDs of the footer table that SEV needs, and the two others that a genuine build has. */
export const TABLE_GUIDS = {
  footer: '96b582de-1fb2-45f7-baea-a366c55a082d',
  resetBlock: '00f771de-1a7e-4fcb-890e-68c77e2fb44e',
  secretBlock: '4c2eb361-7d9b-4cc3-8081-127c90d3d294',
  hashTable: '7255371f-3a3b-4b04-927b-1da6efa8d454',
  sevMetadata: 'dc886566-984a-4798-a75e-5585a7bf67cc',
  tdxMetadata: 'e47a6535-984a-4798-865e-4685a7bf8ec2',
  svsmInfo: 'a789a612-0597-4c4b-a49f-cbb1fe9d1ddd',
} as const;

/** The footer's distance from the image's end: a real-mode reset vector and a signature lie there. */
export const FOOTER_FROM_END = 32;
/** Firmware images end at this address. */
export const FOUR_GIB = 0x1_0000_0000;
/** QEMU maps no larger firmware. */
export const MAX_IMAGE_SIZE = 16 << 20;
/** A genuine build has 6 or 7 sections, covering 124 KiB. */
export const MAX_SECTIONS = 64;
export const MAX_SECTION_BYTES = 64 << 20;

/** An area that the firmware wants prepared. */
export interface OvmfSection {
  readonly type: SectionType;
  /** Guest physical address and length in bytes: multiples of 4096, disjoint from all other sections and from the image. */
  readonly gpa: number;
  readonly size: number;
}

/** What an image says about itself. */
export interface OvmfImage {
  readonly bytes: Uint8Array;
  /** Guest physical address of the first byte. */
  readonly gpa: number;
  /** GUID as text → data of that entry of the footer table. */
  readonly table: ReadonlyMap<string, Uint8Array>;
  /** In the order of the image, which is the order in which they are measured. */
  readonly sections: readonly OvmfSection[];
  /** Where processors other than the first start; undefined where the image does not say. */
  readonly resetEip: number | undefined;
  /** Area for the hashes of kernel, initrd and command line; base 0 means that the build has none. */
  readonly hashTable: { readonly base: number; readonly size: number } | undefined;
  /** Entry point of an SVSM image. */
  readonly svsmEntry: number | undefined;
}

/**
 * Reads an OVMF image, or an SVSM image, which is built alike.
 * @param image a multiple of 4096 bytes, at most 16 MiB
 * @param end guest physical address of the first byte after the image: 4 GiB for firmware
 * @throws {CodecError} for an image that is not well formed; `at` counts from the first byte of the image
 */
export function parseOvmf(image: Uint8Array, end: number = FOUR_GIB): OvmfImage {
  if (image.length === 0 || image.length % PAGE_SIZE !== 0 || image.length > MAX_IMAGE_SIZE || image.length > end) {
    throw new CodecError('ERR_CODEC_LENGTH', 'ovmf', image.length, `an image is a multiple of ${PAGE_SIZE} bytes, at most ${MAX_IMAGE_SIZE}, that fits below 0x${end.toString(16)}; this one is ${image.length}`);
  }
  const gpa = end - image.length;
  const table = readTable(image);
  const entry = (guid: string): Uint8Array | undefined => table.get(guid)?.data;
  const address = (guid: string, name: string): number | undefined => {
    const found = table.get(guid);
    return found && decodeAt(TABLE_ADDRESS, found.data, found.at, `ovmf.table.${name}`).value;
  };
  const area = table.get(TABLE_GUIDS.hashTable);
  const svsmOffset = address(TABLE_GUIDS.svsmInfo, 'svsmInfo');
  if (svsmOffset !== undefined && svsmOffset >= image.length)
    throw new CodecError('ERR_CODEC_RANGE', 'ovmf.table.svsmInfo.value', table.get(TABLE_GUIDS.svsmInfo)?.at ?? 0, `the entry point lies at 0x${svsmOffset.toString(16)}, outside the image`);
  const metadata = table.get(TABLE_GUIDS.sevMetadata);
  return {
    bytes: image,
    gpa,
    table: new Map([...table.keys()].map((guid) => [guid, entry(guid) ?? new Uint8Array(0)])),
    sections: metadata ? readSections(image, gpa, metadata) : [],
    resetEip: address(TABLE_GUIDS.resetBlock, 'resetBlock'),
    hashTable: area && decodeAt(TABLE_AREA, area.data, area.at, 'ovmf.table.hashTable'),
    svsmEntry: svsmOffset === undefined ? undefined : gpa + svsmOffset,
  };
}

interface TableEntry {
  readonly data: Uint8Array;
  /** Offset of the data in the image. */
  readonly at: number;
}

/** Reads the footer table backwards, from the footer to the first entry. Source: EDK2 ResetVectorVtf0.asm, QEMU hw/i386/pc_sysfw_ovmf.c. */
function readTable(image: Uint8Array): Map<string, TableEntry> {
  const footerAt = image.length - FOOTER_FROM_END - TABLE_ENTRY.size;
  const footer = readEntry(image, footerAt);
  if (guidText(footer.guid) !== TABLE_GUIDS.footer)
    throw new CodecError('ERR_CODEC_RANGE', 'ovmf.footer.guid', footerAt + TABLE_ENTRY.rows.guid.at, `is no ${TABLE_GUIDS.footer}: the image has no table of GUIDed entries`);
  const start = footerAt + TABLE_ENTRY.size - footer.length;
  if (footer.length < TABLE_ENTRY.size || start < 0) throw new CodecError('ERR_CODEC_LENGTH', 'ovmf.footer.length', footerAt, `a table of ${footer.length} bytes does not end here`);
  const table = new Map<string, TableEntry>();
  for (let end = footerAt; end > start; ) {
    const headerAt = end - TABLE_ENTRY.size;
    if (headerAt < start) throw new CodecError('ERR_CODEC_LENGTH', 'ovmf.table', start, `${end - start} bytes are left, too few for an entry`);
    const { length, guid } = readEntry(image, headerAt);
    if (length < TABLE_ENTRY.size || end - length < start) throw new CodecError('ERR_CODEC_LENGTH', 'ovmf.table.entry.length', headerAt, `an entry of ${length} bytes does not fit into the ${end - start} that are left`);
    const name = guidText(guid);
    // Readers differ on which of two entries counts, so no image with two may pass.
    if (table.has(name)) throw new CodecError('ERR_CODEC_RANGE', 'ovmf.table.entry.guid', headerAt + TABLE_ENTRY.rows.guid.at, `${name} is there twice`);
    table.set(name, { data: image.slice(end - length, headerAt), at: end - length });
    end -= length;
  }
  return table;
}

const readEntry = (image: Uint8Array, at: number): { length: number; guid: Uint8Array } => decodeAt(TABLE_ENTRY, image.subarray(at, at + TABLE_ENTRY.size), at, 'ovmf.table.entry');

function readSections(image: Uint8Array, gpa: number, entry: TableEntry): OvmfSection[] {
  const fromEnd = decodeAt(TABLE_ADDRESS, entry.data, entry.at, 'ovmf.table.sevMetadata').value;
  const start = image.length - fromEnd;
  if (start < 0 || fromEnd < SEV_METADATA.size)
    throw new CodecError('ERR_CODEC_RANGE', 'ovmf.table.sevMetadata.value', entry.at, `points 0x${fromEnd.toString(16)} bytes before the image's end, where no metadata can lie`);
  const header = SEV_METADATA.decode(image.subarray(start, start + SEV_METADATA.size));
  const at = (field: keyof typeof SEV_METADATA.rows): number => start + SEV_METADATA.rows[field].at;
  if (String.fromCharCode(...header.signature) !== 'ASEV') throw new CodecError('ERR_CODEC_RANGE', 'ovmf.sev-metadata.signature', at('signature'), "must be 'ASEV'");
  if (header.version !== 1) throw new CodecError('ERR_CODEC_RANGE', 'ovmf.sev-metadata.version', at('version'), `must be 1, is ${header.version}`);
  if (header.sections > MAX_SECTIONS) throw new CodecError('ERR_CODEC_RANGE', 'ovmf.sev-metadata.sections', at('sections'), `must be at most ${MAX_SECTIONS}, is ${header.sections}`);
  const length = SEV_METADATA.size + header.sections * SEV_SECTION.size;
  if (header.length !== length || start + length > image.length)
    throw new CodecError(
      'ERR_CODEC_LENGTH',
      'ovmf.sev-metadata.length',
      at('length'),
      `${header.sections} sections take ${length} bytes, but the metadata is said to be ${header.length} and the image has ${image.length - start} there`,
    );
  const sections: OvmfSection[] = [];
  for (let i = 0; i < header.sections; i++) {
    const sectionAt = start + SEV_METADATA.size + i * SEV_SECTION.size;
    sections.push(readSection(image.subarray(sectionAt, sectionAt + SEV_SECTION.size), sectionAt, `ovmf.sev-metadata.section.${i}`));
    checkPlace(sections, gpa, image.length, sectionAt, `ovmf.sev-metadata.section.${i}`);
  }
  return sections;
}

function readSection(src: Uint8Array, at: number, path: string): OvmfSection {
  const { gpa, size, type } = SEV_SECTION.decode(src);
  const name = (Object.keys(SECTION_TYPES) as SectionType[]).find((key) => SECTION_TYPES[key] === type);
  if (!name) throw new CodecError('ERR_CODEC_RANGE', `${path}.type`, at + SEV_SECTION.rows.type.at, `is no known type: 0x${type.toString(16)}`);
  if (gpa % PAGE_SIZE !== 0) throw new CodecError('ERR_CODEC_RANGE', `${path}.gpa`, at + SEV_SECTION.rows.gpa.at, `must be a multiple of ${PAGE_SIZE}, is 0x${gpa.toString(16)}`);
  // The firmware fills one page with secrets, and the hypervisor one with CPUID values or hashes: more has no meaning.
  const onePage = name === 'secrets' || name === 'cpuid' || name === 'kernelHashes';
  if (size === 0 || size % PAGE_SIZE !== 0 || (onePage && size !== PAGE_SIZE)) {
    throw new CodecError('ERR_CODEC_RANGE', `${path}.size`, at + SEV_SECTION.rows.size.at, `must be ${onePage ? PAGE_SIZE : `a multiple of ${PAGE_SIZE}, not 0`}, is 0x${size.toString(16)}`);
  }
  return { type: name, gpa, size };
}

/** A page can be launched once: the firmware refuses one that the guest already has. */
function checkPlace(sections: readonly OvmfSection[], imageGpa: number, imageSize: number, at: number, path: string): void {
  const last = sections.at(-1);
  if (!last) return;
  const taken = [...sections.slice(0, -1), { gpa: imageGpa, size: imageSize }];
  if (last.gpa + last.size > FOUR_GIB || taken.some((other) => last.gpa < other.gpa + other.size && other.gpa < last.gpa + last.size)) {
    throw new CodecError(
      'ERR_CODEC_RANGE',
      `${path}.gpa`,
      at + SEV_SECTION.rows.gpa.at,
      `0x${last.gpa.toString(16)} to 0x${(last.gpa + last.size).toString(16)} overlaps another section or the image, or ends beyond 4 GiB`,
    );
  }
  const total = sections.reduce((sum, { size }) => sum + size, 0);
  if (total > MAX_SECTION_BYTES) throw new CodecError('ERR_CODEC_RANGE', `${path}.size`, at + SEV_SECTION.rows.size.at, `all sections together must be at most ${MAX_SECTION_BYTES} bytes, are ${total}`);
}

/** Decodes a structure that lies at `at` of the image, so that errors name the place in the image and the field it stands for. */
function decodeAt<T>(layout: { readonly size: number; decode(src: Uint8Array): T }, src: Uint8Array, at: number, path: string): T {
  if (src.length !== layout.size) throw new CodecError(src.length < layout.size ? 'ERR_CODEC_TRUNCATED' : 'ERR_CODEC_LENGTH', path, at, `must be ${layout.size} bytes, is ${src.length}`);
  return layout.decode(src);
}
