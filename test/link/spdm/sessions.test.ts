/** Requester and responder with one another: both versions, every transport, everything that a session can do. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { SUMMARY } from '../../../emulator/link/spdm/messages/challenge.ts';
import { MUTUAL_AUTH } from '../../../emulator/link/spdm/messages/key-exchange.ts';
import { ALL_MEASUREMENTS } from '../../../emulator/link/spdm/messages/measurements.ts';
import { FULL_PROFILE } from '../../../emulator/link/spdm/responder/profile.ts';
import { OPEN_PROFILE } from '../../../emulator/link/spdm/requester/profile.ts';
import { Requester } from '../../../emulator/link/spdm/requester/requester.ts';
import { SpdmError } from '../../../emulator/link/spdm/spdm-error.ts';
import { BINDINGS, hex, pair } from './devices.ts';

const combinations = ([0x11, 0x12] as const).flatMap((version) => BINDINGS.map((binding): [string, typeof version, typeof binding] => [`${binding.name}, SPDM 0x${version.toString(16)}`, version, binding]));

/** The reason of the SpdmError that is thrown. */
function reason(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof SpdmError) return error.reason;
    throw error;
  }
  return 'nothing was thrown';
}

describe.each(combinations)('the driver and an H100 over %s', (_, version, binding) => {
  test('set up a session with mutual authentication, and use it to its end', () => {
    const { requester, responder } = pair({ binding, profile: { versions: [version] } });
    const negotiated = requester.connect();
    expect(negotiated.version).toBe(version);
    const session = requester.startSession();
    expect(session.heartbeatPeriod).toBe(4);
    const other = responder.session(session.id);
    expect(other?.phase).toBe('application');
    expect(hex(session.exportMasterSecret())).toBe(hex(other?.exportMasterSecret() ?? new Uint8Array(0)));
    session.heartbeat();
    session.updateKeys('updateAllKeys');
    session.heartbeat();
    session.updateKeys('updateKey');
    const answer = session.measurements({ operation: ALL_MEASUREMENTS, slot: 0 });
    expect(answer.measurements.map(({ index, value }) => [index, hex(value)])).toEqual(responder.identity.measurements().map(({ index, value }) => [index, hex(value)]));
    session.end();
    expect(responder.sessionIds).toEqual([]);
    expect(session.alive).toBe(false);
  });

  test('a second session after the first one has other keys', () => {
    const { requester } = pair({ binding, profile: { versions: [version] } });
    requester.connect();
    const first = requester.startSession();
    const secret = hex(first.exportMasterSecret());
    first.end();
    const second = requester.startSession();
    expect(hex(second.exportMasterSecret())).not.toBe(secret);
  });

  test('mutual authentication that begins with the digests gives a session too', () => {
    const { requester } = pair({ binding, profile: { versions: [version], mutualAuth: MUTUAL_AUTH.digests } });
    requester.connect();
    expect(requester.startSession().alive).toBe(true);
  });
});

