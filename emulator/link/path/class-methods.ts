/**
 * Methods of the two engine classes that secure copies use, and the pushes that the driver makes of them. Source: NVIDIA open-gpu-kernel-modules
 * 595.45.04, clc8b5.h (copy engine, HOPPER_DMA_COPY_A), clcba2.h (SEC2, HOPPER_SEC2_WORK_LAUNCH_A), uvm_hopper_ce.c:485-640, uvm_hopper_sec2.c:36-76.
 */
import { Layout } from '../../codec/layout.ts';
import { array, bytes, reserved, u32 } from '../../codec/rows.ts';
import { type Method, MOST_METHODS, WORK_MAC_SIZE } from '../channel/work-mac.ts';
import { LAUNCH_SIZE } from './shared-memory.ts';

/** Methods of a copy engine. */
export const CE = {
  SET_SEMAPHORE_A: 0x240,
  SET_SEMAPHORE_B: 0x244,
  SET_SEMAPHORE_PAYLOAD: 0x248,
  LAUNCH_DMA: 0x300,
  OFFSET_IN_UPPER: 0x400,
  OFFSET_IN_LOWER: 0x404,
  OFFSET_OUT_UPPER: 0x408,
  OFFSET_OUT_LOWER: 0x40c,
  LINE_LENGTH_IN: 0x418,
  SET_SECURE_COPY_MODE: 0x500,
  SET_DECRYPT_AUTH_TAG_COMPARE_ADDR_UPPER: 0x514,
  SET_DECRYPT_AUTH_TAG_COMPARE_ADDR_LOWER: 0x518,
  SET_ENCRYPT_AUTH_TAG_ADDR_UPPER: 0x530,
  SET_ENCRYPT_AUTH_TAG_ADDR_LOWER: 0x534,
  SET_ENCRYPT_IV_ADDR_UPPER: 0x538,
  SET_ENCRYPT_IV_ADDR_LOWER: 0x53c,
} as const;

/** Values of SET_SECURE_COPY_MODE and bits of LAUNCH_DMA. */
export const CE_ENCRYPT = 0;
export const CE_DECRYPT = 1;
export const LAUNCH = {
  /** DATA_TRANSFER_TYPE, bits 0 and 1: none, or one that is not pipelined. */
  transfer: 2,
  transferMask: 3,
  /** SEMAPHORE_TYPE, bits 3 and 4: release one word. */
  release: 1 << 3,
  /** COPY_TYPE, bits 20 and 21. */
  plain: 0,
  secure: 1 << 20,
  unprotected: 2 << 20,
  copyMask: 3 << 20,
} as const;

/** Methods of SEC2. */
export const SEC2 = {
  DECRYPT_COPY_SRC_ADDR_HI: 0x400,
  DECRYPT_COPY_SRC_ADDR_LO: 0x404,
  DECRYPT_COPY_DST_ADDR_HI: 0x408,
  DECRYPT_COPY_DST_ADDR_LO: 0x40c,
  DECRYPT_COPY_SIZE: 0x410,
  DECRYPT_COPY_AUTH_TAG_ADDR_HI: 0x414,
  DECRYPT_COPY_AUTH_TAG_ADDR_LO: 0x418,
  METHOD_STREAM_AUTH_TAG_ADDR_HI: 0x41c,
  METHOD_STREAM_AUTH_TAG_ADDR_LO: 0x420,
  EXECUTE: 0x470,
} as const;

/** Bytes of the push of a copy engine that a launch carries. */
export const MOST_PUSH = 1024;

/** One work launch in shared memory: methods for SEC2 in the clear, their MAC, and the sealed push that SEC2 puts into GPU memory. */
export const LAUNCH_ENTRY = new Layout('link.launch', LAUNCH_SIZE, 'a simplification of the SEC2 pushbuffer and the WLC schedule, uvm_channel.c:1107-1420', {
  methodCount: u32(0, 'methods that follow'),
  padding0: reserved(4, 12),
  methods: bytes(16, MOST_METHODS * 8, 'methods of SEC2, each with its data'),
  mac: bytes(528, WORK_MAC_SIZE, 'MAC over the methods'),
  pushTag: bytes(560, 16, 'tag of the push'),
  push: bytes(576, MOST_PUSH, 'sealed push of a copy engine'),
  padding1: reserved(1600, 448),
});

