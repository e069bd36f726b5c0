/** The run: outcomes, twins, limits, and that nothing a verifier starts outlives it. */
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, test } from 'vitest';
import { commandAdapter } from '../../harness/run/adapters/command.ts';
import { functionAdapter } from '../../harness/run/adapters/function.ts';
import { httpAdapter } from '../../harness/run/adapters/http.ts';
import { jsonLinesAdapter } from '../../harness/run/adapters/json-lines.ts';
import type { Adapter, Limits } from '../../harness/run/adapter.ts';
import { CAN_FIND_STRAYS } from '../../harness/run/contain/kin.ts';
import { ExpectedFailures } from '../../harness/run/expected-failures.ts';
import { type CaseResult, RUN_REPORT } from '../../harness/run/result.ts';
import { readShard, select } from '../../harness/run/select.ts';
import { runSuite } from '../../harness/run/suite.ts';
import { HONEST_COMMAND, HONEST_LINES, program, suite } from './toy.ts';

const LIMITS: Limits = { timeout: 2500, memory: 400 << 20, output: 1 << 20 };
const command = (): Adapter => commandAdapter({ command: [...program(HONEST_COMMAND), '{evidence}'] });
const lines = (): Adapter => jsonLinesAdapter({ command: program(HONEST_LINES) });

async function one(adapter: Adapter, word: string, twin = 'good', more: object = {}): Promise<CaseResult> {
  const { results } = await runSuite(suite({ 'snp/a/b': { word, twin, ...more } }), adapter, { limits: LIMITS });
  const [result] = results;
  if (!result) throw new Error('no result');
  return result;
}

describe('a verdict is worth something only beside the good twin', () => {
  const says = (words: Record<string, boolean>): Adapter => functionAdapter('table', ({ bundle }) => words[Buffer.from(bundle.files.get('report.bin') ?? []).toString()] ?? false);
  test.each<[string, { word: string; twin?: string; expect?: 'must-accept' }, Record<string, boolean>, string]>([
    ['bad refused, good accepted', { word: 'bad' }, { good: true }, 'pass'],
    ['bad accepted', { word: 'bad' }, { good: true, bad: true }, 'fail'],
    ['everything refused', { word: 'bad' }, {}, 'vacuous'],
    ['everything accepted', { word: 'bad' }, { good: true, bad: true }, 'fail'],
    ['good accepted', { word: 'odd', expect: 'must-accept' }, { good: true, odd: true }, 'pass'],
    ['good refused', { word: 'odd', expect: 'must-accept' }, { good: true }, 'fail'],
    ['good refused, and its twin', { word: 'odd', expect: 'must-accept' }, {}, 'vacuous'],
  ])('%s', async (_, row, words, outcome) => {
    const { results } = await runSuite(suite({ 'snp/a/b': row }), says(words));
    expect(results).toMatchObject([{ outcome }]);
  });

  test('and a twin that many share is asked about once', async () => {
    let asked = 0;
    const counting = functionAdapter('counting', ({ bundle }) => {
      const good = Buffer.from(bundle.files.get('report.bin') ?? []).toString() === 'good';
      if (good) asked++;
      return good;
    });
    await runSuite(suite({ 'snp/a/a': { word: 'x' }, 'snp/a/b': { word: 'y' }, 'snp/a/c': { word: 'z', twin: 'good' } }), counting, { jobs: 2 });
    expect(asked).toBe(1);
  });
});

