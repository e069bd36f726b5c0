/** Rules for VERSION, CAPABILITIES and ALGORITHMS. */
import { expect } from 'vitest';
import { type AlgorithmsFields, CAP, type CapabilitiesFields, EVERY_TABLE, getCapabilities, getVersion, message, negotiateAlgorithms, REQUEST, RESPONSE, TABLES } from '../peer/requests.ts';
import type { Peer } from '../peer/peer.ts';
import { answers, type Case, expectError, expectHead, otherVersions, refuses, type Rule } from './model.ts';

const VERSION_CLAUSE = 'DSP0274, GET_VERSION request and VERSION response messages';
const CAPABILITIES_CLAUSE = 'DSP0274, GET_CAPABILITIES request and CAPABILITIES response messages';
const ALGORITHMS_CLAUSE = 'DSP0274, NEGOTIATE_ALGORITHMS request and ALGORITHMS response messages';

/** Everything a requester of 1.1 can have at once. */
const EVERY_FLAG = CAP.CERT | CAP.CHAL | CAP.ENCRYPT | CAP.MAC | CAP.MUT_AUTH | CAP.KEY_EX | CAP.PSK_1 | CAP.ENCAP | CAP.HBEAT | CAP.KEY_UPD;

/** The conditions between a responder's flags, by assertion of cases 2.3 and 2.5. */
const FLAG_RULES: readonly (readonly [number, string, (flags: number) => boolean])[] = [
  [4, 'MEAS_CAP is not 3', (f) => (f & CAP.MEAS) !== CAP.MEAS],
  [5, 'ENCRYPT_CAP needs KEY_EX_CAP or PSK_CAP', (f) => (f & CAP.ENCRYPT) === 0 || (f & (CAP.KEY_EX | CAP.PSK)) !== 0],
  [6, 'MAC_CAP needs KEY_EX_CAP or PSK_CAP', (f) => (f & CAP.MAC) === 0 || (f & (CAP.KEY_EX | CAP.PSK)) !== 0],
  [7, 'KEY_EX_CAP needs ENCRYPT_CAP or MAC_CAP', (f) => (f & CAP.KEY_EX) === 0 || (f & (CAP.ENCRYPT | CAP.MAC)) !== 0],
  [8, 'PSK_CAP is not 3', (f) => (f & CAP.PSK) !== CAP.PSK],
  [9, 'PSK_CAP needs ENCRYPT_CAP or MAC_CAP', (f) => (f & CAP.PSK) === 0 || (f & (CAP.ENCRYPT | CAP.MAC)) !== 0],
  [10, 'MUT_AUTH_CAP needs ENCAP_CAP', (f) => (f & CAP.MUT_AUTH) === 0 || (f & CAP.ENCAP) !== 0],
  [11, 'HANDSHAKE_IN_THE_CLEAR_CAP needs KEY_EX_CAP', (f) => (f & CAP.HANDSHAKE_IN_THE_CLEAR) === 0 || (f & CAP.KEY_EX) !== 0],
  [12, 'PUB_KEY_ID_CAP excludes CERT_CAP', (f) => (f & CAP.PUB_KEY_ID) === 0 || (f & CAP.CERT) === 0],
  [15, 'CHAL_CAP, signed MEAS_CAP and KEY_EX_CAP need CERT_CAP or PUB_KEY_ID_CAP', (f) => (f & (CAP.CHAL | CAP.KEY_EX)) === 0 || (f & (CAP.CERT | CAP.PUB_KEY_ID)) !== 0],
];

function checkCapabilities(id: string, answer: Uint8Array): void {
  const bytes = Buffer.from(answer);
  const flags = bytes.readUInt32LE(8);
  for (const [number, rule, holds] of FLAG_RULES) expect(holds(flags), `${id}.${number}: ${rule}`).toBe(true);
  expect([...bytes.subarray(2, 5), ...bytes.subarray(6, 8)], `${id}: reserved bytes`).toEqual([0, 0, 0, 0, 0]);
  expect(flags >>> (answer[0] === 0x11 ? 17 : 22), `${id}: reserved flags`).toBe(0);
  if (answer[0] === 0x11) return;
  expect(bytes.readUInt32LE(12), `${id}.13: DataTransferSize`).toBeGreaterThanOrEqual(42);
  if ((flags & CAP.CHUNK) === 0) expect(bytes.readUInt32LE(16), `${id}.14: MaxSPDMmsgSize without chunks`).toBe(bytes.readUInt32LE(12));
}

