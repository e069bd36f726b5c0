/** The answer of NRAS: a detached EAT, which is a token over all devices and one for each. */
import { createHash } from 'node:crypto';
import { signJws } from '../../../crypto/jws.ts';
import type { EcSigner } from '../../../crypto/sign.ts';
import { uuidText } from '../../../crypto/uuid.ts';
import { type ClaimsVersion, deviceClaims, type ErrorDetails, errorClaims, overallClaims, type TokenFrame } from '../../../h100/eat/claims.ts';
import { inHashOrder } from '../../../h100/eat/order.ts';
import type { World } from '../../../world.ts';
import type { DeviceAppraisal } from './appraise.ts';
import { DEVICE_ERRORS } from './errors.ts';

type Claims = Readonly<Record<string, unknown>>;

/** `[["JWT", overall], {"GPU-0": token, …}]`. */
export type DetachedEat = readonly [readonly ['JWT', string], Readonly<Record<string, string>>];

/** What stands in an answer. */
export interface EatContents {
  readonly world: World;
  readonly device: 'gpu' | 'switch';
  readonly version: ClaimsVersion;
  readonly issuer: string;
  /** In hexadecimal, as the client wrote it. */
  readonly nonce: string;
  /** Of each device, in the order of the request. */
  readonly appraisals: readonly DeviceAppraisal[];
  readonly key: { readonly kid: string; readonly signer: EcSigner };
}

/** What NRAS would do otherwise. */
export interface EatChange {
  /** Changes the times and the issuer of every token. */
  readonly frame?: (frame: TokenFrame) => TokenFrame;
  /** Changes the claims over all before they are signed. */
  readonly overall?: (claims: Claims) => Claims;
  /** Changes the claims about a device before they are signed and their digest is taken. */
  readonly device?: (claims: Claims) => Claims;
  /** Signs in place of the right key, under its own name. */
  readonly key?: EatContents['key'];
  /** Changes a finished token of a device; the digest stays that of the right one. */
  readonly token?: (token: string) => string;
  /** Changes the whole. */
  readonly answer?: (eat: DetachedEat) => unknown;
}

/** How long tokens are valid, in seconds. */
const LIFETIME = 3600;

/** Makes an answer. */
export function detachedEat({ world, device, version, issuer, nonce, appraisals, key }: EatContents, change: EatChange = {}): unknown {
  const { kid, signer } = change.key ?? key;
  const now = Math.floor(world.now() / 1000);
  const frame = (): TokenFrame => {
    const made = { iss: issuer, nbf: now, exp: now + LIFETIME, iat: now, jti: uuidText(world.random('nvidia/nras/jti', 16)) };
    return change.frame ? change.frame(made) : made;
  };
  const sign = (claims: Claims): string => signJws({ kid }, claims, signer);
  const tokens: Record<string, string> = {};
  const digests: Record<string, string> = {};
  appraisals.forEach((appraisal, i) => {
    const name = `${device === 'gpu' ? 'GPU' : 'SWITCH'}-${i}`;
    const claims = 'failure' in appraisal ? errorClaims(frame(), errorDetails(appraisal.failure)) : deviceClaims(device, version, appraisal.findings, frame(), nonce);
    const token = sign(change.device ? change.device(claims) : claims);
    digests[name] = createHash('sha256').update(token).digest('hex');
    tokens[name] = change.token ? change.token(token) : token;
  });
  const accepted = appraisals.every((appraisal) => appraisal.accepted);
  const claims = overallClaims(version, accepted, digests, frame(), nonce);
  const eat: DetachedEat = [['JWT', sign(change.overall ? change.overall(claims) : claims)], inHashOrder(tokens)];
  return change.answer ? change.answer(eat) : eat;
}

function errorDetails(failure: keyof typeof DEVICE_ERRORS): ErrorDetails {
  const { assumed: _, ...details } = DEVICE_ERRORS[failure];
  return details;
}
