/**
 * KEY_EXCHANGE to FINISH_RSP: how a session comes to be.
 *
 * Source: DMTF DSP0274 1.1 and 1.2, "KEY_EXCHANGE request message" and "FINISH request message".
 */
import { Layout } from '../../../codec/layout.ts';
import { bit, bitRange, bits, bytes, reserved, reservedBits, u8, u16 } from '../../../codec/rows.ts';
import { ByteReader } from '../../../codec/stream.ts';
import { CodecError } from '../../../errors.ts';
import { joined, u16Bytes } from '../bytes.ts';
import { EXCHANGE_SIZE, HASH_SIZE, RANDOM_SIZE, REQUESTER_SIGNATURE_SIZE, SIGNATURE_SIZE } from './algorithms.ts';
import { MAX_OPAQUE_SIZE, SUMMARY_NAMES } from './challenge.ts';
import { messageStart, REQUEST, RESPONSE } from './header.ts';

const SOURCE = 'DSP0274 1.2.2';
const RANDOM_AT = 8;
const EXCHANGE_AT = RANDOM_AT + RANDOM_SIZE;
const EXCHANGE_END = EXCHANGE_AT + EXCHANGE_SIZE;

/** The fixed part of KEY_EXCHANGE; the opaque data follows behind its 2-byte length. */
export const KEY_EXCHANGE_HEAD = new Layout('spdm.keyExchange', EXCHANGE_END, `${SOURCE}, KEY_EXCHANGE request message format`, {
  ...messageStart(REQUEST.KEY_EXCHANGE),
  summary: u8(2, 'Param1: measurement summary hash type', { names: SUMMARY_NAMES }),
  slot: u8(3, 'Param2: slot whose key is to sign, 0 to 7; 0xff for a key that was provisioned'),
  requesterSessionId: u16(4, 'ReqSessionID: lower half of the session id'),
  policy: bits(6, 1, 'SessionPolicy, SPDM 1.2; reserved in 1.1', { terminationPolicy: bit(0, 'the session lives on when the responder changes its measured state'), reserved1: reservedBits(1, 7) }),
  reserved7: reserved(7, 1),
  random: bytes(RANDOM_AT, RANDOM_SIZE, 'RandomData: the requester’s'),
  exchange: bytes(EXCHANGE_AT, EXCHANGE_SIZE, 'ExchangeData: the requester’s point on secp384r1, X and Y, big-endian'),
});

/** Ways to ask for mutual authentication, one at most. */
export const MUTUAL_AUTH = { none: 0, direct: 1, encapsulated: 2, digests: 4 } as const;

/** The fixed part of KEY_EXCHANGE_RSP. The summary hash, if there is one, the opaque data behind its 2-byte length, the signature and, unless the handshake is in the clear, the verify data follow. */
export const KEY_EXCHANGE_RSP_HEAD = new Layout('spdm.keyExchangeRsp', EXCHANGE_END, `${SOURCE}, Successful KEY_EXCHANGE_RSP response message format`, {
  ...messageStart(RESPONSE.KEY_EXCHANGE_RSP),
  heartbeatPeriod: u8(2, 'Param1: heartbeat period in seconds; 0 for no heartbeat'),
  param2: u8(3, 'Param2: reserved'),
  responderSessionId: u16(4, 'RspSessionID: upper half of the session id'),
  mutualAuth: u8(6, 'MutAuthRequested', { names: { 0: 'none', 1: 'without encapsulated requests', 2: 'with encapsulated requests', 4: 'with encapsulated requests, the first of them GET_DIGESTS and left out' } }),
  requesterSlot: bits(7, 1, 'SlotIDParam', { slot: bitRange(0, 4, 'slot of the requester that is to sign'), reserved4: reservedBits(4, 4) }),
  random: bytes(RANDOM_AT, RANDOM_SIZE, 'RandomData: the responder’s'),
  exchange: bytes(EXCHANGE_AT, EXCHANGE_SIZE, 'ExchangeData: the responder’s point on secp384r1, X and Y, big-endian'),
});

/** The fixed part of FINISH. The signature, if it is there, and the verify data follow. */
export const FINISH_HEAD = new Layout('spdm.finish', 4, `${SOURCE}, FINISH request message format`, {
  ...messageStart(REQUEST.FINISH),
  signed: u8(2, 'Param1: bit 0, the requester signs'),
  requesterSlot: u8(3, 'Param2: slot of the requester that signs'),
});

/** FINISH_RSP; the verify data follows if the handshake is in the clear. */
export const FINISH_RSP_HEAD = new Layout('spdm.finishRsp', 4, `${SOURCE}, Successful FINISH_RSP response message format`, {
  ...messageStart(RESPONSE.FINISH_RSP),
  param1: u8(2, 'Param1: reserved'),
  param2: u8(3, 'Param2: reserved'),
});

/** KEY_EXCHANGE taken apart. */
export interface KeyExchange {
  /** One of `SUMMARY`. */
  readonly summary: number;
  readonly slot: number;
  readonly requesterSessionId: number;
  /** Bit 0: termination policy. */
  readonly terminationPolicy: number;
  /** 32 bytes. */
  readonly random: Uint8Array;
  /** X ‖ Y, 96 bytes. */
  readonly exchange: Uint8Array;
  readonly opaque: Uint8Array;
}

