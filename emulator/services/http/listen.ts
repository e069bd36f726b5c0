/** Listeners: node's HTTP server with every limit set, on the loopback interface unless told otherwise, closed without a trace. */
import { setMaxListeners } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TlsOptions } from 'node:tls';
import { ConfigError } from '../../errors.ts';
import { readBody } from './body.ts';
import { LIMITS } from './limits.ts';
import { type Answer, BODY_LIMIT, hostOf, type Reply, type ServiceRequest, splitTarget, TEST_ONLY, textReply } from './message.ts';
import { send, sendDisturbed } from './send.ts';

/** Where and how to listen. */
export interface ListenOptions {
  /** 0, which is the default, takes any free port. */
  readonly port?: number;
  /** Address to listen on, with or without the brackets of IPv6; 127.0.0.1 unless given. */
  readonly address?: string;
  /** Needed for any address that others can reach. */
  readonly listenPublic?: boolean;
  /** Speak TLS. */
  readonly tls?: Pick<TlsOptions, 'SNICallback' | 'key' | 'cert'>;
  /** Takes CONNECT requests; without it they are refused. */
  readonly connect?: (request: IncomingMessage, socket: Socket, head: Uint8Array) => void;
  /** Address of whoever is behind a connection, where another one than its peer's. */
  readonly clientOf?: (socket: Socket) => string | undefined;
  /** Milliseconds since 1970, for the `Date` header. */
  readonly now: () => number;
}

/** Something that listens. */
export interface Listener {
  readonly address: string;
  readonly port: number;
  /** `http://127.0.0.1:4711`, without a slash at the end; this machine's own address where it listens on every one. */
  readonly url: string;
  /** Closes the port and every connection; done when nothing is left. */
  close(): Promise<void>;
}

/** Whether an address is this machine's own: 127.0.0.0/8, ::1 or localhost. */
export function isLoopback(address: string): boolean {
  return address === 'localhost' || address === '::1' || address === '[::1]' || /^127(\.\d{1,3}){3}$/.test(address);
}

/**
 * Starts listening.
 * @throws {ConfigError} when the port is taken, or the address is not this machine's own and `listenPublic` is not set
 */
export async function listen(answer: Answer, options: ListenOptions): Promise<Listener> {
  const { port = 0, listenPublic = false, tls, now } = options;
  const address = (options.address ?? '127.0.0.1').replace(/^\[(.*)\]$/, '$1');
  if (!isLoopback(address) && !listenPublic) throw new ConfigError('address', `${address} can be reached from other machines; say so (--listen-public) if that is meant`);
  const { headersTimeout, requestTimeout, keepAliveTimeout, connectionsCheckingInterval, maxHeaderSize } = LIMITS;
  const bounds = { headersTimeout, requestTimeout, keepAliveTimeout, connectionsCheckingInterval, maxHeaderSize, noDelay: true, requireHostHeader: false };
  const server: Server = tls ? createTlsServer({ ...bounds, ...tls, handshakeTimeout: LIMITS.handshakeTimeout, minVersion: 'TLSv1.2', ALPNProtocols: ['http/1.1'] }) : createServer(bounds);
  server.maxConnections = LIMITS.maxConnections;
  server.timeout = LIMITS.idleTimeout;

  const closing = new AbortController();
  // As many as there are replies that a fault holds back: each waits for the end in its own right.
  setMaxListeners(0, closing.signal);
  /** Every connection, below TLS; those that a handler took over are not the HTTP server's any more. */
  const sockets = new Set<Socket>();
  const rawByPort = new Map<number | undefined, Socket>();
  server.on('connection', (socket: Socket) => {
    if (sockets.has(socket)) return;
    sockets.add(socket);
    if (tls) rawByPort.set(socket.remotePort, socket);
    const { remotePort } = socket;
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      sockets.delete(socket);
      if (rawByPort.get(remotePort) === socket) rawByPort.delete(remotePort);
    });
  });
  const rawOf = (socket: Socket): Socket => (tls ? (rawByPort.get(socket.remotePort) ?? socket) : socket);

  const deliver = (response: ServerResponse, reply: Reply): void => {
    if (response.destroyed) return;
    const { wire } = reply;
    if (!wire) send(response, reply, now());
    else void sendDisturbed(response, { ...reply, wire }, { now, raw: rawOf(response.req.socket), signal: closing.signal }).catch(() => response.destroy());
  };
  const serve = (incoming: IncomingMessage, response: ServerResponse, body: Uint8Array): void => {
    try {
      const reply = answer(new Incoming(incoming, body, options.clientOf));
      if (reply instanceof Promise) void reply.then((r) => deliver(response, r)).catch(() => response.destroy());
      else deliver(response, reply);
    } catch {
      // A reply that HTTP cannot carry: nothing sensible can be said any more.
      response.destroy();
    }
  };
  const refuse = (response: ServerResponse, status: number, message: string): void => deliver(response, textReply(status, message, { Connection: 'close' }));
  const handle = (incoming: IncomingMessage, response: ServerResponse): void => {
    // Asked for here and not by node, whose own refusal lacks the test marker.
    if (incoming.headers.host === undefined && incoming.httpVersion === '1.1') {
      refuse(response, 400, 'the Host header is missing');
      return;
    }
    if (incoming.headers['content-length'] === undefined && incoming.headers['transfer-encoding'] === undefined) {
      serve(incoming, response, EMPTY);
      return;
    }
    readBody(incoming)
      .then((body) => {
        if (body) serve(incoming, response, body);
        else refuse(response, 413, BODY_TOO_LONG);
      })
      // Gone in the middle of its body: nobody is left to answer.
      .catch(() => response.destroy());
  };
  server.on('request', handle);
  server.on('checkContinue', (incoming: IncomingMessage, response: ServerResponse) => {
    if (Number(incoming.headers['content-length'] ?? 0) > BODY_LIMIT) {
      refuse(response, 413, BODY_TOO_LONG);
      return;
    }
    response.writeContinue();
    handle(incoming, response);
  });
  server.on('checkExpectation', (_: IncomingMessage, response: ServerResponse) => refuse(response, 417, 'only 100-continue can be expected'));
  server.on('connect', (incoming: IncomingMessage, socket: Duplex, head: Uint8Array) => {
    if (options.connect) options.connect(incoming, socket as Socket, head);
    else lastWords(socket, 405, 'Method Not Allowed');
  });
  server.on('clientError', (error: Error & { code?: string }, socket: Duplex) => {
    const [status, reason] = PARSER_ERRORS[error.code ?? ''] ?? [400, 'Bad Request'];
    if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy();
    else lastWords(socket, status, reason);
  });
  server.on('tlsClientError', (_, socket: Socket) => socket.destroy());

  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause: Error & { code?: string }) => {
      reject(new ConfigError('port', cause.code === 'EADDRINUSE' ? `${port} is taken on ${address}` : `can't listen on ${address}:${port}: ${cause.message}`, { cause }));
    });
    server.listen(port, address, resolve);
  });
  server.removeAllListeners('error');
  server.on('error', () => {});
  const bound = server.address() as AddressInfo;
  let closed: Promise<void> | undefined;
  return {
    address,
    port: bound.port,
    url: `${tls ? 'https' : 'http'}://${urlHost(bound.address, address)}:${bound.port}`,
    close: () => {
      closed ??= new Promise<void>((resolve) => {
        closing.abort();
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
        server.closeAllConnections();
      });
      return closed;
    },
  };
}

