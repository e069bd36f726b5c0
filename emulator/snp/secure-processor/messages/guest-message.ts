/** The page in which guest and firmware write to each other by way of the host: a header in the clear, a payload sealed under a VMPCK. */
import { Layout } from '../../../codec/layout.ts';
import { bytes, reserved, u16, u64, u8 } from '../../../codec/rows.ts';
import { open, seal, type SealContext, TAG_SIZE } from '../../../crypto/seal.ts';
import { CodecError } from '../../../errors.ts';
import { PAGE_SIZE } from '../../launch/page-info.ts';

const ALGORITHM_AES_256_GCM = 1;
const HEADER_VERSION = 1;
const HEADER_SIZE = 0x60;
const IV_SIZE = 12;

/** Types of message; an answer's is that of its request and one. Source: AMD 56860 SEV-SNP Firmware ABI, Message Type Encodings. */
export const MESSAGE_TYPES = {
  cpuidRequest: 1,
  cpuidResponse: 2,
  keyRequest: 3,
  keyResponse: 4,
  reportRequest: 5,
  reportResponse: 6,
  exportRequest: 7,
  exportResponse: 8,
  importRequest: 9,
  importResponse: 10,
  absorbRequest: 11,
  absorbResponse: 12,
  vmrkRequest: 13,
  vmrkResponse: 14,
  tscInfoRequest: 17,
  tscInfoResponse: 18,
} as const;

/** The header. From `algorithm` on it is authenticated with the payload; the sequence number is, as the IV. */
export const GUEST_MESSAGE_HEADER = new Layout('snp.guest-message', HEADER_SIZE, 'AMD 56860 SEV-SNP Firmware ABI, Guest Message Header', {
  authTag: bytes(0x00, TAG_SIZE, 'authentication tag'),
  reserved10: reserved(0x10, 16, 'rest of the tag, which AES-256-GCM leaves zero'),
  sequence: u64(0x20, 'sequence number: odd for requests, the next even one for the answer'),
  reserved28: reserved(0x28, 8),
  algorithm: u8(0x30, 'how the payload is sealed', { names: { [ALGORITHM_AES_256_GCM]: 'AES-256-GCM' }, initial: ALGORITHM_AES_256_GCM }),
  headerVersion: u8(0x31, 'version of this header', { initial: HEADER_VERSION }),
  headerSize: u16(0x32, 'length of this header', { initial: HEADER_SIZE }),
  messageType: u8(0x34, 'what the payload is', { names: Object.fromEntries(Object.entries(MESSAGE_TYPES).map(([name, value]) => [value, name])) }),
  messageVersion: u8(0x35, 'version of the payload'),
  messageSize: u16(0x36, 'length of the payload'),
  reserved38: reserved(0x38, 4),
  vmpck: u8(0x3c, 'which message key: 0 to 3'),
  reserved3d: reserved(0x3d, 35),
});

/** Room for the payload after the header. */
export const MAX_PAYLOAD = PAGE_SIZE - HEADER_SIZE;

/** What a header says that is not the same in all of them. */
export interface GuestMessage {
  /** One of {@link MESSAGE_TYPES}. */
  readonly type: number;
  readonly version: number;
  /** 64 bits. */
  readonly sequence: bigint;
  /** 0 to 3. */
  readonly vmpck: number;
}

const AAD_AT = GUEST_MESSAGE_HEADER.locate('algorithm').at;

/**
 * Seals a message.
 * @param key 32 bytes @param payload up to 4000 bytes
 * @returns 4096 bytes, zero after the payload
 * @throws {CodecError} ERR_CODEC_RANGE for a value that does not fit
 */
export function sealMessage(key: Uint8Array, { type, version, sequence, vmpck }: GuestMessage, payload: Uint8Array): Uint8Array {
  if (payload.length > MAX_PAYLOAD) throw new RangeError(`a payload is up to ${MAX_PAYLOAD} bytes, not ${payload.length}`);
  const values = { sequence, messageType: type, messageVersion: version, messageSize: payload.length, vmpck };
  const { ciphertext, tag } = seal(context(key, sequence, GUEST_MESSAGE_HEADER.encode(values)), payload);
  const page = new Uint8Array(PAGE_SIZE);
  page.set(GUEST_MESSAGE_HEADER.encode({ ...values, authTag: tag }));
  page.set(ciphertext, HEADER_SIZE);
  return page;
}

/**
 * The header of a message, which anybody can read and nobody should trust yet.
 * @param page exactly 4096 bytes
 * @throws {CodecError} for a header that is none
 */
export function readHeader(page: Uint8Array): GuestMessage & { /** Length of the payload. */ readonly size: number } {
  const { sequence, messageType, messageVersion, vmpck, messageSize } = checkedHeader(page);
  return { type: messageType, version: messageVersion, sequence, vmpck, size: messageSize };
}

/**
 * Opens a message.
 * @param key 32 bytes @param page exactly 4096 bytes
 * @returns the payload
 * @throws {CodecError} for a header that is none
 * @throws {TeemuError} ERR_SEAL when it was sealed under another key or changed since
 */
export function openMessage(key: Uint8Array, page: Uint8Array): Uint8Array {
  const { authTag, sequence, messageSize } = checkedHeader(page);
  return open(context(key, sequence, page.subarray(0, HEADER_SIZE)), { ciphertext: page.subarray(HEADER_SIZE, HEADER_SIZE + messageSize), tag: authTag });
}

function checkedHeader(page: Uint8Array): ReturnType<typeof GUEST_MESSAGE_HEADER.decode> {
  if (page.length !== PAGE_SIZE)
    throw new CodecError(page.length < PAGE_SIZE ? 'ERR_CODEC_TRUNCATED' : 'ERR_CODEC_LENGTH', 'snp.guest-message', page.length, `a message fills a page of ${PAGE_SIZE} bytes, this is ${page.length}`);
  const header = GUEST_MESSAGE_HEADER.decode(page.subarray(0, HEADER_SIZE));
  requireValue('algorithm', header.algorithm, ALGORITHM_AES_256_GCM);
  requireValue('headerVersion', header.headerVersion, HEADER_VERSION);
  requireValue('headerSize', header.headerSize, HEADER_SIZE);
  if (header.messageSize > MAX_PAYLOAD) throw outOfRange('messageSize', `is ${header.messageSize}, but the page has room for ${MAX_PAYLOAD}`);
  if (header.vmpck > 3) throw outOfRange('vmpck', `is ${header.vmpck}, there are keys 0 to 3`);
  return header;
}

function requireValue(field: string, value: number, wanted: number): void {
  if (value !== wanted) throw outOfRange(field, `must be ${wanted}, is ${value}`);
}

function outOfRange(field: string, rule: string): CodecError {
  return new CodecError('ERR_CODEC_RANGE', `${GUEST_MESSAGE_HEADER.name}.${field}`, GUEST_MESSAGE_HEADER.locate(field).at, rule);
}

/** The sequence number, little-endian, is the IV; the header from its algorithm on is authenticated. */
function context(key: Uint8Array, sequence: bigint, header: Uint8Array): SealContext {
  const iv = new Uint8Array(IV_SIZE);
  new DataView(iv.buffer).setBigUint64(0, sequence, true);
  return { key, iv, aad: header.subarray(AAD_AT) };
}
