/** What a host can put on the link: frames, messages, secured records, answers. Only typed errors or SPDM's own ERROR come back, and everything goes on. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { TeemuError } from '../../emulator/errors.ts';
import { decodeSupportedVersions } from '../../emulator/link/spdm/messages/opaque-data.ts';
import { decodeChain } from '../../emulator/link/spdm/messages/certificates.ts';
import { ERROR_CODE } from '../../emulator/link/spdm/messages/header.ts';
import { ALL_MEASUREMENTS } from '../../emulator/link/spdm/messages/measurements.ts';
import { FULL_PROFILE } from '../../emulator/link/spdm/responder/profile.ts';
import { OPEN_PROFILE } from '../../emulator/link/spdm/requester/profile.ts';
import { DOE } from '../../emulator/link/spdm/transport/doe.ts';
import { MAILBOX } from '../../emulator/link/spdm/transport/mailbox.ts';
import { MCTP } from '../../emulator/link/spdm/transport/mctp.ts';
import { decodeSocketFrame } from '../../emulator/link/spdm/transport/socket-framing.ts';
import { BINDINGS, hex, type PairOptions, pair } from '../link/spdm/devices.ts';
import { bombard, damaged, PATIENCE, understood } from './damage.ts';
import { iterations } from './iterations.ts';

const full: PairOptions = { slots: [0, 3], profile: FULL_PROFILE, requesterProfile: OPEN_PROFILE };
const KNOWN: ReadonlySet<number> = new Set(Object.values(ERROR_CODE));

/** Every message of a whole session, as they go in the clear; and every frame. */
function recorded(options: PairOptions = full): { readonly requests: Uint8Array[]; readonly responses: Uint8Array[]; readonly frames: Uint8Array[] } {
  const [requests, responses, frames]: [Uint8Array[], Uint8Array[], Uint8Array[]] = [[], [], []];
  const made = pair({
    ...options,
    between: (frame, direction) => {
      frames.push(frame);
      const { kind, payload } = made.link.binding.unframe(frame);
      if (kind === 'message') (direction === 'request' ? requests : responses).push(payload);
      return frame;
    },
  });
  const answer = made.responder.answer.bind(made.responder);
  made.responder.answer = (request, id) => {
    if (id !== undefined) requests.push(request);
    return answer(request, id);
  };
  const { requester } = made;
  requester.connect();
  requester.digests();
  requester.challenge(3, 1);
  requester.measurements({ operation: ALL_MEASUREMENTS, slot: 0 });
  const session = requester.startSession({ slot: 3, summary: 0xff });
  session.heartbeat();
  session.updateKeys();
  session.measurements({ operation: ALL_MEASUREMENTS, slot: 0 });
  session.end();
  return { requests, responses, frames };
}

const SEEN = recorded();

describe('a responder', () => {
  test('answers every damaged message with a response or an ERROR of the specification, in any order, in a session or not', PATIENCE, () => {
    const made = pair(full);
    made.requester.connect();
    let session = made.requester.startSession();
    let [answered, refused, others] = [0, 0, 0];
    fc.assert(
      fc.property(fc.oneof(damaged(...SEEN.requests), fc.uint8Array({ maxLength: 300 }), fc.constantFrom(...SEEN.requests)), fc.boolean(), (request, inside) => {
        const response = inside ? made.responder.handle(request, session.id) : made.responder.handle(request);
        expect(response.length).toBeGreaterThanOrEqual(4);
        if (response[1] !== 0x7f) answered++;
        else if (KNOWN.has(response[2] ?? 0)) refused++;
        else others++;
        if (!made.responder.sessionIds.includes(session.id)) {
          made.requester.connect();
          session = made.requester.startSession();
        }
      }),
      { numRuns: Math.ceil(iterations / 4), seed: 20_261_123 },
    );
    expect(others).toBe(0);
    expect(answered).toBeGreaterThan(iterations / 100);
    expect(refused).toBeGreaterThan(iterations / 20);
    made.requester.connect();
    expect(made.requester.startSession().alive).toBe(true);
  });

  test.each(BINDINGS.map((binding) => [binding.name, binding] as const))('over %s answers frames or drops them, and goes on serving', PATIENCE, (_, binding) => {
    const { endpoint, requester } = pair({ ...full, binding });
    const frames = recorded({ ...full, binding }).frames;
    let answered = 0;
    fc.assert(
      fc.property(fc.oneof(damaged(...frames), fc.uint8Array({ maxLength: 64 })), (frame) => {
        const answer = endpoint.handleFrame(frame);
        if (answer) {
          answered++;
          binding.unframe(answer);
        }
      }),
      { numRuns: Math.ceil(iterations / 4), seed: 20_261_123 },
    );
    expect(answered).toBeGreaterThan(iterations / 400);
    requester.connect();
    expect(requester.startSession().alive).toBe(true);
  });

  test('gives a damaged record nothing: the session ends, the next one comes to be', PATIENCE, () => {
    const made = pair(full);
    made.requester.connect();
    const runs = Math.ceil(iterations / 200);
    let dead = 0;
    fc.assert(
      fc.property(fc.nat(1 << 16), fc.nat(7), (at, bit) => {
        const session = made.requester.startSession();
        const ours = made.responder.session(session.id);
        const record = ours?.seal('request', 2, MCTP.application(Uint8Array.of(0x12, 0xe8, 0, 0)), new Uint8Array(0)) ?? new Uint8Array(0);
        const place = at % record.length;
        const answer = made.endpoint.handleFrame(MCTP.frame('secured', record.with(place, (record[place] ?? 0) ^ (1 << bit))));
        expect(answer === undefined || answer[2] !== 0x68).toBe(true);
        if (!made.responder.sessionIds.includes(session.id)) dead++;
        made.responder.drop(session.id);
      }),
      { numRuns: runs, seed: 20_261_123 },
    );
    expect(dead).toBeGreaterThan(runs / 2);
  });
});

