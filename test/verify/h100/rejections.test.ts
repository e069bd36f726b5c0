/** The reference verifier of NVIDIA evidence, rule by rule: each bad piece of evidence beside the good one that lacks only what is wrong with it. */
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../../emulator/errors.ts';
import { H100_REASONS, type H100Reason, H100Trust, STAGES, verifyH100 } from '../../../harness/verify/index.ts';
import { authority, evidence, NOW, ROOTS, TRUST } from './evidence.ts';
import { CHAIN_REJECTIONS, OCSP_REJECTIONS, ROOT_REJECTIONS, UNUSUAL_CHAINS } from './rejections/chain.ts';
import { type Rejection, refuses, said, type Unusual } from './rejections/rejection.ts';
import { EVIDENCE_REJECTIONS, MACHINE_REJECTIONS, POLICY_REJECTIONS, REPORT_REJECTIONS, UNUSUAL_REPORTS } from './rejections/report.ts';
import { RIM_REJECTIONS, UNUSUAL_RIMS } from './rejections/rim.ts';

const REJECTIONS: Readonly<Record<string, readonly Rejection[]>> = {
  evidence: EVIDENCE_REJECTIONS,
  report: REPORT_REJECTIONS,
  policy: POLICY_REJECTIONS,
  machine: MACHINE_REJECTIONS,
  roots: ROOT_REJECTIONS,
  chains: CHAIN_REJECTIONS,
  OCSP: OCSP_REJECTIONS,
  manifests: RIM_REJECTIONS,
};
const UNUSUAL: Readonly<Record<string, readonly Unusual[]>> = { report: UNUSUAL_REPORTS, chains: UNUSUAL_CHAINS, manifests: UNUSUAL_RIMS };

describe.each(Object.entries(REJECTIONS))('%s: evidence is refused when', (_, rows) => {
  test.each(rows)('$name', refuses);
});

describe.each(Object.entries(UNUSUAL))('%s: evidence is accepted with', (_, rows) => {
  test.each(rows)('$name', ({ machine = {}, edits = {}, wishes }) => {
    expect(said(verifyH100(evidence(machine, edits), { now: NOW, ...wishes, trust: TRUST }))).toBe('accepted');
  });
});

/** The reason that has tests of its own, of bundles. */
const ELSEWHERE: readonly H100Reason[] = ['evidence-json'];

describe('the table of reasons', () => {
  test('has a test for each', () => {
    const tested = new Set([
      ...Object.values(REJECTIONS)
        .flat()
        .map(({ reason }) => reason),
      ...ELSEWHERE,
    ]);
    expect(Object.keys(H100_REASONS).filter((reason) => !tested.has(reason as H100Reason))).toEqual([]);
  });

  test('gives each a stage, a rule and a reference', () => {
    for (const { stage, rule, ref } of Object.values(H100_REASONS)) {
      expect(STAGES).toContain(stage);
      expect(rule.length).toBeGreaterThan(10);
      expect(ref.length).toBeGreaterThan(5);
    }
  });

  test('has nothing of revocation lists', () => {
    expect(Object.keys(H100_REASONS).filter((reason) => reason.startsWith('crl'))).toEqual([]);
  });
});

describe('a trust', () => {
  test.each([
    ['no DER', new Uint8Array(10)],
    ['an intermediate authority', authority.certificate('identity/GH100').der],
    ["the attestation service's root", authority.root('nras').der],
  ])('is not made of %s', (_, root) => {
    expect(() => new H100Trust([root])).toThrow(ConfigError);
  });

  test('that keeps what it found good says the same of it again, and looks at dates and wishes each time', () => {
    const trust = new H100Trust(ROOTS, { keep: 16 });
    const presented = evidence();
    const [cold, warm] = [verifyH100(presented, { trust, now: NOW }), verifyH100(presented, { trust, now: NOW })];
    expect(said(warm)).toBe('accepted');
    expect(new Set(warm.checks.map(({ reason }) => reason))).toEqual(new Set(cold.checks.map(({ reason }) => reason)));
    expect(warm.accepted && cold.accepted && warm.facts).toEqual(cold.accepted && cold.facts);
    expect(said(verifyH100(presented, { trust, now: NOW + 2 * 86_400_000 }))).toContain('ocsp-stale');
    expect(said(verifyH100(presented, { trust, now: NOW, nonce: new Uint8Array(32) }))).toContain('nonce-mismatch');
  });

  test('that keeps things keeps nothing bad', () => {
    const trust = new H100Trust(ROOTS, { keep: 16 });
    const bad = evidence({}, { driverRim: { signedBy: authority.key('rim-l3/GH100') } });
    for (let i = 0; i < 2; i++) expect(said(verifyH100(bad, { trust, now: NOW }))).toContain('rim-signature');
  });
});

describe('expectations that no evidence could meet are refused', () => {
  test.each([
    ['a nonce of 31 bytes', { nonce: new Uint8Array(31) }, 'nonce'],
    ['no devices', { deviceCount: 0 }, 'deviceCount'],
    ['devices twice', { ueids: ['1', '1'] }, 'ueids'],
    ['a driver that is no version', { minimumDriver: 'new' }, 'minimumDriver'],
    ['a VBIOS that is no version', { minimumVbios: '96' }, 'minimumVbios'],
    ['an unknown chip', { chips: 'GA100' as 'GH100' }, 'chips'],
    ['no modes', { modes: [] }, 'modes'],
  ] as const)('%s', (_, wishes, key) => {
    expect(() => verifyH100(evidence(), { trust: TRUST, now: NOW, ...wishes })).toThrow(expect.objectContaining({ name: 'ConfigError', key }) as Error);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])('the time %d', (now) => {
    expect(() => verifyH100(evidence(), { trust: TRUST, now })).toThrow(RangeError);
  });
});
