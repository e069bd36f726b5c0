/** What a case of the link is, and short ways of writing one down. */
import type { SpdmTranscript } from '../../../emulator/link/transcript.ts';
import type { RecordingOptions } from '../../link/recording.ts';
import type { Sealed, Tape, TapeOptions } from '../../link/tape.ts';
import type { CaseBase, Severity, Stage } from '../../model.ts';

/** What is done on a channel. @param bad whether what must be refused is done; the good twin is without it. A second tape is that of another session */
export type Script = (tape: Tape, bad: boolean, other: Tape) => void;

interface ChannelChange {
  readonly channel: Script;
  readonly tape?: TapeOptions;
}
/** What is done with a recorded connection. */
export interface SpdmChange {
  /** What becomes of a recording. */
  readonly spdm: (transcript: SpdmTranscript, other: SpdmTranscript) => SpdmTranscript;
  readonly recording?: RecordingOptions;
  /** The recording, where that is what is wrong. */
  readonly bad?: RecordingOptions;
}
type Change = ChannelChange | SpdmChange;
interface LinkRejectCase extends CaseBase {
  readonly expect: 'must-reject';
  readonly stage: Stage;
  readonly reason: string;
  readonly change: Change;
}
interface LinkAcceptCase extends CaseBase {
  readonly expect: 'must-accept';
  readonly change: Change;
}

/** One case of the link. */
export type LinkCase = LinkRejectCase | LinkAcceptCase;
/** Stage and reason. */
export type At = readonly [Stage, string];
type More = Pick<CaseBase, 'bug' | 'policy'>;

/** Where most rules are from. */
export const DRIVER = 'NVIDIA open-gpu-kernel-modules 595.45.04, ccsl.c';
/** Why replays are refused. */
export const NVTRUST = 'NVIDIA/nvtrust#26';
/** Where rules of rotations are from. */
export const ROTATION = 'NVIDIA open-gpu-kernel-modules 595.45.04, conf_compute_key_rotation.c';
/** A message that does not open. */
export const FORGED: At = ['signature', 'message-forged'];
/** A counter at its end. */
export const EXHAUSTED: At = ['freshness', 'counter-exhausted'];
/** A key of the pair of most channels. */
export const UNDER = 'Lce00_h2d_user';
/** The other key of that pair. */
export const BACK = 'Lce00_d2h_user';
/** A key of signed work. */
export const SEC2 = 'cpu_sec2_data_kernel';
/** A key of an RPC queue. */
export const RPC = 'cpu_gsp_locked_rpc';
/** A key of the fault buffer. */
export const FAULTS = 'gsp_cpu_replayable_fault';

/** A row of a channel that must be refused. @param slug `area/slug` */
export function refused(slug: string, [stage, reason]: At, severity: Severity, ref: string, why: string, channel: Script, tape?: TapeOptions, more: More = {}): LinkCase {
  return { id: `link/${slug}`, expect: 'must-reject', stage, reason, severity, ref, why, change: { channel, ...(tape && { tape }) }, ...more };
}
/** A row of a channel that must be accepted. @param slug `area/slug` */
export function accepted(slug: string, severity: Severity, ref: string, why: string, channel: Script, tape?: TapeOptions, more: More = {}): LinkCase {
  return { id: `link/${slug}`, expect: 'must-accept', severity, ref, why, change: { channel, ...(tape && { tape }) }, ...more };
}
/** Bytes in hexadecimal with a bit of one turned over. */
export const flipped = (text: string, at: number): string => {
  const bytes = Buffer.from(text, 'hex');
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes.toString('hex');
};
/** Bytes in hexadecimal. */
export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
/** Opens the channel `a`. */
export const opened = (tape: Tape, key = UNDER, more: Parameters<Tape['channel']>[2] = {}): void => tape.channel('a', key, more);
/** Three messages, the second changed. */
export const changed: (edit: (message: Sealed) => Sealed) => Script =
  (edit: (message: Sealed) => Sealed): Script =>
  (tape, bad) => {
    opened(tape);
    tape.deliver('a');
    const message = tape.sealed('a');
    tape.deliver('a', bad ? edit(message) : message);
    if (!bad) tape.deliver('a');
  };
/** Two channels, and a message of the first on the second. */
export const spliced: (first: string, second: string) => Script =
  (first: string, second: string): Script =>
  (tape, bad) => {
    tape.channel('a', first);
    tape.channel('b', second);
    const [one, two] = [tape.sealed('a'), tape.sealed('b')];
    tape.deliver('b', bad ? one : two);
  };
/** The driver is under test. */
export const TO_DRIVER: TapeOptions = { end: 'driver' };
