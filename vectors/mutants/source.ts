/** What a table of generated mutants is, whatever its TEE. */
import type { Setting } from '../case-world.ts';
import type { Subject } from '../subject.ts';

/** `tampered`: changed after signing. `resigned`: changed, then signed again by the right keys. */
export type MutantKind = 'tampered' | 'resigned';

/** What is known of a mutant before it is built. */
export interface MutantInfo {
  /** `snp/mutant/policy.debug/toggle`; one that is signed again ends with `-resigned`. */
  readonly id: string;
  readonly tee: string;
  /** Path of the field, as in its table; a quote's begin with the part that it is in. */
  readonly field: string;
  readonly kind: MutantKind;
  /** Offset of the first byte that is changed, in the report or quote. */
  readonly at: number;
  /** Bytes that belong to the field. */
  readonly size: number;
}

/** The mutants of one TEE. */
export interface MutantSource {
  mutants(): readonly MutantInfo[];
  /** @throws {RangeError} for a mutant of another source */
  build(mutant: MutantInfo, setting: Setting): { readonly subject: Subject; readonly twin: Subject };
}
