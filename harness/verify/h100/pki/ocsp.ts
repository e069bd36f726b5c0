/** OCSP responses: whether NVIDIA still stands by a certificate. */
import { createHash } from 'node:crypto';
import { type CertId, publicKeyBits, writeCertId } from '../../../../emulator/pki/ocsp/cert-id.ts';
import { type ReadBasicResponse, type ReadSingleResponse, readOcspResponse } from '../../../../emulator/pki/ocsp/response.ts';
import { NONCE_OID } from '../../../../emulator/pki/ocsp/request.ts';
import { type ReadCertificate, readCertificate, sameBytes } from '../../../../emulator/pki/read.ts';
import { TAG, TlvReader } from '../../../../emulator/pki/tlv.ts';
import { keyOf } from '../../kept.ts';
import { authorityOf, DIGITAL_SIGNATURE, EXTENSION, extensionOf, KEY_CERT_SIGN, p384Key } from '../../x509.ts';
import type { H100Expectations } from '../expectations.ts';
import type { H100Appraisal } from '../reasons.ts';
import { isEcdsaSha384, type Issuer, verifySha384 } from './certificate.ts';
import type { H100Trust } from './trust.ts';

/** Which certificate a response is wanted about. */
export interface OcspQuestion {
  readonly certificate: ReadCertificate;
  readonly issuer: ReadCertificate;
}

/** A response to an {@link OcspQuestion}. */
export interface OcspAnswer {
  /** DER. */
  readonly response: Uint8Array;
  /** The nonce that was asked with, if one was: the response must have it. */
  readonly nonce?: Uint8Array;
}

/** Where responses come from: stored ones, or a responder that is asked. Undefined for a certificate that there is no response about. */
export type OcspSource = (question: OcspQuestion) => OcspAnswer | undefined;

/** What a response says that was verified. */
export interface VerifiedOcsp {
  readonly basic: ReadBasicResponse;
  readonly single: ReadSingleResponse;
  readonly responder: ReadCertificate;
}

/** id-kp-OCSPSigning, without its head. */
const OCSP_SIGNING = Uint8Array.from(Buffer.from('2b06010505070309', 'hex'));
const MAX_PURPOSES = 16;

/**
 * Responses that are at hand, by whom they are about: several may be about the same certificate, and the latest counts.
 * @param responses DER, copied; one that cannot be read is about nobody
 */
export function storedOcsp(responses: readonly Uint8Array[]): OcspSource {
  const known = responses.map((src) => {
    const response = src.slice();
    return { response, about: aboutOf(response) };
  });
  // The same certificates come again with every report of a device whose chain is kept.
  const answered = new WeakMap<ReadCertificate, { readonly issuer: ReadCertificate; readonly answer: OcspAnswer | undefined }>();
  return ({ certificate, issuer }) => {
    const before = answered.get(certificate);
    if (before?.issuer === issuer) return before.answer;
    const found = known.flatMap(({ response, about }) => about.filter(({ certId }) => isAbout(certId, certificate, issuer)).map(({ thisUpdate }) => ({ response, thisUpdate })));
    const [latest] = found.sort((a, b) => b.thisUpdate - a.thisUpdate);
    const answer = latest && { response: latest.response };
    if (answer) numbered(answer);
    answered.set(certificate, { issuer, answer });
    return answer;
  };
}

function aboutOf(response: Uint8Array): readonly ReadSingleResponse[] {
  try {
    return readOcspResponse(response).basic?.responses ?? [];
  } catch {
    // Nothing can be told from it.
    return [];
  }
}

function isAbout({ der, hash, serial }: CertId, certificate: ReadCertificate, issuer: ReadCertificate): boolean {
  return hash !== undefined && sameBytes(serial, certificate.serial) && sameBytes(der, writeCertId(hash, issuer, serial));
}

/** Numbers of what nobody else can change, certificates that are kept and responses that were copied: those are not hashed each time. */
const numbers = new WeakMap<ReadCertificate | OcspAnswer, number>();
let last = 0;

