/** The guest's side of guest messages, as Linux has it: counters and keys in the secrets page, and a key thrown away at the first thing that goes wrong. */
import { CodecError, FirmwareError, TeemuError } from '../../../errors.ts';
import { certificateTableSize } from '../../certificate-table.ts';
import { PAGE_SIZE } from '../../launch/page-info.ts';
import { refusal, STATUS, statusName } from '../status.ts';
import { type GuestHost, HOST_ERRORS, type HostAnswer } from './guest-host.ts';
import { MESSAGE_TYPES, openMessage, readHeader, sealMessage } from './guest-message.ts';
import { KEY_REQUEST, KEY_REQUEST_V2, KEY_RESPONSE, type KeyField, REPORT_REQUEST, REPORT_RESPONSE } from './payloads.ts';
import { SECRETS_PAGE, type SecretsPage, VMPCK_SIZE } from './secrets-page.ts';

/** Most room for certificates that Linux accepts. Source: Linux, coco/sev-guest, SEV_FW_BLOB_MAX_SIZE. */
export const MAX_CERTIFICATES = 0x4000;
/** Linux keeps its counters in 32 bits and stops before they wrap. */
const LAST_COUNT = 0xffff_fffe;

/** Error numbers of the driver. */
export type Errno = 'EINVAL' | 'EIO' | 'EBADMSG' | 'ENOTTY';

/** The driver's refusal: an error number, and what host and firmware said. */
export class GuestDriverError extends TeemuError {
  override readonly name = 'GuestDriverError';
  readonly errno: Errno;
  /** EXITINFO2: the firmware's status in the low half, the host's in the high one. */
  readonly exitInfo2: bigint;
  /** Bytes of room that the certificates need, where the host said so. */
  readonly certificatesSize: number | undefined;

  constructor(errno: Errno, message: string, { exitInfo2 = 0n, certificatesSize }: { exitInfo2?: bigint; certificatesSize?: number | undefined } = {}, options?: ErrorOptions) {
    super(errno === 'EBADMSG' ? 'ERR_SEAL' : errno === 'ENOTTY' ? 'ERR_FIRMWARE_STATE' : 'ERR_FIRMWARE_STATUS', `${errno}: ${message}`, options);
    this.errno = errno;
    this.exitInfo2 = exitInfo2;
    this.certificatesSize = certificatesSize;
  }
}

/** What a guest asks a derived key for; what is left out is zero. */
export interface DerivedKeyRequest {
  /** Default `vcek`, which is the VLEK where one is loaded. */
  readonly root?: 'vcek' | 'vmrk' | undefined;
  readonly keySelect?: number | undefined;
  /** What is mixed into the key beside the VMPL. */
  readonly fields?: readonly KeyField[] | undefined;
  readonly vmpl?: number | undefined;
  readonly guestSvn?: number | undefined;
  /** 8 bytes as in a report. */
  readonly tcbVersion?: Uint8Array | undefined;
  /** Sends a request of version 2. */
  readonly launchMitVector?: bigint | undefined;
}

/** An extended report: what the firmware signed, and what the host put beside it. */
export interface ExtendedReport {
  /** 1184 bytes. */
  readonly report: Uint8Array;
  /** Certificate table without padding; empty where the host has none. */
  readonly certificates: Uint8Array;
}

interface Exchange {
  readonly type: number;
  readonly version: number;
  readonly payload: Uint8Array;
  readonly responseSize: number;
  /** Pages of room for certificates; undefined for a plain request. */
  readonly pages?: number;
}

/** /dev/sev-guest of one guest. */
export class GuestDriver {
  readonly #host: GuestHost;
  readonly #vmpl: number;
  readonly #secrets: SecretsPage;

