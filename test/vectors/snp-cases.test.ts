/** Every SNP case against the reference verifier: the good twin is accepted, the bad one refused at its stage. */
import { describe, expect, test } from 'vitest';
import { maximumPolicy, type SnpExpectations, SnpTrust, type SnpVerdict, STAGES as VERIFIER_STAGES, verifySnp } from '../../harness/verify/index.ts';
import { snpCaseBuilder, type SnpSubject } from '../../vectors/build.ts';
import { SNP_CASES } from '../../vectors/cases/snp.ts';
import { cases, STAGES } from '../../vectors/model.ts';

const setting = { seed: 'vectors', at: Date.UTC(2026, 5, 1) };
const built = SNP_CASES.map(snpCaseBuilder(setting));

/** What the reference verifier makes of it. */
function verdict({ signer, report, leaf, intermediate, ark, crl, root, now, request }: SnpSubject): SnpVerdict {
  const { maximumPolicy: most, maximumCrlAge, ...wishes } = request;
  const expectations: SnpExpectations = { ...wishes, ...maximumPolicy(most), ...(maximumCrlAge === undefined ? {} : { maximumCrlAge }), trust: new SnpTrust([root]), now, requireCrl: true };
  const chain = signer === 'vcek' ? { vcek: leaf, ask: intermediate } : { vlek: leaf, asvk: intermediate };
  return verifySnp({ report, ...chain, ark, crl }, expectations);
}

const said = (v: SnpVerdict): string => (v.accepted ? 'accepted' : `${v.stage}: ${v.reason}: ${v.message}`);

describe('the good twin is accepted', () => {
  test.each(built.map(({ row, twin }) => [row.id, twin] as const))('%s', (_, twin) => {
    expect(said(verdict(twin))).toBe('accepted');
  });
});

describe('bad evidence is refused at its stage', () => {
  const rows = built.flatMap(({ row, subject }) => (row.expect === 'must-reject' ? [[row.id, row, subject] as const] : []));
  test.each(rows)('%s', (_, { stage, why }, subject) => {
    const v = verdict(subject);
    expect(v.accepted ? 'accepted' : v.stage, `${why} The verifier: ${said(v)}`).toBe(stage);
  });
});

describe('unusual evidence is accepted', () => {
  test.each(built.flatMap(({ row, subject }) => (row.expect === 'must-accept' ? [[row.id, subject] as const] : [])))('%s', (_, subject) => {
    expect(said(verdict(subject))).toBe('accepted');
  });
});

describe('the table', () => {
  test('has a case for every stage that a verifier goes through', () => {
    expect(STAGES).toEqual(VERIFIER_STAGES);
    const tested = new Set(SNP_CASES.flatMap((row) => (row.expect === 'must-reject' ? [row.stage] : [])));
    expect(STAGES.filter((stage) => !tested.has(stage))).toEqual([]);
  });

  test('changes something in every case', () => {
    const same = built.filter(({ row, subject, twin }) => {
      const bytes = (s: SnpSubject): string => JSON.stringify([s.signer, s.now, ...[s.report, s.leaf, s.intermediate, s.ark, s.crl, s.root].map((b) => Buffer.from(b).toString('hex'))]);
      return row.id !== 'snp/ok/low-s' && row.id !== 'snp/ok/high-s' && bytes(subject) === bytes(twin);
    });
    expect(same.map(({ row }) => row.id)).toEqual([]);
  });

  test('gives the same bytes again, in another order', () => {
    for (const index of [40, 3, 17, 0]) {
      const row = SNP_CASES[index];
      expect(row && snpCaseBuilder(setting)(row)).toEqual(built[index]);
    }
  });

  test('gives other evidence for another seed or time', () => {
    const [row] = SNP_CASES;
    if (!row) throw new Error('no case');
    for (const other of [
      { ...setting, seed: 'other' },
      { ...setting, at: setting.at + 40 * 86_400_000 },
    ])
      expect(snpCaseBuilder(other)(row).twin.leaf).not.toEqual(built[0]?.twin.leaf);
  });

  test('tests critical evidence in every way that a verifier can be fooled', () => {
    expect(SNP_CASES.filter(({ severity }) => severity === 'critical').length).toBeGreaterThan(15);
    expect(SNP_CASES.filter(({ expect: e }) => e === 'must-accept').length).toBeGreaterThan(10);
  });
});

describe('the check of a table', () => {
  const row = { id: 'snp/a/b', severity: 'low', why: '', ref: '' } as const;
  test.each([
    ['two rows of one id', [row, row]],
    ['an id of another TEE', [{ ...row, id: 'tdx/a/b' }]],
    ['an id without area', [{ ...row, id: 'snp/b' }]],
    ['an id in capitals', [{ ...row, id: 'snp/a/B' }]],
  ])('refuses %s', (_, rows) => {
    expect(() => cases('snp', rows)).toThrow(RangeError);
  });
});
