/** Everything that is not simply right, at length: what the case is, what each verifier said, where to read on. */
import type { Answer, CaseResult } from '../../run/result.ts';
import { lines, type Markup, markup } from '../markup.ts';
import type { Matrix, MatrixRow } from '../matrix.ts';
import { OUTCOME_ROWS, SEVERITIES, VERDICT_VERBS } from '../outcomes.ts';
import { letterOf } from './overview.ts';

/** Longest text of a verifier's that is shown; the whole of it is in `run.json`. */
const LONGEST = 4000;

/** The anchors of the cases that are told at length. */
export function findingIds(matrix: Matrix): ReadonlyMap<string, string> {
  return new Map(told(matrix).map(({ id }, i) => [id, `finding-${i + 1}`]));
}

/** Cases that some verifier does not simply get right, the most serious first. */
function told({ rows }: Matrix): MatrixRow[] {
  return rows.filter(({ cells }) => cells.some((cell) => cell && cell.outcome !== 'pass' && cell.outcome !== 'skip')).toSorted((a, b) => SEVERITIES.indexOf(a.about.severity) - SEVERITIES.indexOf(b.about.severity));
}

/** An article for each. */
export function findingSection(matrix: Matrix, anchors: ReadonlyMap<string, string>): Markup {
  const rows = told(matrix);
  if (rows.length === 0) return markup`<p><b class="o o-pass"><span aria-hidden="true">✓</span> Nothing: every verdict is as it should be.</b></p>\n`;
  return markup`${rows.map((row) => article(row, matrix, anchors.get(row.id) ?? ''))}`;
}

function article({ id, tee, about, cells }: MatrixRow, { columns }: Matrix, anchor: string): Markup {
  const { severity, bug, why, ref, policy, expect, expectedStage } = about;
  const marks = [...new Set(cells.flatMap((cell) => (cell ? [cell.outcome] : []))), 'wrong'];
  return markup`<article class="finding sev-line-${severity}" id="${anchor}" data-id="${id}" data-tee="${tee}" data-severity="${severity}" data-marks="${marks.join(' ')}">
<h3><code>${id}</code> <span class="sev sev-${severity}">${severity}</span></h3>
<p>${why}</p>
<p class="dim">Must be ${expect === 'must-reject' ? 'refused' : 'accepted'}${expectedStage === undefined ? undefined : `, by a strict verifier at ${expectedStage}`}${policy === undefined ? undefined : `; under the policy: ${policy}`}. Whoever gets it wrong suffers from: ${bug}. See: ${ref}</p>
<ul>
${cells.map((cell, i) => cell && said(cell, columns.length > 1 ? letterOf(i) : '', columns[i]?.title ?? ''))}</ul>
</article>
`;
}

function said({ outcome, note, answer, twin }: CaseResult, letter: string, title: string): Markup {
  const { sign, word } = OUTCOME_ROWS[outcome];
  return markup`<li><span class="letter">${letter}</span> ${title} <b>${VERDICT_VERBS[answer.verdict]}</b> <span class="o o-${outcome}"><span aria-hidden="true">${sign}</span> ${word}</span>${note === undefined ? undefined : markup` <span>${note.slice(0, LONGEST)}</span>`}
${words(answer)}${twin && twin.verdict !== 'accept' ? markup`<p>Of the good twin: <b>${VERDICT_VERBS[twin.verdict]}</b></p>${words(twin)}` : undefined}</li>
`;
}

function words({ stage, reason, detail, fetched, stderr }: Answer): Markup {
  const told = [...(stage === undefined ? [] : [`stage ${stage}`]), ...(reason === undefined ? [] : [`reason ${reason}`]), ...(detail === '' ? [] : [detail])].join(': ');
  return markup`${told !== '' && markup`<pre>${lines(told.slice(0, LONGEST))}</pre>\n`}${fetched && markup`<p class="dim">Asked the services for: ${fetched.length === 0 ? 'nothing' : fetched.join(', ').slice(0, LONGEST)}</p>\n`}${stderr !== undefined && stderr !== '' && markup`<details><summary>what it complained of</summary><pre>${lines(stderr.slice(0, LONGEST))}</pre></details>\n`}`;
}
