/** NVIDIA as a certificate authority in a World: device identity chains, RIM signers, OCSP responders, NRAS signing keys and revocation lists. */
import type { EcSigner } from '../../crypto/sign.ts';
import { uuidText } from '../../crypto/uuid.ts';
import { ConfigError } from '../../errors.ts';
import { type CertificateSpec, type ExtensionSpec, type IssuedCertificate, issueCertificate } from '../../pki/issue.ts';
import {
  attestationSpec,
  beginOf,
  bootRomSpec,
  deviceBegin,
  NRAS_PERIOD,
  type NvidiaAuthorityId,
  type NvidiaCaId,
  nvidiaCertificateSpec,
  type NvidiaDevice,
  nvidiaProfile,
  nvidiaResponderSpec,
  nrasLeafSpec,
  responderBegin,
  responderSerialForm,
  type RimKind,
  type SerialForm,
} from '../../pki/profiles/nvidia.ts';
import { NVIDIA_CHIPS, type NvidiaChip } from '../../pki/profiles/nvidia-chips.ts';
import { nvidiaCrlSpec, type RevocationReason } from '../../pki/profiles/nvidia-crl.ts';
import { type CrlSpec, issueCrl } from '../../pki/revoke.ts';
import type { World } from '../../world.ts';
import { blackwellTcbInfo, compositeDeviceId, diceTcbInfo, FWID_LENGTH } from './fwid.ts';

/** A device as NVIDIA's authorities know it. */
export interface DeviceIdentity {
  readonly architecture: NvidiaChip;
  /** Per-device identifier: 8 bytes. */
  readonly pdi: Uint8Array;
  /** SHA-384 of the firmware whose key attests: 48 bytes. */
  readonly fwid: Uint8Array;
}

/** What NVIDIA would do otherwise. */
export interface Change<T> {
  /** Changes it before it is signed, to make one that NVIDIA would not issue. */
  readonly edit?: (spec: T) => T;
  /** Signs it in place of the right key. */
  readonly signedBy?: EcSigner;
}

/** Members of a device's chain, leaf first. */
export const DEVICE_LEVELS = ['attestation', 'bootRom', 'provisioner', 'identity', 'root'] as const;
export type DeviceLevel = (typeof DEVICE_LEVELS)[number];
/** Members of a RIM signer's chain, leaf first. */
export const RIM_LEVELS = ['l4', 'l3', 'ca', 'root'] as const;
export type RimLevel = (typeof RIM_LEVELS)[number];

/** A key that signs, with its certificates, leaf first. */
export interface SignerChain {
  readonly signer: EcSigner;
  readonly chain: readonly IssuedCertificate[];
}
/** A key that NRAS signs tokens with: `kid` is its name in the key set, the chain ends with the intermediate authority. */
export interface NrasKey extends SignerChain {
  readonly kid: string;
}

/** What is said of a certificate: revoked with `certificateHold` may be taken back. */
export interface Revocation {
  readonly issuer: NvidiaCaId;
  /** Unsigned, big-endian, without leading zeroes. */
  readonly serial: Uint8Array;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly reason: RevocationReason;
}

const PDI_LENGTH = 8;
const EUI_LENGTH = 5;
/** Certificates that are kept. */
const CACHED = 2048;
const MOST_REVOKED = 10_000;
const hex = (src: Uint8Array): string => Buffer.from(src).toString('hex');

/** NVIDIA's keys in a World and what NVIDIA has revoked. Certificates are issued for the World's present time. */
export class NvidiaAuthority {
  readonly world: World;
  readonly #issued = new Map<string, IssuedCertificate>();
  readonly #revoked = new Map<string, Revocation>();
  #changes = 0;
  /** The latest time of a revocation (milliseconds since 1970). */
  #lastChange = 0;

  constructor(world: World) {
    this.world = world;
  }

  /** The P-384 key of an authority or RIM signer. */
  key(id: NvidiaAuthorityId): EcSigner {
    return this.world.ecKey(`nvidia/${id}`, 'P-384');
  }

