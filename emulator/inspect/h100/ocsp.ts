/** OCSP requests and responses. */
import { createHash } from 'node:crypto';
import { type CertId, publicKeyBits } from '../../pki/ocsp/cert-id.ts';
import { MAX_OCSP_REQUEST, readOcspRequest } from '../../pki/ocsp/request.ts';
import { type CertificateStatus, MAX_OCSP_RESPONSE, type ReadBasicResponse, readOcspResponse, type ReadSingleResponse } from '../../pki/ocsp/response.ts';
import { type ReadCertificate, readCertificate, readName, sameBytes } from '../../pki/read.ts';
import { TAG } from '../../pki/tlv.ts';
import { derSection } from '../certificates.ts';
import type { InspectContext, InspectLine, Note, Recogniser, Section } from '../inspection.ts';
import { algorithmText, isSignedBy } from '../keys.ts';

const hex = (src: Uint8Array): string => Buffer.from(src).toString('hex');
const time = (at: number): string => new Date(at).toISOString().replace('.000Z', 'Z');
const line = (path: string, value: string, doc: string, more: Partial<InspectLine> = {}): InspectLine => ({ path, depth: 0, value, doc, ...more });

const refuse =
  (limit: number) =>
  (src: Uint8Array): string | undefined => {
    if (src.length > limit) return `is at most ${limit} bytes long`;
    return src[0] === TAG.sequence ? undefined : `begins with 0x30, this with 0x${hex(src.subarray(0, 1))}`;
  };

export const OCSP_RECOGNISERS: readonly Recogniser[] = [
  { format: 'ocsp-request', title: 'OCSP request in DER', refuse: refuse(MAX_OCSP_REQUEST), inspect: (src) => [requestSection(src)] },
  { format: 'ocsp-response', title: 'OCSP response in DER', refuse: refuse(MAX_OCSP_RESPONSE), inspect: responseSections },
];

function certIdLines(path: string, { hash, issuerNameHash, issuerKeyHash, serial }: CertId): InspectLine[] {
  return [
    line(`${path}.serial`, `0x${hex(serial)}`, 'serial number of the certificate'),
    line(`${path}.hash`, hash ?? 'unknown', 'how its issuer is hashed', hash === undefined ? { broken: 'is no hash that is known' } : {}),
    line(`${path}.issuerNameHash`, hex(issuerNameHash), "hash of the issuer's name"),
    line(`${path}.issuerKeyHash`, hex(issuerKeyHash), "hash of the issuer's key"),
  ];
}

function nonceLine(nonce: Uint8Array | undefined): InspectLine {
  return line('nonce', nonce ? hex(nonce) : 'none', nonce ? `${nonce.length} bytes` : 'an answer without one may be an old one');
}

function requestSection(src: Uint8Array): Section {
  const { requests, nonce, signed } = readOcspRequest(src);
  return {
    name: 'ocsp.request',
    title: `OCSP request about ${requests.length === 1 ? 'one certificate' : `${requests.length} certificates`}`,
    at: 0,
    size: src.length,
    notes: signed ? [{ kind: 'info', text: 'It is signed; the signature is not checked.' }] : [],
    lines: [...requests.flatMap(({ certId }, i) => certIdLines(`requests.${i}`, certId)), nonceLine(nonce)],
  };
}

function responseSections(src: Uint8Array, context: InspectContext): Section[] {
  const { status, basic } = readOcspResponse(src);
  const section = { name: 'ocsp.response', at: 0, size: src.length };
  if (!basic) return [{ ...section, title: `OCSP response: ${status}`, notes: [{ kind: 'info', text: 'It holds no answer, and is not signed.' }], lines: [line('responseStatus', status, 'why there is no answer')] }];
  const certificates = basic.certificates.map((der) => readCertificate(der));
  return [
    { ...section, title: 'OCSP response', notes: signerNotes(basic, certificates), lines: responseLines(basic, context) },
    ...basic.certificates.flatMap((der) => {
      const read = derSection(der, context, certificates);
      return 'section' in read ? [read.section] : [];
    }),
  ];
}

/** Who signed it, out of the certificates that it brings along. */
function signerNotes(basic: ReadBasicResponse, certificates: readonly ReadCertificate[]): Note[] {
  const { responder } = basic;
  const named = certificates.filter(({ subject, spki }) => ('name' in responder ? sameBytes(subject, responder.name) : sameBytes(createHash('sha1').update(publicKeyBits(spki)).digest(), responder.keyHash)));
  if (named.length === 0) return [{ kind: 'info', text: 'The certificate of the responder is not in it.' }];
  if (named.some(({ spki }) => isSignedBy(basic, spki))) return [{ kind: 'info', text: 'Signed by the responder whose certificate is in it; who issued that is for the verifier to say.' }];
  return [{ kind: 'broken', text: 'The signature is not that of the responder, though its certificate is at hand.' }];
}

function responseLines(basic: ReadBasicResponse, context: InspectContext): InspectLine[] {
  const { responder, producedAt, responses, nonce, signatureAlgorithm } = basic;
  const by = 'name' in responder ? readName(responder.name).map(([, text]) => text) : [`key ${hex(responder.keyHash)}`];
  return [
    line('responseStatus', 'successful', 'there is an answer'),
    line('responder', by.join(', '), 'who answers'),
    line('producedAt', time(producedAt), 'signed at'),
    ...responses.flatMap((single, i) => singleLines(`responses.${i}`, single, context)),
    nonceLine(nonce),
    line('signatureAlgorithm', algorithmText(signatureAlgorithm), 'how it is signed'),
  ];
}

function statusText(status: CertificateStatus): string {
  return status.kind === 'revoked' ? `revoked at ${time(status.at)}${status.reason ? `, ${status.reason}` : ''}` : status.kind;
}

function singleLines(path: string, { certId, status, thisUpdate, nextUpdate }: ReadSingleResponse, { at }: InspectContext): InspectLine[] {
  const early = at !== undefined && at < thisUpdate;
  const late = at !== undefined && nextUpdate !== undefined && at >= nextUpdate + 1000;
  return [
    ...certIdLines(path, certId),
    line(`${path}.status`, statusText(status), 'what the responder says of it'),
    line(`${path}.thisUpdate`, time(thisUpdate), 'known to be so at', early ? { broken: `not yet at ${time(at)}` } : {}),
    line(`${path}.nextUpdate`, nextUpdate === undefined ? 'not stated' : time(nextUpdate), 'stale after', late ? { broken: `stale at ${time(at)}` } : {}),
  ];
}
