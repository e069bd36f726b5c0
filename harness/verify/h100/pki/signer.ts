/** The chain of the key that signs manifests: the signer, two authorities and the root. */
import type { KeyObject } from 'node:crypto';
import type { Architecture } from '../../../../emulator/h100/platform/models.ts';
import { type ReadCertificate, readCertificate } from '../../../../emulator/pki/read.ts';
import { CRL_SIGN, EXTENSION, KEY_CERT_SIGN } from '../../x509.ts';
import type { H100Appraisal } from '../reasons.ts';
import { authorityKey, checkAuthority, checkForm, checkIssued, checkName, type Issuer, leafKey } from './certificate.ts';
import type { H100Trust } from './trust.ts';

/** How the certificates of a manifest are called, from the signer up. */
export const SIGNER_PATH = ['signer', 'issuer', 'authority', 'root'] as const;
/** Certificates of a manifest's chain. */
const SIGNER_CHAIN = 4;

/** A manifest's chain whose signatures, names and shapes hold. What depends on the time is not in it. */
export interface VerifiedSigner {
  /** From the signer up; the last is the trusted root. */
  readonly certificates: readonly ReadCertificate[];
  /** On P-384. */
  readonly key: KeyObject;
  readonly model: Architecture;
}

const REQUIRED = [EXTENSION.basicConstraints, EXTENSION.keyUsage, EXTENSION.subjectKeyIdentifier, EXTENSION.authorityKeyIdentifier] as const;

/**
 * Verifies the chain of the key that signs manifests.
 * @param chain certificates in DER, signer first; the last must be a trusted root, byte for byte
 */
export function verifySigner(appraisal: H100Appraisal, trust: H100Trust, chain: readonly Uint8Array[], path: string): VerifiedSigner {
  appraisal.check('certificate-chain-length', chain.length === SIGNER_CHAIN, () => ({ message: `has ${chain.length} certificates, must have ${SIGNER_CHAIN}`, path }));
  const at = (i: number): string => `${path}.${SIGNER_PATH[i] ?? i}`;
  const read = (i: number): ReadCertificate => appraisal.attempt('certificate-malformed', () => readCertificate(chain[i] ?? new Uint8Array(), at(i)));
  const [leaf, issuer, authority] = [read(0), read(1), read(2)];
  const root = trust.root(appraisal, 'rim', chain[3] ?? new Uint8Array(), at(3));

  const authorityName = checkName(appraisal, 'rimAuthority', authority, at(2));
  const authorityIssuer = verifyAuthority(appraisal, authority, at(2), root, 1);
  const issuerName = checkName(appraisal, 'rimIssuer', issuer, at(1));
  const issuerIssuer = verifyAuthority(appraisal, issuer, at(1), authorityIssuer, 0);
  const name = checkName(appraisal, 'rimSigner', leaf, at(0));
  checkForm(appraisal, leaf, at(0), REQUIRED);
  const key = leafKey(appraisal, leaf, at(0));
  checkIssued(appraisal, leaf, at(0), issuerIssuer);
  const model = authorityName.chip ?? '';
  // The signer for Hopper bears no chip's name.
  const same = issuerName.chip === model && (name.chip === undefined || name.chip === model);
  appraisal.check('certificate-chip', same, () => ({ message: `is for ${issuerName.chip === model ? name.chip : issuerName.chip}, and the authority for ${model}`, path: at(issuerName.chip === model ? 0 : 1) }));
  return { certificates: [leaf, issuer, authority, root.certificate], key, model: model as Architecture };
}

function verifyAuthority(appraisal: H100Appraisal, certificate: ReadCertificate, path: string, issuer: Issuer, below: number): Issuer {
  checkForm(appraisal, certificate, path, REQUIRED);
  checkAuthority(appraisal, certificate, path, KEY_CERT_SIGN | CRL_SIGN, below);
  checkIssued(appraisal, certificate, path, issuer);
  return { certificate, key: authorityKey(appraisal, certificate, path), path };
}
