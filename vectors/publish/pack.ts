/**
 * Contents of files as vectors hold them. Most are another one with a few runs of bytes replaced, what only a subject has its good twin's,
 * and stand there as that: the file stays small, and the change can be seen.
 */
import { keyOf, type PublishedCase, type PublishedSubject, type Vectors } from './format.ts';

type Blob = Vectors['blobs'][string];
/** Longest contents that are put together of others. */
const MAX_BLOB = 16 << 20;
/** A change is written as one as long as it is so much smaller than the contents. */
const WORTH_IT = 0.6;

const base64 = (contents: Uint8Array): string => Buffer.from(contents.buffer, contents.byteOffset, contents.byteLength).toString('base64');

/** Whole files of one name that a good twin's file is compared with: the latest of them. */
const COMPARED = 3;

/**
 * Packs contents: good twins' first, of which most are much like one before; then what only subjects have. Which ones are written as changes, and
 * of what, follows from cases and subjects alone.
 * @param contents every one that a subject names, by its key
 */
export function packBlobs(cases: readonly PublishedCase[], subjects: Readonly<Record<string, PublishedSubject>>, contents: ReadonlyMap<string, Uint8Array>): Record<string, Blob> {
  const packed = new Map<string, Blob>();
  const pack = (key: string, bases: readonly string[]): Blob => {
    const own = contents.get(key) ?? new Uint8Array();
    const changes = bases.flatMap((base) => changeOf(own, base, contents.get(base)) ?? []);
    const [shortest] = changes.toSorted((a, b) => JSON.stringify(a).length - JSON.stringify(b).length);
    const blob = shortest ?? base64(own);
    packed.set(key, blob);
    return blob;
  };
  const whole = new Map<string, string[]>();
  for (const { twin } of cases) {
    for (const [name, key] of filesOf(subjects[twin])) {
      const before = whole.get(name) ?? [];
      if (!packed.has(key) && typeof pack(key, before.slice(-COMPARED)) === 'string') whole.set(name, [...before, key]);
    }
  }
  for (const { subject, twin } of cases) {
    const good = new Map(filesOf(subjects[twin]));
    for (const [name, key] of filesOf(subjects[subject])) {
      const base = good.get(name);
      const known = base === undefined ? undefined : packed.get(base);
      if (!packed.has(key)) pack(key, base === undefined ? [] : [typeof known === 'object' ? known.of : base]);
    }
  }
  return Object.fromEntries([...packed].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function filesOf(subject: PublishedSubject | undefined): (readonly [name: string, key: string])[] {
  return subject ? [...Object.entries(subject.files), ...Object.entries(subject.roots)] : [];
}

/** Bytes that must be the same for a run of them to be taken from elsewhere. */
const BLOCK = 24;

/** Contents written as runs of others, with what is new between them; or nothing where most is new. */
function changeOf(contents: Uint8Array, of: string, others: Uint8Array | undefined): Exclude<Blob, string> | undefined {
  if (!others) return undefined;
  const [text, base] = [contents, others].map((bytes) => Buffer.from(bytes).toString('latin1')) as [string, string];
  const parts: (string | [number, number])[] = [];
  let fresh = 0;
  const put = (from: number, to: number): void => {
    if (to > from) parts.push(base64(contents.subarray(from, to)));
    fresh += to - from;
  };
  let written = 0;
  for (const { at, from, length } of runsOf(text, base)) {
    put(written, at);
    parts.push([from, length]);
    written = at + length;
  }
  put(written, contents.length);
  return fresh < contents.length * WORTH_IT ? { of, parts } : undefined;
}

/** Runs of one text that stand in another, from the first to the last: the longest from each place on, as greedily as that. */
function runsOf(text: string, base: string): { readonly at: number; readonly from: number; readonly length: number }[] {
  const blocks = new Map<string, number>();
  for (let from = 0; from + BLOCK <= base.length; from += BLOCK) {
    const block = base.slice(from, from + BLOCK);
    if (!blocks.has(block)) blocks.set(block, from);
  }
  const runs: { at: number; from: number; length: number }[] = [];
  // What goes on where the last run ended is looked for there first: repeated texts stand in many places.
  let next = 0;
  let done = 0;
  for (let at = 0; at < text.length; ) {
    const same = sameFrom(text, at, base, next);
    const found = same >= BLOCK ? next : blocks.get(text.slice(at, at + BLOCK));
    if (found === undefined) {
      at++;
      next++;
      continue;
    }
    let back = 0;
    while (at - back > done && found - back > 0 && text[at - back - 1] === base[found - back - 1]) back++;
    const length = sameFrom(text, at, base, found) + back;
    runs.push({ at: at - back, from: found - back, length });
    done = at - back + length;
    next = found - back + length;
    at = done;
  }
  return runs;
}

/** Characters that are the same from two places on. */
function sameFrom(text: string, at: number, base: string, from: number): number {
  let length = 0;
  while (at + length < text.length && from + length < base.length && text.charCodeAt(at + length) === base.charCodeAt(from + length)) length++;
  return length;
}

/**
 * Unpacks contents.
 * @returns by key
 * @throws what `refuse` makes of the sentence, for contents that are not what their name says
 */
export function unpackBlobs(blobs: Vectors['blobs'], refuse: (rule: string) => Error): Map<string, Uint8Array> {
  const contents = new Map<string, Uint8Array>();
  for (const [key, blob] of Object.entries(blobs)) {
    const bytes = typeof blob === 'string' ? Buffer.from(blob, 'base64') : changed(blob, blobs, refuse);
    if (keyOf(bytes) !== key) throw refuse(`the blob ${key} has other contents than its name says`);
    contents.set(key, new Uint8Array(bytes));
  }
  return contents;
}

function changed({ of, parts }: Exclude<Blob, string>, blobs: Vectors['blobs'], refuse: (rule: string) => Error): Buffer {
  const base = Object.hasOwn(blobs, of) ? blobs[of] : undefined;
  if (typeof base !== 'string') throw refuse(`the blob ${of}, of which others are made, is not whole in the file`);
  const others = Buffer.from(base, 'base64');
  const size = parts.reduce((sum, part) => sum + (typeof part === 'string' ? part.length : part[1]), 0);
  if (size > MAX_BLOB) throw refuse(`a blob that is made of ${of} has more than ${MAX_BLOB} bytes`);
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'base64') : others.subarray(part[0], part[0] + part[1]))));
}