const capabilities = (fields: CapabilitiesFields) => (peer: Peer) => getCapabilities(peer.version, fields);
const invalidCapabilities = (name: string, fields: CapabilitiesFields): Case => refuses('2.4', name, capabilities(fields), { error: 'InvalidRequest' });
const flagsWithout = (without: number, plus = 0): CapabilitiesFields => ({ flags: (EVERY_FLAG & ~without) | plus });

/** Rules of GET_VERSION and GET_CAPABILITIES. */
export const CAPABILITIES_RULES: readonly Rule[] = [
  {
    id: '1.1',
    clause: VERSION_CLAUSE,
    says: 'GET_VERSION of 1.0 is answered with the versions that can be negotiated',
    at: 'start',
    cases: [
      {
        name: 'asked once',
        run: async (peer) => {
          const answer = await peer.say(getVersion());
          expectHead('1.1', peer, answer, RESPONSE.VERSION, 0x10);
          const bytes = Buffer.from(answer ?? []);
          expect(bytes.length, '1.1.1: size').toBeGreaterThanOrEqual(6);
          const count = bytes[5] ?? 0;
          expect(count, '1.1.4: entries').toBeGreaterThan(0);
          expect(6 + 2 * count, '1.1.4: entries').toBeLessThanOrEqual(bytes.length);
          const versions = Array.from({ length: count }, (_, i) => bytes.readUInt16LE(6 + 2 * i) >> 8);
          for (const version of versions) expect([0x10, 0x11, 0x12, 0x13], '1.1.5: entry').toContain(version);
          expect(versions, 'the version of this connection').toContain(peer.version);
          expect([...bytes.subarray(2, 5)], 'reserved bytes').toEqual([0, 0, 0]);
        },
      },
    ],
  },
  {
    id: 'T1.2',
    clause: VERSION_CLAUSE,
    says: 'GET_VERSION of another version than 1.0 is refused, in a message of version 1.0',
    at: 'start',
    cases: [0x00, 0x11, 0x12, 0x13, 0xff].map((version) => refuses('T1.2', `0x${version.toString(16)}`, () => getVersion(version), { error: 'VersionMismatch', version: 0x10 })),
  },
  {
    id: 'T1.3',
    clause: VERSION_CLAUSE,
    says: 'GET_VERSION begins the connection anew, whatever came before',
    at: 'certificate',
    cases: [
      {
        name: 'then digests come too early, and everything can be said again',
        run: async (peer) => {
          await peer.sayVersion();
          expectError('T1.3', peer, await peer.say(message(peer.version, REQUEST.GET_DIGESTS)), { error: ['UnexpectedRequest', 'VersionMismatch'], version: 'any' });
          await peer.reach('certificate');
        },
      },
      {
        name: 'in a connection with a session, which is over then',
        run: async (peer) => {
          await peer.reach('session');
          const session = peer.open();
          await peer.sayVersion();
          const answer = await peer.sayIn(message(peer.version, REQUEST.HEARTBEAT), session);
          if (answer !== undefined) expect(answer[1], 'T1.3: the old session does not answer').toBe(RESPONSE.ERROR);
        },
      },
    ],
  },
  {
    id: '2.3/2.5',
    clause: CAPABILITIES_CLAUSE,
    says: 'CAPABILITIES has the size of its version, and flags that do not contradict one another',
    at: 'version',
    cases: [
      answers('2.5', 'asked with every capability', capabilities({ flags: EVERY_FLAG }), RESPONSE.CAPABILITIES, (answer) => {
        expect(answer.length, '2.5.1: size').toBe(answer[0] === 0x11 ? 12 : 20);
        checkCapabilities('2.5', answer);
      }),
      answers('2.5', 'asked with no capability', capabilities({ flags: 0 }), RESPONSE.CAPABILITIES, (answer) => checkCapabilities('2.5', answer)),
      answers('2.5', 'asked with the largest CTExponent and sizes', capabilities({ ctExponent: 31, dataTransferSize: 0xffff_ffff }), RESPONSE.CAPABILITIES, (answer) => checkCapabilities('2.5', answer)),
      answers('2.5', 'asked with the least DataTransferSize', capabilities({ dataTransferSize: 42 }), RESPONSE.CAPABILITIES, (answer) => checkCapabilities('2.5', answer)),
    ],
  },
  {
    id: '2.2',
    clause: CAPABILITIES_CLAUSE,
    says: 'GET_CAPABILITIES of a version that was not offered is refused, in a message of version 1.0',
    at: 'version',
    cases: [0x00, 0x0f, 0x10, 0x13, 0x14, 0x20, 0xff].map((version) => refuses('2.2', `0x${version.toString(16)}`, () => getCapabilities(version), { error: 'VersionMismatch', version: 0x10 })),
  },
  {
    id: '2.4',
    clause: CAPABILITIES_CLAUSE,
    says: 'GET_CAPABILITIES whose flags contradict one another is refused',
    at: 'version',
    cases: [
      invalidCapabilities('KEY_EX_CAP and PSK_CAP without ENCRYPT_CAP and MAC_CAP', flagsWithout(CAP.ENCRYPT | CAP.MAC)),
      invalidCapabilities('ENCRYPT_CAP and MAC_CAP without KEY_EX_CAP and PSK_CAP', flagsWithout(CAP.KEY_EX | CAP.PSK_1)),
      invalidCapabilities('PSK_CAP 2', flagsWithout(CAP.PSK_1, 2 << 10)),
      invalidCapabilities('PSK_CAP 3', flagsWithout(0, CAP.PSK)),
      invalidCapabilities('CERT_CAP and PUB_KEY_ID_CAP', flagsWithout(0, CAP.PUB_KEY_ID)),
      invalidCapabilities('CHAL_CAP and MUT_AUTH_CAP without a key', flagsWithout(CAP.CERT)),
      invalidCapabilities('HANDSHAKE_IN_THE_CLEAR_CAP without KEY_EX_CAP', flagsWithout(CAP.KEY_EX, CAP.HANDSHAKE_IN_THE_CLEAR)),
      invalidCapabilities('HBEAT_CAP without sessions', { flags: CAP.CERT | CAP.CHAL | CAP.HBEAT }),
      invalidCapabilities('KEY_UPD_CAP without sessions', { flags: CAP.CERT | CAP.CHAL | CAP.KEY_UPD }),
      invalidCapabilities('MUT_AUTH_CAP with neither CHAL_CAP nor KEY_EX_CAP', { flags: CAP.CERT | CAP.MUT_AUTH | CAP.ENCAP }),
      refuses('2.4', 'shorter than its version wants', (peer) => getCapabilities(peer.version).subarray(0, peer.version === 0x11 ? 8 : 16), { error: 'InvalidRequest' }),
      refuses('2.4', 'nothing but a head', (peer) => getCapabilities(peer.version).subarray(0, 4), { error: 'InvalidRequest' }),
    ],
  },
  {
    id: '2.4 (1.1)',
    clause: CAPABILITIES_CLAUSE,
    says: 'in 1.1, mutual authentication needs encapsulated requests',
    versions: [0x11],
    at: 'version',
    cases: [invalidCapabilities('MUT_AUTH_CAP without ENCAP_CAP', flagsWithout(CAP.ENCAP))],
  },
  {
    id: '2.4 (1.2)',
    clause: CAPABILITIES_CLAUSE,
    says: 'in 1.2, sizes are at least 42 and the transfer is no longer than the message',
    versions: [0x12],
    at: 'version',
    cases: [
      invalidCapabilities('DataTransferSize 41', { dataTransferSize: 41 }),
      invalidCapabilities('DataTransferSize 0', { dataTransferSize: 0 }),
      invalidCapabilities('DataTransferSize above MaxSPDMmsgSize', { dataTransferSize: 0x1201, maxMessageSize: 0x1200 }),
      invalidCapabilities('MaxSPDMmsgSize above DataTransferSize without chunks', { dataTransferSize: 0x1200, maxMessageSize: 0x1201 }),
      refuses('2.4', 'as short as in 1.1', (peer) => getCapabilities(peer.version).subarray(0, 12), { error: 'InvalidRequest' }),
    ],
  },
  {
    id: '2.6',
    clause: CAPABILITIES_CLAUSE,
    says: 'a second, different GET_CAPABILITIES is refused',
    at: 'capabilities',
    cases: (
      [
        ['Param2 of 1', { param2: 1 }],
        ['another CTExponent, without HBEAT_CAP', { ctExponent: 1, flags: EVERY_FLAG & ~CAP.HBEAT }],
      ] as const
    ).map(([name, fields]) => refuses('2.6', name, capabilities(fields), { error: 'UnexpectedRequest', orSilence: true })),
  },
  {
    id: '2.6 (1.2)',
    clause: CAPABILITIES_CLAUSE,
    says: 'other sizes make it different too',
    versions: [0x12],
    at: 'capabilities',
    cases: [refuses('2.6', 'other sizes', capabilities({ dataTransferSize: 0x1201 }), { error: 'UnexpectedRequest', orSilence: true })],
  },
];

