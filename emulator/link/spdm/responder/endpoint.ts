/** A responder at a transport: frames in, frames out. */
import { TeemuError } from '../../../errors.ts';
import { recordSessionId } from '../session/secured-message.ts';
import type { Session } from '../session/session.ts';
import type { Binding } from '../transport/binding.ts';
import { answerDiscovery } from '../transport/doe.ts';
import { Refusal } from './refusal.ts';
import type { Responder } from './responder.ts';

/**
 * Answers what comes in a session and is no SPDM: over MCTP messages of other types, the type in front.
 * @returns the answer in the same form; undefined when there is none
 */
export type ApplicationAnswer = (message: Uint8Array, sessionId: number) => Uint8Array | undefined;

/** One responder at one transport. */
export class ResponderEndpoint {
  readonly responder: Responder;
  readonly binding: Binding;
  readonly #application: ApplicationAnswer;

  /** @param application what answers other protocols in a session; without it, they are dropped */
  constructor(responder: Responder, binding: Binding, application: ApplicationAnswer = () => undefined) {
    this.responder = responder;
    this.binding = binding;
    this.#application = application;
  }

  /**
   * Answers a frame.
   * @returns undefined for a frame that is dropped: one that the transport does not know
   */
  handleFrame(frame: Uint8Array): Uint8Array | undefined {
    try {
      const { kind, payload } = this.binding.unframe(frame);
      if (kind === 'discovery') return this.binding.frame('discovery', answerDiscovery(payload));
      return kind === 'message' ? this.binding.frame('message', this.responder.handle(payload)) : this.#handleRecord(payload);
    } catch (error) {
      if (!(error instanceof TeemuError)) throw error;
      this.responder.world.note(`spdm: frame dropped: ${error.message}`);
      return undefined;
    }
  }

  /** A record that does not open ends its session; the requester is told inside it. */
  #handleRecord(record: Uint8Array): Uint8Array | undefined {
    const session = this.responder.session(recordSessionId(record));
    if (!session) return this.#refuse(new Refusal('InvalidSession', 'there is no such session'));
    let opened: ReturnType<Binding['inside']>;
    try {
      opened = this.binding.inside(session.open('request', this.binding.sequenceLength, record));
    } catch (error) {
      if (!(error instanceof TeemuError)) throw error;
      this.responder.world.note(`spdm: session 0x${session.id.toString(16)}: ${error.message}`);
      const frame = this.#seal(session, this.binding.application(this.responder.refusal(new Refusal('DecryptError', error.message))));
      this.responder.drop(session.id);
      return frame;
    }
    if (opened.kind === 'other') {
      const answer = session.phase === 'application' && this.responder.touch(session.id) ? this.#application(opened.payload, session.id) : undefined;
      return answer && this.#seal(session, answer);
    }
    const { response, sent } = this.responder.answer(opened.payload, session.id);
    const frame = this.#seal(session, this.binding.application(response));
    sent();
    return frame;
  }

  #refuse(refusal: Refusal): Uint8Array {
    return this.binding.frame('message', this.responder.refusal(refusal));
  }

  /** When no sequence number is left, the session is over, and that is said outside of it. */
  #seal(session: Session, application: Uint8Array): Uint8Array {
    const { binding } = this;
    try {
      return binding.frame('secured', session.seal('response', binding.sequenceLength, application, this.#padding()));
    } catch (error) {
      if (!(error instanceof TeemuError)) throw error;
      this.responder.drop(session.id);
      return this.#refuse(new Refusal('DecryptError', error.message));
    }
  }

  #padding(): Uint8Array {
    const { maxPadding } = this.binding;
    const { world } = this.responder;
    if (maxPadding === 0) return new Uint8Array(0);
    const [length = 0] = world.random('spdm/padding-length', 1);
    return world.random('spdm/padding', length % (maxPadding + 1));
  }
}
