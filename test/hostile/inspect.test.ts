/** Whatever bytes a file holds, inspecting it answers or throws a typed error. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TeemuError } from '../../emulator/errors.ts';
import { inspect } from '../../emulator/inspect/index.ts';
import { readPem } from '../../emulator/pki/pem.ts';
import { snpEvidence } from '../../emulator/snp/evidence/evidence.ts';
import { fixedClock, seededWorld } from '../../emulator/world.ts';
import { jsonLine } from '../../harness/cli/session/terminal.ts';
import { listing } from '../../harness/cli/view/listing.ts';
import { iterations } from './iterations.ts';

const evidence = snpEvidence(seededWorld('hostile', fixedClock(Date.UTC(2026, 2, 1))), { product: 'genoa', reportVersion: 5 });
const seeds: readonly (readonly [name: string, src: Uint8Array])[] = [
  ['report', evidence.report],
  ['extended report', Buffer.concat([evidence.report, evidence.certificateTable])],
  ['certificate table', evidence.certificateTable],
  ['certificate', evidence.leaf.der],
  ['authority', evidence.ark.der],
  ['list', evidence.crl],
  ['chain', Buffer.from(evidence.leaf.pem + evidence.ark.pem)],
];

/** Changes of some bytes, a cut, and something behind. */
const damage = fc.record({
  edits: fc.array(fc.record({ at: fc.nat(20_000), to: fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 0x30, 0x7f, 0x80, 0x82, 0xff)) }), { maxLength: 6 }),
  cut: fc.option(fc.nat(20_000), { freq: 3 }),
  tail: fc.uint8Array({ maxLength: 40 }),
});

function damaged(src: Uint8Array, { edits, cut, tail }: typeof damage extends fc.Arbitrary<infer T> ? T : never): Uint8Array {
  const out = new Uint8Array(Buffer.concat([src.subarray(0, cut === null ? src.length : cut % (src.length + 1)), ...(tail.length > 30 ? [tail] : [])]));
  for (const { at, to } of edits) if (out.length > 0) out[at % out.length] = to;
  return out;
}

function typedOnly(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch (error) {
    if (error instanceof TeemuError) return false;
    throw error;
  }
}

describe('inspecting', { timeout: 10 * 60_000 }, () => {
  test.each(seeds)('a damaged %s throws nothing but typed errors', (_, src) => {
    let understood = 0;
    fc.assert(
      fc.property(damage, (how) => {
        if (typedOnly(() => jsonLine(inspect(damaged(src, how), { at: 0 })))) understood++;
      }),
      { numRuns: Math.ceil(iterations / seeds.length) },
    );
    // Otherwise the damage is too coarse to get past the first check.
    expect(understood).toBeGreaterThan(0);
  });

  test('any bytes at all throw nothing but typed errors', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), (src) => {
        expect(typedOnly(() => listing(inspect(src), (_, text) => text))).toBe(false);
      }),
      { numRuns: iterations },
    );
  });

  test('any PEM throws nothing but typed errors', () => {
    const part = fc.constantFrom('-----BEGIN ', '-----END ', 'CERTIFICATE', 'X', '-----', '\n', '\r\n', 'AAAA', '=', ' ', 'MIIB');
    fc.assert(
      fc.property(fc.array(part, { maxLength: 40 }), (parts) => {
        typedOnly(() => readPem(Buffer.from(parts.join(''))));
      }),
      { numRuns: iterations },
    );
  });

  test.each<[string, Uint8Array]>([
    ['deep nesting', Uint8Array.from({ length: 15_000 }, (_, i) => (i % 2 === 0 ? 0x30 : 0x80))],
    ['lengths that run past the end', Uint8Array.from({ length: 4000 }, (_, i) => [0x30, 0x84, 0xff, 0xff, 0xff, 0xff][i % 6] ?? 0)],
    ['a table whose entries all are the same bytes', Buffer.concat([...Array.from({ length: 60 }, () => evidence.certificateTable.subarray(0, 24)), evidence.certificateTable])],
    ['many certificates of one name', Buffer.from(evidence.ark.pem.repeat(101))],
  ])('%s is refused', (_, src) => {
    expect(typedOnly(() => inspect(src))).toBe(false);
  });
});
