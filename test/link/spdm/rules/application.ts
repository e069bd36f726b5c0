/** Rules for what is said in a session: HEARTBEAT_ACK, KEY_UPDATE_ACK, END_SESSION_ACK. */
import { expect } from 'vitest';
import type { Peer } from '../peer/peer.ts';
import { CAP, message, REQUEST, RESPONSE } from '../peer/requests.ts';
import { answers, type Case, expectError, expectHead, otherVersions, refuses, type Rule } from './model.ts';

const HEARTBEAT_CLAUSE = 'DSP0274, HEARTBEAT request and HEARTBEAT_ACK response messages';
const KEY_UPDATE_CLAUSE = 'DSP0274, KEY_UPDATE request and KEY_UPDATE_ACK response messages';
const END_CLAUSE = 'DSP0274, END_SESSION request and END_SESSION_ACK response messages';
const REQUIRED_CLAUSE = 'DSP0274, ERROR response message, SessionRequired';
const HANDSHAKE_CLAUSE = 'DSP0274, Session handshake phase';
const UPDATE_KEY = 1;
const UPDATE_ALL = 2;
const VERIFY = 3;

const heartbeat = ({ version }: Peer): Uint8Array => message(version, REQUEST.HEARTBEAT);
const end = ({ version }: Peer): Uint8Array => message(version, REQUEST.END_SESSION);
const keyUpdate =
  (operation: number, tag = 1) =>
  ({ version }: Peer): Uint8Array =>
    message(version, REQUEST.KEY_UPDATE, operation, tag);

/** Asserts that the session serves. */
async function beats(id: string, peer: Peer): Promise<void> {
  expectHead(id, peer, await peer.sayIn(heartbeat(peer)), RESPONSE.HEARTBEAT_ACK);
}

const beat =
  (id: string) =>
  (answer: Uint8Array): void =>
    expect([answer[2], answer[3]], `${id}: Param1 and Param2 are reserved`).toEqual([0, 0]);

/** The three refusals that all requests of a session share. */
const shared = (numbers: { readonly version: string; readonly handshake: string; readonly clear: string }, clause: string, cap: number, code: number, param1 = 0): readonly Rule[] => [
  { id: numbers.version, clause, says: 'another version is refused in the session', needs: cap, at: 'session', cases: otherVersions(numbers.version, (version) => message(version, code, param1), true) },
  {
    id: numbers.handshake,
    clause: HANDSHAKE_CLAUSE,
    says: 'it is refused before FINISH',
    needs: cap,
    at: 'handshake',
    cases: [refuses(numbers.handshake, 'in the handshake', ({ version }) => message(version, code, param1), { error: 'UnexpectedRequest' }, true)],
  },
  {
    id: numbers.clear,
    clause: REQUIRED_CLAUSE,
    says: 'it wants a session',
    versions: [0x12],
    needs: cap,
    at: 'algorithms',
    cases: [refuses(numbers.clear, 'without one', ({ version }) => message(version, code, param1), { error: 'SessionRequired', data: 'any' })],
  },
  {
    id: `${numbers.clear} (open)`,
    clause: REQUIRED_CLAUSE,
    says: 'it is not taken in the clear while there is a session, which stays',
    needs: cap | CAP.HBEAT,
    at: 'session',
    cases: [
      {
        name: 'in the clear',
        run: async (peer) => {
          const error = peer.version === 0x12 ? (['SessionRequired'] as const) : (['UnexpectedRequest', 'InvalidRequest', 'Unspecified'] as const);
          expectError(numbers.clear, peer, await peer.say(message(peer.version, code, param1)), { error, data: 'any' });
          await beats(numbers.clear, peer);
        },
      },
    ],
  },
];

const tagged =
  (operation: number, tag: number): Case['run'] =>
  async (peer) => {
    const answer = await peer.sayKeyUpdate(operation, tag);
    expectHead('13.1', peer, answer, RESPONSE.KEY_UPDATE_ACK);
    expect(answer[2], '13.1.4: operation').toBe(operation);
    expect(answer[3], '13.1.5: tag').toBe(tag);
  };

/** Updates one after the other; every one is told, verified and used. */
const updates = (name: string, operations: readonly number[]): Case => ({
  name,
  run: async (peer) => {
    for (const [i, operation] of operations.entries()) {
      await tagged(operation, 2 * i + 1)(peer);
      await tagged(VERIFY, 2 * i + 2)(peer);
      await beats('13.1', peer);
    }
  },
});

