/** Every message and frame: what is written reads back, whatever is in it; what is cut off is refused. Known bytes come from the recorded requester. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CodecError } from '../../../emulator/errors.ts';
import { joined } from '../../../emulator/link/spdm/bytes.ts';
import { decodeAlgorithms, decodeNegotiateAlgorithms, encodeAlgorithms, encodeNegotiateAlgorithms, SIGNATURE_SIZE } from '../../../emulator/link/spdm/messages/algorithms.ts';
import { ChainCollector, decodeCertificate, decodeDigests, encodeCertificate, encodeDigests } from '../../../emulator/link/spdm/messages/certificates.ts';
import { decodeChallengeAuth, encodeChallengeAuth } from '../../../emulator/link/spdm/messages/challenge.ts';
import { decodeFinish, decodeKeyExchange, decodeKeyExchangeRsp, encodeKeyExchange, encodeKeyExchangeRsp, FINISH_HEAD } from '../../../emulator/link/spdm/messages/key-exchange.ts';
import { decodeMeasurements, encodeMeasurement, MEASUREMENTS_HEAD_12 } from '../../../emulator/link/spdm/messages/measurements.ts';
import { decodeSelectedVersion, decodeSupportedVersions, encodeSelectedVersion, encodeSupportedVersions } from '../../../emulator/link/spdm/messages/opaque-data.ts';
import { Direction } from '../../../emulator/link/spdm/session/secured-message.ts';
import { answerDiscovery, DOE } from '../../../emulator/link/spdm/transport/doe.ts';
import { MAILBOX } from '../../../emulator/link/spdm/transport/mailbox.ts';
import { MCTP } from '../../../emulator/link/spdm/transport/mctp.ts';
import { decodeSocketFrame, encodeSocketFrame } from '../../../emulator/link/spdm/transport/socket-framing.ts';
import { hex, unhex } from './devices.ts';

const u8 = fc.nat(0xff);
const u16 = fc.nat(0xffff);
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
const some = (maxLength: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength });
const version = fc.constantFrom(0x11 as const, 0x12 as const);
const tables = fc.subarray([2, 3, 4, 5]).chain((types) => fc.array(u16, { minLength: types.length, maxLength: types.length }).map((masks) => new Map(types.map((type, i) => [type, masks[i] ?? 0]))));
const algorithms = fc.record({ measurementSpecification: u8, measurementHash: u32, baseAsym: u32, baseHash: u32, opaqueFormat: fc.nat(15), tables });
const measurements = fc.array(fc.record({ index: u8, type: fc.nat(0x7f), raw: fc.boolean(), value: some(60) }), { maxLength: 9 });

/** One codec: its values, and both ways. */
interface Codec {
  readonly name: string;
  readonly run: (check: (raw: Uint8Array, decode: (raw: Uint8Array) => unknown, expected: unknown) => void) => void;
}
function codec<T>(name: string, values: fc.Arbitrary<T>, encode: (value: T) => Uint8Array, decode: (raw: Uint8Array, value: T) => unknown, expected: (value: T) => unknown = (value) => value): Codec {
  return {
    name,
    run: (check) =>
      fc.assert(
        fc.property(values, (value) => {
          check(encode(value), (raw) => decode(raw, value), expected(value));
        }),
        { numRuns: 200, seed: 20_261_123 },
      ),
  };
}

const keyExchange = fc.record({ summary: u8, slot: u8, requesterSessionId: u16, terminationPolicy: fc.nat(1), random: bytes(32), exchange: bytes(96), opaque: some(1024) });
const keyExchangeRsp = fc.record({
  heartbeatPeriod: u8,
  responderSessionId: u16,
  mutualAuth: u8,
  requesterSlot: fc.nat(15),
  random: bytes(32),
  exchange: bytes(96),
  summary: fc.oneof(bytes(0), bytes(48)),
  opaque: some(1024),
});
const challengeAuth = fc.record({ slot: fc.nat(15), slotMask: u8, basicMutualAuth: fc.boolean(), chainHash: bytes(48), nonce: bytes(32), summary: fc.oneof(bytes(0), bytes(48)), opaque: some(200) });
const signature = new Uint8Array(SIGNATURE_SIZE).fill(0xa5);
const verifyData = new Uint8Array(48).fill(0x5a);
const pick = <T extends object, K extends keyof T>(value: T, like: Record<K, unknown>): Pick<T, K> => Object.fromEntries(Object.keys(like).map((key) => [key, value[key as K]])) as Pick<T, K>;

