/** Machines: ids that lead back to them, and what the table of platforms says of each kind. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TeemuError } from '../../../emulator/errors.ts';
import { encryptedPpid, pckKey, platformInstanceId, platformManifest, platformOfEncryptedPpid, platformOfManifest, platformOfPpid, platformOfQeId, ppid, qeId } from '../../../emulator/tdx/platform/id.ts';
import { PLATFORM_MODELS } from '../../../emulator/tdx/platform/models.ts';
import { PCK_CAS, type Platform, platformState, tdxPlatform } from '../../../emulator/tdx/platform/platform.ts';
import { TCB_STATUSES } from '../../../emulator/tdx/tcb/status.ts';
import { fixedClock, seededWorld, type World } from '../../../emulator/world.ts';

/** Within the lives of the genuine authorities. */
const AT = Date.parse('2026-06-30T12:00:00Z');
const world = (at = AT, seed = 'intel'): World => seededWorld(seed, fixedClock(at));
const hex = (src: Uint8Array): string => Buffer.from(src).toString('hex');

describe('the ids of a machine', () => {
  const platforms = fc
    .record({ name: fc.constantFrom(...Object.keys(PLATFORM_MODELS)), index: fc.nat(2 ** 32 - 1), status: fc.constantFrom(...TCB_STATUSES), ca: fc.constantFrom(...PCK_CAS) })
    .map(({ name, ...rest }): Platform => tdxPlatform(name, rest));

  test('lead back to it, in this world only', () => {
    const [here, there] = [world(), world(AT, 'other')];
    fc.assert(
      fc.property(platforms, (platform) => {
        expect(platformOfPpid(here, ppid(here, platform))).toEqual(platform);
        expect(platformOfQeId(here, qeId(here, platform))).toEqual(platform);
        expect(platformOfEncryptedPpid(here, encryptedPpid(here, platform))).toEqual(platform);
        expect(platformOfPpid(there, ppid(here, platform))).toBeUndefined();
        expect(platformOfQeId(here, ppid(here, platform))).toBeUndefined();
        expect(platformOfEncryptedPpid(there, encryptedPpid(here, platform))).toBeUndefined();
      }),
      { numRuns: 100 },
    );
  });

  test('are all different, and so are keys', () => {
    const here = world();
    const seen = new Set(
      [0, 1, 2 ** 31, 2 ** 32 - 1]
        .flatMap((index) => [tdxPlatform('emerald-rapids', { index }), tdxPlatform('sapphire-rapids', { index })])
        .flatMap((p) => [hex(ppid(here, p)), hex(qeId(here, p)), hex(platformInstanceId(here, p)), hex(pckKey(here, p, platformState(p, AT).tcb).publicPoint)]),
    );
    expect(seen.size).toBe(32);
  });

  test('of a manifest lead back too, and a changed manifest does not', () => {
    const here = world();
    const platform = tdxPlatform('emerald-rapids-2s', { index: 9 });
    const manifest = platformManifest(here, platform);
    expect(platformOfManifest(here, manifest)).toEqual(platform);
    for (const at of [0, 31, 32, 47]) {
      const bad = manifest.slice();
      bad[at] = (bad[at] ?? 0) ^ 1;
      expect(platformOfManifest(here, bad)).toBeUndefined();
    }
  });

  test.each([[-1], [2 ** 32], [1.5], [Number.NaN]])('refuse the number %d', (index) => {
    expect(() => tdxPlatform('emerald-rapids', { index })).toThrow(RangeError);
  });

  test('refuse an unknown kind, naming those that there are', () => {
    expect(() => tdxPlatform('pentium')).toThrow(/emerald-rapids, .*granite-rapids/);
  });
});

describe('a platform', () => {
  const MODELS = Object.values(PLATFORM_MODELS);

  test.each(MODELS.map((m) => [m.name, m] as const))('%s says when each level below the newest was replaced, and lists them newest first', (_, { history }) => {
    expect(history.slice(1).filter(({ until }) => until === undefined)).toEqual([]);
    expect(history.map(({ since }) => since)).toEqual([...history.map(({ since }) => since)].sort((a, b) => b - a));
  });

  test('has a code of its own', () => {
    expect(new Set(MODELS.map(({ code }) => code)).size).toBe(MODELS.length);
  });

  test.each(MODELS.map(({ name }) => name))('%s runs at least what its level asks for', (name) => {
    const { cpuSvn, tcb, teeTcbSvn } = platformState(tdxPlatform(name), AT);
    expect(tcb.sgx.every((svn, i) => (cpuSvn[i] ?? 0) >= svn)).toBe(true);
    expect(teeTcbSvn[2]).toBe(tcb.tdx[2]);
  });

  test('of TDX 1.0 has no second TEE_TCB_SVN, and no TD in it can be asked to relaunch', () => {
    expect(platformState(tdxPlatform('sapphire-rapids-tdx10'), AT).teeTcbSvn2).toBeUndefined();
    expect(() => platformState(tdxPlatform('sapphire-rapids-tdx10', { status: 'TDRelaunchAdvised' }), AT)).toThrow(TeemuError);
  });
});
