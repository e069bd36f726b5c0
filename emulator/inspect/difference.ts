/** What differs between two inspected files, field by field. */
import type { InspectLine, Inspection, Section } from './inspection.ts';

/** One field that differs; a side that lacks it is left out. */
export interface LineDifference {
  readonly path: string;
  readonly at?: number;
  readonly doc: string;
  readonly a?: string;
  readonly b?: string;
}

/** The differences of two sections of the same name, or a section that only one file has. */
export interface SectionDifference {
  readonly name: string;
  readonly title: string;
  readonly onlyIn?: 'a' | 'b';
  readonly lines: readonly LineDifference[];
}

/** Sections are matched by name and order, fields by path. What is equal is left out; no entry at all means that the files say the same. */
export function differences(a: Inspection, b: Inspection): SectionDifference[] {
  return pairs(a.sections, b.sections, ({ name }) => name).flatMap(([left, right]): SectionDifference[] => {
    const section = left ?? right;
    if (!section) return [];
    const { name, title } = section;
    if (!left || !right) return [{ name, title, onlyIn: left ? 'a' : 'b', lines: [] }];
    const lines = pairs(leaves(left), leaves(right), ({ path }) => path).flatMap(lineDifference);
    return lines.length === 0 ? [] : [{ name, title, lines }];
  });
}

function lineDifference([a, b]: readonly [InspectLine | undefined, InspectLine | undefined]): LineDifference[] {
  const line = a ?? b;
  if (!line || a?.value === b?.value) return [];
  return [{ path: line.path, ...(line.at === undefined ? {} : { at: line.at }), doc: line.doc, ...(a ? { a: a.value } : {}), ...(b ? { b: b.value } : {}) }];
}

/** Longest structure whose value as a whole says something beside the fields in it. */
const SHORT = 8;

/** Lines without those that only repeat what the lines below them say one by one. */
export function leaves({ lines }: Section): readonly InspectLine[] {
  return lines.filter((line, i) => !isHeading(line, lines[i + 1]));
}

/** Whether a line stands over the next one and its own value adds nothing to it. */
export function isHeading(line: InspectLine, next: InspectLine | undefined): boolean {
  return next !== undefined && next.depth > line.depth && (line.size ?? 0) > SHORT;
}

/** Pairs what has the same key; the n-th of a key with the n-th. In the order of `a`, then what only `b` has. */
function pairs<T>(a: readonly T[], b: readonly T[], key: (item: T) => string): [T | undefined, T | undefined][] {
  const waiting = new Map<string, T[]>();
  for (const item of b) waiting.set(key(item), [...(waiting.get(key(item)) ?? []), item]);
  const matched = a.map((item): [T, T | undefined] => [item, waiting.get(key(item))?.shift()]);
  return [...matched, ...[...waiting.values()].flat().map((item): [undefined, T] => [undefined, item])];
}
