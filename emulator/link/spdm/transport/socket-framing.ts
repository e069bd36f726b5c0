/**
 * The framing that DMTF's emulators speak over TCP: a command, a transport, a length, a payload.
 *
 * Source: DMTF spdm-emu, spdm_emu.h and the platform's command handling: read, not specified.
 */
import { Layout } from '../../../codec/layout.ts';
import { u32 } from '../../../codec/rows.ts';
import { ByteReader } from '../../../codec/stream.ts';
import { CodecError } from '../../../errors.ts';
import { joined } from '../bytes.ts';

/** Commands. */
export const SOCKET_COMMAND = { normal: 0x0001, oobEncapKeyUpdate: 0x8001, oobEvent: 0x8002, continue: 0xfffd, shutdown: 0xfffe, unknown: 0xffff, test: 0xdead } as const;
/** Transports. */
export const SOCKET_TRANSPORT = { none: 0, mctp: 1, doe: 2, tcp: 3 } as const;
/** Longest payload that is taken, in bytes. */
const MAX_PAYLOAD = 1 << 16;

/** What stands before every payload; the only numbers of SPDM that are big-endian. */
export const SOCKET_HEAD = new Layout('spdm.socket', 12, 'DMTF spdm-emu, socket message header', {
  command: u32(0, 'command', { be: true, names: { 1: 'normal', 32769: 'out of band: encapsulated key update', 32770: 'out of band: event', 65533: 'continue', 65534: 'shutdown', 57005: 'test' } }),
  transport: u32(4, 'transport', { be: true, names: { 0: 'none', 1: 'MCTP', 2: 'PCI DOE', 3: 'TCP' } }),
  length: u32(8, 'bytes of the payload', { be: true }),
});

/** One exchange of the socket. */
export interface SocketFrame {
  readonly command: number;
  readonly transport: number;
  readonly payload: Uint8Array;
}

/** Encodes a frame. */
export function encodeSocketFrame({ command, transport, payload }: SocketFrame): Uint8Array {
  return joined([SOCKET_HEAD.encode({ command, transport, length: payload.length }), payload]);
}

/**
 * The first frame of what has come in.
 * @returns undefined while it is not all there; else the frame, and how many bytes it took
 * @throws {CodecError} for a payload of more than 64 KiB
 */
export function decodeSocketFrame(received: Uint8Array): { readonly frame: SocketFrame; readonly size: number } | undefined {
  if (received.length < SOCKET_HEAD.size) return undefined;
  const reader = new ByteReader(received, SOCKET_HEAD.name);
  const { command, transport, length } = reader.layout(SOCKET_HEAD);
  if (length > MAX_PAYLOAD) throw new CodecError('ERR_CODEC_RANGE', `${SOCKET_HEAD.name}.length`, 8, `at most ${MAX_PAYLOAD} bytes, is ${length}`);
  if (reader.left < length) return undefined;
  return { frame: { command, transport, payload: reader.bytes(length, 'payload') }, size: reader.at };
}
