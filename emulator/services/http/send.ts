/** Puts replies on a connection: head and body in one piece where nothing disturbs them. */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { httpDate, type Reply, TEST_ONLY, type Wire } from './message.ts';

const NONE: readonly string[] = [];
/** Headers as one list, by the record that they come from: services share those records between replies. */
const flat = new WeakMap<Readonly<Record<string, string>>, readonly string[]>();

function flattened(headers: Readonly<Record<string, string>>): readonly string[] {
  const there = flat.get(headers);
  if (there) return there;
  const made = [...Object.entries(headers).flat(), TEST_ONLY.name, TEST_ONLY.value];
  flat.set(headers, made);
  return made;
}

function writeHead(response: ServerResponse, reply: Reply, now: number): void {
  response.sendDate = false;
  const { status, headers, own = NONE, body } = reply;
  response.writeHead(status, flattened(headers).concat(own, 'Content-Length', String(body.length), 'Date', httpDate(now)));
}

/** Bodies as text with one character a byte: node joins such a text with the head and writes both at once, which is cheaper than two pieces. */
const texts = new WeakMap<Uint8Array, string>();
/** Longer bodies are copied too slowly for that to pay. */
const LONGEST_TEXT = 16 << 10;

function textOf(body: Uint8Array): string {
  const there = texts.get(body);
  if (there !== undefined) return there;
  const made = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('latin1');
  texts.set(body, made);
  return made;
}

/** Sends a reply. @param now milliseconds since 1970, for the `Date` header */
export function send(response: ServerResponse, reply: Reply, now: number): void {
  writeHead(response, reply, now);
  if (reply.body.length > LONGEST_TEXT) response.end(reply.body);
  else response.end(textOf(reply.body), 'latin1');
}

/**
 * Sends a reply that a fault disturbs on its way.
 * @param raw the connection below TLS, where there is TLS
 * @param signal ends all waiting when the listener closes
 */
export async function sendDisturbed(response: ServerResponse, reply: Reply & { readonly wire: Wire }, { now, raw, signal }: { now: () => number; raw: Socket; signal: AbortSignal }): Promise<void> {
  const { wire, body } = reply;
  const wait = async (milliseconds: number | undefined): Promise<boolean> => {
    if (milliseconds) await pause(milliseconds, undefined, { signal }).catch(() => undefined);
    return !signal.aborted && !response.destroyed;
  };
  if (!(await wait(wire.delay))) return;
  if (wire.drop) {
    if (wire.drop === 'hang') await wait(wire.silence);
    if (wire.drop === 'reset') raw.resetAndDestroy();
    else raw.destroy();
    return;
  }
  if (wire.cutAt === undefined && !wire.pieces && !wire.linger) {
    send(response, reply, now());
    return;
  }
  writeHead(response, reply, now());
  const end = wire.cutAt ?? body.length;
  const size = wire.pieces?.bytes ?? Math.max(1, end);
  if (wire.pieces || end === 0) response.flushHeaders();
  for (let at = 0; at < end; at += size) {
    if (!(await wait(wire.pieces?.pause))) return;
    await new Promise<void>((resolve) => {
      // Closed in the middle: the callback of a write may then never come.
      response.once('close', resolve);
      response.write(body.subarray(at, Math.min(end, at + size)), () => {
        response.off('close', resolve);
        resolve();
      });
    });
  }
  if (wire.cutAt !== undefined) raw.destroySoon();
  else if (await wait(wire.linger)) response.end();
}
