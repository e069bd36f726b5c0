/** Rules for KEY_EXCHANGE_RSP and FINISH_RSP. */
import { expect } from 'vitest';
import type { Peer } from '../peer/peer.ts';
import { CAP, keyExchange, message, REQUEST, REQUESTER_FLAGS, RESPONSE, supportedVersions } from '../peer/requests.ts';
import { type Case, expectError, expectHead, otherVersions, refuses, type Rule, tell } from './model.ts';

const KEY_EXCHANGE_CLAUSE = 'DSP0274, KEY_EXCHANGE request and KEY_EXCHANGE_RSP response messages';
const FINISH_CLAUSE = 'DSP0274, FINISH request and FINISH_RSP response messages';
const IN_THE_CLEAR = REQUESTER_FLAGS | CAP.HANDSHAKE_IN_THE_CLEAR;

/** A point of secp384r1: its generator. */
const GENERATOR = Buffer.from(
  'aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab73617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f',
  'hex',
);

/** KEY_EXCHANGE that nobody means to finish. */
const start = (peer: Peer, fields: Partial<Parameters<typeof keyExchange>[1]> = {}, version: number = peer.version): Uint8Array => keyExchange(version, { random: peer.nonce(), exchangeData: GENERATOR, ...fields });

const SUMMARIES = { 'no measurements': 0, 'the TCB’s measurements': 1, 'all measurements': 0xff } as const;

/** Signature and verify data are checked by the peer itself. */
const exchanges = (id: string): readonly Case[] =>
  Object.entries(SUMMARIES).map(([name, summary]) => ({
    name: `summary of ${name}`,
    run: async (peer) => {
      const answer = await peer.sayKeyExchange({ summary, policy: peer.version === 0x12 ? 1 : 0 });
      expectHead(id, peer, answer, RESPONSE.KEY_EXCHANGE_RSP);
      expect([answer[6], answer[7]], `${id}.4: no mutual authentication with a requester that cannot`).toEqual([0, 0]);
      expect(answer[3], 'Param2 is reserved').toBe(0);
      await peer.sayFinish();
    },
  }));

