/** Every case against the reference verifiers: the good twin is accepted, the bad one refused at its stage and for its reason. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { builtinVerdict } from '../../harness/run/builtin.ts';
import { STAGES as VERIFIER_STAGES } from '../../harness/verify/index.ts';
import { buildCase, CORPUS, CORPUS_SETTING } from '../../vectors/corpus.ts';
import { cases, STAGES } from '../../vectors/model.ts';
import { BUG_CLASSES, type BuiltCase, type CaseInfo, type Subject } from '../../vectors/subject.ts';

/** Judged by runners of their own, not by a verifier of bundles. */
const TEES = [...new Set(CORPUS.map(({ tee }) => tee))].filter((tee) => tee === 'snp' || tee === 'tdx' || tee === 'ccel');

const said = (subject: Subject): string => {
  const verdict = builtinVerdict(subject);
  return verdict.accepted ? 'accepted' : `${verdict.stage}: ${verdict.reason}`;
};
const wanted = ({ expect: verdict, stage, reason }: CaseInfo): string => (verdict === 'must-accept' ? 'accepted' : `${stage}: ${reason}`);

/** The same text for the same subject. */
function contentsOf({ bundle, roots, now, request, services }: Subject): string {
  const hash = createHash('sha256');
  for (const [name, contents] of [...bundle.files, ...roots]) hash.update(`${name}\0${contents.length}\0`).update(contents);
  return hash.update(JSON.stringify([now, request, services, bundle.manifest])).digest('hex');
}

describe.each(TEES)('the cases of %s', (tee) => {
  const rows = CORPUS.filter((info) => info.tee === tee && info.needs === undefined);
  const built = new Map<string, BuiltCase>();
  const of = (id: string): BuiltCase => {
    const known = built.get(id) ?? buildCase(id);
    built.set(id, known);
    return known;
  };

  test.each(rows.map((info) => [info.id, wanted(info), info] as const))('%s: %s', (id, verdict, info) => {
    const { subject, twin, info: own } = of(id);
    expect(said(twin), 'the good twin').toBe('accepted');
    expect(said(subject), info.why).toBe(verdict);
    expect(own).toEqual(info);
  });

  test('are another subject than their twin, but for one of two values of s', () => {
    expect(rows.filter(({ id }) => !/(high|low)-s$/.test(id) && contentsOf(of(id).subject) === contentsOf(of(id).twin)).map(({ id }) => id)).toEqual([]);
  });

  test('are made of the same bytes again, in another order', () => {
    const some = rows.filter((_, i) => i % 17 === 3).toReversed();
    expect(some.filter(({ id }) => contentsOf(buildCase(id).subject) !== contentsOf(of(id).subject)).map(({ id }) => id)).toEqual([]);
  });

  test('are other evidence with another seed, and at another time', () => {
    const [{ id }] = rows as [CaseInfo];
    const usual = contentsOf(of(id).twin);
    expect(contentsOf(buildCase(id, { ...CORPUS_SETTING, seed: 'other' }).twin)).not.toBe(usual);
    expect(contentsOf(buildCase(id, { ...CORPUS_SETTING, at: CORPUS_SETTING.at + 40 * 86_400_000 }).twin)).not.toBe(usual);
  });

  test('hold at other times and with other seeds', () => {
    const settings = [
      { seed: 'other', at: CORPUS_SETTING.at },
      { seed: CORPUS_SETTING.seed, at: Date.UTC(2027, 1, 2, 3, 4, 5) },
    ];
    const wrong = settings.flatMap((setting, n) =>
      rows
        .filter((_, i) => i % 12 === n)
        .flatMap((info) => {
          const { subject, twin } = buildCase(info.id, setting);
          return said(twin) === 'accepted' && said(subject) === wanted(info) ? [] : [`${info.id}: ${said(subject)}, its twin ${said(twin)}`];
        }),
    );
    expect(wrong).toEqual([]);
  });
});

describe('the corpus', () => {
  test('has ids of its own for every case', () => {
    expect(new Set(CORPUS.map(({ id }) => id)).size).toBe(CORPUS.length);
  });

  test('has a case for every stage that a verifier goes through', () => {
    expect(STAGES).toEqual(VERIFIER_STAGES);
    const without = ['snp', 'tdx'].flatMap((tee) => STAGES.filter((stage) => !CORPUS.some((info) => info.tee === tee && info.stage === stage)).map((stage) => `${tee} ${stage}`));
    expect(without).toEqual([]);
  });

  test('says of every bad case where and why, of every good one neither', () => {
    expect(CORPUS.filter(({ expect: verdict, stage, reason }) => (verdict === 'must-reject') !== (stage !== undefined && reason !== undefined)).map(({ id }) => id)).toEqual([]);
    expect(CORPUS.filter(({ expect: verdict, bug }) => (verdict === 'must-accept') !== (bug === 'wrong-reject')).map(({ id }) => id)).toEqual([]);
    expect(CORPUS.filter(({ bug }) => !Object.hasOwn(BUG_CLASSES, bug))).toEqual([]);
  });

  test('says in one sentence what is the matter, and who says so', () => {
    expect(CORPUS.filter(({ why, ref }) => !/^([A-Z]|[rs] )[^\n]{5,240}\.$/.test(why) || ref.length < 3).map(({ id }) => id)).toEqual([]);
  });

  test('has at least one good case for three bad ones, and critical ones in numbers', () => {
    for (const tee of ['snp', 'tdx']) {
      const rows = CORPUS.filter((info) => info.tee === tee && info.needs === undefined);
      expect(rows.filter(({ expect: verdict }) => verdict === 'must-accept').length * 8, tee).toBeGreaterThan(rows.length);
      expect(rows.filter(({ severity }) => severity === 'critical').length, tee).toBeGreaterThan(15);
    }
  });

  test('has no case of a name that there is not', () => {
    expect(() => buildCase('snp/no/case')).toThrow(/no case 'snp\/no\/case'/);
  });
});

describe('the check of a table', () => {
  const row = { id: 'snp/a/b', severity: 'low', why: '', ref: '' } as const;
  test.each([
    ['two rows of one id', [row, row]],
    ['an id of another TEE', [{ ...row, id: 'tdx/a/b' }]],
    ['an id without area', [{ ...row, id: 'snp/b' }]],
    ['an id in capitals', [{ ...row, id: 'snp/a/B' }]],
  ])('refuses %s', (_, rows) => {
    expect(() => cases('snp', rows)).toThrow(RangeError);
  });
});
