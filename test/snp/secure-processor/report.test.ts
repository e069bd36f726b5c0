import { verify } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../../emulator/errors.ts';
import { chipId, vcekKey, vlekKey } from '../../../emulator/snp/platform/chip.ts';
import { PRODUCTS, type Product } from '../../../emulator/snp/platform/products.ts';
import { decodeReport, REPORT_VERSIONS, type ReportVersion, SIGNATURE, SIGNED_SIZE } from '../../../emulator/snp/report.ts';
import type { Guest, SecureProcessor } from '../../../emulator/snp/secure-processor/secure-processor.ts';
import { launched, processor, statusOf } from './guests.ts';

const REPORT_DATA = new Uint8Array(64).fill(0xab);

const VERSIONS = Object.values(PRODUCTS).flatMap((product) => REPORT_VERSIONS.filter((version) => product.line !== 'Turin' || version >= 3).map((reportVersion) => ({ name: product.name, product, reportVersion })));
/** r ‖ s, 96 bytes, big-endian; the report has either little-endian in 72 bytes. */
const rawSignature = (report: Uint8Array): Uint8Array => {
  const { r, s } = SIGNATURE.decode(report.subarray(SIGNED_SIZE));
  return Uint8Array.of(...r.subarray(0, 48).toReversed(), ...s.subarray(0, 48).toReversed());
};
const verifies = (report: Uint8Array, publicKey: ReturnType<typeof vcekKey>['publicKey']): boolean =>
  verify('sha384', report.subarray(0, SIGNED_SIZE), { key: publicKey, dsaEncoding: 'ieee-p1363' }, rawSignature(report));

describe('a report', () => {
  test.each(VERSIONS)('of $name, version $reportVersion, states the platform and verifies under its VCEK', ({ product, reportVersion }) => {
    const on = processor({ product, reportVersion });
    const guest = launched(on);
    const bytes = on.attest(guest, { reportData: REPORT_DATA, vmpl: 2 });
    const { line, cpuid, hwid, currentTcb, committedTcb, reportedTcb, firmware, committedFirmware, mitigationVector, platformInfo } = on.platform;
    const fms = { cpuidFamId: cpuid.family, cpuidModId: cpuid.model, cpuidStep: cpuid.stepping };
    expect(decodeReport(bytes)).toMatchObject({
      version: reportVersion,
      vmpl: 2,
      reportData: REPORT_DATA,
      measurement: guest.measurement,
      currentTcb,
      committedTcb,
      reportedTcb,
      launchTcb: currentTcb,
      chipId: chipId(hwid),
      reportIdMa: new Uint8Array(32).fill(0xff),
      keyInfo: { authorKeyEn: 0, maskChipKey: 0, signingKey: 0 },
      currentMajor: firmware.major,
      currentMinor: firmware.minor,
      currentBuild: firmware.build,
      committedMajor: committedFirmware.major,
      committedMinor: committedFirmware.minor,
      committedBuild: committedFirmware.build,
      ...(reportVersion >= 3 ? fms : {}),
      ...(reportVersion >= 5 ? { launchMitVector: mitigationVector, currentMitVector: mitigationVector } : {}),
    });
    expect(new DataView(bytes.buffer).getBigUint64(0x40, true)).toBe(platformInfo);
    expect(verifies(bytes, vcekKey(on.world, line, hwid, reportedTcb).publicKey)).toBe(true);
  });

  test.each<ReportVersion>([2, 3, 4])('of version %i says nothing where later ones have mitigation vectors', (reportVersion) => {
    const on = processor({ reportVersion, mitigationVector: 0xffn });
    expect(on.attest(launched(on), { reportData: REPORT_DATA }).subarray(0x1f8, 0x2a0)).toEqual(new Uint8Array(168));
  });

  test('of version 2 says nothing about the CPU', () => {
    const on = processor({ reportVersion: 2 });
    expect(on.attest(launched(on), { reportData: REPORT_DATA }).subarray(0x188, 0x1a0)).toEqual(new Uint8Array(24));
  });

  test('is as long as the structure, and the second is the first with the new request', () => {
    const on = processor();
    const guest = launched(on);
    const [a, b] = [on.attest(guest, { reportData: REPORT_DATA }), on.attest(guest, { reportData: new Uint8Array(64), vmpl: 3 })].map((r) => decodeReport(r));
    expect(b).toEqual({ ...a, reportData: new Uint8Array(64), vmpl: 3, signature: b?.signature });
  });

  test('of another guest has another id, drawn at launch and kept', () => {
    const on = processor();
    const [a, b] = [launched(on), launched(on)];
    const id = (guest: Guest): Uint8Array => decodeReport(on.attest(guest, { reportData: REPORT_DATA })).reportId;
    expect(id(a)).toEqual(id(a));
    expect(id(a)).not.toEqual(id(b));
  });

  test('is the same bytes from the same seed', () => {
    const report = (): Uint8Array => {
      const on = processor();
      return on.attest(launched(on), { reportData: REPORT_DATA });
    };
    expect(report()).toEqual(report());
  });

  test.each([
    ['report data of 63 bytes', { reportData: REPORT_DATA.subarray(1) }],
    ['VMPL 4', { reportData: REPORT_DATA, vmpl: 4 }],
    ['a negative VMPL', { reportData: REPORT_DATA, vmpl: -1 }],
    ['half a VMPL', { reportData: REPORT_DATA, vmpl: 0.5 }],
    ['a key selection that does not exist', { reportData: REPORT_DATA, keySelect: 3 }],
  ])('is refused for %s', (_, request) => {
    const on = processor();
    expect(statusOf(() => on.attest(launched(on), request))).toBe('INVALID_PARAM');
  });

  test('to the host has a VMPL of all ones', () => {
    const on = processor();
    expect(decodeReport(on.hostReport(launched(on), REPORT_DATA)).vmpl).toBe(0xffff_ffff);
  });

  test('can be edited before it is signed, and verifies all the same', () => {
    const on = processor();
    const guest = launched(on);
    const bytes = on.attest(guest, { reportData: REPORT_DATA }, (report) => ({ ...report, policy: { ...report.policy, debug: 1 } }));
    expect(decodeReport(bytes).policy.debug).toBe(1);
    expect(verifies(bytes, vcekKey(on.world, 'Milan', on.platform.hwid, on.platform.reportedTcb).publicKey)).toBe(true);
    expect(decodeReport(on.attest(guest, { reportData: REPORT_DATA })).policy.debug).toBe(0);
  });

  test('shows its values unsigned too', () => {
    const on = processor();
    const guest = launched(on);
    const { signature, ...values } = on.report(guest, { reportData: REPORT_DATA });
    expect(decodeReport(on.attest(guest, { reportData: REPORT_DATA }))).toMatchObject(values);
    expect(signature).toEqual({ r: new Uint8Array(72), s: new Uint8Array(72) });
  });
});

