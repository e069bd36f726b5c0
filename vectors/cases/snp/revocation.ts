/** What AMD revokes, and lists that do not count or are old. */
import type { SnpCase } from '../../model.ts';

const KDS = 'AMD 57230 VCEK Certificate and KDS Interface Specification';
const DAY = 86_400_000;
const YEAR = 365.25 * DAY;

export const REVOCATION_CASES: readonly SnpCase[] = [
  { id: 'snp/revocation/ask-revoked', expect: 'must-reject', stage: 'revocation', reason: 'intermediate-revoked', severity: 'high', ref: KDS, why: 'AMD has revoked the intermediate.', revoke: 'ASK' },
  {
    id: 'snp/revocation/asvk-revoked',
    expect: 'must-reject',
    stage: 'revocation',
    reason: 'intermediate-revoked',
    severity: 'high',
    ref: KDS,
    why: 'AMD has revoked the intermediate over VLEKs.',
    options: { signer: 'vlek' },
    revoke: 'ASVK',
  },
  {
    id: 'snp/revocation/list-stale',
    expect: 'must-reject',
    stage: 'revocation',
    reason: 'crl-stale',
    severity: 'medium',
    ref: 'confidential-dot-ai/attestation-rs#83',
    why: 'The list says that a newer one has been out for a day.',
    edits: { crl: (list) => ({ ...list, thisUpdate: list.thisUpdate - YEAR, nextUpdate: list.thisUpdate - DAY }) },
  },
  {
    id: 'snp/revocation/list-without-end',
    expect: 'must-reject',
    stage: 'revocation',
    reason: 'crl-no-next-update',
    severity: 'low',
    ref: 'confidential-dot-ai/attestation-rs#83',
    why: 'The list does not say until when it counts.',
    edits: { crl: ({ nextUpdate: _, ...list }) => list },
  },
  {
    id: 'snp/revocation/list-of-the-future',
    expect: 'must-reject',
    stage: 'revocation',
    reason: 'crl-future',
    severity: 'low',
    ref: 'confidential-dot-ai/attestation-rs#83',
    why: 'The list counts from next year on.',
    edits: { crl: (list) => ({ ...list, thisUpdate: list.thisUpdate + YEAR, nextUpdate: list.thisUpdate + 2 * YEAR }) },
  },
  {
    id: 'snp/freshness/list-old',
    expect: 'must-reject',
    stage: 'freshness',
    reason: 'crl-too-old',
    severity: 'low',
    ref: 'RFC 5280 §5.1.2.4',
    why: 'The list still counts, but is older than the relying party allows.',
    edits: { crl: (list) => ({ ...list, thisUpdate: list.thisUpdate - 200 * DAY }) },
    request: { maximumCrlAge: 100 * DAY },
  },
];
