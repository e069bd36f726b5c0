/** The table of faults that any service can have: those of the connection, and those of whatever answers HTTP in its place. */
import { z } from 'zod';
import { httpDate, type Reply, textReply, type Wire } from '../http/message.ts';
import { type Exchange, type FaultRow, faultRow } from './row.ts';

/** Longest time that a fault may take (milliseconds). */
export const LONGEST_FAULT = 30_000;
/** Longest body that a fault may make. */
export const LARGEST_BODY = 16 << 20;

const milliseconds = (fallback: number, doc: string): z.ZodDefault<z.ZodNumber> => z.number().int().min(0).max(LONGEST_FAULT).default(fallback).describe(`${doc} (milliseconds)`);
const bytes = (least: number, fallback: number, doc: string): z.ZodDefault<z.ZodNumber> => z.number().int().min(least).max(LARGEST_BODY).default(fallback).describe(doc);
const ANY = ['*'];

async function disturbed(exchange: Exchange<unknown>, wire: (reply: Reply) => Wire): Promise<Reply> {
  const reply = await exchange.honest();
  return { ...reply, wire: { ...reply.wire, ...wire(reply) } };
}

async function withBody(exchange: Exchange<unknown>, edit: (body: Uint8Array) => Uint8Array): Promise<Reply> {
  const reply = await exchange.honest();
  return { ...reply, body: edit(reply.body) };
}

/** A reply that never comes: what became of it is told by the connection. */
const dropped = (wire: Wire): Reply => ({ status: 0, headers: {}, body: new Uint8Array(0), wire });

/** When to come again, in either of the two forms that HTTP knows (RFC 9110 §10.2.3). */
const RETRY = {
  retryAfter: z.number().int().min(0).max(86_400).default(10).describe('when to come again (seconds); 0 leaves the header out'),
  form: z.enum(['seconds', 'date']).default('seconds').describe('how Retry-After says it'),
};
function retryAfter({ retryAfter: seconds, form }: { retryAfter: number; form: 'seconds' | 'date' }, now: number): Record<string, string> {
  if (seconds === 0) return {};
  return { 'Retry-After': form === 'seconds' ? String(seconds) : httpDate(now + seconds * 1000) };
}

/** The page of a captive portal or a proxy in the way. */
const HTML = '<!DOCTYPE html><html><head><title>Sign in</title></head><body><h1>Sign in to the network</h1></body></html>';

