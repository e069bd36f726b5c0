/** Everything together, started and stopped. */
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { makeBundle } from '../../emulator/bundle.ts';
import { TeemuError } from '../../emulator/errors.ts';
import { RouteTable } from '../../emulator/services/http/route.ts';
import { textReply } from '../../emulator/services/http/message.ts';
import type { Service } from '../../emulator/services/http/service.ts';
import { startServices } from '../../emulator/services/start.ts';
import { bytesOf, readCrl, testWorld } from './world.ts';
import { raw } from './sockets.ts';

const folder = mkdtempSync(join(tmpdir(), 'teemu-start-'));
afterAll(() => rmSync(folder, { recursive: true }));
const { world } = testWorld();
const sockets = (): number => process.getActiveResourcesInfo().filter((name) => /^(TCP|TLS)/.test(name)).length;
const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
};

test('the URLs are where things are', async () => {
  await using services = await startServices({ world, proxy: true });
  expect(services.url.kds).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/kds$/);
  expect(services.url.control).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(services.url.proxy).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect((await fetch(`${services.url.kds}/vcek/v1/Milan/crl`)).status).toBe(200);
  expect(await (await fetch(`${services.url.control}/healthz`)).json()).toEqual({ status: 'ok' });
});

test('without a proxy there is neither its URL nor its root', async () => {
  await using services = await startServices({ world, caFile: join(folder, 'none.pem') });
  expect([services.url.proxy, services.caPem, services.caFile]).toEqual([undefined, undefined, undefined]);
  expect(readdirSync(folder)).not.toContain('none.pem');
});

test('the data port does not speak the control API, nor the other way round', async () => {
  await using services = await startServices({ world });
  expect((await fetch(`${new URL(services.url.kds).origin}/healthz`)).status).toBe(404);
  expect((await fetch(`${services.url.control}/vcek/v1/Milan/crl`)).status).toBe(404);
});

test('requests, faults, revocation and reset from the library', async () => {
  await using services = await startServices({ world, faults: [{ match: 'kds.chain', fault: 'not-found', times: 1 }] });
  const get = (what: string): Promise<Response> => fetch(`${services.url.kds}/vcek/v1/Genoa/${what}`);
  expect((await get('cert_chain')).status).toBe(404);
  services.fault({ match: 'kds.crl', fault: 'too-many-requests', times: 1 });
  expect((await get('crl')).status).toBe(429);
  services.revoke('Genoa');
  expect(readCrl(await bytesOf(await get('crl'))).serials).toEqual(['020001', '020002']);
  expect(services.requests().map(({ operation, status }) => [operation, status])).toEqual([
    ['kds.chain', 404],
    ['kds.crl', 429],
    ['kds.crl', 200],
  ]);
  services.reset();
  expect(services.requests()).toEqual([]);
  expect(readCrl(await bytesOf(await get('crl'))).serials).toEqual(['020001']);
});

test('evidence through the control port, for programs in other languages', async () => {
  const evidence = { snp: (body: Readonly<Record<string, unknown>>) => makeBundle({ tee: 'snp', verifyAt: 1, services: {}, nonce: String(body.nonce) }, new Map([['report.bin', Uint8Array.of(7)]])) };
  await using services = await startServices({ world, evidence });
  const response = await fetch(`${services.url.control}/evidence/snp`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"nonce":"ab"}' });
  expect(await response.json()).toMatchObject({ manifest: { tee: 'snp', nonce: 'ab', files: ['report.bin'] }, files: { 'report.bin': 'Bw==' } });
});

test('another service is mounted by its host and its name', async () => {
  const other: Service = {
    name: 'pcs',
    hosts: ['api.example'],
    faults: [],
    routes: new RouteTable([{ operation: 'pcs.x', method: 'GET', path: '/x', doc: 'x', handle: () => textReply(200, 'x') }]),
    refuse: (status, message) => textReply(status, message),
    reset: () => undefined,
  };
  await using services = await startServices({ world, services: [other] });
  expect(await (await fetch(`${services.url.pcs}/x`)).text()).toBe('x\n');
  expect((await services.app.fetch(new Request('https://api.example/x'))).status).toBe(200);
  expect((await services.app.fetch(new Request('http://127.0.0.1/x'))).status).toBe(200);
});

describe("the proxy's root", () => {
  test('is written whole, readable by all, with nothing left beside it', async () => {
    const caFile = join(folder, 'ca.pem');
    writeFileSync(caFile, 'old');
    await using services = await startServices({ world, proxy: true, caFile });
    expect(readFileSync(caFile, 'utf8')).toBe(services.caPem);
    expect(services.caFile).toBe(caFile);
    expect(readdirSync(folder).filter((name) => name.startsWith('ca.pem'))).toEqual(['ca.pem']);
    if (process.platform !== 'win32') expect((lstatSync(caFile).mode & 0o133).toString(8)).toBe('0');
  });

  test('takes the place of a symbolic link, and leaves what that pointed at alone', async () => {
    const [target, link] = [join(folder, 'precious'), join(folder, 'link.pem')];
    writeFileSync(target, 'precious');
    symlinkSync(target, link);
    await using _ = await startServices({ world, proxy: true, caFile: link });
    expect(readFileSync(target, 'utf8')).toBe('precious');
    expect(lstatSync(link).isSymbolicLink()).toBe(false);
  });

  test('that cannot be written stops everything', async () => {
    const before = sockets();
    await expect(startServices({ world, proxy: true, caFile: join(folder, 'no', 'such', 'folder.pem') })).rejects.toThrow(expect.objectContaining({ code: 'ERR_FILE' }));
    await until(() => sockets() <= before);
  });
});

describe('stopping', () => {
  test('leaves no socket behind, whatever was under way', async () => {
    const before = sockets();
    const services = await startServices({ world, proxy: true, faults: [{ match: 'kds.crl', fault: 'hang' }] });
    const { port } = new URL(services.url.kds);
    const pending = fetch(`${services.url.kds}/vcek/v1/Milan/crl`).catch(() => 'failed');
    const open = [raw(Number(port)), raw(Number(port), 'GET / HTTP/1.1\r\nHost: x\r\n')];
    await until(() => services.requests().length === 1);
    await services.stop();
    await services.stop();
    expect(await pending).toBe('failed');
    await Promise.all(open.map(({ closed }) => closed));
    await until(() => sockets() <= before);
  });

  test.each(['data', 'proxy', 'control'] as const)('starts nothing when the %s port is taken', async (which) => {
    await using first = await startServices({ world });
    const before = sockets();
    const taken = Number(new URL(first.url.control).port);
    await expect(startServices({ world, proxy: true, ports: { [which]: taken } })).rejects.toThrow(TeemuError);
    await until(() => sockets() <= before);
  });

  test('a fault that cannot be starts nothing', async () => {
    await expect(startServices({ world, faults: [{ fault: 'gremlins' }] })).rejects.toThrow(expect.objectContaining({ code: 'ERR_CONFIG', key: 'fault' }));
  });
});
