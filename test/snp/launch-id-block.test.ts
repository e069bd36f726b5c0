import { createHash, createPrivateKey, createPublicKey } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mutants } from '../../emulator/codec/mutants.ts';
import { ecSigner, scalarFromSeed } from '../../emulator/crypto/sign.ts';
import { ECDSA_PUBLIC_KEY, encodePublicKey, ID_AUTH, ID_BLOCK, type IdBlockChecks, type IdBlockStatus, keyDigest, signIdBlock, verifyIdBlock } from '../../emulator/snp/launch/id-block.ts';
import { iterations } from '../hostile/iterations.ts';
import { describeReal, realSample } from '../real-samples.ts';

const key = (fill: number): ReturnType<typeof ecSigner> => ecSigner('P-384', scalarFromSeed('P-384', new Uint8Array(72).fill(fill)), true);
const idKey = key(1);
const authorKey = key(2);
const launchDigest = new Uint8Array(48).fill(0x5a);
const policy = 0x3_0000n;
const block = { launchDigest, familyId: new Uint8Array(16).fill(1), imageId: new Uint8Array(16).fill(2), guestSvn: 7, policy };
const signed = signIdBlock(block, idKey, authorKey);
const checks: IdBlockChecks = { authorKeyEnabled: true, measurement: launchDigest, policy };
const hex = (b: Uint8Array): string => Buffer.from(b).toString('hex');

describe('a signed ID block', () => {
  test('is accepted for the launch that it names, with the digests of both keys', () => {
    expect(verifyIdBlock(signed.idBlock, signed.idAuth, checks)).toEqual({
      ok: true,
      block: { ...block, version: 1 },
      idKeyDigest: keyDigest(encodePublicKey(idKey.publicPoint)),
      authorKeyDigest: keyDigest(encodePublicKey(authorKey.publicPoint)),
    });
  });

  test('may have no author, and has no digest of one then', () => {
    const { idBlock, idAuth } = signIdBlock(block, idKey);
    const verdict = verifyIdBlock(idBlock, idAuth, { ...checks, authorKeyEnabled: false });
    expect(verdict).toMatchObject({ ok: true });
    expect(verdict).not.toHaveProperty('authorKeyDigest');
    expect(idAuth.subarray(ID_AUTH.locate('authorKey').at).every((byte) => byte === 0)).toBe(true);
  });

  test('is the same bytes from the same deterministic keys', () => {
    expect(signIdBlock(block, idKey, authorKey)).toEqual(signed);
  });

  test('writes keys little-endian: the curve, then X and Y in 72 bytes each', () => {
    const raw = encodePublicKey(idKey.publicPoint);
    expect([raw.length, raw[0], hex(raw.subarray(4, 52)), hex(raw.subarray(76, 124))]).toEqual([1028, 2, hex(idKey.publicPoint.slice(1, 49).reverse()), hex(idKey.publicPoint.slice(49).reverse())]);
  });

  test('has key digests that are the SHA-384 of the 1028 bytes', () => {
    const raw = encodePublicKey(idKey.publicPoint);
    expect(hex(keyDigest(raw))).toBe(createHash('sha384').update(raw).digest('hex'));
  });

  test.each<[string, () => unknown]>([
    ['a compressed point', () => encodePublicKey(idKey.publicPoint.slice(0, 49))],
    ['a key of another length', () => keyDigest(new Uint8Array(1027))],
  ])('is not made from %s', (_, call) => {
    expect(call).toThrow(RangeError);
  });
});

