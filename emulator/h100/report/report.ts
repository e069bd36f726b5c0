/**
 * The attestation report of a GPU or NVSwitch: the GET_MEASUREMENTS request, and the MEASUREMENTS response behind it. Everything but the last
 * 96 bytes is signed, by the attestation key.
 *
 * Source: DSP0274 1.1.3; NVIDIA nvtrust and attestation-sdk; genuine reports of GH100, GB100 and LS10.
 */
import type { ValueOf } from '../../codec/rows.ts';
import { ByteReader } from '../../codec/stream.ts';
import type { EcSigner } from '../../crypto/sign.ts';
import { CodecError } from '../../errors.ts';
import { DMTF_MEASUREMENT_HEAD, GET_MEASUREMENTS, GET_MEASUREMENTS_11, MEASUREMENT_BLOCK_HEAD, MEASUREMENTS, MEASUREMENTS_HEAD_11, MEASUREMENTS_NONCE_SIZE } from '../../link/spdm/messages/measurements.ts';
import { encodeOpaque, type OpaqueField, opaqueRowNamed, type PlacedField, readOpaque } from './opaque.ts';

/** Length of the signature: r and s, 48 bytes each, big-endian. */
export const REPORT_SIGNATURE_SIZE = 96;
/** Length of a measurement: SHA-384. */
export const MEASUREMENT_SIZE = 48;
/** The only version of SPDM that reports have. */
export const REPORT_SPDM_VERSION = 0x11;
/** Longest report that is read; NVML has room for 8192 bytes. */
export const MAX_REPORT_SIZE = 0x4000;

/** One measurement. */
export interface GpuMeasurement {
  /** From 0, as manifests count: one less than the index of its block. */
  readonly index: number;
  /** DMTFSpecMeasurementValueType: every genuine one is 1, mutable firmware. */
  readonly type: number;
  /** 48 bytes. */
  readonly value: Uint8Array;
}

/** Lengths that a report states instead of the true ones, to make one that no device writes. */
export interface StatedLengths {
  readonly numberOfBlocks?: number;
  readonly recordLength?: number;
  readonly opaqueLength?: number;
}

/** A report in parts. */
export interface GpuReport {
  readonly request: ValueOf<typeof GET_MEASUREMENTS_11.rows>;
  /** Its counts and lengths follow the parts when it is encoded, unless `stated` says otherwise. */
  readonly response: ValueOf<typeof MEASUREMENTS_HEAD_11.rows>;
  /** In the order in which they lie. */
  readonly measurements: readonly GpuMeasurement[];
  /** 32 bytes. */
  readonly responderNonce: Uint8Array;
  /** In the order in which they lie. */
  readonly opaque: readonly OpaqueField[];
  /** 96 bytes. */
  readonly signature: Uint8Array;
  readonly stated?: StatedLengths;
}

/** A report that was read. */
export interface DecodedGpuReport extends GpuReport {
  /** The bytes that the signature is over: all before it. */
  readonly signed: Uint8Array;
  /** Bytes behind the signature, where they are kept. */
  readonly trailing: Uint8Array;
}

/**
 * What to do with what no genuine device writes: unknown or repeated opaque fields, lengths that a field never has, blocks out of order, reserved
 * bits that are set, bytes behind the signature.
 */
export interface ReportDecodeOptions {
  readonly unusual?: 'reject' | 'keep';
}

/** Where the parts of a report lie, from its start. */
export interface ReportMap {
  readonly request: number;
  readonly response: number;
  /** Of each block's head. */
  readonly blocks: readonly number[];
  readonly responderNonce: number;
  /** Of the length before the opaque data. */
  readonly opaque: number;
  readonly fields: readonly PlacedField[];
  readonly signature: number;
  /** End of the signature. */
  readonly end: number;
}

const NAME = 'h100.report';

/**
 * Reads a report.
 * @param src request and response, as the driver hands them out
 * @throws {CodecError} with the field's path and offset
 */
export function decodeGpuReport(src: Uint8Array, options: ReportDecodeOptions = {}): DecodedGpuReport {
  return readReport(src, options).report;
}

