/** What a verdict is worth, given what it should have been and what became of the good twin. */
import type { CaseInfo } from '../../vectors/subject.ts';
import type { Expected } from './expected-failures.ts';
import type { Answer, Outcome } from './result.ts';

/** An outcome, and why it is not simply the verdict. */
export interface Worth {
  readonly outcome: Outcome;
  readonly note?: string;
}

/** Everything that the outcome follows from. */
export interface Judged {
  readonly info: CaseInfo;
  readonly answer: Answer;
  /** Absent where nobody asked: a case that is accepted as it must be needs none. */
  readonly twin?: Answer;
  /** Operations that it should have asked for before it accepted, and did not. */
  readonly unfetched: readonly string[];
  /** Why it is expected to be wrong, if it is. */
  readonly expected?: Expected;
}

/** The outcome of one case. */
export function outcomeOf(judged: Judged): Worth {
  const worth = unexpected(judged);
  const { expected } = judged;
  if (!expected || worth.outcome === 'skip') return worth;
  const wrong = worth.outcome !== 'pass';
  return wrong ? { outcome: 'xfail', note: expected.reason } : { outcome: 'xpass', note: `expected to be wrong (${expected.reason}), but is right: take it off the list` };
}

function unexpected({ info, answer, twin, unfetched }: Judged): Worth {
  const { verdict } = answer;
  if (verdict === 'skip') return { outcome: 'skip', ...(answer.detail !== '' && { note: answer.detail }) };
  // What only services get wrong says nothing of a verifier that asks none: it was handed evidence without its collateral.
  if (info.needs?.includes('services') && !asksServices(answer, twin)) return { outcome: 'skip', note: 'asks no services' };
  if (verdict === 'accept' && unfetched.length > 0) return { outcome: 'fail', note: `accepted without ever asking for ${unfetched.join(', ')}` };
  const right = info.expect === 'must-accept' ? 'accept' : 'reject';
  if (info.expect === 'must-accept' && verdict === 'accept') return { outcome: 'pass' };
  // It says nothing about this evidence that a verifier refuses which refuses its good twin too.
  if (twin && twin.verdict === 'skip') return { outcome: 'skip', note: 'skips the good twin' };
  if (twin && twin.verdict !== 'accept' && verdict !== 'accept') return { outcome: 'vacuous', note: `the good twin is not accepted either: ${twin.verdict}${twin.detail === '' ? '' : `: ${twin.detail.slice(0, 300)}`}` };
  if (verdict === right) return { outcome: 'pass' };
  if (verdict === 'error') return { outcome: 'error', note: answer.detail };
  if (verdict === 'crash' || verdict === 'hang') return { outcome: 'fail', note: `a ${verdict} is no verdict: ${answer.detail}` };
  return { outcome: 'fail', note: info.expect === 'must-accept' ? 'good evidence is refused' : info.policy === undefined ? 'accepted' : `accepted under a policy that forbids it: ${info.policy}` };
}

/** Whether a verifier that was offered services took them. What hangs is noted nowhere, so that the good twin tells it too. */
function asksServices({ verdict, fetched }: Answer, twin: Answer | undefined): boolean {
  return fetched !== undefined && (verdict === 'accept' || fetched.length > 0 || (twin?.fetched ?? []).length > 0);
}