/** Encodes KEY_EXCHANGE. */
export function encodeKeyExchange(spdmVersion: number, { terminationPolicy, opaque, ...rest }: KeyExchange): Uint8Array {
  return joined([KEY_EXCHANGE_HEAD.encode({ spdmVersion, ...rest, policy: { terminationPolicy, reserved1: 0 } }), u16Bytes(opaque.length), opaque]);
}

/** Takes KEY_EXCHANGE apart. @returns also how many bytes it has; padding of the transport is behind them @throws {CodecError} */
export function decodeKeyExchange(src: Uint8Array): KeyExchange & { readonly length: number } {
  const reader = new ByteReader(src, KEY_EXCHANGE_HEAD.name);
  const { summary, slot, requesterSessionId, policy, random, exchange } = reader.layout(KEY_EXCHANGE_HEAD, { reserved: 'keep' });
  const opaque = opaqueOf(reader);
  return { summary, slot, requesterSessionId, terminationPolicy: policy.terminationPolicy, random, exchange, opaque, length: reader.at };
}

/** KEY_EXCHANGE_RSP up to its signature. */
export interface KeyExchangeRsp {
  /** Seconds. */
  readonly heartbeatPeriod: number;
  readonly responderSessionId: number;
  /** One of {@link MUTUAL_AUTH}. */
  readonly mutualAuth: number;
  readonly requesterSlot: number;
  /** 32 bytes. */
  readonly random: Uint8Array;
  /** X ‖ Y, 96 bytes. */
  readonly exchange: Uint8Array;
  /** 48 bytes, or none. */
  readonly summary: Uint8Array;
  readonly opaque: Uint8Array;
}

/** Encodes KEY_EXCHANGE_RSP up to the signature. */
export function encodeKeyExchangeRsp(spdmVersion: number, { requesterSlot, summary, opaque, ...rest }: KeyExchangeRsp): Uint8Array {
  return joined([KEY_EXCHANGE_RSP_HEAD.encode({ spdmVersion, ...rest, requesterSlot: { slot: requesterSlot, reserved4: 0 } }), summary, u16Bytes(opaque.length), opaque]);
}

/**
 * Takes KEY_EXCHANGE_RSP apart.
 * @param withSummary whether a summary hash was asked for @param withVerifyData whether the handshake is encrypted
 * @returns what it says, the bytes before the signature, the signature, and the verify data: 48 bytes or none
 * @throws {CodecError}
 */
export function decodeKeyExchangeRsp(src: Uint8Array, withSummary: boolean, withVerifyData = true): KeyExchangeRsp & { readonly signed: Uint8Array; readonly signature: Uint8Array; readonly verifyData: Uint8Array } {
  const reader = new ByteReader(src, KEY_EXCHANGE_RSP_HEAD.name);
  const { heartbeatPeriod, responderSessionId, mutualAuth, requesterSlot, random, exchange } = reader.layout(KEY_EXCHANGE_RSP_HEAD, { reserved: 'keep' });
  const summary = reader.bytes(withSummary ? HASH_SIZE : 0, 'summary');
  const opaque = opaqueOf(reader);
  const signed = src.slice(0, reader.at);
  const signature = reader.bytes(SIGNATURE_SIZE, 'signature');
  const verifyData = reader.bytes(withVerifyData ? HASH_SIZE : 0, 'verifyData');
  return { heartbeatPeriod, responderSessionId, mutualAuth, requesterSlot: requesterSlot.slot, random, exchange, summary, opaque, signed, signature, verifyData };
}

/** FINISH taken apart. */
export interface Finish {
  /** The header. */
  readonly head: Uint8Array;
  readonly requesterSlot: number;
  /** 384 bytes, or none. */
  readonly signature: Uint8Array;
  /** 48 bytes. */
  readonly verifyData: Uint8Array;
}

/** Whether a FINISH says that it is signed; on a message of at least 4 bytes. */
export function finishIsSigned(src: Uint8Array): boolean {
  return (FINISH_HEAD.decode(src.subarray(0, FINISH_HEAD.size)).signed & 1) === 1;
}

/** Takes FINISH apart. @throws {CodecError} */
export function decodeFinish(src: Uint8Array): Finish {
  const reader = new ByteReader(src, FINISH_HEAD.name);
  const { signed, requesterSlot } = reader.layout(FINISH_HEAD);
  const signature = reader.bytes((signed & 1) === 1 ? REQUESTER_SIGNATURE_SIZE : 0, 'signature');
  return { head: src.slice(0, FINISH_HEAD.size), requesterSlot, signature, verifyData: reader.bytes(HASH_SIZE, 'verifyData') };
}

function opaqueOf(reader: ByteReader): Uint8Array {
  const { at } = reader;
  const length = reader.u16('opaqueLength');
  if (length > MAX_OPAQUE_SIZE) throw new CodecError('ERR_CODEC_RANGE', `${reader.name}.opaqueLength`, at, `at most ${MAX_OPAQUE_SIZE} bytes, is ${length}`);
  return reader.bytes(length, 'opaque');
}
