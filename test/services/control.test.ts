/** The control port, without sockets. */
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { makeBundle } from '../../emulator/bundle.ts';
import { CodecError, ConfigError, FirmwareError, TeemuError } from '../../emulator/errors.ts';
import { control, type ControlOptions } from '../../emulator/services/control/control.ts';
import { MAX_DEPTH } from '../../emulator/services/control/json.ts';
import { answerFetch } from '../../emulator/services/http/fetch.ts';
import { fixedClock, seededWorld } from '../../emulator/world.ts';
import { ask, assembled, bytesOf, NOW, readCrl } from './world.ts';

const BASE = 'http://127.0.0.1:4711';
const JSON_BODY = { 'content-type': 'application/json' };
const bundle = makeBundle({ tee: 'snp', verifyAt: NOW / 1000, services: {}, policy: '30000' }, new Map([['report.bin', Uint8Array.of(1, 2, 3)]]));

interface Answered {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: each test knows what it asked for
  readonly body: any;
}

/** A control port over services of its own. */
function controlled(options: Partial<ControlOptions> = {}) {
  const services = assembled();
  const answer = control({ ...services, evidence: {}, ...options });
  const call = async (method: string, path: string, body?: unknown, headers: Record<string, string> = JSON_BODY): Promise<Answered> => {
    const init = body === undefined ? { method, headers: headers === JSON_BODY ? {} : headers } : { method, headers, body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body) };
    const response = await answerFetch(answer, new Request(`${BASE}${path}`, init as RequestInit), () => NOW);
    expect(response.headers.get('x-teemu')).toBe('test-only');
    expect(response.headers.get('content-type')).toBe('application/json');
    return { status: response.status, body: await response.json() };
  };
  return { ...services, call };
}

test('healthz', async () => {
  expect(await controlled().call('GET', '/healthz')).toEqual({ status: 200, body: { status: 'ok' } });
});

describe('the clock', () => {
  test.each<[rule: string, change: unknown, seconds: number]>([
    ['is set to a date', { at: '2030-02-03T04:05:06Z', running: false }, Date.UTC(2030, 1, 3, 4, 5, 6) / 1000],
    ['is set to a date with an offset', { at: '2030-02-03T04:05:06+01:00', running: false }, Date.UTC(2030, 1, 3, 3, 5, 6) / 1000],
    ['is set to seconds since 1970', { seconds: 1_900_000_000, running: false }, 1_900_000_000],
    ['goes forward', { advance: 86_400 }, NOW / 1000 + 86_400],
    ['goes back', { advance: -1.5 }, NOW / 1000 - 1.5],
  ])('%s', async (_, change, seconds) => {
    const { call, world } = controlled();
    expect(await call('PUT', '/clock', change)).toEqual({ status: 200, body: { at: new Date(seconds * 1000).toISOString(), seconds } });
    expect(world.now()).toBe(seconds * 1000);
    expect((await call('GET', '/clock')).body.seconds).toBe(seconds);
  });

  test('runs on unless told to stand still', async () => {
    const { call, world } = controlled();
    await call('PUT', '/clock', { seconds: 1_900_000_000 });
    const first = world.now();
    const { promise, resolve } = deferred();
    setTimeout(resolve, 20);
    await promise;
    expect(world.now()).toBeGreaterThan(first);
  });

  test.each<[rule: string, change: unknown]>([
    ['no change at all', {}],
    ['no date', { at: 'tomorrow' }],
    ['a day that is none', { at: '2030-02-30T00:00:00Z' }],
    ['a time before 1970', { seconds: -1 }],
    ['a time after 9999', { seconds: 1e12 }],
    ['a date after 9969', { at: '9999-01-01T00:00:00Z' }],
    ['a way out of the years', { advance: 2.51e11 }],
    ['a way back before 1970', { advance: -1e10 }],
    ['two changes at once', { seconds: 1, advance: 1 }],
    ['no number', { seconds: null }],
  ])('does not take %s', async (_, change) => {
    const { call, world } = controlled();
    expect(await call('PUT', '/clock', change)).toMatchObject({ status: 400, body: { error: { code: 'ERR_CONFIG' } } });
    expect(world.now()).toBe(NOW);
  });

  test('of a world that has a fixed one cannot be turned', async () => {
    expect((await controlled({ world: seededWorld('x', fixedClock(NOW)) }).call('PUT', '/clock', { seconds: 1 })).status).toBe(409);
  });
});

