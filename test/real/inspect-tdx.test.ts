/** Genuine TDX files are recognised, nothing in them is called wrong or a test, and Intel's own root is called genuine. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { inspect } from '../../emulator/inspect/index.ts';
import type { Inspection } from '../../emulator/inspect/inspection.ts';
import { decodeQuote } from '../../emulator/tdx/quote/quote.ts';
import { describeReal, REAL_SAMPLES, realSample } from '../real-samples.ts';

const named = (folder: string, end: RegExp): string[] =>
  REAL_SAMPLES === undefined
    ? []
    : readdirSync(join(REAL_SAMPLES, folder))
        .filter((name) => end.test(name))
        .map((name) => `${folder}/${name}`);
const kinds = ({ sections }: Inspection): string[] => sections.flatMap(({ notes }) => notes.map(({ kind }) => kind));
const broken = ({ sections }: Inspection): string[] =>
  sections.flatMap(({ notes, lines }) => [...notes.filter(({ kind }) => kind === 'broken').map(({ text }) => text), ...lines.flatMap((line) => (line.broken === undefined ? [] : [line.broken]))]);

describeReal('genuine files', () => {
  test.each([...named('tdx', /\.quote\.bin$/), ...named('azure', /\.td-quote\.bin$/)])('%s is a quote whose signatures hold, under the genuine root', (name) => {
    const found = inspect(realSample(name));
    const { debug } = decodeQuote(realSample(name)).body.tdAttributes;
    expect([found.format, broken(found)]).toEqual(['tdx-quote', debug === 1 ? ['The TD is debuggable: the host can read it.'] : []]);
    expect(kinds(found)).not.toContain('test');
    expect(kinds(found)).toContain('genuine');
    expect(found.sections.flatMap(({ lines }) => lines.map(({ path }) => path))).toContain('intel.sgx');
  });

  test.each(named('tdx', /\.tdreport\.bin$/))('%s is a TDREPORT whose hashes hold', (name) => {
    const found = inspect(realSample(name));
    expect([found.format, broken(found)]).toEqual(['tdx-report', []]);
  });

  test.each(named('tdx', /\.ccel-data\./))('%s is an event log that contradicts nothing', (name) => {
    const found = inspect(realSample(name));
    expect([found.format, broken(found)]).toEqual(['ccel-log', []]);
  });

  test.each(named('tdx', /\.ccel-table\.bin$/))('%s is a table whose checksum holds', (name) => {
    const found = inspect(realSample(name));
    expect([found.format, broken(found)]).toEqual(['ccel-table', []]);
  });

  test.each([...named('tdx', /\.tcbinfo\.json$/), ...named('tdx/collateral', /^tcbinfo.*\.json$/)])('%s is TCB info', (name) => {
    const found = inspect(realSample(name));
    expect([found.format, broken(found)]).toEqual(['tdx-tcb-info', []]);
  });

  test.each(named('tdx', /\.qeidentity\.json$/))('%s is an identity', (name) => {
    const found = inspect(realSample(name));
    expect([found.format, broken(found)]).toEqual(['tdx-enclave-identity', []]);
  });

  test.each([...named('tdx', /chain\.pem$/), ...named('tdx/collateral', /chain\.pem$/)])('%s is a chain signed link by link', (name) => {
    const found = inspect(realSample(name));
    expect([found.format, broken(found)]).toEqual(['pem', []]);
    expect(kinds(found).filter((kind) => kind === 'info').length).toBeGreaterThanOrEqual(2);
  });
});
