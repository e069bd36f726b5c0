/** Intel's chains: PCK certificates below one of two authorities, and the key that signs TCB info, each below the root. */
import type { KeyObject } from 'node:crypto';
import { type ReadCertificate, readCertificate, sameBytes } from '../../../../emulator/pki/read.ts';
import { readSgxExtension, SGX_EXTENSION_OID, type SgxExtension } from '../../../../emulator/pki/sgx-extension.ts';
import { CRL_SIGN, extensionOf, KEY_CERT_SIGN } from '../../x509.ts';
import type { TdxAppraisal } from '../reasons.ts';
import { authorityKey, checkAuthority, checkForm, checkIssued, checkName, COMMON_NAME, type Issuer, leafKey } from './certificate.ts';
import type { TdxTrust } from './trust.ts';

/** Which authority certifies PCKs: Platform for machines of several packages, Processor for others. */
export type PckCa = 'platform' | 'processor';

/** An authority for PCKs that hangs on a trusted root. */
export interface PckAuthority extends Issuer {
  readonly ca: PckCa;
  readonly root: ReadCertificate;
}

/** The key that signs TCB info and identities, and the root it hangs on. */
export interface TcbSigner extends Issuer {
  readonly root: Issuer;
}

/** A platform's certified key. */
export interface VerifiedPck {
  readonly leaf: ReadCertificate;
  readonly key: KeyObject;
  readonly authority: PckAuthority;
  /** What the certificate vouches for. */
  readonly platform: SgxExtension;
}

/** How chains and their certificates are called. */
export const PATH = { pck: 'pck', pckCa: 'pck_ca', root: 'root', tcbSigning: 'tcb_signing' } as const;

/** Certificates and only extensions of a genuine PCK certificate: five, and the SGX extension. */
const PCK_EXTENSIONS = 6;
const PCK_CHAIN = 3;
const ISSUER_CHAIN = 2;

/** Takes a chain apart that has so many certificates, in DER. */
function links(appraisal: TdxAppraisal, chain: readonly Uint8Array[], length: number, path: string): readonly Uint8Array[] {
  appraisal.check('certificate-chain-length', chain.length === length, () => ({ message: `has ${chain.length} certificates, must have ${length}`, path }));
  return chain;
}

/** Verifies the chain of an authority for PCKs: its certificate, and the root. @param path of the chain, for messages */
export function verifyPckAuthority(appraisal: TdxAppraisal, trust: TdxTrust, chain: readonly Uint8Array[], path: string): PckAuthority {
  const [der = new Uint8Array(), rootDer = new Uint8Array()] = links(appraisal, chain, ISSUER_CHAIN, path);
  const certificate = appraisal.attempt('certificate-malformed', () => readCertificate(der, PATH.pckCa));
  const root = trust.root(appraisal, rootDer, PATH.root);
  const name = checkName(appraisal, certificate, PATH.pckCa, [COMMON_NAME.platform, COMMON_NAME.processor]);
  checkForm(appraisal, certificate, PATH.pckCa);
  const { pathLength } = checkAuthority(appraisal, certificate, PATH.pckCa, KEY_CERT_SIGN | CRL_SIGN);
  appraisal.check('authority-path-length', pathLength === 0, () => ({ message: `must allow no authority below it, allows ${pathLength ?? 'any number'}`, path: PATH.pckCa }));
  checkIssued(appraisal, certificate, PATH.pckCa, root);
  return { certificate, key: authorityKey(appraisal, certificate, PATH.pckCa), path: PATH.pckCa, ca: name === COMMON_NAME.platform ? 'platform' : 'processor', root: root.certificate };
}

/** Verifies the chain of the key that signs TCB info. @param path of the chain, for messages */
export function verifyTcbSigner(appraisal: TdxAppraisal, trust: TdxTrust, chain: readonly Uint8Array[], path: string): TcbSigner {
  const [der = new Uint8Array(), rootDer = new Uint8Array()] = links(appraisal, chain, ISSUER_CHAIN, path);
  const certificate = appraisal.attempt('certificate-malformed', () => readCertificate(der, PATH.tcbSigning));
  const root = trust.root(appraisal, rootDer, PATH.root);
  checkName(appraisal, certificate, PATH.tcbSigning, [COMMON_NAME.tcbSigning]);
  checkForm(appraisal, certificate, PATH.tcbSigning);
  const key = leafKey(appraisal, certificate, PATH.tcbSigning);
  checkIssued(appraisal, certificate, PATH.tcbSigning, root);
  return { certificate, key, path: PATH.tcbSigning, root };
}

/**
 * Verifies the chain of a PCK: its certificate, its authority and the root.
 * @param known an authority that was verified before; the chain may bring the same one
 */
export function verifyPck(appraisal: TdxAppraisal, trust: TdxTrust, chain: readonly Uint8Array[], known: PckAuthority, allowOtherExtensions: boolean): VerifiedPck {
  const [der = new Uint8Array(), ...above] = links(appraisal, chain, PCK_CHAIN, PATH.pck);
  const leaf = appraisal.attempt('certificate-malformed', () => readCertificate(der, PATH.pck));
  const [ca = new Uint8Array(), root = new Uint8Array()] = above;
  const same = sameBytes(ca, known.certificate.der) && sameBytes(root, known.root.der);
  const authority = same ? known : verifyPckAuthority(appraisal, trust, above, PATH.pck);
  checkName(appraisal, leaf, PATH.pck, [COMMON_NAME.pck]);
  checkForm(appraisal, leaf, PATH.pck);
  const { length } = leaf.extensions;
  appraisal.check('leaf-extension', length === PCK_EXTENSIONS || allowOtherExtensions, () => ({ message: `has ${length} extensions`, path: PATH.pck }));
  const key = leafKey(appraisal, leaf, PATH.pck);
  checkIssued(appraisal, leaf, PATH.pck, authority);
  return { leaf, key, authority, platform: platformOf(appraisal, leaf, authority.ca) };
}

/** Reads whom and what a PCK certificate is for. */
function platformOf(appraisal: TdxAppraisal, leaf: ReadCertificate, ca: PckCa): SgxExtension {
  const path = PATH.pck;
  const extension = extensionOf(leaf, SGX_EXTENSION_OID);
  if (!extension) return appraisal.fail('sgx-extension-missing', { message: `has no extension ${SGX_EXTENSION_OID}`, path });
  appraisal.pass('sgx-extension-missing');
  const platform = appraisal.attempt('sgx-extension-malformed', () => readSgxExtension(extension.value, `${path}.sgxExtension`));
  appraisal.check('sgx-extension-platform', ca === 'processor' || platform.platform !== undefined, () => ({ message: 'is of the Platform CA and names no platform instance', path }));
  const { cpuSvn, components } = platform;
  appraisal.check(
    'pck-cpu-svn',
    components.every((svn, i) => svn === cpuSvn[i]),
    () => ({ message: `CPUSVN is ${Buffer.from(cpuSvn).toString('hex')}, the components are ${Buffer.from(components).toString('hex')}`, path }),
  );
  return platform;
}