describe('expected failures', () => {
  const refusing = functionAdapter('refusing', () => false);
  const accepting = functionAdapter('accepting', () => true);
  const cases = suite({ 'snp/a/b': { word: 'bad' } });
  test.each<[string, Adapter, Record<string, string>, string]>([
    ['wrong as expected', accepting, { 'snp/a/*': 'issue 7' }, 'xfail'],
    ['right though expected wrong', functionAdapter('right', ({ bundle }) => Buffer.from(bundle.files.get('report.bin') ?? []).toString() === 'good'), { snp: 'issue 7' }, 'xpass'],
    ['vacuous as expected', refusing, { 'snp/a/b': 'unsupported' }, 'xfail'],
    ['of another case', accepting, { 'snp/b/*': 'issue 7' }, 'fail'],
  ])('%s', async (_, adapter, rows, outcome) => {
    const { results } = await runSuite(cases, adapter, { expectedFailures: new ExpectedFailures(rows) });
    expect(results).toMatchObject([{ outcome }]);
  });

  test('need a reason', () => {
    expect(() => new ExpectedFailures({ 'snp/a/b': '' })).toThrow(/reason/);
  });

  test('about no case are named', () => {
    expect(new ExpectedFailures({ 'snp/x/*': 'gone', 'snp/a/*': 'here' }).unused(['snp/a/b'])).toEqual(['snp/x/*']);
  });
});

describe.each<[string, () => Adapter]>([
  ['a command', command],
  ['a process that answers lines', lines],
])('%s', (kind, adapter) => {
  test.each<[string, string, object]>([
    ['refuses', 'bad', { outcome: 'pass', answer: { verdict: 'reject' }, twin: { verdict: 'accept' } }],
    ['accepts what it must not', 'good', { outcome: 'fail', answer: { verdict: 'accept' } }],
    ['sleeps', 'sleep', { outcome: 'fail', answer: { verdict: 'hang' } }],
    ['crashes', 'crash', { outcome: 'fail', answer: { verdict: 'crash' } }],
    ['floods its output', 'flood', { outcome: 'fail', answer: { verdict: 'crash', detail: expect.stringMatching(/^wrote more than/) as unknown } }],
    ['eats memory', 'eat', { outcome: 'fail', answer: { verdict: 'crash', detail: expect.stringMatching(/memory/) as unknown } }],
  ])('that %s', async (_, word, wanted) => {
    expect(await one(adapter(), word)).toMatchObject(wanted);
  });

  test('goes on after each of them', async () => {
    const { results } = await runSuite(suite({ 'snp/a/a': { word: 'crash' }, 'snp/a/b': { word: 'bad' }, 'snp/a/c': { word: 'sleep' }, 'snp/a/d': { word: 'bad' } }), adapter(), { limits: LIMITS });
    expect(results.map(({ outcome }) => outcome)).toEqual(['fail', 'pass', 'fail', 'pass']);
  });

  test('that is not there is an error of the run', async () => {
    const missing = kind === 'a command' ? commandAdapter({ command: ['/nowhere/verifier'] }) : jsonLinesAdapter({ command: ['/nowhere/verifier'] });
    await expect(runSuite(suite({ 'snp/a/b': { word: 'bad' } }), missing)).rejects.toMatchObject({ code: 'ERR_ADAPTER', message: expect.stringMatching(/can't be started/) as unknown });
  });
});

describe('a process that answers lines', () => {
  test.each<[string, string, object]>([
    ['answers with something else than JSON', 'garbage', { outcome: 'error', answer: { verdict: 'error', detail: expect.stringMatching(/no JSON/) as unknown } }],
    ['answers another question', 'other', { outcome: 'error', answer: { detail: expect.stringMatching(/answers question 2, not 1/) as unknown } }],
    ['has a verdict of its own making', 'odd', { outcome: 'error', answer: { detail: expect.stringMatching(/verdict/) as unknown } }],
    ['ends instead of answering', 'exit', { outcome: 'fail', answer: { verdict: 'crash', detail: 'ended with exit code 9 instead of an answer' } }],
    ['closes its output', 'close', { outcome: 'fail', answer: { verdict: 'hang' } }],
    ['skips', 'skip', { outcome: 'skip', note: 'not mine' }],
  ])('that %s', async (_, word, wanted) => {
    expect(await one(lines(), word)).toMatchObject(wanted);
  });

  test('is one process for all cases, and says who it is', async () => {
    const report = await runSuite(suite(Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`snp/a/c${i}`, { word: 'count' }]))), lines());
    expect(report.verifier).toEqual({ name: 'toy', version: '7', adapter: 'json-lines' });
    // Twenty cases and their one twin.
    expect(report.results.at(-1)?.answer.detail).toBe('21');
    expect(RUN_REPORT.parse(JSON.parse(JSON.stringify(report)))).toEqual(JSON.parse(JSON.stringify(report)));
  });

  test.each<[string, string, RegExp]>([
    ['ends at once', 'process.exit(5)', /without a greeting, exit code 5/],
    ['greets with something else', 'console.log("hello")', /greeting is no JSON/],
    ['speaks another protocol', 'console.log(JSON.stringify({ protocol: 99 }))', /greeting is none: protocol/],
    ['complains', 'console.error("no licence"); process.exit(1)', /no licence/],
  ])('that %s is an error of the run', async (_, source, message) => {
    await expect(runSuite(suite({ 'snp/a/b': { word: 'bad' } }), jsonLinesAdapter({ command: program(source) }), { limits: LIMITS })).rejects.toThrow(message);
  });
});

