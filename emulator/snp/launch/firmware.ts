/**
 * A synthetic firmware, kernel and RAM disk of our own, so that default evidence comes from a launch that anybody can measure again.
 * The firmware has the footer table and the SEV metadata of a genuine OVMF build, in genuine order and at genuine addresses, and no
 * code but a halt: it says what it is, and it starts nothing.
 */
import { guidBytes } from '../../codec/guid.ts';
import { Layout } from '../../codec/layout.ts';
import { bytes, u32, u64 } from '../../codec/rows.ts';
import { FOOTER_FROM_END, FOUR_GIB, MAX_IMAGE_SIZE, SECTION_TYPES, type SectionType, SEV_METADATA, SEV_SECTION, TABLE_ADDRESS, TABLE_AREA, TABLE_ENTRY, TABLE_GUIDS } from './ovmf.ts';
import { PAGE_SIZE } from './page-info.ts';

const TDX_SOURCE = 'EDK2 OvmfPkg/ResetVector/X64/IntelTdxMetadata.asm';

/** Header of the TDX metadata that every OVMF build for X64 has beside that for SEV. */
export const TDX_METADATA = new Layout('ovmf.tdx-metadata', 16, TDX_SOURCE, {
  signature: bytes(0, 4, "'TDVF'"),
  length: u32(4, 'length of header and sections'),
  version: u32(8, 'version of the format', { initial: 1 }),
  sections: u32(12, 'number of sections that follow'),
});

/** One section of the TDX metadata. */
export const TDX_SECTION = new Layout('ovmf.tdx-metadata.section', 32, TDX_SOURCE, {
  dataOffset: u32(0, 'offset in the image'),
  rawDataSize: u32(4, 'length in the image; 0 where it is memory only'),
  memoryAddress: u64(8, 'guest physical address'),
  memoryDataSize: u64(16, 'length in memory'),
  type: u32(24, 'kind', { names: { 0: 'BFV', 1: 'CFV', 2: 'TD_HOB', 3: 'TempMem' } }),
  attributes: u32(28, 'bit 0: extend MRTD with the contents'),
});

const TDX_METADATA_GUID = 'e9eaf9f3-168e-44d5-a8eb-7f4d8738f6ae';
/** How far from the image's end the metadata end in genuine builds. */
const SEV_METADATA_END = 0x4f0;
const TDX_METADATA_END = 0x900;
/** Where genuine builds send further processors: the SEV-ES work area. */
const RESET_EIP = 0x80_b004;
/** cli; hlt; jump back to the hlt. */
const HALT = [0xfa, 0xf4, 0xeb, 0xfd];
const NOP = 0x90;
const ERASED_FLASH = 0xff;

const BANNER = 'teemu synthetic test firmware. Not OVMF, and no program: it has the tables that a launch measurement reads, and halts at the reset vector.\n';

/** The sections of an OVMF build for direct boot (AmdSev), in its order. */
const SECTIONS: readonly { readonly type: SectionType; readonly gpa: number; readonly size: number }[] = [
  { type: 'secMem', gpa: 0x80_0000, size: 0x9000 },
  { type: 'secMem', gpa: 0x80_a000, size: 0x3000 },
  { type: 'secrets', gpa: 0x80_d000, size: 0x1000 },
  { type: 'cpuid', gpa: 0x80_e000, size: 0x1000 },
  { type: 'svsmCaa', gpa: 0x80_f000, size: 0x1000 },
  { type: 'kernelHashes', gpa: 0x81_0000, size: 0x1000 },
  { type: 'secMem', gpa: 0x81_1000, size: 0xf000 },
];
const SECRET_AREA = { base: 0x81_0000, size: 0xc00 };
const HASH_AREA = { base: 0x81_0c00, size: 0x400 };

/** How to build a synthetic image. */
export interface FirmwareOptions {
  /** Length in bytes, a multiple of 4096 from 4096 to 16 MiB; default 128 KiB. */
  readonly size?: number;
  /** With areas for launch secrets and kernel hashes, as OVMF's AmdSev build; without, as its OvmfX64 build. Default true. */
  readonly kernelHashes?: boolean;
  /** With a calling area for an SVSM, as OVMF since 2024. Default true. */
  readonly svsmCaa?: boolean;
  /** Entry point as an offset into the image: makes it an SVSM image. */
  readonly svsmEntry?: number;
}

/**
 * The synthetic firmware; the same options give the same bytes.
 * @throws {RangeError} for a size that is no multiple of 4096 or out of bounds
 */
export function syntheticFirmware({ size = 128 << 10, kernelHashes = true, svsmCaa = true, svsmEntry }: FirmwareOptions = {}): Uint8Array {
  if (!Number.isInteger(size) || size % PAGE_SIZE !== 0 || size < PAGE_SIZE || size > MAX_IMAGE_SIZE) throw new RangeError(`a firmware image is a multiple of ${PAGE_SIZE} bytes up to ${MAX_IMAGE_SIZE}, not ${size}`);
  const image = new Uint8Array(size).fill(ERASED_FLASH);
  const text = new TextEncoder().encode(BANNER);
  image.set(text);
  image.set(text, size - PAGE_SIZE);
  const sev = sevMetadata(sectionsOf(kernelHashes, svsmCaa));
  image.set(sev, size - SEV_METADATA_END - sev.length);
  const tdx = tdxMetadata(size);
  image.set(tdx, size - TDX_METADATA_END - tdx.length);
  image.set(guidBytes(TDX_METADATA_GUID), size - TDX_METADATA_END - tdx.length - 16);
  const none = { base: 0, size: 0 };
  const table = footerTable([
    ...(svsmEntry === undefined ? [] : [{ guid: TABLE_GUIDS.svsmInfo, data: TABLE_ADDRESS.encode({ value: svsmEntry }) }]),
    { guid: TABLE_GUIDS.tdxMetadata, data: TABLE_ADDRESS.encode({ value: TDX_METADATA_END + tdx.length }) },
    { guid: TABLE_GUIDS.sevMetadata, data: TABLE_ADDRESS.encode({ value: SEV_METADATA_END + sev.length }) },
    { guid: TABLE_GUIDS.hashTable, data: TABLE_AREA.encode(kernelHashes ? HASH_AREA : none) },
    { guid: TABLE_GUIDS.secretBlock, data: TABLE_AREA.encode(kernelHashes ? SECRET_AREA : none) },
    { guid: TABLE_GUIDS.resetBlock, data: TABLE_ADDRESS.encode({ value: RESET_EIP }) },
  ]);
  image.set(table, size - FOOTER_FROM_END - table.length);
  image.set(resetVector(), size - FOOTER_FROM_END);
  return image;
}

