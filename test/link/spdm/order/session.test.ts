/** What may come in a handshake and in a session, and the error code for everything else. */
import { describe, expect, test } from 'vitest';
import { type ErrorName, REQUEST } from '../../../../emulator/link/spdm/messages/header.ts';
import { MUTUAL_AUTH } from '../../../../emulator/link/spdm/messages/key-exchange.ts';
import { FULL_PROFILE } from '../../../../emulator/link/spdm/responder/profile.ts';
import type { Responder } from '../../../../emulator/link/spdm/responder/responder.ts';
import { OPEN_PROFILE } from '../../../../emulator/link/spdm/requester/profile.ts';
import type { RequesterSession } from '../../../../emulator/link/spdm/requester/session.ts';
import { type Pair, type PairOptions, pair, unhex } from '../devices.ts';
import { ALGORITHMS, CAPABILITIES, errorOf, two, type Version, VERSIONS } from './messages.ts';

/** A pair in a session, and the way to send the responder a message as if it had come in it. */
function inSession(version: Version, options: PairOptions = {}): Pair & { session: RequesterSession; say: (text: string) => string } {
  const made = pair({ profile: { ...FULL_PROFILE, versions: [version] }, requesterProfile: OPEN_PROFILE, ...options });
  made.requester.connect();
  const session = made.requester.startSession();
  return { ...made, session, say: (text) => errorOf(made.responder.handle(unhex(`${two(version)}${text}`), session.id)) };
}

describe.each(VERSIONS)('in a session of version %s', (_version, version) => {
  const v = two(version);
  const error = (name: ErrorName): string => `${v} ${name}`;
  test.each([
    ['GET_CAPABILITIES', CAPABILITIES[version].slice(2)],
    ['NEGOTIATE_ALGORITHMS', ALGORITHMS(v).slice(2)],
    ['CHALLENGE', `830000${'00'.repeat(32)}`],
    ['KEY_EXCHANGE', `e40000ffff0000${'00'.repeat(128)}0000`],
    ['FINISH', `e50000${'00'.repeat(48)}`],
    ['GET_ENCAPSULATED_REQUEST', 'ea0000'],
    ['DELIVER_ENCAPSULATED_RESPONSE', `eb0000${v}010000`],
  ])('%s is unexpected', (_, text) => {
    expect(inSession(version).say(text)).toBe(error('UnexpectedRequest'));
  });
  test('GET_VERSION is unexpected, and the session stays', () => {
    const { responder, session } = inSession(version);
    expect(errorOf(responder.handle(unhex('10840000'), session.id))).toBe(error('UnexpectedRequest'));
    session.heartbeat();
  });
  test('GET_DIGESTS and GET_CERTIFICATE are answered', () => {
    const { say } = inSession(version);
    expect(say('810000')).toBe('response 0x1');
    expect(say('82000000000004')).toBe('response 0x2');
  });
  test.each([
    ['HEARTBEAT', 'e8000000'],
    ['KEY_UPDATE', 'e9010000'],
    ['END_SESSION', 'ec000000'],
    ['a key operation that there isn’t', 'e90000'],
    ['another one', 'e90400'],
    ['VerifyNewKey without new keys', 'e90300'],
  ])('%s of a wrong length or kind is invalid', (_, text) => {
    expect(inSession(version).say(text)).toBe(error('InvalidRequest'));
  });
  test('new keys wait for VerifyNewKey: the same request again is acknowledged, another one is invalid, anything else unexpected', () => {
    const { say } = inSession(version);
    expect(say('e90107')).toBe('response 0x69');
    expect(say('e90107')).toBe('response 0x69');
    expect(say('e90108')).toBe(error('InvalidRequest'));
    expect(say('e90209')).toBe(error('InvalidRequest'));
    expect(say('e80000')).toBe(error('UnexpectedRequest'));
    expect(say('e9030a')).toBe(error('InvalidRequest'));
  });
  test('whoever is silent for more than two heartbeat periods has no session any more', () => {
    const { clock, responder, session, say } = inSession(version, { profile: { ...FULL_PROFILE, versions: [version], heartbeatPeriod: 4 } });
    clock.advance(8000);
    session.heartbeat();
    clock.advance(8000);
    expect(say('810000')).toBe('response 0x1');
    clock.advance(8001);
    expect(responder.sessionIds).toEqual([]);
    expect(() => session.heartbeat()).toThrow('InvalidSession');
    expect(session.alive).toBe(false);
  });
  test('END_SESSION ends it', () => {
    const { say } = inSession(version);
    expect(say('ec0000')).toBe('response 0x6c');
    expect(say('e80000')).toBe(error('InvalidSession'));
  });
  test('GET_VERSION in the clear ends every session', () => {
    const { responder, session } = inSession(version);
    expect(errorOf(responder.handle(unhex('10840000')))).toBe('response 0x4');
    expect(responder.sessionIds).toEqual([]);
    expect(() => session.heartbeat()).toThrow('InvalidSession');
  });
});

