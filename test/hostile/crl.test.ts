/** Whatever bytes come as a revocation list, reading and verifying them ends in a value, a typed error or a verdict. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_CRL_SIZE, readCrl } from '../../emulator/pki/read.ts';
import { verifySnp } from '../../harness/verify/index.ts';
import { AUTHORITIES, evidence, MILAN, NOW, worldTrust } from '../verify/snp-evidence.ts';
import { bombard, damaged, derTree, flipped, grafted, PATIENCE, understood } from './damage.ts';
import { iterations } from './iterations.ts';

const good = evidence(MILAN);
const { Milan, Genoa } = AUTHORITIES;
const crl = Milan.crl();
const manySerials = (count: number): { serial: Uint8Array; at: number }[] => Array.from({ length: count }, (_, i) => ({ serial: Uint8Array.of(2, i >> 8, i & 0xff), at: NOW }));
const lists = [crl, Genoa.crl(), Milan.crl((spec) => ({ ...spec, revoked: manySerials(3) }))] as const;

const ladder: readonly (readonly [rung: string, inputs: fc.Arbitrary<Uint8Array>, reaches: boolean])[] = [
  ['noise', fc.uint8Array({ maxLength: 2000 }), false],
  ['DER of the right form with anything in it', derTree, false],
  ['a list with some bytes changed, cut away or added', damaged(...lists), true],
  ['a list with one bit changed', flipped(...lists), true],
  ['a list with one value replaced by another', grafted(...lists), true],
];

describe('reading a list', PATIENCE, () => {
  test.each(ladder)('%s: only typed errors', (_, inputs, reaches) => {
    const read = bombard(inputs, readCrl, Math.ceil(iterations / ladder.length));
    if (reaches) expect(read).toBeGreaterThan(0);
    expect(read).toBeLessThan(iterations / ladder.length);
  });

  test('of 20,000 entries reads, one longer than 1 MiB is refused', () => {
    const entries = Milan.crl((spec) => ({ ...spec, revoked: manySerials(20_000) }));
    expect(readCrl(entries).revoked).toHaveLength(20_000);
    expect(understood(() => readCrl(new Uint8Array(MAX_CRL_SIZE + 1)))).toBe(false);
  });
});

describe('verifying with a hostile list', PATIENCE, () => {
  const trust = worldTrust(4);
  test('refused, or a typed error', () => {
    const withList = (src: Uint8Array): boolean => verifySnp({ ...good, crl: src }, { trust, now: NOW }).accepted;
    bombard(
      fc.oneof(damaged(crl), flipped(crl), grafted(crl), derTree),
      (src) => {
        if (withList(src) && Buffer.compare(src, crl) !== 0) throw new Error('accepted');
      },
      Math.ceil(iterations / 4),
    );
    expect(withList(crl)).toBe(true);
  });
});
