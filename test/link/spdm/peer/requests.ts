/**
 * Requests of SPDM 1.1 and 1.2, written byte by byte and on purpose without anything of `emulator/link`: what a responder is judged by
 * must not share its mistakes. Every field can be set, to what the specification forbids too.
 */

/** SPDMVersion byte of a connection. */
export type Version = 0x11 | 0x12;

/** Request codes (DSP0274, SPDM request codes). */
export const REQUEST = {
  GET_DIGESTS: 0x81,
  GET_CERTIFICATE: 0x82,
  CHALLENGE: 0x83,
  GET_VERSION: 0x84,
  CHUNK_SEND: 0x85,
  CHUNK_GET: 0x86,
  GET_MEASUREMENTS: 0xe0,
  GET_CAPABILITIES: 0xe1,
  NEGOTIATE_ALGORITHMS: 0xe3,
  KEY_EXCHANGE: 0xe4,
  FINISH: 0xe5,
  PSK_EXCHANGE: 0xe6,
  PSK_FINISH: 0xe7,
  HEARTBEAT: 0xe8,
  KEY_UPDATE: 0xe9,
  GET_ENCAPSULATED_REQUEST: 0xea,
  DELIVER_ENCAPSULATED_RESPONSE: 0xeb,
  END_SESSION: 0xec,
  GET_CSR: 0xed,
  SET_CERTIFICATE: 0xee,
  VENDOR_DEFINED_REQUEST: 0xfe,
  RESPOND_IF_READY: 0xff,
} as const;

/** Response codes (DSP0274, SPDM response codes). */
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

/** Error codes (DSP0274, Error code and error data). */
export const ERROR = {
  InvalidRequest: 0x01,
  InvalidSession: 0x02,
  UnexpectedRequest: 0x04,
  Unspecified: 0x05,
  DecryptError: 0x06,
  UnsupportedRequest: 0x07,
  RequestInFlight: 0x08,
  InvalidResponseCode: 0x09,
  SessionLimitExceeded: 0x0a,
  SessionRequired: 0x0b,
  RequestResynch: 0x43,
  VersionMismatch: 0x41,
} as const;

/** Capability bits; the same place in the request and the response, except that only a responder has CACHE and MEAS. */
export const CAP = {
  CACHE: 1 << 0,
  CERT: 1 << 1,
  CHAL: 1 << 2,
  MEAS_SIG: 2 << 3,
  MEAS: 3 << 3,
  MEAS_FRESH: 1 << 5,
  ENCRYPT: 1 << 6,
  MAC: 1 << 7,
  MUT_AUTH: 1 << 8,
  KEY_EX: 1 << 9,
  PSK: 3 << 10,
  PSK_1: 1 << 10,
  ENCAP: 1 << 12,
  HBEAT: 1 << 13,
  KEY_UPD: 1 << 14,
  HANDSHAKE_IN_THE_CLEAR: 1 << 15,
  PUB_KEY_ID: 1 << 16,
  CHUNK: 1 << 17,
} as const;

/** What the tests' requester says of itself unless a rule wants otherwise: no mutual authentication. */
export const REQUESTER_FLAGS = CAP.CERT | CAP.CHAL | CAP.ENCRYPT | CAP.MAC | CAP.KEY_EX | CAP.ENCAP | CAP.HBEAT | CAP.KEY_UPD;

/** Parts as bytes, numbers as little-endian integers of so many bytes. */
export const le = (value: number, size: number): Uint8Array => {
  const bytes = Buffer.alloc(size);
  bytes.writeUIntLE(value, 0, size);
  return bytes;
};

/** A message: its four-byte head and what follows. */
export function message(version: number, code: number, param1 = 0, param2 = 0, ...rest: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([Uint8Array.of(version, code, param1, param2), ...rest]);
}

/** GET_VERSION, which always says 1.0. */
export const getVersion = (version = 0x10): Uint8Array => message(version, REQUEST.GET_VERSION);

/** What of a GET_CAPABILITIES can be set. */
export interface CapabilitiesFields {
  readonly param1?: number;
  readonly param2?: number;
  readonly ctExponent?: number;
  readonly flags?: number;
  readonly dataTransferSize?: number;
  readonly maxMessageSize?: number;
}

/** GET_CAPABILITIES: 12 bytes in 1.1, 20 in 1.2. */
export function getCapabilities(version: number, fields: CapabilitiesFields = {}): Uint8Array {
  const { param1 = 0, param2 = 0, ctExponent = 0, flags = REQUESTER_FLAGS, dataTransferSize = 0x1200, maxMessageSize = dataTransferSize } = fields;
  const sizes = version >= 0x12 ? [le(dataTransferSize, 4), le(maxMessageSize, 4)] : [];
  return message(version, REQUEST.GET_CAPABILITIES, param1, param2, Uint8Array.of(0, ctExponent, 0, 0), le(flags >>> 0, 4), ...sizes);
}

/** One algorithm table of NEGOTIATE_ALGORITHMS: type, fixed and external count, the bits. */
export interface AlgorithmTable {
  readonly type: number;
  readonly count?: number;
  readonly supported: number;
  /** External algorithms, 4 bytes each. */
  readonly external?: number;
}

