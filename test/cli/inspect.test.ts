import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { AmdAuthority } from '../../emulator/snp/authority.ts';
import { snpEvidence } from '../../emulator/snp/evidence/evidence.ts';
import { reportLayout } from '../../emulator/snp/report.ts';
import { fixedClock, seededWorld } from '../../emulator/world.ts';
import { call, json, scratch } from './call.ts';

const NOW = Date.UTC(2026, 2, 1);
const world = seededWorld('inspect', fixedClock(NOW));
const cwd = scratch();
const evidence = snpEvidence(world, { product: 'milan', reportVersion: 3 });
const files: Readonly<Record<string, Uint8Array | string>> = {
  'report.bin': evidence.report,
  'v5.bin': snpEvidence(world, { product: 'genoa', reportVersion: 5, reportData: '68656c6c6f20776f726c64' }).report,
  'debug.bin': snpEvidence(world, { product: 'milan', reportVersion: 3, set: ['policy.debug=1'] }).report,
  'extended.bin': Buffer.concat([evidence.report, evidence.certificateTable]),
  'table.bin': evidence.certificateTable,
  'vcek.der': evidence.leaf.der,
  'ark.pem': evidence.ark.pem,
  'chain.pem': evidence.leaf.pem + evidence.intermediate.pem + evidence.ark.pem,
  'crl.der': evidence.crl,
  'genoa-crl.der': new AmdAuthority(world, 'Genoa').crl(),
  'short.bin': evidence.report.subarray(0, 1000),
  'new.bin': Uint8Array.of(9, ...evidence.report.subarray(1)),
  'noise.txt': 'hello',
  empty: '',
};

beforeAll(() => {
  for (const [name, contents] of Object.entries(files)) writeFileSync(join(cwd, name), contents);
});
const inspect = (...args: string[]): ReturnType<typeof call> => call(['inspect', ...args], { cwd });

type Line = { path: string; at?: number; size?: number; value: string; broken?: string };
type Section = { name: string; title: string; at?: number; size: number; notes: { kind: string; text: string }[]; lines: Line[] };
async function sections(name: string, ...args: string[]): Promise<Section[]> {
  const called = await inspect(name, '--json', ...args);
  expect([called.code, called.stderr]).toEqual([0, '']);
  return json(called).sections as Section[];
}
const notes = (list: readonly Section[]): string => list.flatMap((s) => s.notes.map(({ kind, text }) => `${kind}: ${text}`)).join('\n');
const value = (section: Section | undefined, path: string): string | undefined => section?.lines.find((line) => line.path === path)?.value;

describe('a file is recognised by its contents', () => {
  test.each([
    ['report.bin', 'snp-report', ['snp.report']],
    ['v5.bin', 'snp-report', ['snp.report']],
    ['extended.bin', 'snp-extended-report', ['snp.report', 'snp.certificate-table', 'certificate', 'certificate', 'certificate']],
    ['table.bin', 'snp-certificate-table', ['snp.certificate-table', 'certificate', 'certificate', 'certificate']],
    ['vcek.der', 'certificate', ['certificate']],
    ['ark.pem', 'pem', ['certificate']],
    ['chain.pem', 'pem', ['certificate', 'certificate', 'certificate']],
    ['crl.der', 'crl', ['crl']],
  ])('%s is a %s', async (name, format, names) => {
    const called = await inspect(name, '--json');
    expect(called.code).toBe(0);
    const data = json(called);
    expect(data.format).toBe(format);
    expect((data.sections as Section[]).map((section) => section.name)).toEqual(names);
  });

  test('from standard input too', async () => {
    const called = await call(['inspect', '-', '--json'], { cwd, stdin: evidence.report });
    expect(json(called).format).toBe('snp-report');
  });

  test.each(['short.bin', 'new.bin', 'noise.txt', 'empty'])('%s is none of them: exit 2, and every kind tried with the reason why not', async (name) => {
    const { code, stdout, stderr } = await inspect(name);
    expect([code, stdout]).toEqual([2, '']);
    for (const tried of ['PEM', 'certificate in DER', 'revocation list', 'attestation report', 'extended report', 'certificate table']) expect(stderr).toMatch(new RegExp(`- .*${tried}.*: `));
  });

  test('a report of an unknown version says which versions there are', async () => {
    expect((await inspect('new.bin')).stderr).toMatch(/attestation report: begins with a version of 2, 3, 4, 5, this is 0x9/);
  });

  test('a file too large is not read', async () => {
    writeFileSync(join(cwd, 'large'), new Uint8Array(16 * 1024 * 1024 + 1));
    const { code, stderr } = await inspect('large');
    expect(code).toBe(2);
    expect(stderr).toMatch(/more than the 16777216 that are read/);
  });

  test('a file that is not there is named', async () => {
    const called = await inspect('nowhere.bin', '--json');
    expect(called.code).toBe(2);
    expect(json(called)).toMatchObject({ error: { code: 'ERR_FILE', message: expect.stringMatching(/nowhere\.bin: there is no such file/) as unknown } });
  });
});

