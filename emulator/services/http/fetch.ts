/** Services over the web's own `Request` and `Response`, in the same process. */
import { setTimeout as pause } from 'node:timers/promises';
import { type Answer, BODY_LIMIT, hostOf, httpDate, type Reply, type ServiceRequest, TEST_ONLY, textReply } from './message.ts';

/**
 * Answers a `Request` as a server would.
 * @param now milliseconds since 1970, for the `Date` header
 * @throws {TypeError} where a fault sends no answer at all, as `fetch` does
 */
export async function answerFetch(answer: Answer, request: Request, now: () => number): Promise<Response> {
  const { pathname, search, host } = new URL(request.url);
  const body = await readBody(request);
  const asked: ServiceRequest = {
    method: request.method.toUpperCase(),
    host: hostOf(request.headers.get('host') ?? host),
    target: `${pathname}${search}`,
    path: pathname,
    query: search.slice(1),
    body: body ?? new Uint8Array(0),
    header: (name) => request.headers.get(name) ?? undefined,
    client: () => '127.0.0.1',
  };
  const reply = body === undefined ? textReply(413, `a body has at most ${BODY_LIMIT} bytes`) : await answer(asked);
  const { wire = {} } = reply;
  if (wire.delay) await pause(wire.delay);
  if (wire.drop === 'hang') await pause(wire.silence ?? 0);
  if (wire.drop) throw new TypeError(`fetch failed: the connection was ${wire.drop === 'reset' ? 'reset' : 'closed'}`);
  const headers = new Headers({ ...reply.headers, ...(reply.own && { [reply.own[0]]: reply.own[1] }), Date: httpDate(now()), [TEST_ONLY.name]: TEST_ONLY.value });
  const empty = request.method === 'HEAD' || reply.status === 204 || reply.status === 304;
  if (reply.status !== 204) headers.set('Content-Length', String(reply.body.length));
  return new Response(empty ? null : streamed(reply), { status: reply.status, headers });
}

/** The whole body, or undefined when it is too long. */
async function readBody(request: Request): Promise<Uint8Array | undefined> {
  if (!request.body) return new Uint8Array(0);
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of request.body as unknown as AsyncIterable<Uint8Array>) {
    length += part.length;
    if (length > BODY_LIMIT) return undefined;
    parts.push(part);
  }
  return new Uint8Array(Buffer.concat(parts));
}

/** The body, whole or in pieces, or cut off by an error in the middle. */
function streamed({ body, wire = {} }: Reply): Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> {
  const { cutAt, pieces } = wire;
  if (cutAt === undefined && !pieces) return new Uint8Array(body);
  const end = cutAt ?? body.length;
  const size = pieces?.bytes ?? Math.max(1, end);
  let at = 0;
  return new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      if (at >= end) {
        if (cutAt === undefined) controller.close();
        else controller.error(new TypeError('terminated: the connection was closed in the middle of the body'));
        return;
      }
      if (pieces?.pause) await pause(pieces.pause);
      controller.enqueue(body.slice(at, Math.min(end, at + size)));
      at += size;
    },
  });
}
