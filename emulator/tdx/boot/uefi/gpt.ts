/** A table of partitions as firmware measures it: its header and the entries in use. Source: UEFI 2.10, 5.3; TCG PC Client Platform Firmware Profile 1.06, UEFI_GPT_DATA. */
import { Layout } from '../../../codec/layout.ts';
import { bytes, reserved, u32, u64, type ValueOf } from '../../../codec/rows.ts';
import { guidBytes } from '../../../codec/guid.ts';
import { utf16 } from './variables.ts';

/** The table's header. */
export const GPT_HEADER = new Layout('uefi.gpt-header', 92, 'UEFI 2.10, 5.3.2', {
  signature: bytes(0, 8, "'EFI PART'"),
  revision: u32(8, 'revision', { initial: 0x0001_0000 }),
  headerSize: u32(12, 'length of this header', { initial: 92 }),
  headerCrc: u32(16, 'CRC-32 of the header'),
  reserved20: reserved(20, 4),
  headerBlock: u64(24, 'where this header lies'),
  backupBlock: u64(32, 'where its copy lies'),
  firstBlock: u64(40, 'first block of partitions'),
  lastBlock: u64(48, 'last block of partitions'),
  disk: bytes(56, 16, 'GUID of the disk'),
  entriesBlock: u64(72, 'where the entries begin'),
  entries: u32(80, 'number of entries'),
  entrySize: u32(84, 'length of an entry'),
  entriesCrc: u32(88, 'CRC-32 of the entries'),
});

/** One entry. */
export const GPT_ENTRY = new Layout('uefi.gpt-entry', 128, 'UEFI 2.10, 5.3.3', {
  type: bytes(0, 16, 'kind of partition: a GUID'),
  unique: bytes(16, 16, 'GUID of the partition'),
  firstBlock: u64(32, 'first block'),
  lastBlock: u64(40, 'last block'),
  attributes: u64(48, 'attributes'),
  name: bytes(56, 72, 'name in UTF-16'),
});

/** One partition. */
export interface Partition {
  readonly type: string;
  readonly unique: string;
  readonly firstBlock: bigint;
  readonly lastBlock: bigint;
  readonly name: string;
}

/** Entries that a table has room for. */
const ENTRIES = 128;

/** CRC-32 of IEEE 802.3. */
function crc32(src: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of src) {
    crc ^= byte;
    for (let i = 0; i < 8; i++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb8_8320 : 0);
  }
  return (crc ^ 0xffff_ffff) >>> 0;
}

/** The data of the event: header, number of partitions, partitions. @param blocks length of the disk in blocks of 512 bytes */
export function gptEventData(disk: string, blocks: bigint, partitions: readonly Partition[]): Uint8Array {
  const entries = partitions.map(({ type, unique, name, ...range }) => {
    const padded = new Uint8Array(72);
    padded.set(utf16(name));
    return GPT_ENTRY.encode({ ...range, type: guidBytes(type), unique: guidBytes(unique), name: padded });
  });
  const table = Buffer.concat([...entries, new Uint8Array((ENTRIES - entries.length) * GPT_ENTRY.size)]);
  const header: Partial<ValueOf<typeof GPT_HEADER.rows>> = {
    signature: Uint8Array.from(Buffer.from('EFI PART')),
    headerBlock: 1n,
    backupBlock: blocks - 1n,
    firstBlock: 34n,
    lastBlock: blocks - 34n,
    disk: guidBytes(disk),
    entriesBlock: 2n,
    entries: ENTRIES,
    entrySize: GPT_ENTRY.size,
    entriesCrc: crc32(table),
  };
  const count = new Uint8Array(8);
  count[0] = partitions.length;
  return new Uint8Array(Buffer.concat([GPT_HEADER.encode({ ...header, headerCrc: crc32(GPT_HEADER.encode(header)) }), count, ...entries]));
}
