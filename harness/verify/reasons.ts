/** Reasons that every TEE's evidence can be refused for: whatever hangs on certificates and revocation lists. */
import type { ReasonRow } from './verdict.ts';

const path = (rule: string, section: string): ReasonRow => ({ stage: 'chain', rule, ref: `RFC 5280 §${section}` });
const crl = (rule: string, ref: string): ReasonRow => ({ stage: 'revocation', rule, ref });

export const CERTIFICATE_REASONS = {
  'evidence-incomplete': { stage: 'parse', rule: 'the evidence holds everything that a verification needs', ref: 'teemu: the bundle on disk' },
  'certificate-malformed': { stage: 'parse', rule: 'every certificate is DER of a certificate, and of nothing else', ref: 'RFC 5280 §4.1' },
  'crl-malformed': { stage: 'parse', rule: 'the revocation list is DER of a list, and of nothing else', ref: 'RFC 5280 §5.1' },

  'certificate-version': path('every certificate is of version 3', '4.1.2.1'),
  'certificate-algorithm': path("every certificate is signed by the vendor's one algorithm", '4.1.1.2'),
  'certificate-name': path('every certificate bears the name that its place in the chain asks for', '4.1.2.6'),
  'certificate-issuer': path('every certificate names the one above it as its issuer', '6.1.3 (a)(4)'),
  'certificate-extension-twice': path('no certificate has an extension twice', '4.2'),
  'certificate-extension-critical': path('no certificate has a critical extension that the verifier does not know', '4.2'),
  'certificate-extension-malformed': path('every extension that matters can be read', '4.2.1'),
  'certificate-signature': path('every certificate is signed by the key above it', '6.1.3 (a)(1)'),
  'certificate-not-yet-valid': path('every certificate is valid already', '6.1.3 (a)(2)'),
  'certificate-expired': path('every certificate is valid still', '6.1.3 (a)(2)'),
  'authority-not-ca': path('every authority is marked as one', '6.1.4 (k)'),
  'authority-path-length': path('the number of authorities below each one is what it allows', '6.1.4 (m)'),
  'authority-key-usage': path('every authority may sign certificates, and the root lists of revoked ones', '6.1.4 (n)'),
  'authority-key': path("every authority's key is of the vendor's kind and length", '4.1.2.7'),
  'root-untrusted': path('the chain ends at a root that the verifier was given', '6.1.1 (d)'),
  'root-altered': path('a root that comes with the evidence is byte for byte the one that is trusted', '6.1.1 (d)'),

  'crl-missing': crl('a revocation list is there, where one is asked for', 'the caller asked for it'),
  'crl-version': crl('the list is of version 2', 'RFC 5280 §5.1.2.1'),
  'crl-issuer': crl('the list is that of the root', 'RFC 5280 §6.3.3 (b)'),
  'crl-algorithm': crl("the list is signed by the vendor's one algorithm", 'RFC 5280 §5.1.1.2'),
  'crl-signature': crl("the list is signed by the root's key", 'RFC 5280 §6.3.3 (g)'),
  'crl-extension-critical': crl('the list has no critical extension: it is no delta, no part of a list, no list of somebody else', 'RFC 5280 §5.2'),
  'crl-future': crl('the list has been issued already', 'RFC 5280 §5.1.2.4'),
  'crl-no-next-update': crl('the list says until when it counts', 'RFC 5280 §5.1.2.5'),
  'crl-stale': crl('the list still counts', 'RFC 5280 §5.1.2.5'),
  'root-revoked': crl('the list does not name the root', 'RFC 5280 §6.3.3 (i)'),
  'intermediate-revoked': crl('the list does not name the authority below the root', 'RFC 5280 §6.3.3 (i)'),
  'leaf-revoked': crl("the list does not name the signing key's certificate", 'RFC 5280 §6.3.3 (i)'),

  'leaf-too-old': { stage: 'freshness', rule: "the signing key's certificate is no older than the caller allows", ref: 'the caller asked for it' },
  'crl-too-old': { stage: 'freshness', rule: 'the revocation list is no older than the caller allows', ref: 'the caller asked for it' },
} as const satisfies Record<string, ReasonRow>;
