/** A summary in Markdown, for the page of a job: GitHub's step summary, GitLab's notes. */
import { countOutcomes, type RunReport } from '../run/result.ts';
import type { Changed, Comparison } from './comparison.ts';
import { visible } from './markup.ts';
import { byArea, type Column, disagreements, matrixOf } from './matrix.ts';
import { isAsItShould, OUTCOME_ORDER, OUTCOME_ROWS, SEVERITIES, VERDICT_VERBS } from './outcomes.ts';

/** GitHub takes 1 MiB; people read less. */
const MOST_ROWS = 200;
const LONGEST = 300;

/** What can mean something within a line of Markdown or in the HTML that it may hold, `@` and `#` among them: they call people and issues. */
const MEANING = /[\\`*_{}[\]()<>#!|~@&:$^=]|(?<=www)\./gi;

/** Text that says what it says, and does nothing. */
export function plainMarkdown(text: string): string {
  return visible(text.slice(0, LONGEST)).replace(MEANING, (c) => `&#${c.codePointAt(0)};`);
}

/** All runs on one page, with what changed since the baseline where there is one. */
export function stepSummary(runs: readonly RunReport[], comparisons: readonly (Comparison | undefined)[] = []): string {
  const matrix = matrixOf(runs);
  const outcomes = OUTCOME_ORDER.filter((outcome) => matrix.columns.some(({ counts }) => counts[outcome] > 0)).toReversed();
  const wrong = matrix.rows.filter(({ cells }) => cells.some((cell) => cell && !isAsItShould(cell))).toSorted((a, b) => SEVERITIES.indexOf(a.about.severity) - SEVERITIES.indexOf(b.about.severity));
  const differing = disagreements(matrix).length;
  return `${[
    '## teemu: what verifiers make of good and bad evidence',
    '',
    ...table(
      ['verifier', ...outcomes.map((outcome) => `${OUTCOME_ROWS[outcome].sign} ${OUTCOME_ROWS[outcome].word}`), 'of'],
      runs.map((run, i) => [titleOf(matrix.columns[i], run), ...outcomes.map((outcome) => String(countOutcomes(run.results)[outcome])), `${run.selected}${run.interrupted ? ' (interrupted)' : ''}`]),
    ),
    ...comparisons.flatMap((comparison, i) => (comparison ? compared(comparison, runs.length > 1 ? titleOf(matrix.columns[i], runs[i]) : undefined) : [])),
    ...(wrong.length === 0 ? ['', 'Everything is as it should be.'] : ['', '### Wrong', '']),
    ...table(
      ['case', 'severity', ...matrix.columns.map(({ title }) => plainMarkdown(title)), 'why'],
      wrong
        .slice(0, MOST_ROWS)
        .map(({ id, about, cells }) => [
          plainMarkdown(id),
          about.severity,
          ...cells.map((cell) => (cell ? `${OUTCOME_ROWS[cell.outcome].sign} ${OUTCOME_ROWS[cell.outcome].word}${cell.outcome === 'fail' ? `: ${VERDICT_VERBS[cell.answer.verdict]}` : ''}` : '')),
          plainMarkdown(about.why),
        ]),
    ),
    ...(wrong.length > MOST_ROWS ? ['', `${wrong.length - MOST_ROWS} more are in the full report.`] : []),
    '',
    '<details><summary>By area</summary>',
    '',
    ...table(
      ['area', ...matrix.columns.map(({ title }) => plainMarkdown(title))],
      byArea(matrix).map(({ name, counts }) => [
        plainMarkdown(name),
        ...counts.map((count) =>
          OUTCOME_ORDER.flatMap((outcome) => (count[outcome] > 0 ? [`${OUTCOME_ROWS[outcome].sign} ${count[outcome]}`] : []))
            .toReversed()
            .join(' '),
        ),
      ]),
    ),
    '',
    '</details>',
    ...(runs.length > 1 ? ['', `The verifiers disagree about ${differing} ${differing === 1 ? 'case' : 'cases'}.`] : []),
  ].join('\n')}\n`;
}

function titleOf(column: Column | undefined, run: RunReport | undefined): string {
  return plainMarkdown(column?.title ?? run?.verifier.name ?? '');
}

function compared({ baseline, regressions, fixed, changed, skipped, added, removed }: Comparison, title: string | undefined): string[] {
  const list = (name: string, rows: readonly Changed[]): string[] =>
    rows.length === 0
      ? []
      : [
          `- **${name}**: ${rows
            .slice(0, MOST_ROWS)
            .map(({ id, before, now }) => `${plainMarkdown(id)} (${before.outcome} → ${now.outcome})`)
            .join(', ')}${rows.length > MOST_ROWS ? ', …' : ''}`,
        ];
  return [
    '',
    `### ${title === undefined ? 'Since' : `${title} since`} the baseline (${plainMarkdown(baseline.verifier)}, ${baseline.cases} cases)`,
    '',
    ...list('Regressions', regressions),
    ...list('Changed', changed),
    ...list('Skipped now', skipped),
    ...list('Fixed', fixed),
    `- ${regressions.length} regressions, ${fixed.length} fixed, ${added.length} new cases (${added.filter((one) => !isAsItShould(one)).length} wrong), ${removed.length} gone`,
  ];
}

/** A table; its cells are escaped already. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return [];
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
}
