/** What a message says its own length is: DOE pads to a dword, and neither transcripts nor signatures know the padding. */
import { RESPONSE } from './requests.ts';

const HASH_SIZE = 48;
const NONCE_SIZE = 32;
const SIGNATURE_SIZE = 96;

/** What only the request tells about the response. */
interface Asked {
  readonly signed?: boolean;
  readonly summary?: boolean;
}

const bitsOf = (mask: number): number => [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => (mask >> bit) & 1).length;

/** Length of a response by its code; a code that is missing here has no length to go by. */
const LENGTHS: Readonly<Record<number, (answer: Buffer, asked: Asked) => number>> = {
  [RESPONSE.VERSION]: (answer) => 6 + 2 * (answer[5] ?? 0),
  [RESPONSE.CAPABILITIES]: (answer) => ((answer[0] ?? 0) >= 0x12 ? 20 : 12),
  [RESPONSE.ALGORITHMS]: (answer) => answer.readUInt16LE(4),
  [RESPONSE.DIGESTS]: (answer) => 4 + HASH_SIZE * bitsOf(answer[3] ?? 0),
  [RESPONSE.CERTIFICATE]: (answer) => 8 + answer.readUInt16LE(4),
  [RESPONSE.CHALLENGE_AUTH]: (answer, { summary }) => withOpaque(answer, 4 + HASH_SIZE + NONCE_SIZE + (summary ? HASH_SIZE : 0), SIGNATURE_SIZE),
  [RESPONSE.MEASUREMENTS]: (answer, { signed }) => withOpaque(answer, 8 + answer.readUIntLE(5, 3) + NONCE_SIZE, signed ? SIGNATURE_SIZE : 0),
  [RESPONSE.HEARTBEAT_ACK]: () => 4,
  [RESPONSE.KEY_UPDATE_ACK]: () => 4,
  [RESPONSE.END_SESSION_ACK]: () => 4,
};

const withOpaque = (answer: Buffer, at: number, after: number): number => at + 2 + answer.readUInt16LE(at) + after;

/** A response without padding. @throws {RangeError} when it ends before it says so */
export function trimmed(answer: Uint8Array, asked: Asked = {}): Uint8Array {
  const length = LENGTHS[answer[1] ?? 0]?.(Buffer.from(answer), asked) ?? answer.length;
  if (length > answer.length) throw new RangeError(`response 0x${answer[1]?.toString(16)} has ${answer.length} bytes, but says ${length}`);
  return answer.subarray(0, length);
}
