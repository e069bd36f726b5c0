/** PCK certificates for whoever asks by PPID, manifest or TCB. */
import { ServiceError } from '../../errors.ts';
import type { IntelAuthority } from '../../tdx/authority.ts';
import { pckTcbJson } from '../../tdx/collateral/platform-collaterals.ts';
import { tcbm } from '../../tdx/platform/id.ts';
import { certifiedTcbs, PCE_ID } from '../../tdx/platform/models.ts';
import { fmspcOf, type Platform } from '../../tdx/platform/platform.ts';
import { atLeast, type PlatformTcb } from '../../tdx/tcb/levels.ts';

/** Longest platform manifest that is read, in bytes. */
export const LONGEST_MANIFEST = 56_442;

/** The highest level that Intel certifies and a machine has. @param cpuSvn 16 bytes, as the hardware states it @throws {ServiceError} 404 for a TCB below every level */
export function bestTcb(platform: Platform, cpuSvn: Uint8Array, pceSvn: number, now: number): PlatformTcb {
  const found = certifiedTcbs(platform.model, now).find((tcb) => atLeast(cpuSvn, tcb.sgx) && pceSvn >= tcb.pceSvn);
  if (!found) throw new ServiceError(404, 'no PCK certificate is for a TCB as low as this');
  return found;
}

/** @param pceId 2 bytes @throws {ServiceError} 404 for another PCE than the one there is */
export function checkPceId(pceId: Uint8Array): void {
  if (Buffer.from(pceId).toString('hex') !== PCE_ID) throw new ServiceError(404, 'no platform has that PCE-ID');
}

/** What an answer about a machine's PCK says of it in its headers. */
export function pckHeaders(authority: IntelAuthority, platform: Platform): Record<string, string> {
  return {
    'SGX-PCK-Certificate-Issuer-Chain': encodeURIComponent(authority.pckIssuerChain(platform.ca)),
    'SGX-FMSPC': fmspcOf(platform).toUpperCase(),
    'SGX-PCK-Certificate-CA-Type': platform.ca,
  };
}

/** One element of `pckcerts`. Source: Intel PCS v4, PckCerts. */
export interface PckCertJson {
  readonly tcb: Readonly<Record<string, number>>;
  readonly tcbm: string;
  /** PEM, percent-encoded. */
  readonly cert: string;
}

/** The certificates of a machine for some levels. */
export function pckCertList(authority: IntelAuthority, platform: Platform, tcbs: readonly PlatformTcb[]): PckCertJson[] {
  return tcbs.map((tcb) => ({
    tcb: pckTcbJson(tcb),
    tcbm: tcbm(tcb),
    cert: encodeURIComponent(authority.pck(platform, tcb).pem),
  }));
}

/** The levels for which a machine gets certificates, newest first. @param cpuSvn only those that this CPUSVN reaches, 16 bytes */
export function pckTcbs(platform: Platform, now: number, cpuSvn?: Uint8Array): PlatformTcb[] {
  return certifiedTcbs(platform.model, now).filter((tcb) => !cpuSvn || atLeast(cpuSvn, tcb.sgx));
}
