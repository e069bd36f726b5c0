/**
 * The World: the only source of time, randomness and keys. Everything emulated is handed one; the same seed and clock give the same
 * bytes on any machine.
 */
import { createHmac, createPrivateKey, generateKeyPair, hkdfSync, type KeyObject, randomBytes } from 'node:crypto';
import { refuseGenuine } from './crypto/genuine.ts';
import { type Curve, CURVES, type EcSigner, ecSigner, type RsaSigner, rsaSigner, scalarFromSeed } from './crypto/sign.ts';
import { PUBLIC_RSA_KEYS } from './crypto/public-rsa-keys.ts';
import { ConfigError, TeemuError } from './errors.ts';
import { amdRsaLabels } from './snp/platform/products.ts';

/** Latest time of a World, in milliseconds since 1970: lifetimes of 25 years that begin then still end before the year 10000, which no certificate can name. */
export const LATEST_TIME = Date.UTC(9970, 0, 1);

/**
 * A time as people write it: `2026-03-01`, `2026-03-01T12:00:00Z`, `2026-03-01T12:00:00+01:00`, `1772366400`. UTC unless it says otherwise, so that
 * the same text is the same time on any machine.
 * @returns milliseconds since 1970, or undefined for a text that is no time from 1970 to {@link LATEST_TIME}
 */
export function parseTime(text: string): number | undefined {
  // Somebody who writes 2026 means the year, not half an hour after midnight in 1970.
  if (/^(19|2\d)\d\d$/.test(text)) return undefined;
  if (/^\d{1,12}$/.test(text)) return worldTime(Number(text) * 1000);
  const match = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(:\d{2}(?:\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})?)?$/i.exec(text);
  if (!match) return undefined;
  const [, day = '', minutes = '00:00', seconds = ':00', zone = 'Z'] = match;
  const midnight = Date.parse(`${day}T00:00:00Z`);
  // Date.parse takes the 30th of February for the 2nd of March.
  if (!Number.isFinite(midnight) || new Date(midnight).toISOString().slice(0, 10) !== day) return undefined;
  return worldTime(Date.parse(`${day}T${minutes}${seconds}${zone.toUpperCase()}`));
}

/** The time, if a World can have it. @param at milliseconds since 1970 */
export function worldTime(at: number): number | undefined {
  return at >= 0 && at <= LATEST_TIME ? at : undefined;
}

function requireWorldTime(at: number): void {
  if (worldTime(at) === undefined) throw new RangeError(`${at} is no time from 1970 to ${LATEST_TIME} (milliseconds)`);
}

/** Where a World takes the time from. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
}

/** A clock that stands still. @param at milliseconds since 1970 */
export function fixedClock(at: number): Clock {
  return { now: () => at };
}

/** The machine's own clock. */
export function systemClock(): Clock {
  return { now: () => Date.now() };
}

/** Starts to count. @returns milliseconds since then, with fractions, by a clock that nobody sets */
export function stopwatch(): () => number {
  const start = performance.now();
  return () => performance.now() - start;
}

/** A clock that can be set, stopped and let run; what the control port of `teemu serve` turns. */
export class AdjustableClock implements Clock {
  #base: Clock;
  #offset = 0;

  constructor(base: Clock = systemClock()) {
    this.#base = base;
  }

  now(): number {
    return this.#base.now() + this.#offset;
  }

  /** Sets the time. @param at milliseconds since 1970 @param running go on from there, or stand still @throws {RangeError} outside 1970 to {@link LATEST_TIME} */
  set(at: number, running: boolean): void {
    requireWorldTime(at);
    this.#base = running ? systemClock() : fixedClock(at);
    this.#offset = at - this.#base.now();
  }

  /** Moves the time by `milliseconds`, back if negative. @throws {RangeError} when that leads outside 1970 to {@link LATEST_TIME} */
  advance(milliseconds: number): void {
    requireWorldTime(this.now() + milliseconds);
    this.#offset += milliseconds;
  }
}

/** One line of a World's log. */
export interface LogEntry {
  readonly at: number;
  readonly message: string;
}

/** RSA keys of a World, by label. */
export type RsaKeys = (label: string) => KeyObject | undefined;

const CACHED_KEYS = 4096;
const LOG_LINES = 1000;
const LOG_LINE_LENGTH = 4096;

/** One closed set of keys and one clock. Make it with {@link seededWorld}, or open a private one with `openPrivateWorld`. */
export class World {
  /** `seeded`: everybody who knows the seed has these keys. `private`: the keys were made on this machine. */
  readonly kind: 'seeded' | 'private';
  readonly clock: Clock;
  readonly log: LogEntry[] = [];
  readonly #secret: Uint8Array;
  readonly #rsaKeys: RsaKeys;
  readonly #signers = new Map<string, EcSigner>();
  readonly #rsaSigners = new Map<string, RsaSigner>();
  readonly #draws = new Map<string, number>();

  /** @param secret 32 bytes from which every key but the RSA ones is derived */
  constructor(kind: 'seeded' | 'private', secret: Uint8Array, clock: Clock, rsaKeys: RsaKeys) {
    if (secret.length !== 32) throw new RangeError(`a world's secret is 32 bytes, not ${secret.length}`);
    this.kind = kind;
    this.clock = clock;
    this.#secret = secret;
    this.#rsaKeys = rsaKeys;
  }

  /** Milliseconds since 1970. */
  now(): number {
    return this.clock.now();
  }

