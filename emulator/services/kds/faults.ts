/** The table of faults that only the KDS can have: well-formed answers that are not the ones asked for. */
import { z } from 'zod';
import type { AmdAuthority } from '../../snp/authority.ts';
import { type Line, LINES } from '../../snp/platform/products.ts';
import type { Tcb } from '../../snp/platform/tcb.ts';
import { pem } from '../../pki/der.ts';
import { type Exchange, type FaultRow, faultRow } from '../faults/row.ts';
import type { Reply } from '../http/message.ts';
import type { Kds, Kind } from './kds.ts';
import { hardwareIdOf, lineNamed, tcbOf } from './levels.ts';

const DAY = 86_400_000;
const CHAIN = ['kds.chain'];
const CRL = ['kds.crl'];
const VCEK = ['kds.vcek'];
const days = (fallback: number, doc: string): z.ZodDefault<z.ZodNumber> => z.number().int().min(1).max(10_000).default(fallback).describe(`${doc} (days)`);

/** Another line than that of a request: the next in the table, so that a chip's hardware id stays well formed where it can. */
const otherLine = (line: Line): Line => LINES[(LINES.indexOf(line) + 1) % LINES.length] ?? 'Milan';

function lineOf({ params }: Exchange<Kds>): Line {
  return lineNamed(params.line ?? '');
}

/** Kind of a chain request, from the first part of its path; over a base URL another part may come before it. */
function kindOf({ request }: Exchange<Kds>): Kind {
  return request.path.includes('/vlek/v1/') ? 'vlek' : 'vcek';
}

async function chain(exchange: Exchange<Kds>, make: (authority: AmdAuthority, kind: Kind) => string): Promise<Reply> {
  const reply = await exchange.honest();
  return { ...reply, body: Buffer.from(make(exchange.service.authority(lineOf(exchange)), kindOf(exchange)), 'latin1') };
}

const intermediate = (kind: Kind): 'ASK' | 'ASVK' => (kind === 'vcek' ? 'ASK' : 'ASVK');

/** The certificate that was asked for, with something of it changed. */
function leaf(exchange: Exchange<Kds>, make: (asked: { kds: Kds; authority: AmdAuthority; line: Line; hwid: Uint8Array; tcb: Tcb }) => Uint8Array): Reply {
  const { service: kds, params, request } = exchange;
  const line = lineOf(exchange);
  return kds.leafReply(make({ kds, authority: kds.authority(line), line, hwid: hardwareIdOf(line, params.hwid ?? ''), tcb: tcbOf(line, request.query) }));
}

