/** NVIDIA evidence as a bundle: which files are needed, which count, and what can be asked. */
import { describe, expect, test } from 'vitest';
import { type Bundle, withFiles } from '../../../emulator/bundle.ts';
import { ConfigError } from '../../../emulator/errors.ts';
import { h100Evidence } from '../../../emulator/h100/evidence/evidence.ts';
import type { H100OptionsInput } from '../../../emulator/h100/evidence/options.ts';
import { NvidiaAuthority } from '../../../emulator/h100/pki/authority.ts';
import { fixedClock, seededWorld } from '../../../emulator/world.ts';
import { type BundleVerdict, type BundleWishes, verifyBundle } from '../../../harness/verify/index.ts';
import { authority, DAY, NOW, world } from './evidence.ts';

const bundle = (options: H100OptionsInput = {}): Bundle => h100Evidence(world, options).bundle;
const said = (v: BundleVerdict): string => (v.accepted ? 'accepted' : `${v.stage}: ${v.reason} (${v.path})`);
const without = (source: Bundle, ...names: readonly string[]): Bundle => ({ ...source, files: new Map([...source.files].filter(([name]) => !names.some((n) => name.startsWith(n)))) });
const withFile = (name: string, contents: Uint8Array | string): Bundle => withFiles(bundle(), new Map([[name, typeof contents === 'string' ? Buffer.from(contents) : contents]]));
const ROOTS = [authority.root('device').pem, authority.root('rim').pem];

describe('a bundle', () => {
  test('holds by its own roots, and by those given', () => {
    expect(verifyBundle(bundle())).toMatchObject({ accepted: true, rootSource: 'bundle', tee: 'h100', now: NOW });
    expect(verifyBundle(without(bundle(), 'root.pem', 'rim_root.pem'), { roots: ROOTS })).toMatchObject({ accepted: true, rootSource: 'given' });
    expect(said(verifyBundle(bundle(), { roots: [ROOTS.join('')] }))).toBe('accepted');
    // As --seed gives them.
    expect(said(verifyBundle(bundle(), { roots: [...ROOTS, authority.root('nras').pem] }))).toBe('accepted');
  });

  test.each<[string, H100OptionsInput]>([
    ['two GPUs with different firmware', { gpu: 'h100-sxm', count: 2 }],
    ['a machine in protected PCIe mode', { gpu: 'h100-sxm', mode: 'ppcie', count: 8 }],
    ['a Blackwell GPU', { gpu: 'b200' }],
  ])('of %s holds', (_, options) => {
    expect(said(verifyBundle(bundle(options)))).toBe('accepted');
  });

  test.each([
    ['evidence.json', 'parse: evidence-incomplete (evidence.json)'],
    ['root.pem', 'parse: evidence-incomplete (root.pem)'],
    ['rim_root.pem', 'parse: evidence-incomplete (rim_root.pem)'],
    ['driver_rim.xml', 'parse: rim-missing (devices.0.driver_rim)'],
    ['vbios_rim.xml', 'parse: rim-missing (devices.0.vbios_rim)'],
    ['ocsp/identity', 'revocation: ocsp-missing (devices.0.certificate.identity)'],
    ['ocsp/', 'revocation: ocsp-missing (devices.0.certificate.brom)'],
  ])('without %s is refused', (name, verdict) => {
    expect(said(verifyBundle(without(bundle(), name)))).toBe(verdict);
  });

  test('needs no file that says the same again', () => {
    expect(said(verifyBundle(without(bundle(), 'report.bin', 'cert_chain.pem')))).toBe('accepted');
  });

  test('whose switches have no manifest is refused', () => {
    expect(said(verifyBundle(without(bundle({ gpu: 'h100-sxm', mode: 'ppcie', count: 8 }), 'rims/NV_SWITCH')))).toMatch(/^(parse: rim-missing|tcb: rim-edition) \(devices\.8\.vbios_rim\)$/);
  });

  test.each([
    ['root.pem', 'no PEM', 'parse: certificate-malformed (root.pem)'],
    ['ocsp/bad.der', 'no DER', 'revocation: ocsp-malformed (ocsp/bad.der.sequence)'],
    ['driver_rim.xml', '<a/>', 'parse: rim-malformed (devices.0.driver_rim.a)'],
  ])('with %s being something else is refused', (name, contents, verdict) => {
    expect(said(verifyBundle(withFile(name, contents)))).toBe(verdict);
  });

  test('is verified at the time that it names unless told otherwise', () => {
    expect(said(verifyBundle(bundle(), { now: NOW + 2 * DAY }))).toBe('revocation: ocsp-stale (devices.0.certificate.brom.ocsp)');
  });

  test("under another world's roots is refused", () => {
    const other = new NvidiaAuthority(seededWorld('another world', fixedClock(NOW)));
    expect(said(verifyBundle(bundle(), { roots: [other.root('device').der, other.root('rim').der] }))).toBe('chain: root-untrusted (devices.0.certificate.root)');
  });

  test.each<[string, BundleWishes, string | undefined]>([
    ['its own nonce', { nonce: Buffer.from(String(bundle().manifest.nonce), 'hex') }, undefined],
    ['another nonce', { nonce: new Uint8Array(32) }, 'nonce-mismatch'],
    ['a newer driver', { minimumDriver: '560.1' }, 'driver-below-minimum'],
    ['two devices', { deviceCount: 2 }, 'device-count'],
    ['protected PCIe', { modes: 'ppcie' }, 'mode-refused'],
  ])('asked for %s', (_, wishes, reason) => {
    const verdict = verifyBundle(bundle(), wishes);
    expect(verdict.accepted ? undefined : verdict.reason).toBe(reason);
  });

  test.each<[string, BundleWishes]>([
    ['report data', { reportData: new Uint8Array(64) }],
    ['a measurement of the launch', { measurement: new Uint8Array(48) }],
    ['a TCB status', { tcbStatuses: ['UpToDate'] }],
  ])('asked for %s, which GPUs have not, is no verdict but an error', (_, wishes) => {
    expect(() => verifyBundle(bundle(), wishes)).toThrow(ConfigError);
  });
});

