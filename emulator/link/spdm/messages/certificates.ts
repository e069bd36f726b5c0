/**
 * GET_DIGESTS to CERTIFICATE: certificate chains in slots, read a portion at a time.
 *
 * Source: DMTF DSP0274 1.1 and 1.2, "Responder identity authentication".
 */
import { createHash } from 'node:crypto';
import { Layout } from '../../../codec/layout.ts';
import { bytes, u8, u16 } from '../../../codec/rows.ts';
import { ByteReader } from '../../../codec/stream.ts';
import { CodecError } from '../../../errors.ts';
import { TAG, TlvReader } from '../../../pki/tlv.ts';
import { joined } from '../bytes.ts';
import { HASH_SIZE } from './algorithms.ts';
import { messageStart, REQUEST, RESPONSE } from './header.ts';

const SOURCE = 'DSP0274 1.2.2';
/** Slots that a device can have. */
export const SLOT_COUNT = 8;
/** Most certificates that are read from one chain. */
const MOST_CERTIFICATES = 16;

/** GET_DIGESTS. */
export const GET_DIGESTS = new Layout('spdm.getDigests', 4, `${SOURCE}, GET_DIGESTS request message format`, {
  ...messageStart(REQUEST.GET_DIGESTS),
  param1: u8(2, 'Param1: reserved'),
  param2: u8(3, 'Param2: reserved'),
});

/** The fixed part of DIGESTS; a digest of 48 bytes follows for every slot of the mask, lowest slot first. */
export const DIGESTS_HEAD = new Layout('spdm.digests', 4, `${SOURCE}, Successful DIGESTS response message format`, {
  ...messageStart(RESPONSE.DIGESTS),
  param1: u8(2, 'Param1: reserved'),
  slotMask: u8(3, 'Param2: a bit for every slot that holds a chain'),
});

/** GET_CERTIFICATE. */
export const GET_CERTIFICATE = new Layout('spdm.getCertificate', 8, `${SOURCE}, GET_CERTIFICATE request message format`, {
  ...messageStart(REQUEST.GET_CERTIFICATE),
  slot: u8(2, 'Param1: slot, 0 to 7'),
  param2: u8(3, 'Param2: reserved'),
  offset: u16(4, 'Offset: first byte of the chain that is wanted'),
  length: u16(6, 'Length: most bytes that are wanted'),
});

/** The fixed part of CERTIFICATE; the portion follows. */
export const CERTIFICATE_HEAD = new Layout('spdm.certificate', 8, `${SOURCE}, Successful CERTIFICATE response message format`, {
  ...messageStart(RESPONSE.CERTIFICATE),
  slot: u8(2, 'Param1: slot'),
  param2: u8(3, 'Param2: reserved'),
  portionLength: u16(4, 'PortionLength: bytes of the chain that follow'),
  remainderLength: u16(6, 'RemainderLength: bytes of the chain behind them'),
});

/** What a chain begins with; the certificates follow, DER, from the root (or what the root signed) to the leaf. */
export const CHAIN_HEAD = new Layout('spdm.certificateChain', 4 + HASH_SIZE, `${SOURCE}, Certificate chain format`, {
  length: u16(0, 'Length: bytes of the whole chain, these included'),
  reserved: u16(2, 'reserved'),
  rootHash: bytes(4, HASH_SIZE, 'RootHash: SHA-384 of the root certificate'),
});

/** SHA-384. */
export function sha384(src: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha384').update(src).digest());
}

/**
 * A chain as it is sent.
 * @param certificates DER, from the root to the leaf
 * @param root DER of the root, where the first certificate is only signed by it
 * @throws {RangeError} for a chain of more than 65535 bytes
 */
export function encodeChain(certificates: readonly Uint8Array[], root: Uint8Array | undefined = certificates[0]): Uint8Array {
  const length = CHAIN_HEAD.size + certificates.reduce((sum, der) => sum + der.length, 0);
  if (root === undefined || length > 0xffff) throw new RangeError(`a chain has a certificate and at most 65535 bytes, not ${certificates.length} of them and ${length}`);
  return joined([CHAIN_HEAD.encode({ length, rootHash: sha384(root) }), ...certificates]);
}

/** A chain taken apart. */
export interface CertificateChain {
  /** SHA-384 of the root certificate. */
  readonly rootHash: Uint8Array;
  /** DER, leaf last. */
  readonly certificates: readonly Uint8Array[];
}

/**
 * Takes a chain apart.
 * @throws {CodecError} when the lengths disagree, or there is no certificate or more than 16
 */
