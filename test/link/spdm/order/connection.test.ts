/** The order of messages in the clear, and the error code for everything that is out of it or malformed. */
import { describe, expect, test } from 'vitest';
import { REQUEST } from '../../../../emulator/link/spdm/messages/header.ts';
import { standaloneIdentity } from '../../../../emulator/link/spdm/responder/identity.ts';
import { FULL_PROFILE, H100_PROFILE } from '../../../../emulator/link/spdm/responder/profile.ts';
import { Responder } from '../../../../emulator/link/spdm/responder/responder.ts';
import { hex, pair, unhex } from '../devices.ts';
import { ALGORITHMS, CAPABILITIES, errorOf, two, type Version, VERSIONS } from './messages.ts';

/** A responder of the full profile, and the way to send it hexadecimal. */
function device(profile = {}): { responder: Responder; send: (text: string) => string; raw: (text: string) => Uint8Array } {
  const { world } = pair();
  const responder = new Responder(world, standaloneIdentity(world), { ...FULL_PROFILE, ...profile });
  const raw = (text: string): Uint8Array => responder.handle(unhex(text));
  return { responder, raw, send: (text) => errorOf(raw(text)) };
}

/** The same, negotiated. */
function negotiated(version: Version, profile = {}): ReturnType<typeof device> {
  const made = device(profile);
  for (const message of ['10840000', CAPABILITIES[version], ALGORITHMS(version.toString(16))]) expect(made.send(message)).toMatch(/^response/);
  return made;
}

const CODES = Object.entries(REQUEST).filter(([name]) => name !== 'GET_VERSION');

describe('before there is a connection', () => {
  test.each(CODES)('%s is unexpected, and answered in version 1.0', (_, code) => {
    expect(device().send(`11${two(code)}0000${'00'.repeat(60)}`)).toBe('10 UnexpectedRequest');
  });
  test('a GET_VERSION of another version than 1.0 is a version mismatch', () => {
    expect(device().send('11840000')).toBe('10 VersionMismatch');
  });
  test.each(['', '10', '1084', '108400'])('a message of less than a header (%s) is invalid', (text) => {
    expect(device().send(text)).toBe('10 InvalidRequest');
  });
});

describe('after VERSION', () => {
  test.each(CODES.filter(([name]) => name !== 'GET_CAPABILITIES'))('%s is unexpected', (_, code) => {
    const { send } = device();
    send('10840000');
    expect(send(`11${two(code)}0000${'00'.repeat(60)}`)).toMatch(/^10 UnexpectedRequest/);
  });
  test.each(['10e10000', '13e10000 00000000 c2f30000 00120000 00120000'])('GET_CAPABILITIES of a version that is not listed (%s) is a version mismatch', (text) => {
    const { send } = device();
    send('10840000');
    expect(send(text)).toBe('10 VersionMismatch');
  });
  test('a profile of one version refuses the other', () => {
    const { send } = device(H100_PROFILE);
    send('10840000');
    expect(send(CAPABILITIES[0x12])).toBe('10 VersionMismatch');
    expect(send(CAPABILITIES[0x11])).toBe('response 0x61');
  });
});

/** Flags that contradict each other, the bit numbers of DSP0274, GET_CAPABILITIES. */
const flags = (...bits: readonly number[]): string => {
  const raw = Buffer.alloc(4);
  raw.writeUInt32LE(bits.reduce((sum, bit) => sum + 2 ** bit, 0));
  return raw.toString('hex');
};
const [CERT, CHAL, ENCRYPT, MAC, MUT_AUTH, KEY_EX, PSK, ENCAP, HBEAT, KEY_UPD, CLEAR, PUB_KEY] = [1, 2, 6, 7, 8, 9, 10, 12, 13, 14, 15, 16];
describe.each(VERSIONS)('GET_CAPABILITIES of version %s', (_version, version) => {
  const sizes = version === 0x12 ? '0012000000120000' : '';
  test.each([
    ['key exchange without anything that secures', flags(CERT, KEY_EX)],
    ['encryption without sessions', flags(CERT, CHAL, ENCRYPT, MAC)],
    ['heartbeats without sessions', flags(CERT, CHAL, HBEAT)],
    ['key updates without sessions', flags(CERT, CHAL, KEY_UPD)],
    ['a handshake in the clear without key exchange', flags(ENCRYPT, MAC, PSK, CLEAR)],
    ['certificates and a provisioned key', flags(CERT, PUB_KEY, CHAL)],
    ['a challenge without certificates', flags(CHAL)],
    ['mutual authentication without certificates', flags(ENCRYPT, MAC, KEY_EX, MUT_AUTH, ENCAP)],
    ['mutual authentication with neither challenge nor key exchange', flags(CERT, MUT_AUTH, ENCAP)],
    ['a reserved kind of pre-shared keys', flags(CERT, ENCRYPT, MAC, KEY_EX, 11)],
  ])('is invalid with %s', (_, bits) => {
    const { send } = device();
    send('10840000');
    expect(send(`${two(version)}e10000 00000000 ${bits} ${sizes}`)).toBe(`${two(version)} InvalidRequest`);
  });
  test('that is too short is invalid', () => {
    const { send } = device();
    send('10840000');
    expect(send(CAPABILITIES[version].slice(0, -2))).toBe(`${two(version)} InvalidRequest`);
    const other = version === 0x12 ? 0x11 : 0x12;
    expect(send(CAPABILITIES[other])).toBe('response 0x61');
  });
  test('sent again is answered again, and counts once; another one is unexpected', () => {
    const { raw, send } = device();
    send('10840000');
    const first = hex(raw(CAPABILITIES[version]));
    expect(hex(raw(CAPABILITIES[version]))).toBe(first);
    expect(send(CAPABILITIES[version].replace('c2f30000', 'c2d30000'))).toBe(`${two(version)} UnexpectedRequest`);
    const algorithms = hex(raw(ALGORITHMS(two(version))));
    expect(hex(raw(ALGORITHMS(two(version))))).toBe(algorithms);
    expect(send(ALGORITHMS(two(version)).replace('80000000', '90000000'))).toBe(`${two(version)} UnexpectedRequest`);
    expect(send(CAPABILITIES[version])).toBe(`${two(version)} UnexpectedRequest`);
  });
});

