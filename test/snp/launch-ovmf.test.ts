import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { dump } from '../../emulator/codec/dump.ts';
import type { Layout } from '../../emulator/codec/layout.ts';
import { CodecError, TeemuError } from '../../emulator/errors.ts';
import { footerTable, syntheticFirmware, syntheticInitrd, syntheticKernel, TDX_METADATA, TDX_SECTION } from '../../emulator/snp/launch/firmware.ts';
import { launchPages } from '../../emulator/snp/launch/measure.ts';
import { FOOTER_FROM_END, MAX_SECTIONS, parseOvmf, SEV_METADATA, SEV_SECTION, TABLE_ADDRESS, TABLE_AREA, TABLE_ENTRY, TABLE_GUIDS } from '../../emulator/snp/launch/ovmf.ts';
import { iterations } from '../hostile/iterations.ts';

const image = syntheticFirmware({ size: 8192 });
const footerAt = image.length - FOOTER_FROM_END - TABLE_ENTRY.size;
/** From the entry's data back to its offset in the image. */
const find = (needle: Uint8Array): number => Buffer.from(image).lastIndexOf(needle);
const metadataAt = find(new TextEncoder().encode('ASEV'));

function patched(at: number, bytes: Uint8Array): Uint8Array {
  const copy = image.slice();
  copy.set(bytes, at);
  return copy;
}
const le32 = (value: number): Uint8Array => TABLE_ADDRESS.encode({ value });
/** The image with one field of its SEV metadata, or of one section, changed. */
const withMetadata = (field: keyof typeof SEV_METADATA.rows, value: number): Uint8Array => patched(metadataAt + SEV_METADATA.locate(field).at, le32(value));
const withSection = (index: number, field: keyof typeof SEV_SECTION.rows, value: number): Uint8Array => patched(metadataAt + SEV_METADATA.size + index * SEV_SECTION.size + SEV_SECTION.locate(field).at, le32(value));
/** An image whose footer table holds these entries only. */
function withTable(entries: Parameters<typeof footerTable>[0]): Uint8Array {
  const table = footerTable(entries);
  return patched(image.length - FOOTER_FROM_END - table.length, table);
}
const address = (guid: string, value: number): { guid: string; data: Uint8Array } => ({ guid, data: le32(value) });

