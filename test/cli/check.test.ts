/** `teemu check`: a verifier of any kind over cases, and what its exit code says. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { RUN_REPORT } from '../../harness/run/result.ts';
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

describe('what cannot be', () => {
  test.each<[string, string[], RegExp, number]>([
    ['no verifier', ['snp'], /name one/, 2],
    ['two verifiers', ['snp', '--verifier', 'builtin', '--', 'x'], /name one/, 2],
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
