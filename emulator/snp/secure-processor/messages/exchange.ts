/** How the firmware answers one guest message. */
import type { Layout } from '../../../codec/layout.ts';
import type { Rows } from '../../../codec/rows.ts';
import { CodecError, FirmwareError, TeemuError } from '../../../errors.ts';
import { REPORT_SIZE } from '../../report.ts';
import { type ReportContents, selectKey } from '../attestation.ts';
import { type ChipRoot, deriveKey } from '../derived-key.ts';
import { type GuestContext, VMPLS } from '../guest-context.ts';
import type { Platform } from '../platform.ts';
import { refusal, STATUS } from '../status.ts';
import { type GuestMessage, MESSAGE_TYPES, openMessage, readHeader, sealMessage } from './guest-message.ts';
import { KEY_REQUEST, KEY_REQUEST_V2, KEY_RESPONSE, type KeyRequest, REPORT_REQUEST, REPORT_RESPONSE } from './payloads.ts';

/** What the answers are made from. */
export interface Firmware {
  readonly platform: Platform;
  readonly guest: GuestContext;
  /** Signs a report about the guest, 1184 bytes. */
  report(contents: ReportContents): Uint8Array;
  readonly chipRoot: ChipRoot;
}

type Handler = (firmware: Firmware, request: GuestMessage, payload: Uint8Array) => Uint8Array;

/** One row a request that is answered. */
const HANDLERS: ReadonlyMap<number, Handler> = new Map([
  [MESSAGE_TYPES.reportRequest, answerReport],
  [MESSAGE_TYPES.keyRequest, answerKey],
]);
/** Requests that the firmware knows and the emulator does not: migration, CPUID values after launch, the secure TSC. */
const UNSUPPORTED: ReadonlySet<number> = new Set([
  MESSAGE_TYPES.cpuidRequest,
  MESSAGE_TYPES.exportRequest,
  MESSAGE_TYPES.importRequest,
  MESSAGE_TYPES.absorbRequest,
  MESSAGE_TYPES.vmrkRequest,
  MESSAGE_TYPES.tscInfoRequest,
]);

/**
 * SNP_GUEST_REQUEST: opens the guest's message, does what it asks, seals the answer. The message count moves on only with an answer.
 * @param page 4096 bytes @returns 4096 bytes
 * @throws {FirmwareError} INVALID_PARAM for a header, a sequence number, a type or a size that can't be; BAD_MEASUREMENT for a broken seal; UNSUPPORTED for a request that is not emulated
 */
export function exchange(firmware: Firmware, page: Uint8Array): Uint8Array {
  const { guest } = firmware;
  const request = asStatus('INVALID_PARAM', () => readHeader(page));
  const { type, version, sequence, vmpck } = request;
  const key = guest.vmpcks[vmpck];
  const count = guest.messageCounts[vmpck];
  if (!key || count === undefined) throw refusal('INVALID_PARAM', `there is no message key ${vmpck}`);
  if (sequence !== count + 1n) throw refusal('INVALID_PARAM', `the message has the sequence number ${sequence}, the next one is ${count + 1n}`);
  const payload = asStatus('BAD_MEASUREMENT', () => openMessage(key, page));
  const handler = HANDLERS.get(type);
  if (!handler) throw UNSUPPORTED.has(type) ? refusal('UNSUPPORTED', `messages of type ${type} are not emulated`) : refusal('INVALID_PARAM', `${type} is no type of a request`);
  const answer = handler(firmware, request, payload);
  guest.messageCounts[vmpck] = sequence + 1n;
  return sealMessage(key, { type: type + 1, version, sequence: sequence + 1n, vmpck }, answer);
}

/** What a peer's bytes made fail, as the firmware's status. */
function asStatus<T>(name: 'INVALID_PARAM' | 'BAD_MEASUREMENT', read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof TeemuError) throw refusal(name, error.message);
    throw error;
  }
}

function answerReport({ platform, guest, report }: Firmware, { version, vmpck }: GuestMessage, payload: Uint8Array): Uint8Array {
  if (version !== 1) throw refusal('INVALID_PARAM', `report requests have the version 1, not ${version}`);
  requireSize(REPORT_REQUEST, payload);
  try {
    const { reportData, vmpl, key } = REPORT_REQUEST.decode(payload);
    requireVmpl(vmpl, vmpck);
    const signed = report({ reportData, vmpl, signingKey: selectKey(platform, guest, key.keySelect) });
    return REPORT_RESPONSE.encode({ status: STATUS.SUCCESS, reportSize: REPORT_SIZE, report: signed });
  } catch (error) {
    return REPORT_RESPONSE.encode({ status: statusOf(error) });
  }
}

function answerKey({ platform, guest, chipRoot }: Firmware, { version, vmpck }: GuestMessage, payload: Uint8Array): Uint8Array {
  const highest = platform.reportVersion >= 5 ? 2 : 1;
  if (version < 1 || version > highest) throw refusal('INVALID_PARAM', `key requests to this firmware have a version up to ${highest}, not ${version}`);
  const layout = version === 1 ? KEY_REQUEST : KEY_REQUEST_V2;
  requireSize(layout, payload);
  try {
    const request: KeyRequest = layout.decode(payload);
    if (version === 1 && request.guestFieldSelect.launchMitVector !== 0) throw refusal('INVALID_PARAM', 'a request of version 1 has no mitigation vector to mix in');
    requireVmpl(request.vmpl, vmpck);
    return KEY_RESPONSE.encode({ status: STATUS.SUCCESS, key: deriveKey(platform, guest, chipRoot, request) });
  } catch (error) {
    return KEY_RESPONSE.encode({ status: statusOf(error) });
  }
}

/** A guest asks for its own privilege level or a lesser one; the key that it writes under says where it runs. */
function requireVmpl(vmpl: number, caller: number): void {
  if (vmpl < caller || vmpl >= VMPLS) throw refusal('INVALID_PARAM', `VMPL ${vmpl} is not open to a caller at VMPL ${caller}`);
}

function requireSize<R extends Rows>(layout: Layout<R>, payload: Uint8Array): void {
  if (payload.length !== layout.size) throw refusal('INVALID_PARAM', `${layout.name} is ${layout.size} bytes, not ${payload.length}`);
}

/** A request that was understood and refused is answered: the status stands in the payload. */
function statusOf(error: unknown): number {
  if (error instanceof FirmwareError) return error.status;
  if (error instanceof CodecError) return STATUS.INVALID_PARAM;
  throw error;
}
