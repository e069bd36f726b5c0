/** MRTD: how the TDX module measures the pages that a TD starts with. */
import { createHash } from 'node:crypto';
import { Layout } from '../../codec/layout.ts';
import { bytes, reserved, u64 } from '../../codec/rows.ts';

/** Pages of a launch are this long. */
export const PAGE_SIZE = 4096;
/** TDH.MR.EXTEND measures so many bytes at a time. */
export const EXTEND_SIZE = 256;
/** Length of a measurement (SHA-384). */
export const MEASUREMENT_SIZE = 48;

/** What is hashed for each command: its name and an address. Source: intel/tdx-module TDX_1.5.01, tdh_mem_page_add.c and tdh_mr_extend.c. */
export const MEASURED_COMMAND = new Layout('tdx.measured-command', 128, 'Intel TDX Module ABI, TDH.MEM.PAGE.ADD and TDH.MR.EXTEND', {
  name: bytes(0, 16, 'name of the command, zero-padded'),
  gpa: u64(16, 'guest physical address'),
  reserved24: reserved(24, 104),
});

const GPA = MEASURED_COMMAND.locate('gpa').at;

/** The bytes of a command at one address after the other, in the same buffer: a launch hashes thousands of them. */
function measured(name: string): (gpa: bigint) => Uint8Array {
  const block = MEASURED_COMMAND.encode({ name: Uint8Array.from(Buffer.from(name.padEnd(16, '\0'), 'ascii')) });
  const view = new DataView(block.buffer);
  return (gpa) => {
    view.setBigUint64(GPA, gpa, true);
    return block;
  };
}
const pageAdd = measured('MEM.PAGE.ADD');
const extend = measured('MR.EXTEND');

const NO_CHUNK = new Uint8Array(EXTEND_SIZE);

/** An MRTD in the making, with the pages that were added: extending measures what lies in them. */
export class MrTd {
  readonly #hash = createHash('sha384');
  readonly #pages = new Map<bigint, Uint8Array | undefined>();

  /** Whether a page was added at this address. @param gpa a multiple of 4096 */
  has(gpa: bigint): boolean {
    return this.#pages.has(gpa);
  }

  /**
   * TDH.MEM.PAGE.ADD: measures the address of a page, not its contents.
   * @param gpa a multiple of 4096 @param contents 4096 bytes, which are copied; a page of zeros unless given
   */
  addPage(gpa: bigint, contents?: Uint8Array): void {
    if (contents && contents.length !== PAGE_SIZE) throw new RangeError(`a page is ${PAGE_SIZE} bytes, not ${contents.length}`);
    this.#pages.set(gpa, contents?.slice());
    this.#hash.update(pageAdd(gpa));
  }

  /** TDH.MR.EXTEND: measures 256 bytes of a page that was added, and their address. @param gpa a multiple of 256 */
  extend(gpa: bigint): void {
    const offset = Number(gpa % BigInt(PAGE_SIZE));
    const chunk = this.#pages.get(gpa - BigInt(offset))?.subarray(offset, offset + EXTEND_SIZE) ?? NO_CHUNK;
    this.#hash.update(extend(gpa)).update(chunk);
  }

  /** TDH.MR.FINALIZE: the measurement, 48 bytes. The pages are let go, and nothing can be measured after it. */
  finalize(): Uint8Array {
    this.#pages.clear();
    return new Uint8Array(this.#hash.digest());
  }
}
