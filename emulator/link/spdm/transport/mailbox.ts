/**
 * SPDM between driver and GPU before there is a session with the GPU's own processor: a buffer in unprotected memory, and a
 * doorbell: the driver writes 0xafafafaf into the register MAILBOX0, the GPU answers with 0xfafafafa.
 *
 * Source: NVIDIA open-gpu-kernel-modules, rmspdmtransport.h and spdm_gh100.c: read, not specified.
 */
import { Layout } from '../../../codec/layout.ts';
import { u32 } from '../../../codec/rows.ts';
import { ByteReader } from '../../../codec/stream.ts';
import { CodecError } from '../../../errors.ts';
import { joined } from '../bytes.ts';
import type { Binding } from './binding.ts';

/** Bytes of the buffer that are used, head included. */
export const MAILBOX_SIZE = 0x1200;
const VERSION = 0x10;
const TYPE = { message: 0, secured: 1 } as const;

/** The head of what is in the buffer. */
export const MAILBOX_HEAD = new Layout('spdm.mailbox', 12, 'open-gpu-kernel-modules 595.45.04, NV_SPDM_DESC_HEADER', {
  type: u32(0, 'msgType', { names: { 0: 'message', 1: 'secured message', 2: 'application' } }),
  size: u32(4, 'bytes of the message that follows'),
  version: u32(8, 'version: 0x10', { initial: VERSION }),
});

/** The GPU's mailbox. Secured messages have neither sequence number nor padding. */
export const MAILBOX: Binding = {
  name: 'mailbox',
  sequenceLength: 0,
  maxPadding: 0,
  frame: (kind, payload) => {
    if (kind === 'discovery') throw new TypeError('there is no discovery over the mailbox');
    if (payload.length > MAILBOX_SIZE - MAILBOX_HEAD.size) throw new RangeError(`the mailbox takes ${MAILBOX_SIZE - MAILBOX_HEAD.size} bytes, not ${payload.length}`);
    return joined([MAILBOX_HEAD.encode({ type: TYPE[kind], size: payload.length }), payload]);
  },
  unframe: (frame) => {
    const reader = new ByteReader(frame, MAILBOX_HEAD.name);
    const { type, size, version } = reader.layout(MAILBOX_HEAD);
    const fail = (field: string, at: number, rule: string): CodecError => new CodecError('ERR_CODEC_RANGE', `${MAILBOX_HEAD.name}.${field}`, at, rule);
    if (version !== VERSION) throw fail('version', 8, `must be 0x10, is 0x${version.toString(16)}`);
    if (type !== TYPE.message && type !== TYPE.secured) throw fail('type', 0, `must be 0 or 1, is ${type}`);
    if (size > MAILBOX_SIZE - MAILBOX_HEAD.size) throw fail('size', 4, `at most ${MAILBOX_SIZE - MAILBOX_HEAD.size}, is ${size}`);
    return { kind: type === TYPE.message ? 'message' : 'secured', payload: reader.bytes(size, 'payload') };
  },
  application: (message) => message,
  inside: (payload) => ({ kind: 'message', payload }),
};
