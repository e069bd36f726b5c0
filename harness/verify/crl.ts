/** Checking a root's revocation list: whose it is, whether it counts now, and whom it names. */
import type { KeyObject } from 'node:crypto';
import { type ReadCertificate, type ReadCrl, readCrl, sameBytes } from '../../emulator/pki/read.ts';
import type { CERTIFICATE_REASONS } from './reasons.ts';
import type { Appraisal } from './verdict.ts';
import { isPssSha384, verifyPssSha384 } from './x509.ts';

type Reason = keyof typeof CERTIFICATE_REASONS;

/** The certificates that a list may name. */
export interface CrlChain {
  readonly root: ReadCertificate;
  readonly rootKey: KeyObject;
  readonly intermediate: ReadCertificate;
  readonly leaf: ReadCertificate;
}

const iso = (at: number): string => new Date(at).toISOString();

/**
 * Reads a list and checks what does not depend on the time: that it is the root's, and whole.
 * @param src DER
 */
export function verifyCrl<C extends string>(appraisal: Appraisal<C | Reason>, src: Uint8Array, { root, rootKey }: Pick<CrlChain, 'root' | 'rootKey'>): ReadCrl {
  const crl = appraisal.attempt('crl-malformed', () => readCrl(src));
  appraisal.check('crl-version', crl.version === 2, () => ({ message: `the list is of version ${crl.version}`, path: 'crl' }));
  appraisal.check('crl-issuer', sameBytes(crl.issuer, root.subject), () => ({ message: 'the list is that of another authority than the root', path: 'crl' }));
  appraisal.check('crl-algorithm', isPssSha384(crl.signatureAlgorithm), () => ({ message: 'the list is not signed with RSASSA-PSS, SHA-384 and a salt of 48 bytes', path: 'crl' }));
  const critical = [crl, ...crl.revoked].flatMap(({ extensions }) => extensions).find((e) => e.critical);
  appraisal.check('crl-extension-critical', critical === undefined, () => ({ message: `the extension ${critical?.oid} changes what the list means`, path: 'crl', at: critical?.at ?? 0 }));
  appraisal.check('crl-signature', verifyPssSha384(rootKey, crl.tbs, crl.signature), () => ({ message: "the list's signature does not verify with the root's key", path: 'crl' }));
  return crl;
}

/** Checks that a list counts at `now` (milliseconds since 1970), and that it names none of the chain. */
export function checkRevocation<C extends string>(appraisal: Appraisal<C | Reason>, crl: ReadCrl, chain: Omit<CrlChain, 'rootKey'>, now: number): void {
  const { nextUpdate } = crl;
  appraisal.check('crl-future', crl.thisUpdate <= now, () => ({ message: `the list was issued at ${iso(crl.thisUpdate)}, after the time of verification, ${iso(now)}`, path: 'crl' }));
  if (nextUpdate === undefined) return appraisal.fail('crl-no-next-update', { message: 'the list does not say until when it counts', path: 'crl' });
  appraisal.pass('crl-no-next-update');
  appraisal.check('crl-stale', now <= nextUpdate, () => ({ message: `the list counted until ${iso(nextUpdate)}, and the time of verification is ${iso(now)}`, path: 'crl' }));
  for (const [reason, name, { serial }] of [
    ['root-revoked', 'root', chain.root],
    ['intermediate-revoked', 'intermediate', chain.intermediate],
    ['leaf-revoked', 'leaf', chain.leaf],
  ] as const) {
    const entry = crl.revoked.find((r) => sameBytes(r.serial, serial));
    appraisal.check(reason, entry === undefined, () => ({ message: `the ${name} with the serial 0x${Buffer.from(serial).toString('hex')} was revoked at ${iso(entry?.revokedAt ?? 0)}`, path: 'crl' }));
  }
}
