/** The pages of an SNP launch, in the order in which each hypervisor hands them to the firmware, and the digest over them. */
import { ConfigError } from '../../errors.ts';
import { vcpuSignature } from './cpu-types.ts';
import { kernelHashesPage } from './kernel-hashes.ts';
import { type OvmfImage, type OvmfSection, parseOvmf } from './ovmf.ts';
import { DIGEST_SIZE, LaunchDigest, type LaunchPage, PAGE_SIZE, VMSA_GPA } from './page-info.ts';
import { BSP_EIP, svsmVmsaPage, VMMS, type Vmm, vmsaPage } from './vmsa.ts';

/** KVM makes no guest with more. */
export const MAX_VCPUS = 4096;

/** What a guest is launched with. */
export interface LaunchConfig {
  /** Firmware image, see {@link parseOvmf}. */
  readonly ovmf: Uint8Array;
  /** Kernel to boot directly; its hash is measured, so the firmware needs an area for it. */
  readonly kernel?: Uint8Array | undefined;
  /** Initial RAM disk and command line of that kernel. */
  readonly initrd?: Uint8Array | undefined;
  readonly append?: string | undefined;
  /** Number of virtual CPUs, 1 to 4096; default 1. */
  readonly vcpus?: number | undefined;
  /** QEMU's name of the virtual CPU type. QEMU guests need this or `vcpuSignature`; EC2 and GCE measure neither. */
  readonly vcpuType?: string | undefined;
  /** CPUID Fn0000_0001_EAX, 32 bits. */
  readonly vcpuSignature?: number | undefined;
  /** SEV_FEATURES of every virtual CPU, 64 bits; default 0x1, SNP active. A host kernel may add 0x20, debug register swap. */
  readonly guestFeatures?: bigint | undefined;
  /** Hypervisor; default `qemu`. */
  readonly vmm?: Vmm | undefined;
  /** An SVSM below the firmware, QEMU only. No kernel is booted directly and the guest features are 0x1 then. */
  readonly svsm?: { readonly image: Uint8Array /** Bytes between the SVSM's end and the firmware: the size of OVMF_VARS. */; readonly varsSize: number } | undefined;
}

/** A measured launch. */
export interface MeasuredLaunch {
  /** 48 bytes: MEASUREMENT of the reports that the guest gets. */
  readonly measurement: Uint8Array;
  readonly pages: readonly LaunchPage[];
}

interface Launch {
  readonly ovmf: OvmfImage;
  readonly vmm: Vmm;
  readonly vcpus: number;
  readonly hashesPage: Uint8Array | undefined;
  readonly bsp: Uint8Array;
  /** Save area of every further CPU. */
  readonly ap: Uint8Array | undefined;
  readonly svsm: OvmfImage | undefined;
}

/**
 * Everything that is put into a guest's memory before it starts, one page at a time: firmware, the areas named by its SEV metadata,
 * one save area a virtual CPU.
 * @throws {CodecError} at once, for an image that is not well formed
 * @throws {ConfigError} at once, for a combination that cannot be launched
 */
export function launchPages(config: LaunchConfig): Generator<LaunchPage, void, undefined> {
  const launch = prepare(config);
  return (function* (): Generator<LaunchPage, void, undefined> {
    yield* imagePages(launch.ovmf);
    yield* pagesAfterOvmf(launch);
  })();
}

/**
 * The launch digest of a guest, and the pages that make it.
 * @throws {CodecError} @throws {ConfigError} as {@link launchPages}
 */
export function measureLaunch(config: LaunchConfig): MeasuredLaunch {
  const pages = [...launchPages(config)];
  return { measurement: digestOf(pages), pages };
}

/** The digest over the firmware image's pages alone: what {@link measureWithOvmfHash} takes in place of the image. */
export function ovmfHash(ovmf: Uint8Array): Uint8Array {
  return digestOf(imagePages(parseOvmf(ovmf)));
}

/**
 * The launch digest where only the firmware's digest and its last pages are at hand: `ovmf` is read for its metadata, `hash` stands for its contents.
 * @param hash 48 bytes, see {@link ovmfHash}
 * @throws {CodecError} @throws {ConfigError} as {@link launchPages}
 */
export function measureWithOvmfHash(config: LaunchConfig, hash: Uint8Array): Uint8Array {
  if (hash.length !== DIGEST_SIZE) throw new ConfigError('ovmfHash', `must be ${DIGEST_SIZE} bytes, is ${hash.length}`);
  return digestOf(pagesAfterOvmf(prepare(config)), new LaunchDigest(hash));
}

function digestOf(pages: Iterable<LaunchPage>, digest = new LaunchDigest()): Uint8Array {
  for (const { type, gpa, contents } of pages) digest.update(type, gpa, contents);
  return digest.value;
}

