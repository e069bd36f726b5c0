/** Unusual evidence that must be accepted. */
import { AMD_OID, extension } from '../../edits/certificate.ts';
import { number } from '../../edits/report.ts';
import type { SnpCase } from '../../model.ts';

const ABI = 'AMD 56860 SEV-SNP Firmware ABI, ATTESTATION_REPORT';
const KDS = 'AMD 57230 VCEK Certificate and KDS Interface Specification';

export const OK_CASES: readonly SnpCase[] = [
  { id: 'snp/ok/genoa', expect: 'must-accept', severity: 'high', ref: ABI, why: 'Genoa’s keys, with a product name without stepping, as AMD’s service gives it now.', options: { product: 'genoa' } },
  { id: 'snp/ok/siena', expect: 'must-accept', severity: 'medium', ref: 'google/go-sev-guest#184', why: 'A Zen 4c part, under Genoa’s keys.', options: { product: 'siena' } },
  { id: 'snp/ok/turin', expect: 'must-accept', severity: 'medium', ref: 'google/go-sev-guest#165', why: 'Eight bytes of hardware id, another order of the TCB, and an FMC in it.', options: { product: 'turin' } },
  { id: 'snp/ok/vlek', expect: 'must-accept', severity: 'high', ref: 'google/go-sev-guest#47', why: 'Signed by a VLEK under an ASVK.', options: { signer: 'vlek' } },
  {
    id: 'snp/ok/vlek-masked-vmpl-1',
    expect: 'must-accept',
    severity: 'high',
    ref: 'google/go-sev-guest#67',
    why: 'A VLEK, no chip id and VMPL 1, as on AWS, where firmware that is ahead is allowed.',
    options: { preset: 'aws' },
    request: { allowProvisionalFirmware: true },
  },
  {
    id: 'snp/ok/id-block',
    expect: 'must-accept',
    severity: 'medium',
    ref: ABI,
    why: 'Ids, SVN and key digest from an ID block, and a policy that asks for ABI 0.31, as on Azure.',
    options: { preset: 'azure-cvm' },
    request: { maximumPolicy: 0x3001fn },
    goodOptions: { policy: '0x3001f' },
  },
  {
    id: 'snp/ok/reported-below-current',
    expect: 'must-accept',
    severity: 'medium',
    ref: 'google/go-sev-guest#72',
    why: 'A platform may report a TCB below the one that runs; its VCEK is for the one it reports.',
    options: { preset: 'qemu' },
    goodOptions: { set: ['reportedTcb.snp=0x18'] },
  },
  { id: 'snp/ok/version-2', expect: 'must-accept', severity: 'medium', ref: 'google/go-sev-guest#103', why: 'Version 2 names no CPU; the product is in the VCEK, with its stepping.', options: { reportVersion: 2 } },
  { id: 'snp/ok/version-4', expect: 'must-accept', severity: 'medium', ref: ABI, why: 'Version 4 is laid out like version 3.', options: { preset: 'gce' } },
  { id: 'snp/ok/version-5', expect: 'must-accept', severity: 'medium', ref: ABI, why: 'Version 5 has mitigation vectors where there were reserved bytes.', options: { reportVersion: 5 } },
  {
    id: 'snp/ok/product-name-garbled',
    expect: 'must-accept',
    severity: 'medium',
    ref: 'google/go-sev-guest@8d33255',
    why: 'From version 3 on the report names the CPU, and the VCEK’s product does not count.',
    options: { productName: 'Milan-Z9' },
  },
  {
    id: 'snp/ok/hwid-wrapped',
    expect: 'must-accept',
    severity: 'low',
    ref: KDS,
    why: 'The hardware id stands in an OCTET STRING of its own.',
    edits: { leaf: extension(AMD_OID.hwid, (hwid) => Uint8Array.of(4, hwid.length, ...hwid)) },
  },
  {
    id: 'snp/ok/high-s',
    expect: 'must-accept',
    severity: 'low',
    ref: 'FIPS 186-5 §6.4',
    why: 'AMD’s firmware does not choose the lower of the two values of s.',
    after: number('signature.s', (s, order) => (s > order / 2n ? s : order - s)),
  },
  { id: 'snp/ok/low-s', expect: 'must-accept', severity: 'low', ref: 'FIPS 186-5 §6.4', why: 'Nor the higher.', after: number('signature.s', (s, order) => (s > order / 2n ? order - s : s)) },
  {
    id: 'snp/ok/policy-new-bits',
    expect: 'must-accept',
    severity: 'low',
    ref: 'google/go-sev-guest#160',
    why: 'CXL allowed and page swapping off, for a relying party that wants it so.',
    options: { policy: '0x2230000' },
    goodOptions: { policy: '0x2030000' },
    request: { maximumPolicy: 0x2230000n },
  },
];
