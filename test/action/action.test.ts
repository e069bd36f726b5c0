/** The action of this repository: its blocks are run as a runner would run them, with verifiers that are right, wrong, known to be wrong, and not there. */
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { RUN_REPORT } from '../../harness/run/result.ts';
import { readAction, runAction, stepsOf } from './runner.ts';
import { readYaml } from './yaml.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const workspace = mkdtempSync(join(tmpdir(), 'teemu-workspace-'));
afterAll(() => rmSync(workspace, { recursive: true, force: true }));
/** The action beside what is built already: were that gone, nothing in this repository would be installed anew. */
const action = mkdtempSync(join(tmpdir(), 'teemu-action-'));
copyFileSync(join(ROOT, 'action.yml'), join(action, 'action.yml'));
symlinkSync(join(ROOT, 'dist'), join(action, 'dist'));
afterAll(() => rmSync(action, { recursive: true, force: true }));
const run = (inputs: Readonly<Record<string, string>>): ReturnType<typeof runAction> => runAction(action, inputs, workspace);

/** Refuses evidence of guests that can be debugged, by exit code; and a list of what it gets wrong for that. */
writeFileSync(join(workspace, 'careless.cjs'), "const { readFileSync } = require('node:fs');\nprocess.exit(readFileSync(process.argv[2])[10] & 8 ? 1 : 0);\n");
writeFileSync(join(workspace, 'known.json'), JSON.stringify({ 'snp/signature/*': 'signatures are not looked at' }));
const CARELESS = 'node careless.cjs {evidence}';
const SUITE = 'snp/ok/base,snp/policy/debug-allowed,snp/signature/host-data-changed';

describe('the action', () => {
  const described = readAction(ROOT);

  test('is composite, and uses no other action', () => {
    expect(described.runs).toMatchObject({ using: 'composite' });
    expect(stepsOf(described).filter((step) => 'uses' in step || step.shell !== 'bash')).toEqual([]);
  });

  test('hands inputs over in the environment: none becomes code', () => {
    expect(stepsOf(described).filter(({ run: block }) => String(block).includes('${{'))).toEqual([]);
  });

  test('uses each input, and describes it', () => {
    const source = readFileSync(join(ROOT, 'action.yml'), 'utf8');
    const inputs = described.inputs as Record<string, Record<string, string>>;
    expect(Object.keys(inputs).filter((name) => !source.includes(`\${{ inputs.${name} }}`))).toEqual([]);
    expect(Object.values(inputs).filter(({ description = '' }) => description.length < 10)).toEqual([]);
  });
});

