/** Every reason for which the evidence of a machine of several parts is refused: its own, and those of its parts with the part's name before them. */
import { H100_REASONS } from '../h100/reasons.ts';
import { SNP_REASONS } from '../snp/reasons.ts';
import { type Appraisal, type Check, passesOf, type ReasonRow, type ReasonTable } from '../verdict.ts';

/** The parts, each in a folder of its own. */
export const PARTS = ['snp', 'gpu'] as const;
export type Part = (typeof PARTS)[number];

/** What no part shows by itself. */
export const OWN_MACHINE_REASONS = {
  'part-missing': { stage: 'parse', rule: 'there is evidence of the guest and of its GPUs', ref: 'teemu: the bundle on disk' },
  'challenge-mismatch': { stage: 'binding', rule: 'the report data of the guest begins with the challenge', ref: 'teemu: the binding of a confidential VM with GPUs' },
  'gpu-nonce-mismatch': { stage: 'binding', rule: 'the nonce of the GPUs is made from the challenge in the report data of the guest', ref: 'teemu: the binding of a confidential VM with GPUs; attestation-rs 0.4.0' },
  'gpu-evidence-mismatch': { stage: 'binding', rule: 'the report data of the guest commits to the reports of the GPUs', ref: 'teemu: the binding of a confidential VM with GPUs' },
} as const satisfies Record<string, ReasonRow>;

const prefixed = (part: Part, table: ReasonTable): [string, ReasonRow][] => Object.entries(table).map(([code, row]) => [`${part}-${code}`, row]);

/** By code. Where a part has a code of that name too, the machine's own rule is meant: it never asks the part. */
export const MACHINE_REASONS: ReasonTable = { ...Object.fromEntries([...prefixed('snp', SNP_REASONS), ...prefixed('gpu', H100_REASONS)]), ...OWN_MACHINE_REASONS };
/** The checks of that table, passed. */
export const MACHINE_PASSES: Map<string, Check> = passesOf(MACHINE_REASONS);
export type MachineAppraisal = Appraisal;