describe('faults', () => {
  test('are added, listed, and taken away', async () => {
    const { call, app } = controlled();
    expect(await call('POST', '/faults', { match: 'kds.crl', fault: 'server-error', times: 1 })).toMatchObject({ status: 200, body: { id: 1, match: 'kds.crl', times: 1, probability: 1, after: 0 } });
    await call('POST', '/faults', { fault: 'not-found', match: 'kds.chain' });
    expect((await ask(app, '/vcek/v1/Milan/crl')).status).toBe(500);
    expect((await call('GET', '/faults')).body.rules.map((r: { id: number; injected: number }) => [r.id, r.injected])).toEqual([
      [1, 1],
      [2, 0],
    ]);
    expect((await call('DELETE', '/faults/1')).body.rules).toHaveLength(1);
    expect(await call('DELETE', '/faults')).toEqual({ status: 200, body: { rules: [], rolls: 0 } });
    expect((await ask(app, '/vcek/v1/Milan/cert_chain')).status).toBe(200);
  });

  test('that there are can be asked for', async () => {
    const { body } = await controlled().call('GET', '/faults/table');
    expect(body).toContainEqual({ name: 'crl-stale', doc: expect.any(String), on: ['kds.crl'], parameters: expect.objectContaining({ type: 'object' }) });
  });

  test.each([
    ['DELETE', '/faults/9', 404],
    ['DELETE', '/faults/x', 404],
    ['DELETE', '/faults/__proto__', 404],
  ])('%s %s: %s', async (method, path, status) => {
    expect((await controlled().call(method, path)).status).toBe(status);
  });

  test('that are none are refused with the member at fault', async () => {
    const { call } = controlled();
    expect(await call('POST', '/faults', { fault: 'gremlins' })).toMatchObject({ status: 400, body: { error: { code: 'ERR_CONFIG', path: 'fault' } } });
    expect(await call('POST', '/faults', { fault: 'latency', probability: 3 })).toMatchObject({ status: 400, body: { error: { code: 'ERR_CONFIG', path: 'probability' } } });
    expect(await call('POST', '/faults', { fault: 'latency', colour: 3 })).toMatchObject({ status: 400, body: { error: { code: 'ERR_CONFIG', path: 'colour' } } });
  });
});

describe('revocation and reset', () => {
  const serials = async ({ app }: ReturnType<typeof controlled>): Promise<string[]> => readCrl(await bytesOf(await ask(app, '/vcek/v1/Milan/crl'))).serials;

  test('an intermediate is revoked, the ASK unless told otherwise', async () => {
    const port = controlled();
    await port.call('POST', '/revoke', { line: 'Milan' });
    expect(await serials(port)).toEqual(['010001']);
    await port.call('POST', '/revoke', { line: 'Milan', role: 'ASVK' });
    expect(await serials(port)).toEqual(['010001', '010101']);
  });

  test.each([{}, { line: 'milan' }, { line: 'Milan', role: 'ARK' }, { line: 'Milan', role: 'VCEK' }])('%j cannot be revoked', async (body) => {
    expect((await controlled().call('POST', '/revoke', body)).status).toBe(400);
  });

  test('reset takes everything back but the clock', async () => {
    const port = controlled();
    await port.call('POST', '/revoke', { line: 'Milan' });
    await port.call('POST', '/faults', { match: 'kds.chain', fault: 'not-found', probability: 0.5 });
    await port.call('PUT', '/clock', { advance: 60 });
    await ask(port.app, '/vcek/v1/Milan/cert_chain');
    expect(await port.call('POST', '/reset')).toEqual({ status: 200, body: { status: 'ok' } });
    expect((await port.call('GET', '/journal')).body.entries).toEqual([]);
    expect((await port.call('GET', '/faults')).body).toEqual({ rules: [], rolls: 0 });
    expect(await serials(port)).toEqual([]);
    expect(port.world.now()).toBe(NOW + 60_000);
  });
});

