/**
 * SPDM over MCTP: one byte in front of a message.
 *
 * Source: DMTF DSP0275 1.0 (SPDM over MCTP) and DSP0276 1.0 (secured messages over MCTP).
 */
import { Layout } from '../../../codec/layout.ts';
import { bit, bitRange, bits } from '../../../codec/rows.ts';
import { ByteReader } from '../../../codec/stream.ts';
import { CodecError } from '../../../errors.ts';
import { joined } from '../bytes.ts';
import type { Binding } from './binding.ts';

/** The message type in front of every message. */
export const MCTP_HEAD = new Layout('spdm.mctp', 1, 'DSP0236 1.3.1, MCTP message type; DSP0275, DSP0276', {
  type: bits(0, 1, 'message type', { type: bitRange(0, 7, '5 SPDM, 6 secured message'), integrityCheck: bit(7, 'a check value follows the message; never with SPDM') }),
});
const TYPE = { message: 5, secured: 6 } as const;

const head = (type: number): Uint8Array => MCTP_HEAD.encode({ type: { type, integrityCheck: 0 } });

function split(frame: Uint8Array): { readonly type: number; readonly payload: Uint8Array } {
  const reader = new ByteReader(frame, MCTP_HEAD.name);
  const { type } = reader.layout(MCTP_HEAD);
  if (type.integrityCheck !== 0) throw new CodecError('ERR_CODEC_RANGE', `${MCTP_HEAD.name}.type.integrityCheck`, 0, 'must be 0 with SPDM');
  return { type: type.type, payload: reader.bytes(reader.left, 'payload') };
}

/** MCTP. A secured message has the message type inside too, before it is sealed. */
export const MCTP: Binding = {
  name: 'mctp',
  sequenceLength: 2,
  maxPadding: 32,
  frame: (kind, payload) => {
    if (kind === 'discovery') throw new TypeError('there is no discovery over MCTP');
    return joined([head(TYPE[kind]), payload]);
  },
  unframe: (frame) => {
    const { type, payload } = split(frame);
    if (type === TYPE.message) return { kind: 'message', payload };
    if (type === TYPE.secured) return { kind: 'secured', payload };
    throw new CodecError('ERR_CODEC_RANGE', `${MCTP_HEAD.name}.type`, 0, `must be 5 or 6, is ${type}`);
  },
  application: (message) => joined([head(TYPE.message), message]),
  inside: (application) => {
    const { type, payload } = split(application);
    return type === TYPE.message ? { kind: 'message', payload } : { kind: 'other', payload: application };
  },
};
