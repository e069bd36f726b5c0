/** Disagreements made smaller: pieces that put together again are the case, parts that are as small as can be, rows that say the same. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { builtinAdapter } from '../../harness/run/builtin.ts';
import { signingOf } from '../../harness/score/differential/forms.ts';
import { type Minimum, minimise } from '../../harness/score/differential/minimise.ts';
import { describe as words, rowOf } from '../../harness/score/differential/row.ts';
import { shrink } from '../../harness/score/differential/shrink.ts';
import { finer, unitsBetween, withUnits } from '../../harness/score/differential/units.ts';
import { buildCase, CORPUS, CORPUS_SETTING } from '../../vectors/corpus.ts';
import { both, flip } from '../../vectors/edits/report.ts';
import { buildMutant } from '../../vectors/mutants.ts';
import type { BuiltCase, Subject } from '../../vectors/subject.ts';
import { blindTo, judging } from './verifiers.ts';

const setting = CORPUS_SETTING;
const contents = ({ bundle, roots, now, request, services }: Subject): unknown => ({
  files: Object.fromEntries([...bundle.files].map(([name, bytes]) => [name, Buffer.from(bytes).toString('base64')])),
  roots: Object.fromEntries([...roots].map(([name, bytes]) => [name, Buffer.from(bytes).toString('base64')])),
  ...{ now, request, services },
});

describe('the pieces of a difference', () => {
  const sample = CORPUS.filter((_, i) => i % 12 === 0).map(({ id }) => id);
  test.each(sample)('of %s, put together again, are the case; none of them, the twin', (id) => {
    const { subject, twin } = buildCase(id);
    const signing = signingOf(subject, twin, setting);
    const units = unitsBetween(twin, subject, signing);
    expect(contents(withUnits(twin, units, signing))).toEqual(contents(subject));
    expect(contents(withUnits(twin, finer(units, 'bits', 64), signing))).toEqual(contents(subject));
    expect(contents(withUnits(twin, [], signing))).toEqual(contents(twin));
  });
  test.each([
    ['snp/mutant/policy.debug/toggle-resigned', true],
    ['snp/mutant/policy.debug/toggle', false],
    ['snp/mutant/signature.r/first-bit', false],
    ['tdx/mutant/body.tdAttributes.debug/toggle-resigned', true],
    ['tdx/mutant/body.tdAttributes.debug/toggle', false],
  ])('of %s: signed again, %s', (id, again) => {
    const { subject, twin } = buildMutant(id, setting);
    expect(signingOf(subject, twin, setting) !== undefined).toBe(again);
  });
});

describe('shrinking', () => {
  const of =
    (needed: readonly number[]) =>
    (parts: readonly (readonly number[])[]): Promise<boolean[]> =>
      Promise.resolve(parts.map((part) => needed.every((one) => part.includes(one))));
  test('leaves what is needed, and nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 60 }), fc.uniqueArray(fc.nat(59), { minLength: 1, maxLength: 5 }), async (size, wanted) => {
        const needed = [...new Set(wanted.map((one) => one % size))];
        const left = await shrink(
          Array.from({ length: size }, (_, i) => i),
          of(needed),
        );
        expect([...left].sort((a, b) => a - b)).toEqual([...needed].sort((a, b) => a - b));
      }),
      { numRuns: 200 },
    );
  });
  test('leaves something of which nothing can be taken away, whatever the test', async () => {
    const odd = (part: readonly number[]): boolean => part.length >= 3 && part.reduce((a, b) => a + b, 0) % 3 === 0;
    const left = await shrink([1, 2, 3, 4, 5, 6, 7, 8], (parts) => Promise.resolve(parts.map(odd)));
    expect(odd(left) || left.length === 8).toBe(true);
    for (const one of left) expect(odd(left.filter((other) => other !== one))).toBe(false);
  });
});

/** Evidence with much changed of which one bit matters. */
function cluttered(id: string, ...more: readonly string[]): BuiltCase {
  const built = buildMutant(id, setting);
  const signing = signingOf(built.subject, built.twin, setting);
  const units = [id, ...more].flatMap((one) => unitsBetween(built.twin, buildMutant(one, setting).subject, signing));
  return { ...built, subject: { ...withUnits(built.twin, units, signing), now: built.twin.now + 5000, request: { ...built.twin.request, vmpl: 0 } } };
}

