/** Verifiers whose faults are known, to be scored. */
import { type FunctionVerdict, functionAdapter } from '../../harness/run/adapters/function.ts';
import type { Adapter } from '../../harness/run/adapter.ts';
import { builtinVerdict } from '../../harness/run/builtin.ts';
import type { Subject } from '../../vectors/subject.ts';

/** teemu's own, without the checks of some reasons or stages: the first other one that fails counts no more. */
export function blindTo(...reasons: readonly string[]): Adapter {
  return functionAdapter(`blind to ${reasons.join(', ')}`, (subject) => {
    const verdict = builtinVerdict(subject);
    return verdict.accepted || reasons.includes(verdict.reason) || reasons.includes(verdict.stage) ? true : { verdict: 'reject', stage: verdict.stage, reason: verdict.reason };
  });
}

/** One that judges as a function says. */
export function judging(judge: (subject: Subject) => FunctionVerdict | Promise<FunctionVerdict>): Adapter {
  return functionAdapter('toy', judge);
}
