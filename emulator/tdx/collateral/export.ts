/** Collateral for one machine in the forms that verifiers read from files. */
import type { IntelAuthority } from '../authority.ts';
import { CA_ROLE } from '../authority.ts';
import { modelOfFmspc } from '../platform/models.ts';
import { fmspcOf, PCK_CAS, type Platform } from '../platform/platform.ts';
import type { QgsCollateral } from '../quoting/qgs.ts';
import type { EvaluationChoice, IntelCollateral } from './collateral.ts';

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

/**
 * Collateral as the quote generation service hands it on, for its requests of that kind: texts end with a NUL. Version 4.0, which TDs need.
 * @returns what answers for an FMSPC (6 bytes, or 12 hex digits as text) and a CA (`platform`, `processor`); undefined where there is no such
 */
export function qgsCollateral(collateral: IntelCollateral): (fmspc: Uint8Array, pckCa: string) => QgsCollateral | undefined {
  return (fmspc, pckCa) => {
    const bytes = Buffer.from(fmspc);
    const hex = fmspc.length === 6 ? bytes.toString('hex') : bytes.toString('latin1').replace(/\0+$/, '');
    const ca = PCK_CAS.find((c) => c === pckCa);
    const found = modelOfFmspc(hex);
    if (!ca || !found) return undefined;
    const c = platformCollateral(collateral, { ...found, ca, index: 0 });
    const text = (contents: string): Uint8Array => new Uint8Array(Buffer.from(`${contents}\0`, 'utf8'));
    return {
      majorVersion: 4,
      minorVersion: 0,
      pckCrlIssuerChain: text(c.pckCrlIssuerChain),
      rootCaCrl: c.rootCaCrl,
      pckCrl: c.pckCrl,
      tcbInfoIssuerChain: text(c.tcbInfoIssuerChain),
      tcbInfo: text(c.tcbInfo),
      qeIdentityIssuerChain: text(c.qeIdentityIssuerChain),
      qeIdentity: text(c.qeIdentity),
    };
  };
}
