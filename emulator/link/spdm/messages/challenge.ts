/**
 * CHALLENGE and CHALLENGE_AUTH. An H100 does not have them; the full profile does.
 *
 * Source: DMTF DSP0274 1.1 and 1.2, "CHALLENGE request message".
 */
import { Layout } from '../../../codec/layout.ts';
import { bit, bitRange, bits, bytes, reservedBits, u8 } from '../../../codec/rows.ts';
import { ByteReader } from '../../../codec/stream.ts';
import { joined, u16Bytes } from '../bytes.ts';
import { HASH_SIZE, RANDOM_SIZE, SIGNATURE_SIZE } from './algorithms.ts';
import { messageStart, REQUEST, RESPONSE } from './header.ts';

/** Which measurements a summary hash is over: Param2 of CHALLENGE, Param1 of KEY_EXCHANGE. */
export const SUMMARY = { none: 0, tcb: 1, all: 0xff } as const;
export const SUMMARY_NAMES = { 0: 'no measurement summary hash', 1: 'hash over the measurements of the TCB', 255: 'hash over all measurements' };
/** Longest opaque data that a message may have, in bytes. */
export const MAX_OPAQUE_SIZE = 1024;

/** CHALLENGE. */
export const CHALLENGE = new Layout('spdm.challenge', 36, 'DSP0274 1.2.2, CHALLENGE request message format', {
  ...messageStart(REQUEST.CHALLENGE),
  slot: u8(2, 'Param1: slot whose key is to sign, 0 to 7; 0xff for a key that was provisioned'),
  summary: u8(3, 'Param2: measurement summary hash type', { names: SUMMARY_NAMES }),
  nonce: bytes(4, RANDOM_SIZE, 'Nonce: the requester’s'),
});

/** The fixed part of CHALLENGE_AUTH. The summary hash, if there is one, the opaque data behind its 2-byte length, and the signature follow. */
export const CHALLENGE_AUTH_HEAD = new Layout('spdm.challengeAuth', 4 + HASH_SIZE + RANDOM_SIZE, 'DSP0274 1.2.2, Successful CHALLENGE_AUTH response message format', {
  ...messageStart(RESPONSE.CHALLENGE_AUTH),
  attributes: bits(2, 1, 'Param1: response attribute', {
    slot: bitRange(0, 4, 'slot whose key signed'),
    reserved4: reservedBits(4, 3),
    basicMutualAuth: bit(7, 'BasicMutAuthReq: the responder wants to challenge in turn; deprecated'),
  }),
  slotMask: u8(3, 'Param2: a bit for every slot that holds a chain'),
  chainHash: bytes(4, HASH_SIZE, 'CertChainHash: SHA-384 of the chain'),
  nonce: bytes(4 + HASH_SIZE, RANDOM_SIZE, 'Nonce: the responder’s'),
});

/** CHALLENGE_AUTH taken apart. */
export interface ChallengeAuth {
  readonly slot: number;
  readonly slotMask: number;
  /** Whether the responder wants to challenge in turn. */
  readonly basicMutualAuth: boolean;
  readonly chainHash: Uint8Array;
  readonly nonce: Uint8Array;
  /** 48 bytes, or none. */
  readonly summary: Uint8Array;
  readonly opaque: Uint8Array;
}

/** Encodes CHALLENGE_AUTH up to the signature. */
export function encodeChallengeAuth(spdmVersion: number, { slot, slotMask, basicMutualAuth, chainHash, nonce, summary, opaque }: ChallengeAuth): Uint8Array {
  return joined([CHALLENGE_AUTH_HEAD.encode({ spdmVersion, attributes: { slot, reserved4: 0, basicMutualAuth: basicMutualAuth ? 1 : 0 }, slotMask, chainHash, nonce }), summary, u16Bytes(opaque.length), opaque]);
}

/**
 * Takes CHALLENGE_AUTH apart.
 * @param withSummary whether a summary hash was asked for @param signatureSize other than a responder's for a requester
 * @returns what it says, the signature, and the bytes before it
 * @throws {CodecError}
 */
export function decodeChallengeAuth(src: Uint8Array, withSummary: boolean, signatureSize: number = SIGNATURE_SIZE): ChallengeAuth & { readonly signed: Uint8Array; readonly signature: Uint8Array } {
  const reader = new ByteReader(src, CHALLENGE_AUTH_HEAD.name);
  const { attributes, slotMask, chainHash, nonce } = reader.layout(CHALLENGE_AUTH_HEAD, { reserved: 'keep' });
  const summary = reader.bytes(withSummary ? HASH_SIZE : 0, 'summary');
  const opaque = reader.bytes(reader.u16('opaqueLength'), 'opaque');
  const signed = src.slice(0, reader.at);
  return { slot: attributes.slot, slotMask, basicMutualAuth: attributes.basicMutualAuth === 1, chainHash, nonce, summary, opaque, signed, signature: reader.bytes(signatureSize, 'signature') };
}
