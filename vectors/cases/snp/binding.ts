/** Reports of another chip, another guest, or for another question. */
import { fields } from '../../edits/report.ts';
import { OF_THE_GOOD_TWIN, type SnpCase } from '../../model.ts';

const ABI = 'AMD 56860 SEV-SNP Firmware ABI, ATTESTATION_REPORT';

export const BINDING_CASES: readonly SnpCase[] = [
  {
    id: 'snp/binding/chip-id-differs',
    expect: 'must-reject',
    stage: 'binding',
    severity: 'critical',
    ref: 'virtee/snpguest#159',
    why: 'The report names another chip than the VCEK; both are correctly signed.',
    edits: { report: (r) => ({ ...r, chipId: r.chipId.with(40, (r.chipId[40] ?? 0) ^ 1) }) },
  },
  {
    id: 'snp/binding/chip-id-zero',
    expect: 'must-reject',
    stage: 'binding',
    severity: 'high',
    ref: `${ABI}, CHIP_ID`,
    why: 'The report names no chip, its VCEK does, and the relying party accepts no masked ones.',
    edits: { report: fields({ chipId: new Uint8Array(64) }) },
  },
  {
    id: 'snp/binding/turin-chip-id-tail',
    expect: 'must-reject',
    stage: 'binding',
    severity: 'medium',
    ref: 'confidential-dot-ai/attestation-rs@c10ce0a',
    why: 'On Turin, what follows the eight bytes of the hardware id is zero.',
    options: { product: 'turin' },
    edits: { report: (r) => ({ ...r, chipId: r.chipId.with(8, 1) }) },
  },
  {
    id: 'snp/binding/report-data',
    expect: 'must-reject',
    stage: 'binding',
    severity: 'critical',
    ref: 'agentrust-io/cmcp#386',
    why: 'The report answers another challenge.',
    options: { reportData: '11' },
    goodOptions: { reportData: '22' },
    request: { reportData: '22' },
  },
  {
    id: 'snp/binding/host-data',
    expect: 'must-reject',
    stage: 'binding',
    severity: 'high',
    ref: ABI,
    why: 'The host launched the guest with other data than expected.',
    options: { hostData: '11' },
    goodOptions: { hostData: '22' },
    request: { hostData: '22' },
  },
  {
    id: 'snp/binding/measurement',
    expect: 'must-reject',
    stage: 'binding',
    severity: 'critical',
    ref: 'confidential-dot-ai/attestation-go#12',
    why: 'Another command line was measured than expected.',
    options: { append: 'init=/bin/sh' },
    goodOptions: { append: 'quiet' },
    request: { measurement: OF_THE_GOOD_TWIN },
  },
];
