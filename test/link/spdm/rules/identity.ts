/** Rules for DIGESTS, CERTIFICATE and CHALLENGE_AUTH. */
import { X509Certificate } from 'node:crypto';
import { expect } from 'vitest';
import { CHAIN_HEAD, certificatesOf } from '../peer/chain.ts';
import type { Peer } from '../peer/peer.ts';
import { CAP, challenge, getCertificate, message, REQUEST, RESPONSE, type Version } from '../peer/requests.ts';
import { sha384 } from '../peer/session.ts';
import { trimmed } from '../peer/trimmed.ts';
import { answers, type Case, expectError, expectHead, otherVersions, refuses, type Rule } from './model.ts';

const DIGESTS_CLAUSE = 'DSP0274, GET_DIGESTS request and DIGESTS response messages';
const CERTIFICATE_CLAUSE = 'DSP0274, GET_CERTIFICATE request and CERTIFICATE response messages';
const CHALLENGE_CLAUSE = 'DSP0274, CHALLENGE request and CHALLENGE_AUTH response messages';
/** Slots that nobody has: DIGESTS has eight bits. */
const NO_SLOTS = [8, 9, 0xa, 0xe, 0xf] as const;

/** Slots without a chain, by the mask of DIGESTS. */
const emptySlots = (peer: Peer): number[] => [0, 1, 2, 3, 4, 5, 6, 7].filter((slot) => ((peer.slotMask >> slot) & 1) === 0);
const slots = (peer: Peer): number[] => [...peer.digests.keys()];

const digestsRules: readonly Rule[] = [
  {
    id: '4.1',
    clause: DIGESTS_CLAUSE,
    says: 'DIGESTS has a digest for every slot of its mask, slot 0 among them',
    needs: CAP.CERT,
    at: 'algorithms',
    cases: [
      answers(
        '4.1',
        'asked once',
        ({ version }) => message(version, REQUEST.GET_DIGESTS),
        RESPONSE.DIGESTS,
        (answer) => {
          const mask = answer[3] ?? 0;
          expect(mask & 1, '4.1.4: slot 0').toBe(1);
          const count = [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => (mask >> bit) & 1).length;
          expect(answer.length, '4.1.5: size').toBe(4 + 48 * count);
          expect(answer[2], 'Param1 is reserved').toBe(0);
        },
      ),
    ],
  },
  { id: '4.2', clause: DIGESTS_CLAUSE, says: 'GET_DIGESTS of another version is refused', needs: CAP.CERT, at: 'algorithms', cases: otherVersions('4.2', (version) => message(version, REQUEST.GET_DIGESTS)) },
];

/** A chain must be read alike in portions of any length. */
const portions: readonly Case[] = [1, 7, 256, 0x400, 0xffff].map((length) => ({
  name: `in portions of up to ${length} bytes`,
  run: async (peer) => {
    for (const slot of slots(peer)) {
      // A byte at a time would be a thousand exchanges: the first few, then the rest.
      const answer = trimmed((await peer.say(getCertificate(peer.version, slot, 0, length))) ?? new Uint8Array());
      expectHead('5.1', peer, answer, RESPONSE.CERTIFICATE);
      expect((answer[2] ?? 0) & 0xf, '5.1: slot').toBe(slot);
      const portion = Buffer.from(answer).readUInt16LE(4);
      expect(portion, '5.1.4: portion').toBeGreaterThan(0);
      expect(portion, '5.1.4: portion').toBeLessThanOrEqual(length);
      await peer.sayCertificate(slot, Math.max(length, 100));
      expect(Buffer.from(answer.subarray(8)).equals(peer.chain.subarray(0, portion)), '5.1: the beginning').toBe(true);
      expect(portion + Buffer.from(answer).readUInt16LE(6), '5.1: what is left').toBe(peer.chain.length);
      expect(Buffer.from(peer.chain).readUInt16LE(0), '5.1.5: Length').toBe(peer.chain.length);
      expect(Buffer.from(peer.chain).readUInt16LE(2), '5.1.5: reserved').toBe(0);
      expect(Buffer.from(sha384(peer.chain)), '5.1.6: digest').toEqual(Buffer.from(peer.digests.get(slot) ?? []));
    }
  },
}));

