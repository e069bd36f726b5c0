/** The responder on its socket: DMTF's framing, whole sessions, hostile clients, and many at once. */
import { connect } from 'node:net';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { standaloneIdentity } from '../../../emulator/link/spdm/responder/identity.ts';
import { FULL_PROFILE } from '../../../emulator/link/spdm/responder/profile.ts';
import { Responder } from '../../../emulator/link/spdm/responder/responder.ts';
import { serveSpdm, SpdmConnection, type SpdmListener } from '../../../emulator/link/spdm/server.ts';
import { fixedClock, seededWorld } from '../../../emulator/world.ts';
import { Peer } from './peer/peer.ts';
import { getVersion, message, REQUEST, RESPONSE, type Version } from './peer/requests.ts';
import { type Binding, DOE, MCTP } from './peer/session.ts';
import { COMMAND, type Packet, packet, TcpClient, TRANSPORT } from './peer/tcp.ts';
import { frame, wireOver } from './peer/wire.ts';

const world = seededWorld('spdm server', fixedClock(Date.UTC(2026, 0, 1)));
const identity = standaloneIdentity(world);
const responder = (): Responder => new Responder(world, identity, FULL_PROFILE);
const listening: SpdmListener = await serveSpdm(responder, 0, (error) => {
  throw error;
});
afterAll(() => listening.close());

const HELLO = new TextEncoder().encode('Client Hello!\0');
const NOTHING = new Uint8Array();
const WORDS: Readonly<Record<Binding['name'], number>> = { MCTP: TRANSPORT.MCTP, DOE: TRANSPORT.DOE };

async function opened<T>(use: (client: TcpClient) => Promise<T>): Promise<T> {
  const client = await TcpClient.open(listening.port);
  try {
    return await use(client);
  } finally {
    client.close();
  }
}

const peerOn = (client: TcpClient, binding: Binding, version: Version): Peer =>
  new Peer(
    wireOver(binding, async (payload) => (await client.ask({ command: COMMAND.NORMAL, transport: WORDS[binding.name], payload }))?.payload),
    version,
  );

/** GET_VERSION over MCTP, as a packet. */
const VERSION_PACKET: Packet = { command: COMMAND.NORMAL, transport: TRANSPORT.MCTP, payload: frame(MCTP, { secured: false, bytes: getVersion() }) };
const versionAnswer = (answer: Packet | undefined): void => expect(answer?.payload.subarray(0, 3)).toEqual(Uint8Array.of(5, 0x10, RESPONSE.VERSION));

describe('commands', () => {
  test('TEST is greeted, on whatever transport', () =>
    opened(async (client) => {
      for (const transport of [0, 1, 2, 3]) {
        const answer = await client.ask({ command: COMMAND.TEST, transport, payload: HELLO });
        expect(answer).toEqual({ command: COMMAND.TEST, transport, payload: new TextEncoder().encode('Server Hello!\0') });
      }
    }));

  test.each([
    ['CONTINUE', COMMAND.CONTINUE],
    ['SHUTDOWN', COMMAND.SHUTDOWN],
  ])('%s is echoed and ends the connection, not the server', async (_, command) => {
    await opened(async (client) => {
      expect(await client.ask({ command, transport: TRANSPORT.MCTP, payload: NOTHING })).toEqual({ command, transport: TRANSPORT.MCTP, payload: NOTHING });
      expect(await client.next()).toBeUndefined();
    });
    await opened(async (client) => versionAnswer(await client.ask(VERSION_PACKET)));
  });

  test.each([
    ['out of band: encapsulated key update', COMMAND.OOB_KEY_UPDATE],
    ['out of band: endpoint information', COMMAND.OOB_ENDPOINT_INFO],
    ['one of nobody', 0x1234_5678],
  ])('%s is not known, and the connection stays', (_, command) =>
    opened(async (client) => {
      expect(await client.ask({ command, transport: TRANSPORT.MCTP, payload: NOTHING })).toEqual({ command: COMMAND.UNKNOWN, transport: TRANSPORT.MCTP, payload: NOTHING });
      versionAnswer(await client.ask(VERSION_PACKET));
    }),
  );

  test.each([TRANSPORT.NONE, TRANSPORT.TCP, 4, 0xffff_ffff])('a message on transport %i ends the connection', (transport) =>
    opened(async (client) => {
      expect(await client.ask({ ...VERSION_PACKET, transport })).toBeUndefined();
    }),
  );

  test('DOE discovery names what the mailbox takes', () =>
    opened(async (client) => {
      const found: number[] = [];
      for (let index = 0, first = true; first || index !== 0; first = false) {
        const answer = await client.ask({ command: COMMAND.NORMAL, transport: TRANSPORT.DOE, payload: Uint8Array.of(1, 0, 0, 0, 3, 0, 0, 0, index, 0, 0, 0) });
        expect(answer?.payload.subarray(0, 10)).toEqual(Uint8Array.of(1, 0, 0, 0, 3, 0, 0, 0, 1, 0));
        found.push(answer?.payload[10] ?? -1);
        index = answer?.payload[11] ?? 0;
      }
      expect(found).toEqual([0, 1, 2]);
    }));
});

