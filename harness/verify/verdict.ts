/** What every verifier of this folder answers: a verdict with the checks behind it. Nothing here knows any TEE. */
import { CodecError, TeemuError } from '../../emulator/errors.ts';
import { isLeftOut } from './weakened.ts';

/** The stages of a verification, in the order in which they are done. A stage is only reached when everything before it held. */
export const STAGES = ['parse', 'chain', 'revocation', 'signature', 'tcb', 'policy', 'binding', 'freshness'] as const;
export type Stage = (typeof STAGES)[number];

/** One reason to refuse evidence, and so one check: what must hold, and who says so. */
export interface ReasonRow {
  readonly stage: Stage;
  /** What must hold, as a sentence. */
  readonly rule: string;
  /** Where it is specified, or what makes it necessary. */
  readonly ref: string;
}

type RowOf = (rule: string, ref: string) => ReasonRow;

/** A row of each stage, by the stage's name: how tables of reasons are written. */
export const AT: Readonly<Record<Stage, RowOf>> = Object.fromEntries(STAGES.map((stage) => [stage, (rule: string, ref: string): ReasonRow => ({ stage, rule, ref })])) as Record<Stage, RowOf>;

/** Reason codes with their rows. Codes are stable: programs match on them. */
export type ReasonTable<C extends string = string> = Readonly<Record<C, ReasonRow>>;

/** One check that was done. Checks that nobody asked for are not in the list. */
export interface Check<C extends string = string> {
  readonly stage: Stage;
  /** The code of the reason that a failure of this check gives. */
  readonly reason: C;
  readonly ok: boolean;
}

/** The evidence holds. */
export interface Accepted<F> {
  readonly accepted: true;
  /** What the evidence states, now that it can be believed. */
  readonly facts: F;
  readonly checks: readonly Check[];
}

/** The evidence does not hold, and this is the first thing that is wrong with it. */
export interface Rejected<C extends string = string> {
  readonly accepted: false;
  readonly stage: Stage;
  readonly reason: C;
  readonly message: string;
  /** The field, certificate or file that is wrong: `snp.report.v3.policy.debug`, `ask`. */
  readonly path?: string;
  /** Byte offset in it. */
  readonly at?: number;
  /** The checks up to and including the one that failed. */
  readonly checks: readonly Check<C>[];
}
export type Verdict<F, C extends string = string> = Accepted<F> | Rejected<C>;

/** What is wrong, for a person, and where. */
export interface Detail {
  readonly message: string;
  readonly path?: string;
  readonly at?: number;
}

/** Leaves a verification at the first check that fails; never leaves this folder. */
class Rejection extends Error {
  readonly verdict: Rejected;

  constructor(verdict: Rejected) {
    super(verdict.message);
    this.verdict = verdict;
  }
}

/** A verification under way: keeps the list of checks, and ends at the first that fails. */
export class Appraisal<C extends string = string> {
  readonly #table: ReasonTable<C>;
  readonly #passes: Map<C, Check<C>>;
  readonly #checks = new Set<Check<C>>();

  /** @param table the rows of every code that is used @param passes made once per table with {@link passesOf}: most checks pass, and all passes look alike */
  constructor(table: ReasonTable<C>, passes: Map<C, Check<C>>) {
    this.#table = table;
    this.#passes = passes;
  }

  /** The checks done so far. */
  get checks(): readonly Check<C>[] {
    return [...this.#checks];
  }

  /** Ends the verification unless `holds`. @param detail what is wrong; only called when it is */
  check(reason: C, holds: boolean, detail: () => Detail): void {
    if (holds) this.pass(reason);
    else if (!isLeftOut(this.#table, reason)) this.fail(reason, detail());
  }

  /** Notes a check that held. */
  pass(reason: C): void {
    const pass = this.#passes.get(reason);
    // One line a rule, however many certificates or fields it was put to.
    if (pass) this.#checks.add(pass);
  }

  /**
   * What `read` returns. An error about the bytes ends the verification for `reason`, or for what `reason` makes of the error; any other
   * error is a defect of teemu and goes on.
   */
  attempt<T>(reason: C | ((error: TeemuError) => C), read: () => T): T {
    try {
      const value = read();
      if (typeof reason === 'string') this.pass(reason);
      return value;
    } catch (error) {
      if (!(error instanceof TeemuError)) throw error;
      const code = typeof reason === 'string' ? reason : reason(error);
      return this.fail(code, error instanceof CodecError ? { message: error.message, path: error.path, at: error.at } : { message: error.message });
    }
  }

  /** Takes over checks that were done before, for the same bytes. */
  adopt(checks: readonly Check<C>[]): void {
    for (const { reason, ok } of checks) if (ok) this.pass(reason);
  }

  /** Ends the verification. */
  fail(reason: C, { message, path, at }: Detail): never {
    const { stage } = this.#table[reason];
    const checks = [...this.#checks, { stage, reason, ok: false }];
    throw new Rejection({ accepted: false, stage, reason, message, ...(path === undefined ? {} : { path }), ...(at === undefined ? {} : { at }), checks });
  }
}

/** The check that each code of a table stands for, passed. */
export function passesOf<C extends string>(table: ReasonTable<C>): Map<C, Check<C>> {
  return new Map((Object.entries(table) as [C, ReasonRow][]).map(([reason, { stage }]) => [reason, { stage, reason, ok: true }]));
}

/** Runs a verification to its verdict. @param verify returns the facts; an {@link Appraisal} that fails in it gives the rejection */
export function judge<F, C extends string>(appraisal: Appraisal<C>, verify: (appraisal: Appraisal<C>) => F): Verdict<F, C> {
  try {
    return { accepted: true, facts: verify(appraisal), checks: appraisal.checks };
  } catch (error) {
    if (error instanceof Rejection) return error.verdict as Rejected<C>;
    throw error;
  }
}
