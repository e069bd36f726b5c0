/** GET_VERSION, GET_CAPABILITIES, NEGOTIATE_ALGORITHMS. */
import { ByteReader } from '../../../../codec/stream.ts';
import { joined, sameBytes } from '../../bytes.ts';
import { type Algorithms, decodeNegotiateAlgorithms, encodeAlgorithms, SUITE, TABLE_TYPE } from '../../messages/algorithms.ts';
import { CAPABILITIES_11, CAPABILITIES_12, GET_CAPABILITIES_11, GET_CAPABILITIES_12, GET_VERSION, LEAST_TRANSFER_SIZE, requesterFlagsHold, VERSION_ENTRY, VERSION_HEAD } from '../../messages/capabilities.ts';
import { MESSAGE_HEADER, SPDM_VERSION, type SpdmVersion } from '../../messages/header.ts';
import type { Answer, Connection, Exchange } from '../connection.ts';
import { Refusal } from '../refusal.ts';

/** Highest CTExponent that a requester may state. */
const MAX_CT_EXPONENT = 31;

/** VERSION; the connection is a new one. */
export const answerVersion: Answer = ({ request, connection, profile }) => {
  const entries = profile.versions.map((version) => VERSION_ENTRY.encode({ number: { alpha: 0, update: 0, minor: version & 0xf, major: version >> 4 } }));
  const response = joined([VERSION_HEAD.encode({ spdmVersion: SPDM_VERSION.v10, entryCount: entries.length }), ...entries]);
  connection.vca.add(request.subarray(0, GET_VERSION.size), response);
  connection.stage = 'version';
  return response;
};

/** The same request again gets the same response; another one is out of order (DSP0274, "CAPABILITIES response message"). */
function repeated({ connection, request }: Exchange): Uint8Array | undefined {
  const { last } = connection;
  return last && sameBytes(last.request, request) ? last.response : undefined;
}

function keep(connection: Connection, request: Uint8Array, length: number, response: Uint8Array): Uint8Array {
  connection.vca.add(request.subarray(0, length), response);
  connection.last = { request: request.slice(), response };
  return response;
}

/** CAPABILITIES; the connection has its version from here on, unless they are refused. */
export const answerCapabilities: Answer = (exchange) => {
  const { request, connection, profile } = exchange;
  const version = profile.versions.find((one) => one === new ByteReader(request, MESSAGE_HEADER.name).layout(MESSAGE_HEADER).spdmVersion);
  if (connection.stage === 'capabilities') {
    const again = repeated(exchange);
    if (again) return again;
  }
  if (connection.stage !== 'version') throw new Refusal('UnexpectedRequest', 'capabilities are negotiated once');
  if (version === undefined) throw new Refusal('VersionMismatch', 'is of no version that VERSION lists', { version: SPDM_VERSION.v10 });
  // Whatever is wrong with the rest, this is the version in which it is said.
  connection.version = version;
  const response = version === SPDM_VERSION.v11 ? capabilities11(exchange) : capabilities12(exchange);
  connection.stage = 'capabilities';
  return response;
};

function capabilities11({ request, connection, profile }: Exchange): Uint8Array {
  const { ctExponent, flags } = new ByteReader(request, GET_CAPABILITIES_11.name).layout(GET_CAPABILITIES_11, { reserved: 'keep' });
  requireCapabilities(requesterFlagsHold(flags, SPDM_VERSION.v11) && ctExponent <= MAX_CT_EXPONENT);
  connection.requesterFlags = { ...flags, chunk: 0 };
  return keep(connection, request, GET_CAPABILITIES_11.size, CAPABILITIES_11.encode({ spdmVersion: SPDM_VERSION.v11, ctExponent: profile.ctExponent, flags: wireFlags(profile.flags) }));
}

