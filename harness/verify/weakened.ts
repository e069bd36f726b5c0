/**
 * Reference verifiers weakened on purpose: the same verification with some of its checks left out. It is how the corpus is proven: a check that
 * can be left out without any case noticing is one that nobody's verifier is tested for. Nothing that users can reach leads here: `teemu/verify`
 * does not export it, and no expectation can ask for it.
 */
import type { ReasonTable, Stage, Verdict } from './verdict.ts';

/** Checks that are left out: all, or those with certain codes of the table of the verifier that gives the verdict. */
export type Without = 'everything' | { readonly table: ReasonTable; readonly reasons: ReadonlySet<string> };

/** What a weakened verifier says. */
export type WeakVerdict =
  | {
      readonly accepted: true;
      /** The code of the failure at which it could not go on, and said yes: bytes that can't be read, a key that is none. Absent where every other check was done. */
      readonly endedAt?: string;
    }
  | { readonly accepted: false; readonly stage: Stage; readonly reason: string };

/** What is left out of the verification under way: verifications are synchronous, so there is one at a time. */
let underWay: Without | undefined;

/** Whether a check is left out of the verification under way. Only asked about checks that fail. */
export function isLeftOut(table: ReasonTable, reason: string): boolean {
  return underWay !== undefined && (underWay === 'everything' || (underWay.table === table && underWay.reasons.has(reason)));
}

/**
 * What a verifier would say that lacks some checks. Where one of them fails the verification goes on; where it can't, because what comes next
 * needs what could not be read or found, the weakened verifier says yes, as one does that swallows an error.
 * @param verify a whole verification, synchronous @throws {TypeError} within another one
 */
export function weakened(without: Without, verify: () => Verdict<unknown, string>): WeakVerdict {
  if (underWay !== undefined) throw new TypeError('a weakened verification is under way already');
  underWay = without;
  try {
    const verdict = verify();
    if (verdict.accepted) return { accepted: true };
    const { stage, reason } = verdict;
    const swallowed = without === 'everything' || without.reasons.has(reason);
    return swallowed ? { accepted: true, endedAt: reason } : { accepted: false, stage, reason };
  } finally {
    underWay = undefined;
  }
}