const algorithms = (fields: AlgorithmsFields) => (peer: Peer) => negotiateAlgorithms(peer.version, fields);
const invalidAlgorithms = (name: string, fields: AlgorithmsFields): Case => refuses('3.4', name, algorithms(fields), { error: 'InvalidRequest' });
const oneBit = (value: number): boolean => value !== 0 && (value & (value - 1)) === 0;
const [DHE, AEAD, REQ_ASYM, SCHEDULE] = TABLES as readonly [(typeof TABLES)[0], (typeof TABLES)[0], (typeof TABLES)[0], (typeof TABLES)[0]];

function checkAlgorithms(answer: Uint8Array, peer: Peer): void {
  const bytes = Buffer.from(answer);
  const count = bytes[2] ?? 0;
  expect(answer.length, '3.6.1: size').toBeGreaterThanOrEqual(36);
  expect(bytes.readUInt16LE(4), '3.6.4: Length').toBe(36 + 4 * count);
  expect([bytes[32], bytes[33]], '3.6.5, 3.6.6: no external algorithms').toEqual([0, 0]);
  expect(bytes[6], '3.6.7: MeasurementSpecificationSel').toBe(1);
  expect(bytes[7], '3.6.17: OtherParamsSelection').toBe(peer.version === 0x11 ? 0 : 2);
  expect(oneBit(bytes.readUInt32LE(8)), '3.6.8: one MeasurementHashAlgo').toBe(true);
  expect(oneBit(bytes.readUInt32LE(12)), '3.6.9: one BaseAsymSel').toBe(true);
  expect(oneBit(bytes.readUInt32LE(16)), '3.6.10: one BaseHashSel').toBe(true);
  expect(
    bytes.subarray(20, 32).every((byte) => byte === 0),
    '3.6: reserved bytes',
  ).toBe(true);
  const tables = Array.from({ length: count }, (_, i) => ({ type: bytes[36 + 4 * i], fixed: bytes[37 + 4 * i], chosen: bytes.readUInt16LE(38 + 4 * i) }));
  expect(
    tables.map(({ type }) => type),
    '3.6.11: tables, each once, in order',
  ).toEqual([2, 3, 4, 5]);
  for (const { type, fixed, chosen } of tables) {
    expect(fixed, '3.6.12: AlgCount').toBe(0x20);
    const mustChoose = type !== 4 || (peer.requesterFlags & peer.flags & CAP.MUT_AUTH) !== 0;
    if (mustChoose) expect(oneBit(chosen), `3.6.13 to 3.6.16: one algorithm of type ${type}`).toBe(true);
    else expect(chosen === 0 || oneBit(chosen), `3.6.15: at most one algorithm of type ${type}`).toBe(true);
  }
}

