/** NVIDIA's side of a World, from the table and the public descriptions alone: chains, serials, lives, what is revoked and what is not yet. */
import { X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DEVICE_LEVELS, NvidiaAuthority, nvidiaAuthorityOf, RIM_LEVELS } from '../../../emulator/h100/pki/authority.ts';
import { blackwellTcbInfo, compositeDeviceId, diceTcbInfo, readCompositeDeviceId, readDiceTcbInfo, readFwid } from '../../../emulator/h100/pki/fwid.ts';
import type { CertificateSpec, IssuedCertificate } from '../../../emulator/pki/issue.ts';
import { NVIDIA_CHIP_NAMES, NVIDIA_CHIPS } from '../../../emulator/pki/profiles/nvidia-chips.ts';
import { NVIDIA_PROFILES, type NvidiaCaId } from '../../../emulator/pki/profiles/nvidia.ts';
import { readCertificate } from '../../../emulator/pki/read.ts';
import { AdjustableClock, fixedClock, seededWorld } from '../../../emulator/world.ts';

const AT = Date.parse('2026-03-01T00:00:00Z');
const DAY = 86_400_000;
const PDI = Uint8Array.of(0x29, 0x21, 0xce, 0x55, 0x1e, 0x4e, 0xed, 0xa3);
const FWID = new Uint8Array(48).fill(0x5a);
const authority = (at = AT, seed = 'authority'): NvidiaAuthority => new NvidiaAuthority(seededWorld(seed, fixedClock(at)));
const hex = (src: Uint8Array): string => Buffer.from(src).toString('hex');
/** The same, a day shorter. */
const shorter = (spec: CertificateSpec): CertificateSpec => ({ ...spec, notAfter: spec.notAfter - DAY });
const x509 = ({ der }: IssuedCertificate): X509Certificate => new X509Certificate(der);
const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });

describe.each(NVIDIA_CHIP_NAMES)('a device of %s', (architecture) => {
  const device = { architecture, pdi: PDI, fwid: FWID };

  test('has five certificates, each signed by the next, and a key that the first certifies', () => {
    const chain = authority().deviceCertificates(device);
    expect(chain).toHaveLength(5);
    for (const [i, certificate] of chain.entries()) expect(x509(certificate).verify(x509(chain[Math.min(i + 1, 4)] as IssuedCertificate).publicKey)).toBe(true);
    expect(hex(chain[0]?.spec.spki ?? PDI)).toBe(hex(authority().attestationKey(device).spki));
    expect(hex(readFwid(readCertificate(chain[0]?.der ?? PDI).extensions) ?? PDI)).toBe(hex(FWID));
  });

  test('has the PDI in the serial of its boot ROM', () => {
    expect(hex(authority().deviceCertificates(device)[1]?.spec.serial ?? PDI)).toBe(`${NVIDIA_CHIPS[architecture].serialPrefix.toString(16)}${hex(PDI)}`);
  });

  test.each(DEVICE_LEVELS)('has another %s where that is changed, and only that', (level) => {
    const at = DEVICE_LEVELS.indexOf(level);
    const [usual, changed] = [authority().deviceCertificates(device), authority().deviceCertificates(device, { [level]: { edit: shorter } })];
    expect(usual.map((certificate, i) => hex(certificate.der) === hex(changed[i]?.der ?? PDI))).toEqual(DEVICE_LEVELS.map((_, i) => i !== at));
  });
});

test('other firmware gives another attestation key under the same boot ROM; another PDI gives both', () => {
  const chain = (pdi: Uint8Array, fwid: Uint8Array): string[] =>
    authority()
      .deviceCertificates({ architecture: 'GH100', pdi, fwid })
      .map(({ spec }) => hex(spec.spki));
  const [one, updated, other] = [chain(PDI, FWID), chain(PDI, new Uint8Array(48)), chain(new Uint8Array(8), FWID)];
  expect([updated[0] === one[0], updated[1] === one[1], other[0] === one[0], other[1] === one[1], other[2] === one[2]]).toEqual([false, true, false, false, true]);
});

