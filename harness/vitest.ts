/**
 * Fixtures and matchers for vitest: a running teemu in every test that asks for one, and a test for each case of the corpus.
 *
 * @example
 * import { expect, test } from 'teemu/vitest';
 * test('our verifier accepts good evidence', async ({ teemu }) => {
 *   expect(teemu.evidence('snp', { reportData: '01' })).toHoldAsEvidence();
 * });
 */
import { describe, expect, type TestAPI, test as base } from 'vitest';
import type { Bundle } from '../emulator/bundle.ts';
import { startTeemu, type Teemu, type TeemuOptions } from '../emulator/teemu.ts';
import { type CheckOptions, checkCase, selectCases, type VerifierFunction } from './check.ts';
import { type Adapter, DEFAULT_LIMITS } from './run/adapter.ts';
import { h100Appraiser } from './verify/h100/appraise.ts';
import { type BundleWishes, verifyBundle } from './verify/index.ts';

/** What a test can ask for. */
export interface TeemuFixtures {
  /** How `teemu` starts; set it with `test.override` or `test.extend`. The default is the seeded world `vitest`, with the machine's clock. */
  teemuOptions: TeemuOptions;
  /** A teemu of the test's own, stopped when the test is over. */
  teemu: Teemu;
}

/** vitest's `test` with a `teemu` in it. */
export const test: TestAPI<TeemuFixtures> = base.extend<TeemuFixtures>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the names of the fixtures that a fixture needs from this pattern.
  teemuOptions: async ({}, use) => {
    await use({ seed: 'vitest' });
  },
  teemu: async ({ teemuOptions }, use) => {
    await using teemu = await startTeemu({ nras: { appraise: h100Appraiser() }, ...teemuOptions });
    await use(teemu);
  },
});

interface TeemuMatchers<R = unknown> {
  /** The strict reference verifier accepts the bundle, with what the relying party asks for. */
  toHoldAsEvidence(wishes?: BundleWishes): R;
  /** The strict reference verifier rejects the bundle; with a reason code given, for that reason. */
  toBeRejectedEvidence(reason?: string, wishes?: BundleWishes): R;
}

declare module 'vitest' {
  // biome-ignore lint/suspicious/noExplicitAny: the parameter's name and default must be vitest's own for the declarations to merge.
  interface Matchers<T = any> extends TeemuMatchers<T> {}
}

expect.extend({
  toHoldAsEvidence(received: Bundle, wishes?: BundleWishes) {
    const verdict = verifyBundle(received, wishes);
    return {
      pass: verdict.accepted,
      message: () => (verdict.accepted ? 'the evidence holds, though it should not' : `the evidence does not hold: ${verdict.stage}/${verdict.reason}: ${verdict.message}`),
    };
  },
  toBeRejectedEvidence(received: Bundle, reason?: string, wishes?: BundleWishes) {
    const verdict = verifyBundle(received, wishes);
    return {
      pass: !verdict.accepted && (reason === undefined || verdict.reason === reason),
      message: () => (verdict.accepted ? 'the evidence holds, though it should be rejected' : `the evidence is rejected for ${verdict.stage}/${verdict.reason}: ${verdict.message}`),
    };
  },
});

/**
 * One test for each case of the corpus: bad evidence is refused and its good twin accepted, good evidence is accepted.
 *
 * @example
 * checkCases('my verifier', ({ bundle, roots, now, request }) => verify(bundle.files.get('report.bin'), …), { suite: 'snp' });
 * @param verifier a function that judges a subject (by what it returns, or by throwing), or another kind of adapter
 * @throws {ConfigError} for a selection of nothing
 */
export function checkCases(name: string, verifier: VerifierFunction | Adapter, options: CheckOptions = {}): void {
  const { suite, shard, ...rest } = options;
  const cases = selectCases({ ...(suite === undefined ? {} : { suite }), ...(shard === undefined ? {} : { shard }) });
  // As long as the harness itself gives an answer, and its twin's.
  const timeout = 2 * (options.limits?.timeout ?? DEFAULT_LIMITS.timeout) + 60_000;
  describe(name, () => {
    base.for(cases.map(({ id, why }) => [id, why] as const))('%s', { timeout }, async ([id, why], { skip }) => {
      const { outcome, note = '' } = await checkCase(id, verifier, rest);
      if (outcome === 'skip') skip(note);
      if (outcome !== 'pass' && outcome !== 'xfail') expect.fail(`${outcome}: ${why}${note === '' ? '' : ` ${note}`}`);
    });
  });
}

export { expect };
