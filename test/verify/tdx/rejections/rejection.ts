/** One way in which TDX evidence is wrong, beside the good evidence that lacks only that. */
import { expect } from 'vitest';
import type { EcSigner } from '../../../../emulator/crypto/sign.ts';
import { TDX_REASONS, type TdxExpectations, type TdxReason, type TdxTrust, type TdxVerdict, verifyTdx } from '../../../../harness/verify/index.ts';
import { type Edits, evidence, type Machine, NOW, TRUST, V4, type Wishes, world } from '../evidence.ts';

/** One row. */
export interface Rejection {
  readonly name: string;
  readonly reason: TdxReason;
  /** What is wrong with the bad one. */
  readonly edits?: Edits;
  /** A quote of version 4, of the usual machine, unless said here. */
  readonly machine?: Machine;
  /** Wishes of both, besides the time. */
  readonly wishes?: Partial<Wishes>;
  /** Wishes of the good one, where that is the difference. */
  readonly good?: Partial<Wishes>;
  /** Edits of both. */
  readonly both?: Edits;
  /** Whom the bad one is verified with. */
  readonly trust?: TdxTrust;
  /** Where the verdict must point, if that is worth a word. */
  readonly path?: string;
}

/** Evidence that looks unusual and is as good as any. */
export interface Unusual {
  readonly name: string;
  readonly edits?: Edits;
  readonly machine?: Machine;
  readonly wishes?: Partial<Wishes>;
}

/** A verdict in a line. */
export const said = (v: TdxVerdict): string => (v.accepted ? 'accepted' : `${v.stage}: ${v.reason}: ${v.message} (${v.path})`);

/** Checks that the bad one is refused for its reason, and the good one is accepted. */
export function refuses({ reason, edits = {}, machine = V4, wishes = {}, good = {}, both = {}, trust = TRUST, path }: Rejection): void {
  const expectations: TdxExpectations = { now: NOW, ...wishes, trust: TRUST };
  expect(said(verifyTdx(evidence(machine, both), { ...expectations, ...good }))).toBe('accepted');
  const bad = verifyTdx(evidence(machine, { ...both, ...edits }), { ...expectations, trust });
  const { stage } = TDX_REASONS[reason];
  expect(bad.accepted ? said(bad) : { reason: bad.reason, stage: bad.stage }, said(bad)).toEqual({ reason, stage });
  if (path !== undefined) expect(bad).toHaveProperty('path', path);
  expect(bad.checks.at(-1)).toEqual({ reason, stage, ok: false });
  expect(bad.checks.filter(({ ok }) => !ok)).toHaveLength(1);
}

/** A key that nobody knows. */
export const STRANGER: EcSigner = world.ecKey('test/stranger', 'P-256');
/** Bytes with the last one changed. */
export const other = (b: Uint8Array): Uint8Array => b.map((x, i) => (i === b.length - 1 ? x ^ 0x80 : x));
