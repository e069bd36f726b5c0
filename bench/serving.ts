/** Requests answered per CPU second of the server, at 64 connections: answers from the caches of KDS, PCS and NVIDIA's services beside bare servers. */
import { spawn } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { ServiceUrls } from '../emulator/services/start.ts';
import { cpuMilliseconds, type Ratio, ratio, type Speed, summary } from './ratio.ts';

/** Something that answers on a loopback port. */
export interface Target {
  readonly name: string;
  readonly port: number;
  readonly path: string;
  readonly host: string;
}

const CONNECTIONS = 64;

function load({ port, path, host }: Target, milliseconds: number): Promise<number> {
  const client = spawn(process.execPath, [fileURLToPath(new URL('./load-client.js', import.meta.url)), String(port), path, host, String(CONNECTIONS), String(milliseconds)], { stdio: ['ignore', 'pipe', 'inherit'] });
  return new Promise((resolve, reject) => {
    let out = '';
    client.stdout.on('data', (chunk) => {
      out += String(chunk);
    });
    client.on('error', reject);
    client.on('close', (code) => (code === 0 ? resolve(Number(out)) : reject(new Error(`the load client of ${path} ended with ${code}`))));
  });
}

/** Loads the targets in turn, in rounds. The servers run in this process; so CPU time is theirs alone. */
export async function compareServing(targets: readonly Target[], { rounds = 5, milliseconds = 1500 }: { rounds?: number; milliseconds?: number } = {}): Promise<Speed[]> {
  const seen = new Map<string, number[]>(targets.map(({ name }) => [name, []]));
  for (const target of targets) await load(target, 500);
  for (let round = 0; round < rounds; round++) {
    for (const target of round % 2 === 0 ? targets : targets.toReversed()) {
      const before = cpuMilliseconds();
      const answers = await load(target, milliseconds);
      seen.get(target.name)?.push((answers * 1000) / (cpuMilliseconds() - before));
    }
  }
  return [...seen].map(([name, speeds]) => summary(name, speeds));
}

/** What a bare server sends. */
interface Answer {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | string;
}

const HELLO: Answer = { headers: { 'Content-Type': 'text/plain', 'Content-Length': '5' }, body: 'hello' };

/** A bare server that always sends the same; what everything else is measured against. */
async function bareServer(name: string, { headers, body }: Answer): Promise<{ target: Target; close: () => Promise<void> }> {
  const server: Server = createServer((_, response) => {
    response.writeHead(200, headers);
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    target: { name, port, path: '/', host: '127.0.0.1' },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** What stands at a URL, but for what node adds itself. */
async function answerAt(url: string): Promise<Answer> {
  const response = await fetch(url);
  if (response.status !== 200) throw new Error(`${url}: ${response.status}`);
  const headers = [...response.headers].filter(([name]) => !['connection', 'date', 'keep-alive'].includes(name));
  return { headers: Object.fromEntries(headers), body: new Uint8Array(await response.arrayBuffer()) };
}

const HELLO_NAME = 'bare node:http hello';

/** Answers of services from their caches, beside a bare hello, and beside a bare server that sends the same bytes. */
export async function serving(urls: Pick<ServiceUrls, 'kds' | 'pcs' | 'rim' | 'ocsp'>, { certificate, ocspRequest }: { certificate: string; ocspRequest: Uint8Array }): Promise<{ speeds: Speed[]; ratios: Ratio[] }> {
  const served = [
    { name: 'KDS certificate from the cache', url: `${urls.kds}/${certificate}`, hello: 0.7 },
    { name: 'PCS TCB info from the cache', url: `${urls.pcs}/tdx/certification/v4/tcb?fmspc=90c06f000000`, same: 0.7 },
    { name: 'PCS QE identity from the cache', url: `${urls.pcs}/tdx/certification/v4/qe/identity`, same: 0.7 },
    { name: 'PCS list of a PCK CA from the cache', url: `${urls.pcs}/sgx/certification/v4/pckcrl?ca=platform&encoding=der`, same: 0.7 },
    { name: 'PCS list of the root from the cache', url: `${urls.pcs}/IntelSGXRootCA.der`, hello: 0.7 },
    // The id of the request ends its 28 KB, so that they are copied for each.
    { name: 'RIM manifest from the cache', url: `${urls.rim}/v1/rim/NV_GPU_DRIVER_GH100_550.90.07`, same: 0.5 },
    { name: 'OCSP answer without a nonce from the cache', url: `${urls.ocsp}/${encodeURIComponent(Buffer.from(ocspRequest).toString('base64'))}`, same: 0.7 },
  ];
  const sameName = (name: string): string => `bare node:http, ${name.replace(' from the cache', '')}`;
  const bare = [await bareServer(HELLO_NAME, HELLO)];
  try {
    for (const { name, url, same } of served) if (same !== undefined) bare.push(await bareServer(sameName(name), await answerAt(url)));
    const speeds = await compareServing([...bare.map(({ target }) => target), ...served.map(({ name, url }) => targetOf(name, url))]);
    const ratios = served.map(({ name, hello, same }) =>
      hello === undefined
        ? ratio(`${name} to a bare node:http that sends the same bytes, 64 connections`, same, speeds, name, sameName(name))
        : ratio(`${name} to a bare node:http hello, 64 connections`, hello, speeds, name, HELLO_NAME),
    );
    return { speeds, ratios };
  } finally {
    await Promise.all(bare.map(({ close }) => close()));
  }
}

function targetOf(name: string, url: string): Target {
  const { host, port, pathname, search } = new URL(url);
  return { name, host, port: Number(port), path: pathname + search };
}
