/**
 * The host with NVIDIA's revocation lists, at the URLs that the certificates name. Verifiers ask the OCSP responder instead, and no genuine list is
 * public: their form is that of RFC 5280 §5, and assumed.
 */
import { ServiceError } from '../../errors.ts';
import type { NvidiaAuthority } from '../../h100/pki/authority.ts';
import { CRL_PERIOD } from '../../pki/profiles/nvidia-crl.ts';
import { CRL_HOST, NVIDIA_PROFILES, type NvidiaCaId } from '../../pki/profiles/nvidia.ts';
import { type Reply, textReply } from '../http/message.ts';
import { RouteTable } from '../http/route.ts';
import type { Service } from '../http/service.ts';

const HEADERS = { 'Content-Type': 'application/pkix-crl' } as const;

/** Who publishes a list, by the path of its URL. */
const PUBLISHERS: ReadonlyMap<string, NvidiaCaId> = new Map([...NVIDIA_PROFILES].flatMap(([id, { crlUrl }]) => (crlUrl === undefined ? [] : [[new URL(crlUrl).pathname, id as NvidiaCaId]])));

/** The service. */
export class NvidiaCrl implements Service {
  readonly name = 'crl';
  readonly hosts: readonly string[] = [CRL_HOST];
  readonly faults = [];
  readonly authority: NvidiaAuthority;
  readonly routes = new RouteTable([...PUBLISHERS].map(([path, id]) => ({ operation: 'crl.list', method: 'GET', path, doc: `the revocation list of ${id}, in DER`, handle: () => this.list(path) })));
  readonly #lists = new Map<string, { readonly revision: string; readonly reply: Reply }>();

  constructor(authority: NvidiaAuthority) {
    this.authority = authority;
  }

  /** The list at a path. @throws {ServiceError} 404 for a path without one */
  list(path: string): Reply {
    const id = PUBLISHERS.get(path);
    if (!id) throw new ServiceError(404, `there is no list at ${path}`);
    const revision = `${Math.floor(this.authority.world.now() / CRL_PERIOD)}/${this.authority.revision}`;
    const kept = this.#lists.get(path);
    if (kept?.revision === revision) return kept.reply;
    const reply: Reply = { status: 200, headers: HEADERS, body: this.authority.crl(id) };
    this.#lists.set(path, { revision, reply });
    return reply;
  }

  /** Takes every revocation back. */
  reset(): void {
    this.authority.reinstate();
  }

  /** A refusal in plain text. */
  refuse(status: number, message: string): Reply {
    return textReply(status, message);
  }
}
