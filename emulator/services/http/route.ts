/** Route tables: every path that a service knows, one row each, matched by hono's router. */
import { METHOD_NAME_ALL } from 'hono/router';
import { RegExpRouter } from 'hono/router/reg-exp-router';
import { SmartRouter } from 'hono/router/smart-router';
import { TrieRouter } from 'hono/router/trie-router';
import { ServiceError } from '../../errors.ts';
import type { Reply, ServiceRequest } from './message.ts';

/** What stands where a row's path has `:name`, percent-decoded. */
export type Params = Readonly<Record<string, string>>;

/** One row: everything about one route. */
export interface Route {
  /** Name of what is done here (`kds.crl`): faults and the journal go by it. */
  readonly operation: string;
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE';
  /** Path with parameters, as hono writes it: `/vcek/v1/:line/crl`. */
  readonly path: string;
  readonly doc: string;
  /** @throws {ServiceError} to refuse */
  handle(request: ServiceRequest, params: Params): Reply | Promise<Reply>;
}

/** A route and what its path's parameters are for one request. */
export interface Found {
  readonly route: Route;
  readonly params: Params;
}

/** Rows of a service. */
export class RouteTable {
  readonly rows: readonly Route[];
  /** A row's parameter with a pattern (`:name{.+}`) may hold a slash, so there it may be percent-encoded too. */
  readonly #slashes: boolean;
  readonly #router = new SmartRouter<Route>({ routers: [new RegExpRouter(), new TrieRouter()] });

  /** @throws {RangeError} when two rows have the same method and path */
  constructor(rows: readonly Route[]) {
    const seen = new Set<string>();
    for (const row of rows) {
      const id = `${row.method} ${row.path}`;
      if (seen.has(id)) throw new RangeError(`two routes for ${id}`);
      seen.add(id);
      // Under every method: a path that is there but not for this method is another answer than none.
      this.#router.add(METHOD_NAME_ALL, row.path, row);
    }
    this.rows = rows;
    this.#slashes = rows.some(({ path }) => path.includes('{'));
  }

  /** Whether some row has this path, for whatever method. @param path percent-encoded */
  knows(path: string): boolean {
    const decoded = decodePath(path, this.#slashes);
    return decoded !== undefined && this.#router.match(METHOD_NAME_ALL, decoded)[0].length > 0;
  }

  /**
   * The row for a request; HEAD is answered as GET.
   * @param path percent-encoded
   * @throws {ServiceError} 404 for an unknown path, 405 for a path of another method
   */
  find(method: string, path: string): Found {
    const decoded = decodePath(path, this.#slashes);
    if (decoded === undefined) throw new ServiceError(400, 'the path does not begin with a slash, or is not percent-encoded UTF-8');
    const [matches, stash] = this.#router.match(METHOD_NAME_ALL, decoded);
    const wanted = method === 'HEAD' ? 'GET' : method;
    for (const [route, at] of matches) {
      if (route.method !== wanted) continue;
      const params: Record<string, string> = {};
      for (const [name, value] of Object.entries(at)) params[name] = typeof value === 'number' ? (stash?.[value] ?? '') : value;
      return { route, params };
    }
    if (matches.length === 0) throw new ServiceError(404, `there is nothing at ${path.slice(0, 200)}`);
    throw new MethodNotAllowed(matches.map(([route]) => route.method));
  }
}

/** The path is there, but not for this method. */
export class MethodNotAllowed extends ServiceError {
  /** Value of the `Allow` header. */
  readonly allow: string;

  constructor(methods: readonly Route['method'][]) {
    const allow = [...new Set(methods)].flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])).join(', ');
    super(405, `only ${allow} here`);
    this.allow = allow;
  }
}

/** Percent-decodes a path; undefined when that gives no text or a part with a slash in it that may have none, or when the path does not begin with a slash. */
function decodePath(path: string, slashes: boolean): string | undefined {
  // A router of fixed paths only finds something that is none at an empty one.
  if (!path.startsWith('/')) return undefined;
  if (!path.includes('%')) return path;
  if (!slashes && /%2f/i.test(path)) return undefined;
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}
