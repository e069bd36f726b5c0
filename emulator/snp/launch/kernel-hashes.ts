/** The table of SHA-256 hashes by which QEMU binds kernel, initrd and command line to a directly booted guest's measurement. */
import { createHash } from 'node:crypto';
import { guidBytes } from '../../codec/guid.ts';
import { Layout } from '../../codec/layout.ts';
import { bytes, reserved, struct, u16 } from '../../codec/rows.ts';
import { ConfigError } from '../../errors.ts';
import { PAGE_SIZE } from './page-info.ts';

const SOURCE = 'QEMU target/i386/sev.c, SevHashTable; read by OvmfPkg/AmdSev/BlobVerifierLibSevHashes';

/** One hash, named by GUID. */
export const KERNEL_HASH_ENTRY = new Layout('snp.kernel-hashes.entry', 50, SOURCE, {
  guid: bytes(0, 16, 'what is hashed'),
  length: u16(16, 'length of this entry, header included', { initial: 50 }),
  hash: bytes(18, 32, 'SHA-256'),
});

/** The whole table, padded to a multiple of 16 bytes. */
export const KERNEL_HASHES = new Layout('snp.kernel-hashes', 176, SOURCE, {
  guid: bytes(0, 16, 'names the table'),
  length: u16(16, 'length of the table, header included, padding excluded', { initial: 168 }),
  cmdline: struct(18, KERNEL_HASH_ENTRY, 'command line with its final zero byte'),
  initrd: struct(68, KERNEL_HASH_ENTRY, 'initial RAM disk; without one, the hash of nothing'),
  kernel: struct(118, KERNEL_HASH_ENTRY, 'kernel image'),
  padding: reserved(168, 8, 'up to a multiple of 16 bytes'),
});

/** The GUIDs in the table, as text. */
export const KERNEL_HASH_GUIDS = {
  table: '9438d606-4f22-4cc9-b479-a793d411fd21',
  kernel: '4de79437-abd2-427f-b835-d5b172d2045b',
  initrd: '44baf731-3a2f-4bd7-9af1-41e29169781d',
  cmdline: '97d02dd8-bd20-4c94-aa78-e7714d36ab2a',
} as const;

/** What QEMU was told to boot: `-kernel`, `-initrd`, `-append`. */
export interface DirectBoot {
  /** The kernel file; may be empty. */
  readonly kernel: Uint8Array;
  readonly initrd?: Uint8Array | undefined;
  /** Command line without its final zero byte, hashed as UTF-8. */
  readonly append?: string | undefined;
}

/** @returns the padded table, 176 bytes */
export function kernelHashes({ kernel, initrd = new Uint8Array(0), append = '' }: DirectBoot): Uint8Array {
  const entry = (guid: string, content: Uint8Array): { guid: Uint8Array; length: number; hash: Uint8Array } => ({
    guid: guidBytes(guid),
    length: KERNEL_HASH_ENTRY.size,
    hash: new Uint8Array(createHash('sha256').update(content).digest()),
  });
  return KERNEL_HASHES.encode({
    guid: guidBytes(KERNEL_HASH_GUIDS.table),
    cmdline: entry(KERNEL_HASH_GUIDS.cmdline, new TextEncoder().encode(`${append}\0`)),
    initrd: entry(KERNEL_HASH_GUIDS.initrd, initrd),
    kernel: entry(KERNEL_HASH_GUIDS.kernel, kernel),
  });
}

/**
 * The page that holds the table: zero but for the table, which lies where the firmware's footer table says.
 * @param table base and size of the area as the firmware states it, see `OvmfImage.hashTable`
 * @returns 4096 bytes
 * @throws {ConfigError} when the firmware has no such area, or the table does not fit there
 */
export function kernelHashesPage(boot: DirectBoot, table: { readonly base: number; readonly size: number } | undefined): Uint8Array {
  if (!table || table.base === 0) throw new ConfigError('kernel', 'the firmware has no area for hashes of kernel, initrd and command line, so they cannot be measured');
  const offset = table.base % PAGE_SIZE;
  if (table.size < KERNEL_HASHES.size || offset + KERNEL_HASHES.size > PAGE_SIZE) {
    throw new ConfigError('kernel', `the firmware's area for hashes, ${table.size} bytes at 0x${table.base.toString(16)}, does not hold the table of ${KERNEL_HASHES.size} bytes within one page`);
  }
  const page = new Uint8Array(PAGE_SIZE);
  page.set(kernelHashes(boot), offset);
  return page;
}
