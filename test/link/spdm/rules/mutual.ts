/** Rules for mutual authentication in a handshake: ENCAPSULATED_REQUEST, ENCAPSULATED_RESPONSE_ACK and the signed FINISH. */
import { expect } from 'vitest';
import { authenticate, askedIn, deliver, getEncapsulated, MUTUAL_FLAGS, REQUESTER_CHAIN, respond, signedFinish } from '../peer/mutual.ts';
import type { Peer } from '../peer/peer.ts';
import { CAP, message, REQUEST, RESPONSE } from '../peer/requests.ts';
import { type Case, expectError, expectHead, type Rule } from './model.ts';

const CLAUSE = 'DSP0274, Mutual authentication in a session';
const GET_CLAUSE = 'DSP0274, GET_ENCAPSULATED_REQUEST request and ENCAPSULATED_REQUEST response messages';
const DELIVER_CLAUSE = 'DSP0274, DELIVER_ENCAPSULATED_RESPONSE request and ENCAPSULATED_RESPONSE_ACK response messages';
const NEEDS = CAP.KEY_EX | CAP.MUT_AUTH | CAP.ENCAP | CAP.HBEAT;

/** FINISH must not be taken. */
async function refusesFinish(peer: Peer, request: Uint8Array, errors: Parameters<typeof expectError>[3]['error']): Promise<void> {
  expectError('T14', peer, await peer.sayIn(request), { error: errors, data: 'any' });
  const answer = await peer.sayIn(message(peer.version, REQUEST.HEARTBEAT)).catch(() => undefined);
  if (answer) expect(answer[1], 'T14: there is no session to use').toBe(RESPONSE.ERROR);
}

/** A case in which one answer to what the responder asks is wrong. */
const wrongAnswer = (name: string, code: number, answer: (peer: Peer, id: number, request: Uint8Array) => Uint8Array): Case => ({
  name,
  run: async (peer) => {
    let asked = askedIn(await peer.sayIn(getEncapsulated(peer)));
    while (asked && asked.request[1] !== code) asked = askedIn(await peer.sayIn(deliver(peer, asked.id, respond(peer, asked.request))));
    expect(asked, `0x${code.toString(16)} is asked`).toBeDefined();
    if (!asked) return;
    expectError('T14.4', peer, await peer.sayIn(answer(peer, asked.id, asked.request)), { error: ['InvalidRequest', 'InvalidResponseCode', 'UnexpectedRequest', 'Unspecified'], data: 'any' });
    await refusesFinish(peer, signedFinish(peer).request, ['InvalidRequest', 'UnexpectedRequest', 'DecryptError', 'RequestInFlight', 'Unspecified']);
  },
});

const garbled = (bytes: Uint8Array, at: number): Uint8Array => Uint8Array.from(bytes, (byte, i) => (i === (at + bytes.length) % bytes.length ? byte ^ 1 : byte));

