/** `teemu check SUITE -- COMMAND`: runs somebody's verifier over cases, and says what it gets wrong. */
import { Option } from 'commander';
import { readBounded } from '../../../emulator/disk/file.ts';
import { ConfigError } from '../../../emulator/errors.ts';
import { systemClock } from '../../../emulator/world.ts';
import { CORPUS_SETTING } from '../../../vectors/corpus.ts';
import { profileAdapter } from '../../profiles/adapter.ts';
import { PROFILES, profileNamed } from '../../profiles/index.ts';
import { cacheFolder } from '../../profiles/install.ts';
import { type Adapter, DEFAULT_LIMITS } from '../../run/adapter.ts';
import { commandAdapter } from '../../run/adapters/command.ts';
import { httpAdapter } from '../../run/adapters/http.ts';
import { jsonLinesAdapter } from '../../run/adapters/json-lines.ts';
import { builtinAdapter } from '../../run/builtin.ts';
import { PLACEHOLDERS } from '../../run/delivery/placeholders.ts';
import { ExpectedFailures, readExpectedFailures } from '../../run/expected-failures.ts';
import { type CaseResult, countOutcomes, isClean, OUTCOMES, type RunReport } from '../../run/result.ts';
import { readShard, select } from '../../run/select.ts';
import { casesOf } from '../../run/source.ts';
import { runSuite } from '../../run/suite.ts';
import { EXIT, type ExitCode } from '../exit.ts';
import { type Define, onCall, type Session } from '../session/session.ts';
import { type Paint, printable, type Style } from '../session/terminal.ts';
import { parseInteger } from '../session/values.ts';
import { packageVersion } from '../version.ts';
import { writeResult } from './result-file.ts';

const MIB = 1 << 20;
const MAX_LIST = 1 << 20;
const WIDTH = Math.max(...Object.keys(PLACEHOLDERS).map((name) => name.length)) + 2;
const DETAILS = `
SUITE is a TEE (snp), globs of ids ('snp/tcb/*,snp/ok/*', '**'), or a file of published vectors (snp.json).
Each case runs with its good twin: a verifier that refuses both gets no credit (vacuous). The services of the
case are up while it runs, and answer with what is in its bundle.

A command is called once for each subject; exit code 0 accepts, 1 to 125 refuse. It can name:
${Object.entries(PLACEHOLDERS)
  .map(([name, { doc }]) => `  ${`{${name}}`.padEnd(WIDTH)}  ${doc}`)
  .join('\n')}
  {file:NAME}  a file of the bundle by its name
With --adapter json-lines the command is started once and asked over its standard input: see docs/adapters.md.

Exit codes: 0 as it should be; 1 something is wrong; 3 the verifier could not start, or refuses known-good
evidence.
With --seed and --at, the corpus is made with that seed's keys and at that time.`;

interface Options {
  readonly adapter: 'command' | 'json-lines';
  readonly http?: string;
  readonly verifier?: string;
  readonly timeout?: string;
  readonly memory?: string;
  readonly jobs?: string;
  readonly shard?: string;
  readonly xfail?: string;
}

/** Adds what `teemu check` takes and does. */
export const defineCheck: Define = (command, run) => {
  command
    .argument('<suite>', 'a TEE, a glob of case ids, or a file of vectors')
    .argument('[command...]', 'the verifier, after --')
    .addOption(new Option('--adapter <kind>', 'how the command is asked').choices(['command', 'json-lines']).default('command'))
    .addOption(new Option('--http <url>', 'post each case to a server instead'))
    .addOption(new Option('--verifier <name>', `a verifier that is known: builtin, teemu's own, or ${[...PROFILES.keys()].join(', ')}, fetched from their registries`))
    .addOption(new Option('--timeout <ms>', `longest time for an answer (${DEFAULT_LIMITS.timeout})`))
    .addOption(new Option('--memory <mib>', `most memory of the verifier with all that it starts (${DEFAULT_LIMITS.memory / MIB})`))
    .addOption(new Option('--jobs <n>', 'verifiers at the same time (1)'))
    .addOption(new Option('--shard <i/n>', 'only the i-th of n parts'))
    .addOption(new Option('--xfail <file>', 'JSON of failures that are known: glob of ids to reason; strict'))
    .addHelpText('after', DETAILS);
  onCall(command, run, async (session, [suite = '', ...called]) => {
    const options = command.opts<Options>();
    const now = systemClock().now();
    const adapter = adapterOf(options, called, session, now);
    // Evidence for a verifier that has no clock but the machine's must be good now.
    const usual = options.verifier !== undefined && PROFILES.get(options.verifier)?.clock === false ? now : CORPUS_SETTING.at;
    const { seed, at } = session.globals;
    const { cases, build, patterns, ...setting } = await casesOf(suite, session.path, { ...(seed === undefined ? {} : { seed }), ...(at === undefined ? {} : { at }), usual: { seed: CORPUS_SETTING.seed, at: usual } });
    const ids = select(
      cases.map(({ id }) => id),
      patterns,
      options.shard === undefined ? undefined : readShard(options.shard),
    );
    const expectedFailures = await knownFailures(session, options.xfail);
    const wanted = new Set(ids);
    const interrupt = new AbortController();
    const unhook = session.io.onInterrupt(() => interrupt.abort());
    const report = await runSuite(
      {
        name: suite,
        cases: cases.filter(({ id }) => wanted.has(id)),
        build,
        ...setting,
      },
      adapter,
      {
        tool: `teemu ${packageVersion()}`,
        expectedFailures,
        limits: {
          ...(options.timeout === undefined ? {} : { timeout: parseInteger('--timeout', options.timeout, 1, 3_600_000) }),
          ...(options.memory === undefined ? {} : { memory: parseInteger('--memory', options.memory, 1, 1 << 20) * MIB }),
        },
        ...(options.jobs === undefined ? {} : { jobs: parseInteger('--jobs', options.jobs, 1, 256) }),
        signal: interrupt.signal,
        onResult: (result, done, of) => showProgress(session, result, done, of),
      },
    ).finally(unhook);
    for (const pattern of options.xfail === undefined ? [] : expectedFailures.unused(cases.map(({ id }) => id))) session.terminal.warn(`--xfail: '${printable(pattern)}' is about no case`);
    session.terminal.result(report, (paint) => summary(report, paint));
    await writeResult(session, 'run.json', report);
    return exitOf(report);
  });
};