describe('a verifier in a workflow', () => {
  test('that is right lets the job pass, with a summary and reports', async () => {
    const { code, summary, outputs, log } = await run({ suite: 'snp/ok/base,snp/policy/debug-*', verifier: 'builtin', html: 'report.html', junit: 'report.xml', sarif: 'report.sarif', out: 'reports' });
    expect({ code, outputs }, log).toEqual({ code: 0, outputs: { 'exit-code': '0' } });
    expect(summary).toContain('builtin');
    expect(readFileSync(join(workspace, 'report.html'), 'utf8')).toMatch(/^<!doctype html>/i);
    expect(readFileSync(join(workspace, 'report.xml'), 'utf8')).toContain('<testsuite');
    expect(JSON.parse(readFileSync(join(workspace, 'report.sarif'), 'utf8'))).toMatchObject({ version: '2.1.0' });
    expect(RUN_REPORT.parse(JSON.parse(readFileSync(join(workspace, 'reports/run.json'), 'utf8'))).results.length).toBeGreaterThan(1);
  });

  test('that is wrong fails it, and the summary says where', async () => {
    const { code, summary, outputs, log } = await run({ suite: SUITE, command: CARELESS });
    expect({ code, outputs }, log).toEqual({ code: 1, outputs: { 'exit-code': '1' } });
    expect(summary).toContain('host-data-changed');
    expect(log).toContain('::error title=teemu::The verifier gets cases wrong');
  });

  test('that is known to be wrong lets it pass', async () => {
    expect(await run({ suite: SUITE, command: CARELESS, 'expected-failures': 'known.json' })).toMatchObject({ code: 0 });
  });

  test('that has become right fails it until the list says so', async () => {
    expect(await run({ suite: SUITE, verifier: 'builtin', 'expected-failures': 'known.json' })).toMatchObject({ code: 1 });
  });

  test('that got worse is compared with the run before', async () => {
    await run({ suite: SUITE, verifier: 'builtin', out: 'before' });
    const { code, summary } = await run({ suite: SUITE, command: CARELESS, baseline: 'before/run.json' });
    expect(code).toBe(1);
    expect(summary).toMatch(/regression|worse/i);
  });

  test('that is as wrong as before lets it pass, where only what got worse counts', async () => {
    await run({ suite: SUITE, command: CARELESS, out: 'as-wrong' });
    expect(await run({ suite: SUITE, command: CARELESS, baseline: 'as-wrong/run.json', 'fail-on': 'regression' })).toMatchObject({ code: 0 });
  });

  test('that is not there fails it with a code of its own', async () => {
    const { code, outputs, log } = await run({ suite: SUITE, command: './nothing {evidence}' });
    expect({ code, outputs }, log).toEqual({ code: 3, outputs: { 'exit-code': '3' } });
  });

  test('may be called with words in quotes, as in bash', async () => {
    expect(await run({ suite: 'snp/policy/debug-allowed', command: `node -e 'process.exit(require("node:fs").readFileSync(process.argv[1])[10] & 8 ? 1 : 0)' {evidence}` })).toMatchObject({ code: 0 });
  });

  test('runs a part of a suite, with the evidence of now and keys of its own', async () => {
    const { code, log } = await run({ suite: 'snp/policy/*', shard: '2/9', at: 'now', seed: 'mine', jobs: '2', timeout: '20000', memory: '1024', verifier: 'builtin', out: 'now' });
    expect(code, log).toBe(0);
    const { seed, at = 0, selected } = RUN_REPORT.parse(JSON.parse(readFileSync(join(workspace, 'now/run.json'), 'utf8')));
    expect(seed).toBe('mine');
    expect(at).toBeGreaterThan(Date.UTC(2026, 5, 2));
    expect(selected).toBeLessThan(10);
  });

  test.each([
    ['of no case', { suite: 'sgx', verifier: 'builtin' }],
    ['without a verifier', { suite: 'snp' }],
    ['with an adapter that there is not', { suite: 'snp', command: 'true', adapter: 'smoke-signals' }],
  ])('%s is a mistake of the workflow', async (_, inputs) => {
    expect(await run(inputs)).toMatchObject({ code: 2, outputs: { 'exit-code': '2' } });
  });

  test('whose inputs hold code of bash is not run as such', async () => {
    await run({ suite: '$(touch injected)', verifier: '"; touch injected; "', seed: '`touch injected`' });
    expect(existsSync(join(workspace, 'injected'))).toBe(false);
  });
});

describe('the reader of YAML', () => {
  test('reads maps, lists, blocks and scalars', () => {
    expect(readYaml("z: \"b\"\na: b c\n# remark\nd:\n  - e: 'f: g'\n    h: |\n      one\n        two\n\n      three\n  - i\nj: ''\n")).toEqual({
      z: 'b',
      a: 'b c',
      d: [{ e: 'f: g', h: 'one\n  two\n\nthree\n' }, 'i'],
      j: '',
    });
  });
  test.each(['a: [b]', 'a: {b: c}', 'a: "b\\\\n"', 'a: b: c', 'a: b # c', 'a: &b c', 'a: b\n  c: d', 'a: b\na: c', 'a:', 'a: >\n  b'])('refuses %j, rather than read it otherwise than YAML does', (text) => {
    expect(() => readYaml(text)).toThrow(SyntaxError);
  });
});
