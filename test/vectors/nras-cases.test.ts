/** Every case of tokens of NVIDIA's attestation service against the reference verifier. */
import { describe, expect, test } from 'vitest';
import { NRAS_REASONS } from '../../harness/verify/index.ts';
import { NRAS_SOURCE } from '../../vectors/sources/nras.ts';
import { describeCorpus } from './reach.ts';

describeCorpus(NRAS_SOURCE, [40, 3, 90, 11, 0, 130]);

describe('the corpus', () => {
  test('has a case for every reason of the reference verifier', () => {
    const covered = new Set(NRAS_SOURCE.cases.map(({ reason }) => reason));
    expect(Object.keys(NRAS_REASONS).filter((reason) => !covered.has(reason))).toEqual([]);
  });
});
