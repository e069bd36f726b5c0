/** Options of SNP evidence: what cannot be is refused by its name, before anything is made. */
import { describe, expect, test } from 'vitest';
import { snpEvidence } from '../../emulator/snp/evidence/evidence.ts';
import type { SnpOptionsInput } from '../../emulator/snp/evidence/options.ts';
import { decodeReport } from '../../emulator/snp/report.ts';
import { fixedClock, seededWorld } from '../../emulator/world.ts';

const world = seededWorld('x', fixedClock(Date.UTC(2026, 0, 2)));
const VLEK = { signer: 'vlek' } as const;

describe('options of SNP evidence', () => {
  // A certificate's IA5String has no letters but ASCII's: anything else would come out as other text, or not at all.
  test.each<[string, string, SnpOptionsInput]>([
    ['a CSP_ID beyond ASCII', 'cspId', { ...VLEK, cspId: 'CN=münchen' }],
    ['a CSP_ID that steers a terminal', 'cspId', { ...VLEK, cspId: 'CN=\u001b[2J' }],
    ['an empty CSP_ID', 'cspId', { ...VLEK, cspId: '' }],
    ['a CSP_ID that is too long', 'cspId', { ...VLEK, cspId: 'x'.repeat(129) }],
    ['a product beyond ASCII', 'productName', { productName: 'Genoé' }],
    ['a product that is too long', 'productName', { productName: 'x'.repeat(65) }],
    ['a member that does not exist', 'nonsense', { nonsense: 1 } as SnpOptionsInput],
    ['a chip that is no number', 'chip', { chip: 'first' }],
  ])('%s is refused', (_, key, options) => {
    expect(() => snpEvidence(world, options)).toThrow(expect.objectContaining({ code: 'ERR_CONFIG', key }) as Error);
  });

  test('refuse a CSP_ID where a VCEK signs, which has none', () => {
    expect(() => snpEvidence(world, { cspId: 'CN=cloud' })).toThrow('cspId: stands in a VLEK');
  });

  test.each([3, 4, 5])('of AWS: firmware ahead of what is committed, in reports of version %i', (reportVersion) => {
    const { currentTcb, committedTcb, reportedTcb } = decodeReport(snpEvidence(world, { preset: 'aws', reportVersion }).report);
    expect([currentTcb.microcode, committedTcb.microcode, reportedTcb.microcode]).toEqual([0xdc, 0xdb, 0xd9]);
  });

  test('say in words what a number must be', () => {
    expect(() => snpEvidence(world, { chip: 'first' })).toThrow('chip: must be a whole number');
  });

  test.each<[string, SnpOptionsInput, string]>([
    ['a CSP_ID', { ...VLEK, cspId: 'CN=a b, O=~' }, 'CN=a b, O=~'],
    ['a product', { productName: 'Milan-B1' }, 'Milan-B1'],
  ])('%s of printable ASCII stands in the certificate as it was written', (_, options, text) => {
    expect(Buffer.from(snpEvidence(world, options).leaf.der).toString('latin1')).toContain(text);
  });
});
