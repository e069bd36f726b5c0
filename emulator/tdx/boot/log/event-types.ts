/** Kinds of event in a TCG event log. Source: TCG PC Client Platform Firmware Profile 1.06, event types. */

/** One kind. */
export interface EventType {
  readonly name: string;
  /** What is recorded. */
  readonly doc: string;
  /** The digest is over the event's data as they stand in the log; otherwise over what the data only name. */
  readonly ofData?: true;
}

/** Every kind that guests write, by number. */
export const EVENT_TYPES: ReadonlyMap<number, EventType> = new Map([
  [0x00, { name: 'EV_PREBOOT_CERT', doc: 'reserved' }],
  [0x01, { name: 'EV_POST_CODE', doc: 'firmware code' }],
  [0x03, { name: 'EV_NO_ACTION', doc: 'says something and extends nothing' }],
  [0x04, { name: 'EV_SEPARATOR', doc: 'ends what firmware measures before an operating system is looked for', ofData: true }],
  [0x05, { name: 'EV_ACTION', doc: 'something that firmware did', ofData: true }],
  [0x06, { name: 'EV_EVENT_TAG', doc: 'an event of an operating system, by its tag' }],
  [0x07, { name: 'EV_S_CRTM_CONTENTS', doc: 'contents of the root of trust' }],
  [0x08, { name: 'EV_S_CRTM_VERSION', doc: 'version of the root of trust' }],
  [0x09, { name: 'EV_CPU_MICROCODE', doc: 'microcode' }],
  [0x0a, { name: 'EV_PLATFORM_CONFIG_FLAGS', doc: 'configuration of the platform' }],
  [0x0b, { name: 'EV_TABLE_OF_DEVICES', doc: 'devices of the platform' }],
  [0x0c, { name: 'EV_COMPACT_HASH', doc: 'something hashed' }],
  [0x0d, { name: 'EV_IPL', doc: 'what a boot loader read or ran' }],
  [0x0e, { name: 'EV_IPL_PARTITION_DATA', doc: 'data of a partition' }],
  [0x0f, { name: 'EV_NONHOST_CODE', doc: 'code of other processors' }],
  [0x10, { name: 'EV_NONHOST_CONFIG', doc: 'configuration of other processors' }],
  [0x11, { name: 'EV_NONHOST_INFO', doc: 'other processors' }],
  [0x12, { name: 'EV_OMIT_BOOT_DEVICE_EVENTS', doc: 'boot attempts are not recorded' }],
  [0x8000_0001, { name: 'EV_EFI_VARIABLE_DRIVER_CONFIG', doc: 'a variable that decides about Secure Boot', ofData: true }],
  [0x8000_0002, { name: 'EV_EFI_VARIABLE_BOOT', doc: 'a variable that decides what is booted; the digest is over its contents' }],
  [0x8000_0003, { name: 'EV_EFI_BOOT_SERVICES_APPLICATION', doc: 'an application that is started; the digest is its Authenticode hash' }],
  [0x8000_0004, { name: 'EV_EFI_BOOT_SERVICES_DRIVER', doc: 'a driver that is started' }],
  [0x8000_0005, { name: 'EV_EFI_RUNTIME_SERVICES_DRIVER', doc: 'a driver that stays' }],
  [0x8000_0006, { name: 'EV_EFI_GPT_EVENT', doc: 'table of partitions', ofData: true }],
  [0x8000_0007, { name: 'EV_EFI_ACTION', doc: 'something that firmware did', ofData: true }],
  [0x8000_0008, { name: 'EV_EFI_PLATFORM_FIRMWARE_BLOB', doc: 'part of the firmware' }],
  [0x8000_0009, { name: 'EV_EFI_HANDOFF_TABLES', doc: 'tables handed to firmware' }],
  [0x8000_000a, { name: 'EV_EFI_PLATFORM_FIRMWARE_BLOB2', doc: 'part of the firmware, by name' }],
  [0x8000_000b, { name: 'EV_EFI_HANDOFF_TABLES2', doc: 'tables handed to firmware, by name' }],
  [0x8000_000c, { name: 'EV_EFI_VARIABLE_BOOT2', doc: 'a variable that decides what is booted', ofData: true }],
  [0x8000_0010, { name: 'EV_EFI_HCRTM_EVENT', doc: 'a hardware root of trust' }],
  [0x8000_00e0, { name: 'EV_EFI_VARIABLE_AUTHORITY', doc: 'what allowed an image to be started', ofData: true }],
  [0x8000_00e1, { name: 'EV_EFI_SPDM_FIRMWARE_BLOB', doc: 'firmware of a device' }],
  [0x8000_00e2, { name: 'EV_EFI_SPDM_FIRMWARE_CONFIG', doc: 'configuration of a device' }],
]);

/** Numbers of the kinds that an emulated boot writes. */
export const EVENT = {
  noAction: 0x03,
  separator: 0x04,
  eventTag: 0x06,
  platformConfigFlags: 0x0a,
  ipl: 0x0d,
  variableDriverConfig: 0x8000_0001,
  variableBoot: 0x8000_0002,
  bootServicesApplication: 0x8000_0003,
  gpt: 0x8000_0006,
  efiAction: 0x8000_0007,
  firmwareBlob2: 0x8000_000a,
  handoffTables2: 0x8000_000b,
  variableAuthority: 0x8000_00e0,
} as const;

/** `EV_SEPARATOR`, or the number of a kind that is not in the table. */
export function eventTypeName(type: number): string {
  return EVENT_TYPES.get(type)?.name ?? `0x${type.toString(16).padStart(8, '0')}`;
}
