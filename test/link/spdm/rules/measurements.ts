/** Rules for MEASUREMENTS, in the clear and in a session. */
import { expect } from 'vitest';
import type { Peer } from '../peer/peer.ts';
import { CAP, getMeasurements, message, REQUEST, RESPONSE } from '../peer/requests.ts';
import { trimmed } from '../peer/trimmed.ts';
import { type Case, expectError, expectHead, otherVersions, refuses, type Rule, tell } from './model.ts';

const CLAUSE = 'DSP0274, GET_MEASUREMENTS request and MEASUREMENTS response messages';
const BLOCK_CLAUSE = 'DSP0274, Measurement block';
const ALL = 0xff;
/** The highest DMTFSpecMeasurementValueType that there is: a structured manifest, of SPDM 1.3. */
const LAST_TYPE = 10;

/** A MEASUREMENTS response in parts. */
interface Measurements {
  readonly answer: Uint8Array;
  readonly total: number;
  readonly slot: number;
  readonly blocks: readonly Uint8Array[];
}

/** Asks, and checks head, sizes and the signature. */
async function measure(id: string, peer: Peer, operation: number, { signed = false, inSession = false, slot = 0 } = {}): Promise<Measurements> {
  const request = getMeasurements(peer.version, operation, signed ? { nonce: peer.nonce(), slot } : undefined);
  const answer = await tell(peer, request, inSession);
  expectHead(id, peer, answer, RESPONSE.MEASUREMENTS);
  const whole = Buffer.from(trimmed(answer ?? new Uint8Array(), { signed }));
  const end = 8 + whole.readUIntLE(5, 3);
  const blocks: Uint8Array[] = [];
  for (let at = 8; at < end; ) {
    const size = 4 + whole.readUInt16LE(at + 2);
    blocks.push(whole.subarray(at, at + size));
    at += size;
  }
  expect(
    blocks.reduce((sum, block) => sum + block.length, 0),
    `${id}.12: blocks fill the record`,
  ).toBe(end - 8);
  expect(whole[4], `${id}.11: NumberOfBlocks`).toBe(blocks.length);
  if (signed) {
    peer.checkMeasurements(request, whole);
    expect((whole[3] ?? 0) & 0xf, `${id}.7: slot`).toBe(slot);
    if (peer.version === 0x12) expect([0, 2], `${id}.7: ContentChanged`).toContain(((whole[3] ?? 0) >> 4) & 3);
  } else peer.keepMeasurements(request, whole);
  return { answer: whole, total: whole[2] ?? 0, slot: (whole[3] ?? 0) & 0xf, blocks };
}

const successCases = (id: string, inSession: boolean): readonly Case[] => [
  ...[true, false].map(
    (signed): Case => ({
      name: `the number of measurements, ${signed ? 'signed' : 'unsigned'}`,
      run: async (peer) => {
        const { total, blocks } = await measure(id, peer, 0, { signed, inSession });
        expect(total, `${id}.4: how many`).toBeGreaterThan(0);
        expect(blocks.length, `${id}.5: no blocks`).toBe(0);
      },
    }),
  ),
  ...[true, false].map(
    (signed): Case => ({
      name: `all measurements, ${signed ? 'signed' : 'unsigned'}`,
      run: async (peer) => {
        const { total } = await measure(id, peer, 0, { inSession });
        const { blocks } = await measure(id, peer, ALL, { signed, inSession });
        expect(blocks.length, `${id}.11: as many as were told`).toBe(total);
        const indices = blocks.map((block) => block[0] ?? 0);
        expect(new Set(indices).size, `${id}.11: no index twice`).toBe(indices.length);
        expect(
          indices.every((index) => index > 0 && index < 0xff),
          `${id}.11: indices`,
        ).toBe(true);
      },
    }),
  ),
  {
    name: 'one by one, as in the whole, with one signature over all at the end',
    run: async (peer) => {
      const { blocks } = await measure(id, peer, ALL, { signed: true, inSession });
      for (const [i, block] of blocks.entries()) {
        const one = await measure(id, peer, block[0] ?? 0, { signed: i === blocks.length - 1, inSession });
        expect(one.blocks, `${id}.18: one block`).toHaveLength(1);
        expect(Buffer.from(one.blocks[0] ?? []), `${id}.20: the same block`).toEqual(Buffer.from(block));
      }
    },
  },
  {
    name: 'two signatures are over different nonces',
    run: async (peer) => {
      const nonces = [];
      for (const _ of [1, 2]) {
        const { answer } = await measure(id, peer, ALL, { signed: true, inSession });
        const at = 8 + Buffer.from(answer).readUIntLE(5, 3);
        nonces.push(Buffer.from(answer.subarray(at, at + 32)).toString('hex'));
      }
      expect(nonces[0], `${id}: the responder’s nonce`).not.toBe(nonces[1]);
    },
  },
];

