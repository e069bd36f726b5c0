/** The TDX cases for verifiers of any kind. */
import { TDX_CASES } from '../cases/tdx.ts';
import type { CaseSource } from '../subject.ts';
import { tdxSource } from '../tdx/source.ts';

/** The corpus of TDX quotes and their collateral. */
export const TDX_SOURCE: CaseSource = tdxSource('tdx', TDX_CASES);
