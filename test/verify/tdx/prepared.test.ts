/** Collateral that is prepared once gives the verdicts that it would give each time. */
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../../emulator/errors.ts';
import { TdxTrust, verifyTdx } from '../../../harness/verify/index.ts';
import { authority, DAY, evidence, type Evidence, NOW, TRUST, V4, V5 } from './evidence.ts';
import { CHAIN_REJECTIONS, REVOCATION_REJECTIONS } from './rejections/chain.ts';
import { DOCUMENT_REJECTIONS } from './rejections/documents.ts';
import { refuses, said } from './rejections/rejection.ts';
import { TCB_REJECTIONS } from './rejections/tcb.ts';

const prepared = ({ collateral, ...rest }: Evidence, trust = TRUST) => ({ ...rest, collateral: trust.prepare(collateral) });

describe('prepared collateral', () => {
  test.each([V4, V5, { ca: 'processor' }, { certificationType: 3 }, { status: 'TDRelaunchAdvised', version: 5 }] as const)('gives the same verdict, however often it is used: %j', (machine) => {
    const presented = evidence(machine);
    const expectations = { trust: TRUST, now: NOW, tcbStatuses: ['UpToDate', 'TDRelaunchAdvised'] } as const;
    const fresh = verifyTdx(presented, expectations);
    const kept = prepared(presented);
    expect(said(fresh)).toBe('accepted');
    for (let i = 0; i < 3; i++) expect(verifyTdx(kept, expectations)).toEqual(fresh);
  });

  test.each([...CHAIN_REJECTIONS, ...REVOCATION_REJECTIONS, ...DOCUMENT_REJECTIONS, ...TCB_REJECTIONS])('gives the same refusal, however often it is used: $name', ({ machine, both, edits, wishes }) => {
    const presented = evidence(machine, { ...both, ...edits });
    const expectations = { trust: TRUST, now: NOW, ...wishes };
    const fresh = verifyTdx(presented, expectations);
    const kept = prepared(presented);
    expect(fresh.accepted).toBe(false);
    for (let i = 0; i < 2; i++) expect(verifyTdx(kept, expectations)).toEqual(fresh);
  });

  test('serves quotes of many machines', () => {
    const kept = TRUST.prepare(evidence().collateral);
    for (const machine of [V4, V5, { certificationType: 5 }] as const) {
      const { quote } = evidence(machine);
      expect(said(verifyTdx({ quote, collateral: kept }, { trust: TRUST, now: NOW }))).toBe('accepted');
    }
    expect(verifyTdx({ quote: evidence({ platform: 'sapphire-rapids' }).quote, collateral: kept }, { trust: TRUST, now: NOW })).toMatchObject({ accepted: false, reason: 'tcb-info-fmspc' });
    expect(verifyTdx({ quote: evidence({ ca: 'processor' }).quote, collateral: kept }, { trust: TRUST, now: NOW })).toMatchObject({ accepted: false, reason: 'pck-crl-authority' });
  });

  test.each([
    [NOW, undefined],
    [NOW + 29 * DAY, undefined],
    [NOW + 31 * DAY, 'crl-stale'],
    [NOW + 9 * 365 * DAY, 'certificate-expired'],
    [NOW - 40 * 365 * DAY, 'certificate-not-yet-valid'],
    [NOW - DAY, 'crl-future'],
  ])('is looked at for its dates each time: %d', (now, reason) => {
    const kept = prepared(evidence());
    expect(said(verifyTdx(kept, { trust: TRUST, now: NOW }))).toBe('accepted');
    const verdict = verifyTdx(kept, { trust: TRUST, now });
    expect(verdict.accepted ? undefined : verdict.reason).toBe(reason);
    expect(said(verifyTdx(kept, { trust: TRUST, now: NOW }))).toBe('accepted');
  });

  test('is no other when what it was made of changes', () => {
    const { collateral, ...rest } = evidence();
    const bytes = { ...collateral, tcbInfo: Buffer.from(String(collateral.tcbInfo)), pckCrlIssuerChain: Buffer.from(String(collateral.pckCrlIssuerChain)), pckCrl: Buffer.from(collateral.pckCrl) };
    const kept = TRUST.prepare(bytes);
    for (const part of [bytes.tcbInfo, bytes.pckCrlIssuerChain, bytes.pckCrl]) part.fill(0);
    expect(said(verifyTdx({ ...rest, collateral: kept }, { trust: TRUST, now: NOW }))).toBe('accepted');
  });

  test('counts with its own trust only', () => {
    const kept = prepared(evidence());
    const other = new TdxTrust([authority.certificate('ROOT').der]);
    expect(() => verifyTdx(kept, { trust: other, now: NOW })).toThrow(ConfigError);
  });

  test('does not make bad evidence good after it saw good evidence', () => {
    const good = evidence();
    const kept = TRUST.prepare(good.collateral);
    expect(said(verifyTdx({ quote: good.quote, collateral: kept }, { trust: TRUST, now: NOW }))).toBe('accepted');
    const quote = good.quote.slice();
    quote[200] = (quote[200] ?? 0) ^ 1;
    expect(verifyTdx({ quote, collateral: kept }, { trust: TRUST, now: NOW })).toMatchObject({ accepted: false, reason: 'quote-signature' });
  });
});

test('a good and a bad piece of evidence differ in what is wrong only', () => {
  // The rows are checked elsewhere; this checks that the check can fail.
  expect(() => refuses({ name: 'nothing is wrong', reason: 'qe-signer' })).toThrow();
  expect(() => refuses({ name: 'something else is wrong', reason: 'qe-signer', edits: { quote: (parts) => ({ ...parts, qeReport: { ...parts.qeReport, isvProdId: 9 } }) } })).toThrow();
});
