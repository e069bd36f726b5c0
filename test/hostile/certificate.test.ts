/** Whatever bytes come as a certificate, reading and verifying them ends in a value, a typed error or a verdict. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MAX_CERTIFICATE_SIZE, readBasicConstraints, readCertificate, readKeyUsage, readName, readRsaKey } from '../../emulator/pki/read.ts';
import { type SnpVerdict, SnpTrust, verifySnp } from '../../harness/verify/index.ts';
import { AUTHORITIES, evidence, MILAN, NOW, worldTrust } from '../verify/snp-evidence.ts';
import { bombard, damaged, derTree, flipped, grafted, PATIENCE, understood } from './damage.ts';
import { iterations } from './iterations.ts';

const good = evidence(MILAN);
const vlek = evidence({ ...MILAN, signer: 'vlek' }).vlek ?? new Uint8Array();
const { vcek = new Uint8Array(), ask = new Uint8Array(), ark = new Uint8Array() } = good;
const turin = evidence({ line: 'Turin', version: 5, signer: 'vcek' }).vcek ?? new Uint8Array();
const certificates = [vcek, vlek, turin, ask, ark] as const;

/** Everything that can be read of a certificate. */
function readAll(src: Uint8Array): void {
  const certificate = readCertificate(src);
  readName(certificate.subject);
  readName(certificate.issuer);
  readRsaKey(certificate.spki);
  for (const { oid, value } of certificate.extensions) {
    if (oid === '2.5.29.19') readBasicConstraints(value);
    if (oid === '2.5.29.15') readKeyUsage(value);
  }
}

const ladder: readonly (readonly [rung: string, inputs: fc.Arbitrary<Uint8Array>, reaches: boolean])[] = [
  ['noise', fc.uint8Array({ maxLength: 2000 }), false],
  ['DER of the right form with anything in it', derTree, false],
  ['a certificate with some bytes changed, cut away or added', damaged(...certificates), true],
  ['a certificate with one bit changed', flipped(...certificates), true],
  ['a certificate with one value replaced by another', grafted(...certificates), true],
];

describe('reading a certificate', PATIENCE, () => {
  test.each(ladder)('%s: only typed errors', (_, inputs, reaches) => {
    const read = bombard(inputs, readAll, Math.ceil(iterations / ladder.length));
    if (reaches) expect(read).toBeGreaterThan(0);
    expect(read).toBeLessThan(iterations / ladder.length);
  });

  test.each([
    ['basic constraints', readBasicConstraints],
    ['a key usage', readKeyUsage],
    ['a name', readName],
    ['a key', readRsaKey],
  ] as const)('%s by itself: only typed errors', (_, read) => {
    bombard(derTree, read, Math.ceil(iterations / ladder.length));
  });

  const nested = (depth: number): Uint8Array => {
    let inner = Uint8Array.of(0x30, 0);
    for (let i = 0; i < depth; i++) inner = Uint8Array.of(0x30, 0x82, inner.length >> 8, inner.length & 0xff, ...inner);
    return inner;
  };
  test.each([
    ['4000 sequences in each other', nested(4000)],
    ['8000 open sequences', new Uint8Array(MAX_CERTIFICATE_SIZE).map((_, i) => (i % 2 ? 0x80 : 0x30))],
    ['a length of 4 GiB', Uint8Array.of(0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0x30, 0)],
    ['a length of 2^1000', Uint8Array.of(0x30, 0xfe, ...new Uint8Array(126).fill(0xff))],
    ['a length of 2 GiB', Uint8Array.of(0x30, 0x84, 0x80, 0, 0, 0)],
    ['one byte more than is read at most', new Uint8Array(MAX_CERTIFICATE_SIZE + 1)],
    ['nothing', new Uint8Array()],
  ])('%s is refused', (_, src) => {
    expect(understood(() => readCertificate(src))).toBe(false);
  });
});

describe('verifying with a hostile certificate', PATIENCE, () => {
  const trust = worldTrust();
  const slots = {
    vcek: (src: Uint8Array): SnpVerdict => verifySnp({ ...good, vcek: src }, { trust, now: NOW }),
    ask: (src: Uint8Array): SnpVerdict => verifySnp({ ...good, ask: src }, { trust, now: NOW }),
    ark: (src: Uint8Array): SnpVerdict => verifySnp({ ...good, ark: src }, { trust, now: NOW }),
    root: (src: Uint8Array): SnpVerdict => verifySnp({ ...good, ark: src }, { trust: new SnpTrust([src]), now: NOW }),
  };
  const own = { vcek, ask, ark, root: ark };
  test.each(Object.keys(slots) as (keyof typeof slots)[])('as the %s: refused, or a typed error', (slot) => {
    const src = own[slot];
    const same = (other: Uint8Array): boolean => Buffer.compare(src, other) === 0;
    bombard(
      fc.oneof(damaged(src), flipped(src), grafted(src), derTree),
      (input) => {
        const { accepted } = slots[slot](input);
        // Damage may undo itself.
        if (accepted && !same(input)) throw new Error('accepted');
      },
      Math.ceil(iterations / 16),
    );
    expect(slots[slot](src).accepted).toBe(true);
  });

  test('every bit of the certificates counts: some of each byte is tried', () => {
    const survivors: string[] = [];
    for (const slot of ['vcek', 'ask', 'ark'] as const) {
      for (let at = 0; at < own[slot].length; at++) {
        if (slots[slot](own[slot].with(at, (own[slot][at] ?? 0) ^ (1 << (at % 8)))).accepted) survivors.push(`${slot} 0x${at.toString(16)}`);
      }
    }
    expect(survivors).toEqual([]);
  });

  test('the certificates are those of the world', () => {
    expect(Buffer.from(ark).equals(AUTHORITIES.Milan.certificate('ARK').der)).toBe(true);
  });
});
