/** MRTD: the commands that a VMM makes of TDX metadata, in both orders, and what they measure. */
import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { CodecError } from '../../emulator/errors.ts';
import { syntheticFirmware } from '../../emulator/snp/launch/firmware.ts';
import { guidBytes } from '../../emulator/codec/guid.ts';
import { TABLE_GUIDS } from '../../emulator/snp/launch/ovmf.ts';
import { MrTd } from '../../emulator/tdx/module/mrtd.ts';
import { ADD_ORDERS, type AddOrder, buildSteps, measureTdvf, parseTdvf } from '../../emulator/tdx/module/tdvf.ts';
import { IMAGE } from './machine.ts';

const hex = (b: Uint8Array): string => Buffer.from(b).toString('hex');

interface RawSection {
  readonly dataOffset?: number;
  readonly rawDataSize?: number;
  readonly memoryAddress?: number;
  readonly memoryDataSize?: number;
  readonly type?: number;
  readonly attributes?: number;
}

/** The synthetic firmware with other TDX metadata, written by hand in the place of its own. */
function imageWith(sections: readonly RawSection[], header: { signature?: string; length?: number; version?: number; count?: number } = {}): Uint8Array {
  const image = Buffer.from(IMAGE);
  const at = image.indexOf('TDVF');
  image.write(header.signature ?? 'TDVF', at, 'latin1');
  image.writeUInt32LE(header.length ?? 16 + 32 * sections.length, at + 4);
  image.writeUInt32LE(header.version ?? 1, at + 8);
  image.writeUInt32LE(header.count ?? sections.length, at + 12);
  sections.forEach(({ dataOffset = 0, rawDataSize = 0, memoryAddress = 0, memoryDataSize = 0, type = 3, attributes = 0 }, i) => {
    const s = at + 16 + 32 * i;
    image.writeUInt32LE(dataOffset, s);
    image.writeUInt32LE(rawDataSize, s + 4);
    image.writeBigUInt64LE(BigInt(memoryAddress), s + 8);
    image.writeBigUInt64LE(BigInt(memoryDataSize), s + 16);
    image.writeUInt32LE(type, s + 24);
    image.writeUInt32LE(attributes, s + 28);
  });
  return Uint8Array.from(image);
}

/** MRTD written by hand from the module's source: 128 bytes for each command, then what is extended. */
function mrTdByHand(image: Uint8Array, sections: readonly Required<RawSection>[], order: AddOrder): string {
  const hash = createHash('sha384');
  const command = (name: string, gpa: number): Buffer => {
    const block = Buffer.alloc(128);
    block.write(name, 0, 'ascii');
    block.writeBigUInt64LE(BigInt(gpa), 16);
    return block;
  };
  const add = (gpa: number): void => void hash.update(command('MEM.PAGE.ADD', gpa));
  for (const { dataOffset, rawDataSize, memoryAddress, memoryDataSize, attributes } of sections) {
    if (attributes & 2) continue;
    const memory = Buffer.alloc(memoryDataSize);
    memory.set(image.subarray(dataOffset, dataOffset + Math.min(rawDataSize, memoryDataSize)));
    const extend = (page: number): void => {
      if (attributes & 1) for (let at = page; at < page + 4096; at += 256) hash.update(command('MR.EXTEND', memoryAddress + at)).update(memory.subarray(at, at + 256));
    };
    for (let page = 0; page < memoryDataSize; page += 4096) {
      add(memoryAddress + page);
      if (order === 'singlePass') extend(page);
    }
    if (order === 'twoPass') for (let page = 0; page < memoryDataSize; page += 4096) extend(page);
  }
  return hash.digest('hex');
}

const BFV = { dataOffset: 0, rawDataSize: 16 << 10, memoryAddress: 0xffff_c000, memoryDataSize: 16 << 10, type: 0, attributes: 1 };
const HOB = { dataOffset: 0, rawDataSize: 0, memoryAddress: 0x80_9000, memoryDataSize: 0x2000, type: 2, attributes: 0 };
const TEMP = { dataOffset: 0, rawDataSize: 0, memoryAddress: 0x81_0000, memoryDataSize: 0x1000, type: 3, attributes: 1 };
/** Less in the image than in memory: the rest is zero. */
const SHORT = { dataOffset: 100, rawDataSize: 5000, memoryAddress: 0x100_0000, memoryDataSize: 0x3000, type: 5, attributes: 1 };
const CFV = { dataOffset: 4096, rawDataSize: 4096, memoryAddress: 0xfffe_0000, memoryDataSize: 0x1000, type: 1, attributes: 0 };
const LATER = { dataOffset: 0, rawDataSize: 0, memoryAddress: 0x200_0000, memoryDataSize: 0x1000, type: 4, attributes: 2 };
const INFO = { dataOffset: 0, rawDataSize: 64, memoryAddress: 0, memoryDataSize: 0, type: 7, attributes: 0 };

