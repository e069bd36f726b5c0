/** The way to a responder, seen by a requester: frames out, frames in. Whoever stands between may do to them what he likes. */
import type { ResponderEndpoint } from '../responder/endpoint.ts';
import type { Binding } from '../transport/binding.ts';

/** A link. */
export interface SpdmLink {
  readonly binding: Binding;
  /** Sends a frame. @returns the answer; undefined when there is none */
  exchange(frame: Uint8Array): Uint8Array | undefined;
}

/** The link to a responder in the same process. */
export function directLink(endpoint: ResponderEndpoint): SpdmLink {
  return { binding: endpoint.binding, exchange: (frame) => endpoint.handleFrame(frame) };
}
