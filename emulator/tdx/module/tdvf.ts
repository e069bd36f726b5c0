/**
 * TDVF: how a firmware image says what a TD starts with, and the commands that a VMM makes of it. An image comes from anywhere, so every
 * length in it is checked before use.
 *
 * Source: Intel TDX Virtual Firmware Design Guide, TDVF metadata; the checks are those of QEMU's hw/i386/tdvf.c.
 */
import { bit, bits, reservedBits, u32, type ValueOf } from '../../codec/rows.ts';
import { ByteReader } from '../../codec/stream.ts';
import { CodecError } from '../../errors.ts';
import { TDX_METADATA, TDX_SECTION } from '../../snp/launch/firmware.ts';
import { MAX_SECTION_BYTES, MAX_SECTIONS, parseOvmf, TABLE_ADDRESS, TABLE_GUIDS } from '../../snp/launch/ovmf.ts';
import { EXTEND_SIZE, MrTd, PAGE_SIZE } from './mrtd.ts';

/** Kinds of section. */
export const TDVF_SECTION_TYPES = { bfv: 0, cfv: 1, tdHob: 2, tempMem: 3, permMem: 4, payload: 5, payloadParam: 6, tdInfo: 7 } as const;
/** `bfv` boot firmware, `cfv` its variables, `tdHob` list of memory for the firmware, `tempMem` memory for it, `tdInfo` a description for nobody to load. */
export type TdvfSectionType = keyof typeof TDVF_SECTION_TYPES;

/** One section, with its attributes by name. */
export const TDVF_SECTION = TDX_SECTION.patch('tdvf.section', 'Intel TDX Virtual Firmware Design Guide, TDVF metadata', {
  type: u32(24, 'kind', { names: Object.fromEntries(Object.entries(TDVF_SECTION_TYPES).map(([name, value]) => [value, name])) }),
  attributes: bits(28, 4, 'what to do with it', { extend: bit(0, 'measure the contents'), pageAug: bit(1, 'add the pages after launch, so that they are not measured at all'), reserved2: reservedBits(2, 30) }),
});

/** One section that a TD starts with. */
export interface TdvfSection {
  readonly type: TdvfSectionType;
  /** Guest physical address, and length in memory: multiples of 4096. */
  readonly gpa: bigint;
  readonly size: number;
  /** What lies there at launch; the rest of the section is zero. */
  readonly contents: Uint8Array;
  /** The contents are measured, not only the addresses. */
  readonly extend: boolean;
  /** The pages are added after launch. */
  readonly pageAug: boolean;
}

/** Guest physical addresses below this are private in every TD: with 48 bits, the highest says that a page is shared. */
const PRIVATE_END = 1n << 47n;

/**
 * The sections of an image, in its order, which is the order in which they are measured.
 * @param image a multiple of 4096 bytes, at most 16 MiB; where a build has variables and code in two files, both joined
 * @throws {CodecError} for an image that is not well formed, or that has no TDX metadata; `at` counts from the first byte of the image
 */
export function parseTdvf(image: Uint8Array): TdvfSection[] {
  const entry = parseOvmf(image).table.get(TABLE_GUIDS.tdxMetadata);
  if (entry?.length !== TABLE_ADDRESS.size) throw new CodecError('ERR_CODEC_RANGE', 'tdvf.table', image.length, 'the firmware has no TDX metadata');
  const start = image.length - TABLE_ADDRESS.decode(entry).value;
  if (start < 0) throw new CodecError('ERR_CODEC_RANGE', 'tdvf.table', image.length, 'the TDX metadata are said to begin before the image');
  const reader = new ByteReader(image, 'tdvf', start);
  const { signature, length, version, sections: count } = reader.layout(TDX_METADATA);
  const at = (field: keyof typeof TDX_METADATA.rows): number => start + TDX_METADATA.rows[field].at;
  if (String.fromCharCode(...signature) !== 'TDVF') throw new CodecError('ERR_CODEC_RANGE', 'tdvf.signature', at('signature'), "must be 'TDVF'");
  if (version !== 1) throw new CodecError('ERR_CODEC_RANGE', 'tdvf.version', at('version'), `must be 1, is ${version}`);
  if (count === 0 || count > MAX_SECTIONS) throw new CodecError('ERR_CODEC_RANGE', 'tdvf.sections', at('sections'), `must be 1 to ${MAX_SECTIONS}, is ${count}`);
  if (length !== TDX_METADATA.size + count * TDVF_SECTION.size) throw new CodecError('ERR_CODEC_LENGTH', 'tdvf.length', at('length'), `${count} sections do not take ${length} bytes`);
  const sections: TdvfSection[] = [];
  for (let i = 0; i < count; i++) sections.push(readSection(reader, image, sections));
  if (!sections.some(({ type }) => type === 'bfv')) throw new CodecError('ERR_CODEC_RANGE', 'tdvf.sections', at('sections'), 'there is no boot firmware among them');
  return sections;
}