describe('MRTD', () => {
  test.each(ADD_ORDERS)('of every kind of section is what the commands hash to, %s', (order) => {
    const sections = [BFV, CFV, TEMP, HOB, SHORT, LATER, INFO];
    const image = imageWith(sections);
    expect(hex(measureTdvf(image, order))).toBe(mrTdByHand(image, sections, order));
  });

  test.each(ADD_ORDERS)('of the synthetic firmware follows its metadata, %s', (order) => {
    const image = syntheticFirmware({ size: 32 << 10 });
    const sections = [
      { dataOffset: 0, rawDataSize: 32 << 10, memoryAddress: 0xffff_8000, memoryDataSize: 32 << 10, type: 0, attributes: 1 },
      { dataOffset: 0, rawDataSize: 0, memoryAddress: 0x81_0000, memoryDataSize: 0x1_0000, type: 3, attributes: 0 },
      { dataOffset: 0, rawDataSize: 0, memoryAddress: 0x80_b000, memoryDataSize: 0x2000, type: 3, attributes: 0 },
      { dataOffset: 0, rawDataSize: 0, memoryAddress: 0x80_9000, memoryDataSize: 0x2000, type: 2, attributes: 0 },
    ];
    expect(hex(measureTdvf(image, order))).toBe(mrTdByHand(image, sections, order));
  });

  test('differs between the two orders, and is that of a single pass unless told', () => {
    expect(hex(measureTdvf(IMAGE))).toBe(hex(measureTdvf(IMAGE, 'singlePass')));
    expect(hex(measureTdvf(IMAGE, 'twoPass'))).not.toBe(hex(measureTdvf(IMAGE)));
  });

  test('is the same in both orders where a section has one page', () => {
    const image = imageWith([{ ...BFV, rawDataSize: 4096, memoryDataSize: 4096 }]);
    expect(hex(measureTdvf(image, 'twoPass'))).toBe(hex(measureTdvf(image, 'singlePass')));
  });

  test('counts the order of sections, their addresses and every byte that is extended', () => {
    const base = hex(measureTdvf(imageWith([BFV, HOB])));
    const changed = imageWith([BFV, HOB]);
    changed[3000] = (changed[3000] ?? 0) ^ 1;
    const others = [imageWith([HOB, BFV]), imageWith([BFV, { ...HOB, memoryAddress: 0x80_b000 }]), imageWith([BFV]), imageWith([BFV, { ...HOB, type: 3, attributes: 1 }]), changed];
    const all = new Set([base, ...others.map((image) => hex(measureTdvf(image)))]);
    expect(all.size).toBe(6);
  });

  test('does not count the contents of a section that is added only', () => {
    const image = imageWith([{ ...BFV, rawDataSize: 4096, memoryDataSize: 4096 }, CFV]);
    const changed = image.slice();
    changed[5000] = (changed[5000] ?? 0) ^ 1;
    expect(hex(measureTdvf(changed))).toBe(hex(measureTdvf(image)));
  });

  test('measures pages as they were when they were added', () => {
    const page = new Uint8Array(4096).fill(1);
    const [first, second] = [new MrTd(), new MrTd()];
    for (const mrTd of [first, second]) {
      mrTd.addPage(0n, page);
      if (mrTd === second) page.fill(2);
      mrTd.extend(256n);
    }
    expect(hex(second.finalize())).toBe(hex(first.finalize()));
  });
});

