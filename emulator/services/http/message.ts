/** A request and a reply as plain data: what every emulated service takes and gives, whether over a socket or in the same process. */

/** One request. Nothing in it is trusted. */
export interface ServiceRequest {
  /** Upper case. */
  readonly method: string;
  /** Name of the host asked for, lower case, without the port; empty when the request names none. */
  readonly host: string;
  /** Path and query as sent: `/vcek/v1/Milan/crl?a=1`. */
  readonly target: string;
  /** Path as sent, percent-encoded, beginning with `/`. */
  readonly path: string;
  /** What follows the `?`, as sent; empty when there is none. */
  readonly query: string;
  /** At most {@link BODY_LIMIT} bytes. */
  readonly body: Uint8Array;
  /** Value of a header, by its name in lower case. */
  header(name: string): string | undefined;
  /** Address of whoever asks. */
  client(): string;
}

/** How a reply travels when a fault disturbs it. Times are milliseconds. */
export interface Wire {
  /** Wait this long before anything is sent. */
  readonly delay?: number;
  /** Send nothing: reset the connection, close it, or keep silent for `silence` and close it then. */
  readonly drop?: 'reset' | 'close' | 'hang';
  readonly silence?: number;
  /** Close after this many bytes of the body, though the header promises all of them. */
  readonly cutAt?: number;
  /** Send the body in pieces of so many bytes, with a pause before each. */
  readonly pieces?: { readonly bytes: number; readonly pause: number };
  /** Keep the connection open this long after the body. */
  readonly linger?: number;
}

/** One reply. */
export interface Reply {
  readonly status: number;
  /** Names as the vendor writes them; the length, the date and the test marker are added on the way out. */
  readonly headers: Readonly<Record<string, string>>;
  /** A header that this reply alone has: replies share the record of the others, which is costly to write. */
  readonly own?: readonly [name: string, value: string];
  readonly body: Uint8Array;
  readonly wire?: Wire;
}

/** Answers requests; never throws, never rejects. */
export type Answer = (request: ServiceRequest) => Reply | Promise<Reply>;

/** Bytes of a request's body that are read at most; a longer one is answered 413. */
export const BODY_LIMIT = 1 << 20;

/** The header that every reply carries, so that nobody takes an emulated service for a vendor's. */
export const TEST_ONLY = { name: 'x-teemu', value: 'test-only' } as const;

const TEXT = { 'Content-Type': 'text/plain; charset=utf-8' } as const;
const JSON_TYPE = { 'Content-Type': 'application/json' } as const;

/** A reply in plain text; a newline is put at the end. */
export function textReply(status: number, text: string, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status, headers: { ...TEXT, ...headers }, body: Buffer.from(`${text}\n`, 'utf8') };
}

/** A reply in JSON (RFC 8259). */
export function jsonReply(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): Reply {
  return { status, headers: { ...JSON_TYPE, ...headers }, body: Buffer.from(`${JSON.stringify(value)}\n`, 'utf8') };
}

/** Path and query of a target, which are joined by the first `?`. */
export function splitTarget(target: string): { path: string; query: string } {
  const at = target.indexOf('?');
  return at < 0 ? { path: target, query: '' } : { path: target.slice(0, at), query: target.slice(at + 1) };
}

/** The host of a `Host` header or an authority, lower case, without the port and without the dot that may end it: `[::1]:80` gives `[::1]`. */
export function hostOf(authority: string): string {
  const end = authority.startsWith('[') ? authority.indexOf(']') + 1 : authority.lastIndexOf(':');
  const host = end > 0 ? authority.slice(0, end) : authority;
  return (host.endsWith('.') ? host.slice(0, -1) : host).toLowerCase();
}

let stampedSecond = Number.NaN;
let stamp = '';

/** A time as HTTP writes it (RFC 9110 §5.6.7). @param at milliseconds since 1970 */
export function httpDate(at: number): string {
  const second = Math.floor(at / 1000);
  if (second !== stampedSecond) {
    stamp = new Date(second * 1000).toUTCString();
    stampedSecond = second;
  }
  return stamp;
}
