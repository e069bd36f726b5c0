/** Looks for many runs of bytes in a stream at once, in bounded memory. */
import type { Pattern, Writing } from './marks.ts';

/** A pattern, and where it begins. */
export interface Hit {
  readonly what: string;
  readonly writing: Writing;
  /** Bytes from the start of the stream. */
  readonly at: number;
}

/** Patterns by their first two bytes, and which pairs begin any. */
interface Index {
  readonly begins: Uint8Array;
  readonly byPair: ReadonlyMap<number, readonly Pattern[]>;
  /** Bytes of a chunk that a pattern can reach into the next one. */
  readonly overlap: number;
}

function index(patterns: readonly Pattern[]): Index {
  const begins = new Uint8Array(65536);
  const byPair = new Map<number, Pattern[]>();
  for (const pattern of patterns) {
    const pair = ((pattern.bytes[0] ?? 0) << 8) | (pattern.bytes[1] ?? 0);
    begins[pair] = 1;
    byPair.set(pair, [...(byPair.get(pair) ?? []), pattern]);
  }
  return { begins, byPair, overlap: Math.max(...patterns.map(({ bytes }) => bytes.length)) - 1 };
}

/** Looks through what it is given, piece after piece. */
export class Search {
  readonly #plain: Index;
  readonly #text: Index;
  #tail: Uint8Array = new Uint8Array(0);
  /** Offset of the first byte of the tail. */
  #at = 0;
  /** What is left of the text without white space, and where each of its characters stood. */
  #letters: Uint8Array = new Uint8Array(0);
  #places: Float64Array = new Float64Array(0);
  readonly #found = new Set<string>();

  constructor(patterns: readonly Pattern[]) {
    this.#plain = index(patterns.filter(({ writing }) => writing === 'bytes'));
    this.#text = index(patterns.filter(({ writing }) => writing !== 'bytes'));
  }

  /** Each place once, in order within a piece. */
  push(piece: Uint8Array): Hit[] {
    const bytes = this.#tail.length === 0 ? piece : Buffer.concat([this.#tail, piece]);
    const start = this.#at;
    const hits = this.#matches(this.#plain, bytes, (i) => start + i);
    const { letters, places } = this.#squeeze(piece, start + this.#tail.length);
    hits.push(...this.#matches(this.#text, letters, (i) => places[i] ?? 0));
    const keep = Math.min(this.#plain.overlap, bytes.length);
    this.#tail = bytes.slice(bytes.length - keep);
    this.#at = start + bytes.length - keep;
    const left = Math.min(this.#text.overlap, letters.length);
    this.#letters = letters.slice(letters.length - left);
    this.#places = places.slice(places.length - left);
    return hits.sort((a, b) => a.at - b.at);
  }

  /** The text without white space and without the line ends that a string in JSON or source code writes as `\n`. */
  #squeeze(piece: Uint8Array, start: number): { letters: Uint8Array; places: Float64Array } {
    const before = this.#letters.length;
    const letters = new Uint8Array(before + piece.length);
    const places = new Float64Array(before + piece.length);
    letters.set(this.#letters);
    places.set(this.#places);
    let length = before;
    for (let i = 0; i < piece.length; i++) {
      const byte = piece[i] as number;
      if (byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)) continue;
      // An n or r behind a backslash ends a line; the backslash may have been the last letter of the piece before.
      if ((byte === 0x6e || byte === 0x72) && length > 0 && letters[length - 1] === 0x5c) {
        length--;
        continue;
      }
      letters[length] = byte;
      places[length++] = start + i;
    }
    return { letters: letters.subarray(0, length), places: places.subarray(0, length) };
  }

  #matches({ begins, byPair }: Index, bytes: Uint8Array, placeOf: (i: number) => number): Hit[] {
    const hits: Hit[] = [];
    for (let i = 0; i + 1 < bytes.length; i++) {
      const pair = ((bytes[i] as number) << 8) | (bytes[i + 1] as number);
      if (begins[pair] === 0) continue;
      for (const { what, writing, bytes: wanted } of byPair.get(pair) ?? []) {
        if (!startsWith(bytes, i, wanted)) continue;
        const at = placeOf(i);
        // Bytes that were kept from the piece before are seen twice.
        const id = `${at}/${what}`;
        if (!this.#found.has(id)) hits.push({ what, writing, at });
        this.#found.add(id);
      }
    }
    return hits;
  }
}

function startsWith(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  if (at + wanted.length > bytes.length) return false;
  for (let i = 2; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) return false;
  return true;
}
