/** What hostile clients can send to the services and to the control port: every request is answered, none with a defect, and the servers live. */
import { connect } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeBundle } from '../../emulator/bundle.ts';
import { ConfigError } from '../../emulator/errors.ts';
import { control } from '../../emulator/services/control/control.ts';
import { parseJson } from '../../emulator/services/control/json.ts';
import { listen, type Listener } from '../../emulator/services/http/listen.ts';
import type { Reply, ServiceRequest } from '../../emulator/services/http/message.ts';
import { hostOf, splitTarget } from '../../emulator/services/http/message.ts';
import { assembled, hwidHex, LEVELS } from '../services/world.ts';
import { iterations } from './iterations.ts';

const { app, world } = assembled();
const NO_BODY = new Uint8Array(0);
const request = (method: string, host: string, target: string, body: Uint8Array = NO_BODY, headers: Readonly<Record<string, string>> = {}): ServiceRequest => ({
  method,
  host,
  target,
  ...splitTarget(target),
  body,
  header: (name) => (Object.hasOwn(headers, name) ? headers[name] : undefined),
  client: () => '127.0.0.1',
});

const TARGETS = [
  '/vcek/v1/Milan/cert_chain',
  '/vlek/v1/Genoa/crl',
  `/vcek/v1/Genoa/${hwidHex(world, 'Genoa')}?${LEVELS.Genoa}`,
  `/vcek/v1/Turin/${hwidHex(world, 'Turin')}?${LEVELS.Turin}`,
  `/kds/vlek/v1/Milan/cert?${LEVELS.Milan}`,
];
const PIECES = [
  '%',
  '%00',
  '%2e%2e',
  '%2F',
  '%ff',
  '/',
  '//',
  '?',
  '&',
  '=',
  '#',
  '..',
  ':',
  '*',
  '{',
  '\0',
  '\r\n',
  ' ',
  'é',
  '\ud800',
  '__proto__',
  'constructor',
  'blSPL=1',
  'ucodeSPL=',
  '0',
  '256',
  '-1',
  '1e9',
  'NaN',
  '0x1',
  '04',
];
const piece = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...PIECES) }, { weight: 1, arbitrary: fc.string({ maxLength: 8, unit: 'binary' }) });
/** A good target with some places cut out, written over, or drawn out. */
const target = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .tuple(fc.constantFrom(...TARGETS), fc.array(fc.tuple(fc.nat(400), fc.nat(6), piece), { minLength: 1, maxLength: 4 }))
      .map(([good, edits]) => edits.reduce((text, [at, cut, put]) => text.slice(0, at % (text.length + 1)) + put + text.slice((at % (text.length + 1)) + cut), good)),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 200 }).map((text) => `/${text}`) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom(...PIECES), fc.integer({ min: 1, max: 2000 })).map(([text, times]) => `/vcek/v1/${text.repeat(times)}`) },
);
const method = fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'constructor', '');
const host = fc.oneof(fc.constantFrom('kdsintf.amd.com', '127.0.0.1', '', '__proto__', 'constructor'), fc.string({ maxLength: 20 }));

function isAnswer({ status, headers, body }: Reply): void {
  expect(status).toBeGreaterThanOrEqual(200);
  expect(status).toBeLessThan(500);
  expect(body).toBeInstanceOf(Uint8Array);
  for (const value of Object.values(headers)) expect(value).not.toMatch(/[\r\n\0]/);
}

