/** The TDX module: states, refusals with the module's status, measurements, service TDs, updates, and the reports of all that. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { FirmwareError } from '../../emulator/errors.ts';
import { attributesRefusal, bitFields, TD_ATTRIBUTE_FIELDS, XFAM_FIELDS, xfamRefusal } from '../../emulator/tdx/module/attributes.ts';
import { servTdInfoHash } from '../../emulator/tdx/module/service-td.ts';
import { decodeTdReport, encodeTdReport, type TdReport, tdReportHashesHold } from '../../emulator/tdx/module/tdreport.ts';
import { ADD_ORDERS, measureTdvf } from '../../emulator/tdx/module/tdvf.ts';
import { TdxModule } from '../../emulator/tdx/module/tdx-module.ts';
import type { TrustDomain } from '../../emulator/tdx/module/trust-domain.ts';
import { IMAGE, quotingPlatform, RELEASE, REPORT_DATA, tdxMachine, tdxWorld } from './machine.ts';

const hex = (b: Uint8Array | undefined): string => Buffer.from(b ?? []).toString('hex');
const sha384 = (...parts: readonly Uint8Array[]): string => createHash('sha384').update(Buffer.concat(parts)).digest('hex');
const ZERO = new Uint8Array(48);
const digest = (byte: number): Uint8Array => new Uint8Array(48).fill(byte);
const { module, launch } = tdxMachine();
const building = (): TrustDomain => module.createTd();
const running = (): TrustDomain => launch();
const gone = (): TrustDomain => {
  const td = running();
  td.destroy();
  return td;
};
function status(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof FirmwareError) return error.statusName;
    throw error;
  }
  return 'TDX_SUCCESS';
}
const reportOf = (td: TrustDomain): TdReport => decodeTdReport(td.report(REPORT_DATA));

describe('a TD', () => {
  test.each(ADD_ORDERS)('built of firmware has the MRTD of that firmware, %s', (order) => {
    const td = launch({ order });
    expect(hex(td.mrTd)).toBe(hex(measureTdvf(IMAGE, order)));
    expect(hex(reportOf(td).tdInfo.mrTd)).toBe(hex(td.mrTd));
  });

  test('states in its report what it was created with', () => {
    const given = { attributes: (1n << 28n) | (1n << 63n), xfam: 0x61ae7n, mrConfigId: digest(1), mrOwner: digest(2), mrOwnerConfig: digest(3) };
    const { tdInfo, reportMac, teeTcbInfo } = reportOf(launch(given));
    expect(tdInfo).toMatchObject({
      attributes: bitFields(TD_ATTRIBUTE_FIELDS, given.attributes),
      xfam: bitFields(XFAM_FIELDS, given.xfam),
      mrConfigId: digest(1),
      mrOwner: digest(2),
      mrOwnerConfig: digest(3),
      rtmr: [ZERO, ZERO, ZERO, ZERO],
    });
    expect(reportMac).toMatchObject({ type: 0x81, subtype: 0, version: 0, reportData: REPORT_DATA, cpuSvn: module.hardware.cpuSvn });
    expect(teeTcbInfo).toMatchObject({ valid: 0x301ffn, mrSeam: RELEASE.mrSeam, mrSignerSeam: ZERO, attributes: 0n });
    expect(hex(teeTcbInfo.teeTcbSvn)).toBe(`0b0104${'00'.repeat(13)}`);
  });

  test('does not change when the caller changes what it gave', () => {
    const mrOwner = digest(2);
    const td = launch({ mrOwner });
    mrOwner.fill(9);
    td.mrTd.fill(9);
    td.rtmrs[0]?.fill(9);
    expect(reportOf(td).tdInfo).toMatchObject({ mrOwner: digest(2), rtmr: [ZERO, ZERO, ZERO, ZERO] });
    expect(hex(td.mrTd)).toBe(hex(measureTdvf(IMAGE)));
  });

  test('extends RTMRs one by one: SHA-384 of the old value and the digest', () => {
    const td = running();
    td.extendRtmr(2, digest(7));
    td.extendRtmr(2, digest(8));
    td.extendRtmr(0, digest(9));
    const once = sha384(ZERO, digest(7));
    expect(td.rtmrs.map(hex)).toEqual([sha384(ZERO, digest(9)), hex(ZERO), sha384(Buffer.from(once, 'hex'), digest(8)), hex(ZERO)]);
    expect(reportOf(td).tdInfo.rtmr.map(hex)).toEqual(td.rtmrs.map(hex));
  });

  test('stays as it is when an edit changes the report that it is handed', () => {
    const td = running();
    const before = hex(td.report(REPORT_DATA));
    td.report(REPORT_DATA, (report) => {
      for (const part of [report.reportMac, report.teeTcbInfo, report.tdInfo]) for (const value of Object.values(part).flat()) if (value instanceof Uint8Array) value.fill(1);
      return report;
    });
    expect(hex(td.report(REPORT_DATA))).toBe(before);
  });

  test('has a report whose hashes and MAC hold, until they are changed before sealing', () => {
    const td = running();
    const src = td.report(REPORT_DATA);
    expect(tdReportHashesHold(src)).toBe(true);
    expect(status(() => module.verifyReport(src))).toBe('TDX_SUCCESS');
    const edited = td.report(REPORT_DATA, (report) => ({ ...report, tdInfo: { ...report.tdInfo, mrOwner: digest(5) } }));
    expect(status(() => module.verifyReport(edited))).toBe('TDX_SUCCESS');
    expect(hex(decodeTdReport(edited).tdInfo.mrOwner)).toBe(hex(digest(5)));
    expect(() => td.report(REPORT_DATA, (report) => ({ ...report, tdInfo: { ...report.tdInfo, mrOwner: digest(5).subarray(1) } }))).toThrow(expect.objectContaining({ code: 'ERR_CODEC_RANGE' }));
  });
});

describe('the module refuses', () => {
  test.each<[string, () => unknown, string]>([
    ['a page after TDH.MR.FINALIZE', () => running().addPage(0n), 'TDX_OP_STATE_INCORRECT'],
    ['an extension after TDH.MR.FINALIZE', () => running().extendPage(0xffff_c000n), 'TDX_OP_STATE_INCORRECT'],
    ['a virtual CPU after TDH.MR.FINALIZE', () => running().addVcpu(), 'TDX_OP_STATE_INCORRECT'],
    ['a second TDH.MR.FINALIZE', () => running().finalize(), 'TDX_OP_STATE_INCORRECT'],
    ['TDH.MR.FINALIZE without a virtual CPU', () => building().finalize(), 'TDX_NO_VCPUS'],
    ['a report before TDH.MR.FINALIZE', () => building().report(REPORT_DATA), 'TDX_OP_STATE_INCORRECT'],
    ['an RTMR before TDH.MR.FINALIZE', () => building().extendRtmr(0, digest(1)), 'TDX_OP_STATE_INCORRECT'],
    ['a report of a TD that is gone', () => gone().report(REPORT_DATA), 'TDX_LIFECYCLE_STATE_INCORRECT'],
    ['a page of a TD that is gone', () => gone().addPage(0n), 'TDX_LIFECYCLE_STATE_INCORRECT'],
    ['a binding to a TD that is gone', () => gone().bindServiceTd(running()), 'TDX_LIFECYCLE_STATE_INCORRECT'],
    ['a page inside a page', () => building().addPage(1n), 'TDX_OPERAND_INVALID'],
    ['a page below zero', () => building().addPage(-4096n), 'TDX_OPERAND_INVALID'],
    ['a shared page', () => building().addPage(1n << 47n), 'TDX_OPERAND_INVALID'],
    ['a page of another length', () => building().addPage(0n, new Uint8Array(4095)), 'TDX_OPERAND_INVALID'],
    [
      'the same page twice',
      () => {
        const td = building();
        td.addPage(0n);
        td.addPage(0n);
      },
      'TDX_EPT_ENTRY_STATE_INCORRECT',
    ],
    ['an extension of a page that is not there', () => building().extendPage(0n), 'TDX_EPT_ENTRY_NOT_PRESENT'],
    ['an extension between multiples of 256', () => building().extendPage(128n), 'TDX_OPERAND_INVALID'],
    ['an RTMR that is not there', () => running().extendRtmr(4, digest(1)), 'TDX_OPERAND_INVALID'],
    ['an RTMR below zero', () => running().extendRtmr(-1, digest(1)), 'TDX_OPERAND_INVALID'],
    ['a digest of another length', () => running().extendRtmr(0, new Uint8Array(32)), 'TDX_OPERAND_INVALID'],
    ['report data of another length', () => running().report(new Uint8Array(63)), 'TDX_OPERAND_INVALID'],
    ['more virtual CPUs than were stated', () => launch({ maxVcpus: 1, vcpus: 2 }), 'TDX_MAX_VCPUS_EXCEEDED'],
    ['no virtual CPU at all', () => module.createTd({ maxVcpus: 0 }), 'TDX_OPERAND_INVALID'],
    ['attributes that TDX 1.5 does not have', () => module.createTd({ attributes: 1n << 31n }), 'TDX_OPERAND_INVALID'],
    ['XFAM without SSE', () => module.createTd({ xfam: 1n }), 'TDX_OPERAND_INVALID'],
    ['MROWNER of another length', () => module.createTd({ mrOwner: new Uint8Array(47) }), 'TDX_OPERAND_INVALID'],
    ['part of a report', () => module.verifyReport(running().report(REPORT_DATA).subarray(0, 255)), 'TDX_INVALID_REPORTMACSTRUCT'],
    ['a report with another MAC', () => module.verifyReport(running().report(REPORT_DATA).with(224, 1).with(225, 1)), 'TDX_INVALID_REPORTMACSTRUCT'],
    ['a report of another TCB', () => module.verifyReport(running().report(REPORT_DATA).with(16, 0xff)), 'TDX_INVALID_CPUSVN'],
  ])('%s', (_, run, name) => {
    expect(status(run)).toBe(name);
  });

  test('by errors that tell a wrong state from a wrong operand', () => {
    expect(() => building().report(REPORT_DATA)).toThrow(expect.objectContaining({ code: 'ERR_FIRMWARE_STATE', status: 0xc000_0608 }));
    expect(() => running().extendRtmr(4, digest(1))).toThrow(expect.objectContaining({ code: 'ERR_FIRMWARE_STATUS', status: 0xc000_0100, message: 'TDX_OPERAND_INVALID (0xc0000100): RDX: there is no RTMR 4' }));
  });

  test('reports of another platform of the same world, and of the same platform of another world', () => {
    const world = tdxWorld();
    const src = running().report(REPORT_DATA);
    expect(status(() => new TdxModule(world, quotingPlatform(world, 'p0'), RELEASE).verifyReport(src))).toBe('TDX_SUCCESS');
    expect(status(() => new TdxModule(world, quotingPlatform(world, 'p1'), RELEASE).verifyReport(src))).toBe('TDX_INVALID_REPORTMACSTRUCT');
    const other = tdxWorld('another');
    expect(status(() => new TdxModule(other, quotingPlatform(other, 'p0'), RELEASE).verifyReport(src))).toBe('TDX_INVALID_REPORTMACSTRUCT');
  });
});

describe('ATTRIBUTES and XFAM', () => {
  test.each<[bigint, boolean]>([
    [0n, true],
    [1n, true],
    [1n << 28n, true],
    [(1n << 28n) | (1n << 30n) | (1n << 63n), true],
    [1n << 29n, true],
    [(1n << 29n) | 1n, false],
    [(1n << 29n) | (1n << 63n), false],
    [1n << 4n, false],
    [1n << 62n, false],
    [1n << 64n, false],
    [-1n, false],
  ])('attributes 0x%s are taken: %s', (attributes, taken) => {
    expect(attributesRefusal(attributes) === undefined).toBe(taken);
  });

  test.each<[bigint, boolean]>([
    [0x3n, true],
    [0x7n, true],
    [0x602e7n, true],
    [0x618e7n, true],
    [0x2n, false],
    [0x1n, false],
    [0xbn, false],
    [0x23n, false],
    [0xe3n, false],
    [0xe7n, true],
    [0x803n, false],
    [0x1803n, true],
    [0x20003n, false],
    [0x60003n, true],
    [0x403n, false],
    [1n << 63n, false],
  ])('XFAM 0x%s is taken: %s', (xfam, taken) => {
    expect(xfamRefusal(xfam) === undefined).toBe(taken);
  });
});

describe('a service TD', () => {
  const infoOf = (td: TrustDomain): Uint8Array => encodeTdReport(reportOf(td)).slice(512);

  test('that is bound shows in SERVTD_HASH and in the version of the report', () => {
    const service = running();
    const td = launch({}, (building) => building.bindServiceTd(service));
    const info = infoOf(service);
    const entry = Buffer.alloc(10);
    const { reportMac, tdInfo } = reportOf(td);
    expect(reportMac.version).toBe(1);
    expect(hex(tdInfo.servTdHash)).toBe(sha384(Buffer.from(sha384(info), 'hex'), entry));
  });

  test('that is only expected counts the same as one that is bound', () => {
    const service = running();
    const bound = launch({}, (td) => td.bindServiceTd(service));
    const expected = launch({}, (td) => td.prebindServiceTd(service.infoHash()));
    expect(hex(reportOf(expected).tdInfo.servTdHash)).toBe(hex(reportOf(bound).tdInfo.servTdHash));
    expect(status(() => expected.bindServiceTd(service))).toBe('TDX_SUCCESS');
    expect(status(() => launch({}, (td) => td.prebindServiceTd(digest(1))).bindServiceTd(service))).toBe('TDX_SERVTD_INFO_HASH_MISMATCH');
  });

  // Bits as service_td.h has them: attributes, XFAM, MRTD, MRCONFIGID, MROWNER, MROWNERCONFIG, RTMR0 to 3, SERVTD_HASH.
  test.each([
    [0, 0, 8],
    [1, 8, 8],
    [2, 16, 48],
    [3, 64, 48],
    [4, 112, 48],
    [5, 160, 48],
    [6, 208, 48],
    [7, 256, 48],
    [8, 304, 48],
    [9, 352, 48],
    [10, 400, 48],
  ])('can be bound without field %i of its TDINFO, which is %i to %i more bytes', (field, at, size) => {
    const info = Uint8Array.from({ length: 512 }, (_, i) => (i % 255) + 1);
    const without = info.slice();
    without.fill(0, at, at + size);
    expect(hex(servTdInfoHash(info, 1n << BigInt(32 + field)))).toBe(sha384(without));
    expect(hex(servTdInfoHash(info, 0n))).toBe(sha384(info));
  });

  test('is bound again when it has the same TDINFO, or is the same instance where that is asked for', () => {
    const [service, twin, other] = [running(), running(), running()];
    other.extendRtmr(0, digest(1));
    const loose = launch({}, (td) => td.bindServiceTd(service));
    expect(status(() => loose.bindServiceTd(twin))).toBe('TDX_SUCCESS');
    expect(status(() => loose.bindServiceTd(other))).toBe('TDX_SERVTD_INFO_HASH_MISMATCH');
    expect(status(() => loose.bindServiceTd(service, { attributes: 1n }))).toBe('TDX_SERVTD_ATTR_MISMATCH');
    const strict = launch({}, (td) => td.bindServiceTd(service, { attributes: 1n }));
    expect(status(() => strict.bindServiceTd(twin, { attributes: 1n }))).toBe('TDX_SERVTD_UUID_MISMATCH');
    service.extendRtmr(3, digest(2));
    expect(status(() => strict.bindServiceTd(service, { attributes: 1n }))).toBe('TDX_SUCCESS');
  });

  test.each<[string, () => unknown, string]>([
    ['of itself', () => launch({}, (td) => td.bindServiceTd(td)), 'TDX_OPERAND_INVALID'],
    ['that is still being built', () => launch({}, (td) => td.bindServiceTd(building())), 'TDX_OP_STATE_INCORRECT'],
    ['for the first time after TDH.MR.FINALIZE', () => running().bindServiceTd(running()), 'TDX_OP_STATE_INCORRECT'],
    ['of a type that is not migration', () => launch({}, (td) => td.bindServiceTd(running(), { type: 1 })), 'TDX_OPERAND_INVALID'],
    ['with attributes that must be zero', () => launch({}, (td) => td.bindServiceTd(running(), { attributes: 2n })), 'TDX_OPERAND_INVALID'],
    ['by a hash of another length', () => launch({}, (td) => td.prebindServiceTd(new Uint8Array(32))), 'TDX_OPERAND_INVALID'],
    [
      'beside another',
      () =>
        launch({}, (td) => {
          td.prebindServiceTd(digest(1));
          td.prebindServiceTd(digest(1));
        }),
      'TDX_OPERAND_INVALID',
    ],
    ['on TDX 1.0', () => tdxMachine({ release: { ...RELEASE, version: 0 } }).launch({}, (td) => td.prebindServiceTd(digest(1))), 'TDX_OPERAND_INVALID'],
  ])('is refused %s', (_, run, name) => {
    expect(status(run)).toBe(name);
  });
});

describe('an update of the module', () => {
  const newer = { version: 1, isvSvn: 13, mrSeam: digest(0x77) };

  test('shows in TEE_TCB_SVN2 of TDs that were there before, which go on naming their own module', () => {
    const machine = tdxMachine();
    const before = machine.launch();
    machine.module.update(newer);
    const after = machine.launch();
    expect(reportOf(before).teeTcbInfo).toMatchObject({ mrSeam: RELEASE.mrSeam, teeTcbSvn: Uint8Array.of(11, 1, 4, ...new Uint8Array(13)), teeTcbSvn2: Uint8Array.of(13, 1, 4, ...new Uint8Array(13)) });
    expect(reportOf(after).teeTcbInfo).toMatchObject({ mrSeam: newer.mrSeam, teeTcbSvn: Uint8Array.of(13, 1, 4, ...new Uint8Array(13)), teeTcbSvn2: Uint8Array.of(13, 1, 4, ...new Uint8Array(13)) });
    expect(status(() => machine.module.verifyReport(before.report(REPORT_DATA)))).toBe('TDX_SUCCESS');
  });

  test('takes the SVN of the microcode from the release where it states one', () => {
    const machine = tdxMachine({ release: { ...RELEASE, patchSvn: 3 } });
    expect(hex(reportOf(machine.launch()).teeTcbInfo.teeTcbSvn.subarray(0, 3))).toBe('0b0103');
  });

  test.each([
    ['to an older release', RELEASE, { ...newer, isvSvn: 10 }],
    ['to another generation', RELEASE, { ...newer, version: 3 }],
    ['of TDX 1.0', { ...RELEASE, version: 0 }, { ...newer, version: 0 }],
  ])('%s is refused', (_, from, to) => {
    expect(status(() => tdxMachine({ release: from }).module.update(to))).toBe('TDX_SYS_INVALID_HANDOFF');
  });

  test('is not known to TDX 1.0, whose reports have no second SVN', () => {
    const { teeTcbInfo } = reportOf(tdxMachine({ release: { ...RELEASE, version: 0 } }).launch());
    expect(teeTcbInfo.valid).toBe(0x1ffn);
    expect(teeTcbInfo.teeTcbSvn2).toBeUndefined();
  });
});

test('the same world gives the same report', () => {
  const [a, b] = [tdxMachine(), tdxMachine()];
  expect(hex(a.launch().report(REPORT_DATA))).toBe(hex(b.launch().report(REPORT_DATA)));
});
