import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CodecError, ConfigError } from '../../emulator/errors.ts';
import {
  CERTIFICATE_GUIDS,
  CERTIFICATE_TABLE_ENTRY,
  type CertificateKind,
  type CertificateTableEntry,
  certificateTableSize,
  decodeCertificateTable,
  encodeCertificateTable,
  googlePlatformInfo,
  MAX_TABLE_SIZE,
} from '../../emulator/snp/certificate-table.ts';

const VCEK: CertificateTableEntry = { kind: 'VCEK', contents: Uint8Array.of(1, 2, 3) };
const ASK: CertificateTableEntry = { kind: 'ASK', contents: Uint8Array.of(4, 5) };
const entry = (offset: number, length: number): Uint8Array => CERTIFICATE_TABLE_ENTRY.encode({ guid: new Uint8Array(16).fill(1), offset, length });
const table = (...parts: readonly Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));
const END = new Uint8Array(CERTIFICATE_TABLE_ENTRY.size);
const hex = (b: Uint8Array): string => Buffer.from(b).toString('hex');

describe('a certificate table', () => {
  test('lies as the GHCB specification has it: entries, an entry of zeros, then the contents', () => {
    const bytes = encodeCertificateTable([VCEK, ASK]);
    const view = new DataView(bytes.buffer);
    expect([view.getUint32(16, true), view.getUint32(20, true), view.getUint32(40, true), view.getUint32(44, true)]).toEqual([72, 3, 75, 2]);
    expect(bytes.subarray(48, 72)).toEqual(END);
    expect(bytes.subarray(72)).toEqual(Uint8Array.of(1, 2, 3, 4, 5));
  });

  test('names its entries by GUIDs in the order in which they are written', () => {
    expect(hex(encodeCertificateTable([VCEK]).subarray(0, 16))).toBe('63da758de6644564adc5f4b93be8accd');
  });

  test('can have them as Microsoft has GUIDs: three groups turned round', () => {
    const bytes = encodeCertificateTable([VCEK], { guidOrder: 'little-endian' });
    expect(hex(bytes.subarray(0, 16))).toBe('8d75da6364e66445adc5f4b93be8accd');
    expect(decodeCertificateTable(bytes, { guidOrder: 'little-endian' })).toEqual([VCEK]);
    expect(decodeCertificateTable(bytes)).toEqual([{ kind: 'other', guid: '8d75da63-64e6-6445-adc5-f4b93be8accd', contents: VCEK.contents }]);
  });

  test('holds every kind, and what somebody else puts in', () => {
    const entries: CertificateTableEntry[] = [
      ...(Object.keys(CERTIFICATE_GUIDS) as CertificateKind[]).map((kind, i): CertificateTableEntry => ({ kind, contents: new Uint8Array(i + 1).fill(i) })),
      { kind: 'other', guid: '00112233-4455-6677-8899-aabbccddeeff', contents: new Uint8Array(7) },
    ];
    expect(decodeCertificateTable(encodeCertificateTable(entries))).toEqual(entries);
  });

  test('comes back as it went', () => {
    const kind = fc.constantFrom(...(Object.keys(CERTIFICATE_GUIDS) as CertificateKind[]));
    fc.assert(
      fc.property(fc.array(fc.record({ kind, contents: fc.uint8Array({ maxLength: 64 }) }), { maxLength: 12 }), fc.constantFrom('textual' as const, 'little-endian' as const), (entries, guidOrder) => {
        expect(decodeCertificateTable(encodeCertificateTable(entries, { guidOrder }), { guidOrder })).toEqual(entries);
      }),
    );
  });

  test('may be empty', () => {
    expect(encodeCertificateTable([])).toEqual(END);
    expect(decodeCertificateTable(END)).toEqual([]);
  });

  test('may be followed by padding, which its size leaves out', () => {
    const bytes = encodeCertificateTable([VCEK, ASK]);
    const padded = new Uint8Array(4096);
    padded.set(bytes);
    expect(decodeCertificateTable(padded)).toEqual([VCEK, ASK]);
    expect([certificateTableSize(padded), certificateTableSize(END), certificateTableSize(new Uint8Array())]).toEqual([bytes.length, 24, 0]);
  });

  test.each<[string, Uint8Array, string, number]>([
    ['no byte', new Uint8Array(), 'ERR_CODEC_TRUNCATED', 0],
    ['a list that does not end', table(entry(24, 0)), 'ERR_CODEC_TRUNCATED', 24],
    ['an end that is cut short', table(entry(48, 0), END.subarray(1)), 'ERR_CODEC_TRUNCATED', 24],
    ['contents past the end', table(entry(48, 2), END, Uint8Array.of(1)), 'ERR_CODEC_LENGTH', 0],
    ['an offset past the end', table(entry(49, 0), END), 'ERR_CODEC_LENGTH', 0],
    ['contents over the list', table(entry(47, 1), END, Uint8Array.of(1)), 'ERR_CODEC_LENGTH', 0],
    ['an offset and a length that wrap in 32 bits', table(entry(0xffff_ffff, 0xffff_ffff), END), 'ERR_CODEC_LENGTH', 0],
    ['entries that share their contents', table(entry(72, 3), entry(72, 3), END, new Uint8Array(3)), 'ERR_CODEC_LENGTH', 24],
    ['more than 64 entries', table(...Array.from({ length: 65 }, () => entry(2000, 0)), END), 'ERR_CODEC_RANGE', 64 * 24],
    ['more than 1 MiB', new Uint8Array(MAX_TABLE_SIZE + 1), 'ERR_CODEC_RANGE', 0],
  ])('is refused for %s', (_, bytes, code, at) => {
    expect(() => decodeCertificateTable(bytes)).toThrow(expect.toSatisfy((error) => error instanceof CodecError && error.code === code && error.at === at));
  });

  test('of 64 entries is read', () => {
    expect(decodeCertificateTable(table(...Array.from({ length: 64 }, () => entry(65 * 24, 0)), END))).toHaveLength(64);
  });

  test.each<[string, CertificateTableEntry[]]>([
    ['a GUID that is none', [{ kind: 'other', guid: '63da758d', contents: new Uint8Array() }]],
    ['more than 64 entries', Array.from({ length: 65 }, () => VCEK)],
    ['more than 1 MiB', [{ kind: 'CRL', contents: new Uint8Array(MAX_TABLE_SIZE) }]],
  ])('is not made with %s', (_, entries) => {
    expect(() => encodeCertificateTable(entries)).toThrow(ConfigError);
  });

  test("holds Google's platform info as its length and CPUID Fn0000_0001_EAX", () => {
    expect(hex(googlePlatformInfo(0x00a0_0f11))).toBe('08000000110fa000');
  });
});
