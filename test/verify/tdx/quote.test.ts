/** Quotes, rule by rule: each bad one beside the good one that lacks only what is wrong with it. */
import { describe, expect, test } from 'vitest';
import { verifyTdx } from '../../../harness/verify/index.ts';
import { evidence, NOW, TRUST } from './evidence.ts';
import { QUOTE_REJECTIONS, UNUSUAL_QUOTES } from './quote-rejections.ts';
import { refuses, said } from './rejection.ts';

describe('a quote is refused when', () => {
  test.each(QUOTE_REJECTIONS)('$name', refuses);
});

describe('a quote is accepted with', () => {
  test.each(UNUSUAL_QUOTES)('$name', ({ machine, edits, wishes }) => {
    expect(said(verifyTdx(evidence(machine, edits), { now: NOW, ...wishes, trust: TRUST }))).toBe('accepted');
  });
});