describe('a requester', () => {
  test('meets any answer with a typed error, or is not deceived', PATIENCE, () => {
    const runs = Math.ceil(iterations / 100);
    let fine = 0;
    fc.assert(
      fc.property(fc.nat(24), fc.array(fc.tuple(fc.nat(1 << 16), fc.nat(255)), { maxLength: 4 }), fc.option(fc.nat(1 << 12), { freq: 4 }), (which, edits, cut) => {
        const made = pair({
          ...full,
          between: (frame, direction, count) => {
            if (direction === 'request' || count !== which) return frame;
            const out = frame.slice(0, cut === null ? frame.length : cut % (frame.length + 1));
            for (const [at, value] of edits) if (out.length > 0) out[at % out.length] = value;
            return out;
          },
        });
        const good = understood(() => {
          made.requester.connect();
          made.requester.challenge();
          const session = made.requester.startSession();
          session.updateKeys();
          session.measurements({ operation: ALL_MEASUREMENTS, slot: 0 });
          expect(hex(session.exportMasterSecret())).toBe(hex(made.responder.session(session.id)?.exportMasterSecret() ?? new Uint8Array(0)));
        });
        if (good) fine++;
      }),
      { numRuns: runs, seed: 20_261_123 },
    );
    expect(fine).toBeGreaterThan(0);
    expect(fine).toBeLessThan(runs);
  });

  test('ends, although a responder asks without end', () => {
    const made = pair({ profile: FULL_PROFILE, requesterProfile: OPEN_PROFILE });
    made.requester.connect();
    const answer = made.responder.answer.bind(made.responder);
    made.responder.answer = (request, id) => (request[1] === 0xeb ? { response: Uint8Array.of(0x12, 0x6b, 1, 1, 1, 0, 0, 0, 0x12, 0x81, 0, 0), sent: () => undefined } : answer(request, id));
    expect(() => made.requester.startSession()).toThrow(TeemuError);
  });
});

describe('what is taken apart', () => {
  const opaque = Uint8Array.from(Buffer.from('0200000001000400deadbeef0000090001010300100011001200000000', 'hex'));
  test('opaque data', PATIENCE, () => {
    const count = bombard(damaged(opaque), (src) => [decodeSupportedVersions(0x12, src), decodeSupportedVersions(0x11, src)]);
    expect(count).toBeLessThan(iterations);
  });
  test('certificate chains', PATIENCE, () => {
    const { responder } = pair(full);
    responder.handle(Uint8Array.of(0x10, 0x84, 0, 0));
    const chain = SEEN.responses.find((response) => response[1] === 2)?.subarray(8) ?? new Uint8Array(0);
    const count = bombard(damaged(chain), (src) => decodeChain(src));
    expect(count).toBeGreaterThan(0);
    expect(count).toBeLessThan(iterations);
  });
  test('frames of every transport, and of the socket', PATIENCE, () => {
    const noise = fc.oneof(fc.uint8Array({ maxLength: 64 }), damaged(...SEEN.frames.slice(0, 12)));
    for (const binding of [MCTP, DOE, MAILBOX]) bombard(noise, (src) => binding.unframe(src), Math.ceil(iterations / 4));
    expect(bombard(noise, (src) => decodeSocketFrame(src), Math.ceil(iterations / 4))).toBeGreaterThan(0);
  });
});
