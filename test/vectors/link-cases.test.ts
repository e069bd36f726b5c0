/** Every case of the link between a CPU and a GPU against the reference. */
import { describe, expect, test } from 'vitest';
import { LINK_REASONS } from '../../harness/verify/index.ts';
import { LINK_SOURCE } from '../../vectors/sources/link.ts';
import { describeCorpus } from './reach.ts';

describeCorpus(LINK_SOURCE, [20, 3, 60, 11, 0, 90]);

describe('the corpus', () => {
  test('has a case for every reason of the reference', () => {
    const covered = new Set(LINK_SOURCE.cases.map(({ reason }) => reason));
    expect(Object.keys(LINK_REASONS).filter((reason) => !covered.has(reason))).toEqual([]);
  });
});