/** A pair right after KEY_EXCHANGE_RSP: the requester is stopped where it would go on. */
function inHandshake(version: Version, mutualAuth: number): { responder: Responder; id: number; say: (text: string) => string } {
  let seen = 0;
  const { requester, responder } = pair({
    profile: { ...FULL_PROFILE, versions: [version], mutualAuth },
    requesterProfile: OPEN_PROFILE,
    between: (frame, direction) => {
      if (direction === 'request' && frame[0] === 6) throw new Error('stop');
      if (frame[2] === REQUEST.KEY_EXCHANGE) seen++;
      return frame;
    },
  });
  requester.connect();
  expect(() => requester.startSession()).toThrow('stop');
  expect(seen).toBe(1);
  const [id = 0] = responder.sessionIds;
  return { responder, id, say: (text) => errorOf(responder.handle(unhex(`${two(version)}${text}`), id)) };
}

describe.each(VERSIONS)('in a handshake of version %s', (_version, version) => {
  const v = two(version);
  const finish = `e50000${'00'.repeat(48)}`;
  test.each([
    ['GET_MEASUREMENTS', 'e000ff'],
    ['GET_DIGESTS', '810000'],
    ['HEARTBEAT', 'e80000'],
    ['KEY_UPDATE', 'e90100'],
    ['END_SESSION', 'ec0000'],
  ])('%s is unexpected', (_, text) => {
    expect(inHandshake(version, MUTUAL_AUTH.none).say(text)).toBe(`${v} UnexpectedRequest`);
  });
  test.each([
    ['signed, although nobody asked', `e50100${'00'.repeat(432)}`],
    ['without verify data', 'e50000'],
    ['with half the verify data', `e50000${'00'.repeat(24)}`],
  ])('FINISH %s is invalid, and the handshake goes on', (_, text) => {
    const { say } = inHandshake(version, MUTUAL_AUTH.none);
    expect(say(text)).toBe(`${v} InvalidRequest`);
    expect(say('e80000')).toBe(`${v} UnexpectedRequest`);
  });
  test('FINISH with wrong verify data is a decrypt error, and the end of the session', () => {
    const { responder, say } = inHandshake(version, MUTUAL_AUTH.none);
    expect(say(finish)).toBe(`${v} DecryptError`);
    expect(responder.sessionIds).toEqual([]);
  });
  test('while the responder asks, everything but the answer is in flight', () => {
    const { say } = inHandshake(version, MUTUAL_AUTH.encapsulated);
    expect(say(finish)).toBe(`${v} RequestInFlight`);
    expect(say(`eb0000${v}010001${'00'.repeat(48)}`)).toBe(`${v} InvalidRequest`);
    expect(say('ea0000')).toBe('response 0x6a');
    expect(say('ea0000')).toBe('response 0x6a');
    expect(say(`eb0200${v}010001${'00'.repeat(48)}`)).toBe(`${v} InvalidRequest`);
    expect(say('eb0100')).toBe(`${v} InvalidRequest`);
  });
  test.each([
    ['an answer to something else', `${v}02000000000000`],
    ['an ERROR', `${v}7f0500`],
    ['digests of no slot', `${v}010000`],
    ['digests that are cut off', `${v}010001${'00'.repeat(47)}`],
  ])('%s ends the asking; a FINISH without authentication is invalid then', (_, answer) => {
    const { say } = inHandshake(version, MUTUAL_AUTH.encapsulated);
    expect(say('ea0000')).toBe('response 0x6a');
    expect(say(`eb0100${answer}`)).toBe(`${v} InvalidResponseCode`);
    expect(say(finish)).toBe(`${v} InvalidRequest`);
    expect(say(`e50100${'00'.repeat(432)}`)).toBe(`${v} InvalidRequest`);
  });
  test('a handshake that is never finished makes room for the next one, a session does not', () => {
    const made = pair({ profile: { ...FULL_PROFILE, versions: [version], maxSessions: 1 }, requesterProfile: OPEN_PROFILE });
    made.requester.connect();
    made.requester.startSession();
    expect(() => made.requester.startSession()).toThrow('SessionLimitExceeded');
    expect(made.responder.sessionIds).toHaveLength(1);
    const { responder } = inHandshake(version, MUTUAL_AUTH.none);
    expect(responder.sessionIds).toHaveLength(1);
  });
});
