/**
 * The opaque data of a report: fields of type, size and contents, one after the other. One row says everything about one field.
 *
 * Source: NVIDIA's public verifiers (nvtrust, attestation-sdk) for the numbers and names; genuine reports for order, sizes and contents.
 */
import { Layout } from '../../codec/layout.ts';
import { u16 } from '../../codec/rows.ts';
import type { ByteReader } from '../../codec/stream.ts';
import { CodecError } from '../../errors.ts';

/** What stands before every field. */
export const OPAQUE_HEAD = new Layout('h100.opaque', 4, 'NVIDIA nvtrust, opaque data of the measurement response', {
  type: u16(0, 'which field it is'),
  size: u16(2, 'bytes of contents that follow'),
});

/** How the contents of a field are read: text ends with zero bytes; a version is two little-endian integers, or text on a switch. */
export type OpaqueKind = 'text' | 'version' | 'number' | 'numbers' | 'ids' | 'status' | 'bytes';

/** One kind of field. */
export interface OpaqueRow {
  readonly type: number;
  /** As NVIDIA's verifiers name it, without its prefix. */
  readonly name: string;
  readonly kind: OpaqueKind;
  /** Least and greatest length of its contents in bytes. */
  readonly least: number;
  readonly most: number;
  readonly doc: string;
  /** Set where no genuine report at hand has the field: its length is then not known. */
  readonly unseen?: true;
}

const row = (type: number, name: string, kind: OpaqueKind, [least, most]: readonly [number, number], doc: string): OpaqueRow => ({ type, name, kind, least, most, doc });
const exactly = (size: number): readonly [number, number] => [size, size];
const unseen = (type: number, name: string, doc: string): OpaqueRow => ({ type, name, kind: 'bytes', least: 0, most: 0xffff, doc, unseen: true });

/** Length of a device's id, and of a digest of firmware. */
export const PDI_SIZE = 8;
export const FWID_SIZE = 48;
/** Values of NVDEC0_STATUS and PROTECTED_PCIE_STATUS. */
export const STATUS = { on: 0xaa, off: 0x55 } as const;
/** Values of FEATURE_FLAG: one GPU alone, several GPUs of one machine, several with protected PCIe. */
export const FEATURE_FLAG = { spt: 0, mpt: 1, ppcie: 2 } as const;

/** Every kind of field there is, by number. */
export const OPAQUE_ROWS = [
  unseen(1, 'CERT_ISSUER_NAME', 'issuer of the certificate'),
  unseen(2, 'CERT_AUTHORITY_KEY_IDENTIFIER', 'key of the issuer of the certificate'),
  row(3, 'DRIVER_VERSION', 'text', [2, 64], 'version of the driver: 550.90.07'),
  row(4, 'GPU_INFO', 'number', exactly(8), 'chip: 0x180 GH100, 0x1a0 GB100'),
  unseen(5, 'SKU', 'stock-keeping unit'),
  row(6, 'VBIOS_VERSION', 'version', [8, 14], 'version of the firmware in flash: 96.00.9F.00.01'),
  unseen(7, 'MANUFACTURER_ID', 'manufacturer'),
  unseen(8, 'TAMPER_DETECTION', 'tamper detection'),
  unseen(9, 'SMC', 'SMC'),
  unseen(10, 'VPR', 'video protected region'),
  row(11, 'NVDEC0_STATUS', 'status', exactly(1), 'video decoder: 0xaa on, 0x55 off; measurement 35 counts only where it is on'),
  row(12, 'MSRSCNT', 'numbers', [104, 256], 'how often each measurement was extended'),
  row(13, 'CPRINFO', 'number', exactly(4), 'compute protected region'),
  row(14, 'BOARD_ID', 'number', exactly(4), 'kind of board'),
  row(15, 'CHIP_SKU', 'text', [4, 9], 'variant of the chip: 882'),
  row(16, 'CHIP_SKU_MOD', 'text', [2, 5], 'modification of the variant'),
  row(17, 'PROJECT', 'text', exactly(5), 'project of the board: G520'),
  row(18, 'PROJECT_SKU', 'text', exactly(5), 'variant of the board: 0200'),
  row(19, 'PROJECT_SKU_MOD', 'text', exactly(2), 'modification of the board'),
  row(20, 'FWID', 'bytes', exactly(FWID_SIZE), 'SHA-384 of the firmware that the attestation key belongs to, as in its certificate'),
  row(21, 'PROTECTED_PCIE_STATUS', 'status', exactly(1), 'protected PCIe: 0xaa on, 0x55 off'),
  row(22, 'SWITCH_PDI', 'ids', [PDI_SIZE, 18 * PDI_SIZE], 'of a GPU: the NVSwitch at each of its 18 links, with the bytes of the id turned round; of a switch: its own id'),
  row(23, 'FLOORSWEPT_PORTS', 'bytes', exactly(2), 'ports that the switch lacks'),
  row(24, 'POSITION_ID', 'number', exactly(2), 'which of the board’s switches it is, from 0'),
  row(25, 'LOCK_SWITCH_STATUS', 'number', exactly(2), '1: the switch is locked'),
  row(26, 'GPU_PDIS', 'bytes', exactly(128), 'ids of 8 GPUs, then for each of 64 ports the number of its GPU in that list, 0xff for none'),
  unseen(32, 'GPU_LINK_CONN', 'links between GPUs'),
  row(33, 'SYS_ENABLE_STATUS', 'bytes', exactly(2), 'what of the system is enabled'),
  row(34, 'OPAQUE_DATA_VERSION', 'number', exactly(2), 'version of this data'),
  row(35, 'CHIP_INFO', 'text', [2, 16], 'chip, as the driver’s manifest is named after it: GB100'),
  row(36, 'FEATURE_FLAG', 'number', exactly(2), '0 one GPU, 1 several, 2 protected PCIe'),
  unseen(255, 'INVALID', 'no field'),
] as const satisfies readonly OpaqueRow[];

