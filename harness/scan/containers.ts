/** Opens what is packed: gzip, tar (so the images of containers), zip (so jar, whl, apk). Streams, in bounded memory, however much it unfolds to. */
import { Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createInflateRaw } from 'node:zlib';
import { Layout } from '../../emulator/codec/layout.ts';
import { bytes, u16, u32 } from '../../emulator/codec/rows.ts';

/** Bytes one after the other. */
export type Stream = AsyncIterable<Uint8Array>;

/** Something in a container, or that cannot be looked into. */
export type Entry = { readonly name: string; readonly contents: Stream } | { readonly name: string; readonly unread: string };

/** Most bytes of a zip archive: its directory is at its end, so it is held whole. */
const MAX_ZIP = 512 << 20;
const BLOCK = 512;

const TAR_HEADER = new Layout('tar header', BLOCK, 'POSIX.1-1988 ustar', {
  path: bytes(0, 100, 'name'),
  mode: bytes(100, 24, 'mode and owner'),
  size: bytes(124, 12, 'length of the contents, octal; or with the first bit set, base 256'),
  time: bytes(136, 20, 'time and checksum'),
  type: bytes(156, 1, 'kind of entry'),
  link: bytes(157, 100, 'target of a link'),
  magic: bytes(257, 6, 'ustar'),
  rest: bytes(263, 82, 'owner and device'),
  prefix: bytes(345, 155, 'folder of the name'),
  padding: bytes(500, 12, 'nothing'),
});

const ZIP_ENTRY = new Layout('zip directory entry', 46, 'APPNOTE 6.3.10 §4.3.12', {
  signature: u32(0, '0x02014b50'),
  versions: u32(4, 'made by, needed'),
  flags: u16(8, 'bit 0: encrypted'),
  method: u16(10, '0 stored, 8 deflated'),
  time: u32(12, 'time'),
  crc: u32(16, 'CRC-32'),
  packed: u32(20, 'length as stored'),
  unpacked: u32(24, 'length'),
  nameLength: u16(28, 'length of the name'),
  extraLength: u16(30, 'length of the extra field'),
  commentLength: u16(32, 'length of the comment'),
  attributes: bytes(34, 8, 'disk, attributes'),
  at: u32(42, 'where its local header is'),
});
const ZIP_LOCAL = new Layout('zip local header', 30, 'APPNOTE 6.3.10 §4.3.7', {
  signature: u32(0, '0x04034b50'),
  rest: bytes(4, 22, 'as in the directory'),
  nameLength: u16(26, 'length of the name'),
  extraLength: u16(28, 'length of the extra field'),
});
const ZIP_END = new Layout('zip end of directory', 22, 'APPNOTE 6.3.10 §4.3.16', {
  signature: u32(0, '0x06054b50'),
  disks: bytes(4, 4, 'disks'),
  entriesHere: u16(8, 'entries on this disk'),
  entries: u16(10, 'entries'),
  size: u32(12, 'length of the directory'),
  at: u32(16, 'where the directory is'),
  commentLength: u16(20, 'length of the comment'),
});
const SIGNATURE = { entry: 0x02014b50, local: 0x04034b50, end: 0x06054b50 };

/** Packed in a way that Node 20 cannot unpack: first bytes, and what they say. */
const CLOSED: readonly (readonly [string, string])[] = [
  ['28b52ffd', 'compressed by zstd'],
  ['fd377a585a00', 'compressed by xz'],
  ['425a68', 'compressed by bzip2'],
  ['04224d18', 'compressed by lz4'],
  ['377abcaf271c', 'a 7z archive'],
  ['68737173', 'a squashfs image'],
];

/**
 * What a stream holds, if it is a container.
 * @param head its first bytes, up to 512 @param whole the stream from its start, `head` included
 * @returns nothing for bytes that are just themselves; its entries are to be read one after the other, in order
 */
export function entriesOf(head: Uint8Array, whole: Stream): AsyncIterable<Entry> | undefined {
  const start = Buffer.from(head).toString('hex', 0, 8);
  const closed = CLOSED.find(([magic]) => start.startsWith(magic));
  if (closed) return one({ name: '', unread: closed[1] });
  if (start.startsWith('1f8b08')) return one({ name: 'gunzip', contents: unpacked(whole, createGunzip()) });
  if (start.startsWith('504b0304')) return zip(whole);
  if (head.length >= BLOCK && Buffer.from(TAR_HEADER.decode(head.subarray(0, BLOCK)).magic).toString('latin1', 0, 5) === 'ustar') return tar(whole);
  return undefined;
}

/** What a stream unpacks to. What is packed wrongly ends it with an error, once all before that was handed out. */
async function* unpacked(stream: Stream, transform: Transform): Stream {
  // An error reaches whoever reads the transform: here it would be a second time.
  pipeline(Readable.from(stream), transform).catch(() => undefined);
  try {
    for await (const piece of transform as Stream) yield piece;
  } finally {
    transform.destroy();
  }
}

