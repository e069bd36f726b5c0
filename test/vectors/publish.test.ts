/** Vectors as files: what is written is what is read, in parts or whole, and what is no such file is refused. */
import { describe, expect, test } from 'vitest';
import { TeemuError } from '../../emulator/errors.ts';
import { buildCase, CORPUS, CORPUS_SETTING } from '../../vectors/corpus.ts';
import { VECTORS, type Vectors, vectorsText } from '../../vectors/publish/format.ts';
import { changedMeanings, EMPTY_INDEX, extendedIndex, indexText, missingCases, readIndex } from '../../vectors/publish/index.ts';
import { readVectors } from '../../vectors/publish/read.ts';
import { mergeVectors, VectorsWriter } from '../../vectors/publish/write.ts';

const infos = CORPUS.filter(({ id }) => /^(snp\/(report|freshness)|tdx\/quote\/(cut|version)|ccel\/table)/.test(id));

function written(rows = infos, shard?: { part: number; of: number }): Vectors {
  const writer = new VectorsWriter('some', CORPUS_SETTING, shard);
  for (const { id } of rows) writer.add(buildCase(id));
  return writer.vectors();
}
const vectors = written();
const text = vectorsText(vectors);

describe('a file of vectors', () => {
  test('is read as it was written', () => {
    const read = readVectors(text, 'some.json');
    expect(read.vectors).toEqual(vectors);
    expect(read.cases).toEqual(infos);
    for (const { id } of infos) {
      const [own, made] = [read.build(id), buildCase(id)];
      expect(own.info).toEqual(made.info);
      for (const which of ['subject', 'twin'] as const) {
        const plain = ({ bundle, roots, now, request, services }: typeof own.subject): unknown => [
          bundle.manifest,
          [...bundle.files].map(([n, c]) => [n, Buffer.from(c).toString('hex')]),
          [...roots].map(([n, c]) => [n, Buffer.from(c).toString('hex')]),
          now,
          request,
          services,
        ];
        expect(plain(own[which]), `${id} ${which}`).toEqual(JSON.parse(JSON.stringify(plain(made[which]))));
      }
    }
  });

  test('holds what several cases share once, and most of the rest as changes of it', () => {
    expect(Object.keys(vectors.subjects).length).toBeLessThan(infos.length * 2);
    const blobs = Object.values(vectors.blobs);
    expect(blobs.filter((blob) => typeof blob !== 'string').length).toBeGreaterThan(blobs.length / 4);
  });

  test('is the same text for the same vectors, and JSON', () => {
    expect(vectorsText(written())).toBe(text);
    expect(VECTORS.parse(JSON.parse(text))).toEqual(vectors);
  });

  test.each([2, 3, 7])('in %i parts is the whole again, byte for byte', (of) => {
    const parts = Array.from({ length: of }, (_, n) =>
      written(
        infos.filter((_, i) => i % of === n),
        { part: n + 1, of },
      ),
    );
    const read = parts.map((part) => readVectors(vectorsText(part), 'part').vectors);
    expect(vectorsText(mergeVectors(read))).toBe(text);
    expect(vectorsText(mergeVectors(read.toReversed()))).toBe(text);
    expect(() => mergeVectors(read.slice(1))).toThrow(/are not the/);
    expect(() => mergeVectors([...read.slice(1), ...read.slice(1, 2)])).toThrow(/are not the/);
  });

  test('of one part is the whole', () => {
    expect(vectorsText(mergeVectors([vectors]))).toBe(text);
    expect(() => mergeVectors([])).toThrow(/there is no part/);
  });

  test('is not made between two seconds', () => {
    expect(() => new VectorsWriter('some', { seed: 's', at: 1500 })).toThrow(/whole second/);
  });
});