const CSP = 'CN=cc-us-east-2.amazonaws.com';
describe('the key that signs', () => {
  test.each([
    { signer: 'vcek', keySelect: 0, signs: 'vcek' },
    { signer: 'vcek', keySelect: 1, signs: 'vcek' },
    { signer: 'vcek', keySelect: 2, signs: 'INVALID_KEY' },
    { signer: 'vlek', keySelect: 0, signs: 'vlek' },
    { signer: 'vlek', keySelect: 1, signs: 'vcek' },
    { signer: 'vlek', keySelect: 2, signs: 'vlek' },
    { signer: 'vcek', keySelect: 0, vcekDisabled: true, signs: 'INVALID_KEY' },
    { signer: 'vlek', keySelect: 0, vcekDisabled: true, signs: 'vlek' },
    { signer: 'vlek', keySelect: 1, vcekDisabled: true, signs: 'INVALID_KEY' },
    { signer: 'vcek', keySelect: 0, maskChipKey: true, signs: 'none' },
    { signer: 'vlek', keySelect: 0, maskChipKey: true, signs: 'vlek' },
    { signer: 'vlek', keySelect: 1, maskChipKey: true, signs: 'none' },
  ])('with a $signer, selection $keySelect, vcekDisabled $vcekDisabled, maskChipKey $maskChipKey: $signs', ({ signer, keySelect, vcekDisabled = false, maskChipKey = false, signs }) => {
    const on = processor({ maskChipKey, signer: signer === 'vlek' ? { kind: 'vlek', cspId: CSP } : { kind: 'vcek' } });
    const guest = launched(on, { vcekDisabled });
    const attest = (): Uint8Array => on.attest(guest, { reportData: REPORT_DATA, keySelect });
    if (signs === 'INVALID_KEY') return expect(statusOf(attest)).toBe(signs);
    const report = attest();
    const { hwid, reportedTcb } = on.platform;
    const keys = { vcek: vcekKey(on.world, 'Milan', hwid, reportedTcb), vlek: vlekKey(on.world, 'Milan', CSP, reportedTcb) };
    const verifying = Object.entries(keys).flatMap(([name, { publicKey }]) => (verifies(report, publicKey) ? [name] : []));
    expect(verifying).toEqual(signs === 'none' ? [] : [signs]);
    expect(decodeReport(report).keyInfo).toMatchObject({ signingKey: { vcek: 0, vlek: 1, none: 7 }[signs], maskChipKey: maskChipKey ? 1 : 0 });
    if (signs === 'none') expect(report.subarray(SIGNED_SIZE)).toEqual(new Uint8Array(512));
  });
});

test('one guest can have reports by both keys, in any order', () => {
  const on = processor({ signer: { kind: 'vlek', cspId: CSP } });
  const guest = launched(on);
  const signedBy = [0, 1, 2, 1].map((keySelect) => decodeReport(on.attest(guest, { reportData: REPORT_DATA, keySelect })).keyInfo.signingKey);
  expect(signedBy).toEqual([1, 0, 1, 0]);
});

