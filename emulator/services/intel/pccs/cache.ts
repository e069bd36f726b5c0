/** What a caching service holds of what its administrator put: documents, lists, chains and certificates. */
import type { PckCa } from '../../../tdx/platform/platform.ts';
import { PCK_CAS } from '../../../tdx/platform/platform.ts';
import type { EnclaveName } from '../../../tdx/tcb/enclaves.ts';
import type { PcsTee } from '../../../tdx/tcb/tcb-info.ts';
import type { PlatformCollateralPut } from './schema.ts';

/** Which of the two kinds of collateral. */
export type Update = 'standard' | 'early';

/** A platform whose certificates were put. */
export interface CachedPlatform {
  readonly fmspc: string;
  readonly ca: PckCa;
  /** By TCBm, 36 upper-case hex digits; PEM. In the order in which they were put. */
  readonly certs: ReadonlyMap<string, string>;
}

/** Entries of each kind that are kept. */
const MOST = 10_000;

/** The cache. */
export class PccsCache {
  readonly platforms = new Map<string, CachedPlatform>();
  /** Bodies by TEE, FMSPC (upper case) and kind. */
  readonly #tcbInfos = new Map<string, string>();
  readonly #identities = new Map<string, string>();
  /** DER. */
  readonly crls = new Map<PckCa | 'root', Uint8Array>();
  /** Percent-encoded, as they were put. */
  readonly chains = new Map<PckCa | 'tcb' | 'identity', string>();

  /** TCB info that was put. */
  tcbInfo(tee: PcsTee, fmspc: string, update: Update): string | undefined {
    return this.#tcbInfos.get(`${tee}/${fmspc.toUpperCase()}/${update}`);
  }

  /** An identity that was put. */
  identity(name: EnclaveName, update: Update): string | undefined {
    return this.#identities.get(`${name}/${update}`);
  }

  /** Takes documents, lists and chains of a body over the present ones. */
  put({ collaterals: c }: PlatformCollateralPut): void {
    for (const info of c.tcbinfos) {
      for (const tee of ['sgx', 'tdx'] as const) {
        for (const [update, document] of [['standard', info[`${tee}_tcbinfo`]] as const, ['early', info[`${tee}_tcbinfo_early`]] as const]) {
          if (document && this.#tcbInfos.size < MOST) this.#tcbInfos.set(`${tee}/${info.fmspc.toUpperCase()}/${update}`, JSON.stringify(document));
        }
      }
    }
    for (const [name, member] of [['QE', 'qeidentity'] as const, ['TD_QE', 'tdqeidentity'] as const, ['QVE', 'qveidentity'] as const]) {
      for (const [update, document] of [['standard', c[member]] as const, ['early', c[`${member}_early`]] as const]) {
        if (document !== undefined) this.#identities.set(`${name}/${update}`, document);
      }
    }
    for (const ca of PCK_CAS) {
      const crl = c.pckcacrl?.[`${ca}Crl`];
      if (crl !== undefined) this.crls.set(ca, new Uint8Array(Buffer.from(crl, 'hex')));
      const chain = c.certificates['SGX-PCK-Certificate-Issuer-Chain'][ca === 'platform' ? 'PLATFORM' : 'PROCESSOR'];
      if (chain !== undefined) this.chains.set(ca, chain);
    }
    if (c.rootcacrl !== undefined) this.crls.set('root', new Uint8Array(Buffer.from(c.rootcacrl, 'hex')));
    const { 'TCB-Info-Issuer-Chain': tcb, 'SGX-Enclave-Identity-Issuer-Chain': identity } = c.certificates;
    if (tcb !== undefined) this.chains.set('tcb', tcb);
    if (identity !== undefined) this.chains.set('identity', identity);
  }

  /** Takes the certificates of a platform over the present ones. @returns whether there was room */
  putPlatform(key: string, platform: CachedPlatform): boolean {
    if (this.platforms.size >= MOST && !this.platforms.has(key)) return false;
    this.platforms.set(key, platform);
    return true;
  }

  /** Forgets everything. */
  clear(): void {
    for (const map of [this.platforms, this.#tcbInfos, this.#identities, this.crls, this.chains]) map.clear();
  }
}
