/** A TD: its reads and writes, private and shared, and TDG.MEM.PAGE.ACCEPT. */
import { FirmwareError } from '../../errors.ts';
import { PAGE_SIZE, eachPage } from '../../memory/physical-pages.ts';
import { refusal } from '../module/status.ts';
import type { MemoryKey } from './lines.ts';
import type { TdOptions, TdxMachine } from './machine.ts';
import { bytesAt, type Level, SecureEpt } from './secure-ept.ts';

/** Exit reason of an EPT violation: the TD is left for the host. Source: Intel SDM volume 3, appendix C. */
const EPT_VIOLATION = 48;
/** Vector of #VE. */
const VIRTUALIZATION_EXCEPTION = 20;

/**
 * A TD. Faults are thrown: `EPT violation` leaves it for the host and changes nothing; `#VE` is what the TD itself sees at a page that it has not
 * accepted; `#MC` is poison, after which the TD never runs again.
 */
export class Td {
  readonly sept = new SecureEpt();
  /** Guest pages (shared bit taken off) that the host maps for sharing. */
  readonly shared = new Map<number, number>();
  /** Counts TDH.MEM.TRACK. */
  epoch = 0;
  /** TDH.MR.FINALIZE has been called: the TD may run, and nobody gives it content any more. */
  finalized = false;
  readonly key: MemoryKey;
  /** The bit of a guest address that says shared. */
  readonly sharedBit: number;
  readonly #machine: TdxMachine;
  readonly #septVeDisable: boolean;
  #fatal = false;

  constructor(machine: TdxMachine, key: MemoryKey, { gpaWidth = 48, septVeDisable = true }: TdOptions) {
    this.#machine = machine;
    this.key = key;
    this.sharedBit = 2 ** (gpaWidth - 1);
    this.#septVeDisable = septVeDisable;
  }

  /** Whether poison has ended the TD. */
  get fatal(): boolean {
    return this.#fatal;
  }

  /** Reads memory, private or shared as the address says. @throws {FirmwareError} EPT violation, #VE, #MC, or TDX_TD_FATAL once poison was read */
  read(gpa: number, length: number): Uint8Array {
    this.#requireAlive();
    const bytes = new Uint8Array(length);
    const { address, shared } = this.#split(gpa);
    eachPage(address, length, (page, offset, here, done) => {
      if (shared) bytes.set(this.#machine.lines.readShared(this.#sharedPage(page)).subarray(offset, offset + here), done);
      else {
        const target = this.#privatePage(page);
        bytes.set(
          this.#orFatal(() => this.#machine.lines.readPrivate(target, offset, offset + here, this.key)),
          done,
        );
      }
    });
    return bytes;
  }

  /** Writes memory, private or shared as the address says; nothing is written when any page of it faults. @throws {FirmwareError} as {@link read} */
  write(gpa: number, bytes: Uint8Array): void {
    this.#requireAlive();
    const { address, shared } = this.#split(gpa);
    eachPage(address, bytes.length, (page) => (shared ? this.#sharedPage(page) : this.#privatePage(page)));
    eachPage(address, bytes.length, (page, offset, here, done) => {
      const part = bytes.subarray(done, done + here);
      if (shared) this.#machine.lines.writeShared(this.#sharedPage(page), offset, part);
      else {
        const target = this.#privatePage(page);
        this.#orFatal(() => this.#machine.lines.writePrivate(target, offset, part, this.key));
      }
    });
  }

  /**
   * TDG.MEM.PAGE.ACCEPT: takes a page that the host has added; it is zero then.
   * @throws {FirmwareError} TDX_PAGE_ALREADY_ACCEPTED, TDX_PAGE_SIZE_MISMATCH, TDX_OPERAND_INVALID; EPT violation where nothing waits
   */
  accept(gpa: number, level: Level): void {
    this.#requireAlive();
    if (this.#split(gpa).shared || gpa % bytesAt(level) !== 0) throw refusal('TDX_OPERAND_INVALID', `0x${gpa.toString(16)} is no private page of ${bytesAt(level)} bytes`, 'RCX');
    const leaf = this.sept.find(gpa);
    if (!leaf || leaf.entry.state === 'BLOCKED' || leaf.entry.state === 'PENDING_BLOCKED') throw violation(gpa, leaf?.entry.state ?? 'FREE');
    if (leaf.entry.level !== level) throw refusal('TDX_PAGE_SIZE_MISMATCH', `the page at 0x${gpa.toString(16)} is one of ${bytesAt(leaf.entry.level)} bytes`, 'RCX');
    if (leaf.entry.state === 'MAPPED') throw refusal('TDX_PAGE_ALREADY_ACCEPTED', `0x${gpa.toString(16)}`);
    for (let at = 0; at < bytesAt(level); at += PAGE_SIZE) this.#machine.lines.writePrivate(leaf.entry.address + at, 0, new Uint8Array(PAGE_SIZE), this.key);
    this.sept.put(leaf.base, { ...leaf.entry, state: 'MAPPED' });
  }

  /** A machine check in a TD is not recoverable: the module never enters it again. */
  #orFatal<T>(access: () => T): T {
    try {
      return access();
    } catch (error) {
      this.#fatal = true;
      throw error;
    }
  }

  #requireAlive(): void {
    if (!this.finalized) throw refusal('TDX_OP_STATE_INCORRECT', 'the TD is not finalized yet');
    if (this.#fatal) throw refusal('TDX_TD_FATAL', 'the TD has read poison and never runs again');
  }

  #split(gpa: number): { readonly address: number; readonly shared: boolean } {
    if (!Number.isSafeInteger(gpa) || gpa < 0 || gpa >= 2 * this.sharedBit) throw new RangeError(`${gpa} is no guest address`);
    return gpa >= this.sharedBit ? { address: gpa - this.sharedBit, shared: true } : { address: gpa, shared: false };
  }

  #sharedPage(page: number): number {
    const target = this.shared.get(page);
    if (target === undefined) throw violation(page + this.sharedBit, 'not mapped');
    return target;
  }

  #privatePage(page: number): number {
    const leaf = this.sept.find(page);
    if (leaf?.entry.state === 'MAPPED') return leaf.entry.address + page - leaf.base;
    if (leaf?.entry.state === 'PENDING' && !this.#septVeDisable) throw new FirmwareError(VIRTUALIZATION_EXCEPTION, '#VE', `the page at 0x${page.toString(16)} is not accepted`);
    throw violation(page, leaf?.entry.state ?? 'FREE');
  }
}

function violation(gpa: number, state: string): FirmwareError {
  return new FirmwareError(EPT_VIOLATION, 'EPT violation', `the page at 0x${gpa.toString(16)} is ${state}`);
}
