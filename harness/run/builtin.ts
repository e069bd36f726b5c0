/** teemu's own reference verifiers as a verifier under test: what they make of a subject and of what its relying party asks for. */
import type { Json } from '../../emulator/bundle.ts';
import { ConfigError } from '../../emulator/errors.ts';
import type { Subject } from '../../vectors/subject.ts';
import { type BundleVerdict, type BundleWishes, maximumPolicy, verifyBundle } from '../verify/index.ts';
import type { Adapter } from './adapter.ts';
import { functionAdapter, type FunctionVerdict } from './adapters/function.ts';
import { completed, isAtServices } from './collateral/complete.ts';

/** Members of a request that are bytes, written in hexadecimal. */
const BYTES = new Set([
  ...['reportData', 'measurement', 'hostData', 'chipId', 'idKeyDigest', 'authorKeyDigest', 'familyId', 'imageId'],
  ...['mrTd', 'mrConfigId', 'mrOwner', 'mrOwnerConfig', 'rtmr0', 'rtmr1', 'rtmr2', 'rtmr3', 'mrServiceTd', 'mrSeam', 'fmspc'],
  ...['nonce', 'ocspNonce'],
]);

/**
 * What a request asks for, as the reference verifiers take it.
 * @throws {ConfigError} for bytes that are no hexadecimal
 */
export function wishesOfRequest(request: Subject['request']): Partial<BundleWishes> {
  const { policy, mitigations, ...rest } = request;
  const wishes = Object.fromEntries(Object.entries(rest).map(([name, value]) => [name, BYTES.has(name) ? bytesOf(name, value) : value]));
  return { ...(wishes as Partial<BundleWishes>), ...(typeof policy === 'string' ? maximumPolicy(BigInt(policy)) : {}), ...(typeof mitigations === 'string' ? { mitigations: BigInt(mitigations) } : {}) };
}

function bytesOf(name: string, value: Json | undefined): Uint8Array | Uint8Array[] {
  if (Array.isArray(value)) return value.map((one: Json) => bytesOf(name, one) as Uint8Array);
  if (typeof value !== 'string' || !/^([0-9a-f]{2})*$/i.test(value)) throw new ConfigError(name, 'is no hexadecimal');
  return new Uint8Array(Buffer.from(value, 'hex'));
}

/** The reference verifiers' verdict on a subject. @throws {ConfigError} for a request that no evidence could meet */
export function builtinVerdict({ bundle, roots, now, request }: Subject): BundleVerdict {
  return verifyBundle(bundle, { ...wishesOfRequest(request), roots: [...roots.values()], now });
}

/** The reference verifiers, to be run like anybody's. */
export function builtinAdapter(): Adapter {
  return functionAdapter('builtin', (subject, { services }) => (isAtServices(subject) ? services().then(async (urls) => answerTo(await completed(subject, urls))) : answerTo(subject)));
}

function answerTo(subject: Subject): FunctionVerdict {
  const verdict = builtinVerdict(subject);
  return verdict.accepted ? { verdict: 'accept' } : { verdict: 'reject', stage: verdict.stage, reason: verdict.reason, detail: verdict.message };
}
