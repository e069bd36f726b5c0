/** Certificates and revocation lists, rule by rule: each bad one beside the good one that lacks only what is wrong with it. */
import { describe, expect, test } from 'vitest';
import { ConfigError } from '../../../emulator/errors.ts';
import { AmdAuthority } from '../../../emulator/snp/authority.ts';
import { TdxTrust, verifyTdx } from '../../../harness/verify/index.ts';
import { CHAIN_REJECTIONS, REVOCATION_REJECTIONS, ROOT_REJECTIONS, UNUSUAL_CHAINS } from './chain-rejections.ts';
import { authority, evidence, NOW, TRUST, V4, world } from './evidence.ts';
import { refuses, said } from './rejection.ts';

describe('roots: evidence is refused when', () => {
  test.each(ROOT_REJECTIONS)('$name', refuses);
});

describe('chains: evidence is refused when', () => {
  test.each(CHAIN_REJECTIONS)('$name', refuses);
});

describe('revocation: evidence is refused when', () => {
  test.each(REVOCATION_REJECTIONS)('$name', refuses);
});

describe('evidence is accepted with', () => {
  test.each(UNUSUAL_CHAINS)('$name', ({ edits, wishes }) => {
    expect(said(verifyTdx(evidence(V4, edits), { now: NOW, ...wishes, trust: TRUST }))).toBe('accepted');
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
