/** Whom a verifier of NVIDIA evidence trusts, and what it has verified already. */
import type { KeyObject } from 'node:crypto';
import { CodecError, ConfigError } from '../../../../emulator/errors.ts';
import { type ReadCertificate, readCertificate, readName, sameBytes } from '../../../../emulator/pki/read.ts';
import { Kept } from '../../kept.ts';
import { Appraisal, judge, type Rejected } from '../../verdict.ts';
import { CRL_SIGN, EXTENSION, KEY_CERT_SIGN } from '../../x509.ts';
import { H100_PASSES, H100_REASONS, type H100Appraisal, type H100Reason } from '../reasons.ts';
import { authorityKey, checkAuthority, checkForm, checkIssued, type Issuer, nameAt } from './certificate.ts';

/** What a root stands above: the identities of devices, or the keys that sign manifests. */
export type RootKind = 'device' | 'rim';

/** A root that the caller trusts. */
interface TrustedRoot {
  readonly kind: RootKind;
  readonly certificate: ReadCertificate;
  /** The key, or what is wrong with the root. */
  readonly outcome: { readonly accepted: true; readonly facts: KeyObject } | Rejected<H100Reason>;
}

/** Common name of the attestation service's root. */
const SERVICE_ROOT = /^NVIDIA Attestation Service CA(?: \d{3})?$/;
/** Authorities below each root. */
const BELOW: Readonly<Record<RootKind, number>> = { device: 3, rim: 2 };

/**
 * The roots that a verifier trusts: NVIDIA's genuine ones for genuine evidence, a World's for emulated. Each is checked once, here. What was
 * found good can be kept: chains, manifests and OCSP responses, by their bytes, so that the next report of the same device costs one signature
 * check; dates are looked at each time.
 */
export class H100Trust {
  readonly #roots: readonly TrustedRoot[];
  readonly #keep: number;
  readonly #kept = new Map<string, Kept<unknown, H100Reason>>();

  /**
   * @param roots certificates in DER, told apart by their names: of the device identity CA, of the CoRIM signing root CA
   * @param keep how many of each kind of thing to keep in memory (about 64 KiB for each); none by default
   * @throws {ConfigError} when one is neither
   */
  constructor(roots: readonly Uint8Array[], { keep = 0 }: { readonly keep?: number } = {}) {
    if (!Number.isInteger(keep) || keep < 0) throw new RangeError(`keep must be a number of things, is ${keep}`);
    this.#roots = roots.map(trustedRoot);
    this.#keep = keep;
  }

  /** The trusted root that a chain ends with, byte for byte. @param path of the certificate */
  root(appraisal: H100Appraisal, kind: RootKind, der: Uint8Array, path: string): Issuer {
    const known = this.#roots.filter((root) => root.kind === kind);
    const found = known.find(({ certificate }) => sameBytes(certificate.der, der));
    if (!found) {
      const { spki } = appraisal.attempt('certificate-malformed', () => readCertificate(der, path));
      const altered = known.some(({ certificate }) => sameBytes(certificate.spki, spki));
      return appraisal.fail(altered ? 'root-altered' : 'root-untrusted', { message: altered ? 'has the key of a trusted root, but is another certificate' : 'is none of the trusted roots', path });
    }
    const { certificate, outcome } = found;
    if (!outcome.accepted) return appraisal.fail(outcome.reason, outcome);
    for (const reason of ['root-untrusted', 'root-altered'] as const) appraisal.pass(reason);
    return { certificate, key: outcome.facts, path };
  }

  /**
   * What was verified before under this key, or else is now. Whatever depends on the time or on the caller's wishes must not be in it.
   * @param shelf which kind of thing: each has keys of its own, and room for as many
   * @param key digest of everything that `verify` looks at; only asked for where things are kept
   */
  keep<T>(appraisal: H100Appraisal, shelf: string, key: () => string, verify: () => T): T {
    if (this.#keep === 0) return verify();
    const kept = (this.#kept.get(shelf) ?? new Kept<unknown, H100Reason>(this.#keep)) as Kept<T, H100Reason>;
    this.#kept.set(shelf, kept);
    return kept.get(appraisal, key(), verify);
  }
}

/** Whether a certificate is the root of the attestation service: one of NVIDIA's, but no evidence leads to it. @param der also of something else */
export function isServiceRoot(der: Uint8Array): boolean {
  try {
    return readName(readCertificate(der, 'root').subject, 'root').some(([, text]) => SERVICE_ROOT.test(text));
  } catch (error) {
    if (error instanceof CodecError) return false;
    throw error;
  }
}

function kindOf(certificate: ReadCertificate): RootKind {
  if (nameAt('root', certificate, 'root')) return 'device';
  if (nameAt('rimRoot', certificate, 'root')) return 'rim';
  throw new ConfigError('root', "is neither NVIDIA's root of devices nor the one of manifests: its subject must be NVIDIA Device Identity CA or NVIDIA CoRIM signing Root CA");
}

function trustedRoot(der: Uint8Array): TrustedRoot {
  try {
    const certificate = readCertificate(der, 'root');
    const kind = kindOf(certificate);
    return { kind, certificate, outcome: judge(new Appraisal(H100_REASONS, H100_PASSES), (appraisal) => verifyRoot(appraisal, certificate, BELOW[kind])) };
  } catch (cause) {
    throw cause instanceof CodecError ? new ConfigError('root', `is no certificate in DER: ${cause.message}`, { cause }) : cause;
  }
}

/** Checks a root by itself. @returns its key */
function verifyRoot(appraisal: H100Appraisal, certificate: ReadCertificate, below: number): KeyObject {
  checkForm(appraisal, certificate, 'root', [EXTENSION.basicConstraints, EXTENSION.keyUsage, EXTENSION.subjectKeyIdentifier, EXTENSION.authorityKeyIdentifier]);
  checkAuthority(appraisal, certificate, 'root', KEY_CERT_SIGN | CRL_SIGN, below);
  const key = authorityKey(appraisal, certificate, 'root');
  checkIssued(appraisal, certificate, 'root', { certificate, key, path: 'root' });
  return key;
}
