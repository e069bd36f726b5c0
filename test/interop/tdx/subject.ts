/** What a verifier of TDX evidence is given: a quote, the collateral of the day, whom to trust, and the time. */
import type { Bundle } from '../../../emulator/bundle.ts';
import { tdxEvidence } from '../../../emulator/tdx/evidence/evidence.ts';
import type { TdxEdits } from '../../../emulator/tdx/evidence/edits.ts';
import type { TdxOptionsInput } from '../../../emulator/tdx/evidence/options.ts';
import { fixedClock, seededWorld, type World } from '../../../emulator/world.ts';

/** 2026-06-01. */
export const AT = Date.UTC(2026, 5, 1);
export const SEED = 'tdx interop';

/** The world of all subjects, at a time. */
export function world(seed = SEED, at = AT): World {
  return seededWorld(seed, fixedClock(at));
}

/** A bundle, and the time at which it is judged. */
export interface Subject {
  readonly bundle: Bundle;
  /** Seconds since 1970. */
  readonly now: number;
}

/** Evidence of a world. */
export function subjectOf(options: TdxOptionsInput = {}, edits: TdxEdits = {}, { seed = SEED, at = AT }: { seed?: string; at?: number } = {}): Subject {
  return { bundle: tdxEvidence(world(seed, at), options, edits).bundle, now: at / 1000 };
}

/** The contents of one of its files. @throws {Error} when there is none of that name */
export function fileOf({ bundle }: Subject, name: string): Uint8Array {
  const contents = bundle.files.get(name);
  if (!contents) throw new Error(`the bundle has no ${name}`);
  return contents;
}

/** The same with some files replaced, after everything was signed. */
export function withFiles(subject: Subject, files: Readonly<Record<string, Uint8Array>>): Subject {
  return { ...subject, bundle: { ...subject.bundle, files: new Map([...subject.bundle.files, ...Object.entries(files)]) } };
}