/** Where everything in a report lies; whatever is unusual is kept. @throws {CodecError} for lengths that lie */
export function mapGpuReport(src: Uint8Array): ReportMap {
  return readReport(src, { unusual: 'keep' }).map;
}

function readReport(src: Uint8Array, { unusual = 'reject' }: ReportDecodeOptions): { report: DecodedGpuReport; map: ReportMap } {
  if (src.length > MAX_REPORT_SIZE) throw new CodecError('ERR_CODEC_LENGTH', NAME, MAX_REPORT_SIZE, `a report is at most ${MAX_REPORT_SIZE} bytes, this is ${src.length}`);
  const keep = unusual === 'keep';
  const bits = { reserved: unusual } as const;
  const reader = new ByteReader(src, NAME);
  const request = reader.layout(GET_MEASUREMENTS_11, bits);
  expected('request.spdmVersion', 0, request.spdmVersion, REPORT_SPDM_VERSION);
  expected('request.requestCode', GET_MEASUREMENTS_11.locate('requestCode').at, request.requestCode, GET_MEASUREMENTS);
  if (request.attributes.signatureRequested !== 1) throw new CodecError('ERR_CODEC_RANGE', `${NAME}.request.attributes`, GET_MEASUREMENTS_11.locate('attributes').at, 'asks for no signature');
  const responseAt = reader.at;
  const response = reader.layout(MEASUREMENTS_HEAD_11, bits);
  expected('response.spdmVersion', responseAt, response.spdmVersion, REPORT_SPDM_VERSION);
  expected('response.responseCode', responseAt + MEASUREMENTS_HEAD_11.locate('responseCode').at, response.responseCode, MEASUREMENTS);
  const record = reader.part(response.recordLength, 'record');
  const { measurements, places } = readBlocks(record, response.numberOfBlocks, keep);
  const nonceAt = reader.at;
  const responderNonce = reader.bytes(MEASUREMENTS_NONCE_SIZE, 'responderNonce');
  const opaqueAt = reader.at;
  const fields = readOpaque(reader.part(reader.u16('opaqueLength'), 'opaque'), keep);
  const signatureAt = reader.at;
  const signature = reader.bytes(REPORT_SIGNATURE_SIZE, 'signature');
  const end = reader.at;
  if (!keep) reader.end();
  const report: DecodedGpuReport = {
    request,
    response,
    measurements,
    responderNonce,
    opaque: fields.map(({ type, name, data }) => ({ type, name, data })),
    signature,
    signed: src.slice(0, signatureAt),
    trailing: src.slice(end),
  };
  return { report, map: { request: 0, response: responseAt, blocks: places, responderNonce: nonceAt, opaque: opaqueAt, fields, signature: signatureAt, end } };
}

function expected(field: string, at: number, value: number, wanted: number): void {
  if (value !== wanted) throw new CodecError('ERR_CODEC_RANGE', `${NAME}.${field}`, at, `must be 0x${wanted.toString(16)}, is 0x${value.toString(16)}`);
}

function readBlocks(record: ByteReader, count: number, keep: boolean): { measurements: GpuMeasurement[]; places: number[] } {
  const measurements: GpuMeasurement[] = [];
  const places: number[] = [];
  while (record.left > 0) {
    const { at } = record;
    const fail = (field: string, rule: string, code: 'ERR_CODEC_LENGTH' | 'ERR_CODEC_RANGE' = 'ERR_CODEC_RANGE'): CodecError => new CodecError(code, `${NAME}.measurements.${measurements.length}.${field}`, at, rule);
    const head = record.layout(MEASUREMENT_BLOCK_HEAD);
    const part = record.part(head.size, `${measurements.length}`);
    const { valueType, valueSize } = part.layout(DMTF_MEASUREMENT_HEAD);
    if (valueSize !== part.left) throw fail('valueSize', `states ${valueSize} bytes, the block has ${part.left}`, 'ERR_CODEC_LENGTH');
    if (valueSize !== MEASUREMENT_SIZE) throw fail('valueSize', `must be ${MEASUREMENT_SIZE}, is ${valueSize}`, 'ERR_CODEC_LENGTH');
    if (head.specification !== 1) throw fail('specification', `must be 1, is ${head.specification}`);
    if (head.index === 0) throw fail('index', 'counts from 1, is 0');
    if (!keep && head.index !== measurements.length + 1) throw fail('index', `must be ${measurements.length + 1}, is ${head.index}`);
    places.push(at);
    measurements.push({ index: head.index - 1, type: valueType.raw * 0x80 + valueType.type, value: part.bytes(valueSize, 'value') });
  }
  if (measurements.length !== count)
    throw new CodecError(
      'ERR_CODEC_LENGTH',
      `${NAME}.response.numberOfBlocks`,
      GET_MEASUREMENTS_11.size + MEASUREMENTS_HEAD_11.locate('numberOfBlocks').at,
      `states ${count} blocks, the record has ${measurements.length}`,
    );
  return { measurements, places };
}