  /**
   * @param secrets the secrets page, 4096 bytes, which the driver copies
   * @param vmpl where the guest runs, 0 to 3; it writes under the key of that VMPL
   * @throws {CodecError} for a page that is none
   */
  constructor(secrets: Uint8Array, host: GuestHost, { vmpl = 0 }: { readonly vmpl?: number } = {}) {
    if (!Number.isInteger(vmpl) || vmpl < 0 || vmpl > 3) throw new RangeError(`a VMPL is 0 to 3, not ${vmpl}`);
    this.#secrets = SECRETS_PAGE.decode(secrets);
    this.#host = host;
    this.#vmpl = vmpl;
  }

  /**
   * SNP_GET_REPORT.
   * @param reportData 64 bytes @param vmpl to state in the report; default: where the guest runs
   * @returns 1184 bytes
   * @throws {FirmwareError} INVALID_PARAM, INVALID_KEY as the firmware answered
   * @throws {GuestDriverError}
   */
  getReport(reportData: Uint8Array, { vmpl = this.#vmpl, keySelect = 0 }: { readonly vmpl?: number; readonly keySelect?: number } = {}): Uint8Array {
    return this.#report(reportData, vmpl, keySelect).report;
  }

  /**
   * SNP_GET_EXT_REPORT. When the room is too small the message is sent once more as a plain request, so that no IV is used twice.
   * @param room bytes for certificates: a multiple of 4096 up to 16384, or 0 to want none
   * @throws {FirmwareError} @throws {GuestDriverError} EIO with `certificatesSize` when the room is too small
   */
  getExtendedReport(reportData: Uint8Array, { vmpl = this.#vmpl, keySelect = 0, room = MAX_CERTIFICATES }: { readonly vmpl?: number; readonly keySelect?: number; readonly room?: number } = {}): ExtendedReport {
    if (!Number.isInteger(room) || room < 0 || room > MAX_CERTIFICATES || room % PAGE_SIZE !== 0)
      throw new GuestDriverError('EINVAL', `room for certificates is a multiple of ${PAGE_SIZE} up to ${MAX_CERTIFICATES}, not ${room}`);
    const { report, certificates } = this.#report(reportData, vmpl, keySelect, room === 0 ? undefined : room / PAGE_SIZE);
    return { report, certificates: certificates.slice(0, Math.min(certificateTableSize(certificates), certificates.length)) };
  }

  /** SNP_GET_DERIVED_KEY. @returns 32 bytes @throws {FirmwareError} INVALID_PARAM, INVALID_KEY as the firmware answered @throws {GuestDriverError} */
  getDerivedKey({ root = 'vcek', keySelect = 0, fields = [], vmpl = this.#vmpl, guestSvn = 0, tcbVersion = new Uint8Array(8), launchMitVector }: DerivedKeyRequest = {}): Uint8Array {
    const guestFieldSelect = Object.fromEntries(fields.map((field) => [field, 1])) as Record<KeyField, number>;
    const values = { root: { rootKeySelect: root === 'vmrk' ? 1 : 0, keySelect, reserved3: 0 }, guestFieldSelect: { ...guestFieldSelect, reserved7: 0, reserved60: 0 }, vmpl, guestSvn, tcbVersion };
    const [version, payload] = launchMitVector === undefined ? [1, KEY_REQUEST.encode(values)] : [2, KEY_REQUEST_V2.encode({ ...values, launchMitVector })];
    const answer = this.#exchange({ type: MESSAGE_TYPES.keyRequest, version, payload, responseSize: KEY_RESPONSE.size });
    const { status, key } = KEY_RESPONSE.decode(answer.payload);
    requireSuccess(status);
    return key;
  }

  #report(reportData: Uint8Array, vmpl: number, keySelect: number, pages?: number): { report: Uint8Array; certificates: Uint8Array } {
    const payload = REPORT_REQUEST.encode({ reportData, vmpl, key: { keySelect, reserved2: 0 } });
    const answer = this.#exchange({ type: MESSAGE_TYPES.reportRequest, version: 1, payload, responseSize: REPORT_RESPONSE.size, ...(pages === undefined ? {} : { pages }) });
    const { status, report } = REPORT_RESPONSE.decode(answer.payload);
    requireSuccess(status);
    return { report, certificates: answer.certificates };
  }

  #exchange(request: Exchange): { payload: Uint8Array; certificates: Uint8Array } {
    const vmpl = this.#vmpl;
    const key = this.#secrets.vmpcks[vmpl];
    const count = this.#secrets.osArea.messageSequence[vmpl] ?? 0;
    if (!key || key.every((byte) => byte === 0)) throw new GuestDriverError('ENOTTY', `the message key of VMPL ${vmpl} is gone`);
    if (count >= LAST_COUNT) throw new GuestDriverError('EIO', 'the message counter is used up');
    try {
      return this.#send(request, key, BigInt(count) + 1n);
    } catch (error) {
      // A message that was sent and not answered well must never be followed by another under the same IV.
      if (!(error instanceof GuestDriverError && error.certificatesSize !== undefined)) this.#secrets.vmpcks[vmpl] = new Uint8Array(VMPCK_SIZE);
      throw error;
    }
  }

  #send({ type, version, payload, responseSize, pages }: Exchange, key: Uint8Array, sequence: bigint): { payload: Uint8Array; certificates: Uint8Array } {
    const vmpck = this.#vmpl;
    const page = sealMessage(key, { type, version, sequence, vmpck }, payload);
    let answer = pages === undefined ? this.#host.request(page) : this.#host.extendedRequest(page, pages);
    const tooSmall = pages !== undefined && answer.hostError === HOST_ERRORS.invalidLength ? answer : undefined;
    if (tooSmall) answer = this.#host.request(page);
    if (!answer.page || answer.firmwareError !== STATUS.SUCCESS || answer.hostError !== HOST_ERRORS.none) throw notAnswered(answer);
    const opened = openAnswer(key, answer.page, { type: type + 1, version, sequence: sequence + 1n, vmpck, size: responseSize });
    this.#secrets.osArea.messageSequence[vmpck] = Number(sequence + 1n);
    if (tooSmall) throw new GuestDriverError('EIO', 'there is too little room for the certificates', { exitInfo2: exitInfo2(tooSmall), certificatesSize: (tooSmall.pagesNeeded ?? 0) * PAGE_SIZE });
    return { payload: opened, certificates: answer.certificates ?? new Uint8Array() };
  }
}

