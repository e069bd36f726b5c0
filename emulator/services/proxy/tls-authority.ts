/** The proxy's own TLS authority: a root that clients are told to trust for a while, and a certificate for each emulated host. */
import { createSecureContext, type SecureContext } from 'node:tls';
import type { EcSigner } from '../../crypto/sign.ts';
import { type IssuedCertificate, issueCertificate } from '../../pki/issue.ts';
import { PROXY_PROFILES, type ProxyProfile, proxyCertificateSpec } from '../../pki/profiles/proxy.ts';
import type { Clock, World } from '../../world.ts';

/** Root and leaves, made when they are needed. */
export class TlsAuthority {
  readonly root: IssuedCertificate;
  readonly #world: World;
  readonly #hosts: readonly string[];
  readonly #at: number;
  readonly #contexts = new Map<string, SecureContext>();

  /**
   * @param hosts names that it can vouch for, lower case
   * @param clock of the clients: they check these certificates by the time of the machine that they run on, whatever time it is in the World
   */
  constructor(world: World, hosts: readonly string[], clock: Clock) {
    this.#world = world;
    this.#hosts = hosts;
    this.#at = clock.now();
    this.root = this.#issue(PROXY_PROFILES.root, '', this.#rootKey);
  }

  /** The root, in PEM: what a client's `SSL_CERT_FILE` names. */
  get pem(): string {
    return this.root.pem;
  }

  /** The certificate of a host. @throws {RangeError} for a host that is not emulated */
  certificate(host: string): IssuedCertificate {
    if (!this.#hosts.includes(host)) throw new RangeError(`${host} is no emulated host`);
    return this.#issue(PROXY_PROFILES.host, host, this.#hostKey(host));
  }

  /** What a TLS server needs to be a host; undefined for one that is not emulated. */
  context(host: string): SecureContext | undefined {
    if (!this.#hosts.includes(host)) return undefined;
    const there = this.#contexts.get(host);
    if (there) return there;
    const key = this.#hostKey(host).privateKey.export({ type: 'pkcs8', format: 'pem' });
    const made = createSecureContext({ key, cert: this.certificate(host).pem });
    this.#contexts.set(host, made);
    return made;
  }

  get #rootKey(): EcSigner {
    return this.#world.ecKey('proxy/root', 'P-256');
  }

  #hostKey(host: string): EcSigner {
    return this.#world.ecKey(`proxy/host/${host}`, 'P-256');
  }

  #issue(profile: ProxyProfile, host: string, key: EcSigner): IssuedCertificate {
    const serial = this.#world.derive(`proxy/serial/${profile.role}/${host}/${this.#at}`, 11);
    return issueCertificate(proxyCertificateSpec(profile, { now: this.#at, host, hosts: this.#hosts, spki: key.spki, issuerSpki: this.#rootKey.spki, serial }), this.#rootKey);
  }
}
