import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { decodeReport } from '../../emulator/snp/report.ts';
import { call, json, scratch } from './call.ts';

const AT = '1772323200';
const cwd = scratch();
let folders = 0;
/** Makes evidence of the seed `x` in a folder of its own. */
async function make(...args: string[]): Promise<Awaited<ReturnType<typeof call>> & { dir: string }> {
  const dir = `out${folders++}`;
  return { ...(await call(['evidence', 'snp', '--seed', 'x', '--at', AT, '--out', dir, ...args], { cwd })), dir: join(cwd, dir) };
}
const file = (dir: string, name: string): Uint8Array => new Uint8Array(readFileSync(join(dir, name)));

describe('teemu evidence snp', () => {
  test('writes the bundle that the contract describes', async () => {
    const { code, dir } = await make('--report-data', '0102');
    expect(code).toBe(0);
    const manifest = JSON.parse(readFileSync(join(dir, 'bundle.json'), 'utf8')) as Record<string, unknown>;
    expect(manifest).toMatchObject({ tee: 'snp', product: 'milan', reportData: `0102${'00'.repeat(62)}`, hostData: '00'.repeat(32), policy: '0x30000', vmpl: 0, verifyAt: Number(AT), services: {} });
    expect(manifest.launch).toMatchObject({ ovmf: 'ovmf.fd', vcpus: 1, vmm: 'qemu' });
    expect(readdirSync(dir)).toEqual(expect.arrayContaining(['report.bin', 'ark.pem', 'ask.pem', 'vcek.pem', 'cert_chain.pem', 'certs.bin', 'crl.der', 'bundle.json']));
    expect(readdirSync(dir).toSorted()).toEqual([...(manifest.files as string[]), 'bundle.json'].toSorted());
    expect(file(dir, 'report.bin')).toHaveLength(1184);
  });

  test('has asvk.pem and vlek.pem with a VLEK', async () => {
    const { dir } = await make('--signer', 'vlek');
    expect(readdirSync(dir)).toEqual(expect.arrayContaining(['asvk.pem', 'vlek.pem']));
    expect(existsSync(join(dir, 'vcek.pem'))).toBe(false);
  });

  test('gives the same bytes for the same seed and time, and others for another seed', async () => {
    const [a, b, c] = [await make(), await make(), await make('--seed', 'y')];
    expect(Object.keys(readdirSync(a.dir)).length).toBeGreaterThan(0);
    for (const name of readdirSync(a.dir)) expect(file(b.dir, name)).toEqual(file(a.dir, name));
    expect(file(c.dir, 'report.bin')).not.toEqual(file(a.dir, 'report.bin'));
  });

  test('passes its options on', async () => {
    const { dir } = await make('--product', 'turin', '--vmpl', '2', '--set', 'policy.debug=1', '--set=guestSvn=7', '--policy', '0x3001f');
    expect(decodeReport(file(dir, 'report.bin'))).toMatchObject({ version: 5, vmpl: 2, guestSvn: 7, cpuidFamId: 0x1a, policy: { debug: 1, abiMinor: 0x1f } });
  });

  test('says loudly that the keys of a seed are public, even with --quiet, and what to do next without it', async () => {
    const quiet = await make('--quiet');
    expect(quiet.stderr).toMatch(/^The world of a seed is public: .*\n$/);
    expect((await make()).stderr).toMatch(/Next:\n {2}teemu verify out\d+ /);
  });

  test('says on stdout that it proves nothing', async () => {
    expect((await make()).stdout).toContain('It proves nothing; never trust its roots.');
  });

  test('prints folder and manifest with --json', async () => {
    const called = await make('--json');
    expect(json(called)).toEqual({ dir: called.dir, manifest: JSON.parse(readFileSync(join(called.dir, 'bundle.json'), 'utf8')) as unknown });
  });

  test('without --out goes into ./evidence', async () => {
    const inner = join(cwd, 'inner');
    mkdirSync(inner);
    expect((await call(['evidence', 'snp', '--seed', 'x'], { cwd: inner })).code).toBe(0);
    expect(existsSync(join(inner, 'evidence', 'bundle.json'))).toBe(true);
  });

  test('leaves a folder with something else in it alone', async () => {
    mkdirSync(join(cwd, 'thesis'));
    writeFileSync(join(cwd, 'thesis', 'thesis.tex'), 'years of work');
    const { code, stderr, stdout } = await call(['evidence', 'snp', '--seed', 'x', '--out', 'thesis'], { cwd });
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/holds something else than an evidence bundle/);
    expect(readdirSync(join(cwd, 'thesis'))).toEqual(['thesis.tex']);
  });

  test.each([
    ['--report-data', 'zz', '--report-data: must be hexadecimal, at most 64 bytes'],
    ['--vmpl', '4', '--vmpl: '],
    ['--product', 'rome', '--product: '],
    ['--export', 'nix', "--export: 'nix' is none of go-sev-guest, certs, trustee"],
    ['--set', 'policy.nope=1', 'no such bits'],
    ['--set', 'vmpl=0x1ffffffff', 'must fit into 32 bits'],
  ])('refuses %s %s by the name of the option, and writes nothing', async (flag, value, message) => {
    const { code, stdout, stderr, dir } = await make(flag, value);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
    expect(existsSync(dir)).toBe(false);
  });
});