describe('TDX metadata', () => {
  test('of the synthetic firmware are those of an OVMF build', () => {
    expect(parseTdvf(IMAGE).map(({ type, gpa, size, extend }) => ({ type, gpa, size, extend }))).toEqual([
      { type: 'bfv', gpa: 0xffff_c000n, size: 16 << 10, extend: true },
      { type: 'tempMem', gpa: 0x81_0000n, size: 0x1_0000, extend: false },
      { type: 'tempMem', gpa: 0x80_b000n, size: 0x2000, extend: false },
      { type: 'tdHob', gpa: 0x80_9000n, size: 0x2000, extend: false },
    ]);
  });

  test('make one command for each page and sixteen for each page that is extended', () => {
    const steps = [...buildSteps(parseTdvf(imageWith([BFV, HOB])), 'twoPass')];
    expect(steps.map((s) => s.command)).toEqual([...Array(4).fill('add'), ...Array(64).fill('extend'), 'add', 'add']);
  });

  const noTable = (): Uint8Array => {
    const image = Buffer.from(IMAGE);
    const at = image.indexOf(Buffer.from(guidBytes(TABLE_GUIDS.tdxMetadata)));
    image[at] = (image[at] ?? 0) ^ 0xff;
    return Uint8Array.from(image);
  };
  const pointing = (to: number): Uint8Array => {
    const image = Buffer.from(IMAGE);
    image.writeUInt32LE(to, image.indexOf(Buffer.from(guidBytes(TABLE_GUIDS.tdxMetadata))) - 6);
    return Uint8Array.from(image);
  };
  test.each<[string, Uint8Array, string, string]>([
    ['an image of no bytes', new Uint8Array(0), 'ERR_CODEC_LENGTH', 'ovmf'],
    ['an image without them', noTable(), 'ERR_CODEC_RANGE', 'tdvf.table'],
    ['a place before the image', pointing(0xffff_ffff), 'ERR_CODEC_RANGE', 'tdvf.table'],
    ['a place at the end of the image', pointing(8), 'ERR_CODEC_TRUNCATED', 'ovmf.tdx-metadata.version'],
    ['another signature', imageWith([BFV], { signature: 'TDVX' }), 'ERR_CODEC_RANGE', 'tdvf.signature'],
    ['another version', imageWith([BFV], { version: 2 }), 'ERR_CODEC_RANGE', 'tdvf.version'],
    ['no section', imageWith([]), 'ERR_CODEC_RANGE', 'tdvf.sections'],
    ['more sections than any firmware has', imageWith([BFV], { count: 65, length: 16 + 32 * 65 }), 'ERR_CODEC_RANGE', 'tdvf.sections'],
    ['a length that is not that of the sections', imageWith([BFV], { length: 47 }), 'ERR_CODEC_LENGTH', 'tdvf.length'],
    ['no boot firmware', imageWith([HOB]), 'ERR_CODEC_RANGE', 'tdvf.sections'],
    ['a section of unknown type', imageWith([BFV, { ...HOB, type: 8 }]), 'ERR_CODEC_RANGE', 'tdvf.section.1.type'],
    ['unknown attributes', imageWith([BFV, { ...HOB, attributes: 4 }]), 'ERR_CODEC_RESERVED', 'tdvf.section.attributes.reserved2'],
    ['contents outside the image', imageWith([{ ...BFV, dataOffset: 4096 }]), 'ERR_CODEC_RANGE', 'tdvf.section.0.rawDataSize'],
    ['an address inside a page', imageWith([BFV, { ...HOB, memoryAddress: 0x80_9001 }]), 'ERR_CODEC_RANGE', 'tdvf.section.1.memoryAddress'],
    ['part of a page', imageWith([BFV, { ...HOB, memoryDataSize: 0x1001 }]), 'ERR_CODEC_RANGE', 'tdvf.section.1.memoryDataSize'],
    ['a section beyond private memory', imageWith([BFV, { ...HOB, memoryAddress: 2 ** 47 - 4096 }]), 'ERR_CODEC_RANGE', 'tdvf.section.1.memoryAddress'],
    ['a section of more memory than any firmware has', imageWith([BFV, { ...HOB, memoryDataSize: (64 << 20) + 4096 }]), 'ERR_CODEC_RANGE', 'tdvf.section.1.memoryDataSize'],
    ['sections that together take more', imageWith([BFV, { ...HOB, memoryDataSize: 64 << 20 }]), 'ERR_CODEC_RANGE', 'tdvf.section.1.memoryDataSize'],
    ['contents that are longer than the memory', imageWith([{ ...BFV, memoryDataSize: 4096 }]), 'ERR_CODEC_RANGE', 'tdvf.section.0.memoryDataSize'],
    ['boot firmware that is not in the image', imageWith([{ ...BFV, rawDataSize: 0 }]), 'ERR_CODEC_RANGE', 'tdvf.section.0.rawDataSize'],
    ['a list of memory that is in the image', imageWith([BFV, { ...HOB, rawDataSize: 16 }]), 'ERR_CODEC_RANGE', 'tdvf.section.1.rawDataSize'],
    ['pages measured that are added later', imageWith([BFV, { ...LATER, attributes: 3 }]), 'ERR_CODEC_RANGE', 'tdvf.section.1.attributes'],
    ['sections that overlap', imageWith([BFV, HOB, { ...TEMP, memoryAddress: 0x80_a000 }]), 'ERR_CODEC_RANGE', 'tdvf.section.2.memoryAddress'],
  ])('with %s are refused', (_, image, code, path) => {
    let error: unknown;
    try {
      parseTdvf(image);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(CodecError);
    expect(error).toMatchObject({ code, path });
  });
});