describe('an ID block is refused', () => {
  const setAuth = (path: string, bytes: readonly number[]): Uint8Array => {
    const copy = signed.idAuth.slice();
    copy.set(bytes, ID_AUTH.locate(path).at);
    return copy;
  };
  const offCurve = [...encodePublicKey(idKey.publicPoint)].map((byte, i) => (i === 4 ? byte ^ 1 : byte));
  test.each<[string, IdBlockStatus, string, Uint8Array, Uint8Array, Partial<IdBlockChecks>]>([
    ['for another launch digest', 'BAD_MEASUREMENT', 'snp.id-block.launchDigest', signed.idBlock, signed.idAuth, { measurement: new Uint8Array(48) }],
    ['for another policy', 'POLICY_FAILURE', 'snp.id-block.policy', signed.idBlock, signed.idAuth, { policy: 0xb_0000n }],
    ['when changed after signing', 'BAD_SIGNATURE', 'snp.id-auth.idBlockSignature', ID_BLOCK.encode({ ...block, guestSvn: 8 }), signed.idAuth, {}],
    ['of another version', 'INVALID_PARAM', 'snp.id-block.version', ID_BLOCK.encode({ ...block, version: 2 }), signed.idAuth, {}],
    ['of another length', 'INVALID_PARAM', 'snp.id-block.policy', signed.idBlock.slice(0, 95), signed.idAuth, {}],
    ['with authentication of another length', 'INVALID_PARAM', 'snp.id-auth', signed.idBlock, Uint8Array.from([...signed.idAuth, 0]), {}],
    ['with an unknown algorithm of the ID key', 'INVALID_PARAM', 'snp.id-auth.idKeyAlgorithm', signed.idBlock, setAuth('idKeyAlgorithm', [2]), {}],
    ['with an unknown algorithm of the author key', 'INVALID_PARAM', 'snp.id-auth.authorKeyAlgorithm', signed.idBlock, setAuth('authorKeyAlgorithm', [0]), {}],
    ['with an ID key on P-256', 'INVALID_PARAM', 'snp.id-auth.idKey.curve', signed.idBlock, setAuth('idKey.curve', [1]), {}],
    ['with a reserved byte set', 'INVALID_PARAM', 'snp.id-auth.reserved8', signed.idBlock, setAuth('reserved8', [1]), {}],
    ['with an ID key that is no point of the curve', 'BAD_SIGNATURE', 'snp.id-auth.idBlockSignature', signed.idBlock, setAuth('idKey', offCurve), {}],
    [
      'with a signature number longer than the curve’s',
      'BAD_SIGNATURE',
      'snp.id-auth.idBlockSignature',
      signed.idBlock,
      setAuth(
        'idBlockSignature.r',
        Array.from({ length: 72 }, () => 1),
      ),
      {},
    ],
    [
      'with a signature of zeros',
      'BAD_SIGNATURE',
      'snp.id-auth.idBlockSignature',
      signed.idBlock,
      setAuth(
        'idBlockSignature',
        Array.from({ length: 512 }, () => 0),
      ),
      {},
    ],
    ['when the author signed another ID key', 'BAD_SIGNATURE', 'snp.id-auth.idKeySignature', signed.idBlock, setAuth('idKeySignature.s', [...signed.idAuth.slice(0x40, 0x40 + 8)]), {}],
    ['when the author key was put in afterwards', 'BAD_SIGNATURE', 'snp.id-auth.idKeySignature', signed.idBlock, setAuth('authorKey', [...encodePublicKey(key(3).publicPoint)]), {}],
  ])('%s', (_, status, path, idBlock, idAuth, change) => {
    expect(verifyIdBlock(idBlock, idAuth, { ...checks, ...change })).toMatchObject({ ok: false, status, path });
  });

  test('for every single edit of either structure', () => {
    const accepted = [
      ...mutants(ID_BLOCK as never, signed.idBlock).filter((m) => verifyIdBlock(m.apply(signed.idBlock), signed.idAuth, checks).ok),
      ...mutants(ID_AUTH as never, signed.idAuth).filter((m) => verifyIdBlock(signed.idBlock, m.apply(signed.idAuth), checks).ok),
    ];
    expect(accepted.map(({ id }) => id)).toEqual([]);
  });

  test('and an author that is not enabled is not looked at', () => {
    expect(verifyIdBlock(signed.idBlock, setAuth('authorKeyAlgorithm', [9]), { ...checks, authorKeyEnabled: false }).ok).toBe(true);
  });
});