const BY_TYPE: ReadonlyMap<number, OpaqueRow> = new Map(OPAQUE_ROWS.map((r) => [r.type, r]));
const plain = (name: string): string => name.replaceAll('_', '').toLowerCase();
const BY_NAME: ReadonlyMap<string, OpaqueRow> = new Map(OPAQUE_ROWS.map((r) => [plain(r.name), r]));

/** One field as it lies. */
export interface OpaqueField {
  readonly type: number;
  /** Of its row; `UNKNOWN_200` for a type that has none. */
  readonly name: string;
  readonly data: Uint8Array;
}

/** The row of a type; undefined for one that there is not. */
export function opaqueRowOf(type: number): OpaqueRow | undefined {
  return BY_TYPE.get(type);
}

/** The row of a name, also written `driverVersion`; undefined for one that there is not. */
export function opaqueRowNamed(name: string): OpaqueRow | undefined {
  return BY_NAME.get(plain(name));
}

/** A field by its name. @throws {RangeError} for a name that there is not */
export function opaqueEntry(name: string, data: Uint8Array): OpaqueField {
  const known = opaqueRowNamed(name);
  if (!known) throw new RangeError(`no opaque field ${name}`);
  return { type: known.type, name: known.name, data };
}

/** Where fields lie, beside them. */
export interface PlacedField extends OpaqueField {
  /** Offset of its head from the start of the report. */
  readonly at: number;
}

/**
 * Reads fields up to the end of `reader`.
 * @param keep keeps fields of unknown type, of a length that theirs never has, and those that come twice
 * @throws {CodecError} ERR_CODEC_TRUNCATED for a size that lies; ERR_CODEC_RANGE for an unknown or a second field, ERR_CODEC_LENGTH for a length, unless kept
 */
export function readOpaque(reader: ByteReader, keep: boolean): PlacedField[] {
  const fields: PlacedField[] = [];
  const seen = new Set<number>();
  while (reader.left > 0) {
    const { at } = reader;
    const { type, size } = reader.layout(OPAQUE_HEAD);
    const known = opaqueRowOf(type);
    const name = known?.name ?? `UNKNOWN_${type}`;
    const data = reader.bytes(size, name);
    if (!keep) {
      if (!known || type === 255) throw new CodecError('ERR_CODEC_RANGE', `${reader.name}.${name}`, at, `there is no field of type ${type}`);
      if (seen.has(type)) throw new CodecError('ERR_CODEC_RANGE', `${reader.name}.${name}`, at, 'stands here for the second time');
      if (size < known.least || size > known.most)
        throw new CodecError('ERR_CODEC_LENGTH', `${reader.name}.${name}`, at, `has ${known.least === known.most ? known.most : `${known.least} to ${known.most}`} bytes, not ${size}`);
    }
    seen.add(type);
    fields.push({ type, name, data, at });
  }
  return fields;
}

/** The fields one after the other. @throws {CodecError} ERR_CODEC_RANGE for contents that are longer than a size can say */
export function encodeOpaque(fields: readonly OpaqueField[]): Uint8Array {
  return Uint8Array.from(
    Buffer.concat(
      fields.flatMap(({ type, name, data }) => {
        if (data.length > 0xffff) throw new CodecError('ERR_CODEC_RANGE', `h100.report.opaque.${name}`, 0, `must be at most 65535 bytes, is ${data.length}`);
        return [OPAQUE_HEAD.encode({ type, size: data.length }), data];
      }),
    ),
  );
}
