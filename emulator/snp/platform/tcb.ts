/** TCB_VERSION: the security patch levels of a chip's firmware, and how they order. */
import { Layout } from '../../codec/layout.ts';
import { reserved, u8 } from '../../codec/rows.ts';

const SOURCE = 'AMD 56860 SEV-SNP Firmware ABI, TCB_VERSION';

/** Milan and Genoa (with Siena and Bergamo). */
export const TCB_MILAN_GENOA = new Layout('snp.tcb', 8, SOURCE, {
  bootLoader: u8(0, 'SVN of the AMD-SP boot loader'),
  tee: u8(1, 'SVN of the AMD-SP operating system'),
  reserved2: reserved(2, 4),
  snp: u8(6, 'SVN of the SNP firmware'),
  microcode: u8(7, 'lowest microcode patch level of all cores'),
});

/** Turin puts the FMC first and moves everything else. */
export const TCB_TURIN = new Layout('snp.tcb.turin', 8, SOURCE, {
  fmc: u8(0, 'SVN of the FMC firmware'),
  bootLoader: u8(1, 'SVN of the AMD-SP boot loader'),
  tee: u8(2, 'SVN of the AMD-SP operating system'),
  snp: u8(3, 'SVN of the SNP firmware'),
  reserved4: reserved(4, 3),
  microcode: u8(7, 'lowest microcode patch level of all cores'),
});

/** Security patch levels of one firmware set; `fmc` exists on Turin only. */
export interface Tcb {
  fmc?: number;
  bootLoader: number;
  tee: number;
  snp: number;
  microcode: number;
}

/** The components in the order in which the KDS names them. */
export const TCB_COMPONENTS = ['fmc', 'bootLoader', 'tee', 'snp', 'microcode'] as const;
export type TcbComponent = (typeof TCB_COMPONENTS)[number];

/** The first component in which `a` is above `b`, or undefined when `a <= b` in every component. */
export function componentAbove(a: Tcb, b: Tcb): TcbComponent | undefined {
  return TCB_COMPONENTS.find((c) => (a[c] ?? 0) > (b[c] ?? 0));
}