describe.each([
  ['1.1', 0x11],
  ['1.2', 0x12],
] as const)('a requester without demands and everything that a responder can, SPDM %s', (_, version) => {
  const full = (requesterFlags = {}) => pair({ slots: [0, 2], profile: { ...FULL_PROFILE, versions: [version] }, requesterProfile: { ...OPEN_PROFILE, flags: { ...OPEN_PROFILE.flags, ...requesterFlags } } });

  test('challenges after every way of asking for certificates', () => {
    const { requester } = full();
    requester.connect();
    expect(requester.chain(0).slot).toBe(0);
    expect(requester.challenge(0).slot).toBe(0);
    requester.digests();
    expect(requester.challenge(0, SUMMARY.tcb).summary).toHaveLength(48);
    requester.digests();
    requester.certificate(2);
    expect(requester.challenge(2, SUMMARY.all).slotMask).toBe(0b101);
  });

  test('is challenged in turn by a responder that wants it, in which nobody else’s key will do', () => {
    const made = pair({ profile: { ...FULL_PROFILE, versions: [version], basicMutualAuth: true }, requesterProfile: OPEN_PROFILE });
    made.requester.connect();
    expect(made.requester.challenge().basicMutualAuth).toBe(true);
    expect(made.requester.measurements({ operation: 0 }).totalCount).toBe(3);
    expect(made.requester.startSession().alive).toBe(true);
    const { identity } = made.requester;
    const liar = new Requester(made.world, made.link, { profile: OPEN_PROFILE, identity: { ...identity, sign: (message) => identity.sign(message.with(0, 0xff)) } });
    liar.connect();
    expect(() => liar.challenge()).toThrow('InvalidResponseCode');
  });

  test('gets measurements: how many, one, all; signed and not; a signature covers everything since the last one', () => {
    const { requester } = full();
    requester.connect();
    expect(requester.measurements({ operation: 0 }).totalCount).toBe(3);
    expect(requester.measurements({ operation: 2 }).measurements.map(({ index }) => index)).toEqual([2]);
    expect(requester.measurements({ operation: ALL_MEASUREMENTS, slot: 2 }).measurements).toHaveLength(3);
    expect(requester.measurements({ operation: 0, slot: 0 }).totalCount).toBe(3);
  });

  test('a summary hash is the hash over the blocks of the measurements that it names', () => {
    const { requester, responder } = full();
    requester.connect();
    const block = ({ index, type, raw, value }: { index: number; type: number; raw: boolean; value: Uint8Array }): Buffer => {
      const head = Buffer.from([index, 1, value.length + 3, 0, type | (raw ? 0x80 : 0), value.length, 0]);
      return Buffer.concat([head, value]);
    };
    const hash = (tcbOnly: boolean): string =>
      createHash('sha384')
        .update(
          Buffer.concat(
            responder.identity
              .measurements()
              .filter(({ tcb }) => tcb || !tcbOnly)
              .map(block),
          ),
        )
        .digest('hex');
    expect(hex(requester.challenge(0, SUMMARY.tcb).summary)).toBe(hash(true));
    expect(hex(requester.challenge(0, SUMMARY.all).summary)).toBe(hash(false));
  });

  test('sets up sessions with the key of every slot, with every summary, up to four at a time', () => {
    const { requester, responder } = full();
    requester.connect();
    for (const [slot, summary] of [
      [0, SUMMARY.none],
      [2, SUMMARY.tcb],
      [0, SUMMARY.all],
      [2, SUMMARY.none],
    ] as const)
      expect(requester.startSession({ slot, summary }).alive).toBe(true);
    expect(responder.sessionIds).toHaveLength(4);
    expect(reason(() => requester.startSession())).toBe('spdm-peer-error');
  });

  test('sets up a session whose handshake is in the clear', () => {
    const { requester } = full({ handshakeInTheClear: 1 });
    requester.connect();
    const session = requester.startSession();
    session.heartbeat();
    expect(session.measurements({ operation: ALL_MEASUREMENTS, slot: 0 }).measurements).toHaveLength(3);
  });

  test('waits for an answer that is put off', () => {
    const { requester } = pair({ profile: { ...FULL_PROFILE, versions: [version], deferred: new Set([0x83, 0xe0, 0xe4, 0xe5]) }, requesterProfile: OPEN_PROFILE });
    requester.connect();
    expect(requester.challenge(0).slot).toBe(0);
    expect(requester.startSession().measurements({ operation: ALL_MEASUREMENTS, slot: 0 }).measurements).toHaveLength(3);
  });

  test('reads a chain in portions of any size', () => {
    const lengths = [60, 100, 1001, 4608].map((maxMessageSize) => {
      const { requester, responder } = pair({ profile: { ...FULL_PROFILE, versions: [version] }, requesterProfile: { ...OPEN_PROFILE, maxMessageSize } });
      requester.connect();
      expect(requester.certificate(0).chain.certificates.map(hex)).toEqual(responder.identity.slots.get(0)?.certificates.map(hex));
      return requester.certificate(0).bytes.length;
    });
    expect(new Set(lengths).size).toBe(1);
  });
});

test('the export master secret is exported once', () => {
  const { requester } = pair();
  requester.connect();
  const session = requester.startSession();
  session.exportMasterSecret();
  expect(reason(() => session.exportMasterSecret())).toBe('spdm-ems-second-export');
});

test('the same seed and clock give the same frames', () => {
  const frames = (): string[] => {
    const seen: string[] = [];
    const { requester } = pair({
      between: (frame) => {
        seen.push(hex(frame));
        return frame;
      },
    });
    requester.connect();
    const session = requester.startSession();
    session.updateKeys();
    session.measurements({ operation: ALL_MEASUREMENTS, slot: 0 });
    return seen;
  };
  const first = frames();
  expect(first.length).toBeGreaterThan(20);
  expect(frames()).toEqual(first);
});
