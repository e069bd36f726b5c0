/** Reports that the certified key did not sign. */
import { hardwareId, vcekKey, vlekKey } from '../../../emulator/snp/platform/chip.ts';
import { SIGNING_KEY, signReport } from '../../../emulator/snp/report.ts';
import { DEFAULT_CSP_ID } from '../../../emulator/snp/authority.ts';
import { bigEndianNumber, both, fields, flip, halvesSwapped, keyInfo, number, rewrite, signedByStranger } from '../../edits/report.ts';
import type { Maker, SnpCase, SnpRejectCase } from '../../model.ts';

const ABI = 'AMD 56860 SEV-SNP Firmware ABI, ATTESTATION_REPORT';

/** What the firmware of the usual machine reports. */
const TCB = { bootLoader: 4, tee: 0, snp: 0x17, microcode: 0xd5 };
const HALVES = ['r', 's'] as const;

const outOfRange = (half: (typeof HALVES)[number]): readonly SnpRejectCase[] => [
  {
    ...{ id: `snp/signature/${half}-is-the-order`, expect: 'must-reject', stage: 'signature', reason: 'signature-range', severity: 'high', ref: 'FIPS 186-5 §6.4.2' },
    why: `${half} is the order of the curve, which is zero where it counts.`,
    after: number(`signature.${half}`, (_, order) => order),
  },
  {
    ...{ id: `snp/signature/${half}-all-ones`, expect: 'must-reject', stage: 'signature', reason: 'signature-range', severity: 'high', ref: 'FIPS 186-5 §6.4.2' },
    why: `The 48 bytes of ${half} are all ones: above the order of the curve.`,
    after: number(`signature.${half}`, () => (1n << 384n) - 1n),
  },
];

/** Bytes that the signature is over: the first and the last of what each stands for. */
const CHANGED: readonly (readonly [slug: string, field: string, byte: number, what: string])[] = [
  ['policy-changed', 'policy', 2, 'The guest policy'],
  ['reported-tcb-changed', 'reportedTcb.snp', 0, 'The reported level of the SNP firmware'],
  ['chip-id-changed', 'chipId', 63, 'The last byte of the chip’s id'],
  ['host-data-changed', 'hostData', 31, 'The last byte of the host data'],
  ['vmpl-changed', 'vmpl', 0, 'The level that asked'],
  ['id-key-digest-changed', 'idKeyDigest', 0, 'The digest of the ID key'],
];

const signedBy = (slug: string, why: string, key: (maker: Maker) => Parameters<typeof signReport>[1]): SnpRejectCase => ({
  ...{ id: `snp/signature/${slug}`, expect: 'must-reject', stage: 'signature', reason: 'report-signature', severity: 'critical', ref: `${ABI}, KEY_INFO.SIGNING_KEY`, why },
  after: (report, maker) => signReport(report, key(maker)),
});

