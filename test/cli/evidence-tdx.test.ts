/** `teemu evidence tdx`: the bundle on disk, and what is wrong said of the option as it was written. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { decodeQuote } from '../../emulator/tdx/quote/quote.ts';
import { call, scratch } from './call.ts';

const AT = '1772323200';
const cwd = scratch();
let folders = 0;
/** Makes evidence of the seed `x` in a folder of its own. */
async function make(...args: string[]): Promise<Awaited<ReturnType<typeof call>> & { dir: string }> {
  const dir = `out${folders++}`;
  return { ...(await call(['evidence', 'tdx', '--seed', 'x', '--at', AT, '--out', dir, ...args], { cwd })), dir: join(cwd, dir) };
}
const manifest = (dir: string): Record<string, unknown> => JSON.parse(readFileSync(join(dir, 'bundle.json'), 'utf8')) as Record<string, unknown>;

describe('teemu evidence tdx', () => {
  test('writes the bundle that the contract describes', async () => {
    const { code, dir, stdout } = await make('--report-data', '0102');
    expect(code).toBe(0);
    expect(manifest(dir)).toMatchObject({ tee: 'tdx', fmspc: '90c06f000000', quoteVersion: 4, pckCa: 'platform', reportData: `0102${'00'.repeat(62)}`, verifyAt: Number(AT), services: {} });
    expect(readdirSync(dir)).toEqual(expect.arrayContaining(['tdreport.bin', 'quote.bin', 'root_ca.pem', 'ccel_table.bin', 'ccel.bin', 'collateral']));
    expect(readdirSync(join(dir, 'collateral')).toSorted()).toEqual([
      'pck_crl.der',
      'pck_crl_issuer_chain.pem',
      'qe_identity.json',
      'qe_identity_issuer_chain.pem',
      'root_ca_crl.der',
      'tcb_info.json',
      'tcb_info_issuer_chain.pem',
    ]);
    for (const file of manifest(dir).files as string[]) expect(existsSync(join(dir, file))).toBe(true);
    expect(stdout).toContain('It proves nothing; never trust its roots.');
  });

  test('passes its options on', async () => {
    const { dir } = await make('--platform', 'sapphire-rapids', '--quote-version', '5', '--tcb-status', 'OutOfDate', '--set', 'tdAttributes.debug=1', '--set=rtmr.0=01*', '--runtime-event', 'a b c');
    const { header, body } = decodeQuote(new Uint8Array(readFileSync(join(dir, 'quote.bin'))));
    expect([header.version, body.tdAttributes.debug, body.rtmr[0]?.[0]]).toEqual([5, 1, 1]);
    expect(manifest(dir)).toMatchObject({ platform: 'sapphire-rapids', tcbStatus: 'OutOfDate' });
  });

  test('needs no RSA keys, so a private world is there at once', async () => {
    const { code, stderr } = await call(['evidence', 'tdx', '--out', 'private', '--world', 'mine', '--quiet'], { cwd });
    expect([code, stderr]).toEqual([0, '']);
    expect(readdirSync(join(cwd, 'mine')).toSorted()).toEqual(['.gitignore', 'secret']);
  });

  test('adds the files of other tools', async () => {
    const { dir } = await make('--export', 'dcap-qvl', '--export', 'intel-qvl');
    expect(manifest(dir).files).toEqual(expect.arrayContaining(['quote_collateral.json', 'intel-qvl/quote.dat']));
  });

  test.each([
    ['--platform', 'ice-lake', '--platform: '],
    ['--quote-version', '3', '--quote-version: '],
    ['--tcb-status', 'Fine', '--tcb-status: '],
    ['--report-data', 'zz', '--report-data: must be hexadecimal, at most 64 bytes'],
    ['--export', 'nix', "--export: 'nix' is none of dcap-qvl, intel-qvl"],
    ['--set', 'mrNobody=1', 'no such field'],
    ['--td-attributes', '2', 'TDX_OPERAND_INVALID'],
  ])('refuses %s %s by the name of the option, and writes nothing', async (flag, value, message) => {
    const { code, stdout, stderr, dir } = await make(flag, value);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(message);
    expect(existsSync(dir)).toBe(false);
  });
});
