/** The host: a hypervisor that is curious or worse. It has every instruction of its own, and the nested page tables of all guests. */
import { LARGE_PAGE_SIZE, PAGE_SIZE, eachPage } from '../../memory/physical-pages.ts';
import { fault, invalidExit } from './fault.ts';
import type { SnpMachine } from './machine.ts';
import { bytesOf, type RmpStatus, type RmpUpdate } from './reverse-map.ts';
import type { PageSize } from './rmp-entry.ts';

/** What the host can do to the machine's memory. */
export class HostAccess {
  readonly #machine: SnpMachine;

  constructor(machine: SnpMachine) {
    this.#machine = machine;
  }

  /** Reads memory. Of a guest's private page it is the ciphertext; with ciphertext hiding, ones. */
  read(address: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    eachPage(address, length, (page, offset, here, done) => bytes.set(this.#visible(page).subarray(offset, offset + here), done));
    return bytes;
  }

  /**
   * Writes memory.
   * @param mapped size of the host's own mapping: a large one may not cover any page that is not the host's
   * @throws {FirmwareError} #PF, with the RMP bit, for a page that is assigned; nothing is written then
   */
  write(address: number, bytes: Uint8Array, mapped: PageSize = '4K'): void {
    const { rmp, pages } = this.#machine;
    eachPage(address, bytes.length, (page) => {
      if (rmp.entry(page).entry.assigned || (mapped === '2M' && rmp.anyAssigned(page))) throw fault('#PF', ['present', 'write', 'rmp'], `the host writes to 0x${page.toString(16)}, which is not the host's`);
    });
    eachPage(address, bytes.length, (page, offset, here, done) => {
      const content = pages.load(page);
      content.set(bytes.subarray(done, done + here), offset);
      pages.store(page, content);
    });
  }

  /** RMPUPDATE. */
  rmpUpdate(address: number, update: RmpUpdate): RmpStatus {
    return this.#machine.rmp.update(address, update);
  }

  /** PSMASH. */
  pSmash(address: number): RmpStatus {
    return this.#machine.rmp.smash(address);
  }

  /** Enters a page into a guest's nested page table; what was there before is forgotten. @throws {RangeError} for addresses that are no page of that size, or a guest that is not there */
  map(asid: number, gpa: number, address: number, size: PageSize = '4K'): void {
    const bytes = bytesOf(size);
    if (gpa % bytes !== 0) throw new RangeError(`0x${gpa.toString(16)} is no page of ${bytes} bytes`);
    this.#machine.pages.require(address, bytes);
    const { nested } = this.#machine.slot(asid);
    // A page can stand in the table once: as itself or within a large one.
    nested.delete(gpa - (gpa % LARGE_PAGE_SIZE));
    if (size === '2M') for (let at = 0; at < LARGE_PAGE_SIZE; at += PAGE_SIZE) nested.delete(gpa + at);
    nested.set(gpa, { address, size });
  }

  /** Takes a page out of a guest's nested page table. */
  unmap(asid: number, gpa: number): void {
    this.#machine.slot(asid).nested.delete(gpa);
  }

  /** VMRUN with the register state of a page. @throws {FirmwareError} VMEXIT_INVALID when that page is not a register state of the guest */
  vmRun(asid: number, address: number): void {
    const { entry } = this.#machine.rmp.entry(address);
    if (!entry.assigned || entry.asid !== asid || !entry.validated || !entry.vmsa) throw invalidExit(`0x${address.toString(16)} is no VMSA of the guest with ASID ${asid}`);
  }

  /** Every page that has been written, as the host sees it: what a leak scan must go through. */
  *everything(): Generator<{ readonly address: number; readonly bytes: Uint8Array }> {
    for (const address of this.#machine.pages.written()) yield { address, bytes: this.#visible(address) };
  }

  #visible(page: number): Uint8Array {
    const { rmp, pages, ciphertextHiding } = this.#machine;
    const hidden = ciphertextHiding && rmp.entry(page).entry.asid !== 0;
    return hidden ? new Uint8Array(PAGE_SIZE).fill(0xff) : pages.load(page);
  }
}
