/** Requests answered per CPU second of the server, at 64 connections: certificates from the KDS's cache beside a bare hello. */
import { spawn } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { cpuMilliseconds, median, type Ratio, ratio, type Speed } from './ratio.ts';

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
  return [...seen].map(([name, speeds]) => ({ name, perSecond: median(speeds), range: [Math.min(...speeds), Math.max(...speeds)] }));
}

/** A bare server that says hello; what everything else is measured against. */
export async function helloServer(): Promise<{ port: number; close: () => Promise<void> }> {
  const server: Server = createServer((_, response) => {
    response.writeHead(200, { 'Content-Type': 'text/plain', 'Content-Length': 5 });
    response.end('hello');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** @param kds where the emulated KDS listens, and a certificate that it has in its cache */
export async function kdsServing(kds: Omit<Target, 'name'>): Promise<{ speeds: Speed[]; ratios: Ratio[] }> {
  const hello = await helloServer();
  try {
    const speeds = await compareServing([
      { name: 'bare node:http hello', port: hello.port, path: '/', host: '127.0.0.1' },
      { name: 'KDS certificate from the cache', ...kds },
    ]);
    return { speeds, ratios: [ratio('KDS certificates from the cache to a bare node:http hello, 64 connections', 0.7, speeds, 'KDS certificate from the cache', 'bare node:http hello')] };
  } finally {
    await hello.close();
  }
}
