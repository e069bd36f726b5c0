/** What `differences` says of two inspections, on small ones written by hand. */
import { describe, expect, test } from 'vitest';
import { differences, isHeading, leaves } from '../../emulator/inspect/difference.ts';
import type { InspectLine, Inspection, Section } from '../../emulator/inspect/inspection.ts';

const line = (path: string, value: string, more: Partial<InspectLine> = {}): InspectLine => ({ path, value, depth: path.split('.').length - 1, doc: `about ${path}`, ...more });
const section = (name: string, ...lines: InspectLine[]): Section => ({ name, title: `title of ${name}`, size: 1, notes: [], lines });
const file = (...sections: Section[]): Inspection => ({ format: 'x', title: 'x', size: 1, sections });

describe('two inspections', () => {
  test.each<[rule: string, a: Inspection, b: Inspection]>([
    ['are the same when every value is', file(section('s', line('p', '1'))), file(section('s', line('p', '1')))],
    ['are the same without sections', file(), file()],
    ['are the same whatever is said of a field', file(section('s', line('p', '1', { doc: 'a', at: 1 }))), file(section('s', line('p', '1', { doc: 'b', at: 2, broken: 'x' })))],
    ['are the same whatever notes there are', file({ ...section('s'), notes: [{ kind: 'info', text: 'x' }] }), file(section('s'))],
    ['are the same in another order of fields', file(section('s', line('p', '1'), line('q', '2'))), file(section('s', line('q', '2'), line('p', '1')))],
  ])('%s', (_, a, b) => {
    expect(differences(a, b)).toEqual([]);
    expect(differences(b, a)).toEqual([]);
  });

  test('differ in a field by its path, with both values and its place in the first', () => {
    expect(differences(file(section('s', line('p', '1', { at: 4 }), line('q', '2'))), file(section('s', line('p', '3', { at: 5 }), line('q', '2'))))).toEqual([
      { name: 's', title: 'title of s', lines: [{ path: 'p', at: 4, doc: 'about p', a: '1', b: '3' }] },
    ]);
  });

  test('differ in fields that one of them lacks: those of the first in their order, then those of the second', () => {
    const a = file(section('s', line('p', '1'), line('q', '2'), line('r', '3')));
    const b = file(section('s', line('x', '8'), line('q', '2'), line('y', '9')));
    expect(differences(a, b)[0]?.lines).toEqual([
      { path: 'p', doc: 'about p', a: '1' },
      { path: 'r', doc: 'about r', a: '3' },
      { path: 'x', doc: 'about x', b: '8' },
      { path: 'y', doc: 'about y', b: '9' },
    ]);
  });

  test('have sections that one of them lacks named, without their fields', () => {
    const a = file(section('s', line('p', '1')), section('only', line('p', '1')));
    const b = file(section('new', line('p', '1')), section('s', line('p', '1')));
    expect(differences(a, b)).toEqual([
      { name: 'only', title: 'title of only', onlyIn: 'a', lines: [] },
      { name: 'new', title: 'title of new', onlyIn: 'b', lines: [] },
    ]);
  });

  test('pair the n-th section of a name with the n-th, and the n-th field of a path with the n-th', () => {
    const a = file(section('c', line('p', '1')), section('c', line('p', '2'), line('p', '3')), section('c', line('p', '4')));
    const b = file(section('c', line('p', '1')), section('c', line('p', '2'), line('p', '5')));
    expect(differences(a, b)).toEqual([
      { name: 'c', title: 'title of c', lines: [{ path: 'p', doc: 'about p', a: '3', b: '5' }] },
      { name: 'c', title: 'title of c', onlyIn: 'a', lines: [] },
    ]);
  });
});

describe('a line over others', () => {
  test.each<[rule: string, over: Partial<InspectLine>, next: InspectLine | undefined, heading: boolean]>([
    ['is left out when it only repeats what is below', { size: 9 }, line('p.q', '1'), true],
    ['is shown when it is short enough to say something as a whole', { size: 8 }, line('p.q', '1'), false],
    ['is shown when it has no length', {}, line('p.q', '1'), false],
    ['is shown when nothing is below', { size: 9 }, line('q', '1'), false],
    ['is shown when it is the last', { size: 9 }, undefined, false],
  ])('%s', (_, over, next, heading) => {
    const first = line('p', '1', over);
    expect(isHeading(first, next)).toBe(heading);
    expect(leaves(section('s', first, ...(next ? [next] : []))).map(({ path }) => path)).toEqual([...(heading ? [] : ['p']), ...(next ? [next.path] : [])]);
  });

  test('makes no difference of its own', () => {
    const long = (value: string): Inspection => file(section('s', line('p', value, { size: 16 }), line('p.q', value)));
    expect(differences(long('1'), long('2'))[0]?.lines.map(({ path }) => path)).toEqual(['p.q']);
  });
});
