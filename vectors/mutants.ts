/**
 * Generated mutants: the smallest edits that change one field of a report or quote, for every field of its tables. Changed after signing, the
 * evidence must be refused. Changed and signed again by the right keys, it only shows whether a verdict depends on the field.
 */
import { SNP_MUTANTS } from './mutants/snp.ts';
import { TDX_MUTANTS } from './mutants/tdx.ts';
import type { MutantInfo, MutantSource } from './mutants/source.ts';
import type { Setting } from './case-world.ts';
import type { BuiltCase, CaseInfo } from './subject.ts';

export type { MutantInfo } from './mutants/source.ts';

const SOURCES: Readonly<Record<string, MutantSource>> = { snp: SNP_MUTANTS, tdx: TDX_MUTANTS };

/** TEEs whose evidence is mutated. */
export const MUTANT_TEES: readonly string[] = Object.keys(SOURCES);

function sourceOf(tee: string): MutantSource {
  const source = Object.hasOwn(SOURCES, tee) ? SOURCES[tee] : undefined;
  if (!source) throw new RangeError(`there are no mutants of '${tee}', only of ${MUTANT_TEES.join(', ')}`);
  return source;
}

/** Every mutant of a TEE's evidence, in the order of its tables. @throws {RangeError} for a TEE of which there are none */
export function mutants(tee: string): readonly MutantInfo[] {
  return sourceOf(tee).mutants();
}

/**
 * Builds a mutant: the subject, and as its twin the same evidence without the edit. What its row expects counts for mutants of the kind
 * `tampered` only; of one that is signed again nothing is expected.
 * @param id `snp/mutant/policy.debug/toggle`, or with `-resigned` behind it
 * @throws {RangeError} for an id of no mutant
 */
export function buildMutant(id: string, setting: Setting): BuiltCase {
  const source = sourceOf(id.split('/')[0] ?? '');
  const mutant = source.mutants().find((one) => one.id === id);
  if (!mutant) throw new RangeError(`there is no mutant ${id}`);
  return { info: infoOf(mutant), ...source.build(mutant, setting) };
}

/** The row of a mutant, for reports. */
function infoOf({ id, tee, field, kind }: MutantInfo): CaseInfo {
  const why = kind === 'tampered' ? `The field ${field} was changed after signing.` : `The field ${field} was changed, and everything signed again.`;
  return { id, tee, expect: 'must-reject', severity: kind === 'tampered' ? 'critical' : 'low', bug: 'authentication-bypass', ref: 'generated from the table of the structure', why };
}
