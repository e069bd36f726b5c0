/** Runs for reports to be made of, without a verifier: each result as its row says. */
import type { Answer, CaseResult } from '../../harness/run/result.ts';
import type { ScoredRun } from '../../harness/score/result.ts';

/** What a hostile verifier says of itself: markup of every kind, controls, halves of characters, and what steers terminals and readers. */
export const HOSTILE: readonly string[] = [
  '</td></tr></table><script>alert(1)</script>',
  '"><img src=x onerror=alert(1)>',
  "' onmouseover='alert(1)",
  '<!--',
  '-->',
  ']]>',
  '<![CDATA[',
  '<?xml version="1.0"?>',
  '<!DOCTYPE x [<!ENTITY e "x">]>&e;',
  '&lt;b&gt; &amp; &#0; &nbsp;',
  '\u0000\u0001\u0008\u001b[31mred\u001b[0m\u009b2J',
  '\u202eevil\u2066\u2069\u200f\ufeff',
  'half a pair \ud800 and \udfff, and \uffff',
  'line\nof\r\nseveral\u2028lines',
  '| a | b |\n|---|---|\n[x](javascript:alert(1)) `code` **b** @someone #1 https://example.org',
  '::error::injected\n::set-output name=x::y',
  '$\u007bx} {{x}} %s %n',
];
/** All of it in one text. */
export const ALL_HOSTILE: string = HOSTILE.join(' ');

/** An answer. */
export function answer(verdict: Answer['verdict'], more: Partial<Answer> = {}): Answer {
  return { verdict, detail: '', wallMs: 1.5, ...more };
}

/** A result of a case; right unless its row says otherwise. */
export function result(id: string, more: Partial<CaseResult> = {}): CaseResult {
  return { id, tee: id.split('/')[0] ?? '', expect: 'must-reject', severity: 'high', bug: 'policy-gap', ref: 'ref', why: 'why', outcome: 'pass', answer: answer('reject'), ...more };
}

/** A result that is wrong: accepted, though it must not be. */
export function wrong(id: string, more: Partial<CaseResult> = {}): CaseResult {
  return result(id, { outcome: 'fail', note: 'accepted', answer: answer('accept'), twin: answer('accept'), ...more });
}

/** A run of a verifier of some name. */
export function run(name: string, results: readonly CaseResult[], more: Partial<ScoredRun> = {}): ScoredRun {
  return {
    report: 1,
    tool: 'teemu 9.9.9',
    verifier: { name, adapter: 'command' },
    suite: 'toy',
    seed: 'toy',
    at: Date.UTC(2026, 5, 1),
    selected: results.length,
    interrupted: false,
    wallMs: 10,
    results: [...results],
    ...more,
  };
}

/** A run in which everything that can be hostile is. @param of the texts that its cases have */
export function hostileRun(of: readonly string[] = HOSTILE): ScoredRun {
  const texts = (text: string): Partial<CaseResult> => ({
    why: text,
    ref: text,
    note: text,
    bug: text,
    policy: text,
    expectedStage: text,
    answer: { verdict: 'reject', detail: text, stage: text, reason: text, stderr: text, fetched: [text], wallMs: 0.2 },
    twin: { verdict: 'error', detail: text, wallMs: 1 },
  });
  const outcomes = ['fail', 'vacuous', 'error', 'xfail', 'xpass', 'skip', 'pass'] as const;
  const results = of.map((text, i) => result(`snp/${text}/${i}`, { ...texts(text), outcome: outcomes[i % outcomes.length] ?? 'fail' }));
  return run(ALL_HOSTILE, results, {
    verifier: { name: ALL_HOSTILE, version: ALL_HOSTILE, adapter: ALL_HOSTILE },
    suite: ALL_HOSTILE,
    seed: ALL_HOSTILE,
    tool: ALL_HOSTILE,
    scores: [
      {
        tee: ALL_HOSTILE,
        base: ALL_HOSTILE,
        baseAccepted: false,
        fields: [
          {
            file: ALL_HOSTILE,
            path: ALL_HOSTILE,
            at: 0,
            size: 4,
            mutants: [
              { id: ALL_HOSTILE, how: 'after-signing', change: ALL_HOSTILE, verdict: 'accept' },
              { id: 'x', how: 'after-signing', change: ALL_HOSTILE, verdict: 'crash' },
            ],
          },
        ],
      },
    ],
    windows: [
      {
        tee: ALL_HOSTILE,
        base: ALL_HOSTILE,
        madeAt: 0,
        edges: [{ at: 0, kind: 'begin', file: ALL_HOSTILE, what: ALL_HOSTILE }],
        probes: [{ at: 0, verdict: 'accept', reference: 'reject' }],
        flips: [{ at: 0, from: 'accept', to: 'reject' }],
        referenceFlips: [],
      },
    ],
  });
}
