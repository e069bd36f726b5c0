/** CHALLENGE. */
import { ByteReader } from '../../../../codec/stream.ts';
import { joined } from '../../bytes.ts';
import { RANDOM_SIZE } from '../../messages/algorithms.ts';
import { sha384 } from '../../messages/certificates.ts';
import { CHALLENGE, encodeChallengeAuth } from '../../messages/challenge.ts';
import type { SpdmVersion } from '../../messages/header.ts';
import { MUTUAL_AUTH } from '../../messages/key-exchange.ts';
import { signedMessage } from '../../session/signature.ts';
import type { Answer, Exchange } from '../connection.ts';
import { chainOf, slotMask } from './certificates.ts';
import { beginEncapsulation } from './encapsulation.ts';
import { summaryHash } from './measurements.ts';

/** Whether this requester is challenged in turn. */
function challengesBack({ profile, connection: { requesterFlags } }: Exchange): boolean {
  const { mutAuth, chal, cert, encap } = requesterFlags;
  return profile.basicMutualAuth && profile.flags.mutAuth === 1 && mutAuth === 1 && chal === 1 && cert === 1 && encap === 1;
}

/** CHALLENGE_AUTH: signed are the negotiation, what was asked about certificates, and this exchange. */
export const answerChallenge: Answer = (exchange) => {
  const { world, identity, connection, request } = exchange;
  const version = connection.version as SpdmVersion;
  const { slot, summary: summaryType } = new ByteReader(request, CHALLENGE.name).layout(CHALLENGE);
  const chain = chainOf(exchange, slot);
  const summary = summaryHash(exchange, summaryType);
  const nonce = world.random('spdm/challenge-nonce', RANDOM_SIZE);
  const basicMutualAuth = challengesBack(exchange);
  const response = encodeChallengeAuth(version, { slot, slotMask: slotMask(exchange), basicMutualAuth, chainHash: sha384(chain), nonce, summary, opaque: new Uint8Array(0) });
  const transcript = joined([connection.vca.bytes(), connection.certificates.bytes(), request.subarray(0, CHALLENGE.size), response]);
  connection.certificates.clear();
  connection.authenticated = true;
  if (basicMutualAuth) connection.encapsulation = beginEncapsulation(MUTUAL_AUTH.encapsulated, true);
  return joined([response, identity.sign(slot, signedMessage(version, 'challengeAuth', transcript))]);
};
