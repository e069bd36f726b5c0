/**
 * Cases of the link between a CPU and a GPU, as transcripts: what an implementation of one end must open and what it must refuse. What has to do with
 * shared memory, doorbells and engines is no transcript, and is tested where there is a whole link.
 */
import { cases } from '../model.ts';
import { MESSAGE_ROWS } from './link/messages.ts';
import { OBJECT_ROWS } from './link/objects.ts';
import { OK_CASES } from './link/ok.ts';
import type { LinkCase } from './link/row.ts';
import { SPDM_CASES } from './link/spdm.ts';

export const LINK_CASES: readonly LinkCase[] = cases('link', [...MESSAGE_ROWS, ...OBJECT_ROWS, ...OK_CASES, ...SPDM_CASES]);