describe('settings of the platform', () => {
  const older = { bootLoader: 3, tee: 0, snp: 8, microcode: 0x73 };
  const newer = { bootLoader: 4, tee: 0, snp: 0x19, microcode: 0xdc };
  const reported = (on: SecureProcessor, guest: Guest): ReturnType<typeof decodeReport> => decodeReport(on.attest(guest, { reportData: REPORT_DATA }));

  test('a lower reported TCB is stated and signed for', () => {
    const on = processor();
    const guest = launched(on);
    on.attest(guest, { reportData: REPORT_DATA });
    on.configure({ reportedTcb: older });
    expect(reported(on, guest).reportedTcb).toEqual(older);
    expect(verifies(on.attest(guest, { reportData: REPORT_DATA }), vcekKey(on.world, 'Milan', on.platform.hwid, older).publicKey)).toBe(true);
  });

  test('a reported TCB above the committed one is INVALID_PARAM', () => {
    expect(statusOf(() => processor().configure({ reportedTcb: newer }))).toBe('INVALID_PARAM');
  });

  test('a masked chip id is zero', () => {
    const on = processor();
    const guest = launched(on);
    on.configure({ chipIdMasked: true });
    expect(reported(on, guest).chipId).toEqual(new Uint8Array(64));
  });

  test('an update is provisional until it is committed, and a guest keeps the TCB of its launch', () => {
    const on = processor();
    const guest = launched(on);
    const { currentTcb: before, reportedTcb, firmware } = on.platform;
    const next = { ...firmware, build: firmware.build + 1 };
    on.updateFirmware({ currentTcb: newer, firmware: next });
    expect(reported(on, guest)).toMatchObject({ currentTcb: newer, committedTcb: before, reportedTcb, launchTcb: before, currentBuild: next.build, committedBuild: firmware.build });
    on.commit();
    expect(reported(on, guest)).toMatchObject({ currentTcb: newer, committedTcb: newer, reportedTcb: newer, launchTcb: before, committedBuild: next.build });
    expect(reported(on, launched(on)).launchTcb).toEqual(newer);
  });

  test('firmware below the committed TCB or version is BAD_SVN', () => {
    const on = processor();
    const { currentTcb, firmware } = on.platform;
    expect(statusOf(() => on.updateFirmware({ currentTcb: older, firmware }))).toBe('BAD_SVN');
    expect(statusOf(() => on.updateFirmware({ currentTcb, firmware: { ...firmware, build: firmware.build - 1 } }))).toBe('BAD_SVN');
  });

  test('a VLEK that is loaded later signs from then on', () => {
    const on = processor();
    const guest = launched(on);
    const before = reported(on, guest).keyInfo.signingKey;
    on.loadSigner({ kind: 'vlek', cspId: CSP });
    expect([before, reported(on, guest).keyInfo.signingKey]).toEqual([0, 1]);
  });

  const turin = PRODUCTS.turin as Product;
  const tcb = { bootLoader: 1, tee: 0, snp: 1, microcode: 1 };
  test.each<[string, Parameters<typeof processor>[0], string]>([
    ['a hardware id of another length', { hwid: new Uint8Array(8) }, 'hwid'],
    ['a CPU of another line', { cpuid: { family: 0x1a, model: 2, stepping: 1 } }, 'cpuid'],
    ['Turin reports of version 2', { product: turin, reportVersion: 2 }, 'reportVersion'],
    ['a reported TCB above the committed one', { committedTcb: tcb, reportedTcb: { ...tcb, snp: 2 } }, 'reportedTcb.snp'],
    ['a committed TCB above the current one', { currentTcb: tcb, committedTcb: { ...tcb, tee: 1 }, reportedTcb: tcb }, 'committedTcb.tee'],
    ['a launch TCB above the current one', { launchTcb: { bootLoader: 5, tee: 0, snp: 0, microcode: 0 } }, 'launchTcb.bootLoader'],
    ['an FMC on Milan', { currentTcb: { ...tcb, fmc: 1 } }, 'currentTcb.fmc'],
    ['no FMC on Turin', { product: turin, currentTcb: tcb }, 'currentTcb.fmc'],
    ['an SVN of more than a byte', { currentTcb: { ...tcb, snp: 256 } }, 'currentTcb.snp'],
    ['committed firmware above the running one', { committedFirmware: { major: 1, minor: 99, build: 0 } }, 'committedFirmware'],
    ['platform info of more than 64 bits', { platformInfo: 1n << 64n }, 'platformInfo'],
  ])('no platform has %s', (_, overrides, at) => {
    expect(() => processor(overrides)).toThrow(expect.toSatisfy((error) => error instanceof ConfigError && error.key === at));
  });
});
