/**
 * The event log of a confidential guest: a crypto-agile TCG log whose registers are MRTD and the RTMRs in place of PCRs. It comes out of a
 * guest's memory, so every length in it is checked before anything is copied.
 *
 * Source: TCG PC Client Platform Firmware Profile 1.06, event logging; UEFI 2.10, 38 Confidential Computing for the registers.
 */
import { type DecodeOptions, Layout } from '../../../codec/layout.ts';
import { bytes, u8, u16, u32, type ValueOf } from '../../../codec/rows.ts';
import { ByteReader } from '../../../codec/stream.ts';
import { CodecError } from '../../../errors.ts';
import { EVENT } from './event-types.ts';

const TCG = 'TCG PC Client Platform Firmware Profile 1.06';
/** Register of an event: MRTD, then the four RTMRs. */
export const MR_NAMES = { 0: 'MRTD', 1: 'RTMR0', 2: 'RTMR1', 3: 'RTMR2', 4: 'RTMR3' } as const;

/** The first event, which is in the old form so that old readers skip it; the Spec ID is its data. */
export const HEADER_EVENT = new Layout('ccel.header-event', 32, `${TCG}, TCG_PCClientPCREvent`, {
  mrIndex: u32(0, 'register; nothing is extended', { names: MR_NAMES }),
  eventType: u32(4, 'kind of event', { initial: EVENT.noAction, names: { [EVENT.noAction]: 'EV_NO_ACTION' } }),
  digest: bytes(8, 20, 'zero'),
  eventSize: u32(28, 'length of the data'),
});

/** The fixed head of the Spec ID; the list of algorithms and the vendor's information follow. */
export const SPEC_ID = new Layout('ccel.spec-id', 28, `${TCG}, TCG_EfiSpecIdEvent`, {
  signature: bytes(0, 16, "'Spec ID Event03' and a NUL"),
  platformClass: u32(16, 'class of the platform', { names: { 0: 'client', 1: 'server' } }),
  versionMinor: u8(20, 'minor version of the form'),
  versionMajor: u8(21, 'major version of the form', { initial: 2 }),
  errata: u8(22, 'errata of the form'),
  uintnSize: u8(23, 'size of a UINTN: 1 for 32 bits, 2 for 64', { initial: 2 }),
  algorithms: u32(24, 'number of algorithms'),
});

/** One algorithm of the Spec ID. */
export const ALGORITHM = new Layout('ccel.spec-id.algorithm', 4, `${TCG}, TCG_EfiSpecIdEventAlgorithmSize`, {
  id: u16(0, 'algorithm', { names: { 4: 'SHA-1', 11: 'SHA-256', 12: 'SHA-384', 13: 'SHA-512', 18: 'SM3' } }),
  size: u16(2, 'length of its digests'),
});

/** The fixed head of every further event; digests, length and data follow. */
export const EVENT_HEAD = new Layout('ccel.event', 12, `${TCG}, TCG_PCR_EVENT2`, {
  mrIndex: u32(0, 'register that is extended', { names: MR_NAMES }),
  eventType: u32(4, 'kind of event'),
  digests: u32(8, 'number of digests', { initial: 1 }),
});

/** Algorithm of the only digests that RTMRs are extended with. */
export const SHA_384 = 0x0c;
const SHA_384_SIZE = 48;
/** Algorithms that a log may name: more than there are. */
const MAX_ALGORITHMS = 16;
/** Registers: MRTD and the four RTMRs. */
const MR_COUNT = 5;
const SIGNATURE = Uint8Array.from(Buffer.from('Spec ID Event03\0', 'latin1'));
/** What OVMF fills the rest of the area with. */
export const FILL = 0xff;

/** One digest of an event. */
export interface EventDigest {
  readonly algorithm: number;
  readonly value: Uint8Array;
}

/** One event. */
export interface LogEvent {
  /** 0 MRTD, 1 to 4 RTMR0 to RTMR3. */
  readonly mrIndex: number;
  readonly eventType: number;
  readonly digests: readonly EventDigest[];
  readonly data: Uint8Array;
}

