/**
 * What SPDM signatures are over: in 1.1 the transcript itself, in 1.2 a prefix that names version and purpose, and the transcript's hash.
 *
 * Source: DMTF DSP0274 1.1 and 1.2, "Signature generation"; 1.2 also "Signing algorithms in extensions", combined_spdm_prefix.
 */
import { constants, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { readCertificate } from '../../../pki/read.ts';
import { joined, sameBytes } from '../bytes.ts';
import { type CertificateChain, sha384 } from '../messages/certificates.ts';
import type { SpdmVersion } from '../messages/header.ts';
import { SpdmError } from '../spdm-error.ts';

/** Who signs what. */
export const SIGNING_CONTEXT = {
  challengeAuth: 'responder-challenge_auth signing',
  measurements: 'responder-measurements signing',
  keyExchangeRsp: 'responder-key_exchange_rsp signing',
  finish: 'requester-finish signing',
  requesterChallengeAuth: 'requester-challenge_auth signing',
} as const;
export type SigningContext = keyof typeof SIGNING_CONTEXT;

/** Length of the prefix: four times the 16 characters of the version, then zeros, then the context, which ends it. */
const PREFIX_SIZE = 100;

/** The message that a signature is over; the signer hashes it with SHA-384. @param transcript the messages that are signed */
export function signedMessage(version: SpdmVersion, context: SigningContext, transcript: Uint8Array): Uint8Array {
  if (version < 0x12) return transcript;
  const prefix = new Uint8Array(PREFIX_SIZE);
  prefix.set(Buffer.from('dmtf-spdm-v1.2.*'.repeat(4), 'latin1'));
  const text = Buffer.from(SIGNING_CONTEXT[context], 'latin1');
  prefix.set(text, PREFIX_SIZE - text.length);
  return joined([prefix, sha384(transcript)]);
}

/** The keys that sign: P-384 for responders, RSA with 3072 bits for requesters. */
export type KeyKind = 'P-384' | 'RSA-3072';

/**
 * The public key of a chain's leaf. Whether the root is one that is trusted, and what the certificates say, is for a verifier of evidence:
 * the driver leaves it to that too.
 * @throws {CodecError} ERR_PKI_PARSE for a certificate that cannot be read
 * @throws {SpdmError} spdm-certificate-chain for a key of another kind, or a root that does not have the stated hash
 */
export function leafKey({ rootHash, certificates }: CertificateChain, kind: KeyKind): KeyObject {
  const [first = new Uint8Array(0)] = certificates;
  const { issuer, subject } = readCertificate(first, 'spdm.certificateChain.root');
  if (sameBytes(issuer, subject) && !sameBytes(rootHash, sha384(first))) throw new SpdmError('spdm-certificate-chain', 'the root does not have the stated hash');
  const { spki } = readCertificate(certificates.at(-1) ?? first, 'spdm.certificateChain.leaf');
  let key: KeyObject | undefined;
  try {
    key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
  } catch {
    // The same answer as for a key of another kind.
  }
  const { modulusLength, namedCurve } = key?.asymmetricKeyDetails ?? {};
  const right = kind === 'P-384' ? key?.asymmetricKeyType === 'ec' && namedCurve === 'secp384r1' : key?.asymmetricKeyType === 'rsa' && modulusLength === 3072;
  if (key === undefined || !right) throw new SpdmError('spdm-certificate-chain', `the leaf's key is not ${kind}`);
  return key;
}

/** Whether `signature` (r ‖ s, or RSASSA-PSS with a salt of 48 bytes) is over the transcript. */
export function signatureHolds(key: KeyObject, version: SpdmVersion, context: SigningContext, transcript: Uint8Array, signature: Uint8Array): boolean {
  const message = signedMessage(version, context, transcript);
  if (key.asymmetricKeyType === 'ec') return verify('sha384', message, { key, dsaEncoding: 'ieee-p1363' }, signature);
  return verify('sha384', message, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }, signature);
}
