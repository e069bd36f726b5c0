/** What a requester authenticates itself with: an RSA key and its chain. */
import { createPrivateKey } from 'node:crypto';
import { rsaSigner } from '../../../crypto/sign.ts';
import { ecdsaWith, OID } from '../../../pki/der.ts';
import { authorityKeyIdentifier, basicConstraintsCa, basicConstraintsLeaf, keyUsage, subjectKeyIdentifier, testMarker } from '../../../pki/extensions.ts';
import { issueCertificate } from '../../../pki/issue.ts';
import type { World } from '../../../world.ts';
import { PUBLIC_REQUESTER_KEY } from './public-requester-key.ts';

/** A requester that can be asked who it is. */
export interface RequesterIdentity {
  /** DER, from the root to the leaf, whose key is RSA with 3072 bits. */
  readonly certificates: readonly Uint8Array[];
  /** RSASSA-PSS with SHA-384. @returns 384 bytes */
  sign(message: Uint8Array): Uint8Array;
}

const YEAR = 365 * 86_400_000;
const ROOT = 'spdm requester root';

/** The identity with the key that everybody has, under a root of the World. */
export function publicIdentity(world: World): RequesterIdentity {
  const signer = rsaSigner(createPrivateKey({ key: Buffer.from(PUBLIC_REQUESTER_KEY, 'base64'), format: 'der', type: 'pkcs1' }));
  const root = world.ecKey(ROOT, 'P-384');
  const notBefore = Math.floor(world.now() / YEAR) * YEAR;
  const common = { issuer: [[OID.commonName, ROOT]], notBefore, notAfter: notBefore + 10 * YEAR, signatureAlgorithm: ecdsaWith('P-384') } as const;
  const identifiers = (spki: Uint8Array) => [subjectKeyIdentifier(spki), authorityKeyIdentifier(root.spki)];
  const authority = issueCertificate(
    {
      ...common,
      serial: Uint8Array.of(1),
      subject: common.issuer,
      spki: root.spki,
      extensions: [...identifiers(root.spki), keyUsage('keyCertSign', 'cRLSign'), basicConstraintsCa(), testMarker()],
    },
    root,
  );
  const leaf = issueCertificate(
    { ...common, serial: Uint8Array.of(2), subject: [[OID.commonName, 'spdm requester']], spki: signer.spki, extensions: [...identifiers(signer.spki), keyUsage('digitalSignature'), basicConstraintsLeaf()] },
    root,
  );
  return { certificates: [authority.der, leaf.der], sign: (message) => signer.sign(message) };
}
