/** What is found out about verifiers besides their verdicts on cases: options of `teemu check`. */
import { type Command, Option } from 'commander';
import type { Setting } from '../../../vectors/case-world.ts';
import { MUTANT_TEES } from '../../../vectors/mutants.ts';
import type { BuiltCase, CaseInfo } from '../../../vectors/subject.ts';
import { disagreements, matrixOf } from '../../report/matrix.ts';
import { visible } from '../../report/markup.ts';
import type { Adapter } from '../../run/adapter.ts';
import type { RunOptions } from '../../run/suite.ts';
import { type Minimum, minimise, type NoMinimum } from '../../score/differential/minimise.ts';
import { describe, rowOf } from '../../score/differential/row.ts';
import { mutationScore, sumsOf } from '../../score/mutation.ts';
import type { AcceptWindow, MutationScore, ScoredRun } from '../../score/result.ts';
import { acceptWindow } from '../../score/windows/window.ts';
import type { Paint } from '../session/terminal.ts';

interface Options {
  readonly score?: boolean;
  readonly windows?: boolean;
  readonly minimise?: boolean;
}

/** Adds the options. */
export function addScores(command: Command): void {
  command
    .addOption(new Option('--score', `change every field of the evidence, and see which ones the verdict depends on (${MUTANT_TEES.join(', ')})`))
    .addOption(new Option('--windows', 'move the clock over everything that expires, and see when good evidence is accepted'))
    .addOption(new Option('--minimise', 'shrink what several verifiers disagree about to the smallest edit, and print it as a row'));
}

/** Everything that scores are made from. */
export interface Scored {
  readonly cases: readonly CaseInfo[];
  readonly build: (id: string) => BuiltCase;
  readonly setting: Setting;
  readonly options: Pick<RunOptions, 'limits' | 'jobs' | 'signal' | 'vendors' | 'onResult'>;
}

/** A run with the scores that the user asked for. @throws {AdapterError} when the verifier can't be asked any more */
export async function withScores(command: Command, run: ScoredRun, adapter: Adapter, { cases, build, setting, options }: Scored): Promise<ScoredRun> {
  const { score, windows } = command.opts<Options>();
  const tees = [...new Set(cases.map(({ tee }) => tee))];
  const stopped = (): boolean => options.signal?.aborted === true;
  const scores: MutationScore[] = [];
  if (score) for (const tee of tees.filter((one) => MUTANT_TEES.includes(one))) if (!stopped()) scores.push(await mutationScore(tee, adapter, { ...options, setting }));
  const opened: AcceptWindow[] = [];
  for (const tee of windows ? tees : []) {
    const first = cases.find((one) => one.tee === tee && one.needs === undefined) ?? cases.find((one) => one.tee === tee);
    if (first && !stopped()) opened.push(await acceptWindow({ tee, name: `good twin of ${first.id}`, subject: build(first.id).twin }, adapter, { ...options, ...setting }));
  }
  return { ...run, ...(score ? { scores } : {}), ...(windows ? { windows: opened } : {}) };
}

/** What scores come to, for the terminal. */
export function scoreText({ verifier, scores = [], windows = [] }: ScoredRun, paint: Paint): string[] {
  const name = paint('bold', visible(verifier.name));
  const time = (at: number): string => new Date(at).toISOString().replace('.000Z', 'Z');
  return [
    ...scores.map((score) => {
      const { afterSigning, resigned, missed } = sumsOf(score);
      const words = `${name}, fields of ${visible(score.tee)}: notices ${afterSigning.noticed} of ${afterSigning.all} changes after signing, ${resigned.noticed} of ${resigned.all} that are signed again`;
      return `${words}${score.baseAccepted ? '' : paint('yellow', '; refuses the unchanged evidence too: this shows nothing')}${missed.length === 0 ? '' : paint('red', `; misses ${missed.length} that teemu notices: ${missed.slice(0, 8).map(visible).join(', ')}${missed.length > 8 ? ', …' : ''}`)}`;
    }),
    ...windows.map(({ tee, flips, referenceFlips }) => {
      const words = flips.length === 0 ? 'its verdict never changes' : flips.map(({ at, to }) => `${to === 'accept' ? 'accepts' : 'no longer accepts'} from ${time(at)}`).join(', ');
      const same = JSON.stringify(flips.map(({ at, to }) => [at, to === 'accept'])) === JSON.stringify(referenceFlips.map(({ at, to }) => [at, to === 'accept']));
      return `${name}, clock of ${visible(tee)}: ${words}${same ? '' : paint('red', `; teemu ${referenceFlips.map(({ at, to }) => `${to === 'accept' ? 'accepts' : 'no longer'} from ${time(at)}`).join(', ')}`)}`;
    }),
  ];
}

/** Most disagreements that are shrunk: each takes the verifiers some dozens of answers. */
const MOST_MINIMA = 20;

/** One disagreement, as small as it gets. */
export interface Smallest {
  readonly id: string;
  /** What is left of the edit, in words; or why nothing could be made smaller. */
  readonly edit: readonly string[] | NoMinimum;
  readonly row?: string;
}

/** Shrinks what the verifiers disagree about, as far as the user asked for it. @throws {AdapterError} when a verifier can't be asked any more */
export async function smallest(command: Command, runs: readonly ScoredRun[], adapters: readonly Adapter[], { build, setting, options }: Scored): Promise<Smallest[]> {
  if (command.opts<Options>().minimise !== true || adapters.length < 2) return [];
  const matrix = matrixOf(runs);
  const { onResult: _, ...quietly } = options;
  const found: Smallest[] = [];
  for (const { id } of disagreements(matrix).slice(0, MOST_MINIMA)) {
    if (options.signal?.aborted) break;
    const minimum: Minimum | NoMinimum = await minimise(build(id), adapters, { ...quietly, setting });
    found.push(
      typeof minimum === 'string'
        ? { id, edit: minimum }
        : {
            id,
            edit: describe(minimum),
            row: rowOf(
              minimum,
              matrix.columns.map(({ title }) => title),
            ),
          },
    );
  }
  return found;
}

const WHY_NOT: Readonly<Record<NoMinimum, string>> = { 'twin-refused': 'one of them refuses the good twin', agreement: 'asked again, they agree', unanswered: 'not all of them answered' };

/** Minima for the terminal: rows to paste. */
export function smallestText(found: readonly Smallest[]): string[] {
  return found.map(({ id, edit, row }) => row ?? `// ${visible(id)} was not made smaller: ${typeof edit === 'string' ? WHY_NOT[edit] : ''}`);
}