describe('sessions', () => {
  test.each([
    [MCTP, 0x11],
    [MCTP, 0x12],
    [DOE, 0x11],
    [DOE, 0x12],
  ] as const)('$name, version %i: whole', (binding, version) =>
    opened(async (client) => {
      await client.ask({ command: COMMAND.TEST, transport: WORDS[binding.name], payload: HELLO });
      const peer = peerOn(client, binding, version);
      await peer.reach('session');
      expect(await peer.sayIn(message(version, REQUEST.HEARTBEAT))).toEqual(Uint8Array.of(version, RESPONSE.HEARTBEAT_ACK, 0, 0));
      await peer.sayKeyUpdate(2, 7);
      await peer.sayKeyUpdate(3, 8);
      expect(await peer.sayIn(message(version, REQUEST.END_SESSION))).toEqual(Uint8Array.of(version, RESPONSE.END_SESSION_ACK, 0, 0));
    }),
  );

  test('twelve at once do not know of one another', async () => {
    const clients = await Promise.all(Array.from({ length: 12 }, () => TcpClient.open(listening.port)));
    const ids = await Promise.all(
      clients.map(async (client, i) => {
        const peer = peerOn(client, i % 2 === 0 ? MCTP : DOE, i % 3 === 0 ? 0x11 : 0x12);
        await peer.reach('session');
        for (let n = 0; n < 5; n++) expect((await peer.sayIn(message(peer.version, REQUEST.HEARTBEAT)))?.[1]).toBe(RESPONSE.HEARTBEAT_ACK);
        client.close();
        return peer.open().id;
      }),
    );
    // The same session id in every one of them: nothing is shared.
    expect(new Set(ids).size).toBe(1);
  });

  test('one that is given up is nothing to the next', async () => {
    await opened(async (client) => peerOn(client, MCTP, 0x12).reach('handshake'));
    await opened(async (client) => {
      const peer = peerOn(client, MCTP, 0x12);
      await peer.reach('session');
      expect((await peer.sayIn(message(0x12, REQUEST.HEARTBEAT)))?.[1]).toBe(RESPONSE.HEARTBEAT_ACK);
    });
  });

  test('a message in pieces of any size is answered', () =>
    opened(async (client) => {
      for (const size of [1, 2, 5, 11, 12, 13]) {
        const bytes = packet(VERSION_PACKET);
        for (let at = 0; at < bytes.length; at += size) {
          client.socket.write(bytes.subarray(at, at + size));
          await new Promise((resolve) => setImmediate(resolve));
        }
        versionAnswer(await client.next());
      }
    }));

  test('two messages in one piece are answered in order', () =>
    opened(async (client) => {
      client.socket.write(Buffer.concat([packet(VERSION_PACKET), packet({ command: COMMAND.TEST, transport: TRANSPORT.DOE, payload: HELLO })]));
      versionAnswer(await client.next());
      expect((await client.next())?.command).toBe(COMMAND.TEST);
    }));
});

/** Bytes that are no conversation; every one ends its connection, or is waited for. */
const HOSTILE: Readonly<Record<string, Uint8Array>> = {
  'a length of 4 GiB': packet({ ...VERSION_PACKET, payload: NOTHING }, 0xffff_ffff),
  'a length of 2 GiB': packet({ ...VERSION_PACKET, payload: NOTHING }, 0x8000_0000),
  'a length of 64 KiB and one': packet({ ...VERSION_PACKET, payload: NOTHING }, 0x1_0001),
  'a length of 4 GiB for TEST': packet({ command: COMMAND.TEST, transport: 1, payload: NOTHING }, 0xffff_ffff),
  HTTP: new TextEncoder().encode('GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'),
  'a TLS hello': Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, ...new Uint8Array(64)),
};

