/** The application: services mounted by the vendor's host name and by a path of their own, with the journal and the faults around them. */
import { ServiceError, TeemuError } from '../errors.ts';
import type { World } from '../world.ts';
import { faultHeader, type FaultPlan, type Hit } from './faults/plan.ts';
import type { Exchange } from './faults/row.ts';
import { Cache } from './http/cache.ts';
import { answerFetch } from './http/fetch.ts';
import { type Reply, type ServiceRequest, textReply } from './http/message.ts';
import { type Found, MethodNotAllowed } from './http/route.ts';
import type { Service } from './http/service.ts';
import type { Journal } from './control/journal.ts';

/** What an {@link App} is made of. */
export interface AppOptions {
  readonly world: World;
  readonly services: readonly Service[];
  readonly faults: FaultPlan;
  readonly journal: Journal;
}

/** Where a request goes: a service, and the path as that service knows it. */
interface Target {
  readonly service: Service;
  readonly path: string;
}

/** The same with the route that takes it. */
interface Way extends Target {
  readonly found: Found;
}

/** Ways of GET requests that are remembered: clients ask the same few things again and again, and finding a way costs more than going it. */
const REMEMBERED = 1024;
/** A target longer than this is not remembered. */
const LONGEST_REMEMBERED = 400;

/** Every service of a World behind one entrance. */
export class App {
  readonly world: World;
  readonly services: readonly Service[];
  readonly faults: FaultPlan;
  readonly journal: Journal;
  readonly #byHost = new Map<string, Service>();
  readonly #byName = new Map<string, Service>();
  /** By host (empty for one that is not emulated), then by target. */
  readonly #ways = new Map<string, Cache<Way>>();

  /** @throws {RangeError} when two services have one name or host */
  constructor({ world, services, faults, journal }: AppOptions) {
    this.world = world;
    this.services = services;
    this.faults = faults;
    this.journal = journal;
    for (const service of services) {
      for (const [key, map] of [[service.name, this.#byName] as const, ...service.hosts.map((host) => [host, this.#byHost] as const)]) {
        if (map.has(key)) throw new RangeError(`two services for ${key}`);
        map.set(key, service);
      }
    }
  }

  /** The vendors' host names that are emulated. */
  get hosts(): readonly string[] {
    return [...this.#byHost.keys()];
  }

  /** Whether a host name, lower case, is emulated. */
  emulates(host: string): boolean {
    return this.#byHost.has(host);
  }

  /**
   * Answers a request: by its host name where that is a vendor's; else by the first part of its path (`/kds/vcek/…`); else the first service
   * that has such a path takes it, so that a client which replaces scheme and host only finds its way too.
   */
  readonly answer = (request: ServiceRequest): Reply | Promise<Reply> => {
    const { method, host, target } = request;
    const key = this.#byHost.has(host) ? host : '';
    const way = method === 'GET' && target.length <= LONGEST_REMEMBERED ? this.#ways.get(key)?.find(target) : undefined;
    return way ? this.#go(request, way, way.found) : this.#seek(request, key);
  };

  #seek(request: ServiceRequest, key: string): Reply | Promise<Reply> {
    const target = this.#target(request);
    if (!target) return this.#recorded(request, '', textReply(404, 'there is no such service'));
    let found: Found;
    try {
      found = target.service.routes.find(request.method, target.path);
    } catch (cause) {
      return this.#go(request, target, undefined, cause);
    }
    if (request.method === 'GET' && request.target.length <= LONGEST_REMEMBERED) {
      const ways = this.#ways.get(key) ?? new Cache<Way>(REMEMBERED);
      this.#ways.set(key, ways);
      ways.get(request.target, () => ({ ...target, found }));
    }
    return this.#go(request, target, found);
  }

  /** @param refusal why no route takes the request, where none does */
  #go(request: ServiceRequest, { service, path }: Target, found: Found | undefined, refusal?: unknown): Reply | Promise<Reply> {
    const run = (): Reply | Promise<Reply> => (found ? this.#guarded(service, () => found.route.handle(request, found.params)) : this.#refusal(service, refusal));
    const operation = found?.route.operation ?? '';
    if (this.faults.idle) {
      const reply = run();
      return reply instanceof Promise ? reply.then((r) => this.#recorded(request, operation, r)) : this.#recorded(request, operation, reply);
    }
    const hits = this.faults.hits(operation, path);
    const reply = hits.length === 0 ? run() : this.#disturbed(service, request, found, hits, run);
    return reply instanceof Promise ? reply.then((r) => this.#recorded(request, operation, r, hits)) : this.#recorded(request, operation, reply, hits);
  }

  /** The same over the web's own types, without a socket. @throws {TypeError} where a fault sends no answer at all, as `fetch` does */
  readonly fetch = (request: Request): Promise<Response> => answerFetch(this.answer, request, () => this.world.now());

  /** Takes back faults, the journal, and what the services were told (revocations, rate limits). */
  reset(): void {
    this.faults.reset();
    this.journal.clear();
    for (const service of this.services) service.reset();
  }

  #target({ host, path }: ServiceRequest): Target | undefined {
    const named = this.#byHost.get(host);
    if (named) return { service: named, path };
    const end = path.indexOf('/', 1);
    const mounted = this.#byName.get(end < 0 ? path.slice(1) : path.slice(1, end));
    if (mounted) return { service: mounted, path: end < 0 ? '/' : path.slice(end) };
    const service = this.services.find(({ routes }) => routes.knows(path)) ?? this.services[0];
    return service && { service, path };
  }

  #recorded(request: ServiceRequest, operation: string, reply: Reply, hits: readonly Hit[] = []): Reply {
    if (hits.length === 0) {
      this.journal.record(this.world.now(), operation, request, reply.status);
      return reply;
    }
    this.journal.record(
      this.world.now(),
      operation,
      request,
      reply.status,
      hits.map(({ name }) => name),
    );
    return { ...reply, headers: { ...reply.headers, 'x-teemu-fault': faultHeader(hits) } };
  }

  /** The answer after each fault in turn. */
  #disturbed(service: Service, request: ServiceRequest, found: Found | undefined, hits: readonly Hit[], run: () => Reply | Promise<Reply>): Reply | Promise<Reply> {
    const base: Omit<Exchange<unknown>, 'honest'> = { service, request, params: found?.params ?? {}, now: () => this.world.now() };
    return hits.reduce<() => Reply | Promise<Reply>>((honest, hit) => () => this.#guarded(service, () => hit.disturb({ ...base, honest })), run)();
  }

  #guarded(service: Service, run: () => Reply | Promise<Reply>): Reply | Promise<Reply> {
    try {
      const reply = run();
      return reply instanceof Promise ? reply.catch((cause: unknown) => this.#refusal(service, cause)) : reply;
    } catch (cause) {
      return this.#refusal(service, cause);
    }
  }

  #refusal(service: Service, cause: unknown): Reply {
    if (cause instanceof MethodNotAllowed) {
      const reply = service.refuse(405, cause.message);
      return { ...reply, headers: { ...reply.headers, Allow: cause.allow } };
    }
    if (cause instanceof ServiceError) return service.refuse(cause.status, cause.message);
    // Anything else is no fault of whoever asks: a world without the keys for it, or a defect of teemu.
    this.world.note(`${service.name}: ${cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)}`);
    return service.refuse(500, cause instanceof TeemuError ? cause.message : 'a defect of teemu; GET /log of the control port says more');
  }
}
