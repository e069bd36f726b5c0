/**
 * Intel's Provisioning Certification Service, version 4, with the registration service and the host that serves the root's list: everything
 * that a verifier or a platform asks of Intel.
 *
 * Where the genuine service's answer is not known from a record or its specification, this one says so: parameters that it does not know are
 * passed over, a refusal has no body and says why in `Error-Message`; `pckcerts/config` gives the levels that the CPUSVN reaches; packages
 * can't be added to a platform.
 */
import { ServiceError } from '../../errors.ts';
import { pem } from '../../pki/der.ts';
import { CA_ROLE, type IntelAuthority, intelAuthorityOf } from '../../tdx/authority.ts';
import { type EvaluationChoice, IntelCollateral, type SignedDocument } from '../../tdx/collateral/collateral.ts';
import { platformOfEncryptedPpid, platformOfManifest, ppid, tcbm } from '../../tdx/platform/id.ts';
import { modelOfFmspc, PLATFORM_MODELS } from '../../tdx/platform/models.ts';
import { fmspcOf, type PckCa, type Platform } from '../../tdx/platform/platform.ts';
import type { EnclaveName } from '../../tdx/tcb/enclaves.ts';
import type { PcsTee } from '../../tdx/tcb/tcb-info.ts';
import type { World } from '../../world.ts';
import type { Reply, ServiceRequest } from '../http/message.ts';
import { type Route, RouteTable } from '../http/route.ts';
import type { Service } from '../http/service.ts';
import { Cache } from '../http/cache.ts';
import { type RateLimit, Throttle } from '../kds/throttle.ts';
import { PCS_FAULTS } from './faults.ts';
import { bestTcb, checkPceId, LONGEST_MANIFEST, pckCertList, pckHeaders, pckTcbs } from './pck.ts';
import { evaluationChoice, fmspcText, hexOf, jsonObject, pckCaOf, Query } from './query.ts';

/** How a {@link Pcs} is set up. */
export interface PcsOptions {
  readonly world: World;
  /** Intel's keys; the World's own unless given. */
  readonly authority?: IntelAuthority;
  /** Limits requests for PCK certificates; off unless given. */
  readonly rateLimit?: RateLimit;
  /** Values of `Ocp-Apim-Subscription-Key` that may ask for PCK certificates; anybody may unless given. */
  readonly subscriptionKeys?: readonly string[];
}

/** An answer but for its Request-ID. */
export type Answered = Readonly<Pick<Reply, 'status' | 'headers' | 'body'>>;
/** Makes an answer to a query. @throws {ServiceError} to refuse */
type Handle = (query: Query, request: ServiceRequest) => Answered;

const JSON_TYPE = 'application/json';
const PEM_TYPE = 'application/x-pem-file';
/** Answers that are kept: up to 12 kB each. */
const CACHED = 1024;
/** A target longer than this is answered, but not remembered. A target names one answer only, whatever it was mounted under. */
const LONGEST_KEY = 1200;
const SGX = '/sgx/certification/v4';
const TDX = '/tdx/certification/v4';
const KEY_HEADER = 'ocp-apim-subscription-key';

/** An answer of status 200. */
export function answered(type: string, body: string | Uint8Array, headers: Readonly<Record<string, string>> = {}): Answered {
  return { status: 200, headers: { 'Content-Type': type, ...headers }, body: typeof body === 'string' ? Buffer.from(body, 'utf8') : body };
}

/** Text as a header can hold it. */
export function headerText(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 300);
}

/** The service. */
export class Pcs implements Service {
  readonly name = 'pcs';
  readonly hosts: readonly string[] = ['api.trustedservices.intel.com', 'certificates.trustedservices.intel.com'];
  readonly faults = PCS_FAULTS;
  readonly routes: RouteTable;
  readonly world: World;
  readonly authority: IntelAuthority;
  readonly collateral: IntelCollateral;
  readonly #throttle: Throttle | undefined;
  readonly #keys: readonly string[] | undefined;
  readonly #answers = new Cache<Answered>(CACHED);
  #period = '';
  readonly #idHead: string;
  #requests = 0;

