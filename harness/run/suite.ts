/** Runs a verifier over cases: each with its good twin, its own services, and within limits. */
import { createHash } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { stopwatch } from '../../emulator/world.ts';
import type { BuiltCase, CaseInfo, Subject } from '../../vectors/subject.ts';
import { type Adapter, DEFAULT_LIMITS, type Delivery, type Limits, type Session } from './adapter.ts';
import { killEverything } from './contain/contained.ts';
import { runFolder, writeSubject } from './delivery/folder.ts';
import { ExpectedFailures } from './expected-failures.ts';
import { outcomeOf } from './outcome.ts';
import { type Answer, type CaseResult, REPORT_VERSION, type RunReport } from './result.ts';
import { Stage } from './services/stage.ts';
import { type VendorSettings, viewOf, wasFetched } from './services/view.ts';

/** What is run: the cases in order, each built when its turn comes. */
export interface Suite {
  /** For people and reports: what was selected. */
  readonly name: string;
  readonly cases: readonly CaseInfo[];
  /** @throws {TeemuError} for a case that can't be built: a defect of it */
  readonly build: (id: string) => BuiltCase;
  /** Whose keys the services have. */
  readonly seed: string;
  /** Milliseconds since 1970, when the evidence was made. */
  readonly at?: number;
}

/** How it is run; everything has a default. */
export interface RunOptions {
  readonly limits?: Partial<Limits>;
  /** Verifiers at the same time; 1 unless given. */
  readonly jobs?: number;
  readonly expectedFailures?: ExpectedFailures;
  /** Told of each result as it comes. */
  readonly onResult?: (result: CaseResult, done: number, of: number) => void;
  /** Ends the run early: what has been judged is reported. */
  readonly signal?: AbortSignal;
  /** What the vendors are told: for NRAS, the verifier that it appraises with. */
  readonly vendors?: VendorSettings;
  /** Who runs it, for the report. */
  readonly tool?: string;
}

/**
 * Runs the whole suite.
 * @throws {AdapterError} when the verifier can't be started, or can't be asked any more
 * @throws {TeemuError} for a defect of a case
 */
export async function runSuite(suite: Suite, adapter: Adapter, options: RunOptions = {}): Promise<RunReport> {
  const { jobs = 1, signal, tool = 'teemu' } = options;
  const watch = stopwatch();
  const folder = await runFolder();
  const run = new Run(suite, options);
  const onAbort = (): void => killEverything();
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    const workers = Array.from({ length: Math.max(1, Math.min(jobs, suite.cases.length)) }, (_, i) => run.work(adapter, join(folder.path, String(i))));
    const ended = await Promise.allSettled(workers);
    const broken = ended.find((one) => one.status === 'rejected');
    if (broken && signal?.aborted !== true) throw broken.reason;
    const { name, version } = run.verifier;
    return {
      report: REPORT_VERSION,
      tool,
      verifier: { name: name ?? adapter.name, ...(version === undefined || version === '' ? {} : { version }), adapter: adapter.kind },
      suite: suite.name,
      seed: suite.seed,
      ...(suite.at === undefined ? {} : { at: suite.at }),
      selected: suite.cases.length,
      interrupted: signal?.aborted === true,
      wallMs: watch(),
      results: run.results(),
    };
  } finally {
    signal?.removeEventListener('abort', onAbort);
    killEverything();
    await folder.remove();
  }
}

class Run {
  readonly #suite: Suite;
  readonly #options: RunOptions;
  readonly #limits: Limits;
  readonly #expected: ExpectedFailures;
  readonly #done = new Map<string, CaseResult>();
  /** What became of good twins, by what they consist of: many cases share one. */
  readonly #twins = new Map<string, Promise<Answer>>();
  #next = 0;
  verifier: Pick<Session, 'name' | 'version'> = {};

  constructor(suite: Suite, options: RunOptions) {
    this.#suite = suite;
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#expected = options.expectedFailures ?? new ExpectedFailures();
  }

  /** Results so far, in the order of the cases. */
  results(): CaseResult[] {
    return this.#suite.cases.flatMap(({ id }) => this.#done.get(id) ?? []);
  }