/** Each case on a terminal; elsewhere, where every line stays, one in a hundred. */
function showProgress({ io, terminal }: Session, { id, outcome }: CaseResult, done: number, of: number): void {
  if (io.stderr.isTTY || done % 100 === 0) terminal.status(`${done}/${of} ${outcome} ${id}`);
}

/** @throws {ConfigError} when it is not clear which verifier is meant */
function adapterOf({ adapter, http, verifier }: Options, command: readonly string[], { io, terminal }: Session, now: number): Adapter {
  const named = [http, verifier, ...(command.length > 0 ? ['command'] : [])].filter((one) => one !== undefined);
  if (named.length !== 1) throw new ConfigError('verifier', 'name one: a command after --, or --http URL, or --verifier NAME');
  if (http !== undefined) return httpAdapter(http);
  if (verifier === 'builtin') return builtinAdapter();
  if (verifier !== undefined) return profileAdapter(profileNamed(verifier), { cache: cacheFolder(io.env), say: (text) => terminal.say(text), now });
  return adapter === 'json-lines' ? jsonLinesAdapter({ command, cwd: io.cwd }) : commandAdapter({ command, cwd: io.cwd });
}

async function knownFailures(session: Session, file: string | undefined): Promise<ExpectedFailures> {
  if (file === undefined) return new ExpectedFailures();
  return readExpectedFailures(Buffer.from(await readBounded(session.path(file), { max: MAX_LIST, followLink: true })).toString('utf8'));
}

function exitOf({ interrupted, results }: RunReport): ExitCode {
  if (interrupted) return EXIT.interrupted;
  if (isClean(results)) return EXIT.ok;
  const bad = results.filter(({ outcome }) => outcome !== 'pass' && outcome !== 'xfail' && outcome !== 'skip');
  return bad.every(({ outcome }) => outcome === 'vacuous') ? EXIT.noBaseline : EXIT.unexpected;
}

const STYLES: Readonly<Record<CaseResult['outcome'], Style>> = { pass: 'green', fail: 'red', vacuous: 'yellow', error: 'yellow', xfail: 'dim', xpass: 'red', skip: 'dim' };

function summary(report: RunReport, paint: Paint): string {
  const counts = countOutcomes(report.results);
  const wrong = report.results.filter(({ outcome }) => outcome !== 'pass' && outcome !== 'skip');
  return [
    ...wrong.map(
      ({ id, outcome, severity, note = '', why }) => `${paint(STYLES[outcome], outcome.padEnd(8))} ${severity.padEnd(8)} ${id}\n         ${printable(why)}${note === '' ? '' : ` ${paint('dim', printable(note))}`}`,
    ),
    `${paint('bold', printable(report.verifier.name))}${report.verifier.version === undefined ? '' : ` ${printable(report.verifier.version)}`}: ${OUTCOMES.filter((outcome) => counts[outcome] > 0)
      .map((outcome) => paint(STYLES[outcome], `${counts[outcome]} ${outcome}`))
      .join(', ')} of ${report.selected}${report.interrupted ? paint('yellow', ', interrupted') : ''}`,
  ].join('\n');
}