async function* one(entry: Entry): AsyncIterable<Entry> {
  yield entry;
}

/** Takes exact numbers of bytes from a stream. */
class Taker {
  readonly #source: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(stream: Stream) {
    this.#source = stream[Symbol.asyncIterator]();
  }

  /** The next piece, of `most` bytes at most; undefined at the end. */
  async piece(most: number): Promise<Uint8Array | undefined> {
    if (this.#rest.length === 0) {
      const { done, value } = await this.#source.next();
      if (done) return undefined;
      this.#rest = value;
    }
    const piece = this.#rest.subarray(0, most);
    this.#rest = this.#rest.subarray(piece.length);
    return piece;
  }

  /** The next `length` bytes, fewer at the end. */
  async exactly(length: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    let missing = length;
    while (missing > 0) {
      const piece = await this.piece(missing);
      if (!piece) break;
      parts.push(piece);
      missing -= piece.length;
    }
    return Buffer.concat(parts);
  }
}

async function* tar(whole: Stream): AsyncIterable<Entry> {
  const taker = new Taker(whole);
  for (;;) {
    const block = await taker.exactly(BLOCK);
    if (block.length < BLOCK) return;
    const { path, prefix, size } = TAR_HEADER.decode(block);
    const length = octal(size);
    const name = [prefix, path]
      .map(text)
      .filter((part) => part !== '')
      .join('/');
    if (length === undefined) {
      yield { name, unread: 'a damaged tar header' };
      return;
    }
    let left = length;
    const contents = (async function* () {
      while (left > 0) {
        const piece = await taker.piece(left);
        if (!piece) return;
        left -= piece.length;
        yield piece;
      }
    })();
    // Names and links are bytes of the archive too, but of no certificate.
    if (length > 0) yield { name, contents };
    for await (const _ of contents);
    await taker.exactly((BLOCK - (length % BLOCK)) % BLOCK);
  }
}

function text(field: Uint8Array): string {
  const end = field.indexOf(0);
  return Buffer.from(end === -1 ? field : field.subarray(0, end)).toString('utf8');
}

function octal(field: Uint8Array): number | undefined {
  if ((field[0] ?? 0) & 0x80) {
    const value = Number(BigInt(`0x${Buffer.from(field.subarray(1)).toString('hex')}`));
    return Number.isSafeInteger(value) ? value : undefined;
  }
  const digits = text(field).trim();
  return /^[0-7]*$/.test(digits) ? Number.parseInt(digits || '0', 8) : undefined;
}

async function* zip(whole: Stream): AsyncIterable<Entry> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const piece of whole) {
    length += piece.length;
    if (length > MAX_ZIP) {
      yield { name: '', unread: `a zip archive of more than ${MAX_ZIP >> 20} MiB` };
      return;
    }
    parts.push(piece);
  }
  const archive = Buffer.concat(parts);
  const found = archive.lastIndexOf(Buffer.from('504b0506', 'hex'));
  const end = found === -1 || found + ZIP_END.size > archive.length ? undefined : ZIP_END.decode(archive.subarray(found, found + ZIP_END.size));
  if (!end) {
    yield { name: '', unread: 'a zip archive without a directory' };
    return;
  }
  let at = end.at;
  for (let n = 0; n < end.entries; n++) {
    const entry = at + ZIP_ENTRY.size <= archive.length ? ZIP_ENTRY.decode(archive.subarray(at, at + ZIP_ENTRY.size)) : undefined;
    if (entry?.signature !== SIGNATURE.entry) {
      yield { name: '', unread: 'a zip archive with a damaged directory' };
      return;
    }
    const name = archive.toString('utf8', at + ZIP_ENTRY.size, at + ZIP_ENTRY.size + entry.nameLength);
    at += ZIP_ENTRY.size + entry.nameLength + entry.extraLength + entry.commentLength;
    yield packed(archive, name, entry);
  }
}

function packed(archive: Buffer, name: string, { flags, method, packed: size, at }: { flags: number; method: number; packed: number; at: number }): Entry {
  const header = at + ZIP_LOCAL.size <= archive.length ? ZIP_LOCAL.decode(archive.subarray(at, at + ZIP_LOCAL.size)) : undefined;
  if (header?.signature !== SIGNATURE.local) return { name, unread: 'a damaged entry of a zip archive' };
  if ((flags & 1) === 1) return { name, unread: 'an encrypted entry of a zip archive' };
  const start = at + ZIP_LOCAL.size + header.nameLength + header.extraLength;
  const stored = Readable.from([archive.subarray(start, start + size)]);
  if (method === 0) return { name, contents: stored };
  if (method === 8) return { name, contents: unpacked(stored, createInflateRaw()) };
  return { name, unread: `an entry of a zip archive packed by method ${method}` };
}