test('an identity of other lengths is an error of the calling program', () => {
  expect(() => authority().deviceCertificates({ architecture: 'GH100', pdi: new Uint8Array(7), fwid: FWID })).toThrow(RangeError);
  expect(() => authority().deviceCertificates({ architecture: 'GH100', pdi: PDI, fwid: new Uint8Array(32) })).toThrow(RangeError);
});

test('LS10 is certified by the identity authority of GH100', () => {
  const chain = authority().deviceCertificates({ architecture: 'LS10', pdi: PDI, fwid: FWID });
  expect(chain.slice(1).map((certificate) => /CN=(.*)/.exec(x509(certificate).subject)?.[1])).toEqual(['LS_10 A01 FSP BROM', 'NVIDIA LS_10 Provisioner ICA 1', 'NVIDIA GH100 Identity', 'NVIDIA Device Identity CA']);
});

describe('RIM signers', () => {
  test.each([
    ['driver', 'GH100', 'HCC RIM L4 Signer', 'NVIDIA Reference Value L3 GH100 002', 'NVIDIA Reference Value GH100 CA'],
    ['vbios', 'GH100', 'HCC RIM L4 Signer', 'NVIDIA Reference Value L3 GH100 002', 'NVIDIA Reference Value GH100 CA'],
    ['switch', 'LS10', 'NVIDIA Reference Value L4 LS10', 'NVIDIA Reference Value L3 LS10 001', 'NVIDIA Reference Value LS10 CA'],
  ] as const)('of a %s of %s are four, each signed by the next', (kind, architecture, ...names) => {
    const { signer, chain } = authority().rimSigner(kind, architecture);
    expect(chain.map((certificate) => /CN=(.*)/.exec(x509(certificate).subject)?.[1])).toEqual([...names, 'NVIDIA CoRIM signing Root CA']);
    for (const [i, certificate] of chain.entries()) expect(x509(certificate).verify(x509(chain[Math.min(i + 1, 3)] as IssuedCertificate).publicKey)).toBe(true);
    expect(hex(chain[0]?.spec.spki ?? PDI)).toBe(hex(signer.spki));
  });

  test('of driver and VBIOS have keys of their own', () => {
    expect(hex(authority().rimSigner('driver', 'GH100').signer.spki)).not.toBe(hex(authority().rimSigner('vbios', 'GH100').signer.spki));
  });

  test.each(RIM_LEVELS)('have another %s where that is changed, and only that', (level) => {
    const at = RIM_LEVELS.indexOf(level);
    const [usual, changed] = [authority().rimSigner('driver', 'GH100').chain, authority().rimSigner('driver', 'GH100', { [level]: { edit: shorter } }).chain];
    expect(usual.map((certificate, i) => hex(certificate.der) === hex(changed[i]?.der ?? PDI))).toEqual(RIM_LEVELS.map((_, i) => i !== at));
  });
});

describe('at any time', () => {
  const years = [1970, 1999, 2019, 2022, 2024, 2026, 2027, 2030, 2050, 2077, 2500, 9969];

  test.each(years)(
    'in %i every certificate is valid, and its serial as long as genuine ones',
    (year) => {
      const nvidia = authority(Date.UTC(year, 6, 1));
      const now = nvidia.world.now();
      const all = [
        ...[...NVIDIA_PROFILES].map(([id, { serial }]) => [nvidia.certificate(id), serial] as const),
        ...[...NVIDIA_PROFILES].flatMap(([id, { responder }]) => (responder ? [[nvidia.ocspResponder(id as NvidiaCaId).certificate, undefined] as const] : [])),
        ...nvidia.deviceCertificates({ architecture: 'GB100', pdi: PDI, fwid: FWID }).map((certificate) => [certificate, undefined] as const),
        [nvidia.nras().chain[0] as IssuedCertificate, 'low20'] as const,
      ];
      for (const [{ der }, form] of all) {
        const read = readCertificate(der);
        expect([read.notBefore <= now, now < read.notAfter]).toEqual([true, true]);
        if (form) expect(read.serial).toHaveLength({ low16: 16, high16: 17, low20: 20 }[form]);
      }
    },
    60_000,
  );

  test('the same seed and clock give the same bytes, another seed others', () => {
    const chain = (seed: string): string[] =>
      authority(AT, seed)
        .deviceCertificates({ architecture: 'GH100', pdi: PDI, fwid: FWID })
        .map(({ der }) => hex(der));
    expect(chain('a')).toEqual(chain('a'));
    expect(chain('a').filter((der) => chain('b').includes(der))).toEqual([]);
  });
});

