/** Whatever bytes come as a report, decoding and verifying them ends in a value, a typed error or a verdict. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mutants } from '../../emulator/codec/mutants.ts';
import { decodeReport, encodeReport, REPORT_SIZE, REPORT_VERSIONS, reportLayout } from '../../emulator/snp/report.ts';
import { verifySnp } from '../../harness/verify/index.ts';
import { evidence, type Machine, MILAN, NOW, worldTrust } from '../verify/snp-evidence.ts';
import { bombard, damaged, flipped, PATIENCE } from './damage.ts';
import { iterations } from './iterations.ts';

const MACHINES: readonly Machine[] = [...REPORT_VERSIONS.map((version) => ({ ...MILAN, version })), { line: 'Turin', version: 5, signer: 'vcek' }, { ...MILAN, signer: 'vlek' }];
const good = MACHINES.map((machine) => ({ machine, presented: evidence(machine) }));
const reports = good.map(({ presented }) => presented.report);
/** A report in which one field was changed, as the table of its version knows them. */
const fieldChanged = fc.constantFrom(...good.flatMap(({ machine, presented }) => mutants(reportLayout(machine.version, machine.line === 'Turin'), presented.report).map((m) => m.apply(presented.report))));
const rightSize = fc.uint8Array({ minLength: REPORT_SIZE, maxLength: REPORT_SIZE });
const rightVersion = fc.tuple(rightSize, fc.constantFrom(...REPORT_VERSIONS)).map(([src, version]) => Uint8Array.of(version, 0, 0, 0, ...src.subarray(4)));
/** Noise in every field, zeros where zeros must be. */
const rightReserved = rightVersion.map((src) => encodeReport(withoutReserved(decodeReport(src, 'keep'))));

function withoutReserved<T>(value: T): T {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  return Object.fromEntries(Object.entries(value).flatMap(([key, part]) => (!/^reserved(?!6$|17$)/.test(key) ? [[key, withoutReserved(part)]] : typeof part === 'number' ? [[key, 0]] : []))) as T;
}

const ladder: readonly (readonly [rung: string, inputs: fc.Arbitrary<Uint8Array>, reaches: boolean])[] = [
  ['noise', fc.uint8Array({ maxLength: 2000 }), false],
  ['noise of the right length', rightSize, false],
  ['noise of the right length and version', rightVersion, false],
  ['noise with zeros where they must be', rightReserved, true],
  ['a report with some bytes changed, cut away or added', damaged(...reports), true],
  ['a report with one bit changed', flipped(...reports), true],
  ['a report with one field changed', fieldChanged, true],
];
const runs = Math.ceil(iterations / ladder.length);

describe('decoding a report', PATIENCE, () => {
  test.each(ladder)('%s: only typed errors, and what is understood encodes to the same bytes', (_, inputs, reaches) => {
    const read = bombard(
      inputs,
      (src) => {
        const report = decodeReport(src);
        if (Buffer.compare(encodeReport(report), src) !== 0) throw new Error('encodes to other bytes');
      },
      runs,
    );
    if (reaches) expect(read).toBeGreaterThan(0);
    else expect(read).toBe(0);
  });
});

describe('verifying a hostile report', PATIENCE, () => {
  const trust = worldTrust(16);
  test.each(ladder)('%s: a verdict, and never a good one', (_, inputs) => {
    const verdicts = new Set<string>();
    bombard(
      fc.tuple(inputs, fc.constantFrom(...good)),
      ([report, { presented }]) => {
        for (const allowReserved of [false, true]) {
          const verdict = verifySnp({ ...presented, report }, { trust, now: NOW, allowReserved, allowMaskedChipId: true, allowMaskedChipKey: true, allowProvisionalFirmware: true });
          // Only the 368 bytes after the signature are not signed, and may be anything where reserved bytes may.
          if (verdict.accepted && !reports.some((r) => Buffer.compare(r.subarray(0, 0x330), report.subarray(0, 0x330)) === 0)) throw new Error('accepted');
          verdicts.add(verdict.accepted ? 'accepted' : verdict.reason);
        }
      },
      Math.ceil(runs / 2),
    );
    expect(verdicts.size).toBeGreaterThan(0);
  });

  test('the good ones are accepted', () => {
    for (const { presented } of good) expect(verifySnp(presented, { trust, now: NOW })).toMatchObject({ accepted: true });
  });
});