/** DHE, AEAD, requester's signatures and key schedule of the H100's connection. */
export const TABLES: readonly AlgorithmTable[] = [
  { type: 2, supported: 0x10 },
  { type: 3, supported: 2 },
  { type: 4, supported: 8 },
  { type: 5, supported: 1 },
];

/** Everything that DSP0274 1.1 names, as the conformance suite offers it. */
export const EVERY_TABLE: readonly AlgorithmTable[] = [
  { type: 2, supported: 0x3f },
  { type: 3, supported: 7 },
  { type: 4, supported: 0x1ff },
  { type: 5, supported: 1 },
];

/** What of a NEGOTIATE_ALGORITHMS can be set. */
export interface AlgorithmsFields {
  readonly param1?: number;
  readonly param2?: number;
  readonly length?: number;
  readonly lengthDelta?: number;
  readonly measurementSpecification?: number;
  readonly otherParams?: number;
  readonly baseAsym?: number;
  readonly baseHash?: number;
  readonly extAsymCount?: number;
  readonly extHashCount?: number;
  readonly tables?: readonly AlgorithmTable[];
}

/** NEGOTIATE_ALGORITHMS. */
export function negotiateAlgorithms(version: number, fields: AlgorithmsFields = {}): Uint8Array {
  const {
    tables = TABLES,
    param1 = tables.length,
    param2 = 0,
    measurementSpecification = 1,
    otherParams = version >= 0x12 ? 2 : 0,
    baseAsym = 0x80,
    baseHash = 2,
    extAsymCount = 0,
    extHashCount = 0,
    lengthDelta = 0,
  } = fields;
  const body = tables.map(({ type, supported, external = 0, count = 0x20 | external }) => Buffer.concat([Uint8Array.of(type, count), le(supported, 2), Buffer.alloc(4 * external)]));
  const tail = [Buffer.alloc(12), Uint8Array.of(extAsymCount, extHashCount, 0, 0), Buffer.alloc(4 * (extAsymCount + extHashCount)), ...body];
  const length = (fields.length ?? 16 + tail.reduce((sum, part) => sum + part.length, 0)) + lengthDelta;
  return message(version, REQUEST.NEGOTIATE_ALGORITHMS, param1, param2, le(length, 2), Uint8Array.of(measurementSpecification, otherParams), le(baseAsym, 4), le(baseHash, 4), ...tail);
}

/** GET_CERTIFICATE of a slot. */
export const getCertificate = (version: number, slot = 0, offset = 0, length = 0x400, param2 = 0): Uint8Array => message(version, REQUEST.GET_CERTIFICATE, slot, param2, le(offset, 2), le(length, 2));

/** CHALLENGE; `summary` is 0, 1 (TCB) or 0xff (all). */
export const challenge = (version: number, nonce: Uint8Array, slot = 0, summary = 0): Uint8Array => message(version, REQUEST.CHALLENGE, slot, summary, nonce);

/** GET_MEASUREMENTS; signed when a nonce is given. */
export const getMeasurements = (version: number, operation: number, signed?: { readonly nonce: Uint8Array; readonly slot?: number }): Uint8Array =>
  message(version, REQUEST.GET_MEASUREMENTS, signed ? 1 : 0, operation, ...(signed ? [signed.nonce, Uint8Array.of(signed.slot ?? 0)] : []));

/** What of a KEY_EXCHANGE can be set. */
export interface KeyExchangeFields {
  readonly summary?: number;
  readonly slot?: number;
  readonly requesterSessionId?: number;
  readonly policy?: number;
  readonly random: Uint8Array;
  /** X and Y, 96 bytes. */
  readonly exchangeData: Uint8Array;
  readonly opaque?: Uint8Array;
  readonly opaqueLength?: number;
}

/** KEY_EXCHANGE. */
export function keyExchange(version: number, fields: KeyExchangeFields): Uint8Array {
  const { summary = 0, slot = 0, requesterSessionId = 0xfffe, policy = 0, random, exchangeData, opaque = supportedVersions(version), opaqueLength = opaque.length } = fields;
  return message(version, REQUEST.KEY_EXCHANGE, summary, slot, le(requesterSessionId, 2), Uint8Array.of(policy, 0), random, exchangeData, le(opaqueLength, 2), opaque);
}

/** The list of secured message versions (1.0, 1.1, 1.2), in the opaque data format of the version (DSP0277, secured message opaque data). */
export function supportedVersions(version: number, versions: readonly number[] = [0x1000, 0x1100, 0x1200]): Uint8Array {
  const data = Buffer.concat([Uint8Array.of(1, 1, versions.length), ...versions.map((v) => le(v, 2))]);
  const head = version >= 0x12 ? Uint8Array.of(1, 0, 0, 0) : Buffer.concat([le(0x444d5446, 4), Uint8Array.of(1, 1, 0, 0)]);
  const element = Buffer.concat([Uint8Array.of(0, 0), le(data.length, 2), data]);
  return Buffer.concat([head, element, Buffer.alloc((4 - (element.length % 4)) % 4)]);
}
