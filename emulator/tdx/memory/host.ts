/** The host of TDs: its own reads and writes, the shared EPT, and the module's functions that it calls to give and take private pages. */
import { LARGE_PAGE_SIZE, PAGE_SIZE, eachPage } from '../../memory/physical-pages.ts';
import { refusal } from '../module/status.ts';
import type { TdxMachine } from './machine.ts';
import { bytesAt, type Level, type SeptEntry } from './secure-ept.ts';
import type { Td } from './td.ts';

/** What the host can do. The functions of the module are named as their leaves: `pageAug` is TDH.MEM.PAGE.AUG. */
export class TdHost {
  readonly #machine: TdxMachine;

  constructor(machine: TdxMachine) {
    this.#machine = machine;
  }

  /** Reads memory; lines of a TD are zero. */
  read(address: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    eachPage(address, length, (page, offset, here, done) => bytes.set(this.#machine.lines.readShared(page).subarray(offset, offset + here), done));
    return bytes;
  }

  /** Writes memory. Nothing stops it; a TD whose lines they were reads poison. */
  write(address: number, bytes: Uint8Array): void {
    eachPage(address, bytes.length, (page, offset, here, done) => this.#machine.lines.writeShared(page, offset, bytes.subarray(done, done + here)));
  }

  /** Every page that has been written, as the host sees it: what a leak scan must go through. */
  *everything(): Generator<{ readonly address: number; readonly bytes: Uint8Array }> {
    for (const address of this.#machine.pages.written()) yield { address, bytes: this.#machine.lines.readShared(address) };
  }

  /** Maps a page of the host's for sharing, as the shared EPT does. @param gpa without the shared bit @throws {RangeError} */
  mapShared(td: Td, gpa: number, address: number): void {
    this.#machine.pages.require(address);
    td.shared.set(gpa, address);
  }

  /** TDH.MR.FINALIZE: the TD may run. @throws {FirmwareError} TDX_OP_STATE_INCORRECT for the second time */
  finalize(td: Td): void {
    requireFinalized(td, false);
    td.finalized = true;
  }

  /** TDH.MEM.PAGE.ADD, before the TD is finalized: a page with content, in use at once. @param content 4096 bytes @throws {FirmwareError} TDX_OP_STATE_INCORRECT afterwards, and as {@link pageAug} */
  pageAdd(td: Td, gpa: number, address: number, content: Uint8Array): void {
    if (content.length !== PAGE_SIZE) throw new RangeError(`a page is ${PAGE_SIZE} bytes, not ${content.length}`);
    requireFinalized(td, false);
    this.#requireFree(td, gpa, address, 0);
    this.#machine.lines.writePrivate(address, 0, content, td.key);
    this.#own(td, address, 0);
    td.sept.put(gpa, { state: 'MAPPED', address, level: 0 });
  }

  /** TDH.MEM.PAGE.AUG: a page that the TD has yet to accept. @throws {FirmwareError} TDX_PAGE_METADATA_INCORRECT for a page of somebody's, TDX_EPT_ENTRY_STATE_INCORRECT where there is one already, TDX_OP_STATE_INCORRECT before the TD is finalized */
  pageAug(td: Td, gpa: number, address: number, level: Level = 0): void {
    requireFinalized(td, true);
    this.#requireFree(td, gpa, address, level);
    this.#own(td, address, level);
    td.sept.put(gpa, { state: 'PENDING', address, level });
  }

  /** TDH.MEM.RANGE.BLOCK: the TD finds no new way to the page. @throws {FirmwareError} TDX_GPA_RANGE_ALREADY_BLOCKED, TDX_EPT_WALK_FAILED */
  rangeBlock(td: Td, gpa: number, level: Level = 0): void {
    const entry = this.#leaf(td, gpa, level);
    if (isBlocked(entry)) throw refusal('TDX_GPA_RANGE_ALREADY_BLOCKED', `0x${gpa.toString(16)}`);
    td.sept.put(gpa, { ...entry, state: entry.state === 'PENDING' ? 'PENDING_BLOCKED' : 'BLOCKED', blockedIn: td.epoch });
  }

  /** TDH.MEM.TRACK, and the interrupts that make every virtual processor leave: no old way is left in any TLB. */
  track(td: Td): void {
    td.epoch++;
  }

  /** TDH.MEM.RANGE.UNBLOCK: as it was before. @throws {FirmwareError} TDX_GPA_RANGE_NOT_BLOCKED, TDX_TLB_TRACKING_NOT_DONE */
  rangeUnblock(td: Td, gpa: number, level: Level = 0): void {
    const { blockedIn: _, ...entry } = this.#tracked(td, gpa, level);
    td.sept.put(gpa, { ...entry, state: entry.state === 'PENDING_BLOCKED' ? 'PENDING' : 'MAPPED' });
  }

  /** TDH.MEM.PAGE.REMOVE: the page is the host's again, its content lost. @throws {FirmwareError} TDX_GPA_RANGE_NOT_BLOCKED, TDX_TLB_TRACKING_NOT_DONE */
  pageRemove(td: Td, gpa: number, level: Level = 0): void {
    const entry = this.#tracked(td, gpa, level);
    for (let at = 0; at < bytesAt(level); at += PAGE_SIZE) this.#machine.pamt.delete(entry.address + at);
    td.sept.put(gpa, { ...entry, state: 'FREE' });
  }

  /** TDH.MEM.PAGE.DEMOTE: makes 512 small pages of a large one; content and state stay. @throws {FirmwareError} TDX_GPA_RANGE_NOT_BLOCKED, TDX_TLB_TRACKING_NOT_DONE */
  pageDemote(td: Td, gpa: number): void {
    const { blockedIn: _, ...entry } = this.#tracked(td, gpa, 1);
    td.sept.put(gpa, { ...entry, state: 'FREE' });
    const state = entry.state === 'PENDING_BLOCKED' ? 'PENDING' : 'MAPPED';
    for (let at = 0; at < LARGE_PAGE_SIZE; at += PAGE_SIZE) td.sept.put(gpa + at, { state, address: entry.address + at, level: 0 });
  }

  /** TDH.MEM.PAGE.PROMOTE: makes a large page of 512 small ones that are in use and lie side by side. @throws {FirmwareError} TDX_EPT_INVALID_PROMOTE_CONDITIONS */
  pagePromote(td: Td, gpa: number): void {
    const first = td.sept.find(gpa)?.entry;
    if (gpa % LARGE_PAGE_SIZE !== 0 || first?.level !== 0 || first.address % LARGE_PAGE_SIZE !== 0) throw refusal('TDX_EPT_INVALID_PROMOTE_CONDITIONS', `0x${gpa.toString(16)}`, 'RCX');
    for (let at = 0; at < LARGE_PAGE_SIZE; at += PAGE_SIZE) {
      const entry = td.sept.find(gpa + at)?.entry;
      if (entry?.state !== 'MAPPED' || entry.address !== first.address + at) throw refusal('TDX_EPT_INVALID_PROMOTE_CONDITIONS', `the page at 0x${(gpa + at).toString(16)} does not fit`, 'RCX');
    }
    for (let at = 0; at < LARGE_PAGE_SIZE; at += PAGE_SIZE) td.sept.put(gpa + at, { state: 'FREE', address: 0, level: 0 });
    td.sept.put(gpa, { state: 'MAPPED', address: first.address, level: 1 });
  }

  #requireFree(td: Td, gpa: number, address: number, level: Level): void {
    const size = bytesAt(level);
    if (gpa % size !== 0 || gpa + size > td.sharedBit) throw refusal('TDX_OPERAND_INVALID', `0x${gpa.toString(16)} is no private page of ${size} bytes`, 'RCX');
    this.#machine.pages.require(address, size);
    if (td.sept.anyIn(gpa, level)) throw refusal('TDX_EPT_ENTRY_STATE_INCORRECT', `there is a page at 0x${gpa.toString(16)}`, 'RCX');
    for (let at = 0; at < size; at += PAGE_SIZE) if (this.#machine.pamt.has(address + at)) throw refusal('TDX_PAGE_METADATA_INCORRECT', `0x${(address + at).toString(16)} is a TD's`, 'R8');
  }

  #own(td: Td, address: number, level: Level): void {
    for (let at = 0; at < bytesAt(level); at += PAGE_SIZE) this.#machine.pamt.set(address + at, td);
  }

  #leaf(td: Td, gpa: number, level: Level): SeptEntry {
    const leaf = td.sept.find(gpa);
    if (!leaf || leaf.base !== gpa || leaf.entry.level !== level) throw refusal('TDX_EPT_WALK_FAILED', `no page of ${bytesAt(level)} bytes begins at 0x${gpa.toString(16)}`, 'RCX');
    return leaf.entry;
  }

  #tracked(td: Td, gpa: number, level: Level): SeptEntry {
    const entry = this.#leaf(td, gpa, level);
    if (!isBlocked(entry)) throw refusal('TDX_GPA_RANGE_NOT_BLOCKED', `0x${gpa.toString(16)}`, 'RCX');
    if (entry.blockedIn === td.epoch) throw refusal('TDX_TLB_TRACKING_NOT_DONE', `0x${gpa.toString(16)}`, 'RCX');
    return entry;
  }
}

function isBlocked({ state }: SeptEntry): boolean {
  return state === 'BLOCKED' || state === 'PENDING_BLOCKED';
}

function requireFinalized({ finalized }: Td, wanted: boolean): void {
  if (finalized !== wanted) throw refusal('TDX_OP_STATE_INCORRECT', finalized ? 'the TD is finalized' : 'the TD is not finalized yet');
}
