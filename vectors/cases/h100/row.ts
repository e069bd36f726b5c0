/** What a case of NVIDIA evidence is, and short ways of writing one down. */
import type { Json } from '../../../emulator/bundle.ts';
import type { EcSigner } from '../../../emulator/crypto/sign.ts';
import type { H100Edits } from '../../../emulator/h100/evidence/evidence.ts';
import type { H100OptionsInput } from '../../../emulator/h100/evidence/options.ts';
import type { NvidiaAuthority } from '../../../emulator/h100/pki/authority.ts';
import type { World } from '../../../emulator/world.ts';
import type { CaseBase, Files, Severity, Stage } from '../../model.ts';

/** Who makes the evidence, for changes that need keys or the time. */
export interface H100Maker {
  readonly world: World;
  readonly authority: NvidiaAuthority;
  /** NVIDIA in another world: the same names, other keys. */
  readonly foreign: NvidiaAuthority;
  /** A key on P-384 that nobody vouches for. */
  readonly stranger: EcSigner;
  /** Milliseconds since 1970, a whole second: when the verifier of the good twin looks. */
  readonly at: number;
}

/** A device as it stands in `evidence.json`. */
export interface DeviceText {
  readonly arch: unknown;
  /** Base64 of PEM, leaf first. */
  readonly certificate: unknown;
  /** Base64 of the report. */
  readonly evidence: unknown;
  readonly nonce?: unknown;
  readonly [name: string]: unknown;
}

/** What the system says of itself, as `system.json` beside the evidence has it. */
export interface SystemText {
  readonly confidentialComputing: boolean;
  readonly developerTools: boolean;
  readonly protectedPcie?: boolean;
}

/** What a row can change; what it leaves out is as in its base. */
export interface H100Change {
  /** The machine that the case starts from: one H100 PCIe unless said here. */
  readonly options?: H100OptionsInput;
  /** The machine of the good twin, where it differs from that of the case. */
  readonly goodOptions?: H100OptionsInput;
  /** Changes before signing, and of the report after it. */
  readonly edits?: H100Edits | ((maker: H100Maker) => H100Edits);
  /** Changes that the good twin has too. */
  readonly both?: H100Edits | ((maker: H100Maker) => H100Edits);
  /** What NVIDIA has revoked, in the words of the control port, here and in the services of the case. */
  readonly revoke?: readonly Json[];
  /** The first GPU's report, last of all. @param key that it was signed with */
  readonly after?: (report: Uint8Array, key: EcSigner) => Uint8Array;
  /** The first GPU's certificates in PEM, leaf first. */
  readonly chain?: (pems: readonly string[], maker: H100Maker) => readonly string[];
  /** The devices as they stand in the evidence. @param twin those of the good twin */
  readonly devices?: (devices: readonly DeviceText[], maker: H100Maker) => unknown;
  /** What stands beside the report of the first GPU in the good twin. */
  readonly goodDevice?: Readonly<Record<string, string>>;
  /** What the system says of itself; in the good twin, that all is as it should be. */
  readonly system?: Partial<SystemText>;
  readonly goodSystem?: Partial<SystemText>;
  /** Changes of the files of the bundle, last of all. */
  readonly files?: (files: Files, maker: H100Maker) => Files;
  /** When the verifier looks, in milliseconds after the evidence was made. */
  readonly later?: number;
  /** Whom the relying party trusts, where that is not this world's NVIDIA: PEM by name of the file. */
  readonly roots?: (maker: H100Maker) => Readonly<Record<string, string>>;
  /** What the relying party asks for besides the nonce, in the words of a subject's request. */
  readonly request?: Readonly<Record<string, Json>>;
  /** What the services do that a verifier asks, where it is not in the bundle. */
  readonly faults?: readonly Json[];
}

/** Evidence that a verifier must refuse, at a stage. */
export interface H100RejectCase extends CaseBase, H100Change {
  readonly expect: 'must-reject';
  readonly stage: Stage;
  readonly reason: string;
}

/** Unusual evidence that a verifier must accept. */
export interface H100AcceptCase extends CaseBase, H100Change {
  readonly expect: 'must-accept';
}

/** One case of NVIDIA evidence. */
export type H100Case = H100RejectCase | H100AcceptCase;

/** What else a row says. */
export type More = H100Change & Pick<CaseBase, 'bug' | 'policy' | 'mustFetch'>;

/** A row that must be refused. @param slug `area/slug` @param at stage and reason */
export function refused(slug: string, [stage, reason]: readonly [Stage, string], severity: Severity, ref: string, why: string, more: More): H100RejectCase {
  return { id: `h100/${slug}`, expect: 'must-reject', stage, reason, severity, ref, why, ...more };
}

/** A row that must be accepted. @param slug `area/slug` */
export function accepted(slug: string, severity: Severity, ref: string, why: string, more: More): H100AcceptCase {
  return { id: `h100/${slug}`, expect: 'must-accept', severity, ref, why, ...more };
}

/** What peers can do with bytes that do not add up. */
export const CRASH = { bug: 'denial-of-service' } as const;