test('mutual authentication without encapsulated requests is invalid in SPDM 1.1 only', () => {
  const bits = flags(CERT, ENCRYPT, MAC, KEY_EX, MUT_AUTH);
  const { send } = device();
  send('10840000');
  expect(send(`11e10000 00000000 ${bits}`)).toBe('11 InvalidRequest');
  expect(send(`12e10000 00000000 ${bits} 00120000 00120000`)).toBe('response 0x61');
});

test.each([
  ['41 bytes in one transfer', '29000000 29000000'],
  ['more in one transfer than at all', '00120000 00110000'],
  ['less in one transfer than at all, without chunks', '00110000 00120000'],
])('GET_CAPABILITIES of SPDM 1.2 is invalid with %s', (_, sizes) => {
  const { send } = device();
  send('10840000');
  expect(send(`12e10000 00000000 c2f30000 ${sizes}`)).toBe('12 InvalidRequest');
});

describe.each(VERSIONS)('NEGOTIATE_ALGORITHMS of version %s', (_version, version) => {
  const good = ALGORITHMS(two(version)).replaceAll(' ', '');
  const edited = (at: number, to: string): string => good.slice(0, 2 * at) + to + good.slice(2 * at + to.length);
  test.each([
    ['a length of one less', edited(4, '2f00')],
    ['a length of one more', edited(4, '3100')],
    ['21 external signature algorithms', edited(28, '15')],
    ['21 external hashes', edited(29, '15')],
    ['a bit mask of 1 byte', edited(33, '10')],
    ['a bit mask of 3 bytes', edited(33, '30')],
    ['15 external algorithms in a table that are not there', edited(33, '2f')],
    ['tables out of order', edited(32, '03')],
    ['a table twice', edited(36, '02')],
    ['a table of an unknown type', edited(44, '06')],
    ['a table that offers nothing', edited(34, '0000')],
    ['no signature algorithm in common', edited(8, '10000000')],
    ['no hash in common', edited(12, '01000000')],
    ['no group for key exchange in common', edited(34, '0100')],
    ['no cipher in common', edited(38, '0100')],
    ['no key schedule in common', edited(46, '0200')],
    ['no table for key exchange', edited(2, '03').replace('30000102', '2c000102').replace('02201000', '')],
    ['an end that comes too early', good.slice(0, -2)],
  ])('is invalid with %s', (_, text) => {
    const { send } = device();
    send('10840000');
    send(CAPABILITIES[version]);
    expect(send(text)).toBe(`${two(version)} InvalidRequest`);
    expect(send(good)).toBe('response 0x63');
  });
});

