/** Every case of NVIDIA evidence against the reference verifier. */
import { describe, expect, test } from 'vitest';
import { H100_REASONS } from '../../harness/verify/index.ts';
import { H100_SOURCE } from '../../vectors/sources/h100.ts';
import { describeCorpus } from './reach.ts';

describeCorpus(H100_SOURCE, [120, 3, 290, 17, 0, 210]);

describe('the corpus', () => {
  test('has a case for every reason of the reference verifier', () => {
    const covered = new Set(H100_SOURCE.cases.map(({ reason }) => reason));
    expect(Object.keys(H100_REASONS).filter((reason) => !covered.has(reason))).toEqual([]);
  });
  test('has good evidence too', () => {
    expect(H100_SOURCE.cases.filter((info) => info.expect === 'must-accept').length).toBeGreaterThan(30);
  });
});
