/** GET_MEASUREMENTS, and the summary hash of CHALLENGE and KEY_EXCHANGE. */
import { ByteReader } from '../../../../codec/stream.ts';
import { joined, u16Bytes } from '../../bytes.ts';
import { sha384 } from '../../messages/certificates.ts';
import { SUMMARY } from '../../messages/challenge.ts';
import { SPDM_VERSION, type SpdmVersion } from '../../messages/header.ts';
import {
  ALL_MEASUREMENTS,
  encodeMeasurement,
  GET_MEASUREMENTS_11,
  GET_MEASUREMENTS_12,
  GET_MEASUREMENTS_HEAD_11,
  GET_MEASUREMENTS_HEAD_12,
  MEASUREMENTS_HEAD_11,
  MEASUREMENTS_HEAD_12,
  MEASUREMENTS_NONCE_SIZE,
} from '../../messages/measurements.ts';
import { signedMessage } from '../../session/signature.ts';
import type { Transcript } from '../../session/transcript.ts';
import type { Answer, Exchange } from '../connection.ts';
import type { DeviceMeasurement } from '../identity.ts';
import { Refusal } from '../refusal.ts';
import { chainOf } from './certificates.ts';

/** Measurement summary hash: 48 bytes, or none. @param type Param of the request @throws {Refusal} InvalidRequest for a type that there isn't */
export function summaryHash({ identity, profile, connection }: Exchange, type: number): Uint8Array {
  if (type === SUMMARY.none) return new Uint8Array(0);
  if ((type !== SUMMARY.tcb && type !== SUMMARY.all) || (profile.flags.meas ?? 0) === 0 || !connection.measures) throw new Refusal('InvalidRequest', `there is no measurement summary hash of type ${type}`);
  const blocks = identity.measurements().filter(({ tcb }) => tcb || type === SUMMARY.all);
  return sha384(joined(blocks.map(encodeMeasurement)));
}

/** Which measurements an operation asks for. */
function selected(measurements: readonly DeviceMeasurement[], operation: number): readonly DeviceMeasurement[] {
  if (operation === 0) return [];
  if (operation === ALL_MEASUREMENTS) return measurements;
  const one = measurements.filter(({ index }) => index === operation);
  if (one.length === 0) throw new Refusal('InvalidRequest', `there is no measurement ${operation}`);
  return one;
}

/** Any failure begins the log of measurements anew. */
export const answerMeasurements: Answer = (exchange) => {
  const log = exchange.session?.measurements ?? exchange.connection.measurements;
  try {
    return measured(exchange, log);
  } catch (error) {
    log.clear();
    throw error;
  }
};

function measured(exchange: Exchange, log: Transcript): Uint8Array {
  const { world, identity, profile, connection, request } = exchange;
  const version = connection.version as SpdmVersion;
  if (!connection.measures) throw new Refusal('UnexpectedRequest', 'no measurement specification was agreed on');
  const { head, slot } = readRequest(request, version);
  const signed = head.attributes.signatureRequested === 1;
  if (signed && profile.flags.meas !== 2) throw new Refusal('InvalidRequest', 'measurements are not signed here');
  if (signed) chainOf(exchange, slot);
  const all = identity.measurements();
  const blocks = selected(all, head.operation).map(encodeMeasurement);
  const record = joined(blocks);
  const opaque = connection.opaqueData ? (identity.opaqueData?.(version) ?? new Uint8Array(0)) : new Uint8Array(0);
  const counts = { spdmVersion: version, totalCount: head.operation === 0 ? all.length : 0, numberOfBlocks: blocks.length, recordLength: record.length };
  const slotId = signed ? slot : 0;
  const start = version >= SPDM_VERSION.v12 ? MEASUREMENTS_HEAD_12.encode({ ...counts, slot: { slotId, contentChanged: 0, reserved: 0 } }) : MEASUREMENTS_HEAD_11.encode({ ...counts, slot: { slotId, reserved: 0 } });
  const response = joined([start, record, world.random('spdm/measurements-nonce', MEASUREMENTS_NONCE_SIZE), u16Bytes(opaque.length), opaque]);
  log.add(request.subarray(0, signed ? GET_MEASUREMENTS_11.size : GET_MEASUREMENTS_HEAD_11.size), response);
  if (!signed) return response;
  const transcript = joined([...(version >= SPDM_VERSION.v12 ? [connection.vca.bytes()] : []), log.bytes()]);
  log.clear();
  return joined([response, identity.sign(slot, signedMessage(version, 'measurements', transcript))]);
}

type RequestHead = { readonly attributes: { readonly signatureRequested: number }; readonly operation: number };
/** The request: short, or with nonce and slot where a signature is asked for. */
function readRequest(request: Uint8Array, version: SpdmVersion): { head: RequestHead; slot: number } {
  const [short, long] = version >= SPDM_VERSION.v12 ? ([GET_MEASUREMENTS_HEAD_12, GET_MEASUREMENTS_12] as const) : ([GET_MEASUREMENTS_HEAD_11, GET_MEASUREMENTS_11] as const);
  const reader = (): ByteReader => new ByteReader(request, short.name);
  const head: RequestHead = version >= SPDM_VERSION.v12 ? reader().layout(GET_MEASUREMENTS_HEAD_12, { reserved: 'keep' }) : reader().layout(GET_MEASUREMENTS_HEAD_11, { reserved: 'keep' });
  if (head.attributes.signatureRequested === 0) return { head, slot: 0 };
  return { head, slot: reader().layout(long as typeof GET_MEASUREMENTS_11, { reserved: 'keep' }).slot.slotId };
}
