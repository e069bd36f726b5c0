/** Asking a verifier about subjects that are in no corpus: each by the way, and within the limits, of a run. */
import type { Subject } from '../../vectors/subject.ts';
import type { Adapter } from '../run/adapter.ts';
import type { Answer, CaseResult } from '../run/result.ts';
import { type RunOptions, runSuite, type Suite } from '../run/suite.ts';

/** One question. */
export interface Question {
  /** `tee/…`, for the verifier and for progress. */
  readonly id: string;
  readonly tee: string;
  readonly subject: Subject;
}

/** What all the questions have in common. */
export interface Asking extends Pick<RunOptions, 'limits' | 'jobs' | 'signal' | 'vendors' | 'onResult'> {
  /** Good evidence: whether the verifier accepts it says whether its refusals mean anything. */
  readonly base: Subject;
  /** Whose keys the services have. */
  readonly seed: string;
  readonly at: number;
}

/** A verifier's answers, by the ids of the questions; those that an interrupt left open are missing. */
export interface Answers {
  readonly answers: ReadonlyMap<string, Answer>;
  /** About the base; undefined when nobody had to ask. */
  readonly base?: Answer;
}

/** @throws {AdapterError} when the verifier can't be started, or can't be asked any more */
export async function askAll(adapter: Adapter, questions: readonly Question[], { base, seed, at, ...options }: Asking): Promise<Answers> {
  const byId = new Map(questions.map((question) => [question.id, question]));
  const suite: Suite = {
    name: 'questions',
    cases: questions.map(({ id, tee }) => ({ id, tee, ...ABOUT })),
    build: (id) => {
      const question = byId.get(id);
      if (!question) throw new RangeError(`there is no question ${id}`);
      return { info: { id, tee: question.tee, ...ABOUT }, subject: question.subject, twin: base };
    },
    seed,
    at,
  };
  const { results } = await runSuite(suite, adapter, options);
  const twin = results.find((result): result is CaseResult & { twin: Answer } => result.twin !== undefined)?.twin;
  return { answers: new Map(results.map(({ id, answer }) => [id, answer])), ...(twin ? { base: twin } : {}) };
}

/** Nothing is expected: what the verifier says is what is asked for. */
const ABOUT = { expect: 'must-accept', severity: 'low', bug: 'wrong-reject', ref: '', why: '' } as const;
