/**
 * Verifying what NVIDIA's remote attestation service answers, as a relying party does: a token over all, and a token for each device, under the
 * key set that the service publishes.
 */
import { createHash } from 'node:crypto';
import { CodecError, ConfigError } from '../../emulator/errors.ts';
import { readCertificate } from '../../emulator/pki/read.ts';
import { checkDeviceClaims, type NrasDevice } from './nras/claims.ts';
import { checkKeyDates, keyNamed, type NrasKey, readKeySet } from './nras/keys.ts';
import { NRAS_PASSES, NRAS_REASONS, type NrasAppraisal, type NrasReason } from './nras/reasons.ts';
import { checkHeader, checkTokenSignature, type ReadToken, readToken } from './nras/token.ts';
import { Appraisal, judge, type Verdict } from './verdict.ts';

export type { NrasDevice } from './nras/claims.ts';
export { NRAS_REASONS, type NrasReason } from './nras/reasons.ts';

/** An answer to be verified. */
export interface PresentedNras {
  /** The body of the answer: JSON of a detached EAT. */
  readonly response: Uint8Array;
  /** The key set, JSON, as it was fetched from the service. */
  readonly keys: Uint8Array;
}

/** What an answer must be to be accepted. */
export interface NrasExpectations {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** The service; NVIDIA's unless given. */
  readonly issuer?: string;
  /** 32 bytes: what the service was asked with. Without it, the answer may be an old one. */
  readonly nonce?: Uint8Array;
  /** Certificates, in DER, that the chain of the signing key must hold or end below. Without them, whoever handed out the key set is believed. */
  readonly anchors?: readonly Uint8Array[];
  /** How many devices there must be. */
  readonly deviceCount?: number;
  /** Beginnings of `hwmodel`, one of which each device must have: `GH100`. */
  readonly hardwareModels?: readonly string[];
  /** Accept devices that can be debugged. */
  readonly allowDebug?: boolean;
  /** Accept certificates on hold. */
  readonly allowHold?: boolean;
  /** Difference between the clocks that is forgiven, in milliseconds. */
  readonly skew?: number;
  /** Longest time since the tokens were issued, in milliseconds. */
  readonly maximumAge?: number;
}

/** What an accepted answer states. */
export interface NrasFacts {
  readonly issuer: string;
  /** Hexadecimal. */
  readonly nonce: string;
  /** Milliseconds since 1970. */
  readonly issuedAt: number;
  readonly validUntil: number;
  /** By name: `GPU-0`, `SWITCH-0`. */
  readonly devices: Readonly<Record<string, NrasDevice>>;
}

/** What {@link verifyNras} answers. */
export type NrasVerdict = Verdict<NrasFacts, NrasReason>;

const NVIDIA_ISSUER = 'https://nras.attestation.nvidia.com';
const SUBJECT = 'NVIDIA-PLATFORM-ATTESTATION';
/** Longest answer that is read, in bytes: one for eight devices has 17 KiB. */
const MAX_RESPONSE = 1024 * 1024;
const MAX_DEVICES = 64;
const OVERALL = 'overall';

/**
 * Verifies an answer, stage by stage, up to the first thing that is wrong.
 * @throws {ConfigError} for expectations that no answer could meet; whatever the answer is, that is a verdict
 */
export function verifyNras({ response, keys }: PresentedNras, expectations: NrasExpectations): NrasVerdict {
  checkExpectations(expectations);
  return judge(new Appraisal(NRAS_REASONS, NRAS_PASSES), (appraisal) => {
    const { overall, devices } = openEat(appraisal, response);
    const tokens = [overall, ...devices.values()];
    const keySet = readKeySet(appraisal, keys);
    const submodules = submodulesOf(appraisal, overall);

    const known = new Map<string, NrasKey>();
    const signers = tokens.map((token) => {
      const kid = checkHeader(appraisal, token);
      const key = known.get(kid) ?? keyNamed(appraisal, keySet, kid, expectations.anchors);
      known.set(kid, key);
      return { token, key };
    });
    for (const [kid, key] of known) checkKeyDates(appraisal, key, `keys.${kid.slice(0, 80)}`, expectations.now);
    for (const { token, key } of signers) checkTokenSignature(appraisal, token, key.key);

    const facts: Record<string, NrasDevice> = {};
    for (const [name, token] of devices) facts[name] = checkDeviceClaims(appraisal, token, expectations);
    appraisal.check('overall-result', overall.claims['x-nvidia-overall-att-result'] === true, () => ({ message: 'the service refuses the machine', path: `${OVERALL}.x-nvidia-overall-att-result` }));

    const nonce = checkBinding(appraisal, overall, devices, submodules, expectations);
    const times = tokens.map((token) => checkTimes(appraisal, token, expectations));
    return { issuer: String(overall.claims.iss), nonce, issuedAt: Math.min(...times.map(({ issued }) => issued)), validUntil: Math.min(...times.map(({ expires }) => expires)), devices: facts };
  });
}

