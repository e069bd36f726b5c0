/** The proxy: unmodified clients with hard-coded hosts, over real sockets, and everything it refuses. */
import { execFile, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { createServer, connect as tlsConnect, type TLSSocket } from 'node:tls';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TEST_MARKER, issueCertificate } from '../../emulator/pki/issue.ts';
import { PROXY_PROFILES, proxyCertificateSpec, SERIAL_MARKER } from '../../emulator/pki/profiles/proxy.ts';
import { TlsAuthority } from '../../emulator/services/proxy/tls-authority.ts';
import { type Services, startServices } from '../../emulator/services/start.ts';
import { fixedClock, type World } from '../../emulator/world.ts';
import { raw, talk } from './sockets.ts';
import { ask, bytesOf, hwidHex, LEVELS, NOW, testWorld } from './world.ts';

const folder = mkdtempSync(join(tmpdir(), 'teemu-proxy-'));
const caFile = join(folder, 'ca.pem');
const CRL = '/vcek/v1/Milan/crl';
let world: World;
let services: Services;
beforeAll(async () => {
  ({ world } = testWorld());
  services = await startServices({ world, proxy: true, caFile });
});
afterAll(async () => {
  await services.stop();
  rmSync(folder, { recursive: true });
});
const proxyPort = (): number => Number(new URL(services.url.proxy ?? expect.fail()).port);

/** A tunnel through the proxy. */
function tunnel(target = 'kdsintf.amd.com:443', localAddress?: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port: proxyPort(), method: 'CONNECT', path: target, ...(localAddress && { localAddress }) });
    request.once('error', reject);
    request.once('connect', ({ statusCode }, socket) => (statusCode === 200 ? resolve(socket) : reject(new Error(`status ${statusCode}`))));
    request.end();
  });
}

/** TLS inside a tunnel. */
async function secured(servername = 'kdsintf.amd.com', localAddress?: string, target?: string): Promise<TLSSocket> {
  const socket = await tunnel(target, localAddress);
  return await new Promise((resolve, reject) => {
    const secure = tlsConnect({ socket, servername, ca: services.caPem ?? '' }, () => resolve(secure));
    secure.once('error', reject);
  });
}

interface Got {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Uint8Array;
}

/** A GET over HTTPS through the proxy. @param server whom the tunnel leads to @param host what the request says */
async function get(path: string, { server = 'kdsintf.amd.com', host = server, localAddress }: { server?: string; host?: string; localAddress?: string } = {}): Promise<Got> {
  const socket = await secured(server, localAddress, `${server}:443`);
  return await new Promise((resolve, reject) => {
    const request = httpsRequest({ createConnection: () => socket, path, headers: { host } }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.once('error', reject);
      response.once('end', () => {
        socket.destroy();
        resolve({ status: response.statusCode, headers: response.headers, body: new Uint8Array(Buffer.concat(parts)) });
      });
    });
    request.once('error', reject);
    request.end();
  });
}

