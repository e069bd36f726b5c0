/** The reverse map: for every page of the machine, whose it is. Its instructions answer with status codes as the processor's do. */
import { LARGE_PAGE_SIZE, PAGE_SIZE, type PhysicalPages } from '../../memory/physical-pages.ts';
import { ALL_PERMISSIONS, HYPERVISOR_PAGE, type PageSize, type RmpEntry } from './rmp-entry.ts';

/** Status codes of RMPUPDATE, PSMASH, PVALIDATE and RMPADJUST in EAX. Source: AMD APM volume 3; Linux asm/sev.h. */
export const RMP_STATUS = {
  SUCCESS: 0,
  FAIL_INPUT: 1,
  FAIL_PERMISSION: 2,
  FAIL_INUSE: 3,
  FAIL_OVERLAP: 4,
  FAIL_SIZEMISMATCH: 6,
} as const;
/** Name of a status. */
export type RmpStatus = keyof typeof RMP_STATUS;

/** What RMPUPDATE is given. */
export interface RmpUpdate {
  readonly assigned: boolean;
  readonly pageSize?: PageSize;
  readonly immutable?: boolean;
  readonly gpa?: number;
  readonly asid?: number;
}

/** Bytes of a page of that size. */
export function bytesOf(size: PageSize): number {
  return size === '2M' ? LARGE_PAGE_SIZE : PAGE_SIZE;
}

const largePage = (address: number): number => address - (address % LARGE_PAGE_SIZE);

/** The table. Addresses are those of the machine's memory. */
export class ReverseMap {
  readonly #pages: PhysicalPages;
  readonly #entries = new Map<number, RmpEntry>();
  /** Largest ASID that a guest may have. */
  readonly #mostAsid: number;

  constructor(pages: PhysicalPages, mostAsid: number) {
    this.#pages = pages;
    this.#mostAsid = mostAsid;
  }

  /** The entry that counts for the small page at `address`, and where it begins: that of its large page, if it is part of one. @throws {RangeError} */
  entry(address: number): { readonly base: number; readonly entry: RmpEntry } {
    this.#pages.require(address);
    const large = this.#entries.get(largePage(address));
    if (large?.pageSize === '2M') return { base: largePage(address), entry: large };
    return { base: address, entry: this.#entries.get(address) ?? HYPERVISOR_PAGE };
  }

  /** Writes an entry, as the firmware may. @param base where the page begins */
  put(base: number, entry: RmpEntry): void {
    if (entry.assigned || entry.immutable) this.#entries.set(base, entry);
    else this.#entries.delete(base);
  }

  /**
   * RMPUPDATE, the hypervisor's instruction: assigns a page or takes it back. Whatever it does to a guest's page, the page is no longer
   * validated afterwards; that is what makes the guest notice. A new page is VMPL 0's alone. Source: AMD APM volume 3, RMPUPDATE.
   */
  update(address: number, { assigned, pageSize = '4K', immutable = false, gpa = 0, asid = 0 }: RmpUpdate): RmpStatus {
    const size = bytesOf(pageSize);
    if (address % size !== 0 || address < 0 || address + size > this.#pages.size) return 'FAIL_INPUT';
    if (!Number.isSafeInteger(gpa) || gpa < 0 || gpa % size !== 0 || !Number.isInteger(asid) || asid < 0 || asid > this.#mostAsid) return 'FAIL_INPUT';
    // A page of the hypervisor has no owner to name.
    if (!assigned && (asid !== 0 || gpa !== 0 || immutable)) return 'FAIL_INPUT';
    const { base, entry } = this.entry(address);
    if (base !== address || (entry.assigned && entry.pageSize === '2M' && pageSize === '4K')) return 'FAIL_OVERLAP';
    if (pageSize === '2M' && entry.pageSize === '4K') {
      for (let at = address; at < address + size; at += PAGE_SIZE) if (this.#entries.has(at)) return 'FAIL_OVERLAP';
    }
    if (entry.immutable) return 'FAIL_PERMISSION';
    this.put(address, { ...HYPERVISOR_PAGE, assigned, pageSize, immutable, gpa, asid, permissions: assigned && asid !== 0 ? [ALL_PERMISSIONS, 0, 0, 0] : [0, 0, 0, 0] });
    return 'SUCCESS';
  }

  /** PSMASH: makes 512 small entries of a large one; owner, validation and permissions stay. Source: AMD APM volume 3, PSMASH. */
  smash(address: number): RmpStatus {
    if (address % LARGE_PAGE_SIZE !== 0 || address < 0 || address >= this.#pages.size) return 'FAIL_INPUT';
    const { entry } = this.entry(address);
    if (!entry.assigned || entry.pageSize !== '2M') return 'FAIL_INPUT';
    if (entry.immutable) return 'FAIL_PERMISSION';
    for (let at = 0; at < LARGE_PAGE_SIZE; at += PAGE_SIZE) this.put(address + at, { ...entry, pageSize: '4K', gpa: entry.gpa + at });
    return 'SUCCESS';
  }

  /**
   * SNP_PAGE_UNSMASH, a command of the firmware: makes one large entry of 512 small ones that differ in nothing but the address.
   * Source: AMD 56860 SEV-SNP Firmware ABI, SNP_PAGE_UNSMASH.
   */
  unsmash(address: number): RmpStatus {
    if (address % LARGE_PAGE_SIZE !== 0 || address < 0 || address >= this.#pages.size) return 'FAIL_INPUT';
    const { entry } = this.entry(address);
    if (!entry.assigned || entry.pageSize !== '4K' || entry.gpa % LARGE_PAGE_SIZE !== 0) return 'FAIL_INPUT';
    for (let at = PAGE_SIZE; at < LARGE_PAGE_SIZE; at += PAGE_SIZE) {
      if (JSON.stringify(this.entry(address + at).entry) !== JSON.stringify({ ...entry, gpa: entry.gpa + at })) return 'FAIL_INPUT';
    }
    for (let at = PAGE_SIZE; at < LARGE_PAGE_SIZE; at += PAGE_SIZE) this.#entries.delete(address + at);
    this.put(address, { ...entry, pageSize: '2M' });
    return 'SUCCESS';
  }

  /** Whether any page of the large page around `address` is assigned: a host mapping of that size may not write to it. */
  anyAssigned(address: number): boolean {
    const from = largePage(address);
    for (let at = from; at < from + LARGE_PAGE_SIZE; at += PAGE_SIZE) if (this.entry(at).entry.assigned) return true;
    return false;
  }
}
