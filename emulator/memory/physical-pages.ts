/** The memory chips of an emulated machine: pages of 4 KiB, taken only when somebody writes to them. */

/** Bytes of a small and of a large page. */
export const PAGE_SIZE = 4096;
export const LARGE_PAGE_SIZE = 2 * 1024 * 1024;

/** Sparse physical memory. What nobody has written is zero. */
export class PhysicalPages {
  /** Bytes, a multiple of 2 MiB. */
  readonly size: number;
  readonly #pages = new Map<number, Uint8Array>();

  /** @param size bytes @throws {RangeError} when it is no multiple of 2 MiB */
  constructor(size: number) {
    if (!Number.isSafeInteger(size) || size <= 0 || size % LARGE_PAGE_SIZE !== 0) throw new RangeError(`memory is a multiple of ${LARGE_PAGE_SIZE} bytes, not ${size}`);
    this.size = size;
  }

  /** A copy of the page that begins at `address`. @throws {RangeError} outside the memory, or inside a page */
  load(address: number): Uint8Array {
    this.require(address);
    return Uint8Array.from(this.#pages.get(address) ?? new Uint8Array(PAGE_SIZE));
  }

  /** Writes the page that begins at `address`. @param bytes 4096; they are copied @throws {RangeError} */
  store(address: number, bytes: Uint8Array): void {
    this.require(address);
    if (bytes.length !== PAGE_SIZE) throw new RangeError(`a page is ${PAGE_SIZE} bytes, not ${bytes.length}`);
    this.#pages.set(address, Uint8Array.from(bytes));
  }

  /** Addresses of the pages that have been written, ascending. */
  written(): number[] {
    return [...this.#pages.keys()].sort((a, b) => a - b);
  }

  /** Refuses an address that is no page of this memory. @throws {RangeError} */
  require(address: number, size: number = PAGE_SIZE): void {
    if (!Number.isSafeInteger(address) || address < 0 || address % size !== 0 || address + size > this.size)
      throw new RangeError(`0x${address.toString(16)} is no page of ${size} bytes in 0x${this.size.toString(16)} bytes of memory`);
  }
}

/** Calls `work` for each page that `length` bytes from `address` touch: the page's own address, the offset in it, how many bytes, and how many came before. */
export function eachPage(address: number, length: number, work: (page: number, offset: number, length: number, done: number) => void): void {
  if (!Number.isSafeInteger(address) || address < 0 || !Number.isSafeInteger(length) || length < 0) throw new RangeError(`${address}, ${length}: an address and a length are whole numbers`);
  for (let done = 0; done < length; ) {
    const offset = (address + done) % PAGE_SIZE;
    const here = Math.min(PAGE_SIZE - offset, length - done);
    work(address + done - offset, offset, here, done);
    done += here;
  }
}
