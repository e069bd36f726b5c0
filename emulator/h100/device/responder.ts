/**
 * The part of a device that answers GET_MEASUREMENTS: what GPUs and switches have in common. Malformed and unsupported requests get an ERROR
 * response, as from any SPDM responder.
 */
import type { EcSigner } from '../../crypto/sign.ts';
import { CodecError } from '../../errors.ts';
import { ERROR, ERROR_CODE, type ErrorName } from '../../link/spdm/messages/header.ts';
import { ALL_MEASUREMENTS, GET_MEASUREMENTS, GET_MEASUREMENTS_11, GET_MEASUREMENTS_HEAD_11, MEASUREMENTS, MEASUREMENTS_NONCE_SIZE } from '../../link/spdm/messages/measurements.ts';
import type { World } from '../../world.ts';
import { encodeOpaque, type OpaqueField } from '../report/opaque.ts';
import { decodeGpuReport, encodeResponse, type GpuMeasurement, type GpuReport, REPORT_SIGNATURE_SIZE, REPORT_SPDM_VERSION, signGpuReport } from '../report/report.ts';

/** Everything that a response states but the nonces. */
export interface MeasuredState {
  readonly measurements: readonly GpuMeasurement[];
  readonly opaque: readonly OpaqueField[];
}

/** Changes a report before it is signed, to make one that the device would not write. */
export type GpuReportEdit = (report: GpuReport) => GpuReport;

/** The length before the opaque data. */
const OPAQUE_LENGTH_SIZE = 2;
const NO_NONCE = new Uint8Array(MEASUREMENTS_NONCE_SIZE);
const NO_SIGNATURE = new Uint8Array(REPORT_SIGNATURE_SIZE);

/** A device's responder for measurements. */
export class MeasurementResponder {
  readonly #world: World;
  readonly #label: string;
  readonly #key: EcSigner;
  readonly #state: MeasuredState;
  /** The signed answer for all measurements but for both nonces and the signature, which is all that differs from one to the next. */
  readonly #template: Uint8Array;
  readonly #nonceAt: number;

  /** @param label names the device, for its random numbers @param key the attestation key, P-384 */
  constructor(world: World, label: string, key: EcSigner, state: MeasuredState) {
    this.#world = world;
    this.#label = label;
    this.#key = key;
    this.#state = state;
    const response = this.#response(0, state.measurements, state.opaque, NO_NONCE);
    this.#nonceAt = response.length - encodeOpaque(state.opaque).length - OPAQUE_LENGTH_SIZE - MEASUREMENTS_NONCE_SIZE;
    this.#template = Uint8Array.from(Buffer.concat([response, NO_SIGNATURE]));
  }

  /**
   * Answers a request of SPDM 1.1.
   * @param request whatever the requester sent
   * @returns MEASUREMENTS, signed if that was asked for, or ERROR
   */
  respond(request: Uint8Array): Uint8Array {
    const refused = refusal(request, this.#state.measurements.length);
    if (refused) return errorResponse(...refused);
    const { attributes, operation } = GET_MEASUREMENTS_HEAD_11.decode(request.subarray(0, GET_MEASUREMENTS_HEAD_11.size));
    const nonce = this.#nonce();
    const signed = attributes.signatureRequested === 1;
    if (signed && operation === ALL_MEASUREMENTS) return this.#answer(request, nonce);
    const chosen = operation === ALL_MEASUREMENTS ? this.#state.measurements : this.#state.measurements.filter(({ index }) => index + 1 === operation);
    const response = this.#response(operation === 0 ? this.#state.measurements.length : 0, chosen, signed ? this.#state.opaque : [], nonce);
    if (!signed) return response;
    return Uint8Array.from(Buffer.concat([response, this.#key.sign(Buffer.concat([request, response]))]));
  }

  /**
   * The report that the driver hands out: the request for all measurements and the answer to it.
   * @param nonce 32 bytes
   * @throws {RangeError} for a nonce of another length
   */
  report(nonce: Uint8Array, edit?: GpuReportEdit, signedBy: EcSigner = this.#key): Uint8Array {
    if (nonce.length !== MEASUREMENTS_NONCE_SIZE) throw new RangeError(`a nonce has ${MEASUREMENTS_NONCE_SIZE} bytes, not ${nonce.length}`);
    const request = GET_MEASUREMENTS_11.encode({ attributes: { signatureRequested: 1, reserved: 0 }, operation: ALL_MEASUREMENTS, nonce });
    const honest = Uint8Array.from(Buffer.concat([request, this.#answer(request, this.#nonce())]));
    if (!edit && signedBy === this.#key) return honest;
    const report = decodeGpuReport(honest);
    return signGpuReport(edit ? edit(report) : report, signedBy);
  }

  #nonce(): Uint8Array {
    return this.#world.random(`nvidia/responder-nonce/${this.#label}`, MEASUREMENTS_NONCE_SIZE);
  }

  #answer(request: Uint8Array, nonce: Uint8Array): Uint8Array {
    const answer = this.#template.slice();
    answer.set(nonce, this.#nonceAt);
    const end = answer.length - REPORT_SIGNATURE_SIZE;
    answer.set(this.#key.sign(Buffer.concat([request, answer.subarray(0, end)])), end);
    return answer;
  }

  #response(totalCount: number, measurements: readonly GpuMeasurement[], opaque: readonly OpaqueField[], responderNonce: Uint8Array): Uint8Array {
    const slot = { slotId: 0, reserved: 0 };
    return encodeResponse({ response: { spdmVersion: REPORT_SPDM_VERSION, responseCode: MEASUREMENTS, totalCount, slot, numberOfBlocks: 0, recordLength: 0 }, measurements, responderNonce, opaque });
  }
}

/** Why a request is not answered; undefined when it is. */
function refusal(request: Uint8Array, count: number): readonly [ErrorName, number] | undefined {
  const [version = 0, code = 0] = request;
  if (request.length < GET_MEASUREMENTS_HEAD_11.size) return ['InvalidRequest', 0];
  if (version !== REPORT_SPDM_VERSION) return ['VersionMismatch', 0];
  if (code !== GET_MEASUREMENTS) return ['UnsupportedRequest', code];
  try {
    const { attributes, operation } = GET_MEASUREMENTS_HEAD_11.decode(request.subarray(0, GET_MEASUREMENTS_HEAD_11.size));
    if (operation !== ALL_MEASUREMENTS && operation > count) return ['InvalidRequest', 0];
    if (attributes.signatureRequested === 0) return request.length === GET_MEASUREMENTS_HEAD_11.size ? undefined : ['InvalidRequest', 0];
    const { slot } = GET_MEASUREMENTS_11.decode(request);
    return slot.slotId === 0 ? undefined : ['InvalidRequest', 0];
  } catch (cause) {
    if (cause instanceof CodecError) return ['InvalidRequest', 0];
    throw cause;
  }
}

/** An ERROR response of SPDM 1.1, 4 bytes. */
export function errorResponse(name: ErrorName, errorData = 0): Uint8Array {
  return ERROR.encode({ spdmVersion: REPORT_SPDM_VERSION, errorCode: ERROR_CODE[name], errorData });
}