describe('a server', () => {
  async function served(answer: (question: { seq: number; files: Record<string, string> }) => { status?: number; body: string } | undefined): Promise<{ url: string; close: () => void }> {
    const server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      request.on('end', () => {
        const said = answer(JSON.parse(body) as { seq: number; files: Record<string, string> });
        if (said) response.writeHead(said.status ?? 200).end(said.body);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/verify`,
      close: () => {
        server.closeAllConnections();
        server.close();
      },
    };
  }
  const judge = ({ seq, files }: { seq: number; files: Record<string, string> }): string => JSON.stringify({ seq, verdict: Buffer.from(files['report.bin'] ?? '', 'base64').toString() === 'good' ? 'accept' : 'reject' });

  test.each<[string, Parameters<typeof served>[0], object]>([
    ['judges', (q) => ({ body: judge(q) }), { outcome: 'pass' }],
    ['answers 500', () => ({ status: 500, body: 'oh' }), { answer: { verdict: 'error', detail: 'HTTP 500: oh' } }],
    ['answers no JSON', () => ({ body: 'oh' }), { answer: { verdict: 'error' } }],
    ['answers too much', () => ({ body: 'x'.repeat(2 << 20) }), { answer: { verdict: 'error', detail: expect.stringMatching(/more than/) as unknown } }],
    ['never answers', () => undefined, { answer: { verdict: 'hang' } }],
  ])('that %s', async (_, answer, wanted) => {
    const { url, close } = await served(answer);
    try {
      expect(await one(httpAdapter(url), 'bad')).toMatchObject(wanted);
    } finally {
      close();
    }
  });

  test('that is not there is an error of the run', async () => {
    await expect(one(httpAdapter('http://127.0.0.1:9/'), 'bad')).rejects.toMatchObject({ code: 'ERR_ADAPTER' });
  });
});

describe('a function', () => {
  test.each<[string, () => Adapter, object]>([
    [
      'throws',
      () => functionAdapter('f', ({ bundle }) => (Buffer.from(bundle.files.get('report.bin') ?? []).toString() === 'good' ? true : Promise.reject(new Error('no')))),
      { outcome: 'pass', answer: { detail: 'no' } },
    ],
    ['never answers', () => functionAdapter('f', () => new Promise(() => undefined)), { answer: { verdict: 'hang' } }],
    ['says where it stopped', () => functionAdapter('f', () => ({ verdict: 'reject', stage: 'parse', reason: 'x' })), { answer: { stage: 'parse', reason: 'x' } }],
  ])('that %s', async (_, adapter, wanted) => {
    expect(await one(adapter(), 'bad')).toMatchObject(wanted);
  });
});

describe('placeholders', () => {
  test.each<[string, string]>([
    ['{id} {tee} {now} {time} {reportData} [{measurement}]', 'snp/a/b snp 1780272000 2026-06-01T00:00:00Z 0102 []'],
    ['{file:report.bin}', 'FOLDER/bundle/report.bin'],
    ['{bundle} {root} {request}', 'FOLDER/bundle FOLDER/roots/ark.pem FOLDER/request.json'],
  ])('%s', async (template, wanted) => {
    const echo = program('console.log(process.argv[2]); process.exit(1)');
    const result = await one(commandAdapter({ command: [...echo, template] }), 'bad', 'bad');
    expect(result.answer.detail.replace(/\/\S*?\/subject/g, 'FOLDER')).toBe(wanted);
  });

  test('name services that are up, as this case sees them', async () => {
    const ask = program('fetch(process.argv[2] + "/vcek/v1/Milan/crl").then(async (r) => { console.log(r.status, (await r.arrayBuffer()).byteLength); process.exit(1); })');
    const result = await one(commandAdapter({ command: [...ask, '{kds}'] }), 'bad', 'bad');
    expect(result.answer).toMatchObject({ detail: expect.stringMatching(/^200 \d{3,}$/) as unknown, fetched: ['kds.crl'] });
  });

  test('that there are not are refused before anything runs', () => {
    expect(() => commandAdapter({ command: ['x', '{nope}'] })).toThrow(/there is no \{nope\}, only \{id\}/);
  });
});

test('what a verifier must ask for before it accepts', async () => {
  const blind = functionAdapter('blind', async (_, { services }) => {
    await services();
    return true;
  });
  const looking = functionAdapter('looking', async (_, { services }) => {
    await fetch(`${(await services()).kds}/vcek/v1/Milan/crl`);
    return true;
  });
  const more = { expect: 'must-accept', mustFetch: ['kds/crl'] } as const;
  expect(await one(blind, 'good', 'good', more)).toMatchObject({ outcome: 'fail', note: 'accepted without ever asking for kds/crl' });
  expect(await one(looking, 'good', 'good', more)).toMatchObject({ outcome: 'pass', answer: { fetched: ['kds.crl'] } });
});

describe('nothing outlives a run', () => {
  test.skipIf(!CAN_FIND_STRAYS).each(['fork', 'fork-loud'])('not even what left its process group: %s', async (word) => {
    expect(await one(command(), word)).toMatchObject({ outcome: 'pass', answer: { verdict: 'reject' } });
    expect(strays()).toEqual([]);
  });

  test('an interrupt ends it, and what was judged is reported', async () => {
    const interrupt = new AbortController();
    const cases = suite({ 'snp/a/a': { word: 'bad' }, 'snp/a/b': { word: 'sleep' }, 'snp/a/c': { word: 'bad' } });
    const report = await runSuite(cases, command(), {
      signal: interrupt.signal,
      onResult: () => setTimeout(() => interrupt.abort(), 300),
    });
    expect(report).toMatchObject({ interrupted: true, selected: 3, results: [{ id: 'snp/a/a', outcome: 'pass' }] });
    expect(strays()).toEqual([]);
  });
});

describe('selection', () => {
  const ids = ['snp/a/a', 'snp/a/b', 'snp/b/a', 'tdx/a/a'];
  test.each<[string[], string, string[]]>([
    [['snp'], '1/1', ['snp/a/a', 'snp/a/b', 'snp/b/a']],
    [['*/a/a'], '1/1', ['snp/a/a', 'tdx/a/a']],
    [['**'], '1/2', ['snp/a/a', 'snp/b/a']],
    [['**'], '2/2', ['snp/a/b', 'tdx/a/a']],
    [['tdx/a/a', 'snp/b/*'], '1/1', ['snp/b/a', 'tdx/a/a']],
  ])('%j, part %s', (patterns, shard, wanted) => {
    expect(select(ids, patterns, readShard(shard))).toEqual(wanted);
  });

  test('of nothing is refused', () => {
    expect(() => select(ids, ['sgx'])).toThrow(/'sgx' names no case/);
  });

  test.each(['0/2', '3/2', '1', 'a/b', '1/0'])('no shard: %s', (text) => {
    expect(() => readShard(text)).toThrow(/no part/);
  });
});

/** Processes on this machine that some run marked and nobody ended. */
function strays(): string[] {
  if (!CAN_FIND_STRAYS) return [];
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/environ`, 'latin1').includes('TEEMU_RUN_ID=') && pid !== String(process.pid);
    } catch {
      return false;
    }
  });
}
