/**
 * NVIDIA's OCSP responder (RFC 6960): for every authority of NVIDIA's, by a responder whose certificate that authority issued, as the genuine one
 * answers. Answers to requests with a nonce are signed one by one; those without are the same for a minute.
 *
 * Where the genuine service's answer is not known from a record, this one says so: the attestation key of a device is certified by the device
 * itself, so nobody at NVIDIA can answer for it (`unauthorized`), and the same goes for an authority that is not NVIDIA's, or one request about
 * certificates of several authorities; a service key in `Authorization` is passed over; a signature under a request is not looked at.
 */
import { type NvidiaAuthority, nvidiaAuthorityOf } from '../../h100/pki/authority.ts';
import type { EcSigner } from '../../crypto/sign.ts';
import { type CertId, type CertIdHash, type CertIssuer, integerContents, issuerHashes } from '../../pki/ocsp/cert-id.ts';
import { issueOcspResponse, type OcspSpec, responderKeyHash } from '../../pki/ocsp/issue.ts';
import type { ReadOcspRequest } from '../../pki/ocsp/request.ts';
import type { CertificateStatus } from '../../pki/ocsp/response.ts';
import type { CertificateSpec } from '../../pki/issue.ts';
import { NVIDIA_CHIPS, type NvidiaChip } from '../../pki/profiles/nvidia-chips.ts';
import { NVIDIA_PROFILES, type NvidiaCaId, OCSP_HOST } from '../../pki/profiles/nvidia.ts';
import { readCertificate } from '../../pki/read.ts';
import type { World } from '../../world.ts';
import { Cache } from '../http/cache.ts';
import { type Reply, type ServiceRequest, textReply } from '../http/message.ts';
import { type Params, RouteTable } from '../http/route.ts';
import type { Service } from '../http/service.ts';
import { OCSP_FAULTS } from './faults.ts';
import { ocspErrorReply, ocspReply, requestOf } from './ocsp-message.ts';

/** How an {@link NvidiaOcsp} is set up. */
export interface NvidiaOcspOptions {
  readonly world: World;
  /** NVIDIA's keys; the World's own unless given. */
  readonly authority?: NvidiaAuthority;
}

/** What the responder would do otherwise. */
export interface OcspChange {
  /** Changes the answer before it is signed. @param asked what was asked */
  readonly edit?: (spec: OcspSpec, asked: ReadOcspRequest) => OcspSpec;
  /** Signs in place of the right key. */
  readonly signedBy?: EcSigner;
  /** How the responder's certificate differs. */
  readonly responder?: { readonly edit?: (spec: CertificateSpec) => CertificateSpec; readonly signedBy?: EcSigner };
  /** Answer as if another authority had been asked. */
  readonly issuer?: NvidiaCaId;
}

const MINUTE = 60_000;
/** How long an answer holds. */
export const OCSP_LIFETIME = 86_400_000;
/** Answers without a nonce that are kept. */
const CACHED = 4096;
const PDI_BYTES = 8;
const hex = (src: Uint8Array): string => Buffer.from(src).toString('hex');

/** The authorities somebody answers for. */
const ANSWERED = [...NVIDIA_PROFILES].flatMap(([id, { responder }]) => (responder ? [id as NvidiaCaId] : []));

/** The service. */
export class NvidiaOcsp implements Service {
  readonly name = 'ocsp';
  readonly hosts: readonly string[] = [OCSP_HOST];
  readonly faults = OCSP_FAULTS;
  readonly routes: RouteTable;
  readonly world: World;
  readonly authority: NvidiaAuthority;
  /** By hash: authorities by the hashes of their name and key, as hex. */
  readonly #issuers = new Map<CertIdHash, ReadonlyMap<string, NvidiaCaId>>();
  /** Serials of what an authority has issued, as hex. */
  readonly #serials = new Map<NvidiaCaId, ReadonlySet<string>>();
  readonly #keyHashes = new Map<NvidiaCaId, Uint8Array>();
  readonly #answers = new Cache<Reply>(CACHED);
  #period = '';

