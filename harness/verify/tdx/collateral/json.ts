/**
 * Reading signed JSON: the members of the outermost object as values and as the exact bytes that a signature can be over. Bounded in size,
 * depth and members before anything is built, and unambiguous: no member twice.
 */
import { CodecError } from '../../../../emulator/errors.ts';

/** Longest document that is read, in bytes: genuine ones are below 8 KiB. */
export const MAX_DOCUMENT_SIZE = 256 * 1024;
/** How deep objects and lists may be nested: genuine ones are seven deep. */
const MAX_DEPTH = 16;
/** Members that an object may have: genuine ones have eleven. */
const MAX_MEMBERS = 64;

/** The outermost object of a document. */
export interface JsonObject {
  readonly value: Readonly<Record<string, unknown>>;
  /** Each member's value as it lies, without white space around it, by name. */
  readonly raw: ReadonlyMap<string, Uint8Array>;
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads a document.
 * @param src at most 256 KiB @param path how errors name it
 * @throws {CodecError} ERR_CODEC_RANGE with the offset, for anything but one JSON object within bounds and with no member twice in any object
 */
export function readJson(src: Uint8Array, path: string): JsonObject {
  if (src.length > MAX_DOCUMENT_SIZE) throw new CodecError('ERR_CODEC_RANGE', path, MAX_DOCUMENT_SIZE, `longer than ${MAX_DOCUMENT_SIZE} bytes: ${src.length}`);
  const extents = new Scan(src, path).run();
  const value = parsed(src, path);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new CodecError('ERR_CODEC_RANGE', path, 0, 'is no object');
  return { value: value as Record<string, unknown>, raw: new Map(extents.map(({ name, at, end }) => [name, src.subarray(at, end)])) };
}

function parsed(src: Uint8Array, path: string): unknown {
  try {
    return JSON.parse(UTF8.decode(src)) as unknown;
  } catch (cause) {
    throw new CodecError('ERR_CODEC_RANGE', path, 0, `is no JSON in UTF-8: ${cause instanceof Error ? cause.message.slice(0, 100) : ''}`, { cause });
  }
}

/** A member of the outermost object, and where its value lies. */
interface Extent {
  readonly name: string;
  readonly at: number;
  readonly end: number;
}

/** An object or list that is open. */
interface Open {
  /** Names met so far; undefined in a list. */
  readonly names: string[] | undefined;
  /** Whether a string here would be a member's name. */
  atName: boolean;
}

/**
 * Follows brackets and strings, which is all that it takes where the text is JSON; whether it is, the parser says afterwards. What this
 * finds in anything else counts for nothing.
 */
class Scan {
  readonly #path: string;
  /** One character a byte, so that places in the text are places in the bytes. */
  readonly #text: string;
  readonly #open: Open[] = [];
  readonly #extents: Extent[] = [];
  #member: { name: string; at: number } | undefined;

  constructor(src: Uint8Array, path: string) {
    this.#path = path;
    this.#text = Buffer.from(src.buffer, src.byteOffset, src.byteLength).toString('latin1');
  }

  /** The members of the outermost object, in order. */
  run(): readonly Extent[] {
    const text = this.#text;
    for (let at = 0; at < text.length; at++) {
      switch (text.charCodeAt(at)) {
        case 0x22:
          at = this.#string(at);
          break;
        case 0x7b:
          this.#enter([], at);
          break;
        case 0x5b:
          this.#enter(undefined, at);
          break;
        case 0x7d:
        case 0x5d:
          if (this.#open.length === 1) this.#close(at);
          this.#open.pop();
          break;
        case 0x2c:
          this.#next(at);
          break;
        default:
      }
    }
    return this.#extents;
  }

  #enter(names: string[] | undefined, at: number): void {
    if (this.#open.length >= MAX_DEPTH) throw this.#fail(at, `nested more than ${MAX_DEPTH} deep`);
    this.#open.push({ names, atName: names !== undefined });
  }

  #next(at: number): void {
    if (this.#open.length === 1) this.#close(at);
    const inner = this.#open.at(-1);
    if (inner) inner.atName = inner.names !== undefined;
  }

  /** @param at where the string begins @returns where it ends: at its last quotation mark */
  #string(at: number): number {
    const text = this.#text;
    let end = text.indexOf('"', at + 1);
    while (end > 0 && this.#isEscaped(end, at)) end = text.indexOf('"', end + 1);
    if (end < 0) throw this.#fail(at, 'the string does not end');
    const inner = this.#open.at(-1);
    if (inner?.atName && inner.names) this.#name(inner.names, at, end);
    if (inner) inner.atName = false;
    return end;
  }

  /** Whether an odd number of backslashes stands before a place. */
  #isEscaped(end: number, start: number): boolean {
    let at = end - 1;
    while (at > start && this.#text.charCodeAt(at) === 0x5c) at--;
    return (end - at) % 2 === 0;
  }

  #name(names: string[], at: number, end: number): void {
    const name = this.#decoded(at, end);
    if (names.includes(name)) throw this.#fail(at, `the member ${JSON.stringify(name.slice(0, 40))} stands there twice`);
    if (names.length >= MAX_MEMBERS) throw this.#fail(at, `more than ${MAX_MEMBERS} members`);
    names.push(name);
    if (this.#open.length === 1) this.#member = { name, at: end + 1 };
  }

  /** A name as it reads: `"\u0069d"` is the same member as `"id"`. */
  #decoded(at: number, end: number): string {
    const raw = this.#text.slice(at, end + 1);
    if (!raw.includes('\\')) return raw.slice(1, -1);
    try {
      return String(JSON.parse(raw));
    } catch (cause) {
      throw new CodecError('ERR_CODEC_RANGE', this.#path, at, 'the name of a member is no JSON string', { cause });
    }
  }

  /** Ends the value of a member of the outermost object. @param at of the comma or bracket behind it */
  #close(at: number): void {
    const member = this.#member;
    this.#member = undefined;
    if (!member) return;
    // A colon and white space before the value, white space behind it.
    let from = member.at;
    while (from < at && /[\s:]/.test(this.#text.charAt(from))) from++;
    let to = at;
    while (to > from && /\s/.test(this.#text.charAt(to - 1))) to--;
    this.#extents.push({ name: member.name, at: from, end: to });
  }

  #fail(at: number, rule: string): CodecError {
    return new CodecError('ERR_CODEC_RANGE', this.#path, at, rule);
  }
}
