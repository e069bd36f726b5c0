import { describe, expect, test } from 'vitest';
import { baselineState, compareRuns } from '../../harness/report/comparison.ts';
import type { Outcome } from '../../harness/run/result.ts';
import { result, run } from './runs.ts';

type Kind = 'regressions' | 'fixed' | 'changed' | 'skipped';
const KINDS: readonly Kind[] = ['regressions', 'fixed', 'changed', 'skipped'];

describe('a case that was, and is now', () => {
  test.each<[Outcome, Outcome, Kind[]]>([
    ['pass', 'pass', []],
    ['fail', 'fail', []],
    ['pass', 'fail', ['regressions']],
    ['pass', 'vacuous', ['regressions']],
    ['pass', 'error', ['regressions']],
    ['xfail', 'fail', ['regressions']],
    ['xfail', 'xpass', ['regressions']],
    ['skip', 'fail', ['regressions']],
    ['skip', 'pass', []],
    ['fail', 'pass', ['fixed']],
    ['vacuous', 'pass', ['fixed']],
    ['xpass', 'pass', ['fixed']],
    ['fail', 'vacuous', ['changed']],
    ['error', 'fail', ['changed']],
    ['pass', 'skip', ['skipped']],
    ['fail', 'skip', ['skipped']],
    ['pass', 'xfail', []],
    ['fail', 'xfail', []],
  ])('%s → %s', (before, now, kinds) => {
    const compared = compareRuns(run('v', [result('snp/a/b', { outcome: now })]), run('v', [result('snp/a/b', { outcome: before })]));
    expect(KINDS.filter((kind) => compared[kind].length > 0)).toEqual(kinds);
    expect([compared.added, compared.removed]).toEqual([[], []]);
  });
});

test('cases that only one of the runs has', () => {
  const compared = compareRuns(run('v', [result('snp/a/new'), result('snp/a/both')]), run('old', [result('snp/a/both'), result('snp/a/gone')], { verifier: { name: 'old', version: '3', adapter: 'http' } }));
  expect(compared.added.map(({ id }) => id)).toEqual(['snp/a/new']);
  expect(compared.removed).toEqual(['snp/a/gone']);
  expect(compared.baseline).toEqual({ verifier: 'old 3', suite: 'toy', cases: 2 });
  expect(['snp/a/new', 'snp/a/both'].map((id) => baselineState(compared, id))).toEqual(['new', 'unchanged']);
});