/** What X.509 and the specification want of every certificate; assertions 5.5.1 to 5.5.12. */
const chainHolds: Case = {
  name: 'every slot',
  run: async (peer) => {
    for (const slot of slots(peer)) {
      await peer.sayCertificate(slot);
      const ders = certificatesOf(peer.chain);
      const chain = ders.map((der) => new X509Certificate(der));
      expect(chain.length, '5.5: certificates').toBeGreaterThan(1);
      const [root] = chain;
      expect(root?.verify(root.publicKey), '5.5.1: the root is self-signed').toBe(true);
      expect(Buffer.from(peer.chain.subarray(4, CHAIN_HEAD)), '5.5.1: RootHash').toEqual(Buffer.from(sha384(ders[0] ?? new Uint8Array())));
      chain.forEach((certificate, i) => {
        if (i > 0) expect(certificate.verify((chain[i - 1] as X509Certificate).publicKey), `5.5.2: certificate ${i} is signed by the one before`).toBe(true);
        if (i > 0) expect(certificate.issuer, `5.5.7: issuer of certificate ${i}`).toBe(chain[i - 1]?.subject);
        expect(certificate.serialNumber, '5.5.5: serial number').toMatch(/^[0-9A-F]+$/);
        expect(certificate.subject, '5.5.8: subject').not.toBe('');
        expect(Date.parse(certificate.validFrom), '5.5.9: validity').toBeLessThan(Date.parse(certificate.validTo));
      });
      const leaf = chain.at(-1);
      expect(leaf?.ca, '5.5.12: the leaf is no CA').toBe(false);
      expect(leaf?.publicKey.asymmetricKeyDetails?.namedCurve, '5.5.3: key of the negotiated algorithm').toBe('secp384r1');
    }
  },
};

const certificateRules: readonly Rule[] = [
  { id: '5.1', clause: CERTIFICATE_CLAUSE, says: 'CERTIFICATE gives the chain of a slot in portions', needs: CAP.CERT, at: 'digests', cases: portions },
  { id: '5.2', clause: CERTIFICATE_CLAUSE, says: 'GET_CERTIFICATE of another version is refused', needs: CAP.CERT, at: 'digests', cases: otherVersions('5.2', (version) => getCertificate(version)) },
  {
    id: '5.4',
    clause: CERTIFICATE_CLAUSE,
    says: 'GET_CERTIFICATE of a slot without a chain, or beyond its end, is refused',
    needs: CAP.CERT,
    at: 'digests',
    cases: [
      {
        name: 'empty slots',
        run: async (peer) => {
          for (const slot of emptySlots(peer)) expectError('5.4', peer, await peer.say(getCertificate(peer.version, slot)), { error: 'InvalidRequest' });
        },
      },
      ...NO_SLOTS.map((slot) => refuses('5.4', `slot ${slot}`, ({ version }) => getCertificate(version, slot), { error: 'InvalidRequest' })),
      refuses('5.4', 'offset 0xffff', ({ version }) => getCertificate(version, 0, 0xffff), { error: 'InvalidRequest' }),
      {
        name: 'offset at the end of the chain',
        run: async (peer) => {
          await peer.sayCertificate();
          expectError('5.4', peer, await peer.say(getCertificate(peer.version, 0, peer.chain.length)), { error: 'InvalidRequest' });
        },
      },
      refuses('5.4', 'without Offset and Length', ({ version }) => message(version, REQUEST.GET_CERTIFICATE), { error: 'InvalidRequest' }),
      refuses('5.4', 'without half of Length', ({ version }) => getCertificate(version).subarray(0, 7), { error: 'InvalidRequest' }),
    ],
  },
  { id: '5.5', clause: 'DSP0274, Certificates and certificate chains', says: 'the chain follows X.509 and the specification', needs: CAP.CERT, at: 'digests', cases: [chainHolds] },
];