const CODECS: readonly Codec[] = [
  codec(
    'NEGOTIATE_ALGORITHMS',
    fc.tuple(version, algorithms),
    ([v, offer]) => encodeNegotiateAlgorithms(v, offer),
    (raw) => decodeNegotiateAlgorithms(raw),
    ([, offer]) => ({ offer: { ...offer, measurementHash: 0 }, length: 32 + 4 * offer.tables.size }),
  ),
  codec(
    'ALGORITHMS',
    fc.tuple(version, algorithms),
    ([v, choice]) => encodeAlgorithms(v, choice),
    (raw) => decodeAlgorithms(raw),
    ([, choice]) => ({ choice, length: 36 + 4 * choice.tables.size }),
  ),
  codec(
    'DIGESTS',
    fc
      .uniqueArray(fc.nat(7), { maxLength: 8 })
      .chain((slots) => fc.array(bytes(48), { minLength: slots.length, maxLength: slots.length }).map((digests) => new Map(slots.toSorted().map((slot, i) => [slot, digests[i] as Uint8Array])))),
    (digests) => encodeDigests(0x11, digests),
    decodeDigests,
  ),
  codec(
    'CERTIFICATE',
    fc.record({ slot: fc.nat(7), portion: some(300) }),
    ({ slot, portion }) => encodeCertificate(0x12, portion, { slot, offset: 0, length: 0xffff }, 0xffff),
    decodeCertificate,
    ({ slot, portion }) => ({ slot, portion, remainder: 0 }),
  ),
  codec(
    'CHALLENGE_AUTH',
    challengeAuth,
    (value) => joined([encodeChallengeAuth(0x12, value), signature]),
    (raw, value) => pick(decodeChallengeAuth(raw, value.summary.length > 0), { ...value, signature }),
    (value) => ({ ...value, signature }),
  ),
  codec(
    'KEY_EXCHANGE',
    keyExchange,
    (value) => encodeKeyExchange(0x12, value),
    (raw) => decodeKeyExchange(raw),
    (value) => ({ ...value, length: 138 + value.opaque.length }),
  ),
  codec(
    'KEY_EXCHANGE_RSP',
    keyExchangeRsp,
    (value) => joined([encodeKeyExchangeRsp(0x11, value), signature, verifyData]),
    (raw, value) => pick(decodeKeyExchangeRsp(raw, value.summary.length > 0), { ...value, signature, verifyData }),
    (value) => ({ ...value, signature, verifyData }),
  ),
  codec(
    'KEY_EXCHANGE_RSP in the clear',
    keyExchangeRsp,
    (value) => joined([encodeKeyExchangeRsp(0x11, value), signature]),
    (raw, value) => pick(decodeKeyExchangeRsp(raw, value.summary.length > 0, false), { ...value, signature }),
    (value) => ({ ...value, signature }),
  ),
  codec(
    'FINISH',
    fc.record({ requesterSlot: u8, signature: fc.oneof(bytes(0), bytes(384)), verifyData: bytes(48) }),
    (value) => joined([FINISH_HEAD.encode({ signed: value.signature.length > 0 ? 1 : 0, requesterSlot: value.requesterSlot }), value.signature, value.verifyData]),
    (raw, value) => pick(decodeFinish(raw), value),
  ),
  codec(
    'MEASUREMENTS',
    fc.record({ measurements, nonce: bytes(32), opaque: some(200), totalCount: u8, slot: fc.nat(15) }),
    (value) => {
      const record = joined(value.measurements.map(encodeMeasurement));
      const head = MEASUREMENTS_HEAD_12.encode({ totalCount: value.totalCount, slot: { slotId: value.slot, contentChanged: 0, reserved: 0 }, numberOfBlocks: value.measurements.length, recordLength: record.length });
      return joined([head, record, value.nonce, Uint8Array.of(value.opaque.length, 0), value.opaque, signature]);
    },
    (raw, value) => pick(decodeMeasurements(raw, SIGNATURE_SIZE), { ...value, signature }),
    (value) => ({ ...value, signature }),
  ),
  codec(
    'supported versions',
    fc.tuple(version, fc.array(u8, { maxLength: 12 })),
    ([v, list]) => encodeSupportedVersions(v, list),
    (raw, [v]) => decodeSupportedVersions(v, raw),
    ([, list]) => list,
  ),
  codec(
    'selected version',
    fc.tuple(version, u8),
    ([v, one]) => encodeSelectedVersion(v, one),
    (raw, [v]) => decodeSelectedVersion(v, raw),
    ([, one]) => one,
  ),
  codec(
    'a frame over MCTP',
    fc.record({ kind: fc.constantFrom('message' as const, 'secured' as const), payload: some(64) }),
    ({ kind, payload }) => MCTP.frame(kind, payload),
    (raw) => MCTP.unframe(raw),
  ),
  codec(
    'a frame in the mailbox',
    fc.record({ kind: fc.constantFrom('message' as const, 'secured' as const), payload: some(64) }),
    ({ kind, payload }) => MAILBOX.frame(kind, payload),
    (raw) => MAILBOX.unframe(raw),
  ),
  codec(
    'a data object',
    fc.record({ kind: fc.constantFrom('message' as const, 'secured' as const, 'discovery' as const), payload: fc.nat(16).chain((n) => bytes(4 * n)) }),
    ({ kind, payload }) => DOE.frame(kind, payload),
    (raw) => DOE.unframe(raw),
  ),
];
/** Codecs whose contents simply end with the frame. */
const OPEN_ENDED: ReadonlySet<string> = new Set(['a frame over MCTP']);

