/** Listeners against clients that mean ill, and replies that a fault disturbs, over real sockets. */
import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ConfigError } from '../../emulator/errors.ts';
import { LIMITS } from '../../emulator/services/http/limits.ts';
import { isLoopback, listen, type Listener } from '../../emulator/services/http/listen.ts';
import { BODY_LIMIT, hostOf, type Reply, type ServiceRequest, splitTarget, textReply, type Wire } from '../../emulator/services/http/message.ts';
import { NOW } from './world.ts';
import { raw, type Raw, talk, until } from './sockets.ts';

/** Machines without IPv6 have no `::1`. */
const IPV6 = Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'));

const now = (): number => NOW;
const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
const statusOf = (answer: string): number => Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1]);
const BODY = Uint8Array.from({ length: 1000 }, (_, i) => i & 0xff);

let asked: ServiceRequest[] = [];
let next: (request: ServiceRequest) => Reply | Promise<Reply> = () => textReply(200, 'ok');
let server: Listener;
beforeAll(async () => {
  server = await listen(
    (request) => {
      asked.push(request);
      return next(request);
    },
    { now },
  );
});
afterAll(() => server.close());

/** One reply, and what came of it. */
async function replied(wire: Wire | undefined, request = GET): Promise<Raw & { error: string | undefined }> {
  next = () => ({ status: 200, headers: { 'Content-Type': 'application/octet-stream' }, body: BODY, ...(wire && { wire }) });
  const connection = raw(server.port, request.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n'));
  const error = await connection.closed;
  next = () => textReply(200, 'ok');
  return { ...connection, error };
}
const bodyOf = (answer: string): string => answer.slice(answer.indexOf('\r\n\r\n') + 4);

describe('requests', () => {
  const seen = async (text: string): Promise<ServiceRequest> => {
    asked = [];
    await talk(server.port, text);
    return asked[0] ?? expect.fail('nothing was asked');
  };
  test('come with method, host, path, query, headers and client', async () => {
    const request = await seen('PUT /a/b?c=d&e HTTP/1.1\r\nHost: Example.COM:8080\r\nX-A: 1\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi');
    expect([request.method, request.host, request.target, request.path, request.query, request.header('x-a'), request.header('x-b'), request.client(), Buffer.from(request.body).toString()]).toEqual([
      'PUT',
      'example.com',
      '/a/b?c=d&e',
      '/a/b',
      'c=d&e',
      '1',
      undefined,
      '127.0.0.1',
      'hi',
    ]);
  });

  test('to a proxy count by the host in their target', async () => {
    const request = await seen('GET http://KDSintf.amd.com:80/vcek?x HTTP/1.1\r\nHost: elsewhere\r\nConnection: close\r\n\r\n');
    expect([request.host, request.path, request.query]).toEqual(['kdsintf.amd.com', '/vcek', 'x']);
  });

  test('to a proxy without a path are for /', async () => {
    expect((await seen('GET http://a?x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')).target).toBe('/?x');
  });

  test('in chunks have their body put together', async () => {
    const request = await seen('POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n3\r\n ho\r\n0\r\n\r\n');
    expect(Buffer.from(request.body).toString()).toBe('hi ho');
  });

  test('of HTTP/1.0 need no Host', async () => {
    expect((await seen('GET / HTTP/1.0\r\n\r\n')).host).toBe('');
  });

  test('one behind the other are answered in order', async () => {
    next = (request) => textReply(200, request.path);
    const answer = await talk(server.port, 'GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    next = () => textReply(200, 'ok');
    expect(answer.match(/^\/\d$/gm)).toEqual(['/1', '/2']);
  });
});

describe('replies', () => {
  test('have their headers as written, the test marker, length and the time of the World', async () => {
    const { received } = await replied(undefined);
    expect(received().slice(0, received().indexOf('\r\n\r\n')).split('\r\n')).toEqual([
      'HTTP/1.1 200 OK',
      'Content-Type: application/octet-stream',
      'x-teemu: test-only',
      'Content-Length: 1000',
      'Date: Thu, 15 Jan 2026 12:00:00 GMT',
      'Connection: close',
    ]);
    expect(bodyOf(received())).toBe(Buffer.from(BODY).toString('latin1'));
  });

  test('to HEAD have no body but its length', async () => {
    const { received } = await replied(undefined, GET.replace('GET', 'HEAD'));
    expect(received()).toContain('Content-Length: 1000\r\n');
    expect(bodyOf(received())).toBe('');
  });

  test.each<[rule: string, reply: () => Reply | Promise<Reply>]>([
    ['that cannot be written', () => ({ status: 200, headers: { 'X-A': 'a\r\nb' }, body: BODY })],
    ['that are thrown', () => expect.fail('on purpose')],
    ['that are rejected', () => Promise.reject(new Error('on purpose'))],
    ['that cannot be written later', () => Promise.resolve({ status: 200, headers: { 'X-A': 'a\r\nb' }, body: BODY })],
  ])('%s close the connection, and the server lives', async (_, reply) => {
    next = reply;
    expect(await talk(server.port, GET)).toBe('');
    next = () => textReply(200, 'ok');
    expect(statusOf(await talk(server.port, GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')))).toBe(200);
  });
});

describe('disturbed replies', () => {
  test('delay: the whole answer comes', async () => expect(bodyOf((await replied({ delay: 5 })).received())).toHaveLength(1000));
  test('drop by reset: the connection is reset', async () => expect((await replied({ drop: 'reset' })).error).toBe('ECONNRESET'));
  test('drop by closing: the connection ends without an answer', async () => {
    const { error, received } = await replied({ drop: 'close' });
    expect([error, received()]).toEqual([undefined, '']);
  });
  test('hang: it ends in the end', async () => {
    const { error, received } = await replied({ drop: 'hang', silence: 5 });
    expect([error, received()]).toEqual([undefined, '']);
  });
  test.each([0, 1, 999])('cut after %s bytes: the length is promised and not kept', async (cutAt) => {
    const { received } = await replied({ cutAt });
    expect(received()).toContain('Content-Length: 1000\r\n');
    expect(bodyOf(received())).toHaveLength(cutAt);
  });
  test('pieces: all of it comes', async () => {
    const { received } = await replied({ pieces: { bytes: 300, pause: 1 } });
    expect(bodyOf(received())).toBe(Buffer.from(BODY).toString('latin1'));
  });
  test('linger: all of it comes before the connection ends', async () => {
    const { received } = await replied({ linger: 5 });
    expect(bodyOf(received())).toHaveLength(1000);
  });
  test('HEAD is not disturbed by what happens to bodies', async () => {
    const { received } = await replied({ pieces: { bytes: 10, pause: 0 }, linger: 1 }, GET.replace('GET', 'HEAD'));
    expect([statusOf(received()), bodyOf(received())]).toEqual([200, '']);
  });
  test('a client that goes away in the middle leaves nothing behind', async () => {
    next = () => ({ status: 200, headers: {}, body: BODY, wire: { pieces: { bytes: 1, pause: 1 } } });
    const connection = raw(server.port, GET);
    await until(() => connection.received().length > 300);
    connection.socket.destroy();
    await connection.closed;
    next = () => textReply(200, 'ok');
  });
});

describe('what is turned away', () => {
  const close = '\r\nConnection: close\r\n\r\n';
  test.each<[rule: string, text: string, status: number]>([
    ['no HTTP', 'hello\r\n\r\n', 400],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['a length and chunks at once', `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    ['two lengths', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd', 400],
    ['a length that is no number', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x10\r\n\r\n', 400],
    ['a header line without a colon', `GET / HTTP/1.1\r\nHost: x\r\nnonsense${close}`, 400],
    ['a NUL in a header', `GET / HTTP/1.1\r\nHost: x\r\nA: \0${close}`, 400],
    ['an unknown method', `BREW / HTTP/1.1\r\nHost: x${close}`, 400],
    ['headers of 20 kB', `GET / HTTP/1.1\r\nHost: x\r\nA: ${'a'.repeat(20_000)}${close}`, 431],
    ['many headers of 20 kB together', `GET / HTTP/1.1\r\nHost: x\r\n${'A: aaaaaaaaaaaaaaa\r\n'.repeat(1500)}\r\n`, 431],
    ['a target of 20 kB', `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: x${close}`, 431],
    ['an expectation that nobody knows', `GET / HTTP/1.1\r\nHost: x\r\nExpect: miracle${close}`, 417],
    ['a tunnel', 'CONNECT kdsintf.amd.com:443 HTTP/1.1\r\nHost: kdsintf.amd.com:443\r\n\r\n', 405],
    ['a chunk extension without end', `POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2;${'a'.repeat(100_000)}`, 413],
  ])('%s', async (_, text, status) => {
    const answer = await talk(server.port, text);
    expect(statusOf(answer)).toBe(status);
    expect(answer).toContain('x-teemu: test-only\r\n');
  });

  test.each<[rule: string, head: string, body: string]>([
    ['with a length', `Content-Length: ${5 << 20}\r\n\r\n`, 'a'.repeat(5 << 20)],
    ['in chunks', 'Transfer-Encoding: chunked\r\n\r\n', `${(5 << 20).toString(16)}\r\n${'a'.repeat(5 << 20)}\r\n0\r\n\r\n`],
    ['one byte too long', `Content-Length: ${BODY_LIMIT + 1}\r\n\r\n`, 'a'.repeat(BODY_LIMIT + 1)],
    ['that was to be asked for', `Expect: 100-continue\r\nContent-Length: ${BODY_LIMIT + 1}\r\n\r\n`, ''],
  ])('a body too long, %s', async (_, head, body) => {
    asked = [];
    const answer = await talk(server.port, `POST / HTTP/1.1\r\nHost: x\r\n${head}${body}`);
    expect(statusOf(answer)).toBe(413);
    expect(asked).toEqual([]);
  });

  test('a body without end is cut off', async () => {
    const connection = raw(server.port, 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
    const chunk = `10000\r\n${'a'.repeat(0x10000)}\r\n`;
    let sent = 0;
    const pump = (): void => {
      while (!connection.socket.destroyed && connection.socket.writable && sent < 4 * LIMITS.discarded) {
        sent += chunk.length;
        if (!connection.socket.write(chunk)) {
          connection.socket.once('drain', pump);
          return;
        }
      }
    };
    pump();
    await connection.closed;
    expect(sent).toBeLessThan(4 * LIMITS.discarded);
  });

  test('a body of exactly the limit is taken, also when it is asked for first', async () => {
    asked = [];
    const text = `Connection: close\r\nContent-Length: ${BODY_LIMIT}\r\n\r\n${'a'.repeat(BODY_LIMIT)}`;
    expect(statusOf(await talk(server.port, `POST / HTTP/1.1\r\nHost: x\r\n${text}`))).toBe(200);
    expect(await talk(server.port, `POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n${text}`)).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /);
    expect(asked.map(({ body }) => body.length)).toEqual([BODY_LIMIT, BODY_LIMIT]);
  });
});

describe('floods', () => {
  test('200 half-open connections are closed by the server, and others are served meanwhile', async () => {
    const heads = ['', 'GET', 'GET / HTTP/1.1\r\nHost: x\r\n', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc'];
    const open = Array.from({ length: 200 }, (_, i) => raw(server.port, heads[i % heads.length]));
    expect(statusOf(await talk(server.port, GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')))).toBe(200);
    await Promise.all(open.map(({ closed }) => closed));
    expect(new Set(open.map(({ received }) => statusOf(received())))).toEqual(new Set([408]));
  });

  test('idle connections are closed by the server', async () => {
    const connection = raw(server.port, GET);
    await connection.closed;
    expect(statusOf(connection.received())).toBe(200);
  });

  test(`of 600 connections no more than ${LIMITS.maxConnections} are kept, and the server lives`, async () => {
    const open = Array.from({ length: 600 }, () => raw(server.port));
    let refused = 0;
    for (const { closed } of open) void closed.then(() => refused++);
    await until(() => refused >= 600 - LIMITS.maxConnections);
    for (const { socket } of open) socket.destroy();
    await Promise.all(open.map(({ closed }) => closed));
    await until(() => refused === 600);
    expect(statusOf(await talk(server.port, GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')))).toBe(200);
  });
});

describe('listening', () => {
  test.each(['127.0.0.1', '127.1.2.3', '::1', '[::1]', 'localhost'])('%s is this machine', (address) => {
    expect(isLoopback(address)).toBe(true);
  });
  test.each(['0.0.0.0', '::', '10.0.0.1', '127.0.0.1.evil.example', '128.0.0.1', '', 'localhost.evil.example', '1127.0.0.1'])('%j is not', (address) => {
    expect(isLoopback(address)).toBe(false);
  });

  test('on an address that others reach is refused unless it is meant', async () => {
    const answer = (): Reply => textReply(200, 'ok');
    await expect(listen(answer, { now, address: '0.0.0.0' })).rejects.toThrow(ConfigError);
    const open = await listen(answer, { now, address: '0.0.0.0', listenPublic: true });
    expect(statusOf(await talk(open.port, GET.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')))).toBe(200);
    await open.close();
  });

  test.each<[address: string, listenPublic: boolean, url: RegExp]>([
    ['127.0.0.1', false, /^http:\/\/127\.0\.0\.1:\d+$/],
    ['0.0.0.0', true, /^http:\/\/127\.0\.0\.1:\d+$/],
    ['0', true, /^http:\/\/127\.0\.0\.1:\d+$/],
    ...(IPV6
      ? ([
          ['::1', false, /^http:\/\/\[::1\]:\d+$/],
          ['[::1]', false, /^http:\/\/\[::1\]:\d+$/],
          ['::', true, /^http:\/\/\[::1\]:\d+$/],
          ['[::]', true, /^http:\/\/\[::1\]:\d+$/],
        ] satisfies [string, boolean, RegExp][])
      : []),
  ])('on %s gives a URL that can be asked', async (address, listenPublic, url) => {
    const open = await listen(() => textReply(200, 'ok'), { now, address, listenPublic });
    expect(open.url).toMatch(url);
    expect(await (await fetch(open.url)).text()).toContain('ok');
    await open.close();
  });

  test('on a port that is taken is refused with the port', async () => {
    await expect(listen(() => textReply(200, 'ok'), { now, port: server.port })).rejects.toThrow(expect.objectContaining({ code: 'ERR_CONFIG', key: 'port' }));
  });

  test.each<[rule: string, wire: Wire | undefined, sent: string]>([
    ['with a request in the middle', undefined, 'GET / HTTP/1.1\r\n'],
    ['with an idle connection', undefined, GET],
    ['with a fault keeping silent', { drop: 'hang', silence: 30_000 }, GET],
    ['with an answer that comes late', { delay: 30_000 }, GET],
    ['with an answer coming slowly', { pieces: { bytes: 1, pause: 1000 } }, GET],
  ])('ends at once %s', async (_, wire, sent) => {
    let requests = 0;
    const server = await listen(
      () => {
        requests++;
        return { status: 200, headers: {}, body: BODY, ...(wire && { wire }) };
      },
      { now },
    );
    const connection = raw(server.port, sent);
    await until(() => (sent === GET ? requests === 1 : connection.socket.bytesWritten === sent.length));
    await Promise.all([server.close(), server.close()]);
    await connection.closed;
    expect((await raw(server.port).closed) ?? '').toBe('ECONNREFUSED');
  });
});

describe('names', () => {
  test.each([
    ['', ''],
    ['a', 'a'],
    ['A.b:80', 'a.b'],
    ['a.b.', 'a.b'],
    ['a.b.:443', 'a.b'],
    ['[::1]', '[::1]'],
    ['[::1]:80', '[::1]'],
    [':80', ':80'],
    ['127.0.0.1:1', '127.0.0.1'],
  ])('the host of %j is %j', (authority, host) => {
    expect(hostOf(authority)).toBe(host);
  });
  test.each([
    ['/', '/', ''],
    ['/a?', '/a', ''],
    ['/a?b?c', '/a', 'b?c'],
    ['?', '', ''],
  ])('%j is the path %j and the query %j', (target, path, query) => {
    expect(splitTarget(target)).toEqual({ path, query });
  });
});
