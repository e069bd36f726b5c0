/**
 * The three files in which QEMU hands ACPI tables to firmware, which measures each: the tables, the pointer to them, and the commands that
 * put them into memory. Source: QEMU docs/specs/acpi_hw_reduced and hw/acpi/bios-linker-loader.c.
 */
import { Layout } from '../../../codec/layout.ts';
import { bytes, reserved, struct, u8, u32 } from '../../../codec/rows.ts';
import { ACPI_HEADER, withAcpiChecksum } from '../log/ccel-table.ts';

/** RSDP of ACPI 1.0. */
export const RSDP = new Layout('acpi.rsdp', 20, 'ACPI 6.5, 5.2.5.3', {
  signature: bytes(0, 8, "'RSD PTR '"),
  checksum: u8(8, 'makes the sum of all bytes 0 modulo 256'),
  oemId: bytes(9, 6, 'who made it'),
  revision: u8(15, 'revision'),
  rsdtAddress: u32(16, 'address of the RSDT'),
});

/** The RSDT, with one entry. */
const RSDT = new Layout('acpi.rsdt', 40, 'ACPI 6.5, 5.2.7', { header: struct(0, ACPI_HEADER, 'head, with the signature RSDT'), entry: u32(36, 'address of a table') });

/** One command of the loader. */
export const LOADER_COMMAND = new Layout('qemu.table-loader-command', 128, 'QEMU hw/acpi/bios-linker-loader.c', {
  command: u32(0, 'what to do', { names: { 1: 'allocate', 2: 'add pointer', 3: 'add checksum' } }),
  file: bytes(4, 56, 'name of the file, zero-padded'),
  parameters: bytes(60, 20, 'what the command needs'),
  reserved80: reserved(80, 48),
});

const ascii = (text: string, size: number): Uint8Array => Uint8Array.from(Buffer.from(text.padEnd(size, '\0'), 'latin1'));
const TABLES = 'etc/acpi/tables';
const POINTER = 'etc/acpi/rsdp';
const QEMU_HEADER = { oemId: ascii('BOCHS ', 6), oemTableId: ascii('BXPC    ', 8), oemRevision: 1, creatorId: ascii('BXPC', 4), creatorRevision: 1, checksum: 0 } as const;
/** Parameters of the commands: alignment and zone; the file pointed to, offset and width; offset of the result, begin and length. */
const words = (...values: readonly number[]): Uint8Array => {
  const view = new DataView(new ArrayBuffer(20));
  values.forEach((value, i) => {
    view.setUint32(i * 4, value, true);
  });
  return new Uint8Array(view.buffer);
};

/** The three files, in the order in which OVMF measures them. */
export interface AcpiFiles {
  readonly loader: Uint8Array;
  readonly pointer: Uint8Array;
  readonly tables: Uint8Array;
}

/** Tables of our own: a description of a machine with nothing but a remark in it. */
export function syntheticAcpi(): AcpiFiles {
  const remark = Buffer.from('teemu synthetic ACPI tables: measured, never run.\0', 'latin1');
  const dsdt = withAcpiChecksum(new Uint8Array(Buffer.concat([ACPI_HEADER.encode({ ...QEMU_HEADER, signature: ascii('DSDT', 4), length: ACPI_HEADER.size + remark.length }), remark])));
  const rsdt = withAcpiChecksum(RSDT.encode({ header: { ...QEMU_HEADER, signature: ascii('RSDT', 4), length: RSDT.size, revision: 1 } }));
  const command = (code: number, file: string, parameters: Uint8Array): Uint8Array => LOADER_COMMAND.encode({ command: code, file: ascii(file, 56), parameters });
  return {
    loader: new Uint8Array(
      Buffer.concat([
        command(1, POINTER, words(16, 2)),
        command(1, TABLES, words(64, 1)),
        command(3, TABLES, words(9, 0, dsdt.length)),
        command(3, TABLES, words(dsdt.length + 9, dsdt.length, RSDT.size)),
        command(3, POINTER, words(8, 0, RSDP.size)),
      ]),
    ),
    pointer: RSDP.encode({ signature: ascii('RSD PTR ', 8), oemId: QEMU_HEADER.oemId, rsdtAddress: dsdt.length }),
    tables: new Uint8Array(Buffer.concat([dsdt, rsdt])),
  };
}
