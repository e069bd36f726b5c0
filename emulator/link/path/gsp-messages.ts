/**
 * What driver and GSP say to each other over the RPC queues. NVIDIA's own messages carry the same in other encodings (rpc_global_enums.h); these
 * are the emulator's, for what the link needs.
 */
import { Layout } from '../../codec/layout.ts';
import { bytes, u32 } from '../../codec/rows.ts';
import { CodecError } from '../../errors.ts';
import { type OutcomeName, OUTCOMES } from '../channel/outcomes.ts';

/** What the driver asks for. */
export const COMMAND = {
  /** INTERNAL_CONF_COMPUTE_DERIVE_LCE_KEYS and _SWL_KEYS: answers with the IV mask of each key. */
  deriveKeys: 1,
  heartbeat: 2,
  /** Opens SEC2's channel again, with new counters. */
  openSec2: 3,
  /** `a` number, `b` copy engine, `c` privilege. */
  openChannel: 4,
  closeChannel: 5,
  /** INTERNAL_CONF_COMPUTE_ROTATE_KEYS: `a` the even key of the pair, or on Blackwell the channel; answers with both masks. */
  rotateKeys: 6,
  /** ROTATE_SECURE_CHANNEL_IV: `a` channel, `b` 0 to the device or 1 from it. */
  rotateIv: 7,
  /** INTERNAL_CONF_COMPUTE_RC_CHANNELS_FOR_KEY_ROTATION: `a` channel. */
  resetForRotation: 8,
} as const;

/** Name of a command. */
export type CommandName = keyof typeof COMMAND;

/** A command. */
export const GSP_COMMAND = new Layout('link.gspCommand', 16, 'emulator', {
  code: u32(0, 'which command', { names: Object.fromEntries(Object.entries(COMMAND).map(([name, code]) => [code, name])) }),
  a: u32(4, 'first argument'),
  b: u32(8, 'second argument'),
  c: u32(12, 'third argument'),
});

/** Head of an answer or event; data follows an answer. */
export const GSP_STATUS = new Layout('link.gspStatus', 16, 'emulator', {
  kind: u32(0, 'answer or event', { names: { 0: 'answer', 1: 'channel stopped' } }),
  status: u32(4, 'status of the driver; 0 when all is well'),
  channel: u32(8, 'channel that was stopped; all ones for SEC2'),
  outcome: u32(12, 'why it was stopped: row of the table of outcomes, from 1'),
});

/** IV masks of a pair, in an answer. */
export const MASK_PAIR = new Layout('link.ivMasks', 24, 'conf_compute_gh100.c:122-153', { first: bytes(0, 12, 'of the even key'), second: bytes(12, 12, 'of the odd key') });

/** Number of SEC2's channel in events. */
export const SEC2_CHANNEL = 0xffff_ffff;
const NAMES = Object.keys(OUTCOMES) as readonly OutcomeName[];

/** Number of an outcome in a message. */
export function outcomeNumber(name: OutcomeName): number {
  return NAMES.indexOf(name) + 1;
}

/** Outcome of a number in a message. @throws {CodecError} ERR_CODEC_RANGE for none */
export function outcomeNumbered(number: number): OutcomeName {
  const name = NAMES[number - 1];
  if (name === undefined) throw new CodecError('ERR_CODEC_RANGE', 'link.gspStatus.outcome', GSP_STATUS.locate('outcome').at, `there is no outcome ${number}`);
  return name;
}
