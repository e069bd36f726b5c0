/** How a bundle says what its guest was launched with, so that anybody can recompute the measurement from the files beside it. */
import { z } from 'zod';
import { ConfigError, firstIssue } from '../../errors.ts';
import { type LaunchConfig, MAX_VCPUS } from './measure.ts';
import { VMMS, type Vmm } from './vmsa.ts';

/** A plain name of a file in the bundle's folder: no path, no hidden file. */
const fileName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'must be a plain file name');

/** The member `launch` of `bundle.json`. */
export const LAUNCH_DESCRIPTION = z.strictObject({
  ovmf: fileName.describe('file with the firmware image'),
  vcpus: z.int().min(1).max(MAX_VCPUS).describe('number of virtual CPUs'),
  vcpuType: z.string().max(64).nullable().describe("QEMU's name of the virtual CPU type; null where vcpuSignature stands or neither is measured"),
  vcpuSignature: z.exactOptional(z.int().min(0).max(0xffff_ffff)).describe('CPUID Fn0000_0001_EAX, in place of vcpuType'),
  guestFeatures: z
    .string()
    .regex(/^0x[0-9a-f]{1,16}$/, 'must be 0x and up to 16 lower-case hexadecimal digits')
    .describe('SEV_FEATURES of every virtual CPU'),
  vmm: z.enum(Object.keys(VMMS) as [Vmm, ...Vmm[]]).describe('hypervisor'),
  kernel: fileName.nullable().describe('file with the kernel booted directly'),
  initrd: fileName.nullable().describe('file with its initial RAM disk'),
  append: z.string().max(4096).nullable().describe('its command line, as text'),
  svsm: z.exactOptional(z.strictObject({ image: fileName, varsSize: z.int().min(0) })).describe('file with an SVSM, and the bytes between its end and the firmware'),
});

/** What the guest of a bundle was launched with; files are named, the command line is text. */
export type LaunchDescription = z.infer<typeof LAUNCH_DESCRIPTION>;

/** A description with the files that it names, by name. */
export interface DescribedLaunch {
  readonly description: LaunchDescription;
  readonly files: Readonly<Record<string, Uint8Array>>;
}

/** Names of the files that {@link describeLaunch} writes. */
export const LAUNCH_FILES = { ovmf: 'ovmf.fd', kernel: 'vmlinuz', initrd: 'initrd.img', svsm: 'svsm.bin' } as const;

/** Describes a launch for a bundle; what {@link readLaunch} reads back has the same measurement. */
export function describeLaunch({ ovmf, kernel, initrd, append, vcpus = 1, vcpuType, vcpuSignature, guestFeatures = 1n, vmm = 'qemu', svsm }: LaunchConfig): DescribedLaunch {
  const contents = { ovmf, kernel, initrd, svsm: svsm?.image };
  const present = (Object.keys(LAUNCH_FILES) as (keyof typeof LAUNCH_FILES)[]).flatMap((key): [string, Uint8Array][] => (contents[key] ? [[LAUNCH_FILES[key], contents[key]]] : []));
  return {
    description: {
      ovmf: LAUNCH_FILES.ovmf,
      vcpus,
      vcpuType: vcpuType ?? null,
      ...(vcpuSignature === undefined ? {} : { vcpuSignature }),
      guestFeatures: `0x${guestFeatures.toString(16)}`,
      vmm,
      kernel: kernel ? LAUNCH_FILES.kernel : null,
      initrd: initrd ? LAUNCH_FILES.initrd : null,
      append: append ?? null,
      ...(svsm ? { svsm: { image: LAUNCH_FILES.svsm, varsSize: svsm.varsSize } } : {}),
    },
    files: Object.fromEntries(present),
  };
}

/**
 * Reads a description back into what {@link measureLaunch} takes.
 * @param value the member `launch` of a `bundle.json`, from anywhere
 * @param read answers the contents of a file of the bundle; names are plain file names
 * @throws {ConfigError} for a value that is no description
 */
export function readLaunch(value: unknown, read: (name: string) => Uint8Array): LaunchConfig {
  const parsed = LAUNCH_DESCRIPTION.safeParse(value);
  if (!parsed.success) {
    const { path, message } = firstIssue(parsed.error);
    throw new ConfigError(path === '' ? 'launch' : `launch.${path}`, message);
  }
  const { ovmf, kernel, initrd, append, guestFeatures, vcpuType, svsm, ...rest } = parsed.data;
  return {
    ...rest,
    ovmf: read(ovmf),
    kernel: kernel === null ? undefined : read(kernel),
    initrd: initrd === null ? undefined : read(initrd),
    append: append ?? undefined,
    vcpuType: vcpuType ?? undefined,
    guestFeatures: BigInt(guestFeatures),
    svsm: svsm && { image: read(svsm.image), varsSize: svsm.varsSize },
  };
}
