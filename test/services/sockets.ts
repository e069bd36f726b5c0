/** Plain sockets, for what no HTTP client would send. */
import { connect, type Socket } from 'node:net';

/** A connection that collects what comes. */
export interface Raw {
  readonly socket: Socket;
  /** Everything received so far, as latin1. */
  received(): string;
  /** Done when the other side closed: with the error's code, if there was one. */
  readonly closed: Promise<string | undefined>;
}

/** Connects and sends; nothing is sent when `text` is empty. */
export function raw(port: number, text: string | Uint8Array = ''): Raw {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
  const parts: Buffer[] = [];
  let code: string | undefined;
  socket.on('error', (error: Error & { code?: string }) => {
    code = error.code ?? error.message;
  });
  // Without a reader, a socket never learns that the other side closed.
  socket.on('data', (part: Buffer) => parts.push(part));
  socket.on('end', () => socket.end());
  const closed = new Promise<string | undefined>((resolve) => {
    socket.once('close', () => resolve(code));
  });
  if (text.length > 0) socket.write(text);
  return { socket, received: () => Buffer.concat(parts).toString('latin1'), closed };
}

/** Sends, waits until the other side closes, and gives everything that came. */
export async function talk(port: number, text: string | Uint8Array): Promise<string> {
  const connection = raw(port, text);
  await connection.closed;
  return connection.received();
}

/** Waits until something holds. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 10));
}
