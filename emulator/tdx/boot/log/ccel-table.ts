/** CCEL: the ACPI table that tells a guest where its event log lies, and for which kind of confidential computing it is. */
import { Layout } from '../../../codec/layout.ts';
import { bytes, reserved, struct, u8, u32, u64, type ValueOf } from '../../../codec/rows.ts';
import { CodecError } from '../../../errors.ts';

const ACPI = 'ACPI 6.5';

/** The head of every ACPI table. */
export const ACPI_HEADER = new Layout('acpi.header', 36, `${ACPI}, 5.2.6 System Description Table Header`, {
  signature: bytes(0, 4, 'which table it is, in ASCII'),
  length: u32(4, 'length of the whole table'),
  revision: u8(8, 'revision of the table', { initial: 1 }),
  checksum: u8(9, 'makes the sum of all bytes 0 modulo 256'),
  oemId: bytes(10, 6, 'who made it, in ASCII'),
  oemTableId: bytes(16, 8, "the maker's name of the table, in ASCII"),
  oemRevision: u32(24, "the maker's revision"),
  creatorId: bytes(28, 4, 'what compiled it'),
  creatorRevision: u32(32, 'revision of what compiled it'),
});

/** Kinds of confidential computing, as CCEL names them. */
export const CC_TYPES = { sev: 1, tdx: 2 } as const;

/** The table. */
export const CCEL_TABLE = new Layout('acpi.ccel', 56, `${ACPI}, CC Event Log ACPI Table`, {
  header: struct(0, ACPI_HEADER, 'head, with the signature CCEL'),
  ccType: u8(36, 'kind of confidential computing', { initial: CC_TYPES.tdx, names: { [CC_TYPES.sev]: 'SEV', [CC_TYPES.tdx]: 'TDX' } }),
  ccSubtype: u8(37, 'kind within that'),
  reserved38: reserved(38, 2),
  logAreaMinimumLength: u64(40, 'LAML: length of the area of the log, including the fill behind the last event'),
  logAreaStartAddress: u64(48, 'LASA: guest physical address of the log'),
});

export type CcelTable = ValueOf<typeof CCEL_TABLE.rows>;

const ascii = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));
const SIGNATURE = 'CCEL';
const CHECKSUM_AT = ACPI_HEADER.locate('checksum').at;

/** An ACPI table with its checksum put in. @param table head and contents */
export function withAcpiChecksum(table: Uint8Array): Uint8Array {
  const summed = table.slice();
  summed[CHECKSUM_AT] = 0;
  summed[CHECKSUM_AT] = (256 - sumOf(summed)) & 0xff;
  return summed;
}

function sumOf(table: Uint8Array): number {
  return table.reduce((sum, byte) => (sum + byte) & 0xff, 0);
}

/** The head of OVMF's CCEL tables. */
export const OVMF_HEADER = { oemId: ascii('INTEL '), oemTableId: ascii('EDK2    '), oemRevision: 2, creatorId: ascii('    '), creatorRevision: 0x0100_0013 } as const;

/** The table of a log area, as OVMF writes it. @param length of the area in bytes @param address guest physical @returns 56 bytes */
export function ccelTable(length: number, address: bigint): Uint8Array {
  const header = { ...OVMF_HEADER, signature: ascii(SIGNATURE), length: CCEL_TABLE.size, revision: 1, checksum: 0 };
  return withAcpiChecksum(CCEL_TABLE.encode({ header, logAreaMinimumLength: BigInt(length), logAreaStartAddress: address }));
}

/**
 * @param src exactly 56 bytes
 * @throws {CodecError} ERR_CODEC_RANGE for another table, another stated length, or a checksum that is wrong
 */
export function decodeCcelTable(src: Uint8Array): CcelTable {
  const table = CCEL_TABLE.decode(src);
  const refuse = (field: string, rule: string): CodecError => new CodecError('ERR_CODEC_RANGE', `${CCEL_TABLE.name}.${field}`, CCEL_TABLE.locate(field).at, rule);
  if (Buffer.from(table.header.signature).toString('latin1') !== SIGNATURE) throw refuse('header.signature', `must be ${SIGNATURE}`);
  if (table.header.length !== CCEL_TABLE.size) throw refuse('header.length', `must be ${CCEL_TABLE.size}, is ${table.header.length}`);
  if (sumOf(src) !== 0) throw refuse('header.checksum', `the bytes add up to ${sumOf(src)} modulo 256, not 0`);
  return table;
}
