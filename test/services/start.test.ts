/** Everything together, started and stopped. */
import { lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { makeBundle } from '../../emulator/bundle.ts';
import { TeemuError } from '../../emulator/errors.ts';
import { RouteTable } from '../../emulator/services/http/route.ts';
import { textReply } from '../../emulator/services/http/message.ts';
import type { Service } from '../../emulator/services/http/service.ts';
import { startServices } from '../../emulator/services/start.ts';
import { tdxEvidence } from '../../emulator/tdx/evidence/evidence.ts';
import { decodeQuote } from '../../emulator/tdx/quote/quote.ts';
import { fixedClock, World } from '../../emulator/world.ts';
import { bytesOf, readCrl, testWorld } from './world.ts';
import { raw } from './sockets.ts';

const folder = mkdtempSync(join(tmpdir(), 'teemu-start-'));
afterAll(() => rmSync(folder, { recursive: true }));
const { world } = testWorld();
const sockets = (): number => process.getActiveResourcesInfo().filter((name) => /^(TCP|TLS)/.test(name)).length;
const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
};

/** Sends bytes, and gives everything that comes until the other side closes. */
function sent(socket: Socket, bytes: Uint8Array): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  socket.on('data', (part: Buffer) => parts.push(part));
  socket.write(bytes);
  return new Promise((resolve) => socket.once('close', () => resolve(Uint8Array.from(Buffer.concat(parts)))));
}

test('the URLs are where things are', async () => {
  await using services = await startServices({ world, proxy: true });
  expect(services.url.kds).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/kds$/);
  expect(services.url.pcs).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/pcs$/);
  expect(services.url.pccs).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/pccs$/);
  expect(services.url.control).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(services.url.proxy).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect((await fetch(`${services.url.kds}/vcek/v1/Milan/crl`)).status).toBe(200);
  const identity = await fetch(`${services.url.pcs}/tdx/certification/v4/qe/identity`);
  expect(identity.status).toBe(200);
  expect(identity.headers.get('request-id')).toMatch(/^[0-9a-f]{32}$/);
  expect((await fetch(`${services.url.pccs}/sgx/certification/v4/rootcacrl`)).status).toBe(200);
  expect(await (await fetch(`${services.url.control}/healthz`)).json()).toEqual({ status: 'ok' });
});

test('a client that keeps nothing of a base URL but the port finds the vendors by their paths, the caching service where only that has one', async () => {
  await using services = await startServices({ world });
  const { origin } = new URL(services.url.pccs);
  for (const path of ['/vcek/v1/Milan/crl', '/tdx/certification/v4/tcb?fmspc=90C06F000000&update=standard', '/sgx/certification/v4/pckcrl?ca=platform&encoding=der', '/sgx/certification/v4/rootcacrl'])
    expect((await fetch(origin + path)).status).toBe(200);
  expect(services.requests().map(({ operation }) => operation)).toEqual(['kds.crl', 'pcs.tcb.tdx', 'pcs.pckcrl', 'pccs.rootcrl']);
});

test("the vendors' own hosts are emulated", async () => {
  await using services = await startServices({ world });
  expect(services.app.hosts).toEqual(expect.arrayContaining(['kdsintf.amd.com', 'api.trustedservices.intel.com', 'certificates.trustedservices.intel.com', 'ocsp.ndis.nvidia.com', 'crl.ndis.nvidia.com']));
});

test('nothing is issued before somebody asks for it', async () => {
  const keyless = new World('private', new Uint8Array(32), fixedClock(0), () => undefined);
  // AMD's keys are not there at all, so that whoever issued something with them would fail.
  await using services = await startServices({ world: keyless, proxy: true });
  expect((await fetch(`${services.url.pcs}/tdx/certification/v4/qe/identity`)).status).toBe(200);
  expect((await fetch(`${services.url.kds}/vcek/v1/Milan/crl`)).status).toBe(500);
});