describe(`${iterations} hostile requests`, { timeout: 900_000 }, () => {
  test('to the services are answered, never with a defect', () => {
    let refused = 0;
    fc.assert(
      fc.property(fc.tuple(fc.oneof({ weight: 6, arbitrary: fc.constant('GET') }, { weight: 1, arbitrary: method }), host, target), ([m, h, t]) => {
        const reply = app.answer(request(m, h, t));
        if (reply instanceof Promise) throw new Error('the KDS answers at once');
        isAnswer(reply);
        if (reply.status >= 400) refused++;
      }),
      { numRuns: iterations },
    );
    expect(refused).toBeGreaterThan(iterations / 2);
    expect(world.log).toEqual([]);
  });

  const port = assembled();
  const evidence = { snp: () => makeBundle({ tee: 'snp', verifyAt: 1, services: {} }, new Map()) };
  const answer = control({ ...port, evidence });
  const body = fc.oneof(
    { weight: 4, arbitrary: fc.json({ maxDepth: 4 }).map((text) => Buffer.from(text)) },
    {
      weight: 4,
      arbitrary: fc
        .dictionary(
          fc.constantFrom('at', 'seconds', 'running', 'advance', 'match', 'fault', 'times', 'after', 'probability', 'parameters', 'line', 'role', '__proto__', 'toString'),
          fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.double(), fc.constantFrom('latency', 'crl-stale', 'Milan', 'ASK', '*', '2026-01-01T00:00:00Z')),
        )
        .map((value) => Buffer.from(JSON.stringify(value))),
    },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)) },
  );
  const path = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('/clock', '/faults', '/faults/1', '/revoke', '/reset', '/journal?since=0', '/log', '/evidence/snp', '/evidence/__proto__', '/schema') },
    { weight: 1, arbitrary: target },
  );
  test('to the control port are answered, never with a defect', async () => {
    await fc.assert(
      fc.asyncProperty(method, path, body, async (m, t, b) => {
        isAnswer(await answer(request(m, '127.0.0.1', t, b, { 'content-type': 'application/json', host: '127.0.0.1' })));
        port.app.faults.clear();
      }),
      { numRuns: Math.ceil(iterations / 4) },
    );
    expect(port.world.log).toEqual([]);
  });

  test('as JSON are read, or refused as such', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 200 }),
          fc.json().map((text) => new Uint8Array(Buffer.from(text))),
        ),
        (bytes) => {
          try {
            parseJson(bytes);
          } catch (error) {
            if (!(error instanceof ConfigError)) throw error;
          }
        },
      ),
      { numRuns: iterations },
    );
  });

  test('with any authority have some host in small letters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        expect(hostOf(text)).toBe(hostOf(text).toLowerCase());
      }),
      { numRuns: iterations },
    );
  });
});

describe('hostile bytes on a socket', { timeout: 900_000 }, () => {
  let server: Listener;
  beforeAll(async () => {
    server = await listen(app.answer, { now: () => world.now() });
  });
  afterAll(() => server.close());

  /** Sends bytes and the end of the stream; done when the server closed. */
  const throwAt = (bytes: Uint8Array): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect({ port: server.port, host: '127.0.0.1' });
      let received = '';
      socket.on('data', (part: Buffer) => {
        received += part.toString('latin1');
      });
      socket.on('error', () => undefined);
      socket.once('close', () => resolve(received));
      socket.end(bytes);
    });
  const good = Buffer.from(`GET ${TARGETS[0]} HTTP/1.1\r\nHost: kdsintf.amd.com\r\nContent-Length: 5\r\nAccept: */*\r\n\r\nhello`);
  const mangled = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }).map((edits) => edits.reduce<Uint8Array>((bytes, [at, value]) => bytes.with(at, value), Uint8Array.from(good))),
    },
    { weight: 1, arbitrary: fc.nat(good.length).map((end) => Uint8Array.from(good.subarray(0, end))) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }).map((tail) => Uint8Array.of(...good, ...tail)) },
  );

  test('are answered or cut off, and the next client is served', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(mangled, { minLength: 16, maxLength: 16 }), async (many) => {
        const answers = await Promise.all(many.map(throwAt));
        for (const text of answers) {
          const statuses = text.match(/^HTTP\/1\.1 \d{3} .*\r\nx-teemu|^HTTP\/1\.1 \d{3} /gm) ?? [];
          if (text !== '') expect(text).toMatch(/^HTTP\/1\.1 (100|200|4\d\d) /);
          expect(text.match(/^x-teemu: test-only/gm)?.length ?? 0).toBe(statuses.filter((line) => !line.includes(' 100 ')).length);
        }
      }),
      { numRuns: Math.ceil(iterations / 400) },
    );
    expect(await throwAt(Buffer.from('GET /vcek/v1/Milan/crl HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'))).toMatch(/^HTTP\/1\.1 200 /);
  });
});
