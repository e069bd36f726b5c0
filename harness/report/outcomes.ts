/** How outcomes and verdicts are shown: a sign and a word, so that nothing depends on colour. */
import type { Style } from '../cli/session/terminal.ts';
import type { CaseResult, Outcome, VerdictWord } from '../run/result.ts';

/** One outcome, in every kind of report. */
export interface OutcomeRow {
  /** One character. */
  readonly sign: string;
  readonly word: string;
  readonly style: Style;
  /** Whether a run with it is as it should be. */
  readonly clean: boolean;
  /** What it means, for legends. */
  readonly doc: string;
}

/** Every outcome, the worst first. */
export const OUTCOME_ROWS: Readonly<Record<Outcome, OutcomeRow>> = {
  fail: { sign: '✗', word: 'FAIL', style: 'red', clean: false, doc: 'the wrong verdict, a crash or a hang' },
  error: { sign: '!', word: 'error', style: 'yellow', clean: false, doc: 'the verifier says that something went wrong on its own side' },
  vacuous: { sign: '∅', word: 'vacuous', style: 'yellow', clean: false, doc: 'refused, but so is the good twin: that shows nothing' },
  xpass: { sign: '↑', word: 'xpass', style: 'red', clean: false, doc: 'right, though it is on the list of known failures' },
  xfail: { sign: '~', word: 'known', style: 'dim', clean: true, doc: 'wrong, as the list of known failures says' },
  skip: { sign: '–', word: 'skip', style: 'dim', clean: true, doc: 'none of the verifier’s business, it says' },
  pass: { sign: '✓', word: 'pass', style: 'green', clean: true, doc: 'the right verdict, and the good twin is accepted' },
};

/** Outcomes in the order of the table. */
export const OUTCOME_ORDER = Object.keys(OUTCOME_ROWS) as readonly Outcome[];

/** The most serious first. */
export const SEVERITIES = ['critical', 'high', 'medium', 'low'] as const satisfies readonly CaseResult['severity'][];

/** What a verifier did, as a verb. */
export const VERDICT_VERBS: Readonly<Record<VerdictWord, string>> = { accept: 'accepts', reject: 'refuses', error: 'errs', crash: 'crashes', hang: 'hangs', skip: 'skips' };

/** Whether a result is as it should be. */
export function isAsItShould({ outcome }: CaseResult): boolean {
  return OUTCOME_ROWS[outcome].clean;
}
