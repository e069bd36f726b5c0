/**
 * SPDM measurements on the wire: the request, the head of the response, and the blocks of its record. Nothing here is NVIDIA's.
 *
 * Source: DMTF DSP0274 1.1 and 1.2, GET_MEASUREMENTS and MEASUREMENTS, and the DMTF measurement specification format.
 */
import { Layout } from '../../../codec/layout.ts';
import { bit, bitRange, bits, bytes, reservedBits, u8, u16, u24 } from '../../../codec/rows.ts';
import { ByteReader } from '../../../codec/stream.ts';
import { CodecError } from '../../../errors.ts';
import { joined } from '../bytes.ts';

/** Request code of GET_MEASUREMENTS. */
export const GET_MEASUREMENTS = 0xe0;
/** Response code of MEASUREMENTS. */
export const MEASUREMENTS = 0x60;
/** Param2 of a request for every measurement at once. */
export const ALL_MEASUREMENTS = 0xff;
/** Length in bytes of either side's nonce. */
export const MEASUREMENTS_NONCE_SIZE = 32;

const SOURCE_11 = 'DSP0274 1.1.3, GET_MEASUREMENTS request message format';
const SOURCE_12 = 'DSP0274 1.2.2, GET_MEASUREMENTS request message format';
const OPERATIONS = { 0: 'number of measurements', [ALL_MEASUREMENTS]: 'all measurements' };

/** The first four bytes of a GET_MEASUREMENTS request, which is all of one that asks for no signature; SPDM 1.1. */
export const GET_MEASUREMENTS_HEAD_11 = new Layout('spdm.getMeasurementsHead.v11', 4, SOURCE_11, {
  spdmVersion: u8(0, 'SPDMVersion: major and minor version of the connection, a nibble each', { names: { 17: 'SPDM 1.1', 18: 'SPDM 1.2' }, initial: 0x11 }),
  requestCode: u8(1, 'RequestResponseCode', { names: { [GET_MEASUREMENTS]: 'GET_MEASUREMENTS' }, initial: GET_MEASUREMENTS }),
  attributes: bits(2, 1, 'Param1: request attributes', {
    signatureRequested: bit(0, 'the response is to be signed; nonce and slot follow'),
    reserved: reservedBits(1, 7),
  }),
  operation: u8(3, 'Param2: 0 asks for the number of measurements, 1 to 0xfe for one of them, 0xff for all', { names: OPERATIONS }),
});

/** A GET_MEASUREMENTS request that asks for a signature, SPDM 1.1. */
export const GET_MEASUREMENTS_11 = new Layout('spdm.getMeasurements.v11', 37, SOURCE_11, {
  ...GET_MEASUREMENTS_HEAD_11.rows,
  nonce: bytes(4, MEASUREMENTS_NONCE_SIZE, 'Nonce: the requester’s'),
  slot: bits(36, 1, 'SlotIDParam: whose certificate chain signs', {
    slotId: bitRange(0, 4, 'slot of the chain, 0 to 7; 0xf for a key that was provisioned'),
    reserved: reservedBits(4, 4),
  }),
});

const ATTRIBUTES_12 = bits(2, 1, 'Param1: request attributes', {
  signatureRequested: bit(0, 'the response is to be signed; nonce and slot follow'),
  rawBitStreamRequested: bit(1, 'raw bits are wanted instead of digests, where the responder has them'),
  reserved: reservedBits(2, 6),
});

/** As {@link GET_MEASUREMENTS_HEAD_11}, SPDM 1.2: raw bits can be asked for. */
export const GET_MEASUREMENTS_HEAD_12 = GET_MEASUREMENTS_HEAD_11.patch('spdm.getMeasurementsHead.v12', SOURCE_12, { attributes: ATTRIBUTES_12 });

/** As {@link GET_MEASUREMENTS_11}, SPDM 1.2. */
export const GET_MEASUREMENTS_12 = GET_MEASUREMENTS_11.patch('spdm.getMeasurements.v12', SOURCE_12, { attributes: ATTRIBUTES_12 });

/** The fixed part of a MEASUREMENTS response, SPDM 1.1. The record, the nonce, the opaque data behind its 2-byte length, and the signature follow. */
export const MEASUREMENTS_HEAD_11 = new Layout('spdm.measurements.v11', 8, 'DSP0274 1.1.3, Successful MEASUREMENTS response message format', {
  spdmVersion: u8(0, 'SPDMVersion', { names: { 17: 'SPDM 1.1', 18: 'SPDM 1.2' }, initial: 0x11 }),
  responseCode: u8(1, 'RequestResponseCode', { names: { [MEASUREMENTS]: 'MEASUREMENTS' }, initial: MEASUREMENTS }),
  totalCount: u8(2, 'Param1: how many measurements there are, if that was asked; else zero'),
  slot: bits(3, 1, 'Param2', {
    slotId: bitRange(0, 4, 'slot of the chain that signed'),
    reserved: reservedBits(4, 4),
  }),
  numberOfBlocks: u8(4, 'NumberOfBlocks: measurement blocks in the record'),
  recordLength: u24(5, 'MeasurementRecordLength: bytes of the record'),
});

/** As {@link MEASUREMENTS_HEAD_11}, SPDM 1.2: the responder says whether its measurements changed since the session began. */
export const MEASUREMENTS_HEAD_12 = MEASUREMENTS_HEAD_11.patch('spdm.measurements.v12', 'DSP0274 1.2.2, Successful MEASUREMENTS response message format', {
  slot: bits(3, 1, 'Param2', {
    slotId: bitRange(0, 4, 'slot of the chain that signed'),
    contentChanged: bitRange(4, 2, '0 not detected, 1 changed since the session began, 2 not changed'),
    reserved: reservedBits(6, 2),
  }),
});

