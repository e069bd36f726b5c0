/** Reports that other programs read: JUnit and SARIF. Their whole forms were checked against Jenkins' and OASIS' schemas; here is what they must hold. */
import { describe, expect, test } from 'vitest';
import { childElements } from '../../emulator/xml/element.ts';
import { compareRuns } from '../../harness/report/comparison.ts';
import { junitReport } from '../../harness/report/junit.ts';
import { sarifReport } from '../../harness/report/sarif.ts';
import { all, attribute, text, treeOf } from './page.ts';
import { ALL_HOSTILE, answer, HOSTILE, hostileRun, result, run, wrong } from './runs.ts';

const RESULTS = [
  result('snp/policy/a'),
  wrong('snp/policy/b', { severity: 'critical', answer: answer('accept', { detail: 'fine by me', stderr: 'warning: x' }) }),
  result('snp/tcb/c', { outcome: 'vacuous', note: 'the good twin is not accepted either' }),
  result('snp/tcb/d', { outcome: 'error', note: 'boom', answer: answer('error') }),
  result('tdx/tcb/e', { outcome: 'xfail', note: 'out of scope', answer: answer('accept') }),
  result('tdx/tcb/f', { outcome: 'xpass', note: 'take it off the list', severity: 'medium' }),
  result('tdx/tcb/g', { outcome: 'skip', note: 'not mine', answer: answer('skip'), severity: 'low' }),
];

describe('JUnit', () => {
  const junit = (...runs: Parameters<typeof junitReport>[0]): ReturnType<typeof treeOf> => treeOf(junitReport(runs));

  test('a suite for each area, a test for each case, and counts that agree with what is in them', () => {
    const root = junit(run('v', RESULTS));
    const suites = childElements(root);
    expect(suites.map((suite) => attribute(suite, 'name'))).toEqual(['snp/policy', 'snp/tcb', 'tdx/tcb']);
    for (const suite of [root, ...suites]) {
      expect(Number(attribute(suite, 'tests'))).toBe(all(suite, 'testcase').length);
      expect(Number(attribute(suite, 'failures'))).toBe(all(suite, 'failure').length);
      expect(Number(attribute(suite, 'errors'))).toBe(all(suite, 'error').length);
    }
    for (const suite of suites) expect(Number(attribute(suite, 'skipped'))).toBe(all(suite, 'skipped').length);
  });

  test.each([
    ['pass', 'a', undefined],
    ['fail', 'b', 'failure'],
    ['vacuous', 'c', 'failure'],
    ['error', 'd', 'error'],
    ['xfail', 'e', 'skipped'],
    ['xpass', 'f', 'failure'],
    ['skip', 'g', 'skipped'],
  ])('%s', (_, slug, element) => {
    const found = all(junit(run('v', RESULTS)), 'testcase').find((one) => attribute(one, 'name') === slug);
    expect(
      found &&
        childElements(found)
          .map(({ local }) => local)
          .filter((local) => local !== 'system-err'),
    ).toEqual(element === undefined ? [] : [element]);
  });

  test('a failure says what whoever mends it needs', () => {
    const [failure] = all(junit(run('v', RESULTS)), 'failure');
    expect(failure && text(failure)).toMatch(/must-reject[\s\S]*accepts: fine by me[\s\S]*good twin[\s\S]*critical[\s\S]*see: ref/);
    const [stderr] = all(junit(run('v', RESULTS)), 'system-err');
    expect(stderr && text(stderr)).toBe('warning: x');
  });

  test('several verifiers have suites of their own, and classes that tell their tests apart', () => {
    const root = junit(run('one', RESULTS.slice(0, 1)), run('two', RESULTS.slice(0, 1)));
    expect(all(root, 'testcase').map((one) => attribute(one, 'classname'))).toEqual(['one.snp.policy', 'two.snp.policy']);
    expect(childElements(root).map((suite) => attribute(suite, 'name'))).toEqual(['one: snp/policy', 'two: snp/policy']);
  });

  test('whatever a verifier says, it is XML with a test for each case and no element of its own', () => {
    const root = junit(hostileRun());
    expect(all(root, 'testcase')).toHaveLength(HOSTILE.length);
    expect(all(root, 'script')).toEqual([]);
  });

  test('times are what the schema takes', () => {
    const root = junit(run('v', [result('snp/a/b', { answer: answer('reject', { wallMs: 1_234_567.891 }) })]));
    for (const element of [...all(root, 'testsuite'), ...all(root, 'testcase')]) expect(attribute(element, 'time')).toMatch(/^\d+\.\d{3}$/);
  });
});

