/** What anybody can send to NRAS, and what anybody can send as its answer: refusals in the service's own form, and only typed errors. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readJws, signJws } from '../../emulator/crypto/jws.ts';
import { CodecError, ConfigError, TeemuError } from '../../emulator/errors.ts';
import { JWT_RECOGNISERS } from '../../emulator/inspect/h100/jwt.ts';
import { RIM_RECOGNISERS } from '../../emulator/inspect/h100/rim.ts';
import { REQUEST_ERRORS } from '../../emulator/services/nvidia/nras/errors.ts';
import { readAttestRequest } from '../../emulator/services/nvidia/nras/request.ts';
import { fixedClock, seededWorld } from '../../emulator/world.ts';
import { iterations } from './iterations.ts';

const signer = seededWorld('hostile', fixedClock(0)).ecKey('hostile', 'P-384');
const TOKEN = signJws({ kid: 'k' }, { iss: 'i', submods: { 'GPU-0': ['DIGEST', ['SHA-256', '00']] }, nested: { a: { b: { c: 1 } } } }, signer);
const EAT = JSON.stringify([['JWT', TOKEN], { 'GPU-0': TOKEN }]);
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));

/** A text with some characters changed, cut or doubled. */
function damaged(text: string): fc.Arbitrary<string> {
  const edit = fc.tuple(fc.nat(text.length - 1), fc.constantFrom('', '"', '{', '[', '.', ',', '\\u0000', 'null', '-1e999', '=', 'é', 'A'.repeat(50)));
  return fc.array(edit, { minLength: 1, maxLength: 5 }).map((list) => list.reduce((out, [at, piece]) => out.slice(0, at % (out.length + 1)) + piece + out.slice((at % (out.length + 1)) + 1), text));
}

const value = fc.oneof(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom('ab'.repeat(32), 'HOPPER', '2.0', 'AAAA', ['AAAA'], [{ evidence: 'AAAA', certificate: 'AAAA' }], { toString: 1 }, '__proto__'));
const request = fc.dictionary(fc.constantFrom('nonce', 'arch', 'claims_version', 'evidence_list', 'evidence', 'certificate', '__proto__', 'constructor'), value).map((members) => JSON.stringify(members));

/** Nearly right: mostly good members, one or two of them something else. */
const nearly = fc
  .record({
    nonce: fc.oneof({ weight: 4, arbitrary: fc.constant('ab'.repeat(32)) }, { weight: 1, arbitrary: value }),
    arch: fc.oneof(fc.constantFrom('HOPPER', 'BLACKWELL'), value),
    evidence_list: fc.oneof(fc.constant([{ evidence: 'AAAA', certificate: 'AAAA' }]), fc.array(fc.constant({ evidence: 'AAAA', certificate: 'AAAA' }), { maxLength: 20 }), value),
  })
  .map((members) => JSON.stringify(members));

describe(`${iterations} hostile inputs`, { timeout: 900_000 }, () => {
  test('as requests: understood, or one of the errors', () => {
    let understood = 0;
    fc.assert(
      fc.property(
        fc.oneof(
          { weight: 3, arbitrary: nearly.map(bytes) },
          { weight: 3, arbitrary: request.map(bytes) },
          { weight: 1, arbitrary: request.chain((text) => damaged(`${text} `)).map(bytes) },
          { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
        ),
        (body) => {
          const asked = readAttestRequest(body, 'gpu', '2.0');
          if (typeof asked === 'string') expect(REQUEST_ERRORS).toHaveProperty([asked]);
          else {
            understood++;
            expect(asked.nonce).toHaveLength(32);
            expect(asked.devices.length).toBeLessThanOrEqual(16);
          }
        },
      ),
      { numRuns: iterations, seed: 20_261_123 },
    );
    expect(understood).toBeGreaterThan(0);
  });

  test('as tokens: taken apart, or a typed error with a place inside', () => {
    fc.assert(
      fc.property(fc.oneof({ weight: 3, arbitrary: damaged(TOKEN) }, { weight: 1, arbitrary: fc.string({ maxLength: 80 }) }), (token) => {
        try {
          const { header, payload } = readJws(token);
          expect(typeof header === 'object' && typeof payload === 'object').toBe(true);
        } catch (error) {
          if (!(error instanceof CodecError)) throw error;
          expect(error.at).toBeLessThanOrEqual(token.length + 1);
        }
      }),
      { numRuns: iterations, seed: 20_261_123 },
    );
  });

  test('as files to be inspected: sections, or a typed error', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...JWT_RECOGNISERS, ...RIM_RECOGNISERS),
        fc.oneof(
          damaged(TOKEN),
          damaged(EAT),
          fc.constant('<SoftwareIdentity/>'),
          fc.json().map((text) => `[["JWT"${text.slice(0, 40)}`),
        ),
        ({ refuse, inspect }, text) => {
          const src = bytes(text);
          try {
            if (refuse(src) === undefined) expect(inspect(src, { at: 0 }).length).toBeGreaterThan(0);
          } catch (error) {
            if (!(error instanceof TeemuError) || error instanceof ConfigError) throw error;
          }
        },
      ),
      { numRuns: Math.ceil(iterations / 4), seed: 20_261_123 },
    );
  });
});