const keyExchangeRules: readonly Rule[] = [
  { id: '8.1/8.7', clause: KEY_EXCHANGE_CLAUSE, says: 'KEY_EXCHANGE_RSP is signed and has verify data', needs: CAP.KEY_EX, at: 'certificate', cases: exchanges('8.7') },
  {
    id: '8.2/8.8',
    clause: KEY_EXCHANGE_CLAUSE,
    says: 'with the handshake in the clear, KEY_EXCHANGE_RSP has no verify data',
    needs: CAP.KEY_EX | CAP.HANDSHAKE_IN_THE_CLEAR,
    requesterFlags: IN_THE_CLEAR,
    at: 'certificate',
    cases: exchanges('8.8'),
  },
  { id: '8.3', clause: KEY_EXCHANGE_CLAUSE, says: 'KEY_EXCHANGE of another version is refused', needs: CAP.KEY_EX, at: 'certificate', cases: otherVersions('8.3', (version, peer) => start(peer, {}, version)) },
  {
    id: '8.5',
    clause: 'DSP0274, SPDM messages in a session',
    says: 'KEY_EXCHANGE is refused in a session',
    needs: CAP.KEY_EX,
    at: 'session',
    cases: [refuses('8.5', 'after FINISH', (peer) => start(peer), { error: 'UnexpectedRequest' }, true)],
  },
  {
    id: '8.6',
    clause: KEY_EXCHANGE_CLAUSE,
    says: 'KEY_EXCHANGE with a field that cannot be is refused',
    needs: CAP.KEY_EX,
    at: 'certificate',
    cases: [
      {
        name: 'empty slots',
        run: async (peer) => {
          for (const slot of [1, 2, 3, 4, 5, 6, 7].filter((s) => ((peer.slotMask >> s) & 1) === 0)) expectError('8.6', peer, await peer.say(start(peer, { slot })), { error: 'InvalidRequest' });
        },
      },
      ...[8, 9, 0xa, 0xe, 0xf].map((slot) => refuses('8.6', `slot ${slot}`, (peer) => start(peer, { slot }), { error: 'InvalidRequest' })),
      ...[2, 0x80, 0xfe].map((summary) => refuses('8.6', `summary ${summary}`, (peer) => start(peer, { summary }), { error: 'InvalidRequest' })),
      refuses('8.6', 'OpaqueDataLength 0xffff', (peer) => start(peer, { opaqueLength: 0xffff }), { error: 'InvalidRequest' }),
      refuses('8.6', 'OpaqueDataLength one more than there is', (peer) => start(peer, { opaqueLength: supportedVersions(peer.version).length + 4 }), { error: 'InvalidRequest' }),
      refuses('8.6', 'no version of secured messages that both have', (peer) => start(peer, { opaque: supportedVersions(peer.version, [0x2000]) }), { error: 'InvalidRequest' }),
      refuses('8.6', 'nothing but a head', ({ version }) => message(version, REQUEST.KEY_EXCHANGE), { error: 'InvalidRequest' }),
      refuses('8.6', 'cut off in ExchangeData', (peer) => start(peer).subarray(0, 90), { error: 'InvalidRequest' }),
      refuses('8.6', 'cut off before OpaqueDataLength', (peer) => start(peer).subarray(0, 136), { error: 'InvalidRequest' }),
    ],
  },
  {
    id: 'T8.9',
    clause: KEY_EXCHANGE_CLAUSE,
    says: 'ExchangeData that is no point of the curve is refused',
    needs: CAP.KEY_EX,
    at: 'certificate',
    cases: [
      refuses('T8.9', 'zeros', (peer) => start(peer, { exchangeData: new Uint8Array(96) }), { error: ['InvalidRequest', 'Unspecified'] }),
      refuses('T8.9', 'a point beside the curve', (peer) => start(peer, { exchangeData: Uint8Array.from(GENERATOR, (byte, i) => (i === 95 ? byte ^ 1 : byte)) }), { error: ['InvalidRequest', 'Unspecified'] }),
      refuses('T8.9', 'X above the field', (peer) => start(peer, { exchangeData: new Uint8Array(96).fill(0xff) }), { error: ['InvalidRequest', 'Unspecified'] }),
    ],
  },
  {
    id: 'T8.10',
    clause: 'DSP0274, ERROR response message, SessionLimitExceeded',
    says: 'a responder that has all its sessions says so, and keeps them',
    needs: CAP.KEY_EX | CAP.HBEAT,
    at: 'session',
    cases: [
      {
        name: 'one session after the other',
        run: async (peer) => {
          const sessions = [peer.open()];
          for (let i = 1; i < 32; i++) {
            const answer = await peer.say(start(peer, { requesterSessionId: i }));
            if (answer?.[1] !== RESPONSE.KEY_EXCHANGE_RSP) {
              expectError('T8.10', peer, answer, { error: 'SessionLimitExceeded' });
              break;
            }
            // That one is given up: an unfinished handshake does not hold a place for ever.
            await peer.sayKeyExchange({ requesterSessionId: 0x100 + i });
            await peer.sayFinish();
            sessions.push(peer.open());
          }
          expect(sessions.length, 'T8.10: a limit').toBeLessThan(32);
          for (const session of sessions) expectHead('T8.10', peer, await peer.sayIn(message(peer.version, REQUEST.HEARTBEAT), session), RESPONSE.HEARTBEAT_ACK);
        },
      },
    ],
  },
  {
    id: 'T8.11',
    clause: KEY_EXCHANGE_CLAUSE,
    says: 'every exchange has random data, a key and a session of its own',
    needs: CAP.KEY_EX,
    at: 'certificate',
    cases: [
      {
        name: 'two connections',
        run: async (peer) => {
          const first = Buffer.from(await peer.sayKeyExchange());
          await peer.reach('certificate');
          const second = Buffer.from(await peer.sayKeyExchange());
          expect(first.subarray(8, 40).equals(second.subarray(8, 40)), 'RandomData').toBe(false);
          expect(first.subarray(40, 136).equals(second.subarray(40, 136)), 'ExchangeData').toBe(false);
        },
      },
    ],
  },
];

const finishes: Case = {
  name: 'with verify data',
  run: async (peer) => {
    const answer = await peer.sayFinish();
    expectHead('9.9', peer, answer, RESPONSE.FINISH_RSP);
    expect(answer.length, '9.9.1: size').toBeGreaterThanOrEqual(peer.clear ? 52 : 4);
    expect([answer[2], answer[3]], 'Param1 and Param2 are reserved').toEqual([0, 0]);
    expectHead('9.9', peer, await peer.sayIn(message(peer.version, REQUEST.HEARTBEAT)), RESPONSE.HEARTBEAT_ACK);
  },
};

