/** The secure processor's commands that touch pages: what only the firmware may do to an entry that is immutable. */
import { PAGE_SIZE } from '../../memory/physical-pages.ts';
import { refusal } from '../secure-processor/status.ts';
import type { SnpMachine } from './machine.ts';
import type { RmpStatus } from './reverse-map.ts';
import { ALL_PERMISSIONS, HYPERVISOR_PAGE, pageState } from './rmp-entry.ts';

/** The commands. Source: AMD 56860 SEV-SNP Firmware ABI. */
export class FirmwareAccess {
  readonly #machine: SnpMachine;

  constructor(machine: SnpMachine) {
    this.#machine = machine;
  }

  /**
   * SNP_LAUNCH_UPDATE: makes a Pre-Guest page, which holds plaintext of the host, a valid page of the guest, encrypted.
   * @throws {FirmwareError} INVALID_PARAM for a page in another state, INVALID_GUEST_STATE once the guest runs: or the host could put anything anywhere
   */
  launchUpdate(address: number, { vmsa = false }: { readonly vmsa?: boolean } = {}): void {
    const { rmp, pages } = this.#machine;
    const { entry } = rmp.entry(address);
    if (pageState(entry) !== 'Pre-Guest') throw refusal('INVALID_PARAM', `0x${address.toString(16)} is ${pageState(entry)}, not Pre-Guest`);
    const { cipher, state } = this.#machine.slot(entry.asid);
    if (state !== 'launch') throw refusal('INVALID_GUEST_STATE', `the guest with ASID ${entry.asid} is launched already`);
    pages.store(address, cipher.encrypt(address, pages.load(address)));
    rmp.put(address, { ...entry, immutable: false, validated: true, vmsa, permissions: [ALL_PERMISSIONS, 0, 0, 0] });
  }

  /** SNP_LAUNCH_FINISH: the guest may run, and nobody can add to it any more. @throws {FirmwareError} INVALID_GUEST_STATE for the second time */
  launchFinish(asid: number): void {
    const slot = this.#machine.slot(asid);
    if (slot.state !== 'launch') throw refusal('INVALID_GUEST_STATE', `the guest with ASID ${asid} is launched already`);
    slot.state = 'running';
  }

  /** SNP_PAGE_RECLAIM: gives a page of the firmware back, so that the host may take it. @throws {FirmwareError} INVALID_PARAM for a page in another state */
  pageReclaim(address: number): void {
    const { base, entry } = this.#machine.rmp.entry(address);
    const state = pageState(entry);
    if (state === 'Pre-Guest' || state === 'Pre-Swap') this.#machine.rmp.put(base, { ...entry, immutable: false });
    else if (state === 'Firmware' || state === 'Context') this.#machine.rmp.put(base, { ...HYPERVISOR_PAGE, assigned: true });
    else throw refusal('INVALID_PARAM', `0x${address.toString(16)} is ${state}`);
  }

  /** SNP_PAGE_UNSMASH. */
  pageUnsmash(address: number): RmpStatus {
    return this.#machine.rmp.unsmash(address);
  }

  /** SNP_INIT_EX with a list of pages that stay the hypervisor's until the next reset: nobody can assign them any more. @throws {RangeError} */
  fixForHypervisor(address: number, length: number): void {
    for (let at = address; at < address + length; at += PAGE_SIZE) {
      const { entry } = this.#machine.rmp.entry(at);
      if (entry.assigned) throw refusal('INVALID_PARAM', `0x${at.toString(16)} is ${pageState(entry)}`);
      this.#machine.rmp.put(at, { ...HYPERVISOR_PAGE, immutable: true });
    }
  }
}
