/** The quoting enclave: what it refuses, which version it makes, what it binds and signs. */
import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { FirmwareError } from '../../emulator/errors.ts';
import { sealTdReport } from '../../emulator/tdx/module/tdreport.ts';
import { reportMacKey } from '../../emulator/tdx/module/tdx-module.ts';
import { chainText, type QeCertification } from '../../emulator/tdx/quote/certification.ts';
import { decodeQuote, signedPart, type TdxQuote } from '../../emulator/tdx/quote/quote.ts';
import { ENCLAVE_REPORT } from '../../emulator/tdx/quote/tables.ts';
import { type PckType, QuotingEnclave } from '../../emulator/tdx/quoting/quoting-enclave.ts';
import { CHAIN, quotingPlatform, RELEASE, REPORT_DATA, tdxMachine, tdxWorld } from './machine.ts';

const hex = (b: Uint8Array | undefined): string => Buffer.from(b ?? []).toString('hex');
const machine = tdxMachine();
const { world, quotingEnclave } = machine;
const td = machine.launch({ mrOwner: new Uint8Array(48).fill(4) });
td.extendRtmr(1, new Uint8Array(48).fill(6));
const report = td.report(REPORT_DATA);
const { platform } = quotingEnclave;
const KEY = reportMacKey(world, platform);

const publicKey = (xy: Uint8Array): KeyObject =>
  createPublicKey({ key: { kty: 'EC', crv: 'P-256', x: Buffer.from(xy.subarray(0, 32)).toString('base64url'), y: Buffer.from(xy.subarray(32)).toString('base64url') }, format: 'jwk' });
const signed = (message: Uint8Array, key: KeyObject, signature: Uint8Array): boolean => verify('sha256', message, { key, dsaEncoding: 'ieee-p1363' }, signature);
function qeOf({ certification }: TdxQuote): QeCertification {
  if (certification.kind !== 'qe') throw new Error('no QE report');
  return certification;
}
/** The three checks that tie a quote to its PCK. */
function checks(src: Uint8Array, pck = platform.pckKey.publicKey): { quote: boolean; bound: boolean; qeReport: boolean } {
  const quote = decodeQuote(src);
  const { qeReport, qeReportSignature, qeAuthData } = qeOf(quote);
  return {
    quote: signed(signedPart(src), publicKey(quote.attestationKey), quote.signature),
    bound: hex(qeReport.reportData) === createHash('sha256').update(quote.attestationKey).update(qeAuthData).digest('hex') + '00'.repeat(32),
    qeReport: signed(ENCLAVE_REPORT.encode(qeReport), pck, qeReportSignature),
  };
}
const ALL = { quote: true, bound: true, qeReport: true };
function status(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof FirmwareError) return error.statusName;
    throw error;
  }
  return 'TDQE_SUCCESS';
}

