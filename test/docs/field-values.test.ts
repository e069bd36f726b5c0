/** Every value that evidence has without being told otherwise was seen in a genuine report, or has its reason in docs/field-values.md. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { snpEvidence } from '../../emulator/snp/evidence/evidence.ts';
import { SNP_PRESETS } from '../../emulator/snp/evidence/presets.ts';
import { PRODUCTS } from '../../emulator/snp/platform/products.ts';
import { releaseOf } from '../../emulator/snp/platform/releases.ts';
import { decodeReport, REPORT_SIZE, REPORT_VERSIONS, type ReportVersion, reportLayout, reportLayoutOf, type SnpReport } from '../../emulator/snp/report.ts';
import { fixedClock, seededWorld } from '../../emulator/world.ts';
import { fieldValuesPage } from '../../harness/docs/field-values.ts';
import { describeReal, REAL_SAMPLES, realSample } from '../real-samples.ts';

const world = seededWorld('x', fixedClock(Date.UTC(2026, 0, 2)));
/** Values that can't be a genuine report's, because they follow from the guest, its owner, the chip or the keys. */
const OF_ITS_OWN = ['reportData', 'measurement', 'hostData', 'idKeyDigest', 'reportId', 'chipId', 'signature'];
/** What a release states; where it is assumed, its row in the docs says so. */
const OF_RELEASE = [
  'currentTcb',
  'committedTcb',
  'reportedTcb',
  'launchTcb',
  'platformInfo',
  'currentBuild',
  'currentMinor',
  'currentMajor',
  'committedBuild',
  'committedMinor',
  'committedMajor',
  'launchMitVector',
  'currentMitVector',
] as const;
/** Where a report lies in an Azure HCL report. */
const IN_HCL = 0x20;

interface Genuine {
  readonly file: string;
  readonly report: SnpReport;
  readonly bytes: Uint8Array;
}

function genuineReports(): Genuine[] {
  const named = (folder: string, end: string): string[] =>
    REAL_SAMPLES === undefined
      ? []
      : readdirSync(join(REAL_SAMPLES, folder))
          .filter((name) => name.endsWith(end))
          .map((name) => `${folder}/${name}`);
  const bare = named('snp', '.report.bin').map((file) => ({ file, bytes: realSample(file) }));
  const azure = named('azure', '.hcl.bin')
    .filter((file) => !file.includes('tdx'))
    .map((file) => ({ file, bytes: realSample(file).slice(IN_HCL, IN_HCL + REPORT_SIZE) }));
  return [...bare, ...azure].map(({ file, bytes }) => ({ file, bytes, report: decodeReport(bytes) }));
}

const plain = (value: unknown): string => JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? `${v}n` : v instanceof Uint8Array ? Buffer.from(v).toString('hex') : v));
const lineOfReport = (r: SnpReport): string => (r.currentTcb.fmc !== undefined ? 'Turin' : r.cpuidModId === undefined ? (r.currentTcb.bootLoader < 8 ? 'Milan' : 'Genoa') : r.cpuidModId < 0x10 ? 'Milan' : 'Genoa');

describe('docs/field-values.md', () => {
  const page = fieldValuesPage();
  test.each(REPORT_VERSIONS)('has a row for each field of a report of version %i', (version: ReportVersion) => {
    const skipped = version === 5 ? [] : ['reserved0x188', 'reserved0x1f8'];
    for (const field of Object.keys(reportLayout(version, false).rows).filter((key) => !skipped.includes(key))) expect(page).toContain(`| \`${field}\` |`);
  });
  test.each([...SNP_PRESETS.keys()])('has a row for the preset %s', (name) => {
    expect(page).toContain(`| \`${name}\` |`);
  });
  test('says of every release where it is from: a genuine report, or what is assumed and why', () => {
    for (const product of Object.values(PRODUCTS)) {
      for (const version of REPORT_VERSIONS) expect(releaseOf(product, version).source).toMatch(/^(genuine .*report|assumed: .+; no genuine .+ is at hand$|assumed: .*genuine|does not exist: )/);
    }
  });
});

describeReal('what evidence says without being told otherwise', () => {
  const genuine = genuineReports();
  test('is compared with genuine reports of every line and version', () => {
    expect(genuine.length).toBeGreaterThanOrEqual(16);
    expect(new Set(genuine.map(({ report }) => lineOfReport(report)))).toEqual(new Set(['Milan', 'Genoa', 'Turin']));
    expect(new Set(genuine.map(({ report }) => report.version))).toEqual(new Set([2, 3, 4, 5]));
  });

  test.each([...SNP_PRESETS.keys()])('with the preset %s, was seen field by field', (preset) => {
    const { report: bytes } = snpEvidence(world, { preset });
    const report = decodeReport(bytes) as unknown as Record<string, unknown>;
    for (const field of Object.keys(reportLayoutOf(bytes).rows)) {
      if (OF_ITS_OWN.includes(field) || field.startsWith('reserved')) continue;
      const seen = genuine.map((g) => plain((g.report as unknown as Record<string, unknown>)[field]));
      expect(seen, field).toContain(plain(report[field]));
    }
  });

  const releases = Object.values(PRODUCTS).flatMap((product) => REPORT_VERSIONS.map((version) => ({ name: product.name, version, product, source: releaseOf(product, version).source })));
  test.each(releases.filter(({ source }) => source.startsWith('genuine')))('of $name in version $version is one genuine report’s, taken whole', ({ name, version }) => {
    const { report: bytes } = snpEvidence(world, { product: name, reportVersion: version });
    const report = decodeReport(bytes);
    const alike = genuine.filter((g) => g.report.version === version && OF_RELEASE.every((field) => plain(g.report[field]) === plain(report[field])));
    expect(alike.map(({ file }) => file)).not.toEqual([]);
  });

  test.each(Object.values(PRODUCTS))('of the CPUID of $name is a genuine report’s', ({ cpuid }) => {
    const seen = genuine.map(({ report }) => plain([report.cpuidFamId, report.cpuidModId, report.cpuidStep]));
    expect(seen).toContain(plain([cpuid.family, cpuid.model, cpuid.stepping]));
  });
});
