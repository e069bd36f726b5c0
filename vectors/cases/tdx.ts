/** TDX cases: one row each, in order of the stage at which a strict verifier notices. */
import { cases } from '../model.ts';
import type { TdxCase } from '../tdx/case.ts';
import { BINDING_CASES } from './tdx/binding.ts';
import { CHAIN_CASES } from './tdx/chain.ts';
import { COLLATERAL_CASES } from './tdx/collateral.ts';
import { COMPLETENESS_CASES } from './tdx/completeness.ts';
import { OK_CASES } from './tdx/ok.ts';
import { POLICY_CASES } from './tdx/policy.ts';
import { QUOTE_CASES } from './tdx/quote.ts';
import { REVOCATION_CASES } from './tdx/revocation.ts';
import { SIGNATURE_CASES } from './tdx/signature.ts';
import { TCB_CASES } from './tdx/tcb.ts';

export const TDX_CASES: readonly TdxCase[] = cases('tdx', [
  ...QUOTE_CASES,
  ...COLLATERAL_CASES,
  ...CHAIN_CASES,
  ...REVOCATION_CASES,
  ...SIGNATURE_CASES,
  ...TCB_CASES,
  ...POLICY_CASES,
  ...BINDING_CASES,
  ...COMPLETENESS_CASES,
  ...OK_CASES,
]);
