/** What was found good before, so that it need not be verified again. Nothing here knows any TEE. */
import { createHash } from 'node:crypto';
import type { Appraisal, Check } from './verdict.ts';

/** What was found good, by the bytes it was found in; the oldest is dropped when it is full. */
export class Kept<T, C extends string> {
  readonly #most: number;
  readonly #entries = new Map<string, { readonly value: T; readonly checks: readonly Check<C>[] }>();

  /** @param most how many to keep; 0 keeps nothing */
  constructor(most: number) {
    this.#most = most;
  }

  /** What is kept under this key; else what `verify` returns, with its checks. A verification that fails keeps nothing. @param key of {@link keyOf} */
  get(appraisal: Appraisal<C>, key: string, verify: () => T): T {
    if (this.#most === 0) return verify();
    const known = this.#entries.get(key);
    if (known) {
      appraisal.adopt(known.checks);
      return known.value;
    }
    const before = appraisal.checks.length;
    const value = verify();
    const [oldest] = this.#entries.keys();
    if (this.#entries.size >= this.#most && oldest !== undefined) this.#entries.delete(oldest);
    this.#entries.set(key, { value, checks: appraisal.checks.slice(before) });
    return value;
  }
}

/** SHA-256 over the parts, each with its length, so that no two lists of parts share one. */
export function keyOf(parts: readonly (Uint8Array | undefined)[]): string {
  const hash = createHash('sha256').update(Int32Array.from(parts, (part) => part?.length ?? -1));
  for (const part of parts) if (part) hash.update(part);
  return hash.digest('base64');
}
