/** What is wrong with reports, or not what was asked for: one row each. */
import { p384 } from '@noble/curves/nist.js';
import type { CertificateSpec } from '../../emulator/pki/issue.ts';
import { REPORT_V3, type SnpReport } from '../../emulator/snp/report.ts';
import { TCB_COMPONENTS, type TcbComponent } from '../../emulator/snp/platform/tcb.ts';
import type { Rejection } from './chain-rejections.ts';
import { goodReport, type Machine, MILAN, NOW, reportedTcb, type Wishes, world } from './snp-evidence.ts';

const now = NOW;
const DAY = 86_400_000;
const TURIN: Machine = { line: 'Turin', version: 5, signer: 'vcek' };
const GOOD = goodReport(MILAN);
const at = (path: string): number => REPORT_V3.locate(path).at;
/** A change of some fields, signed afterwards. */
const report = (change: Partial<SnpReport>): Rejection['edits'] => ({ report: (r) => ({ ...r, ...change }) });
const policy = (change: Partial<SnpReport['policy']>): Rejection['edits'] => ({ report: (r) => ({ ...r, policy: { ...r.policy, ...change } }) });
const keyInfo = (change: Partial<SnpReport['keyInfo']>): Rejection['edits'] => ({ report: (r) => ({ ...r, keyInfo: { ...r.keyInfo, ...change } }) });
/** A change that nobody signed. */
const signed = (change: (src: Uint8Array) => void): Rejection['edits'] => ({ signed: change });
const flip = (offset: number) => (src: Uint8Array) => {
  src[offset] = (src[offset] ?? 0) ^ 1;
};
const fill = (from: number, to: number, value: number) => (src: Uint8Array) => {
  src.fill(value, from, to);
};
const R = at('signature.r');
const S = at('signature.s');
const otherBytes = (b: Uint8Array): Uint8Array => b.map((x, i) => (i === b.length - 1 ? x ^ 0x80 : x));