describe('the quote generation service', () => {
  test('is there when it is asked for, on the machine that is named, and makes quotes of its TDREPORTs', async () => {
    const path = join(folder, 'qgs.socket');
    const { tdReport } = tdxEvidence(world, { platform: 'sierra-forest', index: 3, reportData: 'c0ffee' });
    const services = await startServices({ world, qgs: { path, platform: 'sierra-forest', index: 3 } });
    expect(services.url.qgs).toBe(`unix:${path}`);
    const quote = decodeQuote(await sent(connect(path), tdReport), { reserved: 'keep' });
    expect(Buffer.from(quote.body.reportData).toString('hex')).toMatch(/^c0ffee0+$/);
    await services.stop();
    expect(readdirSync(folder)).not.toContain('qgs.socket');
  });

  test('answers nothing to the TDREPORT of another machine', async () => {
    await using services = await startServices({ world, qgs: { port: 0 } });
    expect(services.url.qgs).toMatch(/^tcp:\/\/127\.0\.0\.1:\d+$/);
    const { port } = new URL(services.url.qgs ?? '');
    const { tdReport } = tdxEvidence(world, { index: 1 });
    expect(await sent(connect(Number(port), '127.0.0.1'), tdReport)).toHaveLength(0);
    expect(await sent(connect(Number(port), '127.0.0.1'), tdxEvidence(world, {}).tdReport)).not.toHaveLength(0);
  });

  test('is not there otherwise', async () => {
    await using services = await startServices({ world });
    expect(services.url.qgs).toBeUndefined();
  });

  test('that cannot listen stops everything', async () => {
    const before = sockets();
    await expect(startServices({ world, qgs: { path: join(folder, 'no', 'such', 'folder.socket') } })).rejects.toThrow(expect.objectContaining({ code: 'ERR_CONFIG', key: 'qgs' }));
    await until(() => sockets() <= before);
  });
});

test("what is revoked of Intel's, and a status that was set, show at once and are taken back by reset", async () => {
  await using services = await startServices({ world });
  const crl = async (): Promise<string[]> => readCrl(await bytesOf(await fetch(`${services.url.pcs}/IntelSGXRootCA.der`))).serials;
  const status = async (): Promise<string> =>
    ((await (await fetch(`${services.url.pcs}/tdx/certification/v4/tcb?fmspc=90c06f000000`)).json()) as { tcbInfo: { tcbLevels: { tcbStatus: string }[] } }).tcbInfo.tcbLevels[0]?.tcbStatus ?? '';
  const before = await crl();
  services.revoke({ role: 'PLATFORM' });
  services.vendors.tdx.authority.setTcbStatus('90c06f000000', 'SWHardeningNeeded');
  expect(await crl()).toHaveLength(before.length + 1);
  expect(await status()).toBe('SWHardeningNeeded');
  services.reset();
  expect(await crl()).toEqual(before);
  expect(await status()).toBe('UpToDate');
});

test('what no vendor can revoke is named', async () => {
  await using services = await startServices({ world });
  expect(() => services.revoke({ line: 'Naples' } as unknown as { line: 'Milan' })).toThrow(expect.objectContaining({ code: 'ERR_CONFIG', key: 'line' }));
  expect(() => services.revoke({ serial: '' })).toThrow(expect.objectContaining({ code: 'ERR_CONFIG', key: 'serial' }));
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
  services.revoke({ line: 'Genoa' });
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
    name: 'other',
    hosts: ['api.example'],
    faults: [],
    routes: new RouteTable([{ operation: 'other.x', method: 'GET', path: '/x', doc: 'x', handle: () => textReply(200, 'x') }]),
    refuse: (status, message) => textReply(status, message),
    reset: () => undefined,
  };
  await using services = await startServices({ world, services: [other] });
  expect(await (await fetch(`${services.url.other}/x`)).text()).toBe('x\n');
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
