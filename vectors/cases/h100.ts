/** Every case of NVIDIA evidence, in the order of its stages. */
import { cases } from '../model.ts';
import { CHAIN_CASES } from './h100/chain.ts';
import { COMPLETENESS_CASES } from './h100/completeness.ts';
import { MACHINE_CASES } from './h100/machine.ts';
import { MEASUREMENT_ROWS } from './h100/measurements.ts';
import { OCSP_CASES } from './h100/ocsp.ts';
import { OK_CASES } from './h100/ok.ts';
import { OPAQUE_CASES } from './h100/opaque.ts';
import { REPORT_CASES } from './h100/report.ts';
import type { H100Case } from './h100/row.ts';

export const H100_CASES: readonly H100Case[] = cases('h100', [...MACHINE_CASES, ...REPORT_CASES, ...OPAQUE_CASES, ...CHAIN_CASES, ...OCSP_CASES, ...MEASUREMENT_ROWS, ...COMPLETENESS_CASES, ...OK_CASES]);
