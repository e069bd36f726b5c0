/** Device paths and load options: how firmware names what it boots. Source: UEFI 2.10, 10 and 3.1.3. */
import { Layout } from '../../../codec/layout.ts';
import { bytes, u8, u16, u32, u64 } from '../../../codec/rows.ts';
import { guidBytes } from '../../../codec/guid.ts';
import { utf16 } from './variables.ts';

/** The head of every node; its contents follow. */
export const DEVICE_PATH_NODE = new Layout('uefi.device-path-node', 4, 'UEFI 2.10, 10.2', {
  type: u8(0, 'kind of node', { names: { 1: 'hardware', 2: 'ACPI', 3: 'messaging', 4: 'media', 127: 'end' } }),
  subtype: u8(1, 'kind within that'),
  length: u16(2, 'length of the node with this head'),
});

/** Contents of a node that names a partition. */
export const HARD_DRIVE = new Layout('uefi.device-path-hard-drive', 38, 'UEFI 2.10, 10.3.5.1', {
  partition: u32(0, 'number of the partition'),
  firstBlock: u64(4, 'where it begins'),
  blocks: u64(12, 'its length'),
  signature: bytes(20, 16, 'its unique GUID'),
  format: u8(36, 'kind of table', { names: { 1: 'MBR', 2: 'GPT' } }),
  signatureType: u8(37, 'kind of signature', { names: { 2: 'GUID' } }),
});

/** The head of a load option; description, path and data follow. */
const LOAD_OPTION = new Layout('uefi.load-option', 6, 'UEFI 2.10, 3.1.3 EFI_LOAD_OPTION', {
  attributes: u32(0, 'what it is for'),
  pathLength: u16(4, 'length of the device path'),
});

const concat = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
const node = (type: number, subtype: number, contents: Uint8Array = new Uint8Array(0)): Uint8Array => concat(DEVICE_PATH_NODE.encode({ type, subtype, length: DEVICE_PATH_NODE.size + contents.length }), contents);

/** Nodes of device paths, by what they name. */
export const NODES = {
  end: node(0x7f, 0xff),
  /** The first PCI root, and a function of a device on it. */
  pciRoot: node(2, 1, Uint8Array.from(Buffer.from('d041030a00000000', 'hex'))),
  pci: (device: number, pciFunction: number): Uint8Array => node(1, 1, Uint8Array.of(pciFunction, device)),
  /** The first namespace of an NVMe device. */
  nvme: node(3, 0x17, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)),
  hardDrive: (drive: Parameters<typeof HARD_DRIVE.encode>[0]): Uint8Array => node(4, 1, HARD_DRIVE.encode(drive)),
  vendorMedia: (guid: string): Uint8Array => node(4, 3, guidBytes(guid)),
  file: (path: string): Uint8Array => node(4, 4, utf16(`${path}\0`)),
  firmwareVolume: (guid: string): Uint8Array => node(4, 7, guidBytes(guid)),
  firmwareFile: (guid: string): Uint8Array => node(4, 6, guidBytes(guid)),
} as const;

/** A path of nodes, with its end. */
export function devicePath(...nodes: readonly Uint8Array[]): Uint8Array {
  return concat(...nodes, NODES.end);
}

/** The contents of a `Boot####` variable. @param attributes 1: may be booted; 0x109: an application that is not listed */
export function loadOption(attributes: number, description: string, path: Uint8Array, data: Uint8Array = new Uint8Array(0)): Uint8Array {
  return concat(LOAD_OPTION.encode({ attributes, pathLength: path.length }), utf16(`${description}\0`), path, data);
}
