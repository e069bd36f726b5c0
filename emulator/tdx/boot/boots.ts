/**
 * How a TD is booted: which events, in which order. Each row follows a genuine log, event by event.
 */
import { guidBytes } from '../../codec/guid.ts';
import { utf16, VARIABLE_GUIDS, type Variable } from './uefi/variables.ts';
import { devicePath, loadOption, NODES } from './uefi/device-path.ts';
import { gptEventData, type Partition } from './uefi/gpt.ts';
import type { AcpiFiles } from './uefi/acpi.ts';
import { syntheticApplication } from './uefi/pe.ts';
import {
  ACTIONS,
  acpiData,
  application,
  bootVariable,
  efiAction,
  firmwareVolume,
  grubCommand,
  handoffTable,
  kernelCommandLine,
  linuxEvent,
  loaderFile,
  type MeasuredEvent,
  partitionTable,
  secureBootVariable,
  separator,
  TAGS,
  variableAuthority,
} from './events.ts';

/** What is booted. */
export interface BootInputs {
  /** List of memory, and where the VMM put it. */
  readonly hob: { readonly address: bigint; readonly contents: Uint8Array };
  /** Volume of the firmware's variables. */
  readonly variables: { readonly name: string; readonly address: bigint; readonly contents: Uint8Array };
  /** In the order in which they are measured. */
  readonly secureBoot: readonly Variable[];
  readonly acpi: AcpiFiles;
  /** An image that firmware can start (PE32+), where firmware starts it itself. */
  readonly kernel: Uint8Array;
  readonly initrd: Uint8Array;
  readonly commandLine: string;
}

/** One way to boot. */
export interface Boot {
  readonly name: string;
  readonly doc: string;
  readonly secureBoot: boolean;
  /** @throws {CodecError} for a kernel that firmware can't start */
  readonly events: (inputs: BootInputs) => MeasuredEvent[];
}

const global = (name: string, contents: Uint8Array): Variable => ({ vendor: VARIABLE_GUIDS.global, name, contents });
const bootOrder = (...numbers: readonly number[]): MeasuredEvent => bootVariable(global('BootOrder', Uint8Array.from(numbers.flatMap((n) => [n & 0xff, n >> 8]))));

/** The menu of OVMF's firmware itself, which is always the first option. */
const MENU = devicePath(NODES.firmwareVolume('7cb8bdc9-f8eb-4f34-aaea-3ee4af6516a1'), NODES.firmwareFile('462caa21-7614-4503-836e-8ab6f4662331'));
const menuOption = (): MeasuredEvent => bootVariable(global('Boot0000', loadOption(0x109, 'UiApp', MENU)));

/** Up to the last ACPI file, firmware measures the same in every guest. */
function firmwareEvents({ hob, variables, secureBoot, acpi }: BootInputs): MeasuredEvent[] {
  return [
    handoffTable(hob.address, hob.contents),
    firmwareVolume(variables.name, variables.address, variables.contents),
    ...secureBoot.map(secureBootVariable),
    separator(0),
    acpiData(acpi.loader),
    acpiData(acpi.pointer),
    acpiData(acpi.tables),
  ];
}

const leaveFirmware = (): MeasuredEvent[] => [efiAction(ACTIONS.exitBootServices), efiAction(ACTIONS.exitBootServicesDone)];

/** OVMF's file system of what QEMU was given with -kernel and -initrd. */
const KERNEL_FILES = '1428f772-b64a-441e-b8c3-9ebdd7f893c7';
/** Where images are put in guests with 2 GiB of memory. */
const LOAD_ADDRESS = 0x7b0d_4018n;

function direct(inputs: BootInputs): MeasuredEvent[] {
  return [
    ...firmwareEvents(inputs),
    application(inputs.kernel, LOAD_ADDRESS, devicePath(NODES.vendorMedia(KERNEL_FILES), NODES.file('kernel'))),
    bootOrder(0),
    menuOption(),
    efiAction(ACTIONS.callApplication),
    separator(1),
    linuxEvent(TAGS.linuxLoadOptions, 'LOADED_IMAGE::LoadOptions', utf16(`${inputs.commandLine}\0`)),
    linuxEvent(TAGS.linuxInitrd, 'Linux initrd', inputs.initrd),
    ...leaveFirmware(),
  ];
}

