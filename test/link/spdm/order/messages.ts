/** Messages in hexadecimal, and what errors say, for tests of the order of messages. */
import { ERROR_CODE } from '../../../../emulator/link/spdm/messages/header.ts';

/** The error in a response: name of the code, and Param2; else what the response is. */
export function errorOf(response: Uint8Array): string {
  const [version = 0, code = 0, param1 = 0, param2 = 0] = response;
  if (code !== 0x7f) return `response 0x${code.toString(16)}`;
  const name = Object.entries(ERROR_CODE).find(([, value]) => value === param1)?.[0] ?? `0x${param1.toString(16)}`;
  return `${version.toString(16)} ${name}${param2 === 0 ? '' : ` 0x${param2.toString(16)}`}`;
}

export const CAPABILITIES = { 17: '11e10000 00000000 c2f30000', 18: '12e10000 00000000 c2f30000 00120000 00120000' } as const;
export const ALGORITHMS = (version: string): string => `${version}e30400 3000 01 02 80000000 02000000 000000000000000000000000 00 00 0000 02201000 03200200 04200800 05200100`;
export type Version = 0x11 | 0x12;
export const VERSIONS: readonly (readonly [string, Version])[] = [
  ['1.1', 0x11],
  ['1.2', 0x12],
];

/** A byte in hexadecimal. */
export const two = (n: number): string => n.toString(16).padStart(2, '0');
