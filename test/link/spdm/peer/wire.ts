/** Transports between the tests' requester and a responder: MCTP and DOE framing around messages. */
import type { Carried, Wire } from './peer.ts';
import { le } from './requests.ts';
import { type Binding, MCTP } from './session.ts';

const MCTP_SPDM = 5;
const MCTP_SECURED = 6;
const DOE_SPDM = 1;
const DOE_SECURED = 2;

/** A message as its transport carries it. */
export function frame(binding: Binding, { secured, bytes }: Carried): Uint8Array {
  if (binding === MCTP) return Buffer.concat([Uint8Array.of(secured ? MCTP_SECURED : MCTP_SPDM), bytes]);
  const padded = Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
  return Buffer.concat([Uint8Array.of(1, 0, secured ? DOE_SECURED : DOE_SPDM, 0), le(padded.length / 4 + 2, 4), padded]);
}

/** The reverse of {@link frame}. @throws {Error} for what that transport does not carry */
export function unframe(binding: Binding, frame: Uint8Array): Carried {
  const bytes = Buffer.from(frame);
  if (binding === MCTP) {
    if (bytes[0] !== MCTP_SPDM && bytes[0] !== MCTP_SECURED) throw new Error(`MCTP message type ${bytes[0]}`);
    return { secured: bytes[0] === MCTP_SECURED, bytes: new Uint8Array(bytes.subarray(1)) };
  }
  const type = bytes[2];
  if (bytes.readUInt16LE(0) !== 1 || (type !== DOE_SPDM && type !== DOE_SECURED)) throw new Error(`data object ${bytes.subarray(0, 4).toString('hex')}`);
  if (bytes.readUInt32LE(4) * 4 !== bytes.length) throw new Error(`data object of ${bytes.length} bytes says ${bytes.readUInt32LE(4)} dwords`);
  return { secured: type === DOE_SECURED, bytes: new Uint8Array(bytes.subarray(8)) };
}

/** A wire over a function that takes a frame and gives a frame, or nothing. */
export function wireOver(binding: Binding, exchange: (frame: Uint8Array) => Promise<Uint8Array | undefined> | Uint8Array | undefined): Wire {
  return {
    binding,
    send: async (message) => {
      const answer = await exchange(frame(binding, message));
      return answer === undefined ? undefined : unframe(binding, answer);
    },
  };
}
