/**
 * A copy engine: runs the methods of a push. Secure copies go between shared and GPU memory, 2 MiB at most, on 32 bytes unless they lie inside one
 * sector; plain ones stay on one side. Source: NVIDIA open-gpu-kernel-modules 595.45.04, uvm_hopper_ce.c:440-640, uvm_conf_computing.h:37-50; how
 * the engine reports what is wrong is GSP's business and inferred.
 */
import type { CslContext } from '../../channel/bundle.ts';
import { LinkError } from '../../channel/outcomes.ts';
import type { Method } from '../../channel/work-mac.ts';
import { addressOf, CE, CE_DECRYPT, LAUNCH } from '../class-methods.ts';
import { SHARED_BASE, type SharedMemory, SLOT_SIZE } from '../shared-memory.ts';
import type { GpuMemory } from './gpu-memory.ts';

const SECTOR = 32;
const TAG_ALIGNMENT = 16;
const WORD = 4;

/** What a copy engine reaches. */
export interface Reach {
  readonly memory: GpuMemory;
  readonly shared: SharedMemory;
}

/** Runs a push on a channel. @param context the GPU's end of the channel @throws {LinkError} whatever stops the channel */
export function runPush({ memory, shared }: Reach, context: CslContext, methods: readonly Method[]): void {
  const state = new Map<number, number>();
  for (const [address, data] of methods) {
    state.set(address, data);
    if (address === CE.LAUNCH_DMA) launch(data);
  }

  function launch(bits: number): void {
    const kind = bits & LAUNCH.copyMask;
    if ((bits & LAUNCH.transferMask) !== 0) {
      if (kind === LAUNCH.secure) secureCopy();
      else plainCopy(kind === LAUNCH.unprotected);
    }
    if ((bits & LAUNCH.release) !== 0) release();
  }

  function at(high: number, low: number): number {
    return addressOf(state.get(high), state.get(low));
  }

  function secureCopy(): void {
    const from = at(CE.OFFSET_IN_UPPER, CE.OFFSET_IN_LOWER);
    const to = at(CE.OFFSET_OUT_UPPER, CE.OFFSET_OUT_LOWER);
    const length = state.get(CE.LINE_LENGTH_IN) ?? 0;
    if (length === 0 || length > SLOT_SIZE) throw new LinkError('ceSizeExceeded', `${length} bytes`);
    if (misaligned(from, length)) throw new LinkError('ceSourceMisaligned', `0x${from.toString(16)}`);
    if (misaligned(to, length)) throw new LinkError('ceDestinationMisaligned', `0x${to.toString(16)}`);
    if (state.get(CE.SET_SECURE_COPY_MODE) === CE_DECRYPT) decrypt(from, to, length);
    else encrypt(from, to, length);
  }

  function decrypt(from: number, to: number, length: number): void {
    const tagAt = at(CE.SET_DECRYPT_AUTH_TAG_COMPARE_ADDR_UPPER, CE.SET_DECRYPT_AUTH_TAG_COMPARE_ADDR_LOWER);
    if (tagAt % TAG_ALIGNMENT !== 0) throw new LinkError('ceTagMisaligned', `0x${tagAt.toString(16)}`);
    // The host may rewrite both at any time: each byte is read once.
    const source = sharedAt(from, length);
    const tag = shared.snapshot(sharedAt(tagAt, TAG_ALIGNMENT), new Uint8Array(TAG_ALIGNMENT));
    const target = memory.view(protectedAt(to), length);
    if (!counted(() => shared.read(source, length, (ciphertext) => context.opens(ciphertext, tag, target)))) throw new LinkError('gpuTagMismatch');
  }

  function encrypt(from: number, to: number, length: number): void {
    const tagAt = at(CE.SET_ENCRYPT_AUTH_TAG_ADDR_UPPER, CE.SET_ENCRYPT_AUTH_TAG_ADDR_LOWER);
    const ivAt = at(CE.SET_ENCRYPT_IV_ADDR_UPPER, CE.SET_ENCRYPT_IV_ADDR_LOWER);
    if (tagAt % TAG_ALIGNMENT !== 0) throw new LinkError('ceTagMisaligned', `0x${tagAt.toString(16)}`);
    if (ivAt % TAG_ALIGNMENT !== 0) throw new LinkError('ceIvMisaligned', `0x${ivAt.toString(16)}`);
    const places = { to: sharedAt(to, length), tag: sharedAt(tagAt, TAG_ALIGNMENT), iv: ivAt === 0 ? undefined : sharedAt(ivAt, 12) };
    const source = memory.view(protectedAt(from), length);
    const tag = new Uint8Array(TAG_ALIGNMENT);
    counted(() => shared.fill(places.to, length, (ciphertext) => context.seal(source, ciphertext, tag)));
    shared.write(places.tag, tag);
    if (places.iv !== undefined) {
      const iv = new Uint8Array(12);
      new DataView(iv.buffer).setUint32(0, Number(context.counters('out').message), true);
      shared.write(places.iv, iv);
    }
  }

  function plainCopy(unprotected: boolean): void {
    const from = at(CE.OFFSET_IN_UPPER, CE.OFFSET_IN_LOWER);
    const to = at(CE.OFFSET_OUT_UPPER, CE.OFFSET_OUT_LOWER);
    const length = state.get(CE.LINE_LENGTH_IN) ?? 0;
    if (isShared(from) !== unprotected || isShared(to) !== unprotected) throw new LinkError('ceIllegalCopy');
    if (unprotected) shared.write(sharedAt(to, length), shared.snapshot(sharedAt(from, length), new Uint8Array(length)));
    else memory.view(to, length).set(memory.view(from, length));
  }

  function release(): void {
    const address = at(CE.SET_SEMAPHORE_A, CE.SET_SEMAPHORE_B);
    const payload = state.get(CE.SET_SEMAPHORE_PAYLOAD) ?? 0;
    if (address % WORD !== 0) throw new LinkError('mmuFault', 'a semaphore is not on 4 bytes');
    if (isShared(address)) {
      shared.storeWord(sharedAt(address, WORD), payload);
      return;
    }
    const word = memory.view(address, WORD);
    new DataView(word.buffer, word.byteOffset, WORD).setUint32(0, payload, true);
  }

  /** Offset in shared memory of an address that must be there. */
  function sharedAt(address: number, length: number): number {
    if (!isShared(address)) throw new LinkError('ceIllegalCopy', `0x${address.toString(16)} is protected`);
    if (address - SHARED_BASE + length > shared.bytes.length) throw new LinkError('mmuFault', `0x${address.toString(16)}`);
    return address - SHARED_BASE;
  }

  function protectedAt(address: number): number {
    if (isShared(address)) throw new LinkError('ceIllegalCopy', `0x${address.toString(16)} is not protected`);
    return address;
  }
}

/** A counter at its end stops a channel of the GPU, where it gives the driver only an error. */
function counted<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw error instanceof LinkError && error.outcome === 'ivOverflow' ? new LinkError('gpuIvOverflow') : error;
  }
}

const isShared = (address: number): boolean => address >= SHARED_BASE;
const misaligned = (address: number, length: number): boolean => (length > SECTOR ? address % SECTOR !== 0 : Math.floor(address / SECTOR) !== Math.floor((address + length - 1) / SECTOR));
