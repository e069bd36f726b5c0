/** GET_VERSION to ALGORITHMS, as a requester: what both ends agreed on. */
import { ByteReader } from '../../../codec/stream.ts';
import { decodeAlgorithms, encodeNegotiateAlgorithms, SUITE, TABLE_TYPE } from '../messages/algorithms.ts';
import { CAPABILITIES_11, CAPABILITIES_12, GET_CAPABILITIES_11, GET_CAPABILITIES_12, GET_VERSION, LEAST_TRANSFER_SIZE, type ResponderFlags, VERSION_ENTRY, VERSION_HEAD } from '../messages/capabilities.ts';
import { RESPONSE, SPDM_VERSION, type SpdmVersion } from '../messages/header.ts';
import { Transcript } from '../session/transcript.ts';
import { SpdmError } from '../spdm-error.ts';
import type { Conversation } from './conversation.ts';
import type { RequesterProfile } from './profile.ts';

/** What was negotiated. */
export interface Negotiated {
  readonly version: SpdmVersion;
  /** Of the responder. */
  readonly flags: ResponderFlags;
  /** Longest message that the responder takes; SPDM 1.1 doesn't say. */
  readonly maxMessageSize: number;
  /** GET_VERSION to ALGORITHMS. */
  readonly vca: Transcript;
}

/** Negotiates. @throws {SpdmError} spdm-version, spdm-capabilities, spdm-algorithms, and what an exchange throws */
export function negotiate(conversation: Conversation, profile: RequesterProfile): Negotiated {
  const vca = new Transcript();
  const version = negotiateVersion(conversation, profile, vca);
  const { flags, maxMessageSize } = negotiateCapabilities(conversation, profile, version, vca);
  if (profile.demandedFlags && !sameFlags(flags, profile.demandedFlags)) throw new SpdmError('spdm-capabilities', 'the responder has other flags than it must have');
  if (flags.cert !== 1 || flags.keyEx !== 1 || flags.encrypt !== 1 || flags.mac !== 1) throw new SpdmError('spdm-capabilities', 'the responder cannot set up an encrypted session');
  negotiateAlgorithms(conversation, version, flags, vca);
  return { version, flags, maxMessageSize, vca };
}

function negotiateVersion(conversation: Conversation, { versions }: RequesterProfile, vca: Transcript): SpdmVersion {
  const request = GET_VERSION.encode({ spdmVersion: SPDM_VERSION.v10 });
  const response = conversation.ask(request, RESPONSE.VERSION);
  const reader = new ByteReader(response, VERSION_HEAD.name);
  const { entryCount } = reader.layout(VERSION_HEAD, { reserved: 'keep' });
  const offered = Array.from({ length: entryCount }, () => {
    const { major, minor } = reader.layout(VERSION_ENTRY).number;
    return (major << 4) | minor;
  });
  vca.add(request, response.subarray(0, reader.at));
  const best = versions.toSorted((a, b) => b - a).find((version) => offered.includes(version));
  if (best === undefined) throw new SpdmError('spdm-version', `the responder speaks ${offered.map((version) => `0x${version.toString(16)}`).join(', ') || 'nothing'}`);
  return best;
}

function negotiateCapabilities(conversation: Conversation, profile: RequesterProfile, version: SpdmVersion, vca: Transcript): { flags: ResponderFlags; maxMessageSize: number } {
  const sizes = { dataTransferSize: profile.maxMessageSize, maxMessageSize: profile.maxMessageSize };
  const none = GET_CAPABILITIES_12.decode(new Uint8Array(GET_CAPABILITIES_12.size)).flags;
  const common = { spdmVersion: version, ctExponent: profile.ctExponent, flags: { ...none, ...profile.flags } };
  const request = version === SPDM_VERSION.v12 ? GET_CAPABILITIES_12.encode({ ...common, ...sizes }) : GET_CAPABILITIES_11.encode(common);
  const raw = conversation.ask(request, RESPONSE.CAPABILITIES);
  const reader = new ByteReader(raw, CAPABILITIES_11.name);
  let maxMessageSize = Number.POSITIVE_INFINITY;
  const response = version === SPDM_VERSION.v12 ? reader.layout(CAPABILITIES_12, { reserved: 'keep' }) : reader.layout(CAPABILITIES_11, { reserved: 'keep' });
  if ('maxMessageSize' in response) {
    ({ maxMessageSize } = response as { maxMessageSize: number });
    if (maxMessageSize < LEAST_TRANSFER_SIZE) throw new SpdmError('spdm-capabilities', `the responder takes ${maxMessageSize} bytes`);
  }
  vca.add(request, raw.subarray(0, reader.at));
  return { flags: response.flags, maxMessageSize };
}

/** Flags that are left out are 0. */
function sameFlags(a: ResponderFlags, b: ResponderFlags): boolean {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]) as ReadonlySet<keyof ResponderFlags>;
  return [...names].every((name) => Number(a[name] ?? 0) === Number(b[name] ?? 0));
}

/** Everything that teemu knows is offered, and every one of it must be taken. */
function negotiateAlgorithms(conversation: Conversation, version: SpdmVersion, flags: ResponderFlags, vca: Transcript): void {
  const tables = new Map<number, number>([
    [TABLE_TYPE.dhe, SUITE.dhe],
    [TABLE_TYPE.aead, SUITE.aead],
    [TABLE_TYPE.requesterAsym, SUITE.requesterAsym],
    [TABLE_TYPE.keySchedule, SUITE.keySchedule],
  ]);
  const opaqueFormat = version === SPDM_VERSION.v12 ? SUITE.opaqueFormat : 0;
  const { measurementSpecification, baseAsym, baseHash } = SUITE;
  const request = encodeNegotiateAlgorithms(version, { measurementSpecification, baseAsym, baseHash, opaqueFormat, tables });
  const response = conversation.ask(request, RESPONSE.ALGORITHMS);
  const { choice, length } = decodeAlgorithms(response);
  vca.add(request, response.subarray(0, length));
  const measures = (flags.meas ?? 0) !== 0;
  const right = [
    choice.baseAsym === baseAsym,
    choice.baseHash === baseHash,
    choice.opaqueFormat === opaqueFormat,
    !measures || (choice.measurementSpecification === measurementSpecification && choice.measurementHash === SUITE.measurementHash),
    choice.tables.get(TABLE_TYPE.dhe) === SUITE.dhe,
    choice.tables.get(TABLE_TYPE.aead) === SUITE.aead,
    choice.tables.get(TABLE_TYPE.keySchedule) === SUITE.keySchedule,
    flags.mutAuth !== 1 || choice.tables.get(TABLE_TYPE.requesterAsym) === SUITE.requesterAsym,
  ].every(Boolean);
  if (!right) throw new SpdmError('spdm-algorithms', 'the responder chose other algorithms than were offered');
}
