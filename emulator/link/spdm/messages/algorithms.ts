/**
 * NEGOTIATE_ALGORITHMS and ALGORITHMS, and the suite of algorithms of the link between CPU and GPU.
 *
 * Source: DMTF DSP0274 1.1 and 1.2, "NEGOTIATE_ALGORITHMS request message".
 */
import { Layout } from '../../../codec/layout.ts';
import { bitRange, bits, reserved, reservedBits, u8, u16, u32 } from '../../../codec/rows.ts';
import { ByteReader } from '../../../codec/stream.ts';
import { CodecError } from '../../../errors.ts';
import { joined } from '../bytes.ts';
import { messageStart, REQUEST, RESPONSE } from './header.ts';

/** The algorithms that an H100 negotiates, each with the bit that stands for it; teemu knows no others. */
export const SUITE = {
  /** Measurements in DMTF's format. */
  measurementSpecification: 0x01,
  /** Measurements are SHA-384. */
  measurementHash: 0x04,
  /** ECDSA on P-384, the responder's signatures. */
  baseAsym: 0x80,
  /** SHA-384. */
  baseHash: 0x02,
  /** General opaque data, format 1; SPDM 1.2. */
  opaqueFormat: 2,
  /** ECDHE on secp384r1. */
  dhe: 0x10,
  /** AES-256-GCM. */
  aead: 0x02,
  /** RSASSA-PSS with 3072 bits, the requester's signatures. */
  requesterAsym: 0x08,
  /** HMAC with the negotiated hash. */
  keySchedule: 0x01,
} as const;

/** Lengths in bytes that follow from the suite. */
export const HASH_SIZE = 48;
export const SIGNATURE_SIZE = 96;
export const REQUESTER_SIGNATURE_SIZE = 384;
export const EXCHANGE_SIZE = 96;
export const RANDOM_SIZE = 32;

/** Types of algorithm tables. */
export const TABLE_TYPE = { dhe: 2, aead: 3, requesterAsym: 4, keySchedule: 5 } as const;

const otherParams = bits(7, 1, 'OtherParamsSupport in the request, OtherParamsSelection in the response; reserved in SPDM 1.1', {
  opaqueFormat: bitRange(0, 4, 'OpaqueDataFmt: bit 0 format 0, bit 1 format 1'),
  reserved4: reservedBits(4, 4),
});

/** The fixed part of NEGOTIATE_ALGORITHMS. External asymmetric algorithms and hashes of 4 bytes each and the tables follow. */
export const NEGOTIATE_ALGORITHMS_HEAD = new Layout('spdm.negotiateAlgorithms', 32, 'DSP0274 1.2.2, NEGOTIATE_ALGORITHMS request message format', {
  ...messageStart(REQUEST.NEGOTIATE_ALGORITHMS),
  tableCount: u8(2, 'Param1: number of algorithm tables'),
  param2: u8(3, 'Param2: reserved'),
  length: u16(4, 'Length: bytes of the whole request'),
  measurementSpecification: u8(6, 'MeasurementSpecification: bit 0 DMTF'),
  otherParams,
  baseAsym: u32(8, 'BaseAsymAlgo: bit 7 ECDSA P-384'),
  baseHash: u32(12, 'BaseHashAlgo: bit 1 SHA-384'),
  reserved16: reserved(16, 12),
  extAsymCount: u8(28, 'ExtAsymCount'),
  extHashCount: u8(29, 'ExtHashCount'),
  reserved30: reserved(30, 2),
});

/** The fixed part of ALGORITHMS. */
export const ALGORITHMS_HEAD = new Layout('spdm.algorithms', 36, 'DSP0274 1.2.2, Successful ALGORITHMS response message format', {
  ...messageStart(RESPONSE.ALGORITHMS),
  tableCount: u8(2, 'Param1: number of algorithm tables'),
  param2: u8(3, 'Param2: reserved'),
  length: u16(4, 'Length: bytes of the whole response'),
  measurementSpecification: u8(6, 'MeasurementSpecificationSel: bit 0 DMTF'),
  otherParams,
  measurementHash: u32(8, 'MeasurementHashAlgo: bit 2 SHA-384'),
  baseAsym: u32(12, 'BaseAsymSel: bit 7 ECDSA P-384'),
  baseHash: u32(16, 'BaseHashSel: bit 1 SHA-384'),
  reserved20: reserved(20, 12),
  extAsymCount: u8(32, 'ExtAsymSelCount'),
  extHashCount: u8(33, 'ExtHashSelCount'),
  reserved34: reserved(34, 2),
});

/** One algorithm table; as many external algorithms of 4 bytes as it says follow. */
export const ALGORITHM_TABLE = new Layout('spdm.algorithmTable', 4, 'DSP0274 1.2.2, Algorithm request structure', {
  type: u8(0, 'AlgType', { names: { 2: 'DHE', 3: 'AEADCipherSuite', 4: 'ReqBaseAsymAlg', 5: 'KeySchedule' } }),
  count: bits(1, 1, 'AlgCount', { external: bitRange(0, 4, 'ExtAlgCount'), fixed: bitRange(4, 4, 'FixedAlgCount: bytes of the bit mask, 2') }),
  supported: u16(2, 'AlgSupported: the bit mask'),
});

/** Longest request, and most external algorithms in one (DSP0274 1.1: "NEGOTIATE_ALGORITHMS request message format"). */
const LONGEST_REQUEST = 0x80;
const MOST_EXTERNAL = 0x14;
const EXTERNAL_SIZE = 4;