describe.each(VERSIONS)('a connection of version %s', (_version, version) => {
  const v = two(version);
  test.each(CODES)('%s of another version is a version mismatch', (_, code) => {
    const { send } = negotiated(version);
    for (const other of [version + 1, version - 1]) expect(send(`${two(other)}${two(code)}0000${'00'.repeat(60)}`)).toBe(`${v} VersionMismatch`);
  });
  test.each([0x80, 0x85, 0xe6, 0xfe, 0x04, 0x7f])('a code that is no request of the profile (%i) is unsupported, and named', (code) => {
    expect(negotiated(version).send(`${v}${two(code)}0000`)).toBe(`${v} UnsupportedRequest 0x${code.toString(16)}`);
  });
  test('what the profile lacks is unsupported: CHALLENGE on an H100', () => {
    expect(negotiated(version, { ...H100_PROFILE, versions: [version] }).send(`${v}830000${'00'.repeat(32)}`)).toBe(`${v} UnsupportedRequest 0x83`);
  });
  test.each([
    ['HEARTBEAT', 'e80000'],
    ['KEY_UPDATE', 'e90100'],
    ['END_SESSION', 'ec0000'],
  ])('%s outside of a session asks for one, as far as the version has words for it', (_, text) => {
    expect(negotiated(version).send(`${v}${text}`)).toBe(version === 0x12 ? '12 SessionRequired' : '11 UnexpectedRequest');
  });
  test.each([
    ['GET_CERTIFICATE of a slot that holds nothing', '8201000000 0004'],
    ['GET_CERTIFICATE of a slot that there isn’t', '820f00000000 04'],
    ['GET_CERTIFICATE behind the end', '820000ffff0004'],
    ['GET_CERTIFICATE of no bytes', '82000000000000'],
    ['GET_CERTIFICATE that is too short', '820000000000'],
    ['CHALLENGE of a slot that holds nothing', `830100${'00'.repeat(32)}`],
    ['CHALLENGE of a provisioned key', `83ff00${'00'.repeat(32)}`],
    ['CHALLENGE with an unknown summary', `830002${'00'.repeat(32)}`],
    ['CHALLENGE that is too short', `830000${'00'.repeat(31)}`],
    ['GET_MEASUREMENTS of a measurement that there isn’t', 'e00063'],
    ['GET_MEASUREMENTS signed by a slot that holds nothing', `e001ff${'00'.repeat(32)}01`],
    ['GET_MEASUREMENTS signed, without nonce', 'e001ff'],
    ['KEY_EXCHANGE with a slot that holds nothing', `e40001ffff0000${'00'.repeat(128)}0000`],
    ['KEY_EXCHANGE with an unknown summary', `e40200ffff0000${'00'.repeat(128)}0000`],
    ['KEY_EXCHANGE with a point that is not on the curve', `e40000ffff0000${'01'.repeat(128)}0000`],
    ['KEY_EXCHANGE with opaque data that isn’t there', `e40000ffff0000${'00'.repeat(128)}ffff`],
    ['KEY_EXCHANGE that is too short', `e40000ffff0000${'00'.repeat(100)}`],
  ])('%s is invalid', (_, text) => {
    expect(negotiated(version).send(`${v}${text}`)).toBe(`${v} InvalidRequest`);
  });
  test('a device that is busy says so, until it is not', () => {
    const { responder, send } = negotiated(version);
    responder.setBusy(true);
    expect(send(`${v}810000`)).toBe(`${v} Busy`);
    responder.setBusy(false);
    expect(send(`${v}810000`)).toBe('response 0x1');
  });
  test('a device that was reset wants to begin anew', () => {
    const { responder, send } = negotiated(version);
    responder.reset();
    expect(send(`${v}810000`)).toBe('10 RequestResynch');
    expect(send('10840000')).toBe('response 0x4');
    expect(send(CAPABILITIES[version])).toBe('response 0x61');
  });
});

test('whoever asks for measurements without end and never for a signature is refused at some point, and can begin anew', () => {
  const { raw, send } = negotiated(0x11);
  const each = raw('11e000ff').length + 4;
  let answered = 1;
  while (errorOf(raw('11e000ff')) === 'response 0x60') answered++;
  expect(answered * each).toBeLessThanOrEqual(1 << 20);
  expect(send('11e000ff')).toBe('response 0x60');
  const certificate = '1182000000000004';
  const portion = raw(certificate).length + 8;
  answered = 1;
  while (errorOf(raw(certificate)) === 'response 0x2') answered++;
  expect(answered * portion).toBeLessThanOrEqual(1 << 20);
  expect(send(certificate)).toBe('11 Unspecified');
  expect(send('11810000')).toBe('response 0x1');
  expect(send(certificate)).toBe('response 0x2');
});

test('a request that is too long is refused in SPDM 1.2, a response that is too long is not sent', () => {
  const { send } = negotiated(0x12);
  expect(send(`12810000${'00'.repeat(4700)}`)).toBe('12 RequestTooLarge');
  const small = device();
  for (const message of ['10840000', '12e10000 00000000 c2f30000 40000000 40000000', ALGORITHMS('12')]) small.send(message);
  expect(hex(small.raw('12e000ff'))).toMatch(/^127f0d00[0-9a-f]{8}$/);
});

describe('an answer that is put off', () => {
  const asked = `118300 00${'00'.repeat(32)}`;
  test('is there for RESPOND_IF_READY with its code and token, once', () => {
    const { raw, send } = negotiated(0x11, { deferred: new Set([REQUEST.CHALLENGE]) });
    const [, , , , , code, token] = raw(asked);
    expect(errorOf(raw(asked))).toBe('11 ResponseNotReady');
    expect(send(`11ff${two(code ?? 0)}${two(token ?? 0)}`)).toBe('11 InvalidRequest');
    expect(send(`11ff${two(code ?? 0)}${two((token ?? 0) + 1)}`)).toBe('response 0x3');
    expect(send(`11ff${two(code ?? 0)}${two((token ?? 0) + 1)}`)).toBe('11 UnexpectedRequest');
  });
  test('is forgotten with the next request', () => {
    const { raw, send } = negotiated(0x11, { deferred: new Set([REQUEST.CHALLENGE]) });
    const [, , , , , code, token] = raw(asked);
    expect(send('11810000')).toBe('response 0x1');
    expect(send(`11ff${two(code ?? 0)}${two(token ?? 0)}`)).toBe('11 UnexpectedRequest');
  });
});
