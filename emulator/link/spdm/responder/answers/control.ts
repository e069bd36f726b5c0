/** HEARTBEAT, KEY_UPDATE, END_SESSION. */
import { END_SESSION_ACK, HEARTBEAT_ACK, KEY_OPERATION, KEY_UPDATE, KEY_UPDATE_ACK } from '../../messages/control.ts';
import type { SpdmVersion } from '../../messages/header.ts';
import type { Answer, Exchange, ResponderSession } from '../connection.ts';
import { Refusal } from '../refusal.ts';

/** All of these have the length of a header, and stand in a session: no transport pads them. */
function inSession({ session, request }: Exchange, size: number): ResponderSession {
  if (!session) throw new Refusal('UnexpectedRequest', 'there is no session');
  if (request.length !== size) throw new Refusal('InvalidRequest', `must have ${size} bytes, has ${request.length}`);
  return session;
}

/** HEARTBEAT_ACK. */
export const answerHeartbeat: Answer = (exchange) => {
  if (inSession(exchange, HEARTBEAT_ACK.size).heartbeatPeriod === 0) throw new Refusal('UnexpectedRequest', 'this session has no heartbeat');
  return HEARTBEAT_ACK.encode({ spdmVersion: exchange.connection.version as SpdmVersion });
};

/** Whether new keys wait for VerifyNewKey. */
export function keyUpdatePending({ keyUpdate }: ResponderSession): boolean {
  return keyUpdate !== undefined && keyUpdate.operation !== KEY_OPERATION.verifyNewKey;
}

/**
 * KEY_UPDATE_ACK. After UpdateKey and UpdateAllKeys both request keys open messages, until VerifyNewKey comes under the new one; the
 * acknowledgement of UpdateAllKeys is under the new response key already. A request that is sent again, with the same tag, is
 * acknowledged again and changes nothing.
 */
export const answerKeyUpdate: Answer = (exchange) => {
  const state = inSession(exchange, KEY_UPDATE.size);
  const { operation, tag } = KEY_UPDATE.decode(exchange.request);
  const { session, keyUpdate } = state;
  const response = KEY_UPDATE_ACK.encode({ spdmVersion: exchange.connection.version as SpdmVersion, operation, tag });
  const again = keyUpdate?.operation === operation && keyUpdate.tag === tag;
  switch (operation) {
    case KEY_OPERATION.updateKey:
    case KEY_OPERATION.updateAllKeys:
      if (again) return response;
      if (keyUpdatePending(state)) throw new Refusal('InvalidRequest', 'the keys before are not confirmed yet');
      session.request.prepareUpdate();
      if (operation === KEY_OPERATION.updateAllKeys) session.response.commitUpdate();
      state.keyUpdate = { operation, tag };
      return response;
    case KEY_OPERATION.verifyNewKey:
      if (again) return response;
      if (!keyUpdatePending(state)) throw new Refusal('InvalidRequest', 'there are no new keys');
      if (!session.request.newKeyUsed) throw new Refusal('InvalidRequest', 'must be under the new key');
      session.request.commitUpdate();
      state.keyUpdate = { operation, tag };
      return response;
    default:
      throw new Refusal('InvalidRequest', `there is no key operation ${operation}`);
  }
};

/** END_SESSION_ACK; then the session is over. */
export const answerEndSession: Answer = (exchange) => {
  const { session } = inSession(exchange, END_SESSION_ACK.size);
  exchange.afterwards.push(() => {
    session.end();
    exchange.sessions.delete(session.id);
  });
  return END_SESSION_ACK.encode({ spdmVersion: exchange.connection.version as SpdmVersion });
};
