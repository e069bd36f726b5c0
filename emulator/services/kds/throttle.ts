/** The rate limit of the genuine service: about one chip certificate every ten seconds for each client. */

/** How certificates of chips are rationed. */
export interface RateLimit {
  /** Seconds between two answers, by the World's clock: one that stands still never lets a second request through. */
  readonly seconds: number;
  /** What is counted apart: each client's address (as AMD does), or each certificate. */
  readonly per: 'client' | 'certificate';
}

/** AMD's own limit. */
export const AMD_RATE_LIMIT: RateLimit = { seconds: 10, per: 'client' };
/** Clients or certificates that are remembered. */
const REMEMBERED = 4096;

/** Remembers who was answered when. */
export class Throttle {
  readonly limit: RateLimit;
  readonly #answered = new Map<string, number>();

  constructor(limit: RateLimit) {
    if (!(limit.seconds > 0 && limit.seconds <= 86_400)) throw new RangeError(`a rate limit is more than 0 and at most 86400 seconds, not ${limit.seconds}`);
    this.limit = limit;
  }

  /** @param now milliseconds since 1970 @returns 0 when the request may be answered, else the whole seconds to wait */
  wait(who: string, now: number): number {
    const last = this.#answered.get(who);
    const elapsed = last === undefined ? Number.POSITIVE_INFINITY : now - last;
    // A clock that was turned back starts the count again.
    if (elapsed >= 0 && elapsed < this.limit.seconds * 1000) return Math.ceil(this.limit.seconds - elapsed / 1000);
    this.#answered.delete(who);
    if (this.#answered.size >= REMEMBERED)
      for (const oldest of this.#answered.keys()) {
        this.#answered.delete(oldest);
        break;
      }
    this.#answered.set(who, now);
    return 0;
  }

  /** Forgets everybody. */
  reset(): void {
    this.#answered.clear();
  }
}
