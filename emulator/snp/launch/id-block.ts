/**
 * ID block and ID authentication: what a guest's owner says the guest must be, signed, and checked by the firmware when the launch
 * finishes. Also the form in which AMD's ABI writes a P-384 key.
 */
import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { Layout } from '../../codec/layout.ts';
import { bytes, reserved, struct, u32, u64 } from '../../codec/rows.ts';
import type { ValueOf } from '../../codec/rows.ts';
import { CodecError } from '../../errors.ts';
import { amdSignature, ECDSA_P384_SHA384, SIGNATURE } from '../report.ts';
import { DIGEST_SIZE } from './page-info.ts';

const SOURCE = 'AMD 56860 SEV-SNP Firmware ABI';
/** Width of every number in AMD's keys and signatures; a P-384 number fills the first 48 bytes, little-endian. */
const NUMBER_SIZE = 72;
const SCALAR_SIZE = 48;
/** CURVE of an ECDSA key: P-384, the only one that signs ID blocks. */
const CURVE_P384 = 2;

/** An ECDSA public key, 1028 bytes. */
export const ECDSA_PUBLIC_KEY = new Layout('snp.ecdsa-public-key', 1028, `${SOURCE}, Format for an ECDSA P-384 Public Key`, {
  curve: u32(0x000, 'curve', { names: { 1: 'P-256', 2: 'P-384' }, initial: CURVE_P384 }),
  qx: bytes(0x004, NUMBER_SIZE, 'X of the point, little-endian'),
  qy: bytes(0x04c, NUMBER_SIZE, 'Y of the point, little-endian'),
  reserved94: reserved(0x094, 880),
});

/** What the guest must be. */
export const ID_BLOCK = new Layout('snp.id-block', 96, `${SOURCE}, SNP_LAUNCH_FINISH, ID Block`, {
  launchDigest: bytes(0x00, DIGEST_SIZE, 'the launch digest that the guest must have'),
  familyId: bytes(0x30, 16, "FAMILY_ID of the guest's reports, the owner's choice"),
  imageId: bytes(0x40, 16, "IMAGE_ID of the guest's reports, the owner's choice"),
  version: u32(0x50, 'version of this structure', { initial: 1 }),
  guestSvn: u32(0x54, "GUEST_SVN of the guest's reports"),
  policy: u64(0x58, 'the policy that the guest must be launched with'),
});

/** Who says so. */
export const ID_AUTH = new Layout('snp.id-auth', 4096, `${SOURCE}, SNP_LAUNCH_FINISH, ID Authentication Information`, {
  idKeyAlgorithm: u32(0x000, 'algorithm of the ID key', { names: { [ECDSA_P384_SHA384]: 'ECDSA P-384 with SHA-384' } }),
  authorKeyAlgorithm: u32(0x004, 'algorithm of the author key', { names: { [ECDSA_P384_SHA384]: 'ECDSA P-384 with SHA-384' } }),
  reserved8: reserved(0x008, 56),
  idBlockSignature: struct(0x040, SIGNATURE, 'signature of the ID block by the ID key'),
  idKey: struct(0x240, ECDSA_PUBLIC_KEY, 'the ID key'),
  reserved644: reserved(0x644, 60),
  idKeySignature: struct(0x680, SIGNATURE, 'signature of the 1028 bytes of the ID key by the author key'),
  authorKey: struct(0x880, ECDSA_PUBLIC_KEY, 'the author key'),
  reservedC84: reserved(0xc84, 892),
});

/** What an ID block says. */
export type IdBlock = ValueOf<typeof ID_BLOCK.rows>;

/** A P-384 key that signs; `EcSigner` of the crypto room is one. */
export interface IdKey {
  /** Uncompressed point: 0x04, X, Y, big-endian, 97 bytes. */
  readonly publicPoint: Uint8Array;
  /** @returns r ‖ s over the SHA-384 of the message, big-endian, 96 bytes */
  sign(message: Uint8Array): Uint8Array;
}

/** @param point uncompressed P-384 point, 97 bytes @returns the key as AMD's ABI writes it, 1028 bytes */
export function encodePublicKey(point: Uint8Array): Uint8Array {
  if (point.length !== 1 + 2 * SCALAR_SIZE || point[0] !== 4) throw new RangeError('not an uncompressed P-384 point of 97 bytes');
  return ECDSA_PUBLIC_KEY.encode({ qx: toAmd(point.subarray(1, 1 + SCALAR_SIZE)), qy: toAmd(point.subarray(1 + SCALAR_SIZE)) });
}

