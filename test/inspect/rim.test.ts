/** `inspect` on manifests, tokens and answers of NRAS: what is recognised, what is said, and what is said to be broken. */
import { describe, expect, test } from 'vitest';
import { signJws } from '../../emulator/crypto/jws.ts';
import { writeRim } from '../../emulator/h100/rim/write.ts';
import { JWT_RECOGNISERS } from '../../emulator/inspect/h100/jwt.ts';
import { RIM_RECOGNISERS } from '../../emulator/inspect/h100/rim.ts';
import { inspect } from '../../emulator/inspect/index.ts';
import { KINDS, MANIFESTS, NOW, signerOf, world } from '../h100/rim/manifests.ts';

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const broken = (src: Uint8Array, at?: number): string[] =>
  inspect(src, at === undefined ? {} : { at }).sections.flatMap(({ notes, lines }) => [...notes.flatMap(({ kind, text }) => (kind === 'broken' ? [text] : [])), ...lines.flatMap((line) => line.broken ?? [])]);

describe('a manifest', () => {
  test.each(KINDS)('of a %s is taken apart with its certificates', (kind) => {
    const { format, sections } = inspect(writeRim(MANIFESTS[kind], signerOf(kind)), { at: NOW });
    expect(format).toBe('rim');
    expect(sections.map(({ name }) => name)).toEqual(['nvidia.rim', 'certificate', 'certificate', 'certificate', 'certificate']);
    expect(sections[0]?.lines).toEqual(expect.arrayContaining([expect.objectContaining({ path: 'colloquialVersion', value: MANIFESTS[kind].version })]));
    expect(sections[0]?.lines.filter(({ path }) => path.startsWith('measurements.'))).toHaveLength(MANIFESTS[kind].measurements.filter(({ active }) => active).length);
    expect(sections.flatMap(({ notes }) => notes.filter((note) => note.kind === 'broken'))).toEqual([]);
  });

  test.each<[string, (text: string) => string, string]>([
    ['that was changed', (text) => text.replace('revision="r1"', 'revision="r2"'), 'The document is not the one that was signed.'],
    ['with another signature', (text) => text.replace(/<ds:SignatureValue>./, '<ds:SignatureValue>/'), 'The signature is not that of the first certificate in it.'],
  ])('%s is said to be broken', (_, change, said) => {
    expect(broken(bytes(change(Buffer.from(writeRim(MANIFESTS.driver, signerOf('driver'))).toString())))).toContain(said);
  });
});

describe('a token', () => {
  const key = world.ecKey('token', 'P-384');
  const device = signJws({ kid: 'k' }, { iss: 'i', exp: 2000, nbf: 1000 }, key);

  test('alone is taken apart', () => {
    const { format, sections } = inspect(bytes(`${device}\n`));
    expect(format).toBe('jwt');
    expect(sections[0]?.lines.map(({ path }) => path)).toEqual(['header.kid', 'header.alg', 'iss', 'exp', 'nbf', 'signature']);
  });

  test.each([
    ['before its time', 999_000, ['not valid yet at 1970-01-01T00:16:39.000Z']],
    ['in its time', 1_500_000, []],
    ['after its time', 2_000_000, ['expired at 1970-01-01T00:33:20.000Z']],
  ])('%s', (_, at, said) => {
    expect(broken(bytes(device), at)).toEqual(said);
  });

  test('of a device whose digest the token over all lacks is said to be broken', () => {
    const overall = signJws({ kid: 'k' }, { submods: { 'GPU-0': ['DIGEST', ['SHA-256', '00']] }, 'x-nvidia-overall-att-result': true }, key);
    expect(broken(bytes(JSON.stringify([['JWT', overall], { 'GPU-0': device }])))).toEqual(['The token over all devices does not have the digest of this one.']);
  });
});

test('what is neither is left to others', () => {
  for (const { refuse } of [...RIM_RECOGNISERS, ...JWT_RECOGNISERS]) for (const text of ['', '{}', '<a/>', '[]', 'a.b', 'x'.repeat(2 << 20)]) expect(refuse(bytes(text))).toBeTypeOf('string');
});
