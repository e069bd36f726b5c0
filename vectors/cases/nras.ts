/** Every case of tokens of NVIDIA's attestation service. */
import { cases } from '../model.ts';
import { CLAIM_ROWS } from './nras/claims.ts';
import { HEADER_ROWS } from './nras/header.ts';
import type { NrasCase } from './nras/row.ts';

export const NRAS_CASES: readonly NrasCase[] = cases('nras', [...HEADER_ROWS, ...CLAIM_ROWS]);