describe('a firmware image', () => {
  test('says where processors start, where hashes go, and what must be prepared', () => {
    const parsed = parseOvmf(image);
    expect(parsed).toMatchObject({ gpa: 0x1_0000_0000 - 8192, resetEip: 0x80_b004, hashTable: { base: 0x81_0c00, size: 0x400 }, svsmEntry: undefined });
    expect(parsed.sections.map(({ type }) => type)).toEqual(['secMem', 'secMem', 'secrets', 'cpuid', 'svsmCaa', 'kernelHashes', 'secMem']);
  });

  test('may lack SEV metadata', () => {
    expect(parseOvmf(withTable([address(TABLE_GUIDS.resetBlock, 16)]))).toMatchObject({ sections: [], resetEip: 16, hashTable: undefined });
  });

  test('may have entries that nobody here knows', () => {
    const guid = '00112233-4455-6677-8899-aabbccddeeff';
    expect(parseOvmf(withTable([{ guid, data: Uint8Array.of(1, 2, 3) }])).table.get(guid)).toEqual(Uint8Array.of(1, 2, 3));
  });

  test('of an SVSM ends below the firmware and says where it starts', () => {
    const end = 0xffe0_0000;
    expect(parseOvmf(syntheticFirmware({ size: 8192, svsmEntry: 0x40 }), end)).toMatchObject({ gpa: end - 8192, svsmEntry: end - 8192 + 0x40 });
  });

  test.each<[string, Uint8Array, string, string, number]>([
    ['is not empty', new Uint8Array(0), 'ERR_CODEC_LENGTH', 'ovmf', 0],
    ['is whole pages', image.slice(1), 'ERR_CODEC_LENGTH', 'ovmf', 8191],
    ['is no larger than QEMU maps', new Uint8Array((16 << 20) + 4096), 'ERR_CODEC_LENGTH', 'ovmf', (16 << 20) + 4096],
    ['has a footer', patched(footerAt + 2, new Uint8Array(16)), 'ERR_CODEC_RANGE', 'ovmf.footer.guid', footerAt + 2],
    ['has a table no shorter than its footer', patched(footerAt, Uint8Array.of(17, 0)), 'ERR_CODEC_LENGTH', 'ovmf.footer.length', footerAt],
    ['has a table that begins inside the image', patched(footerAt, Uint8Array.of(0xff, 0xff)), 'ERR_CODEC_LENGTH', 'ovmf.footer.length', footerAt],
    ['has a table made of whole entries', patched(footerAt, Uint8Array.of(19, 0)), 'ERR_CODEC_LENGTH', 'ovmf.table', footerAt - 1],
    ['has entries no shorter than their header', patched(footerAt - 18, Uint8Array.of(17, 0)), 'ERR_CODEC_LENGTH', 'ovmf.table.entry.length', footerAt - 18],
    ['has entries that end inside the table', patched(footerAt - 18, Uint8Array.of(0xff, 0x7f)), 'ERR_CODEC_LENGTH', 'ovmf.table.entry.length', footerAt - 18],
    ['has no entry twice', withTable([address(TABLE_GUIDS.resetBlock, 1), address(TABLE_GUIDS.resetBlock, 2)]), 'ERR_CODEC_RANGE', 'ovmf.table.entry.guid', footerAt - 38],
    ['has a whole reset address', withTable([{ guid: TABLE_GUIDS.resetBlock, data: new Uint8Array(3) }]), 'ERR_CODEC_TRUNCATED', 'ovmf.table.resetBlock', footerAt - 21],
    ['has nothing after the reset address', withTable([{ guid: TABLE_GUIDS.resetBlock, data: new Uint8Array(5) }]), 'ERR_CODEC_LENGTH', 'ovmf.table.resetBlock', footerAt - 23],
    ['has a whole area for hashes', withTable([{ guid: TABLE_GUIDS.hashTable, data: new Uint8Array(4) }]), 'ERR_CODEC_TRUNCATED', 'ovmf.table.hashTable', footerAt - 22],
    ['has an SVSM entry point inside itself', withTable([address(TABLE_GUIDS.svsmInfo, 8192)]), 'ERR_CODEC_RANGE', 'ovmf.table.svsmInfo.value', footerAt - 22],
    ['has metadata inside itself', withTable([address(TABLE_GUIDS.sevMetadata, 8193)]), 'ERR_CODEC_RANGE', 'ovmf.table.sevMetadata.value', footerAt - 22],
    ['has a whole metadata header', withTable([address(TABLE_GUIDS.sevMetadata, 15)]), 'ERR_CODEC_RANGE', 'ovmf.table.sevMetadata.value', footerAt - 22],
    ['has signed metadata', withMetadata('signature', 0), 'ERR_CODEC_RANGE', 'ovmf.sev-metadata.signature', metadataAt],
    ['has metadata of version 1', withMetadata('version', 2), 'ERR_CODEC_RANGE', 'ovmf.sev-metadata.version', metadataAt + 8],
    ['has few sections', withMetadata('sections', MAX_SECTIONS + 1), 'ERR_CODEC_RANGE', 'ovmf.sev-metadata.sections', metadataAt + 12],
    ['has no sections without number', withMetadata('sections', 0xffff_ffff), 'ERR_CODEC_RANGE', 'ovmf.sev-metadata.sections', metadataAt + 12],
    ['has metadata as long as its sections', withMetadata('length', 99), 'ERR_CODEC_LENGTH', 'ovmf.sev-metadata.length', metadataAt + 4],
    ['has sections of known type', withSection(0, 'type', 5), 'ERR_CODEC_RANGE', 'ovmf.sev-metadata.section.0.type', metadataAt + 24],
    ['has sections at whole pages', withSection(1, 'gpa', 0x80_a800), 'ERR_CODEC_RANGE', 'ovmf.sev-metadata.section.1.gpa', metadataAt + 28],
    ['has sections of whole pages', withSection(1, 'size', 0x2800), 'ERR_CODEC_RANGE', 'ovmf.sev-metadata.section.1.size', metadataAt + 32],
    ['has no empty section', withSection(1, 'size', 0), 'ERR_CODEC_RANGE', 'ovmf.sev-metadata.section.1.size', metadataAt + 32],
    ['has one page of secrets', withSection(2, 'size', 0x2000), 'ERR_CODEC_RANGE', 'ovmf.sev-metadata.section.2.size', metadataAt + 44],
    ['has sections apart from one another', withSection(1, 'gpa', 0x80_8000), 'ERR_CODEC_RANGE', 'ovmf.sev-metadata.section.1.gpa', metadataAt + 28],
    ['has sections apart from itself', withSection(0, 'gpa', 0xffff_f000), 'ERR_CODEC_RANGE', 'ovmf.sev-metadata.section.0.gpa', metadataAt + 16],
    ['has sections of bounded size', withSection(0, 'size', 0x4000_0000), 'ERR_CODEC_RANGE', 'ovmf.sev-metadata.section.0.size', metadataAt + 20],
  ])('%s', (_, src, code, path, at) => {
    expect(() => parseOvmf(src)).toThrow(expect.objectContaining({ name: 'CodecError', code, path, at }));
  });
});