describe('the journal', () => {
  test('is read whole, from a number on, and by operation', async () => {
    const { call, app } = controlled();
    for (const what of ['cert_chain', 'crl', 'cert_chain']) await ask(app, `/vcek/v1/Milan/${what}`);
    const operations = async (query: string): Promise<string[]> => (await call('GET', `/journal${query}`)).body.entries.map((e: { operation: string }) => e.operation);
    expect(await operations('')).toEqual(['kds.chain', 'kds.crl', 'kds.chain']);
    expect(await operations('?since=1')).toEqual(['kds.crl', 'kds.chain']);
    expect(await operations('?operation=kds.crl')).toEqual(['kds.crl']);
    expect(await operations('?operation=*chain&since=2')).toEqual(['kds.chain']);
    expect((await call('GET', '/journal')).body.last).toBe(3);
  });

  test.each(['?since=x', '?since=-1', '?since=1.5', '?until=3'])('%s is refused', async (query) => {
    expect((await controlled().call('GET', `/journal${query}`)).status).toBe(400);
  });

  test('does not hold what the control port was asked', async () => {
    const { call, app } = controlled();
    await call('GET', '/clock');
    expect(app.journal.last).toBe(0);
  });
});

describe('evidence', () => {
  test('comes as manifest and files, for the options of the caller', async () => {
    const asked: unknown[] = [];
    const { call } = controlled({
      evidence: {
        snp: (body) => {
          asked.push(body);
          return bundle;
        },
      },
    });
    expect(await call('POST', '/evidence/snp', { reportData: '00ff' })).toEqual({ status: 200, body: { manifest: bundle.manifest, files: { 'report.bin': 'AQID' } } });
    expect(asked).toEqual([{ reportData: '00ff' }]);
  });

  test('needs no body', async () => {
    expect((await controlled({ evidence: { snp: () => Promise.resolve(bundle) } }).call('POST', '/evidence/snp')).status).toBe(200);
  });

  test.each(['sgx', 'toString', '__proto__'])('of %s: there is none', async (tee) => {
    expect(await controlled({ evidence: { snp: () => bundle } }).call('POST', `/evidence/${tee}`)).toMatchObject({ status: 404, body: { error: { code: 'ERR_SERVICE' } } });
  });

  test.each<[rule: string, error: Error, status: number, refusal: Record<string, string>]>([
    ['an option that cannot be', new ConfigError('vmpl', 'is 0 to 3'), 400, { code: 'ERR_CONFIG', path: 'vmpl' }],
    ['a field that cannot be', new CodecError('ERR_CODEC_RANGE', 'snp.report.vmpl', 48, 'too big'), 400, { code: 'ERR_CODEC_RANGE', path: 'snp.report.vmpl' }],
    ['a refusal of the firmware', new FirmwareError(1, 'INVALID_PLATFORM_STATE', 'no'), 409, { code: 'ERR_FIRMWARE_STATE' }],
    ['a key that is not there', new TeemuError('ERR_KEY_NOT_TEST', 'no'), 400, { code: 'ERR_KEY_NOT_TEST' }],
    ['a defect', new RangeError('secret detail'), 500, { code: 'ERR_SERVICE' }],
  ])('%s is answered with its code', async (_, error, status, refusal) => {
    const { call, world } = controlled({
      evidence: {
        snp: () => {
          throw error;
        },
      },
    });
    const answer = await call('POST', '/evidence/snp');
    expect(answer).toMatchObject({ status, body: { error: refusal } });
    if (status === 500) {
      expect(JSON.stringify(answer.body)).not.toContain('secret detail');
      expect(answer.body.error.message).toContain('GET /log');
      expect(world.log.at(-1)?.message).toContain('secret detail');
    }
  });
});

