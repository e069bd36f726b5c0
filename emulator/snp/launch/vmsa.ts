/** The save area of a virtual CPU (VMSA), and the state in which each hypervisor starts one: both are measured. */
import { Layout } from '../../codec/layout.ts';
import { bytes, reserved, struct, u8, u16, u32, u64 } from '../../codec/rows.ts';
import { PAGE_SIZE } from './page-info.ts';

const SOURCE = 'AMD 24593 (APM volume 2), Appendix B, State Save Area for SEV-ES and SEV-SNP';

/** A segment register. */
export const SEGMENT = new Layout('snp.vmsa.segment', 16, SOURCE, {
  selector: u16(0, 'selector'),
  attributes: u16(2, 'bits 55:52 and 47:40 of the descriptor'),
  limit: u32(4, 'limit'),
  base: u64(8, 'base address'),
});

/** The whole page. */
export const VMSA = new Layout('snp.vmsa', PAGE_SIZE, SOURCE, {
  es: struct(0x000, SEGMENT, 'ES'),
  cs: struct(0x010, SEGMENT, 'CS'),
  ss: struct(0x020, SEGMENT, 'SS'),
  ds: struct(0x030, SEGMENT, 'DS'),
  fs: struct(0x040, SEGMENT, 'FS'),
  gs: struct(0x050, SEGMENT, 'GS'),
  gdtr: struct(0x060, SEGMENT, 'global descriptor table'),
  ldtr: struct(0x070, SEGMENT, 'local descriptor table'),
  idtr: struct(0x080, SEGMENT, 'interrupt descriptor table'),
  tr: struct(0x090, SEGMENT, 'task register'),
  pl0Ssp: u64(0x0a0, 'shadow stack pointer of privilege level 0'),
  pl1Ssp: u64(0x0a8, 'shadow stack pointer of privilege level 1'),
  pl2Ssp: u64(0x0b0, 'shadow stack pointer of privilege level 2'),
  pl3Ssp: u64(0x0b8, 'shadow stack pointer of privilege level 3'),
  uCet: u64(0x0c0, 'U_CET'),
  reservedC8: reserved(0x0c8, 2),
  vmpl: u8(0x0ca, 'privilege level of this virtual CPU: 0 to 3'),
  cpl: u8(0x0cb, 'current privilege level'),
  reservedCc: reserved(0x0cc, 4),
  efer: u64(0x0d0, 'EFER'),
  reservedD8: reserved(0x0d8, 104),
  xss: u64(0x140, 'XSS'),
  cr4: u64(0x148, 'CR4'),
  cr3: u64(0x150, 'CR3'),
  cr0: u64(0x158, 'CR0'),
  dr7: u64(0x160, 'DR7'),
  dr6: u64(0x168, 'DR6'),
  rflags: u64(0x170, 'RFLAGS'),
  rip: u64(0x178, 'RIP'),
  dr0: u64(0x180, 'DR0'),
  dr1: u64(0x188, 'DR1'),
  dr2: u64(0x190, 'DR2'),
  dr3: u64(0x198, 'DR3'),
  dr0AddressMask: u64(0x1a0, 'address mask of DR0'),
  dr1AddressMask: u64(0x1a8, 'address mask of DR1'),
  dr2AddressMask: u64(0x1b0, 'address mask of DR2'),
  dr3AddressMask: u64(0x1b8, 'address mask of DR3'),
  reserved1c0: reserved(0x1c0, 24),
  rsp: u64(0x1d8, 'RSP'),
  sCet: u64(0x1e0, 'S_CET'),
  ssp: u64(0x1e8, 'shadow stack pointer'),
  interruptSspTable: u64(0x1f0, 'address of the interrupt shadow stack table'),
  rax: u64(0x1f8, 'RAX'),
  star: u64(0x200, 'STAR'),
  lstar: u64(0x208, 'LSTAR'),
  cstar: u64(0x210, 'CSTAR'),
  sfmask: u64(0x218, 'SFMASK'),
  kernelGsBase: u64(0x220, 'KernelGsBase'),
  sysenterCs: u64(0x228, 'SYSENTER_CS'),
  sysenterEsp: u64(0x230, 'SYSENTER_ESP'),
  sysenterEip: u64(0x238, 'SYSENTER_EIP'),
  cr2: u64(0x240, 'CR2'),
  reserved248: reserved(0x248, 32),
  gPat: u64(0x268, "the guest's page attribute table"),
  debugControl: u64(0x270, 'DebugCtl'),
  lastBranchFrom: u64(0x278, 'LastBranchFromIP'),
  lastBranchTo: u64(0x280, 'LastBranchToIP'),
  lastExceptionFrom: u64(0x288, 'LastIntFromIP'),
  lastExceptionTo: u64(0x290, 'LastIntToIP'),
  reserved298: reserved(0x298, 80),
  pkru: u32(0x2e8, 'PKRU'),
  tscAux: u32(0x2ec, 'TSC_AUX'),
  reserved2f0: reserved(0x2f0, 24),
  rcx: u64(0x308, 'RCX'),
  rdx: u64(0x310, 'RDX: at reset the CPUID signature of the processor'),
  rbx: u64(0x318, 'RBX'),
  reserved320: reserved(0x320, 8),
  rbp: u64(0x328, 'RBP'),
  rsi: u64(0x330, 'RSI'),
  rdi: u64(0x338, 'RDI'),
  r8: u64(0x340, 'R8'),
  r9: u64(0x348, 'R9'),
  r10: u64(0x350, 'R10'),
  r11: u64(0x358, 'R11'),
  r12: u64(0x360, 'R12'),
  r13: u64(0x368, 'R13'),
  r14: u64(0x370, 'R14'),
  r15: u64(0x378, 'R15'),
  reserved380: reserved(0x380, 16),
  guestExitInfo1: u64(0x390, 'GUEST_EXITINFO1'),
  guestExitInfo2: u64(0x398, 'GUEST_EXITINFO2'),
  guestExitIntInfo: u64(0x3a0, 'GUEST_EXITINTINFO'),
  guestNextRip: u64(0x3a8, 'GUEST_NRIP'),
  sevFeatures: u64(0x3b0, 'SEV_FEATURES: bit 0 SNP active, 1 virtual TOM, 3 restricted injection, 4 alternate injection, 5 debug register swap, 9 secure TSC'),
  virtualInterruptControl: u64(0x3b8, 'VINTR_CTRL'),
  guestExitCode: u64(0x3c0, 'GUEST_EXITCODE'),
  virtualTom: u64(0x3c8, 'VIRTUAL_TOM'),
  tlbId: u64(0x3d0, 'TLB_ID'),
  pcpuId: u64(0x3d8, 'PCPU_ID'),
  eventInjection: u64(0x3e0, 'EVENTINJ'),
  xcr0: u64(0x3e8, 'XCR0'),
  reserved3f0: reserved(0x3f0, 16),
  x87Dp: u64(0x400, 'x87 data pointer'),
  mxcsr: u32(0x408, 'MXCSR'),
  x87Ftw: u16(0x40c, 'x87 tag word'),
  x87Fsw: u16(0x40e, 'x87 status word'),
  x87Fcw: u16(0x410, 'x87 control word'),
  x87Fop: u16(0x412, 'x87 opcode'),
  x87Ds: u16(0x414, 'x87 data segment'),
  x87Cs: u16(0x416, 'x87 code segment'),
  x87Rip: u64(0x418, 'x87 instruction pointer'),
  x87Registers: bytes(0x420, 80, 'FPR0 to FPR7'),
  xmmRegisters: bytes(0x470, 256, 'XMM0 to XMM15'),
  ymmRegisters: bytes(0x570, 256, 'upper halves of YMM0 to YMM15'),
  unused: reserved(0x670, 2448, 'rest of the page'),
});

