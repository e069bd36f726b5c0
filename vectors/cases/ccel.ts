/** Event-log cases: one row each. */
import { cases } from '../model.ts';
import type { TdxCase } from '../tdx/case.ts';

export const CCEL_CASES: readonly TdxCase[] = cases('ccel', []);
