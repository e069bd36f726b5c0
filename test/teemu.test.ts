/** The library's front door: what `startTeemu` takes and gives. */
import { X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { TeemuError } from '../emulator/errors.ts';
import { LINES } from '../emulator/snp/platform/products.ts';
import { startTeemu, type TeemuOptions } from '../emulator/teemu.ts';
import { LATEST_TIME } from '../emulator/world.ts';
import { verifyBundle } from '../harness/verify/index.ts';

const AT = Date.UTC(2026, 0, 2);

describe('the clock of startTeemu', () => {
  test.each<[string, NonNullable<TeemuOptions['clock']>, number]>([
    ['milliseconds', AT, AT],
    ['a Date', new Date(AT), AT],
    ['a day', '2026-01-02', AT],
    ['a time with its zone', '2026-01-02T01:00:00+01:00', AT],
    // Not the machine's own zone: the same text must give the same evidence everywhere.
    ['a time without a zone, which is UTC', '2026-01-02T00:00:00', AT],
  ])('is %s', async (_, clock, expected) => {
    await using teemu = await startTeemu({ seed: 'x', clock });
    expect(teemu.world.now()).toBe(expected);
    expect(teemu.evidence('snp').manifest.verifyAt).toBe(expected / 1000);
  });

  test('reads a text alike in every time zone', async () => {
    const zone = process.env.TZ;
    process.env.TZ = 'America/New_York';
    try {
      expect(new Date(2026, 0, 2).getTime()).not.toBe(AT);
      await using teemu = await startTeemu({ seed: 'x', clock: '2026-01-02T00:00:00' });
      expect(teemu.world.now()).toBe(AT);
    } finally {
      if (zone === undefined) delete process.env.TZ;
      else process.env.TZ = zone;
    }
  });

  test.each<[string, NonNullable<TeemuOptions['clock']>]>([
    ['a text that is no time', 'soon'],
    ['no number', Number.NaN],
    ['a Date that is none', new Date(Number.NaN)],
    ['before 1970', -1],
    ['after what certificates can state', LATEST_TIME + 1],
    ['endless', Number.POSITIVE_INFINITY],
  ])('cannot be %s', async (_, clock) => {
    await expect(startTeemu({ seed: 'x', clock })).rejects.toMatchObject({ code: 'ERR_CONFIG', key: 'clock' });
  });

  test('can be as late as certificates can state', async () => {
    await using teemu = await startTeemu({ seed: 'x', clock: LATEST_TIME });
    expect(verifyBundle(teemu.evidence('snp'))).toMatchObject({ accepted: true });
  });
});

describe('a running teemu', () => {
  test('gives evidence that holds under the roots it names', async () => {
    await using teemu = await startTeemu({ seed: 'x', clock: AT });
    for (const [product, line] of [
      ['milan', 'Milan'],
      ['siena', 'Genoa'],
      ['turin', 'Turin'],
    ] as const) {
      expect(verifyBundle(teemu.evidence('snp', { product }), { roots: [teemu.roots.snp[line]] })).toMatchObject({ accepted: true, rootSource: 'given' });
    }
    for (const line of LINES) expect(new X509Certificate(teemu.roots.snp[line]).subject).toContain(`CN=ARK-${line}`);
    expect(verifyBundle(teemu.evidence('tdx'), { roots: [teemu.roots.tdx] })).toMatchObject({ accepted: true, rootSource: 'given' });
    expect(new X509Certificate(teemu.roots.tdx).subject).toContain('CN=Intel SGX Root CA');
  });

  test('answers on its sockets as without one, keeps a journal of both, and stops', async () => {
    const teemu = await startTeemu({ seed: 'x', clock: AT });
    const path = `${teemu.url.kds}/vcek/v1/Milan/crl`;
    const bytes = async (response: Response): Promise<Buffer> => Buffer.from(await response.arrayBuffer());
    expect(await bytes(await fetch(path))).toEqual(await bytes(await teemu.fetch(new Request(path))));
    expect(teemu.requests().map(({ operation }) => operation)).toEqual(['kds.crl', 'kds.crl']);
    await teemu.stop();
    await expect(fetch(path)).rejects.toThrow();
  });

  test.each([
    ['snp', ['kds']],
    ['tdx', ['pcs', 'pccs']],
  ])('names the services that vouch for it in evidence of %s, whoever asks', async (tee, names) => {
    await using teemu = await startTeemu({ seed: 'x', clock: AT });
    const services = Object.fromEntries(names.map((name) => [name, teemu.url[name]]));
    const made = teemu.evidence(tee);
    expect(made.manifest.services).toEqual(services);
    const asked = (await (await fetch(`${teemu.url.control}/evidence/${tee}`, { method: 'POST' })).json()) as { manifest: unknown };
    expect(asked.manifest).toEqual(made.manifest);
    expect(verifyBundle(made)).toMatchObject({ accepted: true });
  });

  test('claims the TCB status that the collateral beside it gives', async () => {
    await using teemu = await startTeemu({ seed: 'x', clock: AT });
    const { fmspc } = teemu.evidence('tdx').manifest;
    for (const status of ['Revoked', 'OutOfDate', null]) {
      await fetch(`${teemu.url.control}/tcb-status`, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ fmspc, status }) });
      const made = teemu.evidence('tdx');
      expect([made.manifest.tcbStatus, verifyBundle(made).accepted]).toEqual([status ?? 'UpToDate', status === null]);
    }
  });

  test.each<[string, string, Record<string, unknown>, string]>([
    ['a TEE that is not emulated', 'sgx', {}, 'tee'],
    ['an option that does not exist', 'snp', { nonsense: 1 }, 'nonsense'],
    ['a number that is none', 'snp', { chip: 'first' }, 'chip'],
  ])('refuses %s by its name', async (_, tee, options, key) => {
    await using teemu = await startTeemu({ seed: 'x', clock: AT });
    const refused = ((): unknown => {
      try {
        return teemu.evidence(tee, options);
      } catch (error) {
        return error;
      }
    })();
    expect(refused).toBeInstanceOf(TeemuError);
    expect(refused).toMatchObject({ code: 'ERR_CONFIG', key });
  });
});
