/** What a verifier needs beside the evidence: manifests, and OCSP responses for every certificate that it asks about. */
import type { EcSigner } from '../../crypto/sign.ts';
import type { CertificateSpec, IssuedCertificate } from '../../pki/issue.ts';
import { integerContents, writeCertId } from '../../pki/ocsp/cert-id.ts';
import { issueOcspResponse, type OcspSpec, responderKeyHash } from '../../pki/ocsp/issue.ts';
import type { CertificateStatus } from '../../pki/ocsp/response.ts';
import type { NvidiaCaId, RimKind } from '../../pki/profiles/nvidia.ts';
import { NVIDIA_CHIPS } from '../../pki/profiles/nvidia-chips.ts';
import { readCertificate } from '../../pki/read.ts';
import { type Change, type DeviceLevel, type NvidiaAuthority, nvidiaAuthorityOf, type RimLevel } from '../pki/authority.ts';
import type { Architecture } from '../platform/models.ts';
import { type RimChange as LibraryChange, rimLibraryOf } from '../rim/library.ts';
import type { World } from '../../world.ts';

/** Changes on the way to a manifest, to make one that NVIDIA would not publish. */
export interface RimChange extends LibraryChange {
  /** The XML, after it was signed. */
  readonly text?: (xml: string) => string;
}

/** Changes of an OCSP response. */
export interface OcspChange extends Change<OcspSpec> {
  readonly responder?: Change<CertificateSpec>;
}

/** A manifest with its signer's chain, leaf first. */
export interface WrittenRim {
  readonly id: string;
  readonly kind: RimKind;
  readonly architecture: Architecture;
  readonly xml: Uint8Array;
  readonly chain: readonly IssuedCertificate[];
}

const MINUTE = 60_000;
const LIFETIME = 86_400_000;
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const CACHED = 256;
const ANSWERS = new WeakMap<World, Map<string, Uint8Array>>();

/** The answer that was given in the same minute, or one that is made now. */
function once(world: World, key: string, make: () => Uint8Array): Uint8Array {
  const cache = ANSWERS.get(world) ?? new Map<string, Uint8Array>();
  ANSWERS.set(world, cache);
  const made = cache.get(key) ?? make();
  if (cache.size >= CACHED) cache.clear();
  cache.set(key, made);
  return made;
}

/** A manifest as NVIDIA publishes it, or as changed. @throws {RangeError} for an id that there is not */
export function signedRim(world: World, id: string, change?: RimChange): WrittenRim {
  const library = rimLibraryOf(world);
  const entry = library.entry(id);
  if (!entry) throw new RangeError(`no manifest ${id}`);
  const { kind, architecture } = entry;
  const { chain } = nvidiaAuthorityOf(world).rimSigner(kind, architecture, change?.certificates);
  const document = (change ? library.publish(entry, change) : library.find(id))?.document ?? new Uint8Array();
  const xml = change?.text ? Uint8Array.from(Buffer.from(change.text(Buffer.from(document).toString('utf8')), 'utf8')) : document;
  return { id, kind, architecture, xml, chain };
}

/** A certificate that verifiers ask about, and who answers. */
interface Asked {
  readonly name: string;
  readonly issuerId: NvidiaCaId;
  readonly certificate: IssuedCertificate;
  readonly issuer: IssuedCertificate;
}

/** Levels of a device's chain that verifiers ask about; the leaf is the device's own, the root nobody's. */
const ASKED_DEVICE: readonly DeviceLevel[] = ['bootRom', 'provisioner', 'identity'];
const ASKED_RIM: readonly RimLevel[] = ['l4', 'l3', 'ca'];

/** The certificates of a device that verifiers ask about. @param chain five, leaf first */
export function askedOfDevice(architecture: Architecture, chain: readonly IssuedCertificate[]): Asked[] {
  const issuers: readonly NvidiaCaId[] = [`provisioner/${architecture}`, `identity/${NVIDIA_CHIPS[architecture].identity}`, 'device-root'];
  return ASKED_DEVICE.flatMap((level, i) => asked(level, issuers[i], chain[i + 1], chain[i + 2]));
}

/** The certificates of a manifest's chain that verifiers ask about. */
export function askedOfRim({ kind, architecture, chain }: WrittenRim): Asked[] {
  const issuers: readonly NvidiaCaId[] = [`rim-l3/${architecture}`, `rim-ca/${architecture}`, 'rim-root'];
  return ASKED_RIM.flatMap((level, i) => asked(level === 'l4' ? `rim-l4-${kind}` : `rim-${level}`, issuers[i], chain[i], chain[i + 1]));
}

function asked(name: string, issuerId: NvidiaCaId | undefined, certificate: IssuedCertificate | undefined, issuer: IssuedCertificate | undefined): Asked[] {
  return issuerId && certificate && issuer ? [{ name, issuerId, certificate, issuer }] : [];
}

/**
 * OCSP responses without a nonce as NVIDIA's responder gives them, each certificate once.
 * @returns by the name of a file: `boot-rom-41….der`, the serial number behind
 */
export function ocspResponses(world: World, all: readonly Asked[], change?: OcspChange): Map<string, Uint8Array> {
  const authority = nvidiaAuthorityOf(world);
  const files = new Map<string, Uint8Array>();
  const done = new Set<string>();
  for (const question of all) {
    const name = `${question.name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}-${hex(question.certificate.spec.serial)}.der`;
    const id = hex(question.certificate.der);
    if (done.has(id)) continue;
    done.add(id);
    const at = Math.floor(world.now() / MINUTE);
    files.set(name, change ? ocspResponse(authority, question, change) : once(world, `${id}/${at}/${authority.revision}`, () => ocspResponse(authority, question, {})));
  }
  return files;
}

function ocspResponse(authority: NvidiaAuthority, { issuerId, certificate, issuer }: Asked, { edit, signedBy, responder: responderChange }: OcspChange): Uint8Array {
  const responder: { readonly signer: EcSigner; readonly certificate: IssuedCertificate } = authority.ocspResponder(issuerId, responderChange);
  const revoked = authority.revocations(issuerId);
  const producedAt = revoked.reduce((latest, { at }) => Math.max(latest, at), Math.floor(authority.world.now() / MINUTE) * MINUTE);
  const revocation = authority.revocation(issuerId, certificate.spec.serial);
  const status: CertificateStatus = revocation ? { kind: 'revoked', at: revocation.at, reason: revocation.reason } : { kind: 'good' };
  const certId = writeCertId('sha384', readCertificate(issuer.der), integerContents(certificate.spec.serial));
  const spec: OcspSpec = {
    responder: responderKeyHash(responder.signer.spki),
    producedAt,
    responses: [{ certId, status, thisUpdate: producedAt, nextUpdate: producedAt + LIFETIME }],
    certificates: [responder.certificate.der],
  };
  return issueOcspResponse(edit ? edit(spec) : spec, signedBy ?? responder.signer);
}