function prepare({ ovmf: image, kernel, initrd, append, vcpus = 1, vcpuType, vcpuSignature: given, guestFeatures = 1n, vmm = 'qemu', svsm: svsmConfig }: LaunchConfig): Launch {
  if (!Object.hasOwn(VMMS, vmm)) throw new ConfigError('vmm', `must be one of ${Object.keys(VMMS).join(', ')}, is '${String(vmm).slice(0, 40)}'`);
  if (!Number.isInteger(vcpus) || vcpus < 1 || vcpus > MAX_VCPUS) throw new ConfigError('vcpus', `must be an integer from 1 to ${MAX_VCPUS}, is ${vcpus}`);
  if (guestFeatures < 0n || guestFeatures >> 64n !== 0n) throw new ConfigError('guestFeatures', `must fit into 64 bits, is ${guestFeatures}`);
  if (!kernel && (initrd || append)) throw new ConfigError(initrd ? 'initrd' : 'append', 'needs a kernel: only a kernel booted directly has one');
  const signature = signatureOf(vmm, vcpuType, given);
  const ovmf = parseOvmf(image);
  if (svsmConfig) return prepareSvsm(ovmf, svsmConfig, vmm, vcpus, signature, kernel);
  const { resetEip } = ovmf;
  if (resetEip === undefined) throw new ConfigError('ovmf', 'the firmware does not say where further processors start: it is not built for SEV-ES or SEV-SNP');
  if (vcpus > 1 && resetEip === 0) throw new ConfigError('vcpus', "the firmware's start address for further processors is 0: it can have one only");
  if (kernel && !ovmf.sections.some(({ type }) => type === 'kernelHashes'))
    throw new ConfigError('kernel', "the firmware's SEV metadata has no section for hashes of kernel, initrd and command line, so they cannot be measured");
  const save = (eip: number): Uint8Array => vmsaPage({ eip, sevFeatures: guestFeatures, signature, vmm });
  return { ovmf, vmm, vcpus, hashesPage: kernel && kernelHashesPage({ kernel, initrd, append }, ovmf.hashTable), bsp: save(BSP_EIP), ap: vcpus > 1 ? save(resetEip) : undefined, svsm: undefined };
}

function prepareSvsm(ovmf: OvmfImage, { image, varsSize }: NonNullable<LaunchConfig['svsm']>, vmm: Vmm, vcpus: number, signature: number, kernel: Uint8Array | undefined): Launch {
  if (vmm !== 'qemu') throw new ConfigError('svsm', `only QEMU launches guests with an SVSM so, not ${vmm}`);
  if (kernel) throw new ConfigError('kernel', 'a guest with an SVSM boots no kernel directly');
  if (!Number.isInteger(varsSize) || varsSize < 0 || varsSize > ovmf.gpa || varsSize % PAGE_SIZE !== 0)
    throw new ConfigError('svsm.varsSize', `must be a multiple of ${PAGE_SIZE} up to the firmware's address, is ${varsSize}`);
  const svsm = parseOvmf(image, ovmf.gpa - varsSize);
  if (svsm.svsmEntry === undefined) throw new ConfigError('svsm', 'the image does not say where it starts: it is no SVSM');
  if (svsm.sections.some((section) => section.gpa + section.size > ovmf.gpa)) throw new ConfigError('svsm', 'an area that the SVSM wants prepared overlaps the firmware');
  const save = svsmVmsaPage(svsm.svsmEntry, signature);
  return { ovmf, vmm, vcpus, hashesPage: undefined, bsp: save, ap: save, svsm };
}

function signatureOf(vmm: Vmm, type: string | undefined, given: number | undefined): number {
  if (type !== undefined && given !== undefined) throw new ConfigError('vcpuSignature', 'says the same as vcpuType: give one of them');
  if (given !== undefined) {
    if (!Number.isInteger(given) || given < 0 || given > 0xffff_ffff) throw new ConfigError('vcpuSignature', `must be an integer of 32 bits, is ${given}`);
    return given;
  }
  if (type !== undefined) return vcpuSignature(type);
  if (VMMS[vmm].rdx === undefined) throw new ConfigError('vcpuType', `${vmm} measures the CPU's signature: give vcpuType or vcpuSignature`);
  return 0;
}

function* imagePages({ bytes, gpa }: OvmfImage): Generator<LaunchPage, void, undefined> {
  for (let at = 0; at < bytes.length; at += PAGE_SIZE) yield { type: 'normal', gpa: BigInt(gpa + at), contents: bytes.subarray(at, at + PAGE_SIZE) };
}

function* pagesAfterOvmf(launch: Launch): Generator<LaunchPage, void, undefined> {
  if (launch.svsm) yield* imagePages(launch.svsm);
  const { sections } = launch.svsm ?? launch.ovmf;
  const { cpuidLast } = VMMS[launch.vmm];
  const isLast = ({ type }: OvmfSection): boolean => cpuidLast && type === 'cpuid';
  for (const section of sections) if (!isLast(section)) yield* sectionPages(section, launch);
  for (const section of sections) if (isLast(section)) yield* sectionPages(section, launch);
  for (let i = 0; i < launch.vcpus; i++) yield { type: 'vmsa', gpa: VMSA_GPA, contents: i === 0 ? launch.bsp : (launch.ap ?? launch.bsp) };
}

function* sectionPages({ type, gpa, size }: OvmfSection, { vmm, hashesPage }: Launch): Generator<LaunchPage, void, undefined> {
  for (let at = 0; at < size; at += PAGE_SIZE) {
    const page = { gpa: BigInt(gpa + at) };
    switch (type) {
      case 'secMem':
        yield { ...page, type: VMMS[vmm].secMem };
        break;
      case 'svsmCaa':
        yield { ...page, type: 'zero' };
        break;
      case 'kernelHashes':
        yield hashesPage ? { ...page, type: 'normal', contents: hashesPage } : { ...page, type: 'zero' };
        break;
      default:
        yield { ...page, type };
    }
  }
}
