/**
 * Images that firmware starts: their Authenticode hash, which is what is measured of them, and a synthetic one of our own. An image comes from
 * anywhere, so every length in it is checked before use.
 *
 * Source: Microsoft PE format; Windows Authenticode Portable Executable Signature Format.
 */
import { createHash } from 'node:crypto';
import { Layout } from '../../../codec/layout.ts';
import { bytes, u16, u32, u64 } from '../../../codec/rows.ts';
import { ByteReader } from '../../../codec/stream.ts';
import { CodecError } from '../../../errors.ts';

const PE = 'Microsoft PE format';
const X64 = 0x8664;
const PE32 = 0x10b;
const PE32_PLUS = 0x20b;

/** What begins every image. */
export const DOS_HEADER = new Layout('pe.dos-header', 64, PE, {
  signature: bytes(0, 2, 'MZ'),
  stub: bytes(2, 58, 'for DOS'),
  peOffset: u32(60, 'where the PE header begins'),
});

/** PE header. */
export const COFF_HEADER = new Layout('pe.coff-header', 24, PE, {
  signature: bytes(0, 4, "'PE' and two NULs"),
  machine: u16(4, 'processor', { initial: X64, names: { [X64]: 'x64' } }),
  sections: u16(6, 'number of sections'),
  timestamp: u32(8, 'when it was made'),
  symbolTable: u32(12, 'obsolete'),
  symbols: u32(16, 'obsolete'),
  optionalSize: u16(20, 'length of the optional header'),
  characteristics: u16(22, 'what the image is'),
});

/** The optional header of PE32+ as far as its directories, of which the fifth holds certificates. */
export const OPTIONAL_HEADER = new Layout('pe.optional-header', 112, PE, {
  magic: u16(0, 'form', { initial: PE32_PLUS, names: { [PE32]: 'PE32', [PE32_PLUS]: 'PE32+' } }),
  linkerVersion: u16(2, 'what linked it'),
  codeSize: u32(4, 'length of all code'),
  dataSize: u32(8, 'length of all data'),
  bssSize: u32(12, 'length of all empty data'),
  entryPoint: u32(16, 'where it begins to run'),
  codeBase: u32(20, 'where code begins'),
  imageBase: u64(24, 'preferred address'),
  sectionAlignment: u32(32, 'of sections in memory'),
  fileAlignment: u32(36, 'of sections in the file'),
  versions: bytes(40, 16, 'versions of things'),
  imageSize: u32(56, 'length in memory'),
  headersSize: u32(60, 'length of all headers'),
  checksum: u32(64, 'not hashed'),
  subsystem: u16(68, 'what runs it', { names: { 10: 'EFI application' } }),
  dllCharacteristics: u16(70, 'more of what it is'),
  stackAndHeap: bytes(72, 32, 'sizes of stack and heap'),
  loaderFlags: u32(104, 'obsolete'),
  directories: u32(108, 'number of directories'),
});

/** One directory. */
const DIRECTORY = new Layout('pe.directory', 8, PE, { offset: u32(0, 'where'), size: u32(4, 'how long') });

/** One section's header. */
export const SECTION_HEADER = new Layout('pe.section-header', 40, PE, {
  name: bytes(0, 8, 'name'),
  virtualSize: u32(8, 'length in memory'),
  virtualAddress: u32(12, 'place in memory'),
  rawSize: u32(16, 'length in the file'),
  rawOffset: u32(20, 'place in the file'),
  obsolete: bytes(24, 12, 'obsolete'),
  characteristics: u32(36, 'what the section is'),
});

const CERTIFICATES = 4;
/** More sections than the Windows loader takes. */
const MAX_SECTIONS = 96;

interface Parsed {
  readonly checksumAt: number;
  /** Place of the certificates' directory, where the image has one. */
  readonly directoryAt: number | undefined;
  readonly certificateSize: number;
  readonly headersSize: number;
  /** By place in the file. */
  readonly sections: readonly { readonly rawOffset: number; readonly rawSize: number }[];
}

