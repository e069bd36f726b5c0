/** A client of the DMTF emulators' socket: three big-endian words (command, transport, length), then the payload. */
import { connect, type Socket } from 'node:net';

/** Command words. */
export const COMMAND = { NORMAL: 1, OOB_KEY_UPDATE: 0x8001, OOB_ENDPOINT_INFO: 0x8002, CONTINUE: 0xfffd, SHUTDOWN: 0xfffe, UNKNOWN: 0xffff, TEST: 0xdead } as const;
/** Transport words. */
export const TRANSPORT = { NONE: 0, MCTP: 1, DOE: 2, TCP: 3 } as const;

/** One packet of the socket. */
export interface Packet {
  readonly command: number;
  readonly transport: number;
  readonly payload: Uint8Array;
}

/** A packet in bytes; `length` may lie. */
export function packet({ command, transport, payload }: Packet, length = payload.length): Uint8Array {
  const head = Buffer.alloc(12);
  head.writeUInt32BE(command, 0);
  head.writeUInt32BE(transport, 4);
  head.writeUInt32BE(length, 8);
  return Buffer.concat([head, payload]);
}

/** A connection that asks one thing after the other. */
export class TcpClient {
  readonly socket: Socket;
  private received: Buffer = Buffer.alloc(0);
  private closed = false;
  private wake: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
      this.wake();
    });
    socket.on('close', () => {
      this.closed = true;
      this.wake();
    });
    socket.on('error', () => undefined);
  }

  static async open(port: number): Promise<TcpClient> {
    const socket = connect(port, '127.0.0.1');
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new TcpClient(socket);
  }

  /** The next packet, or undefined when the other side closes. */
  async next(): Promise<Packet | undefined> {
    for (;;) {
      const length = this.received.length >= 12 ? this.received.readUInt32BE(8) : Number.POSITIVE_INFINITY;
      if (this.received.length >= 12 + length) {
        const head = this.received.subarray(0, 12);
        const payload = new Uint8Array(this.received.subarray(12, 12 + length));
        this.received = this.received.subarray(12 + length);
        return { command: head.readUInt32BE(0), transport: head.readUInt32BE(4), payload };
      }
      if (this.closed) return undefined;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  /** Sends a packet and waits for the answer. */
  ask(question: Packet): Promise<Packet | undefined> {
    this.socket.write(packet(question));
    return this.next();
  }

  close(): void {
    this.socket.destroy();
  }
}
