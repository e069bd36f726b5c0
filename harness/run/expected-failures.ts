/** Failures that are known: which cases a verifier gets wrong, and why that is so. Strict: what has become right must come off the list. */
import { z } from 'zod';
import { ConfigError, firstIssue } from '../../emulator/errors.ts';
import { glob } from './select.ts';

/** One line of the list. */
export interface Expected {
  readonly reason: string;
}

const LIST = z.record(z.string(), z.string().min(3));

/** A list of expected failures. */
export class ExpectedFailures {
  readonly #rows: readonly { readonly pattern: string; readonly matches: (id: string) => boolean; readonly reason: string }[];

  /** @param rows glob of ids → reason @throws {ConfigError} for a line without a reason */
  constructor(rows: Readonly<Record<string, string>> = {}) {
    const parsed = LIST.safeParse(rows);
    if (!parsed.success) {
      const { path, message } = firstIssue(parsed.error);
      throw new ConfigError(`xfail ${path}`, `each id needs its reason, in words: ${message}`);
    }
    this.#rows = Object.entries(parsed.data).map(([pattern, reason]) => ({ pattern, matches: glob(pattern), reason }));
  }

  /** The first line that is about a case. */
  of(id: string): Expected | undefined {
    return this.#rows.find(({ matches }) => matches(id));
  }

  /** Lines that are about no case there is: misspelt, or of cases that went away. */
  unused(ids: readonly string[]): string[] {
    return this.#rows.filter(({ matches }) => !ids.some(matches)).map(({ pattern }) => pattern);
  }
}

/** @param text JSON: `{"snp/tcb/*": "reason"}` @throws {ConfigError} */
export function readExpectedFailures(text: string): ExpectedFailures {
  let rows: unknown;
  try {
    rows = JSON.parse(text);
  } catch {
    throw new ConfigError('xfail', 'is no JSON');
  }
  if (typeof rows !== 'object' || rows === null || Array.isArray(rows)) throw new ConfigError('xfail', 'is no JSON object of ids and reasons');
  return new ExpectedFailures(rows as Record<string, string>);
}
