/** `teemu vectors`: cases listed, shown, and written as JSON; and checked from there. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { RUN_REPORT } from '../../harness/run/result.ts';
import { readVectors } from '../../vectors/publish/read.ts';
import { call, json, scratch } from './call.ts';

const cwd = scratch();
const teemu = (...args: string[]): ReturnType<typeof call> => call(args, { cwd });
const read = (...path: string[]): string => readFileSync(join(cwd, ...path), 'utf8');

describe('list', () => {
  test('names every case with what is expected', async () => {
    const called = await teemu('vectors', 'list', 'snp/policy/*');
    expect(called.code).toBe(0);
    expect(called.stdout).toMatch(/^snp\/policy\/debug-allowed +critical reject policy: policy-debug$/m);
    expect(called.stdout).toMatch(/^\d+ cases$/m);
  });

  test('gives programs one object for each', async () => {
    const rows = json(await teemu('vectors', 'list', 'snp/policy/debug-allowed,snp/ok/siena', '--json'));
    expect(rows).toEqual([
      {
        id: 'snp/policy/debug-allowed',
        tee: 'snp',
        expect: 'must-reject',
        stage: 'policy',
        reason: 'policy-debug',
        severity: 'critical',
        bug: 'policy-gap',
        ref: expect.any(String) as unknown,
        why: expect.any(String) as unknown,
      },
      { id: 'snp/ok/siena', tee: 'snp', expect: 'must-accept', severity: 'medium', bug: 'wrong-reject', ref: expect.any(String) as unknown, why: expect.any(String) as unknown },
    ]);
  });
});

describe('show', () => {
  test('explains a case, and writes it with its twin', async () => {
    const called = await teemu('vectors', 'show', 'snp/policy/debug-allowed', '--out', 'one');
    expect(called.code).toBe(0);
    expect(called.stdout).toMatch(/A host can read a guest that allows debugging\./);
    expect(readdirSync(join(cwd, 'one')).toSorted()).toEqual(['bundle', 'request.json', 'roots', 'twin']);
    expect(JSON.parse(read('one', 'request.json'))).toMatchObject({ policy: '0x30000', now: 1780272000 });
    const verify = (dir: string): ReturnType<typeof call> => teemu('verify', `${dir}/bundle`, '--root', `${dir}/roots/ark.pem`, '--policy', '0x30000');
    expect(await verify('one')).toMatchObject({ code: 1, stdout: expect.stringMatching(/policy-debug/) as unknown });
    expect(await verify('one/twin')).toMatchObject({ code: 0 });
  });

  test('does not write into a folder with something in it, nor of a case that there is not', async () => {
    await teemu('vectors', 'show', 'snp/ok/siena', '--out', 'two');
    expect(await teemu('vectors', 'show', 'snp/ok/siena', '--out', 'two')).toMatchObject({ code: 2, stderr: expect.stringMatching(/has something in it already/) as unknown });
    expect(await teemu('vectors', 'show', 'snp/no/case')).toMatchObject({ code: 2, stderr: expect.stringMatching(/there is no case/) as unknown });
  });
});

describe('build', () => {
  test('writes a file for each TEE and an index; what is checked from there passes', async () => {
    const made = json(await teemu('vectors', 'build', 'snp/policy/*,ccel/table/*', '--out', 'v', '--json'));
    expect(made).toMatchObject({ seed: 'vectors', at: 1780272000, files: [{ file: 'snp.json' }, { file: 'ccel.json' }] });
    expect(readdirSync(join(cwd, 'v')).toSorted()).toEqual(['ccel.json', 'index.json', 'snp.json']);
    const report = RUN_REPORT.parse(json(await teemu('check', 'v/snp.json', '--verifier', 'builtin', '--json')));
    expect(report).toMatchObject({ seed: 'vectors', suite: 'v/snp.json' });
    expect(report.results.map(({ outcome }) => outcome)).toEqual(report.results.map(() => 'pass'));
    expect(report.results.length).toBeGreaterThan(20);
  });

  test('writes parts, which merge puts together to the whole', async () => {
    await teemu('vectors', 'build', 'snp/freshness/*,snp/report/v*', '--out', 'whole');
    for (const part of ['1/3', '2/3', '3/3']) await teemu('vectors', 'build', 'snp/freshness/*,snp/report/v*', '--out', 'parts', '--shard', part);
    expect(await teemu('vectors', 'merge', 'parts/snp.3-of-3.json', 'parts/snp.1-of-3.json', 'parts/snp.2-of-3.json', '--out', 'merged')).toMatchObject({ code: 0 });
    expect(read('merged', 'snp.json')).toBe(read('whole', 'snp.json'));
    expect(await teemu('vectors', 'merge', 'parts/snp.1-of-3.json', '--out', 'merged')).toMatchObject({ code: 2 });
  });

  test('makes the same cases with other keys at another time, and today', async () => {
    await teemu('vectors', 'build', 'snp/ok/base', '--out', 'other', '--seed', 'mine', '--at', '2027-03-01');
    expect(readVectors(read('other', 'snp.json'), 'x').vectors).toMatchObject({ seed: 'mine', at: Date.UTC(2027, 2, 1) / 1000 });
    await teemu('vectors', 'build', 'snp/ok/base', '--out', 'today', '--now');
    const age = Date.now() / 1000 - readVectors(read('today', 'snp.json'), 'x').vectors.at;
    expect(age).toBeGreaterThanOrEqual(0);
    expect(age).toBeLessThan(2 * 86_400);
    expect(await teemu('vectors', 'build', '--now', '--at', '2027-03-01')).toMatchObject({ code: 2 });
  });

  test.each<[string, string[], RegExp]>([
    ['no such case', ['vectors', 'build', 'sgx'], /'sgx' names no case/],
    ['no such part', ['vectors', 'build', 'snp', '--shard', '3/2'], /no part/],
    ['a seed beside a file that has its own', ['check', 'v/snp.json', '--verifier', 'builtin', '--seed', 'x'], /says itself/],
    ['a file that is none', ['check', 'v/index.json', '--verifier', 'builtin'], /index.json/],
  ])('%s', async (_, args, message) => {
    expect(await teemu(...args)).toMatchObject({ code: 2, stderr: expect.stringMatching(message) as unknown });
  });
});

test('schema prints a JSON Schema', async () => {
  expect(JSON.parse((await teemu('vectors', 'schema')).stdout)).toMatchObject({ type: 'object', title: 'teemu vectors' });
});