describe('NRAS', () => {
  test('takes a new key each day, and still publishes the one before', () => {
    const [one, next] = [authority(), authority(AT + DAY)];
    expect(next.nras().kid).not.toBe(one.nras().kid);
    expect(next.nrasKeys().map(({ kid }) => kid)).toEqual([next.nras().kid, one.nras().kid]);
    for (const { chain } of next.nrasKeys()) expect(chain[0]?.spec.notAfter).toBeGreaterThan(AT + DAY + 3600_000);
  });
});

describe('revocation', () => {
  const clock = new AdjustableClock(fixedClock(AT));
  const nvidia = nvidiaAuthorityOf(seededWorld('revocation', clock));
  const serial = Uint8Array.of(0, 0x41, 1);

  test('is of one issuer and serial, leading zeroes aside, from its time on', () => {
    nvidia.revoke('provisioner/GH100', serial, 'superseded');
    expect(nvidia.revocation('provisioner/GH100', serial.subarray(1))).toMatchObject({ at: AT, reason: 'superseded' });
    expect([nvidia.revocation('provisioner/LS10', serial), nvidia.revocation('provisioner/GH100', Uint8Array.of(1))]).toEqual([undefined, undefined]);
    const { revision } = nvidia;
    clock.advance(-DAY);
    expect([nvidia.revocation('provisioner/GH100', serial), nvidia.revocations('provisioner/GH100'), nvidia.revision === revision]).toEqual([undefined, [], false]);
    clock.advance(DAY);
  });

  test('for good cannot be taken back one by one, a hold can, and all of it at once', () => {
    expect(nvidia.release('provisioner/GH100', serial)).toBe(false);
    nvidia.revoke('identity/GH100', serial, 'certificateHold');
    expect([nvidia.release('identity/GH100', serial), nvidia.revocation('identity/GH100', serial)]).toEqual([true, undefined]);
    nvidia.reinstate();
    expect(nvidia.revocations('provisioner/GH100')).toEqual([]);
  });

  test('an authority without a list or a responder is an error of the calling program', () => {
    expect(() => nvidia.crl('provisioner/GH100')).toThrow(TypeError);
    expect(() => nvidia.ocspResponder('nras-intermediate')).toThrow(TypeError);
    expect(() => nvidia.certificate('identity/LS10')).toThrow(TypeError);
  });
});

describe('firmware extensions', () => {
  const deviceKey = authority().key('device-root').spki;

  test('a CompositeDeviceID reads back', () => {
    fc.assert(
      fc.property(bytes(48), (fwid) => {
        const read = readCompositeDeviceId(compositeDeviceId(deviceKey, fwid).value);
        expect([read.version, hex(read.deviceKey), hex(read.fwid)]).toEqual([1, hex(deviceKey), hex(fwid)]);
      }),
    );
  });

  test('a DiceTcbInfo reads back', () => {
    const info = fc.record({ svn: fc.nat(), layer: fc.nat(), index: fc.nat(), fwids: fc.array(bytes(48), { minLength: 1, maxLength: 8 }), flags: bytes(4), vendorInfo: bytes(1), type: bytes(1) });
    fc.assert(
      fc.property(info, (some) => {
        const whole = { ...blackwellTcbInfo('GB202 A01 GSP', FWID), ...some };
        expect(readDiceTcbInfo(diceTcbInfo(whole).value)).toEqual(whole);
      }),
    );
  });

  test.each([
    ['an FWID of 32 bytes', compositeDeviceId(deviceKey, new Uint8Array(32)).value, /48 bytes, has 32/],
    ['another hash', compositeDeviceId(deviceKey, FWID).value.with(-51, 0x03), /SHA-384/],
  ])('with %s are refused', (_, value, rule) => {
    expect(() => readCompositeDeviceId(value)).toThrow(expect.objectContaining({ code: 'ERR_PKI_PARSE', rule: expect.stringMatching(rule) }) as Error);
  });

  test('none gives none', () => expect(readFwid([])).toBeUndefined());
});
