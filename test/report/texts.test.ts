/** Reports for people without a browser: the terminal, and the page of a job. */
import { describe, expect, test } from 'vitest';
import { compareRuns } from '../../harness/report/comparison.ts';
import { stepSummary } from '../../harness/report/markdown.ts';
import { comparisonText, matrixText, runText } from '../../harness/report/terminal.ts';
import { ALL_HOSTILE, answer, hostileRun, result, run, wrong } from './runs.ts';

const plain = (_: string, text: string): string => text;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
const STEERING = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200f\u2028\u202a-\u202e\u2066-\u2069\ufeff]/;

describe('one run on a terminal', () => {
  test('a line for whatever is not simply right, and the sum', () => {
    const text = runText(run('v', [result('snp/a/fine'), wrong('snp/a/bad', { severity: 'critical' }), result('snp/a/known', { outcome: 'xfail', note: 'because' })], { interrupted: true, selected: 9 }), plain);
    expect(text).toMatch(/^fail {5}critical snp\/a\/bad\n +why accepted\n/);
    expect(text).toMatch(/known +high +snp\/a\/known\n +why because/);
    expect(text).not.toContain('snp/a/fine');
    expect(text).toMatch(/\nv: 1 pass, 1 xfail, 1 fail of 9, interrupted$/);
  });
});

describe('several runs on a terminal', () => {
  const runs = [
    run('first', [wrong('snp/a/x'), result('snp/b/y'), result('snp/c/z', { outcome: 'skip', answer: answer('skip') })]),
    run('second', [result('snp/a/x', { expectedStage: 'tcb', answer: answer('reject', { stage: 'policy' }) }), result('snp/b/y', { expectedStage: 'tcb', answer: answer('reject', { stage: 'tcb' }) })]),
  ];
  const text = matrixText(runs, plain);

  test('stand beside each other', () => {
    expect(text).toMatch(/^case +first +second\nsnp\/a\/x \(high\) +✗ FAIL: accepts +✓ pass\n\n/);
  });
  test('are summed up by area and severity, what was skipped apart', () => {
    expect(text).toMatch(/\nsnp\/a +0\/1 +1\/1\n/);
    expect(text).toMatch(/\nsnp\/c +– 1 skipped\n/);
    expect(text).toMatch(/\nhigh +1\/2 –1 +2\/2\n/);
  });
  test('say where they stop, and about how many cases they disagree', () => {
    expect(text).toContain('second says where it stops: 1 at the stage of the case; 1 of tcb at policy.');
    expect(text).toContain('The verifiers disagree about 1 case.');
  });
  test('columns stand under each other, whatever the names', () => {
    const [head = '', row = ''] = matrixText([run('a', [wrong('snp/a/x')]), run('a-name-that-is-quite-long-indeed-and-more', [result('snp/a/x')])], plain).split('\n');
    expect(row.indexOf('✓')).toBe(head.indexOf('a-name'));
  });
});

test('what changed since a baseline', () => {
  const before = run('v', [result('snp/a/worse'), wrong('snp/a/better'), result('snp/a/away', {})]);
  const now = run('v', [wrong('snp/a/worse'), result('snp/a/better'), result('snp/a/away', { outcome: 'skip' }), wrong('snp/a/new')]);
  const text = comparisonText(compareRuns(now, before), plain);
  expect(text).toMatch(/regression +snp\/a\/worse {2}pass → fail/);
  expect(text).toMatch(/fixed +snp\/a\/better {2}fail → pass/);
  expect(text).toMatch(/skipped +snp\/a\/away {2}pass → skip/);
  expect(text).toMatch(/1 regressions, 1 fixed, 1 new cases \(1 wrong\), 0 gone/);
});

describe('Markdown', () => {
  test('a table of verifiers, one of what is wrong, and what changed', () => {
    const now = run('v', [wrong('snp/a/x'), result('snp/a/y')]);
    const text = stepSummary([now], [compareRuns(now, run('v', [result('snp/a/x')]))]);
    expect(text).toContain('| v | 1 | 1 | 2 |');
    expect(text).toContain('| snp/a/x | high | ✗ FAIL: accepts | why |');
    expect(text).toContain('**Regressions**: snp/a/x (pass → fail)');
    expect(text).not.toContain('snp/a/y');
  });
  test('the worst comes first, and a long list is cut with a word about the rest', () => {
    const text = stepSummary([run('v', [wrong('snp/a/low', { severity: 'low' }), wrong('snp/a/worst', { severity: 'critical' }), ...Array.from({ length: 300 }, (_, i) => wrong(`snp/b/${i}`, { severity: 'medium' }))])]);
    expect(text.indexOf('snp/a/worst')).toBeLessThan(text.indexOf('snp/b/0'));
    expect(text).toContain('102 more are in the full report.');
    expect(text).not.toContain('snp/a/low');
  });
  test('a run without mistakes says so', () => {
    expect(stepSummary([run('v', [result('snp/a/y')])])).toContain('Everything is as it should be.');
  });
});

describe('whatever a verifier says, nothing steers', () => {
  const hostile = hostileRun();
  test.each([
    ['one run', () => runText(hostile, plain)],
    ['a matrix', () => matrixText([hostile, hostile], plain)],
    ['a comparison', () => comparisonText(compareRuns(hostile, run(ALL_HOSTILE, [])), plain)],
    ['Markdown', () => stepSummary([hostile, hostile], [compareRuns(hostile, run(ALL_HOSTILE, []))])],
  ])('%s', (_, make) => {
    expect(make()).not.toMatch(STEERING);
  });
  test('every row of a Markdown table has as many cells as its head', () => {
    const rows = stepSummary([hostile])
      .split('\n')
      .filter((line) => line.startsWith('| ') && line.includes('snp'));
    expect(rows.length).toBeGreaterThan(5);
    // Case, severity, one verifier, why; or area and verifier.
    for (const row of rows) expect([3, 5]).toContain(row.split('|').length - 1);
  });
});
