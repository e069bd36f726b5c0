/** What the firmware answers: its status codes. */
import { FirmwareError } from '../../errors.ts';

/** Status codes of the SEV and SNP firmware. Source: AMD 56860 SEV-SNP Firmware ABI, "Status Codes"; the same numbers in Linux, uapi/linux/psp-sev.h. */
export const STATUS = {
  SUCCESS: 0x00,
  INVALID_PLATFORM_STATE: 0x01,
  INVALID_GUEST_STATE: 0x02,
  POLICY_FAILURE: 0x07,
  BAD_SIGNATURE: 0x0a,
  BAD_MEASUREMENT: 0x0b,
  INVALID_GUEST: 0x10,
  UNSUPPORTED: 0x15,
  INVALID_PARAM: 0x16,
  BAD_SVN: 0x21,
  INVALID_KEY: 0x27,
} as const;
export type StatusName = keyof typeof STATUS;

const NAMES: ReadonlyMap<number, string> = new Map(Object.entries(STATUS).map(([name, code]) => [code, name]));

/** The specification's name of a status code; a code that the emulator never gives is shown as a number. */
export function statusName(code: number): string {
  return NAMES.get(code) ?? `STATUS_0x${code.toString(16)}`;
}

/** The error that stands for a status code. @param why what was wrong, for a person */
export function refusal(name: StatusName, why: string): FirmwareError {
  return new FirmwareError(STATUS[name], name, why);
}