  constructor({ world, authority = intelAuthorityOf(world), rateLimit, subscriptionKeys }: PcsOptions) {
    this.world = world;
    this.authority = authority;
    this.collateral = new IntelCollateral(authority);
    this.#throttle = rateLimit && new Throttle(rateLimit);
    this.#keys = subscriptionKeys;
    this.#idHead = Buffer.from(world.derive('intel/request-id', 8)).toString('hex');
    this.routes = new RouteTable([...this.#pckRoutes(), ...this.#collateralRoutes(), ...this.#certificateRoutes(), ...this.#registrationRoutes()]);
  }

  /** TCB info as the service hands it out. @throws {ServiceError} 404 for an FMSPC that there is not */
  tcb(tee: PcsTee, fmspc: string, choice: EvaluationChoice): Answered {
    if (!modelOfFmspc(fmspc)) throw new ServiceError(404, `there is no TCB info for ${fmspc}`);
    return this.tcbReply(this.collateral.tcbInfo(tee, fmspc, choice));
  }

  /** A TCB info with its headers. */
  tcbReply({ body }: SignedDocument): Answered {
    return answered(JSON_TYPE, body, { 'TCB-Info-Issuer-Chain': this.signingChain() });
  }

  /** An enclave's identity with its headers. */
  identityReply({ body }: SignedDocument): Answered {
    return answered(JSON_TYPE, body, { 'SGX-Enclave-Identity-Issuer-Chain': this.signingChain() });
  }

  /** A list of an intermediate authority with its headers. */
  pckCrlReply(ca: PckCa, der: Uint8Array, encoding: 'pem' | 'der'): Answered {
    const headers = { 'SGX-PCK-CRL-Issuer-Chain': encodeURIComponent(this.authority.pckIssuerChain(ca)) };
    return encoding === 'der' ? answered('application/pkix-crl', der, headers) : answered(PEM_TYPE, pem('X509 CRL', der), headers);
  }

  /** The PCK certificate of a machine at the best level that it has. @param cpuSvn 16 bytes @throws {ServiceError} 404 */
  pckCert(platform: Platform, cpuSvn: Uint8Array, pceSvn: number): Answered {
    const tcb = bestTcb(platform, cpuSvn, pceSvn, this.world.now());
    return answered(PEM_TYPE, this.authority.pck(platform, tcb).pem, { ...pckHeaders(this.authority, platform), 'SGX-TCBm': tcbm(tcb) });
  }

  /** Every certificate of a machine, by TCBm (36 upper-case hex digits), newest first; PEM. */
  pckCertificates(platform: Platform): { readonly fmspc: string; readonly certs: ReadonlyMap<string, string> } {
    const certs = new Map(pckTcbs(platform, this.world.now()).map((tcb) => [tcbm(tcb), this.authority.pck(platform, tcb).pem]));
    return { fmspc: fmspcOf(platform).toUpperCase(), certs };
  }

  /** The machine whose encrypted PPID a query names. @throws {ServiceError} 400, 404 */
  platformAsked(query: Query): Platform {
    return known(platformOfEncryptedPpid(this.world, query.hex('encrypted_ppid', 384)), 'encrypted PPID');
  }

  /** The chain over documents as a header's value: percent-encoded, so that no `+` is left. */
  signingChain(): string {
    return encodeURIComponent(this.authority.tcbSigningChain());
  }

  /** The answer with a Request-ID: 32 hex digits, counted on from a number of the World's. */
  stamped({ status, headers, body }: Answered): Reply {
    return { status, headers, own: ['Request-ID', `${this.#idHead}${(++this.#requests).toString(16).padStart(16, '0')}`], body };
  }

  /** A refusal: no body; `Error-Code` and `Error-Message` say why. */
  refuse(status: number, message: string): Reply {
    const code = status === 400 ? { 'Error-Code': 'InvalidRequestSyntax' } : {};
    return this.stamped({ status, headers: { ...code, 'Error-Message': headerText(message) }, body: new Uint8Array(0) });
  }

  /** Takes back revocations, statuses and rate limits. */
  reset(): void {
    this.authority.reinstate();
    this.#throttle?.reset();
    this.#answers.clear();
    this.#requests = 0;
  }

  /** A row whose answers depend on the query, the day and what was revoked only: they are kept. */
  #cached(operation: string, path: string, doc: string, handle: Handle): Route {
    return {
      operation: `pcs.${operation}`,
      method: 'GET',
      path,
      doc,
      handle: (request) => {
        const { period } = this.authority;
        if (period !== this.#period) this.#answers.clear();
        this.#period = period;
        const make = (): Answered => handle(new Query(request.query), request);
        return this.stamped(request.target.length > LONGEST_KEY ? make() : this.#answers.get(request.target, make));
      },
    };
  }

  #collateralRoutes(): Route[] {
    const choice = (query: Query): EvaluationChoice => evaluationChoice(query, this.world.now());
    const tcb =
      (tee: PcsTee): Handle =>
      (query) =>
        this.tcb(tee, fmspcText(query), choice(query));
    const identity =
      (name: EnclaveName): Handle =>
      (query) =>
        this.identityReply(this.collateral.identity(name, choice(query)));
    const evaluations =
      (tee: PcsTee): Handle =>
      () =>
        answered(JSON_TYPE, this.collateral.evaluationNumbers(tee).body, { 'TCB-Evaluation-Data-Numbers-Issuer-Chain': this.signingChain() });
    return [
      this.#cached('tcb.tdx', `${TDX}/tcb`, 'TDX TCB info of an FMSPC', tcb('tdx')),
      this.#cached('tcb.sgx', `${SGX}/tcb`, 'SGX TCB info of an FMSPC', tcb('sgx')),
      this.#cached('identity.td-qe', `${TDX}/qe/identity`, 'identity of the TD quoting enclave', identity('TD_QE')),
      this.#cached('identity.qe', `${SGX}/qe/identity`, 'identity of the SGX quoting enclave', identity('QE')),
      this.#cached('identity.qve', `${SGX}/qve/identity`, 'identity of the quote verification enclave', identity('QVE')),
      this.#cached('identity.qae', `${SGX}/qae/identity`, 'identity of the quote appraisal enclave', identity('QAE')),
      this.#cached('evaluations.tdx', `${TDX}/tcbevaluationdatanumbers`, 'TCB evaluations that are served', evaluations('tdx')),
      this.#cached('evaluations.sgx', `${SGX}/tcbevaluationdatanumbers`, 'TCB evaluations that are served', evaluations('sgx')),
      this.#cached('fmspcs', `${SGX}/fmspcs`, 'FMSPCs of a class of platforms', (query) => answered(JSON_TYPE, JSON.stringify(fmspcs(query.word('platform', ['all', 'client', 'E3', 'E5'], 'all'))))),
    ];
  }

  #certificateRoutes(): Route[] {
    const der = 'application/pkix-cert';
    const rootCrl: Handle = () => answered('binary/octet-stream', this.authority.crl('ROOT'));
    return [
      this.#cached('pckcrl', `${SGX}/pckcrl`, 'revocation list of an intermediate authority, in PEM or DER', (query) => {
        const ca = pckCaOf(query);
        return this.pckCrlReply(ca, this.authority.crl(CA_ROLE[ca]), query.word('encoding', ['pem', 'der'], 'pem'));
      }),
      this.#cached('rootcrl', '/IntelSGXRootCA.der', "the root's revocation list, in DER", rootCrl),
      this.#cached('rootcrl', '/IntelSGXRootCA.crl', "the root's revocation list, in DER", rootCrl),
      this.#cached('rootcert', '/Intel_SGX_Provisioning_Certification_RootCA.cer', 'the root certificate, in DER', () => answered(der, this.authority.certificate('ROOT').der)),
      this.#cached('rootcert', '/Intel_SGX_Provisioning_Certification_RootCA.pem', 'the root certificate, in PEM', () => answered(PEM_TYPE, this.authority.certificate('ROOT').pem)),
    ];
  }

  #pckRoutes(): Route[] {
    const byPpid = (query: Query, request: ServiceRequest): Platform => {
      this.#checkKey(request);
      if ((request.header('ppid-encryption-key') ?? 'RSA-3072') !== 'RSA-3072') throw new ServiceError(400, 'PPID-Encryption-Key is RSA-3072');
      return this.platformAsked(query);
    };
    const pceId = (query: Query): void => checkPceId(query.hex('pceid', 2));
    const get = (operation: string, path: string, doc: string, handle: Handle): Route => {
      const row = this.#cached(operation, path, doc, handle);
      return this.#throttle || this.#keys ? { ...row, handle: (request) => this.#throttled(request) ?? this.stamped(handle(new Query(request.query), request)) } : row;
    };
    const post = (operation: string, path: string, doc: string, handle: (body: Readonly<Record<string, unknown>>, platform: Platform) => Answered): Route => ({
      operation: `pcs.${operation}`,
      method: 'POST',
      path,
      doc,
      handle: (request) => {
        this.#checkKey(request);
        const body = jsonObject(request);
        checkPceId(hexOf('pceid', body.pceid, 2));
        return this.#throttled(request) ?? this.stamped(handle(body, this.#byManifest(body.platformManifest)));
      },
    });
    const list = (platform: Platform, cpuSvn?: Uint8Array): Answered =>
      answered(JSON_TYPE, JSON.stringify(pckCertList(this.authority, platform, pckTcbs(platform, this.world.now(), cpuSvn))), pckHeaders(this.authority, platform));
    return [
      get('pckcert', `${SGX}/pckcert`, 'the PCK certificate of a platform at its TCB, by its encrypted PPID', (query, request) => {
        const [cpuSvn, pceSvn] = [query.hex('cpusvn', 16), query.hex('pcesvn', 2)];
        pceId(query);
        return this.pckCert(byPpid(query, request), cpuSvn, Buffer.from(pceSvn).readUInt16LE(0));
      }),
      get('pckcerts', `${SGX}/pckcerts`, 'the PCK certificates of a platform for every TCB level, by its encrypted PPID', (query, request) => {
        pceId(query);
        return list(byPpid(query, request));
      }),
      get('pckcerts', `${SGX}/pckcerts/config`, 'those for the levels that a CPUSVN reaches', (query, request) => {
        const cpuSvn = query.hex('cpusvn', 16);
        pceId(query);
        return list(byPpid(query, request), cpuSvn);
      }),
      post('pckcert', `${SGX}/pckcert`, 'the same by its platform manifest', (body, platform) => this.pckCert(platform, hexOf('cpusvn', body.cpusvn, 16), Buffer.from(hexOf('pcesvn', body.pcesvn, 2)).readUInt16LE(0))),
      post('pckcerts', `${SGX}/pckcerts`, 'the same by its platform manifest', (_, platform) => list(platform)),
      post('pckcerts', `${SGX}/pckcerts/config`, 'the same by its platform manifest', (body, platform) => list(platform, hexOf('cpusvn', body.cpusvn, 16))),
    ];
  }

  #registrationRoutes(): Route[] {
    const refused = (status: number, code: string, message: string): Reply => this.stamped({ status, headers: { 'Error-Code': code, 'Error-Message': message }, body: new Uint8Array(0) });
    const binary = (request: ServiceRequest): boolean => /^application\/octet-stream\b/i.test(request.header('content-type') ?? '');
    return [
      {
        operation: 'pcs.register',
        method: 'POST',
        path: '/sgx/registration/v1/platform',
        doc: "registers a platform by its manifest; gives its PPID. Every platform of the World's is known anyway",
        handle: (request) => {
          if (!binary(request)) throw new ServiceError(415, 'a platform manifest is application/octet-stream');
          const platform = platformOfManifest(this.world, request.body);
          if (!platform) return refused(400, 'InvalidPlatformManifest', 'no platform made that manifest');
          return this.stamped({ status: 201, headers: { 'Content-Type': 'text/plain' }, body: Buffer.from(Buffer.from(ppid(this.world, platform)).toString('hex').toUpperCase(), 'latin1') });
        },
      },
      {
        operation: 'pcs.add-package',
        method: 'POST',
        path: '/sgx/registration/v1/package',
        doc: 'adds packages to a platform: refused, since emulated platforms have all of theirs',
        handle: (request) => {
          if (request.header(KEY_HEADER) === undefined) throw new ServiceError(401, 'a subscription key is needed');
          if (!binary(request)) throw new ServiceError(415, 'an add request is application/octet-stream');
          return refused(400, 'InvalidAddRequest', 'emulated platforms have all of their packages');
        },
      },
    ];
  }

  #byManifest(text: unknown): Platform {
    if (typeof text !== 'string' || text.length > 2 * LONGEST_MANIFEST || text.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(text)) throw new ServiceError(400, 'platformManifest is hexadecimal');
    return known(platformOfManifest(this.world, new Uint8Array(Buffer.from(text, 'hex'))), 'platform manifest');
  }

  #checkKey(request: ServiceRequest): void {
    if (this.#keys && !this.#keys.includes(request.header(KEY_HEADER) ?? '')) throw new ServiceError(401, 'the subscription key is missing or unknown');
  }

  #throttled(request: ServiceRequest): Reply | undefined {
    const seconds = this.#throttle?.wait(this.#throttle.limit.per === 'client' ? request.client() : request.query, this.world.now()) ?? 0;
    return seconds === 0 ? undefined : this.stamped({ status: 429, headers: { 'Retry-After': String(seconds) }, body: new Uint8Array(0) });
  }
}

/** The list of FMSPCs: emulated platforms are all of the class E5. */
function fmspcs(platform: 'all' | 'client' | 'E3' | 'E5'): { fmspc: string; platform: string }[] {
  if (platform !== 'all' && platform !== 'E5') return [];
  return [...new Set(Object.values(PLATFORM_MODELS).map(({ fmspc }) => fmspc.toUpperCase()))].map((fmspc) => ({ fmspc, platform: 'E5' }));
}

function known(platform: Platform | undefined, by: string): Platform {
  if (!platform) throw new ServiceError(404, `no platform has that ${by}`);
  return platform;
}
