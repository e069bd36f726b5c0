/** `teemu check SUITE -- COMMAND`: runs somebody's verifier over cases, and says what it gets wrong. */
import { Option } from 'commander';
import { readBounded } from '../../../emulator/disk/file.ts';
import { systemClock } from '../../../emulator/world.ts';
import { CORPUS_SETTING } from '../../../vectors/corpus.ts';
import { type Adapter, DEFAULT_LIMITS } from '../../run/adapter.ts';
import { PLACEHOLDERS } from '../../run/delivery/placeholders.ts';
import { ExpectedFailures, readExpectedFailures } from '../../run/expected-failures.ts';
import type { CaseResult } from '../../run/result.ts';
import { readShard, select } from '../../run/select.ts';
import { casesOf } from '../../run/source.ts';
import { type RunOptions, runSuite } from '../../run/suite.ts';
import type { ScoredRun } from '../../score/result.ts';
import { addReports, baselinesOf, comparisonsOf, exitOf, reportData, reportText, writeReports } from '../check/reports.ts';
import { addScores, type Scored, smallest, smallestText, withScores } from '../check/scores.ts';
import { addVerifiers, verifiersOf } from '../check/verifiers.ts';
import { type Define, onCall, type Session } from '../session/session.ts';
import { printable } from '../session/terminal.ts';
import { parseInteger } from '../session/values.ts';
import { packageVersion } from '../version.ts';
import { writeResult } from './result-file.ts';

const MIB = 1 << 20;
const MAX_LIST = 1 << 20;
const WIDTH = Math.max(...Object.keys(PLACEHOLDERS).map((name) => name.length)) + 2;
const DETAILS = `
SUITE is a TEE (snp), globs of ids ('snp/tcb/*,snp/ok/*', '**'), or a file of published vectors (snp.json).
Each case runs with its good twin: a verifier that refuses both gets no credit (vacuous). The services of the
case are up while it runs, and answer with what is in its bundle. Several verifiers (--verifier and --http
repeated, and a command) are run one after the other and set side by side.

A command is called once for each subject; exit code 0 accepts, 1 to 125 refuse. It can name:
${Object.entries(PLACEHOLDERS)
  .map(([name, { doc }]) => `  ${`{${name}}`.padEnd(WIDTH)}  ${doc}`)
  .join('\n')}
  {file:NAME}  a file of the bundle by its name
With --adapter json-lines the command is started once and asked over its standard input: see docs/adapters.md.

Exit codes: 0 as it should be; 1 something is wrong; 3 the verifier could not start, or refuses known-good
evidence. Scores and disagreements are told, and change no exit code.
With --seed and --at, the corpus is made with that seed's keys and at that time.`;

interface Options {
  readonly timeout?: string;
  readonly memory?: string;
  readonly jobs?: string;
  readonly shard?: string;
  readonly xfail?: string;
}