/** Addresses that stand for every one of a machine, as the operating system writes them, and one that clients can ask. */
const EVERY_ADDRESS: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '[::1]' };

/** @param bound the address as the operating system writes it @param address the same as it was given */
function urlHost(bound: string, address: string): string {
  return EVERY_ADDRESS[bound] ?? (address.includes(':') ? `[${address}]` : address);
}

const EMPTY = new Uint8Array(0);
const BODY_TOO_LONG = `a body has at most ${BODY_LIMIT} bytes`;

/** Statuses for what the parser does not take, by its error code. */
const PARSER_ERRORS: Readonly<Record<string, readonly [status: number, reason: string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'Request Header Fields Too Large'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'Payload Too Large'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Request Timeout'],
};

/** Answers what is no request that node can read, and closes the connection. */
export function lastWords(socket: Duplex, status: number, reason: string): void {
  socket.on('error', () => socket.destroy());
  socket.end(`HTTP/1.1 ${status} ${reason}\r\n${TEST_ONLY.name}: ${TEST_ONLY.value}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
  // What still comes is thrown away for a moment: closing with unread bytes would reset the connection before the client has read this.
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), LIMITS.lastWords);
  socket.once('close', () => clearTimeout(timer));
}

/** A request from a socket. Path and query are split when they are asked for: what is remembered goes by the whole target. */
class Incoming implements ServiceRequest {
  readonly method: string;
  readonly host: string;
  readonly target: string;
  readonly body: Uint8Array;
  readonly #incoming: IncomingMessage;
  readonly #clientOf: ListenOptions['clientOf'];

  constructor(incoming: IncomingMessage, body: Uint8Array, clientOf: ListenOptions['clientOf']) {
    const { url = '/', headers } = incoming;
    // A request to a proxy names the host in its target, which then counts (RFC 9112 §3.2.2).
    const [, authority = headers.host ?? '', rest] = (url.startsWith('/') ? undefined : /^https?:\/\/([^/?]*)(.*)$/i.exec(url)) ?? [];
    this.method = incoming.method ?? 'GET';
    this.host = hostOf(authority);
    this.target = rest === undefined ? url : rest.startsWith('/') ? rest : `/${rest}`;
    this.body = body;
    this.#incoming = incoming;
    this.#clientOf = clientOf;
  }

  get path(): string {
    return splitTarget(this.target).path;
  }

  get query(): string {
    return splitTarget(this.target).query;
  }

  header(name: string): string | undefined {
    const { headers } = this.#incoming;
    const value = Object.hasOwn(headers, name) ? headers[name] : undefined;
    return Array.isArray(value) ? value.join(', ') : value;
  }

  client(): string {
    const { socket } = this.#incoming;
    return this.#clientOf?.(socket) ?? socket.remoteAddress ?? '';
  }
}