  /** The certificate of an authority or RIM signer. */
  certificate(id: NvidiaAuthorityId, change?: Change<CertificateSpec>): IssuedCertificate {
    const { issuer, serial } = nvidiaProfile(id);
    const now = this.world.now();
    const spec = (): CertificateSpec => nvidiaCertificateSpec(id, now, { spki: this.key(id).spki, issuer: this.key(issuer) }, this.#serial(id, serial));
    return this.#issue(`${id}/${beginOf(id, now)}`, spec, () => this.key(issuer), change);
  }

  /** The root of device identities, of RIM signers, or of NRAS. */
  root(which: 'device' | 'rim' | 'nras'): IssuedCertificate {
    return this.certificate(`${which}-root`);
  }

  /**
   * The five certificates of a device, leaf first.
   * @param changes what NVIDIA would do otherwise, by level
   * @throws {RangeError} for a PDI that has not 8 bytes or an FWID that has not 48
   */
  deviceCertificates(d: DeviceIdentity, changes: Partial<Record<DeviceLevel, Change<CertificateSpec>>> = {}): readonly IssuedCertificate[] {
    checkIdentity(d);
    const now = this.world.now();
    const { identity } = NVIDIA_CHIPS[d.architecture];
    const brom = (): EcSigner => this.bootRomKey(d);
    const provisioner = (): EcSigner => this.key(`provisioner/${d.architecture}`);
    const name = `${d.architecture}/${hex(d.pdi)}/${deviceBegin(d.architecture, now)}`;
    return [
      this.#issue(`attestation/${name}/${hex(d.fwid)}`, () => attestationSpec(this.#device(d), now, { spki: this.attestationKey(d).spki, issuer: brom() }), brom, changes.attestation),
      this.#issue(`bootRom/${name}`, () => bootRomSpec(this.#device(d), now, { spki: brom().spki, issuer: provisioner() }), provisioner, changes.bootRom),
      this.certificate(`provisioner/${d.architecture}`, changes.provisioner),
      this.certificate(`identity/${identity}`, changes.identity),
      this.certificate('device-root', changes.root),
    ];
  }

  /** The P-384 key that a device signs its reports with. */
  attestationKey({ architecture, pdi, fwid }: DeviceIdentity): EcSigner {
    return this.world.ecKey(`nvidia/ak/${architecture}/${hex(pdi)}/${hex(fwid)}`, 'P-384');
  }

  /** The P-384 key of a device's boot ROM, which certifies its attestation keys. */
  bootRomKey({ architecture, pdi }: Pick<DeviceIdentity, 'architecture' | 'pdi'>): EcSigner {
    return this.world.ecKey(`nvidia/brom/${architecture}/${hex(pdi)}`, 'P-384');
  }

  /** Who signs the RIMs of a kind: four certificates, leaf first. @param changes what NVIDIA would do otherwise, by level */
  rimSigner(kind: RimKind, architecture: NvidiaChip, changes: Partial<Record<RimLevel, Change<CertificateSpec>>> = {}): SignerChain {
    const l4: NvidiaAuthorityId = `rim-l4/${kind}/${architecture}`;
    const chain = [this.certificate(l4, changes.l4), this.certificate(`rim-l3/${architecture}`, changes.l3), this.certificate(`rim-ca/${architecture}`, changes.ca), this.certificate('rim-root', changes.root)];
    return { signer: this.key(l4), chain };
  }

  /** Who answers for what an authority issues. @throws {TypeError} for an authority that has no responder */
  ocspResponder(issuer: NvidiaCaId, change?: Change<CertificateSpec>): { readonly signer: EcSigner; readonly certificate: IssuedCertificate } {
    const signer = this.world.ecKey(`nvidia/ocsp/${issuer}`, 'P-384');
    const now = this.world.now();
    const key = (): EcSigner => this.key(issuer);
    const spec = (): CertificateSpec => nvidiaResponderSpec(issuer, now, { spki: signer.spki, issuer: key() }, this.#serial(`ocsp/${issuer}`, responderSerialForm(issuer)));
    return { signer, certificate: this.#issue(`ocsp/${issuer}/${responderBegin(issuer, now)}`, spec, key, change) };
  }

  /** The key that NRAS signs with now. */
  nras(): NrasKey {
    return this.#nrasKey(Math.floor(this.world.now() / NRAS_PERIOD));
  }

  /** The key set of NRAS: the present key and the one before, whose certificate is still valid. */
  nrasKeys(): readonly NrasKey[] {
    const period = Math.floor(this.world.now() / NRAS_PERIOD);
    return (period > 0 ? [period, period - 1] : [period]).map((p) => this.#nrasKey(p));
  }

  /** A revocation list, in DER. @throws {TypeError} for an authority that publishes none */
  crl(issuer: NvidiaCaId, { edit = (spec) => spec, signedBy = this.key(issuer) }: Change<CrlSpec> = {}): Uint8Array {
    return issueCrl(edit(nvidiaCrlSpec(issuer, this.world.now(), this.key(issuer), this.revocations(issuer))), signedBy);
  }

  /** What an authority has revoked by now. */
  revocations(issuer: NvidiaCaId): readonly Revocation[] {
    const now = this.world.now();
    // What was revoked after the time that the clock was turned back to has not been revoked yet.
    return [...this.#revoked.values()].filter((r) => r.issuer === issuer && r.at <= now);
  }

  /** What was said of one certificate, if anything. @param serial unsigned, big-endian */
  revocation(issuer: NvidiaCaId, serial: Uint8Array): Revocation | undefined {
    const found = this.#revoked.get(revocationId(issuer, serial));
    return found && found.at <= this.world.now() ? found : undefined;
  }

  /**
   * Revokes a certificate, or puts it on hold with the reason `certificateHold`; a new reason replaces an older one.
   * @param serial unsigned, big-endian, 1 to 20 bytes
   * @throws {ConfigError} when there are too many
   */
  revoke(issuer: NvidiaCaId, serial: Uint8Array, reason: RevocationReason = 'keyCompromise'): void {
    if (serial.length < 1 || serial.length > 20) throw new RangeError(`a serial has 1 to 20 bytes, not ${serial.length}`);
    const id = revocationId(issuer, serial);
    if (this.#revoked.size >= MOST_REVOKED && !this.#revoked.has(id)) throw new ConfigError('serial', `${MOST_REVOKED} certificates are revoked already`);
    const at = Math.floor(this.world.now() / 1000) * 1000;
    this.#lastChange = Math.max(this.#lastChange, at);
    this.#revoked.set(id, { issuer, serial: stripped(serial), at, reason });
    this.#changes++;
  }

  /** Takes a hold back. @returns whether the certificate was on hold: what is revoked for good stays so */
  release(issuer: NvidiaCaId, serial: Uint8Array): boolean {
    const id = revocationId(issuer, serial);
    if (this.#revoked.get(id)?.reason !== 'certificateHold') return false;
    this.#revoked.delete(id);
    this.#changes++;
    return true;
  }

  /** Takes every revocation back. */
  reinstate(): void {
    this.#revoked.clear();
    this.#changes++;
  }

  /** Changes whenever a revocation does: a caller may cache by it. */
  get revision(): string {
    const now = this.world.now();
    const later = now < this.#lastChange ? [...this.#revoked.values()].filter(({ at }) => at > now).length : 0;
    return `${this.#changes}.${later}`;
  }

  /** The serial of an authority's certificate: unsigned, big-endian. */
  serial(id: NvidiaAuthorityId): Uint8Array {
    return this.#serial(id, nvidiaProfile(id).serial);
  }

  #nrasKey(period: number): NrasKey {
    const label = `nvidia/nras/${period}`;
    const signer = this.world.ecKey(label, 'P-384');
    const issuer = (): EcSigner => this.key('nras-intermediate');
    const from = period * NRAS_PERIOD;
    const spec = (): CertificateSpec => nrasLeafSpec(from, { spki: signer.spki, issuer: issuer() }, this.#serial(`nras/${period}`, 'low20'));
    const stamp = new Date(from).toISOString().replace(/\D/g, '');
    return { signer, chain: [this.#issue(label, spec, issuer), this.certificate('nras-intermediate')], kid: `nv-eat-kid-prod-${stamp}-${uuidText(this.world.derive(`${label}/kid`, 16))}` };
  }

  /** @param id the same for two certificates only if they are the same */
  #issue(id: string, spec: () => CertificateSpec, signer: () => EcSigner, change?: Change<CertificateSpec>): IssuedCertificate {
    if (change) return issueCertificate((change.edit ?? ((s) => s))(spec()), change.signedBy ?? signer());
    const cached = this.#issued.get(id);
    if (cached) return cached;
    const issued = issueCertificate(spec(), signer());
    if (this.#issued.size >= CACHED) this.#issued.clear();
    this.#issued.set(id, issued);
    return issued;
  }

  #serial(label: string, form: SerialForm): Uint8Array {
    const serial = this.world.derive(`nvidia/serial/${label}`, form === 'low20' ? 20 : 16);
    // Never a zero byte first, so that it is as long as the genuine ones always.
    serial[0] = form === 'high16' ? (serial[0] ?? 0) | 0x80 : ((serial[0] ?? 0) & 0x3f) | 0x40;
    return serial;
  }

  #device({ architecture, pdi, fwid }: DeviceIdentity): NvidiaDevice {
    return { chip: architecture, pdi, eui: this.world.derive(`nvidia/eui/${architecture}/${hex(pdi)}`, EUI_LENGTH), fwid: this.#fwidExtension({ architecture, pdi, fwid }) };
  }

  #fwidExtension(d: DeviceIdentity): ExtensionSpec {
    const { name, engine, fwid } = NVIDIA_CHIPS[d.architecture];
    return fwid === 'compositeDeviceId' ? compositeDeviceId(this.bootRomKey(d).spki, d.fwid) : diceTcbInfo(blackwellTcbInfo(`${name} A01 ${engine}`, d.fwid));
  }
}

function checkIdentity({ pdi, fwid }: DeviceIdentity): void {
  if (pdi.length !== PDI_LENGTH) throw new RangeError(`a PDI has ${PDI_LENGTH} bytes, not ${pdi.length}`);
  if (fwid.length !== FWID_LENGTH) throw new RangeError(`an FWID has ${FWID_LENGTH} bytes, not ${fwid.length}`);
}

function stripped(serial: Uint8Array): Uint8Array {
  const start = serial.findIndex((byte) => byte !== 0);
  return start < 0 ? Uint8Array.of(0) : serial.slice(start);
}

function revocationId(issuer: NvidiaCaId, serial: Uint8Array): string {
  return `${issuer}/${hex(stripped(serial))}`;
}

const AUTHORITIES = new WeakMap<World, NvidiaAuthority>();

/** NVIDIA's keys in a World, always the same ones: what is revoked for one caller is revoked for all. */
export function nvidiaAuthorityOf(world: World): NvidiaAuthority {
  const authority = AUTHORITIES.get(world) ?? new NvidiaAuthority(world);
  AUTHORITIES.set(world, authority);
  return authority;
}
