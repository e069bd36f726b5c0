/** `teemu check`: a verifier of any kind over cases, and what its exit code says. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { RUN_REPORT } from '../../harness/run/result.ts';
import { SCORED_RUN } from '../../harness/score/result.ts';
import { program } from '../run/toy.ts';
import { call, json, scratch } from './call.ts';

const cwd = scratch();
const check = (...args: string[]): ReturnType<typeof call> => call(['check', ...args], { cwd });
const SMALL = 'snp/policy/debug-allowed,snp/ok/siena';

describe('a verifier', () => {
  test('of our own gets everything right', async () => {
    const called = await check('snp/policy/*', '--verifier', 'builtin', '--json', '--out', 'r');
    expect(called.code).toBe(0);
    const report = RUN_REPORT.parse(json(called));
    expect(report).toMatchObject({ verifier: { name: 'builtin' }, interrupted: false, seed: 'vectors' });
    expect(report.results.map(({ outcome }) => outcome)).toEqual(report.results.map(() => 'pass'));
    expect(RUN_REPORT.parse(JSON.parse(readFileSync(join(cwd, 'r', 'run.json'), 'utf8')))).toEqual(report);
  });

  test.each<[string, string, number, RegExp]>([
    ['that accepts everything', 'process.exit(0)', 1, /fail +critical snp\/policy\/debug-allowed\n[\s\S]*1 pass, 1 fail of 2/],
    ['that refuses everything', 'process.exit(1)', 3, /2 vacuous of 2/],
  ])('%s', async (_, source, code, text) => {
    const called = await check(SMALL, '--', ...program(source), '{report}'.replace('report', 'evidence'));
    expect(called.stdout).toMatch(text);
    expect(called.code).toBe(code);
  });

  test('that is wrong as expected', async () => {
    writeFileSync(join(cwd, 'known.json'), JSON.stringify({ 'snp/policy/*': 'debugging is out of its scope', 'snp/gone/*': 'not there' }));
    const called = await check(SMALL, '--xfail', 'known.json', '--', ...program('process.exit(0)'));
    expect(called).toMatchObject({ code: 0, stderr: expect.stringMatching(/'snp\/gone\/\*' is about no case/) as unknown });
  });

  test('over JSON lines, in another world', async () => {
    const lines = program(`require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
      const { cmd, seq, manifest } = JSON.parse(line);
      console.log(JSON.stringify(cmd === 'hello' ? { name: 'x' } : { seq, verdict: 'accept', detail: String(manifest.verifyAt) }));
    });`);
    const called = await check('snp/ok/siena', '--adapter', 'json-lines', '--seed', 'other', '--at', '2027-01-01', '--json', '--', ...lines);
    expect(json(called)).toMatchObject({ seed: 'other', verifier: { name: 'x', adapter: 'json-lines' }, results: [{ outcome: 'pass', answer: { detail: '1798761600' } }] });
  });
});

describe('reports', () => {
  const yes = (): string[] => ['--', ...program('process.exit(0)'), '{evidence}'];

  test('are written where the user wants them', async () => {
    const called = await check(SMALL, '--html', 'new/r.html', '--junit', 'r.xml', '--sarif', 'r.sarif', '--markdown', 'r.md', ...yes());
    expect(called.code).toBe(1);
    const read = (name: string): string => readFileSync(join(cwd, name), 'utf8');
    expect(read('new/r.html')).toMatch(/^<!doctype html>[\s\S]*debug-allowed/);
    expect(read('r.xml')).toContain('<testcase name="debug-allowed" classname="snp.policy"');
    expect(JSON.parse(read('r.sarif'))).toMatchObject({ version: '2.1.0', runs: [{ results: [{ ruleId: 'snp/policy/debug-allowed' }] }] });
    expect(read('r.md')).toContain('| snp/policy/debug-allowed | critical | ✗ FAIL: accepts |');
  });

  test('several verifiers stand side by side, with the smallest edits about which they disagree', async () => {
    const called = await check(SMALL, '--verifier', 'builtin', '--minimise', '--out', 'both', ...yes());
    expect(called.code).toBe(1);
    expect(called.stdout).toMatch(/snp\/policy\/debug-allowed \(critical\) +✓ pass +✗ FAIL: accepts/);
    expect(called.stdout).toContain('The verifiers disagree about 1 case.');
    expect(called.stdout).toContain("after: signedAfter(flip('policy', 2, 0x8))");
    expect(['run-1.json', 'run-2.json'].map((name) => RUN_REPORT.parse(JSON.parse(readFileSync(join(cwd, 'both', name), 'utf8'))).verifier.adapter)).toEqual(['function', 'command']);
  });

  test('regressions decide the exit code where that is asked for', async () => {
    await check(SMALL, '--verifier', 'builtin', '--out', 'good');
    await check(SMALL, '--out', 'bad', ...yes());
    const against = async (baseline: string, ...more: string[]): Promise<{ code: number; comparison: unknown }> => {
      const called = await check(SMALL, '--baseline', `${baseline}/run.json`, '--json', ...more, ...yes());
      return { code: called.code, comparison: json(called).comparison };
    };
    expect(await against('bad', '--fail-on', 'regression')).toMatchObject({ code: 0, comparison: { regressions: [] } });
    expect(await against('bad')).toMatchObject({ code: 1 });
    expect(await against('good', '--fail-on', 'regression')).toMatchObject({ code: 1, comparison: { regressions: ['snp/policy/debug-allowed'], added: [], removed: [] } });
  });

  test('scores stand in the report, and are told in a line', async () => {
    const called = await check('snp/ok/siena', '--verifier', 'builtin', '--windows', '--out', 'scored');
    expect(called.stdout).toMatch(/builtin, clock of snp: accepts from 2026-\S+, no longer accepts from 2027-\S+/);
    expect(SCORED_RUN.parse(JSON.parse(readFileSync(join(cwd, 'scored', 'run.json'), 'utf8'))).windows).toHaveLength(1);
  });

  test('of runs made before are made by teemu report', async () => {
    await check(SMALL, '--verifier', 'builtin', '--out', 'one');
    await check(SMALL, '--out', 'two', ...yes());
    const called = await call(['report', 'one/run.json', 'two/run.json', '--html', 'two.html'], { cwd });
    expect(called.code).toBe(1);
    expect(called.stdout).toContain('The verifiers disagree about 1 case.');
    expect(readFileSync(join(cwd, 'two.html'), 'utf8')).toContain('differs');
    expect((await call(['report', 'one/run.json'], { cwd })).code).toBe(0);
  });

  test.each<[string, string, RegExp]>([
    ['no JSON', '{', /is no JSON/],
    ['JSON of something else', '{"report":1}', /is no report of a run: tool/],
    ['a report of another form', '{"report":99}', /is no report of a run: report/],
  ])('%s is no run', async (_, text, message) => {
    writeFileSync(join(cwd, 'broken.json'), text);
    expect(await call(['report', 'broken.json'], { cwd })).toMatchObject({ code: 2, stderr: expect.stringMatching(message) as unknown });
  });

  test('a baseline of nobody who was tried', async () => {
    await check(SMALL, '--out', 'other', ...yes());
    const called = await check(SMALL, '--verifier', 'builtin', '--verifier', 'builtin', '--baseline', 'other/run.json');
    expect(called).toMatchObject({ code: 2, stderr: expect.stringMatching(/is none of the verifiers/) as unknown });
  });
});

describe('what cannot be', () => {
  test.each<[string, string[], RegExp, number]>([
    ['no verifier', ['snp'], /name one/, 2],
    ['an unknown verifier', ['snp', '--verifier', 'nobody'], /nobody/, 2],
    ['regressions of nothing', ['snp', '--verifier', 'builtin', '--fail-on', 'regression'], /without a --baseline/, 2],
    ['a baseline that is not there', ['snp', '--verifier', 'builtin', '--baseline', 'gone.json'], /gone\.json/, 2],
    ['no such case', ['sgx', '--verifier', 'builtin'], /'sgx' names no case/, 2],
    ['no such placeholder', ['snp', '--', 'x', '{reprot}'], /there is no \{reprot\}/, 2],
    ['no such program', [SMALL, '--', '/nowhere/x'], /can't be started/, 3],
    ['no such shard', ['snp', '--shard', '4/3', '--verifier', 'builtin'], /no part/, 2],
    ['no such URL', ['snp', '--http', 'ftp://x'], /no http/, 2],
  ])('%s', async (_, args, message, code) => {
    const called = await check(...args);
    expect(called.stderr).toMatch(message);
    expect(called.code).toBe(code);
  });
});

test('shards together are the whole', async () => {
  const ids = async (...args: string[]): Promise<string[]> => RUN_REPORT.parse(json(await check('snp/report/*', '--verifier', 'builtin', '--json', ...args))).results.map(({ id }) => id);
  const [all, first, second] = await Promise.all([ids(), ids('--shard', '1/2'), ids('--shard', '2/2')]);
  expect([...(first ?? []), ...(second ?? [])].sort()).toEqual([...(all ?? [])].sort());
});
