/** Named machines: what a guest's evidence looks like on a bare-metal host, on a cloud, on a given part. Values from genuine reports. */
import { ConfigError } from '../../errors.ts';
import type { Vmm } from '../launch/vmsa.ts';
import type { FirmwareRelease } from '../platform/releases.ts';
import type { ReportVersion } from '../report.ts';

/** One named machine. What it leaves out follows from the product. */
export interface Preset {
  readonly name: string;
  readonly doc: string;
  readonly product: string;
  readonly reportVersion?: ReportVersion;
  readonly signer: 'vcek' | 'vlek';
  readonly vmpl: number;
  /** GUEST_POLICY. */
  readonly policy: bigint;
  readonly vmm: Vmm;
  readonly vcpus: number;
  /** CHIP_ID is zero. */
  readonly chipIdMasked: boolean;
  /** An ID block, signed by the world's ID key for this owner; without one the report's ids and digests are zero. */
  readonly idBlock?: { readonly owner: string; readonly guestSvn: number; readonly familyId: string; readonly imageId: string };
  /** What differs from the product's usual firmware. */
  readonly release?: Partial<FirmwareRelease>;
}

const milan = (snp: number, microcode: number): FirmwareRelease['currentTcb'] => ({ bootLoader: 4, tee: 0, snp, microcode });

const TABLE: readonly Preset[] = [
  { name: 'qemu', doc: 'a guest of QEMU and KVM on a bare-metal host', product: 'milan', signer: 'vcek', vmpl: 0, policy: 0x30000n, vmm: 'qemu', vcpus: 1, chipIdMasked: false },
  {
    name: 'azure-cvm',
    doc: 'an Azure confidential VM: policy, ids and SVN of its paravisor, TCBs of Azure’s Milan hosts; Azure’s own boot image is not emulated, the launch is that of QEMU',
    product: 'milan',
    reportVersion: 3,
    signer: 'vcek',
    vmpl: 0,
    policy: 0x3001fn,
    vmm: 'qemu',
    vcpus: 2,
    chipIdMasked: false,
    idBlock: { owner: 'azure', guestSvn: 10, familyId: '02212000000000000000000000000000', imageId: '02000000000000000000000000000000' },
    release: { currentTcb: milan(0x18, 0xdb), committedTcb: milan(0x18, 0xdb), reportedTcb: milan(0x18, 0xdb), launchTcb: milan(0x18, 0xdb), source: 'genuine report of an Azure confidential VM on Milan' },
  },
  {
    name: 'aws',
    doc: 'an AWS guest: signed by the provider’s VLEK, asked for at VMPL 1, chip masked, firmware ahead of what is committed',
    product: 'milan',
    reportVersion: 3,
    signer: 'vlek',
    vmpl: 1,
    policy: 0x30000n,
    vmm: 'ec2',
    vcpus: 2,
    chipIdMasked: true,
    release: { currentTcb: milan(0x18, 0xdc), committedTcb: milan(0x18, 0xdb), reportedTcb: milan(0x18, 0xd9), launchTcb: milan(0x18, 0xdb), platformInfo: 0x27n, source: 'genuine AWS report signed by a VLEK' },
  },
  { name: 'gce', doc: 'a guest of Google Compute Engine', product: 'milan', reportVersion: 4, signer: 'vcek', vmpl: 0, policy: 0x30000n, vmm: 'gce', vcpus: 4, chipIdMasked: false },
  { name: 'genoa', doc: 'a QEMU guest on a Genoa host', product: 'genoa', signer: 'vcek', vmpl: 0, policy: 0x30000n, vmm: 'qemu', vcpus: 1, chipIdMasked: false },
  { name: 'turin', doc: 'a QEMU guest on a Turin host: 8-byte hardware id, FMC in the TCB', product: 'turin', signer: 'vcek', vmpl: 0, policy: 0x30000n, vmm: 'qemu', vcpus: 1, chipIdMasked: false },
  { name: 'zen4c', doc: 'a QEMU guest on a Siena host: a Zen 4c part under Genoa’s keys', product: 'siena', signer: 'vcek', vmpl: 0, policy: 0x30000n, vmm: 'qemu', vcpus: 1, chipIdMasked: false },
];

export const SNP_PRESETS: ReadonlyMap<string, Preset> = new Map(TABLE.map((preset) => [preset.name, preset]));

/** @throws {ConfigError} naming the presets there are */
export function presetNamed(name: string): Preset {
  const preset = SNP_PRESETS.get(name);
  if (!preset) throw new ConfigError('preset', `'${name}' is none of ${[...SNP_PRESETS.keys()].join(', ')}`);
  return preset;
}
