/** The timing model against what others measured, and against its own rules. */
import { describe, expect, test } from 'vitest';
import { type Conditions, type Operation, predict, timingPreset } from '../../../emulator/link/timing/prediction.ts';
import { TIMING_PRESETS } from '../../../emulator/link/timing/presets.ts';

const GIB = 2 ** 30;
const h200 = timingPreset('h200');
const CONFIDENTIAL: Conditions = { confidential: true };
const PLAIN: Conditions = { confidential: false };
const seconds = (pattern: readonly Operation[], conditions: Conditions): number => predict(h200, pattern, conditions).seconds;

/** sgl-project/sglang PR 15188: throughput lost to confidential computing, in percent, by how many requests run at a time. */
const SGLANG: readonly (readonly [concurrency: number, loss: number])[] = [
  [1, 18.4],
  [4, 16.7],
  [8, 15.1],
  [16, 13.9],
  [32, 9.8],
  [64, 7.4],
  [128, 4.8],
  [256, 2.8],
];
const STEPS = 200;
/** Main-thread work between two decode steps: the unit in which the rest is measured, for the table has ratios only. */
const HOST = 1e-3;

/**
 * A decode loop as serving engines have it: launch a step, ask for its tokens asynchronously, meanwhile look at those of the step before.
 * How long a step takes grows with the requests in it; both constants come from the first and the last row of the table, so that the six rows
 * between are predicted.
 */
function decodeLoop(concurrency: number): Operation[] {
  const perLoss = (loss: number): number => ((HOST + h200.toll.value) * (100 - loss)) / loss;
  const [least, most] = [perLoss(SGLANG[0]?.[1] ?? 0), perLoss(SGLANG.at(-1)?.[1] ?? 0)];
  const step = least + ((most - least) * (concurrency - 1)) / 255;
  return Array.from({ length: STEPS }).flatMap((_, i): Operation[] => [
    { kind: 'host', seconds: HOST },
    { kind: 'compute', seconds: step },
    { kind: 'copy', direction: 'fromDevice', bytes: 4 * concurrency },
    i === 0 ? { kind: 'host', seconds: 0 } : { kind: 'wait', operation: 4 * i - 2 },
  ]);
}

describe('a decode loop under confidential computing loses what SGLang measured', () => {
  test.each(SGLANG)('%i requests at a time: %f %%, within 1.5 points', (concurrency, loss) => {
    const pattern = decodeLoop(concurrency);
    const predicted = 100 * (1 - seconds(pattern, PLAIN) / seconds(pattern, CONFIDENTIAL));
    expect(Math.abs(predicted - loss)).toBeLessThan(1.5);
  });

  test('and all but the copies themselves comes back with a copy thread', () => {
    const pattern = decodeLoop(1);
    const lost = 1 - seconds(pattern, PLAIN) / seconds(pattern, { confidential: true, copyThread: true });
    expect(lost).toBeLessThan(0.015);
    expect(lost).toBeGreaterThan(0);
  });

  test('the loop refers to the copy of the step before', () => {
    const pattern = decodeLoop(1);
    for (const [i, operation] of pattern.entries()) if (operation.kind === 'wait') expect([pattern[operation.operation]?.kind, i - operation.operation]).toEqual(['copy', 5]);
  });
});

describe('large copies', () => {
  test('run at the published 4.9 GiB/s of an H200 through the bounce buffer', () => {
    const bytes = 64 * GIB;
    const rate = bytes / seconds([{ kind: 'copy', direction: 'toDevice', bytes, sync: true }], CONFIDENTIAL);
    expect(rate / GIB).toBeCloseTo(4.9, 2);
  });

  test.each([
    ['toDevice', 35.2e9],
    ['fromDevice', 52.8e9],
  ] as const)('run %s at the published %f bytes/s without confidential computing', (direction, published) => {
    const bytes = 64 * GIB;
    expect(Math.abs(bytes / seconds([{ kind: 'copy', direction, bytes, sync: true }], PLAIN) / published - 1)).toBeLessThan(0.001);
  });
});

describe('the rules of confidential copies', () => {
  const copy = (stream: number, direction: 'toDevice' | 'fromDevice' = 'toDevice'): Operation => ({ kind: 'copy', direction, bytes: GIB, stream });
  const one = (conditions: Conditions): number => seconds([copy(0)], conditions);

  test.each([
    ['two streams take turns', [copy(1), copy(2)], CONFIDENTIAL, 2 * one(CONFIDENTIAL)],
    ['two directions take turns', [copy(1, 'toDevice'), copy(2, 'fromDevice')], CONFIDENTIAL, 2 * one(CONFIDENTIAL)],
    ['two directions overlap without confidential computing', [copy(1, 'toDevice'), copy(2, 'fromDevice')], PLAIN, one(PLAIN)],
  ] as const)('%s', (_, pattern, conditions, expected) => {
    expect(seconds(pattern, conditions)).toBeCloseTo(expected, 9);
  });

  test.each([
    ['holds the thread until all before it in its stream is done', CONFIDENTIAL, 3],
    ['does not without confidential computing', PLAIN, 0],
    ['does not hold the main thread when another asks for it', { confidential: true, copyThread: true }, 0],
  ] as const)('an asynchronous copy %s', (_, conditions, least) => {
    const { waited } = predict(h200, [{ kind: 'compute', seconds: 3 }, copy(0)], conditions);
    if (least === 0) expect(waited).toBe(0);
    else expect(waited).toBeGreaterThan(least);
  });

  test('a kernel on another stream runs beside a copy', () => {
    expect(seconds([{ kind: 'compute', seconds: 1, stream: 5 }, copy(0)], CONFIDENTIAL)).toBeCloseTo(1, 9);
  });

  test('many small copies cost their tolls, as the user sets them', () => {
    const pattern = Array.from({ length: 1000 }, (): Operation => ({ kind: 'copy', direction: 'toDevice', bytes: 64 }));
    for (const toll of h200.toll.range ?? []) expect(seconds(pattern, { confidential: true, toll })).toBeCloseTo(1000 * toll, 4);
  });

  test('twice the bandwidth is half the time', () => {
    expect(seconds([copy(0)], { confidential: true, toll: 0, bandwidth: 2e9 }) * 2).toBeCloseTo(seconds([copy(0)], { confidential: true, toll: 0, bandwidth: 1e9 }), 9);
  });

  test.each([
    ['a negative size', { kind: 'copy', direction: 'toDevice', bytes: -1 }],
    ['a time that is no number', { kind: 'host', seconds: Number.NaN }],
    ['a wait for what has not begun', { kind: 'wait', operation: 3 }],
  ] as const)('%s is refused', (_, operation) => {
    expect(() => predict(h200, [operation], CONFIDENTIAL)).toThrow(RangeError);
  });
});

describe('presets', () => {
  test.each([...TIMING_PRESETS].flatMap(([name, { doc: _, ...figures }]) => Object.entries(figures).map(([figure, value]) => [name, figure, value] as const)))(
    '%s.%s says where it is from, and lies in its range',
    (_, __, { value, range, source, confidence }) => {
      expect(source.length).toBeGreaterThan(20);
      expect(value).toBeGreaterThan(0);
      if (confidence === 'published') expect(source).toMatch(/#\d+|arXiv/);
      if (range) expect(value >= range[0] && value <= range[1]).toBe(true);
    },
  );

  test('have no other names', () => {
    expect(() => timingPreset('a100')).toThrow('none of h100, h200, blackwell');
  });
});