  /** `length` secret bytes that are the same each time for the same label (HKDF-SHA-256). */
  derive(label: string, length: number): Uint8Array {
    return new Uint8Array(hkdfSync('sha256', this.#secret, 'teemu/derive', label, length));
  }

  /**
   * `length` fresh bytes: another answer each time. A private world asks the operating system; a seeded world counts the draws per label,
   * so the n-th draw is the same on any machine.
   */
  random(label: string, length: number): Uint8Array {
    if (this.kind === 'private') return new Uint8Array(randomBytes(length));
    const draw = this.#draws.get(label) ?? 0;
    this.#draws.set(label, draw + 1);
    return new Uint8Array(hkdfSync('sha256', this.#secret, 'teemu/random', `${label}\0${draw}`, length));
  }

  /** The signer of that label, always the same. In a seeded world its signatures are deterministic (RFC 6979) too. */
  ecKey(label: string, curve: Curve): EcSigner {
    const id = `${curve}/${label}`;
    const cached = this.#signers.get(id);
    if (cached) return cached;
    const signer = ecSigner(curve, scalarFromSeed(curve, this.derive(`key/${id}`, CURVES[curve].seedBytes)), this.kind === 'seeded');
    // Millions of chips may ask for keys; they are derived again when needed, so the cache is simply bounded.
    if (this.#signers.size >= CACHED_KEYS) this.#signers.clear();
    this.#signers.set(id, signer);
    return signer;
  }

  /**
   * The RSA-4096 signer of that label.
   * @throws {TeemuError} ERR_CONFIG when this world has no such key, ERR_KEY_NOT_TEST when somebody put a vendor's genuine key there
   */
  rsaKey(label: string): RsaSigner {
    const cached = this.#rsaSigners.get(label);
    if (cached) return cached;
    const key = this.#rsaKeys(label);
    if (!key) throw new ConfigError(label, 'this world has no RSA key of that name');
    const signer = rsaSigner(key);
    refuseGenuine(signer.spki);
    this.#rsaSigners.set(label, signer);
    return signer;
  }

  /**
   * Makes `key` the RSA signer of that label from now on.
   * @param certificateKey DER SubjectPublicKeyInfo of the certificate that it is meant to stand for, if there is one
   * @throws {TeemuError} ERR_KEY_NOT_TEST when the key or the certificate is a vendor's, or when they do not belong together
   */
  adopt(label: string, key: KeyObject, certificateKey?: Uint8Array): void {
    if (certificateKey) refuseGenuine(certificateKey);
    const signer = rsaSigner(key);
    refuseGenuine(signer.spki);
    if (certificateKey && !Buffer.from(certificateKey).equals(signer.spki)) throw new TeemuError('ERR_KEY_NOT_TEST', `${label}: the private key is not that of the certificate`);
    this.#rsaSigners.set(label, signer);
  }

  /** A keyed tag over `data` (HMAC-SHA-256 under a key derived from `label`), for what only this world can have made. */
  tag(label: string, data: Uint8Array): Uint8Array {
    return new Uint8Array(
      createHmac('sha256', this.derive(`tag/${label}`, 32))
        .update(data)
        .digest(),
    );
  }

  /** Writes a line into the log; the newest thousand are kept, the first 4096 characters of each. */
  note(message: string): void {
    if (this.log.length >= LOG_LINES) this.log.shift();
    this.log.push({ at: this.now(), message: message.slice(0, LOG_LINE_LENGTH) });
  }
}

/**
 * The reproducible world of a seed. Its RSA keys come from a pool that ships with teemu, everything else is derived from the seed: whoever
 * knows the seed has every key, so such evidence proves nothing to anybody.
 * @param rsaLabels the RSA keys that it has, in the order in which they are drawn from the pool: those of AMD's authorities unless given
 * @throws {RangeError} for more labels than the pool has keys
 */
export function seededWorld(seed: string, clock: Clock, rsaLabels: readonly string[] = amdRsaLabels()): World {
  if (rsaLabels.length > PUBLIC_RSA_KEYS.length) throw new RangeError(`a seeded world has up to ${PUBLIC_RSA_KEYS.length} RSA keys, not ${rsaLabels.length}`);
  const secret = new Uint8Array(hkdfSync('sha256', Buffer.from(seed, 'utf8'), 'teemu/seed', '', 32));
  let drawn: ReadonlyMap<string, number> | undefined;
  return new World('seeded', secret, clock, (label) => {
    drawn ??= drawFromPool(secret, rsaLabels);
    const der = PUBLIC_RSA_KEYS[drawn.get(label) ?? -1];
    return der === undefined ? undefined : createPrivateKey({ key: Buffer.from(der, 'base64'), format: 'der', type: 'pkcs1' });
  });
}

/** Which key of the pool each label gets: a shuffle by the seed, so that no two labels of a world share a key. */
function drawFromPool(secret: Uint8Array, labels: readonly string[]): Map<string, number> {
  const rank = (i: number): string => createHmac('sha256', secret).update(`pool/${i}`).digest('hex');
  const order = PUBLIC_RSA_KEYS.map((_, i) => i).sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
  return new Map(labels.map((label, i) => [label, order[i] ?? -1]));
}

/** 32 bytes from the operating system, for a private world's secret. */
export function freshSecret(): Uint8Array {
  return new Uint8Array(randomBytes(32));
}

/** Every RSA key of a world has so many bits and this exponent, as AMD's have. */
export const RSA_BITS = 4096;
export const RSA_EXPONENT = 65537;

/** Makes an RSA-4096 key off the main thread: seconds of work on one core. */
export function makeRsaKey(): Promise<KeyObject> {
  return new Promise((resolve, reject) => {
    generateKeyPair('rsa', { modulusLength: RSA_BITS, publicExponent: RSA_EXPONENT }, (error, _, privateKey) =>
      error ? reject(new TeemuError('ERR_CONFIG', `no RSA key could be made: ${error.message}`)) : resolve(privateKey),
    );
  });
}
