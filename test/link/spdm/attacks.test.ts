/** The host between driver and GPU: whatever it changes, one of the two notices. */
import { describe, expect, test } from 'vitest';
import { TeemuError } from '../../../emulator/errors.ts';
import { ERROR_CODE, REQUEST, RESPONSE } from '../../../emulator/link/spdm/messages/header.ts';
import { ALL_MEASUREMENTS } from '../../../emulator/link/spdm/messages/measurements.ts';
import { FULL_PROFILE, H100_PROFILE } from '../../../emulator/link/spdm/responder/profile.ts';
import { DRIVER_PROFILE, OPEN_PROFILE } from '../../../emulator/link/spdm/requester/profile.ts';
import { Direction } from '../../../emulator/link/spdm/session/secured-message.ts';
import { SpdmError } from '../../../emulator/link/spdm/spdm-error.ts';
import { hex, type Pair, type PairOptions, pair } from './devices.ts';

type Edit = (frame: Uint8Array) => Uint8Array;
const flip =
  (at: number, mask = 1): Edit =>
  (frame) => {
    const place = at < 0 ? frame.length + at : at;
    return frame.with(place, (frame[place] ?? 0) ^ mask);
  };
const VERSIONS = [
  ['1.1', 0x11],
  ['1.2', 0x12],
] as const;

/** How a whole session ends with a meddler between: the reason, or `fine`. MCTP has one byte in front of a message in the clear. */
function outcome(edit: (frame: Uint8Array, direction: 'request' | 'response') => Uint8Array, options: PairOptions): string {
  const { requester } = pair({ ...options, between: edit });
  try {
    requester.connect();
    requester.certificate();
    const session = requester.startSession();
    session.heartbeat();
    session.measurements({ operation: ALL_MEASUREMENTS, slot: 0 });
    session.updateKeys();
    session.heartbeat();
    return 'fine';
  } catch (error) {
    if (error instanceof SpdmError) return error.reason + (error.errorCode === undefined ? '' : ` ${Object.entries(ERROR_CODE).find(([, code]) => code === error.errorCode)?.[0]}`);
    if (error instanceof TeemuError) return error.code;
    throw error;
  }
}

/** Changes the first message in the clear with that code. */
const message =
  (code: number, edit: Edit) =>
  (frame: Uint8Array): Uint8Array =>
    frame[0] === 5 && frame[2] === code ? edit(frame) : frame;

/** Changes the n-th secured message of a direction. */
const secured = (direction: 'request' | 'response', n: number, edit: Edit): ((frame: Uint8Array, of: 'request' | 'response') => Uint8Array) => {
  let count = 0;
  return (frame, of) => (frame[0] === 6 && of === direction && count++ === n ? edit(frame) : frame);
};

