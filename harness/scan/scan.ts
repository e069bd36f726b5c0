/** Looks through files, folders and what is packed in them for teemu's test material, which belongs into no product and no trust store. */
import { createReadStream } from 'node:fs';
import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode, fileError } from '../../emulator/disk/file.ts';
import { entriesOf, type Stream } from './containers.ts';
import { PATTERNS, type Writing } from './marks.ts';
import { Search } from './search.ts';

/** Test material. */
export interface Finding {
  /** The file; after `!`, what is packed in it. */
  readonly path: string;
  /** Bytes from the start of the file, or of what was unpacked. */
  readonly at: number;
  readonly what: string;
  readonly writing: Writing;
}

/** Something that was not looked into. */
export interface Unread {
  readonly path: string;
  readonly why: string;
}

/** What a scan found. */
export interface ScanResult {
  readonly findings: readonly Finding[];
  readonly unread: readonly Unread[];
  readonly files: number;
  readonly bytes: number;
}

/** How deep containers may lie in one another. */
const MAX_DEPTH = 8;
/** Most bytes that one file may unfold to. */
const MAX_UNFOLDED = 64 * 2 ** 30;
/** Findings in one file; a trust store with more says no more than with these. */
const MAX_FINDINGS = 100;
const HEAD = 512;

/**
 * Scans a file or a folder with all that is in it. Links are not followed: what they lead to is scanned where it is.
 * @param progress told of each file before it is read
 * @throws {TeemuError} ERR_FILE when `path` itself can't be read
 */
export async function scan(path: string, progress: (path: string, files: number) => void = () => undefined): Promise<ScanResult> {
  const state: State = { findings: [], unread: [], files: 0, bytes: 0, progress };
  await lstat(path).catch((cause: unknown) => Promise.reject(fileError(path, cause)));
  await walk(path, state);
  return state;
}

interface State {
  readonly findings: Finding[];
  readonly unread: Unread[];
  files: number;
  bytes: number;
  readonly progress: (path: string, files: number) => void;
}

async function walk(path: string, state: State): Promise<void> {
  try {
    const stats = await lstat(path);
    if (stats.isDirectory()) {
      const names: string[] = [];
      for await (const { name } of await opendir(path)) names.push(name);
      // In one order on every machine, whatever the file system's.
      for (const name of names.sort()) await walk(join(path, name), state);
    } else if (stats.isFile()) {
      state.progress(path, state.files++);
      await look({ path, depth: 0, budget: { left: MAX_UNFOLDED }, state }, createReadStream(path, { highWaterMark: 1 << 20 }));
    }
  } catch (cause) {
    state.unread.push({ path, why: errorCode(cause) === undefined && !(cause instanceof Error) ? String(cause) : fileError(path, cause).message.slice(path.length + 2) });
  }
}

interface Place {
  readonly path: string;
  readonly depth: number;
  readonly budget: { left: number };
  readonly state: State;
}

/** Searches a stream, and what it unfolds to. */
async function look(place: Place, stream: Stream): Promise<void> {
  const { path, depth, state } = place;
  const source = stream[Symbol.asyncIterator]();
  const head = await headOf(source);
  const whole = searched(place, head, source);
  // Lent without its `return`: who unpacks may give up early, and the rest is still to be searched.
  const entries = entriesOf(head.subarray(0, HEAD), { [Symbol.asyncIterator]: () => ({ next: () => whole.next() }) });
  if (entries && depth === MAX_DEPTH) state.unread.push({ path, why: `containers in one another, more than ${MAX_DEPTH} deep` });
  if (!entries || depth === MAX_DEPTH) {
    for await (const _ of whole);
    return;
  }
  for await (const entry of entries) {
    const inner = entry.name === '' ? path : `${path}!${entry.name}`;
    if ('unread' in entry) state.unread.push({ path: inner, why: entry.unread });
    else await look({ ...place, path: inner, depth: depth + 1 }, entry.contents).catch((cause: unknown) => state.unread.push({ path: inner, why: cause instanceof Error ? cause.message : String(cause) }));
  }
  // What follows the last entry is part of the file too.
  for await (const _ of whole);
}

/** At least the bytes that tell a container, where there are as many. */
async function headOf(source: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  while (length < HEAD) {
    const { done, value } = await source.next();
    if (done) break;
    parts.push(value);
    length += value.length;
  }
  return Buffer.concat(parts);
}

/** Hands a stream on, and searches what passes. */
async function* searched({ path, budget, state }: Place, head: Uint8Array, source: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const search = new Search(PATTERNS);
  let found = 0;
  for (let piece: Uint8Array | undefined = head; piece !== undefined; ) {
    state.bytes += piece.length;
    budget.left -= piece.length;
    if (budget.left < 0) throw new Error(`unfolds to more than ${MAX_UNFOLDED / 2 ** 30} GiB`);
    for (const { at, what, writing } of search.push(piece)) if (found++ < MAX_FINDINGS) state.findings.push({ path, at, what, writing });
    yield piece;
    const next: IteratorResult<Uint8Array> = await source.next();
    piece = next.done ? undefined : next.value;
  }
}
