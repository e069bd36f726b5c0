/** A guest at one of its privilege levels: reads and writes with and without the C-bit, PVALIDATE and RMPADJUST. */
import { LARGE_PAGE_SIZE, PAGE_SIZE, eachPage } from '../../memory/physical-pages.ts';
import { type ErrorBit, fault, forVmpl0Only, notValidated } from './fault.ts';
import type { GuestSlot, SnpMachine } from './machine.ts';
import { bytesOf, type RmpStatus } from './reverse-map.ts';
import { ALL_PERMISSIONS, type PageSize, PERMISSION, type RmpEntry } from './rmp-entry.ts';

/** Guest address of a page to where it lies, and the size of the mapping. */
export type NestedTable = Map<number, { readonly address: number; readonly size: PageSize }>;

/** How a guest reaches for memory. */
export interface GuestMode {
  /** C-bit clear: the page is shared with the host, in plaintext. */
  readonly shared?: boolean;
}

/** What PVALIDATE answers: the status in EAX, and whether it changed anything (carry flag clear). */
export interface Validation {
  readonly status: RmpStatus;
  readonly changed: boolean;
}

type Intent = 'read' | 'write' | 'execute';

/** What RMPADJUST is asked for. */
export interface Adjustment {
  /** 1 to 3, and above the level that asks. */
  readonly vmpl: number;
  /** {@link PERMISSION} bits. */
  readonly permissions: number;
  /** The page holds register state from now on. */
  readonly vmsa?: boolean;
}

/** The guest. Faults that leave it for the host (`#NPF`) and those that it sees itself (`#VC`) are both thrown; their names tell which. */
export class GuestAccess {
  readonly vmpl: number;
  readonly #machine: SnpMachine;
  readonly #slot: GuestSlot;

  constructor(machine: SnpMachine, slot: GuestSlot, vmpl: number) {
    if (!Number.isInteger(vmpl) || vmpl < 0 || vmpl > 3) throw new RangeError(`a VMPL is 0 to 3, not ${vmpl}`);
    this.#machine = machine;
    this.#slot = slot;
    this.vmpl = vmpl;
  }

  /** Reads guest memory. @throws {FirmwareError} #NPF or #VC */
  read(gpa: number, length: number, mode: GuestMode = {}): Uint8Array {
    return this.#fetch(gpa, length, 'read', mode);
  }

  /** Fetches instructions; they are always private. @throws {FirmwareError} #NPF or #VC */
  execute(gpa: number, length: number): Uint8Array {
    return this.#fetch(gpa, length, 'execute', {});
  }

  /** Writes guest memory; nothing is written when any page of it faults. @throws {FirmwareError} #NPF or #VC */
  write(gpa: number, bytes: Uint8Array, mode: GuestMode = {}): void {
    eachPage(gpa, bytes.length, (page) => this.#check(page, 'write', mode));
    eachPage(gpa, bytes.length, (page, offset, here, done) => {
      const address = this.#check(page, 'write', mode);
      const content = this.#load(address, mode);
      content.set(bytes.subarray(done, done + here), offset);
      this.#machine.pages.store(address, mode.shared ? content : this.#slot.cipher.encrypt(address, content));
    });
  }

  /**
   * PVALIDATE: says that the page is expected there, or no longer. Sizes must be those of the reverse map.
   * @throws {FirmwareError} #NPF when the page is not this guest's, or when it is part of a larger one; #GP at any level but VMPL 0
   */
  pValidate(gpa: number, size: PageSize, validate: boolean): Validation {
    if (this.vmpl !== 0) throw forVmpl0Only('PVALIDATE', this.vmpl);
    if (gpa % bytesOf(size) !== 0) return { status: 'FAIL_INPUT', changed: false };
    const { base, entry } = this.#owned(gpa, ['present', 'rmp', 'encrypted']);
    if (entry.pageSize === '2M' && size === '4K') throw fault('#NPF', ['present', 'rmp', 'encrypted', 'sizeMismatch'], 'PVALIDATE of a part of a large page');
    if (entry.pageSize === '4K' && size === '2M') return { status: 'FAIL_SIZEMISMATCH', changed: false };
    if (entry.validated === validate) return { status: 'SUCCESS', changed: false };
    // A page that comes or goes is VMPL 0's alone again.
    this.#machine.rmp.put(base, { ...entry, validated: validate, permissions: [ALL_PERMISSIONS, 0, 0, 0] });
    return { status: 'SUCCESS', changed: true };
  }

  /**
   * RMPADJUST: says what a less privileged level may do with a page. Nobody can give what it does not have, or to its own level; only VMPL 0
   * makes register state of a page. Source: AMD APM volume 3, RMPADJUST.
   * @throws {FirmwareError} #NPF when the page is not this guest's, #VC when it is not validated
   */
  rmpAdjust(gpa: number, size: PageSize, { vmpl, permissions, vmsa = false }: Adjustment): RmpStatus {
    if (gpa % bytesOf(size) !== 0 || !Number.isInteger(vmpl) || vmpl < 0 || vmpl > 3 || !Number.isInteger(permissions) || permissions < 0 || permissions > ALL_PERMISSIONS) return 'FAIL_INPUT';
    const { base, entry } = this.#owned(gpa, ['present', 'rmp', 'encrypted']);
    if (entry.pageSize === '2M' && size === '4K') throw fault('#NPF', ['present', 'rmp', 'encrypted', 'sizeMismatch'], 'RMPADJUST of a part of a large page');
    if (!entry.validated) throw notValidated(gpa);
    if (entry.pageSize === '4K' && size === '2M') return 'FAIL_SIZEMISMATCH';
    const own = entry.permissions[this.vmpl] ?? 0;
    if (vmpl <= this.vmpl || (permissions & ~own) !== 0 || (vmsa !== entry.vmsa && this.vmpl !== 0)) return 'FAIL_PERMISSION';
    const changed = entry.permissions.map((before, level) => (level === vmpl ? permissions : before)) as [number, number, number, number];
    this.#machine.rmp.put(base, { ...entry, vmsa, permissions: changed });
    return 'SUCCESS';
  }

  #fetch(gpa: number, length: number, intent: Intent, mode: GuestMode): Uint8Array {
    const bytes = new Uint8Array(length);
    eachPage(gpa, length, (page, offset, here, done) => {
      const address = this.#check(page, intent, mode);
      bytes.set(this.#load(address, mode).subarray(offset, offset + here), done);
    });
    return bytes;
  }

  #load(address: number, { shared = false }: GuestMode): Uint8Array {
    const bytes = this.#machine.pages.load(address);
    return shared ? bytes : this.#slot.cipher.decrypt(address, bytes);
  }

