import { generateKeyPairSync, randomBytes, sign, verify, X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { GENUINE_KEYS, genuineOwner, refuseGenuine } from '../../emulator/crypto/genuine.ts';
import { PUBLIC_RSA_KEYS } from '../../emulator/crypto/public-rsa-keys.ts';
import { rsaSigner } from '../../emulator/crypto/sign.ts';
import { TeemuError } from '../../emulator/errors.ts';
import { issueCertificate } from '../../emulator/pki/issue.ts';
import { AMD_PROFILES, amdCertificateSpec } from '../../emulator/pki/profiles/amd.ts';
import { amdRsaLabels, LINES } from '../../emulator/snp/platform/products.ts';
import { AdjustableClock, fixedClock, seededWorld, systemClock, World } from '../../emulator/world.ts';
import { describeReal, realSample } from '../real-samples.ts';

const AT = Date.UTC(2026, 0, 2);
const world = (seed = 'x'): World => seededWorld(seed, fixedClock(AT));
const privateWorld = (secret = new Uint8Array(32)): World => new World('private', secret, fixedClock(AT), () => undefined);
const RSA_LABELS = amdRsaLabels();
const MESSAGE = Buffer.from('a report');

describe('a seeded world', () => {
  test.each<[string, (w: World) => unknown]>([
    ['derived bytes', (w) => w.derive('a', 100)],
    ['random bytes, draw by draw', (w) => [w.random('a', 8), w.random('a', 8), w.random('b', 8)]],
    ['P-256 keys', (w) => w.ecKey('a', 'P-256').spki],
    ['P-384 keys', (w) => w.ecKey('a', 'P-384').spki],
    ['P-256 signatures', (w) => w.ecKey('a', 'P-256').sign(MESSAGE)],
    ['P-384 signatures', (w) => w.ecKey('a', 'P-384').sign(MESSAGE)],
    ['RSA keys', (w) => RSA_LABELS.map((label) => w.rsaKey(label).spki)],
    ['RSA-PSS signatures', (w) => RSA_LABELS.map((label) => w.rsaKey(label).sign(MESSAGE))],
    ['tags', (w) => w.tag('a', MESSAGE)],
  ])('gives the same %s for the same seed, and others for another', (_, ask) => {
    expect(ask(world())).toEqual(ask(world()));
    expect(ask(world())).not.toEqual(ask(world('y')));
  });

  test('draws the same for a label whatever was drawn for others before', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { maxLength: 5 }), (others) => {
        const [a, b] = [world(), world()];
        for (const label of others) a.random(`other ${label}`, 4);
        expect(a.random('mine', 16)).toEqual(b.random('mine', 16));
      }),
    );
  });

  test('never draws twice the same, nor the same for two labels', () => {
    const w = world();
    const drawn = ['a', 'b', 'a\0', ''].flatMap((label) => [1, 2, 3].map(() => Buffer.from(w.random(label, 16)).toString('hex')));
    expect(new Set(drawn).size).toBe(12);
  });

  test('keeps derived, drawn, tagged and key material apart', () => {
    const w = world();
    const all = [w.derive('a', 32), w.random('a', 32), w.tag('a', new Uint8Array()), w.derive('key/P-384/a', 32)].map((b) => Buffer.from(b).toString('hex'));
    expect(new Set(all).size).toBe(4);
  });

  test('gives no two labels the same RSA key', () => {
    for (const seed of ['', 'x', 'y', 'z']) {
      const keys = RSA_LABELS.map((label) => Buffer.from(world(seed).rsaKey(label).spki).toString('hex'));
      expect(new Set(keys).size).toBe(RSA_LABELS.length);
    }
  });

  test('has an RSA key for each authority of each line, and no other', () => {
    // In this order: another one would give every seed other keys.
    expect(RSA_LABELS.join(' ')).toBe('amd/ark/Milan amd/ask/Milan amd/asvk/Milan amd/ark/Genoa amd/ask/Genoa amd/asvk/Genoa amd/ark/Turin amd/ask/Turin amd/asvk/Turin');
    for (const label of RSA_LABELS) expect(world().rsaKey(label).privateKey.asymmetricKeyType).toBe('rsa');
    expect(() => world().rsaKey('amd/ark/Rome')).toThrow(expect.objectContaining({ code: 'ERR_CONFIG', key: 'amd/ark/Rome' }));
  });

  test('has the RSA keys of the labels that it is given, drawn in their order, and no other', () => {
    const keyOf = (w: World, label: string): string => Buffer.from(w.rsaKey(label).spki).toString('hex');
    const other = seededWorld('x', fixedClock(AT), ['one', 'two']);
    expect([keyOf(other, 'one'), keyOf(other, 'two')]).toEqual(RSA_LABELS.slice(0, 2).map((label) => keyOf(world(), label)));
    expect(() => other.rsaKey('amd/ark/Milan')).toThrow(expect.objectContaining({ code: 'ERR_CONFIG' }));
    expect(() =>
      seededWorld(
        'x',
        fixedClock(AT),
        Array.from({ length: PUBLIC_RSA_KEYS.length + 1 }, (_, i) => `${i}`),
      ),
    ).toThrow(RangeError);
  });

  test('signs so that others can verify', () => {
    const ec = world().ecKey('a', 'P-384');
    expect(verify('sha384', MESSAGE, { key: ec.publicKey, dsaEncoding: 'ieee-p1363' }, ec.sign(MESSAGE))).toBe(true);
    const rsa = world().rsaKey('amd/ark/Milan');
    expect(verify('sha384', MESSAGE, { key: rsa.publicKey, padding: 6, saltLength: 48 }, rsa.sign(MESSAGE))).toBe(true);
  });
});

