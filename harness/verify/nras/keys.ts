/** The key set of the attestation service, and the certificates of its keys. */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { CodecError } from '../../../emulator/errors.ts';
import { type ReadCertificate, readCertificate, sameBytes } from '../../../emulator/pki/read.ts';
import { authorityOf, KEY_CERT_SIGN } from '../x509.ts';
import type { NrasAppraisal } from './reasons.ts';

/** Longest key set that is read, in bytes: genuine ones are 80 KiB. */
const MAX_KEY_SET = 512 * 1024;
const MAX_KEYS = 256;
const MAX_CHAIN = 5;
/** DER AlgorithmIdentifiers that certificates of the service are signed with: sha256WithRSAEncryption, ecdsa-with-SHA384. */
const ALGORITHMS = new Map([
  ['300d06092a864886f70d01010b0500', 'sha256'],
  ['300a06082a8648ce3d040303', 'sha384'],
]);

/** A key of the set, not looked into. */
type Jwk = Readonly<Record<string, unknown>>;

/** A key that can be used, and until when. */
export interface NrasKey {
  readonly key: KeyObject;
  /** Leaf first. */
  readonly certificates: readonly ReadCertificate[];
}

/** Reads a key set. @param src JSON in UTF-8 */
export function readKeySet(appraisal: NrasAppraisal, src: Uint8Array): readonly Jwk[] {
  const fail = (rule: string): CodecError => new CodecError('ERR_CODEC_RANGE', 'keys', 0, rule);
  return appraisal.attempt('key-set-malformed', () => {
    if (src.length > MAX_KEY_SET) throw fail(`longer than ${MAX_KEY_SET} bytes: ${src.length}`);
    let value: unknown;
    try {
      value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(src));
    } catch {
      throw fail('is no JSON in UTF-8');
    }
    const keys = typeof value === 'object' && value !== null && 'keys' in value ? value.keys : undefined;
    if (!Array.isArray(keys) || keys.length > MAX_KEYS) throw fail(`must hold a list of at most ${MAX_KEYS} keys`);
    if (!keys.every((key: unknown) => typeof key === 'object' && key !== null && !Array.isArray(key))) throw fail('must hold objects only');
    return keys as Jwk[];
  });
}

/** The key of a name: on P-384, with a certificate for it whose chain holds together. @param anchors certificates that the chain must end with, or below one of which it must end, in DER */
export function keyNamed(appraisal: NrasAppraisal, keys: readonly Jwk[], kid: string, anchors: readonly Uint8Array[] | undefined): NrasKey {
  const found = keys.filter((key) => key.kid === kid);
  const path = `keys.${kid.slice(0, 80)}`;
  const [jwk] = found;
  if (!jwk || found.length > 1) return appraisal.fail('key-unknown', { message: `the key set has ${found.length} keys of that name`, path });
  appraisal.pass('key-unknown');
  const key = keyOf(jwk);
  if (!key) return appraisal.fail('key-type', { message: 'is no point on P-384 for signatures', path });
  appraisal.pass('key-type');
  return { key, certificates: certificatesOf(appraisal, jwk, key, path, anchors) };
}

function keyOf({ kty, crv, x, y, use, alg }: Jwk): KeyObject | undefined {
  const right = kty === 'EC' && crv === 'P-384' && (use === undefined || use === 'sig') && (alg === undefined || alg === 'ES384');
  if (!right || typeof x !== 'string' || typeof y !== 'string') return undefined;
  try {
    return createPublicKey({ key: { kty, crv, x, y }, format: 'jwk' });
  } catch {
    return undefined;
  }
}

