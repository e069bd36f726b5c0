/** The mutation score of verifiers that are known to look at some bytes and not at others. */
import { describe, expect, test } from 'vitest';
import { REPORT_V5 } from '../../emulator/snp/report.ts';
import { builtinAdapter } from '../../harness/run/builtin.ts';
import { mutationScore, sumsOf } from '../../harness/score/mutation.ts';
import type { FieldResult, How } from '../../harness/score/result.ts';
import { CORPUS_SETTING } from '../../vectors/corpus.ts';
import { buildMutant, MUTANT_TEES, mutants } from '../../vectors/mutants.ts';
import { blindTo, judging } from './verifiers.ts';

const setting = CORPUS_SETTING;
const report = ({ bundle }: { readonly bundle: { readonly files: ReadonlyMap<string, Uint8Array> } }): Uint8Array => bundle.files.get('report.bin') ?? new Uint8Array();
const GOOD = report(buildMutant(mutants('snp')[0]?.id ?? '', setting).twin);
const noticed = ({ mutants: all }: FieldResult, how: How): boolean[] => all.filter((one) => one.how === how).map(({ verdict }) => verdict !== 'accept');

describe('a verifier that looks at one field and nothing else', () => {
  test.each(['policy', 'measurement', 'reportData', 'signature.r', 'currentTcb'])('%s', async (path) => {
    const { at, size } = REPORT_V5.locate(path);
    const part = (src: Uint8Array): string => Buffer.from(src.subarray(at, at + size)).toString('hex');
    const score = await mutationScore(
      'snp',
      judging((subject) => report(subject).length === GOOD.length && part(report(subject)) === part(GOOD)),
      { setting, only: ({ kind }) => kind === 'tampered' },
    );
    expect(score.baseAccepted).toBe(true);
    for (const field of score.fields) {
      if (field.path === 'length') continue;
      const inside = field.at >= at && field.at < at + size;
      expect([field.path, ...noticed(field, 'after-signing')]).toEqual([field.path, ...field.mutants.map(() => inside)]);
    }
  });
});

describe('teemu’s own verifiers', () => {
  test.each(MUTANT_TEES)('notice every change of %s evidence after signing, and miss nothing', async (tee) => {
    const score = await mutationScore(tee, builtinAdapter(), { setting });
    const { afterSigning, resigned, missed } = sumsOf(score);
    expect(afterSigning.noticed).toBe(afterSigning.all);
    expect(afterSigning.all).toBeGreaterThan(200);
    expect(resigned.all).toBeGreaterThan(100);
    expect(missed).toEqual([]);
    // Every field that has a place is in the evidence, and none is there twice.
    expect(new Set(score.fields.map(({ path }) => path)).size).toBe(score.fields.length);
  });
});

describe('what is missed', () => {
  const policies = { setting, only: ({ field }: { readonly field: string }) => field.startsWith('policy.') };

  test('is what teemu notices and the verifier does not', async () => {
    const { missed } = sumsOf(await mutationScore('snp', blindTo('policy-debug'), policies));
    expect(missed).toEqual(['snp/mutant/policy.debug/toggle-resigned']);
  });
  test('is no field that nobody asked about', async () => {
    const score = await mutationScore('snp', builtinAdapter(), { setting, only: ({ field, kind }) => field === 'guestSvn' && kind === 'resigned' });
    expect(sumsOf(score)).toMatchObject({ resigned: { noticed: 0 }, missed: [] });
  });
  test('is also what the verifier gives no verdict about', async () => {
    const score = await mutationScore(
      'snp',
      judging((subject) => (report(subject)[8] === GOOD[8] ? true : new Promise<never>(() => undefined))),
      { setting, only: ({ id }) => id === 'snp/mutant/policy.abiMinor/toggle', limits: { timeout: 20 } },
    );
    expect(score.fields.flatMap((field) => field.mutants)).toMatchObject([{ verdict: 'hang' }]);
    expect(sumsOf(score).missed).toEqual(['snp/mutant/policy.abiMinor/toggle']);
  });
});

test('a verifier that refuses the unchanged evidence too gets no credit', async () => {
  const score = await mutationScore(
    'snp',
    judging(() => false),
    { setting, only: ({ field }) => field === 'vmpl' },
  );
  expect(score.baseAccepted).toBe(false);
});

test('there is no score for a TEE without mutants', async () => {
  await expect(mutationScore('sgx', builtinAdapter(), { setting })).rejects.toThrow(RangeError);
});