/** Where the boot processor starts: the reset vector, 16 bytes below 4 GiB. */
export const BSP_EIP = 0xffff_fff0;

/**
 * What differs between the hypervisors that launch SNP guests: some register values at reset, and the order and kind of two sorts of page.
 * Values: virtee/sev-snp-measure 0.0.13, with which owners predict measurements on each of them.
 */
export const VMMS = {
  qemu: { bspCsAttributes: 0x9b, ssAttributes: 0x93, trAttributes: 0x8b, gPat: 0x0007_0406_0007_0406n, rdx: undefined, mxcsr: 0x1f80, x87Fcw: 0x37f, secMem: 'zero', cpuidLast: false },
  ec2: { bspCsAttributes: 0x9a, ssAttributes: 0x92, trAttributes: 0x83, gPat: 0x0007_0406_0007_0406n, rdx: 0x600, mxcsr: 0, x87Fcw: 0, secMem: 'zero', cpuidLast: true },
  gce: { bspCsAttributes: 0x9b, ssAttributes: 0x93, trAttributes: 0x8b, gPat: 0x0007_0106n, rdx: 0x600, mxcsr: 0, x87Fcw: 0, secMem: 'unmeasured', cpuidLast: false },
} as const;
/** `qemu`: QEMU with KVM; `ec2`: Amazon EC2; `gce`: Google Compute Engine. */
export type Vmm = keyof typeof VMMS;