function numbered(what: ReadCertificate | OcspAnswer): number {
  last += 1;
  numbers.set(what, last);
  return last;
}

/** What a verified response hangs on: its bytes, and who is whom. */
function keyOfAnswer(answer: OcspAnswer, certificate: ReadCertificate, issuer: ReadCertificate): string {
  const [own, about, by] = [numbers.get(answer), numbers.get(certificate) ?? numbered(certificate), numbers.get(issuer) ?? numbered(issuer)];
  return `${about}/${by}/${own ?? keyOf([answer.response])}`;
}

/** Reads a response, and checks everything about it that does not depend on the time. @param path of the certificate that it is about */
export function verifyOcsp(appraisal: H100Appraisal, trust: H100Trust, answer: OcspAnswer, certificate: ReadCertificate, issuer: Issuer, path: string): VerifiedOcsp {
  return trust.keep(
    appraisal,
    'ocsp',
    () => keyOfAnswer(answer, certificate, issuer.certificate),
    () => {
      const { status, basic } = appraisal.attempt('ocsp-malformed', () => readOcspResponse(answer.response, `${path}.ocsp`));
      if (!basic) return appraisal.fail('ocsp-status', { message: `the responder answered ${status}`, path: `${path}.ocsp` });
      appraisal.pass('ocsp-status');
      const single = basic.responses.find(({ certId }) => isAbout(certId, certificate, issuer.certificate));
      if (!single || basic.responses.length > 1)
        return appraisal.fail('ocsp-other-certificate', { message: single ? `is about ${basic.responses.length} certificates` : 'is about another certificate', path: `${path}.ocsp` });
      appraisal.pass('ocsp-other-certificate');
      const critical = [...basic.extensions, ...single.extensions].find((e) => e.critical && e.oid !== NONCE_OID);
      appraisal.check('ocsp-extension-critical', critical === undefined, () => ({ message: `the extension ${critical?.oid} is critical and unknown`, path: `${path}.ocsp`, at: critical?.at ?? 0 }));
      return { basic, single, responder: verifyResponder(appraisal, basic, issuer, `${path}.ocsp`) };
    },
  );
}

/** Checks who signed a response, and the signature. */
function verifyResponder(appraisal: H100Appraisal, basic: ReadBasicResponse, issuer: Issuer, path: string): ReadCertificate {
  const { certificates } = basic;
  const [der] = certificates;
  if (!der || certificates.length > 1) return appraisal.fail('ocsp-responder-missing', { message: `has ${certificates.length} certificates`, path });
  appraisal.pass('ocsp-responder-missing');
  const where = `${path}.responder`;
  const responder = appraisal.attempt('certificate-malformed', () => readCertificate(der, where));
  const named =
    'name' in basic.responder
      ? sameBytes(basic.responder.name, responder.subject)
      : sameBytes(
          basic.responder.keyHash,
          appraisal.attempt('certificate-malformed', () => keyHash(responder.spki)),
        );
  appraisal.check('ocsp-responder', named, () => ({ message: 'the certificate is not that of the responder that the response names', path: where }));
  // Delegated: by the certificate's own issuer, and by nobody else.
  const issued = sameBytes(responder.issuer, issuer.certificate.subject) && isEcdsaSha384(responder.signatureAlgorithm) && verifySha384(issuer.key, responder.tbs, responder.signature);
  appraisal.check('ocsp-responder', issued, () => ({ message: `is not certified by ${issuer.path}`, path: where }));
  checkUsage(appraisal, responder, where);
  const key = p384Key(responder.spki);
  const signed = key !== undefined && isEcdsaSha384(basic.signatureAlgorithm) && verifySha384(key, basic.tbs, basic.signature);
  appraisal.check('ocsp-signature', signed, () => ({ message: 'the signature does not verify with the key of the responder', path }));
  return responder;
}

function keyHash(spki: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha1').update(publicKeyBits(spki)).digest());
}