interface Sarif {
  version: string;
  runs: {
    tool: { driver: { name: string; version?: string; rules: { id: string; properties: Record<string, unknown> }[] } };
    automationDetails: { id: string };
    invocations: { executionSuccessful: boolean }[];
    results: {
      ruleId: string;
      ruleIndex: number;
      level: string;
      kind: string;
      message: { text: string };
      baselineState?: string;
      suppressions?: { justification: string }[];
      locations: { physicalLocation: { artifactLocation: { uri: string } } }[];
    }[];
  }[];
}

describe('SARIF', () => {
  const sarif = (...args: Parameters<typeof sarifReport>): Sarif => JSON.parse(sarifReport(...args)) as Sarif;
  const first = (...args: Parameters<typeof sarifReport>): Sarif['runs'][number] => {
    const [one] = sarif(...args).runs;
    if (!one) throw new Error('no run');
    return one;
  };

  test('results are what is wrong, and what is known to be; each names its rule', () => {
    const { results, tool } = first([run('v', RESULTS)]);
    expect(results.map(({ ruleId }) => ruleId)).toEqual(['snp/policy/b', 'snp/tcb/c', 'snp/tcb/d', 'tdx/tcb/e', 'tdx/tcb/f']);
    for (const { ruleId, ruleIndex } of results) expect(tool.driver.rules[ruleIndex]?.id).toBe(ruleId);
    expect(tool.driver).toMatchObject({ name: 'teemu', version: '9.9.9' });
  });

  test.each([
    ['critical', 'error'],
    ['high', 'error'],
    ['medium', 'warning'],
    ['low', 'note'],
  ] as const)('%s is of level %s', (severity, level) => {
    expect(first([run('v', [wrong('snp/a/b', { severity })])]).results[0]?.level).toBe(level);
  });

  test('what is expected to be wrong is suppressed, with its reason', () => {
    const known = first([run('v', RESULTS)]).results.filter(({ suppressions }) => suppressions);
    expect(known.map(({ ruleId, suppressions }) => [ruleId, suppressions?.[0]?.justification])).toEqual([['tdx/tcb/e', 'out of scope']]);
  });

  test('against a baseline, each result says whether it is new', () => {
    const before = run('v', [result('snp/a/regressed'), wrong('snp/a/still'), wrong('snp/a/other')]);
    const now = run('v', [wrong('snp/a/regressed'), wrong('snp/a/still'), result('snp/a/other', { outcome: 'vacuous' }), wrong('snp/a/added')]);
    expect(first([now], [compareRuns(now, before)]).results.map(({ ruleId, baselineState }) => [ruleId, baselineState])).toEqual([
      ['snp/a/regressed', 'new'],
      ['snp/a/still', 'unchanged'],
      ['snp/a/other', 'updated'],
      ['snp/a/added', 'new'],
    ]);
  });

  test('an interrupted run is none that succeeded; each verifier has its own run', () => {
    const { runs } = sarif([run('one', RESULTS), run('two', [], { interrupted: true })]);
    expect(runs.map(({ invocations }) => invocations[0]?.executionSuccessful)).toEqual([true, false]);
    expect(runs.map(({ automationDetails }) => automationDetails.id)).toEqual(['teemu/toy/one/', 'teemu/toy/two/']);
  });

  test('whatever a verifier says, no control stands in any text, and places are URIs', () => {
    const hostile = first([hostileRun()]);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    expect(JSON.stringify(hostile)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e]/);
    for (const { locations } of hostile.results) expect(locations[0]?.physicalLocation.artifactLocation.uri).toMatch(/^[\w;,/?:@&=+$\-.!~*'()#%]+$/);
    expect(hostile.results.length).toBeGreaterThan(0);
    expect(ALL_HOSTILE).toContain('\u202e');
  });
});