/** Asks for indices that the record does not have. */
const invalidIndex = (inSession: boolean): Case => ({
  name: 'an index that no measurement has',
  run: async (peer) => {
    const { blocks } = await measure('7.4', peer, ALL, { inSession });
    const taken = new Set(blocks.map((block) => block[0]));
    const free = [1, 2, 0x40, 0x80, 0xef, 0xfe, blocks.length + 1].filter((index) => !taken.has(index) && index !== 0xfd);
    for (const index of free) expectError('7.4', peer, await tell(peer, getMeasurements(peer.version, index, { nonce: peer.nonce() }), inSession), { error: 'InvalidRequest' });
  },
});

const blocksHold: Case = {
  name: 'every block',
  run: async (peer) => {
    const { blocks } = await measure('7.5', peer, ALL, { signed: true });
    for (const block of blocks.map((bytes) => Buffer.from(bytes))) {
      expect(block[1], '7.5.1: DMTF').toBe(1);
      const raw = ((block[4] ?? 0) & 0x80) !== 0;
      const type = (block[4] ?? 0) & 0x7f;
      if (!raw) expect(block.readUInt16LE(2), '7.5.2: MeasurementSize of a digest').toBe(3 + 48);
      if (!raw) expect(block.readUInt16LE(5), '7.5.3: value size of a digest').toBe(48);
      expect(block.readUInt16LE(5), '7.5: value size').toBe(block.readUInt16LE(2) - 3);
      if (type === 5 && peer.version >= 0x12) expect(raw, '7.5.4: a device mode is no digest').toBe(true);
      expect(type, '7.5: value type').toBeLessThanOrEqual(LAST_TYPE);
    }
  },
};

/** Rules of GET_MEASUREMENTS. */
export const MEASUREMENTS_RULES: readonly Rule[] = [
  { id: '7.6/7.9', clause: CLAUSE, says: 'MEASUREMENTS gives their number, one or all, signed over everything since the last signature', needs: CAP.MEAS_SIG, at: 'certificate', cases: successCases('7.9', false) },
  { id: '7.7/7.10', clause: CLAUSE, says: 'in a session as in the clear, with a transcript of its own', needs: CAP.MEAS_SIG, at: 'session', cases: successCases('7.10', true) },
  {
    id: '7.2',
    clause: CLAUSE,
    says: 'GET_MEASUREMENTS of another version is refused',
    needs: CAP.MEAS_SIG,
    at: 'certificate',
    cases: otherVersions('7.2', (version, peer) => getMeasurements(version, 0, { nonce: peer.nonce() })),
  },
  {
    id: '7.4',
    clause: CLAUSE,
    says: 'GET_MEASUREMENTS of what is not there, or by a slot without a chain, is refused',
    needs: CAP.MEAS_SIG,
    at: 'certificate',
    cases: [
      invalidIndex(false),
      {
        name: 'empty slots',
        run: async (peer) => {
          for (const slot of [1, 2, 3, 4, 5, 6, 7].filter((s) => ((peer.slotMask >> s) & 1) === 0)) {
            expectError('7.4', peer, await peer.say(getMeasurements(peer.version, ALL, { nonce: peer.nonce(), slot })), { error: 'InvalidRequest' });
          }
        },
      },
      ...[8, 0xe, 0xf].map((slot) => refuses('7.4', `slot ${slot}`, (peer) => getMeasurements(peer.version, ALL, { nonce: peer.nonce(), slot }), { error: 'InvalidRequest' })),
      refuses('7.4', 'signed, without a nonce', ({ version }) => message(version, REQUEST.GET_MEASUREMENTS, 1, ALL), { error: 'InvalidRequest' }),
      refuses('7.4', 'signed, without a slot', (peer) => getMeasurements(peer.version, ALL, { nonce: peer.nonce() }).subarray(0, 33), { error: 'InvalidRequest' }),
    ],
  },
  { id: '7.4 (session)', clause: CLAUSE, says: 'an index that is not there is refused in a session too', needs: CAP.MEAS_SIG, at: 'session', cases: [invalidIndex(true)] },
  { id: '7.5', clause: BLOCK_CLAUSE, says: 'every block has the form of its specification', needs: CAP.MEAS_SIG, at: 'certificate', cases: [blocksHold] },
  {
    id: '7.8',
    clause: 'DSP0274, Session handshake phase',
    says: 'GET_MEASUREMENTS is refused before FINISH',
    needs: CAP.MEAS_SIG | CAP.KEY_EX,
    at: 'handshake',
    cases: [
      refuses('7.8', 'their number', ({ version }) => getMeasurements(version, 0), { error: 'UnexpectedRequest' }, true),
      refuses('7.8', 'all, signed', (peer) => getMeasurements(peer.version, ALL, { nonce: peer.nonce() }), { error: 'UnexpectedRequest' }, true),
    ],
  },
];
