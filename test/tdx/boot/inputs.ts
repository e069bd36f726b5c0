/** What a test boots: small things, and the firmware's volume of variables. */
import type { BootInputs } from '../../../emulator/tdx/boot/boots.ts';
import { VARIABLES_NAME } from '../../../emulator/tdx/boot/firmware.ts';
import { secureBootVariables } from '../../../emulator/tdx/boot/secure-boot.ts';
import { syntheticAcpi } from '../../../emulator/tdx/boot/uefi/acpi.ts';
import { syntheticApplication } from '../../../emulator/tdx/boot/uefi/pe.ts';
import { tdxWorld } from '../machine.ts';

export function bootInputs(secureBoot: boolean, changes: Partial<BootInputs> = {}): BootInputs {
  return {
    hob: { address: 0x80_9000n, contents: new Uint8Array(64) },
    variables: { name: VARIABLES_NAME, address: 0xffe0_0000n, contents: new Uint8Array(4096).fill(0xff) },
    secureBoot: secureBootVariables(tdxWorld(), secureBoot),
    acpi: syntheticAcpi(),
    kernel: syntheticApplication('kernel'),
    initrd: new Uint8Array(512),
    commandLine: 'console=ttyS0',
    ...changes,
  };
}