export const SIGNATURE_CASES: readonly SnpCase[] = [
  ...HALVES.flatMap(outOfRange),
  ...CHANGED.map(
    ([slug, field, byte, what]): SnpRejectCase => ({
      ...{ id: `snp/signature/${slug}`, expect: 'must-reject', stage: 'signature', reason: 'report-signature', severity: 'critical', ref: 'confidential-containers/trustee@f3509421' },
      why: `${what} was changed after signing.`,
      after: flip(field, byte, field === 'policy' ? 0x80 >> 6 : 1),
    }),
  ),
  signedBy('other-chip', 'The VCEK of another chip signed the report.', ({ world }) => vcekKey(world, 'Milan', hardwareId(world, 'Milan', 7), TCB)),
  signedBy('other-tcb', 'The chip’s VCEK for another TCB signed the report: firmware that was replaced since can do that.', ({ world }) => vcekKey(world, 'Milan', hardwareId(world, 'Milan', 0), { ...TCB, snp: 8 })),
  signedBy('vlek-of-the-line', 'A provider’s VLEK signed the report that is presented with a VCEK.', ({ world }) => vlekKey(world, 'Milan', DEFAULT_CSP_ID, TCB)),
  {
    id: 'snp/signature/of-another-report',
    expect: 'must-reject',
    stage: 'signature',
    reason: 'report-signature',
    severity: 'critical',
    ref: ABI,
    why: 'The signature is genuine, but that of another report of the same guest.',
    after: (report, { key }) => Uint8Array.of(...report.subarray(0, 672), ...signReport(flip('reportData')(report), key).subarray(672)),
  },
  {
    id: 'snp/signature/claims-unknown-key',
    expect: 'must-reject',
    stage: 'signature',
    reason: 'signing-key',
    severity: 'high',
    ref: `${ABI}, KEY_INFO.SIGNING_KEY`,
    why: 'The report says that a kind of key signed it which there is not.',
    edits: { report: keyInfo({ signingKey: 3 }) },
  },
  {
    id: 'snp/signature/algorithm-zero',
    expect: 'must-reject',
    stage: 'signature',
    reason: 'signature-algorithm',
    severity: 'medium',
    ref: `${ABI}, SIGNATURE_ALGO`,
    why: 'The report states no algorithm, though a good signature follows.',
    edits: { report: fields({ signatureAlgo: 0 }) },
  },
  {
    id: 'snp/signature/r-padding-first-byte',
    expect: 'must-reject',
    stage: 'signature',
    reason: 'signature-padding',
    severity: 'medium',
    ref: `${ABI}, signature format`,
    why: 'The first byte of r beyond its 48 is set.',
    after: flip('signature.r', 48),
  },
  {
    id: 'snp/signature/s-padding-set',
    expect: 'must-reject',
    stage: 'signature',
    reason: 'signature-padding',
    severity: 'medium',
    ref: `${ABI}, signature format`,
    why: 'The last byte of s, beyond its 48, is set.',
    after: flip('signature.s', 71),
  },
  {
    id: 'snp/signature/algorithm',
    expect: 'must-reject',
    stage: 'signature',
    reason: 'signature-algorithm',
    severity: 'medium',
    ref: `${ABI}, SIGNATURE_ALGO`,
    why: 'Only 1, ECDSA P-384 with SHA-384, is defined.',
    edits: { report: fields({ signatureAlgo: 2 }) },
  },
  {
    id: 'snp/signature/vcek-claims-vlek',
    expect: 'must-reject',
    stage: 'signature',
    reason: 'signing-key',
    severity: 'high',
    ref: 'microsoft/TEE-Attestation-Verification#142',
    why: 'A VCEK signed a report that says a VLEK did.',
    edits: { report: keyInfo({ signingKey: SIGNING_KEY.vlek }) },
  },
  {
    id: 'snp/signature/vlek-claims-vcek',
    expect: 'must-reject',
    stage: 'signature',
    reason: 'signing-key',
    severity: 'high',
    ref: `${ABI}, KEY_INFO.SIGNING_KEY`,
    why: 'A VLEK signed a report that says a VCEK did.',
    options: { signer: 'vlek' },
    edits: { report: keyInfo({ signingKey: SIGNING_KEY.vcek }) },
  },
  {
    id: 'snp/signature/claims-no-key',
    expect: 'must-reject',
    stage: 'signature',
    reason: 'signing-key',
    severity: 'high',
    ref: `${ABI}, KEY_INFO.SIGNING_KEY`,
    why: 'The report says that nothing signed it.',
    edits: { report: keyInfo({ signingKey: SIGNING_KEY.none }) },
  },
  { id: 'snp/signature/r-bit-flipped', expect: 'must-reject', stage: 'signature', reason: 'report-signature', severity: 'critical', ref: ABI, why: 'One bit of r is flipped.', after: flip('signature.r') },
  { id: 'snp/signature/s-bit-flipped', expect: 'must-reject', stage: 'signature', reason: 'report-signature', severity: 'critical', ref: ABI, why: 'One bit of s is flipped.', after: flip('signature.s') },
  { id: 'snp/signature/r-zero', expect: 'must-reject', stage: 'signature', reason: 'signature-range', severity: 'critical', ref: 'FIPS 186-5 §6.4.2', why: 'r is zero.', after: number('signature.r', () => 0n) },
  { id: 'snp/signature/s-zero', expect: 'must-reject', stage: 'signature', reason: 'signature-range', severity: 'critical', ref: 'FIPS 186-5 §6.4.2', why: 's is zero.', after: number('signature.s', () => 0n) },
  {
    id: 'snp/signature/all-zero',
    expect: 'must-reject',
    stage: 'signature',
    reason: 'signature-range',
    severity: 'critical',
    ref: 'FIPS 186-5 §6.4.2',
    why: 'There is no signature.',
    after: rewrite('signature', (field) => new Uint8Array(field.length)),
  },
  {
    id: 'snp/signature/s-above-the-order',
    expect: 'must-reject',
    stage: 'signature',
    reason: 'signature-padding',
    severity: 'high',
    ref: 'FIPS 186-5 §6.4.2',
    why: 's has the order of the curve added to it.',
    after: number('signature.s', (s, order) => s + order),
  },
  { id: 'snp/signature/halves-swapped', expect: 'must-reject', stage: 'signature', reason: 'report-signature', severity: 'high', ref: ABI, why: 'r and s are exchanged.', after: halvesSwapped },
  {
    id: 'snp/signature/big-endian',
    expect: 'must-reject',
    stage: 'signature',
    reason: 'report-signature',
    severity: 'medium',
    ref: `${ABI}, signature format`,
    why: 'r and s are written the other way round.',
    after: both(bigEndianNumber('signature.r'), bigEndianNumber('signature.s')),
  },
  {
    id: 'snp/signature/padding-set',
    expect: 'must-reject',
    stage: 'signature',
    reason: 'signature-padding',
    severity: 'medium',
    ref: `${ABI}, signature format`,
    why: 'A byte of r beyond its 48 is set.',
    after: flip('signature.r', 60),
  },
  {
    id: 'snp/signature/wrong-key',
    expect: 'must-reject',
    stage: 'signature',
    reason: 'report-signature',
    severity: 'critical',
    ref: 'virtee/sev@c3b7092',
    why: 'An unrelated key signed the report.',
    after: signedByStranger,
  },
  {
    id: 'snp/signature/measurement-changed',
    expect: 'must-reject',
    stage: 'signature',
    reason: 'report-signature',
    severity: 'critical',
    ref: 'confidential-containers/trustee@f3509421',
    why: 'The measurement was changed after signing.',
    after: flip('measurement'),
  },
  {
    id: 'snp/signature/report-data-changed',
    expect: 'must-reject',
    stage: 'signature',
    reason: 'report-signature',
    severity: 'critical',
    ref: ABI,
    why: 'The report data was changed after signing.',
    after: flip('reportData'),
  },
  {
    id: 'snp/signature/report-id-changed',
    expect: 'must-reject',
    stage: 'signature',
    reason: 'report-signature',
    severity: 'high',
    ref: ABI,
    why: 'The report id, which nobody compares, was changed after signing.',
    after: flip('reportId', 31, 0x80),
  },
];
