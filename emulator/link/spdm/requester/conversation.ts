/** Requests and their responses, in the clear or in a session, with everything checked that is the same for all of them. */
import { ByteReader } from '../../../codec/stream.ts';
import type { TeemuError } from '../../../errors.ts';
import type { World } from '../../../world.ts';
import { codeName, ERROR, ERROR_CODE, errorName, MESSAGE_HEADER, RESPOND_IF_READY, RESPONSE, RESPONSE_NOT_READY } from '../messages/header.ts';
import type { Session } from '../session/session.ts';
import { SpdmError } from '../spdm-error.ts';
import type { SpdmLink } from './link.ts';

/** How often a requester asks again for an answer that is not ready. */
const MOST_ATTEMPTS = 8;

/** The end of a link that asks. */
export class Conversation {
  readonly world: World;
  readonly link: SpdmLink;

  constructor(world: World, link: SpdmLink) {
    this.world = world;
    this.link = link;
  }

  /**
   * Sends a request, and asks again while the answer is not ready.
   * @param session in which it is sent; none for the clear
   * @returns the response, of the version of the request and with the code that was wanted
   * @throws {SpdmError} spdm-peer-error, spdm-response, spdm-secured-message … @throws {CodecError} for a frame or an ERROR that is malformed
   */
  ask(request: Uint8Array, wanted: number, session?: Session): Uint8Array {
    const asked = new ByteReader(request, MESSAGE_HEADER.name).layout(MESSAGE_HEADER);
    let response = this.#exchange(request, session);
    for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt++) {
      const { code, spdmVersion } = new ByteReader(response, MESSAGE_HEADER.name).layout(MESSAGE_HEADER);
      if (code !== RESPONSE.ERROR) {
        if (code !== wanted || spdmVersion !== asked.spdmVersion) throw new SpdmError('spdm-response', `${codeName(asked.code)} is answered with ${codeName(code)} of version 0x${spdmVersion.toString(16)}`);
        return response;
      }
      const reader = new ByteReader(response, ERROR.name);
      const { errorCode } = reader.layout(ERROR);
      if (errorCode !== ERROR_CODE.ResponseNotReady) throw new SpdmError('spdm-peer-error', `${codeName(asked.code)} is answered with ${errorName(errorCode)}`, { errorCode });
      const { token } = reader.layout(RESPONSE_NOT_READY);
      response = this.#exchange(RESPOND_IF_READY.encode({ spdmVersion: asked.spdmVersion, requestCode: asked.code, token }), session);
    }
    throw new SpdmError('spdm-response', `${codeName(asked.code)} is never ready`);
  }

  #exchange(request: Uint8Array, session: Session | undefined): Uint8Array {
    const { binding } = this.link;
    const frame = session ? binding.frame('secured', session.seal('request', binding.sequenceLength, binding.application(request), this.#padding())) : binding.frame('message', request);
    const answer = this.link.exchange(frame);
    if (!answer) throw new SpdmError('spdm-response', 'there is no answer');
    const { kind, payload } = binding.unframe(answer);
    if (!session) {
      if (kind !== 'message') throw new SpdmError('spdm-response', 'a message in the clear is answered with something else');
      return payload;
    }
    // An ERROR outside of the session says that the responder does not have the session any more; anybody can send it.
    if (kind === 'message') throw this.#lost(payload);
    const inside = binding.inside(session.open('response', binding.sequenceLength, payload));
    if (inside.kind !== 'message') throw new SpdmError('spdm-response', 'an SPDM request is answered with something else');
    return inside.payload;
  }

  #lost(payload: Uint8Array): TeemuError {
    const { code, param1 } = new ByteReader(payload, MESSAGE_HEADER.name).layout(MESSAGE_HEADER);
    if (code !== RESPONSE.ERROR) return new SpdmError('spdm-response', 'a secured message is answered in the clear');
    return new SpdmError('spdm-peer-error', `the session is answered with ${errorName(param1)} in the clear`, { errorCode: param1 });
  }

  #padding(): Uint8Array {
    const { maxPadding } = this.link.binding;
    if (maxPadding === 0) return new Uint8Array(0);
    const [length = 0] = this.world.random('spdm/padding-length', 1);
    return this.world.random('spdm/padding', length % (maxPadding + 1));
  }
}