export const REPORT_REJECTIONS: readonly Rejection[] = [
  ...[1183, 672, 1, 0].map((size): Rejection => ({ name: `the report is ${size} bytes`, reason: 'report-size', edits: { presented: (e) => ({ ...e, report: e.report.subarray(0, size) }) } })),
  { name: 'a byte follows the report', reason: 'report-size', edits: { presented: (e) => ({ ...e, report: Uint8Array.of(...e.report, 0) }) } },
  ...[0, 1, 6, 99].map((version): Rejection => ({ name: `the version is ${version}`, reason: 'report-version', edits: signed(fill(0, 1, version)) })),
  ...['reserved0x4c', 'reserved0x18b', 'reserved0x1eb', 'reserved0x1ef', 'reserved0x1f8', 'currentTcb.reserved2', 'signature.reserved'].map(
    (path): Rejection => ({ name: `${path} is not zero`, reason: 'report-reserved', edits: signed(flip(at(path))), path: `snp.report.v3.${path}` }),
  ),
  {
    name: "Turin's reserved TCB bytes are not zero",
    reason: 'report-reserved',
    machine: TURIN,
    edits: report({ currentTcb: { ...goodReport(TURIN).currentTcb, reserved4: Uint8Array.of(1, 0, 0) } }),
    path: 'snp.report.v5.turin.currentTcb.reserved4',
  },
  { name: 'a reserved bit of the guest policy is set, whatever is allowed', reason: 'report-reserved', edits: policy({ reserved26: 1 << 14 }), wishes: { now, allowReserved: true }, path: 'policy.reserved26' },
  { name: 'a reserved bit of KEY_INFO is set, whatever is allowed', reason: 'report-reserved', edits: keyInfo({ reserved5: 1 }), wishes: { now, allowReserved: true }, path: 'keyInfo.reserved5' },
  { name: 'the VMPL is 4', reason: 'vmpl-range', edits: report({ vmpl: 4 }) },
  { name: 'the CPU is of an unknown family', reason: 'cpu-unknown', edits: report({ cpuidFamId: 0x17 }) },
  { name: 'the CPU is of an unknown model', reason: 'cpu-unknown', edits: report({ cpuidModId: 0x20 }) },

  { name: 'a VCEK signs, and the report says a VLEK did', reason: 'signing-key', edits: keyInfo({ signingKey: 1 }) },
  { name: 'a VLEK signs, and the report says a VCEK did', reason: 'signing-key', machine: { ...MILAN, signer: 'vlek' }, edits: keyInfo({ signingKey: 0 }) },
  { name: 'the report says that nobody signed', reason: 'signing-key', edits: keyInfo({ signingKey: 7 }) },
  { name: 'the signature algorithm is unknown', reason: 'signature-algorithm', edits: report({ signatureAlgo: 2 }) },
  { name: 'another P-384 key signed', reason: 'report-signature', edits: { reportKey: world.ecKey('other', 'P-384') } },
  { name: 'a byte of the body was changed', reason: 'report-signature', edits: signed(flip(at('measurement'))) },
  { name: 'a bit of r was changed', reason: 'report-signature', edits: signed(flip(R)) },
  { name: 'a bit of s was changed', reason: 'report-signature', edits: signed(flip(S)) },
  { name: 'r and s are exchanged', reason: 'report-signature', edits: signed((src) => src.set([...src.subarray(S, S + 72), ...src.subarray(R, R + 72)], R)) },
  { name: 'r and s are big-endian in their first 48 bytes', reason: 'report-signature', edits: signed((src) => [R, S].forEach((n) => void src.subarray(n, n + 48).reverse())) },
  { name: 'r and s are big-endian in all 72 bytes', reason: 'signature-padding', edits: signed((src) => [R, S].forEach((n) => void src.subarray(n, n + 72).reverse())) },
  { name: 'the padding of r is not zero', reason: 'signature-padding', edits: signed(flip(R + 48)), path: 'signature.r' },
  { name: 'the padding of s is not zero', reason: 'signature-padding', edits: signed(flip(S + 71)), path: 'signature.s' },
  { name: 'r is zero', reason: 'signature-range', edits: signed(fill(R, R + 48, 0)), path: 'signature.r' },
  { name: 's is all ones', reason: 'signature-range', edits: signed(fill(S, S + 48, 0xff)), path: 'signature.s' },
  { name: "s is the curve's order", reason: 'signature-range', edits: signed((src) => src.set(littleEndian(p384.Point.CURVE().n), S)), path: 'signature.s' },
  { name: "s has the curve's order added", reason: 'signature-range', edits: signed((src) => src.fill(0xff, S + 24, S + 48)), path: 'signature.s' },

  ...(['Milan', 'Turin'] as const).flatMap((line) =>
    TCB_COMPONENTS.filter((c) => c !== 'fmc' || line === 'Turin').map(
      (component): Rejection => ({
        name: `on ${line}, the certificate is for another ${component} than reported`,
        reason: 'leaf-tcb-mismatch',
        machine: line === 'Turin' ? TURIN : MILAN,
        edits: { report: (r) => ({ ...r, reportedTcb: { ...r.reportedTcb, [component]: (reportedTcb(line)[component] ?? 0) - 1 } }) },
        path: `reportedTcb.${component}`,
      }),
    ),
  ),
  ...(['3.1', '3.2', '3.3', '3.8'] as const).map((oid): Rejection => ({ name: `the certificate lacks the level ${oid}`, reason: 'leaf-tcb-missing', edits: { leaf: level(oid) } })),
  { name: 'a Turin certificate lacks the level of the FMC', reason: 'leaf-tcb-missing', machine: TURIN, edits: { leaf: level('3.9') } },
  { name: 'a level is written with two significant bytes', reason: 'leaf-tcb-malformed', edits: { leaf: level('3.8', 2, 2, 1, 0xd5) } },
  { name: 'a level is an OCTET STRING', reason: 'leaf-tcb-malformed', edits: { leaf: level('3.3', 4, 1, 0x18) } },
  { name: 'a level is negative', reason: 'leaf-tcb-malformed', edits: { leaf: level('3.8', 2, 1, 0xd5) } },
  { name: 'a level is longer than need be', reason: 'leaf-tcb-malformed', edits: { leaf: level('3.3', 2, 2, 0, 0x18) } },
  { name: 'bytes follow a level', reason: 'leaf-tcb-malformed', edits: { leaf: level('3.3', 2, 1, 0x18, 0) } },
  { name: 'an unused level is not a number', reason: 'leaf-tcb-malformed', edits: { leaf: level('3.5', 5, 0) } },
  { name: 'an unused level is not zero', reason: 'leaf-tcb-mismatch', edits: { leaf: level('3.5', 2, 1, 1) } },
  {
    name: 'the host vouches for another TCB',
    reason: 'endorsed-tcb-mismatch',
    both: { presented: (e) => ({ ...e, endorsedTcb: reportedTcb('Milan') }) },
    edits: { presented: (e) => ({ ...e, endorsedTcb: { ...reportedTcb('Milan'), snp: 0x17 } }) },
  },
  { name: 'the reported TCB is above the current one', reason: 'tcb-reported-above-current', edits: tcbs('currentTcb', 'committedTcb')('snp', 0x17), path: 'reportedTcb.snp' },
  { name: 'the committed TCB is above the current one', reason: 'tcb-committed-above-current', edits: tcbs('committedTcb')('snp', 0x19), path: 'committedTcb.snp' },
  { name: 'newer firmware is committed than runs', reason: 'firmware-committed-above-current', edits: report({ committedBuild: 41 }) },
  { name: 'a later minor version is committed than runs', reason: 'firmware-committed-above-current', edits: report({ committedMinor: 56, committedBuild: 0 }) },
  { name: 'the running build is not committed', reason: 'firmware-provisional', edits: report({ committedBuild: 39 }), path: 'committedBuild' },
  { name: 'the running TCB is not committed', reason: 'firmware-provisional', edits: tcbs('committedTcb')('snp', 0x17), path: 'committedTcb.snp' },
  ...(['reportedTcb', 'currentTcb', 'committedTcb', 'launchTcb'] as const).map(
    (path): Rejection => ({
      name: `the ${path} is below the minimum`,
      reason: 'tcb-below-minimum',
      wishes: { now, minimumTcb: { snp: 0x18 }, allowProvisionalFirmware: true },
      edits:
        path === 'reportedTcb'
          ? { ...tcbs(path)('snp', 0x17), leaf: level('3.3', 2, 1, 0x17) }
          : path === 'currentTcb'
            ? { ...tcbs('currentTcb', 'committedTcb', 'reportedTcb')('snp', 0x17), leaf: level('3.3', 2, 1, 0x17) }
            : tcbs(path)('snp', 0x17),
      ...(path === 'currentTcb' ? {} : { path: `${path}.snp` }),
    }),
  ),
  { name: 'older firmware is committed than the minimum', reason: 'firmware-below-minimum', wishes: { now, minimumFirmware: { major: 1, minor: 55, build: 40 } }, edits: report({ currentBuild: 39, committedBuild: 39 }) },

  { name: 'the host asked for the report', reason: 'vmpl-host', edits: report({ vmpl: 0xffffffff }) },
  { name: 'VMPL 1 asked for the report, and it must be 0', reason: 'vmpl-refused', wishes: { now, vmpl: 0 }, edits: report({ vmpl: 1 }) },
  { name: 'bit 17 of the guest policy is zero', reason: 'policy-bit-17', edits: policy({ reserved17: 0 }) },
  { name: 'the host may debug the guest', reason: 'policy-debug', edits: policy({ debug: 1 }) },
  { name: 'a migration agent may move the guest', reason: 'policy-migrate-ma', edits: policy({ migrateMa: 1 }) },
  { name: 'CXL memory is allowed', reason: 'policy-cxl', edits: policy({ cxlAllow: 1 }) },
  { name: 'SMT is allowed, and is refused', reason: 'policy-smt', both: policy({ smt: 0 }), wishes: { now, policy: { smt: 'refused' } }, edits: policy({ smt: 1 }) },
  ...(
    [
      ['singleSocket', 'policy-single-socket'],
      ['memAes256Xts', 'policy-aes-256-xts'],
      ['raplDis', 'policy-rapl'],
      ['ciphertextHidingDram', 'policy-ciphertext-hiding'],
      ['pageSwapDisable', 'policy-page-swap'],
    ] as const
  ).map(
    ([flag, reason]): Rejection => ({
      name: `${flag} is required and not set`,
      reason,
      both: policy({ [flag]: 1 }),
      wishes: { now, policy: { [flag]: 'required' } },
      edits: policy({ [flag]: 0 }),
      path: `policy.${flag}`,
    }),
  ),
  {
    name: 'the guest policy asks for an older ABI than the minimum',
    reason: 'policy-abi-below-minimum',
    both: policy({ abiMajor: 1, abiMinor: 50 }),
    wishes: { now, minimumAbi: { major: 1, minor: 50 } },
    edits: policy({ abiMajor: 0, abiMinor: 51 }),
  },
  { name: 'SMT is on and must be off, whatever TSME is', reason: 'platform-info', both: platform(0, 1), wishes: { now, platform: { smtEn: false } }, edits: platform(1, 0), path: 'platformInfo.smtEn' },
  { name: 'TSME is on and must be off, whatever SMT is', reason: 'platform-info', both: platform(1, 0), wishes: { now, platform: { tsmeEn: false } }, edits: platform(0, 1), path: 'platformInfo.tsmeEn' },
  { name: 'TSME is off and must be on', reason: 'platform-info', both: platform(1, 1), wishes: { now, platform: { tsmeEn: true } }, edits: platform(1, 0), path: 'platformInfo.tsmeEn' },
  { name: 'a mitigation was off at launch', reason: 'mitigation-missing', machine: TURIN, wishes: { now, mitigations: 0x03n }, edits: report({ launchMitVector: 0x01n }), path: 'launchMitVector' },
  { name: 'a mitigation is off', reason: 'mitigation-missing', machine: TURIN, wishes: { now, mitigations: 0x03n }, edits: report({ currentMitVector: 0x02n }), path: 'currentMitVector' },
  { name: 'the chip key is masked', reason: 'chip-key-masked', edits: keyInfo({ maskChipKey: 1 }) },
  { name: 'a VCEK signs, and it must be a VLEK', reason: 'signer-refused', machine: { ...MILAN, signer: 'vlek' }, wishes: { now, signer: 'vlek' }, edits: { presented: (e) => e } },
  { name: "the VLEK is another provider's", reason: 'csp-id', machine: { ...MILAN, signer: 'vlek' }, wishes: { now, cspId: 'CN=cc-us-east-2.amazonaws.com' }, edits: { leaf: csp('CN=cc-us-east-1.amazonaws.com') } },
  { name: 'another key signed the ID block', reason: 'id-key-digest', wishes: { now, idKeyDigest: GOOD.idKeyDigest }, edits: report({ idKeyDigest: otherBytes(GOOD.idKeyDigest) }) },
  { name: 'another author key signed the ID key', reason: 'author-key-digest', wishes: { now, authorKeyDigest: GOOD.authorKeyDigest }, edits: report({ authorKeyDigest: otherBytes(GOOD.authorKeyDigest) }) },
  { name: 'the family id is another', reason: 'family-id', wishes: { now, familyId: GOOD.familyId }, edits: report({ familyId: otherBytes(GOOD.familyId) }) },
  { name: 'the image id is another', reason: 'image-id', wishes: { now, imageId: GOOD.imageId }, edits: report({ imageId: otherBytes(GOOD.imageId) }) },
  { name: "the guest's security version is below the minimum", reason: 'guest-svn-below-minimum', wishes: { now, minimumGuestSvn: 7 }, edits: report({ guestSvn: 6 }) },

  { name: 'the chip id is that of another chip', reason: 'chip-id-mismatch', edits: report({ chipId: otherBytes(GOOD.chipId) }) },
  { name: "on Turin, the chip id is another's", reason: 'chip-id-mismatch', machine: TURIN, edits: { report: (r) => ({ ...r, chipId: r.chipId.map((b, i) => (i === 7 ? b ^ 1 : b)) }) } },
  { name: 'on Turin, a byte after the chip id is not zero', reason: 'chip-id-tail', machine: TURIN, edits: report({ chipId: otherBytes(goodReport(TURIN).chipId) }) },
  { name: 'the chip id is zero though a VCEK signs', reason: 'chip-id-masked', edits: report({ chipId: new Uint8Array(64) }) },
  { name: 'it is not the expected chip', reason: 'chip-id-unexpected', machine: { ...MILAN, signer: 'vlek' }, wishes: { now, chipId: GOOD.chipId }, edits: report({ chipId: otherBytes(GOOD.chipId) }) },
  { name: 'the report data are others', reason: 'report-data-mismatch', wishes: { now, reportData: GOOD.reportData }, edits: report({ reportData: otherBytes(GOOD.reportData) }) },
  { name: 'the measurement is none of those expected', reason: 'measurement-mismatch', wishes: { now, measurement: [new Uint8Array(48), GOOD.measurement] }, edits: report({ measurement: otherBytes(GOOD.measurement) }) },
  { name: 'the host data are others', reason: 'host-data-mismatch', wishes: { now, hostData: GOOD.hostData }, edits: report({ hostData: otherBytes(GOOD.hostData) }) },
  { name: 'the certificate is older than allowed', reason: 'leaf-too-old', wishes: { now, maximumLeafAge: 30 * DAY }, edits: { leaf: (spec) => ({ ...spec, notBefore: NOW - 31 * DAY }) } },
];

