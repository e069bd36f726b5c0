/**
 * Events of a measured boot, one function a kind: what stands in the log, and what is hashed in its place. For many kinds these are not the
 * same; the rules are those of EDK2, shim, GRUB and Linux, and every digest of a genuine log that can be computed follows them.
 */
import { hash } from 'node:crypto';
import { Layout } from '../../codec/layout.ts';
import { u32, u64 } from '../../codec/rows.ts';
import { guidBytes } from '../../codec/guid.ts';
import { EVENT } from './log/event-types.ts';
import { type LogEvent, SHA_384 } from './log/event-log.ts';
import { authenticodeDigest } from './uefi/pe.ts';
import { encodeVariable, type Variable } from './uefi/variables.ts';

/** An event before it is measured. */
export interface MeasuredEvent {
  /** RTMR that is extended, 0 to 3. */
  readonly rtmr: number;
  /** Kind, as in the table of event types. */
  readonly eventType: number;
  /** What stands in the log. */
  readonly data: Uint8Array;
  /** What the register is extended with, 48 bytes. */
  readonly digest: Uint8Array;
}

const TCG = 'TCG PC Client Platform Firmware Profile 1.06';

/** The fixed head of an event about an image; its device path follows. */
export const IMAGE_LOAD = new Layout('tcg.image-load', 32, `${TCG}, UEFI_IMAGE_LOAD_EVENT`, {
  location: u64(0, 'address of the image in memory'),
  length: u64(8, 'length of the image'),
  linkAddress: u64(16, 'preferred address'),
  pathLength: u64(24, 'length of the device path'),
});

/** Tags of EV_EVENT_TAG. Sources: Linux drivers/firmware/efi/libstub/efistub.h; confidential-containers/guest-components, eventlog/tcg2.rs. */
export const TAGS = { linuxInitrd: 0x8f3b_22ec, linuxLoadOptions: 0x8f3b_22ed, attestationAgent: 0x4141_454c } as const;

/** The fixed head of an event of an operating system; its data follow. */
export const TAGGED_EVENT = new Layout('tcg.tagged-event', 8, `${TCG}, TCG_PCClientTaggedEvent`, {
  tag: u32(0, 'kind of event', { names: { [TAGS.linuxInitrd]: 'Linux: initial RAM disk', [TAGS.linuxLoadOptions]: 'Linux: load options', [TAGS.attestationAgent]: 'AAEL: event of the attestation agent' } }),
  size: u32(4, 'length of the data'),
});

/** HOB list of a TD, in UEFI_HANDOFF_TABLE_POINTERS2. */
const HOB_TABLE = '93bb96af-b9f2-4eb8-9462-e0ba74564236';

const sha384 = (src: Uint8Array): Uint8Array => new Uint8Array(hash('sha384', src, 'buffer'));
const concat = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
const ascii = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'utf8'));
const u64Bytes = (...values: readonly bigint[]): Uint8Array => {
  const view = new DataView(new ArrayBuffer(values.length * 8));
  values.forEach((value, i) => {
    view.setBigUint64(i * 8, value, true);
  });
  return new Uint8Array(view.buffer);
};
/** A name with its length before it, in one byte. */
const named = (name: string): Uint8Array => Uint8Array.of(name.length, ...ascii(name));

/**
 * Any event. Its digest is the SHA-384 of `measured`, or of the data unless given.
 * @throws {RangeError} for a register that there is not
 */
export function measuredEvent(rtmr: number, eventType: number, data: Uint8Array, measured: Uint8Array = data): MeasuredEvent {
  if (!Number.isInteger(rtmr) || rtmr < 0 || rtmr > 3) throw new RangeError(`there is no RTMR ${rtmr}`);
  return { rtmr, eventType, data, digest: sha384(measured) };
}

/** The event as it stands in a log. */
export function logged({ rtmr, eventType, data, digest }: MeasuredEvent): LogEvent {
  return { mrIndex: rtmr + 1, eventType, digests: [{ algorithm: SHA_384, value: digest }], data };
}

/** The list of memory that the VMM handed over; the list itself is hashed. @param address guest physical */
export function handoffTable(address: bigint, hob: Uint8Array): MeasuredEvent {
  return measuredEvent(0, EVENT.handoffTables2, concat(named('TdxTable\0'), u64Bytes(1n), guidBytes(HOB_TABLE), u64Bytes(address)), hob);
}

