/** Checking an authority's revocation list: whose it is, whether it counts now, and whom it names. */
import type { KeyObject } from 'node:crypto';
import { type ReadCertificate, type ReadCrl, readCrl, sameBytes } from '../../emulator/pki/read.ts';
import type { CERTIFICATE_REASONS } from './reasons.ts';
import type { Appraisal } from './verdict.ts';
import { isPssSha384, verifyPssSha384 } from './x509.ts';

/** Whether there must be a list is for the caller to say. */
type Reason = Exclude<keyof typeof CERTIFICATE_REASONS, 'crl-missing'>;

/** The certificates that a list may name. */
export interface CrlChain {
  readonly root: ReadCertificate;
  readonly rootKey: KeyObject;
  readonly intermediate: ReadCertificate;
  readonly leaf: ReadCertificate;
}

const iso = (at: number): string => new Date(at).toISOString();

/** How a vendor signs its lists. */
export interface CrlForm {
  /** The algorithm, for messages. */
  readonly algorithm: string;
  readonly isAlgorithm: (identifier: Uint8Array) => boolean;
  readonly verify: (key: KeyObject, message: Uint8Array, signature: Uint8Array) => boolean;
}

/** A list and the authority that it must be of. */
export interface PresentedCrl {
  /** DER. */
  readonly src: Uint8Array;
  /** How messages call the list. */
  readonly path: string;
  readonly authority: ReadCertificate;
  readonly key: KeyObject;
  /** How messages call the authority. */
  readonly authorityName: string;
}

const PSS: CrlForm = { algorithm: 'RSASSA-PSS, SHA-384 and a salt of 48 bytes', isAlgorithm: isPssSha384, verify: verifyPssSha384 };

/**
 * Reads the root's list and checks what does not depend on the time: that it is the root's, and whole.
 * @param src DER
 */
export function verifyCrl<C extends string>(appraisal: Appraisal<C | Reason>, src: Uint8Array, { root, rootKey }: Pick<CrlChain, 'root' | 'rootKey'>): ReadCrl {
  return verifyCrlOf(appraisal, { src, path: 'crl', authority: root, key: rootKey, authorityName: 'the root' }, PSS);
}

/** Reads an authority's list and checks what does not depend on the time: that it is the authority's, and whole. */
export function verifyCrlOf<C extends string>(appraisal: Appraisal<C | Reason>, { src, path, authority, key, authorityName }: PresentedCrl, form: CrlForm): ReadCrl {
  const crl = appraisal.attempt('crl-malformed', () => readCrl(src, path));
  appraisal.check('crl-version', crl.version === 2, () => ({ message: `the list is of version ${crl.version}`, path }));
  appraisal.check('crl-issuer', sameBytes(crl.issuer, authority.subject), () => ({ message: `the list is that of another authority than ${authorityName}`, path }));
  appraisal.check('crl-algorithm', form.isAlgorithm(crl.signatureAlgorithm), () => ({ message: `the list is not signed with ${form.algorithm}`, path }));
  const critical = [crl, ...crl.revoked].flatMap(({ extensions }) => extensions).find((e) => e.critical);
  appraisal.check('crl-extension-critical', critical === undefined, () => ({ message: `the extension ${critical?.oid} changes what the list means`, path, at: critical?.at ?? 0 }));
  appraisal.check('crl-signature', form.verify(key, crl.tbs, crl.signature), () => ({ message: `the list's signature does not verify with the key of ${authorityName}`, path }));
  return crl;
}

/** Checks that a list counts at `now` (milliseconds since 1970), and that it names none of the chain. */
export function checkRevocation<C extends string>(appraisal: Appraisal<C | Reason>, crl: ReadCrl, chain: Omit<CrlChain, 'rootKey'>, now: number): void {
  checkCrlDates(appraisal, crl, now, 'crl');
  for (const [reason, name, certificate] of [
    ['root-revoked', 'root', chain.root],
    ['intermediate-revoked', 'intermediate', chain.intermediate],
    ['leaf-revoked', 'leaf', chain.leaf],
  ] as const) {
    checkNotRevoked(appraisal, reason, crl, certificate, name, 'crl');
  }
}

/** Checks that a list counts at `now` (milliseconds since 1970). @param path how messages call the list */
export function checkCrlDates<C extends string>(appraisal: Appraisal<C | Reason>, { thisUpdate, nextUpdate }: ReadCrl, now: number, path: string): void {
  appraisal.check('crl-future', thisUpdate <= now, () => ({ message: `the list was issued at ${iso(thisUpdate)}, after the time of verification, ${iso(now)}`, path }));
  appraisal.check('crl-no-next-update', nextUpdate !== undefined, () => ({ message: 'the list does not say until when it counts', path }));
  appraisal.check('crl-stale', now <= (nextUpdate ?? 0), () => ({ message: `the list counted until ${iso(nextUpdate ?? 0)}, and the time of verification is ${iso(now)}`, path }));
}

/** Checks that a list does not name a certificate of its authority's. @param name of the certificate, for messages @param path of the list, for messages */
export function checkNotRevoked<C extends string>(appraisal: Appraisal<C | Reason>, reason: C | Reason, crl: ReadCrl, { serial }: ReadCertificate, name: string, path: string): void {
  const entry = crl.revoked.find((r) => sameBytes(r.serial, serial));
  appraisal.check(reason, entry === undefined, () => ({ message: `the ${name} with the serial 0x${Buffer.from(serial).toString('hex')} was revoked at ${iso(entry?.revokedAt ?? 0)}`, path }));
}