/** @param publicKey 1028 bytes, see {@link encodePublicKey} @returns SHA-384: ID_KEY_DIGEST or AUTHOR_KEY_DIGEST of a report, 48 bytes */
export function keyDigest(publicKey: Uint8Array): Uint8Array {
  if (publicKey.length !== ECDSA_PUBLIC_KEY.size) throw new RangeError(`a public key is ${ECDSA_PUBLIC_KEY.size} bytes, not ${publicKey.length}`);
  return new Uint8Array(createHash('sha384').update(publicKey).digest());
}

/** The two structures handed to the firmware with SNP_LAUNCH_FINISH. */
export interface SignedIdBlock {
  /** 96 bytes. */
  readonly idBlock: Uint8Array;
  /** 4096 bytes. */
  readonly idAuth: Uint8Array;
}

/**
 * Writes an ID block and signs it.
 * @param block fields left out are zero, `version` is 1
 * @param authorKey signs the ID key, so that ID keys can change under one author; without it the author's part stays zero
 * @throws {CodecError} ERR_CODEC_RANGE for a value that does not fit
 */
export function signIdBlock(block: Partial<IdBlock>, idKey: IdKey, authorKey?: IdKey): SignedIdBlock {
  const idBlock = ID_BLOCK.encode(block);
  const publicKey = encodePublicKey(idKey.publicPoint);
  const sign = (key: IdKey, message: Uint8Array): ValueOf<typeof SIGNATURE.rows> => SIGNATURE.decode(amdSignature(key.sign(message)));
  const author = authorKey && {
    authorKeyAlgorithm: ECDSA_P384_SHA384,
    idKeySignature: sign(authorKey, publicKey),
    authorKey: ECDSA_PUBLIC_KEY.decode(encodePublicKey(authorKey.publicPoint)),
  };
  // Without an author the key's curve is zero too, not the row's initial value.
  const noAuthor = { authorKey: { curve: 0, qx: new Uint8Array(NUMBER_SIZE), qy: new Uint8Array(NUMBER_SIZE) } };
  const idAuth = ID_AUTH.encode({ idKeyAlgorithm: ECDSA_P384_SHA384, idBlockSignature: sign(idKey, idBlock), idKey: ECDSA_PUBLIC_KEY.decode(publicKey), ...(author ?? noAuthor) });
  return { idBlock, idAuth };
}

/** Status codes with which the firmware refuses an ID block. Source: AMD 56860, status codes; Linux psp-sev.h. */
export const ID_BLOCK_STATUS = { POLICY_FAILURE: 0x07, BAD_SIGNATURE: 0x0a, BAD_MEASUREMENT: 0x0b, INVALID_PARAM: 0x16 } as const;
export type IdBlockStatus = keyof typeof ID_BLOCK_STATUS;

/** Why an ID block is refused, or what it adds to the guest's reports. */
export type IdBlockVerdict =
  | { readonly ok: true; readonly block: IdBlock /** 48 bytes. */; readonly idKeyDigest: Uint8Array /** 48 bytes; there with an author key only. */; readonly authorKeyDigest?: Uint8Array }
  | { readonly ok: false; readonly status: IdBlockStatus /** The field that is at fault, as in the tables. */; readonly path: string; readonly reason: string };

/** What an ID block is checked against. */
export interface IdBlockChecks {
  /** AUTHOR_KEY_EN: the author key and its signature are checked and its digest reported. */
  readonly authorKeyEnabled: boolean;
  /** The launch's digest, 48 bytes; not compared where undefined. */
  readonly measurement?: Uint8Array | undefined;
  /** The policy given at launch start; not compared where undefined. */
  readonly policy?: bigint | undefined;
}

/**
 * Checks an ID block as the firmware does at SNP_LAUNCH_FINISH. Both structures come from the guest's owner by way of the host, so
 * whatever is wrong with them is an answer and not an exception.
 */