  constructor({ world, authority = nvidiaAuthorityOf(world) }: NvidiaOcspOptions) {
    this.world = world;
    this.authority = authority;
    this.routes = new RouteTable([
      { operation: 'ocsp.post', method: 'POST', path: '/', doc: 'an OCSP request in DER (RFC 6960 appendix A.1)', handle: (request) => this.#post(request) },
      {
        operation: 'ocsp.get',
        method: 'GET',
        path: '/:request{M[0-9A-Za-z+/=]+}',
        doc: 'an OCSP request in base64, percent-encoded (RFC 6960 appendix A.1)',
        handle: (_: ServiceRequest, params: Params) => this.#get(params),
      },
    ]);
  }

  /** Answers a request. @param src what may be an OCSPRequest in DER */
  answer(src: Uint8Array): Reply {
    const key = Buffer.from(src.buffer, src.byteOffset, src.byteLength).toString('base64');
    const kept = this.#kept().find(key);
    if (kept) return kept;
    const asked = requestOf(src);
    if (!asked) return ocspErrorReply('malformedRequest');
    return asked.nonce ? this.reply(asked) : this.#answers.get(key, () => this.reply(asked));
  }

  /** The answer to a request, signed anew. */
  reply(asked: ReadOcspRequest, change: OcspChange = {}): Reply {
    const issuer = change.issuer ?? this.#issuerOf(asked.requests.map(({ certId }) => certId));
    if (!issuer) return ocspErrorReply('unauthorized');
    const { signer, certificate } = this.authority.ocspResponder(issuer, change.responder);
    const producedAt = this.#producedAt(issuer, asked.nonce !== undefined);
    const spec: OcspSpec = {
      responder: this.#keyHash(issuer, signer),
      producedAt,
      responses: asked.requests.map(({ certId }) => ({ certId: certId.der, status: this.status(issuer, certId.serial), thisUpdate: producedAt, nextUpdate: producedAt + OCSP_LIFETIME })),
      ...(asked.nonce ? { nonce: asked.nonce } : {}),
      certificates: [certificate.der],
    };
    return ocspReply(issueOcspResponse(change.edit ? change.edit(spec, asked) : spec, change.signedBy ?? signer));
  }

  /** What is to be said of a certificate. @param serial unsigned, big-endian */
  status(issuer: NvidiaCaId, serial: Uint8Array): CertificateStatus {
    const revocation = this.authority.revocation(issuer, serial);
    if (revocation) return { kind: 'revoked', at: revocation.at, reason: revocation.reason };
    return { kind: this.#hasIssued(issuer, serial) ? 'good' : 'unknown' };
  }

  /** Changes whenever an answer without a nonce would. */
  get period(): string {
    return `${Math.floor(this.world.now() / MINUTE)}/${this.authority.revision}`;
  }

  /** Takes every revocation back. */
  reset(): void {
    this.authority.reinstate();
  }

  /** A refusal in plain text. */
  refuse(status: number, message: string): Reply {
    return textReply(status, message);
  }

  #post(request: ServiceRequest): Reply {
    const type = request.header('content-type');
    if (type !== undefined && !/^application\/ocsp-request\s*(;|$)/i.test(type)) return this.refuse(415, 'a request is of the type application/ocsp-request');
    return this.answer(request.body);
  }

  /** Answers to requests without a nonce that still hold, by the request in base64. */
  #kept(): Cache<Reply> {
    const { period } = this;
    if (period !== this.#period) this.#answers.clear();
    this.#period = period;
    return this.#answers;
  }

  #get({ request = '' }: Params): Reply {
    const kept = this.#kept().find(request);
    if (kept) return kept;
    const bytes = Buffer.from(request, 'base64');
    // Base64 in another form is the same request for a cache, and another for whoever compares.
    return bytes.toString('base64') === request ? this.answer(new Uint8Array(bytes)) : ocspErrorReply('malformedRequest');
  }

  /** When an answer is made: those without a nonce at the start of each minute, or when something was revoked after that. */
  #producedAt(issuer: NvidiaCaId, fresh: boolean): number {
    const now = this.world.now();
    if (fresh) return Math.floor(now / 1000) * 1000;
    return this.authority.revocations(issuer).reduce((latest, { at }) => Math.max(latest, at), Math.floor(now / MINUTE) * MINUTE);
  }

  #issuerOf(ids: readonly CertId[]): NvidiaCaId | undefined {
    const [first, ...others] = ids.map(({ hash, issuerNameHash, issuerKeyHash }) => hash && this.#issuersBy(hash).get(hex(issuerNameHash) + hex(issuerKeyHash)));
    return others.every((other) => other === first) ? first : undefined;
  }

  #keyHash(issuer: NvidiaCaId, { spki }: EcSigner): Uint8Array {
    const known = this.#keyHashes.get(issuer) ?? responderKeyHash(spki);
    this.#keyHashes.set(issuer, known);
    return known;
  }

  #issuersBy(hash: CertIdHash): ReadonlyMap<string, NvidiaCaId> {
    const known = this.#issuers.get(hash) ?? new Map(ANSWERED.map((id) => [issuerKey(hash, readCertificate(this.authority.certificate(id).der)), id]));
    this.#issuers.set(hash, known);
    return known;
  }

  #hasIssued(issuer: NvidiaCaId, serial: Uint8Array): boolean {
    const chip = /^provisioner\/(.+)$/.exec(issuer)?.[1] as NvidiaChip | undefined;
    // Any PDI is that of a device, as any chip id is that of a chip.
    if (chip && serial.length === 1 + PDI_BYTES && serial[0] === NVIDIA_CHIPS[chip].serialPrefix) return true;
    const known = this.#serials.get(issuer) ?? new Set([...NVIDIA_PROFILES].flatMap(([id, profile]) => (profile.issuer === issuer ? [hex(integerContents(this.authority.serial(id)))] : [])));
    this.#serials.set(issuer, known);
    return known.has(hex(serial)) || hex(serial) === hex(integerContents(this.authority.ocspResponder(issuer).certificate.spec.serial));
  }
}

function issuerKey(hash: CertIdHash, issuer: CertIssuer): string {
  const { name, key } = issuerHashes(hash, issuer);
  return hex(name) + hex(key);
}
