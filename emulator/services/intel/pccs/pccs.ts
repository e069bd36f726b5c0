/**
 * The caching service (PCCS) that stands between platforms and Intel: the PCS's answers in its own dialect, with lists in hex, platforms by
 * the id of their quoting enclave, and an administrator who puts collateral by hand.
 *
 * It works as the genuine one does in its three modes, but keeps nothing that it could ask Intel for: what Intel revokes or changes shows at
 * once, as if it were refreshed each time. Version 3 of the API and appraisal policies are not there. Source: PCCS of Intel DCAP 1.23.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { ServiceError } from '../../../errors.ts';
import { CA_ROLE } from '../../../tdx/authority.ts';
import { platformOfEncryptedPpid, platformOfManifest, platformOfQeId } from '../../../tdx/platform/id.ts';
import { modelOfFmspc, PCE_ID } from '../../../tdx/platform/models.ts';
import { PCK_CAS, type PckCa, type Platform } from '../../../tdx/platform/platform.ts';
import type { EnclaveName } from '../../../tdx/tcb/enclaves.ts';
import { atLeast } from '../../../tdx/tcb/levels.ts';
import type { PcsTee } from '../../../tdx/tcb/tcb-info.ts';
import type { World } from '../../../world.ts';
import type { Reply, ServiceRequest } from '../../http/message.ts';
import { type Route, RouteTable } from '../../http/route.ts';
import type { Service } from '../../http/service.ts';
import { bestTcb, pckHeaders } from '../pck.ts';
import { PccsCache, type Update } from './cache.ts';
import { pckCertificate } from './certificate.ts';
import { PCCS_FAULTS, PCCS_STATUS, refusal } from './status.ts';
import { PLATFORM_COLLATERAL, PLATFORM_REGISTRATION, type PlatformCollateralPut, type PlatformRegistration } from './schema.ts';
import { type Answered, answered, type Pcs } from '../pcs.ts';
import { jsonObject, Query } from '../query.ts';

/** When the service asks Intel: for whatever it lacks, when a platform registers, or never. */
export const PCCS_MODES = ['lazy', 'req', 'offline'] as const;
export type PccsMode = (typeof PCCS_MODES)[number];

/** How a {@link Pccs} is set up. */
export interface PccsOptions {
  readonly world: World;
  /** Intel behind it. */
  readonly pcs: Pcs;
  readonly mode?: PccsMode;
  /** Value of `admin-token`; {@link PCCS_TOKENS} unless given. */
  readonly adminToken?: string;
  /** Value of `user-token`. */
  readonly userToken?: string;
}

/** The tokens of an emulated service: nothing is secret about it. */
export const PCCS_TOKENS = { admin: 'teemu-admin', user: 'teemu-user' } as const;

const SGX = '/sgx/certification/v4';
const TDX = '/tdx/certification/v4';
const JSON_TYPE = 'application/json';
/** Lists that `crl?uri=` gives out, by where Intel serves them. */
const ROOT_CRL = /^https:\/\/[a-zA-Z0-9-]*certificates\.trustedservices\.intel\.com\/IntelSGXRootCA\.\w{1,8}$/;
const PCK_CRL = /^https:\/\/[a-zA-Z0-9-]*\.?api\.trustedservices\.intel\.com\/sgx\/certification\/v\d{1,2}\/pckcrl\?ca=(platform|processor)(&encoding=(?:der|pem))?$/;
/** Registrations that are kept. */
const MOST_REGISTERED = 1000;

/** The service. */
export class Pccs implements Service {
  readonly name = 'pccs';
  readonly hosts: readonly string[] = [];
  readonly faults = PCCS_FAULTS;
  readonly routes: RouteTable;
  readonly world: World;
  readonly pcs: Pcs;
  readonly mode: PccsMode;
  readonly cache = new PccsCache();
  readonly #adminToken: string;
  readonly #userToken: string;
  /** Platforms that registered and were not asked for yet. */
  readonly #registered = new Map<string, PlatformRegistration>();
  readonly #idHead: string;
  #requests = 0;