export function verifyIdBlock(idBlock: Uint8Array, idAuth: Uint8Array, { authorKeyEnabled, measurement, policy }: IdBlockChecks): IdBlockVerdict {
  try {
    const block = ID_BLOCK.decode(idBlock);
    const auth = ID_AUTH.decode(idAuth);
    if (block.version !== 1) return refuse('INVALID_PARAM', 'snp.id-block.version', `must be 1, is ${block.version}`);
    const idKey = ECDSA_PUBLIC_KEY.encode(auth.idKey);
    const refused = checkKey('idKey', auth.idKeyAlgorithm, auth.idKey) ?? checkSignature('idBlockSignature', auth.idKey, auth.idBlockSignature, idBlock);
    if (refused) return refused;
    if (authorKeyEnabled) {
      const bad = checkKey('authorKey', auth.authorKeyAlgorithm, auth.authorKey) ?? checkSignature('idKeySignature', auth.authorKey, auth.idKeySignature, idKey);
      if (bad) return bad;
    }
    if (measurement && Buffer.compare(measurement, block.launchDigest) !== 0) return refuse('BAD_MEASUREMENT', 'snp.id-block.launchDigest', 'is not the digest of this launch');
    if (policy !== undefined && policy !== block.policy) return refuse('POLICY_FAILURE', 'snp.id-block.policy', `is 0x${block.policy.toString(16)}, but the guest was launched with 0x${policy.toString(16)}`);
    return { ok: true, block, idKeyDigest: keyDigest(idKey), ...(authorKeyEnabled ? { authorKeyDigest: keyDigest(ECDSA_PUBLIC_KEY.encode(auth.authorKey)) } : {}) };
  } catch (error) {
    if (error instanceof CodecError) return refuse('INVALID_PARAM', error.path, error.message);
    throw error;
  }
}

const refuse = (status: IdBlockStatus, path: string, reason: string): IdBlockVerdict & { ok: false } => ({ ok: false, status, path, reason });

type PublicKey = ValueOf<typeof ECDSA_PUBLIC_KEY.rows>;

function checkKey(name: 'idKey' | 'authorKey', algorithm: number, key: PublicKey): IdBlockVerdict | undefined {
  if (algorithm !== ECDSA_P384_SHA384) return refuse('INVALID_PARAM', `snp.id-auth.${name}Algorithm`, `must be ${ECDSA_P384_SHA384}, is ${algorithm}`);
  if (key.curve !== CURVE_P384) return refuse('INVALID_PARAM', `snp.id-auth.${name}.curve`, `must be ${CURVE_P384}, is ${key.curve}`);
  return undefined;
}

function checkSignature(name: 'idBlockSignature' | 'idKeySignature', key: PublicKey, signature: ValueOf<typeof SIGNATURE.rows>, message: Uint8Array): IdBlockVerdict | undefined {
  const path = `snp.id-auth.${name}`;
  const publicKey = keyObject(key);
  const r = fromAmd(signature.r);
  const s = fromAmd(signature.s);
  if (!publicKey) return refuse('BAD_SIGNATURE', path, 'the key is no point of the curve P-384');
  if (!r || !s) return refuse('BAD_SIGNATURE', path, `a number has more than ${SCALAR_SIZE} bytes`);
  const good = verify('sha384', message, { key: publicKey, dsaEncoding: 'ieee-p1363' }, Buffer.concat([r, s]));
  return good ? undefined : refuse('BAD_SIGNATURE', path, 'the signature does not verify');
}

function keyObject({ qx, qy }: PublicKey): KeyObject | undefined {
  const x = fromAmd(qx);
  const y = fromAmd(qy);
  if (!x || !y) return undefined;
  try {
    return createPublicKey({ key: { kty: 'EC', crv: 'P-384', x: Buffer.from(x).toString('base64url'), y: Buffer.from(y).toString('base64url') }, format: 'jwk' });
  } catch {
    // Node says only by an exception that a point is not on the curve.
    return undefined;
  }
}

/** 48 bytes big-endian → 72 bytes little-endian. */
function toAmd(scalar: Uint8Array): Uint8Array {
  const out = new Uint8Array(NUMBER_SIZE);
  out.set(scalar.toReversed());
  return out;
}

/** 72 bytes little-endian → 48 bytes big-endian, or undefined where the number is longer. */
function fromAmd(number: Uint8Array): Uint8Array | undefined {
  return number.subarray(SCALAR_SIZE).every((byte) => byte === 0) ? number.slice(0, SCALAR_SIZE).toReversed() : undefined;
}
