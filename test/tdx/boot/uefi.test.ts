/** What firmware measures: images, variables, tables of partitions, lists of memory, ACPI files. */
import { createHash, X509Certificate } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { CodecError } from '../../../emulator/errors.ts';
import { FIRMWARE_VOLUME, syntheticTdvf } from '../../../emulator/tdx/boot/firmware.ts';
import { secureBootVariables } from '../../../emulator/tdx/boot/secure-boot.ts';
import { syntheticAcpi } from '../../../emulator/tdx/boot/uefi/acpi.ts';
import { GPT_ENTRY, GPT_HEADER, gptEventData } from '../../../emulator/tdx/boot/uefi/gpt.ts';
import { HOB_HANDOFF, HOB_RESOURCE, tdHob } from '../../../emulator/tdx/boot/uefi/hob.ts';
import { authenticodeDigest, syntheticApplication } from '../../../emulator/tdx/boot/uefi/pe.ts';
import { decodeVariable, encodeVariable, signatureList, VARIABLE_GUIDS } from '../../../emulator/tdx/boot/uefi/variables.ts';
import { parseTdvf } from '../../../emulator/tdx/module/tdvf.ts';
import { tdxWorld } from '../machine.ts';

/** CRC-32 as gzip writes it, 8 bytes before its end. */
const crc32 = (src: Uint8Array): number => {
  const zipped = gzipSync(src);
  return zipped.readUInt32LE(zipped.length - 8);
};
const hex = (b: Uint8Array): string => Buffer.from(b).toString('hex');

