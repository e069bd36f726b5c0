/** The top of the page: who was tried, on what, and how many verdicts were right; and what became of it since the last run. */
import type { RunReport } from '../../run/result.ts';
import type { Changed, Comparison } from '../comparison.ts';
import { type Markup, markup } from '../markup.ts';
import type { Column, Matrix } from '../matrix.ts';
import { isAsItShould, OUTCOME_ORDER, OUTCOME_ROWS, SEVERITIES } from '../outcomes.ts';

/** Columns are called by letters: the names of verifiers are too long for a telephone. */
export function letterOf(column: number): string {
  return column < 26 ? String.fromCharCode(65 + column) : `${letterOf(Math.floor(column / 26) - 1)}${letterOf(column % 26)}`;
}

/** A card for each verifier, and what the signs mean. */
export function overviewSection(runs: readonly RunReport[], { columns }: Matrix): Markup {
  return markup`<div class="cards">
${runs.map((run, i) => card(run, columns[i], i))}</div>
<h3>Signs</h3>
<dl class="legend">
${OUTCOME_ORDER.map((outcome) => markup`<div><dt class="o o-${outcome}"><span aria-hidden="true">${OUTCOME_ROWS[outcome].sign}</span> ${OUTCOME_ROWS[outcome].word}</dt><dd>${OUTCOME_ROWS[outcome].doc}</dd></div>\n`)}</dl>
`;
}

function card(run: RunReport, column: Column | undefined, i: number): Markup | undefined {
  if (!column) return undefined;
  const { counts } = column;
  const wrong = run.results.filter((result) => !isAsItShould(result));
  const worst = SEVERITIES.flatMap((severity) => {
    const count = wrong.filter((result) => result.severity === severity).length;
    return count === 0 ? [] : [`${count} ${severity}`];
  });
  return markup`<article class="card">
<h3><span class="letter">${letterOf(i)}</span> ${column.title}</h3>
<p class="sum">${wrong.length === 0 ? markup`<b class="o o-pass"><span aria-hidden="true">✓</span> as it should be</b>` : markup`<b class="o o-fail"><span aria-hidden="true">✗</span> ${wrong.length} wrong</b> ${worst.join(', ')}`}${run.interrupted ? markup` <b class="o o-error">interrupted</b>` : undefined}</p>
${bar(counts, run.results.length)}
<p>${OUTCOME_ORDER.toReversed()
    .filter((outcome) => counts[outcome] > 0)
    .map((outcome) => markup`<span class="o o-${outcome}"><span aria-hidden="true">${OUTCOME_ROWS[outcome].sign}</span> ${counts[outcome]} ${OUTCOME_ROWS[outcome].word}</span> `)}of ${run.selected}</p>
<p class="dim">Cases <code>${run.suite}</code>${run.seed === undefined ? undefined : markup`, seed <code>${run.seed}</code>`}${run.at === undefined ? undefined : `, of ${timeText(run.at)}`}. Asked by ${column.adapter}, ${(run.wallMs / 1000).toFixed(1)} s.</p>
</article>
`;
}

/** One bar of all outcomes; the words stand below it. */
function bar(counts: Column['counts'], all: number): Markup | undefined {
  if (all === 0) return undefined;
  let x = 0;
  return markup`<svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">${OUTCOME_ORDER.toReversed().map((outcome) => {
    const width = (100 * counts[outcome]) / all;
    x += width;
    return width > 0 && markup`<rect class="f-${outcome}" x="${(x - width).toFixed(2)}" y="0" width="${width.toFixed(2)}" height="4"/>`;
  })}</svg>`;
}

/** What changed since the baselines; nothing without one. */
export function comparisonSection({ columns }: Matrix, comparisons: readonly (Comparison | undefined)[]): Markup | undefined {
  const parts = comparisons.flatMap((comparison, i) => (comparison ? [changes(comparison, columns.length > 1 ? `${letterOf(i)} ` : '')] : []));
  return parts.length === 0 ? undefined : markup`${parts}`;
}

function changes({ baseline, regressions, fixed, changed, skipped, added, removed }: Comparison, letter: string): Markup {
  const rows: readonly (readonly [string, string, readonly Changed[]])[] = [
    ['fail', 'regression', regressions],
    ['error', 'changed', changed],
    ['skip', 'skipped now', skipped],
    ['pass', 'fixed', fixed],
  ];
  return markup`<p>${letter}Against <b>${baseline.verifier}</b> on <code>${baseline.suite}</code> (${baseline.cases} cases): ${regressions.length} regressions, ${fixed.length} fixed, ${added.length} new cases, of which ${added.filter((one) => !isAsItShould(one)).length} are wrong, ${removed.length} gone.</p>
<ul class="changes">
${rows.flatMap(([style, word, list]) => list.map(({ id, before, now }) => markup`<li><span class="o o-${style}">${word}</span> <code>${id}</code> ${before.outcome} → ${now.outcome}</li>\n`))}</ul>
`;
}

/** A time in UTC, to the second. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString().replace(/\.000Z$/, 'Z');
}
