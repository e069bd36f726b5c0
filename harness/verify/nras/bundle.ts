/** An answer of the attestation service as a bundle holds it: which file is what. */
import type { Bundle } from '../../../emulator/bundle.ts';
import { ConfigError } from '../../../emulator/errors.ts';
import { pemBlocks } from '../../../emulator/pki/read.ts';
import { type NrasExpectations, type NrasVerdict, verifyNras } from '../nras.ts';
import { Appraisal, judge } from '../verdict.ts';
import { rootCertificates } from '../x509.ts';
import { NRAS_PASSES, NRAS_REASONS } from './reasons.ts';

/** What a relying party expects of a bundle. */
export interface NrasBundleWishes extends Omit<NrasExpectations, 'anchors' | 'now' | 'nonce'> {
  /** 32 bytes. */
  readonly nonce?: Uint8Array | readonly Uint8Array[];
  /** Roots that are trusted, each a certificate in DER or PEM; the bundle's own if left out. */
  readonly roots?: readonly (Uint8Array | string)[];
  /** Milliseconds since 1970; the time that the bundle names if left out. */
  readonly now?: number;
}

/** Everything that a relying party can expect of a bundle but whom it trusts and when. */
export const NRAS_BUNDLE_WISHES: Readonly<Record<Exclude<keyof NrasBundleWishes, 'roots' | 'now'>, true>> = {
  nonce: true,
  issuer: true,
  deviceCount: true,
  hardwareModels: true,
  allowDebug: true,
  allowHold: true,
  skew: true,
  maximumAge: true,
};

const TOKENS = 'token.json';
const KEYS = 'jwks.json';
const ROOT = 'nras_root.pem';

/** Verifies a bundle of tokens. @throws {ConfigError} for a root that is none, or for wishes that no answer could meet */
export function verifyNrasBundle({ files }: Bundle, { roots, nonce, ...wishes }: NrasBundleWishes & { readonly now: number }): NrasVerdict {
  const [asked, ...more] = nonce === undefined ? [] : nonce instanceof Uint8Array ? [nonce] : nonce;
  if (more.length > 0) throw new ConfigError('nonce', 'tokens answer one challenge');
  const own = files.get(ROOT);
  const opened = judge(new Appraisal(NRAS_REASONS, NRAS_PASSES), (appraisal) => {
    if (roots) return roots.flatMap(rootCertificates);
    return own && appraisal.attempt('certificate-malformed', () => pemBlocks(own, 'CERTIFICATE', ROOT));
  });
  if (!opened.accepted) return opened;
  const nothing = new Uint8Array(0);
  return verifyNras({ response: files.get(TOKENS) ?? nothing, keys: files.get(KEYS) ?? nothing }, { ...wishes, ...(opened.facts && { anchors: opened.facts }), ...(asked && { nonce: asked }) });
}
