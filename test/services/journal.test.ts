/** The request journal. */
import { describe, expect, test } from 'vitest';
import { BODY_KEPT, Journal, TEXT_LIMIT } from '../../emulator/services/control/journal.ts';
import type { ServiceRequest } from '../../emulator/services/http/message.ts';
import { ask, assembled, NOW } from './world.ts';

const request = (target: string, body: Uint8Array = new Uint8Array(0)): ServiceRequest => {
  const [path = '', query = ''] = target.split('?');
  return { method: 'GET', host: 'kdsintf.amd.com', target, path, query, body, header: () => undefined, client: () => '' };
};

describe('the journal', () => {
  test('says what was asked and what was answered', async () => {
    const { app } = assembled({ faults: [{ match: 'kds.crl', fault: 'not-found' }] });
    await ask(app, '/vcek/v1/Milan/cert_chain');
    await ask(app, '/vcek/v1/Milan/crl?x=1');
    await ask(app, '/nowhere');
    const common = { at: NOW, method: 'GET', host: 'kdsintf.amd.com', query: '', faults: [], bodyLength: 0, body: '' };
    expect(app.journal.entries()).toEqual([
      { ...common, seq: 1, operation: 'kds.chain', path: '/vcek/v1/Milan/cert_chain', status: 200 },
      { ...common, seq: 2, operation: 'kds.crl', path: '/vcek/v1/Milan/crl', query: 'x=1', status: 404, faults: ['not-found'] },
      { ...common, seq: 3, operation: '', path: '/nowhere', status: 404 },
    ]);
  });

  test('says which requests a fault left without an answer', async () => {
    const { app } = assembled({ faults: [{ fault: 'reset' }] });
    await ask(app, '/vcek/v1/Milan/crl').catch(() => undefined);
    expect(app.journal.entries()).toEqual([expect.objectContaining({ status: 0, faults: ['reset'], operation: 'kds.crl' })]);
  });

  test('keeps the newest entries only', () => {
    const journal = new Journal(3);
    for (let i = 1; i <= 8; i++) journal.record(i, '', request(`/${i}`), 200);
    expect(journal.entries().map(({ seq, at, path }) => [seq, at, path])).toEqual([
      [6, 6, '/6'],
      [7, 7, '/7'],
      [8, 8, '/8'],
    ]);
    expect(journal.last).toBe(8);
  });

  test.each([
    ['nothing was left out', 6, [7, 8]],
    ['some fell out of the ring', 2, [6, 7, 8]],
    ['nothing is new', 8, []],
    ['the number is yet to come', 99, []],
  ])('gives what came after a number: %s', (_, since, seqs) => {
    const journal = new Journal(3);
    for (let i = 1; i <= 8; i++) journal.record(i, '', request('/'), 200);
    expect(journal.entries(since).map(({ seq }) => seq)).toEqual(seqs);
  });

  test('goes on counting after it was cleared', () => {
    const journal = new Journal(3);
    for (let i = 1; i <= 5; i++) journal.record(i, '', request('/'), 200);
    journal.clear();
    expect(journal.entries()).toEqual([]);
    journal.record(9, '', request('/new'), 200);
    expect(journal.entries().map(({ seq, path }) => [seq, path])).toEqual([[6, '/new']]);
  });

  test('hands out copies: entries do not change when their place is written over', () => {
    const journal = new Journal(1);
    journal.record(1, '', request('/a'), 200);
    const [first] = journal.entries();
    journal.record(2, '', request('/b'), 404);
    expect(first).toMatchObject({ seq: 1, path: '/a', status: 200 });
  });

  test('keeps no more of a request than its bounds', () => {
    const journal = new Journal(1);
    journal.record(1, '', request(`/${'a'.repeat(10_000)}?${'b'.repeat(10_000)}`, new Uint8Array(100_000).fill(0x61)), 200);
    const [entry] = journal.entries();
    expect(entry?.path).toBe(`/${'a'.repeat(TEXT_LIMIT - 1)}`);
    expect([entry?.bodyLength, entry?.body]).toEqual([100_000, 'a'.repeat(BODY_KEPT)]);
  });

  test.each([0, -1, 1.5, 1e9, Number.NaN])('cannot keep %s entries', (size) => {
    expect(() => new Journal(size)).toThrow(RangeError);
  });
});
