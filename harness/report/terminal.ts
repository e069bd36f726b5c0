/** Reports for a terminal: one run with what is wrong, several as a matrix. */
import type { Paint } from '../cli/session/terminal.ts';
import { countOutcomes, type Outcome, type RunReport } from '../run/result.ts';
import type { Comparison } from './comparison.ts';
import { visible } from './markup.ts';
import { byArea, bySeverity, type Column, disagreements, type Group, type Matrix, type MatrixRow, matrixOf, stagesOf } from './matrix.ts';
import { isAsItShould, OUTCOME_ORDER, OUTCOME_ROWS, VERDICT_VERBS } from './outcomes.ts';

/** Widest column of a verifier. */
const WIDEST = 24;

/** One run: a line for whatever is not simply right, and the sums. */
export function runText(report: RunReport, paint: Paint): string {
  const told = report.results.filter(({ outcome }) => outcome !== 'pass' && outcome !== 'skip');
  return [
    ...told.map(({ id, outcome, severity, note = '', why }) => {
      const { word, style } = OUTCOME_ROWS[outcome];
      return `${paint(style, word.toLowerCase().padEnd(8))} ${severity.padEnd(8)} ${visible(id)}\n         ${visible(why)}${note === '' ? '' : ` ${paint('dim', visible(note))}`}`;
    }),
    sumLine(report, paint),
  ].join('\n');
}

/** `name version: 90 pass, 1 fail of 91`. */
function sumLine({ verifier: { name, version }, results, selected, interrupted }: RunReport, paint: Paint): string {
  const title = `${paint('bold', visible(name))}${version === undefined ? '' : ` ${visible(version)}`}`;
  return `${title}: ${countText(countOutcomes(results), paint)} of ${selected}${interrupted ? paint('yellow', ', interrupted') : ''}`;
}

function countText(counts: Readonly<Record<Outcome, number>>, paint: Paint): string {
  const present = OUTCOME_ORDER.toReversed().filter((outcome) => counts[outcome] > 0);
  return present.length === 0 ? 'nothing' : present.map((outcome) => paint(OUTCOME_ROWS[outcome].style, `${counts[outcome]} ${outcome}`)).join(', ');
}

/** Several runs: a line for each case that some verifier gets wrong, the sums by area and by severity, and where verifiers disagree. */
export function matrixText(runs: readonly RunReport[], paint: Paint): string {
  const matrix = matrixOf(runs);
  const told = matrix.rows.filter(({ cells }) => cells.some((cell) => cell && !isAsItShould(cell)));
  const differing = disagreements(matrix).length;
  return [
    ...table('case', matrix.columns, told, ({ id, about }) => `${visible(id)} (${about.severity})`, caseCells(paint), paint),
    ...(told.length === 0 ? [] : ['']),
    ...table('area: as it should be', matrix.columns, byArea(matrix), ({ name }) => visible(name), groupCells(paint), paint),
    '',
    ...table('severity: as it should be', matrix.columns, bySeverity(matrix), ({ name }) => name, groupCells(paint), paint),
    '',
    ...legend(matrix, paint),
    ...runs.flatMap((run) => stageLines(run, paint)),
    ...runs.map((run) => sumLine(run, paint)),
    ...(runs.length > 1 ? [`The verifiers disagree about ${differing} ${differing === 1 ? 'case' : 'cases'}.`] : []),
  ].join('\n');
}

/** What became better or worse since another run. */
export function comparisonText({ baseline, regressions, fixed, changed, skipped, added, removed }: Comparison, paint: Paint): string {
  const line = (style: 'red' | 'green' | 'yellow', word: string, { id, before, now }: Comparison['regressions'][number]): string => `${paint(style, word.padEnd(10))} ${visible(id)}  ${before.outcome} → ${now.outcome}`;
  return [
    ...regressions.map((one) => line('red', 'regression', one)),
    ...changed.map((one) => line('yellow', 'changed', one)),
    ...skipped.map((one) => line('yellow', 'skipped', one)),
    ...fixed.map((one) => line('green', 'fixed', one)),
    `Against ${visible(baseline.verifier)} on ${visible(baseline.suite)} (${baseline.cases} cases): ${regressions.length} regressions, ${fixed.length} fixed, ${added.length} new cases (${added.filter((one) => !isAsItShould(one)).length} wrong), ${removed.length} gone.`,
  ].join('\n');
}

