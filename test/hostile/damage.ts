/** Hostile inputs: from noise to bytes that are right but for one thing, so that every depth of a parser is reached. */
import fc from 'fast-check';
import { TeemuError } from '../../emulator/errors.ts';
import { iterations } from './iterations.ts';

/** Whether `read` understood its input. Anything but a typed error goes on, and fails the test. */
export function understood(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch (error) {
    if (error instanceof TeemuError) return false;
    throw error;
  }
}

/** How long a test may take that puts many inputs to a parser, in milliseconds. */
export const PATIENCE = { timeout: 900_000 } as const;

/** Puts `iterations` inputs to `read`. @returns how many of them were understood */
export function bombard<T>(inputs: fc.Arbitrary<T>, read: (input: T) => unknown, runs: number = iterations): number {
  let count = 0;
  fc.assert(
    fc.property(inputs, (input) => {
      if (understood(() => read(input))) count++;
    }),
    { numRuns: runs, seed: 20_261_123 },
  );
  return count;
}

const byte = fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x02, 0x30, 0x31, 0x7f, 0x80, 0x82, 0x84, 0xa0, 0xff));

/** Some bytes of one of the inputs changed, cut away or added. */
export function damaged(...inputs: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const edits = fc.array(fc.record({ at: fc.nat(1 << 16), to: byte }), { minLength: 1, maxLength: 6 });
  const change = fc.record({ src: fc.constantFrom(...inputs), edits, cut: fc.option(fc.nat(1 << 16), { freq: 3 }), tail: fc.option(fc.uint8Array({ maxLength: 40 }), { freq: 3 }) });
  return change.map(({ src, edits: list, cut, tail }) => {
    const kept = src.subarray(0, cut === null ? src.length : cut % (src.length + 1));
    const out = new Uint8Array(kept.length + (tail?.length ?? 0));
    out.set(kept);
    if (tail) out.set(tail, kept.length);
    for (const { at, to } of list) if (out.length > 0) out[at % out.length] = to;
    return out;
  });
}

/** One bit of one of the inputs changed. */
export function flipped(...inputs: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  return fc.tuple(fc.constantFrom(...inputs), fc.nat((1 << 20) - 1), fc.nat(7)).map(([src, at, bit]) => src.with(at % src.length, (src[at % src.length] ?? 0) ^ (1 << bit)));
}

const header = (tag: number, length: number): number[] => (length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff]);

/** DER of the right form with anything in it: values within values, a few deep. */
export const derTree: fc.Arbitrary<Uint8Array> = fc.letrec<{ value: Uint8Array }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 6 },
    fc.tuple(fc.constantFrom(0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0c, 0x13, 0x17, 0x18), fc.uint8Array({ maxLength: 24 })).map(([tag, contents]) => Uint8Array.from([...header(tag, contents.length), ...contents])),
    fc.tuple(fc.constantFrom(0x30, 0x31, 0xa0, 0xa3), fc.array(tie('value'), { maxLength: 6 })).map(([tag, parts]) => {
      const contents = parts.flatMap((part) => [...part]);
      return Uint8Array.from([...header(tag, contents.length), ...contents]);
    }),
  ),
})).value;

/** One of the inputs with one value, somewhere in it, replaced by another of the right form; the lengths around it follow, so the rest still reads. */
export function grafted(...inputs: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  return fc.tuple(fc.constantFrom(...inputs), fc.nat(1 << 16), derTree).map(([src, pick, graft]) => {
    const places = tree(src, 0, src.length, []);
    const place = places[pick % places.length] ?? [];
    return replace(src, place, graft);
  });
}

/** Where a value lies: identifier, contents, end. */
type Place = readonly [at: number, contents: number, end: number];

function placeAt(src: Uint8Array, at: number): Place {
  const first = src[at + 1] ?? 0;
  const count = first < 0x80 ? 0 : first & 0x7f;
  let length = first;
  if (count > 0) length = src.subarray(at + 2, at + 2 + count).reduce((n, b) => n * 256 + b, 0);
  return [at, at + 2 + count, at + 2 + count + length];
}

/** The way to every value of good DER: itself, and the constructed ones that it is in. */
function tree(src: Uint8Array, from: number, to: number, way: readonly Place[]): Place[][] {
  const found: Place[][] = [];
  for (let at = from; at < to; ) {
    const place = placeAt(src, at);
    found.push([...way, place]);
    if (((src[at] ?? 0) & 0x20) !== 0) found.push(...tree(src, place[1], place[2], [...way, place]));
    at = place[2];
  }
  return found;
}

function replace(src: Uint8Array, way: readonly Place[], graft: Uint8Array): Uint8Array {
  const [place, ...outer] = way.toReversed();
  if (!place) return src;
  let value: number[] = [...graft];
  let [from, , to] = place;
  for (const [at, contents, end] of outer) {
    const inside = [...src.subarray(contents, from), ...value, ...src.subarray(to, end)];
    value = [...header(src[at] ?? 0, inside.length), ...inside];
    [from, to] = [at, end];
  }
  return Uint8Array.from([...src.subarray(0, from), ...value, ...src.subarray(to)]);
}
