/**
 * The memory of a machine with TDX, and everybody who reaches for it: the host, the TDX module on its behalf, the TDs, and somebody with a
 * probe on the memory bus.
 *
 * What TDX promises, and what it does not: the host reads nothing of a TD's lines, and what it writes there is noticed at the TD's next read,
 * which ends the TD. Somebody at the bus is noticed with cryptographic integrity when a line is changed or moved; old lines put back where they
 * were, marks and all, are not noticed in either mode (there is no tree of counters).
 */
import { PhysicalPages } from '../../memory/physical-pages.ts';
import { MemoryCipher } from '../../memory/memory-cipher.ts';
import type { World } from '../../world.ts';
import { type CapturedLine, type Integrity, MemoryLines } from './lines.ts';
import { TdHost } from './host.ts';
import { Td } from './td.ts';

/** What a machine has. */
export interface TdxMachineOptions {
  /** Distinguishes machines of one world. */
  readonly name?: string;
  /** Bytes of memory, a multiple of 2 MiB. */
  readonly size?: number;
  readonly integrity?: Integrity;
}

/** What a TD is made with. */
export interface TdOptions {
  /** Bits of a guest address, 48 or 52; the highest one says that an address is shared. */
  readonly gpaWidth?: 48 | 52;
  /** ATTRIBUTES.SEPT_VE_DISABLE: a page that is not accepted stops the TD instead of raising #VE in it. */
  readonly septVeDisable?: boolean;
}

/** A machine. All ways to its memory lead over here. */
export class TdxMachine {
  readonly pages: PhysicalPages;
  readonly lines: MemoryLines;
  readonly host: TdHost;
  /** Whose page is which: the physical address metadata table (PAMT), by page; a page that is not in it is the host's. */
  readonly pamt = new Map<number, Td>();
  readonly #world: World;
  readonly #name: string;
  #created = 0;

  /** @throws {RangeError} for a size that is no multiple of 2 MiB */
  constructor(world: World, { name = 'machine', size = 64 * 1024 * 1024, integrity = 'cryptographic' }: TdxMachineOptions = {}) {
    this.#world = world;
    this.#name = name;
    this.pages = new PhysicalPages(size);
    this.lines = new MemoryLines(this.pages, integrity);
    this.host = new TdHost(this);
  }

  /** TDH.MNG.CREATE and TDH.MNG.KEY.CONFIG: a TD with a key of its own and no memory. */
  createTd(options: TdOptions = {}): Td {
    const label = `tdx/memory/${this.#name}/${++this.#created}`;
    return new Td(this, { cipher: new MemoryCipher(this.#world.derive(`${label}/key`, 64)), mac: this.#world.derive(`${label}/mac`, 32) }, options);
  }

  /** What somebody at the memory bus reads of a line. @param address a multiple of 64 */
  capture(address: number): CapturedLine {
    return this.lines.capture(address);
  }

  /** What somebody at the memory bus puts there. */
  restore(address: number, line: CapturedLine): void {
    this.lines.restore(address, line);
  }
}