describe('the dump of a report', () => {
  test('has every field at the offset where it lies, in the order of the table', async () => {
    const [section] = await sections('report.bin');
    const layout = reportLayout(3, false);
    for (const { path, at, size } of section?.lines ?? []) expect(layout.locate(path)).toMatchObject({ at, size });
    expect(section?.lines.map(({ at }) => at)).toEqual(section?.lines.map(({ at }) => at).toSorted((a = 0, b = 0) => a - b));
    expect(Object.keys(layout.rows).filter((name) => !name.startsWith('reserved') && value(section, name) === undefined)).toEqual([]);
  });

  test('shows values, names of known ones, and text that bytes spell', async () => {
    const { stdout } = await inspect('v5.bin');
    expect(stdout).toMatch(/0x000 {2}version +0x5 \(5\) /);
    expect(stdout).toMatch(/0x034 {2}signatureAlgo +0x1 \(1\) ECDSA P-384 with SHA-384/);
    expect(stdout).toContain("'hello world'");
    expect(stdout).toMatch(/cpuidFamId +0x19 \(25\)/);
  });

  test('says that the report is a test report, and which line the CPU is of', async () => {
    expect(notes(await sections('report.bin'))).toMatch(/^test: .*teemu made this report[\s\S]*info: The CPU is of the line Milan/);
  });

  test('warns of a guest that the host can read', async () => {
    expect(notes(await sections('report.bin'))).not.toContain('Debugging');
    expect(notes(await sections('debug.bin'))).toContain('broken: Debugging is allowed');
    expect((await inspect('debug.bin')).stdout).toContain('WRONG: Debugging is allowed');
  });

  test('marks bytes that must be zero and are not', async () => {
    const spoilt = Uint8Array.from(evidence.report);
    const { at } = reportLayout(3, false).locate('reserved0x4c');
    spoilt[at] = 1;
    writeFileSync(join(cwd, 'spoilt.bin'), spoilt);
    const [section] = await sections('spoilt.bin');
    expect(section?.lines.find(({ path }) => path === 'reserved0x4c')).toMatchObject({ at, value: '01000000', broken: 'must be zero' });
  });
});