/** Rules of a session that is established. */
export const APPLICATION_RULES: readonly Rule[] = [
  { id: '12.1', clause: HEARTBEAT_CLAUSE, says: 'HEARTBEAT is answered', needs: CAP.HBEAT, at: 'session', cases: [answers('12.1', 'once', heartbeat, RESPONSE.HEARTBEAT_ACK, beat('12.1'), true)] },
  ...shared({ version: '12.2', handshake: '12.3', clear: '12.4' }, HEARTBEAT_CLAUSE, CAP.HBEAT, REQUEST.HEARTBEAT),
  {
    id: '13.1',
    clause: KEY_UPDATE_CLAUSE,
    says: 'KEY_UPDATE changes one direction or both, acknowledged under the keys that the specification says',
    needs: CAP.KEY_UPD | CAP.HBEAT,
    at: 'session',
    cases: [updates('UpdateKey', [UPDATE_KEY]), updates('UpdateAllKeys', [UPDATE_ALL]), updates('one, all, one, all', [UPDATE_KEY, UPDATE_ALL, UPDATE_KEY, UPDATE_ALL])],
  },
  ...shared({ version: '13.2', handshake: '13.4', clear: '13.5' }, KEY_UPDATE_CLAUSE, CAP.KEY_UPD, REQUEST.KEY_UPDATE, UPDATE_KEY),
  {
    id: '13.3',
    clause: KEY_UPDATE_CLAUSE,
    says: 'an operation that there is not is refused, and the keys stay',
    needs: CAP.KEY_UPD | CAP.HBEAT,
    at: 'session',
    cases: [0, 4, 5, 0x80, 0xff].map((operation) => ({
      name: `operation ${operation}`,
      run: async (peer) => {
        expectError('13.3', peer, await peer.sayIn(keyUpdate(operation)(peer)), { error: 'InvalidRequest' });
        await beats('13.3', peer);
      },
    })),
  },
  {
    id: 'T13.6',
    clause: KEY_UPDATE_CLAUSE,
    says: 'VerifyNewKey without an update is refused, and the keys stay',
    needs: CAP.KEY_UPD | CAP.HBEAT,
    at: 'session',
    cases: [
      {
        name: 'at once',
        run: async (peer) => {
          expectError('T13.6', peer, await peer.sayIn(keyUpdate(VERIFY)(peer)), { error: ['InvalidRequest', 'UnexpectedRequest'] });
          await beats('T13.6', peer);
        },
      },
      {
        name: 'a second time',
        run: async (peer) => {
          await updates('', [UPDATE_KEY]).run(peer);
          expectError('T13.6', peer, await peer.sayIn(keyUpdate(VERIFY, 9)(peer)), { error: ['InvalidRequest', 'UnexpectedRequest'] });
          await beats('T13.6', peer);
        },
      },
    ],
  },
  {
    id: 'T13.8',
    clause: KEY_UPDATE_CLAUSE,
    says: 'VerifyNewKey comes under the new key',
    needs: CAP.KEY_UPD,
    at: 'session',
    cases: [
      {
        name: 'under the old one',
        run: async (peer) => {
          // Said as any other request: the keys of this side stay as they are.
          expectHead('T13.8', peer, await peer.sayIn(keyUpdate(UPDATE_KEY)(peer)), RESPONSE.KEY_UPDATE_ACK);
          expectError('T13.8', peer, await peer.sayIn(keyUpdate(VERIFY, 2)(peer)), { error: ['InvalidRequest', 'UnexpectedRequest', 'DecryptError'], data: 'any' });
        },
      },
    ],
  },
  {
    id: 'T13.7',
    clause: KEY_UPDATE_CLAUSE,
    says: 'after UpdateKey or UpdateAllKeys the next request is VerifyNewKey',
    needs: CAP.KEY_UPD,
    at: 'session',
    cases: [UPDATE_KEY, UPDATE_ALL].map((operation) => ({
      name: `operation ${operation} twice`,
      run: async (peer) => {
        await tagged(operation, 1)(peer);
        expectError('T13.7', peer, await peer.sayIn(keyUpdate(operation, 2)(peer)), { error: ['UnexpectedRequest', 'InvalidRequest'], data: 'any' });
      },
    })),
  },
  {
    id: '16.1',
    clause: END_CLAUSE,
    says: 'END_SESSION is acknowledged, and the session is over',
    needs: CAP.KEY_EX,
    at: 'session',
    cases: [
      answers('16.1', 'without keeping the negotiated state', end, RESPONSE.END_SESSION_ACK, beat('16.1'), true),
      {
        name: 'and what comes then is not served',
        run: async (peer) => {
          expectHead('16.1', peer, await peer.sayIn(end(peer)), RESPONSE.END_SESSION_ACK);
          const answer = await peer.sayIn(heartbeat(peer)).catch(() => undefined);
          if (answer) expectError('16.1', peer, answer, { error: 'InvalidSession', data: 'any', version: 'any' });
        },
      },
      {
        name: 'and another can begin in the same connection',
        run: async (peer) => {
          expectHead('16.1', peer, await peer.sayIn(end(peer)), RESPONSE.END_SESSION_ACK);
          await peer.sayKeyExchange({ requesterSessionId: 0x1234 });
          await peer.sayFinish();
          await beats('16.1', peer);
        },
      },
    ],
  },
  ...shared({ version: '16.2', handshake: '16.3', clear: '16.4' }, END_CLAUSE, CAP.KEY_EX, REQUEST.END_SESSION),
];
