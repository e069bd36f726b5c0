/**
 * Somebody with a probe on the memory bus, or a module that answers for more memory than it has. SNP does not defend against this: the reverse
 * map is asked by the processor only, and the memory has no tags. What is read is ciphertext; what is written is taken for ciphertext.
 */
import { eachPage, type PhysicalPages } from '../../memory/physical-pages.ts';

/** The memory chips themselves, past the processor. */
export class PhysicalAccess {
  readonly #pages: PhysicalPages;

  constructor(pages: PhysicalPages) {
    this.#pages = pages;
  }

  /** What the chips hold. */
  read(address: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    eachPage(address, length, (page, offset, here, done) => bytes.set(this.#pages.load(page).subarray(offset, offset + here), done));
    return bytes;
  }

  /** Changes what the chips hold. Nothing asks, nothing notices: 16 bytes of the guest's become others, or what they once were. */
  write(address: number, bytes: Uint8Array): void {
    eachPage(address, bytes.length, (page, offset, here, done) => {
      const content = this.#pages.load(page);
      content.set(bytes.subarray(done, done + here), offset);
      this.#pages.store(page, content);
    });
  }
}
