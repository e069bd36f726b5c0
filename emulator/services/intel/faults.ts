/** The table of faults that only Intel's services can have: well-formed answers that are not the ones asked for. */
import { z } from 'zod';
import { pem } from '../../pki/der.ts';
import { COLLATERAL_LIFETIME } from '../../pki/profiles/intel.ts';
import { CA_ROLE, type Change } from '../../tdx/authority.ts';
import type { DocumentChange } from '../../tdx/collateral/collateral.ts';
import type { PckCa } from '../../tdx/platform/platform.ts';
import { pcsDate } from '../../tdx/tcb/evaluations.ts';
import type { EnclaveIdentity } from '../../tdx/tcb/identity.ts';
import type { Issued, PcsTee, TcbInfo } from '../../tdx/tcb/tcb-info.ts';
import type { CrlSpec } from '../../pki/revoke.ts';
import { type Exchange, type FaultRow, faultRow } from '../faults/row.ts';
import type { Reply } from '../http/message.ts';
import type { Pcs } from './pcs.ts';
import { evaluationChoice, fmspcText, pckCaOf, Query } from './query.ts';

const DAY = 86_400_000;
const TCB = ['pcs.tcb.*'];
const IDENTITY = ['pcs.identity.qe', 'pcs.identity.td-qe'];
const DOCUMENT = ['pcs.tcb.*', 'pcs.identity.*'];
const CHAINED = [...DOCUMENT, 'pcs.evaluations.*', 'pcs.pckcrl'];
const PCK_CRL = ['pcs.pckcrl'];
const days = (fallback: number, doc: string): z.ZodDefault<z.ZodNumber> => z.number().int().min(1).max(10_000).default(fallback).describe(`${doc} (days)`);

/** A TCB info or the identity of a quoting enclave, changed before it is signed. */
function document(exchange: Exchange<Pcs>, change: DocumentChange<Issued>): Reply {
  const { service: pcs, request } = exchange;
  const query = new Query(request.query);
  const choice = evaluationChoice(query, exchange.now());
  const tee: PcsTee = /(^|\/)tdx\//.test(request.path) ? 'tdx' : 'sgx';
  if (/\/tcb$/.test(request.path)) return pcs.stamped(pcs.tcbReply(pcs.collateral.tcbInfo(tee, fmspcText(query), choice, change as DocumentChange<TcbInfo>)));
  const name = /\/qve\//.test(request.path) ? 'QVE' : /\/qae\//.test(request.path) ? 'QAE' : tee === 'tdx' ? 'TD_QE' : 'QE';
  return pcs.stamped(pcs.identityReply(pcs.collateral.identity(name, choice, change as DocumentChange<EnclaveIdentity>)));
}

/** The same from `begin` on. @param begin milliseconds since 1970 */
const issuedAt = (begin: number): DocumentChange<Issued> => ({ edit: (d) => ({ ...d, issueDate: pcsDate(begin), nextUpdate: pcsDate(begin + COLLATERAL_LIFETIME) }) });

/** A list of an intermediate authority, changed before it is signed. */
function list(exchange: Exchange<Pcs>, change: Change<CrlSpec>, other: (ca: PckCa) => PckCa = (ca) => ca): Reply {
  const query = new Query(exchange.request.query);
  const ca = other(pckCaOf(query));
  return exchange.service.stamped(exchange.service.pckCrlReply(ca, exchange.service.authority.crl(CA_ROLE[ca], change), query.word('encoding', ['pem', 'der'], 'pem')));
}

const lived = (begin: number): Change<CrlSpec> => ({ edit: (spec) => ({ ...spec, thisUpdate: begin, nextUpdate: begin + ((spec.nextUpdate ?? 0) - spec.thisUpdate) }) });

/** The chain in the header, changed. */
async function chain(exchange: Exchange<Pcs>, change: (chain: string) => string | undefined): Promise<Reply> {
  const reply = await exchange.honest();
  const headers = Object.entries(reply.headers).flatMap(([name, value]) => {
    const changed = name.endsWith('-Issuer-Chain') ? change(value) : value;
    return changed === undefined ? [] : [[name, changed] as const];
  });
  return { ...reply, headers: Object.fromEntries(headers) };
}