describe('what was written reads back', () => {
  test.each(CODECS.map((one) => [one.name, one] as const))('%s', (_, { run }) => {
    run((raw, decode, expected) => expect(decode(raw)).toEqual(expected));
  });
});
describe('what lacks its last byte is refused', () => {
  test.each(CODECS.filter(({ name }) => !OPEN_ENDED.has(name)).map((one) => [one.name, one] as const))('%s', (_, { run }) => {
    run((raw, decode) => {
      if (raw.length === 0) return;
      expect(() => decode(raw.subarray(0, -1))).toThrow(CodecError);
    });
  });
});

describe('known bytes', () => {
  test('opaque data of the recorded requester: SPDM 1.1 and 1.2', () => {
    expect(hex(encodeSupportedVersions(0x11))).toBe('46544d44 01010000 00000900 0101 03 0010 0011 0012 000000'.replaceAll(' ', ''));
    expect(hex(encodeSupportedVersions(0x12))).toBe('01000000 00000900 0101 03 0010 0011 0012 000000'.replaceAll(' ', ''));
    expect(hex(encodeSelectedVersion(0x11, 0x12))).toBe('46544d44 01010000 00000400 0100 0012'.replaceAll(' ', ''));
    expect(hex(encodeSelectedVersion(0x12, 0x12))).toBe('01000000 00000400 0100 0012'.replaceAll(' ', ''));
  });
  test('NEGOTIATE_ALGORITHMS of the recorded requester', () => {
    const raw = '12e304003000010280000000020000000000000000000000000000000000000002201000032002000420080005200100';
    const { offer } = decodeNegotiateAlgorithms(unhex(raw));
    expect(hex(encodeNegotiateAlgorithms(0x12, offer))).toBe(raw);
  });
  test.each([
    ['00', '0100 00 01'],
    ['01', '0100 01 02'],
    ['02', '0100 02 00'],
  ])('discovery of entry %s', (index, answer) => {
    expect(hex(answerDiscovery(unhex(`${index}000000`)))).toBe(answer.replaceAll(' ', ''));
  });
  test('there is no fourth entry', () => {
    expect(() => answerDiscovery(unhex('03000000'))).toThrow(CodecError);
  });
  test('a data object of 5 bytes is padded to 2 dwords behind its head', () => {
    expect(hex(DOE.frame('message', unhex('0102030405')))).toBe('01000100 04000000 01020304 05000000'.replaceAll(' ', ''));
  });
  test('the mailbox has twelve bytes in front, little-endian', () => {
    expect(hex(MAILBOX.frame('secured', unhex('aabb')))).toBe('01000000 02000000 10000000 aabb'.replaceAll(' ', ''));
  });
});

