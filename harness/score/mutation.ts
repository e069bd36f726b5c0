/** The mutation score: which bytes of the evidence does a verdict depend on? */
import type { Setting } from '../../vectors/case-world.ts';
import { buildMutant, type MutantInfo, mutants } from '../../vectors/mutants.ts';
import type { Adapter } from '../run/adapter.ts';
import { builtinAdapter } from '../run/builtin.ts';
import { evidenceFile } from '../run/delivery/folder.ts';
import { askAll, type Answers, type Asking } from './ask.ts';
import type { FieldResult, How, MutantResult, MutationScore } from './result.ts';

/** What a score is made with. */
export interface Scoring extends Omit<Asking, 'base' | 'seed' | 'at'> {
  readonly setting: Setting;
  /** Only mutants of which this is true; all unless given. */
  readonly only?: (mutant: MutantInfo) => boolean;
}

const HOW: Readonly<Record<MutantInfo['kind'], How>> = { tampered: 'after-signing', resigned: 're-signed' };
/** Cuts, and bytes too many, change no field: they are counted under this name. */
const LENGTH = 'length';
const IS_LENGTH = /\/(cut-here|one-byte-more)$/;

/**
 * Asks a verifier about every mutant of a TEE's evidence, and teemu's own about the same.
 * @throws {RangeError} for a TEE of which there are no mutants
 * @throws {AdapterError} when the verifier can't be started, or can't be asked any more
 */
export async function mutationScore(tee: string, adapter: Adapter, { setting, only = () => true, ...options }: Scoring): Promise<MutationScore> {
  const chosen = mutants(tee).filter(only);
  const [first] = chosen;
  if (!first) throw new RangeError(`no mutant of ${tee} is left`);
  const { twin: base } = buildMutant(first.id, setting);
  const questions = chosen.map(({ id }) => ({ id, tee, subject: buildMutant(id, setting).subject }));
  const asking = { ...options, base, ...setting };
  const { onResult: _, ...quietly } = asking;
  const said = await askAll(adapter, questions, asking);
  const reference = await askAll(builtinAdapter(), questions, quietly);
  return {
    tee,
    base: `${tee}/mutant`,
    // Nobody asked about the base only where every mutant was accepted: then it would be, too.
    baseAccepted: said.base === undefined || said.base.verdict === 'accept',
    fields: fieldsOf(chosen, evidenceFile(base), said, reference),
  };
}

function fieldsOf(chosen: readonly MutantInfo[], file: string, said: Answers, reference: Answers): FieldResult[] {
  const fields = new Map<string, { path: string; at: number; size: number; mutants: MutantResult[] }>();
  for (const mutant of chosen) {
    const { id, kind, at, size } = mutant;
    const verdict = said.answers.get(id)?.verdict;
    if (verdict === undefined) continue;
    const path = pathOf(mutant);
    const field = fields.get(path) ?? { path, at: path === LENGTH ? 0 : at, size: path === LENGTH ? 0 : size, mutants: [] };
    fields.set(path, field);
    const own = reference.answers.get(id)?.verdict;
    field.mutants.push({ id, how: HOW[kind], change: changeOf(mutant), verdict, ...(own === undefined ? {} : { reference: own }) });
  }
  return [...fields.values()].map((field) => ({ file, ...field }));
}

function pathOf({ id, field }: MutantInfo): string {
  return IS_LENGTH.test(id) ? LENGTH : field;
}

/** What is done to the field: the end of the id. Cuts say where. */
function changeOf({ id, field }: MutantInfo): string {
  const last = id.slice(id.lastIndexOf('/') + 1).replace(/-resigned$/, '');
  return last === 'cut-here' ? `cut at ${field}` : last;
}

/** The sums of a score: changes noticed, of all; and those that teemu's own verifier notices, but this one does not. */
export interface ScoreSums {
  readonly afterSigning: { readonly noticed: number; readonly all: number };
  readonly resigned: { readonly noticed: number; readonly all: number };
  readonly missed: readonly string[];
}

/** Adds a score up. A crash or a hang is no acceptance, but no verdict either: it counts as missed. */
export function sumsOf({ fields }: MutationScore): ScoreSums {
  const all = fields.flatMap((field) => field.mutants);
  const of = (how: How): ScoreSums['resigned'] => {
    const those = all.filter((one) => one.how === how);
    return { noticed: those.filter(({ verdict }) => verdict !== 'accept').length, all: those.length };
  };
  const missed = all.filter(({ verdict, reference }) => verdict === 'crash' || verdict === 'hang' || (verdict === 'accept' && reference !== undefined && reference !== 'accept'));
  return { afterSigning: of('after-signing'), resigned: of('re-signed'), missed: missed.map(({ id }) => id) };
}
