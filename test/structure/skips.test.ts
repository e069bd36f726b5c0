/** What this run leaves out, one line each, so that nobody takes a short run for a whole one. */
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { REAL_SAMPLES } from '../real-samples.ts';

/** Each part of the suite that needs something from outside, and whether it is here. */
const PARTS: readonly { readonly needs: string; readonly here: boolean; readonly skipped: string }[] = [
  { needs: 'TEEMU_REAL_SAMPLES (a folder of genuine evidence)', here: REAL_SAMPLES !== undefined, skipped: 'comparisons with genuine reports and certificates' },
  { needs: 'openssl', here: spawnSync('openssl', ['version']).status === 0, skipped: 'certificates as OpenSSL reads them' },
  { needs: 'TEEMU_INTEROP=1, and Go, Python and Rust', here: process.env.TEEMU_INTEROP !== undefined, skipped: "other people's verifiers" },
];

test('says which parts of the suite are left out', () => {
  const lines = PARTS.filter(({ here }) => !here).map(({ needs, skipped }) => `skipped: ${skipped} (needs ${needs})`);
  for (const line of lines) process.stderr.write(`${line}\n`);
  // One plain line each, and none that says nothing.
  expect(lines.filter((line) => !/^skipped: .{10,} \(needs .{5,}\)$/.test(line))).toEqual([]);
  expect(lines).toHaveLength(new Set(lines).size);
});
