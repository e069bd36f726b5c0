/**
 * The identities of a machine: its PPID, the id by which its quoting enclave calls it, and its platform instance. The first two say in
 * marked, tagged bytes which machine it is, so that a service needs no list of millions of platforms to answer for one.
 */
import type { EcSigner } from '../../crypto/sign.ts';
import type { World } from '../../world.ts';
import type { PlatformTcb } from '../tcb/levels.ts';
import { STATUS_TABLE, statusOfCode } from '../tcb/status.ts';
import { PLATFORM_MODELS } from './models.ts';
import { PCK_CAS, type PckCa, type Platform } from './platform.ts';

/** What every id of an emulated platform begins with: a genuine one never will. */
export const PLATFORM_MARKER: Uint8Array = Uint8Array.from(Buffer.from('TEEMU', 'ascii'));
const ID_LENGTH = 16;
/** Length of a PPID encrypted for Intel: an RSA-3072 block. */
const ENCRYPTED_LENGTH = 384;
/** Shortest platform manifest that Intel's service takes, in bytes. */
export const MANIFEST_LENGTH = 8431;

/** Bytes before the tag: marker, code of the model, code of the status with the top bit for the Processor CA, number (big-endian). */
function idHead({ model, status, ca, index }: Platform): Uint8Array {
  const variant = STATUS_TABLE[status].code | (ca === 'processor' ? 0x80 : 0);
  return Uint8Array.of(...PLATFORM_MARKER, model.code, variant, index >>> 24, (index >>> 16) & 0xff, (index >>> 8) & 0xff, index & 0xff);
}

type IdKind = 'ppid' | 'qe-id';

function idOf(world: World, kind: IdKind, head: Uint8Array): Uint8Array {
  return Uint8Array.of(...head, ...world.derive(`intel/${kind}/${Buffer.from(head).toString('hex')}`, ID_LENGTH - head.length));
}

function platformOf(world: World, kind: IdKind, id: Uint8Array): Platform | undefined {
  const at = PLATFORM_MARKER.length;
  const [code = 0, variant = 0] = id.subarray(at);
  const model = Object.values(PLATFORM_MODELS).find((m) => m.code === code);
  const status = statusOfCode(variant & 0x7f);
  if (id.length !== ID_LENGTH || !model || !status) return undefined;
  const ca: PckCa = PCK_CAS[variant >> 7] ?? 'platform';
  const platform: Platform = { model, status, ca, index: Buffer.from(id).readUInt32BE(at + 2) };
  return Buffer.from(idOf(world, kind, idHead(platform))).equals(id) ? platform : undefined;
}

/** The platform provisioning id, which Intel knows the machine by: 16 bytes. */
export function ppid(world: World, platform: Platform): Uint8Array {
  return idOf(world, 'ppid', idHead(platform));
}

/** The machine of a PPID, or undefined when it is of another world or none at all. */
export function platformOfPpid(world: World, id: Uint8Array): Platform | undefined {
  return platformOf(world, 'ppid', id);
}

/** The id by which the quoting enclave calls the machine: 16 bytes, the beginning of a quote header's user data. */
export function qeId(world: World, platform: Platform): Uint8Array {
  return idOf(world, 'qe-id', idHead(platform));
}

/** The machine that a quoting enclave's id names, or undefined. */
export function platformOfQeId(world: World, id: Uint8Array): Platform | undefined {
  return platformOf(world, 'qe-id', id);
}

/** The platform instance id in PCK certificates of the Platform CA: 16 bytes, the marker and 11 from the world. */
export function platformInstanceId(world: World, platform: Platform): Uint8Array {
  const label = `intel/platform-instance/${Buffer.from(idHead(platform)).toString('hex')}`;
  return Uint8Array.of(...PLATFORM_MARKER, ...world.derive(label, ID_LENGTH - PLATFORM_MARKER.length));
}

/** CPUSVN of the level and the PCE's SVN, little-endian, in 36 upper-case hex digits: what the PCS calls TCBm. */
export function tcbm({ sgx, pceSvn }: PlatformTcb): string {
  return Buffer.from([...sgx, pceSvn & 0xff, pceSvn >> 8])
    .toString('hex')
    .toUpperCase();
}

/** The provisioning certification key of a machine at a TCB: another TCB, another key. */
export function pckKey(world: World, platform: Platform, tcb: PlatformTcb): EcSigner {
  return world.ecKey(`intel/pck/${Buffer.from(ppid(world, platform)).toString('hex')}/${tcbm(tcb)}`, 'P-256');
}

/**
 * The PPID encrypted for Intel, as the PCE hands it out: 384 bytes that only this world's services can open. Genuine ones are RSA-OAEP
 * under a key of Intel's; here a key of the world takes its place, which nobody outside can tell.
 */
export function encryptedPpid(world: World, platform: Platform): Uint8Array {
  return seal(world, 'ppid', ppid(world, platform), ENCRYPTED_LENGTH);
}

/** The machine of an encrypted PPID, or undefined when this world did not encrypt it. */
export function platformOfEncryptedPpid(world: World, sealed: Uint8Array): Platform | undefined {
  const id = sealed.length === ENCRYPTED_LENGTH ? open(world, 'ppid', sealed) : undefined;
  return id ? platformOfPpid(world, id) : undefined;
}

/** The manifest by which a machine with several packages registers with Intel: opaque, 8431 bytes. */
export function platformManifest(world: World, platform: Platform): Uint8Array {
  return seal(world, 'manifest', ppid(world, platform), MANIFEST_LENGTH);
}

/** The machine of a platform manifest, or undefined when this world did not make it. */
export function platformOfManifest(world: World, manifest: Uint8Array): Platform | undefined {
  const id = manifest.length >= MANIFEST_LENGTH ? open(world, 'manifest', manifest) : undefined;
  return id ? platformOfPpid(world, id) : undefined;
}

const TAG_LENGTH = 32;
/** HKDF-SHA-256 gives no more at once. */
const MOST_DERIVED = 255 * 32;

/** Tag, masked id, and bytes that look no different up to `length`. The tag is the only nonce: the same id gives the same bytes. */
function seal(world: World, label: string, id: Uint8Array, length: number): Uint8Array {
  const tag = world.tag(`intel/sealed-${label}`, id);
  const out = new Uint8Array(length);
  out.set(tag);
  out.set(masked(world, label, tag, id), TAG_LENGTH);
  for (let at = TAG_LENGTH + ID_LENGTH, part = 0; at < length; at += MOST_DERIVED, part++)
    out.set(world.derive(`intel/sealed-${label}/${Buffer.from(tag).toString('hex')}/${part}`, Math.min(MOST_DERIVED, length - at)), at);
  return out;
}

function open(world: World, label: string, sealed: Uint8Array): Uint8Array | undefined {
  const tag = sealed.subarray(0, TAG_LENGTH);
  const id = masked(world, label, tag, sealed.subarray(TAG_LENGTH, TAG_LENGTH + ID_LENGTH));
  return Buffer.from(world.tag(`intel/sealed-${label}`, id)).equals(tag) ? id : undefined;
}

function masked(world: World, label: string, tag: Uint8Array, id: Uint8Array): Uint8Array {
  const mask = world.derive(`intel/sealed-${label}/${Buffer.from(tag).toString('hex')}/mask`, ID_LENGTH);
  return id.map((b, i) => b ^ (mask[i] ?? 0));
}