describe('through a tunnel', () => {
  test("node's https gets what the services serve", async () => {
    const path = `/vcek/v1/Genoa/${hwidHex(world, 'Genoa')}?${LEVELS.Genoa}`;
    const { status, headers, body } = await get(path);
    expect([status, headers['x-teemu']]).toEqual([200, 'test-only']);
    expect(body).toEqual(await bytesOf(await ask(services.app, path)));
  });

  test.each([
    ['kdsintf.amd.com', '/vcek/v1/Milan/cert_chain', 'kds.chain'],
    ['api.trustedservices.intel.com', '/tdx/certification/v4/qe/identity', 'pcs.identity.td-qe'],
    ['certificates.trustedservices.intel.com', '/IntelSGXRootCA.der', 'pcs.rootcrl'],
  ])('each vendor’s host is there: %s', async (server, path, operation) => {
    const before = services.app.journal.last;
    const { status, body } = await get(path, { server });
    expect(status).toBe(200);
    expect(body).toEqual(await bytesOf(await services.app.fetch(new Request(`https://${server}${path}`))));
    expect(services.requests(before)[0]).toMatchObject({ operation, host: server });
  });

  test('the request lands in the journal under the host that was asked for', async () => {
    const before = services.app.journal.last;
    await get(CRL);
    expect(services.requests(before)).toEqual([expect.objectContaining({ operation: 'kds.crl', host: 'kdsintf.amd.com', path: CRL })]);
  });

  test.each(['example.com', '127.0.0.1', ''])('another host name inside it (%j) is misdirected', async (host) => {
    expect((await get(CRL, { host })).status).toBe(421);
  });

  test.each(['example.com', 'amd.com', 'kdsintf.amd.com.evil.example'])('TLS for another name (%s) is refused', async (servername) => {
    await expect(secured(servername)).rejects.toThrow();
  });

  test('what comes before TLS is no request', async () => {
    const socket = await tunnel();
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => undefined).resume();
    socket.write('GET / HTTP/1.1\r\nHost: kdsintf.amd.com\r\n\r\n');
    await closed;
  });

  test('silence is cut off', async () => {
    const socket = await tunnel();
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.on('error', () => undefined).resume();
    await closed;
  });

  test('a reset by a fault arrives as a reset', async () => {
    services.fault({ match: 'kds.crl', fault: 'reset' });
    await expect(get(CRL)).rejects.toThrow(expect.objectContaining({ code: 'ECONNRESET' }));
    services.clearFaults();
  });

  test('a body cut off by a fault arrives cut off', async () => {
    services.fault({ match: 'kds.crl', fault: 'truncated-body' });
    await expect(get(CRL)).rejects.toThrow(expect.objectContaining({ code: 'ECONNRESET' }));
    services.clearFaults();
  });

  // Only Linux lets a client choose among the addresses of 127.0.0.0/8 without setting them up.
  test.skipIf(process.platform !== 'linux')('the rate limit counts the clients before the proxy', async () => {
    await using limited = await startServices({ world: testWorld().world, proxy: true, rateLimit: { seconds: 10, per: 'client' } });
    const running = services;
    services = limited;
    try {
      const path = `/vcek/v1/Genoa/${hwidHex(world, 'Genoa')}?${LEVELS.Genoa}`;
      const statuses = [];
      for (const localAddress of ['127.0.0.1', '127.0.0.2', '127.0.0.1']) statuses.push((await get(path, { localAddress })).status);
      expect(statuses).toEqual([200, 200, 429]);
    } finally {
      services = running;
    }
  });

  test.skipIf(spawnSync('curl', ['--version']).status !== 0)('curl finds its way by the environment alone', async () => {
    const env = { HTTPS_PROXY: services.url.proxy, SSL_CERT_FILE: caFile, CURL_CA_BUNDLE: caFile, PATH: process.env.PATH };
    const { stdout } = await promisify(execFile)('curl', ['-sSf', `https://kdsintf.amd.com${CRL}`], { env, encoding: 'buffer' });
    expect(new Uint8Array(stdout)).toEqual(await bytesOf(await ask(services.app, CRL)));
    await expect(promisify(execFile)('curl', ['-sSf', 'https://example.com/'], { env })).rejects.toThrow('403');
  });
});

