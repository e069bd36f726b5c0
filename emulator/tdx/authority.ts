/** Intel as a certificate authority in a World: the root, the intermediate authorities, PCK certificates, TCB signing and the revocation lists. */
import type { EcSigner } from '../crypto/sign.ts';
import { ConfigError } from '../errors.ts';
import { type CertificateSpec, type IssuedCertificate, issueCertificate } from '../pki/issue.ts';
import { COLLATERAL_PERIOD, type IntelAuthorityRole, type IntelCaRole, intelCertificateSpec, intelCrlSpec, intelKeyIdentifier, type PckSubject } from '../pki/profiles/intel.ts';
import { type CrlSpec, issueCrl } from '../pki/revoke.ts';
import type { World } from '../world.ts';
import { pckKey, PLATFORM_MARKER, platformInstanceId, ppid, tcbm } from './platform/id.ts';
import { modelOfFmspc, PCE_ID } from './platform/models.ts';
import { fmspcOf, type PckCa, type Platform, platformState } from './platform/platform.ts';
import type { PlatformTcb } from './tcb/levels.ts';
import { STATUS_TABLE, type TcbStatus } from './tcb/status.ts';

/** Changes a certificate, list or document before it is signed, to make one that Intel would not issue. */
export type Edit<T> = (spec: T) => T;

/** What Intel would do otherwise. */
export interface Change<T> {
  /** Changes it before it is signed. */
  readonly edit?: Edit<T>;
  /** Signs it in place of the right key. */
  readonly signedBy?: EcSigner;
}

const KEY_LABEL: Readonly<Record<IntelAuthorityRole, string>> = { ROOT: 'root-ca', PLATFORM: 'pck-platform-ca', PROCESSOR: 'pck-processor-ca', TCB_SIGNING: 'tcb-signing' };
/** The intermediate authority that issues for a kind of platform. */
export const CA_ROLE: Readonly<Record<PckCa, 'PLATFORM' | 'PROCESSOR'>> = { platform: 'PLATFORM', processor: 'PROCESSOR' };
const SERIAL_LENGTH = 20;
/** Certificates of machines that are kept. */
const CACHED_LEAVES = 1024;
/** Revocations that are kept. */
const MOST_REVOKED = 10_000;
const YEAR_SECONDS = 365 * 86_400;

/** Intel's keys in a World, and what Intel says of platforms beyond the tables. Certificates are issued for the World's present time. */
export class IntelAuthority {
  readonly world: World;
  readonly #authorities = new Map<string, IssuedCertificate>();
  readonly #leaves = new Map<string, IssuedCertificate>();
  /** Serials by issuer, as hex, with the time of the revocation (milliseconds since 1970). */
  readonly #revoked = new Map<string, { issuer: IntelCaRole; serial: Uint8Array; at: number }>();
  readonly #statuses = new Map<string, { status: TcbStatus; at: number }>();
  #changes = 0;
  /** The latest time of any of these (milliseconds since 1970). */
  #lastChange = 0;

  constructor(world: World) {
    this.world = world;
  }

  /** The P-256 key of an authority or of TCB signing. */
  key(role: IntelAuthorityRole): EcSigner {
    return this.world.ecKey(`intel/${KEY_LABEL[role]}`, 'P-256');
  }

  /** The certificate of an authority or of TCB signing. */
  certificate(role: IntelAuthorityRole): IssuedCertificate {
    const spec = this.#spec(role);
    const id = `${role}/${spec.notBefore}`;
    const cached = this.#authorities.get(id);
    if (cached) return cached;
    const issued = issueCertificate(spec, this.key('ROOT'));
    this.#authorities.set(id, issued);
    return issued;
  }

