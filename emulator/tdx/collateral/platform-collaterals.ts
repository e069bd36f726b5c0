/** Collateral of several machines in one JSON: what the administrator of a caching service puts there, and what Trustee reads from a file. */
import { ROOT_CRL_URL } from '../../pki/profiles/intel.ts';
import { encryptedPpid, platformManifest, qeId, tcbm } from '../platform/id.ts';
import { certifiedTcbs, PCE_ID } from '../platform/models.ts';
import { fmspcOf, type Platform, platformState } from '../platform/platform.ts';
import type { PlatformTcb } from '../tcb/levels.ts';
import type { EvaluationChoice, IntelCollateral } from './collateral.ts';

const upper = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex').toUpperCase();

/** A level as `pckcerts` and these files write it. */
export function pckTcbJson({ sgx, pceSvn }: PlatformTcb): Readonly<Record<string, number>> {
  return { ...Object.fromEntries(sgx.map((svn, i) => [`sgxtcbcomp${String(i + 1).padStart(2, '0')}svn`, svn])), pcesvn: pceSvn };
}

/** The JSON, as plain data. Source: PCCS, PLATFORM_COLLATERAL_SCHEMA_V4. */
export function platformCollaterals(collateral: IntelCollateral, platforms: readonly Platform[]): Readonly<Record<string, unknown>> {
  const { authority } = collateral;
  const { world } = authority;
  const ids = (platform: Platform): Record<string, string> => ({
    qe_id: upper(qeId(world, platform)),
    pce_id: PCE_ID,
    enc_ppid: upper(encryptedPpid(world, platform)),
    platform_manifest: platform.model.packages > 1 ? upper(platformManifest(world, platform)) : '',
  });
  const tcbInfo = (tee: 'sgx' | 'tdx', fmspc: string, choice: EvaluationChoice): unknown => JSON.parse(collateral.tcbInfo(tee, fmspc, choice).body);
  const hex = (der: Uint8Array): string => Buffer.from(der).toString('hex');
  const chain = encodeURIComponent(authority.tcbSigningChain());
  return {
    platforms: platforms.map((platform) => {
      const { cpuSvn, tcb } = platformState(platform, world.now());
      return { ...ids(platform), cpu_svn: upper(cpuSvn), pce_svn: upper(Uint8Array.of(tcb.pceSvn & 0xff, tcb.pceSvn >> 8)) };
    }),
    collaterals: {
      version: 4,
      pck_certs: platforms.map((platform) => ({
        ...ids(platform),
        certs: certifiedTcbs(platform.model, world.now()).map((tcb) => ({ tcb: pckTcbJson(tcb), tcbm: tcbm(tcb), cert: encodeURIComponent(authority.pck(platform, tcb).pem) })),
      })),
      tcbinfos: [...new Set(platforms.map((platform) => fmspcOf(platform).toUpperCase()))].map((fmspc) => ({
        fmspc,
        sgx_tcbinfo: tcbInfo('sgx', fmspc, 'standard'),
        tdx_tcbinfo: tcbInfo('tdx', fmspc, 'standard'),
        sgx_tcbinfo_early: tcbInfo('sgx', fmspc, 'early'),
        tdx_tcbinfo_early: tcbInfo('tdx', fmspc, 'early'),
      })),
      pckcacrl: { processorCrl: hex(authority.crl('PROCESSOR')), platformCrl: hex(authority.crl('PLATFORM')) },
      qeidentity: collateral.identity('QE').body,
      tdqeidentity: collateral.identity('TD_QE').body,
      qveidentity: collateral.identity('QVE').body,
      qeidentity_early: collateral.identity('QE', 'early').body,
      tdqeidentity_early: collateral.identity('TD_QE', 'early').body,
      qveidentity_early: collateral.identity('QVE', 'early').body,
      certificates: {
        'SGX-PCK-Certificate-Issuer-Chain': { PROCESSOR: encodeURIComponent(authority.pckIssuerChain('processor')), PLATFORM: encodeURIComponent(authority.pckIssuerChain('platform')) },
        'TCB-Info-Issuer-Chain': chain,
        'SGX-Enclave-Identity-Issuer-Chain': chain,
      },
      rootcacrl: hex(authority.crl('ROOT')),
      rootcacrl_cdp: ROOT_CRL_URL,
    },
  };
}