/** A cell: what is shown, and how wide it is without its colours. */
type Cell = readonly [shown: string, width: number];

function table<T>(head: string, columns: readonly Column[], rows: readonly T[], nameOf: (row: T) => string, cellsOf: (row: T) => readonly Cell[], paint: Paint): string[] {
  if (rows.length === 0) return [];
  const titles = columns.map(({ title }) => visible(title).slice(0, WIDEST));
  const cells = rows.map(cellsOf);
  const widths = titles.map((title, i) => Math.max(title.length, ...cells.map((row) => row[i]?.[1] ?? 0)));
  const first = Math.max(head.length, ...rows.map((row) => nameOf(row).length));
  const line = (name: string, shown: readonly Cell[]): string => [name, ...shown.map(([text, width], i) => text + ' '.repeat(Math.max(0, (widths[i] ?? 0) - width)))].join('  ').trimEnd();
  return [
    paint(
      'bold',
      line(
        head.padEnd(first),
        titles.map((title) => [title, title.length]),
      ),
    ),
    ...rows.map((row, i) => line(nameOf(row).padEnd(first), cells[i] ?? [])),
  ];
}

function caseCells(paint: Paint): (row: MatrixRow) => Cell[] {
  return ({ cells }) =>
    cells.map((cell): Cell => {
      if (!cell) return ['', 0];
      const { sign, word, style } = OUTCOME_ROWS[cell.outcome];
      const text = `${sign} ${word}${cell.outcome === 'fail' ? `: ${VERDICT_VERBS[cell.answer.verdict]}` : ''}`;
      return [paint(style, text), text.length];
    });
}

function groupCells(paint: Paint): (group: Group) => Cell[] {
  return ({ counts }) =>
    counts.map((count): Cell => {
      const judged = OUTCOME_ORDER.reduce((sum, outcome) => sum + (outcome === 'skip' ? 0 : count[outcome]), 0);
      const clean = OUTCOME_ORDER.reduce((sum, outcome) => sum + (outcome !== 'skip' && OUTCOME_ROWS[outcome].clean ? count[outcome] : 0), 0);
      const text = judged === 0 ? (count.skip > 0 ? `– ${count.skip} skipped` : '') : `${clean}/${judged}${count.xfail === 0 ? '' : ` ~${count.xfail}`}${count.skip === 0 ? '' : ` –${count.skip}`}`;
      return [paint(judged === 0 ? 'dim' : clean === judged ? 'green' : 'red', text), text.length];
    });
}

function legend({ columns }: Matrix, paint: Paint): string[] {
  const met = OUTCOME_ORDER.filter((outcome) => columns.some(({ counts }) => counts[outcome] > 0));
  return [...met.map((outcome) => paint('dim', `${OUTCOME_ROWS[outcome].sign} ${OUTCOME_ROWS[outcome].word}: ${OUTCOME_ROWS[outcome].doc}`)), ''];
}

/** Where the verifier stops by where a strict one does, if it says so. */
function stageLines(run: RunReport, paint: Paint): string[] {
  const stages = stagesOf(run);
  if (!stages) return [];
  const wrong = stages.expected.flatMap((expected) =>
    stages.reached.filter((reached) => reached !== expected && stages.count(expected, reached) > 0).map((reached) => `${stages.count(expected, reached)} of ${visible(expected)} at ${visible(reached)}`),
  );
  const right = stages.expected.reduce((sum, expected) => sum + stages.count(expected, expected), 0);
  return [`${paint('bold', visible(run.verifier.name))} says where it stops: ${right} at the stage of the case${wrong.length === 0 ? '' : `; ${wrong.join(', ')}`}.`];
}