describe('a quote', () => {
  test('says what the report says', () => {
    const { body, header } = decodeQuote(quotingEnclave.quote(report));
    expect(body).toMatchObject({
      mrTd: td.mrTd,
      rtmr: td.rtmrs,
      reportData: REPORT_DATA,
      mrSeam: RELEASE.mrSeam,
      mrOwner: new Uint8Array(48).fill(4),
      tdAttributes: { septVeDisable: 1, debug: 0 },
      xfam: { x87: 1, sse: 1, avx: 1, pkru: 1, xtiledata: 1, cetU: 0 },
    });
    expect(hex(header.qeVendorId)).toBe('939a7233f79c4ca9940a0db3957f0607');
    expect(hex(header.userData)).toBe(`${hex(platform.qeId)}00000000`);
  });

  test.each([
    ['version 4', {}, 4, 2],
    ['version 5 with TDX 1.0', { version: 5, bodyType: 2 }, 5, 2],
    ['version 5 with TDX 1.5', { version: 5 }, 5, 3],
  ] as const)('of %s is signed by the key that the QE report binds and the PCK certifies', (_, options, version, bodyType) => {
    const src = quotingEnclave.quote(report, options);
    const quote = decodeQuote(src);
    expect([quote.header.version, quote.bodyType]).toEqual([version, bodyType]);
    expect(checks(src)).toEqual(ALL);
    expect(quote.trailing).toHaveLength(0);
  });

  test('has the identity of Intel’s TD quoting enclave', () => {
    const { qeReport, qeAuthData } = qeOf(decodeQuote(quotingEnclave.quote(report)));
    const raw = ENCLAVE_REPORT.encode(qeReport);
    expect(hex(raw.subarray(48, 64))).toBe('1500000000000000e700000000000000');
    expect(hex(raw.subarray(128, 160))).toBe('dc9e2a7c6f948f17474e34a7fc43ed030f7c1563f1babddf6340c82e0e54a8c5');
    expect(hex(raw.subarray(256, 260))).toBe('02000700');
    expect(hex(raw.subarray(16, 20))).toBe('00000000');
    expect(hex(raw.subarray(0, 16))).toBe(hex(platform.cpuSvn));
    expect(hex(qeAuthData)).toBe('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f');
  });

  test('over the same report is the same in a seeded world', () => {
    expect(hex(tdxMachine().quotingEnclave.quote(report))).toBe(hex(quotingEnclave.quote(report)));
  });

  test('shares everything behind its signature with the next one', () => {
    const [a, b] = [quotingEnclave.quote(report), quotingEnclave.quote(td.report(new Uint8Array(64)))];
    expect(hex(a.subarray(700))).toBe(hex(b.subarray(700)));
    expect(hex(a.subarray(636, 700))).not.toBe(hex(b.subarray(636, 700)));
  });

  test('has another attestation key on another platform, at another CPUSVN, and from another release', () => {
    const key = (changes: Partial<typeof platform>, id = 'p0'): string => hex(new QuotingEnclave(world, quotingPlatform(world, id, changes)).attestationKey.publicPoint);
    const keys = [key({}), key({}, 'p1'), key({ cpuSvn: new Uint8Array(16) }), key({ quotingEnclave: { ...platform.quotingEnclave, isvSvn: 6 } })];
    expect(new Set(keys).size).toBe(4);
  });

  test('binds whatever QE authentication data there are', () => {
    for (const qeAuthData of [new Uint8Array(0), new Uint8Array(1).fill(1), new Uint8Array(0xffff).fill(2)]) {
      const src = new QuotingEnclave(world, platform, qeAuthData).quote(report);
      expect(hex(qeOf(decodeQuote(src)).qeAuthData)).toBe(hex(qeAuthData));
      expect(checks(src)).toEqual(ALL);
    }
  });
});

describe('the version of a quote', () => {
  const newer = { version: 1, isvSvn: 13, mrSeam: new Uint8Array(48) };

  test('is 5 where a service TD is bound, whose hash it states', () => {
    const fresh = tdxMachine();
    const service = fresh.launch();
    const bound = fresh.launch({}, (building) => building.bindServiceTd(service)).report(REPORT_DATA);
    const { header, body, bodyType } = decodeQuote(fresh.quotingEnclave.quote(bound));
    expect([header.version, bodyType]).toEqual([5, 3]);
    expect(hex(body.mrServiceTd)).toBe(hex(bound.subarray(912, 960)));
    expect(hex(body.mrServiceTd)).not.toBe('00'.repeat(48));
    expect(hex(body.teeTcbSvn2)).toBe(hex(body.teeTcbSvn));
  });

  test('is 5 where the module was updated under the TD, and both SVNs are stated', () => {
    const fresh = tdxMachine();
    const before = fresh.launch();
    fresh.module.update(newer);
    const { header, body } = decodeQuote(fresh.quotingEnclave.quote(before.report(REPORT_DATA)));
    expect(header.version).toBe(5);
    expect([hex(body.teeTcbSvn.subarray(0, 3)), hex(body.teeTcbSvn2?.subarray(0, 3))]).toEqual(['0b0104', '0d0104']);
    expect(hex(body.mrServiceTd)).toBe('00'.repeat(48));
  });

  test('is 4 for TDX 1.0, and 5 only where it is asked for, with the one SVN twice', () => {
    const old = tdxMachine({ release: { ...RELEASE, version: 0 } });
    const src = old.launch().report(REPORT_DATA);
    expect(decodeQuote(old.quotingEnclave.quote(src)).header.version).toBe(4);
    const { body } = decodeQuote(old.quotingEnclave.quote(src, { version: 5 }));
    expect(hex(body.teeTcbSvn2)).toBe(hex(body.teeTcbSvn));
  });
});

