/** NVIDIA's certificates byte for byte against the genuine ones: what may differ is keys, their identifiers, serials drawn at random, signatures, and the test marker in the roots. */
import { expect, test } from 'vitest';
import { genuineOwner } from '../../../emulator/crypto/genuine.ts';
import { type DeviceIdentity, NvidiaAuthority } from '../../../emulator/h100/pki/authority.ts';
import { readCompositeDeviceId, readDiceTcbInfo, readFwid } from '../../../emulator/h100/pki/fwid.ts';
import type { CertificateSpec } from '../../../emulator/pki/issue.ts';
import { readSuccessful } from '../../../emulator/pki/ocsp/response.ts';
import type { NvidiaAuthorityId, NvidiaCaId } from '../../../emulator/pki/profiles/nvidia.ts';
import type { NvidiaChip } from '../../../emulator/pki/profiles/nvidia-chips.ts';
import { pemBlocks, type ReadCertificate, readCertificate, readName } from '../../../emulator/pki/read.ts';
import { fixedClock, seededWorld } from '../../../emulator/world.ts';
import { withoutMarker } from '../../pki/without-marker.ts';
import { describeReal, realSample } from '../../real-samples.ts';

/** Within the life of every genuine certificate that ends. */
const AT = Date.parse('2025-06-01T12:00:00Z');
const POINT = 97;
const KEY_ID = 20;
const AKI = '2.5.29.35';
const SKI = '2.5.29.14';
const SAN = '2.5.29.17';
const authority = (at = AT): NvidiaAuthority => new NvidiaAuthority(seededWorld('nvidia', fixedClock(at)));
const hex = (src: Uint8Array): string => Buffer.from(src).toString('hex');
const textHex = (text: string): string => hex(Buffer.from(text, 'latin1'));
const valueIn = (c: ReadCertificate, oid: string): Uint8Array => c.extensions.find((e) => e.oid === oid)?.value ?? new Uint8Array(0);

/** The signed part in hex, without what depends on keys or is drawn at random. @param issuer whose key stands in it too */
function form(c: ReadCertificate, issuer?: ReadCertificate): string {
  const serial = hex(c.serial).replace(/^00/, '');
  const blank = [
    hex(c.spki.subarray(-POINT)),
    ...(issuer ? [hex(issuer.spki.subarray(-POINT))] : []),
    hex(valueIn(c, SKI).subarray(-KEY_ID)),
    hex(valueIn(c, AKI).subarray(-KEY_ID)),
    serial,
    textHex(serial.toUpperCase()),
    // The last 5 bytes of the EUI-64, in hexadecimal.
    ...(valueIn(c, SAN).length > 0 ? [hex(valueIn(c, SAN).subarray(-10))] : []),
  ];
  return blank.reduce((text, part) => text.replaceAll(part, '#'.repeat(part.length)), hex(c.tbs));
}
const chainOf = (file: string): ReadCertificate[] => pemBlocks(realSample(`h100/${file}.chain.pem`), 'CERTIFICATE').map((der) => readCertificate(der));
/** Serial and dates of a genuine certificate. */
const as =
  ({ serial, notBefore, notAfter }: ReadCertificate) =>
  (spec: CertificateSpec): CertificateSpec => ({ ...spec, serial, notBefore, notAfter });

const CHAINS: Readonly<Record<string, NvidiaChip>> = {
  'gh100-550.90.07': 'GH100',
  'gh100-570.124.06': 'GH100',
  'gh100-590.12': 'GH100',
  'gh100-certhold': 'GH100',
  'gh100-coco': 'GH100',
  'gh100-multi0': 'GH100',
  'gh100-multi1': 'GH100',
  'gh100-multi2': 'GH100',
  'gh100-multi3': 'GH100',
  'gh100-sdk-old': 'GH100',
  'gh100-sdk': 'GH100',
  'gh100-tinfoil': 'GH100',
  'blackwell-590.48.01': 'GB100',
  'blackwell-sdk': 'GB100',
  'blackwell-veraison': 'GB100',
  'ls10-sdk': 'LS10',
  'ls10-multi0': 'LS10',
  'ls10-multi1': 'LS10',
  'ls10-multi2': 'LS10',
  'ls10-multi3': 'LS10',
};

