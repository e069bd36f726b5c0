/** The revocation lists that NVIDIA's certificates name. No genuine list is public: their form is that of RFC 5280 §5, and assumed. */
import type { Signer } from '../../crypto/sign.ts';
import { ecdsaWith } from '../der.ts';
import { authorityKeyIdentifier, crlNumber, crlReason } from '../extensions.ts';
import type { CrlSpec } from '../revoke.ts';
import { type NvidiaCaId, nvidiaProfile } from './nvidia.ts';

const DAY = 86_400_000;
/** Why something is revoked: the reasons that RFC 5280 §5.3.1 names. */
export type RevocationReason = Parameters<typeof crlReason>[0];
/** A certificate that is not good any more. */
export interface NvidiaRevocation {
  /** Unsigned, big-endian. */
  readonly serial: Uint8Array;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly reason: RevocationReason;
}

/** Lists are issued anew at the start of each such period and live as long again. */
export const CRL_PERIOD = 7 * DAY;

/** The list of an authority that names one. @param now milliseconds since 1970 @throws {TypeError} for an authority that publishes no list */
export function nvidiaCrlSpec(issuer: NvidiaCaId, now: number, key: Signer, revoked: readonly NvidiaRevocation[]): CrlSpec {
  const { crlUrl: url, subject } = nvidiaProfile(issuer);
  if (url === undefined) throw new TypeError(`${issuer} publishes no list`);
  const thisUpdate = Math.max(Math.floor(now / CRL_PERIOD) * CRL_PERIOD, ...revoked.map(({ at }) => at));
  return {
    issuer: subject,
    thisUpdate,
    nextUpdate: thisUpdate + 2 * CRL_PERIOD,
    revoked: revoked.map(({ serial, at, reason }) => ({ serial, at, reason: crlReason(reason) })),
    signatureAlgorithm: ecdsaWith('P-384'),
    extensions: [authorityKeyIdentifier(key.spki), crlNumber(Math.floor(thisUpdate / 1000))],
  };
}
