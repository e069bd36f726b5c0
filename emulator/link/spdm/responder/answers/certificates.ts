/** GET_DIGESTS and GET_CERTIFICATE. */
import { ByteReader } from '../../../../codec/stream.ts';
import { CERTIFICATE_HEAD, encodeCertificate, encodeDigests, GET_CERTIFICATE, GET_DIGESTS, sha384 } from '../../messages/certificates.ts';
import type { SpdmVersion } from '../../messages/header.ts';
import type { Answer, Exchange } from '../connection.ts';
import { Refusal } from '../refusal.ts';

/** The chain of a slot. @throws {Refusal} InvalidRequest for a slot that holds none */
export function chainOf({ chains }: Exchange, slot: number): Uint8Array {
  const chain = chains.get(slot);
  if (!chain) throw new Refusal('InvalidRequest', `slot ${slot} holds no chain`);
  return chain;
}

/** A bit for every slot that holds a chain. */
export function slotMask({ chains }: Exchange): number {
  return [...chains.keys()].reduce((mask, slot) => mask | (1 << slot), 0);
}

/** DIGESTS: of every slot that holds a chain. */
export const answerDigests: Answer = ({ request, connection, session, chains }) => {
  const response = encodeDigests(connection.version as SpdmVersion, new Map([...chains].map(([slot, chain]) => [slot, sha384(chain)])));
  if (!session) {
    connection.certificates.clear();
    connection.certificates.add(request.subarray(0, GET_DIGESTS.size), response);
  }
  return response;
};

/** CERTIFICATE: as much of the portion as either side takes in one message. */
export const answerCertificate: Answer = (exchange) => {
  const { request, connection, session, profile } = exchange;
  const { slot: parameter, offset, length } = new ByteReader(request, GET_CERTIFICATE.name).layout(GET_CERTIFICATE);
  const slot = parameter & 0xf;
  const chain = chainOf(exchange, slot);
  if (offset >= chain.length) throw new Refusal('InvalidRequest', `the chain has ${chain.length} bytes, none at ${offset}`);
  if (length === 0) throw new Refusal('InvalidRequest', 'no bytes are asked for');
  const most = Math.min(profile.maxMessageSize, connection.transferSize) - CERTIFICATE_HEAD.size;
  const response = encodeCertificate(connection.version as SpdmVersion, chain, { slot, offset, length }, most);
  if (!session) connection.certificates.add(request.subarray(0, GET_CERTIFICATE.size), response);
  return response;
};
