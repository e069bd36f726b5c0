/** The request journal: what was asked of the services and what they answered, the newest entries only. */
import { Cache } from '../http/cache.ts';
import { type ServiceRequest, splitTarget } from '../http/message.ts';

/** One request and its answer. */
export interface JournalEntry {
  /** Number of the request since the start, from 1. */
  readonly seq: number;
  /** Milliseconds since 1970, by the World's clock. */
  readonly at: number;
  /** Service and route (`kds.crl`); empty when no route took the request. */
  readonly operation: string;
  readonly method: string;
  readonly host: string;
  /** As sent; path and query are cut after {@link TEXT_LIMIT} characters together. */
  readonly path: string;
  readonly query: string;
  /** The status of the reply; 0 when a fault sent none. */
  readonly status: number;
  /** Names of the faults that were injected, in order. */
  readonly faults: readonly string[];
  /** Length of the request's body, and its beginning as text (at most {@link BODY_KEPT} bytes). */
  readonly bodyLength: number;
  readonly body: string;
}

/** Characters of a host, and of a path with its query, that are kept. */
export const TEXT_LIMIT = 1024;
/** Bytes of a body that are kept. */
export const BODY_KEPT = 1024;
/** Entries that are kept unless told otherwise. */
export const JOURNAL_SIZE = 1000;

const NONE: readonly string[] = [];
const cut = (text: string): string => (text.length > TEXT_LIMIT ? text.slice(0, TEXT_LIMIT) : text);
/** Texts that are kept once for all entries. */
const SHARED_TEXTS = 512;

/** A place in the ring; written over when its turn comes again. */
type Slot = { -readonly [K in Exclude<keyof JournalEntry, 'path' | 'query'>]: JournalEntry[K] } & { target: string };

/** A ring of entries. */
export class Journal {
  readonly size: number;
  readonly #ring: Slot[] = [];
  // What outlives its request is copied about by the garbage collector, which cost a fifth of the throughput of the whole service: so slots are
  // written over, and a text that came before is kept as it was then.
  readonly #texts = new Cache<string>(SHARED_TEXTS);
  #count = 0;
  /** Entries before this number are forgotten. */
  #first = 1;

  /** @param size entries that are kept, 1 to 100,000 */
  constructor(size: number = JOURNAL_SIZE) {
    if (!Number.isInteger(size) || size < 1 || size > 100_000) throw new RangeError(`a journal keeps 1 to 100000 entries, not ${size}`);
    this.size = size;
  }

  /** Writes one entry. @param at milliseconds since 1970 */
  record(at: number, operation: string, request: ServiceRequest, status: number, faults: readonly string[] = NONE): void {
    const { body } = request;
    const seq = ++this.#count;
    const index = (seq - 1) % this.size;
    this.#ring[index] ??= { seq, at, operation, method: '', host: '', target: '', status, faults, bodyLength: 0, body: '' };
    const slot = this.#ring[index];
    slot.seq = seq;
    slot.at = at;
    slot.operation = operation;
    slot.method = cut(request.method);
    slot.host = this.#kept(request.host);
    slot.target = this.#kept(request.target);
    slot.status = status;
    slot.faults = faults;
    slot.bodyLength = body.length;
    slot.body = body.length === 0 ? '' : Buffer.from(body.buffer, body.byteOffset, Math.min(body.length, BODY_KEPT)).toString('utf8');
  }

  /** The entries after number `since`, oldest first; those that fell out of the ring are missing. */
  entries(since = 0): JournalEntry[] {
    const from = Math.max(since + 1, this.#first, this.#count - this.size + 1);
    const out: JournalEntry[] = [];
    for (let seq = from; seq <= this.#count; seq++) {
      const slot = this.#ring[(seq - 1) % this.size];
      if (!slot) continue;
      const { target, ...rest } = slot;
      out.push({ ...rest, ...splitTarget(target) });
    }
    return out;
  }

  /** Number of the newest entry; 0 before the first. */
  get last(): number {
    return this.#count;
  }

  /** Forgets every entry; numbers go on. */
  clear(): void {
    this.#ring.length = 0;
    this.#texts.clear();
    this.#first = this.#count + 1;
  }

  #kept(text: string): string {
    return text === '' ? text : this.#texts.get(cut(text), () => cut(text));
  }
}
