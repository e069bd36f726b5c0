/** A machine with two guests, one of them with a page that holds a canary; and what the processor raises. */
import { expect } from 'vitest';
import { FirmwareError } from '../../../emulator/errors.ts';
import { ERROR_BIT, type ErrorBit } from '../../../emulator/snp/memory/fault.ts';
import { SnpMachine, type SnpMachineOptions } from '../../../emulator/snp/memory/machine.ts';
import { PERMISSION } from '../../../emulator/snp/memory/rmp-entry.ts';
import { fixedClock, seededWorld } from '../../../emulator/world.ts';

export const MIB = 1024 * 1024;
export const CANARY = new TextEncoder().encode('the guest keeps this to itself: 0123456789abcdef');
export const RW = PERMISSION.read | PERMISSION.write;

/** Where things lie: guest addresses and machine addresses are chosen so that none is taken for the other. */
export const GPA = 0x5000;
export const OTHER_GPA = 0x9000;
export const SPA = 0x20_3000;
export const OTHER_SPA = 0x20_8000;
export const LARGE_GPA = 6 * MIB;
export const LARGE_SPA = 8 * MIB;

/** A machine of 16 MiB whose guests 1 and 2 have no memory yet, and are yet to be launched. */
export function unlaunched(options: SnpMachineOptions = {}): SnpMachine {
  const made = new SnpMachine(seededWorld('memory', fixedClock(0)), { size: 16 * MIB, ...options });
  made.activate(1);
  made.activate(2);
  return made;
}

/** The same, and both run. */
export function machine(options: SnpMachineOptions = {}): SnpMachine {
  const made = unlaunched(options);
  for (const asid of [1, 2]) made.firmware.launchFinish(asid);
  return made;
}

/** Gives the guest a private page, as host and guest agree: assign, map, validate. */
export function give(m: SnpMachine, { asid = 1, gpa = GPA, address = SPA, size = '4K' as '4K' | '2M', validate = true } = {}): SnpMachine {
  expect(m.host.rmpUpdate(address, { assigned: true, asid, gpa, pageSize: size })).toBe('SUCCESS');
  m.host.map(asid, gpa, address, size);
  if (validate) expect(m.guest(asid).pValidate(gpa, size, true)).toEqual({ status: 'SUCCESS', changed: true });
  return m;
}

/** A guest with a page that holds the canary. */
export function guestWithSecret(options?: SnpMachineOptions): SnpMachine {
  const m = give(machine(options));
  m.guest(1).write(GPA, CANARY);
  return m;
}

/** Name and code of what an attempt raises. */
export function raised(attempt: () => unknown): { name: string; status: number } {
  try {
    attempt();
  } catch (error) {
    if (error instanceof FirmwareError) return { name: error.statusName, status: error.status };
    throw error;
  }
  return { name: 'nothing', status: 0 };
}
/** An error code of these bits. */
export const code = (...bits: ErrorBit[]): number => bits.reduce((sum, bit) => sum + ERROR_BIT[bit], 0);
/** Whether bytes hold the canary. */
export const contains = (bytes: Uint8Array, canary: Uint8Array): boolean => Buffer.from(bytes).includes(Buffer.from(canary));
/** What every fault of a private read says. */
export const PRIVATE_READ: readonly ErrorBit[] = ['present', 'final', 'encrypted', 'rmp'];

/** The last of several answers that are wanted one after the other. */
export const last = <T>(...answers: readonly [...unknown[], T]): T => answers.at(-1) as T;
