/** Reports that are none, or that state what no firmware states. */
import { fields, flip, keyInfo, policy, signedAfter } from '../../edits/report.ts';
import type { SnpCase } from '../../model.ts';

const ABI = 'AMD 56860 SEV-SNP Firmware ABI, ATTESTATION_REPORT';

export const REPORT_CASES: readonly SnpCase[] = [
  {
    id: 'snp/report/version-unknown',
    expect: 'must-reject',
    stage: 'parse',
    severity: 'medium',
    ref: `${ABI}, VERSION`,
    why: 'A structure of an unknown version means nothing, though its signature holds.',
    after: signedAfter(flip('version', 0, 0x60)),
  },
  { id: 'snp/report/truncated', expect: 'must-reject', stage: 'parse', severity: 'high', ref: ABI, why: 'The last byte is missing.', after: (report) => report.slice(0, -1) },
  { id: 'snp/report/trailing-byte', expect: 'must-reject', stage: 'parse', severity: 'low', ref: ABI, why: 'A byte follows the report.', after: (report) => Uint8Array.of(...report, 0) },
  { id: 'snp/report/empty', expect: 'must-reject', stage: 'parse', severity: 'high', ref: 'microsoft/CCF#4679', why: 'There is no report.', after: () => new Uint8Array() },
  {
    id: 'snp/report/reserved-set',
    expect: 'must-reject',
    stage: 'parse',
    severity: 'medium',
    ref: `${ABI}, reserved fields must be zero`,
    why: 'A signed reserved byte is set: the firmware is not what the verifier knows.',
    edits: { report: fields({ reserved0x4c: Uint8Array.of(1, 0, 0, 0) }) },
  },
  {
    id: 'snp/report/policy-reserved-bit',
    expect: 'must-reject',
    stage: 'parse',
    severity: 'low',
    ref: 'google/go-sev-guest@a008989',
    why: 'Bit 40 of the guest policy must be zero.',
    edits: { report: policy({ reserved26: 1 << 14 }) },
  },
  { id: 'snp/report/key-info-reserved-bit', expect: 'must-reject', stage: 'parse', severity: 'low', ref: `${ABI}, KEY_INFO`, why: 'Bits 31 to 5 must be zero.', edits: { report: keyInfo({ reserved5: 1 }) } },
  {
    id: 'snp/report/tail-after-signature',
    expect: 'must-reject',
    stage: 'parse',
    severity: 'low',
    ref: `${ABI}, signature format`,
    why: 'The bytes after the signature must be zero; nothing signs them.',
    after: flip('signature.reserved', 100),
  },
  {
    id: 'snp/report/cpu-unknown',
    expect: 'must-reject',
    stage: 'parse',
    severity: 'medium',
    ref: `${ABI}, CPUID_FAM_ID`,
    why: 'The report names a CPU of no known line.',
    edits: { report: fields({ cpuidFamId: 0x17 }) },
  },
  { id: 'snp/report/vmpl-4', expect: 'must-reject', stage: 'parse', severity: 'medium', ref: `${ABI}, VMPL`, why: 'There are the levels 0 to 3, and all ones for the host.', edits: { report: fields({ vmpl: 4 }) } },
];
