/** The smallest edit about which verifiers still disagree as they do about a case. */
import type { Setting } from '../../../vectors/case-world.ts';
import type { BuiltCase, Subject } from '../../../vectors/subject.ts';
import type { Adapter } from '../../run/adapter.ts';
import type { Answer, VerdictWord } from '../../run/result.ts';
import { type Asking, askAll } from '../ask.ts';
import { type Signing, signingOf } from './forms.ts';
import { shrink } from './shrink.ts';
import { finer, type Unit, unitsBetween, withUnits } from './units.ts';

/** Masks longer than this are random as a rule: turning bits of them over one by one says nothing more. */
const LONGEST_MASK = 64;
/** Most questions about one case. */
const MOST_QUESTIONS = 2000;

/** What is left of a case. */
export interface Minimum {
  readonly id: string;
  readonly tee: string;
  /** One for each verifier, in their order. */
  readonly verdicts: readonly VerdictWord[];
  readonly units: readonly Unit[];
  /** Whether the evidence is signed again after the edit. */
  readonly signing?: Signing;
  readonly subject: Subject;
  readonly twin: Subject;
  /** How many subjects the verifiers were asked about. */
  readonly asked: number;
}

/** What keeps a disagreement from being made smaller. `unanswered`: interrupted, or one of the verifiers skips it. */
export type NoMinimum = 'twin-refused' | 'agreement' | 'unanswered';

/**
 * Shrinks one case. Verifiers are asked about the case and its twin first: unless all accept the twin and one accepts the case where another does not,
 * there is nothing to shrink.
 * @throws {AdapterError} when a verifier can't be started, or can't be asked any more
 */
export async function minimise({ info, subject, twin }: BuiltCase, adapters: readonly Adapter[], asking: Omit<Asking, 'base' | keyof Setting> & { readonly setting: Setting }): Promise<Minimum | NoMinimum> {
  const court = new Court(info.id, info.tee, twin, adapters, asking);
  const [ofTwin, whole] = await court.ask([twin, subject]);
  if (!ofTwin || !whole) return 'unanswered';
  if (ofTwin.some((verdict) => verdict !== 'accept')) return 'twin-refused';
  if (new Set(whole.map((verdict) => verdict === 'accept')).size < 2) return 'agreement';
  const signing = signingOf(subject, twin, asking.setting);
  const make = (units: readonly Unit[]): Subject => withUnits(twin, units, signing);
  const test = async (parts: readonly (readonly Unit[])[]): Promise<boolean[]> =>
    (await court.ask(parts.map(make))).map((verdicts) => verdicts?.every((verdict, i) => (verdict === 'accept') === (whole[i] === 'accept')) === true);
  let units = await shrink(unitsBetween(twin, subject, signing), test);
  for (const by of ['bytes', 'bits'] as const) {
    const smaller = finer(units, by, LONGEST_MASK);
    if (smaller.length > units.length) units = await shrink(smaller, test);
  }
  const minimal = make(units);
  const [verdicts = whole] = await court.ask([minimal]);
  return { id: info.id, tee: info.tee, verdicts: verdicts ?? whole, units, ...(signing ? { signing } : {}), subject: minimal, twin, asked: court.asked };
}

/** All the verifiers, asked together. */
class Court {
  readonly #id: string;
  readonly #tee: string;
  readonly #base: Subject;
  readonly #adapters: readonly Adapter[];
  readonly #asking: Parameters<typeof minimise>[2];
  asked = 0;

  constructor(id: string, tee: string, base: Subject, adapters: readonly Adapter[], asking: Parameters<typeof minimise>[2]) {
    this.#id = id;
    this.#tee = tee;
    this.#base = base;
    this.#adapters = adapters;
    this.#asking = asking;
  }

  /** Verdicts on each subject, in the order of the verifiers; undefined for one that some verifier was not asked about, or skips. */
  async ask(subjects: readonly Subject[]): Promise<(readonly VerdictWord[] | undefined)[]> {
    const left = Math.max(0, MOST_QUESTIONS - this.asked);
    const questions = subjects.slice(0, left).map((subject, i) => ({ id: `${this.#id}+${this.asked + i}`, tee: this.#tee, subject }));
    this.asked += questions.length;
    const { setting, ...options } = this.#asking;
    const said: ReadonlyMap<string, Answer>[] = [];
    for (const adapter of this.#adapters) said.push((await askAll(adapter, questions, { ...options, ...setting, base: this.#base })).answers);
    return subjects.map((_, i) => {
      const verdicts = said.flatMap((answers) => answers.get(questions[i]?.id ?? '')?.verdict ?? []);
      return verdicts.length === this.#adapters.length && !verdicts.includes('skip') ? verdicts : undefined;
    });
  }
}