function checkExpectations({ now, nonce, anchors, deviceCount }: NrasExpectations): void {
  if (!Number.isFinite(now)) throw new RangeError(`now must be milliseconds since 1970, is ${now}`);
  if (nonce && nonce.length !== 32) throw new ConfigError('nonce', `must be 32 bytes, is ${nonce.length}`);
  if (deviceCount !== undefined && (!Number.isInteger(deviceCount) || deviceCount < 1 || deviceCount > MAX_DEVICES)) throw new ConfigError('deviceCount', `must be 1 to ${MAX_DEVICES}, is ${deviceCount}`);
  for (const anchor of anchors ?? []) {
    try {
      readCertificate(anchor, 'anchor');
    } catch (cause) {
      throw cause instanceof CodecError ? new ConfigError('anchors', `is no certificate in DER: ${cause.message}`, { cause }) : cause;
    }
  }
}

/** The tokens of a detached EAT: `[["JWT", overall], {"GPU-0": token, …}]`. */
function openEat(appraisal: NrasAppraisal, src: Uint8Array): { readonly overall: ReadToken; readonly devices: ReadonlyMap<string, ReadToken> } {
  const fail = (rule: string): CodecError => new CodecError('ERR_CODEC_RANGE', 'eat', 0, rule);
  const { overall, members } = appraisal.attempt('eat-malformed', () => {
    if (src.length > MAX_RESPONSE) throw fail(`longer than ${MAX_RESPONSE} bytes: ${src.length}`);
    let value: unknown;
    try {
      value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(src));
    } catch {
      throw fail('is no JSON in UTF-8');
    }
    if (!Array.isArray(value) || value.length !== 2) throw fail('must be a list of two');
    const [first, second] = value as readonly unknown[];
    if (!Array.isArray(first) || first.length !== 2 || first[0] !== 'JWT' || typeof first[1] !== 'string') throw fail('must begin with "JWT" and a token');
    if (typeof second !== 'object' || second === null || Array.isArray(second)) throw fail('must have an object of tokens');
    const found = Object.entries(second);
    if (found.length === 0 || found.length > MAX_DEVICES) throw fail(`must have 1 to ${MAX_DEVICES} devices, has ${found.length}`);
    for (const [name, token] of found) if (!/^(GPU|SWITCH|NVSWITCH)-\d{1,3}$/.test(name) || typeof token !== 'string') throw fail(`'${name.slice(0, 40)}' must be the token of a device`);
    return { overall: first[1], members: found as [string, string][] };
  });
  return { overall: readToken(appraisal, overall, OVERALL), devices: new Map(members.map(([name, token]) => [name, readToken(appraisal, token, name)])) };
}

/** The digests that the token over all has, by device. */
function submodulesOf(appraisal: NrasAppraisal, { claims, path }: ReadToken): ReadonlyMap<string, string> {
  return appraisal.attempt('claims-malformed', () => {
    const { submods } = claims;
    const fail = (name: string, rule: string): CodecError => new CodecError('ERR_CODEC_RANGE', `${path}.submods${name}`, 0, rule);
    if (typeof submods !== 'object' || submods === null || Array.isArray(submods)) throw fail('', 'must be an object');
    return new Map(
      Object.entries(submods).map(([name, value]: [string, unknown]) => {
        const [kind, digest] = Array.isArray(value) && value.length === 2 ? (value as unknown[]) : [];
        const [algorithm, text] = Array.isArray(digest) && digest.length === 2 ? (digest as unknown[]) : [];
        if (kind !== 'DIGEST' || algorithm !== 'SHA-256' || typeof text !== 'string' || !/^[0-9a-f]{64}$/i.test(text)) throw fail(`.${name.slice(0, 40)}`, 'must be a digest of SHA-256');
        return [name, text.toLowerCase()];
      }),
    );
  });
}

