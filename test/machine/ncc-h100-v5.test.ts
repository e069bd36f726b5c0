/** A confidential VM with GPUs: what holds, and that nothing unbound does. */
import { describe, expect, test } from 'vitest';
import type { Bundle } from '../../emulator/bundle.ts';
import { nccEvidence, type NccEdits, type NccOptionsInput } from '../../emulator/machine/ncc-h100-v5.ts';
import { openVendors, type Vendor } from '../../emulator/services/vendors.ts';
import { teeNamed } from '../../emulator/tee.ts';
import { fixedClock, seededWorld, type World } from '../../emulator/world.ts';
import { type BundleVerdict, type BundleWishes, verifierOf, verifyBundle } from '../../harness/verify/index.ts';

const AT = Date.UTC(2026, 5, 1);
const world = (): World => seededWorld('ncc', fixedClock(AT));
const CHALLENGE = new Uint8Array(32).fill(7);
const nonce = Buffer.from(CHALLENGE).toString('hex');
const made = (options: NccOptionsInput = {}, edits: NccEdits = {}): Bundle => nccEvidence(world(), { nonce, ...options }, edits).bundle;
const roots = Object.values(openVendors({ world: world() }) as Readonly<Record<string, Vendor>>)
  .flatMap((vendor) => [...vendor.rootFiles()])
  .filter(([name]) => /^ark-genoa|^nvidia-(device|rim)/.test(name))
  .map(([, pem]) => pem);
const verdict = (bundle: Bundle, wishes: BundleWishes = {}): BundleVerdict => verifyBundle(bundle, { nonce: CHALLENGE, roots, ...wishes });
const said = (v: BundleVerdict): string => (v.accepted ? 'accepted' : `${v.stage}: ${v.reason}: ${v.message}`);

describe('accepts', () => {
  test.each<[string, NccOptionsInput, BundleWishes]>([
    ['one GPU', {}, {}],
    ['eight GPUs on an HGX board', { gpu: 'h100-sxm', count: 8 }, { deviceCount: 8 }],
    ['bound by the challenge alone, where that is asked for', { binding: 'nonce' }, { binding: 'nonce' }],
    ['wishes for either part', { hostData: '01' }, { hostData: Uint8Array.of(1, ...new Uint8Array(31)), minimumDriver: '550.90.07' }],
  ])('%s', (_, options, wishes) => {
    expect(said(verdict(made(options), wishes))).toBe('accepted');
  });

  test('without a challenge and with its own roots: the parts belong together', () => {
    const answer = verifyBundle(made());
    expect(said(answer)).toBe('accepted');
    expect(answer).toMatchObject({ facts: { nonce, binding: 'evidence' } });
  });

  test('what the registry makes, the same each time', () => {
    const [a, b] = [1, 2].map(() => teeNamed('ncc-h100-v5').evidence(world(), { nonce }));
    expect(a).toEqual(b);
    expect(said(verdict(a as Bundle))).toBe('accepted');
    expect([...(a?.files.keys() ?? [])]).toEqual(expect.arrayContaining(['snp/report.bin', 'snp/vcek.pem', 'gpu/evidence.json', 'gpu/driver_rim.xml']));
  });
});

/** The bundle with a part of another one. */
const spliced = (bundle: Bundle, part: string, other: Bundle): Bundle => {
  const files = new Map([...bundle.files].filter(([name]) => !name.startsWith(`${part}/`)).concat([...other.files].filter(([name]) => name.startsWith(`${part}/`))));
  return { manifest: { ...bundle.manifest, files: [...files.keys()] }, files };
};
const without = (bundle: Bundle, part: string): Bundle => spliced(bundle, part, { ...bundle, files: new Map() });
const flip = (bytes: Uint8Array): Uint8Array => bytes.with(0, (bytes[0] ?? 0) ^ 1);

describe('refuses', () => {
  test.each<[string, string, () => Bundle, BundleWishes?]>([
    ['a machine without evidence of GPUs', 'part-missing', () => without(made(), 'gpu')],
    ['a machine without evidence of a guest', 'part-missing', () => without(made(), 'snp')],
    ['an answer to another challenge', 'challenge-mismatch', () => made({ nonce: '08'.repeat(32) })],
    ['GPUs that were asked with another nonce', 'gpu-nonce-mismatch', () => made({}, { gpuNonce: flip })],
    ['GPUs that were asked with the challenge itself', 'gpu-nonce-mismatch', () => made({}, { gpuNonce: () => CHALLENGE })],
    ['a guest that commits to no GPU', 'gpu-evidence-mismatch', () => made({}, { reportData: () => Uint8Array.of(...CHALLENGE, ...new Uint8Array(32)) })],
    ['the GPU of another machine that was asked with the same challenge', 'gpu-evidence-mismatch', () => spliced(made(), 'gpu', made({ machine: 1 }))],
    ['a GPU less than the guest commits to', 'gpu-evidence-mismatch', () => spliced(made({ gpu: 'h100-sxm', count: 2 }), 'gpu', made({ gpu: 'h100-sxm', count: 1 }))],
    ['evidence bound by the challenge alone, where more is asked for', 'gpu-evidence-mismatch', () => made({ binding: 'nonce' })],
    ['a guest that does not hold', 'snp-policy-debug', () => made({ policy: '0xb0000' })],
    ['a guest whose report was changed', 'snp-report-signature', () => made({}, { snp: { report: (r) => r } }) && flippedReport(made())],
    ['a GPU that does not hold', 'gpu-report-signature', () => made({}, { gpu: { signedReport: (report) => report.with(report.length - 1, (report.at(-1) ?? 0) ^ 1) } })],
    ['a GPU with development tools', 'gpu-measurement-mismatch', () => made({ ccMode: 'devtools' })],
  ])('%s', (_, reason, make, wishes = {}) => {
    const answer = verdict(make(), wishes);
    expect(said(answer)).toContain(`: ${reason}: `);
    expect(Object.keys(verifierOf('ncc-h100-v5').reasons)).toContain(reason);
  });

  function flippedReport(bundle: Bundle): Bundle {
    const report = bundle.files.get('snp/report.bin') ?? new Uint8Array(0);
    return { ...bundle, files: new Map([...bundle.files, ['snp/report.bin', report.with(0x90, (report[0x90] ?? 0) ^ 1)]]) };
  }

  test('roots of another world', () => {
    const stranger = Object.values(openVendors({ world: seededWorld('stranger', fixedClock(AT)) }) as Readonly<Record<string, Vendor>>)
      .flatMap((vendor) => [...vendor.rootFiles()])
      .filter(([name]) => /^ark-genoa|^nvidia-(device|rim)/.test(name))
      .map(([, pem]) => pem);
    expect(verdict(made(), { roots: stranger }).accepted).toBe(false);
  });
});

describe('what cannot be asked', () => {
  test.each<[string, BundleWishes, RegExp]>([
    ['a scheme that there is not', { binding: 'hope' }, /'hope' is none of evidence, nonce/],
    ['report data: it follows from the challenge', { reportData: new Uint8Array(64) }, /reportData: means nothing/],
    ['a short challenge', { nonce: new Uint8Array(4) }, /32 bytes/],
  ])('%s', (_, wishes, message) => {
    expect(() => verdict(made(), wishes)).toThrow(message);
  });
});