describe.each(VERSIONS)('SPDM %s', (_, version) => {
  const options: PairOptions = { profile: { versions: [version] } };
  test('without a meddler all is fine', () => {
    expect(outcome((frame) => frame, options)).toBe('fine');
  });
  test.each([
    ['spdm-caps-tampered, request: a flag taken away that nobody misses', REQUEST.GET_CAPABILITIES, flip(9, 0x04), 'spdm-signature'],
    ['spdm-caps-tampered, response: CTExponent', RESPONSE.CAPABILITIES, flip(6), 'spdm-signature'],
    ['spdm-caps-tampered, response: a flag the driver insists on', RESPONSE.CAPABILITIES, flip(10, 0x20), 'spdm-capabilities'],
    ['spdm-algorithms-tampered, request: one more hash on offer', REQUEST.NEGOTIATE_ALGORITHMS, flip(13, 1), 'spdm-signature'],
    ['spdm-algorithms-tampered, response: another hash chosen', RESPONSE.ALGORITHMS, flip(17, 3), 'spdm-algorithms'],
    ['spdm-cert-chain-tampered: a byte of the leaf’s signature', RESPONSE.CERTIFICATE, flip(-1), 'spdm-signature'],
    ['spdm-cert-chain-tampered: the root’s hash', RESPONSE.CERTIFICATE, flip(15), 'spdm-certificate-chain'],
    ['KEY_EXCHANGE: the requester’s random data', REQUEST.KEY_EXCHANGE, flip(9), 'spdm-signature'],
    ['KEY_EXCHANGE_RSP: the responder’s random data', RESPONSE.KEY_EXCHANGE_RSP, flip(9), 'spdm-signature'],
    ['KEY_EXCHANGE_RSP: mutual authentication left out', RESPONSE.KEY_EXCHANGE_RSP, flip(7, 2), 'spdm-signature'],
    ['KEY_EXCHANGE_RSP: the heartbeat period', RESPONSE.KEY_EXCHANGE_RSP, flip(3), 'spdm-heartbeat-period'],
    ['spdm-kex-verify-data of the responder', RESPONSE.KEY_EXCHANGE_RSP, flip(-1), 'spdm-verify-data'],
    ['KEY_EXCHANGE_RSP: the signature', RESPONSE.KEY_EXCHANGE_RSP, flip(-60), 'spdm-signature'],
  ])('%s', (__, code, edit, expected) => {
    expect(outcome(message(code, edit), options)).toBe(expected);
  });
  // Requests: 0 GET_ENCAPSULATED_REQUEST, 1 and 2 DELIVER, 3 FINISH, 4 HEARTBEAT, 5 GET_MEASUREMENTS, 6 and 7 KEY_UPDATE, 8 HEARTBEAT.
  test.each([0, 1, 2, 3, 4, 5, 6, 7, 8])('a bit of secured request %i is noticed by the GPU, which ends the session', (n) => {
    for (const at of [12, -1]) expect(outcome(secured('request', n, flip(at)), options)).toBe('spdm-peer-error DecryptError');
  });
  test.each([0, 1, 2, 3, 4, 5, 6, 7, 8])('a bit of secured response %i is noticed by the driver', (n) => {
    for (const at of [12, -1]) expect(outcome(secured('response', n, flip(at)), options)).toBe('spdm-secured-message');
  });
  test.each([
    ['shorter or longer by one', 7, 1],
    ['shorter or longer by two', 7, 2],
    ['longer by 256', 8, 1],
  ])('spdm-secured-length: a length that is %s is noticed', (__, at, mask) => {
    expect(outcome(secured('request', 4, flip(at, mask)), options)).toBe('spdm-peer-error DecryptError');
    expect(outcome(secured('response', 4, flip(at, mask)), options)).toMatch(/^(spdm-secured-message|ERR_CODEC_TRUNCATED)$/);
  });
  test.each(['request', 'response'] as const)('spdm-secured-replay: a %s that comes again is refused', (direction) => {
    let kept: Uint8Array | undefined;
    const replay = secured(direction, 5, () => kept ?? new Uint8Array(0));
    const keep = secured(direction, 4, (frame) => {
      kept = frame;
      return frame;
    });
    expect(outcome((frame, of) => replay(keep(frame, of), of), options)).toBe(direction === 'request' ? 'spdm-peer-error DecryptError' : 'spdm-secured-message');
  });
  test('a request that is reflected as a response is refused', () => {
    let kept: Uint8Array = new Uint8Array(0);
    const meddle = (frame: Uint8Array, of: 'request' | 'response'): Uint8Array => {
      if (frame[0] !== 6) return frame;
      if (of === 'request') kept = frame;
      return of === 'request' ? frame : kept;
    };
    expect(outcome(meddle, options)).toBe('spdm-secured-message');
  });
  test('an ERROR in the clear cannot pass for an answer in the session', () => {
    const forged = secured('response', 4, () => Uint8Array.of(5, version, RESPONSE.ERROR, ERROR_CODE.Busy, 0));
    expect(outcome(forged, options)).toBe('spdm-peer-error Busy');
    const answer = secured('response', 4, () => Uint8Array.of(5, version, RESPONSE.HEARTBEAT_ACK, 0, 0));
    expect(outcome(answer, options)).toBe('spdm-response');
  });

  test('spdm-measurement-signature: a responder that lies about a measurement cannot sign it', () => {
    const { requester, responder } = pair({ profile: { ...FULL_PROFILE, versions: [version] }, requesterProfile: OPEN_PROFILE });
    requester.connect();
    const { sign } = responder.identity;
    Object.assign(responder.identity, { sign: (slot: number, bytes: Uint8Array) => flip(7)(sign(slot, bytes)) });
    expect(() => requester.measurements({ operation: ALL_MEASUREMENTS, slot: 0 })).toThrow('spdm-signature');
    expect(() => requester.challenge()).toThrow('spdm-signature');
    expect(() => requester.startSession()).toThrow('spdm-signature');
  });

  test('spdm-seq-overflow: after its last sequence number a key opens and seals nothing, and does not start anew', () => {
    const { requester } = pair({ profile: { versions: [version] }, requesterProfile: { ...DRIVER_PROFILE, lastSequence: 9n } });
    requester.connect();
    const session = requester.startSession();
    for (let n = 0; n < 10; n++) session.heartbeat();
    expect(() => session.heartbeat()).toThrow('spdm-sequence-exhausted');
    expect(session.alive).toBe(false);
    const device = pair({ profile: { versions: [version], lastSequence: 9n } });
    device.requester.connect();
    const other = device.requester.startSession();
    for (let n = 0; n < 10; n++) other.heartbeat();
    expect(() => other.heartbeat()).toThrow('DecryptError');
    expect(device.responder.sessionIds).toEqual([]);
  });

  test('a key update begins the sequence anew under other keys', () => {
    const { requester } = pair({ profile: { versions: [version] }, requesterProfile: { ...DRIVER_PROFILE, lastSequence: 9n } });
    requester.connect();
    const session = requester.startSession();
    for (let round = 0; round < 4; round++) {
      for (let n = 0; n < 8; n++) session.heartbeat();
      session.updateKeys();
    }
    expect(session.alive).toBe(true);
  });
});