describe('hostile clients', () => {
  test.each(Object.entries(HOSTILE))('%s ends the connection, and nothing else', async (_, bytes) => {
    await opened(async (client) => {
      client.socket.write(bytes);
      expect(await client.next()).toBeUndefined();
    });
    await opened(async (client) => versionAnswer(await client.ask(VERSION_PACKET)));
  });

  test.each([
    ['nothing', NOTHING],
    ['a type that is not SPDM', Uint8Array.of(0x7e, 1, 2, 3)],
    ['a secured message of nothing', Uint8Array.of(6)],
    ['a secured message of nobody', Uint8Array.of(6, ...new Uint8Array(40))],
    ['64 KiB of zeros', new Uint8Array(0x1_0000)],
    ['64 KiB of SPDM', Uint8Array.from({ length: 0x1_0000 }, (_, i) => (i === 0 ? 5 : 0xff))],
  ])('%s as a message does not end the connection', (_, payload) =>
    opened(async (client) => {
      client.socket.write(packet({ ...VERSION_PACKET, payload }));
      client.socket.write(packet({ command: COMMAND.TEST, transport: TRANSPORT.MCTP, payload: HELLO }));
      let answer = await client.next();
      // Silence, or an ERROR of its own.
      if (answer?.command === COMMAND.NORMAL) {
        expect(answer.payload[2]).toBe(RESPONSE.ERROR);
        answer = await client.next();
      }
      expect(answer?.command).toBe(COMMAND.TEST);
      versionAnswer(await client.ask(VERSION_PACKET));
    }),
  );

  test('a client that goes away in the middle is forgotten', async () => {
    for (let i = 0; i < 20; i++) {
      await new Promise<void>((resolve) => {
        const socket = connect(listening.port, '127.0.0.1', () => {
          socket.write(packet(VERSION_PACKET).subarray(0, 6 + i), () => socket.resetAndDestroy());
        });
        socket.on('close', () => resolve());
        socket.on('error', () => undefined);
      });
    }
    await opened(async (client) => versionAnswer(await client.ask(VERSION_PACKET)));
  });

  test('one that asks and never reads is not answered without end', () =>
    opened(async (client) => {
      client.socket.pause();
      const many = Buffer.concat(Array.from({ length: 600 }, () => packet({ command: COMMAND.TEST, transport: 1, payload: new Uint8Array(1000) })));
      for (let i = 0; i < 5; i++) client.socket.write(many);
      await opened(async (other) => versionAnswer(await other.ask(VERSION_PACKET)));
      client.socket.resume();
      for (let i = 0; i < 3000; i++) expect((await client.next())?.command).toBe(COMMAND.TEST);
    }));

  test('whatever comes in, only frames go out', () => {
    const command = fc.constantFrom(...Object.values(COMMAND), 7);
    const packets = fc.array(
      fc.record({
        command,
        transport: fc.integer({ min: 0, max: 4 }),
        payload: fc.oneof(
          fc.uint8Array({ maxLength: 80 }),
          fc.uint8Array({ maxLength: 80 }).map((bytes) => Uint8Array.of(5, 0x10, 0x84, 0, 0, ...bytes)),
        ),
      }),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(packets, fc.uint8Array({ maxLength: 30 }), fc.integer({ min: 1, max: 40 }), (sent, garbage, size) => {
        const connection = new SpdmConnection(responder());
        const bytes = Buffer.concat([...sent.map((one) => packet(one)), garbage]);
        for (let at = 0; at < bytes.length; at += size) {
          const { answers, last } = connection.receive(bytes.subarray(at, at + size));
          for (const answer of answers) expect(Buffer.from(answer).readUInt32BE(8)).toBe(answer.length - 12);
          if (last) return;
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('listening', () => {
  test('a port that is taken is refused by name', async () => {
    await expect(serveSpdm(responder, listening.port)).rejects.toMatchObject({ code: 'ERR_CONFIG', key: 'spdm' });
  });

  test('closing ends every connection', async () => {
    const other = await serveSpdm(responder);
    const client = await TcpClient.open(other.port);
    versionAnswer(await client.ask(VERSION_PACKET));
    await other.close();
    expect(await client.next()).toBeUndefined();
    await expect(TcpClient.open(other.port)).rejects.toThrow('ECONNREFUSED');
  });
});