  /** Where the host has put the page, and in which size of mapping. */
  #translate(gpa: number, bits: readonly ErrorBit[]): { readonly address: number; readonly size: PageSize } {
    const base = gpa - (gpa % LARGE_PAGE_SIZE);
    const large = this.#slot.nested.get(base);
    if (large?.size === '2M') return { address: large.address + gpa - base, size: '2M' };
    const small = this.#slot.nested.get(gpa);
    if (!small) throw fault('#NPF', ['final', ...bits.filter((bit) => bit === 'write' || bit === 'encrypted')], `nothing is mapped at guest address 0x${gpa.toString(16)}`);
    return small;
  }

  /** The checks of one access, in the processor's order. Source: AMD APM volume 2, 15.36.10, table "RMP memory access checks". @returns where the page lies */
  #check(gpa: number, intent: Intent, { shared = false }: GuestMode): number {
    const bits: ErrorBit[] = ['present', 'final', ...(intent === 'write' ? (['write'] as const) : []), ...(shared ? [] : (['encrypted'] as const))];
    if (shared) {
      const { address } = this.#translate(gpa, bits);
      // Reading through the other mapping shows ciphertext; only writing would do harm.
      if (intent === 'write' && this.#machine.rmp.entry(address).entry.assigned) throw fault('#NPF', [...bits, 'rmp'], `a shared write to 0x${address.toString(16)}, which is a private page`);
      return address;
    }
    const { address, size, entry } = this.#owned(gpa, [...bits, 'rmp']);
    if (size !== entry.pageSize) throw fault('#NPF', [...bits, 'rmp', 'sizeMismatch'], `a mapping of ${size} of a page of ${entry.pageSize}`);
    if (!entry.validated) throw notValidated(gpa);
    const needed = intent === 'read' ? PERMISSION.read : intent === 'write' ? PERMISSION.write : PERMISSION.executeSupervisor;
    if (((entry.permissions[this.vmpl] ?? 0) & needed) === 0) throw fault('#NPF', [...bits, 'rmp', 'vmpl'], `VMPL ${this.vmpl} may not ${intent} the page at guest address 0x${gpa.toString(16)}`);
    // The processor itself locks the page of a virtual processor's registers.
    if (entry.vmsa && intent === 'write' && this.vmpl !== 0) throw fault('#NPF', [...bits, 'rmp', 'vmpl'], 'a write to a page of register state');
    return address;
  }

  /** The page's entry, if the page is this guest's and at this address. */
  #owned(gpa: number, bits: readonly ErrorBit[]): { readonly address: number; readonly size: PageSize; readonly base: number; readonly entry: RmpEntry } {
    const { address, size } = this.#translate(gpa - (gpa % PAGE_SIZE), bits);
    const { base, entry } = this.#machine.rmp.entry(address);
    if (!entry.assigned || entry.asid !== this.#slot.asid || entry.immutable) throw fault('#NPF', bits, `0x${address.toString(16)} is no page of the guest with ASID ${this.#slot.asid}`);
    if (entry.gpa + (address - base) !== gpa - (gpa % PAGE_SIZE)) throw fault('#NPF', bits, `0x${address.toString(16)} belongs at another guest address than 0x${gpa.toString(16)}`);
    return { address, size, base, entry };
  }
}
