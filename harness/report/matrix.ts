/** Several runs side by side: which verifier says what of which case. Every kind of report draws this. */
import { type CaseResult, countOutcomes, type Outcome, type RunReport } from '../run/result.ts';
import { SEVERITIES } from './outcomes.ts';

/** One verifier. */
export interface Column {
  /** Name and version; with a number where another column has the same. */
  readonly title: string;
  readonly adapter: string;
  readonly counts: Readonly<Record<Outcome, number>>;
  readonly interrupted: boolean;
}

/** One case; `cells` are in the order of the columns, empty where a run did not have it. */
export interface MatrixRow {
  readonly id: string;
  readonly tee: string;
  /** `tee/area`. */
  readonly area: string;
  readonly slug: string;
  /** What is known of the case, from the first run that has it. */
  readonly about: CaseResult;
  readonly cells: readonly (CaseResult | undefined)[];
}

/** The whole of it. */
export interface Matrix {
  readonly columns: readonly Column[];
  readonly rows: readonly MatrixRow[];
}

/** Rows in the order in which the runs have them. */
export function matrixOf(runs: readonly RunReport[]): Matrix {
  const byId = runs.map(({ results }) => new Map(results.map((result) => [result.id, result])));
  const ids = [...new Set(runs.flatMap(({ results }) => results.map(({ id }) => id)))];
  const rows = ids.flatMap((id): MatrixRow[] => {
    const cells = byId.map((results) => results.get(id));
    const about = cells.find((cell) => cell !== undefined);
    if (!about) return [];
    const [tee = '', area = ''] = id.split('/');
    return [{ id, tee, area: `${tee}/${area}`, slug: id.slice(tee.length + area.length + 2), about, cells }];
  });
  return { columns: columnsOf(runs), rows };
}

function columnsOf(runs: readonly RunReport[]): Column[] {
  const title = ({ verifier: { name, version } }: RunReport): string => (version === undefined ? name : `${name} ${version}`);
  const titles = runs.map(title);
  return runs.map((run, i) => {
    const { verifier, results, interrupted } = run;
    const same = titles.filter((one) => one === titles[i]).length > 1;
    return { title: same ? `${title(run)} #${i + 1}` : title(run), adapter: verifier.adapter, counts: countOutcomes(results), interrupted };
  });
}

/** One group of rows, and how many of each column's cells have which outcome. */
export interface Group {
  readonly name: string;
  readonly rows: readonly MatrixRow[];
  readonly counts: readonly Readonly<Record<Outcome, number>>[];
}

/** Rows by area, in their order. */
export function byArea(matrix: Matrix): Group[] {
  return groups(matrix, [...new Set(matrix.rows.map(({ area }) => area))], ({ area }) => area);
}

/** Rows by severity, the most serious first. */
export function bySeverity(matrix: Matrix): Group[] {
  return groups(matrix, SEVERITIES, ({ about }) => about.severity).filter(({ rows }) => rows.length > 0);
}

/** Rows by what a verifier suffers from that gets them wrong. */
export function byBug(matrix: Matrix): Group[] {
  return groups(matrix, [...new Set(matrix.rows.map(({ about }) => about.bug))], ({ about }) => about.bug);
}

function groups({ columns, rows }: Matrix, names: readonly string[], nameOf: (row: MatrixRow) => string): Group[] {
  return names.map((name) => {
    const members = rows.filter((row) => nameOf(row) === name);
    return { name, rows: members, counts: columns.map((_, i) => countOutcomes(members.flatMap(({ cells }) => cells[i] ?? []))) };
  });
}

/** Where a verifier stops, by where a strict one does; counted over what it refused and said a stage of. */
export interface StageTable {
  readonly expected: readonly string[];
  /** As the verifier says them. */
  readonly reached: readonly string[];
  readonly count: (expected: string, reached: string) => number;
}

/** Most stages of a verifier's own that are told apart. */
const MOST_STAGES = 12;
const OTHER = 'other';

/** The stages of a run; undefined when its verifier does not say any. */
export function stagesOf({ results }: RunReport): StageTable | undefined {
  const said = results.flatMap(({ expectedStage, answer: { verdict, stage } }) => (verdict === 'reject' && expectedStage !== undefined && stage !== undefined ? [{ expected: expectedStage, stage }] : []));
  if (said.length === 0) return undefined;
  const names = [...new Set(said.map(({ stage }) => stage))];
  const kept = new Set(names.slice(0, MOST_STAGES));
  const counts = new Map<string, number>();
  const key = (expected: string, reached: string): string => JSON.stringify([expected, reached]);
  for (const { expected, stage } of said) {
    const name = key(expected, kept.has(stage) ? stage : OTHER);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return {
    expected: [...new Set(said.map(({ expected }) => expected))],
    reached: [...kept, ...(names.length > kept.size ? [OTHER] : [])],
    count: (expected, reached) => counts.get(key(expected, reached)) ?? 0,
  };
}

/** Rows that verifiers see differently: one accepts what another does not. What one skips or did not see is no opinion. */
export function disagreements({ rows }: Matrix): MatrixRow[] {
  return rows.filter(({ cells }) => new Set(cells.flatMap((cell) => (cell && cell.answer.verdict !== 'skip' ? [cell.answer.verdict === 'accept'] : []))).size > 1);
}
