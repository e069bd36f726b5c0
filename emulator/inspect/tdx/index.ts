/** What TDX's files look like. */
import type { Recogniser } from '../inspection.ts';
import { COLLATERAL_RECOGNISERS } from './collateral.ts';
import { EVENT_LOG_RECOGNISERS } from './event-log.ts';
import { QUOTE_RECOGNISERS } from './quote.ts';
import { TD_REPORT_RECOGNISERS } from './td-report.ts';

export const TDX_RECOGNISERS: readonly Recogniser[] = [...QUOTE_RECOGNISERS, ...TD_REPORT_RECOGNISERS, ...EVENT_LOG_RECOGNISERS, ...COLLATERAL_RECOGNISERS];