/** The genuine list, with one member changed. */
const json = (edit: (list: Record<string, unknown>[]) => unknown): Bundle =>
  withFile('evidence.json', JSON.stringify(edit(JSON.parse(Buffer.from(bundle().files.get('evidence.json') ?? []).toString('utf8')) as Record<string, unknown>[])));
const first = (edit: (device: Record<string, unknown>) => Record<string, unknown>): Bundle => json(([device = {}, ...others]) => [edit(device), ...others]);

describe('evidence as JSON', () => {
  test.each<[string, Bundle]>([
    ['in the object that the command line prints', json((list) => ({ evidences: list, result_code: 0, result_message: 'Ok' }))],
    ['with the versions that newer tools add', first((device) => ({ ...device, version: '1.0', driver_version: '550.90.07', vbios_version: '96.00.9F.00.01' }))],
    ['without a nonce', first(({ nonce: _, ...device }) => device)],
  ])('%s holds', (_, source) => {
    expect(said(verifyBundle(source))).toBe('accepted');
  });

  test.each<[string, Bundle]>([
    ['is no JSON', withFile('evidence.json', '[')],
    ['is no UTF-8', withFile('evidence.json', Uint8Array.of(0x22, 0xff, 0x22))],
    ['is a number', withFile('evidence.json', '1')],
    ['is nested without end', withFile('evidence.json', '['.repeat(100_000))],
    ['is too long', withFile('evidence.json', ' '.repeat(2_000_000))],
    ['has too many devices', json(([device]) => Array.from({ length: 65 }, () => device && { arch: 'HOPPER', certificate: 'AA==', evidence: 'AA==' }))],
    ['has a device that is none', json(() => ['HOPPER'])],
    ['has an unknown member', first((device) => ({ ...device, debug: 'x' }))],
    ['has a member __proto__', withFile('evidence.json', '[{"arch":"HOPPER","certificate":"AA==","evidence":"AA==","__proto__":"x"}]')],
    ['has a number for its architecture', first((device) => ({ ...device, arch: 9 }))],
    ['has no report', first(({ evidence: _, ...device }) => device)],
    ['has a report that is no base64', first((device) => ({ ...device, evidence: 'not base64!' }))],
    ['has an empty report', first((device) => ({ ...device, evidence: '' }))],
    ['has a nonce of 31 bytes', first((device) => ({ ...device, nonce: '00'.repeat(31) }))],
    ['is of an unknown version', first((device) => ({ ...device, version: '2.0' }))],
    ['says that collecting it failed', json((list) => ({ evidences: list, result_code: 12 }))],
  ])('that %s is refused', (_, source) => {
    expect(verifyBundle(source)).toMatchObject({ accepted: false, stage: 'parse', reason: 'evidence-json' });
  });

  test('with an empty list is refused', () => {
    expect(verifyBundle(json(() => []))).toMatchObject({ accepted: false, reason: 'evidence-incomplete' });
  });
});
