/** Genuine SEV-SNP evidence: the codec gives it back byte for byte, the verifier accepts it, and nothing that is signed may be changed. */
import { describe, expect, test } from 'vitest';
import { readCertificate } from '../../emulator/pki/read.ts';
import type { Line } from '../../emulator/snp/platform/products.ts';
import { decodeReport, encodeReport, REPORT_SIZE, SIGNED_SIZE } from '../../emulator/snp/report.ts';
import { type PresentedSnp, type SnpExpectations, SnpTrust, verifySnp } from '../../harness/verify/index.ts';
import { describeReal, REAL_SAMPLES, realSample } from '../real-samples.ts';

type Wishes = Omit<SnpExpectations, 'trust' | 'now'>;
/** What a genuine report needs to be accepted, and why it needs it. */
interface Sample {
  readonly name: string;
  readonly line: Line;
  readonly version: number;
  readonly signer?: 'vlek';
  readonly wishes?: Wishes;
  readonly why?: string;
  /** The reason without these wishes. */
  readonly otherwise?: string;
}

const SAMPLES: readonly Sample[] = [
  { name: 'milan-v2-a', line: 'Milan', version: 2, wishes: { policy: { debug: 'allowed' } }, why: 'its guest may be debugged', otherwise: 'policy-debug' },
  { name: 'milan-v2-b', line: 'Milan', version: 2 },
  { name: 'milan-v2-c', line: 'Milan', version: 2, wishes: { allowProvisionalFirmware: true }, why: 'newer microcode runs than is committed', otherwise: 'firmware-provisional' },
  { name: 'milan-v2-aci', line: 'Milan', version: 2 },
  { name: 'milan-v3-dstack', line: 'Milan', version: 3 },
  { name: 'milan-v3-ms', line: 'Milan', version: 3 },
  { name: 'genoa-v3-ms', line: 'Genoa', version: 3 },
  { name: 'genoa-v3-tinfoil', line: 'Genoa', version: 3 },
  { name: 'genoa-v5-live', line: 'Genoa', version: 5 },
  { name: 'turin-v5-ms', line: 'Turin', version: 5 },
  { name: 'milan-v3-vlek', line: 'Milan', version: 3, signer: 'vlek', wishes: { allowProvisionalFirmware: true }, why: 'newer microcode runs than is committed', otherwise: 'firmware-provisional' },
];
/** Genuine reports without the certificate of their key: only the codec can say something about them. */
const REPORTS_ONLY = ['milan-v4-gce'];
/** A report inside a hardware compatibility layer's: it begins 32 bytes in. */
const HCL_REPORTS = ['cdai-milan-v3', 'kinvolk-snp', 'lunal-snp-live', 'openpcc-genoa-v3', 'trustee-genoa', 'trustee-snp', 'trustee-snp-v2'];
const HCL_HEADER = 32;

const ca = (line: Line, role: 'ark' | 'ask' | 'asvk'): Uint8Array => realSample(`snp/ca/${line.toLowerCase()}-${role}.der`);
const trust =
  REAL_SAMPLES === undefined
    ? new SnpTrust([])
    : new SnpTrust(
        (['Milan', 'Genoa', 'Turin'] as const).map((line) => ca(line, 'ark')),
        { keep: 64 },
      );
const hclReport = (name: string): Uint8Array => realSample(`azure/${name}.hcl.bin`).slice(HCL_HEADER, HCL_HEADER + REPORT_SIZE);

function evidence({ name, line, signer }: Sample): PresentedSnp {
  const report = realSample(`snp/${name}.report.bin`);
  return signer === 'vlek'
    ? { report, vlek: realSample(`snp/${name}.vlek.der`), asvk: ca(line, 'asvk'), ark: ca(line, 'ark') }
    : { report, vcek: realSample(`snp/${name}.vcek.der`), ask: ca(line, 'ask'), ark: ca(line, 'ark') };
}

/** A day after the leaf was issued: when the report was made is not known, but it was in the leaf's time. */
function made({ vcek, vlek }: PresentedSnp): number {
  return readCertificate(vcek ?? vlek ?? new Uint8Array()).notBefore + 86_400_000;
}

/** Ways in which an edited report was accepted: none, if all is well. */
function survivors(sample: Sample, edits: Iterable<readonly [at: number, mask: number]>): string[] {
  const genuine = evidence(sample);
  const now = made(genuine);
  const accepted: string[] = [];
  for (const [at, mask] of edits) {
    const report = genuine.report.slice();
    report[at] = (report[at] ?? 0) ^ mask;
    // As lenient as can be: an edit must not get away with anything because something else is refused, nor be refused for the wishes' sake.
    if (verifySnp({ ...genuine, report }, { ...sample.wishes, ...LENIENT, trust, now }).accepted) accepted.push(`byte 0x${at.toString(16)}, mask 0x${mask.toString(16)}`);
  }
  return accepted;
}
const LENIENT: Wishes = {
  allowReserved: true,
  allowProvisionalFirmware: true,
  allowMaskedChipId: true,
  allowMaskedChipKey: true,
  allowOtherExtensions: true,
  policy: { debug: 'allowed', migrateMa: 'allowed', cxlAllow: 'allowed' },
};
const range = (end: number): number[] => Array.from({ length: end }, (_, i) => i);

