/** A run beside an earlier one: what got worse, what got better, which cases are new. */
import type { CaseResult, RunReport } from '../run/result.ts';
import { isAsItShould } from './outcomes.ts';

/** One case whose outcome is another than before. */
export interface Changed {
  readonly id: string;
  readonly before: CaseResult;
  readonly now: CaseResult;
}

/** What differs between two runs. */
export interface Comparison {
  /** Who ran before, as its report says. */
  readonly baseline: { readonly verifier: string; readonly suite: string; readonly cases: number };
  /** As they should be before, and no longer. What was skipped is among them: a verifier that begins to look must look rightly. */
  readonly regressions: readonly Changed[];
  /** Wrong before, and as they should be now. */
  readonly fixed: readonly Changed[];
  /** Wrong both times, in another way. */
  readonly changed: readonly Changed[];
  /** Judged before, and skipped now: nothing wrong, but nothing known either. */
  readonly skipped: readonly Changed[];
  /** Not in the earlier run. */
  readonly added: readonly CaseResult[];
  /** Ids of the earlier run that are not in this one. */
  readonly removed: readonly string[];
}

/** Compares two runs, case by case. */
export function compareRuns(now: RunReport, before: RunReport): Comparison {
  const earlier = new Map(before.results.map((result) => [result.id, result]));
  const later = new Set(now.results.map(({ id }) => id));
  const pairs = now.results.flatMap((result): Changed[] => {
    const old = earlier.get(result.id);
    return old ? [{ id: result.id, before: old, now: result }] : [];
  });
  const different = pairs.filter((pair) => pair.before.outcome !== pair.now.outcome);
  const { name, version } = before.verifier;
  return {
    baseline: { verifier: version === undefined ? name : `${name} ${version}`, suite: before.suite, cases: before.results.length },
    regressions: different.filter((pair) => isAsItShould(pair.before) && !isAsItShould(pair.now)),
    fixed: different.filter((pair) => !isAsItShould(pair.before) && pair.now.outcome === 'pass'),
    changed: different.filter((pair) => !isAsItShould(pair.before) && !isAsItShould(pair.now)),
    skipped: different.filter((pair) => pair.before.outcome !== 'skip' && pair.now.outcome === 'skip'),
    added: now.results.filter(({ id }) => !earlier.has(id)),
    removed: before.results.map(({ id }) => id).filter((id) => !later.has(id)),
  };
}

/** What the baseline says of a case: `new`, or `unchanged`, or `updated` when its outcome is another than before. */
export function baselineState(comparison: Comparison, id: string): 'new' | 'unchanged' | 'updated' {
  if (comparison.regressions.some((one) => one.id === id) || comparison.added.some((one) => one.id === id)) return 'new';
  return comparison.changed.some((one) => one.id === id) ? 'updated' : 'unchanged';
}
