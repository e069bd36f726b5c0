/** The corpus tests every check of the reference verifiers: one that is left out is missed by a case. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import * as library from '../../emulator/index.ts';
import { BACKED_UP } from '../../harness/docs/backed-up.ts';
import { type Proof, type ProofRow, selfProof, selfProofPage } from '../../harness/docs/self-proof.ts';
import { builtinVerdict } from '../../harness/run/builtin.ts';
import * as verify from '../../harness/verify/index.ts';
import { weakened } from '../../harness/verify/weakened.ts';
import { buildCase } from '../../vectors/corpus.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const code = ({ tee, reason }: ProofRow): string => `${tee}/${reason}`;

describe('the proof over the whole corpus', () => {
  let proof: Proof;
  beforeAll(() => {
    proof = selfProof();
  }, 600_000);

  test('the reference verifiers reach every expected verdict, each for the expected reason', () => {
    expect(proof.wrong).toEqual([]);
  });

  test('every check that is left out is missed by a case', () => {
    expect(proof.rows.length).toBeGreaterThan(300);
    expect(proof.rows.filter(({ caughtBy }) => caughtBy.length === 0).map(code)).toEqual([]);
  });

  test('one check left out is enough, but where another stands behind it by its nature', () => {
    const backed = proof.rows.filter(({ caughtBy: [first] }) => first !== undefined && first.behind.length > 0).map(code);
    expect(backed.toSorted()).toEqual(Object.keys(BACKED_UP).toSorted());
  });

  test('without any check, nothing is refused any more', () => {
    expect(proof.refusedWithoutChecks).toEqual([]);
  });

  test('the page has a line for every check', () => {
    const page = selfProofPage(proof);
    expect(proof.rows.filter(({ reason }) => !page.includes(`| \`${reason}\` |`))).toEqual([]);
    expect(page).toContain(`Of ${proof.rows.length} checks, ${proof.rows.length} are caught`);
  });
});

describe('a weakened verifier', () => {
  const debug = 'snp/policy/debug-allowed';
  const { subject, twin } = buildCase(debug);
  const table = verify.SNP_REASONS;

  test('is the reference verifier where nothing is left out', () => {
    expect(weakened({ table, reasons: new Set() }, () => builtinVerdict(subject))).toEqual({ accepted: false, stage: 'policy', reason: 'policy-debug' });
  });

  test('accepts what only the missing check refuses, and refuses it again afterwards', () => {
    expect(weakened({ table, reasons: new Set(['policy-debug']) }, () => builtinVerdict(subject))).toEqual({ accepted: true });
    expect(builtinVerdict(subject)).toMatchObject({ accepted: false, reason: 'policy-debug' });
  });

  test('does not list a check that it left out as done', () => {
    let done: readonly { readonly reason: string }[] = [];
    weakened({ table, reasons: new Set(['policy-debug']) }, () => {
      const verdict = builtinVerdict(subject);
      done = verdict.checks;
      return verdict;
    });
    expect(done.map(({ reason }) => reason)).not.toContain('policy-debug');
    expect(done.length).toBeGreaterThan(20);
  });

  test('says where it could not go on and said yes', () => {
    const { subject: short } = buildCase('snp/report/cut-to-1');
    expect(weakened({ table, reasons: new Set(['report-size']) }, () => builtinVerdict(short))).toEqual({ accepted: true, endedAt: 'report-size' });
  });

  test('accepts good evidence', () => {
    expect(weakened('everything', () => builtinVerdict(twin))).toEqual({ accepted: true });
  });

  test('is whole again after an error', () => {
    expect(() =>
      weakened('everything', () => {
        throw new RangeError('a defect');
      }),
    ).toThrow(RangeError);
    expect(builtinVerdict(subject).accepted).toBe(false);
  });

  test('cannot be made inside another', () => {
    expect(() => weakened('everything', () => weakened('everything', () => builtinVerdict(subject)) as never)).toThrow(TypeError);
  });
});

describe('users', () => {
  const { subject } = buildCase('snp/policy/debug-allowed');

  test('are handed nothing that weakens a verifier', () => {
    for (const exported of [library, verify]) expect(Object.keys(exported).filter((name) => /weak|without|leftOut/i.test(name))).toEqual([]);
  });

  test('can import no file of the package that is not exported by name', () => {
    const { exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { exports: Record<string, { default?: string } | string> };
    expect(Object.keys(exports).filter((path) => path.includes('*'))).toEqual([]);
    expect(Object.values(exports).filter((target) => /weakened|verdict/.test(typeof target === 'string' ? target : (target.default ?? '')))).toEqual([]);
  });

  test.each(['without', 'weakened', 'leftOut'])('cannot wish for a verifier %s checks', (name) => {
    expect(() => verify.verifyBundle(subject.bundle, { roots: [...subject.roots.values()], now: subject.now, [name]: 'everything' } as never)).toThrow(/means nothing for snp evidence/);
  });
});
