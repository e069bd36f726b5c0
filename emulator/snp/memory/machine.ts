/**
 * The memory of a machine with SEV-SNP, and everybody who reaches for it: the host, the firmware, a guest at each of its privilege levels,
 * and somebody with a probe on the memory bus.
 *
 * What SNP promises, and what it does not: the reverse map keeps the *host's software* from writing to a guest's page and from putting
 * another page in its place unnoticed. It is no integrity of the memory itself: who can write to the chips behind the processor's back can
 * garble a page, or put old ciphertext back where it was, and the guest does not notice (AMD APM volume 2, 15.36; see `PhysicalAccess`).
 */
import { MemoryCipher } from '../../memory/memory-cipher.ts';
import { PhysicalPages } from '../../memory/physical-pages.ts';
import type { World } from '../../world.ts';
import { refusal } from '../secure-processor/status.ts';
import { FirmwareAccess } from './firmware-access.ts';
import { GuestAccess, type NestedTable } from './guest-access.ts';
import { HostAccess } from './host-access.ts';
import { PhysicalAccess } from './physical-access.ts';
import { ReverseMap } from './reverse-map.ts';

/** What a machine has. */
export interface SnpMachineOptions {
  /** Distinguishes machines of one world. */
  readonly name?: string;
  /** Bytes of memory, a multiple of 2 MiB. */
  readonly size?: number;
  /** Largest ASID of an SNP guest. */
  readonly mostAsid?: number;
  /** The host reads ones instead of ciphertext (processors from Turin on, guest policy bit 24). */
  readonly ciphertextHiding?: boolean;
}

/** One guest as the machine knows it. */
export interface GuestSlot {
  readonly asid: number;
  /** Under the key that the secure processor made for this guest; a new one for each activation. */
  readonly cipher: MemoryCipher;
  /** Guest address to machine address, in the host's hands. */
  readonly nested: NestedTable;
  /** `launch`: the host may still give it content. `running`: SNP_LAUNCH_FINISH has been called, and nobody can any more. */
  state: 'launch' | 'running';
}

/** A machine. All ways to its memory lead over here. */
export class SnpMachine {
  readonly pages: PhysicalPages;
  readonly rmp: ReverseMap;
  readonly host: HostAccess;
  readonly firmware: FirmwareAccess;
  readonly physical: PhysicalAccess;
  readonly ciphertextHiding: boolean;
  readonly #world: World;
  readonly #name: string;
  readonly #mostAsid: number;
  readonly #slots = new Map<number, GuestSlot>();
  readonly #activations = new Map<number, number>();

  /** @throws {RangeError} for a size that is no multiple of 2 MiB */
  constructor(world: World, { name = 'machine', size = 64 * 1024 * 1024, mostAsid = 99, ciphertextHiding = false }: SnpMachineOptions = {}) {
    this.#world = world;
    this.#name = name;
    this.#mostAsid = mostAsid;
    this.ciphertextHiding = ciphertextHiding;
    this.pages = new PhysicalPages(size);
    this.rmp = new ReverseMap(this.pages, mostAsid);
    this.host = new HostAccess(this);
    this.firmware = new FirmwareAccess(this);
    this.physical = new PhysicalAccess(this.pages);
  }

  /** SNP_ACTIVATE: gives a guest an ASID, with a fresh key. Whoever had it before has lost its memory. @throws {RangeError} for an ASID that no guest can have */
  activate(asid: number): GuestSlot {
    if (!Number.isInteger(asid) || asid < 1 || asid > this.#mostAsid) throw new RangeError(`an SNP guest's ASID is 1 to ${this.#mostAsid}, not ${asid}`);
    const activation = (this.#activations.get(asid) ?? 0) + 1;
    this.#activations.set(asid, activation);
    const slot: GuestSlot = { asid, cipher: new MemoryCipher(this.#world.derive(`snp/memory/${this.#name}/${asid}/${activation}`, 64)), nested: new Map(), state: 'launch' };
    this.#slots.set(asid, slot);
    return slot;
  }

  /** The guest of that ASID. @throws {RangeError} when none is active */
  slot(asid: number): GuestSlot {
    const slot = this.#slots.get(asid);
    if (!slot) throw new RangeError(`no guest has the ASID ${asid}`);
    return slot;
  }

  /**
   * What a guest's software does at a privilege level.
   * @param vmpl 0 to 3 @throws {RangeError} when no guest has the ASID @throws {FirmwareError} INVALID_GUEST_STATE while it is launched
   */
  guest(asid: number, vmpl = 0): GuestAccess {
    const slot = this.slot(asid);
    if (slot.state !== 'running') throw refusal('INVALID_GUEST_STATE', `the guest with ASID ${asid} is not launched yet`);
    return new GuestAccess(this, slot, vmpl);
  }
}
