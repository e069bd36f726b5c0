/** The page about adapters says what the code does: placeholders, outcomes, limits, exit codes, the words of requests. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { EXIT } from '../../harness/cli/exit.ts';
import { DEFAULT_LIMITS } from '../../harness/run/adapter.ts';
import { PROTOCOL } from '../../harness/run/adapters/protocol.ts';
import { PLACEHOLDERS } from '../../harness/run/delivery/placeholders.ts';
import { readExpectedFailures } from '../../harness/run/expected-failures.ts';
import { OUTCOMES, VERDICTS } from '../../harness/run/result.ts';
import { VERIFIERS } from '../../harness/verify/index.ts';
import { STAGES } from '../../harness/verify/verdict.ts';
import { CORPUS } from '../../vectors/corpus.ts';

const page = readFileSync(fileURLToPath(new URL('../../docs/adapters.md', import.meta.url)), 'utf8');
const names = (text: string): Set<string> => new Set([...text.matchAll(/`\{?([\w-]+)\}?`/g)].map(([, name = '']) => name));
const section = (title: string): string => page.split(/^## /m).find((text) => text.startsWith(title)) ?? '';

describe('docs/adapters.md', () => {
  test('names every placeholder', () => {
    const named = names(section('A command'));
    expect(Object.keys(PLACEHOLDERS).filter((name) => !named.has(name))).toEqual([]);
  });

  test('names every outcome, and every verdict that a verifier can give', () => {
    expect(OUTCOMES.filter((outcome) => !names(section('Good twins')).has(outcome))).toEqual([]);
    expect(VERDICTS.filter((verdict) => !page.includes(`\`${verdict}\``))).toEqual([]);
    expect(STAGES.filter((stage) => !names(section('JSON lines')).has(stage))).toEqual([]);
  });

  test('has the number of the protocol, the limits and the exit codes', () => {
    expect(page).toContain(`{"cmd":"hello","protocol":${PROTOCOL}}`);
    const { timeout, memory, output } = DEFAULT_LIMITS;
    expect(section('Limits')).toContain(`${timeout / 1000} s`);
    expect(section('Limits')).toContain(`${memory / 2 ** 30} GiB`);
    expect(section('Limits')).toContain(`${output / 2 ** 20} MiB`);
    const codes = [...section('Exit codes').matchAll(/^\| (\d+) \|/gm)].map(([, code]) => Number(code));
    expect(codes).toEqual(Object.values(EXIT));
  });

  test.each([...VERIFIERS.values()].map(({ tee, wishes }) => [tee, Object.keys(wishes)] as const))('names every word of a request about %s', (_, words) => {
    const named = names(section('What a verifier is asked'));
    expect(words.filter((word) => !named.has(word))).toEqual([]);
  });

  test('shows a list of expected failures that is one, about cases that there are', () => {
    const [, list = ''] = /```json\n([\s\S]*?)```/.exec(section('Expected failures')) ?? [];
    expect(readExpectedFailures(list).unused(CORPUS.map(({ id }) => id))).toEqual([]);
  });

  test('names only cases and suites that there are', () => {
    const ids = new Set(CORPUS.map(({ id }) => id));
    const named = [...page.matchAll(/\b(?:snp|tdx|h100)\/[a-z0-9-]+\/[a-z0-9-]+\b/g)].map(([id]) => id);
    expect(named.length).toBeGreaterThan(2);
    expect(named.filter((id) => !ids.has(id))).toEqual([]);
  });
});
