/**
 * Messages of Intel's quote generation service (QGS), version 1.1. A head states the lengths of the parts that follow it, in the order in
 * which the head names them.
 *
 * Source: intel/SGXDataCenterAttestationPrimitives, qgs_msg_lib.h and qgs_msg_lib.cpp.
 */
import { Layout } from '../../codec/layout.ts';
import { type Rows, u16, u32 } from '../../codec/rows.ts';
import { ByteReader } from '../../codec/stream.ts';
import { CodecError } from '../../errors.ts';

const SOURCE = 'intel/SGXDataCenterAttestationPrimitives, qgs_msg_lib.h';

/** Error codes of answers, by the name in Intel's library. */
export const QGS_ERRORS = {
  SUCCESS: 0,
  UNEXPECTED: 0x1_2001,
  OUT_OF_MEMORY: 0x1_2002,
  INVALID_PARAMETER: 0x1_2003,
  INVALID_VERSION: 0x1_2004,
  INVALID_TYPE: 0x1_2005,
  INVALID_SIZE: 0x1_2006,
  INVALID_CODE: 0x1_2007,
} as const;
export type QgsError = keyof typeof QGS_ERRORS;

/** Version that the service speaks; another minor version is understood all the same. */
export const QGS_VERSION = { major: 1, minor: 1 } as const;

/** What every message begins with. */
export const QGS_HEADER = new Layout('tdx.qgs.header', 16, SOURCE, {
  majorVersion: u16(0, 'must be 1', { initial: QGS_VERSION.major }),
  minorVersion: u16(2, 'any', { initial: QGS_VERSION.minor }),
  type: u32(4, 'what the message is'),
  size: u32(8, 'length of the whole message'),
  errorCode: u32(12, 'in answers: 0, or what went wrong', { names: Object.fromEntries(Object.entries(QGS_ERRORS).map(([name, code]) => [code, name])) }),
});

interface MessageRow {
  /** Number on the wire. */
  readonly type: number;
  readonly answer: boolean;
  /** What follows the header. */
  readonly head: Layout;
  /** Parts behind the head → the field that states its length. */
  readonly parts: Readonly<Record<string, string>>;
  /** Parts that may be empty in a message that reports no error. */
  readonly optional: readonly string[];
  /** Bytes behind the parts that say nothing: Intel's library counts two fields twice, and insists on it. */
  readonly padding: number;
}

const head = <R extends Rows>(name: string, size: number, rows: R): Layout => new Layout(`tdx.qgs.${name}`, size, SOURCE, rows) as unknown as Layout;
const row = (type: number, answer: boolean, layout: Layout, parts: Readonly<Record<string, string>>, optional: readonly string[] = [], padding = 0): MessageRow => ({
  type,
  answer,
  head: layout,
  parts,
  optional,
  padding,
});

/** Every kind of message. */
export const QGS_MESSAGES = {
  getQuoteRequest: row(0, false, head('get-quote-request', 8, { reportSize: u32(0, 'length of the report'), idListSize: u32(4, 'length of the list') }), { report: 'reportSize', idList: 'idListSize' }, ['idList']),
  getQuoteResponse: row(1, true, head('get-quote-response', 8, { selectedIdSize: u32(0, 'length of the id'), quoteSize: u32(4, 'length of the quote') }), { selectedId: 'selectedIdSize', quote: 'quoteSize' }, [
    'selectedId',
  ]),
  getCollateralRequest: row(2, false, head('get-collateral-request', 8, { fmspcSize: u32(0, 'length of the FMSPC'), pckCaSize: u32(4, 'length of the name of the CA') }), { fmspc: 'fmspcSize', pckCa: 'pckCaSize' }),
  getCollateralResponse: row(
    3,
    true,
    head('get-collateral-response', 32, {
      majorVersion: u16(0, 'version of the collateral'),
      minorVersion: u16(2, 'version of the collateral'),
      pckCrlIssuerChainSize: u32(4, 'length'),
      rootCaCrlSize: u32(8, 'length'),
      pckCrlSize: u32(12, 'length'),
      tcbInfoIssuerChainSize: u32(16, 'length'),
      tcbInfoSize: u32(20, 'length'),
      qeIdentityIssuerChainSize: u32(24, 'length'),
      qeIdentitySize: u32(28, 'length'),
    }),
    {
      pckCrlIssuerChain: 'pckCrlIssuerChainSize',
      rootCaCrl: 'rootCaCrlSize',
      pckCrl: 'pckCrlSize',
      tcbInfoIssuerChain: 'tcbInfoIssuerChainSize',
      tcbInfo: 'tcbInfoSize',
      qeIdentityIssuerChain: 'qeIdentityIssuerChainSize',
      qeIdentity: 'qeIdentitySize',
    },
  ),
  getPlatformInfoRequest: row(4, false, head('get-platform-info-request', 0, {}), {}),
  getPlatformInfoResponse: row(
    5,
    true,
    head('get-platform-info-response', 12, {
      tdqeIsvSvn: u16(0, 'SVN of the quoting enclave'),
      pceIsvSvn: u16(2, 'SVN of the provisioning certification enclave'),
      platformIdSize: u32(4, 'length of the id'),
      cpuSvnSize: u32(8, 'length of CPUSVN'),
    }),
    { platformId: 'platformIdSize', cpuSvn: 'cpuSvnSize' },
    [],
    4,
  ),
} as const satisfies Record<string, MessageRow>;
export type QgsKind = keyof typeof QGS_MESSAGES;

