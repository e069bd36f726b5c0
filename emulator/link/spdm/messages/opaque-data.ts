/**
 * Opaque data of KEY_EXCHANGE: which versions of secured messages a requester speaks, and which one the responder takes. Opaque data of a vendor's.
 *
 * Source: DMTF DSP0277 1.1, "Secured Message opaque data format"; DSP0274 1.2.2, "General opaque data format".
 */
import { Layout } from '../../../codec/layout.ts';
import { bitRange, bits, bytes, u8, u16, u32 } from '../../../codec/rows.ts';
import { ByteReader } from '../../../codec/stream.ts';
import { CodecError } from '../../../errors.ts';
import { joined } from '../bytes.ts';

/** `DMTF` in opaque data of SPDM 1.1. */
const SPEC_ID = 0x444d5446;
/** The PCI-SIG's registry. */
const PCI_SIG = 3;
/** Highest registry of standards bodies that SPDM 1.2 knows: JEDEC's. */
const HIGHEST_REGISTRY = 8;

/** What opaque data begins with in SPDM 1.1. */
export const OPAQUE_HEAD_11 = new Layout('spdm.opaqueData.v11', 8, 'DSP0277 1.0.0, General opaque data format', {
  specId: u32(0, 'SpecID: 0x444d5446', { initial: SPEC_ID }),
  opaqueVersion: u8(4, 'OpaqueVersion: 1', { initial: 1 }),
  elementCount: u8(5, 'TotalElements', { initial: 1 }),
  reserved: u16(6, 'reserved'),
});

/** What opaque data begins with in SPDM 1.2, format 1. */
export const OPAQUE_HEAD_12 = new Layout('spdm.opaqueData.v12', 4, 'DSP0274 1.2.2, General opaque data table, OpaqueDataFmt1', {
  elementCount: u8(0, 'TotalElements', { initial: 1 }),
  reserved: bytes(1, 3, 'reserved'),
});

/** The head of an element; the vendor id, the data behind its 2-byte length, and zeros up to a multiple of 4 bytes follow. */
export const OPAQUE_ELEMENT = new Layout('spdm.opaqueElement', 2, 'DSP0274 1.2.2, Opaque element table', {
  registry: u8(0, 'ID: registry of the standards body, 0 DMTF'),
  vendorLength: u8(1, 'VendorLen: bytes of the vendor id'),
});

/** What an element of DMTF's for secured messages begins with. */
export const SECURED_MESSAGE_DATA = new Layout('spdm.securedMessageData', 2, 'DSP0277 1.1.0, Secured Message opaque element data', {
  dataVersion: u8(0, 'SMDataVersion: 1', { initial: 1 }),
  dataId: u8(1, 'SMDataID', { names: { 0: 'version selection', 1: 'supported version list' } }),
});

/** A version of secured messages, as VERSION has those of SPDM. */
export const SECURED_MESSAGE_VERSION = new Layout('spdm.securedMessageVersion', 2, 'DSP0277 1.1.0, Secured Message version', {
  number: bits(0, 2, 'the version', { alpha: bitRange(0, 4, 'Alpha'), update: bitRange(4, 4, 'UpdateVersionNumber'), minor: bitRange(8, 4, 'MinorVersion'), major: bitRange(12, 4, 'MajorVersion') }),
});

const DATA = { selection: 0, supported: 1 } as const;

/** Versions of secured messages that teemu speaks, as `major.minor` nibbles. */
export const SECURED_VERSIONS: readonly number[] = [0x10, 0x11, 0x12];

/** Opaque data of a KEY_EXCHANGE request. @param versions `major.minor` nibbles */
export function encodeSupportedVersions(spdmVersion: number, versions: readonly number[] = SECURED_VERSIONS): Uint8Array {
  return encodeElement(spdmVersion, joined([SECURED_MESSAGE_DATA.encode({ dataId: DATA.supported }), Uint8Array.of(versions.length), ...versions.map(encodeVersion)]));
}

/** Opaque data of a KEY_EXCHANGE_RSP response. @param version `major.minor` nibbles */
export function encodeSelectedVersion(spdmVersion: number, version: number): Uint8Array {
  return encodeElement(spdmVersion, joined([SECURED_MESSAGE_DATA.encode({ dataId: DATA.selection }), encodeVersion(version)]));
}

