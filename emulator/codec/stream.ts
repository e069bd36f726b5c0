/**
 * Reads structures whose parts state their own lengths, front to back: what an offset table alone can't say. Every length is checked
 * against what is really there before anything is copied, so lengths that lie cost no more memory than the input has.
 */
import { CodecError } from '../errors.ts';
import type { DecodeOptions, Layout } from './layout.ts';
import type { Rows, ValueOf } from './rows.ts';

/** A place in some input, up to an end. It never reads beyond that end. */
export class ByteReader {
  readonly #src: Uint8Array;
  readonly #view: DataView;
  readonly #end: number;
  /** Dotted name of what is being read, the first part of every field path. */
  readonly name: string;
  #at: number;

  /** @param name dotted name of the structure @param at where it begins @param end where it ends at the latest */
  constructor(src: Uint8Array, name: string, at = 0, end: number = src.length) {
    if (at < 0 || end < at || end > src.length) throw new RangeError(`${name}: ${at} to ${end} is no part of ${src.length} bytes`);
    this.#src = src;
    this.#view = new DataView(src.buffer, src.byteOffset, src.byteLength);
    this.#end = end;
    this.name = name;
    this.#at = at;
  }

  /** Offset of the next byte, from the start of the input. */
  get at(): number {
    return this.#at;
  }

  /** Bytes that are left. */
  get left(): number {
    return this.#end - this.#at;
  }

  /** The next 2 bytes as an integer, little-endian unless `be`. @throws {CodecError} ERR_CODEC_TRUNCATED */
  u16(field: string, { be = false }: { be?: boolean } = {}): number {
    return this.#view.getUint16(this.#skip(2, field), !be);
  }

  /** The next 4 bytes as an integer, little-endian unless `be`. @throws {CodecError} ERR_CODEC_TRUNCATED */
  u32(field: string, { be = false }: { be?: boolean } = {}): number {
    return this.#view.getUint32(this.#skip(4, field), !be);
  }

  /** A copy of the next `length` bytes. @throws {CodecError} ERR_CODEC_TRUNCATED */
  bytes(length: number, field: string): Uint8Array {
    const at = this.#skip(length, field);
    return this.#src.slice(at, at + length);
  }

  /** A reader of the next `length` bytes and nothing more; this one goes on behind them. @throws {CodecError} ERR_CODEC_TRUNCATED */
  part(length: number, field: string): ByteReader {
    const at = this.#skip(length, field);
    return new ByteReader(this.#src, `${this.name}.${field}`, at, at + length);
  }

  /** The next bytes by their table. @throws {CodecError} with offsets from the start of the input */
  layout<R extends Rows>(layout: Layout<R>, options?: DecodeOptions): ValueOf<R> {
    const at = this.#at;
    try {
      const value = layout.decode(this.#src.subarray(at, Math.min(at + layout.size, this.#end)), options);
      this.#at = at + layout.size;
      return value;
    } catch (error) {
      throw error instanceof CodecError && at > 0 ? movedBy(error, at) : error;
    }
  }

  /** @throws {CodecError} ERR_CODEC_LENGTH when bytes are left */
  end(): void {
    if (this.left > 0) throw new CodecError('ERR_CODEC_LENGTH', this.name, this.#at, `ends here, but its stated length leaves ${this.left} more bytes`);
  }

  #skip(length: number, field: string): number {
    if (length > this.left) throw new CodecError('ERR_CODEC_TRUNCATED', `${this.name}.${field}`, this.#at, `needs ${length} bytes, but ${this.left} are left`);
    const at = this.#at;
    this.#at += length;
    return at;
  }
}

/** The same error, with its offset counted from `base` bytes earlier. */
function movedBy(error: CodecError, base: number): CodecError {
  return new CodecError(error.code, error.path, error.at + base, error.rule);
}