/** What both offer is chosen: every field of the H100's connection. */
function checkChoice(answer: Uint8Array): void {
  const bytes = Buffer.from(answer);
  expect(bytes.readUInt32LE(8), 'SHA-384 for measurements').toBe(4);
  expect(bytes.readUInt32LE(12), 'ECDSA P-384').toBe(0x80);
  expect(bytes.readUInt32LE(16), 'SHA-384').toBe(2);
  expect([bytes.readUInt16LE(38), bytes.readUInt16LE(42), bytes.readUInt16LE(50)], 'secp384r1, AES-256-GCM, SPDM schedule').toEqual([0x10, 2, 1]);
}

/** Rules of NEGOTIATE_ALGORITHMS. */
export const ALGORITHMS_RULES: readonly Rule[] = [
  {
    id: '3.5/3.6',
    clause: ALGORITHMS_CLAUSE,
    says: 'ALGORITHMS chooses one algorithm of each kind, of those that were offered',
    at: 'capabilities',
    cases: [
      answers('3.6', 'the H100’s algorithms offered', algorithms({}), RESPONSE.ALGORITHMS, (answer, peer) => {
        checkAlgorithms(answer, peer);
        checkChoice(answer);
      }),
      answers('3.6', 'every algorithm offered', algorithms({ baseAsym: 0x1ff, baseHash: 0x3f, tables: EVERY_TABLE }), RESPONSE.ALGORITHMS, (answer, peer) => {
        checkAlgorithms(answer, peer);
        checkChoice(answer);
      }),
    ],
  },
  { id: '3.2', clause: ALGORITHMS_CLAUSE, says: 'NEGOTIATE_ALGORITHMS of another version is refused', at: 'capabilities', cases: otherVersions('3.2', (version) => negotiateAlgorithms(version)) },
  {
    id: '3.4',
    clause: ALGORITHMS_CLAUSE,
    says: 'NEGOTIATE_ALGORITHMS with a field that cannot be is refused',
    at: 'capabilities',
    cases: [
      invalidAlgorithms('Length one too small', { lengthDelta: -1 }),
      invalidAlgorithms('Length one too large', { lengthDelta: 1 }),
      invalidAlgorithms('Length 0', { length: 0 }),
      invalidAlgorithms('Length 0xffff', { length: 0xffff }),
      invalidAlgorithms('ExtAsymCount 21', { extAsymCount: 21 }),
      invalidAlgorithms('ExtHashCount 21', { extHashCount: 21 }),
      invalidAlgorithms('FixedAlgCount 1', { tables: [{ ...DHE, count: 0x10 }, AEAD, REQ_ASYM, SCHEDULE] }),
      invalidAlgorithms('FixedAlgCount 3', { tables: [{ ...DHE, count: 0x30 }, AEAD, REQ_ASYM, SCHEDULE] }),
      invalidAlgorithms('ExtAlgCount 15, of which none is there', { tables: [DHE, AEAD, REQ_ASYM, { ...SCHEDULE, count: 0x2f }] }),
      invalidAlgorithms('more tables said than there are', { param1: 5 }),
      invalidAlgorithms('fewer tables said than there are', { param1: 3 }),
      invalidAlgorithms('tables out of order', { tables: [AEAD, DHE, REQ_ASYM, SCHEDULE] }),
      invalidAlgorithms('a table twice', { tables: [DHE, DHE, REQ_ASYM, SCHEDULE] }),
      invalidAlgorithms('a table of type 1', { tables: [{ type: 1, supported: 1 }, AEAD, REQ_ASYM, SCHEDULE] }),
      refuses('3.4', 'nothing but a head', (peer) => message(peer.version, REQUEST.NEGOTIATE_ALGORITHMS, 4), { error: 'InvalidRequest' }),
      refuses('3.4', 'cut off in the fixed part', (peer) => negotiateAlgorithms(peer.version).subarray(0, 31), { error: 'InvalidRequest' }),
      refuses('3.4', 'cut off in the tables', (peer) => negotiateAlgorithms(peer.version).subarray(0, 46), { error: 'InvalidRequest' }),
    ],
  },
  {
    id: 'T3.9',
    clause: ALGORITHMS_CLAUSE,
    says: 'without an algorithm that both have, nothing that needs it is negotiated',
    at: 'capabilities',
    cases: (
      [
        ['no common signature', { baseAsym: 0x01 }],
        ['no common hash', { baseHash: 0x20 }],
        ['no common group', { tables: [{ type: 2, supported: 1 }, AEAD, REQ_ASYM, SCHEDULE] }],
        ['no common AEAD', { tables: [DHE, { type: 3, supported: 4 }, REQ_ASYM, SCHEDULE] }],
        ['no key schedule', { tables: [DHE, AEAD, REQ_ASYM, { type: 5, supported: 0 }] }],
      ] as const
    ).map(([name, fields]) => refuses('T3.9', name, algorithms(fields), { error: 'InvalidRequest' })),
  },
  {
    id: '3.7',
    clause: ALGORITHMS_CLAUSE,
    says: 'a second, different NEGOTIATE_ALGORITHMS is refused',
    at: 'algorithms',
    cases: (
      [
        ['Param2 of 1', { param2: 1 }],
        ['every base algorithm', { baseAsym: 0x1ff, baseHash: 0x3f }],
        ['every algorithm of the tables', { tables: EVERY_TABLE }],
      ] as const
    ).map(([name, fields]) => refuses('3.7', name, algorithms(fields), { error: 'UnexpectedRequest', orSilence: true })),
  },
];

/** A message shorter than a head is no message: silence, or InvalidRequest. */
export const SHORT_RULES: readonly Rule[] = [
  {
    id: 'T0.1',
    clause: 'DSP0274, Generic SPDM message format',
    says: 'what is shorter than a message is dropped or refused',
    at: 'algorithms',
    // A request that there is not: padded to four bytes, as DOE does it, it is a whole message.
    cases: [0, 1, 2, 3].map((length) =>
      refuses('T0.1', `${length} bytes`, ({ version }) => message(version, 0x90).subarray(0, length), {
        error: ['InvalidRequest', 'UnsupportedRequest', 'UnexpectedRequest', 'VersionMismatch'],
        data: 'any',
        version: 'any',
        orSilence: true,
      }),
    ),
  },
];
