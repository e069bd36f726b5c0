/** Generated mutants: each changed after signing is refused, and all of them together touch every byte that counts. */
import { describe, expect, test } from 'vitest';
import { builtinVerdict } from '../../harness/run/builtin.ts';
import { CORPUS_SETTING } from '../../vectors/case-world.ts';
import { buildMutant, MUTANT_TEES, mutants } from '../../vectors/mutants.ts';
import type { Subject } from '../../vectors/subject.ts';

const EVIDENCE: Readonly<Record<string, string>> = { snp: 'report.bin', tdx: 'quote.bin' };
const evidenceOf = (tee: string, { bundle }: Subject): Uint8Array => bundle.files.get(EVIDENCE[tee] ?? '') ?? new Uint8Array();

describe.each(MUTANT_TEES)('mutants of %s', (tee) => {
  const rows = mutants(tee);
  const built = new Map(rows.map(({ id }) => [id, buildMutant(id, CORPUS_SETTING)]));
  const tampered = rows.filter(({ kind }) => kind === 'tampered');
  const subjectOf = (id: string): Subject => built.get(id)?.subject ?? buildMutant(id, CORPUS_SETTING).subject;

  test('have ids of their own, of the form that cases have', () => {
    expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
    expect(rows.filter(({ id }) => !new RegExp(`^${tee}/mutant/[A-Za-z0-9.-]+/[a-z-]+$`).test(id))).toEqual([]);
  });

  test('are refused when they were changed after signing', () => {
    expect(tampered.filter(({ id }) => builtinVerdict(subjectOf(id)).accepted).map(({ id }) => id)).toEqual([]);
  });

  test('have a twin that is accepted', () => {
    const twins = new Set([...built.values()].map(({ twin }) => twin));
    expect([...twins].map((twin) => builtinVerdict(twin)).filter(({ accepted }) => !accepted)).toEqual([]);
  });

  test('differ from their twin within their field, and in the signature when signed again', () => {
    for (const { id, kind, at, size } of rows) {
      const [subject, twin] = [built.get(id)?.subject, built.get(id)?.twin].map((one) => (one ? evidenceOf(tee, one) : new Uint8Array())) as [Uint8Array, Uint8Array];
      const changed = [...twin.keys()].filter((i) => subject[i] !== twin[i]);
      expect(changed.length + Math.abs(subject.length - twin.length), id).toBeGreaterThan(0);
      if (kind === 'tampered')
        expect(
          changed.every((i) => i >= at && i < at + size),
          id,
        ).toBe(true);
    }
  });

  test('signed again, fail no signature', () => {
    const signatures = ['report-signature', 'quote-signature', 'qe-report-signature', 'signature-range', 'signature-padding'];
    const failed = rows.filter(({ id, kind }) => kind === 'resigned' && !verdictHolds(subjectOf(id), signatures));
    expect(failed.map(({ id }) => id)).toEqual([]);
  });

  test('say of what a strict verdict depends: not of what names a machine, but of what it may do', () => {
    const depends = (id: string): boolean => !builtinVerdict(subjectOf(id)).accepted;
    const [free, bound] =
      tee === 'snp' ? ['snp/mutant/reportId/zero-resigned', 'snp/mutant/policy.debug/toggle-resigned'] : ['tdx/mutant/header.userData/ones-resigned', 'tdx/mutant/body.tdAttributes.debug/toggle-resigned'];
    expect([depends(free), depends(bound)]).toEqual([false, true]);
  });

  test('are the same bytes again, and others with another seed', () => {
    const id = rows[5]?.id ?? '';
    expect(buildMutant(id, CORPUS_SETTING)).toEqual(built.get(id));
    expect(evidenceOf(tee, buildMutant(id, { ...CORPUS_SETTING, seed: 'other' }).subject)).not.toEqual(evidenceOf(tee, subjectOf(id)));
  });
});

/** Whether a verdict has other reasons than these. */
function verdictHolds(subject: Subject, reasons: readonly string[]): boolean {
  const verdict = builtinVerdict(subject);
  return verdict.accepted || !reasons.includes(verdict.reason);
}

test('there is no mutant of another TEE, nor of another name', () => {
  expect(() => mutants('sgx')).toThrow(RangeError);
  expect(() => buildMutant('snp/mutant/nothing/zero', CORPUS_SETTING)).toThrow(RangeError);
});