function readSection(reader: ByteReader, image: Uint8Array, before: readonly TdvfSection[]): TdvfSection {
  const { at } = reader;
  const raw = reader.layout(TDVF_SECTION);
  const type = (Object.keys(TDVF_SECTION_TYPES) as TdvfSectionType[]).find((key) => TDVF_SECTION_TYPES[key] === raw.type);
  const refuse = (field: keyof typeof TDVF_SECTION.rows, rule: string): CodecError => new CodecError('ERR_CODEC_RANGE', `tdvf.section.${before.length}.${field}`, at + TDVF_SECTION.rows[field].at, rule);
  if (type === undefined) throw refuse('type', `is no known type: ${raw.type}`);
  const broken = brokenRule(raw, type, image.length);
  if (broken) throw refuse(broken[0], broken[1]);
  const size = Number(raw.memoryDataSize);
  const gpa = raw.memoryAddress;
  const end = gpa + raw.memoryDataSize;
  if (before.some((other) => gpa < other.gpa + BigInt(other.size) && other.gpa < end)) throw refuse('memoryAddress', `0x${gpa.toString(16)} to 0x${end.toString(16)} overlaps another section: a page can be added once`);
  const total = before.reduce((sum, other) => sum + other.size, size);
  if (total > MAX_SECTION_BYTES) throw refuse('memoryDataSize', `all sections together must be at most ${MAX_SECTION_BYTES} bytes, are ${total}`);
  return { type, gpa, size, contents: image.subarray(raw.dataOffset, raw.dataOffset + raw.rawDataSize), extend: raw.attributes.extend === 1, pageAug: raw.attributes.pageAug === 1 };
}

type RawSection = ValueOf<typeof TDVF_SECTION.rows>;

/** What is wrong with a section by itself: the field, and the rule that it breaks. */
function brokenRule(raw: RawSection, type: TdvfSectionType, imageSize: number): readonly [keyof typeof TDVF_SECTION.rows, string] | undefined {
  const { dataOffset, rawDataSize, memoryAddress, memoryDataSize, attributes } = raw;
  const page = BigInt(PAGE_SIZE);
  if (dataOffset + rawDataSize > imageSize) return ['rawDataSize', `${rawDataSize} bytes from 0x${dataOffset.toString(16)} on end outside the image`];
  if (memoryAddress % page !== 0n) return ['memoryAddress', `must be a multiple of ${PAGE_SIZE}`];
  if (memoryDataSize % page !== 0n) return ['memoryDataSize', `must be a multiple of ${PAGE_SIZE}`];
  if (memoryDataSize > BigInt(MAX_SECTION_BYTES)) return ['memoryDataSize', `must be at most ${MAX_SECTION_BYTES}, is ${memoryDataSize}`];
  if (memoryAddress + memoryDataSize > PRIVATE_END) return ['memoryAddress', 'lies where memory is shared'];
  if (type !== 'tdInfo' && BigInt(rawDataSize) > memoryDataSize) return ['memoryDataSize', `is less than the ${rawDataSize} bytes that go there`];
  if ((type === 'bfv' || type === 'cfv') && rawDataSize === 0) return ['rawDataSize', `a ${type} section comes from the image, so it can't be 0`];
  if ((type === 'tdHob' || type === 'tempMem') && rawDataSize !== 0) return ['rawDataSize', `a ${type} section is memory only, so it must be 0`];
  if (attributes.extend === 1 && attributes.pageAug === 1) return ['attributes', 'pages that are added after launch cannot be measured before'];
  return undefined;
}

/**
 * The two orders in which VMMs make a TD of an image; each gives another MRTD.
 *
 * - `singlePass`: every page is added and, where its contents count, extended at once. Linux since 6.16 (KVM_TDX_INIT_MEM_REGION), and so QEMU since 9.0.
 * - `twoPass`: section by section, all pages are added first and extended afterwards. QEMU 8 with TDX patches, on kernels from before 6.16.
 *
 * Which QEMU does which: Dstack-TEE/dstack, dstack-mr/src/machine.rs.
 */
export const ADD_ORDERS = ['singlePass', 'twoPass'] as const;
export type AddOrder = (typeof ADD_ORDERS)[number];

/** One command of a TD's build. */
export type BuildStep =
  /** TDH.MEM.PAGE.ADD; `contents` of 4096 bytes, or undefined for a page of zeros. */
  | { readonly command: 'add'; readonly gpa: bigint; readonly contents: Uint8Array | undefined }
  /** TDH.MR.EXTEND over 256 bytes of a page added before. */
  | { readonly command: 'extend'; readonly gpa: bigint };

/** The commands that build a TD of these sections, in order. */
export function* buildSteps(sections: readonly TdvfSection[], order: AddOrder = 'singlePass'): Generator<BuildStep, void, undefined> {
  for (const section of sections) {
    if (section.pageAug) continue;
    const offsets = Array.from({ length: section.size / PAGE_SIZE }, (_, i) => i * PAGE_SIZE);
    for (const offset of offsets) {
      yield { command: 'add', gpa: section.gpa + BigInt(offset), contents: pageOf(section, offset) };
      if (order === 'singlePass') yield* extendSteps(section, offset);
    }
    if (order === 'twoPass') for (const offset of offsets) yield* extendSteps(section, offset);
  }
}

function* extendSteps({ extend, gpa }: TdvfSection, offset: number): Generator<BuildStep, void, undefined> {
  if (extend) for (let at = 0; at < PAGE_SIZE; at += EXTEND_SIZE) yield { command: 'extend', gpa: gpa + BigInt(offset + at) };
}

function pageOf({ contents }: TdvfSection, offset: number): Uint8Array | undefined {
  if (offset >= contents.length) return undefined;
  const page = contents.subarray(offset, offset + PAGE_SIZE);
  if (page.length === PAGE_SIZE) return page;
  const padded = new Uint8Array(PAGE_SIZE);
  padded.set(page);
  return padded;
}

/**
 * MRTD of a TD made of this image.
 * @returns 48 bytes
 * @throws {CodecError} as {@link parseTdvf}
 */
export function measureTdvf(image: Uint8Array, order: AddOrder = 'singlePass'): Uint8Array {
  const mrTd = new MrTd();
  for (const step of buildSteps(parseTdvf(image), order)) {
    if (step.command === 'add') mrTd.addPage(step.gpa, step.contents);
    else mrTd.extend(step.gpa);
  }
  return mrTd.finalize();
}
