/** A verifier of somebody's that teemu knows how to get and how to ask. */
import type { Answer } from '../run/result.ts';

/** What it takes to install one, whose release is fixed. */
export type Source = { readonly kind: 'go'; readonly wrapper: string } | { readonly kind: 'npm'; readonly wrapper: string; readonly packages: readonly string[] } | { readonly kind: 'python'; readonly wrapper: string };

/** Something that a verifier does not claim to do: cases that it matches are skipped, with the reason. */
export interface OutOfScope {
  /** Globs of ids. */
  readonly cases: readonly string[];
  /** What its own documentation says, or what its interface leaves no room for. */
  readonly reason: string;
}

/** One row: everything about one verifier. */
export interface Profile {
  readonly name: string;
  readonly doc: string;
  readonly version: string;
  /** TEEs whose evidence it judges. */
  readonly tees: readonly string[];
  readonly source: Source;
  /** It can be told the time: else the corpus must be made for now, and cases at other times are skipped. */
  readonly clock: boolean;
  readonly outOfScope: readonly OutOfScope[];
}

/** The answer about a case that is none of a verifier's business. */
export function skipped(reason: string): Answer {
  return { verdict: 'skip', detail: reason, wallMs: 0 };
}
