/** What a TD is allowed: its ATTRIBUTES and the extended CPU state it may use (XFAM), as the report and the quote state them. */
import { type BitField, bit, reservedBits } from '../../codec/rows.ts';

/** TD ATTRIBUTES. Source: Intel TDX Module ABI, ATTRIBUTES; Linux arch/x86/include/asm/shared/tdx.h for the names. */
export const TD_ATTRIBUTE_FIELDS = {
  debug: bit(0, 'the host may debug the TD: it can read all of it'),
  reserved1: reservedBits(1, 3),
  hgsPlusProf: bit(4, 'thread profiling by the host (HGS+)'),
  perfProf: bit(5, 'performance profiling by the host'),
  pmtProf: bit(6, 'telemetry by the host while the TD runs'),
  reserved7: reservedBits(7, 9),
  icssd: bit(16, 'instruction-count based single-step defence'),
  reserved17: reservedBits(17, 10),
  lass: bit(27, 'linear address space separation'),
  septVeDisable: bit(28, 'no #VE on access to pages that were not accepted'),
  migratable: bit(29, 'a service TD may migrate the TD'),
  pks: bit(30, 'supervisor protection keys'),
  kl: bit(31, 'Key Locker'),
  reserved32: reservedBits(32, 30),
  tpa: bit(62, 'TD-preserving attributes'),
  perfmon: bit(63, 'performance monitoring inside the TD'),
} as const;

/** XFAM: XCR0 and IA32_XSS in one mask. Source: Intel SDM volume 1, 13.1. */
export const XFAM_FIELDS = {
  x87: bit(0, 'x87'),
  sse: bit(1, 'SSE'),
  avx: bit(2, 'AVX'),
  reserved3: reservedBits(3, 2, 'MPX, which TDs do not have'),
  opmask: bit(5, 'AVX-512 mask registers'),
  zmmHi256: bit(6, 'AVX-512 upper halves of ZMM0 to ZMM15'),
  hi16Zmm: bit(7, 'AVX-512 ZMM16 to ZMM31'),
  pt: bit(8, 'processor trace'),
  pkru: bit(9, 'protection keys'),
  pasid: bit(10, 'PASID for ENQCMD'),
  cetU: bit(11, 'control-flow enforcement, user'),
  cetS: bit(12, 'control-flow enforcement, supervisor'),
  hdc: bit(13, 'hardware duty cycling'),
  uintr: bit(14, 'user interrupts'),
  lbr: bit(15, 'last branch records'),
  hwp: bit(16, 'hardware P-states'),
  xtilecfg: bit(17, 'AMX tile configuration'),
  xtiledata: bit(18, 'AMX tiles'),
  apx: bit(19, 'APX registers'),
  reserved20: reservedBits(20, 44),
} as const;

/** A mask by its fields. @param value up to 64 bits */
export function bitFields<const F extends Record<string, BitField>>(fields: F, value: bigint): { [K in keyof F]: number } {
  return Object.fromEntries(Object.entries(fields).map(([key, { shift, width }]) => [key, Number((value >> BigInt(shift)) & ((1n << BigInt(width)) - 1n))])) as { [K in keyof F]: number };
}

/** Bits of ATTRIBUTES that a TDX 1.5 module allows: debug, SEPT_VE_DISABLE, migratable, PKS, PERFMON. Source: intel/tdx-module TDX_1.5.01, TDX_ATTRIBUTES_FIXED0. */
export const TD_ATTRIBUTES_ALLOWED = 0x8000_0000_7000_0001n;
/** Bits of XFAM that a TD may have, and those that it must. Source: as above, TDX_XFAM_FIXED0 and TDX_XFAM_FIXED1. */
export const XFAM_ALLOWED = 0x0006_dbe7n;
export const XFAM_REQUIRED = 0x0000_0003n;

/** What most genuine quotes have: SEPT_VE_DISABLE, and XFAM with AVX-512, protection keys and AMX. */
export const DEFAULT_TD_ATTRIBUTES = 1n << 28n;
export const DEFAULT_XFAM = 0x0006_02e7n;

const set = (mask: bigint, ...bitNumbers: readonly number[]): boolean => bitNumbers.some((n) => ((mask >> BigInt(n)) & 1n) === 1n);

/** Why a module refuses these ATTRIBUTES at TDH.MNG.INIT, or undefined when it takes them. @param attributes 64 bits */
export function attributesRefusal(attributes: bigint, allowed: bigint = TD_ATTRIBUTES_ALLOWED): string | undefined {
  if (attributes < 0n || attributes >> 64n !== 0n) return 'do not fit into 64 bits';
  if ((attributes & ~allowed) !== 0n) return `have bits 0x${(attributes & ~allowed).toString(16)} that this module does not allow`;
  if (set(attributes, 29) && set(attributes, 0, 63)) return 'make a TD migratable that is debuggable or has performance monitoring';
  return undefined;
}

/** Why a module refuses this XFAM, or undefined when it takes it. @param xfam 64 bits */
export function xfamRefusal(xfam: bigint): string | undefined {
  if (xfam < 0n || xfam >> 64n !== 0n) return 'does not fit into 64 bits';
  if ((xfam & ~XFAM_ALLOWED) !== 0n) return `has bits 0x${(xfam & ~XFAM_ALLOWED).toString(16)} that no TD may have`;
  if ((xfam & XFAM_REQUIRED) !== XFAM_REQUIRED) return 'lacks x87 or SSE';
  const has = (n: number): boolean => set(xfam, n);
  if (has(5) !== has(6) || has(5) !== has(7)) return 'has some parts of AVX-512 only';
  if (has(5) && !has(2)) return 'has AVX-512 without AVX';
  if (has(11) !== has(12)) return 'has one half of control-flow enforcement';
  if (has(17) !== has(18)) return 'has one half of AMX';
  return undefined;
}
