/**
 * A synthetic firmware for TDs: the metadata by which a VMM starts a TD, an empty store of variables, and no code but a halt. It says what it
 * is, and it starts nothing.
 */
import { guidBytes } from '../../codec/guid.ts';
import { Layout } from '../../codec/layout.ts';
import { bytes, reserved, u8, u16, u32, u64 } from '../../codec/rows.ts';
import { footerTable, TDX_METADATA, TDX_SECTION } from '../../snp/launch/firmware.ts';
import { FOOTER_FROM_END, FOUR_GIB, TABLE_ADDRESS, TABLE_GUIDS } from '../../snp/launch/ovmf.ts';
import { TDVF_SECTION_TYPES } from '../module/tdvf.ts';

const PI = 'UEFI Platform Initialization 1.8, volume 3';

/** Head of a firmware volume, with a map of one kind of block. */
export const FIRMWARE_VOLUME = new Layout('pi.firmware-volume', 72, `${PI}, EFI_FIRMWARE_VOLUME_HEADER`, {
  zeroVector: reserved(0, 16),
  fileSystem: bytes(16, 16, 'what is in it: a GUID'),
  length: u64(32, 'length of the volume'),
  signature: bytes(40, 4, "'_FVH'"),
  attributes: u32(44, 'attributes', { initial: 0x0004_feff }),
  headerLength: u16(48, 'length of this head', { initial: 72 }),
  checksum: u16(50, 'makes the sum of all 16-bit words of the head 0'),
  extendedHeader: u16(52, 'offset of another head: 0 for none'),
  reserved54: reserved(54, 1),
  revision: u8(55, 'revision', { initial: 2 }),
  blocks: u32(56, 'number of blocks'),
  blockSize: u32(60, 'length of a block', { initial: 4096 }),
  mapEnd: reserved(64, 8),
});

/** Head of a store of variables, behind that of its volume. */
export const VARIABLE_STORE = new Layout('edk2.variable-store', 28, 'EDK2 MdeModulePkg/Include/Guid/VariableFormat.h', {
  signature: bytes(0, 16, 'form of the store: a GUID'),
  size: u32(16, 'length of the store'),
  format: u8(20, 'formatted', { initial: 0x5a }),
  state: u8(21, 'healthy', { initial: 0xfe }),
  reserved22: reserved(22, 6),
});

/** Lengths of an OVMF build of 1 or 2 MiB: its variables, and of these the store itself. */
const VARIABLES_SIZE = 0x2_0000;
const STORE_END = 0xe000;
const CODE_SIZE = 0x2_0000;
const METADATA_END = 0x900;
const METADATA_GUID = 'e9eaf9f3-168e-44d5-a8eb-7f4d8738f6ae';
const NV_DATA_VOLUME = 'fff12b8d-7696-4c8b-a985-2747075b4f50';
const AUTHENTICATED_STORE = 'aaf32c78-947b-439a-a180-2e144ec37792';
/** What OVMF calls the volume of its variables when it measures it. */
export const VARIABLES_NAME = 'Fv(XXXXXXXX-XXXX-XXXX-XXXX-XXXXXXXXXXXX)';
/** cli; hlt; jump back to the hlt. */
const HALT = [0xfa, 0xf4, 0xeb, 0xfd];
const ERASED = 0xff;
const BANNER = 'teemu synthetic test firmware for TDs. Not OVMF, and no program: it has the metadata that a launch measurement reads, and halts at the reset vector.\n';

const ascii = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));

/** The synthetic firmware: variables, then code, 256 KiB. Always the same bytes. */
export function syntheticTdvf(): Uint8Array {
  const size = VARIABLES_SIZE + CODE_SIZE;
  const image = new Uint8Array(size).fill(ERASED);
  image.set(variables());
  image.set(ascii(BANNER), VARIABLES_SIZE);
  const base = BigInt(FOUR_GIB - size);
  const memory = (type: keyof typeof TDVF_SECTION_TYPES, gpa: number, length: number): Uint8Array => TDX_SECTION.encode({ memoryAddress: BigInt(gpa), memoryDataSize: BigInt(length), type: TDVF_SECTION_TYPES[type] });
  const sections = [
    TDX_SECTION.encode({ dataOffset: VARIABLES_SIZE, rawDataSize: CODE_SIZE, memoryAddress: base + BigInt(VARIABLES_SIZE), memoryDataSize: BigInt(CODE_SIZE), type: TDVF_SECTION_TYPES.bfv, attributes: 1 }),
    // Variables are measured by the firmware, into RTMR0.
    TDX_SECTION.encode({ dataOffset: 0, rawDataSize: VARIABLES_SIZE, memoryAddress: base, memoryDataSize: BigInt(VARIABLES_SIZE), type: TDVF_SECTION_TYPES.cfv }),
    memory('tempMem', 0x81_0000, 0x1_0000),
    memory('tempMem', 0x80_b000, 0x2000),
    memory('tdHob', 0x80_9000, 0x2000),
  ];
  const length = TDX_METADATA.size + sections.length * TDX_SECTION.size;
  const metadata = Buffer.concat([guidBytes(METADATA_GUID), TDX_METADATA.encode({ signature: ascii('TDVF'), length, sections: sections.length }), ...sections]);
  image.set(metadata, size - METADATA_END - metadata.length);
  const table = footerTable([{ guid: TABLE_GUIDS.tdxMetadata, data: TABLE_ADDRESS.encode({ value: METADATA_END + length }) }]);
  image.set(table, size - FOOTER_FROM_END - table.length);
  // A VTF0's signature, then code at the address where processors start.
  image.set([...new Uint8Array(12), ...ascii('VTF\0'), ...HALT, ...new Uint8Array(12).fill(0x90)], size - FOOTER_FROM_END);
  return image;
}

/** An empty store of variables in its volume. */
function variables(): Uint8Array {
  const volume = new Uint8Array(VARIABLES_SIZE).fill(ERASED);
  const values = { fileSystem: guidBytes(NV_DATA_VOLUME), length: BigInt(VARIABLES_SIZE), signature: ascii('_FVH'), blocks: VARIABLES_SIZE / 4096 };
  const head = FIRMWARE_VOLUME.encode(values);
  const view = new DataView(head.buffer);
  let sum = 0;
  for (let at = 0; at < head.length; at += 2) sum += view.getUint16(at, true);
  volume.set(FIRMWARE_VOLUME.encode({ ...values, checksum: -sum & 0xffff }));
  volume.set(VARIABLE_STORE.encode({ signature: guidBytes(AUTHENTICATED_STORE), size: STORE_END - head.length }), head.length);
  return volume;
}
