/** Times: as people write them, and those that a World can have. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AdjustableClock, fixedClock, LATEST_TIME, parseTime } from '../../emulator/world.ts';

describe('a time as people write it', () => {
  test.each([
    ['0', 0],
    ['1772323200', Date.UTC(2026, 2, 1)],
    ['2026-03-01', Date.UTC(2026, 2, 1)],
    ['2026-03-01T12:30Z', Date.UTC(2026, 2, 1, 12, 30)],
    ['2026-03-01T12:30:15Z', Date.UTC(2026, 2, 1, 12, 30, 15)],
    ['2026-03-01t12:30:15z', Date.UTC(2026, 2, 1, 12, 30, 15)],
    ['2026-03-01 12:30:15', Date.UTC(2026, 2, 1, 12, 30, 15)],
    ['2026-03-01T12:30:15.250Z', Date.UTC(2026, 2, 1, 12, 30, 15, 250)],
    ['2026-03-01T12:30:15+02:00', Date.UTC(2026, 2, 1, 10, 30, 15)],
    ['2028-02-29', Date.UTC(2028, 1, 29)],
    ['9970-01-01', LATEST_TIME],
  ])('%s is taken', (text, expected) => {
    expect(parseTime(text)).toBe(expected);
  });

  test.each([
    '',
    'now',
    '-1',
    '1.5',
    '1999',
    '2026',
    '2026-3-1',
    '2026-02-30',
    '2026-13-01',
    '2027-02-29',
    '2026-03-01T25:00Z',
    '2026-03-01T12:61Z',
    '1969-12-31',
    '9970-01-01T00:00:01Z',
    '252460800001',
    '9999-12-31',
    '9999999999999',
    '2026-03-01T12:30:15+2',
    'Mar 1 2026',
  ])("'%s' is refused", (text) => {
    expect(parseTime(text)).toBeUndefined();
  });

  test('every second of a World is read back', () => {
    fc.assert(
      fc.property(fc.integer({ min: 3000, max: LATEST_TIME / 1000 }), (seconds) => {
        expect(parseTime(String(seconds))).toBe(seconds * 1000);
        expect(parseTime(new Date(seconds * 1000).toISOString())).toBe(seconds * 1000);
      }),
    );
  });
});

describe('a clock that can be turned', () => {
  const at = Date.UTC(2026, 0, 2);
  test.each([
    ['before 1970', -at - 1],
    ['after what certificates can state', LATEST_TIME],
    ['to no time', Number.NaN],
  ])('refuses to be moved %s', (_, by) => {
    const clock = new AdjustableClock(fixedClock(at));
    expect(() => clock.advance(by)).toThrow(RangeError);
    expect(() => clock.set(at + by, false)).toThrow(RangeError);
    expect(clock.now()).toBe(at);
  });
  test('can be moved to both ends', () => {
    const clock = new AdjustableClock(fixedClock(at));
    clock.advance(-at);
    expect(clock.now()).toBe(0);
    clock.set(LATEST_TIME, false);
    expect(clock.now()).toBe(LATEST_TIME);
  });
});