  constructor({ world, pcs, mode = 'lazy', adminToken = PCCS_TOKENS.admin, userToken = PCCS_TOKENS.user }: PccsOptions) {
    this.world = world;
    this.pcs = pcs;
    this.mode = mode;
    this.#adminToken = adminToken;
    this.#userToken = userToken;
    this.#idHead = Buffer.from(world.derive('intel/pccs-request-id', 8)).toString('hex');
    this.routes = new RouteTable([...this.#collateralRoutes(), ...this.#platformRoutes()]);
  }

  /** A refusal in the service's words. */
  refuse(status: number, message: string): Reply {
    return this.#stamped({ status, headers: { 'Content-Type': 'text/html; charset=utf-8' }, body: Buffer.from(message, 'utf8') });
  }

  /** Forgets what was put and registered. */
  reset(): void {
    this.cache.clear();
    this.#registered.clear();
    this.#requests = 0;
  }

  #stamped({ status, headers, body }: Answered): Reply {
    return { status, headers, own: ['Request-ID', `${this.#idHead}${(++this.#requests).toString(16).padStart(16, '0')}`], body };
  }

  #row(operation: string, method: Route['method'], path: string, doc: string, handle: (query: Query, request: ServiceRequest) => Answered): Route {
    return { operation: `pccs.${operation}`, method, path, doc, handle: (request) => this.#stamped(handle(new Query(request.query), request)) };
  }

  /** Intel's answer where the mode allows to ask for it. */
  #ask<T>(make: () => T): T {
    if (this.mode !== 'lazy') throw refusal('noCacheData');
    return make();
  }

