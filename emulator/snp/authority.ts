/** AMD as a certificate authority in a World: the chains of its product lines, the certificates of chips, and the revocation lists. */
import { type CertificateSpec, type IssuedCertificate, issueCertificate } from '../pki/issue.ts';
import { AMD_PROFILES, type AmdProfile, amdCertificateSpec, amdCrlSpec, bigEndian, LEAF_PERIOD, type LeafSubject } from '../pki/profiles/amd.ts';
import { type CrlSpec, issueCrl } from '../pki/revoke.ts';
import type { RsaSigner } from '../crypto/sign.ts';
import type { World } from '../world.ts';
import { vcekKey, vlekKey } from './platform/chip.ts';
import { amdRsaLabel, type Line, LINE_TABLE } from './platform/products.ts';
import type { Tcb } from './platform/tcb.ts';

export type AuthorityRole = 'ARK' | 'ASK' | 'ASVK';
/** Changes a certificate or list before it is signed, to make one that AMD would not issue. */
export type Edit<T> = (spec: T) => T;

/** What AMD would do otherwise for a leaf. */
export interface LeafChange {
  /** Changes it before it is signed. */
  readonly edit?: Edit<CertificateSpec>;
  /** Signs it in place of ASK or ASVK. */
  readonly signedBy?: RsaSigner;
}

/** The CSP id that a VLEK carries unless told otherwise, as in a genuine one. */
export const DEFAULT_CSP_ID = 'CN=cc-us-east-2.amazonaws.com';

/** AMD's key for a line. Certificates are issued for the World's present time, anew when a period ends. */
export class AmdAuthority {
  readonly line: Line;
  readonly world: World;
  readonly #authorities = new Map<string, IssuedCertificate>();
  /** Serials revoked on top of what the genuine list holds, by when (milliseconds since 1970). */
  readonly #revoked = new Map<AuthorityRole, number>();
  #changes = 0;

  constructor(world: World, line: Line) {
    this.world = world;
    this.line = line;
  }

  /** The RSA-4096 key of an authority. @throws {TeemuError} ERR_CONFIG when the world has none */
  key(role: AuthorityRole): RsaSigner {
    return this.world.rsaKey(amdRsaLabel(role, this.line));
  }

  /** The certificate of ARK, ASK or ASVK. */
  certificate(role: AuthorityRole): IssuedCertificate {
    const spec = this.#spec(AMD_PROFILES[role], this.key(role).spki);
    const id = `${role}/${spec.notBefore}`;
    const cached = this.#authorities.get(id);
    if (cached) return cached;
    const issued = issueCertificate(spec, this.key(AMD_PROFILES[role].issuer));
    this.#authorities.set(id, issued);
    return issued;
  }

  /** An authority's certificate that AMD would not issue: `edit` changes it before it is signed, by `signedBy` if given. */
  editedCertificate(role: AuthorityRole, edit: Edit<CertificateSpec>, signedBy: RsaSigner = this.key(AMD_PROFILES[role].issuer)): IssuedCertificate {
    return issueCertificate(edit(this.#spec(AMD_PROFILES[role], this.key(role).spki)), signedBy);
  }

  /** The certificate of a chip's VCEK at a TCB. @param hwid 8 bytes for Turin, 64 for the others */
  vcek(hwid: Uint8Array, tcb: Tcb, { productName, ...change }: { productName?: string } & LeafChange = {}): IssuedCertificate {
    return this.#leaf('VCEK', vcekKey(this.world, this.line, hwid, tcb).spki, { hwid, tcb, ...(productName === undefined ? {} : { productName }) }, change);
  }

  /** The certificate of a provider's VLEK at a TCB. */
  vlek(tcb: Tcb, { cspId = DEFAULT_CSP_ID, ...change }: { cspId?: string } & LeafChange = {}): IssuedCertificate {
    return this.#leaf('VLEK', vlekKey(this.world, this.line, cspId, tcb).spki, { cspId, tcb }, change);
  }

  /** What the KDS serves as `cert_chain`: the intermediate, then the ARK, in PEM. */
  chainPem(kind: 'vcek' | 'vlek'): string {
    return this.certificate(kind === 'vcek' ? 'ASK' : 'ASVK').pem + this.certificate('ARK').pem;
  }

  /** The ARK's revocation list, in DER. */
  crl(edit: Edit<CrlSpec> = (spec) => spec): Uint8Array {
    const revoked = this.#revokedByNow().map(([role, at]) => ({ serial: bigEndian(this.#serial(role)), at }));
    return issueCrl(edit(amdCrlSpec(this.line, this.world.now(), this.key('ARK'), revoked)), this.key('ARK'));
  }

  /** Puts an authority's serial on the list. AMD can't revoke a single VCEK: all of them have the serial 0. */
  revoke(role: 'ASK' | 'ASVK'): void {
    this.#revoked.set(role, Math.floor(this.world.now() / 1000) * 1000);
    this.#changes++;
  }

  /**
   * Takes every revocation back. The list then has its old number again, which no authority's list may do (RFC 5280 §5.2.3): a client that keeps
   * the list of the highest number goes on with the one before.
   */
  reinstate(): void {
    this.#revoked.clear();
    this.#changes++;
  }

  /** Changes when leaves are issued anew: a caller may keep them as long as it stays the same. */
  get period(): number {
    return Math.floor(this.world.now() / LEAF_PERIOD);
  }

  /** Changes when the revocation list does: a caller may keep it as long as this stays the same. */
  get revision(): string {
    return `${this.period}/${this.#changes}/${this.#revokedByNow().length}`;
  }

  /** What the list holds: for a clock that was turned back, not what was revoked later. */
  #revokedByNow(): (readonly [AuthorityRole, number])[] {
    const now = this.world.now();
    return [...this.#revoked].filter(([, at]) => at <= now);
  }

  #serial(role: AuthorityRole): number {
    return AMD_PROFILES[role].serial(LINE_TABLE[this.line]);
  }

  #spec(profile: AmdProfile, spki: Uint8Array, leaf?: LeafSubject): CertificateSpec {
    return amdCertificateSpec(profile, this.line, this.world.now(), { spki, issuer: this.key(profile.issuer) }, leaf);
  }

  #leaf(role: 'VCEK' | 'VLEK', spki: Uint8Array, leaf: LeafSubject, { edit = (spec) => spec, signedBy = this.key(AMD_PROFILES[role].issuer) }: LeafChange): IssuedCertificate {
    return issueCertificate(edit(this.#spec(AMD_PROFILES[role], spki, leaf)), signedBy);
  }
}

const AUTHORITIES = new WeakMap<World, Map<Line, AmdAuthority>>();

/** AMD's key for a line in a World, always the same one: what is revoked for one caller is revoked for all. */
export function authorityOf(world: World, line: Line): AmdAuthority {
  const lines = AUTHORITIES.get(world) ?? new Map<Line, AmdAuthority>();
  AUTHORITIES.set(world, lines);
  const authority = lines.get(line) ?? new AmdAuthority(world, line);
  lines.set(line, authority);
  return authority;
}