/** What one side says about its algorithms: bit masks. */
export interface Algorithms {
  readonly measurementSpecification: number;
  /** 0 in a request, and in SPDM 1.1 without measurements. */
  readonly measurementHash: number;
  readonly baseAsym: number;
  readonly baseHash: number;
  readonly opaqueFormat: number;
  /** By type; a type that has no table is absent. */
  readonly tables: ReadonlyMap<number, number>;
}

/** Encodes NEGOTIATE_ALGORITHMS without external algorithms. */
export function encodeNegotiateAlgorithms(spdmVersion: number, offer: Omit<Algorithms, 'measurementHash'>): Uint8Array {
  const { tables, opaqueFormat, measurementSpecification, baseAsym, baseHash } = offer;
  const length = NEGOTIATE_ALGORITHMS_HEAD.size + tables.size * ALGORITHM_TABLE.size;
  return joined([NEGOTIATE_ALGORITHMS_HEAD.encode({ spdmVersion, measurementSpecification, baseAsym, baseHash, tableCount: tables.size, length, otherParams: { opaqueFormat, reserved4: 0 } }), ...encodeTables(tables)]);
}

/** Encodes ALGORITHMS. */
export function encodeAlgorithms(spdmVersion: number, choice: Algorithms): Uint8Array {
  const { tables, opaqueFormat, ...rest } = choice;
  const length = ALGORITHMS_HEAD.size + tables.size * ALGORITHM_TABLE.size;
  return joined([ALGORITHMS_HEAD.encode({ spdmVersion, ...rest, tableCount: tables.size, length, otherParams: { opaqueFormat, reserved4: 0 } }), ...encodeTables(tables)]);
}

function encodeTables(tables: ReadonlyMap<number, number>): Uint8Array[] {
  return [...tables].map(([type, supported]) => ALGORITHM_TABLE.encode({ type, count: { fixed: 2, external: 0 }, supported }));
}

/**
 * Takes NEGOTIATE_ALGORITHMS apart. Padding of the transport behind it is left out.
 * @returns the offer, and how many bytes the request has
 * @throws {CodecError} for lengths, counts or an order of tables that the specification does not allow
 */
export function decodeNegotiateAlgorithms(src: Uint8Array): { readonly offer: Algorithms; readonly length: number } {
  const reader = new ByteReader(src, NEGOTIATE_ALGORITHMS_HEAD.name);
  const head = reader.layout(NEGOTIATE_ALGORITHMS_HEAD, { reserved: 'keep' });
  const external = head.extAsymCount + head.extHashCount;
  reader.bytes(external * EXTERNAL_SIZE, 'external');
  const { tables, externalInTables } = decodeTables(reader, head.tableCount);
  if (external + externalInTables > MOST_EXTERNAL) throw new CodecError('ERR_CODEC_RANGE', `${reader.name}.extAsymCount`, 28, `at most ${MOST_EXTERNAL} external algorithms`);
  if (head.length !== reader.at || head.length > LONGEST_REQUEST)
    throw new CodecError('ERR_CODEC_LENGTH', `${reader.name}.length`, 4, `must be the request's ${reader.at} bytes and at most ${LONGEST_REQUEST}, is ${head.length}`);
  const { measurementSpecification, baseAsym, baseHash } = head;
  return { offer: { measurementSpecification, measurementHash: 0, baseAsym, baseHash, opaqueFormat: head.otherParams.opaqueFormat, tables }, length: head.length };
}

/** Takes ALGORITHMS apart. @throws {CodecError} */
export function decodeAlgorithms(src: Uint8Array): { readonly choice: Algorithms; readonly length: number } {
  const reader = new ByteReader(src, ALGORITHMS_HEAD.name);
  const head = reader.layout(ALGORITHMS_HEAD, { reserved: 'keep' });
  if (head.extAsymCount !== 0 || head.extHashCount !== 0) throw new CodecError('ERR_CODEC_RANGE', `${reader.name}.extAsymCount`, 32, 'no external algorithm was offered');
  const { tables, externalInTables } = decodeTables(reader, head.tableCount);
  if (head.length !== reader.at || externalInTables > 0) throw new CodecError('ERR_CODEC_LENGTH', `${reader.name}.length`, 4, `must be the response's ${reader.at} bytes, is ${head.length}`);
  const { measurementSpecification, measurementHash, baseAsym, baseHash } = head;
  return { choice: { measurementSpecification, measurementHash, baseAsym, baseHash, opaqueFormat: head.otherParams.opaqueFormat, tables }, length: head.length };
}

/** Tables stand in order of their types, each once. */
function decodeTables(reader: ByteReader, count: number): { tables: Map<number, number>; externalInTables: number } {
  const tables = new Map<number, number>();
  let before: number = TABLE_TYPE.dhe - 1;
  let externalInTables = 0;
  for (let i = 0; i < count; i++) {
    const at = reader.at;
    const { type, count: counts, supported } = reader.layout(ALGORITHM_TABLE);
    if (type <= before || type > TABLE_TYPE.keySchedule) throw new CodecError('ERR_CODEC_RANGE', `${reader.name}.tables.${i}.type`, at, `must be ${before + 1} to ${TABLE_TYPE.keySchedule}, is ${type}`);
    if (counts.fixed !== 2) throw new CodecError('ERR_CODEC_RANGE', `${reader.name}.tables.${i}.count`, at + 1, `the bit mask must be 2 bytes, is ${counts.fixed}`);
    reader.bytes(counts.external * EXTERNAL_SIZE, `tables.${i}.external`);
    externalInTables += counts.external;
    tables.set(type, supported);
    before = type;
  }
  return { tables, externalInTables };
}
