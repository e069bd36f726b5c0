/** What the processor raises when the reverse map forbids an access: the faults and their error codes. */
import { FirmwareError } from '../../errors.ts';

/** Bits of the error code of a page fault and of a nested page fault. Source: AMD APM volume 2, 15.36.10 and 8.4.2; Linux asm/kvm_host.h, PFERR_*. */
export const ERROR_BIT = {
  present: 2 ** 0,
  write: 2 ** 1,
  /** The reverse map is the reason. */
  rmp: 2 ** 31,
  /** The access was to a final address, not to a page table. */
  final: 2 ** 32,
  /** The guest asked for private memory (C-bit). */
  encrypted: 2 ** 34,
  /** Sizes of the page in the nested page table, in the reverse map and in the instruction differ. */
  sizeMismatch: 2 ** 35,
  /** The guest's privilege level may not do this. */
  vmpl: 2 ** 36,
} as const;
export type ErrorBit = keyof typeof ERROR_BIT;

/**
 * The faults. `#PF` stops the host's instruction. `#NPF` leaves the guest and tells the hypervisor; the guest has not seen or changed
 * anything. `#VC` is raised in the guest: it is how the guest notices that a page is not the one that it validated. `#GP` is raised in the guest for what its level may not do at all.
 */
type FaultName = '#PF' | '#NPF' | '#VC' | '#GP';

/** Error code of `#VC` for a private page that is not validated: VMEXIT_PAGE_NOT_VALIDATED. Source: AMD APM volume 2, appendix C. */
export const PAGE_NOT_VALIDATED = 0x404;

/** A page fault or a nested page fault. @param bits what its error code says @param why for a person */
export function fault(name: Extract<FaultName, '#PF' | '#NPF'>, bits: readonly ErrorBit[], why: string): FirmwareError {
  const code = bits.reduce((sum, bit) => sum + ERROR_BIT[bit], 0);
  return new FirmwareError(code, name, why);
}

/** The guest's own exception for a page that it has not validated. */
export function notValidated(gpa: number): FirmwareError {
  return new FirmwareError(PAGE_NOT_VALIDATED, '#VC', `the page at guest address 0x${gpa.toString(16)} is not one that the guest has validated`);
}

/**
 * An instruction that only VMPL 0 has. That PVALIDATE is one is from AMD's support of the SVSM in Linux, which has VMPL 0 do it for all others; that the
 * exception is #GP(0) is assumed.
 */
export function forVmpl0Only(instruction: string, vmpl: number): FirmwareError {
  return new FirmwareError(0, '#GP', `${instruction} is VMPL 0's, not VMPL ${vmpl}'s`);
}

/** VMRUN that does not begin: VMEXIT_INVALID, which is -1. */
export function invalidExit(why: string): FirmwareError {
  return new FirmwareError(-1, 'VMEXIT_INVALID', why);
}
