/**
 * The small messages of a session: HEARTBEAT, KEY_UPDATE, END_SESSION, and the envelopes of encapsulated requests.
 *
 * Source: DMTF DSP0274 1.1 and 1.2, the chapters of these messages.
 */
import { Layout } from '../../../codec/layout.ts';
import { reserved, u8 } from '../../../codec/rows.ts';
import { messageStart, REQUEST, RESPONSE } from './header.ts';

const SOURCE = 'DSP0274 1.2.2';
const NO_PARAMETERS = { param1: u8(2, 'Param1: reserved'), param2: u8(3, 'Param2: reserved') };

/** HEARTBEAT. */
export const HEARTBEAT = new Layout('spdm.heartbeat', 4, `${SOURCE}, HEARTBEAT request message format`, { ...messageStart(REQUEST.HEARTBEAT), ...NO_PARAMETERS });
/** HEARTBEAT_ACK. */
export const HEARTBEAT_ACK = new Layout('spdm.heartbeatAck', 4, `${SOURCE}, HEARTBEAT_ACK response message format`, { ...messageStart(RESPONSE.HEARTBEAT_ACK), ...NO_PARAMETERS });

/** What KEY_UPDATE is to do. */
export const KEY_OPERATION = { updateKey: 1, updateAllKeys: 2, verifyNewKey: 3 } as const;
const KEY_PARAMETERS = {
  operation: u8(2, 'Param1: key operation', { names: { 1: 'UpdateKey', 2: 'UpdateAllKeys', 3: 'VerifyNewKey' } }),
  tag: u8(3, 'Param2: tag, the same in a request that is sent again'),
};
/** KEY_UPDATE. */
export const KEY_UPDATE = new Layout('spdm.keyUpdate', 4, `${SOURCE}, KEY_UPDATE request message format`, { ...messageStart(REQUEST.KEY_UPDATE), ...KEY_PARAMETERS });
/** KEY_UPDATE_ACK: operation and tag of the request. */
export const KEY_UPDATE_ACK = new Layout('spdm.keyUpdateAck', 4, `${SOURCE}, KEY_UPDATE_ACK response message format`, { ...messageStart(RESPONSE.KEY_UPDATE_ACK), ...KEY_PARAMETERS });

/** END_SESSION. */
export const END_SESSION = new Layout('spdm.endSession', 4, `${SOURCE}, END_SESSION request message format`, {
  ...messageStart(REQUEST.END_SESSION),
  attributes: u8(2, 'Param1: bit 0, the responder forgets the negotiated state that it keeps over resets'),
  param2: u8(3, 'Param2: reserved'),
});
/** END_SESSION_ACK. */
export const END_SESSION_ACK = new Layout('spdm.endSessionAck', 4, `${SOURCE}, END_SESSION_ACK response message format`, { ...messageStart(RESPONSE.END_SESSION_ACK), ...NO_PARAMETERS });

/** GET_ENCAPSULATED_REQUEST. */
export const GET_ENCAPSULATED_REQUEST = new Layout('spdm.getEncapsulatedRequest', 4, `${SOURCE}, GET_ENCAPSULATED_REQUEST request message format`, {
  ...messageStart(REQUEST.GET_ENCAPSULATED_REQUEST),
  ...NO_PARAMETERS,
});
/** ENCAPSULATED_REQUEST; the request follows. */
export const ENCAPSULATED_REQUEST = new Layout('spdm.encapsulatedRequest', 4, `${SOURCE}, ENCAPSULATED_REQUEST response message format`, {
  ...messageStart(RESPONSE.ENCAPSULATED_REQUEST),
  requestId: u8(2, 'Param1: request id'),
  param2: u8(3, 'Param2: reserved'),
});
/** DELIVER_ENCAPSULATED_RESPONSE; the response follows. */
export const DELIVER_ENCAPSULATED_RESPONSE = new Layout('spdm.deliverEncapsulatedResponse', 4, `${SOURCE}, DELIVER_ENCAPSULATED_RESPONSE request message format`, {
  ...messageStart(REQUEST.DELIVER_ENCAPSULATED_RESPONSE),
  requestId: u8(2, 'Param1: request id of the request that is answered'),
  param2: u8(3, 'Param2: reserved'),
});

/** What follows ENCAPSULATED_RESPONSE_ACK. */
export const ACK_PAYLOAD = { absent: 0, request: 1, slot: 2 } as const;
const ACK_ROWS = {
  ...messageStart(RESPONSE.ENCAPSULATED_RESPONSE_ACK),
  requestId: u8(2, 'Param1: request id of the request that follows, else 0'),
  payload: u8(3, 'Param2: payload type', { names: { 0: 'absent', 1: 'a request follows', 2: 'the slot of the requester that is to sign follows' } }),
};
/** ENCAPSULATED_RESPONSE_ACK, SPDM 1.1; the next request follows, if there is one. */
export const ENCAPSULATED_RESPONSE_ACK_11 = new Layout('spdm.encapsulatedResponseAck.v11', 4, 'DSP0274 1.1.3, ENCAPSULATED_RESPONSE_ACK response message format', ACK_ROWS);
/** ENCAPSULATED_RESPONSE_ACK, SPDM 1.2. */
export const ENCAPSULATED_RESPONSE_ACK_12 = new Layout('spdm.encapsulatedResponseAck.v12', 8, `${SOURCE}, ENCAPSULATED_RESPONSE_ACK response message format`, {
  ...ACK_ROWS,
  ackRequestId: u8(4, 'AckRequestID: request id of the response that is acknowledged'),
  reserved5: reserved(5, 3),
});
