/**
 * Worlds for cases. Each piece of evidence gets one of its own, so that what one case draws or revokes changes nothing in another; what costs
 * time, keys and signatures, is shared by all worlds of a seed. Signatures of a seeded world are deterministic, so that nobody can tell.
 */
import { createHash } from 'node:crypto';
import type { Curve, EcSigner, RsaSigner } from '../emulator/crypto/sign.ts';
import { fixedClock, seededWorld, World } from '../emulator/world.ts';

/** What makes a corpus: two of the same setting are byte for byte alike. */
export interface Setting {
  readonly seed: string;
  /** When the evidence is made, in milliseconds since 1970. */
  readonly at: number;
}

/** What the corpus is made with unless told otherwise: a time in the past, always the same one. */
export const CORPUS_SETTING: Setting = { seed: 'vectors', at: Date.UTC(2026, 5, 1) };

/** Signatures that are kept for each seed: some hundred bytes each. */
const KEPT_SIGNATURES = 8192;
/** Seeds whose keys are kept. */
const KEPT_SEEDS = 4;

/** The keys of a seed, and what they have signed. */
class Keyring {
  readonly world: World;
  readonly #ec = new Map<string, EcSigner>();
  readonly #rsa = new Map<string, RsaSigner>();
  readonly #signatures = new Map<string, Uint8Array>();

  constructor(seed: string) {
    // Keys know no time.
    this.world = seededWorld(seed, fixedClock(0));
  }

  ec(label: string, curve: Curve): EcSigner {
    const id = `${curve}/${label}`;
    const signer = this.#ec.get(id) ?? this.#remembering(`ec/${id}`, this.world.ecKey(label, curve));
    this.#ec.set(id, signer);
    return signer;
  }

  rsa(label: string): RsaSigner {
    const signer = this.#rsa.get(label) ?? this.#remembering(`rsa/${label}`, this.world.rsaKey(label));
    this.#rsa.set(label, signer);
    return signer;
  }

  #remembering<S extends EcSigner | RsaSigner>(id: string, signer: S): S {
    const sign = (message: Uint8Array): Uint8Array => {
      const name = `${id}/${createHash('sha256').update(message).digest('base64')}`;
      const known = this.#signatures.get(name);
      if (known) return known.slice();
      const signature = signer.sign(message);
      if (this.#signatures.size >= KEPT_SIGNATURES) this.#signatures.clear();
      this.#signatures.set(name, signature);
      return signature.slice();
    };
    return { ...signer, sign };
  }
}

const keyrings = new Map<string, Keyring>();

function keyringOf(seed: string): Keyring {
  const keyring = keyrings.get(seed) ?? new Keyring(seed);
  if (!keyrings.has(seed) && keyrings.size >= KEPT_SEEDS) keyrings.clear();
  keyrings.set(seed, keyring);
  return keyring;
}

class CaseWorld extends World {
  readonly #keyring: Keyring;

  constructor(keyring: Keyring, at: number) {
    super('seeded', keyring.world.derive('vectors/draws', 32), fixedClock(at), () => undefined);
    this.#keyring = keyring;
  }

  override derive(label: string, length: number): Uint8Array {
    return this.#keyring.world.derive(label, length);
  }

  override ecKey(label: string, curve: Curve): EcSigner {
    return this.#keyring.ec(label, curve);
  }

  override rsaKey(label: string): RsaSigner {
    return this.#keyring.rsa(label);
  }
}

/**
 * A world for one piece of evidence after the other, where making what they have in common, certificates above all, takes most of the time.
 * Whoever shares it takes back what a case did to those that it concerns.
 */
export class SharedWorld extends CaseWorld {
  #draws = new Map<string, number>();

  constructor({ seed, at }: Setting) {
    super(keyringOf(seed), at);
  }

  /** Nothing has been drawn from it yet, from here on. */
  restart(): void {
    this.#draws = new Map();
  }

  override random(label: string, length: number): Uint8Array {
    const draw = this.#draws.get(label) ?? 0;
    this.#draws.set(label, draw + 1);
    return this.derive(`vectors/random/${label}/${draw}`, length);
  }
}

/** A world with the keys of the setting's seed, at its time, from which nothing has been drawn yet. */
export function caseWorld({ seed, at }: Setting): World {
  return new CaseWorld(keyringOf(seed), at);
}
