/** Collateral for one machine in the forms that verifiers read from files. */
import type { IntelAuthority } from '../authority.ts';
import { CA_ROLE } from '../authority.ts';
import type { EvaluationChoice, IntelCollateral } from './collateral.ts';
import { fmspcOf, type Platform } from '../platform/platform.ts';

/** Everything that the verification of a TD's quote needs. */
export interface PlatformCollateral {
  /** Bodies exactly as served: JSON with the signature. */
  readonly tcbInfo: string;
  readonly qeIdentity: string;
  /** PEM, the signer first. */
  readonly tcbInfoIssuerChain: string;
  readonly qeIdentityIssuerChain: string;
  readonly pckCrlIssuerChain: string;
  /** DER. */
  readonly pckCrl: Uint8Array;
  readonly rootCaCrl: Uint8Array;
}

/** The collateral of a machine. @param evaluation `standard` unless given */
export function platformCollateral(collateral: IntelCollateral, platform: Platform, evaluation: EvaluationChoice = 'standard'): PlatformCollateral {
  const { authority } = collateral;
  const signingChain = authority.tcbSigningChain();
  return {
    tcbInfo: collateral.tcbInfo('tdx', fmspcOf(platform), evaluation).body,
    qeIdentity: collateral.identity('TD_QE', evaluation).body,
    tcbInfoIssuerChain: signingChain,
    qeIdentityIssuerChain: signingChain,
    pckCrlIssuerChain: authority.pckIssuerChain(platform.ca),
    pckCrl: authority.crl(CA_ROLE[platform.ca]),
    rootCaCrl: authority.crl('ROOT'),
  };
}

/** As files of a bundle: name below the bundle's folder → contents. */
export function collateralFiles(c: PlatformCollateral): Map<string, Uint8Array> {
  const text = (contents: string): Uint8Array => new Uint8Array(Buffer.from(contents, 'utf8'));
  return new Map([
    ['collateral/tcb_info.json', text(c.tcbInfo)],
    ['collateral/qe_identity.json', text(c.qeIdentity)],
    ['collateral/tcb_info_issuer_chain.pem', text(c.tcbInfoIssuerChain)],
    ['collateral/qe_identity_issuer_chain.pem', text(c.qeIdentityIssuerChain)],
    ['collateral/pck_crl.der', c.pckCrl],
    ['collateral/pck_crl_issuer_chain.pem', text(c.pckCrlIssuerChain)],
    ['collateral/root_ca_crl.der', c.rootCaCrl],
  ]);
}

/** The JSON form that dcap-qvl reads: documents without their wrapping, CRLs and signatures in hex. */
export interface QuoteCollateralV3 {
  readonly pck_crl_issuer_chain: string;
  readonly root_ca_crl: string;
  readonly pck_crl: string;
  readonly tcb_info_issuer_chain: string;
  readonly tcb_info: string;
  readonly tcb_info_signature: string;
  readonly qe_identity_issuer_chain: string;
  readonly qe_identity: string;
  readonly qe_identity_signature: string;
  /** For a quote that does not carry its PCK chain (certification data types 1 to 3). */
  readonly pck_certificate_chain?: string;
}

/** The collateral of a machine as dcap-qvl reads it. @param withPckChain name the PCK chain too, for a quote that does not carry it */
export function quoteCollateralV3(collateral: IntelCollateral, platform: Platform, { evaluation = 'standard', withPckChain = false }: { evaluation?: EvaluationChoice; withPckChain?: boolean } = {}): QuoteCollateralV3 {
  const c = platformCollateral(collateral, platform, evaluation);
  const tcbInfo = collateral.tcbInfo('tdx', fmspcOf(platform), evaluation);
  const qeIdentity = collateral.identity('TD_QE', evaluation);
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  return {
    pck_crl_issuer_chain: c.pckCrlIssuerChain,
    root_ca_crl: hex(c.rootCaCrl),
    pck_crl: hex(c.pckCrl),
    tcb_info_issuer_chain: c.tcbInfoIssuerChain,
    tcb_info: tcbInfo.inner,
    tcb_info_signature: tcbInfo.signature,
    qe_identity_issuer_chain: c.qeIdentityIssuerChain,
    qe_identity: qeIdentity.inner,
    qe_identity_signature: qeIdentity.signature,
    ...(withPckChain ? { pck_certificate_chain: collateral.authority.pckChain(platform) } : {}),
  };
}

/** The root certificate, in PEM: what a verifier must trust in place of Intel's. */
export function rootCaPem(authority: IntelAuthority): string {
  return authority.certificate('ROOT').pem;
}
