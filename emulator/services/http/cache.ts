/** A bounded cache: the entry that was not asked for longest is the first to go. */

/** Values by key, at most `size` of them. */
export class Cache<V> {
  readonly size: number;
  readonly #entries = new Map<string, V>();

  constructor(size: number) {
    this.size = size;
  }

  /** The value of a key, or undefined. */
  find(key: string): V | undefined {
    const there = this.#entries.get(key);
    // Moved to the end only when the cache is full: before that, nothing has to go.
    if (there !== undefined && this.#entries.size >= this.size) {
      this.#entries.delete(key);
      this.#entries.set(key, there);
    }
    return there;
  }

  /** The value of a key, made when it is not there. */
  get(key: string, make: () => V): V {
    const there = this.find(key);
    if (there !== undefined) return there;
    const made = make();
    if (this.#entries.size >= this.size)
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    this.#entries.set(key, made);
    return made;
  }

  /** Entries there are. */
  get length(): number {
    return this.#entries.size;
  }

  /** Forgets everything. */
  clear(): void {
    this.#entries.clear();
  }
}
