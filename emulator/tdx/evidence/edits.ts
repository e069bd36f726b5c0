/** Changes on the way from the machine to the bundle, to make evidence that the hardware or Intel would not make. */
import type { EcSigner } from '../../crypto/sign.ts';
import type { CertificateSpec, IssuedCertificate } from '../../pki/issue.ts';
import type { CrlSpec } from '../../pki/revoke.ts';
import { CA_ROLE, type Change, type Edit, type IntelAuthority } from '../authority.ts';
import type { MeasuredEvent } from '../boot/events.ts';
import type { EventLog } from '../boot/log/event-log.ts';
import { type DocumentChange, type EvaluationChoice, IntelCollateral } from '../collateral/collateral.ts';
import type { PlatformCollateral } from '../collateral/export.ts';
import type { TdReportEdit } from '../module/trust-domain.ts';
import { fmspcOf, type Platform } from '../platform/platform.ts';
import type { QuoteParts } from '../quoting/quoting-enclave.ts';
import type { EnclaveIdentity } from '../tcb/identity.ts';
import type { TcbInfo } from '../tcb/tcb-info.ts';

/** What to do otherwise. Whatever is changed is signed again, unless it says who signs in place. */
export interface TdxEdits {
  /** What is measured, before it is: the log and the registers follow. */
  readonly events?: Edit<readonly MeasuredEvent[]>;
  /** The log, after it was measured: the registers do not follow. */
  readonly log?: Edit<EventLog>;
  /** The TDREPORT, before the CPU puts its MAC on it: the quote follows. */
  readonly report?: TdReportEdit;
  /** The quote, before anything in it is signed. */
  readonly quote?: Edit<QuoteParts>;
  /** Signs the quote in place of the attestation key. */
  readonly quoteSigner?: EcSigner;
  /** Signs the QE's report in place of the PCK. */
  readonly qeReportSigner?: EcSigner;
  readonly pck?: Change<CertificateSpec>;
  /** The Platform or Processor CA. */
  readonly intermediate?: Change<CertificateSpec>;
  readonly root?: Change<CertificateSpec>;
  readonly tcbSigning?: Change<CertificateSpec>;
  readonly tcbInfo?: DocumentChange<TcbInfo>;
  readonly qeIdentity?: DocumentChange<EnclaveIdentity>;
  readonly pckCrl?: Change<CrlSpec>;
  readonly rootCaCrl?: Change<CrlSpec>;
}

/** Certificates of one machine. */
export interface TdxCertificates {
  readonly pck: IssuedCertificate;
  readonly intermediate: IssuedCertificate;
  readonly root: IssuedCertificate;
  readonly tcbSigning: IssuedCertificate;
}

/** The certificates of a machine, as edited. */
export function certificatesOf(authority: IntelAuthority, platform: Platform, edits: TdxEdits): TdxCertificates {
  const of = (role: 'ROOT' | 'PLATFORM' | 'PROCESSOR' | 'TCB_SIGNING', change: Change<CertificateSpec> | undefined): IssuedCertificate =>
    change ? authority.editedCertificate(role, change) : authority.certificate(role);
  return {
    pck: authority.pck(platform, undefined, edits.pck),
    intermediate: of(CA_ROLE[platform.ca], edits.intermediate),
    root: of('ROOT', edits.root),
    tcbSigning: of('TCB_SIGNING', edits.tcbSigning),
  };
}

/** The collateral of a machine, as edited. @throws {ConfigError} for an evaluation that there is not */
export function collateralOf(authority: IntelAuthority, platform: Platform, evaluation: EvaluationChoice, { intermediate, root, tcbSigning }: TdxCertificates, edits: TdxEdits): PlatformCollateral {
  const collateral = new IntelCollateral(authority);
  const signingChain = tcbSigning.pem + root.pem;
  return {
    tcbInfo: collateral.tcbInfo('tdx', fmspcOf(platform), evaluation, edits.tcbInfo).body,
    qeIdentity: collateral.identity('TD_QE', evaluation, edits.qeIdentity).body,
    tcbInfoIssuerChain: signingChain,
    qeIdentityIssuerChain: signingChain,
    pckCrlIssuerChain: intermediate.pem + root.pem,
    pckCrl: authority.crl(CA_ROLE[platform.ca], edits.pckCrl),
    rootCaCrl: authority.crl('ROOT', edits.rootCaCrl),
  };
}
