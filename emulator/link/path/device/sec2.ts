/**
 * SEC2: takes work launches. It checks the MAC over the methods, then opens a push into GPU memory. Source: NVIDIA open-gpu-kernel-modules
 * 595.45.04, clcba2.h, uvm_hopper_sec2.c, facts about its errors from NVCBA2_ERROR_*.
 */
import type { CslContext } from '../../channel/bundle.ts';
import { LinkError } from '../../channel/outcomes.ts';
import { decodeMethods, METHOD_SIZE, MOST_METHODS, WORK_MAC_SIZE } from '../../channel/work-mac.ts';
import { addressOf, LAUNCH_ENTRY, SEC2 } from '../class-methods.ts';
import { SHARED_BASE, SLOT_SIZE } from '../shared-memory.ts';
import type { Reach } from './copy-engine.ts';

const ALIGNMENT = 16;
const SIZE_ALIGNMENT = 4;
const TAG_SIZE = 16;

/**
 * Runs one launch.
 * @param at offset of the launch in shared memory @param context the GPU's end of SEC2's channel
 * @returns where the push lies in GPU memory now @throws {LinkError} a class error, which stops SEC2's channel
 */
export function runLaunch({ memory, shared }: Reach, context: CslContext, at: number): { readonly address: number; readonly length: number } {
  const count = shared.snapshot(at, new Uint8Array(4)).reduceRight((sum, byte) => sum * 256 + byte, 0);
  if (count > MOST_METHODS) throw new LinkError('sec2BufferOverflow', `${count}`);
  if (count === 0) throw new LinkError('sec2MissingMethods');
  const methods = shared.snapshot(at + LAUNCH_ENTRY.locate('methods').at, new Uint8Array(count * METHOD_SIZE));
  const state = new Map(decodeMethods(methods));
  const address = (high: number, low: number): number => addressOf(state.get(high), state.get(low));

  const macAt = address(SEC2.METHOD_STREAM_AUTH_TAG_ADDR_HI, SEC2.METHOD_STREAM_AUTH_TAG_ADDR_LO);
  if (macAt % ALIGNMENT !== 0) throw new LinkError('sec2MacMisaligned', `0x${macAt.toString(16)}`);
  const mac = shared.snapshot(sharedAt(macAt, WORK_MAC_SIZE), new Uint8Array(WORK_MAC_SIZE));
  if (!context.verifies(methods, mac)) throw new LinkError('sec2MacMismatch');

  const from = address(SEC2.DECRYPT_COPY_SRC_ADDR_HI, SEC2.DECRYPT_COPY_SRC_ADDR_LO);
  const to = address(SEC2.DECRYPT_COPY_DST_ADDR_HI, SEC2.DECRYPT_COPY_DST_ADDR_LO);
  const tagAt = address(SEC2.DECRYPT_COPY_AUTH_TAG_ADDR_HI, SEC2.DECRYPT_COPY_AUTH_TAG_ADDR_LO);
  const length = state.get(SEC2.DECRYPT_COPY_SIZE) ?? 0;
  if (!state.has(SEC2.EXECUTE) || !state.has(SEC2.DECRYPT_COPY_SRC_ADDR_LO) || !state.has(SEC2.DECRYPT_COPY_DST_ADDR_LO)) throw new LinkError('sec2MissingMethods');
  if (from % ALIGNMENT !== 0) throw new LinkError('sec2SourceMisaligned', `0x${from.toString(16)}`);
  if (to % ALIGNMENT !== 0) throw new LinkError('sec2DestinationMisaligned', `0x${to.toString(16)}`);
  if (tagAt % ALIGNMENT !== 0) throw new LinkError('sec2TagMisaligned', `0x${tagAt.toString(16)}`);
  if (length === 0) throw new LinkError('sec2SizeZero');
  if (length % SIZE_ALIGNMENT !== 0) throw new LinkError('sec2SizeMisaligned', `${length}`);
  if (length > SLOT_SIZE) throw new LinkError('sec2SizeExceeded', `${length}`);

  const source = sharedAt(from, length);
  const tag = shared.snapshot(sharedAt(tagAt, TAG_SIZE), new Uint8Array(TAG_SIZE));
  if (to >= memory.size || to + length > memory.size) throw new LinkError('sec2DmaNack', `0x${to.toString(16)}`);
  if (!shared.read(source, length, (ciphertext) => opens(context, ciphertext, tag, memory.view(to, length)))) throw new LinkError('sec2TagMismatch');
  return { address: to, length };

  function sharedAt(where: number, bytes: number): number {
    if (where < SHARED_BASE || where - SHARED_BASE + bytes > shared.bytes.length) throw new LinkError('sec2DmaNack', `0x${where.toString(16)}`);
    return where - SHARED_BASE;
  }
}

function opens(context: CslContext, ciphertext: Uint8Array, tag: Uint8Array, into: Uint8Array): boolean {
  try {
    return context.opens(ciphertext, tag, into);
  } catch (error) {
    throw error instanceof LinkError && error.outcome === 'ivOverflow' ? new LinkError('sec2IvOverflow') : error;
  }
}