/** FINISH with Param1 and Param2 of the test's choice. */
const oddFinish =
  (param1: number, param2: number, size = 48) =>
  ({ version }: Peer): Uint8Array =>
    message(version, REQUEST.FINISH, param1, param2, new Uint8Array(size));

/** FINISH with one bit of its verify data turned. */
const forged = (peer: Peer): Uint8Array => Uint8Array.from(peer.finish(), (byte, i) => (i === 4 ? byte ^ 1 : byte));

const badVerifyData = (inSession: boolean): readonly Case[] => [
  refuses(inSession ? '9.7' : '9.8', 'a bit turned', forged, { error: 'DecryptError', data: 'any' }, inSession),
  refuses(inSession ? '9.7' : '9.8', 'zeros', oddFinish(0, 0), { error: 'DecryptError', data: 'any' }, inSession),
  {
    name: 'and the session does not come to be',
    run: async (peer) => {
      const right = peer.finish();
      expectError('9.7', peer, await tell(peer, forged(peer), inSession), { error: 'DecryptError', data: 'any' });
      const answer = await peer.wire.send({ secured: inSession, bytes: inSession ? peer.open().seal(right) : right });
      expect(answer?.secured ?? false, '9.7: the session is no more').toBe(false);
      if (answer) expect(answer.bytes[1], '9.7: no second try').toBe(RESPONSE.ERROR);
    },
  },
];

const finishRules: readonly Rule[] = [
  { id: '9.1/9.9', clause: FINISH_CLAUSE, says: 'FINISH_RSP ends the handshake, and the session works', needs: CAP.KEY_EX | CAP.HBEAT, at: 'handshake', cases: [finishes] },
  { id: '9.2/9.10', clause: FINISH_CLAUSE, says: 'in the clear, FINISH_RSP has verify data', needs: CAP.KEY_EX | CAP.HBEAT | CAP.HANDSHAKE_IN_THE_CLEAR, requesterFlags: IN_THE_CLEAR, at: 'handshake', cases: [finishes] },
  {
    id: '9.3',
    clause: FINISH_CLAUSE,
    says: 'FINISH of another version is refused',
    needs: CAP.KEY_EX,
    at: 'handshake',
    cases: otherVersions('9.3', (version, peer) => Buffer.concat([Uint8Array.of(version), peer.finish().subarray(1)]), true),
  },
  {
    id: '9.5',
    clause: 'DSP0274, SPDM messages in a session',
    says: 'FINISH is refused after FINISH',
    needs: CAP.KEY_EX,
    at: 'session',
    cases: [refuses('9.5', 'the same again', (peer) => peer.finish(), { error: 'UnexpectedRequest' }, true)],
  },
  {
    id: '9.6',
    clause: FINISH_CLAUSE,
    says: 'FINISH with a signature that was not asked for, or without verify data, is refused',
    needs: CAP.KEY_EX,
    at: 'handshake',
    cases: [
      ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 0xe, 0xf, 0xff].map((slot) => refuses('9.6', `signed by slot ${slot}`, oddFinish(1, slot), { error: 'InvalidRequest' }, true)),
      refuses('9.6', 'without verify data', oddFinish(0, 0, 0), { error: 'InvalidRequest' }, true),
      refuses('9.6', 'with half of its verify data', oddFinish(0, 0, 24), { error: 'InvalidRequest' }, true),
    ],
  },
  { id: '9.7', clause: FINISH_CLAUSE, says: 'FINISH with wrong verify data is refused', needs: CAP.KEY_EX, at: 'handshake', cases: badVerifyData(true) },
  { id: '9.8', clause: FINISH_CLAUSE, says: 'in the clear too', needs: CAP.KEY_EX | CAP.HANDSHAKE_IN_THE_CLEAR, requesterFlags: IN_THE_CLEAR, at: 'handshake', cases: badVerifyData(false) },
  {
    id: '9.11',
    clause: 'DSP0274, ERROR response message, SessionRequired',
    says: 'FINISH wants a session',
    versions: [0x12],
    needs: CAP.KEY_EX,
    at: 'algorithms',
    cases: [refuses('9.11', 'without one', oddFinish(0, 0), { error: 'SessionRequired', data: 'any' })],
  },
];

/** Rules of the handshake. */
export const HANDSHAKE_RULES: readonly Rule[] = [...keyExchangeRules, ...finishRules];