/** Adds what `teemu check` takes and does. */
export const defineCheck: Define = (command, run) => {
  command.argument('<suite>', 'a TEE, a glob of case ids, or a file of vectors').argument('[command...]', 'the verifier, after --');
  addVerifiers(command);
  command
    .addOption(new Option('--timeout <ms>', `longest time for an answer (${DEFAULT_LIMITS.timeout})`))
    .addOption(new Option('--memory <mib>', `most memory of the verifier with all that it starts (${DEFAULT_LIMITS.memory / MIB})`))
    .addOption(new Option('--jobs <n>', 'verifiers at the same time (1)'))
    .addOption(new Option('--shard <i/n>', 'only the i-th of n parts'))
    .addOption(new Option('--xfail <file>', 'JSON of failures that are known: glob of ids to reason; strict'));
  addReports(command);
  addScores(command);
  command.addHelpText('after', DETAILS);
  onCall(command, run, async (session, [suite = '', ...called]) => {
    const now = systemClock().now();
    const tested = verifiersOf(command, called, session, now);
    const adapters = tested.map(({ adapter }) => adapter);
    const baselines = await baselinesOf(command, session);
    const interrupt = new AbortController();
    const unhook = session.io.onInterrupt(() => interrupt.abort());
    try {
      // Evidence for a verifier that has no clock but the machine's must be good now; all are to see the same.
      const at = tested.some(({ machineClock }) => machineClock) ? now : CORPUS_SETTING.at;
      const trial = await trialOf(session, { suite, at, options: command.opts<Options>(), signal: interrupt.signal });
      const runs: ScoredRun[] = [];
      for (const adapter of adapters) if (runs.length === 0 || !interrupt.signal.aborted) runs.push(await withScores(command, await trial.run(adapter), adapter, trial));
      const minima = await smallest(command, runs, adapters, trial);
      const comparisons = comparisonsOf(runs, baselines);
      const data = { ...reportData(runs, comparisons), ...(minima.length > 0 ? { smallest: minima } : {}) };
      session.terminal.result(data, (paint) => [reportText(runs, comparisons, paint), ...smallestText(minima)].join('\n'));
      for (const [i, one] of runs.entries()) await writeResult(session, adapters.length === 1 ? 'run.json' : `run-${i + 1}.json`, one);
      await writeReports(command, session, runs, comparisons);
      return exitOf(command, runs, comparisons);
    } finally {
      unhook();
    }
  });
};

/** What every verifier is put to. */
interface Trial extends Scored {
  /** @throws {AdapterError} when the verifier can't be started, or can't be asked any more */
  run(adapter: Adapter): Promise<ScoredRun>;
}

async function trialOf(session: Session, wanted: { readonly suite: string; readonly at: number; readonly options: Options; readonly signal: AbortSignal }): Promise<Trial> {
  const { suite, options, signal } = wanted;
  const { seed, at } = session.globals;
  const {
    cases: all,
    build,
    patterns,
    ...setting
  } = await casesOf(suite, session.path, { ...(seed === undefined ? {} : { seed }), ...(at === undefined ? {} : { at }), usual: { seed: CORPUS_SETTING.seed, at: wanted.at } });
  const ids = all.map(({ id }) => id);
  const chosen = new Set(select(ids, patterns, options.shard === undefined ? undefined : readShard(options.shard)));
  const cases = all.filter(({ id }) => chosen.has(id));
  const expectedFailures = await knownFailures(session, options.xfail);
  for (const pattern of options.xfail === undefined ? [] : expectedFailures.unused(ids)) session.terminal.warn(`--xfail: '${printable(pattern)}' is about no case`);
  const asking: RunOptions = {
    limits: {
      ...(options.timeout === undefined ? {} : { timeout: parseInteger('--timeout', options.timeout, 1, 3_600_000) }),
      ...(options.memory === undefined ? {} : { memory: parseInteger('--memory', options.memory, 1, 1 << 20) * MIB }),
    },
    ...(options.jobs === undefined ? {} : { jobs: parseInteger('--jobs', options.jobs, 1, 256) }),
    signal,
    onResult: (result, done, of) => showProgress(session, result, done, of),
  };
  const run = (adapter: Adapter): Promise<ScoredRun> => runSuite({ name: suite, cases, build, ...setting }, adapter, { ...asking, tool: `teemu ${packageVersion()}`, expectedFailures });
  return { cases, build, setting, options: asking, run };
}

/** Each case on a terminal; elsewhere, where every line stays, one in a hundred. */
function showProgress({ io, terminal }: Session, { id, outcome }: CaseResult, done: number, of: number): void {
  if (io.stderr.isTTY || done % 100 === 0) terminal.status(`${done}/${of} ${outcome} ${id}`);
}

async function knownFailures(session: Session, file: string | undefined): Promise<ExpectedFailures> {
  if (file === undefined) return new ExpectedFailures();
  return readExpectedFailures(Buffer.from(await readBounded(session.path(file), { max: MAX_LIST, followLink: true })).toString('utf8'));
}