describe('tunnels are refused', () => {
  test.each(['example.com:443', 'kdsintf.amd.com:80', 'kdsintf.amd.com', 'kdsintf.amd.com.evil.example:443', '127.0.0.1:443', '[::1]:443', ':443', 'xkdsintf.amd.com:443'])('to %s', async (target) => {
    const answer = await talk(proxyPort(), `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 403 /);
    expect(answer).toContain('x-teemu: test-only\r\n');
  });

  test('but the emulated host is also found in capitals and with a dot at the end', async () => {
    for (const target of ['KDSINTF.AMD.COM:443', 'kdsintf.amd.com.:443']) (await tunnel(target)).destroy();
  });
});

describe('plain HTTP through the proxy', () => {
  test.each<[rule: string, request: string, status: number]>([
    ['an emulated host', `GET http://kdsintf.amd.com${CRL} HTTP/1.1\r\nHost: kdsintf.amd.com`, 200],
    ['an emulated host, whatever the Host header says', `GET http://kdsintf.amd.com${CRL} HTTP/1.1\r\nHost: example.com`, 200],
    ['another host', 'GET http://example.com/ HTTP/1.1\r\nHost: kdsintf.amd.com', 403],
    ['this machine', 'GET http://127.0.0.1:22/ HTTP/1.1\r\nHost: 127.0.0.1', 403],
    ['no host at all', 'GET /vcek HTTP/1.1\r\nHost: 127.0.0.1', 403],
    ['another protocol', 'GET ftp://kdsintf.amd.com/ HTTP/1.1\r\nHost: 127.0.0.1', 403],
  ])('%s', async (_, request, status) => {
    expect(await talk(proxyPort(), `${request}\r\nConnection: close\r\n\r\n`)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  });
});

describe('the certificates', () => {
  const authority = (at = NOW): TlsAuthority => new TlsAuthority(testWorld().world, ['kdsintf.amd.com'], fixedClock(at));
  const [root, leaf] = [new X509Certificate(authority().root.der), new X509Certificate(authority().certificate('kdsintf.amd.com').der)];

  test('the leaf is for the host and signed by the root', () => {
    expect([leaf.subjectAltName, leaf.ca, leaf.checkIssued(root), leaf.verify(root.publicKey), leaf.checkHost('kdsintf.amd.com')]).toEqual(['DNS:kdsintf.amd.com', false, true, true, 'kdsintf.amd.com']);
    expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
  });

  test('the root signs itself', () => {
    expect([root.ca, root.checkIssued(root), root.verify(root.publicKey)]).toEqual([true, true, true]);
  });

  test.each([
    ['root', root],
    ['leaf', leaf],
  ])('the %s carries the test marker and a serial that begins with TEEMU', (_, certificate) => {
    expect(certificate.raw.includes(TEST_MARKER)).toBe(true);
    expect(certificate.serialNumber.startsWith(Buffer.from(SERIAL_MARKER).toString('hex').toUpperCase())).toBe(true);
  });

  test('a leaf lives at most 398 days, as some clients demand, and both are valid on the day they are made', () => {
    const days = ({ validFrom, validTo }: X509Certificate): number => (Date.parse(validTo) - Date.parse(validFrom)) / 86_400_000;
    expect(days(leaf)).toBeLessThanOrEqual(398);
    for (const { validFrom, validTo } of [root, leaf]) expect(Date.parse(validFrom) < NOW && NOW < Date.parse(validTo)).toBe(true);
  });

  test('the same seed, clock and hosts give the same bytes', () => {
    expect(authority().root.der).toEqual(authority().root.der);
    expect(authority(NOW + 400 * 86_400_000).root.der).not.toEqual(authority().root.der);
  });

  test('there is none for a host that is not emulated', () => {
    expect(() => authority().certificate('example.com')).toThrow(RangeError);
    expect(authority().context('example.com')).toBeUndefined();
  });

  test('the root cannot vouch for another host: a client that trusts it refuses such a leaf', async () => {
    const { world } = testWorld();
    const [rootKey, key] = [world.ecKey('proxy/root', 'P-256'), world.ecKey('proxy/host/localhost', 'P-256')];
    const issue = (hosts: readonly string[]) => {
      const common = { now: Date.now(), hosts, issuerSpki: rootKey.spki, serial: Uint8Array.of(1) };
      return {
        ca: issueCertificate(proxyCertificateSpec(PROXY_PROFILES.root, { ...common, host: '', spki: rootKey.spki }), rootKey).pem,
        cert: issueCertificate(proxyCertificateSpec(PROXY_PROFILES.host, { ...common, host: 'localhost', spki: key.spki }), rootKey).pem,
      };
    };
    const handshake = async (hosts: readonly string[]): Promise<string> => {
      const { ca, cert } = issue(hosts);
      const server = createServer({ cert, key: key.privateKey.export({ type: 'pkcs8', format: 'pem' }) }, (socket) => socket.destroy());
      server.on('tlsClientError', () => undefined);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      const outcome = await new Promise<string>((resolve) => {
        const socket = tlsConnect({ port, host: '127.0.0.1', servername: 'localhost', ca }, () => resolve('accepted'));
        socket.once('error', (error) => resolve(error.message));
        socket.once('close', () => server.close());
      });
      return outcome;
    };
    expect(await handshake(['localhost'])).toBe('accepted');
    expect(await handshake(['kdsintf.amd.com'])).toMatch(/permitted subtree/i);
  });
});

test('stopping ends tunnels too', async () => {
  const own = await startServices({ world: testWorld().world, proxy: true });
  const running = services;
  services = own;
  const open = await tunnel();
  const half = raw(proxyPort(), 'CONNECT kdsintf.amd.com:443 HTTP/1.1\r\n');
  services = running;
  const closed = new Promise((resolve) => open.once('close', resolve));
  open.on('error', () => undefined).resume();
  await own.stop();
  await Promise.all([closed, half.closed]);
});