describe('malformed opaque data', () => {
  test.each([
    ['another format', '46544d45 01010000 00000900 0101030010001100120000 00', 0x11],
    ['no element', '00000000', 0x12],
    ['an unknown registry', '01000000 09000900 010103 0010 0011 0012 000000', 0x12],
    ['padding that is not zero', '01000000 00000900 010103 0010 0011 0012 000001', 0x12],
    ['an element longer than the data', '01000000 0000ff00 010103 0010 0011 0012 000000', 0x12],
    ['more versions than there are', '01000000 00000900 0101ff 0010 0011 0012 000000', 0x12],
    ['only an element of somebody else’s', '01000000 01000900 010103 0010 0011 0012 000000', 0x12],
    ['less elements than stated', '02000000 01000900 010103 0010 0011 0012 000000', 0x12],
  ])('%s is refused', (_, text, v) => {
    expect(() => decodeSupportedVersions(v, unhex(text))).toThrow(CodecError);
  });
});

describe('a socket frame', () => {
  const frame = { command: 1, transport: 1, payload: unhex('0510840000') };
  test('is big-endian', () => {
    expect(hex(encodeSocketFrame(frame))).toBe('00000001 00000001 00000005 0510840000'.replaceAll(' ', ''));
  });
  test('is there when its last byte is, and not before', () => {
    const raw = joined([encodeSocketFrame(frame), encodeSocketFrame(frame)]);
    for (let length = 0; length < 17; length++) expect(decodeSocketFrame(raw.subarray(0, length))).toBeUndefined();
    expect(decodeSocketFrame(raw)).toEqual({ frame, size: 17 });
  });
  test('of more than 64 KiB is refused before it is there', () => {
    expect(() => decodeSocketFrame(unhex('000000010000000100010001'))).toThrow(CodecError);
  });
});

describe('a chain in portions', () => {
  const portion = (slot: number, length: number, remainder: number) => ({ slot, portion: new Uint8Array(length).fill(length), remainder });
  test('is whole with the last one', () => {
    const collector = new ChainCollector(1);
    expect(collector.add(portion(1, 10, 5))).toBeUndefined();
    expect(collector.size).toBe(10);
    expect(collector.add(portion(1, 5, 0))).toHaveLength(15);
  });
  test.each([
    ['another slot', [portion(0, 10, 5)]],
    ['an empty portion', [portion(1, 0, 5)]],
    ['a chain that grows', [portion(1, 10, 5), portion(1, 5, 1)]],
    ['a chain that shrinks', [portion(1, 10, 5), portion(1, 4, 0)]],
    ['more than 64 KiB', [portion(1, 10, 0xffff)]],
  ])('%s is refused', (_, portions) => {
    const collector = new ChainCollector(1);
    expect(() => portions.map((one) => collector.add(one))).toThrow(CodecError);
  });
});

test('a secured message opens again, with any padding, sequence length and session', () => {
  fc.assert(
    fc.property(u32, fc.constantFrom(0 as const, 2 as const), some(200), some(32), bytes(48), (id, sequenceLength, application, padding, secret) => {
      const [ours, theirs] = [new Direction(0x12, secret), new Direction(0x12, secret)];
      for (let n = 0; n < 3; n++) expect(hex(theirs.open(id, sequenceLength, ours.seal(id, sequenceLength, application, padding)))).toBe(hex(application));
    }),
    { numRuns: 100, seed: 20_261_123 },
  );
});