describe('a private world', () => {
  test('draws from the operating system: another answer each time', () => {
    expect(privateWorld().random('a', 16)).not.toEqual(privateWorld().random('a', 16));
  });
  test('derives the same keys from the same secret, others from another', () => {
    expect(privateWorld().ecKey('a', 'P-384').spki).toEqual(privateWorld().ecKey('a', 'P-384').spki);
    expect(privateWorld().ecKey('a', 'P-384').spki).not.toEqual(privateWorld(new Uint8Array(32).fill(1)).ecKey('a', 'P-384').spki);
  });
  test('signs with a fresh nonce each time, and others can verify', () => {
    const key = privateWorld().ecKey('a', 'P-384');
    const [a, b] = [key.sign(MESSAGE), key.sign(MESSAGE)];
    expect(a).not.toEqual(b);
    for (const signature of [a, b]) expect(verify('sha384', MESSAGE, { key: key.publicKey, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true);
  });
  test('shares no key with the seeded world of the same secret bytes', () => {
    expect(privateWorld().derive('a', 8)).not.toEqual(world('').derive('a', 8));
  });
  test.each([0, 31, 33])('is refused with a secret of %i bytes', (length) => {
    expect(() => privateWorld(new Uint8Array(length))).toThrow(RangeError);
  });
});

describe('the log of a world', () => {
  test('keeps the newest thousand lines, each with its time', () => {
    const w = world();
    for (let i = 0; i < 1005; i++) w.note(`line ${i}`);
    expect(w.log).toHaveLength(1000);
    expect(w.log[0]).toEqual({ at: AT, message: 'line 5' });
    w.note('x'.repeat(5000));
    expect(w.log.at(-1)?.message).toBe('x'.repeat(4096));
  });
});

describe('a clock', () => {
  test('that is fixed stands still', () => {
    const clock = fixedClock(AT);
    expect([clock.now(), clock.now()]).toEqual([AT, AT]);
  });
  test('of the machine is the machine’s', () => {
    vi.useFakeTimers({ now: AT });
    expect(systemClock().now()).toBe(AT);
    vi.useRealTimers();
  });
  test('that is adjustable goes on from where it was set, stands where it was stopped, and moves both ways', () => {
    vi.useFakeTimers({ now: AT });
    const clock = new AdjustableClock();
    expect(clock.now()).toBe(AT);
    clock.set(0, true);
    vi.setSystemTime(AT + 500);
    expect(clock.now()).toBe(500);
    clock.set(1000, false);
    vi.setSystemTime(AT + 9000);
    expect(clock.now()).toBe(1000);
    clock.advance(50);
    clock.advance(-100);
    expect(clock.now()).toBe(950);
    vi.useRealTimers();
  });
});

describe('the pool of public RSA keys', () => {
  const signers = RSA_LABELS.map((label) => world().rsaKey(label));
  test('holds a key for each label', () => {
    expect(PUBLIC_RSA_KEYS.length).toBeGreaterThanOrEqual(RSA_LABELS.length);
    expect(new Set(PUBLIC_RSA_KEYS).size).toBe(PUBLIC_RSA_KEYS.length);
  });
  test('is of RSA-4096 with the exponent 65537, none of them genuine', () => {
    for (const { privateKey, spki } of signers) {
      expect(privateKey.asymmetricKeyDetails).toEqual({ modulusLength: 4096, publicExponent: 65537n });
      expect(genuineOwner(spki)).toBeUndefined();
    }
  });
});

describe('a key that is brought along', () => {
  // 2048 bits: the size does not matter here, and larger ones take seconds.
  const own = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  test('signs from then on', () => {
    const w = world();
    w.adopt('amd/ark/Milan', own, rsaSigner(own).spki);
    expect(w.rsaKey('amd/ark/Milan').spki).toEqual(rsaSigner(own).spki);
  });
  test('is refused beside a certificate of another key', () => {
    expect(() => world().adopt('amd/ark/Milan', own, world().rsaKey('amd/ark/Milan').spki)).toThrow(expect.objectContaining({ code: 'ERR_KEY_NOT_TEST' }));
  });
  test('is refused when it is no RSA private key', () => {
    expect(() => world().adopt('a', generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)).toThrow();
  });
});

describe('the list of genuine keys', () => {
  test('names each of AMD’s nine authorities and of Intel’s four once', () => {
    const of = (vendor: string): string[] => Object.values(GENUINE_KEYS).filter((owner) => owner.startsWith(vendor));
    expect(of('AMD ')).toHaveLength(9);
    expect(of('Intel ').sort()).toEqual(['PCK Platform CA', 'PCK Processor CA', 'Root CA', 'TCB Signing'].map((name) => `Intel SGX ${name}`));
    expect(new Set(Object.values(GENUINE_KEYS)).size).toBe(Object.keys(GENUINE_KEYS).length);
    for (const hash of Object.keys(GENUINE_KEYS)) expect(hash).toMatch(/^[0-9a-f]{64}$/);
  });
  test('knows no key that it never saw', () => {
    expect(genuineOwner(randomBytes(550))).toBeUndefined();
  });
});

describeReal('the genuine keys of AMD', () => {
  const roles = LINES.flatMap((line) => (['ark', 'ask', 'asvk'] as const).map((role) => [`${role.toUpperCase()} of ${line}`, line, role] as const));
  const spkiOf = (line: string, role: string): Uint8Array => new Uint8Array(new X509Certificate(realSample(`snp/ca/${line.toLowerCase()}-${role}.der`)).publicKey.export({ type: 'spki', format: 'der' }));
  const refusal = expect.objectContaining({ code: 'ERR_KEY_NOT_TEST' });
  test.each(roles)('%s: refused by name', (_, line, role) => {
    expect(() => refuseGenuine(spkiOf(line, role))).toThrow(TeemuError);
    expect(genuineOwner(spkiOf(line, role))).toContain(line);
  });
  test.each(roles)('%s: refused as the certificate of a signer', (_, line, role) => {
    const own = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey;
    expect(() => world().adopt(`amd/${role}/${line}`, own, spkiOf(line, role))).toThrow(refusal);
  });
  test('are refused as the key of a new certificate, and as its issuer', () => {
    const w = world();
    const genuine = { ...w.rsaKey('amd/ark/Milan'), spki: spkiOf('Milan', 'ark') };
    const spec = (spki: Uint8Array) => amdCertificateSpec(AMD_PROFILES.ASK, 'Milan', AT, { spki, issuer: w.rsaKey('amd/ark/Milan') });
    expect(() => issueCertificate(spec(w.rsaKey('amd/ask/Milan').spki), genuine)).toThrow(refusal);
    expect(() => issueCertificate(spec(spkiOf('Milan', 'ask')), w.rsaKey('amd/ark/Milan'))).toThrow(refusal);
  });
  test('did sign what they are said to have signed, so that these are the genuine ones', () => {
    for (const line of LINES) {
      const [ark, ask] = ['ark', 'ask'].map((role) => new X509Certificate(realSample(`snp/ca/${line.toLowerCase()}-${role}.der`))) as [X509Certificate, X509Certificate];
      expect(ask.verify(ark.publicKey)).toBe(true);
    }
  });
});

test('a signature of another message is not verified', () => {
  const key = world().ecKey('a', 'P-384');
  expect(verify('sha384', Buffer.from('another'), { key: key.publicKey, dsaEncoding: 'ieee-p1363' }, key.sign(MESSAGE))).toBe(false);
  expect(sign('sha384', MESSAGE, { key: key.privateKey, dsaEncoding: 'ieee-p1363' })).toHaveLength(96);
});
