/**
 * TCB recovery events: each has a TCB evaluation data number, the same in TCB info and enclave identities. A relying party that asks for
 * `early` collateral gets the newest; `standard` lets a platform's owner have twelve months for the update.
 */

/** One TCB recovery event, with its dates as the collateral writes them. */
export interface TcbEvaluation {
  readonly number: number;
  /** When Intel first publishes the collateral: `early` from then on. */
  readonly recoveryEventDate: string;
  /** What the collateral calls the date of the TCB. */
  readonly tcbDate: string;
}

/** A date as TCB info and enclave identities write it: no milliseconds, always UTC. @param at milliseconds since 1970 */
export function pcsDate(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}

/** Midnight of a day, as the collateral writes it. @param day `YYYY-MM-DD` */
export function midnight(day: string): string {
  return `${day}T00:00:00Z`;
}

const event = (number: number, recoveryDay: string, tcbDay: string): TcbEvaluation => ({ number, recoveryEventDate: midnight(recoveryDay), tcbDate: midnight(tcbDay) });

/** Oldest first. 17 to 19: genuine tcbevaluationdatanumbers of 2025-05; 20: genuine TCB info of 2026-10, its recovery event the day before its date as for the others. */
export const TCB_EVALUATIONS: readonly [TcbEvaluation, ...TcbEvaluation[]] = [
  event(17, '2024-03-12', '2024-03-13'),
  event(18, '2024-11-12', '2024-11-13'),
  event(19, '2025-05-13', '2025-05-14'),
  event(20, '2025-08-12', '2025-08-13'),
];

/** How old a recovery event is before `standard` collateral follows it. */
const GRACE_MONTHS = 12;

function monthsAfter(text: string, months: number): number {
  const date = new Date(text);
  date.setUTCMonth(date.getUTCMonth() + months);
  return date.getTime();
}

const newest = (held: (evaluation: TcbEvaluation) => boolean): TcbEvaluation => TCB_EVALUATIONS.filter(held).at(-1) ?? TCB_EVALUATIONS[0];

/** What `update=early` serves: the newest event that has happened; the oldest in the table for a time before it. @param now milliseconds since 1970 */
export function earlyEvaluation(now: number): TcbEvaluation {
  return newest((e) => Date.parse(e.recoveryEventDate) <= now);
}

/** What `update=standard` serves: the newest event that is at least twelve months old. @param now milliseconds since 1970 */
export function standardEvaluation(now: number): TcbEvaluation {
  return newest((e) => monthsAfter(e.recoveryEventDate, GRACE_MONTHS) <= now);
}

/** Every evaluation that is served now, newest first: from early back to standard. Older ones are gone (410), newer ones unknown (404). @param now milliseconds since 1970 */
export function servedEvaluations(now: number): TcbEvaluation[] {
  const [early, standard] = [earlyEvaluation(now), standardEvaluation(now)];
  return TCB_EVALUATIONS.filter((e) => e.number >= standard.number && e.number <= early.number).reverse();
}