/** A firmware volume; its contents are hashed. @param address guest physical */
export function firmwareVolume(name: string, address: bigint, contents: Uint8Array): MeasuredEvent {
  return measuredEvent(0, EVENT.firmwareBlob2, concat(named(`${name}\0`), u64Bytes(address, BigInt(contents.length))), contents);
}

/** A variable of Secure Boot; all of the event's data is hashed. */
export function secureBootVariable(variable: Variable): MeasuredEvent {
  return measuredEvent(0, EVENT.variableDriverConfig, encodeVariable(variable));
}

/** `BootOrder` or `Boot####`; the contents of the variable are hashed. */
export function bootVariable(variable: Variable): MeasuredEvent {
  return measuredEvent(0, EVENT.variableBoot, encodeVariable(variable), variable.contents);
}

/** What allowed an image to start; all of the event's data is hashed. */
export function variableAuthority(variable: Variable): MeasuredEvent {
  return measuredEvent(0, EVENT.variableAuthority, encodeVariable(variable));
}

/** The end of what firmware measures by itself. */
export function separator(rtmr: 0 | 1): MeasuredEvent {
  return measuredEvent(rtmr, EVENT.separator, new Uint8Array(4));
}

/** A file of ACPI tables; its contents are hashed. */
export function acpiData(contents: Uint8Array): MeasuredEvent {
  return measuredEvent(0, EVENT.platformConfigFlags, ascii('ACPI DATA'), contents);
}

/** What the boot manager and the firmware do. */
export const ACTIONS = {
  callApplication: 'Calling EFI Application from Boot Option',
  exitBootServices: 'Exit Boot Services Invocation',
  exitBootServicesDone: 'Exit Boot Services Returned with Success',
} as const;

/** Something that firmware did; the text is hashed. */
export function efiAction(text: string): MeasuredEvent {
  return measuredEvent(1, EVENT.efiAction, ascii(text));
}

/** The table of partitions; all of the event's data is hashed. */
export function partitionTable(data: Uint8Array): MeasuredEvent {
  return measuredEvent(1, EVENT.gpt, data);
}

/**
 * An application that is started; its Authenticode hash is the digest.
 * @param location address in memory @param path device path
 * @throws {CodecError} for an image that is no PE32+
 */
export function application(image: Uint8Array, location: bigint, path: Uint8Array): MeasuredEvent {
  const data = concat(IMAGE_LOAD.encode({ location, length: BigInt(image.length), pathLength: BigInt(path.length) }), path);
  return { ...measuredEvent(1, EVENT.bootServicesApplication, data), digest: authenticodeDigest(image) };
}

/** Something that a boot loader read, by its name; the contents are hashed. */
export function loaderFile(name: string, contents: Uint8Array): MeasuredEvent {
  return measuredEvent(2, EVENT.ipl, ascii(`${name}\0`), contents);
}

/** A command of GRUB; the command is hashed without the words before it and without the NUL behind it. */
export function grubCommand(command: string): MeasuredEvent {
  return measuredEvent(2, EVENT.ipl, ascii(`grub_cmd: ${command}\0`), ascii(command));
}

/** The command line that GRUB gives to a kernel, which begins with the kernel's path; hashed as a command is. */
export function kernelCommandLine(commandLine: string): MeasuredEvent {
  return measuredEvent(2, EVENT.ipl, ascii(`kernel_cmdline: ${commandLine}\0`), ascii(commandLine));
}

/** Something that Linux measures before it leaves firmware; `measured` is hashed. */
export function linuxEvent(tag: number, text: string, measured: Uint8Array): MeasuredEvent {
  const data = ascii(`${text}\0`);
  return measuredEvent(2, EVENT.eventTag, concat(TAGGED_EVENT.encode({ tag, size: data.length }), data), measured);
}

/** Something that happens while the guest runs, in the form of the Confidential Containers attestation agent; all of the event's data is hashed. */
export function runtimeEvent(text: string): MeasuredEvent {
  const data = ascii(text);
  return measuredEvent(3, EVENT.eventTag, concat(TAGGED_EVENT.encode({ tag: TAGS.attestationAgent, size: data.length }), data));
}