  /** Judges case after case with a verifier of its own until none is left. */
  async work(adapter: Adapter, folder: string): Promise<void> {
    await mkdir(folder);
    const stage = new Stage(folder);
    const session = await adapter.open(this.#limits);
    this.verifier = session;
    try {
      for (let info = this.#take(); info; info = this.#take()) {
        const result = await this.#one(info, { session, stage, folder });
        if (this.#options.signal?.aborted) return;
        this.#done.set(info.id, result);
        this.#options.onResult?.(result, this.#done.size, this.#suite.cases.length);
      }
    } finally {
      await session.close();
      await stage.close();
    }
  }

  #take(): CaseInfo | undefined {
    return this.#options.signal?.aborted ? undefined : this.#suite.cases[this.#next++];
  }

  async #one(info: CaseInfo, place: Place): Promise<CaseResult> {
    const built = this.#suite.build(info.id);
    const { answer, unfetched } = await this.#ask(info.id, info, built.subject, place);
    const twin = needsTwin(info, answer) ? await this.#twin(info, built.twin, place) : undefined;
    const expected = this.#expected.of(info.id);
    const { outcome, note } = outcomeOf({ info, answer, unfetched, ...(twin && { twin }), ...(expected && { expected }) });
    const { id, tee, expect, severity, bug, policy, ref, why, stage } = info;
    return {
      ...{ id, tee, expect, severity, bug, ref, why, outcome, answer },
      ...(policy === undefined ? {} : { policy }),
      ...(stage === undefined ? {} : { expectedStage: stage }),
      ...(note === undefined ? {} : { note }),
      ...(twin && { twin }),
    };
  }

  #twin(info: CaseInfo, subject: Subject, place: Place): Promise<Answer> {
    const key = contentsOf(subject);
    const known = this.#twins.get(key);
    if (known) return known;
    const answer = this.#ask(`${info.id}+twin`, info, subject, place).then((asked) => asked.answer);
    this.#twins.set(key, answer);
    return answer;
  }

  async #ask(id: string, info: CaseInfo, subject: Subject, { session, stage, folder }: Place): Promise<{ readonly answer: Answer; readonly unfetched: readonly string[] }> {
    let written: Promise<string> | undefined;
    let playing: Promise<Readonly<Record<string, string>>> | undefined;
    const path = join(folder, 'subject');
    const delivery: Delivery = {
      id,
      tee: info.tee,
      subject,
      folder: () => {
        written ??= writeSubject(subject, path).then(() => path);
        return written;
      },
      services: () => {
        playing ??= Promise.resolve().then(() => stage.play(viewOf(subject, this.#suite.seed, this.#options.vendors)));
        return playing;
      },
    };
    try {
      const bare = await session.judge(delivery);
      if (!playing) return { answer: bare, unfetched: [] };
      // Services that can't be played are a defect of the case, whatever the verifier made of it.
      await (playing as Promise<unknown>);
      const fetched = stage.clear();
      const unfetched = (info.mustFetch ?? []).filter((name) => !wasFetched(name, fetched));
      return { answer: { ...bare, fetched: [...fetched] }, unfetched };
    } finally {
      stage.clear();
      if (written) await rm(path, { recursive: true, force: true });
    }
  }
}

/** Where one verifier works. */
interface Place {
  readonly session: Session;
  readonly stage: Stage;
  readonly folder: string;
}

/** Whether the twin says anything that the case itself does not. */
function needsTwin({ expect }: CaseInfo, { verdict }: Answer): boolean {
  return verdict !== 'skip' && !(verdict === 'accept' && expect === 'must-accept');
}

/** The same text for the same subject. */
function contentsOf({ bundle, roots, now, request, services }: Subject): string {
  const hash = createHash('sha256');
  for (const [name, contents] of [...bundle.files, ...roots]) hash.update(`${name}\0${contents.length}\0`).update(contents);
  return hash.update(JSON.stringify([now, request, services, bundle.manifest])).digest('base64');
}