export function decodeChain(src: Uint8Array): CertificateChain {
  const reader = new ByteReader(src, CHAIN_HEAD.name);
  const { length, rootHash } = reader.layout(CHAIN_HEAD);
  if (length !== src.length) throw new CodecError('ERR_CODEC_LENGTH', `${reader.name}.length`, 0, `must be the chain's ${src.length} bytes, is ${length}`);
  const all = new TlvReader(reader.bytes(reader.left, 'certificates'), `${reader.name}.certificates`);
  const certificates: Uint8Array[] = [];
  while (all.next !== undefined) {
    if (certificates.length >= MOST_CERTIFICATES) throw all.fail(`${certificates.length}`, `more than ${MOST_CERTIFICATES} certificates`);
    certificates.push(all.whole(TAG.sequence, `${certificates.length}`));
  }
  if (certificates.length === 0) throw new CodecError('ERR_CODEC_LENGTH', `${reader.name}.certificates`, CHAIN_HEAD.size, 'there must be a certificate');
  return { rootHash, certificates };
}

/** Encodes DIGESTS. @param digests slot → SHA-384 of its chain, in order of slots */
export function encodeDigests(spdmVersion: number, digests: ReadonlyMap<number, Uint8Array>): Uint8Array {
  const slotMask = [...digests.keys()].reduce((mask, slot) => mask | (1 << slot), 0);
  return joined([DIGESTS_HEAD.encode({ spdmVersion, slotMask }), ...digests.values()]);
}

/** Takes DIGESTS apart: slot → digest. Padding of the transport behind it is left out. @throws {CodecError} */
export function decodeDigests(src: Uint8Array): Map<number, Uint8Array> {
  const reader = new ByteReader(src, DIGESTS_HEAD.name);
  const { slotMask } = reader.layout(DIGESTS_HEAD);
  const slots = Array.from({ length: SLOT_COUNT }, (_, slot) => slot).filter((slot) => (slotMask & (1 << slot)) !== 0);
  return new Map(slots.map((slot) => [slot, reader.bytes(HASH_SIZE, `digest${slot}`)]));
}

/** Encodes CERTIFICATE with the part of `chain` that a request asks for, at most `most` bytes of it. @param offset below the chain's length */
export function encodeCertificate(spdmVersion: number, chain: Uint8Array, { slot, offset, length }: { slot: number; offset: number; length: number }, most: number): Uint8Array {
  const portion = chain.subarray(offset, offset + Math.min(length, most));
  return joined([CERTIFICATE_HEAD.encode({ spdmVersion, slot, portionLength: portion.length, remainderLength: chain.length - offset - portion.length }), portion]);
}

/** A CERTIFICATE response: its portion of a chain, and how much is left behind it. */
export interface CertificatePortion {
  readonly slot: number;
  readonly portion: Uint8Array;
  readonly remainder: number;
}

/** Takes CERTIFICATE apart. @throws {CodecError} */
export function decodeCertificate(src: Uint8Array): CertificatePortion {
  const reader = new ByteReader(src, CERTIFICATE_HEAD.name);
  const { slot, portionLength, remainderLength } = reader.layout(CERTIFICATE_HEAD);
  return { slot: slot & 0xf, portion: reader.bytes(portionLength, 'portion'), remainder: remainderLength };
}

/** A chain as it comes in, portion by portion. */
export class ChainCollector {
  readonly slot: number;
  readonly #parts: Uint8Array[] = [];
  #size = 0;
  #total: number | undefined;

  constructor(slot: number) {
    this.slot = slot;
  }

  /** Bytes that are there: offset of the next portion. */
  get size(): number {
    return this.#size;
  }

  /**
   * Takes the next portion.
   * @returns the whole chain, once it is there
   * @throws {CodecError} when the portion is empty, of another slot, or says another length than the ones before
   */
  add({ slot, portion, remainder }: CertificatePortion): Uint8Array | undefined {
    const fail = (field: string, at: number, rule: string): CodecError => new CodecError('ERR_CODEC_RANGE', `${CERTIFICATE_HEAD.name}.${field}`, at, rule);
    if (slot !== this.slot) throw fail('slot', 2, `must be ${this.slot}, is ${slot}`);
    if (portion.length === 0) throw fail('portionLength', 4, 'must not be 0');
    const total = this.#size + portion.length + remainder;
    this.#total ??= total;
    if (total !== this.#total || total > 0xffff) throw fail('remainderLength', 6, `the chain had ${this.#total} bytes, now it has ${total}`);
    this.#parts.push(portion);
    this.#size += portion.length;
    return remainder === 0 ? joined(this.#parts) : undefined;
  }
}
