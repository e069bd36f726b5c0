import { describe, expect, test } from 'vitest';
import { textReply } from '../../emulator/services/http/message.ts';
import { type Route, RouteTable } from '../../emulator/services/http/route.ts';

const row = (path: string): Route => ({ operation: `x ${path}`, method: 'GET', path, doc: path, handle: () => textReply(200, path) });

describe.each([
  ['fixed paths only', [row('/a'), row('/a/b')]],
  ['parameters', [row('/a/:id'), row('/b')]],
  ['no rows', []],
])('a table of %s', (_, rows) => {
  const table = new RouteTable(rows);
  test.each(['', '*', 'a', '?', '%', '%2fa', '/%ff', '/a%2Fb'])('has nothing at %j, which is no path', (path) => {
    expect(table.knows(path)).toBe(false);
    expect(() => table.find('GET', path)).toThrow(expect.objectContaining({ code: 'ERR_SERVICE', status: 400 }));
  });

  test.each(['/', '/none', '//a', '/a/b/c'])('has nothing at %j, which is a path', (path) => {
    expect(table.knows(path)).toBe(false);
    expect(() => table.find('GET', path)).toThrow(expect.objectContaining({ code: 'ERR_SERVICE', status: 404 }));
  });

  test.each(rows.map(({ path }) => path))('has %s', (path) => {
    expect(table.knows(path)).toBe(true);
    expect(table.find('HEAD', path).route.path).toBe(path);
  });
});
