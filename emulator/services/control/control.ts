/**
 * The control port, apart from the data ports, which speak only the vendors' APIs: clock, faults, revocation, reset, journal, evidence.
 *
 * A browser on the same machine must not be talked into using it: names that are not this machine's are refused (DNS rebinding), as are requests
 * from other origins, and bodies that a plain HTML form can send.
 */
import { z } from 'zod';
import type { Bundle } from '../../bundle.ts';
import { CodecError, ConfigError, firstIssue, FirmwareError, ServiceError, TeemuError } from '../../errors.ts';
import { AdjustableClock, type World } from '../../world.ts';
import type { App } from '../app.ts';
import { globMatches } from '../faults/glob.ts';
import { FAULT_RULE } from '../faults/plan.ts';
import { isLoopback } from '../http/listen.ts';
import { type Answer, jsonReply, type Reply, type ServiceRequest } from '../http/message.ts';
import { MethodNotAllowed, type Route, RouteTable } from '../http/route.ts';
import { revocation, type Vendor, type Vendors } from '../vendors.ts';
import { parseJson } from './json.ts';
import { jsonSchema, openApi } from './openapi.ts';
import { type ControlRow, controlRow } from './row.ts';
import * as schema from './schema.ts';

/** Makes evidence for a request's body. @throws {TeemuError} for options that cannot be */
export type EvidenceHandler = (body: Readonly<Record<string, unknown>>) => Bundle | Promise<Bundle>;

/** What the control port turns. */
export interface ControlOptions {
  readonly world: World;
  readonly app: App;
  readonly vendors: Vendors;
  /** By name of the TEE. */
  readonly evidence: Readonly<Record<string, EvidenceHandler>>;
  /** Others may use it too: names that are not this machine's are then taken. */
  readonly listenPublic?: boolean;
}

const DONE: z.output<typeof schema.OK> = { status: 'ok' };

/** Everything that can be asked of the control port. */
function rows({ world, app, vendors, evidence }: ControlOptions): ControlRow[] {
  const clock = (): z.output<typeof schema.CLOCK> => ({ at: new Date(world.now()).toISOString(), seconds: world.now() / 1000 });
  const rules = (): z.input<typeof schema.RULES> => ({ rules: app.faults.rules(), rolls: app.faults.die.rolls });
  return [
    controlRow({ method: 'GET', path: '/healthz', doc: 'Answers as soon as everything listens.', answer: schema.OK, handle: () => DONE }),
    controlRow({ method: 'GET', path: '/clock', doc: 'The time of the World.', answer: schema.CLOCK, handle: clock }),
    controlRow({
      method: 'PUT',
      path: '/clock',
      doc: 'Turns the clock.',
      body: schema.CLOCK_CHANGE,
      answer: schema.CLOCK,
      handle: ({ body }) => {
        turn(world, body);
        return clock();
      },
    }),
    controlRow({ method: 'GET', path: '/faults', doc: 'The rules in force.', answer: schema.RULES, handle: rules }),
    controlRow({ method: 'POST', path: '/faults', doc: 'Adds a rule behind the others.', body: FAULT_RULE, answer: schema.ACTIVE_RULE, handle: ({ body }) => app.faults.add(body) }),
    controlRow({
      method: 'DELETE',
      path: '/faults',
      doc: 'Takes every rule away.',
      answer: schema.RULES,
      handle: () => {
        app.faults.clear();
        return rules();
      },
    }),
    controlRow({
      method: 'DELETE',
      path: '/faults/:id',
      doc: 'Takes one rule away.',
      answer: schema.RULES,
      handle: ({ params: { id = '' } }) => {
        if (!/^\d{1,9}$/.test(id) || !app.faults.remove(Number(id))) throw new ServiceError(404, `there is no rule ${id.slice(0, 40)}`);
        return rules();
      },
    }),
    controlRow({
      method: 'GET',
      path: '/faults/table',
      doc: 'Every fault that there is.',
      answer: z.array(schema.FAULT_DOC),
      handle: () => [...app.faults.table.values()].map(({ name, doc, on, parameters }) => ({ name, doc, on: [...on], parameters: jsonSchema(parameters, 'input') })),
    }),
    controlRow({
      method: 'POST',
      path: '/revoke',
      doc: "Puts a certificate on the revocation list of its authority: AMD's by line and role, Intel's by role, by serial, or as a certificate.",
      body: revocation(vendors),
      answer: schema.OK,
      handle: ({ body: revoke }) => {
        revoke();
        return DONE;
      },
    }),
    ...Object.values(vendors).flatMap(({ controls }: Vendor) => controls),
    controlRow({
      method: 'POST',
      path: '/reset',
      doc: 'Takes back rules, revocations, statuses, rate limits, what was put and the journal, and begins again with the first throw of the die. The clock goes on.',
      body: schema.NOTHING,
      answer: schema.OK,
      handle: () => {
        app.reset();
        return DONE;
      },
    }),
    controlRow({
      method: 'GET',
      path: '/journal',
      doc: 'What was asked of the services, oldest first.',
      query: schema.JOURNAL_QUERY,
      answer: schema.JOURNAL,
      handle: ({ query: { since, operation } }) => ({
        entries: app.journal
          .entries(since)
          .filter((entry) => globMatches(operation, entry.operation))
          .map((entry) => ({ ...entry, faults: [...entry.faults] })),
        last: app.journal.last,
      }),
    }),
    controlRow({
      method: 'GET',
      path: '/log',
      doc: 'What went wrong inside, oldest first; the newest thousand lines.',
      answer: schema.LOG,
      handle: () => ({ entries: world.log.map(({ at, message }) => ({ at, message })) }),
    }),
    controlRow({
      method: 'POST',
      path: '/evidence/:tee',
      doc: 'Makes evidence, for the options of that TEE (the nonce among them).',
      body: schema.EVIDENCE_REQUEST,
      answer: schema.EVIDENCE,
      handle: async ({ body, params: { tee = '' } }) => {
        const handler = Object.hasOwn(evidence, tee) ? evidence[tee] : undefined;
        if (!handler) throw new ServiceError(404, `there is no TEE ${JSON.stringify(tee.slice(0, 40))}; there are ${Object.keys(evidence).join(', ') || 'none'}`);
        const { manifest, files } = await handler(body);
        return { manifest, files: Object.fromEntries([...files].map(([name, contents]) => [name, Buffer.from(contents).toString('base64')])) };
      },
    }),
  ];
}

