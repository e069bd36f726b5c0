/**
 * NVIDIA's remote attestation service (NRAS): judges evidence of GPUs and switches by the verifier that it is handed, and says the verdict in signed
 * tokens. Versions 1 to 4 of its interface differ in the claims that are given unless a client says which it wants: 3.0 from version 4 on.
 *
 * The issuer is the base URL by which the client knows the service, as that of each genuine deployment is its own. Source: NVIDIA's documentation,
 * genuine requests, answers and key set; the bodies of refusals, `/` and `/health` are assumed. A service key in `Authorization` is passed over.
 */
import { uuidText } from '../../../crypto/uuid.ts';
import { type NvidiaAuthority, nvidiaAuthorityOf } from '../../../h100/pki/authority.ts';
import type { ClaimsVersion, ErrorDetails } from '../../../h100/eat/claims.ts';
import { type RimLibrary, rimLibraryOf } from '../../../h100/rim/library.ts';
import type { World } from '../../../world.ts';
import type { Reply, ServiceRequest } from '../../http/message.ts';
import { type Route, RouteTable } from '../../http/route.ts';
import type { Service } from '../../http/service.ts';
import type { NvidiaOcsp } from '../ocsp.ts';
import type { Appraise, DeviceAppraisal } from './appraise.ts';
import { REQUEST_ERRORS, type RequestError } from './errors.ts';
import { NRAS_FAULTS } from './faults.ts';
import { readAttestRequest } from './request.ts';
import { detachedEat, type EatChange } from './tokens.ts';

/** Host of the genuine service. */
export const NRAS_HOST = 'nras.attestation.nvidia.com';

/** What an {@link Nras} is made of. */
export interface NrasOptions {
  readonly world: World;
  /** Who says whether certificates are revoked. */
  readonly ocsp: NvidiaOcsp;
  /** Who judges the evidence. Without it, every request is answered 503: the emulator alone judges nothing. */
  readonly appraise?: Appraise;
  readonly authority?: NvidiaAuthority;
  readonly library?: RimLibrary;
}

/** Which interfaces there are: no switches in the first. */
const INTERFACES: readonly { readonly path: string; readonly device: 'gpu' | 'switch'; readonly version: ClaimsVersion }[] = (['v1', 'v2', 'v3', 'v4'] as const).flatMap((name) => {
  const version: ClaimsVersion = name === 'v4' ? '3.0' : '2.0';
  return (name === 'v1' ? (['gpu'] as const) : (['gpu', 'switch'] as const)).map((device) => ({ path: `/${name}/attest/${device}`, device, version }));
});

const HEADERS = { 'Content-Type': 'application/json' } as const;
const HOLD_HEADER = 'x-nvidia-ocsp-allow-cert-hold';
const NO_VERIFIER = 'This NRAS was given no verifier, so it cannot judge evidence. Hand one in: the option nras.appraise, as teemu serve and teemu/vitest do.';

/** The service. */
export class Nras implements Service {
  readonly name = 'nras';
  readonly hosts: readonly string[] = [NRAS_HOST];
  readonly faults = NRAS_FAULTS;
  readonly routes: RouteTable;
  readonly world: World;
  readonly authority: NvidiaAuthority;
  readonly #library: RimLibrary;
  readonly #ocsp: NvidiaOcsp;
  readonly #appraise: Appraise | undefined;

  constructor({ world, ocsp, appraise, authority = nvidiaAuthorityOf(world), library = rimLibraryOf(world) }: NrasOptions) {
    this.world = world;
    this.authority = authority;
    this.#library = library;
    this.#ocsp = ocsp;
    this.#appraise = appraise;
    this.routes = new RouteTable([
      ...INTERFACES.map(
        ({ path, device }): Route => ({
          operation: `nras.attest.${device}`,
          method: 'POST',
          path,
          doc: `judges evidence of one or more ${device === 'gpu' ? 'GPUs' : 'switches'}`,
          handle: (request) => this.attest(request),
        }),
      ),
      { operation: 'nras.jwks', method: 'GET', path: '/.well-known/jwks.json', doc: 'the keys that tokens are signed with', handle: () => this.reply(200, { keys: this.keySet() }) },
      { operation: 'nras.health', method: 'GET', path: '/health', doc: 'whether it is up', handle: () => this.reply(200, { status: 'UP' }) },
      { operation: 'nras.info', method: 'GET', path: '/', doc: 'where it is documented', handle: () => this.reply(200, { documentation: 'https://docs.nvidia.com/attestation/' }) },
    ]);
  }

  /** The answer to a request for attestation. */
  attest(request: ServiceRequest, change: EatChange = {}): Reply {
    const face = INTERFACES.find(({ path }) => request.path.endsWith(path));
    if (!face) return this.refuse(404, 'there is no such interface');
    const { device, version, path } = face;
    const asked = readAttestRequest(request.body, device, version);
    if (typeof asked === 'string') return this.refusal(asked);
    const appraise = this.#appraise;
    if (!appraise) return this.refuse(503, NO_VERIFIER);
    const { world, authority } = this;
    const shared = {
      device,
      arch: asked.arch,
      nonce: asked.nonce,
      at: world.now(),
      allowCertificateHold: request.header(HOLD_HEADER)?.trim().toLowerCase() === 'true',
      roots: { device: authority.root('device').der, rim: authority.root('rim').der },
      rim: (id: string): Uint8Array | undefined => this.#library.find(id)?.document,
      ocsp: (der: Uint8Array): Uint8Array => this.#ocsp.answer(der).body,
    };
    const appraisals = asked.devices.map(({ evidence, certificate }): DeviceAppraisal => appraise({ ...shared, evidence, certificateChain: certificate }));
    return this.reply(200, detachedEat({ world, device, version: asked.version, issuer: issuerOf(request, path), nonce: asked.nonceText, appraisals, key: authority.nras() }, change));
  }

  /** The key set, as JSON Web Keys with their certificates. */
  keySet(): Readonly<Record<string, unknown>>[] {
    return this.authority.nrasKeys().map(({ kid, signer, chain }) => {
      const { x, y } = signer.publicKey.export({ format: 'jwk' });
      return { kty: 'EC', crv: signer.curve, kid, x5c: chain.map(({ der }) => Buffer.from(der).toString('base64')), x, y };
    });
  }

  /** An answer in JSON. */
  reply(status: number, value: unknown): Reply {
    return { status, headers: HEADERS, own: ['X-Request-Id', uuidText(this.world.random('nvidia/nras/request-id', 16))], body: Buffer.from(JSON.stringify(value), 'utf8') };
  }

  /** The answer to a request that cannot be. */
  refusal(error: RequestError): Reply {
    const { code, fieldName, httpStatus, description, message }: ErrorDetails = REQUEST_ERRORS[error];
    return this.reply(400, { code, fieldName, httpStatus, description, message });
  }

  /** A refusal in the form of the service's errors. */
  refuse(status: number, message: string): Reply {
    return this.reply(status, { code: status * 10, httpStatus: String(status), description: message, message: 'REQUEST_REFUSED' });
  }

  /** There is nothing that it was told. */
  reset(): void {}
}

/** The base URL that a client asked at: NVIDIA's host, or whatever stands for it. @param path of the interface */
function issuerOf(request: ServiceRequest, path: string): string {
  const host = request.header('host') ?? '';
  if (request.host === NRAS_HOST || !/^[A-Za-z0-9.:[\]_-]{1,255}$/.test(host)) return `https://${NRAS_HOST}`;
  return `http://${host}${request.path.slice(0, request.path.length - path.length)}`;
}