describe('certification data', () => {
  test.each<[PckType, string]>([
    [1, hex(platform.ppid)],
    [3, hex(platform.encryptedPpid)],
  ])('of type %i state the platform and the TCB of its PCK', (certificationType, ppid) => {
    const pckCpuSvn = new Uint8Array(16).fill(3);
    const src = new QuotingEnclave(world, { ...platform, pckCpuSvn }).quote(report, { certificationType });
    const { certification } = qeOf(decodeQuote(src));
    expect(certification).toMatchObject({ kind: 'ppid', type: certificationType, cpuSvn: pckCpuSvn, pceSvn: 13, pceId: 0 });
    expect(certification.kind === 'ppid' && hex(certification.ppid)).toBe(ppid);
    expect(checks(src)).toEqual(ALL);
  });

  test('of type 2 hold 256 bytes, the same each time', () => {
    const made = [1, 2].map(() => qeOf(decodeQuote(tdxMachine().quotingEnclave.quote(report, { certificationType: 2 }))).certification);
    expect(made[0]).toMatchObject({ kind: 'ppid', type: 2, pceSvn: 13 });
    expect(made[0]?.kind === 'ppid' && made[0].ppid).toHaveLength(256);
    expect(made[0]).toEqual(made[1]);
  });

  test('of types 4 and 5 are PEM with a NUL, the certificate or the whole chain', () => {
    const at = (certificationType: PckType) => decodeQuote(quotingEnclave.quote(report, { certificationType })).certification;
    expect(chainText(at(5))).toBe(CHAIN);
    expect(chainText(at(4))).toBe(CHAIN.slice(0, CHAIN.indexOf('-----BEGIN', 1)));
    const { certification } = at(5) as QeCertification;
    expect(certification.kind === 'raw' && certification.data.at(-1)).toBe(0);
  });

  test('are of type 3 on a platform without its certificate, which has no type 4 or 5', () => {
    const bare = new QuotingEnclave(world, { ...platform, pckChain: undefined });
    expect(qeOf(decodeQuote(bare.quote(report))).certification.type).toBe(3);
    expect(status(() => bare.quote(report, { certificationType: 5 }))).toBe('TDQE_ERROR_INVALID_PARAMETER');
  });
});

describe('an edit', () => {
  test('of the body is signed', () => {
    const src = quotingEnclave.quote(report, { edit: (parts) => ({ ...parts, body: { ...parts.body, tdAttributes: { ...parts.body.tdAttributes, debug: 1 } } }) });
    expect(decodeQuote(src).body.tdAttributes.debug).toBe(1);
    expect(checks(src)).toEqual(ALL);
  });

  test('of the QE report is signed by the PCK', () => {
    const src = quotingEnclave.quote(report, { edit: (parts) => ({ ...parts, qeReport: { ...parts.qeReport, isvProdId: 3, mrSigner: new Uint8Array(32) } }) });
    expect(qeOf(decodeQuote(src)).qeReport.isvProdId).toBe(3);
    expect(checks(src)).toEqual(ALL);
  });

  test('of the QE authentication data leaves the binding broken', () => {
    const src = quotingEnclave.quote(report, { edit: (parts) => ({ ...parts, qeAuthData: new Uint8Array(32) }) });
    expect(checks(src)).toEqual({ ...ALL, bound: false });
  });

  test('of the header and the certification data is written as it is', () => {
    const src = quotingEnclave.quote(report, { edit: (parts) => ({ ...parts, header: { ...parts.header, qeVendorId: new Uint8Array(16) }, certification: { kind: 'raw', type: 5, data: new Uint8Array(0) } }) });
    const quote = decodeQuote(src);
    expect(hex(quote.header.qeVendorId)).toBe('00'.repeat(16));
    expect(chainText(quote.certification)).toBe('');
    expect(checks(src)).toEqual(ALL);
  });

  test('that changes nothing gives the quote that there is without it', () => {
    for (const version of [4, 5] as const) expect(hex(quotingEnclave.quote(report, { version, edit: (parts) => parts }))).toBe(hex(quotingEnclave.quote(report, { version })));
  });

  test('leaves the enclave as it was', () => {
    const before = hex(quotingEnclave.quote(report));
    quotingEnclave.quote(report, {
      edit: (parts) => {
        for (const part of [parts.header, parts.body, parts.qeReport, parts.certification]) for (const value of Object.values(part)) if (value instanceof Uint8Array) value.fill(1);
        parts.qeAuthData.fill(1);
        return parts;
      },
      certificationType: 3,
    });
    expect(hex(quotingEnclave.quote(report, { certificationType: 3 }))).toBe(hex(tdxMachine().quotingEnclave.quote(report, { certificationType: 3 })));
    expect(hex(quotingEnclave.quote(report))).toBe(before);
  });

  test('that another key signs is no longer signed by the key that the quote states', () => {
    const src = quotingEnclave.quote(report, { signedBy: world.ecKey('somebody', 'P-256') });
    expect(checks(src)).toEqual({ ...ALL, quote: false });
  });
});