  #collateralRoutes(): Route[] {
    const { pcs, cache } = this;
    const tcb =
      (tee: PcsTee) =>
      (query: Query): Answered => {
        const fmspc = (query.first('fmspc') ?? '').toUpperCase();
        if (fmspc.length !== 12) throw refusal('invalidRequest');
        const update = updateOf(query);
        const cached = cache.tcbInfo(tee, fmspc, update);
        if (cached !== undefined) return answered(JSON_TYPE, cached, { 'TCB-Info-Issuer-Chain': cache.chains.get('tcb') ?? pcs.signingChain() });
        return this.#ask(() => {
          if (!modelOfFmspc(fmspc)) throw refusal('noCacheData');
          return pcs.tcb(tee, fmspc, update);
        });
      };
    const identity =
      (name: EnclaveName) =>
      (query: Query): Answered => {
        const update = updateOf(query);
        const cached = cache.identity(name, update);
        if (cached !== undefined) return answered(JSON_TYPE, cached, { 'SGX-Enclave-Identity-Issuer-Chain': cache.chains.get('identity') ?? pcs.signingChain() });
        return this.#ask(() => pcs.identityReply(pcs.collateral.identity(name, update)));
      };
    const pckCrl = (ca: PckCa): Uint8Array => cache.crls.get(ca) ?? this.#ask(() => pcs.authority.crl(CA_ROLE[ca]));
    const rootCrl = (): Uint8Array => cache.crls.get('root') ?? this.#ask(() => pcs.authority.crl('ROOT'));
    const hex = (der: Uint8Array): string => Buffer.from(der).toString('hex');
    return [
      this.#row('tcb.tdx', 'GET', `${TDX}/tcb`, 'TDX TCB info of an FMSPC, which is written in upper case', tcb('tdx')),
      this.#row('tcb.sgx', 'GET', `${SGX}/tcb`, 'SGX TCB info of an FMSPC, which is written in upper case', tcb('sgx')),
      this.#row('identity.td-qe', 'GET', `${TDX}/qe/identity`, 'identity of the TD quoting enclave', identity('TD_QE')),
      this.#row('identity.qe', 'GET', `${SGX}/qe/identity`, 'identity of the SGX quoting enclave', identity('QE')),
      this.#row('identity.qve', 'GET', `${SGX}/qve/identity`, 'identity of the quote verification enclave', identity('QVE')),
      this.#row('pckcrl', 'GET', `${SGX}/pckcrl`, 'revocation list of an intermediate authority: hex, or DER where that is asked for', (query) => {
        const ca = PCK_CAS.find((c) => c === query.first('ca')?.toLowerCase());
        if (!ca) throw refusal('invalidRequest');
        const headers = { 'SGX-PCK-CRL-Issuer-Chain': cache.chains.get(ca) ?? encodeURIComponent(pcs.authority.pckIssuerChain(ca)) };
        const der = pckCrl(ca);
        return query.first('encoding')?.toUpperCase() === 'DER' ? answered('application/pkix-crl', der, headers) : answered('application/x-pem-file', hex(der), headers);
      }),
      this.#row('rootcrl', 'GET', `${SGX}/rootcacrl`, "the root's revocation list, in hex", () => answered('application/pkix-crl', hex(rootCrl()))),
      this.#row('crl', 'GET', `${SGX}/crl`, 'the list that Intel serves at a URL, in DER', (query) => {
        const uri = query.first('uri') ?? '';
        const ca = PCK_CRL.exec(uri)?.[1] as PckCa | undefined;
        if (!ca && !ROOT_CRL.test(uri)) throw refusal('invalidRequest');
        return answered('application/pkix-crl', ca ? pckCrl(ca) : rootCrl());
      }),
    ];
  }

  #platformRoutes(): Route[] {
    return [
      this.#row('pckcert', 'GET', `${SGX}/pckcert`, "the PCK certificate of a platform, by its quoting enclave's id", (query) => this.#pckCert(query)),
      this.#row('register', 'POST', `${SGX}/platforms`, 'registers a platform (user-token)', (_, request) => {
        this.#authenticate(request, 'user-token', this.#userToken);
        const registration = parsed(PLATFORM_REGISTRATION, request);
        if (!registration.platform_manifest && !(registration.cpu_svn && registration.pce_svn && registration.enc_ppid)) throw refusal('invalidRequest');
        this.#register(registration);
        return done();
      }),
      this.#row('platforms', 'GET', `${SGX}/platforms`, 'platforms that registered since the last time (admin-token)', (_, request) => {
        this.#authenticate(request, 'admin-token', this.#adminToken);
        const platforms = [...this.#registered.values()].map(({ qe_id, pce_id, cpu_svn = '', pce_svn = '', platform_manifest, enc_ppid = '' }) => ({
          qe_id,
          pce_id,
          cpu_svn,
          pce_svn,
          platform_manifest: platform_manifest ?? '',
          enc_ppid,
        }));
        this.#registered.clear();
        return answered(JSON_TYPE, JSON.stringify(platforms), { 'platform-count': String(platforms.length) });
      }),
      this.#row('put', 'PUT', `${SGX}/platformcollateral`, 'puts collateral (admin-token)', (_, request) => {
        this.#authenticate(request, 'admin-token', this.#adminToken);
        this.#put(parsed(PLATFORM_COLLATERAL, request));
        return done();
      }),
      ...(['GET', 'POST'] as const).map((method) =>
        this.#row('refresh', method, `${SGX}/refresh`, 'asks Intel for everything anew (admin-token)', (query, request) => {
          this.#authenticate(request, 'admin-token', this.#adminToken);
          const type = query.first('type');
          if (type !== undefined && type !== 'certs') throw refusal('invalidRequest');
          if (this.mode === 'offline') throw refusal('unavailable');
          this.cache.clear();
          return done();
        }),
      ),
    ];
  }

  #pckCert(query: Query): Answered {
    const { world, pcs } = this;
    const [qeId, cpuSvn, pceSvn, pceId, encryptedPpid] = ['qeid', 'cpusvn', 'pcesvn', 'pceid', 'encrypted_ppid'].map((name) => query.first(name)?.toUpperCase());
    if (!qeId || qeId.length > 260 || !isHex(cpuSvn, 32) || !isHex(pceSvn, 4) || !isHex(pceId, 4)) throw refusal('invalidRequest');
    if (encryptedPpid !== undefined && !isHex(encryptedPpid, 768)) throw refusal('invalidRequest');
    const svns = Buffer.from(cpuSvn, 'hex');
    const pce = Buffer.from(pceSvn, 'hex').readUInt16LE(0);
    const cached = this.cache.platforms.get(`${qeId}/${pceId}`);
    if (cached) {
      const best = [...cached.certs].find(([tcbm]) => {
        const level = Buffer.from(tcbm, 'hex');
        return atLeast(svns, [...level.subarray(0, 16)]) && pce >= level.readUInt16LE(16);
      });
      if (!best) throw refusal('noCacheData');
      const chain = this.cache.chains.get(cached.ca) ?? encodeURIComponent(pcs.authority.pckIssuerChain(cached.ca));
      return answered('application/x-pem-file', best[1], { 'SGX-TCBm': best[0], 'SGX-FMSPC': cached.fmspc, 'SGX-PCK-Certificate-CA-Type': cached.ca.toUpperCase(), 'SGX-PCK-Certificate-Issuer-Chain': chain });
    }
    if (this.mode !== 'lazy') throw refusal('platformUnknown');
    const platform =
      encryptedPpid === undefined ? (isHex(qeId, 32) ? platformOfQeId(world, new Uint8Array(Buffer.from(qeId, 'hex'))) : undefined) : platformOfEncryptedPpid(world, new Uint8Array(Buffer.from(encryptedPpid, 'hex')));
    if (!platform) throw refusal(encryptedPpid === undefined ? 'invalidRequest' : 'noCacheData');
    return this.#ofPlatform(platform, pceId, svns, pce);
  }

  #ofPlatform(platform: Platform, pceId: string, cpuSvn: Uint8Array, pceSvn: number): Answered {
    if (pceId !== PCE_ID) throw refusal('noCacheData');
    try {
      bestTcb(platform, cpuSvn, pceSvn, this.world.now());
    } catch (cause) {
      throw cause instanceof ServiceError ? refusal('noCacheData') : cause;
    }
    const { status, headers, body } = this.pcs.pckCert(platform, cpuSvn, pceSvn);
    return { status, body, headers: { ...headers, ...pckHeaders(this.pcs.authority, platform), 'SGX-PCK-Certificate-CA-Type': platform.ca.toUpperCase() } };
  }

  /** In mode `offline` a platform waits for the administrator; else its certificates are fetched now. */
  #register(registration: PlatformRegistration): void {
    const { world, mode } = this;
    const key = `${registration.qe_id.toUpperCase()}/${registration.pce_id.toUpperCase()}`;
    if (this.cache.platforms.has(key)) return;
    if (mode === 'offline') {
      if (this.#registered.size >= MOST_REGISTERED) throw refusal('unavailable');
      this.#registered.set(key, { ...registration, qe_id: registration.qe_id.toUpperCase(), pce_id: registration.pce_id.toUpperCase() });
      return;
    }
    const { platform_manifest: manifest, enc_ppid: encrypted } = registration;
    const platform = manifest ? platformOfManifest(world, new Uint8Array(Buffer.from(manifest, 'hex'))) : platformOfEncryptedPpid(world, new Uint8Array(Buffer.from(encrypted ?? '', 'hex')));
    if (!platform) throw refusal('noCacheData');
    if (mode === 'req') this.#fetch(key, platform);
  }

  #fetch(key: string, platform: Platform): void {
    const { certs, fmspc } = this.pcs.pckCertificates(platform);
    if (!this.cache.putPlatform(key, { fmspc, ca: platform.ca, certs })) throw refusal('unavailable');
  }

  #put(put: PlatformCollateralPut): void {
    const { collaterals } = put;
    const platforms = collaterals.pck_certs.map(({ qe_id, pce_id, certs }) => {
      const [first] = certs;
      const read = first && pckCertificate(decoded(first.cert));
      if (!read || !collaterals.tcbinfos.some(({ fmspc }) => fmspc.toUpperCase() === read.fmspc)) throw refusal('invalidRequest');
      return { key: `${qe_id.toUpperCase()}/${pce_id.toUpperCase()}`, platform: { ...read, certs: new Map(certs.map(({ tcbm, cert }) => [tcbm.toUpperCase(), decoded(cert)])) } };
    });
    if (!oneRoot(collaterals.certificates)) throw refusal('integrity');
    for (const { key, platform } of platforms) if (!this.cache.putPlatform(key, platform)) throw refusal('unavailable');
    this.cache.put(put);
  }

  #authenticate(request: ServiceRequest, header: string, token: string): void {
    const digest = (text: string): Uint8Array => createHash('sha512').update(text).digest();
    const given = request.header(header);
    if (given === undefined || !timingSafeEqual(digest(given), digest(token))) throw refusal('unauthorized');
  }
}

