/**
 * The quote generation service (QGS), without a socket: bytes of a request in, bytes of the answer out. It answers as Intel's daemon does;
 * what that leaves unanswered, closing the connection, is `undefined` here.
 *
 * Source: intel/SGXDataCenterAttestationPrimitives, qgs_ql_logic.cpp and qgs_server.cpp.
 */
import { TeemuError } from '../../errors.ts';
import { TD_REPORT_SIZE } from '../module/tdreport.ts';
import { signedSize } from '../quote/quote.ts';
import { BODY_TYPES, QUOTE_HEADER } from '../quote/tables.ts';
import { decodeQgsMessage, encodeQgsMessage, QGS_ERRORS, QGS_HEADER, QGS_VERSION, type QgsError, type QgsKind, qgsKind, type QgsMessage } from './qgs-messages.ts';
import type { QuoteOptions, QuotingEnclave } from './quoting-enclave.ts';

/** Collateral as the service hands it on: bytes of a C string or of DER, each with the NUL that it may end with. */
export interface QgsCollateral {
  readonly majorVersion: number;
  readonly minorVersion: number;
  readonly pckCrlIssuerChain: Uint8Array;
  readonly rootCaCrl: Uint8Array;
  readonly pckCrl: Uint8Array;
  readonly tcbInfoIssuerChain: Uint8Array;
  readonly tcbInfo: Uint8Array;
  readonly qeIdentityIssuerChain: Uint8Array;
  readonly qeIdentity: Uint8Array;
}

/** What the service of one platform answers from. */
export interface QgsService {
  readonly quotingEnclave: QuotingEnclave;
  /** How quotes are made; as the genuine enclave does unless given. */
  readonly quoteOptions?: QuoteOptions | undefined;
  /** Collateral for an FMSPC (hex or raw, as the client sent it) and the name of a CA; without it such requests fail. */
  readonly collateral?: ((fmspc: Uint8Array, pckCa: string) => QgsCollateral | undefined) | undefined;
  /** Every answer reports this error. */
  readonly fault?: Exclude<QgsError, 'SUCCESS'> | undefined;
}

/** The answer to a kind of request. */
const ANSWERS: Readonly<Partial<Record<QgsKind, QgsKind>>> = {
  getQuoteRequest: 'getQuoteResponse',
  getCollateralRequest: 'getCollateralResponse',
  getPlatformInfoRequest: 'getPlatformInfoResponse',
};

/** The genuine service asks for a buffer that a quote of version 5 fits into, so one of version 4 ends with zeros. */
const BUFFER_PADDING = signedSize(5, BODY_TYPES.td15) - signedSize(4, BODY_TYPES.td10);

function quoteInBuffer({ quotingEnclave, quoteOptions }: QgsService, report: Uint8Array): Uint8Array {
  const quote = quotingEnclave.quote(report, quoteOptions);
  if (QUOTE_HEADER.decode(quote.subarray(0, QUOTE_HEADER.size), { reserved: 'keep' }).version === 5) return quote;
  const padded = new Uint8Array(quote.length + BUFFER_PADDING);
  padded.set(quote);
  return padded;
}

/**
 * Answers a message, which came without the frame around it.
 * @returns the answer, or undefined where the genuine service closes the connection: no message at all, another version, or a kind that is no request
 */
export function answerQgs(service: QgsService, request: Uint8Array): Uint8Array | undefined {
  const header = request.length < QGS_HEADER.size ? undefined : QGS_HEADER.decode(request.subarray(0, QGS_HEADER.size));
  const kind = header?.majorVersion === QGS_VERSION.major ? qgsKind(header.type) : undefined;
  const answer = kind && ANSWERS[kind];
  if (!answer) return undefined;
  const failed = (error: QgsError): Uint8Array => encodeQgsMessage({ kind: answer, errorCode: QGS_ERRORS[error] });
  if (service.fault) return failed(service.fault);
  try {
    const { parts } = decodeQgsMessage(request);
    const contents = contentsOf(service, kind, parts);
    return contents ? encodeQgsMessage({ kind: answer, ...contents }) : failed('UNEXPECTED');
  } catch (error) {
    // Whatever went wrong, the genuine service calls it unexpected.
    if (error instanceof TeemuError) return failed('UNEXPECTED');
    throw error;
  }
}

