/** How the firmware measures one page of a launch: PAGE_INFO, and the digest that is chained over it. */
import { createHash } from 'node:crypto';
import { Layout } from '../../codec/layout.ts';
import { bit, bits, bytes, reserved, reservedBits, u8, u16, u64 } from '../../codec/rows.ts';

/** Every page of a launch is this long; pages of 2 MiB are measured as 512 of these. */
export const PAGE_SIZE = 4096;
/** Length of a launch digest (SHA-384). */
export const DIGEST_SIZE = 48;
/**
 * Where save-area pages are measured: the RMP records them at (u64)-1, page-aligned and without the bits above 47.
 */
export const VMSA_GPA = 0xffff_ffff_f000n;

/** PAGE_TYPE of SNP_LAUNCH_UPDATE. Source: AMD 56860, table "Encodings for the PAGE_TYPE field". */
export const PAGE_TYPES = { normal: 1, vmsa: 2, zero: 3, unmeasured: 4, secrets: 5, cpuid: 6 } as const;
/** `normal` and `vmsa` pages are measured with their contents, all others by type and address alone. */
export type PageType = keyof typeof PAGE_TYPES;

/** What the firmware hashes for each page it adds to the guest. */
export const PAGE_INFO = new Layout('snp.page-info', 0x70, 'AMD 56860 SEV-SNP Firmware ABI, SNP_LAUNCH_UPDATE, PAGE_INFO', {
  digestCurrent: bytes(0x00, DIGEST_SIZE, 'launch digest before this page'),
  contents: bytes(0x30, DIGEST_SIZE, 'SHA-384 of the page, or zero where the contents are not measured'),
  length: u16(0x60, 'length of this structure', { initial: 0x70 }),
  pageType: u8(0x62, 'kind of page', { names: Object.fromEntries(Object.entries(PAGE_TYPES).map(([name, value]) => [value, name])) }),
  imi: bits(0x63, 1, 'migration image', { imiPage: bit(0, 'the page belongs to an initial migration image'), reserved1: reservedBits(1, 7) }),
  vmpl3Permissions: u8(0x64, 'what VMPL3 may do with the page'),
  vmpl2Permissions: u8(0x65, 'what VMPL2 may do with the page'),
  vmpl1Permissions: u8(0x66, 'what VMPL1 may do with the page'),
  reserved67: reserved(0x67, 1),
  gpa: u64(0x68, 'guest physical address'),
});

/** What lower VMPLs may do with a page, one byte each, and whether it belongs to a migration image; KVM leaves all of it zero. */
export interface PageAttributes {
  readonly vmpl1?: number;
  readonly vmpl2?: number;
  readonly vmpl3?: number;
  readonly imi?: boolean;
}

/** One page of a launch, in the order in which the firmware receives it. */
export interface LaunchPage {
  readonly type: PageType;
  /** Guest physical address, a multiple of 4096. */
  readonly gpa: bigint;
  /** 4096 bytes; there for `normal` and `vmsa` pages only. */
  readonly contents?: Uint8Array;
}

const NO_CONTENTS = new Uint8Array(DIGEST_SIZE);

/** A launch digest in the making. It starts at 48 zero bytes, and each page is chained to those before it. */
export class LaunchDigest {
  #value: Uint8Array;

  /** @param start 48 bytes: the digest after pages measured elsewhere; zero where nothing was measured yet */
  constructor(start: Uint8Array = NO_CONTENTS) {
    if (start.length !== DIGEST_SIZE) throw new RangeError(`a launch digest is ${DIGEST_SIZE} bytes, not ${start.length}`);
    this.#value = start.slice();
  }

  /** The digest so far: a copy, 48 bytes. */
  get value(): Uint8Array {
    return this.#value.slice();
  }

  /**
   * Adds one page.
   * @param contents 4096 bytes for a `normal` or `vmsa` page, undefined for every other type
   * @returns the digest with this page, 48 bytes
   * @throws {RangeError} for an address that is no multiple of 4096, or contents where there must be none, or none where there must be
   */
  update(type: PageType, gpa: bigint, contents?: Uint8Array, attributes: PageAttributes = {}): Uint8Array {
    if (gpa % BigInt(PAGE_SIZE) !== 0n) throw new RangeError(`page address 0x${gpa.toString(16)} is no multiple of ${PAGE_SIZE}`);
    const measured = type === 'normal' || type === 'vmsa';
    if (measured !== (contents !== undefined)) throw new RangeError(`the contents of a ${type} page are ${measured ? 'measured, but none were given' : 'not measured, but some were given'}`);
    if (contents && contents.length !== PAGE_SIZE) throw new RangeError(`a page is ${PAGE_SIZE} bytes, not ${contents.length}`);
    const info = PAGE_INFO.encode({
      digestCurrent: this.#value,
      contents: contents ? sha384(contents) : NO_CONTENTS,
      pageType: PAGE_TYPES[type],
      imi: { imiPage: attributes.imi ? 1 : 0, reserved1: 0 },
      vmpl1Permissions: attributes.vmpl1 ?? 0,
      vmpl2Permissions: attributes.vmpl2 ?? 0,
      vmpl3Permissions: attributes.vmpl3 ?? 0,
      gpa,
    });
    this.#value = sha384(info);
    return this.value;
  }
}

function sha384(message: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha384').update(message).digest());
}