/** Rules of mutual authentication. */
export const MUTUAL_RULES: readonly Rule[] = [
  {
    id: 'T14.1',
    clause: CLAUSE,
    says: 'a requester that can is asked who it is, and then has a session',
    needs: NEEDS,
    requesterFlags: MUTUAL_FLAGS,
    at: 'certificate',
    cases: [
      {
        name: 'to the end',
        run: async (peer) => {
          const answer = await peer.sayKeyExchange();
          expect([1, 2, 4], 'T14.1: MutAuthRequested').toContain(answer[6]);
          expect(await authenticate(peer), 'T14.1: digests and a chain in portions').toBeGreaterThan(1);
          const { request, transcript } = signedFinish(peer);
          const response = await peer.sayIn(request);
          expectHead('T14.1', peer, response, RESPONSE.FINISH_RSP);
          peer.open().establish(Buffer.concat([transcript, response?.subarray(0, 4) ?? new Uint8Array()]));
          expectHead('T14.1', peer, await peer.sayIn(message(peer.version, REQUEST.HEARTBEAT)), RESPONSE.HEARTBEAT_ACK);
        },
      },
    ],
  },
  {
    id: 'T14.2',
    clause: GET_CLAUSE,
    says: 'ENCAPSULATED_REQUEST holds a request of the connection’s version',
    needs: NEEDS,
    requesterFlags: MUTUAL_FLAGS,
    at: 'handshake',
    cases: [
      {
        name: 'the first one asks for digests',
        run: async (peer) => {
          const answer = await peer.sayIn(getEncapsulated(peer));
          expectHead('T14.2', peer, answer, RESPONSE.ENCAPSULATED_REQUEST);
          expect(answer?.[3], 'Param2 is reserved').toBe(0);
          expect([...(answer?.subarray(4, 8) ?? [])], 'GET_DIGESTS').toEqual([peer.version, REQUEST.GET_DIGESTS, 0, 0]);
        },
      },
      {
        name: 'ids of two requests differ',
        run: async (peer) => {
          const first = askedIn(await peer.sayIn(getEncapsulated(peer)));
          const second = first && askedIn(await peer.sayIn(deliver(peer, first.id, respond(peer, first.request))));
          expect(second?.request[1], 'GET_CERTIFICATE').toBe(REQUEST.GET_CERTIFICATE);
          expect(second?.id).not.toBe(first?.id);
        },
      },
    ],
  },
  {
    id: 'T14.3',
    clause: CLAUSE,
    says: 'FINISH is not taken before the requester has said who it is, nor without its signature',
    needs: NEEDS,
    requesterFlags: MUTUAL_FLAGS,
    at: 'handshake',
    cases: [
      {
        name: 'nothing was answered',
        run: (peer) => refusesFinish(peer, signedFinish(peer).request, ['RequestInFlight', 'UnexpectedRequest', 'InvalidRequest', 'DecryptError']),
      },
      {
        name: 'only digests were answered',
        run: async (peer) => {
          const asked = askedIn(await peer.sayIn(getEncapsulated(peer)));
          if (asked) await peer.sayIn(deliver(peer, asked.id, respond(peer, asked.request)));
          await refusesFinish(peer, signedFinish(peer).request, ['RequestInFlight', 'UnexpectedRequest', 'InvalidRequest', 'DecryptError']);
        },
      },
      {
        name: 'no signature',
        run: async (peer) => {
          await authenticate(peer);
          await refusesFinish(peer, peer.finish(), ['InvalidRequest', 'DecryptError']);
        },
      },
      {
        name: 'a signature with a bit turned, under right verify data',
        run: async (peer) => {
          await authenticate(peer);
          await refusesFinish(peer, signedFinish(peer, { change: (signature) => garbled(signature, 100) }).request, ['DecryptError', 'InvalidRequest', 'Unspecified']);
        },
      },
      {
        name: 'a signature over another chain',
        run: async (peer) => {
          await authenticate(peer);
          await refusesFinish(peer, signedFinish(peer, { chain: garbled(REQUESTER_CHAIN, -1) }).request, ['DecryptError', 'InvalidRequest', 'Unspecified']);
        },
      },
      {
        name: 'verify data with a bit turned, under a right signature',
        run: async (peer) => {
          await authenticate(peer);
          await refusesFinish(peer, garbled(signedFinish(peer).request, -1), ['DecryptError']);
        },
      },
      ...[1, 7, 8, 0xf, 0xff].map(
        (slot): Case => ({
          name: `slot ${slot}`,
          run: async (peer) => {
            await authenticate(peer);
            await refusesFinish(peer, signedFinish(peer, { slot }).request, ['InvalidRequest', 'DecryptError']);
          },
        }),
      ),
    ],
  },
  {
    id: 'T14.4',
    clause: DELIVER_CLAUSE,
    says: 'an answer that is none is refused, and no session comes of it',
    needs: NEEDS,
    requesterFlags: MUTUAL_FLAGS,
    at: 'handshake',
    cases: [
      wrongAnswer('to another request id', REQUEST.GET_DIGESTS, (peer, id, request) => deliver(peer, (id + 1) & 0xff, respond(peer, request))),
      wrongAnswer('nothing inside', REQUEST.GET_DIGESTS, (peer, id) => deliver(peer, id, new Uint8Array())),
      wrongAnswer('of another version', REQUEST.GET_DIGESTS, (peer, id, request) =>
        deliver(
          peer,
          id,
          Uint8Array.from(respond(peer, request), (byte, i) => (i === 0 ? 0x10 : byte)),
        ),
      ),
      wrongAnswer('of another code', REQUEST.GET_DIGESTS, (peer, id) => deliver(peer, id, message(peer.version, RESPONSE.HEARTBEAT_ACK))),
      wrongAnswer('an ERROR', REQUEST.GET_DIGESTS, (peer, id) => deliver(peer, id, message(peer.version, RESPONSE.ERROR, 1))),
      wrongAnswer('digests of no slot', REQUEST.GET_DIGESTS, (peer, id) => deliver(peer, id, message(peer.version, RESPONSE.DIGESTS))),
      wrongAnswer('half a digest', REQUEST.GET_DIGESTS, (peer, id, request) => deliver(peer, id, respond(peer, request).subarray(0, 28))),
      wrongAnswer('an empty portion', REQUEST.GET_CERTIFICATE, (peer, id) => deliver(peer, id, message(peer.version, RESPONSE.CERTIFICATE, 0, 0, new Uint8Array(4)))),
      wrongAnswer('a portion that is longer than the message', REQUEST.GET_CERTIFICATE, (peer, id, request) => deliver(peer, id, respond(peer, request).subarray(0, 60))),
      wrongAnswer('a portion of another slot', REQUEST.GET_CERTIFICATE, (peer, id, request) =>
        deliver(
          peer,
          id,
          Uint8Array.from(respond(peer, request), (byte, i) => (i === 2 ? 3 : byte)),
        ),
      ),
    ],
  },
  {
    id: 'T14.5',
    clause: CLAUSE,
    says: 'a chain that is not that of the digest is refused',
    needs: NEEDS,
    requesterFlags: MUTUAL_FLAGS,
    at: 'handshake',
    cases: [
      {
        name: 'a byte of the last certificate changed',
        run: async (peer) => {
          const other = garbled(REQUESTER_CHAIN, -1);
          let asked = askedIn(await peer.sayIn(getEncapsulated(peer)));
          let answer: Uint8Array | undefined;
          for (let count = 0; asked && count < 20; count++) {
            answer = await peer.sayIn(deliver(peer, asked.id, respond(peer, asked.request, asked.request[1] === REQUEST.GET_DIGESTS ? REQUESTER_CHAIN : other)));
            asked = answer?.[1] === RESPONSE.ERROR ? undefined : askedIn(answer);
          }
          if (answer?.[1] === RESPONSE.ERROR) expectError('T14.5', peer, answer, { error: ['InvalidRequest', 'InvalidResponseCode', 'Unspecified'], data: 'any' });
          await refusesFinish(peer, signedFinish(peer, { chain: other }).request, ['InvalidRequest', 'UnexpectedRequest', 'DecryptError', 'Unspecified']);
        },
      },
    ],
  },
  {
    id: 'T14.6',
    clause: GET_CLAUSE,
    says: 'nothing is asked of a requester that cannot be asked',
    needs: CAP.KEY_EX,
    at: 'handshake',
    cases: [
      {
        name: 'GET_ENCAPSULATED_REQUEST',
        run: async (peer) => expectError('T14.6', peer, await peer.sayIn(getEncapsulated(peer)), { error: 'UnexpectedRequest' }),
      },
      {
        name: 'DELIVER_ENCAPSULATED_RESPONSE',
        run: async (peer) => expectError('T14.6', peer, await peer.sayIn(deliver(peer, 1, respond(peer, message(peer.version, REQUEST.GET_DIGESTS)))), { error: 'UnexpectedRequest' }),
      },
    ],
  },
];
