/** What a transport does with SPDM: which bytes go around a message, and how secured messages look on it. */
import type { SequenceLength } from '../session/secured-message.ts';

/** What a frame carries. */
export type FrameKind = 'message' | 'secured' | 'discovery';

/** A transport, as a row. */
export interface Binding {
  readonly name: 'mctp' | 'doe' | 'mailbox';
  /** Bytes of the sequence number in a secured message. */
  readonly sequenceLength: SequenceLength;
  /** Most random bytes that hide the length of a secured message. */
  readonly maxPadding: number;
  /** Puts a frame around a message. */
  frame(kind: FrameKind, payload: Uint8Array): Uint8Array;
  /** Takes a frame apart. @throws {CodecError} for one that is malformed */
  unframe(frame: Uint8Array): { readonly kind: FrameKind; readonly payload: Uint8Array };
  /** What is sealed in place of a message. */
  application(message: Uint8Array): Uint8Array;
  /** What was sealed: an SPDM message, or whatever else the transport carries in sessions, with its type in front. @throws {CodecError} when nothing is there */
  inside(application: Uint8Array): { readonly kind: 'message' | 'other'; readonly payload: Uint8Array };
}
