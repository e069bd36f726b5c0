/** Reports of runs as files, and what they are compared with: options of `teemu check` and `teemu report`. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Command, Option } from 'commander';
import { fileError, readBounded } from '../../../emulator/disk/file.ts';
import { ConfigError, firstIssue } from '../../../emulator/errors.ts';
import { type Comparison, compareRuns } from '../../report/comparison.ts';
import { htmlReport } from '../../report/html/page.ts';
import { junitReport } from '../../report/junit.ts';
import { stepSummary } from '../../report/markdown.ts';
import { sarifReport } from '../../report/sarif.ts';
import { comparisonText, matrixText, runText } from '../../report/terminal.ts';
import { isClean, type RunReport } from '../../run/result.ts';
import { SCORED_RUN, type ScoredRun } from '../../score/result.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import type { Session } from '../session/session.ts';
import type { Paint } from '../session/terminal.ts';
import { repeated } from '../session/values.ts';
import { scoreText } from './scores.ts';

/** Longest report that is read: one of ten thousand cases has some 10 MB. */
const MAX_RUN = 256 << 20;

/** One kind of file. */
interface ReportRow {
  readonly option: string;
  readonly doc: string;
  readonly write: (runs: readonly ScoredRun[], comparisons: readonly (Comparison | undefined)[]) => string;
}

const ROWS: readonly ReportRow[] = [
  { option: 'html', doc: 'a report as one page of HTML that needs nothing else', write: htmlReport },
  { option: 'junit', doc: 'a report as JUnit XML', write: junitReport },
  { option: 'sarif', doc: 'a report as SARIF, for code scanning', write: sarifReport },
  { option: 'markdown', doc: 'a summary as Markdown, as for $GITHUB_STEP_SUMMARY', write: stepSummary },
];

/** What makes a run fail. */
const FAIL_ON = ['wrong', 'regression'] as const;

interface Options {
  readonly baseline?: readonly string[];
  readonly failOn: (typeof FAIL_ON)[number];
}

/** Adds the options. */
export function addReports(command: Command): void {
  for (const { option, doc } of ROWS) command.addOption(new Option(`--${option} <file>`, doc));
  command
    .addOption(new Option('--baseline <file>', 'run.json of an earlier run, to compare with; one for each verifier').argParser(repeated))
    .addOption(new Option('--fail-on <what>', 'what decides the exit code: anything wrong, or only what is since the baseline').choices(FAIL_ON).default('wrong'));
}

/** The earlier runs that the user named. @throws {TeemuError} ERR_FILE, or ERR_CONFIG for a file that is no report, or `--fail-on regression` without one */
export async function baselinesOf(command: Command, session: Session): Promise<ScoredRun[]> {
  const { baseline = [], failOn } = command.opts<Options>();
  if (failOn === 'regression' && baseline.length === 0) throw new ConfigError('--fail-on', 'there are no regressions without a --baseline');
  return readRuns(session, baseline, '--baseline');
}

/** Reads `run.json`s. @param option what names them, for errors @throws {TeemuError} ERR_FILE, or ERR_CONFIG for one that is no report */
export function readRuns(session: Session, files: readonly string[], option: string): Promise<ScoredRun[]> {
  return Promise.all(files.map((file) => readRun(session, file, option)));
}

async function readRun(session: Session, file: string, option: string): Promise<ScoredRun> {
  const text = Buffer.from(await readBounded(session.path(file), { max: MAX_RUN, followLink: true })).toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ConfigError(option, `${file} is no JSON`);
  }
  const parsed = SCORED_RUN.safeParse(value);
  if (parsed.success) return parsed.data;
  const { path, message } = firstIssue(parsed.error);
  throw new ConfigError(option, `${file} is no report of a run: ${path}: ${message}`);
}

/**
 * Each run beside the baseline of the same verifier; a single one beside a single baseline whatever its name.
 * @throws {ConfigError} for a baseline that is of none of the verifiers
 */
export function comparisonsOf(runs: readonly RunReport[], baselines: readonly RunReport[]): (Comparison | undefined)[] {
  if (runs.length === 1 && baselines.length === 1) return runs.flatMap((run) => baselines.map((baseline) => compareRuns(run, baseline)));
  const idle = baselines.find(({ verifier }) => !runs.some((run) => run.verifier.name === verifier.name));
  if (idle) throw new ConfigError('--baseline', `one is of '${idle.verifier.name.slice(0, 100)}', which is none of the verifiers`);
  return runs.map((run) => {
    const baseline = baselines.find(({ verifier }) => verifier.name === run.verifier.name);
    return baseline && compareRuns(run, baseline);
  });
}

/** Runs on the terminal: one with what is wrong, several as a matrix, and what changed. */
export function reportText(runs: readonly ScoredRun[], comparisons: readonly (Comparison | undefined)[], paint: Paint): string {
  const verdicts = runs.length === 1 ? runs.map((run) => runText(run, paint)) : [matrixText(runs, paint)];
  return [...verdicts, ...runs.flatMap((run) => scoreText(run, paint)), ...comparisons.flatMap((comparison) => (comparison ? [comparisonText(comparison, paint)] : []))].join('\n');
}

/** Runs for programs: one as it stands in run.json, with ids of what changed; several in a list. */
export function reportData(runs: readonly ScoredRun[], comparisons: readonly (Comparison | undefined)[]): object {
  const [first, ...more] = runs.map((run, i) => ({ ...run, ...changedIds(comparisons[i]) }));
  return first && more.length === 0 ? first : { runs: first ? [first, ...more] : [] };
}

function changedIds(comparison: Comparison | undefined): object {
  if (!comparison) return {};
  const ids = (list: readonly { readonly id: string }[]): string[] => list.map(({ id }) => id);
  const { baseline, regressions, fixed, changed, skipped, added, removed } = comparison;
  return { comparison: { baseline, regressions: ids(regressions), fixed: ids(fixed), changed: ids(changed), skipped: ids(skipped), added: ids(added), removed } };
}

/** Writes the files that the user asked for. @throws {TeemuError} ERR_FILE */
export async function writeReports(command: Command, session: Session, runs: readonly ScoredRun[], comparisons: readonly (Comparison | undefined)[]): Promise<void> {
  const files = command.opts<Readonly<Record<string, string | undefined>>>();
  for (const { option, write } of ROWS) {
    const file = files[option];
    if (file === undefined) continue;
    const path = session.path(file);
    try {
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, write(runs, comparisons));
    } catch (cause) {
      throw fileError(path, cause);
    }
    session.terminal.say(`Written: ${path}`);
  }
}

/** What the runs come to: interrupted, wrong, without known-good evidence that is accepted, or as they should be. */
export function exitOf(command: Command, runs: readonly RunReport[], comparisons: readonly (Comparison | undefined)[]): ExitCode {
  if (runs.some(({ interrupted }) => interrupted)) return EXIT.interrupted;
  if (command.opts<Options>().failOn === 'regression') return comparisons.some((one) => one && one.regressions.length > 0) ? EXIT.unexpected : EXIT.ok;
  const codes = runs.map(({ results }): ExitCode => {
    if (isClean(results)) return EXIT.ok;
    const bad = results.filter(({ outcome }) => outcome !== 'pass' && outcome !== 'xfail' && outcome !== 'skip');
    return bad.every(({ outcome }) => outcome === 'vacuous') ? EXIT.noBaseline : EXIT.unexpected;
  });
  return codes.find((code) => code === EXIT.unexpected) ?? codes.find((code) => code !== EXIT.ok) ?? EXIT.ok;
}
