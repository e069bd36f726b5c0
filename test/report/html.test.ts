/** The page, read as a tree: what must stand in it, and that nothing which a verifier says becomes a part of it. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { htmlReport } from '../../harness/report/html/page.ts';
import { quantile } from '../../harness/report/html/latency.ts';
import { compareRuns } from '../../harness/report/comparison.ts';
import { all, attribute, names, text, treeOf } from './page.ts';
import { answer, HOSTILE, hostileRun, result, run, wrong } from './runs.ts';

const RUNS = [
  run('first', [result('snp/policy/a'), wrong('snp/policy/b', { severity: 'critical', answer: answer('accept', { detail: 'fine' }) }), result('snp/tcb/c')]),
  run('second', [result('snp/policy/a'), result('snp/policy/b', { expectedStage: 'policy', answer: answer('reject', { stage: 'tcb' }) }), result('tdx/tcb/d', { outcome: 'skip', answer: answer('skip') })]),
];
const root = treeOf(htmlReport(RUNS));
const section = (id: string, page = root): ReturnType<typeof treeOf> | undefined => all(page, 'section').find((one) => attribute(one, 'id') === id);
const rowsOf = (page = root): string[][] =>
  all(page, 'tr')
    .filter((row) => attribute(row, 'data-id') !== undefined)
    .map((row) => all(row, 'td').map((cell) => text(cell).replace(/\s+/g, ' ').trim()));

describe('the matrix', () => {
  test('has a row for each case, with a sign and a word for each verifier', () => {
    expect(rowsOf()).toEqual([
      ['✓ pass', '✓ pass'],
      ['✗ FAIL accepts', '✓ pass'],
      ['✓ pass', 'not run'],
      ['not run', '– skip'],
    ]);
  });
  test('marks what verifiers disagree about', () => {
    expect(
      all(root, 'tr')
        .filter((row) => attribute(row, 'data-marks')?.includes('differs'))
        .map((row) => attribute(row, 'data-id')),
    ).toEqual(['snp/policy/b']);
  });
  test('leads from a wrong verdict to its story', () => {
    const links = all(root, 'a').map((link) => attribute(link, 'href') ?? '');
    const ids = new Set([...all(root, 'section'), ...all(root, 'article')].map((one) => attribute(one, 'id')));
    for (const href of links) expect(ids).toContain(href.slice(1));
    expect(links).toContain('#finding-1');
  });
  test('says at which stage a verifier stops', () => {
    const table = all(root, 'table').find((one) => attribute(one, 'class') === 'stages');
    expect(table && all(table, 'tr').map((row) => text(row))).toEqual(['stage of the casetcb', 'policy1']);
  });
});

describe('the page', () => {
  test('has a heading for each section, and a link to it', () => {
    expect(all(root, 'section').map((one) => attribute(one, 'id'))).toEqual(['overview', 'matrix', 'findings', 'latency']);
    for (const id of ['overview', 'matrix', 'findings', 'latency']) expect(section(id)?.children.length).toBeGreaterThan(1);
  });
  test('tells of changes, fields and windows where there are any', () => {
    const hostile = hostileRun(HOSTILE.slice(0, 2));
    const page = treeOf(htmlReport([hostile], [compareRuns(hostile, run('x', []))]));
    expect(all(page, 'section').map((one) => attribute(one, 'id'))).toEqual(['overview', 'changes', 'matrix', 'findings', 'fields', 'windows', 'latency']);
  });
  test('loads nothing: no address in any attribute leads out of it', () => {
    for (const page of [root, treeOf(htmlReport([hostileRun(HOSTILE.slice(0, 6))]))]) {
      const walk = (one: typeof page): string[] => [
        ...one.attributes.filter(({ local }) => ['src', 'href', 'action', 'srcset', 'data', 'poster', 'style'].includes(local) || local.startsWith('on')).map(({ value }) => value),
        ...one.children.flatMap((child) => (typeof child === 'string' ? [] : walk(child))),
      ];
      for (const value of walk(page)) expect(value).toMatch(/^#[a-z0-9-]+$/);
    }
  });
  test('lets no script run and no style count but its own', () => {
    const html = htmlReport(RUNS);
    const [policy = ''] = all(root, 'meta').flatMap((meta) => (attribute(meta, 'http-equiv') === 'Content-Security-Policy' ? [attribute(meta, 'content') ?? ''] : []));
    const hash = (tag: string): string =>
      `'sha256-${createHash('sha256')
        .update(new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`).exec(html)?.[1] ?? '')
        .digest('base64')}'`;
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain(`script-src ${hash('script')}`);
    expect(policy).toContain(`style-src ${hash('style')}`);
    expect(policy).not.toContain('unsafe');
  });
  test('is the same for the same runs', () => {
    expect(htmlReport(RUNS)).toBe(htmlReport(structuredClone(RUNS)));
  });
});

const PARTS = [HOSTILE.slice(0, 6), HOSTILE.slice(6, 12), HOSTILE.slice(12)] as const;

describe.each(PARTS.map((texts, i) => [i, texts] as const))('whatever a verifier says, part %d', (_, texts) => {
  const page = treeOf(htmlReport([hostileRun(texts), hostileRun(texts)]));
  test('it is text: no element is there that is not in a page of a tame verifier, or this one’s own', () => {
    const known = new Set([
      'html',
      'head',
      'meta',
      'title',
      'style',
      'body',
      'header',
      'h1',
      'h2',
      'h3',
      'nav',
      'a',
      'main',
      'section',
      'div',
      'article',
      'span',
      'p',
      'b',
      'code',
      'svg',
      'rect',
      'line',
      'path',
      'text',
      'defs',
      'pattern',
      'figure',
      'figcaption',
      'dl',
      'dt',
      'dd',
      'form',
      'label',
      'input',
      'select',
      'option',
      'button',
      'table',
      'caption',
      'thead',
      'tbody',
      'tr',
      'th',
      'td',
      'small',
      'details',
      'summary',
      'ul',
      'li',
      'pre',
      'br',
      'footer',
      'script',
    ]);
    expect([...names(page)].filter((name) => !known.has(name))).toEqual([]);
    expect(all(page, 'script')).toHaveLength(1);
    expect(all(page, 'img')).toEqual([]);
  });
  test('each case has its row', () => {
    expect(rowsOf(page)).toHaveLength(texts.length);
  });
  test('nothing turns the direction of writing', () => {
    expect(htmlReport([hostileRun(texts)])).not.toMatch(/[\u202a-\u202e\u2066-\u2069\u200f]/);
  });
});

test.each([
  [[1, 2, 3, 4], 0.5, 2],
  [[1, 2, 3, 4], 1, 4],
  [[1, 2, 3, 4], 0.01, 1],
  [[7], 0.99, 7],
  [[], 0.5, 0],
])('the point of %j that a share of %d do not exceed is %d', (sorted, share, expected) => {
  expect(quantile(sorted, share)).toBe(expected);
});
