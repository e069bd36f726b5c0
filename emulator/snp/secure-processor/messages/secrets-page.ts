/** The secrets page: what the firmware gives a guest at launch so that the two can talk behind the host's back. */
import { Layout } from '../../../codec/layout.ts';
import { array, bit, bits, bytes, reserved, reservedBits, struct, u32, u64, u8, type ValueOf } from '../../../codec/rows.ts';
import { PAGE_SIZE } from '../../launch/page-info.ts';

/** Length of a message key (VMPCK) in bytes. */
export const VMPCK_SIZE = 32;

/** Bytes that the firmware leaves to the guest's operating system; Linux keeps its message counters there. Source: AMD 56421 GHCB, Secrets Page; Linux, asm/sev.h. */
const OS_AREA = new Layout('snp.secrets-page.os-area', 96, 'AMD 56421 GHCB Specification, layout of the guest area of the secrets page', {
  messageSequence: array(0x00, 4, u32(0, 'sequence number of the last message under this key'), 'one counter a VMPL'),
  apJumpTable: u64(0x10, 'physical address of the jump table for further processors'),
  reserved18: reserved(0x18, 40),
  guestUsage: bytes(0x40, 32, 'free for the guest'),
});

/** The page as the firmware writes it. */
export const SECRETS_PAGE = new Layout('snp.secrets-page', PAGE_SIZE, 'AMD 56860 SEV-SNP Firmware ABI, Secrets Page; Linux, asm/sev.h, struct snp_secrets_page', {
  version: u32(0x000, 'version of this structure', { initial: 3 }),
  imi: bits(0x004, 4, 'migration', { imiEn: bit(0, 'an initial migration image is used'), reserved1: reservedBits(1, 31) }),
  fms: u32(0x008, 'CPUID Fn0000_0001_EAX of the processor'),
  reserved0c: reserved(0x00c, 4),
  gosvw: bytes(0x010, 16, 'workarounds for the guest that the hypervisor stated at launch'),
  vmpcks: array(0x020, 4, bytes(0, VMPCK_SIZE, 'message key of this VMPL'), 'one message key a VMPL'),
  osArea: struct(0x0a0, OS_AREA, "left to the guest's operating system"),
  vmsaTweakBitmap: bytes(0x100, 64, 'which bytes of a save area are encrypted with a tweak'),
  svsmBase: u64(0x140, 'address of the SVSM, written by it for the guest'),
  svsmSize: u64(0x148, 'its size'),
  svsmCaa: u64(0x150, 'address of its calling area'),
  svsmMaxVersion: u32(0x158, 'highest protocol version it speaks'),
  svsmGuestVmpl: u8(0x15c, 'VMPL at which the guest runs under it'),
  reserved15d: reserved(0x15d, 3),
  tscFactor: u32(0x160, 'how much slower than nominal the TSC runs, in hundred-thousandths'),
  reserved164: reserved(0x164, PAGE_SIZE - 0x164),
});

/** @param vmpcks four keys of 32 bytes @param gosvw 16 bytes @param fms CPUID signature @returns 4096 bytes */
export function secretsPage(vmpcks: readonly Uint8Array[], gosvw: Uint8Array, fms: number): Uint8Array {
  return SECRETS_PAGE.encode({ fms, gosvw, vmpcks: [...vmpcks] });
}

/** A decoded secrets page. */
export type SecretsPage = ValueOf<typeof SECRETS_PAGE.rows>;
