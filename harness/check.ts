/**
 * The corpus for test suites: a verifier of yours, as a function, a command or a server, run over good and bad evidence.
 *
 * @example
 * import { checkVerifier, failuresOf } from 'teemu/check';
 * const report = await checkVerifier(({ bundle, roots, now, request }) => myVerifier(bundle.files.get('report.bin'), …), { suite: 'snp' });
 * assert.deepEqual(failuresOf(report), []);
 */
import { ConfigError } from '../emulator/errors.ts';
import { parseTime, systemClock } from '../emulator/world.ts';
import { buildCase, CORPUS, CORPUS_SETTING } from '../vectors/corpus.ts';
import type { CaseInfo } from '../vectors/subject.ts';
import type { Adapter } from './run/adapter.ts';
import { functionAdapter, type VerifierFunction } from './run/adapters/function.ts';
import { ExpectedFailures } from './run/expected-failures.ts';
import type { CaseResult, RunReport } from './run/result.ts';
import { readShard, select } from './run/select.ts';
import { type RunOptions, runSuite } from './run/suite.ts';
import { h100Appraiser } from './verify/h100/appraise.ts';

export type { Bundle } from '../emulator/bundle.ts';
export type { BuiltCase, CaseInfo, Expectation, ServiceView, Subject } from '../vectors/subject.ts';
export type { Adapter, BareAnswer, Delivery, Limits, Session } from './run/adapter.ts';
export { type CommandOptions, commandAdapter, type ExitCodes } from './run/adapters/command.ts';
export { type FunctionVerdict, functionAdapter, type VerifierFunction } from './run/adapters/function.ts';
export { httpAdapter } from './run/adapters/http.ts';
export { jsonLinesAdapter, type JsonLinesOptions } from './run/adapters/json-lines.ts';
export { type Answer, type CaseResult, countOutcomes, isClean, type Outcome, type RunReport, type VerdictWord } from './run/result.ts';

/** Which cases, made with which keys and when. */
export interface CorpusOptions {
  /** A TEE, or globs of case ids; everything unless given. */
  readonly suite?: string | readonly string[];
  /** `2/5`: only that part of the cases. */
  readonly shard?: string;
  /** Whose keys; the published corpus's unless given. */
  readonly seed?: string;
  /** When the evidence is made, as a date or in milliseconds since 1970; `now` for verifiers that ask the machine's clock. That of the published corpus unless given. */
  readonly at?: string | number;
}

/** How a verifier is checked. */
export interface CheckOptions extends CorpusOptions, Omit<RunOptions, 'expectedFailures'> {
  /** Glob of case ids → why the verifier is known to get them wrong. Strict: what it gets right is a failure as well. */
  readonly expectedFailures?: Readonly<Record<string, string>>;
}

/** The cases of a selection, in order. @throws {ConfigError} for a pattern that matches none, or a shard that is none */
export function selectCases({ suite = '**', shard }: Pick<CorpusOptions, 'suite' | 'shard'> = {}): readonly CaseInfo[] {
  const patterns = typeof suite === 'string' ? suite.split(',') : suite;
  const ids = new Set(
    select(
      CORPUS.map(({ id }) => id),
      patterns,
      shard === undefined ? undefined : readShard(shard),
    ),
  );
  return CORPUS.filter(({ id }) => ids.has(id));
}

/**
 * Runs a verifier over cases, each with its good twin and services of its own.
 * @param verifier a function that judges a subject (by what it returns, or by throwing), or another kind of adapter
 * @throws {ConfigError} for a selection of nothing, or an expected failure without a reason @throws {AdapterError} when the verifier can't be asked
 */
export async function checkVerifier(verifier: VerifierFunction | Adapter, options: CheckOptions = {}): Promise<RunReport> {
  const { suite = '**', shard, seed = CORPUS_SETTING.seed, at, expectedFailures, ...rest } = options;
  const setting = { seed, at: timeOf(at) };
  const adapter = typeof verifier === 'function' ? functionAdapter(verifier.name === '' ? 'verifier' : verifier.name, verifier) : verifier;
  const name = [suite].flat().join(',');
  return runSuite({ name, cases: selectCases({ suite, ...(shard === undefined ? {} : { shard }) }), build: (id) => buildCase(id, setting), ...setting }, adapter, {
    vendors: { nras: { appraise: h100Appraiser() } },
    ...rest,
    expectedFailures: new ExpectedFailures(expectedFailures),
  });
}

/**
 * Runs a verifier over one case and its twin: for one test a case.
 * @throws {ConfigError} for an id of no case @throws {AdapterError} when the verifier can't be asked
 */
export async function checkCase(id: string, verifier: VerifierFunction | Adapter, options: Omit<CheckOptions, 'suite' | 'shard'> = {}): Promise<CaseResult> {
  const { results } = await checkVerifier(verifier, { ...options, suite: [id] });
  const [result] = results;
  if (!result || results.length > 1) throw new ConfigError('id', `'${id.slice(0, 100)}' is ${results.length} cases, must be one`);
  return result;
}

/** @throws {ConfigError} for a text that is no time */
function timeOf(at: CorpusOptions['at']): number {
  if (typeof at !== 'string') return at ?? CORPUS_SETTING.at;
  const time = at === 'now' ? Math.floor(systemClock().now() / 1000) * 1000 : parseTime(at);
  if (time === undefined) throw new ConfigError('at', `'${at.slice(0, 40)}' is no time like 2026-03-01T12:00:00Z`);
  return time;
}

/** A line for each case that is not as it should be; none when everything is. */
export function failuresOf({ results }: Pick<RunReport, 'results'>): string[] {
  return results.flatMap(({ id, outcome, severity, note, why }) =>
    outcome === 'pass' || outcome === 'xfail' || outcome === 'skip' ? [] : [`${outcome} (${severity}) ${id}: ${note === undefined ? '' : `${note}: `}${why}`],
  );
}
