import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseTime } from '../../harness/cli/session/globals.ts';
import { jsonLine, printable } from '../../harness/cli/session/terminal.ts';

describe('--at', () => {
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
    ['9999-12-31T23:59:59Z', Date.UTC(9999, 11, 31, 23, 59, 59)],
  ])('takes %s', (text, expected) => {
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
    '253402300800',
    '9999999999999',
    '2026-03-01T12:30:15+2',
    'Mar 1 2026',
  ])("refuses '%s'", (text) => {
    expect(() => parseTime(text)).toThrow(expect.objectContaining({ code: 'ERR_CONFIG', key: '--at' }) as Error);
  });

  test('reads back every second that it can be given', () => {
    fc.assert(
      fc.property(fc.integer({ min: 3000, max: 253_402_300_799 }), (seconds) => {
        expect(parseTime(String(seconds))).toBe(seconds * 1000);
        expect(parseTime(new Date(seconds * 1000).toISOString())).toBe(seconds * 1000);
      }),
    );
  });
});

describe('what is printed', () => {
  test.each([
    ['escape sequences', 'a\u001b[2Jb', 'a\\u{1b}[2Jb'],
    ['the one-character form of them', 'a\u009b2Jb', 'a\\u{9b}2Jb'],
    ['line ends', 'a\r\nb', 'a\\u{d}\\u{a}b'],
    ['marks that turn the direction of writing', 'a\u202eb', 'a\\u{202e}b'],
  ])('has no %s', (_, text, expected) => {
    expect(printable(text)).toBe(expected);
    expect(JSON.parse(jsonLine({ text }))).toEqual({ text });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the point.
    expect(jsonLine({ text })).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
  });

  test('keeps letters of every script', () => {
    expect(printable('Räksmörgås 日本語 “x”')).toBe('Räksmörgås 日本語 “x”');
  });

  test('is one line of JSON, with numbers of 64 bits and bytes in hexadecimal', () => {
    expect(jsonLine({ a: 0x1_0000_0000_0000_0000n, b: Uint8Array.of(1, 255) })).toBe('{"a":"0x10000000000000000","b":"01ff"}');
  });
});