function openAnswer(key: Uint8Array, page: Uint8Array, wanted: ReturnType<typeof readHeader>): Uint8Array {
  try {
    const header = readHeader(page);
    for (const field of ['type', 'version', 'sequence', 'size'] as const) {
      if (header[field] !== wanted[field]) throw new GuestDriverError('EBADMSG', `the answer's ${field} is ${header[field]}, not ${wanted[field]}`);
    }
    return openMessage(key, page);
  } catch (error) {
    if (error instanceof CodecError || (error instanceof TeemuError && error.code === 'ERR_SEAL' && !(error instanceof GuestDriverError))) throw new GuestDriverError('EBADMSG', error.message, {}, { cause: error });
    throw error;
  }
}

function notAnswered(answer: HostAnswer): TeemuError {
  return new GuestDriverError('EIO', `the request was not answered: firmware ${statusName(answer.firmwareError)}, host ${answer.hostError}`, { exitInfo2: exitInfo2(answer) });
}

function exitInfo2({ firmwareError, hostError }: HostAnswer): bigint {
  return (BigInt(hostError) << 32n) | BigInt(firmwareError);
}

function requireSuccess(status: number): void {
  if (status === STATUS.INVALID_PARAM) throw refusal('INVALID_PARAM', 'the firmware refused what was asked for');
  if (status === STATUS.INVALID_KEY) throw refusal('INVALID_KEY', 'the firmware cannot use the key that was asked for');
  if (status !== STATUS.SUCCESS) throw new FirmwareError(status, statusName(status), 'the firmware refused the request');
}