/** What the push begins with once it is open. */
export const PUSH_HEADER = new Layout('link.push', 8, 'a simplification of the GPFIFO entry', {
  channel: u32(0, 'channel that runs the push'),
  methodCount: u32(4, 'methods that follow'),
});

/** One method as it lies in a push. */
export const METHOD_ENTRY = new Layout('link.method', 8, 'ccsl.c:1061-1149', { words: array(0, 2, u32(0, 'address, then data'), 'a method') });

const upper = (address: number): number => Math.floor(address / 2 ** 32);
const lower = (address: number): number => address >>> 0;

/** An address from its two halves. */
export function addressOf(high = 0, low = 0): number {
  return high * 2 ** 32 + low;
}

/** A secure copy of a copy engine. Addresses are the GPU's. */
export interface SecureCopy {
  readonly from: number;
  readonly to: number;
  readonly length: number;
  readonly tag: number;
  /** Where the engine says which IV it used, when it encrypts; nobody may believe it. */
  readonly iv?: number;
}

/** Methods of a copy out of shared memory: the engine opens what the CPU sealed. */
export function decryptMethods({ from, to, length, tag }: SecureCopy): Method[] {
  return [[CE.SET_SECURE_COPY_MODE, CE_DECRYPT], [CE.SET_DECRYPT_AUTH_TAG_COMPARE_ADDR_UPPER, upper(tag)], [CE.SET_DECRYPT_AUTH_TAG_COMPARE_ADDR_LOWER, lower(tag)], ...copyMethods({ from, to, length }, LAUNCH.secure)];
}

/** Methods of a copy into shared memory: the engine seals for the CPU. */
export function encryptMethods({ from, to, length, tag, iv = 0 }: SecureCopy): Method[] {
  return [
    [CE.SET_SECURE_COPY_MODE, CE_ENCRYPT],
    [CE.SET_ENCRYPT_AUTH_TAG_ADDR_UPPER, upper(tag)],
    [CE.SET_ENCRYPT_AUTH_TAG_ADDR_LOWER, lower(tag)],
    [CE.SET_ENCRYPT_IV_ADDR_UPPER, upper(iv)],
    [CE.SET_ENCRYPT_IV_ADDR_LOWER, lower(iv)],
    ...copyMethods({ from, to, length }, LAUNCH.secure),
  ];
}

/** Methods of a copy. @param kind one of the copy types of LAUNCH_DMA */
export function copyMethods({ from, to, length }: { readonly from: number; readonly to: number; readonly length: number }, kind: number = LAUNCH.plain): Method[] {
  return [
    [CE.OFFSET_IN_UPPER, upper(from)],
    [CE.OFFSET_IN_LOWER, lower(from)],
    [CE.OFFSET_OUT_UPPER, upper(to)],
    [CE.OFFSET_OUT_LOWER, lower(to)],
    [CE.LINE_LENGTH_IN, length],
    [CE.LAUNCH_DMA, LAUNCH.transfer | kind],
  ];
}

/** Methods that write one word. */
export function releaseMethods(address: number, payload: number): Method[] {
  return [
    [CE.SET_SEMAPHORE_A, upper(address)],
    [CE.SET_SEMAPHORE_B, lower(address)],
    [CE.SET_SEMAPHORE_PAYLOAD, payload],
    [CE.LAUNCH_DMA, LAUNCH.release],
  ];
}

/** Methods with which SEC2 opens `length` bytes into GPU memory, under a MAC. */
export function sec2Methods({ from, to, length, tag, mac }: { readonly from: number; readonly to: number; readonly length: number; readonly tag: number; readonly mac: number }): Method[] {
  return [
    [SEC2.DECRYPT_COPY_SRC_ADDR_HI, upper(from)],
    [SEC2.DECRYPT_COPY_SRC_ADDR_LO, lower(from)],
    [SEC2.DECRYPT_COPY_DST_ADDR_HI, upper(to)],
    [SEC2.DECRYPT_COPY_DST_ADDR_LO, lower(to)],
    [SEC2.DECRYPT_COPY_SIZE, length],
    [SEC2.DECRYPT_COPY_AUTH_TAG_ADDR_HI, upper(tag)],
    [SEC2.DECRYPT_COPY_AUTH_TAG_ADDR_LO, lower(tag)],
    [SEC2.METHOD_STREAM_AUTH_TAG_ADDR_HI, upper(mac)],
    [SEC2.METHOD_STREAM_AUTH_TAG_ADDR_LO, lower(mac)],
    [SEC2.EXECUTE, 1],
  ];
}