/** What the first event says of the log. */
export interface SpecId extends Omit<ValueOf<typeof SPEC_ID.rows>, 'signature' | 'algorithms'> {
  readonly algorithms: readonly ValueOf<typeof ALGORITHM.rows>[];
  /** At most 255 bytes. */
  readonly vendorInfo: Uint8Array;
}

/** A decoded log. Encoding it gives the same bytes back. */
export interface EventLog {
  readonly header: Pick<ValueOf<typeof HEADER_EVENT.rows>, 'mrIndex' | 'digest'> & { readonly specId: SpecId };
  readonly events: readonly LogEvent[];
  /** What follows the last event in the area: bytes of 0xff, or zeros. */
  readonly trailing: Uint8Array;
}

/** A log without events, as OVMF begins it. */
export function emptyEventLog(): EventLog {
  const specId: SpecId = { platformClass: 0, versionMinor: 0, versionMajor: 2, errata: 0, uintnSize: 2, algorithms: [{ id: SHA_384, size: SHA_384_SIZE }], vendorInfo: new Uint8Array(0) };
  return { header: { mrIndex: 1, digest: new Uint8Array(20), specId }, events: [], trailing: new Uint8Array(0) };
}

/**
 * @param src a log, with or without the fill of its area
 * @param options what to do with bytes behind the last event that are no fill: refuse them, or keep them
 * @throws {CodecError} with the field's path and offset
 */
export function decodeEventLog(src: Uint8Array, { reserved = 'reject' }: DecodeOptions = {}): EventLog {
  const reader = new ByteReader(src, 'ccel');
  const header = readHeader(reader);
  const { algorithms } = header.specId;
  const sizes = new Map(algorithms.map(({ id, size }) => [id, size]));
  const events: LogEvent[] = [];
  while (reader.left > 0 && !endsAt(src, reader.at)) events.push(readEvent(reader, sizes));
  const { at } = reader;
  const trailing = reader.bytes(reader.left, 'trailing');
  const odd = trailing.findIndex((byte) => byte !== trailing[0]);
  if (odd >= 0 && reserved === 'reject')
    throw new CodecError('ERR_CODEC_RESERVED', 'ccel.trailing', at + odd, `the fill behind the last event is 0x${(trailing[0] ?? 0).toString(16)}, this byte is 0x${(trailing[odd] ?? 0).toString(16)}`);
  return { header, events, trailing };
}

function readHeader(reader: ByteReader): EventLog['header'] {
  const { mrIndex, eventType, digest, eventSize } = reader.layout(HEADER_EVENT);
  if (eventType !== EVENT.noAction) throw new CodecError('ERR_CODEC_RANGE', 'ccel.header-event.eventType', HEADER_EVENT.rows.eventType.at, `the first event must be of type ${EVENT.noAction}, is of ${eventType}`);
  const data = reader.part(eventSize, 'spec-id');
  const { at } = data;
  const { signature, algorithms: count, ...specId } = data.layout(SPEC_ID);
  const refuse = (field: keyof typeof SPEC_ID.rows, rule: string): CodecError => new CodecError('ERR_CODEC_RANGE', `ccel.spec-id.${field}`, at + SPEC_ID.rows[field].at, rule);
  if (Buffer.compare(signature, SIGNATURE) !== 0) throw refuse('signature', "must be 'Spec ID Event03'");
  if (count === 0 || count > MAX_ALGORITHMS) throw refuse('algorithms', `must be 1 to ${MAX_ALGORITHMS}, is ${count}`);
  const algorithms = Array.from({ length: count }, () => data.layout(ALGORITHM));
  if (new Set(algorithms.map(({ id }) => id)).size < count) throw refuse('algorithms', 'name one twice');
  if (algorithms.some(({ id, size }) => id === SHA_384 && size !== SHA_384_SIZE)) throw refuse('algorithms', `a digest of SHA-384 is ${SHA_384_SIZE} bytes`);
  const [vendorInfoSize = 0] = data.bytes(1, 'vendorInfoSize');
  const vendorInfo = data.bytes(vendorInfoSize, 'vendorInfo');
  data.end();
  return { mrIndex, digest, specId: { ...specId, algorithms, vendorInfo } };
}

