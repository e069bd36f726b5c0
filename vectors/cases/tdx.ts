/** TDX cases: one row each, in order of the stage at which a strict verifier notices. */
import { cases } from '../model.ts';
import type { TdxCase } from '../tdx/case.ts';
import { CHAIN_CASES } from './tdx/chain.ts';
import { QUOTE_CASES } from './tdx/quote.ts';
import { REVOCATION_CASES } from './tdx/revocation.ts';
import { SIGNATURE_CASES } from './tdx/signature.ts';

export const TDX_CASES: readonly TdxCase[] = cases('tdx', [...QUOTE_CASES, ...CHAIN_CASES, ...REVOCATION_CASES, ...SIGNATURE_CASES]);