describeReal.each(Object.entries(CHAINS))('the chain of %s, byte for byte', (file, architecture) => {
  const read = (): { genuine: ReadCertificate[]; ours: ReadCertificate[] } => {
    const genuine = chainOf(file);
    const device: DeviceIdentity = { architecture, pdi: genuine[1]?.serial.subarray(1) ?? new Uint8Array(8), fwid: readFwid(genuine[0]?.extensions ?? []) ?? new Uint8Array(48) };
    return {
      genuine,
      ours: authority()
        .deviceCertificates(device)
        .map(({ der }) => readCertificate(der)),
    };
  };

  test.each([
    [0, 'attestation key'],
    [1, 'boot ROM'],
    [2, 'provisioner'],
    [3, 'identity authority'],
  ])('certificate %i, the %s', (i) => {
    const { genuine, ours } = read();
    const issuer = (chain: ReadCertificate[]): ReadCertificate | undefined => (i === 0 ? chain[1] : undefined);
    expect(form(ours[i] as ReadCertificate, issuer(ours))).toBe(form(genuine[i] as ReadCertificate, issuer(genuine)));
  });

  test('the root, but for the marker', () => {
    const { genuine, ours } = read();
    expect(form(readCertificate(withoutMarker((ours[4] as ReadCertificate).der)))).toBe(form(genuine[4] as ReadCertificate));
  });

  test('the serial of the attestation key is its identifier with the first two bits 01', () => {
    const rule = (c: ReadCertificate | undefined): string =>
      hex(
        valueIn(c as ReadCertificate, SKI)
          .subarray(-KEY_ID)
          .map((byte, n) => (n === 0 ? (byte & 0x3f) | 0x40 : byte)),
      );
    const { genuine, ours } = read();
    expect(hex(genuine[0]?.serial ?? new Uint8Array(0))).toBe(rule(genuine[0]));
    expect(hex(ours[0]?.serial ?? new Uint8Array(0))).toBe(rule(ours[0]));
  });

  test('the firmware extension names the key of the boot ROM', () => {
    const { genuine, ours } = read();
    for (const [leaf, brom] of [genuine, ours]) {
      const { oid, value } = leaf?.extensions.at(-1) ?? { oid: '', value: new Uint8Array(0) };
      if (architecture === 'GB100') expect([oid, readDiceTcbInfo(value).model]).toEqual(['2.23.133.5.4.1.1', 'GB100 A01 GSP']);
      else expect([oid, hex(readCompositeDeviceId(value).deviceKey)]).toEqual(['2.23.133.5.4.1', hex(brom?.spki ?? new Uint8Array(0))]);
    }
  });
});

/** Certificates in a RIM, in DER. */
const rimChain = (file: string): ReadCertificate[] =>
  [
    ...Buffer.from(realSample(`h100/rim/${file}`))
      .toString('latin1')
      .matchAll(/<ds:X509Certificate>([^<]+)</g),
  ].map(([, text = '']) => readCertificate(new Uint8Array(Buffer.from(text.replaceAll('&#13;', ''), 'base64'))));

describeReal.each([
  ['NV_GPU_DRIVER_GH100_550.144.03.xml', 'driver', 'GH100'],
  ['NV_GPU_DRIVER_GH100_550.90.07.xml', 'driver', 'GH100'],
  ['NV_GPU_VBIOS_1010_0200_882_96009F0001.xml', 'vbios', 'GH100'],
  ['NV_SWITCH_BIOS_5612_0002_890_9610550001.xml', 'switch', 'LS10'],
] as const)('the signers of %s, byte for byte', (file, kind, chip) => {
  test.each(['l4', 'l3', 'ca'] as const)('%s, for its serial and dates', (level) => {
    const at = ['l4', 'l3', 'ca'].indexOf(level);
    const genuine = rimChain(file)[at] as ReadCertificate;
    const ours = authority().rimSigner(kind, chip, { [level]: { edit: as(genuine) } }).chain[at];
    expect(form(readCertificate(ours?.der ?? new Uint8Array(0)))).toBe(form(genuine));
  });

  test('the root, but for the marker', () => {
    const [, , , genuine] = rimChain(file);
    const ours = readCertificate(withoutMarker(authority().root('rim').der));
    expect(form(ours)).toBe(form(genuine as ReadCertificate));
  });
});

describeReal('lives and serials in the signers of RIMs', () => {
  test.each([
    ['rim-l4/driver/GH100', 'NV_GPU_DRIVER_GH100_550.144.03.xml', 0, '2025-06-01'],
    ['rim-l3/GH100', 'NV_GPU_DRIVER_GH100_550.144.03.xml', 1, '2025-06-01'],
    ['rim-ca/GH100', 'NV_GPU_DRIVER_GH100_550.144.03.xml', 2, '2025-06-01'],
    ['rim-l3/LS10', 'NV_SWITCH_BIOS_5612_0002_890_9610550001.xml', 1, '2025-06-01'],
    ['rim-ca/LS10', 'NV_SWITCH_BIOS_5612_0002_890_9610550001.xml', 2, '2025-06-01'],
  ] as const)('%s without any edit', (id, file, at, when) => {
    const genuine = rimChain(file)[at] as ReadCertificate;
    expect(form(readCertificate(authority(Date.parse(when)).certificate(id).der))).toBe(form(genuine));
  });
});

