/** TDREPORT: where everything lies, which table fits, hashes and MAC. */
import { createHash, createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { CodecError } from '../../emulator/errors.ts';
import { bitFields, TD_ATTRIBUTE_FIELDS, XFAM_FIELDS } from '../../emulator/tdx/module/attributes.ts';
import {
  decodeTdReport,
  encodeTdReport,
  sealTdReport,
  TD_REPORT_10,
  TD_REPORT_15,
  TD_REPORT_15_SERVICE,
  type TdReport,
  tdReportHashesHold,
  tdReportLayoutOf,
  tdReportMacHolds,
} from '../../emulator/tdx/module/tdreport.ts';

const bytes = (size: number, start: number): Uint8Array => Uint8Array.from({ length: size }, (_, i) => (start + i) & 0xff);
const KEY = bytes(32, 7);

function report(version: number, valid: bigint): TdReport {
  return {
    reportMac: { type: 0x81, subtype: 0, version, cpuSvn: bytes(16, 1), teeTcbInfoHash: new Uint8Array(48), teeInfoHash: new Uint8Array(48), reportData: bytes(64, 2), mac: new Uint8Array(32) },
    teeTcbInfo: { valid, teeTcbSvn: bytes(16, 3), mrSeam: bytes(48, 4), mrSignerSeam: bytes(48, 5), attributes: 6n, ...(valid === 0x301ffn ? { teeTcbSvn2: bytes(16, 7) } : {}) },
    tdInfo: {
      attributes: bitFields(TD_ATTRIBUTE_FIELDS, 1n << 28n),
      xfam: bitFields(XFAM_FIELDS, 0x602e7n),
      mrTd: bytes(48, 8),
      mrConfigId: bytes(48, 9),
      mrOwner: bytes(48, 10),
      mrOwnerConfig: bytes(48, 11),
      rtmr: [bytes(48, 12), bytes(48, 13), bytes(48, 14), bytes(48, 15)],
      ...(version === 1 ? { servTdHash: bytes(48, 16) } : {}),
    },
  };
}
const KINDS: readonly [string, number, bigint][] = [
  ['TDX 1.0', 0, 0x1ffn],
  ['TDX 1.5', 0, 0x301ffn],
  ['TDX 1.5 with service TDs', 1, 0x301ffn],
  ['TDX 1.0 with service TDs', 1, 0x1ffn],
];

// Offsets as the module's headers have them, written here once more so that the tables are not checked against themselves.
describe('fields of a TDREPORT', () => {
  test.each([
    [
      'TDX 1.0',
      TD_REPORT_10,
      {
        'reportMac.type': 0,
        'reportMac.subtype': 1,
        'reportMac.version': 2,
        'reportMac.cpuSvn': 16,
        'reportMac.teeTcbInfoHash': 32,
        'reportMac.teeInfoHash': 80,
        'reportMac.reportData': 128,
        'reportMac.mac': 224,
        'teeTcbInfo.valid': 256,
        'teeTcbInfo.teeTcbSvn': 264,
        'teeTcbInfo.mrSeam': 280,
        'teeTcbInfo.mrSignerSeam': 328,
        'teeTcbInfo.attributes': 376,
        'tdInfo.attributes': 512,
        'tdInfo.xfam': 520,
        'tdInfo.mrTd': 528,
        'tdInfo.mrConfigId': 576,
        'tdInfo.mrOwner': 624,
        'tdInfo.mrOwnerConfig': 672,
        'tdInfo.rtmr.0': 720,
        'tdInfo.rtmr.3': 864,
      },
    ],
    ['TDX 1.5', TD_REPORT_15, { 'teeTcbInfo.teeTcbSvn2': 384, 'tdInfo.rtmr.3': 864 }],
    ['TDX 1.5 with service TDs', TD_REPORT_15_SERVICE, { 'teeTcbInfo.teeTcbSvn2': 384, 'tdInfo.servTdHash': 912 }],
  ])('of %s lie where the specification says', (_, layout, fields) => {
    for (const [path, at] of Object.entries(fields)) expect({ path, at: layout.locate(path).at }).toEqual({ path, at });
    expect(layout.size).toBe(1024);
  });
});

describe('a TDREPORT', () => {
  test.each(KINDS)('of %s comes back with every value, and byte for byte', (_, version, valid) => {
    const src = encodeTdReport(report(version, valid));
    expect(decodeTdReport(src)).toEqual(report(version, valid));
    expect(encodeTdReport(decodeTdReport(src))).toEqual(src);
  });

  test.each(KINDS)('of %s is sealed with SHA-384 of its parts and an HMAC over the first 224 bytes', (_, version, valid) => {
    const src = sealTdReport(encodeTdReport(report(version, valid)), KEY);
    const sha384 = (part: Uint8Array): string => createHash('sha384').update(part).digest('hex');
    const hex = (at: number, size: number): string => Buffer.from(src.subarray(at, at + size)).toString('hex');
    expect(hex(32, 48)).toBe(sha384(src.subarray(256, 256 + 239)));
    expect(hex(80, 48)).toBe(sha384(src.subarray(512)));
    expect(hex(224, 32)).toBe(createHmac('sha256', KEY).update(src.subarray(0, 224)).digest('hex'));
    expect(tdReportHashesHold(src)).toBe(true);
    expect(tdReportMacHolds(src, KEY)).toBe(true);
    expect(tdReportMacHolds(src.subarray(0, 256), KEY)).toBe(true);
  });

  test('no longer holds when any of its bits is changed', () => {
    const src = sealTdReport(encodeTdReport(report(1, 0x301ffn)), KEY);
    for (let at = 0; at < src.length; at++) {
      const changed = src.slice();
      changed[at] = (changed[at] ?? 0) ^ 0x10;
      // The 17 bytes between TEE_TCB_INFO and TDINFO are covered by nothing; the table wants them to be zero.
      const holds = tdReportHashesHold(changed) && tdReportMacHolds(changed, KEY);
      expect({ at, holds }).toEqual({ at, holds: at >= 495 && at < 512 });
    }
  });

  test('is not of another key', () => {
    expect(tdReportMacHolds(sealTdReport(encodeTdReport(report(0, 0x1ffn)), KEY), bytes(32, 8))).toBe(false);
  });

  test('has no field that its version lacks', () => {
    const old = report(0, 0x1ffn);
    expect(() => encodeTdReport({ ...old, teeTcbInfo: { ...old.teeTcbInfo, teeTcbSvn2: bytes(16, 0) } })).toThrow(expect.objectContaining({ code: 'ERR_CODEC_FIELD' }));
    expect(() => encodeTdReport({ ...old, tdInfo: { ...old.tdInfo, servTdHash: bytes(48, 0) } })).toThrow(expect.objectContaining({ code: 'ERR_CODEC_FIELD' }));
  });

  test.each<[string, (src: Uint8Array) => Uint8Array, string, number]>([
    ['shorter than 1024 bytes', (src) => src.slice(0, 1023), 'ERR_CODEC_TRUNCATED', 1023],
    ['longer than 1024 bytes', (src) => Uint8Array.from([...src, 0]), 'ERR_CODEC_LENGTH', 1024],
    ['of version 2', (src) => src.with(2, 2), 'ERR_CODEC_RANGE', 2],
    ['with fields that no module has', (src) => src.with(258, 0x07), 'ERR_CODEC_RANGE', 256],
    ['with reserved bytes in REPORTMACSTRUCT', (src) => src.with(3, 1), 'ERR_CODEC_RESERVED', 3],
    ['with reserved bytes in TEE_TCB_INFO', (src) => src.with(400, 1), 'ERR_CODEC_RESERVED', 400],
    ['with reserved bytes between the parts', (src) => src.with(500, 1), 'ERR_CODEC_RESERVED', 500],
    ['with a service TD hash that its version lacks', (src) => src.with(912, 1), 'ERR_CODEC_RESERVED', 912],
  ])('is refused %s', (_, change, code, at) => {
    expect(() => decodeTdReport(change(encodeTdReport(report(0, 0x301ffn))))).toThrow(expect.objectContaining({ code, at }));
  });

  test('keeps reserved bytes where it is asked to', () => {
    const dirty = encodeTdReport(report(0, 0x301ffn)).with(912, 1).with(500, 2).with(400, 3);
    const kept = decodeTdReport(dirty, { reserved: 'keep' });
    expect(encodeTdReport(kept)).toEqual(dirty);
    expect(tdReportLayoutOf(dirty)).toBe(TD_REPORT_15);
  });

  test('that cannot be written is refused by a codec error', () => {
    expect(() => encodeTdReport(report(2, 0x301ffn))).toThrow(CodecError);
    expect(() => encodeTdReport(report(0, 0n))).toThrow(CodecError);
  });
});
