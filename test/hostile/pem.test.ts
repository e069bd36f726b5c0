/** Whatever text comes as PEM, reading it ends in blocks or in a typed error. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pem } from '../../emulator/pki/der.ts';
import { pemBlocks } from '../../emulator/pki/read.ts';
import { AUTHORITIES, evidence, MILAN, NOW, worldTrust } from '../verify/snp-evidence.ts';
import { verifyBundle } from '../../harness/verify/index.ts';
import { bombard, damaged, flipped, PATIENCE } from './damage.ts';
import { iterations } from './iterations.ts';

const text = (s: string): Uint8Array => Uint8Array.from(Buffer.from(s, 'latin1'));
const chain = text(AUTHORITIES.Milan.chainPem('vcek'));
const line = fc.oneof(
  fc.constantFrom('', '-----BEGIN CERTIFICATE-----', '-----END CERTIFICATE-----', '-----BEGIN X509 CRL-----', 'AAAA', 'A===', 'AA==', '=', '\r', ' ', '-----', 'x'.repeat(77)),
  fc.string({ maxLength: 80 }),
  fc.base64String({ maxLength: 64 }),
);

const ladder: readonly (readonly [rung: string, inputs: fc.Arbitrary<Uint8Array>, reaches: boolean])[] = [
  ['noise', fc.uint8Array({ maxLength: 2000 }), false],
  ['lines as PEM has them, in any order', fc.array(line, { maxLength: 20 }).map((lines) => text(lines.join('\n'))), true],
  ['a chain with some bytes changed, cut away or added', damaged(chain), true],
  ['a chain with one bit changed', flipped(chain), true],
];

describe('reading PEM', PATIENCE, () => {
  test.each(ladder)('%s: only typed errors', (_, inputs, reaches) => {
    const read = bombard(
      inputs,
      (src) => {
        const blocks = pemBlocks(src, 'CERTIFICATE');
        // What was understood is what an encoder would write, but for the length of lines and how they end.
        const plain = (s: string): string => s.replaceAll(/[\r\n]/g, '');
        if (plain(blocks.map((der) => pem('CERTIFICATE', der)).join('')) !== plain(Buffer.from(src).toString('latin1'))) throw new Error('read something else than was written');
      },
      Math.ceil(iterations / ladder.length),
    );
    if (reaches) expect(read).toBeGreaterThan(0);
    expect(read).toBeLessThan(iterations / ladder.length);
  });

  test('takes any text as it takes its bytes', () => {
    fc.assert(
      fc.property(fc.string(), (s) => {
        let blocks = 0;
        try {
          blocks = pemBlocks(s, 'CERTIFICATE').length;
        } catch (error) {
          expect(error).toMatchObject({ code: 'ERR_PKI_PARSE' });
        }
        expect(blocks).toBe(0);
      }),
    );
  });
});

describe('verifying a bundle with hostile files', PATIENCE, () => {
  const presented = evidence(MILAN);
  const files = new Map<string, Uint8Array>([
    ['report.bin', presented.report],
    ...(['vcek', 'ask', 'ark'] as const).map((name): [string, Uint8Array] => [`${name}.pem`, text(pem('CERTIFICATE', presented[name] ?? new Uint8Array()))]),
  ]);
  const bundle = (changed: ReadonlyMap<string, Uint8Array>): Parameters<typeof verifyBundle>[0] => ({ manifest: { tee: 'snp', verifyAt: NOW / 1000, services: {}, files: [...changed.keys()] }, files: changed });
  const names = [...files.keys()];
  test.each([undefined, [AUTHORITIES.Milan.certificate('ARK').der]])('a verdict, never an error', (roots) => {
    const changes = fc.constantFrom(...names).chain((name) => damaged(files.get(name) ?? new Uint8Array()).map((src) => [name, src] as const));
    const read = bombard(changes, ([name, src]) => verifyBundle(bundle(new Map([...files, [name, src]])), roots ? { roots } : {}), Math.ceil(iterations / 40));
    expect(read).toBe(Math.ceil(iterations / 40));
    expect(verifyBundle(bundle(files), roots ? { roots } : {}).accepted).toBe(true);
    expect(worldTrust().lines).toHaveLength(3);
  });
});