function parse(image: Uint8Array): Parsed {
  const dos = new ByteReader(image, 'pe').layout(DOS_HEADER);
  if (Buffer.from(dos.signature).toString('latin1') !== 'MZ') throw new CodecError('ERR_CODEC_RANGE', 'pe.dos-header.signature', 0, 'must be MZ');
  if (dos.peOffset > image.length) throw new CodecError('ERR_CODEC_TRUNCATED', 'pe.dos-header.peOffset', DOS_HEADER.rows.peOffset.at, `0x${dos.peOffset.toString(16)} lies outside the image`);
  const reader = new ByteReader(image, 'pe', dos.peOffset);
  const coff = reader.layout(COFF_HEADER);
  if (Buffer.from(coff.signature).toString('latin1') !== 'PE\0\0') throw new CodecError('ERR_CODEC_RANGE', 'pe.coff-header.signature', dos.peOffset, 'must be PE');
  const optionalAt = reader.at;
  const optional = reader.part(coff.optionalSize, 'optional-header');
  const { magic, headersSize, directories } = optional.layout(OPTIONAL_HEADER);
  const refuse = (field: keyof typeof OPTIONAL_HEADER.rows, rule: string): CodecError => new CodecError('ERR_CODEC_RANGE', `pe.optional-header.${field}`, optionalAt + OPTIONAL_HEADER.rows[field].at, rule);
  if (magic !== PE32_PLUS) throw refuse('magic', `is 0x${magic.toString(16)}, not that of PE32+ (0x20b)`);
  if (coff.sections > MAX_SECTIONS) throw new CodecError('ERR_CODEC_RANGE', 'pe.coff-header.sections', dos.peOffset + COFF_HEADER.rows.sections.at, `must be at most ${MAX_SECTIONS}, is ${coff.sections}`);
  let certificateSize = 0;
  let directoryAt: number | undefined;
  if (directories > CERTIFICATES) {
    optional.bytes(CERTIFICATES * DIRECTORY.size, 'directories');
    directoryAt = optional.at;
    certificateSize = optional.layout(DIRECTORY).size;
  }
  const sections = Array.from({ length: coff.sections }, () => reader.layout(SECTION_HEADER))
    .filter(({ rawSize }) => rawSize > 0)
    .sort((a, b) => a.rawOffset - b.rawOffset);
  if (headersSize < reader.at || headersSize > image.length) throw refuse('headersSize', `${headersSize} is not between the ${reader.at} bytes of the headers and the ${image.length} of the image`);
  return { checksumAt: optionalAt + OPTIONAL_HEADER.rows.checksum.at, directoryAt, certificateSize, headersSize, sections };
}

/**
 * The Authenticode hash of an image with SHA-384: everything but the checksum and the certificates, section by section in the order of the file.
 * @param image PE32+
 * @returns 48 bytes
 * @throws {CodecError} for an image that is no PE32+, or whose sections lie outside it
 */
export function authenticodeDigest(image: Uint8Array): Uint8Array {
  const { checksumAt, directoryAt, certificateSize, headersSize, sections } = parse(image);
  const hash = createHash('sha384').update(image.subarray(0, checksumAt));
  const afterChecksum = checksumAt + OPTIONAL_HEADER.rows.checksum.size;
  if (directoryAt === undefined) hash.update(image.subarray(afterChecksum, headersSize));
  else hash.update(image.subarray(afterChecksum, directoryAt)).update(image.subarray(directoryAt + DIRECTORY.size, headersSize));
  let hashed = headersSize;
  for (const { rawOffset, rawSize } of sections) {
    if (rawOffset < hashed || rawOffset + rawSize > image.length)
      throw new CodecError('ERR_CODEC_RANGE', 'pe.section-header.rawOffset', rawOffset, `a section of ${rawSize} bytes overlaps what is before it, or ends outside the image`);
    hash.update(image.subarray(rawOffset, rawOffset + rawSize));
    hashed = rawOffset + rawSize;
  }
  if (certificateSize > image.length - hashed) throw new CodecError('ERR_CODEC_RANGE', 'pe.directory.size', directoryAt ?? 0, `certificates of ${certificateSize} bytes do not fit behind the sections`);
  return new Uint8Array(hash.update(image.subarray(hashed, image.length - certificateSize)).digest());
}

const HEADERS = 0x200;
const SECTION = 0x200;
const PE_AT = 0x80;
const DIRECTORIES = 16;

/** An application for UEFI that holds a text and returns at once. 1024 bytes for texts of up to 500. @throws {RangeError} for longer ones */
export function syntheticApplication(text: string): Uint8Array {
  const body = new Uint8Array(SECTION);
  // xor eax, eax; ret: success.
  body.set([0x31, 0xc0, 0xc3]);
  body.set(new TextEncoder().encode(text), 8);
  const optionalSize = OPTIONAL_HEADER.size + DIRECTORIES * DIRECTORY.size;
  const headers = new Uint8Array(HEADERS);
  headers.set(DOS_HEADER.encode({ signature: Uint8Array.from(Buffer.from('MZ')), peOffset: PE_AT }));
  headers.set(
    Buffer.concat([
      COFF_HEADER.encode({ signature: Uint8Array.from(Buffer.from('PE\0\0')), sections: 1, optionalSize, characteristics: 0x206 }),
      OPTIONAL_HEADER.encode({
        codeSize: SECTION,
        entryPoint: 0x1000,
        codeBase: 0x1000,
        sectionAlignment: 0x1000,
        fileAlignment: 0x200,
        imageSize: 0x2000,
        headersSize: HEADERS,
        subsystem: 10,
        directories: DIRECTORIES,
      }),
      new Uint8Array(DIRECTORIES * DIRECTORY.size),
      SECTION_HEADER.encode({ name: Uint8Array.from(Buffer.from('.text\0\0\0')), virtualSize: SECTION, virtualAddress: 0x1000, rawSize: SECTION, rawOffset: HEADERS, characteristics: 0x6000_0020 }),
    ]),
    PE_AT,
  );
  return new Uint8Array(Buffer.concat([headers, body]));
}
