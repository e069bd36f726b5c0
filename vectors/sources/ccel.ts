/** The event-log cases for verifiers of any kind: TDX evidence all of it, bad only in its log. */
import { CCEL_CASES } from '../cases/ccel.ts';
import type { CaseSource } from '../subject.ts';
import { tdxSource } from '../tdx/source.ts';

/** The corpus of event logs. */
export const CCEL_SOURCE: CaseSource = tdxSource('ccel', CCEL_CASES);
