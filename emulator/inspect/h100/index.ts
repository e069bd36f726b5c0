/** What NVIDIA's files look like. */
import type { Recogniser } from '../inspection.ts';
import { GPU_EVIDENCE_RECOGNISERS } from './evidence.ts';
import { JWT_RECOGNISERS } from './jwt.ts';
import { OCSP_RECOGNISERS } from './ocsp.ts';
import { GPU_REPORT_RECOGNISERS } from './report.ts';
import { RIM_RECOGNISERS } from './rim.ts';

export const H100_RECOGNISERS: readonly Recogniser[] = [...GPU_REPORT_RECOGNISERS, ...GPU_EVIDENCE_RECOGNISERS, ...RIM_RECOGNISERS, ...JWT_RECOGNISERS, ...OCSP_RECOGNISERS];
