/** Whom a verifier of TDX evidence trusts. */
import type { KeyObject } from 'node:crypto';
import { CodecError, ConfigError } from '../../../../emulator/errors.ts';
import { type ReadCertificate, readCertificate, sameBytes } from '../../../../emulator/pki/read.ts';
import { CRL_SIGN, KEY_CERT_SIGN } from '../../x509.ts';
import { Appraisal, judge, type Rejected } from '../../verdict.ts';
import { PreparedCollateral, type PresentedCollateral } from '../collateral/collateral.ts';
import { TDX_PASSES, TDX_REASONS, type TdxAppraisal, type TdxReason } from '../reasons.ts';
import { authorityKey, checkAuthority, checkForm, checkIssued, COMMON_NAME, commonNameOf, type Issuer } from './certificate.ts';

/** A root that the caller trusts. */
interface TrustedRoot {
  readonly certificate: ReadCertificate;
  /** The key, or what is wrong with the root. */
  readonly outcome: { readonly accepted: true; readonly facts: KeyObject } | Rejected<TdxReason>;
}

/** The roots that a verifier trusts: Intel's genuine one for genuine evidence, a World's for emulated. Each is checked once, here. */
export class TdxTrust {
  readonly #roots: readonly TrustedRoot[];

  /** @param roots certificates in DER @throws {ConfigError} when one is no certificate of an Intel SGX Root CA */
  constructor(roots: readonly Uint8Array[]) {
    this.#roots = roots.map(trustedRoot);
  }

  /**
   * Collateral to be used for many quotes: each part of it is read and its signatures are verified at its first use. Dates and revocation are
   * looked at each time. What is wrong with it shows in the verdicts.
   * @param presented copied as far as it is kept
   */
  prepare(presented: PresentedCollateral): PreparedCollateral {
    return new PreparedCollateral(this, presented);
  }

  /** The trusted root that a chain ends with, byte for byte. @param path of the chain */
  root(appraisal: TdxAppraisal, der: Uint8Array, path: string): Issuer {
    const found = this.#roots.find(({ certificate }) => sameBytes(certificate.der, der));
    if (!found) {
      const { spki } = appraisal.attempt('certificate-malformed', () => readCertificate(der, path));
      const altered = this.#roots.some(({ certificate }) => sameBytes(certificate.spki, spki));
      return appraisal.fail(altered ? 'root-altered' : 'root-untrusted', { message: altered ? 'has the key of a trusted root, but is another certificate' : 'is none of the trusted roots', path });
    }
    const { certificate, outcome } = found;
    if (!outcome.accepted) return appraisal.fail(outcome.reason, outcome);
    for (const reason of ['root-untrusted', 'root-altered'] as const) appraisal.pass(reason);
    return { certificate, key: outcome.facts, path: 'root' };
  }
}

function trustedRoot(der: Uint8Array): TrustedRoot {
  try {
    const certificate = readCertificate(der, 'root');
    if (commonNameOf(certificate, 'root') !== COMMON_NAME.root) throw new ConfigError('root', `is no certificate of Intel's: its subject must be Intel's ${COMMON_NAME.root}`);
    return { certificate, outcome: judge(new Appraisal(TDX_REASONS, TDX_PASSES), (appraisal) => verifyRoot(appraisal, certificate)) };
  } catch (cause) {
    throw cause instanceof CodecError ? new ConfigError('root', `is no certificate in DER: ${cause.message}`, { cause }) : cause;
  }
}

/** Checks a root by itself. @returns its key */
function verifyRoot(appraisal: TdxAppraisal, certificate: ReadCertificate): KeyObject {
  checkForm(appraisal, certificate, 'root');
  const authority = checkAuthority(appraisal, certificate, 'root', KEY_CERT_SIGN | CRL_SIGN);
  appraisal.check('authority-path-length', authority.pathLength !== 0, () => ({ message: 'the root allows no authority below it', path: 'root' }));
  const key = authorityKey(appraisal, certificate, 'root');
  checkIssued(appraisal, certificate, 'root', { certificate, key, path: 'root' });
  return key;
}