describeReal('genuine reports', () => {
  test.each([...SAMPLES.map(({ name }) => name), ...REPORTS_ONLY])('%s is given back byte for byte', (name) => {
    const report = realSample(`snp/${name}.report.bin`);
    expect(Buffer.from(encodeReport(decodeReport(report))).equals(report)).toBe(true);
  });
  test.each(HCL_REPORTS)('%s is given back byte for byte', (name) => {
    const report = hclReport(name);
    expect(Buffer.from(encodeReport(decodeReport(report))).equals(report)).toBe(true);
  });
});

describeReal("genuine evidence under AMD's genuine roots", () => {
  test.each(SAMPLES)('$name is accepted', (sample) => {
    const presented = evidence(sample);
    const verdict = verifySnp(presented, { ...sample.wishes, trust, now: made(presented) });
    expect(verdict).toMatchObject({ accepted: true, facts: { line: sample.line, signer: sample.signer ?? 'vcek', report: { version: sample.version } } });
  });

  test.each(SAMPLES.filter(({ otherwise }) => otherwise))('$name is refused with the usual expectations: $why', (sample) => {
    const presented = evidence(sample);
    expect(verifySnp(presented, { trust, now: made(presented) })).toMatchObject({ accepted: false, reason: sample.otherwise });
  });

  test.each(SAMPLES)('$name is refused under the roots of the other lines', (sample) => {
    const presented = evidence(sample);
    const others = new SnpTrust((['Milan', 'Genoa', 'Turin'] as const).filter((line) => line !== sample.line).map((line) => ca(line, 'ark')));
    expect(verifySnp(presented, { ...sample.wishes, trust: others, now: made(presented) })).toMatchObject({ accepted: false, reason: 'root-untrusted' });
  });

  test.each(['cdai-milan-v3', 'lunal-snp-live', 'trustee-snp', 'openpcc-genoa-v3', 'trustee-genoa'])('%s, out of an Azure virtual machine, is accepted', (name) => {
    const line = name.includes('genoa') ? 'Genoa' : 'Milan';
    const presented = { report: hclReport(name), vcek: realSample(`azure/${name}.vcek.der`), ask: ca(line, 'ask') };
    expect(verifySnp(presented, { trust, now: made(presented) })).toMatchObject({ accepted: true, facts: { line } });
  });

  test.each([
    ['Milan', 'milan-v3-ms', '2026-03-01T00:00:00Z'],
    ['Genoa', 'genoa-v3-ms', '2025-06-01T00:00:00Z'],
    ['Turin', 'turin-v5-ms', '2026-09-01T00:00:00Z'],
  ] as const)("%s: AMD's genuine list is checked, and names none of the chain", (line, name, at) => {
    const presented = evidence({ name, line, version: 0 });
    const crl = realSample(`snp/crl/${line.toLowerCase()}.crl.der`);
    // Genoa's list ran out before this VCEK was issued: there, all but the list's time is checked.
    const verdict = verifySnp({ ...presented, crl }, { trust, now: Math.max(Date.parse(at), made(presented)) });
    expect(verdict).toMatchObject(line === 'Genoa' ? { accepted: false, reason: 'crl-stale' } : { accepted: true, facts: { revocationChecked: true } });
  });

  test('the list of another line is refused', () => {
    const presented = evidence({ name: 'milan-v3-ms', line: 'Milan', version: 3 });
    expect(verifySnp({ ...presented, crl: realSample('snp/crl/turin.crl.der') }, { trust, now: made(presented) })).toMatchObject({ accepted: false, reason: 'crl-issuer' });
  });
});

describeReal('a genuine report with a change in what is signed', () => {
  test('the search for survivors finds one: no change at all', () => {
    expect(survivors(SAMPLES[5] as Sample, [[0, 0]])).toHaveLength(1);
  });

  test(`every one of the ${SIGNED_SIZE * 8} bits counts`, () => {
    const bits = range(SIGNED_SIZE).flatMap((at) => range(8).map((bit) => [at, 1 << bit] as const));
    expect(bits).toHaveLength(5376);
    expect(survivors(SAMPLES[5] as Sample, bits)).toEqual([]);
  });

  describe.each(SAMPLES)('$name', (sample) => {
    test(`every one of the ${SIGNED_SIZE} bytes counts`, () => {
      // Another bit for each byte, so that all eight are tried.
      expect(
        survivors(
          sample,
          range(SIGNED_SIZE).map((at) => [at, 1 << (at % 8)] as const),
        ),
      ).toEqual([]);
    });
    test('so does every byte of the signature', () => {
      expect(
        survivors(
          sample,
          range(48).flatMap((i) => [[SIGNED_SIZE + i, 1 << (i % 8)] as const, [SIGNED_SIZE + 72 + i, 1 << (i % 8)] as const]),
        ),
      ).toEqual([]);
    });
  });
});