describe('who may ask', () => {
  const post = (headers: Record<string, string>, options: Partial<ControlOptions> = {}): Promise<Answered> => controlled(options).call('POST', '/reset', undefined, headers);
  test.each<[rule: string, headers: Record<string, string>, status: number]>([
    ['a program', {}, 200],
    ['a program by the name localhost', { host: 'localhost:4711' }, 200],
    ['a program by IPv6', { host: '[::1]:4711' }, 200],
    ['a program by another loopback address', { host: '127.8.9.10:4711' }, 200],
    ['a page of its own', { host: '127.0.0.1:4711', origin: BASE, 'sec-fetch-site': 'same-origin' }, 200],
    ['a name that somebody pointed at this machine', { host: 'evil.example:4711' }, 403],
    ['a name that only begins like a loopback address', { host: '127.0.0.1.evil.example' }, 403],
    ['a page from elsewhere', { origin: 'http://evil.example' }, 403],
    ['a page from another port', { host: '127.0.0.1:4711', origin: 'http://127.0.0.1:3000' }, 403],
    ['a sandboxed page', { origin: 'null' }, 403],
    ['a request that a browser calls cross-site', { 'sec-fetch-site': 'cross-site' }, 403],
  ])('%s: %s', async (_, headers, status) => {
    expect((await post(headers)).status).toBe(status);
  });

  test('any name, when the port is meant for others too', async () => {
    expect((await post({ host: 'ci-host:4711' }, { listenPublic: true })).status).toBe(200);
  });

  test.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/jsonx'])('a body as %s, which a form can send, is refused', async (type) => {
    expect((await controlled().call('POST', '/revoke', '{"line":"Milan"}', { 'content-type': type })).status).toBe(415);
  });

  test('a body with a character set is taken', async () => {
    expect((await controlled().call('POST', '/revoke', '{"line":"Milan"}', { 'content-type': 'application/json; charset=utf-8' })).status).toBe(200);
  });
});

describe('bodies', () => {
  const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  test.each<[rule: string, body: string | Uint8Array]>([
    ['no JSON', '{'],
    ['two values', '{}{}'],
    ['no UTF-8', Uint8Array.of(0x22, 0xff, 0x22)],
    ['a list', '[]'],
    ['null', 'null'],
    ['an unknown member', '{"line":"Milan","colour":1}'],
    ['a member of the prototype', '{"line":"Milan","__proto__":{"role":"ASVK"}}'],
    ['deep lists', nested(MAX_DEPTH + 2)],
    ['very deep lists', nested(300_000)],
  ])('%s is refused', async (_, body) => {
    expect(await controlled().call('POST', '/revoke', body)).toMatchObject({ status: 400, body: { error: { code: 'ERR_CONFIG' } } });
  });

  test('evidence options may be nested as deep as the bound', async () => {
    const { call } = controlled({ evidence: { snp: () => bundle } });
    expect((await call('POST', '/evidence/snp', `{"a":${nested(MAX_DEPTH - 1)}}`)).status).toBe(200);
    expect((await call('POST', '/evidence/snp', `{"a":${nested(MAX_DEPTH + 1)}}`)).status).toBe(400);
  });
});

