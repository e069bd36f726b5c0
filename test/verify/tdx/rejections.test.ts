/** The reference verifier of TDX evidence, rule by rule: each bad piece of evidence beside the good one that lacks only what is wrong with it. */
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../../emulator/errors.ts';
import { AmdAuthority } from '../../../emulator/snp/authority.ts';
import { STAGES, TDX_REASONS, TdxTrust, type TdxReason, verifyTdx } from '../../../harness/verify/index.ts';
import { authority, evidence, NOW, TRUST, V4, V5, world } from './evidence.ts';
import { CHAIN_REJECTIONS, REVOCATION_REJECTIONS, ROOT_REJECTIONS, UNUSUAL_CHAINS } from './rejections/chain.ts';
import { DOCUMENT_REJECTIONS, UNUSUAL_DOCUMENTS } from './rejections/documents.ts';
import { QUOTE_REJECTIONS, UNUSUAL_QUOTES } from './rejections/quote.ts';
import { type Rejection, refuses, said, type Unusual } from './rejections/rejection.ts';
import { BINDING_REJECTIONS, POLICY_REJECTIONS, TCB_REJECTIONS, UNUSUAL_TDS } from './rejections/tcb.ts';

const REJECTIONS: Readonly<Record<string, readonly Rejection[]>> = {
  quote: QUOTE_REJECTIONS,
  roots: ROOT_REJECTIONS,
  chains: CHAIN_REJECTIONS,
  revocation: REVOCATION_REJECTIONS,
  documents: DOCUMENT_REJECTIONS,
  TCB: TCB_REJECTIONS,
  policy: POLICY_REJECTIONS,
  binding: BINDING_REJECTIONS,
};
const UNUSUAL: Readonly<Record<string, readonly Unusual[]>> = { quote: UNUSUAL_QUOTES, chains: UNUSUAL_CHAINS, documents: UNUSUAL_DOCUMENTS, TD: UNUSUAL_TDS };

describe.each(Object.entries(REJECTIONS))('%s: evidence is refused when', (_, rows) => {
  test.each(rows)('$name', refuses);
});

describe.each(Object.entries(UNUSUAL))('%s: evidence is accepted with', (_, rows) => {
  test.each(rows)('$name', ({ machine = V4, edits = {}, wishes }) => {
    expect(said(verifyTdx(evidence(machine, edits), { now: NOW, ...wishes, trust: TRUST }))).toBe('accepted');
  });
});

/** Reasons of bundles and of event logs, which have tests of their own. */
const ELSEWHERE: readonly TdxReason[] = ['evidence-incomplete', 'ccel-table-malformed', 'event-log-malformed', 'event-log-register', 'event-log-type', 'event-log-data', 'event-log-replay'];

describe('the table of reasons', () => {
  test('has a test for each', () => {
    const tested = new Set([
      ...Object.values(REJECTIONS)
        .flat()
        .map(({ reason }) => reason),
      ...ELSEWHERE,
    ]);
    expect(Object.keys(TDX_REASONS).filter((reason) => !tested.has(reason as TdxReason))).toEqual([]);
  });

  test('gives each a stage, a rule and a reference', () => {
    for (const { stage, rule, ref } of Object.values(TDX_REASONS)) {
      expect(STAGES).toContain(stage);
      expect(rule.length).toBeGreaterThan(10);
      expect(ref.length).toBeGreaterThan(5);
    }
  });

  test('every reason but those of what the caller asks for shows as a check of accepted evidence', () => {
    const shown = new Set([V4, V5, { certificationType: 1 } as const].flatMap((machine) => verifyTdx(evidence(machine), { trust: TRUST, now: NOW }).checks.map(({ reason }) => reason)));
    const hidden = Object.entries(TDX_REASONS).filter(([reason, { ref }]) => !shown.has(reason) && ref !== 'the caller asked for it');
    expect(hidden.map(([reason]) => reason)).toEqual(ELSEWHERE.slice(1));
  });
});

describe('a trust', () => {
  test.each([
    ['no DER', new Uint8Array(10)],
    ['an intermediate authority', authority.certificate('PLATFORM').der],
    ["AMD's root", new AmdAuthority(world, 'Milan').certificate('ARK').der],
  ])('is not made of %s', (_, root) => {
    expect(() => new TdxTrust([root])).toThrow(ConfigError);
  });

  test('keeps its own copy of the roots', () => {
    const root = authority.certificate('ROOT').der.slice();
    const trust = new TdxTrust([root]);
    root.fill(0);
    expect(said(verifyTdx(evidence(), { now: NOW, trust }))).toBe('accepted');
  });
});

describe('expectations that no evidence could meet are refused', () => {
  test.each([
    ['report data of 63 bytes', { reportData: new Uint8Array(63) }, 'reportData'],
    ['a measurement of 32 bytes', { mrTd: [new Uint8Array(48), new Uint8Array(32)] }, 'mrTd'],
    ['an FMSPC of 5 bytes', { fmspc: new Uint8Array(5) }, 'fmspc'],
    ['no statuses', { tcbStatuses: [] }, 'tcbStatuses'],
    ['an unknown status', { tcbStatuses: ['uptodate' as 'UpToDate'] }, 'tcbStatuses'],
    ['a revoked TCB', { tcbStatuses: ['UpToDate', 'Revoked' as 'UpToDate'] }, 'tcbStatuses'],
  ] as const)('%s', (_, wishes, key) => {
    expect(() => verifyTdx(evidence(), { trust: TRUST, now: NOW, ...wishes })).toThrow(expect.objectContaining({ name: 'ConfigError', key }) as Error);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])('the time %d', (now) => {
    expect(() => verifyTdx(evidence(), { trust: TRUST, now })).toThrow(RangeError);
  });
});
