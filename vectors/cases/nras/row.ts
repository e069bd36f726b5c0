/** What a case of a token of NVIDIA's attestation service is, and short ways of writing one down. */
import { createHash } from 'node:crypto';
import type { Json } from '../../../emulator/bundle.ts';
import type { EcSigner } from '../../../emulator/crypto/sign.ts';
import type { DeviceFindings } from '../../../emulator/h100/eat/findings.ts';
import type { NrasKey, NvidiaAuthority } from '../../../emulator/h100/pki/authority.ts';
import type { DetachedEat, EatChange } from '../../../emulator/services/nvidia/nras/tokens.ts';
import type { World } from '../../../emulator/world.ts';
import type { CaseBase, Severity, Stage } from '../../model.ts';

/** Who makes the tokens. */
export interface NrasMaker {
  readonly world: World;
  readonly authority: NvidiaAuthority;
  /** The key that the service signs with now. */
  readonly key: NrasKey;
  /** NVIDIA in another world: the same names, other keys. */
  readonly foreign: NvidiaAuthority;
  /** A key on P-384 that nobody vouches for. */
  readonly stranger: EcSigner;
  /** Milliseconds since 1970, a whole second: when the tokens were made. */
  readonly at: number;
}

/** What was asked of the service, and what it found. */
export interface NrasAnswer {
  readonly version?: '2.0' | '3.0';
  readonly device?: 'gpu' | 'switch';
  readonly count?: number;
  readonly findings?: Partial<DeviceFindings> | ((at: number) => Partial<DeviceFindings>);
  /** There are no findings: this is why. */
  readonly failure?: 'nonce-mismatch' | 'evidence-signature';
}

/** A key of the key set (RFC 7517). */
export type Jwk = Readonly<Record<string, unknown>>;
/** Claims or header of a token. */
export type Members = Readonly<Record<string, unknown>>;

/** What a row can change; what it leaves out is as in its base. */
export interface NrasChange {
  readonly answer?: NrasAnswer;
  /** What was asked and found for the good twin, where it differs. */
  readonly goodAnswer?: NrasAnswer;
  /** Changes on the way to the tokens. */
  readonly edits?: EatChange | ((maker: NrasMaker) => EatChange);
  /** Changes of the tokens as they are delivered. */
  readonly eat?: (eat: DetachedEat, maker: NrasMaker) => unknown;
  /** The key set as it is fetched: its member `keys`. */
  readonly keys?: (keys: readonly Jwk[], maker: NrasMaker) => unknown;
  /** The files as they are delivered, last of all. */
  readonly token?: (json: Uint8Array) => Uint8Array;
  readonly jwks?: (json: Uint8Array) => Uint8Array;
  /** When the verifier looks, in milliseconds after the tokens were made. */
  readonly later?: number;
  /** The relying party trusts another world's service. */
  readonly trusted?: 'foreign';
  /** What the relying party asks for besides the nonce. */
  readonly request?: Readonly<Record<string, Json>>;
  /** What the services do that a verifier asks, where it is not in the bundle. */
  readonly faults?: readonly Json[];
}

interface NrasRejectCase extends CaseBase, NrasChange {
  readonly expect: 'must-reject';
  readonly stage: Stage;
  readonly reason: string;
}
interface NrasAcceptCase extends CaseBase, NrasChange {
  readonly expect: 'must-accept';
}

/** One case of tokens. */
export type NrasCase = NrasRejectCase | NrasAcceptCase;
type More = NrasChange & Pick<CaseBase, 'bug' | 'policy'>;

/** A row that must be refused. @param slug `area/slug` @param at stage and reason */
export function refused(slug: string, [stage, reason]: readonly [Stage, string], severity: Severity, ref: string, why: string, more: More): NrasCase {
  return { id: `nras/${slug}`, expect: 'must-reject', stage, reason, severity, ref, why, ...more };
}

/** A row that must be accepted. @param slug `area/slug` */
export function accepted(slug: string, severity: Severity, ref: string, why: string, more: More): NrasCase {
  return { id: `nras/${slug}`, expect: 'must-accept', severity, ref, why, ...more };
}

/** What bytes from a server can do. */
export const CRASH = { bug: 'denial-of-service' } as const;

const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token of any header, signed however. */
export function jws(header: unknown, claims: unknown, sign: (input: Uint8Array) => Uint8Array): string {
  const input = `${base64url(header)}.${base64url(claims)}`;
  return `${input}.${Buffer.from(sign(Uint8Array.from(Buffer.from(input, 'ascii')))).toString('base64url')}`;
}

const part = (token: string, i: number): Members => JSON.parse(Buffer.from(token.split('.')[i] ?? '', 'base64url').toString()) as Members;

/** The token over all with another header, signed anew by whom the row says. */
export function headed(
  edit: (header: Members, maker: NrasMaker) => Members,
  signer: (maker: NrasMaker) => (input: Uint8Array) => Uint8Array = ({ key }) =>
    (input) =>
      key.signer.sign(input),
): Pick<NrasChange, 'eat'> {
  return { eat: ([[kind, token], devices], maker) => [[kind, jws(edit(part(token, 0), maker), part(token, 1), signer(maker))], devices] };
}

/** The token over all as text, after it was signed. */
export function overallText(edit: (token: string, maker: NrasMaker) => string): Pick<NrasChange, 'eat'> {
  return { eat: ([[kind, token], devices], maker) => [[kind, edit(token, maker)], devices] };
}

/** The claims over all as text, signed anew. */
export function resigned(edit: (claims: string, devices: Readonly<Record<string, string>>) => string): Pick<NrasChange, 'eat'> {
  return {
    eat: ([[kind, token], devices], { key }) => {
      const [header = '', claims = ''] = token.split('.');
      const input = `${header}.${Buffer.from(edit(Buffer.from(claims, 'base64url').toString(), devices)).toString('base64url')}`;
      return [[kind, `${input}.${Buffer.from(key.signer.sign(Uint8Array.from(Buffer.from(input, 'ascii')))).toString('base64url')}`], devices];
    },
  };
}

/** Claims over all, before they are signed. */
export function overall(edit: (claims: Members) => Members): Pick<NrasChange, 'edits'> {
  return { edits: { overall: edit } };
}

/** Claims about every device, before they are signed and their digest is taken. */
export function device(edit: (claims: Members) => Members): Pick<NrasChange, 'edits'> {
  return { edits: { device: edit } };
}

/** More members, or others in their place. */
export function and(more: Members): (members: Members) => Members {
  return (members) => ({ ...members, ...more });
}

/** One member less. */
export function without(name: string): (members: Members) => Members {
  return (members) => Object.fromEntries(Object.entries(members).filter(([key]) => key !== name));
}

/** The digest that the token over all has of a device's. */
export function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