const done = (): Answered => answered('text/html; charset=utf-8', PCCS_STATUS.success[1]);
const isHex = (text: string | undefined, digits: number): text is string => text !== undefined && text.length === digits && /^[0-9A-F]*$/i.test(text);

function updateOf(query: Query): Update {
  const update = (query.first('update') || 'standard').toLowerCase();
  if (update !== 'standard' && update !== 'early') throw refusal('invalidRequest');
  return update;
}

function parsed<S extends z.ZodType>(schema: S, request: ServiceRequest): z.output<S> {
  try {
    return schema.parse(jsonObject(request));
  } catch (cause) {
    throw cause instanceof z.ZodError || cause instanceof ServiceError ? refusal('invalidRequest') : cause;
  }
}

/** Percent-decoded text. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw refusal('invalidRequest');
  }
}

/** Whether every chain ends in the same certificate. */
function oneRoot(chains: PlatformCollateralPut['collaterals']['certificates']): boolean {
  const { PROCESSOR, PLATFORM } = chains['SGX-PCK-Certificate-Issuer-Chain'];
  const all = [PROCESSOR, PLATFORM, chains['TCB-Info-Issuer-Chain'], chains['SGX-Enclave-Identity-Issuer-Chain']].filter((chain) => chain !== undefined);
  const roots = all.map((chain) => decoded(chain).split('-----BEGIN CERTIFICATE-----').at(-1)?.replace(/\s/g, ''));
  return new Set(roots).size <= 1;
}
