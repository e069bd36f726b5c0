/** What `inspect` makes of SEV-SNP's files: what they are recognised by, where their parts lie, and what is said of them as a whole. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { inspect, MAX_INSPECTED, RECOGNISERS } from '../../emulator/inspect/index.ts';
import type { Inspection, Note } from '../../emulator/inspect/inspection.ts';
import { type CertificateTableEntry, encodeCertificateTable } from '../../emulator/snp/certificate-table.ts';
import { snpEvidence } from '../../emulator/snp/evidence/evidence.ts';
import type { SnpOptionsInput } from '../../emulator/snp/evidence/options.ts';
import { reportLayout } from '../../emulator/snp/report.ts';
import { fixedClock, seededWorld } from '../../emulator/world.ts';

const world = seededWorld('inspect', fixedClock(Date.UTC(2026, 2, 1)));
const report = (options: SnpOptionsInput = {}): Uint8Array => snpEvidence(world, { product: 'milan', reportVersion: 3, ...options }).report;
const usual = snpEvidence(world, { product: 'milan', reportVersion: 3 });
const ENTRIES: CertificateTableEntry[] = [
  { kind: 'VCEK', contents: usual.leaf.der },
  { kind: 'CRL', contents: usual.crl },
  { kind: 'ARK', contents: Uint8Array.of(1, 2, 3) },
  { kind: 'other', guid: '00112233-4455-6677-8899-aabbccddeeff', contents: new Uint8Array(65) },
];
const table = encodeCertificateTable(ENTRIES);
const concat = (...parts: Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(parts));
const texts = (found: Inspection, kind: Note['kind'], name = 'snp.report'): string[] =>
  found.sections.filter((section) => section.name === name).flatMap(({ notes }) => notes.flatMap((note) => (note.kind === kind ? [note.text] : [])));

describe('what a file is recognised as', () => {
  test.each<[string, Uint8Array, string, readonly string[]]>([
    ['a report of version 2', report({ reportVersion: 2 }), 'snp-report', ['snp.report']],
    ['a report of version 3', usual.report, 'snp-report', ['snp.report']],
    ['a report of version 5', report({ product: 'turin', reportVersion: 5 }), 'snp-report', ['snp.report']],
    ['a report with a table', concat(usual.report, table), 'snp-extended-report', ['snp.report', 'snp.certificate-table', 'certificate', 'crl', 'ARK', 'other3']],
    ['a report with an empty table', concat(usual.report, new Uint8Array(24)), 'snp-extended-report', ['snp.report', 'snp.certificate-table']],
    ['a report with a table and padding', concat(usual.report, table, new Uint8Array(4096)), 'snp-extended-report', ['snp.report', 'snp.certificate-table', 'certificate', 'crl', 'ARK', 'other3']],
    ['a table', table, 'snp-certificate-table', ['snp.certificate-table', 'certificate', 'crl', 'ARK', 'other3']],
    ['a table in the other order of GUIDs', encodeCertificateTable(ENTRIES, { guidOrder: 'little-endian' }), 'snp-certificate-table', ['snp.certificate-table', 'certificate', 'crl', 'ARK', 'other3']],
  ])('%s', (_, src, format, names) => {
    const found = inspect(src);
    expect([found.format, found.size, found.sections.map(({ name }) => name)]).toEqual([format, src.length, names]);
  });

  test.each<[string, Uint8Array, RegExp]>([
    ['a report without its last byte', usual.report.subarray(0, 1183), /attestation report: is 1184 bytes long, these are 1183/],
    ['a report of a later version', usual.report.with(0, 6), /attestation report: begins with a version of 2, 3, 4, 5, this is 0x6/],
    ['less than a version', Uint8Array.of(3, 0, 0), /extended report .*: is longer than 1184 bytes, these are 3/],
    ['a report with a table that does not end', concat(usual.report, table.subarray(0, 24)), /extended report .*: snp\.certificate-table\.1 .*ends before its list/],
    ['a table that begins with a GUID of somebody’s own', encodeCertificateTable([...ENTRIES].reverse()), /certificate table: begins with the GUID/],
    ['a table whose contents lie outside', table.subarray(0, 200), /certificate table: snp\.certificate-table\.0\.offset/],
    ['nothing', new Uint8Array(0), /0 bytes of no known kind/],
  ])('%s is nothing, and the reason says why', (_, src, reason) => {
    expect(() => inspect(src, {}, 'my.bin')).toThrow(expect.objectContaining({ code: 'ERR_CONFIG', key: 'my.bin', message: expect.stringMatching(reason) as unknown }));
  });

  test('nothing too long is looked at', () => {
    expect(() => inspect(new Uint8Array(MAX_INSPECTED + 1))).toThrow(`longer than the ${MAX_INSPECTED} bytes that are inspected`);
  });

  test('every kind says why it is not another', () => {
    const noise = Uint8Array.from({ length: 100 }, (_, i) => 0x40 + i);
    for (const { refuse } of RECOGNISERS) expect(refuse(noise)).toEqual(expect.stringMatching(/\w/));
  });
});

describe('the parts of a file', () => {
  test.each([
    ['of a table', 0, table],
    ['of a table behind a report', 1184, concat(usual.report, table)],
  ])('%s lie where they are said to', (_, base, src) => {
    const { sections } = inspect(src);
    const at = sections.find(({ name }) => name === 'snp.certificate-table')?.at;
    expect(at).toBe(base);
    const contents = sections.slice(base === 0 ? 1 : 2);
    expect(contents.map(({ at: from = -1, size }) => src.subarray(from, from + size))).toEqual(ENTRIES.map((entry) => entry.contents));
  });

  test('of a table are named by kind, with the fields of their entries', () => {
    const [section] = inspect(table).sections;
    expect(section?.lines.filter(({ depth }) => depth === 0).map(({ path, at, value, doc }) => [path, at, value, doc])).toEqual([
      ['VCEK', 0, '63da758d-e664-4564-adc5-f4b93be8accd', `${usual.leaf.der.length} bytes`],
      ['CRL', 24, '92f81bc3-5811-4d3d-97ff-d19f88dc67ea', `${usual.crl.length} bytes`],
      ['ARK', 48, 'c0b406a4-a803-4952-9743-3fb6014cd0ae', '3 bytes'],
      ['other3', 72, '00112233-4455-6677-8899-aabbccddeeff', '65 bytes'],
    ]);
    expect(section?.lines.find(({ path }) => path === 'CRL.length')).toMatchObject({ at: 24 + 20, size: 4 });
  });

  test('that are no certificate are shown as they are, and are wrong only where one must be', () => {
    const { sections } = inspect(table);
    const ark = sections.find(({ name }) => name === 'ARK');
    expect([ark?.lines[0]?.value, ark?.notes.map(({ kind }) => kind)]).toEqual(['010203', ['broken']]);
    const other = sections.find(({ name }) => name === 'other3');
    expect([other?.lines[0]?.value, other?.notes]).toEqual([`${'00'.repeat(64)}…`, []]);
  });

  test('of a table in the other order of GUIDs are the same, and it says so', () => {
    const turned = inspect(encodeCertificateTable(ENTRIES, { guidOrder: 'little-endian' }));
    expect(turned.sections.slice(1)).toEqual(inspect(table).sections.slice(1));
    expect(texts(turned, 'info', 'snp.certificate-table')).toEqual([expect.stringContaining('first three groups little-endian')]);
    expect(texts(inspect(table), 'info', 'snp.certificate-table')).toEqual([]);
  });
});

describe('what is said of a report', () => {
  test('that is as it must be: whose it is, its line, its digest, nothing wrong', () => {
    const found = inspect(usual.report);
    expect(texts(found, 'test')).toEqual([expect.stringContaining('teemu made this report')]);
    expect(texts(found, 'info')).toEqual(['The CPU is of the line Milan.', `SHA-384 of the signed bytes: ${createHash('sha384').update(usual.report.subarray(0, 0x2a0)).digest('hex')}`]);
    expect(texts(found, 'broken')).toEqual([]);
  });

  test('of version 2 names no line, since the report names no CPU', () => {
    expect(texts(inspect(report({ reportVersion: 2 })), 'info')).toHaveLength(1);
  });

  test('of a CPU that nobody has keys for', () => {
    expect(texts(inspect(report({ set: ['cpuidFamId=1'] })), 'info')).toContain('The CPU is of the line of no known keys.');
  });

  test('with a masked chip id, which is no test mark', () => {
    const masked = inspect(report({ set: [`chipId=${'00'.repeat(64)}`] }));
    expect(texts(masked, 'info')).toContain('The chip id is masked.');
    expect(texts(masked, 'test')).toEqual([]);
  });

  const bit17 = usual.report.with(reportLayout(3, false).locate('policy').at + 2, 0);
  test.each<[string, Uint8Array, readonly string[]]>([
    ['of a guest that can be debugged', report({ set: ['policy.debug=1'] }), ['Debugging is allowed: the host can read this guest.']],
    ['whose policy lacks the bit that must be one', bit17, ['Bit 17 of the policy must be one.']],
    ['that reports more than is committed', report({ set: ['committedTcb.snp=0'] }), ['reportedTcb.snp is above committedTcb.snp.']],
    ['that commits more than runs', report({ set: ['currentTcb.bootLoader=0', 'reportedTcb.bootLoader=0'] }), ['committedTcb.bootLoader is above currentTcb.bootLoader.']],
  ])('%s', (_, src, expected) => {
    expect(texts(inspect(src), 'broken')).toEqual(expected);
  });

  test('whose reserved bytes are not zero: still shown, the field marked', () => {
    const { at } = reportLayout(3, false).locate('reserved0x4c');
    const broken = inspect(usual.report.with(at, 1)).sections[0]?.lines.filter((line) => line.broken !== undefined);
    expect(broken?.map((line) => [line.path, line.at, line.broken])).toEqual([['reserved0x4c', at, 'must be zero']]);
  });
});
