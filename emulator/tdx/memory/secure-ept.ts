/** The secure EPT of one TD: which of its private addresses lead where, in the TDX module's hands alone. */
import { LARGE_PAGE_SIZE, PAGE_SIZE } from '../../memory/physical-pages.ts';

/**
 * States of an entry. `FREE`: nothing there. `PENDING`: the host has added a page, the TD has not accepted it. `MAPPED`: in use. The blocked ones:
 * the host is about to take the page away. Source: Intel TDX Module Base Architecture Specification 348549, "Secure EPT Entry States";
 * intel/tdx-module, secure EPT state encodings.
 */
export type EntryState = 'FREE' | 'PENDING' | 'MAPPED' | 'BLOCKED' | 'PENDING_BLOCKED';

/** Level of a page: 0 is 4 KiB, 1 is 2 MiB. */
export type Level = 0 | 1;

/** One leaf. */
export interface SeptEntry {
  readonly state: EntryState;
  readonly address: number;
  readonly level: Level;
  /** The TD's epoch when it was blocked. */
  readonly blockedIn?: number;
}

/** Bytes of a page of that level. */
export function bytesAt(level: Level): number {
  return level === 1 ? LARGE_PAGE_SIZE : PAGE_SIZE;
}

/** The leaves of the tree, by guest address. */
export class SecureEpt {
  readonly #leaves = new Map<number, SeptEntry>();

  /** The leaf that covers `gpa`, and where it begins; undefined where there is none. */
  find(gpa: number): { readonly base: number; readonly entry: SeptEntry } | undefined {
    const base = gpa - (gpa % LARGE_PAGE_SIZE);
    const large = this.#leaves.get(base);
    if (large?.level === 1) return { base, entry: large };
    const small = gpa - (gpa % PAGE_SIZE);
    const entry = this.#leaves.get(small);
    return entry && { base: small, entry };
  }

  /** Whether anything lies in the page of that level at `gpa`. */
  anyIn(gpa: number, level: Level): boolean {
    for (let at = gpa; at < gpa + bytesAt(level); at += PAGE_SIZE) if (this.find(at)) return true;
    return false;
  }

  /** Writes a leaf. */
  put(gpa: number, entry: SeptEntry): void {
    if (entry.state === 'FREE') this.#leaves.delete(gpa);
    else this.#leaves.set(gpa, entry);
  }
}
