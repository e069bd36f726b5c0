/** What ends an SPDM exchange before its time, on either side. */
import { TeemuError } from '../../errors.ts';

/** Why; stable, programs match on it. */
export type SpdmReason =
  /** The peer answered with an ERROR message; `errorCode` is the one in it. */
  | 'spdm-peer-error'
  /** The answer is to another request, of another version, or not what was asked for. */
  | 'spdm-response'
  /** The peer offers no version that both can speak. */
  | 'spdm-version'
  /** The peer's capabilities are not those that are needed. */
  | 'spdm-capabilities'
  /** The peer chose algorithms that were not offered, or none. */
  | 'spdm-algorithms'
  /** A certificate chain does not hold together, or is not of the kind that was negotiated. */
  | 'spdm-certificate-chain'
  /** A signature is not that of the peer's key over what was said. */
  | 'spdm-signature'
  /** Verify data of a handshake is not what the keys give. */
  | 'spdm-verify-data'
  /** The heartbeat period is not the one that the requester insists on. */
  | 'spdm-heartbeat-period'
  /** The session is over, was never there, or is in another phase. */
  | 'spdm-session-state'
  /** A secured message does not open: forged, replayed, out of order, or under another key. */
  | 'spdm-secured-message'
  /** No sequence number is left under this key. */
  | 'spdm-sequence-exhausted'
  /** More is asked for without a signature than anybody keeps. */
  | 'spdm-transcript-too-long'
  /** The export master secret was exported before. */
  | 'spdm-ems-second-export';

/** A TeemuError with code ERR_SPDM. */
export class SpdmError extends TeemuError {
  override readonly name = 'SpdmError';
  readonly reason: SpdmReason;
  /** Param1 of the peer's ERROR message, for the reason `spdm-peer-error`. */
  readonly errorCode: number | undefined;

  constructor(reason: SpdmReason, message: string, { errorCode, cause }: { errorCode?: number; cause?: unknown } = {}) {
    super('ERR_SPDM', `${reason}: ${message}`, cause === undefined ? undefined : { cause });
    this.reason = reason;
    this.errorCode = errorCode;
  }
}