async function minimumOf(built: BuiltCase, ...adapters: Parameters<typeof minimise>[1]): Promise<Minimum> {
  const minimum = await minimise(built, adapters, { setting });
  if (typeof minimum === 'string') throw new Error(minimum);
  return minimum;
}

describe('a disagreement', () => {
  const debug = cluttered('snp/mutant/policy.debug/toggle-resigned', 'snp/mutant/familyId/ones-resigned', 'snp/mutant/imageId/ones-resigned', 'snp/mutant/guestSvn/max-resigned');

  test('about evidence with much changed comes down to the bit that matters', async () => {
    const minimum = await minimumOf(debug, builtinAdapter(), blindTo('policy-debug'));
    expect(words(minimum)).toEqual(['report.bin at 0x8 (policy): 0000030000000000 → 00000b0000000000', 'signed again afterwards']);
    expect(minimum.verdicts).toEqual(['reject', 'accept']);
  });

  test('is a row that makes the same evidence, with what teemu says of it', async () => {
    const minimum = await minimumOf(debug, builtinAdapter(), blindTo('policy-debug'));
    const row = rowOf(minimum, ['teemu', "it's"]);
    expect(row).toContain("expect: 'must-reject', stage: 'policy', reason: 'policy-debug'");
    expect(row).toContain("it\\'s accepts it.");
    const [, after = ''] = /after: (.*) },$/.exec(row) ?? [];
    // A row is source text: what it makes is compared.
    const change = new Function('flip', 'both', 'signedAfter', `return ${after}`)(flip, both, (bytes: (src: Uint8Array) => Uint8Array) => bytes) as (src: Uint8Array) => Uint8Array;
    const [good, smallest] = [minimum.twin, minimum.subject].map(({ bundle }) => bundle.files.get('report.bin') ?? new Uint8Array());
    expect(after).toMatch(/^signedAfter\(/);
    expect(Buffer.from(change(good ?? new Uint8Array()).subarray(0, 0x2a0))).toEqual(Buffer.from(smallest?.subarray(0, 0x2a0) ?? []));
  });

  test('about a quote speaks of the quote’s tables', async () => {
    const built = buildMutant('tdx/mutant/body.tdAttributes.debug/toggle-resigned', setting);
    const row = rowOf(await minimumOf(built, builtinAdapter(), blindTo('td-debug')), ['a', 'b']);
    expect(row).toMatch(/^refused\('tdx\/mutant\/.*', \['policy', 'td-debug'\], .*\{ after: resigned\(flipped\(\['body', 'tdAttributes'\], 0, 0x1\)\) \}\),$/m);
  });

  test('about the time, or what is asked for, says so', async () => {
    const built = buildMutant('snp/mutant/vmpl/plus-one', setting);
    const later: BuiltCase = { ...built, subject: { ...built.twin, now: built.twin.now + 60_000, request: { ...built.twin.request, vmpl: 3 } } };
    const clock = await minimumOf(
      later,
      judging(() => true),
      judging(({ now }) => now === built.twin.now),
    );
    expect(words(clock)).toEqual(['looked at 60 s later']);
    expect(rowOf(clock, ['a', 'b'])).toContain('later: 60000');
    const asked = await minimumOf(
      later,
      judging(() => true),
      judging(({ request }) => request.vmpl === 0),
    );
    expect(words(asked)).toEqual(['asked for: vmpl = 3']);
    expect(rowOf(asked, ['a', 'b'])).toContain('Turning bits over does not make it');
  });

  test.each<[string, Parameters<typeof minimise>[1], string]>([
    ['where both say the same', [builtinAdapter(), builtinAdapter()], 'agreement'],
    ['where one refuses the twin', [builtinAdapter(), judging(() => false)], 'twin-refused'],
    ['where one skips', [builtinAdapter(), judging(() => ({ verdict: 'skip' }))], 'unanswered'],
  ])('%s is none', async (_, adapters, why) => {
    expect(await minimise(debug, adapters, { setting })).toBe(why);
  });
});