describe('the listing of certificates', () => {
  test('of an ARK shows the test marker loudly', async () => {
    expect(notes(await sections('ark.pem'))).toContain('test: TEEMU TEST KEY - DO NOT TRUST');
    expect((await inspect('ark.pem')).stdout).toContain('TEST: TEEMU TEST KEY - DO NOT TRUST');
  });

  test('of a VCEK names and decodes AMD’s extensions', async () => {
    const [section] = await sections('vcek.der');
    const { reportedTcb } = { reportedTcb: { bootLoader: '4', tee: '0', snp: '23', microcode: '213' } };
    expect(value(section, 'amd.blSPL')).toBe(reportedTcb.bootLoader);
    expect(value(section, 'amd.teeSPL')).toBe(reportedTcb.tee);
    expect(value(section, 'amd.snpSPL')).toBe(reportedTcb.snp);
    expect(value(section, 'amd.ucodeSPL')).toBe(reportedTcb.microcode);
    expect(value(section, 'amd.productName')).toBe('Milan-B0');
    expect(value(section, 'amd.hwID')).toMatch(/^5445454d55[0-9a-f]{118}$/);
    expect(value(section, 'key')).toBe('EC, secp384r1');
    expect(value(section, 'subject')).toMatch(/^OU=Engineering, C=US, .*CN=SEV-VCEK$/);
    expect(notes([section as Section])).toContain('test: The hardware id says that teemu made this certificate');
  });

  test('of a chain says who signed whom', async () => {
    const found = (await sections('chain.pem')).map((section) => section.notes.find(({ text }) => text.startsWith('Signed'))?.text);
    expect(found).toEqual([expect.stringMatching(/^Signed by SEV-Milan /), expect.stringMatching(/^Signed by ARK-Milan /), 'Signed with its own key.']);
  });

  test('of a chain with an authority of the same name but another key says that the signature is not its own', async () => {
    const other = snpEvidence(seededWorld('other', fixedClock(NOW)), { product: 'milan' });
    writeFileSync(join(cwd, 'mixed.pem'), evidence.leaf.pem + other.intermediate.pem);
    expect(notes(await sections('mixed.pem'))).toContain('broken: The signature is not that of SEV-Milan');
  });

  test.each([
    ['2020-01-01', /not valid yet at 2020-01-01T00:00:00Z/],
    ['2999-01-01', /not valid any more at 2999-01-01T00:00:00Z/],
  ])('judges validity at the time of --at: %s', async (at, rule) => {
    const broken = (list: Section[]): string => list.flatMap((s) => s.lines.flatMap((line) => line.broken ?? [])).join();
    expect(broken(await sections('vcek.der'))).toBe('');
    expect(broken(await sections('vcek.der', '--at', String(NOW / 1000)))).toBe('');
    expect(broken(await sections('vcek.der', '--at', at))).toMatch(rule);
  });

  test('says that a key of a seed’s world is public, and only of those', async () => {
    expect(notes(await sections('ark.pem'))).toContain('test: This key ships with teemu');
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    world.adopt('somebody’s own', privateKey);
    const own = new AmdAuthority(world, 'Milan').editedCertificate('ARK', (spec) => ({ ...spec, spki: world.rsaKey('somebody’s own').spki }));
    writeFileSync(join(cwd, 'own.der'), own.der);
    expect(notes(await sections('own.der'))).not.toContain('ships with teemu');
  });

  test('of a list shows what is revoked', async () => {
    const [section] = await sections('genoa-crl.der');
    expect(section?.title).toMatch(/ARK-Genoa, 1 revoked/);
    expect(value(section, 'revoked.0')).toBe('0x020001');
    expect(value(section, 'cRLNumber')).toBe('4');
  });

  test('shows no private key', async () => {
    const key = world.rsaKey('amd/ark/Milan').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    writeFileSync(join(cwd, 'key.pem'), key);
    const { code, stdout } = await inspect('key.pem');
    expect(code).toBe(0);
    expect(stdout).toContain('a private key; its contents are not shown');
    for (const line of key.split('\n').slice(1, -2)) expect(stdout).not.toContain(line);
  });
});