/** Every fault that is no vendor's own. */
export const FAULTS: readonly FaultRow[] = [
  faultRow({
    name: 'latency',
    doc: 'The answer comes late.',
    on: ANY,
    parameters: { delay: milliseconds(1000, 'how late') },
    disturb: (exchange, { delay }) => disturbed(exchange, ({ wire }) => ({ delay: Math.min((wire?.delay ?? 0) + delay, LONGEST_FAULT) })),
  }),
  faultRow({
    name: 'down',
    doc: 'The connection is closed without an answer.',
    on: ANY,
    parameters: {},
    disturb: () => dropped({ drop: 'close' }),
  }),
  faultRow({
    name: 'reset',
    doc: 'The connection is reset without an answer.',
    on: ANY,
    parameters: {},
    disturb: () => dropped({ drop: 'reset' }),
  }),
  faultRow({
    name: 'hang',
    doc: 'Nothing is answered; the connection is closed in the end.',
    on: ANY,
    parameters: { silence: milliseconds(LONGEST_FAULT, 'how long') },
    disturb: (_, { silence }) => dropped({ drop: 'hang', silence }),
  }),
  faultRow({
    name: 'bandwidth',
    doc: 'The body comes slowly.',
    on: ANY,
    parameters: {
      rate: z
        .number()
        .int()
        .min(16)
        .max(1 << 20)
        .default(1024)
        .describe('bytes a second'),
    },
    disturb: (exchange, { rate }) => disturbed(exchange, () => ({ pieces: { bytes: Math.max(1, Math.floor(rate / 10)), pause: 100 } })),
  }),
  faultRow({
    name: 'slicer',
    doc: 'The body comes in many small pieces.',
    on: ANY,
    parameters: { bytes: z.number().int().min(1).max(65_536).default(64).describe('bytes in a piece'), pause: milliseconds(1, 'pause before each') },
    disturb: (exchange, { bytes: size, pause }) => disturbed(exchange, () => ({ pieces: { bytes: size, pause } })),
  }),
  faultRow({
    name: 'slow-close',
    doc: 'The whole answer comes, but the connection stays open.',
    on: ANY,
    parameters: { linger: milliseconds(1000, 'how long') },
    disturb: (exchange, { linger }) => disturbed(exchange, () => ({ linger })),
  }),
  faultRow({
    name: 'truncated-body',
    doc: 'The connection is closed in the middle of the body, whose whole length was promised.',
    on: ANY,
    parameters: { keep: bytes(0, 100, 'bytes that are sent') },
    disturb: (exchange, { keep }) => disturbed(exchange, ({ body }) => ({ cutAt: Math.min(keep, Math.max(0, body.length - 1)) })),
  }),
  faultRow({
    name: 'short-body',
    doc: 'The body ends early, and the length in the header agrees with it.',
    on: ANY,
    parameters: { keep: bytes(0, 100, 'bytes that are left') },
    disturb: (exchange, { keep }) => withBody(exchange, (body) => body.subarray(0, keep)),
  }),
  faultRow({
    name: 'oversize-body',
    doc: 'Zeros follow the body.',
    on: ANY,
    parameters: { length: bytes(1, 8 << 20, 'length of it all') },
    disturb: (exchange, { length }) =>
      withBody(exchange, (body) => {
        const out = new Uint8Array(Math.max(length, body.length));
        out.set(body);
        return out;
      }),
  }),
  faultRow({
    name: 'corrupt-body',
    doc: 'One bit of the body is flipped.',
    on: ANY,
    parameters: { at: bytes(0, 0, 'which byte; past the end, counted on from the start'), bit: z.number().int().min(0).max(7).default(0) },
    disturb: (exchange, { at, bit }) =>
      withBody(exchange, (body) => {
        const out = body.slice();
        const index = at % Math.max(1, out.length);
        if (out.length > 0) out[index] = (out[index] ?? 0) ^ (1 << bit);
        return out;
      }),
  }),
  faultRow({
    name: 'html-page',
    doc: 'Status 200, but a page in HTML, as from a captive portal.',
    on: ANY,
    parameters: {},
    disturb: () => textReply(200, HTML, { 'Content-Type': 'text/html; charset=utf-8' }),
  }),
  faultRow({
    name: 'redirect-loop',
    doc: 'Status 302 to where the request already is.',
    on: ANY,
    parameters: {},
    disturb: ({ request: { path, query } }) => ({ status: 302, headers: { Location: query === '' ? path : `${path}?${query}` }, body: new Uint8Array(0) }),
  }),
  faultRow({
    name: 'not-found',
    doc: 'Status 404.',
    on: ANY,
    parameters: {},
    disturb: () => textReply(404, 'Not Found'),
  }),
  faultRow({
    name: 'too-many-requests',
    doc: 'Status 429.',
    on: ANY,
    parameters: RETRY,
    disturb: ({ now }, parameters) => textReply(429, 'Too Many Requests', retryAfter(parameters, now())),
  }),
  faultRow({
    name: 'server-error',
    doc: 'Status 500.',
    on: ANY,
    parameters: {},
    disturb: () => textReply(500, 'Internal Server Error'),
  }),
  faultRow({
    name: 'bad-gateway',
    doc: 'Status 502 with a page in HTML, as from a load balancer.',
    on: ANY,
    parameters: {},
    disturb: () => textReply(502, '<html><body><h1>502 Bad Gateway</h1></body></html>', { 'Content-Type': 'text/html; charset=utf-8' }),
  }),
  faultRow({
    name: 'unavailable',
    doc: 'Status 503.',
    on: ANY,
    parameters: RETRY,
    disturb: ({ now }, parameters) => textReply(503, 'Service Unavailable', retryAfter(parameters, now())),
  }),
];
