/** Rules for secured messages (DSP0277, and its bindings to transports). */
import { expect } from 'vitest';
import type { Carried, Peer } from '../peer/peer.ts';
import { CAP, message, REQUEST, RESPONSE } from '../peer/requests.ts';
import { type Case, expectHead, type Rule } from './model.ts';

const CLAUSE = 'DSP0277, Secured Message format';
const SEQUENCE_CLAUSE = 'DSP0277, Sequence number';

const heartbeat = ({ version }: Peer): Uint8Array => message(version, REQUEST.HEARTBEAT);

/** Asserts that a record is not served: silence, or an ERROR in the clear, or one in the session. */
async function refusesRecord(peer: Peer, answer: Carried | undefined): Promise<void> {
  if (!answer) return;
  const opened = answer.secured ? peer.open().open(answer.bytes) : answer.bytes;
  expect(opened[1], 'an ERROR').toBe(RESPONSE.ERROR);
  expect([0x06, 0x02, 0x01, 0x05], 'DecryptError or InvalidSession').toContain(opened[2]);
}

/** Asserts that a new connection can be made on the same wire. */
async function beginsAnew(peer: Peer): Promise<void> {
  await peer.reach('session');
  expectHead('T277', peer, await peer.sayIn(heartbeat(peer)), RESPONSE.HEARTBEAT_ACK);
}

/** A record changed on its way: not served, nor anything after it in the session, and the responder lives. */
const tampered = (name: string, change: (record: Buffer, peer: Peer) => Uint8Array): Case => ({
  name,
  run: async (peer) => {
    const record = change(Buffer.from(peer.open().seal(heartbeat(peer))), peer);
    await refusesRecord(peer, await peer.wire.send({ secured: true, bytes: record }));
    await beginsAnew(peer);
  },
});

const flip =
  (at: (record: Buffer, peer: Peer) => number) =>
  (record: Buffer, peer: Peer): Uint8Array => {
    const i = at(record, peer);
    record[i] = (record[i] ?? 0) ^ 1;
    return record;
  };

/** Bytes before the ciphertext. */
const headOf = (peer: Peer): number => 4 + peer.wire.binding.sequenceBytes + 2;

/** Rules of secured messages. */
export const SECURED_RULES: readonly Rule[] = [
  {
    id: 'T277.1',
    clause: CLAUSE,
    says: 'a secured message that does not verify is not served',
    needs: CAP.KEY_EX | CAP.HBEAT,
    at: 'session',
    cases: [
      tampered(
        'first byte of the ciphertext',
        flip((_, peer) => headOf(peer)),
      ),
      tampered(
        'second byte of the ciphertext',
        flip((_, peer) => headOf(peer) + 1),
      ),
      tampered(
        'last byte of the ciphertext',
        flip((record) => record.length - 17),
      ),
      tampered(
        'first byte of the tag',
        flip((record) => record.length - 16),
      ),
      tampered(
        'last byte of the tag',
        flip((record) => record.length - 1),
      ),
      tampered(
        'low byte of the length',
        flip((_, peer) => headOf(peer) - 2),
      ),
      tampered(
        'high byte of the length',
        flip((_, peer) => headOf(peer) - 1),
      ),
      tampered('session id of nobody', (record) => {
        record.writeUInt32LE(0x1234_5678, 0);
        return record;
      }),
      tampered('nothing but a session id', (record) => record.subarray(0, 4)),
      tampered('no tag', (record, peer) => record.subarray(0, headOf(peer))),
      tampered('cut off by one byte', (record) => record.subarray(0, -1)),
      tampered('length 0', (record, peer) => {
        record.writeUInt16LE(0, headOf(peer) - 2);
        return record;
      }),
      tampered('length 0xffff', (record, peer) => {
        record.writeUInt16LE(0xffff, headOf(peer) - 2);
        return record;
      }),
      tampered('empty', () => new Uint8Array()),
    ],
  },
  {
    id: 'T277.2',
    clause: 'DSP0277, Session termination',
    says: 'a message that does not verify ends the session',
    needs: CAP.KEY_EX | CAP.HBEAT,
    at: 'session',
    cases: [
      {
        name: 'the next genuine message is not served',
        run: async (peer) => {
          const session = peer.open();
          const record = Buffer.from(session.seal(heartbeat(peer)));
          const forged = Uint8Array.from(record, (byte, i) => (i === record.length - 1 ? byte ^ 1 : byte));
          await refusesRecord(peer, await peer.wire.send({ secured: true, bytes: forged }));
          const answer = await peer.wire.send({ secured: true, bytes: record });
          if (answer?.secured) expect(session.open(answer.bytes)[1], 'an ERROR').toBe(RESPONSE.ERROR);
          await beginsAnew(peer);
        },
      },
    ],
  },
  {
    id: 'T277.3',
    clause: SEQUENCE_CLAUSE,
    says: 'a message is taken once, and in order',
    needs: CAP.KEY_EX | CAP.HBEAT,
    at: 'session',
    cases: [
      {
        name: 'replayed',
        run: async (peer) => {
          const record = peer.open().seal(heartbeat(peer));
          const answer = await peer.wire.send({ secured: true, bytes: record });
          expect(peer.open().open(answer?.bytes ?? new Uint8Array())[1], 'the first time').toBe(RESPONSE.HEARTBEAT_ACK);
          await refusesRecord(peer, await peer.wire.send({ secured: true, bytes: record }));
          await beginsAnew(peer);
        },
      },
      {
        name: 'one left out',
        run: async (peer) => {
          peer.open().request.sequence++;
          await refusesRecord(peer, await peer.wire.send({ secured: true, bytes: peer.open().seal(heartbeat(peer)) }));
          await beginsAnew(peer);
        },
      },
      {
        name: 'under the handshake keys',
        run: async (peer) => {
          const session = peer.open();
          await peer.sayVersion();
          await peer.reach('handshake');
          const handshake = peer.open();
          const early = handshake.seal(heartbeat(peer));
          handshake.request.sequence = 0n;
          await peer.sayFinish();
          expect(session.id, 'a session').toBeGreaterThan(0);
          await refusesRecord(peer, await peer.wire.send({ secured: true, bytes: early }));
          await beginsAnew(peer);
        },
      },
      {
        name: 'many in a row',
        run: async (peer) => {
          for (let i = 0; i < 300; i++) expectHead('T277.3', peer, await peer.sayIn(heartbeat(peer)), RESPONSE.HEARTBEAT_ACK);
        },
      },
    ],
  },
  {
    id: 'T277.4',
    clause: CLAUSE,
    says: 'a message of no session leaves the others alone',
    needs: CAP.KEY_EX | CAP.HBEAT,
    at: 'session',
    cases: [
      {
        name: 'session id of nobody',
        run: async (peer) => {
          const record = Buffer.from(peer.open().seal(heartbeat(peer)));
          peer.open().request.sequence--;
          record.writeUInt32LE(0x1234_5678, 0);
          const answer = await peer.wire.send({ secured: true, bytes: record });
          if (answer) expect(answer.bytes[1], 'an ERROR').toBe(RESPONSE.ERROR);
          expectHead('T277.4', peer, await peer.sayIn(heartbeat(peer)), RESPONSE.HEARTBEAT_ACK);
        },
      },
    ],
  },
];
