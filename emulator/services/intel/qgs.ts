/**
 * The quote generation service on a socket: a Unix socket, as guests on the same host reach it through QEMU, or a TCP port that carries what
 * a vsock would. One request a connection, as Intel's daemon does it.
 */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { ConfigError } from '../../errors.ts';
import { answerQgsInput, MAX_QGS_REQUEST, type QgsInput, type QgsService, readQgsInput } from '../../tdx/quoting/qgs.ts';

/** Where to listen: a path, or a port on the loopback interface (0, which is the default, takes any free one). */
export type QgsAddress = { readonly path: string } | { readonly port?: number };

/** A service that listens. */
export interface QgsListener {
  /** The path of the Unix socket, or the TCP port. */
  readonly where: { readonly path: string } | { readonly port: number };
  /** Closes the socket and every connection; done when nothing is left. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const MAX_CONNECTIONS = 64;
/** A client that sends nothing for so long is let go. */
const IDLE_TIMEOUT = 30_000;

/**
 * Starts the service.
 * @param failed is told of what went wrong inside, which no request can cause
 * @throws {ConfigError} when the path or the port is taken, or cannot be
 */
export function serveQgs(service: QgsService, address: QgsAddress = {}, failed: (error: unknown) => void = () => undefined): Promise<QgsListener> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    serve(service, socket, failed);
  });
  server.maxConnections = MAX_CONNECTIONS;
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => reject(new ConfigError('qgs', `cannot listen on ${'path' in address ? address.path : address.port}: ${cause.message}`, { cause })));
    const ready = (): void => resolve(listenerOf(server, sockets));
    if ('path' in address) server.listen(address.path, ready);
    else server.listen(address.port ?? 0, '127.0.0.1', ready);
  });
}

function serve(service: QgsService, socket: Socket, failed: (error: unknown) => void): void {
  let received = Buffer.alloc(0);
  socket.setTimeout(IDLE_TIMEOUT, () => socket.destroy());
  // A client that is gone needs no answer.
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    received = Buffer.concat([received, chunk]);
    const input: QgsInput = received.length > MAX_QGS_REQUEST ? { state: 'refused' } : readQgsInput(received);
    if (input.state === 'more') return;
    socket.removeAllListeners('data');
    if (input.state === 'refused') return void socket.destroy();
    try {
      const answer = answerQgsInput(service, input);
      if (answer) socket.end(answer);
      else socket.destroy();
    } catch (error) {
      socket.destroy();
      failed(error);
    }
  });
}

function listenerOf(server: Server, sockets: ReadonlySet<Socket>): QgsListener {
  const at = server.address() as string | AddressInfo;
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  return { where: typeof at === 'string' ? { path: at } : { port: at.port }, close, [Symbol.asyncDispose]: close };
}