describe('two files', () => {
  test('that are equal have no difference', async () => {
    expect(json(await inspect('report.bin', 'report.bin', '--json'))).toMatchObject({ equal: true, differences: [] });
    expect((await inspect('report.bin', 'report.bin')).stdout).toBe('No difference in any field.\n');
  });

  test('are compared field by field', async () => {
    const data = json(await inspect('report.bin', 'debug.bin', '--json')) as { equal: boolean; differences: { name: string; lines: { path: string; at: number; a: string; b: string }[] }[] };
    expect(data.equal).toBe(false);
    const [report] = data.differences;
    expect(report?.lines.filter(({ path }) => path.startsWith('policy')).map(({ path, at, a, b }) => [path, at, a, b])).toEqual([
      ['policy', 8, '0x30000', '0xb0000'],
      ['policy.debug', 8, '0', '1'],
    ]);
  });

  test('show fields that only one version has', async () => {
    const data = json(await inspect('report.bin', 'v5.bin', '--json')) as { differences: { lines: Record<string, unknown>[] }[] };
    const lines = data.differences.flatMap((d) => d.lines);
    expect(lines.find(({ path }) => path === 'currentMitVector')).toEqual({ path: 'currentMitVector', at: 0x200, doc: expect.any(String) as unknown, b: '0xb (11)' });
  });

  test('mark the places where long values differ, without colours too', async () => {
    writeFileSync(join(cwd, 'other.bin'), Uint8Array.from(evidence.report).fill(0xab, 0x50, 0x51));
    const { stdout } = await inspect('report.bin', 'other.bin');
    expect(stdout).toContain(`    - ${'00'.repeat(32)}\n    + ab${'00'.repeat(31)}\n      ^^\n`);
  });

  test('have the sides in red and green where colours are wanted', async () => {
    const { stdout } = await inspect('report.bin', 'debug.bin', '--color');
    expect(stdout).toContain('\u001b[31m    - 0x30000\u001b[39m');
    expect(stdout).toContain('\u001b[32m    + 0xb0000\u001b[39m');
  });

  test('name sections that only one has', async () => {
    expect((await inspect('report.bin', 'extended.bin')).stdout).toContain('+ only here: SEV-SNP certificate table, 3 entries');
  });

  test('cannot be folders, nor both standard input', async () => {
    expect((await inspect('.', 'report.bin')).code).toBe(2);
    expect((await inspect('-', '-')).code).toBe(2);
  });
});

test('a bundle is explained file by file, at the time it is valid at', async () => {
  await call(['evidence', 'snp', '--seed', 'inspect', '--at', String(NOW / 1000), '--out', 'bundle', '--quiet'], { cwd });
  const called = await inspect('bundle', '--json');
  expect(called.code).toBe(0);
  const { manifest, files: found } = json(called) as { manifest: { files: string[] }; files: { file: string; inspection?: { format: string } }[] };
  expect(found.map(({ file }) => file)).toEqual(manifest.files);
  const formats = Object.fromEntries(found.map(({ file, inspection }) => [file, inspection?.format]));
  expect(formats).toMatchObject({ 'report.bin': 'snp-report', 'cert_chain.pem': 'pem', 'certs.bin': 'snp-certificate-table', 'crl.der': 'crl', 'ovmf.fd': undefined });
  expect((await inspect('bundle')).stdout).not.toContain('WRONG');
});

test('text in a certificate cannot steer the terminal', async () => {
  const { leaf } = snpEvidence(world, { product: 'milan' }, { leaf: (spec) => ({ ...spec, subject: [['2.5.4.3', 'evil\u001b]0;owned\u0007\u202e']] }) });
  writeFileSync(join(cwd, 'evil.der'), leaf.der);
  const { stdout } = await inspect('evil.der');
  expect(stdout).toContain('CN=evil\\u{1b}]0;owned\\u{7}\\u{202e}');
});

test('--out keeps the result as JSON', async () => {
  const { code } = await inspect('report.bin', '--out', 'results');
  expect(code).toBe(0);
  expect(JSON.parse(readFileSync(join(cwd, 'results', 'inspect.json'), 'utf8'))).toMatchObject({ format: 'snp-report' });
});