/** Every fault of the KDS's own. */
export const KDS_FAULTS: readonly FaultRow<Kds>[] = [
  faultRow({
    name: 'chain-order',
    doc: 'The ARK comes before the intermediate.',
    on: CHAIN,
    parameters: {},
    disturb: (exchange: Exchange<Kds>) => chain(exchange, (authority, kind) => authority.certificate('ARK').pem + authority.certificate(intermediate(kind)).pem),
  }),
  faultRow({
    name: 'chain-incomplete',
    doc: 'The ARK is missing.',
    on: CHAIN,
    parameters: {},
    disturb: (exchange: Exchange<Kds>) => chain(exchange, (authority, kind) => authority.certificate(intermediate(kind)).pem),
  }),
  faultRow({
    name: 'chain-trailing',
    doc: 'The ARK comes a second time at the end.',
    on: CHAIN,
    parameters: {},
    disturb: (exchange: Exchange<Kds>) => chain(exchange, (authority, kind) => authority.chainPem(kind) + authority.certificate('ARK').pem),
  }),
  faultRow({
    name: 'chain-wrong-line',
    doc: 'The chain of another product line.',
    on: CHAIN,
    parameters: {},
    disturb: (exchange: Exchange<Kds>) => exchange.service.chain(kindOf(exchange), otherLine(lineOf(exchange))),
  }),
  faultRow({
    name: 'chain-wrong-kind',
    doc: 'The chain over VLEKs for the one over VCEKs, and the other way round.',
    on: CHAIN,
    parameters: {},
    disturb: (exchange: Exchange<Kds>) => exchange.service.chain(kindOf(exchange) === 'vcek' ? 'vlek' : 'vcek', lineOf(exchange)),
  }),
  faultRow({
    name: 'crl-stale',
    doc: 'A list whose next update is past.',
    on: CRL,
    parameters: { days: days(1, 'how long past') },
    disturb: (exchange: Exchange<Kds>, { days: past }) =>
      exchange.service.listReply(
        lineOf(exchange),
        exchange.service.authority(lineOf(exchange)).crl((spec) => ({ ...spec, thisUpdate: exchange.now() - (past + 365) * DAY, nextUpdate: exchange.now() - past * DAY })),
      ),
  }),
  faultRow({
    name: 'crl-future',
    doc: 'A list that begins in the future.',
    on: CRL,
    parameters: { days: days(1, 'how far ahead') },
    disturb: (exchange: Exchange<Kds>, { days: ahead }) =>
      exchange.service.listReply(
        lineOf(exchange),
        exchange.service.authority(lineOf(exchange)).crl((spec) => ({ ...spec, thisUpdate: exchange.now() + ahead * DAY, nextUpdate: exchange.now() + (ahead + 365) * DAY })),
      ),
  }),
  faultRow({
    name: 'crl-wrong-line',
    doc: 'The list of another product line.',
    on: CRL,
    parameters: {},
    disturb: (exchange: Exchange<Kds>) => exchange.service.crl(otherLine(lineOf(exchange))),
  }),
  faultRow({
    name: 'vcek-wrong-tcb',
    doc: 'The certificate of the same chip at another TCB: one microcode level lower, or higher where it is 0.',
    on: VCEK,
    parameters: {},
    disturb: (exchange: Exchange<Kds>) => leaf(exchange, ({ kds, authority, line, hwid, tcb }) => authority.vcek(hwid, { ...tcb, microcode: tcb.microcode === 0 ? 1 : tcb.microcode - 1 }, kds.leafOptions(line)).der),
  }),
  faultRow({
    name: 'vcek-wrong-chip',
    doc: 'The certificate of another chip, at the TCB asked for.',
    on: VCEK,
    parameters: {},
    disturb: (exchange: Exchange<Kds>) =>
      leaf(exchange, ({ kds, authority, line, hwid, tcb }) => {
        const other = hwid.slice();
        other[other.length - 1] = (other.at(-1) ?? 0) ^ 1;
        return authority.vcek(other, tcb, kds.leafOptions(line)).der;
      }),
  }),
  faultRow({
    name: 'vcek-expired',
    doc: 'A certificate whose lifetime is over.',
    on: VCEK,
    parameters: { days: days(1, 'since when') },
    disturb: (exchange: Exchange<Kds>, { days: since }) =>
      leaf(exchange, ({ kds, authority, line, hwid, tcb }) => {
        const notAfter = exchange.now() - since * DAY;
        return authority.vcek(hwid, tcb, { ...kds.leafOptions(line), edit: (spec) => ({ ...spec, notBefore: notAfter - (spec.notAfter - spec.notBefore), notAfter }) }).der;
      }),
  }),
  faultRow({
    name: 'vcek-future',
    doc: 'A certificate whose lifetime has not begun.',
    on: VCEK,
    parameters: { days: days(1, 'how far ahead') },
    disturb: (exchange: Exchange<Kds>, { days: ahead }) =>
      leaf(exchange, ({ kds, authority, line, hwid, tcb }) => {
        const notBefore = exchange.now() + ahead * DAY;
        return authority.vcek(hwid, tcb, { ...kds.leafOptions(line), edit: (spec) => ({ ...spec, notBefore, notAfter: notBefore + (spec.notAfter - spec.notBefore) }) }).der;
      }),
  }),
  faultRow({
    name: 'vcek-pem',
    doc: 'The right certificate, but in PEM.',
    on: VCEK,
    parameters: {},
    disturb: async (exchange: Exchange<Kds>) => {
      const reply = await exchange.honest();
      return reply.status === 200 ? { ...reply, body: Buffer.from(pem('CERTIFICATE', reply.body), 'latin1') } : reply;
    },
  }),
  faultRow({
    name: 'vlek-for-vcek',
    doc: "A cloud provider's VLEK at the TCB asked for, in place of the chip's VCEK.",
    on: VCEK,
    parameters: {},
    disturb: (exchange: Exchange<Kds>) => leaf(exchange, ({ authority, tcb }) => authority.vlek(tcb).der),
  }),
];