/** Evidence that is unusual, and good. */
export const UNUSUAL: readonly { readonly name: string; readonly machine?: Machine; readonly edits: Rejection['edits']; readonly wishes?: Wishes }[] = [
  { name: 'a Siena part, of the line of Genoa', machine: { line: 'Genoa', version: 3, signer: 'vcek' }, edits: report({ cpuidModId: 0xa0, cpuidStep: 2 }) },
  {
    name: 'a hwID that is wrapped in an OCTET STRING',
    edits: { leaf: (spec) => ({ ...spec, extensions: spec.extensions.map((e) => (e.oid.endsWith('.3704.1.4') ? { ...e, value: Uint8Array.of(4, 64, ...e.value) } : e)) }) },
  },
  { name: 'a garbled productName, where the report names the CPU', edits: { leaf: level('2', 0xff, 0, 1) } },
  { name: 'a productName with a stepping, where the report does not name the CPU', machine: { ...MILAN, version: 2 }, edits: { leaf: level('2', 0x16, 8, ...Buffer.from('Milan-B1')) } },
  { name: 's in the upper half', edits: signed((src) => mirrorS(src, true)) },
  { name: 's in the lower half', edits: signed((src) => mirrorS(src, false)) },
  { name: 'VMPL 1, where it is not asked for', edits: report({ vmpl: 1 }) },
  {
    name: 'the newer bits of the guest policy, where they are allowed',
    edits: policy({ cxlAllow: 1, memAes256Xts: 1, raplDis: 1, ciphertextHidingDram: 1, pageSwapDisable: 1 }),
    wishes: { now, policy: { cxlAllow: 'allowed' } },
  },
  { name: 'a masked chip id, where it is allowed', machine: { ...MILAN, version: 2 }, edits: report({ chipId: new Uint8Array(64) }), wishes: { now, allowMaskedChipId: true } },
  { name: 'a VLEK and no chip id', machine: { ...MILAN, signer: 'vlek' }, edits: report({ chipId: new Uint8Array(64) }) },
  { name: 'a debuggable guest, where it is allowed', edits: policy({ debug: 1 }), wishes: { now, policy: { debug: 'allowed' } } },
  { name: 'firmware that is not committed, where it is allowed', edits: report({ committedBuild: 39 }), wishes: { now, allowProvisionalFirmware: true } },
  {
    name: 'reserved bytes that are not zero, where they are allowed',
    edits: { report: (r) => ({ ...r, reserved0x4c: Uint8Array.of(1, 2, 3, 4), currentTcb: { ...r.currentTcb, reserved2: Uint8Array.of(1, 0, 0, 0) } }) },
    wishes: { now, allowReserved: true },
  },
  {
    name: 'a key usage in the VCEK, where it is allowed',
    edits: { leaf: (spec) => ({ ...spec, extensions: [...spec.extensions, { oid: '2.5.29.15', critical: true, value: Uint8Array.of(3, 2, 7, 0x80) }] }) },
    wishes: { now, allowOtherExtensions: true },
  },
  { name: 'no root among the evidence', edits: { presented: ({ ark: _, ...rest }) => rest } },
  { name: 'a list that names none of the chain', edits: { crl: (spec) => spec }, wishes: { now, requireCrl: true } },
  { name: 'the last second of the certificate', edits: { leaf: (spec) => ({ ...spec, notAfter: NOW }) } },
  { name: 'the first second of the certificate', edits: { leaf: (spec) => ({ ...spec, notBefore: NOW }) } },
];