/** What was said before CHALLENGE: B1 is digests and certificate, B2 nothing, B3 digests. */
const BEFORE: Readonly<Record<string, (peer: Peer) => Promise<unknown>>> = {
  'A1, B1, C1': (peer) => peer.reach('certificate'),
  'A1, B2, C1': (peer) => peer.reach('algorithms'),
  'A1, B3, C1': (peer) => peer.reach('digests'),
  'A1, B4, C1': async (peer) => {
    await peer.reach('algorithms');
    await peer.sayCertificate();
  },
};

const SUMMARIES = { 'no measurements': 0, 'the TCB’s measurements': 1, 'all measurements': 0xff } as const;

const challengeCases = Object.entries(BEFORE).flatMap(([flow, before]) =>
  Object.entries(SUMMARIES).map(
    ([name, summary]): Case => ({
      name: `${flow}, summary of ${name}`,
      run: async (peer) => {
        const { chain } = peer;
        await before(peer);
        peer.chain = chain;
        const request = challenge(peer.version, peer.nonce(), 0, summary);
        const answer = await peer.say(request);
        expectHead('6.7', peer, answer, RESPONSE.CHALLENGE_AUTH);
        const whole = trimmed(answer ?? new Uint8Array(), { summary: summary !== 0 });
        expect((whole[2] ?? 0) & 0xf, '6.7.4: slot').toBe(0);
        expect((whole[3] ?? 0) & 1, '6.7.5: slot mask').toBe(1);
        expect(Buffer.from(whole.subarray(4, 52)), '6.7.6: digest of the chain').toEqual(Buffer.from(sha384(chain)));
        peer.checkChallenge(request, whole);
      },
    }),
  ),
);

const challengeRules: readonly Rule[] = [
  { id: '6.1/6.7', clause: CHALLENGE_CLAUSE, says: 'CHALLENGE_AUTH is signed over the whole connection, whatever was said before', needs: CAP.CHAL, at: 'certificate', cases: challengeCases },
  {
    id: '6.4',
    clause: CHALLENGE_CLAUSE,
    says: 'CHALLENGE of another version is refused',
    needs: CAP.CHAL,
    at: 'certificate',
    cases: otherVersions('6.4', (version, peer) => challenge(version as Version, peer.nonce())),
  },
  {
    id: '6.6',
    clause: CHALLENGE_CLAUSE,
    says: 'CHALLENGE of a slot without a chain or with another summary is refused',
    needs: CAP.CHAL,
    at: 'certificate',
    cases: [
      {
        name: 'empty slots',
        run: async (peer) => {
          for (const slot of emptySlots(peer)) expectError('6.6', peer, await peer.say(challenge(peer.version, peer.nonce(), slot)), { error: 'InvalidRequest' });
        },
      },
      ...[...NO_SLOTS, 0xff].map((slot) => refuses('6.6', `slot ${slot}`, (peer) => challenge(peer.version, peer.nonce(), slot), { error: 'InvalidRequest' })),
      ...[2, 0x80, 0xfe].map((summary) => refuses('6.6', `summary ${summary}`, (peer) => challenge(peer.version, peer.nonce(), 0, summary), { error: 'InvalidRequest' })),
      refuses('6.6', 'without a nonce', ({ version }) => message(version, REQUEST.CHALLENGE), { error: 'InvalidRequest' }),
      refuses('6.6', 'with half a nonce', (peer) => challenge(peer.version, peer.nonce()).subarray(0, 20), { error: 'InvalidRequest' }),
    ],
  },
  {
    id: 'T6.0',
    clause: CHALLENGE_CLAUSE,
    says: 'a responder without CHAL_CAP does not know CHALLENGE',
    lacks: CAP.CHAL,
    at: 'certificate',
    cases: [refuses('T6.0', 'asked', (peer) => challenge(peer.version, peer.nonce()), { error: 'UnsupportedRequest', data: REQUEST.CHALLENGE })],
  },
];

/** Rules of identity. */
export const IDENTITY_RULES: readonly Rule[] = [...digestsRules, ...certificateRules, ...challengeRules];