/** What stands before every measurement of a record. */
export const MEASUREMENT_BLOCK_HEAD = new Layout('spdm.measurementBlock', 4, 'DSP0274 1.1.3, Measurement block format', {
  index: u8(0, 'Index, from 1'),
  specification: u8(1, 'MeasurementSpecification', { names: { 1: 'DMTF' }, initial: 1 }),
  size: u16(2, 'MeasurementSize: bytes of the measurement that follows'),
});

/** The head of a measurement in DMTF's own format; the value follows. */
export const DMTF_MEASUREMENT_HEAD = new Layout('spdm.dmtfMeasurement', 3, 'DSP0274 1.1.3, DMTF measurement specification format', {
  valueType: bits(0, 1, 'DMTFSpecMeasurementValueType', {
    type: bitRange(0, 7, '0 immutable ROM, 1 mutable firmware, 2 hardware configuration, 3 firmware configuration, 4 manifest'),
    raw: bit(7, 'the value is raw bits, not a digest'),
  }),
  valueSize: u16(1, 'DMTFSpecMeasurementValueSize: bytes of the value'),
});

/** One measurement, as the record of MEASUREMENTS has it. */
export interface Measurement {
  /** 1 to 0xfe. */
  readonly index: number;
  /** DMTFSpecMeasurementValueType without the bit for raw bits: 0 to 0x7f. */
  readonly type: number;
  /** Whether the value is raw bits; else it is a digest. */
  readonly raw: boolean;
  readonly value: Uint8Array;
}

/** A measurement as a block of a record. */
export function encodeMeasurement({ index, type, raw, value }: Measurement): Uint8Array {
  const measurement = joined([DMTF_MEASUREMENT_HEAD.encode({ valueType: { type, raw: raw ? 1 : 0 }, valueSize: value.length }), value]);
  return joined([MEASUREMENT_BLOCK_HEAD.encode({ index, size: measurement.length }), measurement]);
}

/** MEASUREMENTS taken apart. */
export interface MeasurementsResponse {
  /** How many measurements there are, if that was asked. */
  readonly totalCount: number;
  readonly slot: number;
  readonly measurements: readonly Measurement[];
  readonly nonce: Uint8Array;
  readonly opaque: Uint8Array;
  /** The bytes before the signature. */
  readonly signed: Uint8Array;
  /** Empty where none was asked for. */
  readonly signature: Uint8Array;
}

/**
 * Takes MEASUREMENTS apart; every block must be in DMTF's format and fill its size.
 * @param signatureSize 0 where no signature was asked for
 * @throws {CodecError}
 */
export function decodeMeasurements(src: Uint8Array, signatureSize: number): MeasurementsResponse {
  const reader = new ByteReader(src, 'spdm.measurements');
  const { totalCount, slot, numberOfBlocks, recordLength } = reader.layout(MEASUREMENTS_HEAD_11, { reserved: 'keep' });
  const record = reader.part(recordLength, 'record');
  const measurements = Array.from({ length: numberOfBlocks }, (_, i) => decodeBlock(record, i));
  record.end();
  const nonce = reader.bytes(MEASUREMENTS_NONCE_SIZE, 'nonce');
  const opaque = reader.bytes(reader.u16('opaqueLength'), 'opaque');
  const signed = src.slice(0, reader.at);
  return { totalCount, slot: slot.slotId, measurements, nonce, opaque, signed, signature: reader.bytes(signatureSize, 'signature') };
}

function decodeBlock(record: ByteReader, i: number): Measurement {
  const { index, specification, size } = record.layout(MEASUREMENT_BLOCK_HEAD);
  if (specification !== 1) throw new CodecError('ERR_CODEC_RANGE', `${record.name}.${i}.specification`, record.at - MEASUREMENT_BLOCK_HEAD.size + 1, `must be 1, is ${specification}`);
  const block = record.part(size, `${i}`);
  const { valueType, valueSize } = block.layout(DMTF_MEASUREMENT_HEAD);
  const value = block.bytes(valueSize, 'value');
  block.end();
  return { index, type: valueType.type, raw: valueType.raw === 1, value };
}

/** Encodes GET_MEASUREMENTS. @param signing slot that is to sign and a nonce of 32 bytes; undefined for no signature */
export function encodeGetMeasurements(spdmVersion: number, operation: number, signing: { readonly slot: number; readonly nonce: Uint8Array } | undefined): Uint8Array {
  const slot = { slotId: signing?.slot ?? 0, reserved: 0 };
  const bits11 = { signatureRequested: signing ? 1 : 0, reserved: 0 };
  const bits12 = { ...bits11, rawBitStreamRequested: 0 };
  if (spdmVersion >= 0x12) {
    const head = { spdmVersion, attributes: bits12, operation };
    return signing ? GET_MEASUREMENTS_12.encode({ ...head, nonce: signing.nonce, slot }) : GET_MEASUREMENTS_HEAD_12.encode(head);
  }
  const head = { spdmVersion, attributes: bits11, operation };
  return signing ? GET_MEASUREMENTS_11.encode({ ...head, nonce: signing.nonce, slot }) : GET_MEASUREMENTS_HEAD_11.encode(head);
}