test(`${iterations} hostile ID blocks and authentications give a verdict, never an exception`, () => {
  const fields = [...mutants(ID_AUTH as never, signed.idAuth)];
  const random = fc.tuple(fc.nat(4095), fc.nat(255)).map(([at, value]) => signed.idAuth.with(at, value));
  const arbitraryKey = fc.uint8Array({ minLength: 144, maxLength: 144 }).map((raw) => {
    const copy = signed.idAuth.slice();
    copy.set(raw, ID_AUTH.locate('idKey.qx').at);
    return copy;
  });
  const auth = fc.oneof(
    random,
    arbitraryKey,
    fc.constantFrom(...fields).map((m) => m.apply(signed.idAuth)),
    fc.uint8Array({ maxLength: 64 }),
  );
  const idBlock = fc.oneof({ weight: 4, arbitrary: fc.constant(signed.idBlock) }, { weight: 1, arbitrary: fc.uint8Array({ maxLength: 100 }) });
  fc.assert(
    fc.property(idBlock, auth, (left, right) => {
      const verdict = verifyIdBlock(left, right, { authorKeyEnabled: false });
      expect(verdict.ok || verdict.path.startsWith('snp.id-')).toBe(true);
    }),
    { numRuns: iterations },
  );
}, 600_000);

describeReal('published ID block figures', () => {
  const read = (name: string): Uint8Array => realSample(`measure/id-block/${name}`);
  const point = (name: string): Uint8Array => {
    const jwk = createPublicKey(createPrivateKey(Buffer.from(read(name)))).export({ format: 'jwk' });
    return Uint8Array.from([4, ...Buffer.from(jwk.x ?? '', 'base64url'), ...Buffer.from(jwk.y ?? '', 'base64url')]);
  };
  // Source: virtee/sev, tests/id-block.rs.
  const published = {
    launchDigest: 'a14d638341e5674628fe1e02fbedebe5e5ab4faf1dd72d8966068e615bb99efd13d214b35c231715b38e263dc6059745',
    idBlock: 'oU1jg0HlZ0Yo/h4C++3r5eWrT68d1y2JZgaOYVu5nv0T0hSzXCMXFbOOJj3GBZdFAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABAAAAAAAAAAAAAwAAAAAA',
    idKeyDigest: 'WfssaG36T+9J84M5qndckAUcKNVzg93DuvO160sUlt87DbvcuuX+J2d6ZEggdz/i',
    authorKeyDigest: '7tgRafsMteDsNHlPEo/U4MSkb2fGWhrfqB/LJLzAiMJyNpt//D6ytq9qQoShs2xf',
  };
  const base64 = (b: Uint8Array): string => Buffer.from(b).toString('base64');

  test('the ID block of the published digest has the published bytes', () => {
    expect(base64(ID_BLOCK.encode({ launchDigest: Uint8Array.from(Buffer.from(published.launchDigest, 'hex')), policy }))).toBe(published.idBlock);
  });

  test('the published keys have the published digests', () => {
    expect(base64(keyDigest(encodePublicKey(point('test_id_key.pem'))))).toBe(published.idKeyDigest);
    expect(base64(keyDigest(encodePublicKey(point('test_auth_key.pem'))))).toBe(published.authorKeyDigest);
  });

  test('the published signatures are accepted, author key and all', () => {
    const measurement = Uint8Array.from(Buffer.from(published.launchDigest, 'hex'));
    const verdict = verifyIdBlock(Uint8Array.from(Buffer.from(published.idBlock, 'base64')), read('test_auth_block.bin'), { authorKeyEnabled: true, measurement, policy });
    expect(verdict).toMatchObject({ ok: true });
  });

  test('the published authentication block decodes and encodes to the same bytes, and is made of the published keys and signatures', () => {
    const raw = read('test_auth_block.bin');
    const auth = ID_AUTH.decode(raw);
    expect(ID_AUTH.encode(auth)).toEqual(raw);
    const part = (path: string): Uint8Array => raw.slice(ID_AUTH.locate(path).at, ID_AUTH.locate(path).at + ID_AUTH.locate(path).size);
    expect(part('idBlockSignature')).toEqual(read('test_id_sig.bin'));
    expect(part('idKeySignature')).toEqual(read('test_auth_sig.bin'));
    expect(ECDSA_PUBLIC_KEY.encode(auth.idKey)).toEqual(encodePublicKey(point('test_id_key.pem')));
    expect(ECDSA_PUBLIC_KEY.encode(auth.authorKey)).toEqual(encodePublicKey(point('test_auth_key.pem')));
  });
});