test('the driver refuses a responder with one flag more or less than an H100 has', () => {
  for (const flags of [{ chal: 1 }, { meas: 1 }, { mutAuth: 0 }, { measFresh: 0 }] as const) {
    const { requester } = pair({ profile: { flags: { ...H100_PROFILE.flags, ...flags } } });
    expect(() => requester.connect()).toThrow('spdm-capabilities');
  }
});

test('a responder that only speaks another version is refused', () => {
  const { requester } = pair({ profile: { versions: [0x12] }, requesterProfile: { ...DRIVER_PROFILE, versions: [0x11] } });
  expect(() => requester.connect()).toThrow('spdm-version');
});

test('a chain that is not that of its digest is refused', () => {
  const { requester } = pair({ profile: FULL_PROFILE, requesterProfile: OPEN_PROFILE, between: message(RESPONSE.DIGESTS, flip(-1)) });
  requester.connect();
  requester.digests();
  expect(() => requester.certificate()).toThrow('spdm-certificate-chain');
});

describe('spdm-key-update-half-done', () => {
  const secret = new Uint8Array(48).fill(7);
  const make = (): { ours: Direction; theirs: Direction; pass: (text: string) => string } => {
    const ours = new Direction(0x12, secret);
    const theirs = new Direction(0x12, secret);
    return { ours, theirs, pass: (text) => Buffer.from(theirs.open(1, 2, ours.seal(1, 2, Buffer.from(text), new Uint8Array(0)))).toString() };
  };
  test('until the new key is confirmed, both open; then only the new one', () => {
    const { ours, theirs, pass } = make();
    expect(pass('one')).toBe('one');
    const old = ours.seal(1, 2, Buffer.from('old'), new Uint8Array(0));
    const older = ours.seal(1, 2, Buffer.from('older'), new Uint8Array(0));
    theirs.prepareUpdate();
    expect(Buffer.from(theirs.open(1, 2, old)).toString()).toBe('old');
    expect(theirs.newKeyUsed).toBe(false);
    ours.commitUpdate();
    expect(pass('new')).toBe('new');
    expect(theirs.newKeyUsed).toBe(true);
    theirs.commitUpdate();
    expect(() => theirs.open(1, 2, older)).toThrow('spdm-secured-message');
    expect(pass('newer')).toBe('newer');
  });
  test('a GPU that acknowledged new keys takes nothing but their confirmation', () => {
    const { requester, responder }: Pair = pair({ profile: H100_PROFILE });
    requester.connect();
    const session = requester.startSession();
    expect(responder.handle(Uint8Array.of(0x11, REQUEST.KEY_UPDATE, 1, 0), session.id)[1]).toBe(RESPONSE.KEY_UPDATE_ACK);
    expect(() => session.heartbeat()).toThrow('UnexpectedRequest');
  });
  test('the confirmation must be under the new key', () => {
    const { requester, responder }: Pair = pair({ profile: H100_PROFILE });
    requester.connect();
    const session = requester.startSession();
    responder.handle(Uint8Array.of(0x11, REQUEST.KEY_UPDATE, 1, 0), session.id);
    expect(hex(responder.handle(Uint8Array.of(0x11, REQUEST.KEY_UPDATE, 3, 1), session.id))).toBe('117f0100');
  });
});

test('a secured message is laid out as DSP0277 says', () => {
  const secret = new Uint8Array(48).fill(9);
  const application = Uint8Array.of(1, 2, 3);
  const padding = Uint8Array.of(0xee, 0xff);
  const sequenced = new Direction(0x11, secret).seal(0x0a0b0c0d, 2, application, padding);
  expect(hex(sequenced.subarray(0, 8))).toBe('0d0c0b0a00001700');
  expect(sequenced).toHaveLength(8 + 2 + 3 + 2 + 16);
  const bare = new Direction(0x11, secret).seal(0x0a0b0c0d, 0, application, new Uint8Array(0));
  expect(hex(bare.subarray(0, 6))).toBe('0d0c0b0a1500');
  expect(bare).toHaveLength(6 + 2 + 3 + 16);
  expect(hex(new Direction(0x11, secret).open(0x0a0b0c0d, 0, bare))).toBe('010203');
});