/** Certificates of a percent-encoded chain. */
const certificates = (value: string): string[] => decodeURIComponent(value).split(/(?<=-----END CERTIFICATE-----\n)/);

/** Every fault of Intel's services' own. */
export const PCS_FAULTS: readonly FaultRow<Pcs>[] = [
  faultRow({
    name: 'collateral-stale',
    doc: 'TCB info or an identity whose next update is past.',
    on: DOCUMENT,
    parameters: { days: days(1, 'how long past') },
    disturb: (exchange: Exchange<Pcs>, { days: past }) => document(exchange, issuedAt(exchange.now() - past * DAY - COLLATERAL_LIFETIME)),
  }),
  faultRow({
    name: 'collateral-future',
    doc: 'TCB info or an identity that is issued in the future.',
    on: DOCUMENT,
    parameters: { days: days(1, 'how far ahead') },
    disturb: (exchange: Exchange<Pcs>, { days: ahead }) => document(exchange, issuedAt(exchange.now() + ahead * DAY)),
  }),
  faultRow({
    name: 'collateral-unsigned',
    doc: 'TCB info or an identity signed by a key that no chain vouches for.',
    on: DOCUMENT,
    parameters: {},
    disturb: (exchange: Exchange<Pcs>) => document(exchange, { signedBy: exchange.service.world.ecKey('intel/fault/stranger', 'P-256') }),
  }),
  faultRow({
    name: 'collateral-signed-by-root',
    doc: 'TCB info or an identity signed by the root in place of TCB signing.',
    on: DOCUMENT,
    parameters: {},
    disturb: (exchange: Exchange<Pcs>) => document(exchange, { signedBy: exchange.service.authority.key('ROOT') }),
  }),
  faultRow({
    name: 'collateral-whitespace',
    doc: 'The right JSON, signed as it stands, but written over several lines.',
    on: DOCUMENT,
    parameters: {},
    disturb: (exchange: Exchange<Pcs>) => document(exchange, { write: (d) => JSON.stringify(d, undefined, 2) }),
  }),
  faultRow({
    name: 'collateral-rewritten',
    doc: 'The right JSON, signed compact, but written over several lines afterwards.',
    on: DOCUMENT,
    parameters: {},
    disturb: async (exchange: Exchange<Pcs>) => {
      const reply = await exchange.honest();
      return reply.status === 200 ? { ...reply, body: Buffer.from(JSON.stringify(JSON.parse(Buffer.from(reply.body).toString('utf8')), undefined, 2), 'utf8') } : reply;
    },
  }),
  faultRow({
    name: 'tcb-other-fmspc',
    doc: 'TCB info of another FMSPC.',
    on: TCB,
    parameters: {},
    disturb: (exchange: Exchange<Pcs>) => document(exchange, { edit: (d) => ({ ...d, fmspc: '00606A000000' }) }),
  }),
  faultRow({
    name: 'tcb-other-tee',
    doc: 'SGX TCB info in place of TDX TCB info, and the other way round.',
    on: TCB,
    parameters: {},
    disturb: ({ service: pcs, request, now }: Exchange<Pcs>) => {
      const query = new Query(request.query);
      return pcs.stamped(pcs.tcb(/(^|\/)tdx\//.test(request.path) ? 'sgx' : 'tdx', fmspcText(query), evaluationChoice(query, now())));
    },
  }),
  faultRow({
    name: 'identity-other-enclave',
    doc: 'The identity of the SGX quoting enclave in place of the one for TDs, and the other way round.',
    on: IDENTITY,
    parameters: {},
    disturb: ({ service: pcs, request, now }: Exchange<Pcs>) => {
      const choice = evaluationChoice(new Query(request.query), now());
      return pcs.stamped(pcs.identityReply(pcs.collateral.identity(/(^|\/)tdx\//.test(request.path) ? 'QE' : 'TD_QE', choice)));
    },
  }),
  faultRow({
    name: 'issuer-chain-order',
    doc: 'The root comes first in the issuer chain.',
    on: CHAINED,
    parameters: {},
    disturb: (exchange: Exchange<Pcs>) => chain(exchange, (value) => encodeURIComponent(certificates(value).reverse().join(''))),
  }),
  faultRow({
    name: 'issuer-chain-incomplete',
    doc: 'The root is missing from the issuer chain.',
    on: CHAINED,
    parameters: {},
    disturb: (exchange: Exchange<Pcs>) => chain(exchange, (value) => encodeURIComponent(certificates(value)[0] ?? '')),
  }),
  faultRow({ name: 'issuer-chain-missing', doc: 'The header with the issuer chain is missing.', on: CHAINED, parameters: {}, disturb: (exchange: Exchange<Pcs>) => chain(exchange, () => undefined) }),
  faultRow({
    name: 'issuer-chain-plus',
    doc: 'Signs of addition stand in the issuer chain as they are, which form decoding takes for spaces.',
    on: CHAINED,
    parameters: {},
    disturb: (exchange: Exchange<Pcs>) => chain(exchange, (value) => value.replaceAll('%2B', '+')),
  }),
  faultRow({
    name: 'pckcrl-stale',
    doc: 'A list whose next update is past.',
    on: PCK_CRL,
    parameters: { days: days(1, 'how long past') },
    disturb: (exchange: Exchange<Pcs>, { days: past }) => list(exchange, lived(exchange.now() - past * DAY - COLLATERAL_LIFETIME)),
  }),
  faultRow({
    name: 'pckcrl-future',
    doc: 'A list that begins in the future.',
    on: PCK_CRL,
    parameters: { days: days(1, 'how far ahead') },
    disturb: (exchange: Exchange<Pcs>, { days: ahead }) => list(exchange, lived(exchange.now() + ahead * DAY)),
  }),
  faultRow({
    name: 'pckcrl-other-ca',
    doc: 'The list of the other intermediate authority, with its chain.',
    on: PCK_CRL,
    parameters: {},
    disturb: (exchange: Exchange<Pcs>) => list(exchange, {}, (ca) => (ca === 'platform' ? 'processor' : 'platform')),
  }),
  faultRow({
    name: 'rootcrl-stale',
    doc: "The root's list with its next update past.",
    on: ['pcs.rootcrl'],
    parameters: { days: days(1, 'how long past') },
    disturb: async (exchange: Exchange<Pcs>, { days: past }) => ({ ...(await exchange.honest()), body: exchange.service.authority.crl('ROOT', lived(exchange.now() - (past + 366) * DAY)) }),
  }),
  faultRow({
    name: 'rootcrl-pem',
    doc: "The root's list in PEM.",
    on: ['pcs.rootcrl'],
    parameters: {},
    disturb: async (exchange: Exchange<Pcs>) => {
      const reply = await exchange.honest();
      return { ...reply, body: Buffer.from(pem('X509 CRL', reply.body), 'latin1') };
    },
  }),
  faultRow({
    name: 'pck-other-platform',
    doc: 'The PCK certificate of another machine of the same kind.',
    on: ['pcs.pckcert'],
    parameters: {},
    disturb: async (exchange: Exchange<Pcs>) => await otherPck(exchange),
  }),
];

/** Only what is asked for by PPID names its machine in the query. */
async function otherPck(exchange: Exchange<Pcs>): Promise<Reply> {
  const { service: pcs, request } = exchange;
  const query = new Query(request.query);
  if (query.optional('encrypted_ppid') === undefined) return await exchange.honest();
  const asked = pcs.platformAsked(query);
  return pcs.stamped(pcs.pckCert({ ...asked, index: asked.index === 0 ? 1 : asked.index - 1 }, query.hex('cpusvn', 16), Buffer.from(query.hex('pcesvn', 2)).readUInt16LE(0)));
}
