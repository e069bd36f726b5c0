/** The codec of reports: whatever is encoded comes back; what no device writes is refused, and kept on demand. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Gpu } from '../../emulator/h100/device/gpu.ts';
import { OPAQUE_ROWS, type OpaqueField, opaqueRowNamed } from '../../emulator/h100/report/opaque.ts';
import { decodeGpuReport, encodeGpuReport, type GpuReport, mapGpuReport, signGpuReport } from '../../emulator/h100/report/report.ts';
import { countsBytes, countsOf, numberBytes, numberOf, opaqueText, textBytes, textOf, vbiosVersionBytes, vbiosVersionText } from '../../emulator/h100/report/values.ts';
import { h100World } from './world.ts';

const gpu = new Gpu(h100World());
const SRC = gpu.attestationReport(new Uint8Array(32).fill(7));
const REPORT = decodeGpuReport(SRC);
const hex = (b: Uint8Array): string => Buffer.from(b).toString('hex');
const bytesOf = (size: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: size, maxLength: size });

const field: fc.Arbitrary<OpaqueField> = fc
  .constantFrom(...OPAQUE_ROWS.filter(({ type }) => type !== 255))
  .chain((row) => fc.uint8Array({ minLength: row.least, maxLength: Math.min(row.most, 300) }).map((data) => ({ type: row.type, name: row.name, data })));
const reports: fc.Arbitrary<GpuReport> = fc
  .record({
    count: fc.integer({ min: 0, max: 64 }),
    seed: bytesOf(48),
    nonces: fc.tuple(bytesOf(32), bytesOf(32)),
    opaque: fc.uniqueArray(field, { selector: ({ type }) => type, maxLength: 12 }),
    signature: bytesOf(96),
    raw: fc.boolean(),
  })
  .map(({ count, seed, nonces: [nonce, responderNonce], opaque, signature, raw }) => ({
    request: { ...REPORT.request, nonce },
    response: { ...REPORT.response, numberOfBlocks: count, recordLength: count * 55 },
    measurements: Array.from({ length: count }, (_, index) => ({ index, type: raw ? 0x81 : 1, value: seed.map((byte) => byte ^ index) })),
    responderNonce,
    opaque,
    signature,
  }));

describe('a report', () => {
  test('comes back from its bytes as it was', () => {
    fc.assert(
      fc.property(reports, (report) => {
        const { signed, trailing, ...read } = decodeGpuReport(encodeGpuReport(report));
        expect(read).toEqual(report);
        expect(trailing).toHaveLength(0);
        expect(signed).toHaveLength(encodeGpuReport(report).length - 96);
      }),
    );
  });

  test('is mapped without gaps', () => {
    const { request, response, blocks, responderNonce, opaque, fields, signature, end } = mapGpuReport(SRC);
    expect([request, response, blocks[0]]).toEqual([0, 37, 45]);
    expect(blocks.map((at, i) => at - i * 55)).toEqual(new Array(64).fill(45));
    expect(responderNonce).toBe(45 + 64 * 55);
    expect(opaque).toBe(responderNonce + 32);
    expect(fields[0]?.at).toBe(opaque + 2);
    expect([signature + 96, end]).toEqual([SRC.length, SRC.length]);
  });

  test('that was changed is signed anew over everything before the signature', () => {
    const other = decodeGpuReport(signGpuReport({ ...REPORT, opaque: REPORT.opaque.slice(1) }, gpu.attestationKey));
    expect(hex(other.signature)).toBe(hex(gpu.attestationKey.sign(other.signed)));
  });

  test.each(Array.from({ length: 40 }, (_, i) => Math.floor((SRC.length * i) / 40)))('cut at %i bytes is refused as truncated', (length) => {
    expect(() => decodeGpuReport(SRC.subarray(0, length))).toThrow(expect.objectContaining({ code: 'ERR_CODEC_TRUNCATED' }));
  });
});

describe('what no device writes', () => {
  const twice: OpaqueField = { type: 3, name: 'DRIVER_VERSION', data: textBytes('535.86.09') };
  const unknown: OpaqueField = { type: 200, name: 'UNKNOWN_200', data: Uint8Array.of(1, 2) };
  const block = (change: (m: GpuReport['measurements'][number]) => GpuReport['measurements'][number]): GpuReport => ({ ...REPORT, measurements: REPORT.measurements.map((m) => (m.index === 5 ? change(m) : m)) });
  const CASES: readonly (readonly [what: string, src: Uint8Array, code: string, path: string])[] = [
    ['an opaque field of unknown type', encodeGpuReport({ ...REPORT, opaque: [...REPORT.opaque, unknown] }), 'ERR_CODEC_RANGE', 'h100.report.opaque.UNKNOWN_200'],
    ['an opaque field that comes twice', encodeGpuReport({ ...REPORT, opaque: [...REPORT.opaque, twice] }), 'ERR_CODEC_RANGE', 'h100.report.opaque.DRIVER_VERSION'],
    ['a field of the type that is none', encodeGpuReport({ ...REPORT, opaque: [...REPORT.opaque, { type: 255, name: 'INVALID', data: new Uint8Array() }] }), 'ERR_CODEC_RANGE', 'h100.report.opaque.INVALID'],
    [
      'a field of a length that it never has',
      encodeGpuReport({ ...REPORT, opaque: REPORT.opaque.map((f) => (f.name === 'BOARD_ID' ? { ...f, data: new Uint8Array(5) } : f)) }),
      'ERR_CODEC_LENGTH',
      'h100.report.opaque.BOARD_ID',
    ],
    ['a block out of order', encodeGpuReport(block((m) => ({ ...m, index: 7 }))), 'ERR_CODEC_RANGE', 'h100.report.measurements.5.index'],
    ['bytes behind the signature', Uint8Array.from([...SRC, 0]), 'ERR_CODEC_LENGTH', 'h100.report'],
    ['reserved bits of the request', SRC.with(2, 0x81), 'ERR_CODEC_RESERVED', 'spdm.getMeasurements.v11.attributes.reserved'],
  ];
  test.each(CASES)('%s is refused', (_, src, code, path) => {
    expect(() => decodeGpuReport(src)).toThrow(expect.objectContaining({ code, path }));
  });
  test.each(CASES)('%s is kept on demand, and comes back byte for byte', (_, src) => {
    const report = decodeGpuReport(src, { unusual: 'keep' });
    expect(hex(Buffer.concat([encodeGpuReport(report), report.trailing]))).toBe(hex(src));
  });

  const LIES: readonly (readonly [what: string, src: Uint8Array, code: string])[] = [
    ['too many blocks', encodeGpuReport({ ...REPORT, stated: { numberOfBlocks: 65 } }), 'ERR_CODEC_LENGTH'],
    ['too few blocks', encodeGpuReport({ ...REPORT, stated: { numberOfBlocks: 63 } }), 'ERR_CODEC_LENGTH'],
    ['too long a record', encodeGpuReport({ ...REPORT, stated: { recordLength: 0xffffff } }), 'ERR_CODEC_TRUNCATED'],
    ['too short a record', encodeGpuReport({ ...REPORT, stated: { recordLength: 64 * 55 - 1 } }), 'ERR_CODEC_TRUNCATED'],
    ['too much opaque data', encodeGpuReport({ ...REPORT, stated: { opaqueLength: 0xffff } }), 'ERR_CODEC_TRUNCATED'],
    ['too little opaque data', encodeGpuReport({ ...REPORT, stated: { opaqueLength: 421 } }), 'ERR_CODEC_TRUNCATED'],
    ['another version of SPDM', SRC.with(0, 0x12), 'ERR_CODEC_RANGE'],
    ['another request', SRC.with(1, 0xe1), 'ERR_CODEC_RANGE'],
    ['a request for no signature', SRC.with(2, 0), 'ERR_CODEC_RANGE'],
    ['another version in the response', SRC.with(37, 0x10), 'ERR_CODEC_RANGE'],
    ['another response', SRC.with(38, 0x7f), 'ERR_CODEC_RANGE'],
    ['a block of another specification', SRC.with(46, 2), 'ERR_CODEC_RANGE'],
    ['a block with the index 0', SRC.with(45, 0), 'ERR_CODEC_RANGE'],
    ['a block whose value is shorter than the block', SRC.with(50, 47), 'ERR_CODEC_LENGTH'],
    ['more than a report can have', new Uint8Array(0x4001), 'ERR_CODEC_LENGTH'],
  ];
  test.each(LIES)('%s: refused, also where the unusual is kept', (_, src, code) => {
    for (const unusual of ['reject', 'keep'] as const) expect(() => decodeGpuReport(src, { unusual })).toThrow(expect.objectContaining({ code }));
  });
});

describe('contents of fields', () => {
  test('versions of firmware come back from their bytes', () => {
    const part = fc.nat(255).map((n) => n.toString(16).padStart(2, '0').toUpperCase());
    fc.assert(fc.property(fc.array(part, { minLength: 5, maxLength: 5 }), (parts) => vbiosVersionText(vbiosVersionBytes(parts.join('.'))) === parts.join('.')));
  });
  test('a version is two little-endian integers', () => {
    expect(hex(vbiosVersionBytes('96.00.A5.00.01'))).toBe('00a5009601000000');
  });
  test.each(['96.00.A5.00', '96.00.A5.00.1', 'G6.00.A5.00.01', ''])('%s is no version', (text) => {
    expect(() => vbiosVersionBytes(text)).toThrow(expect.objectContaining({ code: 'ERR_CONFIG', key: 'vbios' }));
  });
  test.each(['00a5009601000001', '00a50096', ''])('%s are no bytes of a version', (bytes) => {
    expect(vbiosVersionText(Buffer.from(bytes, 'hex'))).toBeUndefined();
  });
  test('a switch’s version is text', () => {
    expect(vbiosVersionText(Buffer.from('96.10.55.00.01'))).toBe('96.10.55.00.01');
    expect(vbiosVersionText(Buffer.from('96.10.55.00_01'))).toBeUndefined();
  });
  test('numbers and counts come back from their bytes', () => {
    fc.assert(fc.property(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), (n) => numberOf(numberBytes(n, 8)) === n));
    fc.assert(
      fc.property(fc.array(fc.nat(0xffffffff)), (list) => {
        expect(countsOf(countsBytes(list))).toEqual(list);
      }),
    );
    expect(() => numberBytes(256, 1)).toThrow(RangeError);
  });
  test.each([
    ['text ends with its zero byte', Uint8Array.of(0x41, 0), 'A'],
    ['what is behind it is not passed over', Uint8Array.of(0x41, 0, 0x42), undefined],
    ['control characters are none', Uint8Array.of(0x1b, 0x41), undefined],
  ])('%s', (_, data, text) => {
    expect(textOf(data)).toBe(text);
  });
  test('every kind of field is shown whatever it holds', () => {
    fc.assert(fc.property(fc.constantFrom(...OPAQUE_ROWS), fc.uint8Array({ maxLength: 300 }), ({ type, name }, data) => typeof opaqueText({ type, name, data }) === 'string'));
  });
  test('rows are found by NVIDIA’s name and by ours', () => {
    expect(opaqueRowNamed('driverVersion')).toBe(opaqueRowNamed('DRIVER_VERSION'));
    expect(opaqueRowNamed('nonsense')).toBeUndefined();
    expect(new Set(OPAQUE_ROWS.map(({ type }) => type)).size).toBe(OPAQUE_ROWS.length);
  });
});
