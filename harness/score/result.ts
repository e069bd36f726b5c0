/** What the scores of a run come to, as they stand in `run.json` beside its results. */
import { z } from 'zod';
import { RUN_REPORT, VERDICTS } from '../run/result.ts';

/** What was done to a field: `after-signing` breaks the signature over it; `re-signed` is what a machine would sign whose field says that. */
const HOW = ['after-signing', 're-signed'] as const;
export type How = (typeof HOW)[number];

const MUTANT_RESULT = z.object({
  id: z.string(),
  how: z.enum(HOW),
  /** What was done: `toggle`, `zero`, `plus-one`. */
  change: z.string(),
  verdict: z.enum(VERDICTS),
  /** What teemu's own verifier says, asked for the same. */
  reference: z.enum(VERDICTS).optional(),
});
export type MutantResult = Readonly<z.output<typeof MUTANT_RESULT>>;

const FIELD_RESULT = z.object({
  /** File of the bundle. */
  file: z.string(),
  path: z.string(),
  /** Offset and length in bytes of the field within the file. */
  at: z.number(),
  size: z.number(),
  mutants: z.array(MUTANT_RESULT),
});
export type FieldResult = Readonly<z.output<typeof FIELD_RESULT>>;

const MUTATION_SCORE = z.object({
  tee: z.string(),
  /** The evidence that was changed, and whether the verifier accepts it unchanged: otherwise the score says nothing. */
  base: z.string(),
  baseAccepted: z.boolean(),
  fields: z.array(FIELD_RESULT),
});
export type MutationScore = Readonly<z.output<typeof MUTATION_SCORE>>;

const PROBE = z.object({
  /** Milliseconds since 1970. */
  at: z.number(),
  verdict: z.enum(VERDICTS),
  reference: z.enum(VERDICTS).optional(),
});
export type Probe = Readonly<z.output<typeof PROBE>>;

const EDGE = z.object({
  at: z.number(),
  /** `begin`: valid from this second on; `end`: the last at which it is, or the time of the next issue. */
  kind: z.enum(['begin', 'end']),
  /** File of the bundle, and what in it: `crl.der`, `nextUpdate`. */
  file: z.string(),
  what: z.string(),
});
export type Edge = Readonly<z.output<typeof EDGE>>;

const FLIP = z.object({
  /** The first second of the new verdict, milliseconds since 1970. */
  at: z.number(),
  from: z.enum(VERDICTS),
  to: z.enum(VERDICTS),
});
export type Flip = Readonly<z.output<typeof FLIP>>;

const ACCEPT_WINDOW = z.object({
  tee: z.string(),
  /** The evidence whose clock was moved. */
  base: z.string(),
  /** When it was made, milliseconds since 1970. */
  madeAt: z.number(),
  edges: z.array(EDGE),
  /** In order of time. */
  probes: z.array(PROBE),
  /** Where the verifier's verdict changes, and where that of teemu's own does. */
  flips: z.array(FLIP),
  referenceFlips: z.array(FLIP),
});
export type AcceptWindow = Readonly<z.output<typeof ACCEPT_WINDOW>>;

/** A run with its scores, where they were asked for. */
export const SCORED_RUN = RUN_REPORT.extend({
  scores: z.array(MUTATION_SCORE).optional(),
  windows: z.array(ACCEPT_WINDOW).optional(),
});
export type ScoredRun = Readonly<z.output<typeof SCORED_RUN>>;