const segment = (selector: number, attributes: number, limit = 0xffff, base = 0n): { selector: number; attributes: number; limit: number; base: bigint } => ({ selector, attributes, limit, base });

/** What every hypervisor sets alike. EFER.SVME and CR4.MCE are KVM's. */
const AT_RESET = {
  gdtr: segment(0, 0),
  idtr: segment(0, 0),
  ldtr: segment(0, 0x82),
  efer: 0x1000n,
  cr4: 0x40n,
  dr7: 0x400n,
  dr6: 0xffff_0ff0n,
  rflags: 0x2n,
  xcr0: 0x1n,
} as const;

/** What a save area depends on. */
export interface VcpuState {
  /** Where the CPU starts, below 4 GiB: {@link BSP_EIP} for the boot processor, the firmware's reset address for the others. */
  readonly eip: number;
  /** SEV_FEATURES. */
  readonly sevFeatures: bigint;
  /** CPUID signature; only QEMU puts it into RDX. */
  readonly signature: number;
  readonly vmm: Vmm;
}

/** @returns the 4096 bytes of the save area that the hypervisor hands to the firmware, in real mode at `eip` */
export function vmsaPage({ eip, sevFeatures, signature, vmm }: VcpuState): Uint8Array {
  const { bspCsAttributes, ssAttributes, trAttributes, gPat, rdx, mxcsr, x87Fcw } = VMMS[vmm];
  const data = segment(0, 0x93);
  return VMSA.encode({
    ...AT_RESET,
    es: data,
    cs: segment(0xf000, eip === BSP_EIP ? bspCsAttributes : 0x9b, 0xffff, BigInt(eip - (eip % 0x1_0000))),
    ss: segment(0, ssAttributes),
    ds: data,
    fs: data,
    gs: data,
    tr: segment(0, trAttributes),
    cr0: 0x10n,
    rip: BigInt(eip % 0x1_0000),
    gPat,
    rdx: BigInt(rdx ?? signature),
    sevFeatures,
    mxcsr,
    x87Fcw,
  });
}

/**
 * The save area with which QEMU starts every CPU of a guest that has an SVSM: flat protected mode at the SVSM's entry point, SNP active.
 * @param eip entry point, below 4 GiB @param signature CPUID signature
 * @returns 4096 bytes
 */
export function svsmVmsaPage(eip: number, signature: number): Uint8Array {
  const flat = segment(16, 0xc93, 0xffff_ffff);
  return VMSA.encode({
    ...AT_RESET,
    es: flat,
    cs: segment(8, 0xc9b, 0xffff_ffff),
    ss: flat,
    ds: flat,
    fs: flat,
    gs: segment(0, 0x93),
    tr: segment(0, 0x8b),
    cr0: 0x11n,
    rip: BigInt(eip),
    gPat: VMMS.qemu.gPat,
    rdx: BigInt(signature),
    sevFeatures: 1n,
    mxcsr: VMMS.qemu.mxcsr,
  });
}
