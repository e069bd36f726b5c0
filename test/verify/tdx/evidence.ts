/** TDX evidence for tests of the verifier: a good one by default, and any edit of it, before or after it is signed. */
import type { EcSigner } from '../../../emulator/crypto/sign.ts';
import type { CertificateSpec, IssuedCertificate } from '../../../emulator/pki/issue.ts';
import type { CrlSpec } from '../../../emulator/pki/revoke.ts';
import { syntheticFirmware } from '../../../emulator/snp/launch/firmware.ts';
import { CA_ROLE, type Change, IntelAuthority } from '../../../emulator/tdx/authority.ts';
import { type DocumentChange, IntelCollateral } from '../../../emulator/tdx/collateral/collateral.ts';
import { TdxModule } from '../../../emulator/tdx/module/tdx-module.ts';
import type { TdParams, TrustDomain } from '../../../emulator/tdx/module/trust-domain.ts';
import { quotingPlatform } from '../../../emulator/tdx/platform/hardware.ts';
import { fmspcOf, type PckCa, type Platform, platformState, tdxPlatform } from '../../../emulator/tdx/platform/platform.ts';
import type { QuoteVersion } from '../../../emulator/tdx/quote/tables.ts';
import type { TdBodyType } from '../../../emulator/tdx/quote/quote.ts';
import { type PckType, QuotingEnclave, type QuoteParts } from '../../../emulator/tdx/quoting/quoting-enclave.ts';
import type { EnclaveIdentity } from '../../../emulator/tdx/tcb/identity.ts';
import type { TcbStatus } from '../../../emulator/tdx/tcb/status.ts';
import type { TcbInfo } from '../../../emulator/tdx/tcb/tcb-info.ts';
import { fixedClock, seededWorld } from '../../../emulator/world.ts';
import { type PresentedCollateral, type PresentedTdx, type TdxExpectations, TdxTrust } from '../../../harness/verify/index.ts';

/** When everything here happens. */
export const NOW = Date.UTC(2026, 5, 15, 12);
export const DAY = 86_400_000;
export const world = seededWorld('TDX verifier tests', fixedClock(NOW));
export const authority = new IntelAuthority(world);
const collateral = new IntelCollateral(authority);
/** What a relying party wants besides the roots. */
export type Wishes = Omit<TdxExpectations, 'trust'>;

/** Which machine the evidence is of, and what kind of quote. */
export interface Machine {
  readonly platform?: string;
  readonly status?: TcbStatus;
  readonly ca?: PckCa;
  readonly version?: QuoteVersion;
  readonly bodyType?: TdBodyType;
  readonly certificationType?: PckType;
  readonly td?: TdParams;
  /** What is done with the TD before it is final. */
  readonly prepare?: (td: TrustDomain) => void;
}

type Edit<T> = (value: T) => T;
/** What is changed of good evidence; nothing by default. */
export interface Edits {
  /** Before header and body, and the enclave's report, are signed. */
  readonly quote?: Edit<QuoteParts>;
  /** Signs header and body in place of the attestation key. */
  readonly quoteKey?: EcSigner;
  /** After they were signed. */
  readonly signed?: (quote: Uint8Array) => void;
  readonly pck?: Change<CertificateSpec>;
  /** The authority above the PCK. */
  readonly pckCa?: Change<CertificateSpec>;
  readonly tcbSigning?: Change<CertificateSpec>;
  readonly rootCrl?: Change<CrlSpec>;
  readonly pckCrl?: Change<CrlSpec>;
  readonly tcbInfo?: DocumentChange<TcbInfo>;
  readonly qeIdentity?: DocumentChange<EnclaveIdentity>;
  /** Last: the parts as they are presented. */
  readonly presented?: Edit<Evidence>;
}

/** Evidence whose collateral is not prepared. */
export type Evidence = Omit<PresentedTdx, 'collateral'> & { readonly collateral: PresentedCollateral };

const IMAGE = syntheticFirmware({ size: 16 << 10 });
/** Report data of everything here. */
export const REPORT_DATA: Uint8Array = Uint8Array.from({ length: 64 }, (_, i) => i * 3);
/** Measurements that a TD's owner and host set. */
export const OWNED: TdParams = { mrConfigId: new Uint8Array(48).fill(0xc1), mrOwner: new Uint8Array(48).fill(0x0e), mrOwnerConfig: new Uint8Array(48).fill(0x0c) };

