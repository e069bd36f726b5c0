/**
 * Fixtures and a matcher for vitest: a running teemu in every test that asks for one.
 *
 * @example
 * import { expect, test } from 'teemu/vitest';
 * test('our verifier accepts good evidence', async ({ teemu }) => {
 *   expect(teemu.evidence('snp', { reportData: '01' })).toHoldAsEvidence();
 * });
 */
import { expect, type TestAPI, test as base } from 'vitest';
import type { Bundle } from '../emulator/bundle.ts';
import { startTeemu, type Teemu, type TeemuOptions } from '../emulator/teemu.ts';
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

export { expect };
