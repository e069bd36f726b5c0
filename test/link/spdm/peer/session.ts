/** A secured session seen from the requester, with `node:crypto` alone: DSP0274 key schedule, DSP0277 secured messages. */
import { createCipheriv, createDecipheriv, createHash, createHmac } from 'node:crypto';
import { le, type Version } from './requests.ts';

const HASH = 'sha384';
const ZEROS = Buffer.alloc(48);
const TAG = 16;

export const sha384 = (...parts: readonly Uint8Array[]): Uint8Array => parts.reduce((hash, part) => hash.update(part), createHash(HASH)).digest();
export const hmac384 = (key: Uint8Array, data: Uint8Array): Uint8Array => createHmac(HASH, key).update(data).digest();

/** How a transport carries secured messages (DSP0275/DSP0276 over MCTP, PCIe DOE). */
export interface Binding {
  readonly name: 'MCTP' | 'DOE';
  /** Bytes of the sequence number on the wire. */
  readonly sequenceBytes: 0 | 2;
  /** What stands before the message inside the ciphertext. */
  readonly prefix: readonly number[];
}

export const MCTP: Binding = { name: 'MCTP', sequenceBytes: 2, prefix: [5] };
export const DOE: Binding = { name: 'DOE', sequenceBytes: 0, prefix: [] };

/** HKDF-Expand with the specification's BinConcat: length, version label, label, context. */
export function expand(version: Version, secret: Uint8Array, label: string, length: number, context: Uint8Array = new Uint8Array()): Uint8Array {
  const info = Buffer.concat([le(length, 2), Buffer.from(`spdm1.${version & 0xf} ${label}`), context]);
  let block: Uint8Array = new Uint8Array();
  let out: Uint8Array = new Uint8Array();
  for (let i = 1; out.length < length; i++) {
    block = hmac384(secret, Buffer.concat([block, info, Uint8Array.of(i)]));
    out = Buffer.concat([out, block]);
  }
  return out.subarray(0, length);
}

/** One direction's key, with its sequence number. */
class Direction {
  readonly version: Version;
  secret: Uint8Array;
  sequence = 0n;

  constructor(version: Version, secret: Uint8Array) {
    this.version = version;
    this.secret = secret;
  }

  update(): void {
    this.secret = expand(this.version, this.secret, 'traffic upd', 48);
    this.sequence = 0n;
  }

  get key(): Uint8Array {
    return expand(this.version, this.secret, 'key', 32);
  }

  /** The salt with the next sequence number in its first eight bytes. */
  nonce(sequence = this.sequence): Uint8Array {
    const iv = Buffer.from(expand(this.version, this.secret, 'iv', 12));
    iv.writeBigUInt64LE(iv.readBigUInt64LE(0) ^ sequence, 0);
    return iv;
  }

  get finishedKey(): Uint8Array {
    return expand(this.version, this.secret, 'finished', 48);
  }
}

/** A session: handshake keys at first, data keys after {@link Session.establish}. */
export class Session {
  readonly version: Version;
  readonly binding: Binding;
  readonly id: number;
  /** Everything up to and with KEY_EXCHANGE_RSP, then FINISH. */
  transcript: Uint8Array;
  request: Direction;
  response: Direction;
  private readonly handshakeSecret: Uint8Array;

  /** @param shared the X coordinate @param th1 transcript with the signature, without verify data */
  constructor(version: Version, binding: Binding, id: number, shared: Uint8Array, th1: Uint8Array) {
    this.version = version;
    this.binding = binding;
    this.id = id;
    this.handshakeSecret = hmac384(ZEROS, shared);
    const context = sha384(th1);
    this.request = new Direction(version, expand(version, this.handshakeSecret, 'req hs data', 48, context));
    this.response = new Direction(version, expand(version, this.handshakeSecret, 'rsp hs data', 48, context));
    this.transcript = th1;
  }

  /** Goes to the data keys. @param th2 transcript with FINISH and FINISH_RSP */
  establish(th2: Uint8Array): void {
    const master = hmac384(expand(this.version, this.handshakeSecret, 'derived', 48), ZEROS);
    const context = sha384(th2);
    this.request = new Direction(this.version, expand(this.version, master, 'req app data', 48, context));
    this.response = new Direction(this.version, expand(this.version, master, 'rsp app data', 48, context));
  }

  /** Session id, sequence number where the transport carries it, and length: the additional data too. */
  private head(sequence: bigint, length: number): Uint8Array {
    return Buffer.concat([le(this.id, 4), ...(this.binding.sequenceBytes === 2 ? [le(Number(sequence & 0xffffn), 2)] : []), le(length, 2)]);
  }

  /** Seals a message as the next of the request direction. */
  seal(message: Uint8Array): Uint8Array {
    const app = Buffer.concat([Uint8Array.from(this.binding.prefix), message]);
    const plaintext = Buffer.concat([le(app.length, 2), app]);
    const head = this.head(this.request.sequence, plaintext.length + TAG);
    const cipher = createCipheriv('aes-256-gcm', this.request.key, this.request.nonce()).setAAD(head);
    this.request.sequence++;
    return Buffer.concat([head, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  }

  /** Opens the next message of the response direction. @throws {Error} when it is not that */
  open(record: Uint8Array): Uint8Array {
    const bytes = Buffer.from(record);
    const at = 4 + this.binding.sequenceBytes;
    const length = bytes.readUInt16LE(at);
    const head = this.head(this.response.sequence, length);
    if (!head.every((byte, i) => byte === bytes[i])) throw new Error(`secured message begins ${bytes.subarray(0, head.length).toString('hex')}, not ${Buffer.from(head).toString('hex')}`);
    // DOE pads to a dword, which is no part of the message.
    const sealed = bytes.subarray(head.length, head.length + length);
    const decipher = createDecipheriv('aes-256-gcm', this.response.key, this.response.nonce()).setAAD(head).setAuthTag(sealed.subarray(-TAG));
    const plaintext = Buffer.concat([decipher.update(sealed.subarray(0, -TAG)), decipher.final()]);
    this.response.sequence++;
    const prefix = this.binding.prefix.length;
    return new Uint8Array(plaintext.subarray(2 + prefix, 2 + plaintext.readUInt16LE(0)));
  }
}
