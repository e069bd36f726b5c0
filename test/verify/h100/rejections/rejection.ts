/** One way in which NVIDIA evidence is wrong, beside the good evidence that lacks only that. */
import { expect } from 'vitest';
import type { EcSigner } from '../../../../emulator/crypto/sign.ts';
import type { H100OptionsInput } from '../../../../emulator/h100/evidence/options.ts';
import { H100_REASONS, type H100Reason, type H100Trust, type H100Verdict, verifyH100 } from '../../../../harness/verify/index.ts';
import { type Edits, evidence, NOW, TRUST, type Wishes, world } from '../evidence.ts';

/** One row. */
export interface Rejection {
  readonly name: string;
  readonly reason: H100Reason;
  /** What is wrong with the bad one. */
  readonly edits?: Edits;
  /** One GPU of the usual kind unless said here. */
  readonly machine?: H100OptionsInput;
  /** Wishes of both, besides the time. */
  readonly wishes?: Partial<Wishes>;
  /** Wishes of the good one, where that is the difference. */
  readonly good?: Partial<Wishes>;
  /** Edits of both. */
  readonly both?: Edits;
  /** Whom the bad one is verified with. */
  readonly trust?: H100Trust;
  /** Where the verdict must point, if that is worth a word. */
  readonly path?: string;
}

/** Evidence that looks unusual and is as good as any. */
export interface Unusual {
  readonly name: string;
  readonly edits?: Edits;
  readonly machine?: H100OptionsInput;
  readonly wishes?: Partial<Wishes>;
}

/** A verdict in a line. */
export const said = (v: H100Verdict): string => (v.accepted ? 'accepted' : `${v.stage}: ${v.reason}: ${v.message} (${v.path})`);

/** Checks that the bad one is refused for its reason, and the good one is accepted. */
export function refuses({ reason, edits = {}, machine = {}, wishes = {}, good = {}, both = {}, trust = TRUST, path }: Rejection): void {
  const expectations = { now: NOW, ...wishes, trust: TRUST };
  expect(said(verifyH100(evidence(machine, both), { ...expectations, ...good }))).toBe('accepted');
  const bad = verifyH100(evidence(machine, { ...both, ...edits }), { ...expectations, trust });
  const { stage } = H100_REASONS[reason];
  expect(bad.accepted ? said(bad) : { reason: bad.reason, stage: bad.stage }, said(bad)).toEqual({ reason, stage });
  if (path !== undefined) expect(bad).toHaveProperty('path', path);
  expect(bad.checks.at(-1)).toEqual({ reason, stage, ok: false });
  expect(bad.checks.filter(({ ok }) => !ok)).toHaveLength(1);
}

/** A key that nobody knows. */
export const STRANGER: EcSigner = world.ecKey('test/stranger', 'P-384');
/** Bytes with the last one changed. */
export const other = (b: Uint8Array): Uint8Array => b.map((x, i) => (i === b.length - 1 ? x ^ 0x80 : x));