function certificatesOf(appraisal: NrasAppraisal, { x5c }: Jwk, key: KeyObject, path: string, anchors: readonly Uint8Array[] | undefined): readonly ReadCertificate[] {
  const list: readonly unknown[] = Array.isArray(x5c) ? x5c : [];
  appraisal.check('key-certificate', list.length > 0 && list.length <= MAX_CHAIN, () => ({ message: `has ${list.length} certificates, must have 1 to ${MAX_CHAIN}`, path: `${path}.x5c` }));
  const certificates = list.map((text, i) =>
    appraisal.attempt('certificate-malformed', () => readCertificate(typeof text === 'string' ? new Uint8Array(Buffer.from(text, 'base64')) : new Uint8Array(), `${path}.x5c.${i}`)),
  );
  const [leaf] = certificates;
  const own = key.export({ format: 'der', type: 'spki' });
  appraisal.check('key-certificate', leaf !== undefined && sameBytes(leaf.spki, own), () => ({ message: 'the first certificate is for another key', path: `${path}.x5c.0` }));
  for (const [i, certificate] of certificates.entries()) {
    appraisal.check('certificate-version', certificate.version === 3, () => ({ message: `is of version ${certificate.version}`, path: `${path}.x5c.${i}` }));
    const issuer = certificates[i + 1];
    if (issuer) checkIssuedBy(appraisal, certificate, issuer, `${path}.x5c.${i}`);
  }
  checkAnchor(appraisal, certificates, `${path}.x5c`, anchors);
  return certificates;
}

function checkIssuedBy(appraisal: NrasAppraisal, certificate: ReadCertificate, issuer: ReadCertificate, path: string): void {
  appraisal.check('certificate-issuer', sameBytes(certificate.issuer, issuer.subject), () => ({ message: 'the issuer is not the subject of the next certificate', path }));
  const authority = appraisal.attempt('certificate-malformed', () => authorityOf(issuer));
  appraisal.check('authority-not-ca', authority.ca, () => ({ message: 'its issuer is not marked as an authority', path }));
  appraisal.check('authority-key-usage', ((authority.keyUsage ?? 0) & KEY_CERT_SIGN) !== 0, () => ({ message: 'its issuer may not sign certificates', path }));
  const digest = ALGORITHMS.get(Buffer.from(certificate.signatureAlgorithm).toString('hex'));
  appraisal.check('certificate-algorithm', digest !== undefined, () => ({ message: 'is signed neither with RSA and SHA-256 nor with ECDSA and SHA-384', path }));
  appraisal.check('certificate-signature', digest !== undefined && verifies(certificate, issuer, digest), () => ({ message: 'its signature does not verify with the key above it', path }));
}

function verifies({ tbs, signature }: ReadCertificate, { spki }: ReadCertificate, digest: string): boolean {
  try {
    const key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
    return key.asymmetricKeyType === (digest === 'sha256' ? 'rsa' : 'ec') && verify(digest, tbs, key, signature);
  } catch {
    // A key that the platform does not take verifies nothing.
    return false;
  }
}

/** Checks that a chain ends with an anchor, or right below one. */
function checkAnchor(appraisal: NrasAppraisal, certificates: readonly ReadCertificate[], path: string, anchors: readonly Uint8Array[] | undefined): void {
  if (!anchors) return;
  const last = certificates.at(-1);
  const read = anchors.map((der) => readCertificate(der, 'anchor'));
  const holds =
    last &&
    read.some(
      (anchor) =>
        certificates.some(({ der }) => sameBytes(der, anchor.der)) || (sameBytes(last.issuer, anchor.subject) && verifies(last, anchor, ALGORITHMS.get(Buffer.from(last.signatureAlgorithm).toString('hex')) ?? '')),
    );
  appraisal.check('root-untrusted', holds === true, () => ({ message: 'the chain neither holds a trusted certificate nor ends below one', path }));
}

const iso = (at: number): string => new Date(at).toISOString();

/** Checks that every certificate of a key is valid at `now` (milliseconds since 1970). */
export function checkKeyDates(appraisal: NrasAppraisal, { certificates }: NrasKey, path: string, now: number): void {
  for (const [i, { notBefore, notAfter }] of certificates.entries()) {
    appraisal.check('certificate-not-yet-valid', notBefore <= now, () => ({ message: `valid from ${iso(notBefore)}, and the time of verification is ${iso(now)}`, path: `${path}.x5c.${i}` }));
    appraisal.check('certificate-expired', now <= notAfter, () => ({ message: `valid until ${iso(notAfter)}, and the time of verification is ${iso(now)}`, path: `${path}.x5c.${i}` }));
  }
}
