/**
 * A responder on a TCP socket of the loopback interface, in the framing of DMTF's emulators, so that their requester and their conformance
 * suite can be pointed at it. Every connection has a responder of its own: what one says, or breaks, is nothing to another.
 */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { ConfigError, TeemuError } from '../../errors.ts';
import { ResponderEndpoint } from './responder/endpoint.ts';
import type { Responder } from './responder/responder.ts';
import type { Binding } from './transport/binding.ts';
import { DOE } from './transport/doe.ts';
import { MCTP } from './transport/mctp.ts';
import { decodeSocketFrame, encodeSocketFrame, SOCKET_COMMAND, SOCKET_HEAD, SOCKET_TRANSPORT, type SocketFrame } from './transport/socket-framing.ts';

/** A responder that listens. */
export interface SpdmListener {
  /** TCP port on 127.0.0.1. */
  readonly port: number;
  /** Closes the port and every connection; done when nothing is left. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const MAX_CONNECTIONS = 64;
/** Milliseconds after which a silent client is let go: twice the longest heartbeat period of any profile. */
const IDLE_TIMEOUT = 120_000;
const HELLO = new TextEncoder().encode('Server Hello!\0');
const NOTHING = new Uint8Array(0);
/** What each transport word stands for; there is no framing for the others. */
const BINDINGS: Readonly<Record<number, Binding>> = { [SOCKET_TRANSPORT.mctp]: MCTP, [SOCKET_TRANSPORT.doe]: DOE };

/** What goes back, and whether that was the last. */
interface Reply {
  /** Undefined where the responder is silent. */
  readonly frame?: SocketFrame | undefined;
  readonly last?: boolean;
}

/** One connection without its socket: bytes in, bytes out. */
export class SpdmConnection {
  readonly #responder: Responder;
  readonly #endpoints = new Map<number, ResponderEndpoint>();
  #chunks: Uint8Array[] = [];
  #received = 0;
  /** Bytes without which there is nothing to do. */
  #needed: number = SOCKET_HEAD.size;

  /** @param responder nobody else's */
  constructor(responder: Responder) {
    this.#responder = responder;
  }

  /**
   * Takes what came in, in pieces of any size, and answers every frame that is whole.
   * @returns the answers in order, and whether the connection ends with them: after CONTINUE or SHUTDOWN, a transport that is not spoken, or a
   *   length of more than 64 KiB, of which nothing is kept
   */
  receive(chunk: Uint8Array): { readonly answers: readonly Uint8Array[]; readonly last: boolean } {
    const answers: Uint8Array[] = [];
    this.#chunks.push(chunk);
    this.#received += chunk.length;
    try {
      for (let next = this.#next(); next; next = this.#next()) {
        const { frame, last = false } = this.#answer(next);
        if (frame) answers.push(encodeSocketFrame(frame));
        if (last) return { answers, last };
      }
    } catch (error) {
      if (!(error instanceof TeemuError)) throw error;
      this.#responder.world.note(`spdm: connection ended: ${error.message}`);
      return { answers, last: true };
    }
    return { answers, last: false };
  }

  /** The next whole frame. @throws {CodecError} for one that is too long */
  #next(): SocketFrame | undefined {
    if (this.#received < this.#needed) return undefined;
    const bytes = Buffer.concat(this.#chunks);
    const decoded = decodeSocketFrame(bytes);
    const rest = decoded ? bytes.subarray(decoded.size) : bytes;
    this.#chunks = [rest];
    this.#received = rest.length;
    // Piece by piece, a frame is put together once: when its head is there, and when all of it is.
    this.#needed = decoded || rest.length < SOCKET_HEAD.size ? SOCKET_HEAD.size : SOCKET_HEAD.size + SOCKET_HEAD.decode(rest.subarray(0, SOCKET_HEAD.size)).length;
    return decoded?.frame;
  }

  #answer({ command, transport, payload }: SocketFrame): Reply {
    const empty = { command, transport, payload: NOTHING };
    switch (command) {
      case SOCKET_COMMAND.test:
        return { frame: { command, transport, payload: HELLO } };
      case SOCKET_COMMAND.normal: {
        const endpoint = this.#endpoint(transport);
        if (!endpoint) return { last: true };
        const answer = endpoint.handleFrame(payload);
        return { frame: answer && { command, transport, payload: answer } };
      }
      // The emulators' responder ends itself when it is told to shut down; this one serves others too.
      case SOCKET_COMMAND.continue:
      case SOCKET_COMMAND.shutdown:
        return { frame: empty, last: true };
      default:
        return { frame: { ...empty, command: SOCKET_COMMAND.unknown } };
    }
  }

  /** The responder at one transport: sessions and negotiation are the same at all of them. */
  #endpoint(transport: number): ResponderEndpoint | undefined {
    const binding = BINDINGS[transport];
    if (!binding) return undefined;
    const endpoint = this.#endpoints.get(transport) ?? new ResponderEndpoint(this.#responder, binding);
    this.#endpoints.set(transport, endpoint);
    return endpoint;
  }
}

/**
 * Starts to listen on 127.0.0.1.
 * @param open gives a new responder for every connection
 * @param port 0 takes any free one
 * @param failed is told of what went wrong inside, which no request can cause
 * @throws {ConfigError} when the port is taken
 */
export function serveSpdm(open: () => Responder, port = 0, failed: (error: unknown) => void = () => undefined): Promise<SpdmListener> {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    serve(new SpdmConnection(open()), socket, failed);
  });
  server.maxConnections = MAX_CONNECTIONS;
  return new Promise((resolve, reject) => {
    server.once('error', (cause) => reject(new ConfigError('spdm', `cannot listen on port ${port}: ${cause.message}`, { cause })));
    server.listen(port, '127.0.0.1', () => resolve(listenerOf(server, sockets)));
  });
}

function serve(connection: SpdmConnection, socket: Socket, failed: (error: unknown) => void): void {
  socket.setTimeout(IDLE_TIMEOUT, () => socket.destroy());
  // A client that is gone needs no answer.
  socket.on('error', () => socket.destroy());
  // Whoever does not read its answers gets no more of them.
  socket.on('drain', () => socket.resume());
  socket.on('data', (chunk: Buffer) => {
    try {
      const { answers, last } = connection.receive(chunk);
      const flowing = answers.map((answer) => socket.write(answer)).every(Boolean);
      if (last) {
        socket.removeAllListeners('data');
        socket.end(() => socket.destroy());
      } else if (!flowing) socket.pause();
    } catch (error) {
      socket.destroy();
      failed(error);
    }
  });
}

function listenerOf(server: Server, sockets: ReadonlySet<Socket>): SpdmListener {
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  return { port: (server.address() as AddressInfo).port, close, [Symbol.asyncDispose]: close };
}