/** @param entries in order of address, so that the last is the first that a reader meets @returns the table with its footer */
export function footerTable(entries: readonly { readonly guid: string; readonly data: Uint8Array }[]): Uint8Array {
  const parts = entries.flatMap(({ guid, data }) => [data, TABLE_ENTRY.encode({ length: data.length + TABLE_ENTRY.size, guid: guidBytes(guid) })]);
  const length = parts.reduce((sum, part) => sum + part.length, TABLE_ENTRY.size);
  return concat([...parts, TABLE_ENTRY.encode({ length, guid: guidBytes(TABLE_GUIDS.footer) })]);
}

/** Without kernel hashes, the memory behind them begins one page earlier, so that the areas stay without a gap. */
function sectionsOf(kernelHashes: boolean, svsmCaa: boolean): typeof SECTIONS {
  const kept = SECTIONS.filter(({ type }) => (type !== 'kernelHashes' || kernelHashes) && (type !== 'svsmCaa' || svsmCaa));
  return kept.map((section) => (section.gpa === 0x81_1000 && !kernelHashes ? { ...section, gpa: 0x81_0000, size: 0x1_0000 } : section));
}

function sevMetadata(sections: typeof SECTIONS): Uint8Array {
  const length = SEV_METADATA.size + sections.length * SEV_SECTION.size;
  const header = SEV_METADATA.encode({ signature: new TextEncoder().encode('ASEV'), length, sections: sections.length });
  return concat([header, ...sections.map(({ type, gpa, size }) => SEV_SECTION.encode({ gpa, size, type: SECTION_TYPES[type] }))]);
}

function tdxMetadata(imageSize: number): Uint8Array {
  const memory = (gpa: number, size: number, type: number): Uint8Array => TDX_SECTION.encode({ memoryAddress: BigInt(gpa), memoryDataSize: BigInt(size), type });
  const sections = [
    TDX_SECTION.encode({ rawDataSize: imageSize, memoryAddress: BigInt(FOUR_GIB - imageSize), memoryDataSize: BigInt(imageSize), type: 0, attributes: 1 }),
    memory(0x81_0000, 0x1_0000, 3),
    memory(0x80_b000, 0x2000, 3),
    memory(0x80_9000, 0x2000, 2),
  ];
  const length = TDX_METADATA.size + sections.length * TDX_SECTION.size;
  return concat([TDX_METADATA.encode({ signature: new TextEncoder().encode('TDVF'), length, sections: sections.length }), ...sections]);
}

/** The last 32 bytes: the signature of a VTF0, then code at the address where processors start. */
function resetVector(): Uint8Array {
  const code = Uint8Array.from({ length: 16 }, (_, i) => HALT[i] ?? NOP);
  return concat([new Uint8Array(12), new TextEncoder().encode('VTF\0'), code]);
}

/** A kernel image that is recognised as one by its boot sector and setup header, and that boots nothing. 4096 bytes. */
export function syntheticKernel(): Uint8Array {
  const image = new Uint8Array(PAGE_SIZE);
  image.set(new TextEncoder().encode('teemu synthetic test kernel: it is measured, never run.\n'));
  // Linux x86 boot protocol: boot sector signature, then "HdrS" and protocol version 2.15.
  image.set([0x55, 0xaa], 0x1fe);
  image.set([...new TextEncoder().encode('HdrS'), 0x0f, 0x02], 0x202);
  return image;
}

/** A RAM disk with one text file: an archive in the "newc" form of cpio, 512 bytes. */
export function syntheticInitrd(): Uint8Array {
  const archive = new Uint8Array(512);
  archive.set(concat([cpioEntry(1, 'README', 'teemu synthetic test RAM disk: it is measured, never unpacked.\n'), cpioEntry(0, 'TRAILER!!!', '')]));
  return archive;
}

/** Command line of the synthetic kernel. */
export const SYNTHETIC_APPEND = 'console=ttyS0 teemu.synthetic=1';

/** One member: 13 fields of 8 hexadecimal digits, name, contents, each padded to 4 bytes. Source: cpio(5), "New ASCII Format". */
function cpioEntry(inode: number, name: string, contents: string): Uint8Array {
  const padded = (text: string): string => text.padEnd(Math.ceil(text.length / 4) * 4, '\0');
  const mode = inode === 0 ? 0 : 0o100644;
  const fields = [inode, mode, 0, 0, 1, 0, contents.length, 0, 0, 0, 0, name.length + 1, 0];
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}${name}\0`;
  return new TextEncoder().encode(padded(header) + padded(contents));
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts));
}