/** A certificate whose level of that identifier is written in these bytes, or left out. */
function level(suffix: string, ...value: readonly number[]): (spec: CertificateSpec) => CertificateSpec {
  const oid = `1.3.6.1.4.1.3704.1.${suffix}`;
  return (spec) => ({ ...spec, extensions: spec.extensions.flatMap((e) => (e.oid !== oid ? [e] : value.length === 0 ? [] : [{ ...e, value: Uint8Array.from(value) }])) });
}

function csp(name: string): (spec: CertificateSpec) => CertificateSpec {
  return level('5', 0x16, name.length, ...Buffer.from(name));
}

function tcbs(...which: readonly ('reportedTcb' | 'currentTcb' | 'committedTcb' | 'launchTcb')[]): (component: TcbComponent, value: number) => Rejection['edits'] {
  return (component, value) => ({ report: (r) => ({ ...r, ...Object.fromEntries(which.map((tcb) => [tcb, { ...r[tcb], [component]: value }])) }) });
}

function platform(smtEn: number, tsmeEn: number): Rejection['edits'] {
  return { report: (r) => ({ ...r, platformInfo: { ...r.platformInfo, smtEn, tsmeEn } }) };
}

function littleEndian(value: bigint): Uint8Array {
  return Uint8Array.from(Buffer.from(value.toString(16).padStart(96, '0'), 'hex')).reverse();
}

/** Puts s into the half of its range that is asked for: s and n - s are equally good. */
function mirrorS(src: Uint8Array, upper: boolean): void {
  const { n } = p384.Point.CURVE();
  const s = BigInt(`0x${Buffer.from(src.slice(S, S + 48).reverse()).toString('hex')}`);
  if (s > n / 2n !== upper) src.set(littleEndian(n - s), S);
}
