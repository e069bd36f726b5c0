/**
 * The memory controller of a machine with TDX: cache lines of 64 bytes, each encrypted under a key of its owner, with one bit that says
 * whether a TD owns the line and, with cryptographic integrity, a MAC of 28 bits. Both lie where the error correction code does, out of reach
 * of software. Source: Intel TDX Module Base Architecture Specification 348549, "Memory Integrity Protection"; Intel 336907, MKTME.
 */
import { hash } from 'node:crypto';
import { FirmwareError } from '../../errors.ts';
import type { MemoryCipher } from '../../memory/memory-cipher.ts';
import { PAGE_SIZE, type PhysicalPages } from '../../memory/physical-pages.ts';

export const LINE_SIZE = 64;
const LINES = PAGE_SIZE / LINE_SIZE;

/** What protects a line: the owner bit alone (`logical`), or the MAC too (`cryptographic`). Which one is the BIOS's choice. */
export type Integrity = 'logical' | 'cryptographic';

/** A key of the memory controller: its cipher, and what its MACs are made with. */
export interface MemoryKey {
  readonly cipher: MemoryCipher;
  readonly mac: Uint8Array;
}

/** What lies beside the bytes of one page. */
interface Marks {
  readonly owned: Uint8Array;
  readonly macs: Uint32Array;
  readonly poisoned: Uint8Array;
}

/** The lines of the machine. Addresses are physical, without the bits that name a key. */
export class MemoryLines {
  readonly integrity: Integrity;
  readonly #pages: PhysicalPages;
  readonly #marks = new Map<number, Marks>();

  constructor(pages: PhysicalPages, integrity: Integrity) {
    this.#pages = pages;
    this.integrity = integrity;
  }

  /**
   * Writes under a TD's key: the lines that are touched are the TD's from now on. A line that is written in part is read first.
   * @throws {FirmwareError} #MC when such a line is poisoned
   */
  writePrivate(page: number, offset: number, bytes: Uint8Array, key: MemoryKey): void {
    const end = offset + bytes.length;
    const first = offset - (offset % LINE_SIZE);
    const last = Math.ceil(end / LINE_SIZE) * LINE_SIZE;
    const text = new Uint8Array(PAGE_SIZE);
    for (const at of new Set([first, last - LINE_SIZE])) {
      const whole = offset <= at && at + LINE_SIZE <= end;
      if (!whole) text.set(this.readPrivate(page, at, at + LINE_SIZE, key), at);
    }
    text.set(bytes, offset);
    const marks = this.#marksOf(page);
    const stored = this.#pages.load(page);
    // Every 16 bytes are tweaked by where they lie in the page, so the other lines of this ciphertext are simply not taken.
    stored.set(key.cipher.encrypt(page, text).subarray(first, last), first);
    for (let at = first; at < last; at += LINE_SIZE) {
      marks.owned[at / LINE_SIZE] = 1;
      marks.poisoned[at / LINE_SIZE] = 0;
      marks.macs[at / LINE_SIZE] = macOf(key, page + at, stored.subarray(at, at + LINE_SIZE));
    }
    this.#pages.store(page, stored);
  }

  /**
   * Reads lines of a page under a TD's key.
   * @param from first byte @param to byte after the last
   * @throws {FirmwareError} #MC when a line is not the TD's any more, or its MAC is wrong: it is poisoned, and so is everything that reads it
   */
  readPrivate(page: number, from: number, to: number, key: MemoryKey): Uint8Array {
    const marks = this.#marksOf(page);
    const ciphertext = this.#pages.load(page);
    for (let line = Math.floor(from / LINE_SIZE); line * LINE_SIZE < to; line++) {
      const at = line * LINE_SIZE;
      const wrongMac = this.integrity === 'cryptographic' && marks.macs[line] !== macOf(key, page + at, ciphertext.subarray(at, at + LINE_SIZE));
      if (marks.owned[line] !== 1 || marks.poisoned[line] === 1 || wrongMac) {
        marks.poisoned[line] = 1;
        throw new FirmwareError(0, '#MC', `the line at 0x${(page + at).toString(16)} is poisoned: ${marks.owned[line] === 1 ? 'its MAC is wrong' : 'somebody else has written to it'}`);
      }
    }
    return key.cipher.decrypt(page, ciphertext).subarray(from, to);
  }

