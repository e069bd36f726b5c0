/**
 * From the shared secret of a key exchange to every key of a session.
 *
 * Source: DMTF DSP0274 1.1 and 1.2, "Session key derivation"; HKDF is RFC 5869 with SHA-384.
 */
import { createHmac } from 'node:crypto';
import { joined, u16Bytes } from '../bytes.ts';
import { HASH_SIZE } from '../messages/algorithms.ts';
import type { SpdmVersion } from '../messages/header.ts';

/** Length in bytes of an AES-256 key and of a GCM initialisation vector. */
const KEY_SIZE = 32;
const IV_SIZE = 12;
const ZEROS = new Uint8Array(HASH_SIZE);

/** HMAC-SHA-384. */
export function hmac(key: Uint8Array, data: Uint8Array): Uint8Array {
  return new Uint8Array(createHmac('sha384', key).update(data).digest());
}

const PREFIX = { 17: 'spdm1.1 ', 18: 'spdm1.2 ' } as const;

/** HKDF-Expand of at most one block, with the `BinConcat` of the specification as its info: length, version, label, context. */
function expand(version: SpdmVersion, secret: Uint8Array, label: string, length: number, context: Uint8Array = new Uint8Array(0)): Uint8Array {
  return hmac(secret, joined([u16Bytes(length), Buffer.from(PREFIX[version] + label, 'latin1'), context, Uint8Array.of(1)])).subarray(0, length);
}

/** Key and initialisation vector that a traffic secret gives. */
export interface TrafficKey {
  /** 32 bytes. */
  readonly key: Uint8Array;
  /** 12 bytes; the sequence number goes on top of it. */
  readonly iv: Uint8Array;
}

/** Key and IV of a direction's secret. */
export function trafficKey(version: SpdmVersion, secret: Uint8Array): TrafficKey {
  return { key: expand(version, secret, 'key', KEY_SIZE), iv: expand(version, secret, 'iv', IV_SIZE) };
}

/** The secret that follows on a direction's secret after KEY_UPDATE. */
export function updatedSecret(version: SpdmVersion, secret: Uint8Array): Uint8Array {
  return expand(version, secret, 'traffic upd', HASH_SIZE);
}

/** Secrets of a handshake: 48 bytes each. */
export interface HandshakeSecrets {
  readonly handshakeSecret: Uint8Array;
  readonly request: Uint8Array;
  readonly response: Uint8Array;
  /** Keys of the verify data. */
  readonly requestFinished: Uint8Array;
  readonly responseFinished: Uint8Array;
}

/** @param shared X coordinate of the shared point, 48 bytes @param th1 hash of the transcript up to the signature of KEY_EXCHANGE_RSP */
export function handshakeSecrets(version: SpdmVersion, shared: Uint8Array, th1: Uint8Array): HandshakeSecrets {
  const handshakeSecret = hmac(ZEROS, shared);
  const request = expand(version, handshakeSecret, 'req hs data', HASH_SIZE, th1);
  const response = expand(version, handshakeSecret, 'rsp hs data', HASH_SIZE, th1);
  const finished = (secret: Uint8Array): Uint8Array => expand(version, secret, 'finished', HASH_SIZE);
  return { handshakeSecret, request, response, requestFinished: finished(request), responseFinished: finished(response) };
}

/** Secrets of a session that is set up: 48 bytes each. */
export interface SessionSecrets {
  readonly masterSecret: Uint8Array;
  readonly request: Uint8Array;
  readonly response: Uint8Array;
  readonly exportMasterSecret: Uint8Array;
}

/** @param handshakeSecret of {@link handshakeSecrets} @param th2 hash of the transcript up to FINISH_RSP */
export function sessionSecrets(version: SpdmVersion, handshakeSecret: Uint8Array, th2: Uint8Array): SessionSecrets {
  const masterSecret = hmac(expand(version, handshakeSecret, 'derived', HASH_SIZE), ZEROS);
  return {
    masterSecret,
    request: expand(version, masterSecret, 'req app data', HASH_SIZE, th2),
    response: expand(version, masterSecret, 'rsp app data', HASH_SIZE, th2),
    exportMasterSecret: expand(version, masterSecret, 'exp master', HASH_SIZE, th2),
  };
}