describe('the enclave refuses', () => {
  const resealed = (at: number, value: number): Uint8Array => sealTdReport(report.with(at, value), KEY);
  test.each<[string, Uint8Array, string]>([
    ['a report that is too short', report.subarray(0, 1023), 'TDQE_ERROR_INVALID_PARAMETER'],
    ['a report that is too long', Uint8Array.from([...report, 0]), 'TDQE_ERROR_INVALID_PARAMETER'],
    ['the report of an SGX enclave', resealed(0, 0), 'TDQE_REPORT_FORMAT_NOT_SUPPORTED'],
    ['another subtype', resealed(1, 1), 'TDQE_REPORT_FORMAT_NOT_SUPPORTED'],
    ['version 2', resealed(2, 2), 'TDQE_REPORT_FORMAT_NOT_SUPPORTED'],
    ['fields that no module has', resealed(257, 0), 'TDQE_REPORT_FORMAT_NOT_SUPPORTED'],
    ['reserved bytes in REPORTMACSTRUCT', resealed(200, 1), 'TDQE_REPORT_FORMAT_NOT_SUPPORTED'],
    ['reserved bytes in TEE_TCB_INFO', resealed(494, 1), 'TDQE_REPORT_FORMAT_NOT_SUPPORTED'],
    ['reserved bytes between the parts', resealed(495, 1), 'TDQE_REPORT_FORMAT_NOT_SUPPORTED'],
    ['a service TD hash without service TDs', resealed(912, 1), 'TDQE_REPORT_FORMAT_NOT_SUPPORTED'],
    ['reserved bytes in TDINFO', resealed(1023, 1), 'TDQE_REPORT_FORMAT_NOT_SUPPORTED'],
    ['another MAC', report.with(255, (report[255] ?? 0) ^ 1), 'TDQE_ERROR_INVALID_REPORT'],
    ['report data that were changed', report.with(128, 0xff), 'TDQE_ERROR_INVALID_REPORT'],
    ['another CPUSVN', resealed(16, 0xff), 'TDQE_ERROR_INVALID_REPORT'],
    ['an MRTD that was changed', report.with(528, (report[528] ?? 0) ^ 1), 'TDQE_ERROR_INVALID_HASH'],
    ['an MRSEAM that was changed', report.with(280, 0), 'TDQE_ERROR_INVALID_HASH'],
  ])('%s', (_, src, name) => {
    expect(status(() => quotingEnclave.quote(src))).toBe(name);
  });

  test('reports of another platform', () => {
    const other = tdxMachine({ world: tdxWorld(), platform: quotingPlatform(tdxWorld(), 'p1') });
    expect(status(() => quotingEnclave.quote(other.launch().report(REPORT_DATA)))).toBe('TDQE_ERROR_INVALID_REPORT');
  });

  test('to be set up with values that no platform has', () => {
    for (const wrong of [{ cpuSvn: new Uint8Array(15) }, { qeId: new Uint8Array(20) }, { ppid: new Uint8Array(0) }, { encryptedPpid: new Uint8Array(256) }, { pckKey: world.ecKey('long', 'P-384') }])
      expect(() => new QuotingEnclave(world, { ...platform, ...wrong })).toThrow(RangeError);
    expect(() => new QuotingEnclave(world, platform, new Uint8Array(0x1_0000))).toThrow(RangeError);
  });
});
