/** Whom a verifier of SEV-SNP evidence trusts, and what it has verified already. */
import { CodecError, ConfigError } from '../../../emulator/errors.ts';
import { type ReadCrl, readCertificate } from '../../../emulator/pki/read.ts';
import { LINES, type Line } from '../../../emulator/snp/platform/products.ts';
import { verifyCrl } from '../crl.ts';
import { Kept, keyOf } from '../kept.ts';
import { Appraisal, judge } from '../verdict.ts';
import { lineOfRoot, type PresentedChain, type TrustedRoot, type VerifiedChain, verifyChain, verifyRoot } from './chain.ts';
import { SNP_PASSES, SNP_REASONS, type SnpAppraisal, type SnpReason } from './reasons.ts';

/**
 * The ARKs that a verifier trusts. Each is checked once, here. Chains and lists that were found good can be kept, so that the next report of
 * the same chip costs one signature check; dates and revocation are looked at each time.
 */
export class SnpTrust {
  readonly #roots: readonly TrustedRoot[];
  readonly #chains: Kept<VerifiedChain, SnpReason>;
  readonly #lists: Kept<ReadCrl, SnpReason>;
  readonly #keep: boolean;

  /**
   * @param roots ARKs in DER: AMD's genuine ones for genuine evidence, a World's for emulated
   * @param keep how many verified chains, and how many verified lists, to keep in memory (about 8 KiB each); none by default
   * @throws {ConfigError} when a root is no certificate of an ARK
   */
  constructor(roots: readonly Uint8Array[], { keep = 0 }: { readonly keep?: number } = {}) {
    if (!Number.isInteger(keep) || keep < 0) throw new RangeError(`keep must be a number of chains, is ${keep}`);
    this.#roots = roots.map(trustedRoot);
    this.#keep = keep > 0;
    this.#chains = new Kept(keep);
    this.#lists = new Kept(keep);
  }

  /** Lines for which there is a root. */
  get lines(): readonly Line[] {
    return LINES.filter((line) => this.#roots.some((root) => root.line === line));
  }

  /** The presented chain, verified up to one of the roots. */
  chain(appraisal: SnpAppraisal, presented: PresentedChain): VerifiedChain {
    const { vcek, vlek, ask, asvk, ark } = presented;
    return this.#chains.get(appraisal, this.#keep ? keyOf([vcek, vlek, ask, asvk, ark]) : '', () => verifyChain(appraisal, presented, this.#roots));
  }

  /** The presented list, verified with the root of `chain`. @param src DER */
  crl(appraisal: SnpAppraisal, src: Uint8Array, chain: VerifiedChain): ReadCrl {
    return this.#lists.get(appraisal, this.#keep ? keyOf([src, chain.root.der]) : '', () => verifyCrl(appraisal, src, chain));
  }
}

function trustedRoot(der: Uint8Array): TrustedRoot {
  try {
    const certificate = readCertificate(der, 'root');
    const line = lineOfRoot(certificate);
    if (line === undefined) throw new ConfigError('root', `is no certificate of an ARK: its subject must be AMD's ${LINES.map((l) => `ARK-${l}`).join(', ')}`);
    return { line, certificate, outcome: judge(new Appraisal(SNP_REASONS, SNP_PASSES), (appraisal) => verifyRoot(appraisal, certificate)) };
  } catch (cause) {
    throw cause instanceof CodecError ? new ConfigError('root', `is no certificate in DER: ${cause.message}`, { cause }) : cause;
  }
}