function contentsOf(service: QgsService, kind: QgsKind, parts: Readonly<Record<string, Uint8Array>>): Pick<QgsMessage, 'numbers' | 'parts'> | undefined {
  const { report, fmspc, pckCa } = parts;
  if (kind === 'getQuoteRequest' && report) return { parts: { quote: quoteInBuffer(service, report) } };
  if (kind === 'getPlatformInfoRequest') {
    const { quotingEnclave, pceSvn, qeId, cpuSvn } = service.quotingEnclave.platform;
    return { numbers: { tdqeIsvSvn: quotingEnclave.isvSvn, pceIsvSvn: pceSvn }, parts: { platformId: qeId, cpuSvn } };
  }
  const found = fmspc && pckCa && service.collateral?.(fmspc, Buffer.from(pckCa).toString('latin1').replace(/\0+$/, ''));
  if (!found) return undefined;
  const { majorVersion, minorVersion, ...collateral } = found;
  return { numbers: { majorVersion, minorVersion }, parts: collateral };
}

/** Answers a TDREPORT that came without message and frame. @returns the quote, or undefined where the genuine service closes the connection */
export function answerRawReport(service: QgsService, report: Uint8Array): Uint8Array | undefined {
  if (service.fault) return undefined;
  try {
    return quoteInBuffer(service, report);
  } catch (error) {
    if (error instanceof TeemuError) return undefined;
    throw error;
  }
}

const FRAME_SIZE = 4;
/** The genuine service reads no more of a request. */
export const MAX_QGS_REQUEST = 4096;

/** Puts a frame around a message: its length before it, big-endian. The same on a Unix socket and on a vsock. */
export function frameQgs(message: Uint8Array): Uint8Array {
  const framed = new Uint8Array(FRAME_SIZE + message.length);
  new DataView(framed.buffer).setUint32(0, message.length);
  framed.set(message, FRAME_SIZE);
  return framed;
}

/** A request as it came: a message out of its frame, or a bare TDREPORT. */
export interface QgsRequest {
  readonly state: 'message' | 'report';
  readonly bytes: Uint8Array;
}

/** What a client has sent so far: a request, nothing whole yet, or nothing that could ever become one. */
export type QgsInput = QgsRequest | { readonly state: 'more' } | { readonly state: 'refused' };

/** Finds the request in what a client has sent so far. A frame counts when the message in it states the same length; else it must be a TDREPORT. */
export function readQgsInput(received: Uint8Array): QgsInput {
  if (received.length < FRAME_SIZE + QGS_HEADER.size) return { state: 'more' };
  const length = new DataView(received.buffer, received.byteOffset).getUint32(0);
  const { majorVersion, type, size } = QGS_HEADER.decode(received.subarray(FRAME_SIZE, FRAME_SIZE + QGS_HEADER.size));
  if (length > 0 && size === length && majorVersion === QGS_VERSION.major && qgsKind(type)) {
    if (FRAME_SIZE + length > MAX_QGS_REQUEST) return { state: 'refused' };
    return received.length < FRAME_SIZE + length ? { state: 'more' } : { state: 'message', bytes: received.slice(FRAME_SIZE, FRAME_SIZE + length) };
  }
  if (received.length < TD_REPORT_SIZE) return { state: 'more' };
  return received.length > TD_REPORT_SIZE ? { state: 'refused' } : { state: 'report', bytes: received.slice() };
}

/** Answers what a client sent, framed as it came. @returns undefined where the connection is to be closed without an answer */
export function answerQgsInput(service: QgsService, input: QgsRequest): Uint8Array | undefined {
  if (input.state === 'report') return answerRawReport(service, input.bytes);
  const answer = answerQgs(service, input.bytes);
  return answer && frameQgs(answer);
}
