/** Event-log cases: a TD's quote is good in all of them, and trusted, and the log beside it is what counts. */
import { cases } from '../model.ts';
import type { TdxCase } from '../tdx/case.ts';
import { LOG_CASES } from './ccel/log.ts';
import { OK_CASES } from './ccel/ok.ts';
import { REPLAY_CASES } from './ccel/replay.ts';

export const CCEL_CASES: readonly TdxCase[] = cases('ccel', [...LOG_CASES, ...REPLAY_CASES, ...OK_CASES]);