/** Checks who speaks, about whom, and to whom. @returns the nonce, hexadecimal */
function checkBinding(
  appraisal: NrasAppraisal,
  overall: ReadToken,
  devices: ReadonlyMap<string, ReadToken>,
  submodules: ReadonlyMap<string, string>,
  { issuer = NVIDIA_ISSUER, nonce: asked, deviceCount }: NrasExpectations,
): string {
  const tokens = [overall, ...devices.values()];
  for (const { claims, path } of tokens) appraisal.check('issuer', claims.iss === issuer, () => ({ message: `must be ${issuer}, is ${String(JSON.stringify(claims.iss)).slice(0, 100)}`, path: `${path}.iss` }));
  appraisal.check('subject', overall.claims.sub === SUBJECT, () => ({ message: `must be ${SUBJECT}`, path: `${OVERALL}.sub` }));
  const nonces = tokens.map(({ claims, path }) => {
    const { eat_nonce: nonce } = claims;
    appraisal.check('nonce-missing', nonce !== undefined, () => ({ message: 'has no eat_nonce', path }));
    return { nonce: typeof nonce === 'string' && /^[0-9a-f]{64}$/i.test(nonce) ? nonce.toLowerCase() : '', path };
  });
  const wanted = asked ? Buffer.from(asked).toString('hex') : (nonces[0]?.nonce ?? '');
  for (const { nonce, path } of nonces) appraisal.check('nonce-mismatch', nonce !== '' && nonce === wanted, () => ({ message: `is ${nonce || 'no 32 bytes'}, must be ${wanted}`, path: `${path}.eat_nonce` }));
  const missing = [...submodules.keys()].find((name) => !devices.has(name));
  appraisal.check('submodule-missing', missing === undefined, () => ({ message: `there is no token of ${missing?.slice(0, 40)}`, path: `${OVERALL}.submods` }));
  for (const [name, { compact }] of devices) {
    const digest = submodules.get(name);
    appraisal.check('submodule-unlisted', digest !== undefined, () => ({ message: 'is not in the token over all', path: name }));
    const own = createHash('sha256').update(compact).digest('hex');
    appraisal.check('submodule-digest', own === digest, () => ({ message: `is ${own}, and in the token over all ${digest}`, path: name }));
  }
  if (deviceCount !== undefined) appraisal.check('device-count', devices.size === deviceCount, () => ({ message: `are ${devices.size}, must be ${deviceCount}`, path: OVERALL }));
  return wanted;
}

const iso = (at: number): string => (Math.abs(at) < 8.64e15 ? new Date(at).toISOString() : String(at));

/** Checks that a token counts at the time of verification. */
function checkTimes(appraisal: NrasAppraisal, { claims, path }: ReadToken, { now, skew = 0, maximumAge }: NrasExpectations): { readonly issued: number; readonly expires: number } {
  const [expires, begins, issued] = appraisal.attempt('claims-malformed', () =>
    (['exp', 'nbf', 'iat'] as const).map((name) => {
      const value = claims[name];
      if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) throw new CodecError('ERR_CODEC_RANGE', `${path}.${name}`, 0, 'must be seconds since 1970');
      return value * 1000;
    }),
  ) as [number, number, number];
  appraisal.check('token-expired', now < expires + skew, () => ({ message: `counted until ${iso(expires)}, and the time of verification is ${iso(now)}`, path: `${path}.exp` }));
  appraisal.check('token-not-yet-valid', begins <= now + skew, () => ({ message: `counts from ${iso(begins)}, and the time of verification is ${iso(now)}`, path: `${path}.nbf` }));
  appraisal.check('token-future', issued <= now + skew, () => ({ message: `was issued at ${iso(issued)}, after the time of verification, ${iso(now)}`, path: `${path}.iat` }));
  if (maximumAge !== undefined)
    appraisal.check('token-too-old', now - issued <= maximumAge, () => ({ message: `was issued ${Math.floor((now - issued) / 1000)} s ago, may be ${Math.floor(maximumAge / 1000)} s`, path: `${path}.iat` }));
  return { issued, expires };
}
