/**
 * The GPU's own memory, all of it in the protected region: the host can neither read nor write it. What the host's reads answer and that its
 * writes are dropped is inferred from how PCIe answers for blocked memory; NVIDIA states only that the BARs are closed in CC mode.
 */
import { LinkError } from '../../channel/outcomes.ts';

/** GPU memory. */
export class GpuMemory {
  readonly size: number;
  readonly #bytes: Uint8Array;
  #blocked = 0;

  /** @param size bytes; pages that nobody touches cost no memory */
  constructor(size: number) {
    this.size = size;
    this.#bytes = new Uint8Array(size);
  }

  /** The GPU's own view. @throws {LinkError} mmuFault outside the memory */
  view(address: number, length: number): Uint8Array {
    if (address < 0 || length < 0 || address + length > this.size) throw new LinkError('mmuFault', `0x${address.toString(16)}, ${length} bytes`);
    return this.#bytes.subarray(address, address + length);
  }

  /** Accesses of the host that were blocked. */
  get blocked(): number {
    return this.#blocked;
  }

  /** What the host reads: all ones, as from a device that does not answer. */
  hostRead(_address: number, length: number): Uint8Array {
    this.#blocked++;
    return new Uint8Array(length).fill(0xff);
  }

  /** What the host writes is dropped. */
  hostWrite(_address: number, _bytes: Uint8Array): void {
    this.#blocked++;
  }
}
