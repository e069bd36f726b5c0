/** The table of faults that only NVIDIA's OCSP responder can have: well-formed answers that are not the ones asked for. */
import { z } from 'zod';
import type { CertificateSpec } from '../../pki/issue.ts';
import type { OcspSpec, SingleResponseSpec } from '../../pki/ocsp/issue.ts';
import { type OcspStatus, REVOCATION_REASONS, type ReasonName } from '../../pki/ocsp/response.ts';
import { OID } from '../../pki/der.ts';
import { type Exchange, type FaultRow, faultRow } from '../faults/row.ts';
import type { Reply } from '../http/message.ts';
import type { NvidiaOcsp, OcspChange } from './ocsp.ts';
import { ocspErrorReply, requestOf } from './ocsp-message.ts';

const DAY = 86_400_000;
const ON = ['ocsp.*'];
const REASONS = Object.keys(REVOCATION_REASONS) as ReasonName[];
const days = (fallback: number, doc: string): z.ZodDefault<z.ZodNumber> => z.number().int().min(1).max(10_000).default(fallback).describe(`${doc} (days)`);

/** What an exchange asked, in either form; undefined where it is no request. */
function asked({ request, params }: Exchange<NvidiaOcsp>): ReturnType<typeof requestOf> {
  return requestOf(request.method === 'POST' ? request.body : new Uint8Array(Buffer.from(params.request ?? '', 'base64')));
}

/** The answer with a change; what is no request is answered as ever. */
function changed(exchange: Exchange<NvidiaOcsp>, change: OcspChange): Reply | Promise<Reply> {
  const request = asked(exchange);
  return request ? exchange.service.reply(request, change) : exchange.honest();
}

/** A fault without parameters that changes the answer. */
function row(name: string, doc: string, change: (exchange: Exchange<NvidiaOcsp>) => OcspChange): FaultRow<NvidiaOcsp> {
  return faultRow({ name, doc, on: ON, parameters: {}, disturb: (exchange: Exchange<NvidiaOcsp>) => changed(exchange, change(exchange)) });
}

const edit = (change: (spec: OcspSpec) => OcspSpec): OcspChange => ({ edit: change });
const each = (change: (single: SingleResponseSpec) => SingleResponseSpec): OcspChange => edit((spec) => ({ ...spec, responses: spec.responses.map(change) }));
/** The same from `begin` on. */
const from = (begin: number): OcspChange => edit((spec) => ({ ...spec, producedAt: begin, responses: spec.responses.map((single) => ({ ...single, thisUpdate: begin, nextUpdate: begin + DAY })) }));
const responder = (change: (spec: CertificateSpec) => CertificateSpec): OcspChange => ({ responder: { edit: change } });
const flipped = (src: Uint8Array): Uint8Array => Uint8Array.from(src, (byte, i) => (i === 0 ? byte ^ 1 : byte));

const ERRORS: Readonly<Record<Exclude<OcspStatus, 'successful'>, string>> = {
  malformedRequest: 'The responder says that the request is malformed.',
  internalError: 'The responder says that it has an error of its own.',
  tryLater: 'The responder says to try again later.',
  sigRequired: 'The responder says that the request must be signed.',
  unauthorized: 'The responder says that it does not answer such requests.',
};

const ERROR_FAULTS = Object.entries(ERRORS).map(([status, doc]) =>
  faultRow({
    name: `ocsp-${status.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
    doc,
    on: ON,
    parameters: {},
    disturb: () => ocspErrorReply(status as Exclude<OcspStatus, 'successful'>),
  }),
);

/** Every fault of the responder's own. */
export const OCSP_FAULTS: readonly FaultRow<NvidiaOcsp>[] = [
  ...ERROR_FAULTS,
  row('ocsp-unknown', 'The certificate is not known to the responder.', () => each((single) => ({ ...single, status: { kind: 'unknown' } }))),
  faultRow({
    name: 'ocsp-revoked',
    doc: 'The certificate is revoked.',
    on: ON,
    parameters: { reason: z.enum(REASONS).default('keyCompromise').describe('certificateHold: on hold') },
    disturb: (exchange: Exchange<NvidiaOcsp>, { reason }) =>
      changed(
        exchange,
        each((single) => ({ ...single, status: { kind: 'revoked', at: single.thisUpdate, reason } })),
      ),
  }),
  row('ocsp-other-certificate', 'The answer is about another certificate of the same authority.', () =>
    each((single) => ({ ...single, certId: Uint8Array.from(single.certId, (byte, i) => (i === single.certId.length - 1 ? byte ^ 1 : byte)) })),
  ),
  row('ocsp-wrong-nonce', 'The nonce is another one.', () => edit((spec) => (spec.nonce ? { ...spec, nonce: flipped(spec.nonce) } : spec))),
  row('ocsp-missing-nonce', 'The nonce is missing.', () => edit(({ nonce: _, ...spec }) => spec)),
  row('ocsp-unsigned', 'The signature is by a key that no certificate vouches for; the responder is named as ever.', ({ service }) => ({ signedBy: service.world.ecKey('nvidia/fault/stranger', 'P-384') })),
  row('ocsp-rogue-responder', "The responder's certificate is signed by a stranger in the authority's name.", ({ service }) => ({ responder: { signedBy: service.world.ecKey('nvidia/fault/rogue', 'P-384') } })),
  row('ocsp-no-certificate', "The responder's certificate is missing.", () => edit((spec) => ({ ...spec, certificates: [] }))),
  row('ocsp-other-authority', "The answer is by the responder of NVIDIA's device root, whoever issued the certificate.", () => ({ issuer: 'device-root' })),
  row('ocsp-no-purpose', "The responder's certificate is not for signing OCSP answers.", () => responder((spec) => ({ ...spec, extensions: spec.extensions.filter(({ oid }) => oid !== OID.extendedKeyUsage) }))),
  row('ocsp-expired-responder', "The responder's certificate ended a day ago.", ({ now }) => responder((spec) => ({ ...spec, notBefore: now() - 365 * DAY, notAfter: now() - DAY }))),
  faultRow({
    name: 'ocsp-stale',
    doc: 'An answer whose next update is past.',
    on: ON,
    parameters: { days: days(1, 'how long past') },
    disturb: (exchange: Exchange<NvidiaOcsp>, { days: past }) => changed(exchange, from(exchange.now() - (past + 1) * DAY)),
  }),
  faultRow({
    name: 'ocsp-future',
    doc: 'An answer that begins in the future.',
    on: ON,
    parameters: { days: days(1, 'how far ahead') },
    disturb: (exchange: Exchange<NvidiaOcsp>, { days: ahead }) => changed(exchange, from(exchange.now() + ahead * DAY)),
  }),
  row('ocsp-no-next-update', 'The answer does not say until when it holds.', () => each(({ nextUpdate: _, ...single }) => single)),
];
