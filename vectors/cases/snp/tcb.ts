/** Firmware that is not what the certificate is for, or not what is wanted. */
import { derInteger } from '../../../emulator/pki/der.ts';
import { AMD_OID, extension } from '../../edits/certificate.ts';
import { tcbs } from '../../edits/report.ts';
import type { SnpCase } from '../../model.ts';

const ABI = 'AMD 56860 SEV-SNP Firmware ABI, ATTESTATION_REPORT';

export const TCB_CASES: readonly SnpCase[] = [
  ...(['bootLoader', 'tee', 'snp', 'microcode'] as const).map(
    (component): SnpCase => ({
      id: `snp/tcb/certificate-for-other-${component.toLowerCase().replace('bootloader', 'boot-loader')}`,
      expect: 'must-reject',
      stage: 'tcb',
      severity: 'critical',
      ref: 'confidential-dot-ai/attestation-rs@48e8734',
      why: `The VCEK is for another level of the ${component} than the report states.`,
      edits: { leaf: extension(AMD_OID[component], () => derInteger(1)) },
    }),
  ),
  {
    id: 'snp/tcb/extension-missing',
    expect: 'must-reject',
    stage: 'tcb',
    severity: 'high',
    ref: 'virtee/snpguest#159',
    why: 'The VCEK does not say for which SNP firmware it is.',
    edits: { leaf: extension(AMD_OID.snp, () => undefined) },
  },
  {
    id: 'snp/tcb/extension-no-integer',
    expect: 'must-reject',
    stage: 'tcb',
    severity: 'high',
    ref: 'microsoft/TEE-Attestation-Verification#142',
    why: 'The level stands in an OCTET STRING.',
    edits: { leaf: extension(AMD_OID.snp, (value) => Uint8Array.of(4, ...value.subarray(1))) },
  },
  {
    id: 'snp/tcb/extension-above-255',
    expect: 'must-reject',
    stage: 'tcb',
    severity: 'high',
    ref: 'microsoft/TEE-Attestation-Verification#142',
    why: 'The level is 256 more than the report’s, which has a byte for it.',
    edits: { leaf: extension(AMD_OID.snp, (value) => derInteger(256 + (value.at(-1) ?? 0))) },
  },
  {
    id: 'snp/tcb/reported-above-current',
    expect: 'must-reject',
    stage: 'tcb',
    severity: 'high',
    ref: `${ABI}, REPORTED_TCB`,
    why: 'No firmware reports a TCB above the one that runs.',
    edits: { report: tcbs({ currentTcb: { snp: 0x10 }, committedTcb: { snp: 0x10 } }) },
  },
  {
    id: 'snp/tcb/committed-above-current',
    expect: 'must-reject',
    stage: 'tcb',
    severity: 'medium',
    ref: `${ABI}, COMMITTED_TCB`,
    why: 'What is committed cannot be newer than what runs.',
    edits: { report: tcbs({ committedTcb: { snp: 0x7f } }) },
    request: { allowProvisionalFirmware: true },
  },
  {
    id: 'snp/tcb/committed-build-above-current',
    expect: 'must-reject',
    stage: 'tcb',
    severity: 'medium',
    ref: `${ABI}, COMMITTED_BUILD`,
    why: 'What is committed cannot be newer than what runs.',
    edits: { report: (r) => ({ ...r, committedBuild: r.currentBuild + 1 }) },
    request: { allowProvisionalFirmware: true },
  },
  {
    id: 'snp/tcb/below-minimum',
    expect: 'must-reject',
    stage: 'tcb',
    severity: 'high',
    ref: 'edgelesssys/constellation@23bf4aa66',
    why: 'The platform is honest about firmware that the relying party no longer accepts.',
    options: { set: ['reportedTcb.snp=0x08', 'committedTcb.snp=0x08', 'currentTcb.snp=0x08'] },
    goodOptions: {},
    request: { minimumTcb: { bootLoader: 4, tee: 0, snp: 0x17, microcode: 0xd5 } },
  },
  {
    id: 'snp/tcb/provisional-tcb',
    expect: 'must-reject',
    stage: 'tcb',
    severity: 'medium',
    ref: 'tinfoilsh/verifier@abb44ae',
    why: 'The running firmware can still be rolled back.',
    options: { preset: 'aws' },
    goodOptions: { preset: 'aws', set: ['currentTcb.microcode=0xdb'] },
  },
  {
    id: 'snp/tcb/provisional-build',
    expect: 'must-reject',
    stage: 'tcb',
    severity: 'medium',
    ref: 'tinfoilsh/verifier@abb44ae',
    why: 'The running build can still be rolled back.',
    edits: { report: (r) => ({ ...r, committedBuild: r.currentBuild - 1 }) },
  },
];
