/** Mutual authentication from the requester: it answers what the responder asks in the handshake, and signs FINISH. */
import { publicIdentity } from '../../../../emulator/link/spdm/requester/identity.ts';
import { fixedClock, seededWorld } from '../../../../emulator/world.ts';
import { signedData } from './chain.ts';
import type { Peer } from './peer.ts';
import { CAP, le, message, REQUEST, REQUESTER_FLAGS, RESPONSE } from './requests.ts';
import { hmac384, sha384 } from './session.ts';

/** A requester that can be asked who it is. */
export const MUTUAL_FLAGS = REQUESTER_FLAGS | CAP.MUT_AUTH;

// Keys and certificates are teemu's own: nothing of them decides whether a responder checks them.
const identity = publicIdentity(seededWorld('spdm rules, requester', fixedClock(Date.UTC(2026, 0, 1))));

/** The requester's chain as SPDM carries it: length, digest of the root, certificates. */
export const REQUESTER_CHAIN: Uint8Array = (() => {
  const certificates = Buffer.concat(identity.certificates);
  return Buffer.concat([le(certificates.length + 52, 4), sha384(identity.certificates[0] ?? new Uint8Array()), certificates]);
})();

/** What is asked of a requester: an id and a request. */
export interface Asked {
  readonly id: number;
  readonly request: Uint8Array;
}

/** The request in ENCAPSULATED_REQUEST or ENCAPSULATED_RESPONSE_ACK; undefined when there is no more. @throws {Error} for anything else */
export function askedIn(answer: Uint8Array | undefined): Asked | undefined {
  if (answer?.[1] === RESPONSE.ENCAPSULATED_REQUEST) return { id: answer[2] ?? 0, request: answer.subarray(4) };
  if (answer?.[1] !== RESPONSE.ENCAPSULATED_RESPONSE_ACK) throw new Error(`answered with ${Buffer.from(answer?.subarray(0, 4) ?? []).toString('hex')}`);
  return answer[3] === 1 ? { id: answer[2] ?? 0, request: answer.subarray(answer[0] === 0x11 ? 4 : 8) } : undefined;
}

/** Asks what is asked. */
export const getEncapsulated = ({ version }: Peer): Uint8Array => message(version, REQUEST.GET_ENCAPSULATED_REQUEST);

/** A response to what was asked. */
export const deliver = ({ version }: Peer, id: number, response: Uint8Array): Uint8Array => message(version, REQUEST.DELIVER_ENCAPSULATED_RESPONSE, id, 0, response);

/** The right answer to GET_DIGESTS or GET_CERTIFICATE, of whatever chain. */
export function respond({ version }: Peer, request: Uint8Array, chain: Uint8Array = REQUESTER_CHAIN): Uint8Array {
  if (request[1] === REQUEST.GET_DIGESTS) return message(version, RESPONSE.DIGESTS, 0, 1, sha384(chain));
  if (request[1] !== REQUEST.GET_CERTIFICATE) throw new Error(`asked 0x${request[1]?.toString(16)} of the requester`);
  const offset = Buffer.from(request).readUInt16LE(4);
  const portion = chain.subarray(offset, offset + Math.min(Buffer.from(request).readUInt16LE(6), 700));
  return message(version, RESPONSE.CERTIFICATE, 0, 0, le(portion.length, 2), le(chain.length - offset - portion.length, 2), portion);
}

/** Answers everything, until nothing more is asked. @returns how many requests there were */
export async function authenticate(peer: Peer, chain?: Uint8Array): Promise<number> {
  let count = 0;
  for (let asked = askedIn(await peer.sayIn(getEncapsulated(peer))); asked; count++) {
    asked = askedIn(await peer.sayIn(deliver(peer, asked.id, respond(peer, asked.request, chain))));
  }
  return count;
}

/** FINISH with signature and verify data; `change` is done to the signature before the verify data is made. */
export function signedFinish(peer: Peer, { chain = REQUESTER_CHAIN, change = (signature: Uint8Array) => signature, slot = 0 } = {}): { readonly request: Uint8Array; readonly transcript: Uint8Array } {
  const session = peer.open();
  const head = message(peer.version, REQUEST.FINISH, 1, slot);
  const before = Buffer.concat([session.transcript, sha384(chain), head]);
  const signature = change(identity.sign(signedData(peer.version, 'requester-finish signing', before)));
  const transcript = Buffer.concat([before, signature]);
  const verifyData = hmac384(session.request.finishedKey, sha384(transcript));
  return { request: Buffer.concat([head, signature, verifyData]), transcript: Buffer.concat([transcript, verifyData]) };
}