describe('the synthetic firmware', () => {
  const sizes = fc.integer({ min: 1, max: 64 }).map((pages) => pages * 4096);
  const options = fc.record({ size: sizes, kernelHashes: fc.boolean(), svsmCaa: fc.boolean() });
  test('reads back as it was asked for, and is the same bytes every time', () => {
    fc.assert(
      fc.property(options, (wanted) => {
        const built = syntheticFirmware(wanted);
        expect(Buffer.compare(built, syntheticFirmware(wanted))).toBe(0);
        const { bytes, sections, hashTable } = parseOvmf(built);
        expect(bytes.length).toBe(wanted.size);
        expect(sections.some(({ type }) => type === 'kernelHashes')).toBe(wanted.kernelHashes);
        expect(hashTable?.base !== 0).toBe(wanted.kernelHashes);
        expect(sections.some(({ type }) => type === 'svsmCaa')).toBe(wanted.svsmCaa);
      }),
      { numRuns: 50 },
    );
  });

  test('says at its start and in its last page that it is synthetic', () => {
    const text = 'teemu synthetic test firmware';
    expect(Buffer.from(image).indexOf(text)).toBe(0);
    expect(Buffer.from(image.subarray(-4096)).indexOf(text)).toBe(0);
  });

  test('halts at the reset vector', () => {
    expect([...image.subarray(-16, -12)]).toEqual([0xfa, 0xf4, 0xeb, 0xfd]);
  });

  test('has TDX metadata that covers the whole image', () => {
    const at = image.length - TABLE_ADDRESS.decode(parseOvmf(image).table.get(TABLE_GUIDS.tdxMetadata) ?? new Uint8Array(0)).value;
    const header = TDX_METADATA.decode(image.subarray(at, at + TDX_METADATA.size));
    expect(String.fromCharCode(...header.signature)).toBe('TDVF');
    expect(header.length).toBe(TDX_METADATA.size + header.sections * TDX_SECTION.size);
    const first = TDX_SECTION.decode(image.subarray(at + TDX_METADATA.size, at + TDX_METADATA.size + TDX_SECTION.size));
    expect(first).toMatchObject({ rawDataSize: image.length, memoryAddress: 0x1_0000_0000n - BigInt(image.length), attributes: 1 });
  });

  test.each([0, 100, 4097, 32 << 20])('cannot be %i bytes', (size) => {
    expect(() => syntheticFirmware({ size })).toThrow(RangeError);
  });

  test('its kernel has the signature of a Linux boot sector and header', () => {
    const kernel = Buffer.from(syntheticKernel());
    expect([kernel.readUInt16LE(0x1fe), kernel.toString('latin1', 0x202, 0x206)]).toEqual([0xaa55, 'HdrS']);
  });

  test('its RAM disk is a cpio archive with one file and a trailer', () => {
    const archive = Buffer.from(syntheticInitrd()).toString('latin1');
    const size = Number.parseInt(archive.slice(54, 62), 16);
    expect(archive.slice(0, 6)).toBe('070701');
    expect(archive.slice(110, 117)).toBe('README\0');
    // The file's contents begin at the next multiple of 4, and the trailer at the one after them.
    const trailer = Math.ceil((120 + size) / 4) * 4;
    expect(archive.slice(trailer, trailer + 6)).toBe('070701');
    expect(archive.slice(trailer + 110, trailer + 121)).toBe('TRAILER!!!\0');
  });
});

describe('hostile images', () => {
  const tables: Layout[] = [TABLE_ENTRY, TABLE_ADDRESS, TABLE_AREA, SEV_METADATA, SEV_SECTION, TDX_METADATA, TDX_SECTION] as unknown as Layout[];
  test('every table can be shown whatever its bytes are', () => {
    for (const layout of tables) expect(dump(layout, new Uint8Array(layout.size).fill(0xff)).length).toBeGreaterThan(0);
  });

  /** Where the bytes that the parser reads lie: half of all edits go there. */
  const interesting = [...Array.from({ length: 160 }, (_, i) => image.length - FOOTER_FROM_END - 160 + i), ...Array.from({ length: 100 }, (_, i) => metadataAt + i)];
  const position = fc.oneof(fc.constantFrom(...interesting), fc.nat(image.length - 1));
  const edit = fc.record({ at: position, value: fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255)) });
  const hostile = fc.oneof(
    { weight: 8, arbitrary: fc.array(edit, { minLength: 1, maxLength: 4 }).map((edits) => edits.reduce((copy, { at, value }) => copy.with(at, value), image)) },
    { weight: 1, arbitrary: fc.nat(image.length).map((at) => image.slice(at)) },
    { weight: 1, arbitrary: fc.uint8Array({ minLength: 4096, maxLength: 4096, size: 'max' }) },
  );

  test(`${iterations} of them give a parsed image whose launch is bounded, or a typed error with its place`, () => {
    let parsed = 0;
    let refused = 0;
    fc.assert(
      fc.property(hostile, (src) => {
        try {
          let pages = 0;
          for (const page of launchPages({ ovmf: src, vcpuSignature: 0 })) pages += page.type === 'vmsa' ? 0 : 1;
          expect(pages).toBeLessThanOrEqual(src.length / 4096 + (64 << 20) / 4096);
          parsed++;
        } catch (error) {
          if (!(error instanceof TeemuError)) throw error;
          if (error instanceof CodecError) expect(error.at).toBeLessThanOrEqual(src.length);
          refused++;
        }
      }),
      { numRuns: iterations },
    );
    // Both sides were reached: the generator is neither too wild nor too tame.
    expect(Math.min(parsed, refused)).toBeGreaterThan(iterations / 20);
  }, 600_000);
});
