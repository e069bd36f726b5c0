/** The quote generation service on sockets. */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type QgsAddress, type QgsListener, serveQgs } from '../../../emulator/services/intel/qgs.ts';
import { frameQgs, type QgsService } from '../../../emulator/tdx/quoting/qgs.ts';
import { decodeQgsMessage, encodeQgsMessage } from '../../../emulator/tdx/quoting/qgs-messages.ts';
import { REPORT_DATA, tdxMachine } from '../../tdx/machine.ts';

const hex = (b: Uint8Array): string => Buffer.from(b).toString('hex');
const { quotingEnclave, launch } = tdxMachine();
const service: QgsService = { quotingEnclave };
const report = launch().report(REPORT_DATA);
const folder = mkdtempSync(join(tmpdir(), 'teemu-qgs-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const open = ({ where }: QgsListener): Socket => ('path' in where ? connect(where.path) : connect(where.port, '127.0.0.1'));
/** Sends the pieces one after the other, and waits until the service closes the connection. */
function talk(listener: QgsListener, ...pieces: readonly Uint8Array[]): Promise<Uint8Array> {
  return new Promise((resolve) => {
    const socket = open(listener);
    const received: Buffer[] = [];
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => received.push(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(Uint8Array.from(Buffer.concat(received))));
    const send = (i: number): void => {
      const piece = pieces[i];
      if (piece) socket.write(piece, () => setImmediate(send, i + 1));
    };
    socket.on('connect', () => send(0));
  });
}

const addresses: readonly [string, () => QgsAddress][] = [
  ['a Unix socket', () => ({ path: join(folder, 'qgs.socket') })],
  ['a port', () => ({})],
];
describe.each(addresses)('on %s', (_, address) => {
  const request = frameQgs(encodeQgsMessage({ kind: 'getQuoteRequest', parts: { report } }));
  const quote = `${hex(quotingEnclave.quote(report))}${'00'.repeat(70)}`;

  test('a framed request gets a framed answer, and the connection is closed', async () => {
    await using listener = await serveQgs(service, address());
    const answer = await talk(listener, request);
    expect(Buffer.from(answer).readUInt32BE(0)).toBe(answer.length - 4);
    expect(hex(decodeQgsMessage(answer.subarray(4)).parts.quote ?? new Uint8Array(0))).toBe(quote);
  });

  test('a bare report gets a bare quote', async () => {
    await using listener = await serveQgs(service, address());
    expect(hex(await talk(listener, report))).toBe(quote);
  });

  test('a request may come in pieces', async () => {
    await using listener = await serveQgs(service, address());
    const pieces = [request.subarray(0, 3), request.subarray(3, 19), request.subarray(19, 500), request.subarray(500)];
    expect(hex(await talk(listener, ...pieces))).toBe(hex(await talk(listener, request)));
    expect(hex(await talk(listener, report.subarray(0, 100), report.subarray(100)))).toBe(quote);
  });

  test('what can never become a request is let go without an answer', async () => {
    await using listener = await serveQgs(service, address());
    expect(await talk(listener, new Uint8Array(5000))).toHaveLength(0);
    expect(await talk(listener, report.with(224, (report[224] ?? 0) ^ 1))).toHaveLength(0);
    expect(hex(await talk(listener, report))).toBe(quote);
  });

  test('many clients at once get their own answers', async () => {
    await using listener = await serveQgs(service, address());
    const answers = await Promise.all(Array.from({ length: 30 }, (__, i) => talk(listener, i % 2 === 0 ? report : request)));
    expect(new Set(answers.map(hex)).size).toBe(2);
  });

  test('a client that goes away in the middle harms nobody', async () => {
    await using listener = await serveQgs(service, address());
    const socket = open(listener);
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.write(request.subarray(0, 30), resolve));
    if ('path' in listener.where) socket.destroy();
    else socket.resetAndDestroy();
    expect(hex(await talk(listener, report))).toBe(quote);
  });
});

test('a place that is taken, or cannot be, is named', async () => {
  const path = join(folder, 'taken.socket');
  await using _ = await serveQgs(service, { path });
  await expect(serveQgs(service, { path })).rejects.toMatchObject({ code: 'ERR_CONFIG', message: expect.stringContaining(path) });
  await expect(serveQgs(service, { path: join(folder, 'none', 'qgs.socket') })).rejects.toMatchObject({ code: 'ERR_CONFIG' });
});

test('closing ends connections that wait', async () => {
  const listener = await serveQgs(service);
  const socket = open(listener);
  await new Promise((resolve) => socket.on('connect', resolve));
  const closed = new Promise((resolve) => socket.on('close', resolve));
  socket.on('error', () => undefined);
  await listener.close();
  await closed;
});

test('what goes wrong inside is told, and the client let go', async () => {
  const errors: unknown[] = [];
  const broken = { quotingEnclave, collateral: () => JSON.parse('{') } as unknown as QgsService;
  await using listener = await serveQgs(broken, {}, (error) => errors.push(error));
  const ask = encodeQgsMessage({ kind: 'getCollateralRequest', parts: { fmspc: Uint8Array.of(1), pckCa: Uint8Array.of(2) } });
  expect(await talk(listener, frameQgs(ask))).toHaveLength(0);
  expect(errors).toEqual([expect.any(SyntaxError)]);
});