/** Answers everything that comes to the control port. */
export function control(options: ControlOptions): Answer {
  const table = rows(options);
  const published = openApi(table);
  const routes = new RouteTable([
    ...table.map(
      (entry): Route => ({
        operation: `control ${entry.method} ${entry.path}`,
        method: entry.method,
        path: entry.path,
        doc: entry.doc,
        handle: async (request, params) => {
          const body = entry.body ? entry.body.parse(parseJson(jsonBody(request))) : {};
          const query = (entry.query ?? schema.NOTHING).parse(Object.fromEntries(new URLSearchParams(request.query)));
          return jsonReply(200, await entry.handle({ body, query, params }));
        },
      }),
    ),
    ...['/openapi.json', '/schema'].map((path): Route => ({ operation: `control GET ${path}`, method: 'GET', path, doc: 'What can be asked here, in OpenAPI 3.1.', handle: () => jsonReply(200, published) })),
  ]);
  const run = async (request: ServiceRequest): Promise<Reply> => {
    refuseStrangers(request, options.listenPublic ?? false);
    const { route, params } = routes.find(request.method, request.path);
    return await route.handle(request, params);
  };
  return (request) => run(request).catch((cause: unknown) => refusal(options.world, cause));
}

function turn(world: World, change: z.output<typeof schema.CLOCK_CHANGE>): void {
  const { clock } = world;
  if (!(clock instanceof AdjustableClock)) throw new ServiceError(409, 'the clock of this World cannot be turned');
  if ('advance' in change) {
    const at = clock.now() + change.advance * 1000;
    if (!schema.CLOCK.shape.seconds.safeParse(at / 1000).success) throw new ConfigError('advance', 'leads out of the years 1970 to 9969');
    clock.advance(change.advance * 1000);
    return;
  }
  const at = 'at' in change ? Date.parse(change.at) : change.seconds * 1000;
  if (!schema.CLOCK.shape.seconds.safeParse(at / 1000).success) throw new ConfigError('at', 'is not within the years 1970 to 9969');
  clock.set(at, change.running);
}

/** Turns away what a web page could make a browser send. */
function refuseStrangers(request: ServiceRequest, listenPublic: boolean): void {
  if (!listenPublic && !isLoopback(request.host)) throw new ServiceError(403, 'the Host header names another machine');
  const origin = request.header('origin');
  const host = request.header('host') ?? '';
  if (origin !== undefined && origin !== `http://${host}`) throw new ServiceError(403, 'a page from another origin asks');
  const site = request.header('sec-fetch-site');
  if (site !== undefined && site !== 'same-origin' && site !== 'none') throw new ServiceError(403, 'a page from another site asks');
}

/** The body, if it is declared as JSON: anything else a browser would send without asking first. */
function jsonBody(request: ServiceRequest): Uint8Array {
  if (request.body.length > 0 && !/^application\/json\s*(;|$)/i.test(request.header('content-type') ?? '')) throw new ServiceError(415, 'a body is application/json');
  return request.body;
}

function refusal(world: World, cause: unknown): Reply {
  const say = (status: number, code: string, message: string, path?: string, headers?: Record<string, string>): Reply => jsonReply(status, { error: { code, message, ...(path === undefined ? {} : { path }) } }, headers);
  if (cause instanceof z.ZodError) {
    const { path, message } = firstIssue(cause);
    return say(400, 'ERR_CONFIG', message, path || 'body');
  }
  if (cause instanceof MethodNotAllowed) return say(405, cause.code, cause.message, undefined, { Allow: cause.allow });
  if (cause instanceof ServiceError) return say(cause.status, cause.code, cause.message);
  if (cause instanceof ConfigError) return say(400, cause.code, cause.message, cause.key);
  if (cause instanceof CodecError) return say(400, cause.code, cause.message, cause.path);
  if (cause instanceof FirmwareError) return say(409, cause.code, cause.message);
  if (cause instanceof TeemuError) return say(400, cause.code, cause.message);
  world.note(`control: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`);
  return say(500, 'ERR_SERVICE', 'a defect of teemu; GET /log says more');
}
