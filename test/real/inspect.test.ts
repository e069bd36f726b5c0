/** Genuine SEV-SNP files are recognised, nothing in them is called wrong or a test, and AMD's own keys are called genuine. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { inspect } from '../../emulator/inspect/index.ts';
import type { Inspection } from '../../emulator/inspect/inspection.ts';
import { describeReal, REAL_SAMPLES, realSample } from '../real-samples.ts';

/** Names of the samples in a folder that end so. */
const named = (folder: string, end: RegExp): string[] =>
  REAL_SAMPLES === undefined
    ? []
    : readdirSync(join(REAL_SAMPLES, folder))
        .filter((name) => end.test(name))
        .map((name) => `${folder}/${name}`);
const kinds = ({ sections }: Inspection): string[] => sections.flatMap(({ notes }) => notes.map(({ kind }) => kind));
const broken = ({ sections }: Inspection): string[] => sections.flatMap(({ lines }) => lines.flatMap((line) => (line.broken === undefined ? [] : [`${line.path}: ${line.broken}`])));

describeReal('genuine files', () => {
  const reports = named('snp', /\.report\.bin$/);
  test('there are some of each kind', () => {
    expect(reports.length).toBeGreaterThan(8);
    expect(named('snp/ca', /\.der$/)).toHaveLength(9);
    expect(named('snp/crl', /\.der$/).length).toBeGreaterThan(2);
  });

  test.each(reports)('%s is a report without anything wrong in its fields', (name) => {
    const found = inspect(realSample(name));
    expect([found.format, broken(found)]).toEqual(['snp-report', []]);
    expect(kinds(found)).not.toContain('test');
  });

  test.each(named('snp', /\.v[cl]ek\.der$/))('%s is a certificate with every extension decoded', (name) => {
    const found = inspect(realSample(name));
    expect([found.format, broken(found), kinds(found)]).toEqual(['certificate', [], []]);
    expect(found.sections[0]?.lines.filter(({ doc }) => doc.startsWith('unknown'))).toEqual([]);
    expect(found.sections[0]?.lines.map(({ path }) => path)).toEqual(expect.arrayContaining(['amd.blSPL', 'amd.ucodeSPL', name.includes('vlek.der') ? 'amd.cspID' : 'amd.hwID']));
  });

  test.each(named('snp/ca', /\.der$/))('%s is called genuine', (name) => {
    const found = inspect(realSample(name));
    expect([found.format, broken(found)]).toEqual(['certificate', []]);
    expect(kinds(found)).toEqual(name.includes('-ark') ? ['genuine', 'info'] : ['genuine']);
  });

  test.each(named('snp/crl', /\.der$/))('%s is a list', (name) => {
    const found = inspect(realSample(name));
    expect([found.format, broken(found), kinds(found)]).toEqual(['crl', [], []]);
  });
});