/** Versions of secured messages that a KEY_EXCHANGE offers. @throws {CodecError} when the data is malformed or has no such list */
export function decodeSupportedVersions(spdmVersion: number, opaque: Uint8Array): number[] {
  const reader = securedMessageElement(spdmVersion, opaque, DATA.supported);
  const [count = 0] = reader.bytes(1, 'versionCount');
  return Array.from({ length: count }, () => decodeVersion(reader));
}

/** Version of secured messages that a KEY_EXCHANGE_RSP takes. @throws {CodecError} when the data is malformed or has none */
export function decodeSelectedVersion(spdmVersion: number, opaque: Uint8Array): number {
  return decodeVersion(securedMessageElement(spdmVersion, opaque, DATA.selection));
}

function encodeVersion(version: number): Uint8Array {
  return SECURED_MESSAGE_VERSION.encode({ number: { alpha: 0, update: 0, minor: version & 0xf, major: version >> 4 } });
}

function decodeVersion(reader: ByteReader): number {
  const { number } = reader.layout(SECURED_MESSAGE_VERSION);
  return (number.major << 4) | number.minor;
}

/**
 * Data of a vendor's own, as one element: from SPDM 1.2 on, all opaque data is in elements.
 * @param vendorId in the PCI-SIG's registry @param data at most 65535 bytes
 */
export function encodeVendorData(spdmVersion: number, vendorId: number, data: Uint8Array): Uint8Array {
  return encodeElement(spdmVersion, data, PCI_SIG, Uint8Array.of(vendorId & 0xff, vendorId >> 8));
}

function encodeElement(spdmVersion: number, data: Uint8Array, registry = 0, vendor: Uint8Array = new Uint8Array(0)): Uint8Array {
  const head = spdmVersion >= 0x12 ? OPAQUE_HEAD_12.encode({}) : OPAQUE_HEAD_11.encode({});
  const element = joined([OPAQUE_ELEMENT.encode({ registry, vendorLength: vendor.length }), vendor, Uint8Array.of(data.length & 0xff, data.length >> 8), data]);
  return joined([head, element, new Uint8Array(-element.length & 3)]);
}

/** A reader behind the head of DMTF's element with that id. Every element is checked. */
function securedMessageElement(spdmVersion: number, opaque: Uint8Array, dataId: number): ByteReader {
  const reader = new ByteReader(opaque, spdmVersion >= 0x12 ? OPAQUE_HEAD_12.name : OPAQUE_HEAD_11.name);
  const fail = (at: number, rule: string): CodecError => new CodecError('ERR_CODEC_RANGE', reader.name, at, rule);
  let count: number;
  if (spdmVersion >= 0x12) count = reader.layout(OPAQUE_HEAD_12).elementCount;
  else {
    const head = reader.layout(OPAQUE_HEAD_11);
    if (head.specId !== SPEC_ID || head.opaqueVersion !== 1) throw fail(0, 'is not in DMTF’s format');
    count = head.elementCount;
  }
  if (count < 1) throw fail(0, 'must have an element');
  let found: ByteReader | undefined;
  for (let i = 0; i < count; i++) {
    const start = reader.at;
    const { registry, vendorLength } = reader.layout(OPAQUE_ELEMENT);
    if (registry > HIGHEST_REGISTRY) throw fail(start, `there is no registry ${registry}`);
    reader.bytes(vendorLength, `element${i}.vendorId`);
    const data = reader.part(reader.u16(`element${i}.length`), `element${i}`);
    if (reader.bytes(-(reader.at - start) & 3, `element${i}.padding`).some((byte) => byte !== 0)) throw fail(start, 'the padding of an element must be zero');
    if (registry !== 0 || vendorLength !== 0 || data.left < SECURED_MESSAGE_DATA.size) continue;
    const head = data.layout(SECURED_MESSAGE_DATA);
    if (head.dataVersion === 1 && head.dataId === dataId) found ??= data;
  }
  if (!found) throw fail(0, `has no ${dataId === DATA.selection ? 'version selection' : 'list of versions'} for secured messages`);
  return found;
}
