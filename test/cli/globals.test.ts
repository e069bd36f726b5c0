import { describe, expect, test } from 'vitest';
import { jsonLine, printable } from '../../harness/cli/session/terminal.ts';
import { call, json } from './call.ts';

describe('--at', () => {
  test.each(['now', '2026', '9999-12-31', '2026-02-30'])("is refused when it is '%s'", async (at) => {
    const called = await call(['doctor', '--seed', 'x', '--json', '--at', at]);
    expect(called.code).toBe(2);
    expect(json(called)).toMatchObject({ error: { code: 'ERR_CONFIG', key: '--at' } });
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