function capabilities12({ request, connection, profile }: Exchange): Uint8Array {
  const { ctExponent, flags, dataTransferSize, maxMessageSize } = new ByteReader(request, GET_CAPABILITIES_12.name).layout(GET_CAPABILITIES_12, { reserved: 'keep' });
  requireCapabilities(requesterFlagsHold(flags, SPDM_VERSION.v12) && ctExponent <= MAX_CT_EXPONENT);
  requireCapabilities(dataTransferSize >= LEAST_TRANSFER_SIZE && (flags.chunk === 1 ? dataTransferSize <= maxMessageSize : dataTransferSize === maxMessageSize));
  connection.requesterFlags = flags;
  connection.transferSize = dataTransferSize;
  connection.maxMessageSize = maxMessageSize;
  const sizes = { dataTransferSize: profile.maxMessageSize, maxMessageSize: profile.maxMessageSize };
  return keep(connection, request, GET_CAPABILITIES_12.size, CAPABILITIES_12.encode({ spdmVersion: SPDM_VERSION.v12, ctExponent: profile.ctExponent, flags: wireFlags(profile.flags), ...sizes }));
}

type WireFlags = ReturnType<typeof CAPABILITIES_12.decode>['flags'];
/** Flags that a profile leaves out are 0. */
function wireFlags(flags: Partial<WireFlags>): WireFlags {
  return { ...CAPABILITIES_12.decode(new Uint8Array(CAPABILITIES_12.size)).flags, ...flags };
}

function requireCapabilities(holds: boolean): void {
  if (!holds) throw new Refusal('InvalidRequest', 'capabilities that contradict each other');
}

/** ALGORITHMS: what both ends know. */
export const answerAlgorithms: Answer = (exchange) => {
  const { request, connection, profile } = exchange;
  if (connection.stage === 'negotiated') {
    const again = repeated(exchange);
    if (again) return again;
  }
  if (connection.stage !== 'capabilities') throw new Refusal('UnexpectedRequest', 'algorithms are negotiated once');
  const version = connection.version as SpdmVersion;
  const { offer, length } = decodeNegotiateAlgorithms(request);
  const measures = (profile.flags.meas ?? 0) !== 0;
  const choice: Algorithms = {
    measurementSpecification: measures ? offer.measurementSpecification & SUITE.measurementSpecification : 0,
    measurementHash: measures && (offer.measurementSpecification & SUITE.measurementSpecification) !== 0 ? SUITE.measurementHash : 0,
    baseAsym: offer.baseAsym & SUITE.baseAsym,
    baseHash: offer.baseHash & SUITE.baseHash,
    opaqueFormat: version >= SPDM_VERSION.v12 ? offer.opaqueFormat & SUITE.opaqueFormat : 0,
    tables: new Map([...offer.tables].map(([type, supported]) => [type, supported & chosen(type, exchange)])),
  };
  requireCommon(choice, offer, exchange);
  connection.opaqueData = version < SPDM_VERSION.v12 || choice.opaqueFormat !== 0;
  connection.measures = choice.measurementSpecification !== 0;
  connection.stage = 'negotiated';
  return keep(connection, request, length, encodeAlgorithms(version, choice));
};

/** What the suite has for a table. */
function chosen(type: number, { profile }: Exchange): number {
  const sessions = profile.flags.keyEx === 1;
  switch (type) {
    case TABLE_TYPE.dhe:
      return sessions ? SUITE.dhe : 0;
    case TABLE_TYPE.aead:
      return sessions ? SUITE.aead : 0;
    case TABLE_TYPE.requesterAsym:
      return profile.flags.mutAuth === 1 ? SUITE.requesterAsym : 0;
    default:
      return sessions ? SUITE.keySchedule : 0;
  }
}

/** Both must have in common what their capabilities need; a table that is there offers something. */
function requireCommon(choice: Algorithms, offer: Algorithms, { profile, connection: { requesterFlags } }: Exchange): void {
  if (choice.baseAsym === 0 || choice.baseHash === 0) throw new Refusal('InvalidRequest', 'no signature algorithm or no hash in common');
  const needed = [
    ...(profile.flags.keyEx === 1 && requesterFlags.keyEx === 1 ? [TABLE_TYPE.dhe, TABLE_TYPE.aead, TABLE_TYPE.keySchedule] : []),
    ...(profile.flags.mutAuth === 1 && requesterFlags.mutAuth === 1 ? [TABLE_TYPE.requesterAsym] : []),
  ];
  if (needed.some((type) => !choice.tables.get(type))) throw new Refusal('InvalidRequest', 'no algorithm in common for what both say they can');
  if ([...offer.tables.values()].includes(0)) throw new Refusal('InvalidRequest', 'an algorithm table that offers nothing');
}