describe('the Authenticode hash', () => {
  const image = syntheticApplication('test');
  // PE header at 0x80: the optional header begins 24 bytes behind it; its checksum lies at 64, the directory of certificates at 112 + 4 × 8.
  const CHECKSUM = 0x80 + 24 + 64;
  const DIRECTORY = 0x80 + 24 + 112 + 32;
  const changed = (at: number, ...values: readonly number[]): Uint8Array => {
    const copy = image.slice();
    copy.set(values, at);
    return copy;
  };

  test('is SHA-384 over the file without checksum and certificates', () => {
    const parts = [image.subarray(0, CHECKSUM), image.subarray(CHECKSUM + 4, DIRECTORY), image.subarray(DIRECTORY + 8)];
    expect(hex(authenticodeDigest(image))).toBe(createHash('sha384').update(Buffer.concat(parts)).digest('hex'));
  });

  test('does not change with the checksum, nor with certificates put behind', () => {
    const signedImage = Uint8Array.from([...changed(DIRECTORY, 0, 4, 0, 0, 8, 0, 0, 0), 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(hex(authenticodeDigest(changed(CHECKSUM, 1, 2, 3, 4)))).toBe(hex(authenticodeDigest(image)));
    expect(hex(authenticodeDigest(signedImage))).toBe(hex(authenticodeDigest(image)));
  });

  test.each([
    ['its stub', 10],
    ['its headers', 0x100],
    ['its code', 0x210],
    ['its last byte', 1023],
  ])('changes with %s', (_, at) => {
    expect(hex(authenticodeDigest(changed(at, (image[at] ?? 0) ^ 1)))).not.toBe(hex(authenticodeDigest(image)));
  });

  test.each([
    ['no image', new Uint8Array(64)],
    ['a cut image', image.slice(0, 0x100)],
    ['a PE header outside', changed(60, 0xff, 0xff, 0xff, 0x7f)],
    ['PE32', changed(0x80 + 24, 0x0b, 0x01)],
    ['thousands of sections', changed(0x80 + 6, 0xff, 0xff)],
    ['headers longer than the image', changed(0x80 + 24 + 60, 0xff, 0xff, 0xff, 0x7f)],
    ['a section outside', changed(0x80 + 24 + 240 + 16, 0xff, 0xff, 0xff, 0x7f)],
    ['a section over the headers', changed(0x80 + 24 + 240 + 20, 0, 1, 0, 0)],
    ['certificates longer than what is left', changed(DIRECTORY + 4, 1, 0, 0, 0)],
  ])('of %s is refused', (_, src) => {
    expect(() => authenticodeDigest(src)).toThrow(CodecError);
  });
});

describe('variables', () => {
  test('come back', () => {
    const variable = { vendor: VARIABLE_GUIDS.global, name: 'BootOrder', contents: Uint8Array.of(1, 0) };
    expect(decodeVariable(encodeVariable(variable))).toMatchObject({ name: 'BootOrder', contents: variable.contents });
  });

  test.each([
    ['a name longer than the event', 16],
    ['contents longer than the event', 24],
  ])('with %s are refused', (_, at) => {
    const src = encodeVariable({ vendor: VARIABLE_GUIDS.global, name: 'a', contents: new Uint8Array(1) });
    src.fill(0xff, at, at + 8);
    expect(() => decodeVariable(src)).toThrow(CodecError);
  });

  test('of Secure Boot hold certificates that say they are tests, of any world and time', () => {
    const variables = secureBootVariables(tdxWorld(), true);
    expect(variables.map(({ name }) => name)).toEqual(['SecureBoot', 'PK', 'KEK', 'db', 'dbx']);
    for (const { contents } of variables.slice(1, 4)) {
      // List head of 28 bytes and owner of 16.
      const certificate = new X509Certificate(contents.subarray(44));
      expect(certificate.subject).toMatch(/teemu test .* key - do not trust/);
      expect(certificate.verify(certificate.publicKey)).toBe(true);
    }
    expect(secureBootVariables(tdxWorld(), false).map(({ contents }) => contents.length)).toEqual([0, 0, 0, 0, 0]);
  });

  test('hold signatures of one length a list', () => {
    expect(() => signatureList('sha256', [new Uint8Array(32), new Uint8Array(31)])).toThrow(RangeError);
  });
});

test('a table of partitions has checksums over header and entries', () => {
  const partition = { type: '4f68bce3-e8cd-4db1-96e7-fbcaf984b709', unique: '4f68bce3-e8cd-4db1-96e7-fbcaf984b70a', firstBlock: 34n, lastBlock: 99n, name: 'ROOT' };
  const data = gptEventData(partition.type, 200n, [partition]);
  expect(data).toHaveLength(92 + 8 + 128);
  const header = GPT_HEADER.decode(data.subarray(0, 92));
  const blank = data.slice(0, 92);
  blank.fill(0, 16, 20);
  expect(header.headerCrc).toBe(crc32(blank));
  const entries = new Uint8Array(128 * 128);
  entries.set(data.subarray(100));
  expect(header.entriesCrc).toBe(crc32(entries));
  expect(Buffer.from(GPT_ENTRY.decode(data.subarray(100)).name).toString('utf16le')).toContain('ROOT');
});

test('a list of memory says what was added and what lies between', () => {
  const list = tdHob(0x2000n, 0x10000n, [
    { gpa: 0x8000n, size: 0x1000 },
    { gpa: 0x2000n, size: 0x2000 },
  ]);
  const { endOfList, version } = HOB_HANDOFF.decode(list.subarray(0, 56));
  expect([version, endOfList]).toEqual([9, 0x2000n + BigInt(list.length)]);
  const ranges = Array.from({ length: 5 }, (_, i) => HOB_RESOURCE.decode(list.subarray(56 + i * 48, 104 + i * 48))).map(({ resourceType, start, length }) => [resourceType, start, length]);
  expect(ranges).toEqual([
    [7, 0n, 0x2000n],
    [0, 0x2000n, 0x2000n],
    [7, 0x4000n, 0x4000n],
    [0, 0x8000n, 0x1000n],
    [7, 0x9000n, 0x7000n],
  ]);
});

test('tables of ACPI have checksums', () => {
  const { tables } = syntheticAcpi();
  const view = new DataView(tables.buffer, tables.byteOffset);
  for (let at = 0; at < tables.length; at += view.getUint32(at + 4, true)) expect(tables.subarray(at, at + view.getUint32(at + 4, true)).reduce((sum, byte) => (sum + byte) & 0xff, 0)).toBe(0);
});

describe('the synthetic firmware', () => {
  const image = syntheticTdvf();
  test('has the sections that a VMM starts a TD with', () => {
    expect(parseTdvf(image).map(({ type, extend }) => [type, extend])).toEqual([
      ['bfv', true],
      ['cfv', false],
      ['tempMem', false],
      ['tempMem', false],
      ['tdHob', false],
    ]);
  });

  test('ends at 4 GiB, variables first', () => {
    const [code, variables] = parseTdvf(image);
    expect([variables?.gpa, code?.gpa].map((gpa) => gpa?.toString(16))).toEqual(['fffc0000', 'fffe0000']);
    expect((code?.gpa ?? 0n) + BigInt(code?.size ?? 0)).toBe(1n << 32n);
  });

  test('has a firmware volume whose 16-bit words add up to 0', () => {
    const head = image.slice(0, FIRMWARE_VOLUME.size);
    const view = new DataView(head.buffer);
    expect(Array.from({ length: head.length / 2 }, (_, i) => view.getUint16(i * 2, true)).reduce((sum, word) => (sum + word) & 0xffff, 0)).toBe(0);
    expect(FIRMWARE_VOLUME.decode(head)).toMatchObject({ length: 0x20000n, blocks: 32, blockSize: 4096 });
  });
});
