/** The verifiers that teemu knows: each can be had, takes plain good evidence, refuses what everybody must, and skips what it is not made for, with the reason. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../../emulator/world.ts';
import { profileAdapter } from '../../../harness/profiles/adapter.ts';
import { PROFILES, profileNamed } from '../../../harness/profiles/index.ts';
import type { RunReport } from '../../../harness/run/result.ts';
import { runSuite } from '../../../harness/run/suite.ts';
import { buildCase, CORPUS, CORPUS_SETTING } from '../../../vectors/corpus.ts';

let cache: string;
beforeAll(async () => {
  cache = process.env.TEEMU_INTEROP_CACHE ?? (await mkdtemp(join(tmpdir(), 'teemu-profiles-')));
});
afterAll(() => (process.env.TEEMU_INTEROP_CACHE === undefined ? rm(cache, { recursive: true, force: true }) : undefined));

async function run(name: string, ids: readonly string[]): Promise<RunReport> {
  const profile = profileNamed(name);
  const now = systemClock().now();
  const setting = { seed: CORPUS_SETTING.seed, at: profile.clock ? CORPUS_SETTING.at : now };
  const cases = CORPUS.filter(({ id }) => ids.includes(id));
  expect(cases.map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
  return runSuite({ name, cases, build: (id) => buildCase(id, setting), ...setting }, profileAdapter(profile, { cache, say: () => undefined, now }), { limits: { timeout: 120_000 } });
}

const TDX_BAD = ['tdx/binding/report-data-zero', 'tdx/binding/mr-td', 'tdx/binding/rtmr1'];

/** Cases that each must get right, and one that it must skip. */
const ROWS: Readonly<Record<string, { readonly right: readonly string[]; readonly skipped: string }>> = {
  'go-sev-guest': {
    right: [
      'snp/ok/genoa',
      'snp/ok/version-5',
      'snp/signature/r-bit-flipped',
      'snp/signature/wrong-key',
      'snp/policy/debug-allowed',
      'snp/chain/foreign-root',
      'snp/revocation/ask-revoked',
      'snp/binding/report-data',
      'snp/tcb/certificate-for-other-snp',
    ],
    skipped: 'snp/ok/turin',
  },
  'go-tdx-guest': { right: ['tdx/ok/another-machine', ...TDX_BAD], skipped: 'tdx/ok/version-5' },
  'dcap-qvl-js': { right: ['tdx/ok/version-5', ...TDX_BAD], skipped: 'tdx/binding/td-report-changed' },
  'dcap-qvl-py': { right: ['tdx/ok/version-5', ...TDX_BAD], skipped: 'tdx/binding/td-report-changed' },
  'nv-local-gpu-verifier': { right: ['h100/ok/h200', 'h100/ok/blackwell', 'h100/signature/flipped', 'h100/signature/other-key', 'h100/binding/nonce', 'h100/binding/fwid-differs'], skipped: 'h100/ok/collected' },
};

test('every one is held against cases', () => {
  expect(Object.keys(ROWS).toSorted()).toEqual([...PROFILES.keys()].toSorted());
});

describe.each(Object.entries(ROWS))('%s', (name, { right, skipped }) => {
  test('gets these right, and skips one with its reason', { timeout: 900_000 }, async () => {
    const report = await run(name, [...right, skipped]);
    expect(Object.fromEntries(report.results.map(({ id, outcome, note = '', answer }) => [id, outcome === 'pass' || outcome === 'skip' ? outcome : `${outcome}: ${note} ${answer.detail}`]))).toEqual(
      Object.fromEntries([...right.map((id) => [id, 'pass']), [skipped, 'skip']]),
    );
    expect(report.results.find(({ id }) => id === skipped)?.note).toMatch(/\w+ \w+/);
    expect(report.verifier).toMatchObject({ name, version: profileNamed(name).version });
  });
});
