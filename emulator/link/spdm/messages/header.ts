/**
 * What all SPDM messages have in common: the header, the codes of requests and responses, and ERROR.
 *
 * Source: DMTF DSP0274 1.1 and 1.2, "SPDM messages" and "ERROR response message".
 */
import { Layout } from '../../../codec/layout.ts';
import { u8 } from '../../../codec/rows.ts';

/** SPDM versions that can be negotiated, as the first byte of a message has them. GET_VERSION and VERSION are always of version 1.0. */
export const SPDM_VERSION = { v10: 0x10, v11: 0x11, v12: 0x12 } as const;
/** A version that a connection can have. */
export type SpdmVersion = 0x11 | 0x12;

/** Request codes. */
export const REQUEST = {
  GET_DIGESTS: 0x81,
  GET_CERTIFICATE: 0x82,
  CHALLENGE: 0x83,
  GET_VERSION: 0x84,
  GET_MEASUREMENTS: 0xe0,
  GET_CAPABILITIES: 0xe1,
  NEGOTIATE_ALGORITHMS: 0xe3,
  KEY_EXCHANGE: 0xe4,
  FINISH: 0xe5,
  HEARTBEAT: 0xe8,
  KEY_UPDATE: 0xe9,
  GET_ENCAPSULATED_REQUEST: 0xea,
  DELIVER_ENCAPSULATED_RESPONSE: 0xeb,
  END_SESSION: 0xec,
  RESPOND_IF_READY: 0xff,
} as const;

/** Response codes. */
export const RESPONSE = {
  DIGESTS: 0x01,
  CERTIFICATE: 0x02,
  CHALLENGE_AUTH: 0x03,
  VERSION: 0x04,
  MEASUREMENTS: 0x60,
  CAPABILITIES: 0x61,
  ALGORITHMS: 0x63,
  KEY_EXCHANGE_RSP: 0x64,
  FINISH_RSP: 0x65,
  HEARTBEAT_ACK: 0x68,
  KEY_UPDATE_ACK: 0x69,
  ENCAPSULATED_REQUEST: 0x6a,
  ENCAPSULATED_RESPONSE_ACK: 0x6b,
  END_SESSION_ACK: 0x6c,
  ERROR: 0x7f,
} as const;

/** Param1 of ERROR. The codes above MessageLost and below VersionMismatch came with SPDM 1.3, and are not here. */
export const ERROR_CODE = {
  InvalidRequest: 0x01,
  InvalidSession: 0x02,
  Busy: 0x03,
  UnexpectedRequest: 0x04,
  Unspecified: 0x05,
  DecryptError: 0x06,
  UnsupportedRequest: 0x07,
  RequestInFlight: 0x08,
  InvalidResponseCode: 0x09,
  SessionLimitExceeded: 0x0a,
  /** SPDM 1.2. */
  SessionRequired: 0x0b,
  /** SPDM 1.2. */
  ResetRequired: 0x0c,
  /** SPDM 1.2. */
  ResponseTooLarge: 0x0d,
  /** SPDM 1.2. */
  RequestTooLarge: 0x0e,
  /** SPDM 1.2. */
  LargeResponse: 0x0f,
  /** SPDM 1.2. */
  MessageLost: 0x10,
  VersionMismatch: 0x41,
  ResponseNotReady: 0x42,
  RequestResynch: 0x43,
  VendorDefined: 0xff,
} as const;
export type ErrorName = keyof typeof ERROR_CODE;

/** Value → name, for the rows of tables. */
function namesOf(codes: Readonly<Record<string, number>>): Record<number, string> {
  return Object.fromEntries(Object.entries(codes).map(([name, code]) => [code, name]));
}

const CODE_NAMES = { ...namesOf(REQUEST), ...namesOf(RESPONSE) };
const VERSION_NAMES = { 16: 'SPDM 1.0', 17: 'SPDM 1.1', 18: 'SPDM 1.2' };

/** The first two bytes of every message. @param code what stands in the second one unless the caller says otherwise */
export function messageStart(code: number): { spdmVersion: ReturnType<typeof u8>; code: ReturnType<typeof u8> } {
  return {
    spdmVersion: u8(0, 'SPDMVersion: major and minor version, a nibble each', { names: VERSION_NAMES, initial: SPDM_VERSION.v11 }),
    code: u8(1, 'RequestResponseCode', { names: CODE_NAMES, initial: code }),
  };
}

/** The header that every message begins with, whatever it is. */
export const MESSAGE_HEADER = new Layout('spdm.message', 4, 'DSP0274 1.2.2, Generic SPDM message format', {
  ...messageStart(0),
  param1: u8(2, 'Param1: of the message, see its table'),
  param2: u8(3, 'Param2: of the message, see its table'),
});
/** Length of {@link MESSAGE_HEADER} in bytes. */
export const HEADER_SIZE: number = MESSAGE_HEADER.size;

/** ERROR. ResponseNotReady has {@link RESPONSE_NOT_READY} behind it. */
export const ERROR = new Layout('spdm.error', 4, 'DSP0274 1.2.2, ERROR response message format', {
  ...messageStart(RESPONSE.ERROR),
  errorCode: u8(2, 'Param1: error code', { names: namesOf(ERROR_CODE) }),
  errorData: u8(3, 'Param2: error data; the request code of UnsupportedRequest, else 0'),
});

/** What ERROR with ResponseNotReady says more. */
export const RESPONSE_NOT_READY = new Layout('spdm.responseNotReady', 4, 'DSP0274 1.2.2, ResponseNotReady extended error data', {
  rdtExponent: u8(0, 'RDTExponent: the answer is there after 2 to this power microseconds'),
  requestCode: u8(1, 'RequestCode: of the request that is not answered yet', { names: CODE_NAMES }),
  token: u8(2, 'Token: names that request in RESPOND_IF_READY'),
  rdtm: u8(3, 'RDTM: the answer is kept so many times as long'),
});

/** RESPOND_IF_READY. */
export const RESPOND_IF_READY = new Layout('spdm.respondIfReady', 4, 'DSP0274 1.2.2, RESPOND_IF_READY request message format', {
  ...messageStart(REQUEST.RESPOND_IF_READY),
  requestCode: u8(2, 'Param1: code of the request that was put off', { names: CODE_NAMES }),
  token: u8(3, 'Param2: token of that ERROR message'),
});

/** Name of a code as the specification writes it; hexadecimal for one that it does not know. */
export function codeName(code: number): string {
  return CODE_NAMES[code] ?? `0x${code.toString(16).padStart(2, '0')}`;
}

/** Name of an error code; hexadecimal for one that this implementation does not know. */
export function errorName(code: number): string {
  return Object.entries(ERROR_CODE).find(([, value]) => value === code)?.[0] ?? `0x${code.toString(16).padStart(2, '0')}`;
}