  /** Reads a page as software outside the TDX module does: lines of a TD read as zero, so that not even ciphertext is seen. */
  readShared(page: number): Uint8Array {
    const bytes = this.#pages.load(page);
    const marks = this.#marks.get(page);
    for (let line = 0; line < LINES; line++) if (marks?.owned[line] === 1) bytes.fill(0, line * LINE_SIZE, (line + 1) * LINE_SIZE);
    return bytes;
  }

  /** Writes to a page as software outside the TDX module does: nothing stops it, and the lines that it touches are no TD's any more. */
  writeShared(page: number, offset: number, bytes: Uint8Array): void {
    const content = this.readShared(page);
    content.set(bytes, offset);
    const stored = this.#pages.load(page);
    const marks = this.#marks.get(page);
    for (let line = Math.floor(offset / LINE_SIZE); line * LINE_SIZE < offset + bytes.length; line++) {
      const at = line * LINE_SIZE;
      stored.set(content.subarray(at, at + LINE_SIZE), at);
      if (marks) marks.owned[line] = 0;
    }
    this.#pages.store(page, stored);
  }

  /** What the chips hold of one line, its marks included: for somebody with a probe on the bus. */
  capture(address: number): CapturedLine {
    const [page, line] = this.#place(address);
    const marks = this.#marksOf(page);
    const at = line * LINE_SIZE;
    return { ciphertext: this.#pages.load(page).slice(at, at + LINE_SIZE), owned: marks.owned[line] === 1, mac: marks.macs[line] ?? 0 };
  }

  /** Puts a line back into the chips, marks and all, past the processor. */
  restore(address: number, { ciphertext, owned, mac }: CapturedLine): void {
    const [page, line] = this.#place(address);
    const content = this.#pages.load(page);
    content.set(ciphertext.subarray(0, LINE_SIZE), line * LINE_SIZE);
    this.#pages.store(page, content);
    const marks = this.#marksOf(page);
    marks.owned[line] = owned ? 1 : 0;
    marks.macs[line] = mac;
    marks.poisoned[line] = 0;
  }

  #place(address: number): readonly [page: number, line: number] {
    if (!Number.isSafeInteger(address) || address % LINE_SIZE !== 0) throw new RangeError(`0x${address.toString(16)} is no line of ${LINE_SIZE} bytes`);
    const page = address - (address % PAGE_SIZE);
    this.#pages.require(page);
    return [page, (address % PAGE_SIZE) / LINE_SIZE];
  }

  #marksOf(page: number): Marks {
    const known = this.#marks.get(page);
    if (known) return known;
    const made = { owned: new Uint8Array(LINES), macs: new Uint32Array(LINES), poisoned: new Uint8Array(LINES) };
    this.#marks.set(page, made);
    return made;
  }
}

/** One line as it lies in the chips. */
export interface CapturedLine {
  /** 64 bytes. */
  readonly ciphertext: Uint8Array;
  readonly owned: boolean;
  /** 28 bits. */
  readonly mac: number;
}

/** 28 bits of SHA-3-256 over key, address, owner bit and ciphertext; how the hardware arranges them is not public. */
function macOf({ mac }: MemoryKey, address: number, ciphertext: Uint8Array): number {
  const input = Buffer.alloc(mac.length + 9 + LINE_SIZE);
  input.set(mac);
  input.writeBigUInt64LE(BigInt(address), mac.length);
  input[mac.length + 8] = 1;
  input.set(ciphertext, mac.length + 9);
  return hash('sha3-256', input, 'buffer').readUInt32LE(0) & 0x0fff_ffff;
}
