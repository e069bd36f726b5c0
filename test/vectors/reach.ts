/** What every corpus must be: the reference verifier reaches each verdict, and the good twin is accepted. */
import { describe, expect, test } from 'vitest';
import { builtinVerdict } from '../../harness/run/builtin.ts';
import type { BundleVerdict } from '../../harness/verify/index.ts';
import type { BuiltCase, CaseSource, Subject } from '../../vectors/subject.ts';

/** What every corpus here is made with. */
export const SETTING = { seed: 'vectors', at: Date.UTC(2026, 5, 1) } as const;

/** A verdict in a line. */
export const said = (v: BundleVerdict): string => (v.accepted ? 'accepted' : `${v.stage}: ${v.reason}: ${v.message} (${v.path})`);

/** A subject as text: the same for the same bytes. */
export function written({ bundle, roots, now, request, services }: Subject): string {
  const files = [...bundle.files, ...roots].map(([name, bytes]) => [name, Buffer.from(bytes).toString('base64')]);
  return JSON.stringify([bundle.manifest, files, now, request, services]);
}

/** Tests of a whole corpus. @param sample indices of cases that are built again, in another order */
export function describeCorpus(source: CaseSource, sample: readonly number[], verdictOf: (subject: Subject) => BundleVerdict = builtinVerdict): void {
  const built: readonly BuiltCase[] = source.cases.map(({ id }) => source.build(id, SETTING));
  const rows = built.map((one) => [one.info.id, one] as const);

  describe('the good twin is accepted', () => {
    const twins = new Map<string, string>();
    test.each(rows)('%s', (_, { twin }) => {
      const key = written(twin);
      const verdict = twins.get(key) ?? said(verdictOf(twin));
      twins.set(key, verdict);
      expect(verdict).toBe('accepted');
    });
  });

  describe('bad evidence is refused at its stage, for its reason', () => {
    test.each(rows.filter(([, { info }]) => info.expect === 'must-reject'))('%s', (_, { info: { stage, reason, why }, subject }) => {
      const verdict = verdictOf(subject);
      expect(verdict.accepted ? 'accepted' : { stage: verdict.stage, reason: verdict.reason }, `${why} The verifier: ${said(verdict)}`).toEqual({ stage, reason });
    });
  });

  describe('unusual evidence is accepted', () => {
    test.each(rows.filter(([, { info }]) => info.expect === 'must-accept'))('%s', (_, { subject }) => {
      expect(said(verdictOf(subject))).toBe('accepted');
    });
  });

  describe('the table', () => {
    test('changes something in every case that must be refused', () => {
      expect(built.filter(({ info, subject, twin }) => info.expect === 'must-reject' && written(subject) === written(twin)).map(({ info }) => info.id)).toEqual([]);
    });
    test('gives the same bytes again, in another order', () => {
      for (const index of sample) {
        const { info, subject, twin } = built[index] ?? { info: undefined };
        if (!info) throw new Error(`no case ${index}`);
        const again = source.build(info.id, SETTING);
        expect([written(again.subject), written(again.twin)]).toEqual([written(subject), written(twin)]);
      }
    });
    test('holds at another time, with another seed', () => {
      for (const index of sample) {
        const id = source.cases[index]?.id ?? '';
        const { info, subject, twin } = source.build(id, { seed: 'other', at: Date.UTC(2027, 0, 15, 3, 4, 5, 678) });
        expect(said(verdictOf(twin)), id).toBe('accepted');
        expect(verdictOf(subject).accepted, id).toBe(info.expect === 'must-accept');
      }
    });
  });
}