/** The machine. */
export function platformOf({ platform, status, ca }: Machine): Platform {
  return tdxPlatform(platform, { ...(status ? { status } : {}), ...(ca ? { ca } : {}) });
}

interface Signed {
  readonly quote: Uint8Array;
  readonly tdReport: Uint8Array;
}

function signedQuote(machine: Machine, { quote: edit, quoteKey }: Edits): Signed {
  const { version, bodyType, certificationType, td: params = {}, prepare } = machine;
  const platform = platformOf(machine);
  const { launchedModule, runningModule } = platformState(platform, NOW);
  const hardware = quotingPlatform(authority, platform);
  const module = new TdxModule(world, hardware, launchedModule);
  const td = module.launch({ image: IMAGE, ...OWNED, ...params }, prepare);
  for (const [i, fill] of [0xa0, 0xa1, 0xa2, 0xa3].entries()) td.extendRtmr(i, new Uint8Array(48).fill(fill));
  if (runningModule !== launchedModule) module.update(runningModule);
  const tdReport = td.report(REPORT_DATA);
  return { quote: new QuotingEnclave(world, hardware).quote(tdReport, { version, bodyType, certificationType, edit, signedBy: quoteKey }), tdReport };
}

const signedQuotes = new WeakMap<Machine, Signed>();

/** Quotes without an edit are kept: making one takes milliseconds. */
function quoteOf(machine: Machine, edits: Edits): Signed {
  if (edits.quote || edits.quoteKey) return signedQuote(machine, edits);
  const kept = signedQuotes.get(machine) ?? signedQuote(machine, {});
  signedQuotes.set(machine, kept);
  return { ...kept, quote: kept.quote.slice() };
}

/** Evidence of a machine, with edits. */
export function evidence(machine: Machine = V4, edits: Edits = {}): Evidence {
  const platform = platformOf(machine);
  const role = CA_ROLE[platform.ca];
  const root = authority.certificate('ROOT').pem;
  const ca = edits.pckCa ? authority.editedCertificate(role, edits.pckCa) : authority.certificate(role);
  const pck = authority.pck(platform, undefined, edits.pck);
  const tcbSigning = edits.tcbSigning ? authority.editedCertificate('TCB_SIGNING', edits.tcbSigning) : authority.certificate('TCB_SIGNING');
  const chain = (leaf: IssuedCertificate): string => leaf.pem + ca.pem + root;
  const edit: Edits = edits.pck || edits.pckCa ? { ...edits, quote: (parts) => (edits.quote ?? ((p) => p))(withChain(parts, chain(pck))) } : edits;
  const { quote, tdReport } = quoteOf(machine, edit);
  edits.signed?.(quote);
  const signers = tcbSigning.pem + root;
  const presented: Evidence = {
    quote,
    // A quote that says something else was not made from this report.
    ...(edits.quote ? {} : { tdReport }),
    collateral: {
      tcbInfo: collateral.tcbInfo('tdx', fmspcOf(platform), 'standard', edits.tcbInfo).body,
      qeIdentity: collateral.identity('TD_QE', 'standard', edits.qeIdentity).body,
      tcbInfoIssuerChain: signers,
      qeIdentityIssuerChain: signers,
      pckCrlIssuerChain: ca.pem + root,
      pckCrl: authority.crl(role, edits.pckCrl),
      rootCaCrl: authority.crl('ROOT', edits.rootCrl),
      ...((machine.certificationType ?? 5) < 5 ? { pckChain: chain(pck) } : {}),
    },
  };
  return edits.presented ? edits.presented(presented) : presented;
}

/** The same quote with another PCK chain in it. */
export function withChain(parts: QuoteParts, pem: string): QuoteParts {
  const { certification } = parts;
  return certification.kind === 'raw' ? { ...parts, certification: { ...certification, data: Buffer.from(`${pem}\0`, 'latin1') } } : parts;
}

/** The usual machine, with a quote of version 4. */
export const V4: Machine = {};
/** The same with a quote of version 5. */
export const V5: Machine = { version: 5 };

/** Trust in the root of this world. */
export const TRUST = new TdxTrust([authority.certificate('ROOT').der]);
