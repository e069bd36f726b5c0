/**
 * SPDM over PCI Data Object Exchange: data objects of whole dwords, and the discovery of what a mailbox takes.
 *
 * Source: PCI Express Base Specification 6.0, §6.30; CMA/SPDM and Secured CMA/SPDM data objects.
 */
import { Layout } from '../../../codec/layout.ts';
import { reserved, u8, u16, u32 } from '../../../codec/rows.ts';
import { ByteReader } from '../../../codec/stream.ts';
import { CodecError } from '../../../errors.ts';
import { joined } from '../bytes.ts';
import type { Binding, FrameKind } from './binding.ts';

const SOURCE = 'PCI Express Base Specification 6.0, 6.30.1';
/** Vendor id of the PCI-SIG. */
const PCI_SIG = 1;
const DWORD = 4;
/** A length of 0 stands for so many dwords. */
const MOST_DWORDS = 1 << 18;

/** The head of a data object; its contents follow, padded with zeros to whole dwords. */
export const DOE_HEAD = new Layout('spdm.doe', 8, `${SOURCE}, Data Object Header`, {
  vendorId: u16(0, 'Vendor ID: 1 PCI-SIG', { initial: PCI_SIG }),
  type: u8(2, 'Data Object Type', { names: { 0: 'discovery', 1: 'SPDM', 2: 'secured message' } }),
  reserved3: reserved(3, 1),
  dwords: u32(4, 'Length: dwords of the whole object, head included; 0 stands for 262144'),
});

/** Contents of a discovery request. */
export const DOE_DISCOVERY_REQUEST = new Layout('spdm.doeDiscoveryRequest', 4, `${SOURCE}.1, DOE Discovery Request`, { index: u8(0, 'Index: which entry is asked for'), reserved1: reserved(1, 3) });

/** Contents of a discovery response. */
export const DOE_DISCOVERY_RESPONSE = new Layout('spdm.doeDiscoveryResponse', 4, `${SOURCE}.1, DOE Discovery Response`, {
  vendorId: u16(0, 'Vendor ID: 1 PCI-SIG', { initial: PCI_SIG }),
  type: u8(2, 'Data Object Type of the entry'),
  nextIndex: u8(3, 'Next Index: where to go on; 0 after the last one'),
});

const TYPE: Readonly<Record<FrameKind, number>> = { discovery: 0, message: 1, secured: 2 };
const KINDS: readonly FrameKind[] = ['discovery', 'message', 'secured'];

/** PCI DOE. What a message is padded with stays behind it. */
export const DOE: Binding = {
  name: 'doe',
  sequenceLength: 0,
  maxPadding: 0,
  frame: (kind, payload) => {
    const padding = -payload.length & (DWORD - 1);
    return joined([DOE_HEAD.encode({ type: TYPE[kind], dwords: (DOE_HEAD.size + payload.length + padding) / DWORD }), payload, new Uint8Array(padding)]);
  },
  unframe: (frame) => {
    const reader = new ByteReader(frame, DOE_HEAD.name);
    const { vendorId, type, dwords } = reader.layout(DOE_HEAD, { reserved: 'keep' });
    const fail = (field: string, at: number, rule: string): CodecError => new CodecError('ERR_CODEC_RANGE', `${DOE_HEAD.name}.${field}`, at, rule);
    const kind = KINDS[type];
    if (vendorId !== PCI_SIG) throw fail('vendorId', 0, `must be 1, is ${vendorId}`);
    if (kind === undefined) throw fail('type', 2, `must be 0 to 2, is ${type}`);
    if ((dwords === 0 ? MOST_DWORDS : dwords) * DWORD !== frame.length) throw fail('dwords', 4, `must be the frame's ${frame.length} bytes in dwords, is ${dwords}`);
    return { kind, payload: reader.bytes(reader.left, 'payload') };
  },
  application: (message) => message,
  inside: (payload) => ({ kind: 'message', payload }),
};

/** The answer to a discovery request: discovery itself, SPDM, secured messages. @param request contents of the request @throws {CodecError} for another index */
export function answerDiscovery(request: Uint8Array): Uint8Array {
  const { index } = new ByteReader(request, DOE_DISCOVERY_REQUEST.name).layout(DOE_DISCOVERY_REQUEST, { reserved: 'keep' });
  const kind = KINDS[index];
  if (kind === undefined) throw new CodecError('ERR_CODEC_RANGE', `${DOE_DISCOVERY_REQUEST.name}.index`, 0, `there are ${KINDS.length} entries, none is ${index}`);
  return DOE_DISCOVERY_RESPONSE.encode({ type: TYPE[kind], nextIndex: (index + 1) % KINDS.length });
}