/** Who answers for which authority, and when his genuine certificate is valid. */
const RESPONDERS: readonly (readonly [issuer: NvidiaCaId, file: string, at: string])[] = [
  ['device-root', 'gpu-certificate-l2', '2023-06-01'],
  ['identity/GH100', 'gpu-certificate-l3', '2023-06-01'],
  ['provisioner/GH100', 'gpu-certificate-l4', '2023-06-01'],
  ['rim-root', 'gpu-rim-l2', '2024-06-01'],
  ['rim-ca/GH100', 'gpu-driver-rim-l3', '2024-06-01'],
  ['rim-l3/GH100', 'gpu-driver-rim-l4', '2024-06-01'],
  ['rim-l3/GH100', 'gpu-vbios-l4', '2024-06-01'],
];

describeReal('OCSP responders, byte for byte with their dates', () => {
  test.each(RESPONDERS)('for %s, in %s', (issuer, file, at) => {
    const [genuine = new Uint8Array(0)] = readSuccessful(realSample(`h100/ocsp/${file}.ocsp.der`)).certificates;
    const { certificate } = authority(Date.parse(at)).ocspResponder(issuer);
    expect(form(readCertificate(certificate.der))).toBe(form(readCertificate(genuine)));
  });
});

describeReal('NRAS', () => {
  test('the intermediate authority, byte for byte with its dates', () => {
    const genuine = readCertificate(realSample('h100/nras/intermediate-003.der'));
    const id: NvidiaAuthorityId = 'nras-intermediate';
    expect(form(readCertificate(authority(Date.parse('2026-06-01')).certificate(id).der))).toBe(form(genuine));
  });

  test('the signing certificate in every part but the algorithm, and in how long it lives', () => {
    const genuine = readCertificate(realSample('h100/nras/x5c-0.der'));
    const ours = readCertificate(authority().nras().chain[0]?.der ?? new Uint8Array(0));
    const parts = (c: ReadCertificate): unknown => ({
      // The genuine one is signed with RSA by the fourth intermediate authority.
      issuer: hex(c.issuer).replace(textHex('004'), textHex('003')),
      subject: hex(c.subject),
      serial: c.serial.length,
      life: c.notAfter - c.notBefore,
      key: hex(c.spki.subarray(0, -POINT)),
      extensions: c.extensions.map(({ oid, critical, value }) => [oid, critical, oid === SKI || oid === AKI ? hex(value.subarray(0, -KEY_ID)) : hex(value)]),
    });
    expect(parts(ours)).toEqual(parts(genuine));
  });

  test('the name of a key in the key set has the genuine form', () => {
    const keys = JSON.parse(Buffer.from(realSample('h100/nras/jwks-2026-06-29.json')).toString('utf8')) as { keys: { kid: string }[] };
    for (const { kid } of [...keys.keys, authority().nras()]) expect(kid).toMatch(/^nv-eat-kid-prod-20\d{15}-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
});

describeReal('the genuine keys of NVIDIA', () => {
  const authorities = (): ReadCertificate[] => [
    ...['gh100-590.12', 'blackwell-590.48.01', 'ls10-sdk'].flatMap((file) => chainOf(file).slice(2)),
    ...['NV_GPU_DRIVER_GH100_550.90.07.xml', 'NV_SWITCH_BIOS_5612_0002_890_9610550001.xml'].flatMap((file) => rimChain(file).slice(1)),
    ...['intermediate-002', 'intermediate-003', 'x5c-1'].map((file) => readCertificate(realSample(`h100/nras/${file}.der`))),
  ];

  test('are known, each by its own name, and refused as keys to certify', () => {
    for (const { spki, subject } of authorities()) {
      const name = readName(subject).find(([oid]) => oid === '2.5.4.3')?.[1];
      expect(genuineOwner(spki)).toBe(name);
      expect(() => authority().certificate('identity/GH100', { edit: (spec) => ({ ...spec, spki }) })).toThrow(expect.objectContaining({ code: 'ERR_KEY_NOT_TEST' }) as Error);
    }
  });
});
