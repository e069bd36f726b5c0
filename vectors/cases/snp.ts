/** SEV-SNP cases: one row each, in order of the stage at which a strict verifier notices. */
import { BINDING_CASES } from './snp/binding.ts';
import { CERTIFICATE_CASES } from './snp/certificate.ts';
import { CHAIN_CASES } from './snp/chain.ts';
import { COMPLETENESS_CASES } from './snp/completeness.ts';
import { OK_CASES } from './snp/ok.ts';
import { POLICY_CASES } from './snp/policy.ts';
import { REPORT_CASES } from './snp/report.ts';
import { REVOCATION_CASES } from './snp/revocation.ts';
import { SIGNATURE_CASES } from './snp/signature.ts';
import { TCB_CASES } from './snp/tcb.ts';
import { cases, type SnpCase } from '../model.ts';

export const SNP_CASES: readonly SnpCase[] = cases('snp', [
  ...REPORT_CASES,
  ...CHAIN_CASES,
  ...CERTIFICATE_CASES,
  ...REVOCATION_CASES,
  ...SIGNATURE_CASES,
  ...TCB_CASES,
  ...POLICY_CASES,
  ...BINDING_CASES,
  ...COMPLETENESS_CASES,
  ...OK_CASES,
]);