const DISK = '7465656d-7565-4469-8000-64697363ffff';
const BLOCKS = 0x140_0000n;
const EFI_SYSTEM_PARTITION: Partition = { type: 'c12a7328-f81f-11d2-ba4b-00a0c93ec93b', unique: '7465656d-7565-4573-8001-706172746974', firstBlock: 0x800n, lastBlock: 0x3_ffffn, name: 'EFI-SYSTEM' };
const ROOT_PARTITION: Partition = { type: '4f68bce3-e8cd-4db1-96e7-fbcaf984b709', unique: '7465656d-7565-4573-8002-706172746974', firstBlock: 0x4_0000n, lastBlock: BLOCKS - 34n, name: 'ROOT' };
const DISK_DEVICE = [NODES.pciRoot, NODES.pci(1, 0), NODES.nvme] as const;
const PARTITION_DEVICE = NODES.hardDrive({
  partition: 1,
  firstBlock: EFI_SYSTEM_PARTITION.firstBlock,
  blocks: EFI_SYSTEM_PARTITION.lastBlock - EFI_SYSTEM_PARTITION.firstBlock + 1n,
  signature: guidBytes(EFI_SYSTEM_PARTITION.unique),
  format: 2,
  signatureType: 2,
});
const SHIM = { path: '\\EFI\\BOOT\\BOOTX64.EFI', image: syntheticApplication('teemu synthetic shim: it is measured, never run.\n') };
const GRUB = { path: '\\EFI\\BOOT\\grubx64.efi', image: syntheticApplication('teemu synthetic GRUB: it is measured, never run.\n') };
const KERNEL_PATH = '/boot/vmlinuz';
const INITRD_PATH = '/boot/initrd.img';

/** Variables by which shim is told what else to trust: empty, and trusted. */
const MOK_LIST = new Uint8Array(0);
const MOK_LIST_TRUSTED = Uint8Array.of(1);
const shimVariable = (name: string, contents: Uint8Array): MeasuredEvent => variableAuthority({ vendor: VARIABLE_GUIDS.shim, name, contents });

function grub(inputs: BootInputs): MeasuredEvent[] {
  const kernel = [KERNEL_PATH, inputs.commandLine].filter((part) => part !== '').join(' ');
  const menuEntry = `menuentry teemu {\n  linux ${kernel}\n  initrd ${INITRD_PATH}\n}`;
  const commands = ['set default=0', 'set timeout=0', menuEntry, 'setparams teemu'];
  const configuration = `set default=0\nset timeout=0\n${menuEntry}\n`;
  return [
    ...firmwareEvents(inputs),
    bootOrder(1, 0),
    bootVariable(global('Boot0001', loadOption(1, 'UEFI nvme_card-pd', devicePath(...DISK_DEVICE)))),
    menuOption(),
    efiAction(ACTIONS.callApplication),
    separator(1),
    partitionTable(gptEventData(DISK, BLOCKS, [EFI_SYSTEM_PARTITION, ROOT_PARTITION])),
    application(SHIM.image, LOAD_ADDRESS, devicePath(...DISK_DEVICE, PARTITION_DEVICE, NODES.file(SHIM.path))),
    loaderFile('MokList', MOK_LIST),
    loaderFile('MokListX', MOK_LIST),
    shimVariable('SbatLevel', Uint8Array.from(Buffer.from('sbat,1,2021030218\n', 'ascii'))),
    shimVariable('MokListTrusted', MOK_LIST_TRUSTED),
    loaderFile('MokListTrusted', MOK_LIST_TRUSTED),
    application(GRUB.image, LOAD_ADDRESS, devicePath(NODES.file(GRUB.path))),
    loaderFile('/efi/boot/grub.cfg', Uint8Array.from(Buffer.from(configuration, 'utf8'))),
    ...commands.map(grubCommand),
    grubCommand(`linux ${kernel}`),
    loaderFile(KERNEL_PATH, inputs.kernel),
    kernelCommandLine(kernel),
    grubCommand(`initrd ${INITRD_PATH}`),
    loaderFile(INITRD_PATH, inputs.initrd),
    ...leaveFirmware(),
  ];
}

/** Every way to boot, by name. */
export const BOOTS = {
  grub: { name: 'grub', doc: 'from a disk through shim and GRUB with Secure Boot on, as guests of Google Cloud', secureBoot: true, events: grub },
  direct: { name: 'direct', doc: 'a kernel given to QEMU, without Secure Boot', secureBoot: false, events: direct },
} as const satisfies Readonly<Record<string, Boot>>;
export type BootName = keyof typeof BOOTS;