describe('the description', () => {
  interface Operation {
    readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: z.core.JSONSchema.JSONSchema } } };
    readonly responses: { readonly 200: { readonly content: { readonly 'application/json': { readonly schema: z.core.JSONSchema.JSONSchema } } } };
  }
  const describe_ = async (): Promise<Record<string, Record<string, Operation>>> => (await controlled().call('GET', '/schema')).body.paths;

  test('is the same under both names', async () => {
    const { call } = controlled();
    expect((await call('GET', '/openapi.json')).body).toEqual((await call('GET', '/schema')).body);
  });

  test('has every route', async () => {
    const paths = await describe_();
    expect(
      Object.entries(paths)
        .flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`))
        .sort(),
    ).toEqual([
      'DELETE /faults',
      'DELETE /faults/{id}',
      'GET /clock',
      'GET /faults',
      'GET /faults/table',
      'GET /healthz',
      'GET /journal',
      'GET /log',
      'POST /evidence/{tee}',
      'POST /faults',
      'POST /reset',
      'POST /revoke',
      'PUT /clock',
      'PUT /tcb-status',
    ]);
  });

  test.each<[method: string, path: string, body: unknown, good: boolean]>([
    ['put', '/clock', { seconds: 1 }, true],
    ['put', '/clock', { seconds: 'x' }, false],
    ['post', '/faults', { fault: 'latency' }, true],
    ['post', '/faults', { match: '*' }, false],
    ['post', '/revoke', { line: 'Milan' }, true],
    ['post', '/revoke', { line: 'Naples' }, false],
    ['post', '/revoke', { line: 'Milan', colour: 1 }, false],
    ['post', '/revoke', { role: 'TCB_SIGNING' }, true],
    ['post', '/revoke', { role: 'ASK' }, false],
    ['post', '/revoke', { serial: '0aF', issuer: 'PROCESSOR' }, true],
    ['post', '/revoke', { serial: '0x1f' }, false],
    ['post', '/revoke', { serial: 'ff'.repeat(21) }, false],
    ['post', '/revoke', { role: 'PLATFORM', serial: '01' }, false],
    ['put', '/tcb-status', { fmspc: '90C06F000000', status: 'OutOfDate' }, true],
    ['put', '/tcb-status', { fmspc: '90c06f000000', status: null }, true],
    ['put', '/tcb-status', { fmspc: '90c06f000000', status: 'TDRelaunchAdvised' }, false],
    ['put', '/tcb-status', { fmspc: '90c06f', status: 'OutOfDate' }, false],
    ['put', '/tcb-status', { fmspc: '90c06f000000' }, false],
    ['post', '/evidence/{tee}', { reportData: '00' }, true],
  ])('agrees with what is taken: %s %s %j', async (method, path, body, good) => {
    const schema = (await describe_())[path]?.[method]?.requestBody?.content['application/json'].schema;
    expect(z.fromJSONSchema(schema ?? expect.fail()).safeParse(body).success).toBe(good);
    const answer = await controlled({ evidence: { snp: () => bundle } }).call(method.toUpperCase(), path.replace('{tee}', 'snp'), body);
    expect(answer.status === 200).toBe(good);
  });

  test.each([
    ['get', '/healthz'],
    ['get', '/clock'],
    ['get', '/faults'],
    ['get', '/faults/table'],
    ['get', '/journal'],
    ['get', '/log'],
  ])('agrees with what is answered: %s %s', async (method, path) => {
    const { call, app, world } = controlled();
    world.note('a line');
    await ask(app, '/vcek/v1/Milan/crl');
    await call('POST', '/faults', { fault: 'latency', times: 2 });
    const schema = (await describe_())[path]?.[method]?.responses[200].content['application/json'].schema;
    expect(z.fromJSONSchema(schema ?? expect.fail()).parse((await call(method.toUpperCase(), path)).body)).toBeDefined();
  });
});

test.each([
  ['PATCH', '/clock', 405],
  ['POST', '/clock', 405],
  ['GET', '/', 404],
  ['GET', '/constructor', 404],
  ['GET', '/%ff', 400],
])('%s %s: %s', async (method, path, status) => {
  expect((await controlled().call(method, path)).status).toBe(status);
});

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
