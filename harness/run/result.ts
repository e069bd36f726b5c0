/** What came of running a verifier over cases: the only thing that scores and reports know of a run. */
import { z } from 'zod';

/** What a verifier did with one subject. `error`: it said that something went wrong on its own side; `skip`: it said that this is none of its business. */
export const VERDICTS = ['accept', 'reject', 'error', 'crash', 'hang', 'skip'] as const;
export type VerdictWord = (typeof VERDICTS)[number];

/**
 * What that is worth. `vacuous`: the bad evidence was refused, and so was its good twin, so the refusal shows nothing. `xfail`: wrong, as was expected
 * with a reason; `xpass`: right, though it was expected to be wrong.
 */
export const OUTCOMES = ['pass', 'fail', 'vacuous', 'error', 'xfail', 'xpass', 'skip'] as const;
export type Outcome = (typeof OUTCOMES)[number];

/** What a verifier answered about one subject, and what it took. */
const ANSWER = z.object({
  verdict: z.enum(VERDICTS),
  /** What the verifier said for itself, or what the harness saw: bounded, and nobody's trusted text. */
  detail: z.string(),
  /** Where it says that it stopped, if it says so. */
  stage: z.string().optional(),
  reason: z.string().optional(),
  /** Milliseconds from the question to the answer. */
  wallMs: z.number(),
  /** The end of what it complained of. */
  stderr: z.string().optional(),
  /** Operations that it asked the services of the case for, in order: `kds.crl`. */
  fetched: z.array(z.string()).optional(),
});
export type Answer = Readonly<z.output<typeof ANSWER>>;

const CASE_RESULT = z.object({
  id: z.string(),
  tee: z.string(),
  expect: z.enum(['must-reject', 'must-accept']),
  severity: z.enum(['critical', 'high', 'medium', 'low']),
  bug: z.string(),
  expectedStage: z.string().optional(),
  policy: z.string().optional(),
  ref: z.string(),
  why: z.string(),
  outcome: z.enum(OUTCOMES),
  /** Why the outcome is not simply the verdict: what was expected, what was not fetched, why it was expected to fail. */
  note: z.string().optional(),
  answer: ANSWER,
  /** About the good twin; the same for all cases that share it. */
  twin: ANSWER.optional(),
});
export type CaseResult = Readonly<z.output<typeof CASE_RESULT>>;

/** Number of the form below; it goes up when a member changes its meaning or goes away. */
export const REPORT_VERSION = 1;

/** A whole run, as it is written to `run.json` and read again to compare with. */
export const RUN_REPORT = z.object({
  report: z.literal(REPORT_VERSION),
  /** Who made this: teemu and its version. */
  tool: z.string(),
  verifier: z.object({ name: z.string(), version: z.string().optional(), adapter: z.string() }),
  suite: z.string(),
  /** Of the corpus; absent for published vectors. */
  seed: z.string().optional(),
  /** Milliseconds since 1970 at which the corpus was made. */
  at: z.number().optional(),
  /** Cases that were to be run. */
  selected: z.number(),
  /** The user or a fatal error ended it before all were. */
  interrupted: z.boolean(),
  wallMs: z.number(),
  results: z.array(CASE_RESULT),
});
export type RunReport = Readonly<z.output<typeof RUN_REPORT>>;

/** How many results have each outcome. */
export function countOutcomes(results: readonly CaseResult[]): Record<Outcome, number> {
  const counts = Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0])) as Record<Outcome, number>;
  for (const { outcome } of results) counts[outcome]++;
  return counts;
}

/** Whether a run of these outcomes is as it should be: nothing wrong that was not expected to be, nothing right that was expected to be wrong. */
export function isClean(results: readonly CaseResult[]): boolean {
  return results.every(({ outcome }) => outcome === 'pass' || outcome === 'xfail' || outcome === 'skip');
}
