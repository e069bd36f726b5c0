/** The matrix: what each verifier makes of each case, in tables by area; sums by area, severity and bug class; and where verifiers stop. */
import type { CaseResult, RunReport } from '../../run/result.ts';
import { type Markup, markup } from '../markup.ts';
import { byArea, byBug, bySeverity, disagreements, type Group, type Matrix, type MatrixRow, stagesOf } from '../matrix.ts';
import { isAsItShould, OUTCOME_ORDER, OUTCOME_ROWS, SEVERITIES, VERDICT_VERBS } from '../outcomes.ts';
import { letterOf } from './overview.ts';

/** The filters are only shown where a script can make them work; the tables are whole without. @param findings anchors of cases that are told at length */
export function matrixSection(runs: readonly RunReport[], matrix: Matrix, findings: ReadonlyMap<string, string>): Markup {
  const { columns, rows } = matrix;
  const differing = new Set(disagreements(matrix).map(({ id }) => id));
  return markup`${filters(rows)}
<h3>Sums: as they should be, of those judged</h3>
${[byArea(matrix), bySeverity(matrix), byBug(matrix)].map((groups, i) => sums(['area', 'severity', 'bug class'][i] ?? '', groups, matrix))}
${columns.length > 1 ? markup`<p>The verifiers disagree about ${differing.size} of ${rows.length} cases${differing.size === 0 ? '.' : ', marked with ≠.'}</p>` : undefined}
<h3>Cases</h3>
<p id="shown" class="dim js" role="status"></p>
${byArea(matrix).map((group) => area(group, matrix, findings, differing))}
${runs.map((run, i) => stageTable(run, columns[i]?.title ?? ''))}`;
}

function filters(rows: readonly MatrixRow[]): Markup {
  const options = (values: readonly string[]): Markup[] => values.map((value) => markup`<option>${value}</option>`);
  return markup`<form class="filters js" id="filters">
<label>Search <input type="search" name="text" placeholder="policy debug"/></label>
<label>TEE <select name="tee"><option value="">all</option>${options([...new Set(rows.map(({ tee }) => tee))])}</select></label>
<label>Severity <select name="severity"><option value="">all</option>${options(SEVERITIES.filter((severity) => rows.some(({ about }) => about.severity === severity)))}</select></label>
<label>Outcome <select name="outcome"><option value="">all</option><option value="wrong">anything wrong</option><option value="differs">disagreement</option>${OUTCOME_ORDER.map((outcome) => markup`<option value="${outcome}">${OUTCOME_ROWS[outcome].word}</option>`)}</select></label>
<button type="reset">Show all</button>
</form>`;
}

function sums(name: string, groups: readonly Group[], { columns }: Matrix): Markup {
  return markup`<div class="scroll"><table class="sums">
<thead><tr><th scope="col">${name}</th>${columns.map((column, i) => markup`<th scope="col" title="${column.title}">${letterOf(i)}</th>`)}</tr></thead>
<tbody>
${groups.map((group) => markup`<tr><th scope="row">${group.name}</th>${group.counts.map(sumCell)}</tr>\n`)}</tbody>
</table></div>
`;
}

function sumCell(count: Group['counts'][number]): Markup {
  const total = (clean: boolean): number => OUTCOME_ORDER.reduce((sum, outcome) => sum + (outcome !== 'skip' && OUTCOME_ROWS[outcome].clean === clean ? count[outcome] : 0), 0);
  const [right, wrong] = [total(true), total(false)];
  if (right + wrong === 0) return markup`<td class="o-skip">${count.skip > 0 ? `– ${count.skip} skipped` : ''}</td>`;
  return markup`<td class="${wrong === 0 ? 'o-pass' : 'o-fail'}"><span aria-hidden="true">${wrong === 0 ? '✓' : '✗'}</span> ${right}/${right + wrong}${count.xfail > 0 ? markup` <small>~${count.xfail}</small>` : undefined}${count.skip > 0 ? markup` <small>–${count.skip}</small>` : undefined}</td>`;
}

function area({ name, rows }: Group, { columns }: Matrix, findings: ReadonlyMap<string, string>, differing: ReadonlySet<string>): Markup {
  return markup`<details class="area" open="">
<summary><b>${name}</b> <span class="dim">${rows.length} ${rows.length === 1 ? 'case' : 'cases'}</span></summary>
<table class="matrix" role="table">
<caption class="hidden">Verdicts on ${name}</caption>
<thead role="rowgroup"><tr role="row"><th scope="col" role="columnheader">case</th>${columns.map((column, i) => markup`<th scope="col" role="columnheader"><span class="letter">${letterOf(i)}</span> <span class="wide">${column.title}</span></th>`)}</tr></thead>
<tbody role="rowgroup">
${rows.map((row) => caseRow(row, columns.length > 1, findings.get(row.id), differing.has(row.id)))}</tbody>
</table>
</details>
`;
}

function caseRow({ id, tee, slug, about, cells }: MatrixRow, several: boolean, anchor: string | undefined, differs: boolean): Markup {
  const marks = [...new Set(cells.flatMap((cell) => (cell ? [cell.outcome] : []))), ...(cells.some((cell) => cell && !isAsItShould(cell)) ? ['wrong'] : []), ...(differs ? ['differs'] : [])];
  return markup`<tr role="row" data-id="${id}" data-tee="${tee}" data-severity="${about.severity}" data-marks="${marks.join(' ')}"><th scope="row" role="rowheader"><span class="slug">${slug}</span> <span class="sev sev-${about.severity}">${about.severity}</span>${differs ? markup` <b title="the verifiers disagree">≠</b>` : undefined}<small class="why">${about.expect === 'must-reject' ? 'must be refused' : 'must be accepted'}: ${about.why}</small></th>${cells.map((cell, i) => verdictCell(cell, several ? letterOf(i) : '', anchor))}</tr>
`;
}

function verdictCell(cell: CaseResult | undefined, letter: string, anchor: string | undefined): Markup {
  if (!cell) return markup`<td role="cell" data-col="${letter}" class="dim">not run</td>`;
  const { sign, word } = OUTCOME_ROWS[cell.outcome];
  const text = markup`<span aria-hidden="true">${sign}</span> ${word}${cell.outcome === 'fail' ? markup` <small>${VERDICT_VERBS[cell.answer.verdict]}</small>` : undefined}`;
  return markup`<td role="cell" data-col="${letter}" class="o-${cell.outcome}">${anchor === undefined || cell.outcome === 'pass' ? text : markup`<a href="#${anchor}">${text}</a>`}</td>`;
}

function stageTable(run: RunReport, title: string): Markup | undefined {
  const stages = stagesOf(run);
  if (!stages) return undefined;
  return markup`<h3>Where ${title} stops</h3>
<p class="dim">Rows: the stage at which a strict verifier refuses the case. Columns: the stage that this one says. Another stage is no mistake in itself.</p>
<div class="scroll"><table class="stages">
<thead><tr><th scope="col">stage of the case</th>${stages.reached.map((stage) => markup`<th scope="col">${stage.slice(0, 60)}</th>`)}</tr></thead>
<tbody>
${stages.expected.map((expected) => markup`<tr><th scope="row">${expected}</th>${stages.reached.map((reached) => stageCell(stages.count(expected, reached), expected === reached))}</tr>\n`)}</tbody>
</table></div>
`;
}

function stageCell(count: number, same: boolean): Markup {
  if (count === 0) return markup`<td class="dim">·</td>`;
  return same ? markup`<td class="o-pass">${count} <span aria-hidden="true">=</span></td>` : markup`<td class="o-error">${count}</td>`;
}
