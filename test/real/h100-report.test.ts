/** Genuine reports of GPUs and switches: decoded, encoded back, their signatures checked with the keys of their chains. */
import { verify, X509Certificate } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { opaqueRowOf } from '../../emulator/h100/report/opaque.ts';
import { decodeGpuReport, encodeGpuReport, opaqueField } from '../../emulator/h100/report/report.ts';
import { textOf, vbiosVersionText } from '../../emulator/h100/report/values.ts';
import { readPem } from '../../emulator/pki/pem.ts';
import { describeReal, REAL_SAMPLES, realSample } from '../real-samples.ts';

const REPORTS = REAL_SAMPLES === undefined ? [] : readdirSync(join(REAL_SAMPLES, 'h100')).filter((name) => name.endsWith('.report.bin'));
/** One was stored with a byte behind its signature. */
const STRAY = 'gh100-coco.report.bin';
const CLEAN = REPORTS.filter((name) => name !== STRAY);
const hex = (b: Uint8Array): string => Buffer.from(b).toString('hex');

/** Versions as the samples' own table of contents states them, read by other tools than these. */
const VERSIONS: readonly (readonly [name: string, driver: string | undefined, vbios: string])[] = [
  ['gh100-sdk-old', '535.86.09', '96.00.5E.00.01'],
  ['gh100-550.90.07', '550.90.07', '96.00.9F.00.01'],
  ['gh100-570.124.06', '570.124.06', '96.00.CF.00.02'],
  ['gh100-590.12', '590.12', '96.00.A5.00.01'],
  ['blackwell-590.48.01', '590.48.01', '97.00.D9.00.35'],
  ['ls10-sdk', undefined, '96.10.55.00.01'],
];

describeReal('genuine reports', () => {
  test('are all found', () => {
    expect(REPORTS.length).toBeGreaterThanOrEqual(19);
  });

  test.each(CLEAN)('%s is read strictly and comes back byte for byte', (name) => {
    const src = realSample(`h100/${name}`);
    const report = decodeGpuReport(src);
    expect(hex(encodeGpuReport(report))).toBe(hex(src));
    expect(hex(report.signed)).toBe(hex(src.subarray(0, -96)));
  });

  test('a byte behind the signature is refused, and kept on demand', () => {
    const src = realSample(`h100/${STRAY}`);
    expect(() => decodeGpuReport(src)).toThrowError(expect.objectContaining({ code: 'ERR_CODEC_LENGTH', at: src.length - 1 }));
    const report = decodeGpuReport(src, { unusual: 'keep' });
    expect(report.trailing).toHaveLength(1);
    expect(hex(encodeGpuReport(report))).toBe(hex(src.subarray(0, -1)));
  });

  test.each(REPORTS)('%s is signed by the leaf of its chain', (name) => {
    const { signed, signature } = decodeGpuReport(realSample(`h100/${name}`), { unusual: 'keep' });
    const leaf = readPem(realSample(`h100/${name.replace('.report.bin', '.chain.pem')}`))[0];
    const key = new X509Certificate(leaf?.der ?? new Uint8Array()).publicKey;
    expect(verify('sha384', signed, { key, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true);
  });

  test.each(VERSIONS)('%s states driver %s and firmware %s', (name, driver, vbios) => {
    const report = decodeGpuReport(realSample(`h100/${name}.report.bin`));
    const stated = opaqueField(report, 'DRIVER_VERSION');
    expect(stated && textOf(stated)).toBe(driver);
    expect(vbiosVersionText(opaqueField(report, 'vbiosVersion') ?? new Uint8Array())).toBe(vbios);
  });

  test('no field that is marked as unseen is seen', () => {
    const seen = REPORTS.flatMap((name) => decodeGpuReport(realSample(`h100/${name}`), { unusual: 'keep' }).opaque.map(({ type }) => opaqueRowOf(type)));
    expect(seen.filter((row) => row === undefined || row.unseen)).toEqual([]);
  });
});