/** The response up to the responder's nonce: all that is the same as long as the device's state is. */
function encodeRecord(measurements: readonly GpuMeasurement[]): Uint8Array {
  return Uint8Array.from(
    Buffer.concat(
      measurements.flatMap(({ index, type, value }) => [
        MEASUREMENT_BLOCK_HEAD.encode({ index: index + 1, size: DMTF_MEASUREMENT_HEAD.size + value.length }),
        DMTF_MEASUREMENT_HEAD.encode({ valueType: { type: type & 0x7f, raw: type >> 7 }, valueSize: value.length }),
        value,
      ]),
    ),
  );
}

/**
 * A MEASUREMENTS response without its signature.
 * @throws {CodecError} ERR_CODEC_RANGE for a value that does not fit
 */
export function encodeResponse({ response, measurements, responderNonce, opaque, stated = {} }: Pick<GpuReport, 'response' | 'measurements' | 'responderNonce' | 'opaque' | 'stated'>): Uint8Array {
  const record = encodeRecord(measurements);
  const data = encodeOpaque(opaque);
  if (responderNonce.length !== MEASUREMENTS_NONCE_SIZE) throw new CodecError('ERR_CODEC_RANGE', `${NAME}.responderNonce`, 0, `must be ${MEASUREMENTS_NONCE_SIZE} bytes, is ${responderNonce.length}`);
  const { opaqueLength = data.length, numberOfBlocks = measurements.length, recordLength = record.length } = stated;
  if (!Number.isInteger(opaqueLength) || opaqueLength < 0 || opaqueLength > 0xffff) throw new CodecError('ERR_CODEC_RANGE', `${NAME}.opaqueLength`, 0, `must be an integer of 16 bits, is ${opaqueLength}`);
  const length = Uint8Array.of(opaqueLength & 0xff, opaqueLength >> 8);
  return Uint8Array.from(Buffer.concat([MEASUREMENTS_HEAD_11.encode({ ...response, numberOfBlocks, recordLength }), record, responderNonce, length, data]));
}

/**
 * A whole report. Of one that was read it gives the same bytes again, but for what was behind the signature.
 * @throws {CodecError} ERR_CODEC_RANGE for a value that does not fit
 */
export function encodeGpuReport(report: GpuReport): Uint8Array {
  if (report.signature.length !== REPORT_SIGNATURE_SIZE) throw new CodecError('ERR_CODEC_RANGE', `${NAME}.signature`, 0, `must be ${REPORT_SIGNATURE_SIZE} bytes, is ${report.signature.length}`);
  return Uint8Array.from(Buffer.concat([GET_MEASUREMENTS_11.encode(report.request), encodeResponse(report), report.signature]));
}

/** The report with another signature over what it says. @param key P-384 @returns the bytes of the whole */
export function signGpuReport(report: GpuReport, key: EcSigner): Uint8Array {
  const unsigned = encodeGpuReport({ ...report, signature: new Uint8Array(REPORT_SIGNATURE_SIZE) });
  const at = unsigned.length - REPORT_SIGNATURE_SIZE;
  unsigned.set(key.sign(unsigned.subarray(0, at)), at);
  return unsigned;
}

/** The first opaque field of a name (`DRIVER_VERSION`, also written `driverVersion`); undefined when there is none. */
export function opaqueField({ opaque }: Pick<GpuReport, 'opaque'>, name: string): Uint8Array | undefined {
  const type = opaqueRowNamed(name)?.type;
  return opaque.find((field) => field.type === type)?.data;
}
