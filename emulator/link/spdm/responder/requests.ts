/** Every request, as a row: what it needs, where it may come, who answers it. */
import type { RequesterFlags, ResponderFlags } from '../messages/capabilities.ts';
import { REQUEST } from '../messages/header.ts';
import { answerCertificate, answerDigests } from './answers/certificates.ts';
import { answerChallenge } from './answers/challenge.ts';
import { answerEndSession, answerHeartbeat, answerKeyUpdate } from './answers/control.ts';
import { answerDeliver, answerGetEncapsulated } from './answers/encapsulation.ts';
import { answerFinish, answerKeyExchange } from './answers/key-exchange.ts';
import { answerMeasurements } from './answers/measurements.ts';
import { answerAlgorithms, answerCapabilities } from './answers/negotiation.ts';
import type { Answer } from './connection.ts';

/** Where a request may come. */
export type Place = 'clear' | 'handshake' | 'application';

/** One request but GET_VERSION and RESPOND_IF_READY, which the responder answers itself. */
export interface RequestRow {
  readonly answer: Answer;
  /** Where it may come. `handshake` stands for the clear too, when the handshake is in the clear. */
  readonly places: readonly Place[];
  /** Flags that the responder must have; the requester too, where it has such a flag and `both` is set. */
  readonly needs: readonly (keyof ResponderFlags & string)[];
  readonly both: boolean;
  /** Whether the algorithms must be negotiated. */
  readonly negotiated: boolean;
  /** Whether it ends what M1/M2 collects, when no CHALLENGE was answered yet. */
  readonly endsChallenge: boolean;
}

const CLEAR: readonly Place[] = ['clear'];
const ANYWHERE: readonly Place[] = ['clear', 'application'];
const SESSION: readonly Place[] = ['application'];
const HANDSHAKE: readonly Place[] = ['handshake'];

const row = (answer: Answer, places: readonly Place[], needs: RequestRow['needs'], { both = false, negotiated = true, endsChallenge = false } = {}): RequestRow => ({
  answer,
  places,
  needs,
  both,
  negotiated,
  endsChallenge,
});
const inSession = { both: true, endsChallenge: true };

/** Code → row. */
export const REQUESTS: ReadonlyMap<number, RequestRow> = new Map([
  [REQUEST.GET_CAPABILITIES, row(answerCapabilities, CLEAR, [], { negotiated: false })],
  [REQUEST.NEGOTIATE_ALGORITHMS, row(answerAlgorithms, CLEAR, [], { negotiated: false })],
  [REQUEST.GET_DIGESTS, row(answerDigests, ANYWHERE, ['cert'])],
  [REQUEST.GET_CERTIFICATE, row(answerCertificate, ANYWHERE, ['cert'])],
  [REQUEST.CHALLENGE, row(answerChallenge, CLEAR, ['chal'])],
  [REQUEST.GET_MEASUREMENTS, row(answerMeasurements, ANYWHERE, ['meas'], { endsChallenge: true })],
  [REQUEST.KEY_EXCHANGE, row(answerKeyExchange, CLEAR, ['keyEx', 'encrypt', 'mac'], inSession)],
  [REQUEST.FINISH, row(answerFinish, HANDSHAKE, ['keyEx'], inSession)],
  [REQUEST.GET_ENCAPSULATED_REQUEST, row(answerGetEncapsulated, HANDSHAKE, ['encap'], inSession)],
  [REQUEST.DELIVER_ENCAPSULATED_RESPONSE, row(answerDeliver, HANDSHAKE, ['encap'], inSession)],
  [REQUEST.HEARTBEAT, row(answerHeartbeat, SESSION, ['hbeat'], inSession)],
  [REQUEST.KEY_UPDATE, row(answerKeyUpdate, SESSION, ['keyUpd'], inSession)],
  [REQUEST.END_SESSION, row(answerEndSession, SESSION, ['keyEx'], inSession)],
]);

/** Whether both ends can do what a request needs. */
export function capable({ needs, both }: RequestRow, responder: ResponderFlags, requester: RequesterFlags): boolean {
  return needs.every((flag) => (responder[flag] ?? 0) !== 0 && (!both || (requester[flag as keyof RequesterFlags] ?? 0) !== 0));
}