  /** A certificate that Intel would not issue. */
  editedCertificate(role: IntelAuthorityRole, { edit = (spec) => spec, signedBy = this.key('ROOT') }: Change<CertificateSpec>): IssuedCertificate {
    return issueCertificate(edit(this.#spec(role)), signedBy);
  }

  /** The PCK certificate of a machine. @param tcb the level it is for; the one that the machine stands at unless given */
  pck(platform: Platform, tcb: PlatformTcb = platformState(platform, this.world.now()).tcb, change?: Change<CertificateSpec>): IssuedCertificate {
    const { world } = this;
    const issuer = CA_ROLE[platform.ca];
    const key = pckKey(world, platform, tcb);
    const spec = intelCertificateSpec('PCK', issuer, world.now(), { spki: key.spki, issuer: this.key(issuer) }, this.#pckSubject(platform, tcb));
    if (change) return issueCertificate((change.edit ?? ((s) => s))(spec), change.signedBy ?? this.key(issuer));
    const id = `${Buffer.from(spec.serial).toString('hex')}/${spec.notBefore}`;
    const cached = this.#leaves.get(id);
    if (cached) return cached;
    const issued = issueCertificate(spec, this.key(issuer));
    if (this.#leaves.size >= CACHED_LEAVES) this.#leaves.clear();
    this.#leaves.set(id, issued);
    return issued;
  }

  /** Intermediate authority and root, in PEM: what issues PCK certificates and their lists. */
  pckIssuerChain(ca: PckCa): string {
    return this.certificate(CA_ROLE[ca]).pem + this.certificate('ROOT').pem;
  }

  /** PCK certificate, intermediate authority and root, in PEM, as a quote carries them. */
  pckChain(platform: Platform, tcb?: PlatformTcb): string {
    return this.pck(platform, tcb).pem + this.pckIssuerChain(platform.ca);
  }

  /** TCB signing certificate and root, in PEM: what signs TCB info and identities. */
  tcbSigningChain(): string {
    return this.certificate('TCB_SIGNING').pem + this.certificate('ROOT').pem;
  }

  /** The revocation list of an authority, in DER. */
  crl(issuer: IntelCaRole, { edit = (spec) => spec, signedBy = this.key(issuer) }: Change<CrlSpec> = {}): Uint8Array {
    const now = this.world.now();
    // What was revoked after the time that the clock was turned back to has not been revoked yet.
    const revoked = [...this.#revoked.values()].filter((r) => r.issuer === issuer && r.at <= now);
    return issueCrl(edit(intelCrlSpec(issuer, now, this.key(issuer), revoked)), signedBy);
  }

  /** Puts the PCK certificate of a machine, at one level, on the list of its authority. @param tcb the level that the machine stands at unless given */
  revokePck(platform: Platform, tcb: PlatformTcb = platformState(platform, this.world.now()).tcb): void {
    this.revokeSerial(CA_ROLE[platform.ca], this.#pckSerial(platform, tcb));
  }

  /** Puts an intermediate authority or TCB signing on the root's list. */
  revoke(role: 'PLATFORM' | 'PROCESSOR' | 'TCB_SIGNING'): void {
    this.revokeSerial('ROOT', intelKeyIdentifier(this.key(role).spki));
  }

  /** Puts any serial on the list of an authority. @param serial unsigned, big-endian, 1 to 20 bytes @throws {ConfigError} when there are too many */
  revokeSerial(issuer: IntelCaRole, serial: Uint8Array): void {
    if (serial.length < 1 || serial.length > SERIAL_LENGTH) throw new RangeError(`a serial has 1 to ${SERIAL_LENGTH} bytes, not ${serial.length}`);
    if (this.#revoked.size >= MOST_REVOKED) throw new ConfigError('serial', `${MOST_REVOKED} certificates are revoked already`);
    this.#revoked.set(`${issuer}/${Buffer.from(serial).toString('hex')}`, { issuer, serial: serial.slice(), at: this.#changed() });
  }

  /**
   * Makes TCB info of an FMSPC say another status of the machines that are up to date now, as a TCB recovery would; undefined takes it back.
   * @param fmspc 12 hex digits @throws {ConfigError} for an FMSPC that there is not, or a status that is a matter of one TD and not of its platform
   */
  setTcbStatus(fmspc: string, status: TcbStatus | undefined): void {
    if (!modelOfFmspc(fmspc)) throw new ConfigError('fmspc', `there is no platform of FMSPC ${fmspc}`);
    if (status !== undefined && STATUS_TABLE[status].relaunch) throw new ConfigError('tcb-status', `${status} is a matter of how one TD was started; it can't be set for a whole FMSPC`);
    const at = this.#changed();
    if (status === undefined) this.#statuses.delete(fmspc.toLowerCase());
    else this.#statuses.set(fmspc.toLowerCase(), { status, at });
  }

  /** What {@link setTcbStatus} set before the present time, and when (milliseconds since 1970). */
  tcbStatus(fmspc: string): { readonly status: TcbStatus; readonly at: number } | undefined {
    const set = this.#statuses.get(fmspc.toLowerCase());
    return set && set.at <= this.world.now() ? set : undefined;
  }

  /** Takes every revocation and status back. */
  reinstate(): void {
    this.#revoked.clear();
    this.#statuses.clear();
    this.#changes++;
  }

  /** Changes whenever anything that is served would: a caller may cache by it. */
  get period(): string {
    const now = this.world.now();
    // For a clock that was turned back, what was said later has not been said yet.
    const later = now < this.#lastChange ? [...this.#revoked.values(), ...this.#statuses.values()].filter(({ at }) => at > now).length : 0;
    return `${Math.floor(now / COLLATERAL_PERIOD)}.${this.#changes}.${later}`;
  }

  /** Notes a change. @returns its time: the present second (milliseconds since 1970) */
  #changed(): number {
    const at = Math.floor(this.world.now() / 1000) * 1000;
    this.#lastChange = Math.max(this.#lastChange, at);
    this.#changes++;
    return at;
  }

  #spec(role: IntelAuthorityRole): CertificateSpec {
    return intelCertificateSpec(role, 'ROOT', this.world.now(), { spki: this.key(role).spki, issuer: this.key('ROOT') });
  }

  /** The marker, then bytes from the world: 20 bytes, the same each time the certificate is issued anew. */
  #pckSerial(platform: Platform, tcb: PlatformTcb): Uint8Array {
    const label = `intel/pck-serial/${Buffer.from(ppid(this.world, platform)).toString('hex')}/${tcbm(tcb)}`;
    return Uint8Array.of(...PLATFORM_MARKER, ...this.world.derive(label, SERIAL_LENGTH - PLATFORM_MARKER.length));
  }

  #pckSubject(platform: Platform, tcb: PlatformTcb): PckSubject {
    const { world } = this;
    const { model, ca } = platform;
    const id = ppid(world, platform);
    return {
      ppid: id,
      components: tcb.sgx,
      pceSvn: tcb.pceSvn,
      pceId: Uint8Array.from(Buffer.from(PCE_ID, 'hex')),
      fmspc: Uint8Array.from(Buffer.from(fmspcOf(platform), 'hex')),
      sgxType: ca === 'platform' ? model.sgxType : 0,
      ...(ca === 'platform' ? { platform: { instanceId: platformInstanceId(world, platform), configuration: model.configuration } } : {}),
      serial: this.#pckSerial(platform, tcb),
      issueOffset: (Buffer.from(world.derive(`intel/pck-issued/${Buffer.from(id).toString('hex')}`, 4)).readUInt32BE(0) % YEAR_SECONDS) * 1000,
    };
  }
}

const AUTHORITIES = new WeakMap<World, IntelAuthority>();

/** Intel's keys in a World, always the same ones: what is revoked for one caller is revoked for all. */
export function intelAuthorityOf(world: World): IntelAuthority {
  const authority = AUTHORITIES.get(world) ?? new IntelAuthority(world);
  AUTHORITIES.set(world, authority);
  return authority;
}
