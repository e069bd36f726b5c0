/**
 * A proxy in front of the services, so that unmodified tools with hard-coded hosts find them: `HTTPS_PROXY=http://127.0.0.1:PORT
 * SSL_CERT_FILE=ca.pem`. It speaks for the emulated hosts only and refuses every other: no request ever leaves this machine.
 */
import type { IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import type { App } from '../app.ts';
import { LIMITS } from '../http/limits.ts';
import { lastWords, listen, type Listener, type ListenOptions } from '../http/listen.ts';
import { type Answer, hostOf, type ServiceRequest, TEST_ONLY, textReply } from '../http/message.ts';
import type { TlsAuthority } from './tls-authority.ts';

/** Where the proxy listens. */
export type ProxyOptions = Pick<ListenOptions, 'port' | 'address' | 'listenPublic' | 'now'>;

/** What the proxy needs of an application. */
export type Emulation = Pick<App, 'answer' | 'emulates' | 'hosts'>;

/** The only port that TLS is spoken on. */
const HTTPS_PORT = '443';

/**
 * Starts the proxy, and behind it a TLS server on a port of its own that only the proxy uses.
 * @throws {ConfigError} as {@link listen} does
 */
export async function startProxy(app: Emulation, authority: TlsAuthority, { now, ...where }: ProxyOptions): Promise<Listener> {
  /** Who is behind a tunnel, by the port that the tunnel's inner end has. */
  const clients = new Map<number, string>();
  const hidden = await listen(emulatedOnly(app, 421, 'this host name is not the one of the connection, or none that is emulated'), {
    now,
    tls: {
      SNICallback: (name, done) => {
        const context = authority.context(hostOf(name));
        if (context) done(null, context);
        else done(new Error('no emulated host'));
      },
    },
    clientOf: ({ remotePort = 0 }) => clients.get(remotePort),
  });
  const tunnels = new Set<Socket>();
  const tunnel = (request: IncomingMessage, client: Socket, head: Uint8Array): void => {
    const [host, port] = splitAuthority(request.url ?? '');
    client.on('error', () => client.destroy());
    if (!app.emulates(host) || port !== HTTPS_PORT) {
      lastWords(client, 403, 'Not An Emulated Host');
      return;
    }
    const inner = connect({ port: hidden.port, host: '127.0.0.1', noDelay: true });
    const innerPort = (): number => inner.localPort ?? 0;
    tunnels.add(client).add(inner);
    for (const socket of [client, inner]) {
      socket.setTimeout(LIMITS.idleTimeout, () => socket.destroy());
      socket.once('close', () => tunnels.delete(socket));
    }
    client.once('close', () => inner.destroy());
    // A reset by a fault goes all the way through.
    inner.on('error', (error: Error & { code?: string }) => (error.code === 'ECONNRESET' ? client.resetAndDestroy() : client.destroy()));
    inner.once('connect', () => {
      const bound = innerPort();
      clients.set(bound, client.remoteAddress ?? '');
      inner.once('close', () => {
        clients.delete(bound);
        client.destroySoon();
      });
      client.write(`HTTP/1.1 200 Connection Established\r\n${TEST_ONLY.name}: ${TEST_ONLY.value}\r\n\r\n`);
      if (head.length > 0) inner.write(head);
      client.pipe(inner);
      inner.pipe(client);
    });
  };
  let outer: Listener;
  try {
    outer = await listen(emulatedOnly(app, 403, `this proxy stands in for ${app.hosts.join(', ')} only; it never asks another host`), { ...where, now, connect: tunnel });
  } catch (cause) {
    await hidden.close();
    throw cause;
  }
  return {
    ...outer,
    close: async () => {
      for (const socket of tunnels) socket.destroy();
      await Promise.all([outer.close(), hidden.close()]);
    },
  };
}

/** Answers for the emulated hosts; any other is refused. */
function emulatedOnly(app: Emulation, status: number, message: string): Answer {
  return (request: ServiceRequest) => (app.emulates(request.host) ? app.answer(request) : textReply(status, message));
}

/** Host (lower case) and port of a CONNECT target. */
function splitAuthority(target: string): [host: string, port: string] {
  const at = target.lastIndexOf(':');
  return at < 0 ? ['', ''] : [hostOf(target), target.slice(at + 1)];
}