function checkUsage(appraisal: H100Appraisal, responder: ReadCertificate, path: string): void {
  const { ca, keyUsage = 0 } = appraisal.attempt('certificate-extension-malformed', () => authorityOf(responder));
  const purposes = appraisal.attempt('certificate-extension-malformed', () => purposesOf(responder, path));
  const may = purposes.some((purpose) => sameBytes(purpose, OCSP_SIGNING));
  appraisal.check('ocsp-responder-usage', may && !ca && (keyUsage & DIGITAL_SIGNATURE) !== 0 && (keyUsage & KEY_CERT_SIGN) === 0, () => ({
    message: may ? `is an authority, or its key usage is not for signatures: 0x${keyUsage.toString(16)}` : 'its extended key usage does not have OCSPSigning',
    path,
  }));
}

/** The purposes of ExtendedKeyUsage, as object identifiers in DER without their heads. @throws {CodecError} ERR_PKI_PARSE */
function purposesOf(certificate: ReadCertificate, path: string): readonly Uint8Array[] {
  const extension = extensionOf(certificate, EXTENSION.extendedKeyUsage);
  if (!extension) return [];
  const outer = new TlvReader(extension.value, `${path}.extendedKeyUsage`);
  const list = outer.enter(TAG.sequence, 'sequence');
  outer.end();
  const purposes: Uint8Array[] = [];
  while (list.next !== undefined) {
    if (purposes.length >= MAX_PURPOSES) throw list.fail('purpose', `more than ${MAX_PURPOSES} of them`);
    purposes.push(list.read(TAG.oid, 'purpose'));
  }
  return purposes;
}

const iso = (at: number): string => new Date(at).toISOString();

/** Checks that a response is the one that was asked for, that it counts at `now`, and what it says. @param path of the certificate that it is about */
export function checkOcsp(appraisal: H100Appraisal, { basic, single, responder }: VerifiedOcsp, { nonce }: OcspAnswer, path: string, { now, ocspGrace = 0, allowHold = false }: H100Expectations): void {
  const where = `${path}.ocsp`;
  if (nonce) appraisal.check('ocsp-nonce', basic.nonce !== undefined && sameBytes(basic.nonce, nonce), () => ({ message: basic.nonce ? 'has another nonce' : 'has no nonce', path: where }));
  const { thisUpdate, nextUpdate, status } = single;
  const issued = Math.max(thisUpdate, basic.producedAt);
  appraisal.check('ocsp-future', issued <= now, () => ({ message: `was issued at ${iso(issued)}, after the time of verification, ${iso(now)}`, path: where }));
  appraisal.check('ocsp-no-next-update', nextUpdate !== undefined, () => ({ message: 'does not say until when it counts', path: where }));
  const until = nextUpdate ?? 0;
  appraisal.check('ocsp-stale', now <= until + ocspGrace, () => ({ message: `counted until ${iso(until)}, and the time of verification is ${iso(now)}`, path: where }));
  // The last time at which the response counts by itself: grace is about what was good then.
  const then = Math.min(now, until);
  appraisal.check('ocsp-responder-dates', responder.notBefore <= then && then <= responder.notAfter, () => ({
    message: `is valid from ${iso(responder.notBefore)} to ${iso(responder.notAfter)}, and the response counts at ${iso(then)}`,
    path: `${where}.responder`,
  }));
  appraisal.check('certificate-status-unknown', status.kind !== 'unknown', () => ({ message: 'the responder does not know the certificate', path }));
  if (status.kind === 'revoked') {
    const held = status.reason === 'certificateHold';
    const message = `was ${held ? 'put on hold' : 'revoked'} at ${iso(status.at)}${status.reason === undefined ? '' : ` (${status.reason})`}`;
    if (!held) appraisal.fail('certificate-revoked', { message, path });
    if (!allowHold) appraisal.fail('certificate-on-hold', { message, path });
  }
  for (const reason of ['certificate-revoked', 'certificate-on-hold'] as const) appraisal.pass(reason);
}
