/** A request that is answered with ERROR. */
import { TeemuError } from '../../../errors.ts';
import { joined } from '../bytes.ts';
import { ERROR, ERROR_CODE, type ErrorName } from '../messages/header.ts';

/** Thrown by an answer, and sent by the responder in its place. */
export class Refusal extends TeemuError {
  override readonly name = 'Refusal';
  readonly errorName: ErrorName;
  readonly errorData: number;
  readonly extended: Uint8Array;
  readonly version: number | undefined;

  /** @param rule what is wrong with the request, for the log @param errorData Param2 @param extended what follows the header @param version in place of the connection's */
  constructor(errorName: ErrorName, rule: string, { errorData = 0, extended = new Uint8Array(0), version }: { errorData?: number; extended?: Uint8Array; version?: number } = {}) {
    super('ERR_SPDM', `${errorName}: ${rule}`);
    this.errorName = errorName;
    this.errorData = errorData;
    this.extended = extended;
    this.version = version;
  }

  /** The ERROR message. @param connectionVersion of the connection, or 0x10 before there is one */
  encode(connectionVersion: number): Uint8Array {
    const spdmVersion = this.version ?? connectionVersion;
    return joined([ERROR.encode({ spdmVersion, errorCode: ERROR_CODE[this.errorName], errorData: this.errorData }), this.extended]);
  }
}