describe('a private world', () => {
  test('is made once, with progress, readable by its owner only', { timeout: 120_000 }, async () => {
    const first = await call(['evidence', 'snp', '--out', 'private1', '--world', 'mine'], { cwd });
    expect(first.code).toBe(0);
    expect(first.stderr.match(/RSA-4096 keys of this folder's own world \(once\): \d of 3/g)).toHaveLength(4);
    expect(first.stderr).not.toContain('The world of a seed');
    expect(readdirSync(join(cwd, 'mine')).toSorted()).toEqual(['.gitignore', 'amd-ark-Milan.pem', 'amd-ask-Milan.pem', 'amd-asvk-Milan.pem', 'secret']);
    if (process.platform !== 'win32') expect(statSync(join(cwd, 'mine')).mode & 0o777).toBe(0o700);
    const second = await call(['evidence', 'snp', '--out', 'private2', '--world', 'mine', '--quiet'], { cwd });
    expect(second.stderr).toBe('');
    expect(file(join(cwd, 'private2'), 'ark.pem')).toEqual(file(join(cwd, 'private1'), 'ark.pem'));
  });
});

describe('forms of other tools', () => {
  test('add their files to the bundle, and the manifest lists them', async () => {
    const { code, dir } = await make('--export', 'certs', '--export=go-sev-guest', '--export', 'trustee');
    expect(code).toBe(0);
    const { files } = JSON.parse(readFileSync(join(dir, 'bundle.json'), 'utf8')) as { files: string[] };
    expect(files).toEqual(expect.arrayContaining(['extended_report.bin', 'attestation.pb', 'attestation.textproto', expect.stringMatching(/^trustee\/vcek\/[0-9a-f]{128}\/bl04_tee00_snp23_ucode213_vcek\.der$/)]));
    for (const name of files) expect(existsSync(join(dir, name))).toBe(true);
  });

  test('go again when the bundle is made anew without them', async () => {
    const { dir } = await make('--export', 'trustee');
    expect((await call(['evidence', 'snp', '--seed', 'x', '--out', dir], { cwd })).code).toBe(0);
    expect(readdirSync(dir)).not.toContain('trustee');
  });

  test('of VCEKs only are refused for a VLEK', async () => {
    const { code, stderr } = await make('--signer', 'vlek', '--export', 'trustee');
    expect(code).toBe(2);
    expect(stderr).toContain('its store holds VCEKs');
  });
});