/** A message. */
export interface QgsMessage {
  readonly kind: QgsKind;
  /** 1 unless given. */
  readonly minorVersion?: number;
  /** 0 in requests and where all went well. */
  readonly errorCode?: number;
  /** Numbers of the head that are no lengths: `tdqeIsvSvn`, `pceIsvSvn`; `majorVersion`, `minorVersion` of collateral. */
  readonly numbers?: Readonly<Record<string, number>>;
  /** Contents by name: `report`, `quote`, `platformId` and so on; what is missing is empty. */
  readonly parts?: Readonly<Record<string, Uint8Array>>;
}

const LARGEST_CODE = Math.max(...Object.values(QGS_ERRORS));
const EMPTY = new Uint8Array(0);

/** The kind of a type on the wire; undefined for a type that is none. */
export function qgsKind(type: number): QgsKind | undefined {
  return (Object.keys(QGS_MESSAGES) as QgsKind[]).find((kind) => QGS_MESSAGES[kind].type === type);
}

/** @throws {CodecError} for a number that does not fit, or a name that the kind lacks */
export function encodeQgsMessage({ kind, minorVersion = QGS_VERSION.minor, errorCode = 0, numbers = {}, parts = {} }: QgsMessage): Uint8Array {
  const { type, head: layout, parts: sizes, padding } = QGS_MESSAGES[kind];
  const known: Readonly<Record<string, string>> = sizes;
  for (const name of Object.keys(parts)) if (!Object.hasOwn(known, name)) throw new CodecError('ERR_CODEC_FIELD', `${layout.name}.${name}`, QGS_HEADER.size, `no such part; there are: ${Object.keys(known).join(', ')}`);
  const contents = Object.keys(known).map((name) => parts[name] ?? EMPTY);
  const lengths = Object.fromEntries(Object.entries(known).map(([name, field]) => [field, parts[name]?.length ?? 0]));
  // An error answer has no padding either: it is the fixed part alone.
  const tail = errorCode === 0 ? padding : 0;
  const size = contents.reduce((sum, part) => sum + part.length, QGS_HEADER.size + layout.size + tail);
  return new Uint8Array(Buffer.concat([QGS_HEADER.encode({ minorVersion, type, size, errorCode }), layout.encode({ ...numbers, ...lengths }), ...contents, new Uint8Array(tail)]));
}

/**
 * Reads one message, as strictly as Intel's library.
 * @param src the whole message, without the frame around it
 * @throws {CodecError} with the field's path and its offset; {@link qgsErrorOf} says what the library calls it
 */
export function decodeQgsMessage(src: Uint8Array): Required<QgsMessage> {
  const reader = new ByteReader(src, 'tdx.qgs');
  const { majorVersion, minorVersion, type, size, errorCode } = reader.layout(QGS_HEADER);
  const refuse = (code: 'ERR_CODEC_RANGE' | 'ERR_CODEC_LENGTH', field: keyof typeof QGS_HEADER.rows, rule: string): CodecError => new CodecError(code, `tdx.qgs.header.${field}`, QGS_HEADER.rows[field].at, rule);
  if (majorVersion !== QGS_VERSION.major) throw refuse('ERR_CODEC_RANGE', 'majorVersion', `must be ${QGS_VERSION.major}, is ${majorVersion}`);
  const kind = qgsKind(type);
  if (!kind) throw refuse('ERR_CODEC_RANGE', 'type', `${type} is no kind of message`);
  if (size !== src.length) throw refuse('ERR_CODEC_LENGTH', 'size', `says ${size} bytes, but there are ${src.length}`);
  const { answer, head: layout, parts: sizes, optional, padding } = QGS_MESSAGES[kind] as MessageRow;
  if (answer ? errorCode > LARGEST_CODE : errorCode !== 0) throw refuse('ERR_CODEC_RANGE', 'errorCode', `0x${errorCode.toString(16)} is no code of ${answer ? 'an answer' : 'a request'}`);
  const { at } = reader;
  const values = reader.layout(layout) as Record<string, number>;
  const parts = Object.fromEntries(
    Object.entries(sizes).map(([name, field]) => {
      const length = values[field] ?? 0;
      const broken = errorCode === 0 ? length === 0 && !optional.includes(name) : length !== 0;
      if (broken) throw new CodecError('ERR_CODEC_LENGTH', `${layout.name}.${field}`, at + layout.locate(field).at, errorCode === 0 ? 'must not be 0' : 'must be 0 in an answer that reports an error');
      return [name, reader.bytes(length, name)];
    }),
  );
  if (errorCode === 0) reader.bytes(padding, 'padding');
  reader.end();
  const lengths = Object.values(sizes);
  return { kind, minorVersion, errorCode, numbers: Object.fromEntries(Object.entries(values).filter(([name]) => !lengths.includes(name))), parts };
}

/** What Intel's library calls a message that {@link decodeQgsMessage} refuses. */
export function qgsErrorOf({ code, path }: CodecError): QgsError {
  if (code === 'ERR_CODEC_TRUNCATED') return path.startsWith(`${QGS_HEADER.name}.`) ? 'INVALID_PARAMETER' : 'INVALID_SIZE';
  switch (path) {
    case 'tdx.qgs.header.majorVersion':
      return 'INVALID_VERSION';
    case 'tdx.qgs.header.type':
      return 'INVALID_TYPE';
    case 'tdx.qgs.header.errorCode':
      return 'INVALID_CODE';
    default:
      return 'INVALID_SIZE';
  }
}
