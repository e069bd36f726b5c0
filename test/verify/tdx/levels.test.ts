/** The TCB status of a TD: the tables of Intel's library, and levels of all kinds beside a second reading of the documentation. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { TcbInfo } from '../../../emulator/tdx/tcb/tcb-info.ts';
import { platformState } from '../../../emulator/tdx/platform/platform.ts';
import { type AcceptableStatus, TCB_STATUSES, verifyTdx } from '../../../harness/verify/index.ts';
import { converged, relaunched } from '../../../harness/verify/tdx/tcb/levels.ts';
import { tcbStatusOf } from '../../tdx/tcb-status.ts';
import { evidence, NOW, platformOf, TRUST, V4 } from './evidence.ts';

const [U, S, C, CS, O, OC, R] = ['UpToDate', 'SWHardeningNeeded', 'ConfigurationNeeded', 'ConfigurationAndSWHardeningNeeded', 'OutOfDate', 'OutOfDateConfigurationNeeded', 'Revoked'] as const;

describe('the status of a platform with those of its module and its quoting enclave', () => {
  // Source: convergeTcbStatuses in EvaluateTcb.cpp.
  test.each([
    [U, [], U],
    [U, [U], U],
    [U, [U, U], U],
    [U, [O, U], O],
    [U, [U, O], O],
    [S, [U], S],
    [S, [O], O],
    [C, [U, U], C],
    [C, [O], OC],
    [CS, [U], CS],
    [CS, [O, O], OC],
    [O, [U], O],
    [O, [O], O],
    [OC, [U], OC],
    [OC, [O], OC],
    [R, [U], R],
    [R, [O], R],
    [U, [R], R],
    [C, [O, R], R],
    [OC, [R, U], R],
  ] as const)('%s with %j is %s', (platform, others, status) => {
    expect(converged(platform, others)).toBe(status);
  });
});

describe('the status of a TD with that of its start and that of now', () => {
  // Source: checkForRelaunch in TDRelaunchCheck.cpp.
  test.each([
    [U, U, U],
    [U, O, U],
    [S, U, S],
    [C, U, C],
    [O, O, O],
    [O, OC, O],
    [O, R, O],
    [OC, O, OC],
    [R, U, R],
    [O, U, 'TDRelaunchAdvised'],
    [O, S, 'TDRelaunchAdvised'],
    [O, C, 'TDRelaunchAdvisedConfigurationNeeded'],
    [O, CS, 'TDRelaunchAdvisedConfigurationNeeded'],
    [OC, U, 'TDRelaunchAdvisedConfigurationNeeded'],
    [OC, S, 'TDRelaunchAdvisedConfigurationNeeded'],
    [OC, C, 'TDRelaunchAdvisedConfigurationNeeded'],
  ] as const)('%s, then %s, is %s', (launch, current, status) => {
    expect(relaunched(launch, current)).toBe(status);
  });
});

type Level = TcbInfo['tcbLevels'][number];
const { tcb, teeTcbSvn } = platformState(platformOf(V4), NOW);
/** What a level may ask for: mostly what there is or a little less, now and then a little more. */
const near = (svn: number, least = -2): fc.Arbitrary<number> =>
  fc.oneof({ weight: 15, arbitrary: fc.integer({ min: Math.max(svn + least, 0), max: svn }) }, { weight: 1, arbitrary: fc.constant(Math.min(svn + (svn === 0 ? 0 : 1), 255)) });
const list = (svns: ArrayLike<number>): fc.Arbitrary<{ svn: number }[]> => fc.tuple(...Array.from(svns, (svn) => near(svn))).map((values) => values.map((svn) => ({ svn })));
const status = fc.constantFrom(U, U, S, C, CS, O, O, OC);
const level: fc.Arbitrary<Level> = fc
  .record({ sgxtcbcomponents: list(tcb.sgx), pcesvn: near(tcb.pceSvn), tdxtcbcomponents: list(teeTcbSvn), tcbStatus: status })
  .map(({ tcbStatus, ...wanted }) => ({ tcb: wanted, tcbDate: '2025-05-14T00:00:00Z', tcbStatus }));
const moduleLevels = fc.uniqueArray(fc.record({ isvsvn: fc.integer({ min: (teeTcbSvn[0] ?? 0) - 4, max: (teeTcbSvn[0] ?? 0) + 2 }), tcbStatus: fc.constantFrom(U, U, O) }), {
  minLength: 1,
  maxLength: 3,
  selector: ({ isvsvn }) => isvsvn,
});
const svnsOf = ({ tcb: wanted }: Level): number[] => [...wanted.sgxtcbcomponents, ...(wanted.tdxtcbcomponents ?? []), { svn: wanted.pcesvn }].map(({ svn }) => svn);
/** Highest first: the order that Intel's documents have. */
const descending = (a: Level, b: Level): number => {
  const [x, y] = [svnsOf(a), svnsOf(b)];
  const at = x.findIndex((svn, i) => svn !== y[i]);
  return at < 0 ? 0 : (y[at] ?? 0) - (x[at] ?? 0);
};
const ANY: readonly AcceptableStatus[] = TCB_STATUSES.filter((s): s is AcceptableStatus => s !== 'Revoked');
const REASONS: Readonly<Record<string, string>> = { 'unsupported TCB': 'platform-tcb-unsupported', 'unsupported module': 'module-tcb-unsupported' };

test('levels of all kinds, in any order, give the status that a second reading of the documentation gives', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(fc.uniqueArray(level, { minLength: 1, maxLength: 6, selector: (l) => svnsOf(l).join() }), moduleLevels, fc.boolean(), (levels, modules, shuffled) => {
      const sorted = levels.toSorted(descending);
      const asked = { info: undefined as TcbInfo | undefined };
      const presented = evidence(V4, {
        tcbInfo: {
          edit: (info) => {
            const tcbLevels = modules.toSorted((a, b) => b.isvsvn - a.isvsvn).map(({ isvsvn, tcbStatus }) => ({ tcb: { isvsvn }, tcbDate: '2025-05-14T00:00:00Z', tcbStatus }));
            asked.info = { ...info, tcbLevels: sorted, tdxModuleIdentities: info.tdxModuleIdentities?.map((m) => ({ ...m, tcbLevels })) ?? [] };
            return shuffled ? { ...asked.info, tcbLevels: levels, tdxModuleIdentities: asked.info.tdxModuleIdentities?.map((m) => ({ ...m, tcbLevels: m.tcbLevels.toReversed() })) } : asked.info;
          },
        },
      });
      const verdict = verifyTdx(presented, { trust: TRUST, now: NOW, tcbStatuses: ANY });
      if (!asked.info) throw new Error('no TCB info');
      const expected = tcbStatusOf(asked.info, { tcb, teeTcbSvn });
      seen.add(expected);
      expect(verdict.accepted ? verdict.facts.status : verdict.reason).toBe(REASONS[expected] ?? expected);
    }),
    { numRuns: 600 },
  );
  // Otherwise the levels are too much alike to tell anything.
  expect(seen).toEqual(new Set([U, S, C, CS, O, OC, 'unsupported TCB', 'unsupported module']));
});