describe('what is no file of vectors', () => {
  const [first] = Object.keys(vectors.blobs) as [string];
  const [subject] = Object.keys(vectors.subjects) as [string];
  const [one] = vectors.cases as [Vectors['cases'][number]];
  const own = vectors.subjects[subject] as Vectors['subjects'][string];
  const changed = Object.keys(vectors.blobs).find((key) => typeof vectors.blobs[key] !== 'string') ?? '';
  const zero = '0'.repeat(32);
  test.each<[string, unknown, RegExp]>([
    ['nothing', undefined, /is no JSON/],
    ['a list', [], /expected object/i],
    ['a later version', { ...vectors, teemuVectors: 2 }, /teemuVectors/],
    ['something more', { ...vectors, more: 1 }, /more/],
    ['a blob with other contents', { ...vectors, blobs: { ...vectors.blobs, [first]: 'AAAA' } }, /other contents/],
    ['a blob that is no base64', { ...vectors, blobs: { ...vectors.blobs, [first]: '!' } }, /blobs/],
    ['a change of nothing', { ...vectors, blobs: { ...vectors.blobs, [changed]: { of: zero, parts: [] } } }, /is not whole in the file/],
    ['a change of a change', { ...vectors, blobs: { ...vectors.blobs, [changed]: { of: changed, parts: [] } } }, /is not whole in the file/],
    ['a change of gigabytes', { ...vectors, blobs: { ...vectors.blobs, [changed]: { of: first, parts: Array.from({ length: 9 }, () => [0, 1 << 21]) } } }, /more than|is not whole/],
    ['a subject without its blobs', { ...vectors, blobs: {} }, /is not in the file/],
    ['a subject without a manifest', { ...vectors, subjects: { ...vectors.subjects, [subject]: { ...own, files: {} } } }, /has no bundle.json/],
    ['a file that leads out of the bundle', { ...vectors, subjects: { ...vectors.subjects, [subject]: { ...own, files: { ...own.files, '../x': first } } } }, /can't be a file of a bundle/],
    ['a case without subject', { ...vectors, cases: [{ ...one, subject: zero }] }, /is not in the file/],
    ['a case twice', { ...vectors, cases: [one, one] }, /two cases have one id/],
    ['a verdict that there is not', { ...vectors, cases: [{ ...one, expect: 'may-reject' }] }, /expect/],
  ])('%s', (_, value, message) => {
    const read = (): unknown => readVectors(value === undefined ? '{' : JSON.stringify(value), 'x.json');
    expect(read).toThrow(TeemuError);
    expect(read).toThrow(message);
  });

  test('there is no case of another name in it', () => {
    expect(() => readVectors(text, 'x').build('snp/no/case')).toThrow(RangeError);
  });
});

describe('the index', () => {
  const index = extendedIndex(EMPTY_INDEX, infos);
  const [info] = infos as [(typeof infos)[number]];

  test('is read as it was written, and only grows', () => {
    expect(readIndex(indexText(index), 'index.json')).toEqual(index);
    expect(extendedIndex(index, infos)).toEqual(index);
    const more = CORPUS.filter(({ id }) => id.startsWith('snp/ok/'));
    expect(Object.keys(extendedIndex(index, more).cases)).toHaveLength(infos.length + more.length);
  });

  test.each([
    ['another verdict', { expect: 'must-accept' as const, stage: undefined, reason: undefined }],
    ['another stage', { stage: 'policy' as const }],
    ['another reason', { reason: 'because' }],
  ])('lets no id have %s', (_, change) => {
    const other = { ...info, ...change } as typeof info;
    expect(changedMeanings(index, [other])).toHaveLength(1);
    expect(() => extendedIndex(index, [other])).toThrow(/never changes its meaning/);
  });

  test('lets no id come back that is retired, and misses those that are gone', () => {
    const retired = { ...index, retired: { [info.id]: 'it was wrong' } };
    expect(() => extendedIndex(retired, [info])).toThrow(/retired: it was wrong/);
    expect(missingCases(index, infos.slice(1))).toEqual([info.id]);
    expect(missingCases(retired, infos.slice(1))).toEqual([]);
    expect(() => readIndex('[]', 'x')).toThrow(TeemuError);
  });
});