/** Whether the fill begins here: a register that is none, or what no event can be. */
function endsAt(src: Uint8Array, at: number): boolean {
  const head = src.subarray(at, at + 8);
  return head.subarray(0, 4).every((byte) => byte === FILL) || head.every((byte) => byte === 0);
}

function readEvent(reader: ByteReader, sizes: ReadonlyMap<number, number>): LogEvent {
  const { at } = reader;
  const { mrIndex, eventType, digests: count } = reader.layout(EVENT_HEAD);
  if (mrIndex >= MR_COUNT) throw new CodecError('ERR_CODEC_RANGE', 'ccel.event.mrIndex', at + EVENT_HEAD.rows.mrIndex.at, `there is no register ${mrIndex}`);
  if (count === 0 || count > sizes.size) throw new CodecError('ERR_CODEC_RANGE', 'ccel.event.digests', at + EVENT_HEAD.rows.digests.at, `must be 1 to the ${sizes.size} that the log begins with, is ${count}`);
  const digests = Array.from({ length: count }, () => readDigest(reader, sizes));
  return { mrIndex, eventType, digests, data: reader.bytes(reader.u32('event.size'), 'event.data') };
}

function readDigest(reader: ByteReader, sizes: ReadonlyMap<number, number>): EventDigest {
  const { at } = reader;
  const algorithm = reader.u16('event.algorithm');
  const size = sizes.get(algorithm);
  if (size === undefined) throw new CodecError('ERR_CODEC_RANGE', 'ccel.event.algorithm', at, `0x${algorithm.toString(16)} is none that the log begins with`);
  return { algorithm, value: reader.bytes(size, 'event.digest') };
}

/** Writes a log. @throws {CodecError} when a value does not fit */
export function encodeEventLog({ header, events, trailing }: EventLog): Uint8Array {
  return new Uint8Array(Buffer.concat([encodeHeader(header), ...events.map(encodeEvent), trailing]));
}

/** The first event. @throws {CodecError} when a value does not fit */
export function encodeHeader({ mrIndex, digest, specId: { algorithms, vendorInfo, ...specId } }: EventLog['header']): Uint8Array {
  if (vendorInfo.length > 0xff) throw new CodecError('ERR_CODEC_RANGE', 'ccel.spec-id.vendorInfo', HEADER_EVENT.size + SPEC_ID.size, `must be at most 255 bytes, is ${vendorInfo.length}`);
  const data = Buffer.concat([
    SPEC_ID.encode({ ...specId, signature: SIGNATURE, algorithms: algorithms.length }),
    ...algorithms.map((algorithm) => ALGORITHM.encode(algorithm)),
    Uint8Array.of(vendorInfo.length),
    vendorInfo,
  ]);
  return new Uint8Array(Buffer.concat([HEADER_EVENT.encode({ mrIndex, digest, eventSize: data.length }), data]));
}

/** One event. @throws {CodecError} when a value does not fit */
export function encodeEvent({ mrIndex, eventType, digests, data }: LogEvent): Uint8Array {
  const u16 = (value: number): Uint8Array => Uint8Array.of(value & 0xff, value >> 8);
  const size = new Uint8Array(4);
  new DataView(size.buffer).setUint32(0, data.length, true);
  const listed = digests.flatMap(({ algorithm, value }) => [u16(algorithm), value]);
  return new Uint8Array(Buffer.concat([EVENT_HEAD.encode({ mrIndex, eventType, digests: digests.length }), ...listed, size, data]));
}

/** The log in an area of that length, with OVMF's fill behind it. @throws {RangeError} when the log is longer */
export function fillArea(log: EventLog, length: number): EventLog {
  const written = encodeEventLog({ ...log, trailing: new Uint8Array(0) }).length;
  if (written > length) throw new RangeError(`a log of ${written} bytes does not fit into ${length}`);
  return { ...log, trailing: new Uint8Array(length - written).fill(FILL) };
}
